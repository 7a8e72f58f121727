package change_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store/memory"
)

// cmdb is a source of states that tests set.
type cmdb struct {
	states  map[itsm.Ref]map[string]string
	pending []itsm.Ref
}

func (c *cmdb) States(_ context.Context, _ itsm.Tenant, items []itsm.Ref) (found []change.ItemState, err error) {
	for _, i := range items {
		if values, ok := c.states[i]; ok {
			copied := map[string]string{}
			maps.Copy(copied, values)
			found = append(found, change.ItemState{Item: i, Values: copied})
		}
	}
	return found, nil
}

func (c *cmdb) Pending(context.Context, itsm.Tenant, itsm.Ref, []itsm.Ref) ([]itsm.Ref, error) {
	return c.pending, nil
}

func TestImplementation(t *testing.T) {
	t.Parallel()
	t.Run("R-223 without a procedure there is nothing to begin, and each step has operator and check point", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateTesting, func(r *change.Raise) { r.Plan.Steps = nil })
		o.do(engineer, id, change.RecordTest{Ref: "t", Cases: 1})
		assert.Equal(t, []string{"itsm.required:steps"}, codes(o.refused(manager, id, change.RequestApproval{})))
		assert.Equal(t, []string{"itsm.required:steps[1].what", "itsm.required:steps[1].operator", "itsm.required:steps[1].check", "change.estimate:steps[1].estimate"},
			codes(o.refused(engineer, id, change.SetPlan{Plan: change.Plan{Steps: []change.Step{{}}}})))
	})
	t.Run("R-226 steps go in order; a deviation is recorded, and beyond the tolerance it stops the change", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateImplementing)
		assert.Equal(t, []string{"change.no_running"}, codes(o.refused(engineer, id, change.FinishStep{Passed: true})))
		o.do(engineer, id, change.BeginStep{})
		assert.Equal(t, []string{"change.step_runs"}, codes(o.refused(engineer, id, change.BeginStep{})))
		o.now = o.now.Add(15*time.Minute + time.Second) // planned 10, tolerance 5
		assert.Equal(t, []string{"itsm.required:deviation"}, codes(o.refused(engineer, id, change.FinishStep{Passed: true})))
		c := o.do(engineer, id, change.FinishStep{Passed: true, Deviation: "sessions hung"})
		assert.True(t, c.Work.Results[0].Beyond)
		assert.Equal(t, []string{"change.stopped"}, codes(o.refused(engineer, id, change.BeginStep{})))
		assert.Equal(t, []string{"change.not_decider"}, codes(o.refused(manager, id, change.AcceptDeviation{Nth: 1, Why: "w"})))
		o.do(director, id, change.AcceptDeviation{Nth: 1, Why: "there is time"})
		c = o.do(engineer, id, change.BeginStep{})
		assert.Equal(t, 2, c.Work.Begun)
		o.now = o.now.Add(time.Hour)
		o.do(engineer, id, change.FinishStep{Passed: true, Deviation: "a warning in the log"})
		o.step(id)
		assert.Equal(t, change.WithIssues, o.do(engineer, id, change.Succeed{}).Result)
	})
	t.Run("R-241 work begins in its window; overrunning warns, then asks for the decision, then fails the change", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateScheduled)
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start.Add(-time.Second)
		assert.Equal(t, []string{"change.outside_window"}, codes(o.refused(engineer, id, change.Start{})))
		o.now = window.Start
		c := o.do(engineer, id, change.Start{})
		assert.Equal(t, window.End.Add(-20*time.Minute), c.Work.Decide)
		o.step(id)
		c = o.do(engineer, id, change.BeginStep{})
		decide := window.End.Add(-65 * time.Minute) // 20 for the backout, 5 and 40 to undo
		require.Equal(t, decide, c.Work.Decide)

		o.now = decide.Add(-15 * time.Minute)
		assert.True(t, o.do(system, id, change.Tick{}).Work.Warned)
		o.now = decide
		c = o.do(system, id, change.Tick{})
		assert.True(t, c.Work.Passed)
		o.do(engineer, id, change.FinishStep{Passed: true, Deviation: "slow"})
		assert.Contains(t, codes(o.refused(engineer, id, change.BeginStep{})), "change.decide")
		assert.Equal(t, []string{"change.not_decider"}, codes(o.refused(engineer, id, change.GoOn{Why: "nearly there"})))
		o.do(director, id, change.GoOn{Why: "nearly there"})
		o.do(director, id, change.AcceptDeviation{Nth: 2, Why: "late but right"})
		o.do(engineer, id, change.BeginStep{})
		o.now = window.End
		c = o.do(system, id, change.Tick{})
		assert.True(t, c.Work.Overrun)
		assert.Equal(t, change.StateImplementing, c.State)
		o.do(engineer, id, change.FinishStep{Passed: true, Deviation: "slow"})
		assert.Contains(t, codes(o.refused(engineer, id, change.Succeed{})), "change.overrun")
		o.now = o.now.Add(15 * time.Minute)
		c = o.do(system, id, change.Tick{})
		assert.Equal(t, change.StateFailed, c.State)
		assert.True(t, c.Failure.Forced)
		var told []string
		for _, name := range o.journal(id) {
			switch name {
			case "change.decision_near", "change.decision_passed", "change.went_on", "change.overran", "change.failed":
				told = append(told, name)
			}
		}
		assert.Equal(t, []string{"change.decision_near", "change.decision_passed", "change.went_on", "change.overran", "change.failed"}, told)
	})
	t.Run("begun too late in its window, there would be no time to go back", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateScheduled)
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.End.Add(-2 * time.Hour)
		e := o.refused(engineer, id, change.Start{})
		require.Equal(t, []string{"change.too_late"}, codes(e))
		assert.Equal(t, "50m0s", e.Reasons[0].Arg("missing"))
	})
	t.Run("however late it is woken, the same things have happened", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateImplementing)
		o.now = window.End.Add(24 * time.Hour)
		c := o.do(system, id, change.Tick{})
		assert.Equal(t, change.StateFailed, c.State)
		tail := o.journal(id)
		assert.Equal(t, []string{"change.decision_near", "change.decision_passed", "change.overran", "change.failed"}, tail[len(tail)-4:])
	})
	t.Run("R-242 failed is left by backing out only; a partial result is a failure unless it was agreed on", func(t *testing.T) {
		t.Parallel()
		for _, typ := range change.Types() {
			p, err := change.NewProcess(nil, change.Config{})
			require.NoError(t, err)
			m := p.Machine(typ)
			assert.Equal(t, []change.Transition{change.DoBackOut}, m.Allowed(change.StateFailed), typ)
			assert.Equal(t, []change.Transition{change.DoRestore}, m.Allowed(change.StateBackingOut), typ)
			_, around := m.Path(change.StateFailed, change.StateClosed, change.StateBackedOut)
			assert.False(t, around, "no way around the backout")
		}
		o := open(t, change.Config{})
		id := o.at(change.StateImplementing, func(r *change.Raise) { r.Plan.Partial = []string{"database only"} })
		o.step(id)
		o.step(id)
		assert.Equal(t, []string{"change.steps_left"}, codes(o.refused(engineer, id, change.Succeed{})))
		assert.Equal(t, []string{"change.partial"}, codes(o.refused(engineer, id, change.Succeed{Partial: "application only"})))
		assert.Equal(t, change.WithIssues, o.do(engineer, id, change.Succeed{Partial: "database only"}).Result)
	})
	t.Run("R-224 who approves answers: a failed change has an entry for each approver and delegator, and they stay", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{Delegations: delegations{{ID: "D1", From: "b2", To: "deputy", Start: start.Add(-time.Hour), End: start.Add(240 * time.Hour)}}})
		id := o.at(change.StateAwaiting)
		o.do(manager, id, o.vote(id, approval.Approve))
		o.do(b1, id, o.vote(id, approval.Approve))
		forB2 := o.vote(id, approval.Approve)
		forB2.For = "b2"
		o.do(as("deputy", change.RoleBoard), id, forB2)
		require.Equal(t, change.StateApproved, o.get(id).State)
		o.advance(id, change.StateImplementing)
		c := o.do(engineer, id, change.Fail{Why: "schema check failed"})
		var people []string
		for _, a := range c.Accounts {
			people = append(people, fmt.Sprint(a.Person, "/", a.Capacity))
			assert.Equal(t, c.Approved.Content, a.Content)
			assert.Equal(t, o.now, a.Written)
		}
		assert.ElementsMatch(t, []string{"manager/member", "b1/member", "deputy/delegate", "b2/delegator"}, people)
		o.do(engineer, id, change.BackOut{})
		o.do(engineer, id, change.Restore{Verified: "ok"})
		o.do(engineer, id, change.Compare{})
		c = o.do(manager, id, change.WriteReview{Lessons: "test with real data"})
		assert.Len(t, c.Accounts, 4, "the review shows them")
		require.NoError(t, o.Verify(manager, id), "the journal holds them for ever")
	})
	t.Run("R-243 after the backout the items are set against those before; a difference that stays needs an incident", func(t *testing.T) {
		t.Parallel()
		items := &cmdb{states: map[itsm.Ref]map[string]string{item("emr-app"): {"version": "4.2.0", "port": "8080"}, item("emr-db"): {"schema": "420"}}}
		o := open(t, change.Config{Items: items})
		id := o.failed(change.StateBackedOut)
		items.states[item("emr-app")]["port"] = "8081"
		delete(items.states, item("emr-db"))
		c := o.do(engineer, id, change.Compare{})
		want := []change.Difference{{Item: item("emr-app"), Name: "port", Before: "8080", After: "8081"}, {Item: item("emr-db"), Before: "there"}}
		require.Equal(t, want, c.Comparison.Differences)
		items.states[item("emr-db")] = map[string]string{"schema": "420"} // put right
		c = o.do(engineer, id, change.Compare{})
		require.Equal(t, want[:1], c.Comparison.Differences)
		o.do(manager, id, change.WriteReview{Lessons: "l"})
		assert.Equal(t, []string{"change.unresolved"}, codes(o.refused(manager, id, change.Close{})))
		c = o.do(system, id, change.ReportDifference{Nth: 1, Incident: "INC-7"})
		assert.Equal(t, change.LinkInfo{To: itsm.Ref{Kind: "incident", ID: "INC-7"}, Relation: change.LeftOver}, c.Links[0])
		c = o.do(engineer, id, change.Compare{})
		assert.Equal(t, itsm.ID("INC-7"), c.Comparison.Differences[0].Incident, "what was reported stays so")
		assert.Equal(t, change.StateClosed, o.do(manager, id, change.Close{}).State)
	})
	t.Run("differences are those of a plain comparison", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			draw := func(name string) (states []change.ItemState) {
				for n := range 3 {
					if rapid.Bool().Draw(t, name) {
						states = append(states, change.ItemState{Item: item(itsm.ID(fmt.Sprint(n))), Values: rapid.MapOf(rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"1", "2"})).Draw(t, "values")})
					}
				}
				return states
			}
			before, after := draw("before"), draw("after")
			same := true
			for n := range 3 {
				var a, b map[string]string
				had, has := false, false
				for _, s := range before {
					if s.Item == item(itsm.ID(fmt.Sprint(n))) {
						a, had = s.Values, true
					}
				}
				for _, s := range after {
					if s.Item == item(itsm.ID(fmt.Sprint(n))) {
						b, has = s.Values, true
					}
				}
				same = same && had == has && fmt.Sprint(a) == fmt.Sprint(b)
			}
			found := change.Differences(before, after)
			require.Equal(t, same, len(found) == 0)
			require.Len(t, change.Differences(after, before), len(found), "it is symmetric")
		})
	})
}

