package baseline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/baseline"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store/memory"
)

var (
	change = itsm.Ref{Kind: "change", ID: "CHG-1"}
	future = itsm.Ref{Kind: "change", ID: "CHG-2"}
	under  = config.Under(change)
)

type attrs = map[string]itsm.Value

func text(s string) itsm.Value { return itsm.TextOf(s) }

type bench struct {
	*baseline.Service
	items *config.Service
	clock *itsmtest.Clock
	t     testing.TB
}

func open(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, clock: itsmtest.NewClock(time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC))}
	db := memory.New()
	allow := config.AuthorisationsFunc(func(_ context.Context, _ itsm.Tenant, authority itsm.Ref, _ config.Target) (config.Standing, error) {
		return map[itsm.Ref]config.Standing{change: config.Underway, future: config.Approved}[authority], nil
	})
	var err error
	b.items, err = config.New(config.NewRepositories(db), config.Config{Config: itsm.Config{Clock: b.clock.Now}, Authorisations: allow})
	require.NoError(t, err)
	b.Service, err = baseline.New(baseline.NewRepository(db), b.items, itsm.Config{Clock: b.clock.Now})
	require.NoError(t, err)
	return b
}

var keeper = itsm.WithActor(context.Background(), itsm.Actor{ID: "keeper", Tenant: "h1", Roles: []itsm.Role{itsm.RoleConfigManager}})

func (b *bench) item(class string, values attrs) itsm.ID {
	b.t.Helper()
	item, err := b.items.Do(keeper, "", config.Register{Authority: under, Class: class, Name: "x", Attributes: values})
	require.NoError(b.t, err)
	return item.ID
}

func (b *bench) do(id itsm.ID, cmd itsm.Command) {
	b.t.Helper()
	_, err := b.items.Do(keeper, id, cmd)
	require.NoError(b.t, err)
}

