package config_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// Faults that other systems were reported for, and what this one does.
func TestThreads(t *testing.T) {
	t.Parallel()
	t.Run("bk-cmdb-2973 what others relate to is not disposed of, and the refusal names them", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b := r.server("L-1"), r.server("L-2")
		r.do(keeper, a, config.Link{Authority: under, Type: "depends_on", To: b})
		r.do(keeper, b, config.Move{Authority: under, Step: config.DoWithdraw})
		refused := r.refused(keeper, b, config.Dispose{Authority: under})
		require.Equal(t, []string{"config.related"}, codes(refused))
		assert.Equal(t, string(a), refused.Reasons[0].Arg("items"))
		assert.Equal(t, []string{"config.other_gone"}, codes(r.refused(keeper, r.server("L-3"), config.Link{Authority: under, Type: "depends_on", To: b})))
		r.do(keeper, a, config.Unlink{Authority: under, Type: "depends_on", To: b})
		assert.Equal(t, config.StateDisposed, r.do(keeper, b, config.Dispose{Authority: under}).State)
	})
	t.Run("fusioninventory-2946 people and sources do not fight over a lock: it has an owner and an end, and both are in the journal", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		lock := config.LockAttribute{Attribute: "os", Value: text("openEuler"), Until: r.clock.Add(time.Hour), Why: "as installed"}
		r.do(keeper, id, lock)
		lock.Value = text("kylin")
		r.do(importer, id, lock)
		for range 3 {
			r.pass(time.Minute)
			item := r.do(monitor, id, config.Observe{Sightings: []config.Sighting{{Attribute: "os", Source: "agent", Value: text("linux"), At: r.clock}}})
			assert.Equal(t, "kylin", item.Get("os").Text())
			assert.Equal(t, itsm.PersonID("importer"), item.Locks[0].By)
		}
		h, err := r.History(keeper, id)
		require.NoError(t, err)
		was, _ := h.At(time.Time{}, time.Time{})
		assert.Equal(t, "kylin", was.Values["os"].Text())
		assert.Equal(t, []string{"config.no_lock:model"}, codes(r.refused(keeper, id, config.UnlockAttribute{Attribute: "model"})))
		assert.Equal(t, "linux", r.do(keeper, id, config.UnlockAttribute{Attribute: "os"}).Get("os").Text())
	})
	t.Run("netbox-branching-511 what a plan would change may be gone meanwhile: the plan goes with it", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		r.do(keeper, id, config.PlanChange{Authority: config.Under(future), Attributes: attrs{"place": text("B2")}})
		r.do(keeper, id, config.Move{Authority: under, Step: config.DoWithdraw})
		assert.Empty(t, r.do(keeper, id, config.Dispose{Authority: under}).Plans)
		r.set(future, config.Done)
		assert.ErrorIs(t, r.refused(keeper, id, config.RealisePlan{Authority: config.Under(future)}), itsm.ErrIllegalState)
	})
	t.Run("netbox-branching-28 two changes that plan for one item are both there, and each brings only its own", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		other := itsm.Ref{Kind: "change", ID: "CHG-3"}
		r.set(other, config.Approved)
		r.do(keeper, id, config.PlanChange{Authority: config.Under(future), Attributes: attrs{"place": text("B2")}, Due: r.clock.AddDate(0, 0, 9)})
		item := r.do(keeper, id, config.PlanChange{Authority: config.Under(other), Attributes: attrs{"place": text("B3"), "memory": itsm.NumberOf(1)}, Due: r.clock.AddDate(0, 0, 2)})
		require.Len(t, item.Plans, 2)
		assert.Equal(t, other, item.Plans[0].Under, "the earlier first")
		r.set(future, config.Done)
		item = r.do(keeper, id, config.RealisePlan{Authority: config.Under(future)})
		assert.Equal(t, "B2", item.Get("place").Text())
		assert.True(t, item.Get("memory").IsZero())
		assert.Len(t, item.Plans, 1)
	})
	t.Run("an item's sightings stay bounded however often it is seen", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		for i := range 50 {
			r.pass(time.Hour)
			r.do(monitor, id, config.Observe{Sightings: []config.Sighting{{Attribute: "os", Source: "agent", Value: text(fmt.Sprint(i)), At: r.clock}}})
		}
		assert.Len(t, r.get(id).Sightings, 8)
	})
}
