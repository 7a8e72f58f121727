package impact_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

// A model is a graph as plainly as it can be said.
type model struct {
	known  map[itsm.ID]bool
	count  map[impact.Relation]int
	groups map[[2]string]impact.Group
}

func newModel() *model {
	return &model{map[itsm.ID]bool{}, map[impact.Relation]int{}, map[[2]string]impact.Group{}}
}

func (m *model) clone() *model {
	return &model{maps.Clone(m.known), maps.Clone(m.count), maps.Clone(m.groups)}
}

// apply returns whether the change is possible.
func (m *model) apply(c impact.Change) bool {
	switch c := c.(type) {
	case impact.AddItem:
		m.known[c.Item] = true
	case impact.RemoveItem:
		if !m.known[c.Item] {
			return false
		}
		delete(m.known, c.Item)
	case impact.AddRelation:
		m.count[c.Relation]++
	case impact.RemoveRelation:
		if m.count[c.Relation] == 0 {
			return false
		}
		if m.count[c.Relation]--; m.count[c.Relation] == 0 {
			delete(m.count, c.Relation)
		}
	case impact.RemoveRelations:
		maps.DeleteFunc(m.count, func(r impact.Relation, _ int) bool { return r.Type == c.Type && (r.From == c.Item || r.To == c.Item) })
	case impact.SetGroup:
		m.groups[[2]string{string(c.Group.Item), c.Name}] = c.Group
	case impact.RemoveGroup:
		key := [2]string{string(c.Item), c.Name}
		if _, ok := m.groups[key]; !ok {
			return false
		}
		delete(m.groups, key)
	}
	return true
}

func (m *model) relations() []impact.Relation {
	return slices.SortedFunc(maps.Keys(m.count), impact.Relation.Compare)
}

// named returns everything that a relation names.
func (m *model) named() map[itsm.ID]bool {
	all := map[itsm.ID]bool{}
	for r := range m.count {
		all[r.From], all[r.To] = true, true
	}
	return all
}

// items returns everything that is known or that a relation names, sorted.
func (m *model) items() []itsm.ID {
	all := m.named()
	maps.Copy(all, m.known)
	return slices.Sorted(maps.Keys(all))
}

// build makes the graph anew.
func (m *model) build(t require.TestingT) *impact.Graph {
	var b impact.Builder
	for _, r := range slices.Backward(m.relations()) {
		for range m.count[r] {
			require.NoError(t, b.AddRelation(r))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(m.known)) {
		require.NoError(t, b.AddItem(id))
	}
	for _, gr := range m.sortedGroups() {
		require.NoError(t, b.SetGroup(gr))
	}
	return b.Graph()
}

func (m *model) sortedGroups() []impact.Group {
	return slices.SortedFunc(maps.Values(m.groups), func(a, b impact.Group) int {
		return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Name, b.Name))
	})
}

func follows(types []impact.RelationType, t impact.RelationType) bool {
	return len(types) == 0 || slices.Contains(types, t)
}

// distances is a breadth-first search over maps.
func (m *model) distances(q impact.Query) map[itsm.ID]int {
	at := map[itsm.ID]int{}
	var queue []itsm.ID
	for _, id := range q.Of {
		at[id] = 0
		queue = append(queue, id)
	}
	relations := m.relations()
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if q.Depth > 0 && at[id] == q.Depth {
			continue
		}
		for _, r := range relations {
			from, to := r.To, r.From
			if q.Direction == impact.Dependencies {
				from, to = to, from
			}
			if from != id || !follows(q.Types, r.Type) {
				continue
			}
			if _, seen := at[to]; !seen {
				at[to] = at[id] + 1
				queue = append(queue, to)
			}
		}
	}
	return at
}

// needs returns the dependencies of an item.
func (m *model) needs(id itsm.ID, types []impact.RelationType) map[itsm.ID]bool {
	out := map[itsm.ID]bool{}
	for r := range m.count {
		if r.From == id && follows(types, r.Type) {
			out[r.To] = true
		}
	}
	return out
}

// states goes over all items until nothing changes any more.
func (m *model) states(s impact.Scenario, failed ...itsm.ID) map[itsm.ID]impact.State {
	held := func(id itsm.ID) bool { return slices.Contains(s.Held, id) }
	out := map[itsm.ID]impact.State{}
	for _, id := range failed {
		if !held(id) {
			out[id] = impact.Down
		}
	}
	set := func(id itsm.ID, st impact.State) bool {
		old, ok := out[id]
		if !ok {
			old = impact.Up
		}
		if held(id) || !st.Worse(old) {
			return false
		}
		out[id] = st
		return true
	}
	items := m.items()
	needs := map[itsm.ID]map[itsm.ID]bool{}
	for _, id := range items {
		needs[id] = m.needs(id, s.Types)
	}
	// First what is down, and only then what that does to the rest.
	for _, last := range []impact.State{impact.Down, impact.Degraded, impact.AtRisk} {
		for changed := true; changed; {
			changed = false
			for _, id := range items {
				if st := m.state(id, needs[id], out); !last.Worse(st) {
					changed = set(id, st) || changed
				}
			}
		}
	}
	return out
}