type delegations approval.Delegations

func (d delegations) Delegations(context.Context, itsm.Tenant, time.Time) (approval.Delegations, error) {
	return approval.Delegations(d), nil
}

func TestAfterwards(t *testing.T) {
	t.Parallel()
	t.Run("R-244 each end has its result", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		assert.Equal(t, change.Successful, o.get(o.at(change.StateSucceeded)).Result)
		o = open(t, change.Config{})
		assert.Equal(t, change.FailedBack, o.get(o.failed(change.StateBackedOut)).Result)
		o = open(t, change.Config{})
		id := o.at(change.StateScheduled)
		assert.Equal(t, change.NotDone, o.do(manager, id, change.Cancel{Why: "the vendor withdrew it"}).Result)
		assert.Empty(t, o.get(o.at(change.StateImplementing, func(r *change.Raise) { r.Items = []itsm.Ref{item("y")} })).Result)
	})
	t.Run("R-245 a failed change is not closed without a review with lessons, by somebody else than who made it", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.failed(change.StateBackedOut)
		assert.ErrorIs(t, o.refused(manager, id, change.Close{Recorded: true}), itsm.ErrIllegalState)
		assert.Equal(t, []string{"itsm.required:lessons", "change.not_compared"}, codes(o.refused(manager, id, change.WriteReview{})))
		o.do(engineer, id, change.Compare{})
		assert.Equal(t, []string{"approval.separate"}, codes(o.refused(engineer, id, change.WriteReview{Lessons: "mine"})))
		c := o.do(manager, id, change.WriteReview{Lessons: "test with real data", Actions: []change.Action{{What: "new test set", Who: "engineer"}}})
		assert.Len(t, c.Accounts, len(c.Approved.Accounts))
		assert.Equal(t, itsm.Duration(60*time.Minute), c.Review.Actual, "actual beside planned")
		assert.Equal(t, itsm.Duration(100*time.Minute), c.Review.Planned)

		// A small one that went well needs none, and says so.
		o = open(t, change.Config{})
		id = o.raise()
		o.do(engineer, id, change.ScoreRisk{Answers: lowRisk})
		o.advance(id, change.StateSucceeded)
		o.do(manager, id, change.WriteReview{})
	})
	t.Run("R-246 closing asks for everything, and for each thing on its own", func(t *testing.T) {
		t.Parallel()
		problem := itsm.Ref{Kind: "problem", ID: "PRB-1"}
		// One bit for each condition: the change closes when none is open.
		for missing := range 1 << 3 {
			records, informed, tasks := missing&1 == 0, missing&2 == 0, missing&4 == 0
			items := &cmdb{}
			if !records {
				items.pending = []itsm.Ref{item("emr-app")}
			}
			o := open(t, change.Config{Items: items})
			id := o.at(change.StateInReview, func(r *change.Raise) {
				r.Causes = []itsm.Ref{problem}
				r.Plan.Tasks = []change.Task{{Name: "tidy up", Assignee: "second"}}
			})
			if informed {
				o.do(system, id, change.Inform{To: problem})
			}
			if tasks {
				o.do(engineer, id, change.FinishTask{Nth: 1})
			}
			if records && informed && tasks {
				assert.Equal(t, change.StateClosed, o.do(manager, id, change.Close{}).State)
				continue
			}
			var want []string
			for _, c := range []struct {
				ok   bool
				code string
			}{{records, "change.pending"}, {informed, "change.uninformed"}, {tasks, "change.open_tasks"}} {
				if !c.ok {
					want = append(want, c.code)
				}
			}
			assert.Equal(t, want, codes(o.refused(manager, id, change.Close{})))
		}
		o := open(t, change.Config{})
		id := o.at(change.StateInReview)
		assert.Equal(t, []string{"change.not_recorded"}, codes(o.refused(manager, id, change.Close{})))
	})
	t.Run("R-229 incidents that a change caused are linked and counted, with the minutes of impact", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateSucceeded)
		assert.Equal(t, []string{"itsm.choice:relation"}, codes(o.refused(manager, id, change.Link{To: itsm.Ref{Kind: "incident", ID: "INC-1"}, Relation: "friend"})))
		o.do(manager, id, change.Link{To: itsm.Ref{Kind: "incident", ID: "INC-1"}, Relation: change.CausedBy, Minutes: 25})
		c := o.do(manager, id, change.Link{To: itsm.Ref{Kind: "incident", ID: "INC-2"}, Relation: change.CausedBy, Minutes: 5})
		incidents, impact := c.Caused()
		assert.Equal(t, []int{2, 30}, []int{incidents, impact})
		assert.Len(t, c.Accounts, len(c.Approved.Accounts), "harm is accounted for, once")
		assert.Equal(t, []string{"change.linked_already"}, codes(o.refused(manager, id, change.Link{To: itsm.Ref{Kind: "incident", ID: "INC-2"}, Relation: change.CausedBy})))
	})
	t.Run("F-CHG-13 the review sets actual against planned and offers incidents within hours; success is counted by template, team and class", func(t *testing.T) {
		t.Parallel()
		near := &nearby{found: []itsm.Ref{{Kind: "incident", ID: "INC-3"}}}
		o := open(t, change.Config{Incidents: near})
		ok := o.at(change.StateInReview)
		c := o.get(ok)
		assert.Equal(t, near.found, c.Review.Suspected)
		assert.Equal(t, c.Work.Ended.Add(72*time.Hour), near.until)
		assert.Equal(t, c.Review.Planned, c.Review.Actual)
		o.now = start
		bad := o.failed(change.StateBackedOut, func(r *change.Raise) { r.Items = []itsm.Ref{item("other")}; r.Plan.Implementer = "engineer" })
		var all []change.Change
		for _, id := range []itsm.ID{ok, bad} {
			all = append(all, o.get(id))
		}
		year := change.Span{Start: start.AddDate(-1, 0, 0), End: start.AddDate(1, 0, 0)}
		figures := change.Measure(each(all), year, change.ByTeam)
		require.Len(t, figures, 1)
		rate, known := figures[0].SuccessRate()
		assert.True(t, known)
		assert.InDelta(t, 0.5, rate, 0)
		assert.Equal(t, []int{2, 1, 1}, []int{figures[0].Implemented, figures[0].Successful, figures[0].BackedOut})
		assert.Len(t, change.Measure(each(all), year, change.ByItem), 3)
		assert.Empty(t, change.Measure(each(all), year, change.ByTemplate))
		assert.Equal(t, "2026-03", change.Measure(each(all), year, change.ByMonth(time.UTC))[0].Key)
		assert.Empty(t, change.Measure(each(all), change.Span{}, change.ByType))
	})
	t.Run("INV-05 a failed change is backed out before it is closed, in every history", func(t *testing.T) {
		t.Parallel()
		failed, closed := 0, 0
		for round := 0; round < 20 && failed == 0; round++ {
			rapid.Check(t, func(rt *rapid.T) {
				o := open(t, change.Config{})
				id := o.at(change.StateImplementing)
				back := false
				for range 14 {
					o.now = o.now.Add(time.Duration(rapid.IntRange(0, 50).Draw(rt, "minutes")) * time.Minute)
					cmd := rapid.SampledFrom([]itsm.Command{change.BeginStep{}, change.FinishStep{Passed: true, Deviation: "d"}, change.FinishStep{Deviation: "d"}, change.Succeed{}, change.Fail{Why: "w"},
						change.BackOut{}, change.BackOut{}, change.Restore{Verified: "v"}, change.Compare{}, change.WriteReview{Lessons: "l"}, change.Close{Recorded: true}, change.Tick{}, change.Cancel{Why: "w"}, change.Rework{Why: "w"}}).Draw(rt, "command")
					who := rapid.SampledFrom([]ctx{engineer, manager, system}).Draw(rt, "who")
					before := o.get(id).State
					_, _ = o.Do(who, id, cmd)
					c := o.get(id)
					if before == change.StateFailed && c.State != before && c.State != change.StateBackingOut {
						rt.Fatalf("from failed to %s", c.State)
					}
					back = back || c.State == change.StateBackedOut
					if c.State == change.StateClosed {
						closed++
						if c.Failure != nil && (!back || c.Result != change.FailedBack || c.Failure.BackAt.IsZero()) {
							rt.Fatal("closed without having been backed out")
						}
					}
					if c.Failure != nil {
						failed++
					}
				}
			})
		}
		require.Positive(t, failed, "the histories get that far")
	})
}

