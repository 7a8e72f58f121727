package impact

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// A Change is something that happened to the items and relations: [AddItem], [RemoveItem], [AddRelation], [RemoveRelation],
// [RemoveRelations], [SetGroup] or [RemoveGroup].
type Change interface {
	apply(g *Graph, faults *itsm.Reasons)
}

type (
	// AddItem adds an item, or makes an unknown one known. For a known one it changes nothing.
	AddItem struct{ Item itsm.ID }

	// RemoveItem takes an item away. Its relations stay until they are removed; as long as there are any, it is unknown.
	RemoveItem struct{ Item itsm.ID }

	// AddRelation adds a relation. Ends that are not there become unknown items.
	AddRelation struct{ Relation }

	// RemoveRelation takes away one relation of this type between these ends.
	RemoveRelation struct{ Relation }

	// RemoveRelations takes away all relations of a type that an item has, in both directions, if it has any.
	RemoveRelations struct {
		Item itsm.ID
		Type RelationType
	}

	// SetGroup adds a group, or replaces the one of the same item and name.
	SetGroup struct{ Group }

	// RemoveGroup takes a group away: from now on the item needs every member by itself.
	RemoveGroup struct {
		Item itsm.ID
		Name string
	}
)

// Apply returns the graph after the changes, in their order. When one of them is not possible, nothing is changed and
// the error names all that are not; it matches [itsm.ErrInvalid].
//
// A change costs microseconds, whatever the size of the graph. After many of them, by and by a 64th of the graph, the
// graph is put into its compact form again, which takes as long as building it without reading; so a change costs about the same
// over time.
func (g *Graph) Apply(changes ...Change) (*Graph, error) {
	next := *g
	var faults itsm.Reasons
	for _, c := range changes {
		c.apply(&next, &faults)
		if len(faults) == 0 && next.delta > next.patience() {
			next = *next.compact()
		}
	}
	if len(faults) > 0 {
		return nil, faults.Err()
	}
	return &next, nil
}

// patience is how many changes a graph carries along before it is made compact.
func (g *Graph) patience() int { return max(1024, (int(g.size)+g.count[1])/64) }

func (c AddItem) apply(g *Graph, faults *itsm.Reasons) {
	i, ok := g.intern(faults, "item", c.Item)
	if ok && !g.isKnown(i) {
		g.edit(i, func(it *item) { it.known = true })
		g.count[0]++
	}
}

func (c RemoveItem) apply(g *Graph, faults *itsm.Reasons) {
	i, ok := g.find(string(c.Item))
	if !ok || !g.isKnown(i) {
		*faults = append(*faults, ErrNoItem.With("item", c.Item))
		return
	}
	g.edit(i, func(it *item) { it.known = false })
	g.count[0]--
}

func (c AddRelation) apply(g *Graph, faults *itsm.Reasons) {
	kind, kinds := kindOf(faults, g.kinds, c.Type)
	from, ok1 := g.intern(faults, "from", c.From)
	to, ok2 := g.intern(faults, "to", c.To)
	if g.count[1] >= maxEdges {
		*faults = append(*faults, ErrTooMany.With("what", "relations", "most", maxEdges))
	}
	if ok1 && ok2 && len(kinds) > int(kind) {
		g.kinds = kinds
		g.relate(from, to, kind, 1)
	}
}

func (c RemoveRelation) apply(g *Graph, faults *itsm.Reasons) {
	from, ok1 := g.find(string(c.From))
	to, ok2 := g.find(string(c.To))
	kind := slices.Index(g.kinds, c.Type)
	if !ok1 || !ok2 || kind < 0 || g.multiplicity(from, edgeTo(to, uint32(kind))) == 0 {
		*faults = append(*faults, ErrNoRelation.With("from", c.From, "to", c.To, "type", c.Type))
		return
	}
	g.relate(from, to, uint32(kind), -1)
}

func (c RemoveRelations) apply(g *Graph, _ *itsm.Reasons) {
	i, ok := g.find(string(c.Item))
	kind := slices.Index(g.kinds, c.Type)
	if !ok || kind < 0 {
		return
	}
	for _, side := range [...]Direction{Dependents, Dependencies} {
		var buf []edge
		for _, e := range slices.Clone(g.row(side, i, &buf)) {
			from, to := i, e.item()
			if side == Dependents {
				from, to = to, from
			}
			if e.kind() == uint32(kind) {
				g.relate(from, to, e.kind(), -1)
			}
		}
	}
}

