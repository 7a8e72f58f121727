package change_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	t.Run("R-230 what is missing is named for each stage, all of it at once", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.do(asker, "", change.Raise{}).ID
		e := o.refused(asker, id, change.Submit{})
		assert.Equal(t, []string{"itsm.required:title", "itsm.required:reason", "itsm.required:description", "itsm.required:category", "itsm.required:items",
			"itsm.required:services", "itsm.required:benefit", "itsm.required:urgency", "itsm.required:hazard", "itsm.required:window", "itsm.required:if_not_done"}, codes(e))
		assert.Contains(t, e.In(itsm.Chinese), "缺少 hazard")
		assert.Equal(t, itsm.PersonID("asker"), o.get(id).Requester)

		id = o.at(change.StateTesting, func(r *change.Raise) { r.Plan = nil })
		assert.Equal(t, []string{"itsm.required:implementer", "itsm.required:steps", "itsm.required:test_plan", "itsm.required:backout.steps", "itsm.required:backout.decider",
			"itsm.required:backout.duration", "itsm.required:backout.trigger", "itsm.required:backout.verify", "change.no_test"}, codes(o.refused(manager, id, change.RequestApproval{})))
	})
	t.Run("R-231 rules suggest the type and a person confirms it; another one needs a reason", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			name  string
			risk  map[string]string
			edit  func(*change.Raise)
			want  change.Type
			scale change.Scale
		}{
			{"low risk is minor", lowRisk, func(*change.Raise) {}, change.TypeNormal, change.Minor},
			{"high risk is major", highRisk, func(*change.Raise) {}, change.TypeNormal, change.Major},
			{"many departments are major", lowRisk, func(r *change.Raise) { r.Departments = strings.Split("a b c d e", " ") }, change.TypeNormal, change.Major},
			{"an emergency that is urgent", lowRisk, func(r *change.Raise) { r.Type, r.Urgency = change.TypeEmergency, change.UrgencyNow }, change.TypeEmergency, ""},
			{"an emergency that is not urgent is none", lowRisk, func(r *change.Raise) { r.Type = change.TypeEmergency }, change.TypeNormal, change.Minor},
		} {
			o := open(t, change.Config{})
			id := o.raise(c.edit)
			o.do(asker, id, change.Submit{})
			o.do(engineer, id, change.ScoreRisk{Answers: c.risk})
			got := o.do(manager, id, change.Classify{})
			assert.Equal(t, []any{c.want, c.scale, c.want}, []any{got.Type, got.Scale, got.Suggested}, c.name)
		}
		o := open(t, change.Config{})
		id := o.at(change.StateSubmitted)
		o.do(engineer, id, change.ScoreRisk{Answers: lowRisk})
		assert.Equal(t, []string{"itsm.reason_missing"}, codes(o.refused(manager, id, change.Classify{Type: change.TypeNormal, Scale: change.Major})))
		got := o.do(manager, id, change.Classify{Type: change.TypeNormal, Scale: change.Major}, itsm.Because("first of its kind"))
		assert.Equal(t, change.Major, got.Scale)
		assert.Equal(t, "first of its kind", got.Deviation)
		assert.Equal(t, []string{"itsm.choice:category"}, codes(o.refused(asker, "", change.Raise{Request: change.Request{Category: "soul"}})))
	})
	t.Run("R-232 numbers of requests are unique however many are raised at once, and stay", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		var mu sync.Mutex
		seen := map[itsm.ID]bool{}
		var wg sync.WaitGroup
		for range 24 {
			wg.Go(func() {
				c, err := o.Do(asker, "", change.Raise{Request: request()})
				mu.Lock()
				defer mu.Unlock()
				assert.NoError(t, err)
				seen[c.ID] = true
			})
		}
		wg.Wait()
		assert.Len(t, seen, 24)
		for id := range seen {
			assert.True(t, strings.HasPrefix(string(id), "CHG-20260307-"), id)
			assert.Equal(t, []string{"change.requested"}, o.journal(id), "it stands in the change log")
		}
	})
	t.Run("R-046 a software change goes through the whole machine", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateClosed)
		require.Equal(t, change.Software, o.get(id).Category)
		var steps []string
		for _, name := range o.journal(id) {
			switch name {
			case "change.submitted", "change.classified", "change.assessment_begun", "change.build_begun", "change.test_begun", "change.approval_asked", "change.approved",
				"change.scheduled", "change.started", "change.succeeded", "change.reviewed", "change.closed":
				steps = append(steps, strings.TrimPrefix(name, "change."))
			}
		}
		assert.Equal(t, "submitted classified assessment_begun build_begun test_begun approval_asked approved scheduled started succeeded reviewed closed", strings.Join(steps, " "))
	})
	t.Run("S-017 a change keeps the version of the policy that it began under", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.raise()
		next := change.DefaultPolicy()
		next.Version = "2"
		later := openOn(t, o.db, change.Config{Policy: &next})
		later.do(asker, id, change.Submit{})
		assert.Equal(t, "1", later.get(id).Policy)
		assert.Equal(t, "2", later.get(later.raise()).Policy)
		next.Version, next.Types, next.FreezeConsent = "", nil, approval.Rule{}
		err := next.Check()
		for _, part := range []string{"version is empty", "the last type rule has no condition", "freeze_consent"} {
			assert.ErrorContains(t, err, part)
		}
	})
	t.Run("S-018 a change of major impact is marked for design and transition", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		large := func(r *change.Raise) { r.Services = []string{"emr", "lis", "pacs"} }
		id := o.raise(large)
		o.do(asker, id, change.Submit{})
		o.do(engineer, id, change.ScoreRisk{Answers: highRisk})
		assert.True(t, o.do(manager, id, change.Classify{}).Project)
		id = o.at(change.StateClassified, large)
		assert.False(t, o.get(id).Project, "at medium risk it is not")
	})
}

