package release_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	t.Run("R-205 an open mandatory item, technical or not, blocks go-live; its owner is named", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		p := plan()
		p.Readiness = append(p.Readiness, release.Ready{Key: "drill", Kind: release.NonTechnical, Text: "by hand", Owner: "owner", Optional: true})
		id := d.reach(d.draft(p), release.StateTestPassed)
		d.do(keeper, id, release.TakeBaseline{Baseline: &baseline})
		refused := d.refused(manager, id, release.MakeReady{})
		assert.Equal(t, []string{"release.not_prepared:backup", "release.not_prepared:leaflet"}, codes(refused))
		assert.Equal(t, "dba", refused.Reasons[0].Arg("owner"))
		d.do(engineer, id, release.Prepare{Key: "backup", Evidence: "e"})
		d.do(engineer, id, release.Prepare{Key: "leaflet", Evidence: "e"})
		d.do(manager, id, release.MakeReady{})
	})
	t.Run("R-202 no deployment without a baseline of every item", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateTestPassed)
		d.do(engineer, id, release.Prepare{Key: "backup", Evidence: "e"})
		d.do(engineer, id, release.Prepare{Key: "leaflet", Evidence: "e"})
		assert.Equal(t, []string{"release.no_baseline:db-1, if-1, if-2"}, codes(d.refused(manager, id, release.MakeReady{})))
		part := baseline
		part.CIs = []string{"db-1"}
		assert.Equal(t, []string{"release.baseline_lacks:if-1", "release.baseline_lacks:if-2"}, codes(d.refused(keeper, id, release.TakeBaseline{Baseline: &part})))
		d.do(keeper, id, release.TakeBaseline{Baseline: &baseline})
		d.do(manager, id, release.MakeReady{})
	})
	t.Run("F-REL-5 what cannot be undone is accepted before, for this plan, by somebody else than who planned it", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.reach(d.draft(irreversible()), release.StateTestPassed)
		d.do(engineer, id, release.Prepare{Key: "backup", Evidence: "e"})
		d.do(engineer, id, release.Prepare{Key: "leaflet", Evidence: "e"})
		d.do(keeper, id, release.TakeBaseline{Baseline: &baseline})
		assert.Equal(t, []string{"release.no_consent:tables"}, codes(d.refused(manager, id, release.MakeReady{})))
		d.refused(manager, id, release.AcceptNoReturn{Unit: "tables"}) // the coordinator
		d.refused(owner, id, release.AcceptNoReturn{Unit: "adapter"})  // is no such point
		d.do(owner, id, release.AcceptNoReturn{Unit: "tables"})
		d.do(manager, id, release.MakeReady{})
	})
}