func drawSnapshots(t *rapid.T) []baseline.Snapshot {
	var out []baseline.Snapshot
	for i := range 4 {
		if !rapid.Bool().Draw(t, "there") {
			continue
		}
		item := config.Item{Class: rapid.SampledFrom([]string{"server", "client"}).Draw(t, "class"), Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), State: config.StateLive}
		item.ID = itsm.ID(fmt.Sprint("CI-", i))
		for _, name := range []string{"memory", "model"} {
			if v := rapid.SampledFrom([]itsm.Value{{}, text("1"), itsm.NumberOf(1), text("")}).Draw(t, name); !v.IsZero() {
				item.Attributes = append(item.Attributes, config.Value{Name: name, Value: v})
			}
		}
		if rapid.Bool().Draw(t, "related") {
			item.Relations = []config.Relation{{Type: "depends_on", To: "CI-9"}}
		}
		out = append(out, baseline.Of(&item))
	}
	return out
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	t.Run("R-274 diff(a, a) is empty, diff is antisymmetric, and what it says is what is different", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			a, b := drawSnapshots(rt), drawSnapshots(rt)
			if d := baseline.Diff(a, a); len(d) != 0 {
				rt.Fatalf("diff(a, a) = %v", d)
			}
			there, back := baseline.Diff(a, b), baseline.Diff(b, a)
			if len(there) != len(back) {
				rt.Fatalf("%v and %v", there, back)
			}
			for i := range there {
				if !assert.ObjectsAreEqual(there[i].Inverse(), back[i]) {
					rt.Fatalf("%v and %v", there[i], back[i])
				}
			}
			if equal := baseline.DigestOf(a) == baseline.DigestOf(b); equal != (len(there) == 0) {
				rt.Fatalf("the digests agree: %v, the differences are %v", equal, there)
			}
		})
	})
	t.Run("R-274 a named baseline is frozen; what differs today is told field by field", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		one, two := b.item("server", attrs{"model": text("R750"), "memory": itsm.NumberOf(64)}), b.item("client", attrs{"model": text("M")})
		base, err := b.Do(keeper, "", baseline.Take{Name: "before the upgrade", Scope: baseline.Scope{Classes: []string{"hardware"}}})
		require.NoError(t, err)
		require.NoError(t, base.Verify())
		diff, err := b.Diff(keeper, base.ID)
		require.NoError(t, err)
		assert.Empty(t, diff)

		b.do(one, config.Update{Authority: under, Attributes: attrs{"memory": itsm.NumberOf(128)}})
		b.do(one, config.Link{Authority: under, Type: "depends_on", To: two})
		three := b.item("printer", attrs{"model": text("P")})
		diff, err = b.Diff(keeper, base.ID)
		require.NoError(t, err)
		require.Len(t, diff, 2)
		assert.Equal(t, baseline.Difference{Item: one, Kind: baseline.Changed, Changes: []baseline.FieldChange{
			{Field: "relation:depends_on:" + string(two), New: string(two)}, {Field: "value:memory", Old: "64", New: "128"}}}, diff[0])
		assert.Equal(t, three, diff[1].Item)
		assert.Equal(t, baseline.Added, diff[1].Kind)

		again, err := b.Get(keeper, base.ID)
		require.NoError(t, err)
		assert.Equal(t, base.Digest, again.Digest, "it is as it was")
		again.Items[0].Name = "forged"
		assert.ErrorContains(t, again.Verify(), string(one))
	})
	t.Run("F-CFG-8 a scope that has grown is the next version", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.item("server", attrs{"model": text("M")})
		base, err := b.Do(keeper, "", baseline.Take{Name: "core", Scope: baseline.Scope{Classes: []string{"server"}}})
		require.NoError(t, err)
		b.item("storage", attrs{"model": text("M")})
		next, err := b.Do(keeper, "", baseline.Take{Prior: base.ID, Scope: baseline.Scope{Classes: []string{"hardware"}}})
		require.NoError(t, err)
		assert.Equal(t, "core", next.Name)
		assert.Equal(t, 2, next.Number)
		assert.Len(t, next.Items, 2)
		old, err := b.Get(keeper, base.ID)
		require.NoError(t, err)
		assert.Len(t, old.Items, 1, "nothing is added later")
		_, err = b.Do(keeper, "", baseline.Take{Name: "x", Scope: baseline.Scope{Classes: []string{"robot"}}})
		require.ErrorContains(t, err, "robot")
	})
	t.Run("F-CFG-8 drift has three sides, and every deviation one cause", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		id := b.item("server", attrs{"model": text("R750"), "memory": itsm.NumberOf(64), "place": text("B1"), "cpu": text("x"), "firmware": text("1")})
		gone := b.item("storage", attrs{"model": text("old")})
		base, err := b.Do(keeper, "", baseline.Take{Name: "b"})
		require.NoError(t, err)
		see := func(attribute string, v itsm.Value) {
			b.do(id, config.Observe{Sightings: []config.Sighting{{Attribute: attribute, Source: "glpi", Value: v, At: b.clock.Now()}}})
		}
		see("firmware", text("0")) // seen before it was written
		b.clock.Add(time.Hour)
		b.do(id, config.Update{Authority: under, Attributes: attrs{"memory": itsm.NumberOf(128), "firmware": text("2")}})
		b.do(id, config.PlanChange{Authority: config.Under(future), Attributes: attrs{"place": text("B2")}})
		b.do(gone, config.Move{Authority: under, Step: config.DoWithdraw})
		b.do(gone, config.Dispose{Authority: under})
		b.clock.Add(time.Hour)
		see("place", text("B2"))
		see("model", text("R740"))
		var items []config.Item
		for item, err := range b.items.Find(keeper, itsm.Query{}) {
			require.NoError(t, err)
			items = append(items, item)
		}
		causes := map[string]baseline.Cause{}
		for _, d := range baseline.Drift(b.items.Items(), base.Items, items) {
			causes[d.Attribute] = d.Cause
			if d.Attribute == "place" {
				assert.Equal(t, future, d.Under)
				assert.Equal(t, []itsm.Value{text("B1"), text("B1"), text("B2")}, []itsm.Value{d.Baseline, d.Approved, d.Observed})
			}
		}
		assert.Equal(t, map[string]baseline.Cause{"": baseline.Authorised, "memory": baseline.Authorised, "place": baseline.Pending, "model": baseline.Unauthorised, "firmware": baseline.DiscoveryError}, causes)
	})
}

// fixed is a process with items of its own.
type fixed struct{ *baseline.Process }

func (f fixed) Gather(_ context.Context, _ baseline.Baseline, cmd baseline.Command, _ itsm.Env) (baseline.Facts, error) {
	item := config.Item{Class: "server", Name: "a"}
	item.ID = "CI-1"
	return baseline.Facts{Items: []baseline.Snapshot{baseline.Of(&item)}}, nil
}

func TestLaws(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[baseline.Baseline, baseline.Facts, baseline.Command]{
		Process: fixed{baseline.NewProcess(nil, nil, config.DefaultModel())}, States: []string{"frozen", "retired"},
		Command: func(t *rapid.T, _ baseline.Baseline, step int) (itsm.Command, []itsm.Option) {
			if step == 0 {
				return baseline.Take{Name: rapid.SampledFrom([]string{"a", "上线前"}).Draw(t, "name")}, nil
			}
			return baseline.Retire{}, nil
		},
	})
}
