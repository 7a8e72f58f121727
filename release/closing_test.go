package release_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// site is a configuration: which units are on which items.
type site map[release.Undo]bool

func (s site) put(u release.Undo)  { s[u] = true }
func (s site) take(u release.Undo) { delete(s, u) }

// drawDeployment draws a plan of units with dependencies on several targets, and a prefix of a deployment that keeps to them.
func drawDeployment(t *rapid.T, reversible bool) (release.Plan, []release.Applied) {
	var p release.Plan
	names := []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(1, 5).Draw(t, "units")]
	for i, n := range names {
		u := release.Unit{Key: n}
		for _, m := range names[:i] {
			if rapid.Bool().Draw(t, "needs") {
				u.After = append(u.After, m)
			}
		}
		u.NoReturn = !reversible && rapid.IntRange(0, 2).Draw(t, "no return") == 0
		p.Units = append(p.Units, u)
	}
	w := release.Wave{Key: "w"}
	for _, ci := range []string{"x", "y", "z"}[:rapid.IntRange(1, 3).Draw(t, "targets")] {
		target := release.Target{CI: ci}
		for _, n := range names {
			if rapid.IntRange(0, 2).Draw(t, "gets") > 0 {
				target.Units = append(target.Units, n)
			}
		}
		w.Targets = append(w.Targets, target)
	}
	p.Waves = []release.Wave{w}
	var applied []release.Applied
	for range rapid.IntRange(0, 12).Draw(t, "steps") {
		var possible []release.Applied
		for _, target := range w.Targets {
			for _, n := range target.Units {
				s := release.Applied{CI: target.CI, Unit: n}
				if !slices.Contains(applied, s) && len(missing(&p, s, applied)) == 0 {
					possible = append(possible, s)
				}
			}
		}
		if len(possible) == 0 {
			break
		}
		applied = append(applied, rapid.SampledFrom(possible).Draw(t, "next"))
	}
	return p, applied
}

// missing lists what a step needs and is not there, by the definition: on the target itself, or wherever the unit goes.
func missing(p *release.Plan, s release.Applied, have []release.Applied) (gone []release.Applied) {
	for _, need := range p.Unit(s.Unit).After {
		var on []string
		for _, target := range p.Waves[0].Targets {
			if slices.Contains(target.Units, need) {
				if target.CI == s.CI {
					on = []string{s.CI}
					break
				}
				on = append(on, target.CI)
			}
		}
		for _, ci := range on {
			if n := (release.Applied{CI: ci, Unit: need}); !slices.Contains(have, n) {
				gone = append(gone, n)
			}
		}
	}
	return gone
}

