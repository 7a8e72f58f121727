package config_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

func TestEvidence(t *testing.T) {
	t.Parallel()
	sighting := func(source, value string, at time.Time) config.Sighting {
		return config.Sighting{Attribute: "os", Source: source, Value: text(value), At: at}
	}
	t.Run("F-CFG-5 what an item knows does not depend on the order in which sightings arrive", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			policy := config.DefaultPolicy()
			policy.Sources = []string{"agent", "glpi"}
			start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
			all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) config.Sighting {
				return config.Sighting{Attribute: rapid.SampledFrom([]string{"os", "os_version", "model"}).Draw(rt, "attribute"), Source: rapid.SampledFrom([]string{"agent", "glpi", "nmap"}).Draw(rt, "source"),
					Value: text(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "value")), At: start.Add(time.Duration(rapid.IntRange(0, 50).Draw(rt, "at")) * time.Hour)}
			}), 1, 40).Draw(rt, "sightings")
			result := func(order []config.Sighting, pieces int) config.Item {
				r := open(t, config.Config{Policy: &policy})
				r.pass(1000 * time.Hour)
				id := r.item("server", attrs{"model": text("M")})
				for len(order) > 0 {
					n := min(pieces, len(order))
					r.do(monitor, id, config.Observe{Sightings: order[:n]})
					order = order[n:]
				}
				return r.get(id)
			}
			a := result(all, 1)
			b := result(rapid.Permutation(all).Draw(rt, "order"), rapid.IntRange(1, 10).Draw(rt, "pieces"))
			for _, same := range []struct{ a, b any }{{a.Attributes, b.Attributes}, {a.Sightings, b.Sightings}, {a.Frozen, b.Frozen}, {a.Seen, b.Seen}} {
				if !assert.ObjectsAreEqual(same.a, same.b) {
					rt.Fatalf("%v is not %v", same.a, same.b)
				}
			}
		})
	})
	t.Run("F-CFG-5 the more trusted source is believed, until it is stale; a person's lock stands above both, until it expires", func(t *testing.T) {
		t.Parallel()
		schema := config.DefaultModel().Schema()
		schema.Classes = append(schema.Classes, config.Class{Name: "probe", Parent: "hardware", Attributes: []config.Attribute{
			{Name: "os", Type: "text", Observed: true, Sources: []string{"agent", "nmap"}, Stale: 48 * itsm.Hour}}})
		model, err := config.NewModel(schema)
		require.NoError(t, err)
		r := open(t, config.Config{Model: model})
		id := r.item("probe", attrs{"model": text("M")})
		see := func(source, value string) config.Item {
			return r.do(monitor, id, config.Observe{Sightings: []config.Sighting{sighting(source, value, r.clock)}})
		}
		see("agent", "linux 6")
		r.pass(time.Hour)
		item := see("nmap", "linux")
		assert.Equal(t, "linux 6", item.Get("os").Text())
		assert.Equal(t, config.Source{Kind: config.Discovery, System: "agent"}, item.Attributes[1].Source)
		r.pass(100 * time.Hour)
		assert.Equal(t, "linux", see("nmap", "linux").Get("os").Text(), "the agent was not heard of for too long")

		until := r.clock.Add(10 * time.Hour)
		item = r.do(keeper, id, config.LockAttribute{Attribute: "os", Value: text("openEuler"), Until: until, Why: "nmap errs"})
		assert.Equal(t, itsm.PersonID("keeper"), item.Locks[0].By)
		r.pass(time.Hour)
		assert.Equal(t, "openEuler", see("nmap", "windows").Get("os").Text())
		r.pass(10 * time.Hour)
		assert.Equal(t, "windows", r.do(importer, id, config.Tick{}).Get("os").Text(), "the lock has expired")
		h, err := r.History(keeper, id)
		require.NoError(t, err)
		periods := h.Periods("os", time.Time{})
		assert.Equal(t, "openEuler", periods[len(periods)-2].Value.Text())
		assert.False(t, periods[len(periods)-1].Since.Before(until), "the history of the lock stays")
	})
	t.Run("F-CFG-6 an attribute that changes to and fro is frozen and reported, and thaws when it is quiet", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.item("server", attrs{"model": text("M")})
		r.do(monitor, id, config.Observe{Sightings: []config.Sighting{sighting("a", "linux", r.clock)}})
		r.pass(48 * time.Hour)
		for i := range 4 {
			r.pass(time.Hour)
			r.do(monitor, id, config.Observe{Sightings: []config.Sighting{sighting([]string{"b", "a"}[i%2], []string{"windows", "linux"}[i%2], r.clock)}})
		}
		item := r.get(id)
		assert.Equal(t, []string{"os"}, item.Frozen)
		assert.Equal(t, "linux", item.Get("os").Text(), "as before it began")
		flaps := 0
		for ev, err := range r.Events(keeper, id) {
			require.NoError(t, err)
			if f, ok := ev.Payload.(config.Flapped); ok {
				flaps++
				assert.Equal(t, config.Flapped{Attribute: "os", Changes: 4, Sources: []string{"a", "b"}}, f)
			}
		}
		assert.Equal(t, 1, flaps, "reported once")
		r.pass(48 * time.Hour)
		item = r.do(monitor, id, config.Observe{Sightings: []config.Sighting{sighting("b", "windows", r.clock)}})
		assert.Empty(t, item.Frozen)
		assert.Equal(t, "windows", item.Get("os").Text())
	})
	t.Run("what sources see never changes what is under control", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		item := r.do(monitor, id, config.Observe{Sightings: []config.Sighting{{Attribute: "model", Source: "glpi", Value: text("R740"), At: r.clock}}})
		assert.Equal(t, "R750", item.Get("model").Text())
		b, ok := r.Items().Believe(item, "model")
		require.True(t, ok)
		assert.Equal(t, "R740", b.Value.Text(), "but it is known")
		assert.Equal(t, []string{"config.observed:os"}, codes(r.refused(keeper, id, config.Update{Authority: under, Attributes: attrs{"os": text("x")}})))
		assert.Equal(t, []string{"config.not_observed:model"}, codes(r.refused(keeper, id, config.LockAttribute{Attribute: "model", Value: text("x"), Until: r.clock.Add(time.Hour), Why: "w"})))
	})
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	serial := func(maker, n string) attrs {
		return attrs{"model": text("M"), "manufacturer": text(maker), "serial": text(n)}
	}
	t.Run("F-CFG-3 what is absent, blank or a placeholder identifies nothing; zero and false do", func(t *testing.T) {
		t.Parallel()
		schema := config.DefaultModel().Schema()
		schema.Classes = append(schema.Classes, config.Class{Name: "port", Parent: "item", Attributes: []config.Attribute{{Name: "host", Type: "text"}, {Name: "port", Type: "number"}, {Name: "tls", Type: "bool"}},
			Identify: []config.Identifier{{Name: "port", Attributes: []string{"host", "port", "tls"}}}})
		model, err := config.NewModel(schema)
		require.NoError(t, err)
		full := attrs{"host": text("a"), "port": itsm.NumberOf(0), "tls": itsm.BoolOf(false)}
		_, ok := model.Identity("port", "port", full)
		assert.True(t, ok, "zero and false are values")
		for name := range full {
			part := attrs{}
			for k, v := range full {
				if k != name {
					part[k] = v
				}
			}
			_, ok := model.Identity("port", "port", part)
			assert.False(t, ok, "without %s", name)
		}
		for _, n := range []string{"To Be Filled By O.E.M.", "  none ", "0"} {
			_, ok := model.Identity("server", "serial", serial("dell", n))
			assert.False(t, ok, n)
		}
		r := open(t, config.Config{Model: model})
		r.item("server", serial("dell", "Default string"))
		r.item("server", serial("dell", "Default string"))
		assert.Equal(t, []string{"config.blank:serial"}, codes(r.refused(keeper, r.item("server", nil), config.Update{Authority: under, Attributes: attrs{"serial": text(" ")}})))
	})
	t.Run("one identity belongs to one item, however many want it at once", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := r.Do(keeper, "", config.Register{Authority: under, Class: "server", Name: fmt.Sprint(i), Attributes: serial("dell", "S1")})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, config.ErrDuplicate):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, won.Load())
		assert.EqualValues(t, 7, lost.Load())
	})
	t.Run("veops-412 the import path keeps identities unique too", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		r.item("server", serial("Dell", "S1"))
		_, err := r.Do(importer, "", config.Register{Authority: under, Class: "server", Name: "again", Attributes: serial("DELL ", " s1"), Source: config.Source{Kind: config.Import}})
		assert.ErrorIs(t, err, config.ErrDuplicate)
	})
	t.Run("an identity is free again when its item is gone or another", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a := r.item("server", serial("dell", "S1"))
		r.do(keeper, a, config.Update{Authority: under, Attributes: attrs{"serial": text("S2")}})
		b := r.item("server", serial("dell", "S1"))
		r.do(keeper, b, config.Move{Authority: under, Step: config.DoWithdraw})
		assert.ErrorIs(t, r.refused(keeper, a, config.Update{Authority: under, Attributes: attrs{"serial": text("S1")}}), config.ErrDuplicate)
		r.do(keeper, b, config.Dispose{Authority: under})
		r.do(keeper, a, config.Update{Authority: under, Attributes: attrs{"serial": text("S1")}})
		key, _ := r.Model().Identity("server", "serial", serial("dell", "S1"))
		holder, ok, err := r.Holder(keeper, key)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, a, holder)
	})
	t.Run("F-CFG-4 a merge keeps both histories, redirects references, and can be undone", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b, c := r.item("server", serial("dell", "S1")), r.item("server", serial("dell", "S2")), r.server("L-3")
		r.do(keeper, c, config.Link{Authority: under, Type: "depends_on", To: b})
		before := r.get(b)
		r.do(keeper, b, config.SuspectDuplicate{Suspects: []config.Suspect{{Item: a, Why: "same host name"}}})
		assert.Equal(t, []string{"config.no_label", "config.suspect"}, filter(codes(r.refused(keeper, b, config.Accept{Authority: under})), "config.no_label", "config.suspect"))
		r.do(keeper, b, config.Merge{Authority: under, Into: a})
		survivor, err := r.Survivor(keeper, b)
		require.NoError(t, err)
		assert.Equal(t, a, survivor.ID)
		assert.Equal(t, []string{"config.merged"}, codes(r.refused(keeper, b, config.Update{Authority: under, Name: "x"})))
		_, err = r.Do(keeper, "", config.Register{Authority: under, Class: "server", Name: "x", Attributes: serial("dell", "S2")})
		assert.ErrorIs(t, err, config.ErrDuplicate, "what identified it identifies the survivor")
		g, err := r.Graph(keeper)
		require.NoError(t, err)
		known, ok := g.Has(b)
		assert.True(t, known && ok)

		r.do(keeper, b, config.Unmerge{Authority: under}, itsm.Because("two after all"))
		after := r.get(b)
		assert.Empty(t, after.MergedInto)
		assert.Equal(t, before.Attributes, after.Attributes)
		assert.Empty(t, r.get(a).Absorbed)
		key, _ := r.Model().Identity("server", "serial", serial("dell", "S2"))
		holder, _, err := r.Holder(keeper, key)
		require.NoError(t, err)
		assert.Equal(t, b, holder)
		require.NoError(t, r.Verify(keeper, a))
		require.NoError(t, r.Verify(keeper, b))
	})
}