func TestAssessment(t *testing.T) {
	t.Parallel()
	t.Run("R-233 one assessment is not enough, and one person does not give both, not through a stand-in either", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateAssessing)
		assert.Equal(t, []string{"change.not_assessed", "change.not_assessed"}, codes(o.refused(engineer, id, change.BeginBuild{})))
		o.do(engineer, id, assess(change.OfIT))
		assert.Equal(t, []string{"change.not_assessed"}, codes(o.refused(engineer, id, change.BeginBuild{})))
		assert.Equal(t, []string{"change.same_assessor"}, codes(o.refused(engineer, id, assess(change.OfBusiness))))
		standIn := itsm.WithActor(t.Context(), itsm.Actor{ID: "x", OnBehalfOf: "engineer", Tenant: "h1", Roles: []itsm.Role{change.RoleBusinessOwner}})
		assert.Equal(t, []string{"change.same_assessor"}, codes(o.refused(standIn, id, assess(change.OfBusiness))))
		against := assess(change.OfBusiness)
		against.Agrees = false
		o.do(owner, id, against)
		assert.Equal(t, []string{"change.disagrees"}, codes(o.refused(engineer, id, change.BeginBuild{})))
		o.do(owner, id, assess(change.OfBusiness))
		assert.Equal(t, change.StateBuilding, o.do(engineer, id, change.BeginBuild{}).State)
	})
	t.Run("S-019 each assessment weighs its heads: those that are missing are named; interested parties know the dates before the work", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateAssessing)
		bare := change.Assess{Kind: change.OfIT, Agrees: true, Conclusion: "fine"}
		assert.Equal(t, []string{"itsm.required:heads.risk", "itsm.required:heads.feasibility", "itsm.required:heads.capacity", "itsm.required:heads.availability",
			"itsm.required:heads.continuity", "itsm.required:heads.security", "itsm.required:heads.other_changes"}, codes(o.refused(engineer, id, bare)))
		id = o.at(change.StateScheduled, func(r *change.Raise) { r.Departments = []string{"icu", "wards"}; r.Items = []itsm.Ref{item("x")} })
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start
		e := o.refused(engineer, id, change.Start{})
		require.Equal(t, []string{"change.unannounced"}, codes(e))
		assert.Equal(t, "icu", e.Reasons[0].Arg("departments"))
	})
	t.Run("R-235 build and test come before approval", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateBuilding)
		assert.Equal(t, []string{"change.no_build"}, codes(o.refused(engineer, id, change.BeginTest{})))
		assert.ErrorIs(t, o.refused(manager, id, change.RequestApproval{}), itsm.ErrIllegalState)
	})
	t.Run("R-047 without a test record, or with one that failed, approval cannot be asked for", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateTesting)
		assert.Equal(t, []string{"change.no_test"}, codes(o.refused(manager, id, change.RequestApproval{})))
		assert.Equal(t, []string{"change.cases"}, codes(o.refused(engineer, id, change.RecordTest{Ref: "t"})))
		o.do(engineer, id, change.RecordTest{Ref: "test-1", Cases: 40, Failed: 2})
		assert.Equal(t, []string{"change.test_failed"}, codes(o.refused(manager, id, change.RequestApproval{})))
		o.do(engineer, id, change.RecordTest{Ref: "test-2", Cases: 40})
		c := o.do(manager, id, change.RequestApproval{})
		assert.Equal(t, change.StateAwaiting, c.State)
		assert.Equal(t, itsm.PersonID("engineer"), c.Tests[1].By)
	})
	t.Run("S-065 from a level of risk on the backout must have been tried", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateTesting)
		o.do(engineer, id, change.RecordTest{Ref: "test-1", Cases: 40})
		o.do(manager, id, change.RaiseRisk{Risk: change.RiskHigh, Why: "the vendor is new"})
		assert.Equal(t, []string{"change.no_rehearsal"}, codes(o.refused(manager, id, change.RequestApproval{})))
		o.do(engineer, id, change.RecordRehearsal{Ref: "drill-3"})
		o.do(manager, id, change.RequestApproval{})
	})
	t.Run("a backout that does not fit the window is not put to a vote", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateTesting, func(r *change.Raise) { r.Window.End = r.Window.Start.Add(100*time.Minute + 69*time.Minute) })
		o.do(engineer, id, change.RecordTest{Ref: "test-1", Cases: 40})
		e := o.refused(manager, id, change.RequestApproval{})
		require.Equal(t, []string{"change.no_fit"}, codes(e))
		assert.Equal(t, []string{"3", "1m0s"}, []string{e.Reasons[0].Arg("step"), e.Reasons[0].Arg("missing")})
		r := o.get(id).Request
		r.Window.Reserve = itsm.Minute
		o.do(asker, id, change.Describe{Request: r})
		c := o.do(manager, id, change.RequestApproval{})
		assert.Equal(t, c.Window.Closes().Add(-70*time.Minute), c.Backout.Latest, "the latest decision is computed")
	})
}