func TestDistribution(t *testing.T) {
	t.Parallel()
	t.Run("R-216 package, deliver, install and operate in this order, on each target", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		first := release.Distribute{CI: "db-1", Step: release.StepPackage, Files: measured("schema")}
		assert.Equal(t, []string{"release.wave_closed:db-1"}, codes(d.refused(engineer, id, first)))
		d.do(manager, id, release.StartWave{Wave: "pilot"})
		steps := release.Distributions()
		for i := range steps {
			for k, s := range steps {
				c := release.Distribute{CI: "db-1", Step: s, Files: measured("schema")}
				if s == release.StepInstall {
					c.Unit = "tables"
				}
				if k != i {
					assert.Equal(t, []string{"release.step_order:db-1"}, codes(d.refused(engineer, id, c)), "%s instead of %s", s, steps[i])
				}
			}
			c := release.Distribute{CI: "db-1", Step: steps[i], Files: measured("schema")}
			if steps[i] == release.StepInstall {
				c.Unit = "tables"
			}
			d.do(engineer, id, c)
		}
		rec := d.get(id)
		assert.True(t, rec.Targets[0].Done())
		d.refused(engineer, id, first)
		d.refused(engineer, id, release.Distribute{CI: "nowhere", Step: release.StepPackage})
	})
	t.Run("R-201 progress is told per target, and the stop criterion of a wave halts the rest", func(t *testing.T) {
		t.Parallel()
		for _, stop := range []int{0, 1, 2} {
			d := open(t, release.Config{})
			p := plan()
			p.Waves[0].Stop = stop
			id := d.reach(d.draft(p), release.StateDeploying)
			d.do(manager, id, release.StartWave{Wave: "pilot"})
			rec := d.do(engineer, id, release.FailTarget{CI: "db-1", Why: "disk is full"})
			if stop < 2 {
				assert.Equal(t, release.StateHalted, rec.State)
				assert.Equal(t, "pilot", rec.Halt.Wave)
				assert.Equal(t, []string{"itsm.illegal_state"}, codes(d.refused(engineer, id, release.Distribute{CI: "if-1", Step: release.StepPackage, Files: measured("war")})), "the rest stands still")
				d.do(manager, id, release.Continue{Why: "disk was added"})
			} else {
				assert.Equal(t, release.StateDeploying, rec.State)
			}
			w := rec.Plan.Wave("pilot")
			assert.Equal(t, release.WaveCount{Failed: 1, Open: 1, Need: 2}, rec.Count(w))
			d.do(engineer, id, release.RetryTarget{CI: "db-1", Why: "disk was added"})
			d.distribute(id, "db-1", "tables", "schema")
			rec = d.get(id)
			assert.Equal(t, release.WaveCount{Done: 1, Open: 1, Need: 2}, rec.Count(w))
			assert.Equal(t, 1, rec.Targets[0].Retries)
		}
	})
	t.Run("R-217 a file that is not the manifest's stops the target and leaves the event of the incident", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		d.do(manager, id, release.StartWave{Wave: "pilot"})
		bad := measured("schema")
		bad[0].Digest[0] ^= 1
		rec := d.do(engineer, id, release.Distribute{CI: "db-1", Step: release.StepPackage, Files: bad})
		assert.Equal(t, release.StateHalted, rec.State)
		assert.Equal(t, "digest", rec.Targets[0].Failed.Mismatches[0].What)
		assert.Contains(t, d.journal(id), "release.integrity_failed")
		assert.Empty(t, rec.Applied)
	})
	t.Run("INV-22 a flipped byte of any file at any step is detected there", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			manifest := release.Manifest{}
			keys, found := []string{}, []release.Measured{}
			files := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 64), 1, 5).Draw(rt, "files")
			for i, content := range files {
				key := fmt.Sprint("f", i)
				m, err := release.Measure(key, bytes.NewReader(content))
				require.NoError(rt, err)
				keys, found = append(keys, key), append(found, m)
				manifest = append(manifest, release.File{Key: key, Digest: m.Digest, Size: m.Size})
			}
			assert.Empty(rt, release.VerifyIntegrity(manifest, keys, found))
			i := rapid.IntRange(0, len(files)-1).Draw(rt, "file")
			changed := slices.Clone(files[i])
			switch rapid.IntRange(0, 2).Draw(rt, "harm") {
			case 0:
				changed[rapid.IntRange(0, len(changed)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			case 1:
				changed = changed[:len(changed)-1]
			default:
				changed = append(changed, 0)
			}
			found[i], _ = release.Measure(keys[i], bytes.NewReader(changed))
			bad := release.VerifyIntegrity(manifest, keys, found)
			require.Len(rt, bad, 1)
			assert.Equal(rt, keys[i], bad[0].Key)
			assert.NotEqual(rt, manifest[i].Digest, bad[0].Got)
			assert.Equal(rt, "missing", release.VerifyIntegrity(manifest, keys, slices.Delete(slices.Clone(found), i, i+1))[0].What)
			assert.NotEmpty(rt, release.VerifyIntegrity(manifest, keys, append(found, found[0])))
		})
		// And through the process, at each step.
		d := open(t, release.Config{})
		for i, at := range release.Distributions() {
			d.now = start
			id := d.at(release.StateDeploying)
			d.do(manager, id, release.StartWave{Wave: "pilot"})
			for k, s := range release.Distributions()[:i+1] {
				content := slices.Clone(contents["schema"])
				if k == i {
					content[7] ^= 4
				}
				m, _ := release.Measure("schema", bytes.NewReader(content))
				c := release.Distribute{CI: "db-1", Step: s, Files: []release.Measured{m}}
				if s == release.StepInstall {
					c.Unit = "tables"
				}
				d.do(engineer, id, c)
			}
			rec := d.get(id)
			require.NotNil(t, rec.Targets[0].Failed, at)
			assert.Equal(t, at, rec.Targets[0].Failed.Step)
			d.refused(manager, id, release.Complete{}) // and frees the target for the next round
			d.do(manager, id, release.RollBack{Why: "w"})
			if i >= 3 {
				d.do(engineer, id, release.UndoStep{Undo: release.Undo{CI: "db-1", Unit: "tables"}, Evidence: "e"})
			}
			d.do(manager, id, release.FinishRollback{})
		}
	})
	t.Run("a unit waits for what it needs on other targets", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		d.do(manager, id, release.StartWave{Wave: "pilot"})
		for _, s := range []release.Distribution{release.StepPackage, release.StepDeliver} {
			d.do(engineer, id, release.Distribute{CI: "if-1", Step: s, Files: measured("war")})
		}
		install := release.Distribute{CI: "if-1", Step: release.StepInstall, Unit: "adapter", Files: measured("war")}
		refused := d.refused(engineer, id, install)
		assert.Equal(t, []string{"release.needs:db-1"}, codes(refused))
		d.distribute(id, "db-1", "tables", "schema")
		d.do(engineer, id, install)
	})
}

