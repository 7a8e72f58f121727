package impact_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

func drawQuery(t *rapid.T, items []itsm.ID) impact.Query {
	return impact.Query{
		Of:        rapid.SliceOfN(rapid.SampledFrom(items), 1, 3).Draw(t, "of"),
		Direction: rapid.SampledFrom([]impact.Direction{impact.Dependents, impact.Dependencies}).Draw(t, "direction"),
		Types:     drawTypes().Draw(t, "types"),
		Depth:     rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "depth"),
	}
}

func hits(r *impact.Reach) map[itsm.ID]int {
	out := map[itsm.ID]int{}
	for h := range r.All() {
		out[h.Item] = h.Distance
	}
	return out
}

// checkQuery holds the answer of a graph to a query against the model's.
func checkQuery(t *rapid.T, m *model, g *impact.Graph, q impact.Query) {
	want := m.distances(q)
	var count impact.Count
	for id, d := range want {
		if d == 0 {
			continue
		}
		count.Transitive++
		if d == 1 {
			count.Direct++
		}
		if !m.known[id] {
			count.Unknown++
		}
		count.MaxHops = max(count.MaxHops, d)
	}
	maps.DeleteFunc(want, func(_ itsm.ID, d int) bool { return d == 0 })

	got, err := g.Count(q)
	require.NoError(t, err)
	require.Equal(t, count, got)
	r, err := g.Reach(q)
	require.NoError(t, err)
	require.Equal(t, count, r.Count())
	require.Equal(t, want, hits(r))
	require.True(t, slices.IsSortedFunc(slices.Collect(r.All()), func(a, b impact.Hit) int {
		if a.Distance != b.Distance {
			return a.Distance - b.Distance
		}
		return slices.Compare([]itsm.ID{a.Item}, []itsm.ID{b.Item})
	}), "sorted by distance, then ID")
	visited := map[itsm.ID]int{}
	require.NoError(t, g.Visit(q, func(id itsm.ID, d int) bool { visited[id] = d; return true }))
	require.Equal(t, want, visited)
	for id, d := range want {
		chain, ok := r.Chain(id)
		require.True(t, ok)
		require.Len(t, chain, d)
		checkChain(t, m, q, chain, id)
	}
}

// checkChain follows a chain from the start of the search to the item.
func checkChain(t *rapid.T, m *model, q impact.Query, chain []impact.Relation, id itsm.ID) {
	for i, r := range chain {
		require.Positive(t, m.count[r], "the relation is there")
		require.True(t, follows(q.Types, r.Type))
		near, far := r.To, r.From
		if q.Direction == impact.Dependencies {
			near, far = far, near
		}
		if i == 0 {
			require.Contains(t, q.Of, near)
		}
		if i == len(chain)-1 {
			require.Equal(t, id, far)
		} else if q.Direction == impact.Dependents {
			require.Equal(t, far, chain[i+1].To)
		} else {
			require.Equal(t, far, chain[i+1].From)
		}
	}
}

// checkSame holds everything that a graph tells against the model.
func checkSame(t *rapid.T, m *model, g *impact.Graph) {
	require.Equal(t, len(m.known), g.Len())
	require.Equal(t, slices.Sorted(maps.Keys(m.known)), slices.Collect(g.Items()))
	var unknown []itsm.ID
	for id := range m.named() {
		if !m.known[id] {
			unknown = append(unknown, id)
		}
	}
	slices.Sort(unknown)
	require.Equal(t, unknown, slices.Collect(g.Unknown()))
	relations, dangling := 0, 0
	for r, n := range m.count {
		relations += n
		if !m.known[r.From] || !m.known[r.To] {
			dangling += n
		}
	}
	require.Equal(t, relations, g.Relations())
	require.Equal(t, dangling, g.Dangling())
	for _, id := range ids {
		var from, to []impact.Relation
		for _, r := range m.relations() {
			for range m.count[r] {
				if r.From == id {
					from = append(from, r)
				}
				if r.To == id {
					to = append(to, r)
				}
			}
		}
		require.Equal(t, from, slices.Collect(g.RelationsOf(id, impact.Dependencies)))
		require.Equal(t, to, slices.Collect(g.RelationsOf(id, impact.Dependents)))
		known, ok := g.Has(id)
		require.Equal(t, m.known[id], known)
		_, member := m.inGroup()[id]
		require.Equal(t, m.known[id] || m.named()[id] || member, ok)
		var groups []impact.Group
		for _, gr := range m.sortedGroups() {
			if gr.Item == id {
				gr.Members = slices.Clone(gr.Members)
				for i := range gr.Members {
					gr.Members[i].Weight = max(gr.Members[i].Weight, 1)
				}
				slices.SortFunc(gr.Members, func(a, b impact.Member) int { return slices.Compare([]itsm.ID{a.Item}, []itsm.ID{b.Item}) })
				groups = append(groups, gr)
			}
		}
		require.Equal(t, groups, g.Groups(id))
	}
}