// state is what an item is in, by its dependencies.
func (m *model) state(id itsm.ID, needs map[itsm.ID]bool, now map[itsm.ID]impact.State) impact.State {
	grouped := map[itsm.ID]bool{}
	out := impact.Up
	worse := func(st impact.State) {
		if st.Worse(out) {
			out = st
		}
	}
	for _, gr := range m.groups {
		if gr.Item != id {
			continue
		}
		present, up := 0, 0
		for _, mb := range gr.Members {
			if !needs[mb.Item] {
				continue
			}
			grouped[mb.Item] = true
			present += max(mb.Weight, 1)
			if now[mb.Item] != impact.Down {
				up += max(mb.Weight, 1)
			}
		}
		need := min(gr.Need, present)
		if gr.Percent > 0 {
			for need = 0; need*100 < present*gr.Percent; need++ {
			}
		}
		if up < need {
			worse(impact.Down)
		}
		if up < present {
			worse(impact.Degraded)
		}
	}
	for p := range needs {
		if now[p] == impact.Down && !grouped[p] {
			worse(impact.Down)
		}
		if now[p] == impact.Degraded || now[p] == impact.AtRisk {
			worse(impact.AtRisk)
		}
	}
	return out
}

// ids are the items of generated graphs: few, so that relations meet.
var ids = []itsm.ID{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}

var types = []impact.RelationType{"runs_on", "uses", "fed_by"}

func drawID() *rapid.Generator[itsm.ID] { return rapid.SampledFrom(ids) }

func drawRelation() *rapid.Generator[impact.Relation] {
	return rapid.Custom(func(t *rapid.T) impact.Relation {
		return impact.Relation{From: drawID().Draw(t, "from"), To: drawID().Draw(t, "to"), Type: rapid.SampledFrom(types).Draw(t, "type")}
	})
}

func drawGroup() *rapid.Generator[impact.Group] {
	return rapid.Custom(func(t *rapid.T) impact.Group {
		members := rapid.SliceOfNDistinct(drawID(), 2, 5, rapid.ID).Draw(t, "members")
		gr := impact.Group{Item: members[0], Name: rapid.SampledFrom([]string{"power", "nodes"}).Draw(t, "name")}
		for _, id := range members[1:] {
			gr.Members = append(gr.Members, impact.Member{Item: id, Weight: rapid.IntRange(0, 3).Draw(t, "weight")})
		}
		if rapid.Bool().Draw(t, "in percent") {
			gr.Percent = rapid.IntRange(1, 100).Draw(t, "percent")
		} else {
			gr.Need = rapid.IntRange(0, 5).Draw(t, "need")
		}
		return gr
	})
}

func drawChange() *rapid.Generator[impact.Change] {
	return rapid.Custom(func(t *rapid.T) impact.Change {
		switch rapid.IntRange(0, 12).Draw(t, "kind") {
		case 0:
			return impact.RemoveItem{Item: drawID().Draw(t, "item")}
		case 1, 2:
			return impact.AddItem{Item: drawID().Draw(t, "item")}
		case 3, 4:
			return impact.RemoveRelation{Relation: drawRelation().Draw(t, "relation")}
		case 5:
			gr := drawGroup().Draw(t, "group")
			return impact.RemoveGroup{Item: gr.Item, Name: gr.Name}
		case 6, 7:
			return impact.SetGroup{Group: drawGroup().Draw(t, "group")}
		case 8:
			return impact.RemoveRelations{Item: drawID().Draw(t, "item"), Type: rapid.SampledFrom(types).Draw(t, "type")}
		}
		return impact.AddRelation{Relation: drawRelation().Draw(t, "relation")}
	})
}

func drawTypes() *rapid.Generator[[]impact.RelationType] {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(types), 0, 2, rapid.ID)
}

// drawModel draws a model of up to so many relations and groups, and its graph: made at once, or of another one by changes.
func drawModel(t *rapid.T, relations, groups int) (*model, *impact.Graph) {
	m := newModel()
	for _, id := range rapid.SliceOfDistinct(drawID(), rapid.ID).Draw(t, "known") {
		m.known[id] = true
	}
	for _, r := range rapid.SliceOfN(drawRelation(), 0, relations).Draw(t, "relations") {
		m.count[r]++
	}
	for _, gr := range rapid.SliceOfN(drawGroup(), 0, groups).Draw(t, "groups") {
		m.apply(impact.SetGroup{Group: gr})
		for _, mb := range gr.Members {
			if rapid.IntRange(0, 3).Draw(t, "related") > 0 {
				m.count[impact.Relation{From: gr.Item, To: mb.Item, Type: types[0]}]++
			}
		}
	}
	g := m.build(t)
	for _, c := range rapid.SliceOfN(drawChange(), 0, 8).Draw(t, "changes") {
		next, err := g.Apply(c)
		if m.apply(c) {
			require.NoError(t, err)
			g = next
		} else {
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
	}
	return m, g
}

// graphOf makes a graph by changes.
func graphOf(t testing.TB, changes ...impact.Change) *impact.Graph {
	g, err := new(impact.Graph).Apply(changes...)
	require.NoError(t, err)
	return g
}