func TestWaves(t *testing.T) {
	t.Parallel()
	t.Run("F-REL-1 waves go in their order, each within its window, with time left for the way back", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		assert.Equal(t, []string{"release.waves_before:rest", "release.gates:trial (unknown)", "release.outside_window:rest"}, codes(d.refused(manager, id, release.StartWave{Wave: "rest"})))
		d.now = hours(244*time.Hour - 39*time.Minute) // 30 minutes there and 10 back
		assert.Equal(t, []string{"release.too_late:pilot"}, codes(d.refused(manager, id, release.StartWave{Wave: "pilot"})))
	})
	t.Run("F-REL-4 promotion: enough successes, optional targets and skipped waves; people and automatic starts alike", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			w := release.Wave{Key: "w", Need: rapid.IntRange(0, 3).Draw(rt, "need"), Skip: rapid.Bool().Draw(rt, "skippable")}
			rec := release.Release{Waves: []release.WaveProgress{{Key: "w"}}}
			if rapid.Bool().Draw(rt, "started") {
				rec.Waves[0].Started = start
			} else if rapid.Bool().Draw(rt, "skipped") {
				rec.Waves[0].Skipped = "why"
			}
			done, required := 0, true
			for i := range 3 {
				target := release.Target{CI: fmt.Sprint(i), Optional: rapid.Bool().Draw(rt, "optional")}
				p := release.Progress{CI: target.CI}
				if rapid.Bool().Draw(rt, "done") {
					p.Step = release.StepOperate
					done++
				} else if !target.Optional {
					required = false
				}
				w.Targets, rec.Targets = append(w.Targets, target), append(rec.Targets, p)
			}
			// The rule, said once more.
			want := rec.Waves[0].Skipped != "" && w.Skip || !rec.Waves[0].Started.IsZero() && (w.Need > 0 && done >= w.Need || w.Need == 0 && required)
			assert.Equal(rt, want, rec.Passed(&w))
		})
		policy := auto()
		d := open(t, release.Config{Policy: &policy})
		id := d.at(release.StateDeploying)
		rec := d.do(system, id, release.Tick{})
		assert.False(t, rec.Waves[0].Started.IsZero(), "its window is open")
		d.distribute(id, "db-1", "tables", "schema")
		d.distribute(id, "if-1", "adapter", "war")
		d.now = hours(244 * time.Hour)
		rec = d.do(system, id, release.Tick{})
		assert.True(t, rec.Waves[1].Started.IsZero(), "an unknown gate is no pass for automatic starts either")
		assert.Contains(t, rec.Overdue, "wave.rest", "and is told once")
		assert.Equal(t, len(d.journal(id)), func() int { d.do(system, id, release.Tick{}); return len(d.journal(id)) }())
		d.do(engineer, id, judge(rec, 0))
		assert.False(t, d.do(system, id, release.Tick{}).Waves[1].Started.IsZero())
	})
	t.Run("F-REL-3 a gate has three values, and its evidence is bound to manifest and environment", func(t *testing.T) {
		t.Parallel()
		g := release.Gate{Limits: []release.Limit{{Measure: "a", Bound: release.AtMost, Value: 1}, {Measure: "b", Bound: release.AtLeast, Value: 2}}}
		for _, c := range []struct {
			readings []release.Reading
			want     release.Answer
		}{
			{nil, release.Unknown}, {[]release.Reading{{Measure: "a", Value: 1}}, release.Unknown}, {[]release.Reading{{Measure: "a", Value: 1}, {Measure: "b", Value: 2}}, release.Passed},
			{[]release.Reading{{Measure: "a", Value: 1.1}}, release.Failed}, {[]release.Reading{{Measure: "b", Value: 1}, {Measure: "c", Value: 1}}, release.Failed},
		} {
			assert.Equal(t, c.want, g.Judge(c.readings), c.readings)
		}
		assert.Equal(t, release.ReactHalt, g.Reaction(release.Failed))
		assert.Equal(t, release.ReactWait, g.Reaction(release.Unknown))

		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		d.pilot(id)
		d.now = hours(244 * time.Hour)
		unknown := judge(d.get(id), 0)
		unknown.Readings = nil
		assert.Equal(t, release.StateDeploying, d.do(engineer, id, unknown).State)
		assert.Equal(t, []string{"release.gates:trial (unknown)"}, codes(d.refused(manager, id, release.StartWave{Wave: "rest"})))
		old := judge(d.get(id), 0)
		old.Manifest, old.Environment = digest("old build"), digest("old environment")
		assert.Equal(t, []string{"release.other_manifest", "release.other_test_environment"}, codes(d.refused(engineer, id, old)))
		word := judge(d.get(id), 0)
		word.Answer = release.Passed
		assert.Equal(t, []string{"release.judged_by_limits"}, codes(d.refused(engineer, id, word)))
		rec := d.do(engineer, id, judge(d.get(id), 1))
		assert.Equal(t, release.StateHalted, rec.State, "the reaction to a failure")
		assert.Equal(t, []string{"release.gates:trial (failed)"}, codes(d.refused(manager, id, release.Continue{Why: "never mind"})))
		d.do(engineer, id, judge(rec, 0))
		d.do(manager, id, release.Continue{Why: "repeated"})
		d.do(manager, id, release.StartWave{Wave: "rest"})
	})
	t.Run("F-REL-3 a gate that is to roll back does so", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		p := plan()
		p.Gates[0].OnFailed = release.ReactRollBack
		id := d.reach(d.draft(p), release.StateDeploying)
		d.pilot(id)
		rec := d.do(engineer, id, judge(d.get(id), 3))
		assert.Equal(t, release.StateRollingBack, rec.State)
		assert.Equal(t, []release.Undo{{CI: "if-1", Unit: "adapter"}, {CI: "db-1", Unit: "tables"}}, rec.Rollback.Left)
	})
	t.Run("F-REL-9 a second release on a target is refused, waits its turn, or takes over with its own waves and gates", func(t *testing.T) {
		t.Parallel()
		for _, how := range []release.Takeover{release.TakeRefuse, release.TakeQueue, release.TakeOver} {
			policy := release.DefaultPolicy()
			policy.Takeover = how
			d := open(t, release.Config{Policy: &policy})
			first, second := d.at(release.StateReady), d.at(release.StateReady)
			d.now = hours(240 * time.Hour)
			d.do(manager, first, release.Deploy{})
			d.pilot(first)
			switch how {
			case release.TakeRefuse:
				assert.Equal(t, []string{"release.busy"}, codes(d.refused(manager, second, release.Deploy{})))
			case release.TakeQueue:
				rec := d.do(manager, second, release.Deploy{})
				assert.Equal(t, release.StateReady, rec.State)
				assert.Equal(t, []itsm.ID{first}, rec.Waiting.Behind)
				d.rest(first)
				d.do(manager, first, release.Complete{})
				d.now = hours(240 * time.Hour)
				assert.Equal(t, release.StateDeploying, d.do(manager, second, release.Deploy{}).State)
			case release.TakeOver:
				rec := d.do(manager, second, release.Deploy{})
				assert.Equal(t, []itsm.ID{first}, rec.Took)
				old := d.get(first)
				assert.Equal(t, release.StateHalted, old.State)
				assert.Equal(t, second, old.Heir)
				assert.Equal(t, []string{"release.yielded"}, codes(d.refused(manager, first, release.Continue{Why: "w"})))
				d.now = hours(244 * time.Hour)
				assert.Contains(t, codes(d.refused(manager, second, release.StartWave{Wave: "rest"})), "release.gates:trial (unknown)", "no gate is inherited")
				d.do(manager, first, release.Complete{Partly: "the new one took over"})
			}
		}
	})
	t.Run("F-REL-9 of two releases that start on one target at the same time one wins", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		ids := []itsm.ID{d.at(release.StateReady), d.at(release.StateReady), d.at(release.StateReady)}
		d.now = hours(240 * time.Hour)
		errs := make(chan error, len(ids))
		for _, id := range ids {
			go func() {
				_, err := d.Do(manager, id, release.Deploy{})
				errs <- err
			}()
		}
		won := 0
		for range ids {
			if err := <-errs; err == nil {
				won++
			} else {
				assert.ErrorIs(t, err, itsm.ErrRefused)
			}
		}
		assert.Equal(t, 1, won)
	})
}

