package impact

import (
	"slices"
	"strings"
	"sync"

	"github.com/hospital-itsm/itsm"
)

// A Builder makes a graph of a stream of items, relations and groups, in any order. Each ID may come as item, end of a relation
// or member of a group first. The zero Builder is empty. It is not safe for concurrent use.
type Builder struct {
	numbers map[string]uint32
	ids     []string
	known   []bool
	bytes   int
	kinds   []RelationType
	chunks  [][]half // all full but the last
	edges   int
	groups  []Group
}

// A half of a relation; the other is its place.
type half struct {
	from uint32
	to   edge
}

const chunk = 1 << 14

// number returns the number of an ID, and gives it one.
func (b *Builder) number(id itsm.ID) uint32 {
	if i, ok := b.numbers[string(id)]; ok {
		return i
	}
	if b.numbers == nil {
		b.numbers = make(map[string]uint32)
	}
	i := uint32(len(b.ids))
	own := strings.Clone(string(id)) // not the line of a file that it is part of
	b.numbers[own] = i
	b.ids = append(b.ids, own)
	b.known = append(b.known, false)
	b.bytes += len(id)
	return i
}

// room adds a fault when there is none for so many IDs more.
func (b *Builder) room(faults *itsm.Reasons, ids int) {
	if len(b.ids)+ids > maxItems {
		*faults = append(*faults, ErrTooMany.With("what", "items", "most", maxItems))
	}
	if b.bytes+ids*maxName > maxBytes {
		*faults = append(*faults, ErrTooMany.With("what", "bytes of IDs", "most", maxBytes))
	}
}

// AddItem adds an item. Adding it again changes nothing. An error matches [itsm.ErrInvalid]; then nothing was added.
func (b *Builder) AddItem(id itsm.ID) error {
	var faults itsm.Reasons
	checkName(&faults, "item", id)
	b.room(&faults, 1)
	if len(faults) > 0 {
		return faults.Err()
	}
	b.known[b.number(id)] = true
	return nil
}

// AddRelation adds a relation. Ends that are not added as items are kept as unknown ones. An error matches [itsm.ErrInvalid]; then
// nothing was added.
func (b *Builder) AddRelation(r Relation) error {
	var faults itsm.Reasons
	checkName(&faults, "from", r.From)
	checkName(&faults, "to", r.To)
	b.room(&faults, 2)
	kind, kinds := kindOf(&faults, b.kinds, r.Type)
	if b.edges >= maxEdges {
		faults = append(faults, ErrTooMany.With("what", "relations", "most", maxEdges))
	}
	if len(faults) > 0 {
		return faults.Err()
	}
	b.kinds = kinds
	from, to := b.number(r.From), b.number(r.To)
	if b.edges%chunk == 0 {
		b.chunks = append(b.chunks, make([]half, 0, chunk))
	}
	last := &b.chunks[len(b.chunks)-1]
	*last = append(*last, half{from, edgeTo(to, kind)})
	b.edges++
	return nil
}

// kindOf returns the number of a type, and the types with this one among them.
func kindOf(faults *itsm.Reasons, kinds []RelationType, t RelationType) (uint32, []RelationType) {
	if k := slices.Index(kinds, t); k >= 0 {
		return uint32(k), kinds
	}
	before := len(*faults)
	checkName(faults, "relation type", t)
	if len(kinds) >= maxKinds {
		*faults = append(*faults, ErrTooMany.With("what", "relation types", "most", maxKinds))
	}
	if len(*faults) > before {
		return 0, kinds
	}
	return uint32(len(kinds)), append(slices.Clip(kinds), RelationType(strings.Clone(string(t))))
}

// SetGroup adds a group, or replaces the one of the same item and name. An error matches [itsm.ErrInvalid] and names everything that
// is wrong; then nothing was changed.
func (b *Builder) SetGroup(gr Group) error {
	var faults itsm.Reasons
	gr.check(&faults)
	b.room(&faults, 1+len(gr.Members))
	if len(faults) > 0 {
		return faults.Err()
	}
	b.number(gr.Item)
	for _, m := range gr.Members {
		b.number(m.Item)
	}
	gr.Members = slices.Clone(gr.Members)
	b.groups = append(b.groups, gr)
	return nil
}

// Graph returns the graph, and empties the builder.
func (b *Builder) Graph() *Graph {
	b.numbers = nil // its memory is wanted below
	old, place := b.order()
	known, items := b.known, 0
	for _, k := range known {
		if k {
			items++
		}
	}
	rows := b.rows(place)
	g := &Graph{
		base:  freeze(b.ids, func(i int) bool { return known[old[i]] }, rows),
		kinds: b.kinds,
		size:  uint32(len(b.ids)),
		count: [2]int{items, b.edges},
		pool:  new(sync.Pool),
	}
	groups := b.groups
	*b = Builder{}
	for i := range groups {
		g.setGroup(&groups[i])
	}
	g.delta = 0
	return g
}

// order sorts the IDs. It returns the numbers that they had, and their new places by old number.
func (b *Builder) order() (old, place []uint32) {
	old, place = make([]uint32, len(b.ids)), make([]uint32, len(b.ids))
	for i := range old {
		old[i] = uint32(i)
	}
	if !slices.IsSorted(b.ids) {
		slices.SortFunc(old, func(i, j uint32) int { return strings.Compare(b.ids[i], b.ids[j]) })
		sorted := make([]string, len(old))
		for at, i := range old {
			sorted[at] = b.ids[i]
		}
		b.ids = sorted
	}
	for at, i := range old {
		place[i] = uint32(at)
	}
	return old, place
}

// rows brings the relations into rows, and lets go of them.
func (b *Builder) rows(place []uint32) csr {
	start := make([]uint32, len(place)+2)
	for _, c := range b.chunks {
		for _, h := range c {
			start[place[h.from]+2]++
		}
	}
	for i := 2; i < len(start); i++ {
		start[i] += start[i-1]
	}
	edges := make([]edge, b.edges)
	for _, c := range b.chunks {
		for _, h := range c {
			at := &start[place[h.from]+1]
			edges[*at] = edgeTo(place[h.to.item()], h.to.kind())
			*at++
		}
	}
	b.chunks = nil
	return csr{start[:len(place)+1], edges}
}