func TestApproval(t *testing.T) {
	t.Parallel()
	t.Run("R-222 who approves is a matter of type and risk, as data", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			risk map[string]string
			plan string
		}{{lowRisk, "minor_change"}, {mediumRisk, "normal_change"}, {highRisk, "major_change"}} {
			o := open(t, change.Config{})
			id := o.raise()
			o.do(engineer, id, change.ScoreRisk{Answers: c.risk})
			o.advance(id, change.StateAwaiting)
			assert.Equal(t, c.plan, o.get(id).Ballot.Plan.Name)
		}
	})
	t.Run("R-238 change manager and board approve both, with quorum, abstention and conflict of interest", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateAwaiting)
		o.do(b1, id, o.vote(id, approval.Approve))
		o.do(b2, id, o.vote(id, approval.Approve))
		o.do(b3, id, change.Recuse{Recusal: approval.Recusal{Why: "wrote the patch"}})
		assert.Equal(t, change.StateAwaiting, o.get(id).State, "without the manager it is open")
		assert.Equal(t, change.StateApproved, o.do(manager, id, o.vote(id, approval.Approve)).State)

		id = o.at(change.StateAwaiting)
		o.do(manager, id, o.vote(id, approval.Approve))
		abstain := o.vote(id, approval.Abstain)
		o.do(b1, id, abstain)
		assert.Equal(t, change.StateAwaiting, o.get(id).State, "an abstention makes no majority")
		o.do(b2, id, o.vote(id, approval.Approve))
		if o.get(id).State == change.StateAwaiting {
			o.do(b3, id, o.vote(id, approval.Approve))
		}
		assert.Equal(t, change.StateApproved, o.get(id).State)

		id = o.at(change.StateAwaiting)
		o.do(manager, id, o.vote(id, approval.Reject))
		assert.Equal(t, change.StateRejected, o.get(id).State)
	})
	t.Run("R-240 a verdict on the four items is needed, and an edit of any of them voids the approval", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateAwaiting)
		bare := o.vote(id, approval.Approve)
		bare.Findings = bare.Findings[:2]
		assert.Equal(t, []string{"approval.item_missing", "approval.item_missing"}, codes(o.refused(manager, id, bare)))
		for name, edit := range map[string]func(*change.Change) itsm.Command{
			"impact: items": func(c *change.Change) itsm.Command {
				c.Items = append(c.Items, item("lis"))
				return change.Describe{Request: c.Request}
			},
			"impact: departments": func(c *change.Change) itsm.Command { c.Departments = nil; return change.Describe{Request: c.Request} },
			"impact: risk":        func(c *change.Change) itsm.Command { return change.RaiseRisk{Risk: change.RiskHigh, Why: "w"} },
			"plan: window": func(c *change.Change) itsm.Command {
				c.Window.End = c.Window.End.Add(time.Minute)
				return change.Describe{Request: c.Request}
			},
			"plan: steps": func(c *change.Change) itsm.Command {
				c.Steps[1].Check = "schema 422"
				return change.SetPlan{Plan: c.Plan}
			},
			"implementer": func(c *change.Change) itsm.Command { c.Implementer = "second"; return change.SetPlan{Plan: c.Plan} },
			"backout":     func(c *change.Change) itsm.Command { c.Backout.Decider = "leader"; return change.SetPlan{Plan: c.Plan} },
		} {
			for _, state := range []change.State{change.StateAwaiting, change.StateApproved, change.StateScheduled} {
				o := open(t, change.Config{})
				id := o.at(state)
				c := o.get(id)
				after := o.do(manager, id, edit(&c))
				assert.Equal(t, approval.Voided, after.Ballot.Outcome, name)
				assert.Nil(t, after.Approved, name)
				assert.Equal(t, change.StateAssessing, after.State, name)
			}
		}
		o = open(t, change.Config{})
		id = o.at(change.StateScheduled)
		c := o.get(id)
		c.Benefit = "said better"
		after := o.do(asker, id, change.Describe{Request: c.Request})
		assert.Equal(t, change.StateScheduled, after.State, "an immaterial edit leaves it alone")
		assert.NotNil(t, after.Approved)
	})
	t.Run("R-239 approval comes before the work, and neither can be dated back", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateScheduled)
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		approved := o.get(id).Approved.At
		importer := as("engineer", itsm.RoleImporter)
		o.now = window.Start
		e := o.refused(importer, id, change.Start{}, itsm.HappenedAt(approved.Add(-time.Minute)))
		assert.Contains(t, codes(e), "approval.too_early")
		c := o.do(engineer, id, change.Start{})
		assert.True(t, c.Work.Started.After(c.Approved.At))

		id = o.at(change.StateAwaiting, func(r *change.Raise) {
			r.Items = []itsm.Ref{item("z")}
			r.Window.Start = o.now.Add(48 * time.Hour)
			r.Window.End = o.now.Add(53 * time.Hour)
		})
		back := as("manager", itsm.RoleImporter)
		assert.Contains(t, codes(o.refused(back, id, o.vote(id, approval.Approve), itsm.HappenedAt(o.now.Add(-time.Second)))), "approval.backdated")
	})
	t.Run("S-063 need, plan, review and approval come before the implementation", func(t *testing.T) {
		t.Parallel()
		for _, state := range []change.State{change.StateDraft, change.StateSubmitted, change.StateClassified, change.StateAssessing, change.StateBuilding, change.StateTesting, change.StateAwaiting, change.StateApproved} {
			o := open(t, change.Config{})
			id := o.at(state)
			o.now = window.Start
			assert.ErrorIs(t, o.refused(engineer, id, change.Start{}), itsm.ErrIllegalState, state)
		}
	})
	t.Run("S-064 every declaration and every vote stands in the journal with who and when", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateApproved)
		people := map[itsm.PersonID]int{}
		for ev, err := range o.Events(manager, id) {
			require.NoError(t, err)
			require.False(t, ev.At.IsZero())
			if ev.Type == "change.balloted" {
				people[ev.Actor]++
			}
		}
		for _, p := range []itsm.PersonID{"manager", "b1", "b2"} {
			assert.NotZero(t, people[p], p)
		}
	})
	t.Run("R-237 who does the work does not approve it, and tasks are done in their order", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{Board: board{itsm.RoleChangeManager: {"engineer", "manager"}, change.RoleBoard: {"b1", "b2", "second"}}})
		id := o.at(change.StateAwaiting, func(r *change.Raise) {
			r.Plan.Steps[2].Operator = "second"
			r.Plan.Tasks = []change.Task{{Name: "snapshot", Assignee: "engineer", Before: true}, {Name: "tell the vendor", Assignee: "second", After: []int{1}}}
		})
		b := o.get(id).Ballot
		var asked []itsm.PersonID
		for _, m := range b.Members {
			asked = append(asked, m.Person)
		}
		assert.Equal(t, []itsm.PersonID{"b1", "b2", "manager"}, asked, "implementer and operators are not asked")
		hand := as("engineer", itsm.RoleChangeManager)
		assert.Equal(t, []string{"approval.kept_out"}, codes(o.refused(hand, id, o.vote(id, approval.Approve))))

		assert.Equal(t, []string{"change.task_first"}, codes(o.refused(second, id, change.FinishTask{Nth: 2})))
		o.approve(id)
		o.do(manager, id, change.Schedule{})
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start
		assert.Equal(t, []string{"change.open_tasks"}, codes(o.refused(engineer, id, change.Start{})))
		o.do(engineer, id, change.FinishTask{Nth: 1})
		o.do(second, id, change.FinishTask{Nth: 2})
		assert.Equal(t, []string{"change.not_doer"}, codes(o.refused(as("stranger", itsm.RoleSoftwareEngineer), id, change.Start{})))
		o.do(engineer, id, change.Start{})

		_, err := o.Do(asker, "", change.Raise{Request: request(), Plan: &change.Plan{Tasks: []change.Task{{Name: "a", Assignee: "x", After: []int{2}}, {Name: "b", Assignee: "x"}}}})
		assert.ErrorContains(t, err, "task 1 comes after task 2")
	})
	t.Run("an implementer who is not qualified does not begin", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{Skills: unskilled{"engineer"}})
		id := o.at(change.StateScheduled)
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start
		assert.Equal(t, []string{"change.unqualified"}, codes(o.refused(engineer, id, change.Start{})))
	})
	t.Run("an expired vote is opened again, and an approved change that was not edited need not be voted on again", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.at(change.StateAwaiting, func(r *change.Raise) {
			r.Window.Start, r.Window.End = r.Window.Start.Add(240*time.Hour), r.Window.End.Add(240*time.Hour)
		})
		wake := o.get(id).Ballot.Due
		o.now = wake
		c := o.do(system, id, change.Tick{})
		assert.Equal(t, approval.Expired, c.Ballot.Outcome)
		assert.Equal(t, change.StateAwaiting, c.State)
		c = o.do(manager, id, change.RequestApproval{})
		assert.Equal(t, 2, c.Ballot.Round)
		o.approve(id)
		o.do(manager, id, change.Rework{Why: "look again"})
		o.do(engineer, id, change.BeginBuild{})
		o.do(engineer, id, change.BeginTest{})
		assert.Equal(t, change.StateApproved, o.do(manager, id, change.RequestApproval{}).State)
	})
}

type unskilled []itsm.PersonID

func (u unskilled) Qualified(_ ctx, _ itsm.Tenant, person itsm.PersonID, _ change.Category, _ time.Time) (bool, error) {
	return !strings.Contains(fmt.Sprint(u), string(person)), nil
}