func TestCMDB(t *testing.T) {
	t.Parallel()
	t.Run("R-207 deployment and CMDB are one: when the CMDB cannot be written, the release stays deploying", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		d.pilot(id)
		d.rest(id)
		before := d.get(id)
		d.world.fail = errors.New("CMDB is down")
		_, err := d.Do(manager, id, release.Complete{})
		require.ErrorContains(t, err, "CMDB is down")
		assert.Equal(t, before, d.get(id))
		assert.Equal(t, release.StateDeploying, before.State)
		d.world.fail = nil
		rec := d.do(manager, id, release.Complete{})
		assert.Equal(t, release.StateDeployed, rec.State)
		assert.Equal(t, rec.Updates(), d.world.updates)
		assert.Equal(t, []string{"tables 3.2 on db-1", "adapter 3.2 on if-1", "adapter 3.2 on if-2"}, func() (all []string) {
			for _, u := range d.world.updates {
				all = append(all, u.Unit+" "+u.Version+" on "+u.CI)
			}
			return all
		}())
	})
	t.Run("R-207 a commit that fails or whose answer is lost leaves both or neither", func(t *testing.T) {
		t.Parallel()
		for _, after := range []bool{false, true} {
			db := itsmtest.NewFaultyDB(memory.New())
			d := over(t, db, release.Config{})
			// The CMDB of this test is a second release record in the same store: its write joins the unit of work.
			var cmdb itsm.ID
			d.world.check = func(ctx context.Context, rel itsm.Ref) error {
				rec, err := d.Service.Get(ctx, rel.ID)
				if err != nil || !rec.Authorises("db-1") || rec.Authorises("elsewhere") {
					return fmt.Errorf("not authorised: %w", err)
				}
				_, err = d.Service.Do(ctx, cmdb, release.Revise{Plan: release.Plan{Title: "v3.2", Type: release.TypeMinor}})
				return err
			}
			cmdb = d.draft(release.Plan{Title: "v3.1", Type: release.TypeMinor})
			id := d.at(release.StateDeploying)
			d.pilot(id)
			d.rest(id)
			lost := errors.New("lost")
			if after {
				db.FailAfter(1, lost)
			} else {
				db.FailBefore(1, lost)
			}
			_, err := d.Do(manager, id, release.Complete{}, itsm.Once("complete-1"))
			require.ErrorIs(t, err, lost)
			assert.Equal(t, after, d.get(id).State == release.StateDeployed)
			assert.Equal(t, after, d.get(cmdb).Plan.Title == "v3.2", "both or neither")
			d.do(manager, id, release.Complete{}, itsm.Once("complete-1")) // given again
			assert.Equal(t, release.StateDeployed, d.get(id).State)
			assert.Equal(t, "v3.2", d.get(cmdb).Plan.Title)
			rec := d.get(id)
			assert.False(t, rec.Authorises("db-1"), "and then no more")
		}
	})
	t.Run("the CMDB may plan what is signed, write while it is deployed, and knows how it ended", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.draft(plan())
		want := map[release.State]release.Standing{release.StateConsulting: release.Unauthorised, release.StateSignedOff: release.Approved, release.StateReady: release.Approved,
			release.StateDeploying: release.Underway, release.StateDeployed: release.Done, release.StateReported: release.Done}
		for _, s := range mainLine {
			rec := d.get(d.reach(id, s.state))
			if w, ok := want[s.state]; ok {
				assert.Equal(t, w, rec.Standing("db-1"), s.state)
			}
			assert.Equal(t, release.Unauthorised, rec.Standing("elsewhere"))
			assert.Equal(t, rec.Standing("db-1") == release.Underway, rec.Authorises("db-1"))
		}
		gone := d.do(manager, d.draft(plan()), release.Cancel{Why: "w"})
		assert.Equal(t, release.Withdrawn, gone.Standing("db-1"))
	})
	t.Run("R-207 over a store without units of work nothing is completed", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateDeploying)
		d.pilot(id)
		d.rest(id)
		_, err := d.Service.Service.Do(manager, id, release.Complete{})
		require.ErrorContains(t, err, "one unit of work")
	})
	t.Run("INV-21 what can go live has approved changes, and one digest in test, manifest and library", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		ready := d.get(d.at(release.StateReady))
		p, err := release.NewProcess(nil, (&world{}).config(release.Config{}))
		require.NoError(t, err)
		rapid.Check(t, func(rt *rapid.T) {
			rec := ready
			rec.Tests = slices.Clone(rec.Tests)
			facts := release.Facts{Changes: []release.Change{{ID: "CHG-1", Approved: rapid.Bool().Draw(rt, "approved"), Digest: rapid.SampledFrom([]itsm.Digest{digest("CHG-1"), digest("x")}).Draw(rt, "content")}}}
			facts.Library = measured("schema", "war")
			if rapid.Bool().Draw(rt, "library") {
				facts.Library[0].Digest = digest("y")
			}
			if rapid.Bool().Draw(rt, "lost") {
				facts.Library = facts.Library[:1]
			}
			if rapid.Bool().Draw(rt, "test") {
				rec.Tests[0].Manifest = digest("z")
			}
			if rapid.Bool().Draw(rt, "failed") {
				rec.Tests[0].Passed = false
			}
			payloads, err := p.Decide(rec, release.Deploy{}, facts, itsm.Env{Now: hours(240 * time.Hour), At: hours(240 * time.Hour), Actor: itsmtest.Actor("manager"), ID: rec.ID})
			c := facts.Changes[0]
			holds := c.Approved && c.Digest == digest("CHG-1") && rec.Test() != nil && rec.Test().Passed
			for _, f := range rec.Plan.Manifest {
				holds = holds && slices.ContainsFunc(facts.Library, func(m release.Measured) bool { return m.Key == f.Key && m.Digest == f.Digest })
			}
			assert.Equal(rt, holds, err == nil && len(payloads) == 1)
		})
	})
}
