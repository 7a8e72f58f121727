package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	t.Run("INV-18 states cover time since registration without gaps and overlaps", func(t *testing.T) {
		t.Parallel()
		p := alone(t)
		rapid.Check(t, func(rt *rapid.T) {
			item := history(rt, p, nil)
			stays := config.HistoryOf(item.events).States(time.Time{})
			if !stays[0].Since.Equal(item.rec.Created) || !stays[len(stays)-1].Until.IsZero() {
				rt.Fatalf("from %s to %s, registered at %s", stays[0].Since, stays[len(stays)-1].Until, item.rec.Created)
			}
			at := item.rec.Created.Add(time.Duration(rapid.IntRange(0, 2000).Draw(rt, "at")) * time.Hour)
			covering := 0
			for i, s := range stays {
				if i > 0 && !stays[i-1].Until.Equal(s.Since) {
					rt.Fatalf("%v is followed by %v", stays[i-1], s)
				}
				if !at.Before(s.Since) && (s.Until.IsZero() || at.Before(s.Until)) {
					covering++
				}
			}
			if covering != 1 {
				rt.Fatalf("%d states at %s: %v", covering, at, stays)
			}
		})
	})
	t.Run("INV-18 what the history says of now is what the record says", func(t *testing.T) {
		t.Parallel()
		p := alone(t)
		rapid.Check(t, func(rt *rapid.T) {
			history(rt, p, func(item told) {
				was, ok := config.HistoryOf(item.events).At(time.Time{}, time.Time{})
				if !ok || was.State != item.rec.State || was.Class != item.rec.Class || was.Status != item.rec.Status || was.Label != item.rec.Label.Code || was.Name != item.rec.Name {
					rt.Fatalf("%+v is not %+v", was, item.rec)
				}
				if !assert.ObjectsAreEqual(was.Values, item.rec.Values()) {
					rt.Fatalf("the history has %v, the record %v", was.Values, item.rec.Values())
				}
			})
		})
	})
	t.Run("F-CFG-7 as of one time, as known at another: what was known stays what was known", func(t *testing.T) {
		t.Parallel()
		p := alone(t)
		rapid.Check(t, func(rt *rapid.T) {
			type question struct{ valid, known time.Time }
			answers := map[question]config.Was{}
			item := history(rt, p, func(item told) {
				h := config.HistoryOf(item.events)
				q := question{item.rec.Created.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "valid")) * time.Hour), item.rec.Updated}
				answers[q], _ = h.At(q.valid, q.known)
				// The plain answer: fold what was recorded by then over time.
				want := itsm.Value{}
				best := time.Time{}
				for _, ev := range item.events {
					if set, ok := ev.Payload.(config.Set); ok && !ev.Recorded.After(q.known) && !ev.At.After(q.valid) && !ev.At.Before(best) {
						if v, ok := set.Values["place"]; ok {
							want, best = v, ev.At
						}
					}
				}
				if got := answers[q].Values["place"]; got != want {
					rt.Fatalf("place at %s as known at %s is %q, want %q", q.valid, q.known, got, want)
				}
			})
			// Commands that were recorded at the same instant may add to what was known then; all later ones add nothing.
			h := config.HistoryOf(item.events)
			for q, want := range answers {
				if q.known.Equal(item.rec.Updated) {
					continue
				}
				last := item.events[0]
				for _, ev := range item.events {
					if !ev.Recorded.After(q.known) {
						last = ev
					}
				}
				short := config.HistoryOf(item.events[:last.Seq])
				full, _ := h.At(q.valid, q.known)
				again, _ := short.At(q.valid, time.Time{})
				if !assert.ObjectsAreEqual(full, again) {
					rt.Fatalf("later entries changed what was known: %v, %v, %v", want, full, again)
				}
			}
		})
	})
	t.Run("R-267 the history of states tells time, actor, cause and authority", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		at := r.pass(time.Hour)
		r.do(keeper, id, config.Move{Authority: under, Step: config.DoMaintain}, itsm.Because("new fans"))
		h, err := r.History(keeper, id)
		require.NoError(t, err)
		stays := h.States(time.Time{})
		require.Len(t, stays, 4)
		assert.Equal(t, config.Stay{State: config.StateMaintenance, Since: at, Actor: "keeper", Cause: "new fans", Under: change, Recorded: at}, stays[3])
		assert.Equal(t, at, stays[2].Until)
	})
	t.Run("R-264 a relation at a past date can be asked for", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b := r.server("L-1"), r.server("L-2")
		monday := r.pass(24 * time.Hour)
		r.do(keeper, a, config.Link{Authority: under, Type: "backs_up", To: b})
		tuesday := r.pass(24 * time.Hour)
		item := r.do(keeper, a, config.Unlink{Authority: under, Type: "backs_up", To: b})
		assert.Equal(t, monday, item.Relations[0].Since)
		assert.Equal(t, tuesday, item.Relations[0].Until)
		h, err := r.History(keeper, a)
		require.NoError(t, err)
		for at, want := range map[time.Time]int{monday.Add(-time.Second): 0, monday: 1, tuesday.Add(-time.Second): 1, tuesday: 0} {
			was, _ := h.At(at, time.Time{})
			assert.Len(t, was.Relations, want, at)
		}
		assert.Equal(t, []config.Episode{{Type: "backs_up", To: b, Since: monday, Until: tuesday, Under: change}}, h.Episodes(time.Time{}))
		for _, name := range []string{"runs_on", "depends_on", "connects_to", "part_of", "backs_up", "covered_by", "used_by", "documents"} {
			_, ok := r.Model().Relation(name)
			assert.True(t, ok, name)
		}
	})
	t.Run("F-CFG-7 relations are known in both times too", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b := r.server("L-1"), r.server("L-2")
		monday := r.pass(24 * time.Hour)
		tuesday := r.pass(24 * time.Hour)
		r.do(importer, a, config.Link{Authority: under, Type: "backs_up", To: b}, itsm.HappenedAt(monday), itsm.Because("found in the cabling plan"))
		h, err := r.History(keeper, a)
		require.NoError(t, err)
		now, _ := h.At(monday, tuesday)
		then, _ := h.At(monday, monday)
		assert.Len(t, now.Relations, 1, "on Tuesday it was known of Monday")
		assert.Empty(t, then.Relations, "on Monday it was not")
		r.pass(time.Hour)
		r.do(keeper, a, config.Unlink{Authority: under, Type: "backs_up", To: b})
		assert.Equal(t, []string{"config.before"}, codes(r.refused(importer, a, config.Link{Authority: under, Type: "backs_up", To: b}, itsm.HappenedAt(monday))), "it held then already")
	})
	t.Run("what an attribute was, period by period", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		start := r.clock
		one := r.pass(10 * time.Hour)
		r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"place": text("B1")}})
		r.pass(10 * time.Hour)
		r.do(importer, id, config.Update{Authority: under, Attributes: attrs{"place": text("A1")}}, itsm.HappenedAt(start.Add(time.Hour)))
		assert.Equal(t, "B1", r.get(id).Get("place").Text(), "what is dated back does not replace what came after")
		h, err := r.History(keeper, id)
		require.NoError(t, err)
		periods := h.Periods("place", time.Time{})
		require.Len(t, periods, 2)
		assert.Equal(t, "A1", periods[0].Value.Text())
		assert.Equal(t, one, periods[0].Until)
		assert.Len(t, h.Periods("place", one), 1)
	})
}