func each(all []change.Change) func(func(change.Change) bool) {
	return func(yield func(change.Change) bool) {
		for _, c := range all {
			if !yield(c) {
				return
			}
		}
	}
}

type nearby struct {
	found []itsm.Ref
	until time.Time
}

func (n *nearby) Between(_ context.Context, _ itsm.Tenant, _ []itsm.Ref, _, until time.Time) ([]itsm.Ref, error) {
	n.until = until
	return n.found, nil
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	t.Run("R-227 a change starts as a draft and ends closed after its review, rejected or cancelled, on every path", func(t *testing.T) {
		t.Parallel()
		p, err := change.NewProcess(nil, change.Config{})
		require.NoError(t, err)
		for _, typ := range change.Types() {
			m := p.Machine(typ)
			assert.Equal(t, []change.State{change.StateDraft}, m.Start())
			for _, s := range m.States() {
				assert.Equal(t, s == change.StateClosed || s == change.StateRejected || s == change.StateCancelled, m.IsEnd(s), s)
			}
			for _, through := range []change.State{change.StateApproved, change.StateImplementing, change.StateInReview} {
				_, around := m.Path(change.StateDraft, change.StateClosed, through)
				assert.False(t, around, "closed without %s", through)
			}
		}
	})
	t.Run("F-CHG-1 variants are taken when they are sound, and refused by the name of the rule that they break", func(t *testing.T) {
		t.Parallel()
		for law, edit := range map[string]func(*change.Table){
			"failed_backs_out": func(s *change.Table) {
				s.Transitions = append(s.Transitions, lifecycle.Transition[change.State, change.Transition]{Event: "fix_forward", From: []change.State{change.StateFailed}, To: change.StateImplementing})
			},
			"approved_first": func(s *change.Table) {
				s.Transitions = append(s.Transitions, lifecycle.Transition[change.State, change.Transition]{Event: change.DoImplement, From: []change.State{change.StateTesting}, To: change.StateImplementing})
			},
			"review_before_close": func(s *change.Table) {
				s.Transitions = append(s.Transitions, lifecycle.Transition[change.State, change.Transition]{Event: change.DoClose, From: []change.State{change.StateSucceeded}, To: change.StateClosed})
			},
			"implementing_ends": func(s *change.Table) {
				s.Transitions = append(s.Transitions, lifecycle.Transition[change.State, change.Transition]{Event: change.DoCancel, From: []change.State{change.StateImplementing}, To: change.StateCancelled})
			},
			"tested_before_approval": func(s *change.Table) {
				s.Transitions = append(s.Transitions, lifecycle.Transition[change.State, change.Transition]{Event: change.DoAsk, From: []change.State{change.StateAssessing}, To: change.StateAwaiting})
			},
		} {
			table := change.NormalTable()
			edit(&table)
			_, err := change.NewProcess(nil, change.Config{Tables: map[change.Type]change.Table{change.TypeNormal: table}})
			var spec *lifecycle.SpecError
			require.ErrorAs(t, err, &spec, law)
			assert.True(t, spec.Breaks(law), "%s: %v", law, err)
		}
		table := change.NormalTable()
		table.States = append(table.States, lifecycle.StateRow[change.State]{Name: "procuring", Phase: lifecycle.PhaseWaiting})
		table.Transitions = append(table.Transitions,
			lifecycle.Transition[change.State, change.Transition]{Event: "procure", From: []change.State{change.StateBuilding}, To: "procuring"},
			lifecycle.Transition[change.State, change.Transition]{Event: "delivered", From: []change.State{"procuring"}, To: change.StateBuilding})
		_, err := change.NewProcess(nil, change.Config{Tables: map[change.Type]change.Table{change.TypeNormal: table}})
		assert.NoError(t, err)
	})
}

