package together_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/release"
)

// stocked is a world with its items, at the hour at which the tests begin.
func stocked(t *testing.T) (*world, *witness) {
	t.Helper()
	w := newWorld(t)
	w.stock()
	see := newWitness(w)
	see.read()
	return w, see
}

func version(w *world, id itsm.ID) string { return w.item(id).Get("version").Text() }

func TestChangeAndItems(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T, state change.State) (*world, *witness) {
		w, see := stocked(t)
		w.must(asker, change.Kind, "CHG-1", request(change.TypeNormal, hours(24), hours(31), "db-1", "if-1"))
		w.reach("CHG-1", state)
		return w, see
	}
	under := byChange("CHG-1")
	t.Run("R-266 what an approved change plans becomes current when it is done, and the state before is known", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, change.StateAwaiting)
		plan := config.PlanChange{Authority: under, Attributes: attributes("version", "2.0"), Step: config.DoMaintain, Due: hours(24)}
		assert.Equal(t, []string{"config.unauthorised"}, w.refused(manager, config.Kind, "db-1", plan), "it is not approved yet")
		w.reach("CHG-1", change.StateScheduled)
		w.must(manager, config.Kind, "db-1", plan)
		assert.Equal(t, []string{"config.unauthorised"}, w.refused(manager, config.Kind, "app-1", plan), "it does not touch the other")
		machine := w.items.Items().Machine()
		triple := w.item("db-1").Triple(machine)
		assert.Equal(t, []config.State{config.StateAccepted, config.StateLive, config.StateMaintenance}, []config.State{triple.Previous, triple.Current, triple.Planned})
		assert.Equal(t, "1.0", version(w, "db-1"))

		w.reach("CHG-1", change.StateInReview)
		assert.Equal(t, []string{"change.pending"}, w.refused(manager, change.Kind, "CHG-1", change.Close{}), "the record of the item does not show it yet")
		w.react()
		triple = w.item("db-1").Triple(machine)
		assert.Equal(t, config.Triple{Previous: config.StateLive, Current: config.StateMaintenance}, triple)
		assert.Equal(t, "2.0", version(w, "db-1"))
		w.reach("CHG-1", change.StateClosed)
		see.read()
		see.end()
	})
	t.Run("R-266 what was planned vanishes with the change, withdrawn or backed out", func(t *testing.T) {
		t.Parallel()
		for name, stop := range map[string]func(w *world){
			"cancelled": func(w *world) { w.must(asker, change.Kind, "CHG-1", change.Cancel{Why: "not needed"}) },
			"edited": func(w *world) {
				edited := w.change("CHG-1").Request
				edited.Items = refs("db-1")
				w.must(asker, change.Kind, "CHG-1", change.Describe{Request: edited})
			},
			"backed out": func(w *world) {
				w.reach("CHG-1", change.StateImplementing)
				w.must(engineer, change.Kind, "CHG-1", change.Fail{Why: "it hangs"})
				w.reach("CHG-1", change.StateBackedOut)
			},
		} {
			w, see := setup(t, change.StateScheduled)
			w.must(manager, config.Kind, "if-1", config.PlanChange{Authority: under, Attributes: attributes("version", "2.0")})
			stop(w)
			w.react()
			assert.Empty(t, w.item("if-1").Plans, name)
			assert.Equal(t, "1.0", version(w, "if-1"), name)
			see.read()
			see.settled()
			see.end()
		}
	})
	t.Run("INV-05 a change that failed is closed only when it was backed out, and what is not as before is an incident", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, change.StateImplementing)
		w.must(keeper, config.Kind, "db-1", config.Update{Authority: under, Attributes: attributes("version", "2.0")})
		w.must(keeper, config.Kind, "if-1", config.Update{Authority: under, Attributes: attributes("description", "patched")})
		w.must(engineer, change.Kind, "CHG-1", change.Fail{Why: "the schema is broken"})
		for _, cmd := range []itsm.Command{change.Close{}, change.WriteReview{Lessons: "none"}, change.Succeed{}} {
			assert.Error(t, w.do(manager, change.Kind, "CHG-1", cmd))
		}
		w.must(engineer, change.Kind, "CHG-1", change.BackOut{})
		w.must(keeper, config.Kind, "db-1", config.Update{Authority: under, Attributes: attributes("version", "1.0")}) // the other is forgotten
		w.reach("CHG-1", change.StateInReview)
		assert.Equal(t, []string{"config.unauthorised"}, w.refused(keeper, config.Kind, "if-1", config.Update{Authority: under, Attributes: attributes("description", "late")}))
		assert.Equal(t, []string{"change.unresolved"}, w.refused(manager, change.Kind, "CHG-1", change.Close{}))
		w.react()
		left := w.change("CHG-1").Comparison.Differences
		require.Len(t, left, 1)
		assert.Equal(t, change.Difference{Item: ci("if-1"), Name: "value:description", After: "patched", Incident: left[0].Incident}, left[0])
		inc, err := w.incidents.Get(asker, left[0].Incident)
		require.NoError(t, err)
		assert.Equal(t, "if-1", inc.CI)
		w.reach("CHG-1", change.StateClosed)
		assert.Equal(t, change.FailedBack, w.change("CHG-1").Result)
		see.read()
		see.end()
	})
	t.Run("R-228 no item is written but under a change, release or correction that allows it then", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, change.StateDraft)
		update := func(authority itsm.Ref) itsm.Command {
			return config.Update{Authority: config.Under(authority), Attributes: attributes("version", "2.0")}
		}
		for _, authority := range []itsm.Ref{{}, {Kind: change.Kind, ID: "CHG-9"}, {Kind: "incident", ID: "INC-1"}, {Kind: release.Kind, ID: "REL-9"}, {Kind: "ci_audit", ID: "A-1"}, {Kind: change.Kind, ID: "CHG-0"}} {
			w.refused(keeper, config.Kind, "db-1", update(authority))
		}
		allowed := map[change.State]bool{change.StateImplementing: true}
		for state := change.StateDraft; state != change.StateClosed; {
			err := w.do(keeper, config.Kind, "db-1", update(under.Under))
			assert.Equal(t, allowed[state], err == nil, "%s: %v", state, err)
			assert.Error(t, w.do(keeper, config.Kind, "app-1", update(under.Under)), "%s: it does not touch this one", state)
			o := w.forward(w.change("CHG-1"))
			w.must(o.who, o.kind, o.id, o.cmd)
			state = w.change("CHG-1").State
		}
		see.read()
		see.end()
	})
}