func TestMergedAndGone(t *testing.T) {
	t.Parallel()
	r := open(t, config.Config{})
	a, b, c := r.server("L-1"), r.server("L-2"), r.server("L-3")
	r.do(keeper, b, config.Link{Authority: under, Type: "depends_on", To: c})
	r.do(keeper, b, config.Merge{Authority: under, Into: a})
	r.do(keeper, c, config.Move{Authority: under, Step: config.DoWithdraw})
	assert.Equal(t, []string{"config.related"}, codes(r.refused(keeper, c, config.Dispose{Authority: under})))
	r.do(keeper, b, config.Unlink{Authority: under, Type: "depends_on", To: c})
	r.do(keeper, c, config.Dispose{Authority: under})

	r.do(keeper, a, config.Move{Authority: under, Step: config.DoWithdraw})
	r.do(keeper, a, config.Dispose{Authority: under})
	_, err := r.Do(keeper, b, config.Unmerge{Authority: under}, itsm.Because("two after all"))
	require.ErrorIs(t, err, itsm.ErrIllegalState, "the item it was merged into is gone for good, and with it this one")
	assert.Equal(t, a, r.get(b).MergedInto)
}

func filter(all []string, of ...string) (out []string) {
	for _, s := range all {
		for _, o := range of {
			if s == o {
				out = append(out, s)
			}
		}
	}
	return out
}