func TestFreezes(t *testing.T) {
	t.Parallel()
	frozen := func(rule change.InFlight) *change.Hours {
		f := change.AroundDays("exam", "Asia/Shanghai", calendar.MustDate("2026-03-08"), calendar.MustDate("2026-03-08"), 0)
		f.InFlight = rule
		return hours(t, change.HoursData{Freezes: []change.FreezeData{f}})
	}
	t.Run("a frozen change is not scheduled unless somebody who may lets it pass", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{Hours: frozen("")})
		id := o.at(change.StateApproved)
		e := o.refused(manager, id, change.Schedule{})
		require.Equal(t, []string{"change.conflict"}, codes(e))
		key := o.get(id).Conflicts[0].Key()
		assert.Equal(t, []string{"change.waiver_role"}, codes(o.refused(manager, id, change.Waive{Key: key, Why: "w"})))
		o.do(leader, id, change.Waive{Key: key, Why: "the hospital director wants it"})
		o.do(manager, id, change.Schedule{})
	})
	t.Run("F-CHG-11 a freeze that is published later stops nothing by itself: it lists whom it hits, and is applied by command as it says", func(t *testing.T) {
		t.Parallel()
		before := hours(t, change.HoursData{})
		for _, c := range []struct {
			rule  change.InFlight
			state change.State // when it is imposed
			want  change.State
		}{
			{change.FinishTheChange, change.StateScheduled, change.StateAssessing}, {change.FinishTheChange, change.StateImplementing, change.StateImplementing},
			{change.FinishTheStep, change.StateImplementing, change.StateImplementing}, {change.GoBack, change.StateImplementing, change.StateFailed},
		} {
			db := memory.New()
			o := openOn(t, db, change.Config{Hours: before})
			id := o.at(c.state)
			later := openOn(t, db, change.Config{Hours: frozen(c.rule)})
			later.now = o.now
			hit := frozen(c.rule).AffectedBy(each([]change.Change{o.get(id)}), func(*change.Change) []string { return nil })
			require.Equal(t, []change.ConflictKind{change.InFreeze}, kinds(hit[id]))
			if c.state == change.StateScheduled {
				// Nothing is rewritten: it was approved under the hours before, and may begin.
				ok := openOn(t, db, change.Config{Hours: frozen(c.rule)})
				ok.do(manager, id, change.Announce{To: []string{"wards"}})
				require.Equal(t, before.Version(), ok.get(id).Approved.Hours)
			}
			got := later.do(system, id, change.Impose{Freeze: "exam"})
			assert.Equal(t, c.want, got.State, "%s in %s", c.rule, c.state)
			if c.rule == change.FinishTheStep {
				assert.Equal(t, []string{"change.halted"}, codes(later.refused(engineer, id, change.BeginStep{})))
			}
		}
		o := open(t, change.Config{Hours: frozen("")})
		id := o.at(change.StateApproved)
		assert.Equal(t, []string{"change.no_freeze"}, codes(o.refused(system, id, change.Impose{Freeze: "other"})))
	})
	t.Run("a change that was approved before a freeze was published begins in it", func(t *testing.T) {
		t.Parallel()
		db := memory.New()
		o := openOn(t, db, change.Config{Hours: hours(t, change.HoursData{})})
		id := o.at(change.StateScheduled)
		later := openOn(t, db, change.Config{Hours: frozen("")})
		later.do(manager, id, change.Announce{To: []string{"wards"}})
		later.now = window.Start
		later.do(engineer, id, change.Start{})
	})
}