func TestRollback(t *testing.T) {
	t.Parallel()
	t.Run("F-REL-5 any part of a reversible deployment, rolled back, is the starting configuration, and nothing loses its footing on the way", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			p, applied := drawDeployment(t, true)
			undo, kept := p.WayBack(applied)
			assert.Empty(t, kept)
			now, left := site{}, slices.Clone(applied)
			for _, a := range applied {
				now.put(release.Undo{CI: a.CI, Unit: a.Unit})
			}
			for _, u := range undo {
				now.take(u)
				left = slices.DeleteFunc(left, func(a release.Applied) bool { return a.CI == u.CI && a.Unit == u.Unit })
				for _, a := range left {
					assert.Empty(t, missing(&p, a, left), "%v after %v was undone", a, u)
				}
			}
			assert.Empty(t, now)
			assert.Len(t, undo, len(applied), "each once")
		})
	})
	t.Run("F-REL-5 points of no return stay, with everything that they need and nothing else", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			p, applied := drawDeployment(t, false)
			undo, kept := p.WayBack(applied)
			var stay []release.Applied
			for _, k := range kept {
				stay = append(stay, release.Applied{CI: k.CI, Unit: k.Unit})
				assert.Equal(t, p.Unit(k.Unit).NoReturn, k.Point)
			}
			assert.Len(t, append(slices.Clone(stay), make([]release.Applied, len(undo))...), len(applied), "undone or kept")
			for _, a := range stay {
				assert.Empty(t, missing(&p, a, stay))
			}
			// The least such set: the closure of the points under what they need.
			least := map[release.Applied]bool{}
			var add func(a release.Applied)
			add = func(a release.Applied) {
				if !least[a] {
					least[a] = true
					for _, n := range missing(&p, a, nil) {
						add(n)
					}
				}
			}
			for _, a := range applied {
				if p.Unit(a.Unit).NoReturn {
					add(a)
				}
			}
			assert.Len(t, stay, len(least))
		})
	})
	t.Run("F-REL-5 the way back goes step by step in its order, and takes the CMDB along", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeployed)
		rec := d.do(manager, id, release.RollBack{Why: "settlements fail"})
		want := []release.Undo{{CI: "if-2", Unit: "adapter"}, {CI: "if-1", Unit: "adapter"}, {CI: "db-1", Unit: "tables"}}
		assert.Equal(t, want, rec.Rollback.Left)
		assert.Equal(t, []string{"release.undo_order:db-1"}, codes(d.refused(engineer, id, release.UndoStep{Undo: want[2], Evidence: "e"})))
		assert.Equal(t, []string{"release.undo_left"}, codes(d.refused(manager, id, release.FinishRollback{})))
		for _, u := range want {
			d.do(engineer, id, release.UndoStep{Undo: u, Evidence: "e"})
		}
		rec = d.do(manager, id, release.FinishRollback{})
		assert.Equal(t, release.StateRolledBack, rec.State)
		assert.Empty(t, rec.Applied)
		assert.Equal(t, want, d.world.restored)
		rec = d.do(manager, id, report)
		assert.Equal(t, release.StateReported, rec.State)
	})
	t.Run("F-REL-5 what stays is named and must be accepted; forward fix is the other way", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.reach(d.draft(irreversible()), release.StateDeploying)
		d.pilot(id)
		refused := d.refused(manager, id, release.RollBack{Why: "w"})
		assert.ErrorContains(t, refused, "tables on db-1")
		rec := d.do(manager, id, release.RollBack{Why: "w", Partly: true})
		assert.Equal(t, []release.Undo{{CI: "if-1", Unit: "adapter"}}, rec.Rollback.Left)
		assert.Equal(t, []release.Kept{{CI: "db-1", Unit: "tables", Point: true}}, rec.Rollback.Kept)
		d.do(engineer, id, release.UndoStep{Undo: rec.Rollback.Left[0], Evidence: "e"})
		_, err := d.Service.Service.Do(manager, id, release.FinishRollback{})
		require.ErrorContains(t, err, "one unit of work", "the CMDB has to learn what stays")
		rec = d.do(manager, id, release.FinishRollback{})
		assert.True(t, rec.PartlyLive())
		require.Len(t, d.world.updates, 1)
		assert.Equal(t, "tables", d.world.updates[0].Unit)
	})
}

