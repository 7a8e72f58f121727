package impact_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

func item(id itsm.ID) impact.Change { return impact.AddItem{Item: id} }

func relation(from, to itsm.ID) impact.AddRelation {
	return impact.AddRelation{Relation: impact.Relation{From: from, To: to, Type: "needs"}}
}

// ward is a service on two servers of which one suffices; both hang on one switch.
func ward(t testing.TB) *impact.Graph {
	return graphOf(t, item("emr"), item("app-1"), item("app-2"), item("switch"), item("power"),
		relation("emr", "app-1"), relation("emr", "app-2"), relation("app-1", "switch"), relation("app-2", "switch"), relation("switch", "power"),
		relation("desk", "emr"),
		impact.SetGroup{Group: impact.AnyOf("emr", "servers", "app-1", "app-2")})
}

func TestZeroGraph(t *testing.T) {
	t.Parallel()
	var g impact.Graph
	assert.Zero(t, g.Len()+g.Relations()+g.Dangling())
	assert.Empty(t, slices.Collect(g.Items()))
	assert.Empty(t, g.Cycles())
	assert.Same(t, &g, g.Compact())
	_, ok := g.Has("x")
	assert.False(t, ok)
	_, err := g.Count(impact.Query{Of: []itsm.ID{"x"}})
	require.ErrorIs(t, err, impact.ErrNoItem)
	next, err := g.Apply(item("x"))
	require.NoError(t, err)
	n, err := next.Count(impact.Query{Of: []itsm.ID{"x"}})
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestUnknownEnds(t *testing.T) {
	t.Parallel()
	t.Run("a relation to an item that is not there is kept, counted, and made whole when the item comes", func(t *testing.T) {
		t.Parallel()
		g := graphOf(t, item("lis"), relation("lis", "analyser"), relation("lis", "analyser"), relation("lis", "lis"))
		assert.Equal(t, 1, g.Len())
		assert.Equal(t, 3, g.Relations())
		assert.Equal(t, 2, g.Dangling())
		assert.Equal(t, []itsm.ID{"analyser"}, slices.Collect(g.Unknown()))
		n, err := g.Count(impact.Query{Of: []itsm.ID{"lis"}, Direction: impact.Dependencies})
		require.NoError(t, err)
		assert.Equal(t, impact.Count{Direct: 1, Transitive: 1, Unknown: 1, MaxHops: 1}, n)

		g, err = g.Apply(item("analyser"))
		require.NoError(t, err)
		assert.Zero(t, g.Dangling())
		g, err = g.Apply(impact.RemoveItem{Item: "analyser"})
		require.NoError(t, err)
		assert.Equal(t, 2, g.Dangling(), "removing an item does not hide the relations to it")
	})
}

func TestRadius(t *testing.T) {
	t.Parallel()
	t.Run("R-256 what is hit is told as services and departments with their distance", func(t *testing.T) {
		t.Parallel()
		meaning := map[itsm.ID]impact.Meaning{
			"emr":   {Service: true, Departments: []string{"wards", "wards"}},
			"app-1": {Departments: []string{"IT"}},
			"app-2": {Departments: []string{"IT"}},
			"desk":  {Service: true, Departments: []string{"IT", "wards"}},
		}
		r, err := ward(t).Reach(impact.Query{Of: []itsm.ID{"switch"}})
		require.NoError(t, err)
		got := r.Radius(func(id itsm.ID) impact.Meaning { return meaning[id] })
		assert.Equal(t, impact.Radius{
			Count:       impact.Count{Direct: 2, Transitive: 4, Unknown: 1, MaxHops: 3},
			Services:    []impact.Hit{{Item: "emr", Distance: 2}, {Item: "desk", Distance: 3}},
			Departments: []impact.Department{{Name: "IT", Items: 3, Distance: 1}, {Name: "wards", Items: 2, Distance: 2}},
		}, got)
		r, err = ward(t).Reach(impact.Query{Of: []itsm.ID{"emr"}, Direction: impact.Dependencies})
		require.NoError(t, err)
		assert.Equal(t, []impact.Hit{{Item: "emr"}}, r.Radius(func(id itsm.ID) impact.Meaning { return meaning[id] }).Services, "a service that fails itself is hit")
	})
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	simulate := func(t *testing.T, s impact.Scenario) *impact.Outcome {
		o, err := ward(t).Simulate(s)
		require.NoError(t, err)
		return o
	}
	t.Run("F-CFG-10 one of two is degraded, and what depends on it at risk", func(t *testing.T) {
		t.Parallel()
		o := simulate(t, impact.Scenario{Failed: []itsm.ID{"app-1"}})
		assert.Equal(t, []impact.Effect{
			{Item: "app-1", State: impact.Down, Before: impact.Up}, {Item: "emr", State: impact.Degraded, Before: impact.Up}, {Item: "desk", State: impact.AtRisk, Before: impact.Up},
		}, slices.Collect(o.All()))
		assert.Equal(t, impact.Up, o.State("app-2"))
		assert.Equal(t, impact.Up, o.State("nowhere"))
		_, ok := o.Explain("app-2")
		assert.False(t, ok)
	})
	t.Run("F-CFG-10 an open ticket on the other half makes the second failure felt", func(t *testing.T) {
		t.Parallel()
		o := simulate(t, impact.Scenario{Failed: []itsm.ID{"app-2"}, Already: []itsm.ID{"app-1"}})
		assert.Contains(t, slices.Collect(o.All()), impact.Effect{Item: "emr", State: impact.Down, Before: impact.Degraded})
		assert.Contains(t, slices.Collect(o.All()), impact.Effect{Item: "app-1", State: impact.Down, Before: impact.Down}, "it is not the new failure that took it down")
		x, ok := o.Explain("desk")
		require.True(t, ok)
		assert.Equal(t, impact.Explanation{Item: "desk", State: impact.Down, Causes: []itsm.ID{"app-1", "app-2"}, Steps: []impact.Step{
			{Item: "app-1", State: impact.Down, Failed: true},
			{Item: "app-2", State: impact.Down, Failed: true},
			{Item: "emr", State: impact.Down, Group: "servers", Need: 1, By: []impact.Relation{{From: "emr", To: "app-1", Type: "needs"}, {From: "emr", To: "app-2", Type: "needs"}}},
			{Item: "desk", State: impact.Down, By: []impact.Relation{{From: "desk", To: "emr", Type: "needs"}}},
		}}, x)
	})
	t.Run("F-CFG-10 who is said not to be affected stays up and carries nothing further", func(t *testing.T) {
		t.Parallel()
		o := simulate(t, impact.Scenario{Failed: []itsm.ID{"switch"}, Held: []itsm.ID{"emr"}})
		assert.Equal(t, impact.Down, o.State("app-1"))
		assert.Equal(t, impact.Up, o.State("emr"))
		assert.Equal(t, impact.Up, o.State("desk"))
	})
	t.Run("F-CFG-10 weights: the big node can carry what the small ones cannot", func(t *testing.T) {
		t.Parallel()
		g := graphOf(t, relation("farm", "big"), relation("farm", "small-1"), relation("farm", "small-2"), impact.SetGroup{Group: impact.Group{
			Item: "farm", Name: "capacity", Percent: 50, Members: []impact.Member{{Item: "big", Weight: 4}, {Item: "small-1"}, {Item: "small-2"}},
		}})
		for failed, want := range map[itsm.ID]impact.State{"big": impact.Down, "small-1": impact.Degraded} {
			o, err := g.Simulate(impact.Scenario{Failed: []itsm.ID{failed}})
			require.NoError(t, err)
			assert.Equal(t, want, o.State("farm"), failed)
		}
	})
	t.Run("items in a cycle do not keep each other down", func(t *testing.T) {
		t.Parallel()
		g := graphOf(t, relation("a", "b"), relation("b", "a"), relation("a", "a"), relation("b", "c"))
		o, err := g.Simulate(impact.Scenario{})
		require.NoError(t, err)
		assert.Zero(t, o.Len())
		o, err = g.Simulate(impact.Scenario{Failed: []itsm.ID{"c"}})
		require.NoError(t, err)
		assert.Equal(t, 3, o.Len())
	})
	t.Run("F-CFG-12 the switch behind both servers is the weak point, the pair of servers a cut", func(t *testing.T) {
		t.Parallel()
		points, err := ward(t).SinglePoints("emr", impact.Scenario{})
		require.NoError(t, err)
		assert.Equal(t, []itsm.ID{"power", "switch"}, points)
		points, err = ward(t).SinglePoints("emr", impact.Scenario{Already: []itsm.ID{"app-1"}})
		require.NoError(t, err)
		assert.Equal(t, []itsm.ID{"app-2", "power", "switch"}, points)
		cuts, err := ward(t).Cuts("emr", impact.Scenario{}, 2)
		require.NoError(t, err)
		assert.Equal(t, [][]itsm.ID{{"power"}, {"switch"}, {"app-1", "app-2"}}, cuts)
	})
}

func TestErrors(t *testing.T) {
	t.Parallel()
	g := ward(t)
	long := itsm.ID(strings.Repeat("x", 201))
	t.Run("every fault of a batch is named", func(t *testing.T) {
		t.Parallel()
		_, err := g.Apply(item("new"), impact.RemoveItem{Item: "gone"}, impact.RemoveRelation{Relation: impact.Relation{From: "emr", To: "switch", Type: "needs"}},
			item(long), item(""), relation("", long), impact.RemoveGroup{Item: "emr", Name: "disks"},
			impact.SetGroup{Group: impact.Group{Item: "a", Need: -1, Percent: 101, Members: []impact.Member{{Item: "a", Weight: -1}, {Item: "a"}}}},
			impact.SetGroup{Group: impact.Group{Item: "a", Name: "empty"}})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		var reasons itsm.Reasons
		require.True(t, errors.As(err, &reasons))
		var codes []itsm.Code
		for _, r := range reasons {
			codes = append(codes, r.Code())
			assert.NotContains(t, r.Error()+r.In(itsm.Chinese), "{")
		}
		assert.Equal(t, []itsm.Code{
			"impact.no_item", "impact.no_relation", "impact.name_invalid", "impact.name_invalid", "impact.name_invalid", "impact.name_invalid", "impact.no_group",
			"impact.name_invalid", "impact.group_invalid", "impact.group_invalid", "impact.group_invalid", "impact.group_invalid", "impact.group_invalid", "impact.group_invalid", "impact.group_invalid",
			"impact.group_invalid",
		}, codes)
	})
	t.Run("questions", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			ask  func() error
			want error
		}{
			"about nothing":      {func() error { _, err := g.Count(impact.Query{}); return err }, impact.ErrNothing},
			"too shallow":        {func() error { _, err := g.Reach(impact.Query{Of: []itsm.ID{"emr"}, Depth: -1}); return err }, impact.ErrDepth},
			"about the unknown":  {func() error { return g.Visit(impact.Query{Of: []itsm.ID{"x"}}, nil) }, impact.ErrNoItem},
			"what if x fails":    {func() error { _, err := g.Simulate(impact.Scenario{Failed: []itsm.ID{"x"}}); return err }, impact.ErrNoItem},
			"weak points of x":   {func() error { _, err := g.SinglePoints("x", impact.Scenario{}); return err }, impact.ErrNoItem},
			"weak points when x": {func() error { _, err := g.SinglePoints("emr", impact.Scenario{Held: []itsm.ID{"x"}}); return err }, impact.ErrNoItem},
			"what took down": {func() error {
				_, err := g.SinglePoints("emr", impact.Scenario{Failed: []itsm.ID{"switch"}})
				return err
			}, impact.ErrDown},
			"cuts of none": {func() error { _, err := g.Cuts("emr", impact.Scenario{}, 0); return err }, impact.ErrOrder},
			"cuts of x":    {func() error { _, err := g.Cuts("x", impact.Scenario{}, 1); return err }, impact.ErrNoItem},
			"chance of x":  {func() error { _, err := g.Unavailability("x", impact.Scenario{}, nil); return err }, impact.ErrNoItem},
			"chance above certain": {func() error {
				_, err := g.Unavailability("emr", impact.Scenario{}, func(itsm.ID) float64 { return 2 })
				return err
			}, impact.ErrProbability},
		} {
			require.ErrorIs(t, c.ask(), c.want, name)
		}
	})
	t.Run("the builder refuses alike", func(t *testing.T) {
		t.Parallel()
		var b impact.Builder
		require.ErrorIs(t, b.AddItem(""), impact.ErrName)
		require.ErrorIs(t, b.AddRelation(impact.Relation{From: "a", To: "b"}), impact.ErrName)
		require.ErrorIs(t, b.AddRelation(impact.Relation{From: "a", To: long, Type: "t"}), impact.ErrName)
		require.ErrorIs(t, b.SetGroup(impact.AnyOf("a", "g")), impact.ErrGroup)
		for k := range 64 {
			require.NoError(t, b.AddRelation(impact.Relation{From: "a", To: "b", Type: impact.RelationType(fmt.Sprint("t", k))}))
		}
		require.ErrorIs(t, b.AddRelation(impact.Relation{From: "a", To: "b", Type: "t64"}), impact.ErrTooMany)
		g := b.Graph()
		assert.Equal(t, 64, g.Relations())
		_, ok := g.Has(long)
		assert.False(t, ok, "nothing of what was refused is there")
		_, err := g.Apply(impact.AddRelation{Relation: impact.Relation{From: "a", To: "b", Type: "t64"}})
		require.ErrorIs(t, err, impact.ErrTooMany)
		n, err := g.Count(impact.Query{Of: []itsm.ID{"b"}, Types: []impact.RelationType{"t63"}})
		require.NoError(t, err)
		assert.Equal(t, 1, n.Direct, "the last type is followed too")
	})
	t.Run("too much redundancy is not computed for hours", func(t *testing.T) {
		t.Parallel()
		var changes []impact.Change
		for k := range 40 {
			a, b := itsm.ID(fmt.Sprint("a", k)), itsm.ID(fmt.Sprint("b", k))
			changes = append(changes, relation("s", a), relation("s", b), impact.SetGroup{Group: impact.AnyOf("s", fmt.Sprint(k), a, b)})
		}
		_, err := graphOf(t, changes...).Unavailability("s", impact.Scenario{}, func(itsm.ID) float64 { return 0.01 })
		require.ErrorIs(t, err, impact.ErrTangled)
	})
}