func (c SetGroup) apply(g *Graph, faults *itsm.Reasons) {
	before := len(*faults)
	c.check(faults)
	if len(*faults) > before {
		return
	}
	g.intern(faults, "item", c.Item)
	for _, m := range c.Members {
		g.intern(faults, "member", m.Item)
	}
	if len(*faults) == before {
		g.setGroup(&c.Group)
	}
}

func (c RemoveGroup) apply(g *Graph, faults *itsm.Reasons) {
	i, _ := g.find(string(c.Item))
	list, _ := g.group.get(i)
	at, ok := place(list, c.Name)
	if !ok || g.id(i) != c.Item {
		*faults = append(*faults, ErrNoGroup.With("item", c.Item, "group", c.Name))
		return
	}
	g.group = g.group.set(i, slices.Delete(slices.Clone(list), at, at+1))
	g.delta++
}

// place finds a group by name among those of an item.
func place(list []*group, name string) (int, bool) {
	return slices.BinarySearchFunc(list, name, func(gr *group, name string) int { return cmp.Compare(gr.name, name) })
}

// setGroup puts a group in its place. All its items have numbers.
func (g *Graph) setGroup(from *Group) {
	i, _ := g.find(string(from.Item))
	gr := &group{name: strings.Clone(from.Name), item: i, number: g.last, need: from.Need, percent: from.Percent}
	for _, m := range from.Members {
		n, _ := g.find(string(m.Item))
		gr.members = append(gr.members, member{n, m.weight()})
	}
	slices.SortFunc(gr.members, func(a, b member) int { return cmp.Compare(a.item, b.item) })
	list, _ := g.group.get(i)
	at, ok := place(list, gr.name)
	list = slices.Clone(list)
	if ok {
		list[at] = gr
	} else {
		list = slices.Insert(list, at, gr)
	}
	g.group = g.group.set(i, list)
	g.last++
	g.delta += len(gr.members)
}

// intern returns the number of an ID, and gives it one.
func (g *Graph) intern(faults *itsm.Reasons, what string, id itsm.ID) (uint32, bool) {
	if i, ok := g.find(string(id)); ok {
		return i, true
	}
	before := len(*faults)
	checkName(faults, what, id)
	if g.size >= maxItems {
		*faults = append(*faults, ErrTooMany.With("what", "items", "most", maxItems))
	}
	if len(g.root().ids)+g.bytes+len(id) > maxBytes {
		*faults = append(*faults, ErrTooMany.With("what", "bytes of IDs", "most", maxBytes))
	}
	if len(*faults) > before {
		return 0, false
	}
	i, own := g.size, strings.Clone(string(id))
	h := hash(own)
	same, _ := g.fresh.get(h)
	g.fresh = g.fresh.set(h, &fresh{own, i, same})
	g.items = g.items.set(i, &item{id: own})
	g.size++
	g.bytes += len(own)
	g.delta++
	return i, true
}

// edit changes what is different about an item.
func (g *Graph) edit(i uint32, change func(*item)) {
	var it item
	if old, ok := g.items.get(i); ok {
		it = *old
	} else {
		it.known = g.root().isKnown(i)
	}
	change(&it)
	g.items = g.items.set(i, &it)
	g.delta++
}

// relate adds relations, or takes them away.
func (g *Graph) relate(from, to, kind uint32, n int32) {
	bump := func(i uint32, side Direction, e edge) {
		g.edit(i, func(it *item) {
			d, _ := it.degree[side].get(e.key())
			it.degree[side] = it.degree[side].set(e.key(), d+n)
		})
	}
	bump(from, Dependencies, edgeTo(to, kind))
	bump(to, Dependents, edgeTo(from, kind))
	g.count[1] += int(n)
}

// multiplicity returns how often an edge stands in the row of dependencies of an item.
func (g *Graph) multiplicity(from uint32, e edge) int {
	n := 0
	if b := g.root(); from < b.n {
		row := b.rows[Dependencies].row(from)
		at, _ := slices.BinarySearch(row, e)
		for ; at < len(row) && row[at] == e; at++ {
			n++
		}
	}
	if it, ok := g.items.get(from); ok {
		d, _ := it.degree[Dependencies].get(e.key())
		n += int(d)
	}
	return n
}