func TestReleaseAndItems(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T, state release.State) (*world, *witness) {
		w, see := stocked(t)
		w.must(asker, change.Kind, "CHG-1", request(change.TypeNormal, hours(24), hours(31), "db-1", "if-1"))
		w.reach("CHG-1", change.StateScheduled)
		w.must(planner, release.Kind, "REL-1", release.Draft{Plan: rollout(release.TypeMinor, []itsm.ID{"CHG-1"}, []aim{{"db-1", "tables"}, {"if-1", "adapter"}}, []aim{{"if-2", "adapter"}})})
		w.deploy("REL-1", state)
		return w, see
	}
	// deployed brings everything out but for the completion.
	deployed := func(w *world) {
		for {
			o := w.onward(w.release("REL-1"))
			if _, ok := o.cmd.(release.Complete); ok {
				return
			}
			w.must(o.who, o.kind, o.id, o.cmd)
		}
	}
	versions := func(w *world) []string { return []string{version(w, "db-1"), version(w, "if-1"), version(w, "if-2")} }
	before, after := []string{"1.0", "1.0", "1.0"}, []string{"tables-3.2", "adapter-3.2", "adapter-3.2"}

	t.Run("R-207 the release is live and the items say so, or neither, whatever happens to the commit", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, release.StateDeploying)
		deployed(w)
		w.db.FailBefore(1, errCrash)
		require.ErrorIs(t, w.do(planner, release.Kind, "REL-1", release.Complete{}, itsm.Once("complete")), errCrash)
		w.start()
		assert.Equal(t, before, versions(w))
		assert.Equal(t, release.StateDeploying, w.release("REL-1").State)
		w.db.FailAfter(1, errCrash)
		require.ErrorIs(t, w.do(planner, release.Kind, "REL-1", release.Complete{}, itsm.Once("complete")), errCrash)
		w.start()
		assert.Equal(t, after, versions(w))
		assert.Equal(t, release.StateDeployed, w.release("REL-1").State)
		w.must(planner, release.Kind, "REL-1", release.Complete{}, itsm.Once("complete"))
		see.read()

		w.must(planner, release.Kind, "REL-1", release.RollBack{Why: "settlements fail"})
		w.deploy("REL-1", release.StateRolledBack)
		assert.Equal(t, before, versions(w))
		see.read()
		see.end()
	})
	t.Run("R-207 an item that cannot be written keeps the release deploying and the other items as they were", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, release.StateDeploying)
		deployed(w)
		w.must(keeper, config.Kind, "if-1", config.LeaveScope{Authority: config.Under(itsm.Ref{Kind: release.Kind, ID: "REL-1"}), Why: "on loan"})
		assert.Equal(t, []string{"config.outside"}, w.refused(planner, release.Kind, "REL-1", release.Complete{}))
		assert.Equal(t, before, versions(w))
		assert.Equal(t, release.StateDeploying, w.release("REL-1").State)
		w.must(keeper, config.Kind, "if-1", config.EnterScope{})
		w.must(planner, release.Kind, "REL-1", release.Complete{})
		assert.Equal(t, after, versions(w))
		see.read()
		see.end()
	})
	t.Run("R-203 a change that loses its approval blocks the release, at the start, at each wave and at the end", func(t *testing.T) {
		t.Parallel()
		lose := func(w *world) { w.must(manager, change.Kind, "CHG-1", change.Rework{Why: "not clear"}) }
		w, see := setup(t, release.StateReady)
		lose(w)
		assert.Equal(t, []string{"release.change_not_approved"}, w.refused(planner, release.Kind, "REL-1", release.Deploy{}))
		w.reach("CHG-1", change.StateApproved) // as it was signed
		w.must(planner, release.Kind, "REL-1", release.Deploy{})
		w.until(hours(24))
		lose(w)
		assert.Equal(t, []string{"release.change_not_approved"}, w.refused(planner, release.Kind, "REL-1", release.StartWave{Wave: "wave-1"}))
		see.read()

		w, see = setup(t, release.StateDeploying)
		deployed(w)
		lose(w)
		assert.Equal(t, []string{"release.change_not_approved"}, w.refused(planner, release.Kind, "REL-1", release.Complete{}))
		assert.Equal(t, before, versions(w), "and the items are as they were")
		w.must(planner, release.Kind, "REL-1", release.RollBack{Why: "the change is not approved"})
		w.deploy("REL-1", release.StateRolledBack)
		see.read()
		see.end()
	})
	t.Run("INV-21 nothing goes live when library, manifest and test are not about the same content", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, release.StateReady)
		w.until(hours(24))
		w.shelf[0].Digest[0] ^= 1
		assert.Equal(t, []string{"release.other_in_library"}, w.refused(planner, release.Kind, "REL-1", release.Deploy{}))
		w.shelf[0] = programme("tables")
		w.must(planner, release.Kind, "REL-1", release.Deploy{})
		see.read()
	})
	t.Run("broken files stop the release and become an incident, once", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, release.StateDeploying)
		w.until(hours(24))
		w.must(planner, release.Kind, "REL-1", release.StartWave{Wave: "wave-1"})
		w.must(engineer, release.Kind, "REL-1", release.Distribute{CI: "db-1", Step: release.StepPackage, Files: []release.Measured{found("tables", "something else")}})
		assert.Equal(t, release.StateHalted, w.release("REL-1").State)
		w.db.FailAfter(1, errCrash)
		for range 3 {
			_, _ = w.clockwork.Tick(context.Background())
			w.start()
			w.until(w.Now().Add(time.Minute))
		}
		n := 0
		for inc, err := range w.incidents.Find(asker, itsm.Query{}) {
			require.NoError(t, err)
			assert.Equal(t, "db-1", inc.CI)
			assert.Equal(t, incident.Monitoring, inc.Channel)
			n++
		}
		assert.Equal(t, 1, n)
		see.read()
	})
	t.Run("a snapshot is taken once, also when its answer is lost", func(t *testing.T) {
		t.Parallel()
		w, see := setup(t, release.StateTestPassed)
		w.db.FailAfter(1, errCrash)
		require.ErrorIs(t, w.do(keeper, release.Kind, "REL-1", release.TakeBaseline{}, itsm.Once("take")), errCrash)
		w.must(keeper, release.Kind, "REL-1", release.TakeBaseline{}, itsm.Once("take"))
		see.read()
		see.end()
	})
}