// TestManyChanges lets a graph grow far beyond what it carries along.
func TestManyChanges(t *testing.T) {
	t.Parallel()
	n := random(500, 6000)
	g := new(impact.Graph)
	for i, w := range n.wires {
		var err error
		g, err = g.Apply(item(n.ids[w.to]), impact.AddRelation{Relation: impact.Relation{From: n.ids[w.from], To: n.ids[w.to], Type: w.kind}})
		require.NoError(t, err)
		if i%7 == 0 {
			old := n.wires[i/2]
			r := impact.Relation{From: n.ids[old.from], To: n.ids[old.to], Type: old.kind}
			g, err = g.Apply(impact.RemoveRelation{Relation: r}, impact.AddRelation{Relation: r})
			require.NoError(t, err)
		}
	}
	fresh := n.build(t)
	assert.Equal(t, fresh.Relations(), g.Relations())
	for _, id := range n.ids[:50] {
		for _, side := range []impact.Direction{impact.Dependents, impact.Dependencies} {
			assert.Equal(t, slices.Collect(fresh.RelationsOf(id, side)), slices.Collect(g.RelationsOf(id, side)))
			q := impact.Query{Of: []itsm.ID{id}, Direction: side, Types: []impact.RelationType{"runs_on"}, Depth: 6}
			a, err := fresh.Reach(q)
			require.NoError(t, err)
			b, err := g.Reach(q)
			require.NoError(t, err)
			assert.Equal(t, slices.Collect(a.All()), slices.Collect(b.All()))
		}
	}
}

