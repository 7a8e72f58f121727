package impact_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

func drawScenario(t *rapid.T, items []itsm.ID) impact.Scenario {
	some := func(name string, most int) []itsm.ID {
		return rapid.SliceOfN(rapid.SampledFrom(items), 0, most).Draw(t, name)
	}
	return impact.Scenario{Failed: some("failed", 3), Already: some("already", 2), Held: some("held", 2), Types: drawTypes().Draw(t, "types")}
}

func effects(o *impact.Outcome) map[itsm.ID]impact.State {
	out := map[itsm.ID]impact.State{}
	for e := range o.All() {
		out[e.Item] = e.State
	}
	return out
}

func TestRedundancy(t *testing.T) {
	t.Parallel()
	t.Run("F-CFG-10 down, degraded and at risk are what a plain fixpoint finds", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 25, 5)
			items := m.items()
			if len(items) == 0 {
				return
			}
			s := drawScenario(t, items)
			o, err := g.Simulate(s)
			require.NoError(t, err)
			want := m.states(s, slices.Concat(s.Failed, s.Already)...)
			before := m.states(s, s.Already...)
			require.Equal(t, want, effects(o))
			require.Equal(t, len(want), o.Len())
			for e := range o.All() {
				if old, ok := before[e.Item]; ok {
					require.Equal(t, old, e.Before)
				} else {
					require.Equal(t, impact.Up, e.Before)
				}
			}
		})
	})
	t.Run("F-CFG-10 one more failed item heals none", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 25, 5)
			items := m.items()
			if len(items) == 0 {
				return
			}
			s := drawScenario(t, items)
			less, err := g.Simulate(s)
			require.NoError(t, err)
			s.Failed = append(s.Failed, rapid.SampledFrom(items).Draw(t, "one more"))
			more, err := g.Simulate(s)
			require.NoError(t, err)
			for _, id := range items {
				require.False(t, less.State(id).Worse(more.State(id)), "%s was %s, is %s", id, less.State(id), more.State(id))
			}
		})
	})
	t.Run("F-CFG-10 an explanation names causes that suffice and of which none can be left out", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 25, 5)
			items := m.items()
			if len(items) == 0 {
				return
			}
			s := drawScenario(t, items)
			o, err := g.Simulate(s)
			require.NoError(t, err)
			for e := range o.All() {
				x, ok := o.Explain(e.Item)
				require.True(t, ok)
				require.Equal(t, e.State, x.State)
				require.Equal(t, e.State, m.states(s, x.Causes...)[e.Item], "the causes suffice")
				for i := range x.Causes {
					rest := slices.Delete(slices.Clone(x.Causes), i, i+1)
					require.True(t, e.State.Worse(orUp(m.states(s, rest...)[e.Item])), "%s is not needed", x.Causes[i])
				}
				checkSteps(t, m, s, x)
				again, err := m.build(t).Simulate(s)
				require.NoError(t, err)
				y, _ := again.Explain(e.Item)
				require.Equal(t, x, y, "the same for the graph built anew")
			}
		})
	})
}

func orUp(s impact.State) impact.State {
	if s == "" {
		return impact.Up
	}
	return s
}

// checkSteps goes through an explanation as a sceptic would: each step has to follow from earlier ones.
func checkSteps(t *rapid.T, m *model, s impact.Scenario, x impact.Explanation) {
	told := map[itsm.ID]impact.State{}
	for _, step := range x.Steps {
		switch {
		case step.Failed:
			require.Contains(t, x.Causes, step.Item)
			require.Equal(t, impact.Down, step.State)
		default:
			require.NotEmpty(t, step.By)
			for _, r := range step.By {
				require.Equal(t, step.Item, r.From)
				require.Positive(t, m.count[r])
				require.True(t, follows(s.Types, r.Type))
				require.Contains(t, told, r.To, "it was told before")
			}
			require.Equal(t, step.State, m.state(step.Item, m.needs(step.Item, s.Types), told), "it follows from what was told")
		}
		told[step.Item] = step.State
	}
	require.Equal(t, x.State, told[x.Item])
}

// down reports whether the loss of some items takes a service down.
func (m *model) downWith(s impact.Scenario, service itsm.ID, lost ...itsm.ID) bool {
	return m.states(s, slices.Concat(s.Failed, s.Already, lost)...)[service] == impact.Down
}

func TestWeakness(t *testing.T) {
	t.Parallel()
	t.Run("F-CFG-12 single points of failure are those that brute force finds", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 25, 6)
			items := m.items()
			if len(items) == 0 {
				return
			}
			s, service := drawScenario(t, items), rapid.SampledFrom(items).Draw(t, "service")
			got, err := g.SinglePoints(service, s)
			if m.downWith(s, service) {
				require.ErrorIs(t, err, impact.ErrDown)
				return
			}
			require.NoError(t, err)
			want := []itsm.ID{}
			for _, id := range items {
				if id != service && m.downWith(s, service, id) {
					want = append(want, id)
				}
			}
			require.Equal(t, want, got)
		})
	})
	t.Run("F-CFG-12 minimal cuts are those that brute force finds", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 20, 8)
			items := m.items()
			if len(items) == 0 {
				return
			}
			s, service := drawScenario(t, items), rapid.SampledFrom(items).Draw(t, "service")
			got, err := g.Cuts(service, s, 3)
			if m.downWith(s, service) {
				require.ErrorIs(t, err, impact.ErrDown)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, m.bruteCuts(s, service, items, 3), got)
		})
	})
}

// bruteCuts tries every set of up to so many items.
func (m *model) bruteCuts(s impact.Scenario, service itsm.ID, items []itsm.ID, most int) [][]itsm.ID {
	var found [][]itsm.ID
	var try func(set []itsm.ID, from, size int)
	try = func(set []itsm.ID, from, size int) {
		if len(set) == size {
			for _, f := range found {
				if !slices.ContainsFunc(f, func(id itsm.ID) bool { return !slices.Contains(set, id) }) {
					return
				}
			}
			if m.downWith(s, service, set...) {
				found = append(found, slices.Clone(set))
			}
			return
		}
		for i := from; i < len(items); i++ {
			if items[i] != service {
				try(append(slices.Clone(set), items[i]), i+1, size)
			}
		}
	}
	for size := 1; size <= most; size++ {
		try(nil, 0, size)
	}
	return found
}

func TestUnavailability(t *testing.T) {
	t.Parallel()
	t.Run("F-CFG-10 the probability is the sum over all combinations of failures", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 15, 6)
			items := m.items()
			if len(items) == 0 {
				return
			}
			s, service := drawScenario(t, items), rapid.SampledFrom(items).Draw(t, "service")
			chance := map[itsm.ID]float64{}
			var open []itsm.ID
			for _, id := range items {
				if chance[id] = rapid.SampledFrom([]float64{0, 0.1, 0.25, 0.5, 1}).Draw(t, "chance"); chance[id] > 0 && len(open) < 7 {
					open = append(open, id)
				} else {
					chance[id] = 0
				}
			}
			want := 0.0
			for some := range 1 << len(open) {
				p, lost := 1.0, []itsm.ID(nil)
				for k, id := range open {
					if some>>k&1 == 1 {
						p *= chance[id]
						lost = append(lost, id)
					} else {
						p *= 1 - chance[id]
					}
				}
				if p > 0 && m.downWith(s, service, lost...) {
					want += p
				}
			}
			got, err := g.Unavailability(service, s, func(id itsm.ID) float64 { return chance[id] })
			require.NoError(t, err)
			require.InDelta(t, want, got, 1e-9)
		})
	})
}