func TestAcceptance(t *testing.T) {
	t.Parallel()
	t.Run("R-218 business and operations accept; a rejection leads back or forward, by decision", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateAccepting)
		no := judged(release.Reject)
		assert.Equal(t, []string{"itsm.required:remarks"}, codes(d.refused(owner, id, release.JudgeBusiness{Judgement: no})))
		no.Remarks = "inpatients fail"
		assert.Equal(t, release.StateRejected, d.do(owner, id, release.JudgeBusiness{Judgement: no}).State)
		fix := release.FixForward{Why: "one line", By: itsm.Ref{Kind: "change", ID: "CHG-2"}}
		assert.Equal(t, []string{"itsm.required:by"}, codes(d.refused(manager, id, release.FixForward{Why: "w"})))
		rec := d.do(manager, id, fix)
		assert.Equal(t, release.StateAccepting, rec.State)
		assert.Empty(t, rec.Rounds[1].Verdicts, "both sides are asked anew")
		d.do(owner, id, release.JudgeBusiness{Judgement: no})
		assert.Equal(t, release.StateRollingBack, d.do(manager, id, release.RollBack{Why: "again"}).State)
	})
	t.Run("F-REL-7 the sides speak separately, on every criterion; accepted with conditions is not accepted", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateAccepting)
		assert.Equal(t, []string{"itsm.required:criteria.settles"}, codes(d.refused(owner, id, release.JudgeBusiness{Judgement: release.Judgement{Answer: release.Accept}})))
		unmet := judged(release.Accept)
		unmet.Criteria = []release.CriterionResult{{Key: "settles", Evidence: "one failed"}}
		assert.Equal(t, []string{"release.criterion:settles"}, codes(d.refused(owner, id, release.JudgeBusiness{Judgement: unmet})))
		remarks := judged(release.WithRemarks)
		assert.Equal(t, []string{"release.no_conditions"}, codes(d.refused(owner, id, release.JudgeBusiness{Judgement: remarks})))
		remarks.Conditions = []release.Condition{{Text: "print the refunds", Due: d.now.Add(48 * time.Hour)}}
		d.do(owner, id, release.JudgeBusiness{Judgement: remarks})
		d.refused(owner2, id, release.JudgeOperations{Judgement: judged(release.Accept)}) // has no part in operations
		rec := d.do(agent, id, release.JudgeOperations{Judgement: judged(release.Accept)})
		assert.Equal(t, release.StateAccepting, rec.State, "a condition is open")
		d.now = d.now.Add(48 * time.Hour)
		rec = d.do(system, id, release.Tick{})
		assert.Equal(t, release.StateAccepting, rec.State, "being late is no state")
		assert.Equal(t, []string{"condition.1.business.1"}, rec.Overdue)
		rec = d.do(manager, id, release.MeetCondition{Side: release.Business, Nth: 1, Evidence: "refund slip"})
		assert.Equal(t, release.StateAccepted, rec.State)
		d.refused(manager, id, release.MeetCondition{Side: release.Business, Nth: 1, Evidence: "again"})
	})
	t.Run("F-REL-7 nobody speaks for both sides", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateAccepting)
		both := as("owner", itsm.RoleUser, itsm.RoleServiceDesk)
		d.do(both, id, release.JudgeBusiness{Judgement: judged(release.Accept)})
		assert.Contains(t, codes(d.refused(both, id, release.JudgeOperations{Judgement: judged(release.Accept)})), "release.both_sides")
	})
	t.Run("S-020 the plan holds criteria of acceptance, and a result stands against each", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		p := plan()
		p.Criteria = nil
		id := d.draft(p)
		assert.Equal(t, []string{"itsm.required:criteria"}, codes(d.refused(manager, id, release.OpenConsultation{})))
		rec := d.get(d.at(release.StateAccepted))
		made := rec.NewReport(release.Filing{})
		assert.Equal(t, []release.CriterionResult{{Key: "settles", Met: true, Evidence: "twelve settlements"}}, made.Criteria)
	})
	t.Run("R-219 the report is complete only when all is filled in", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateAccepted)
		assert.Equal(t, []string{"release.observing"}, codes(d.refused(manager, id, report)))
		d.now = d.get(id).Observed
		assert.Equal(t, []string{"itsm.required:analysis", "itsm.required:lessons", "itsm.required:shared", "itsm.required:exit"}, codes(d.refused(manager, id, release.FileReport{})))
		rec := d.do(manager, id, report)
		made := rec.NewReport(*rec.Report)
		assert.Empty(t, made.Missing(1))
		assert.Equal(t, release.Window{From: hours(240 * time.Hour), To: hours(248 * time.Hour)}, made.Planned)
		assert.Equal(t, release.Window{From: hours(240 * time.Hour), To: hours(244 * time.Hour)}, made.Actual)
		assert.Len(t, made.Targets, 3)
		assert.Equal(t, 40, made.Test.Cases)
		assert.Len(t, made.Verdicts, 2)
		// Each part that is taken out again is missed.
		for field, spoil := range map[string]func(r *release.Report){
			"planned": func(r *release.Report) { r.Planned = release.Window{} }, "actual": func(r *release.Report) { r.Actual.To = time.Time{} }, "targets": func(r *release.Report) { r.Targets = nil },
			"test": func(r *release.Report) { r.Test = nil }, "baseline": func(r *release.Report) { r.Baseline = itsm.Ref{} }, "after": func(r *release.Report) { r.After = itsm.Ref{} }, "compared": func(r *release.Report) { r.Compared = time.Time{} },
			"acceptance": func(r *release.Report) { r.Verdicts = r.Verdicts[:1] }, "lessons": func(r *release.Report) { r.Filing.Lessons = " " },
		} {
			spoilt := made
			spoil(&spoilt)
			assert.Equal(t, []string{field}, spoilt.Missing(1))
		}
	})
	t.Run("F-REL-8 baselines before and after stand by reference; a difference from the target is explained before the release closes", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.reach(d.at(release.StateDeployed), release.StateAccepted)
		d.do(keeper, id, release.Compare{Deviations: []release.Deviation{{CI: "if-1", Attribute: "heap", Want: "4g", Got: "8g"}}})
		d.now = d.get(id).Observed
		assert.Equal(t, []string{"itsm.required:deviates.if-1.heap"}, codes(d.refused(manager, id, report)))
		d.do(keeper, id, release.Explain{Nth: 1, Because: "raised by CHG-7 the day before"})
		rec := d.do(manager, id, report)
		assert.Equal(t, baseline.Ref, rec.Baseline.Ref)
		assert.Equal(t, baseline.Ref, rec.After.Ref)
	})
	t.Run("F-REL-8 without a baseline after the deployment the release does not close", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeployed)
		d.refused(keeper, id, release.Compare{})
		d.do(manager, id, release.Present{})
		d.reach(id, release.StateAccepted)
		d.now = d.get(id).Observed
		assert.Equal(t, []string{"itsm.required:after", "itsm.required:compared"}, codes(d.refused(manager, id, report)))
	})
	t.Run("F-REL-2 only some targets live is a fact of a completed deployment, told with its reason", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		assert.Equal(t, []string{"release.nothing_live"}, codes(d.refused(manager, id, release.Complete{Partly: "w"})))
		d.pilot(id)
		assert.Equal(t, []string{"release.waves_open"}, codes(d.refused(manager, id, release.Complete{})))
		rec := d.do(manager, id, release.Complete{Partly: "the second interface is repaired"})
		assert.Equal(t, release.StateDeployed, rec.State)
		assert.True(t, rec.PartlyLive())
		require.Len(t, d.world.updates, 2)
		assert.Equal(t, release.StateAccepted, d.get(d.reach(id, release.StateAccepted)).State)
	})
}

func TestVariants(t *testing.T) {
	t.Parallel()
	t.Run("F-REL-2 a host may add states, but not leave out a signature, a test, the CMDB, acceptance or the report", func(t *testing.T) {
		t.Parallel()
		for event, c := range map[release.Transition]struct {
			from release.State
			law  string
		}{
			release.DoStartTest: {release.StateConsulting, "signed_before_test"}, release.DoDeploy: {release.StateTesting, "tested_before_live"}, release.DoAccept: {release.StateDeployed, "accepted_or_back"},
			release.DoReport: {release.StateReady, "report_when_over"}, release.DoCancel: {release.StateDeploying, "cancelled_before_live"},
		} {
			table := release.NormalTable()
			for i := range table.Transitions {
				if table.Transitions[i].Event == event {
					table.Transitions[i].From = append(table.Transitions[i].From, c.from)
				}
			}
			_, err := release.NewProcess(nil, release.Config{Lifecycle: &table})
			assert.ErrorContains(t, err, c.law)
		}
	})
}