// atOnce runs functions at the same time, over a store so slow that they meet, and returns what each says.
func atOnce(w *world, fns ...func() error) []error {
	w.db.Delay(200 * time.Microsecond)
	defer w.db.Delay(0)
	errs := make([]error, len(fns))
	ready := make(chan struct{})
	var wg sync.WaitGroup
	for i, fn := range fns {
		wg.Go(func() {
			<-ready
			errs[i] = fn()
		})
	}
	close(ready)
	wg.Wait()
	return errs
}

func wins(t *testing.T, errs ...error) (n int) {
	for _, err := range errs {
		assert.True(t, err == nil || errors.As(err, new(*itsm.RefusedError)), "%v", err)
		if err == nil {
			n++
		}
	}
	return n
}

func TestRaces(t *testing.T) {
	t.Parallel()
	const rounds = 10
	t.Run("R-203 a change is edited while its release goes live", func(t *testing.T) {
		t.Parallel()
		for range rounds {
			w, see := stocked(t)
			w.must(asker, change.Kind, "CHG-1", request(change.TypeEmergency, hours(24), hours(31), "db-1"))
			w.reach("CHG-1", change.StateScheduled)
			w.must(planner, release.Kind, "REL-1", release.Draft{Plan: rollout(release.TypeEmergency, []itsm.ID{"CHG-1"}, []aim{{"db-1", "tables"}})})
			w.deploy("REL-1", release.StateTestPassed)
			w.must(keeper, release.Kind, "REL-1", release.TakeBaseline{})
			w.until(hours(24))
			edited := w.change("CHG-1").Request
			edited.Departments = append(edited.Departments, "wards")
			errs := atOnce(w,
				func() error { return w.do(planner, release.Kind, "REL-1", release.Deploy{}) },
				func() error { return w.do(asker, change.Kind, "CHG-1", change.Describe{Request: edited}) },
			)
			require.NoError(t, errs[1])
			if wins(t, errs...) == 1 {
				assert.ErrorContains(t, errs[0], "change CHG-1", "nothing else speaks against it")
			}
			see.read() // if it went live, it did so before the edit
		}
	})
	t.Run("a change begins while an edit voids its approval: one of the two", func(t *testing.T) {
		t.Parallel()
		for range rounds {
			w, see := stocked(t)
			w.must(asker, change.Kind, "CHG-1", request(change.TypeEmergency, hours(24), hours(31), "db-1"))
			w.reach("CHG-1", change.StateScheduled)
			w.must(manager, change.Kind, "CHG-1", change.Announce{To: []string{"fees"}})
			w.until(hours(24))
			edited := w.change("CHG-1").Request
			edited.Items = refs("db-1", "fax-1")
			errs := atOnce(w,
				func() error { return w.do(engineer, change.Kind, "CHG-1", change.Start{}) },
				func() error { return w.do(asker, change.Kind, "CHG-1", change.Describe{Request: edited}) },
			)
			assert.Equal(t, 1, wins(t, errs...), "%v", errs)
			see.read()
		}
	})
	t.Run("two releases begin on one target: one of the two", func(t *testing.T) {
		t.Parallel()
		for range rounds {
			w, see := stocked(t)
			w.must(asker, change.Kind, "CHG-1", request(change.TypeEmergency, hours(24), hours(31), "db-1"))
			w.reach("CHG-1", change.StateScheduled)
			var starts []func() error
			for n := range 2 {
				id := itsm.ID(fmt.Sprint("REL-", n))
				w.must(planner, release.Kind, id, release.Draft{Plan: rollout(release.TypeEmergency, []itsm.ID{"CHG-1"}, []aim{{"db-1", "tables"}})})
				w.deploy(id, release.StateTestPassed)
				w.must(keeper, release.Kind, id, release.TakeBaseline{})
				starts = append(starts, func() error { return w.do(planner, release.Kind, id, release.Deploy{}) })
			}
			w.until(hours(24))
			errs := atOnce(w, starts...)
			assert.Equal(t, 1, wins(t, errs...), "%v", errs)
			see.read()
		}
	})
	t.Run("an item is withdrawn while a change on it begins: the change knows what it found", func(t *testing.T) {
		t.Parallel()
		for range rounds {
			w, see := stocked(t)
			w.must(asker, change.Kind, "CHG-1", request(change.TypeEmergency, hours(24), hours(31), "fax-1"))
			w.must(asker, change.Kind, "CHG-2", request(change.TypeEmergency, hours(10), hours(12), "fax-1"))
			for _, id := range []itsm.ID{"CHG-1", "CHG-2"} {
				w.reach(id, change.StateScheduled)
				w.must(manager, change.Kind, id, change.Announce{To: []string{"fees"}})
			}
			w.reach("CHG-2", change.StateImplementing)
			w.until(hours(24)) // it overruns
			for kind, witness := range map[change.ConflictKind]string{change.SameItem: "ci/fax-1", change.SameResource: "engineer"} {
				x := change.Conflict{Kind: kind, Witness: witness, With: []itsm.ID{"CHG-2"}}
				w.must(manager, change.Kind, "CHG-1", change.Waive{Key: x.Key(), Why: "they know of each other"})
			}
			errs := atOnce(w,
				func() error { return w.do(engineer, change.Kind, "CHG-1", change.Start{}) },
				func() error {
					return w.do(keeper, config.Kind, "fax-1", config.Move{Authority: byChange("CHG-2"), Step: config.DoWithdraw})
				},
			)
			assert.Equal(t, 2, wins(t, errs...), "%v", errs)
			see.read() // the states that the change began with are those of that instant
		}
	})
	t.Run("an item is written while its change ends: before the end, or not at all", func(t *testing.T) {
		t.Parallel()
		for range rounds {
			w, see := stocked(t)
			w.must(asker, change.Kind, "CHG-1", request(change.TypeEmergency, hours(24), hours(31), "fax-1"))
			w.reach("CHG-1", change.StateImplementing)
			w.must(engineer, change.Kind, "CHG-1", change.BeginStep{})
			w.must(engineer, change.Kind, "CHG-1", change.FinishStep{Passed: true})
			errs := atOnce(w,
				func() error { return w.do(engineer, change.Kind, "CHG-1", change.Succeed{}) },
				func() error {
					return w.do(keeper, config.Kind, "fax-1", config.Update{Authority: byChange("CHG-1"), Attributes: attributes("version", "2.0")})
				},
			)
			require.NoError(t, errs[0])
			assert.Equal(t, errs[1] == nil, version(w, "fax-1") == "2.0")
			see.read()
		}
	})
}