// TestLive has readers and writers at work together: every reader sees whole batches only.
func TestLive(t *testing.T) {
	t.Parallel()
	t.Run("readers see whole batches, in order", func(t *testing.T) {
		t.Parallel()
		const writers, batches = 4, 200
		live := impact.Follow(nil, "")
		var write, read sync.WaitGroup
		done := make(chan struct{})
		for r := range 4 {
			read.Go(func() {
				last := 0
				for {
					g := live.Graph()
					if g.Relations()%2 != 0 || g.Relations() < last || g.Len() != g.Relations()/2 {
						t.Errorf("reader %d: %d items, %d relations after %d", r, g.Len(), g.Relations(), last)
						return
					}
					last = g.Relations()
					for id := range g.Items() {
						if n, err := g.Count(impact.Query{Of: []itsm.ID{id}, Direction: impact.Dependencies}); err != nil || n.Direct != 2 {
							t.Errorf("reader %d: %s: %+v %v", r, id, n, err)
							return
						}
						break
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for w := range writers {
			write.Go(func() {
				for k := range batches {
					id := itsm.ID(fmt.Sprintf("i-%d-%d", w, k))
					if err := live.Apply(item(id), relation(id, "hub-1"), relation(id, "hub-2")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		write.Wait()
		close(done)
		read.Wait()
		assert.Equal(t, writers*batches, live.Graph().Len())
	})
	t.Run("an entry of the journal counts once", func(t *testing.T) {
		t.Parallel()
		live := impact.Follow(graphOf(t, item("a")), "7")
		ok, err := live.ApplyAt("7", "8", relation("a", "b"))
		require.NoError(t, err)
		assert.True(t, ok)
		ok, err = live.ApplyAt("7", "8", relation("a", "b"))
		require.NoError(t, err)
		assert.False(t, ok)
		_, err = live.ApplyAt("8", "9", impact.RemoveItem{Item: "x"})
		require.ErrorIs(t, err, impact.ErrNoItem)
		require.NoError(t, live.Apply(item("c")))
		g, at := live.Position()
		assert.Equal(t, itsm.Position("8"), at)
		assert.Equal(t, 1, g.Relations())
		assert.Equal(t, 2, g.Len())
	})
}

func TestStates(t *testing.T) {
	t.Parallel()
	assert.True(t, impact.Down.Worse(impact.Degraded) && impact.Degraded.Worse(impact.AtRisk) && impact.AtRisk.Worse(impact.Up))
	assert.False(t, impact.Up.Worse(impact.Up))
	assert.True(t, impact.AtRisk.Valid())
	assert.False(t, impact.State("broken").Valid())
	assert.Equal(t, "dependents dependencies", fmt.Sprint(impact.Dependents, " ", impact.Dependencies))
}