func (m *model) inGroup() map[itsm.ID]bool {
	out := map[itsm.ID]bool{}
	for _, gr := range m.groups {
		out[gr.Item] = true
		for _, mb := range gr.Members {
			out[mb.Item] = true
		}
	}
	return out
}

func TestQueries(t *testing.T) {
	t.Parallel()
	t.Run("R-256 what is affected, with its depth, is what a plain search finds, also in cycles", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 25, 0)
			if items := m.items(); len(items) > 0 {
				checkQuery(t, m, g, drawQuery(t, items))
			}
		})
	})
	t.Run("INV-19 every relation has both ends in the graph, unknown ones counted, and what is reached is closed under dependency", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 25, 0)
			items := m.items()
			if len(items) == 0 {
				return
			}
			q := drawQuery(t, items)
			q.Depth = 0
			r, err := g.Reach(q)
			require.NoError(t, err)
			whole := true
			for rel := range m.count {
				for _, end := range []itsm.ID{rel.From, rel.To} {
					known, ok := g.Has(end)
					require.True(t, ok)
					whole = whole && known
				}
				near, far := rel.To, rel.From
				if q.Direction == impact.Dependencies {
					near, far = far, near
				}
				if _, in := r.Distance(near); in && follows(q.Types, rel.Type) {
					_, too := r.Distance(far)
					require.True(t, too, "%v leads out", rel)
				}
			}
			require.Equal(t, whole, g.Dangling() == 0)
		})
	})
}

func TestChanges(t *testing.T) {
	t.Parallel()
	t.Run("a graph after changes is the one built anew, and snapshots stay as they were", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 15, 3)
			type moment struct {
				*model
				*impact.Graph
			}
			past := []moment{{m.clone(), g}}
			for _, c := range rapid.SliceOfN(drawChange(), 1, 30).Draw(t, "more changes") {
				next, err := g.Apply(c)
				if !m.apply(c) {
					require.ErrorIs(t, err, itsm.ErrInvalid)
					require.Nil(t, next)
					continue
				}
				require.NoError(t, err)
				if g = next; rapid.IntRange(0, 9).Draw(t, "compact") == 0 {
					g = g.Compact()
				}
				past = append(past, moment{m.clone(), g})
			}
			for _, p := range past {
				checkSame(t, p.model, p.Graph)
			}
			fresh := m.build(t)
			checkSame(t, m, fresh)
			items := m.items()
			if len(items) == 0 {
				return
			}
			q := drawQuery(t, items)
			checkQuery(t, m, g, q)
			a, err := g.Reach(q)
			require.NoError(t, err)
			b, err := fresh.Reach(q)
			require.NoError(t, err)
			for h := range a.All() {
				x, _ := a.Chain(h.Item)
				y, _ := b.Chain(h.Item)
				require.Equal(t, x, y, "the explanation does not depend on how the graph came about")
			}
			require.Equal(t, g.Cycles(q.Types...), fresh.Cycles(q.Types...))
		})
	})
	t.Run("two graphs grow from one", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 10, 2)
			for range 2 {
				m, g := m.clone(), g
				for _, c := range rapid.SliceOfN(drawChange(), 1, 10).Draw(t, "branch") {
					if next, err := g.Apply(c); m.apply(c) {
						require.NoError(t, err)
						g = next
					}
				}
				checkSame(t, m, g)
			}
			checkSame(t, m, g)
		})
	})
	t.Run("all changes or none", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			m, g := drawModel(t, 10, 2)
			changes := rapid.SliceOfN(drawChange(), 1, 6).Draw(t, "at once")
			after, possible := m.clone(), true
			for _, c := range changes {
				possible = after.apply(c) && possible
			}
			next, err := g.Apply(changes...)
			require.Equal(t, possible, err == nil)
			if possible {
				checkSame(t, after, next)
			}
			checkSame(t, m, g)
		})
	})
}

func TestCycles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, g := drawModel(t, 20, 0)
		types := drawTypes().Draw(t, "types")
		reach := map[itsm.ID]map[itsm.ID]int{}
		for _, id := range m.items() {
			reach[id] = m.distances(impact.Query{Of: []itsm.ID{id}, Types: types})
		}
		want := map[itsm.ID][]itsm.ID{} // by first item
		for _, a := range m.items() {
			var together []itsm.ID
			for _, b := range m.items() {
				_, there := reach[a][b]
				_, back := reach[b][a]
				if there && back {
					together = append(together, b)
				}
			}
			if len(together) > 1 {
				want[together[0]] = together
			}
		}
		got := g.Cycles(types...)
		require.Len(t, got, len(want))
		for i, c := range got {
			require.Equal(t, want[c[0]], c)
			require.True(t, i == 0 || len(got[i-1]) > len(c) || len(got[i-1]) == len(c) && got[i-1][0] < c[0])
		}
	})
}
