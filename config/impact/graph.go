package impact

import (
	"cmp"
	"iter"
	"slices"
	"sync"

	"github.com/hospital-itsm/itsm"
)

// A RelationType names what a relation means: "runs_on". A graph knows up to 64 of them.
type RelationType string

// A Relation says that From depends on To. The same relation may stand in a graph more than once; it then has to be
// removed as often.
type Relation struct {
	From itsm.ID      `json:"from"`
	To   itsm.ID      `json:"to"`
	Type RelationType `json:"type"`
}

// Compare orders relations by From, To and Type.
func (r Relation) Compare(s Relation) int {
	return cmp.Or(cmp.Compare(r.From, s.From), cmp.Compare(r.To, s.To), cmp.Compare(r.Type, s.Type))
}

// A Direction is the side of an item to which a search goes.
type Direction uint8

const (
	Dependents   Direction = iota // the items that depend on it: who suffers when it fails
	Dependencies                  // the items that it depends on: what may be the cause
)

// String returns "dependents" or "dependencies".
func (d Direction) String() string {
	if d == Dependencies {
		return "dependencies"
	}
	return "dependents"
}

func (d Direction) opposite() Direction { return d ^ 1 }

// A Graph is a snapshot of items and their relations. It is immutable and safe for concurrent use: [Graph.Apply] returns another one
// that shares nearly everything with it. The zero Graph is empty.
type Graph struct {
	base  *base          // nil in the zero Graph
	items trie[*item]    // by number: what differs from the base
	fresh trie[*fresh]   // by hash of the ID: numbers of the items that the base does not have
	group trie[[]*group] // by number of the item they belong to, sorted by name
	kinds []RelationType // by number
	size  uint32         // numbers in use, with those of items that are gone
	count [2]int         // known items; relations
	last  uint32         // groups so far, for their numbers
	delta int            // changes since the base was made
	bytes int            // of the IDs that the base does not have
	pool  *sync.Pool     // of *scratch
}

// An item tells how an item differs from its place in the base.
type item struct {
	id     string // when the base does not have it
	known  bool
	degree [2]trie[int32] // by edge, rotated: how many more of this edge there are, or fewer
}

type fresh struct {
	id     string
	number uint32
	next   *fresh // with the same hash
}

var nothing = freeze(nil, nil, csr{start: []uint32{0}})

func (g *Graph) root() *base {
	if g.base == nil {
		return nothing
	}
	return g.base
}

// Len returns how many items the graph has, unknown ends of relations not counted.
func (g *Graph) Len() int { return g.count[0] }

// Relations returns how many relations the graph has, also those to unknown items.
func (g *Graph) Relations() int { return g.count[1] }

// Types returns the types of relations that the graph has had, sorted. The slice belongs to the caller.
func (g *Graph) Types() []RelationType { return slices.Sorted(slices.Values(g.kinds)) }

// Has reports whether the graph has an item, and whether it is known: an item that was never added, or was removed, is unknown as long
// as relations or groups name it.
func (g *Graph) Has(id itsm.ID) (known, ok bool) {
	i, ok := g.find(string(id))
	if !ok {
		return false, false
	}
	known = g.isKnown(i)
	return known, known || g.isEnd(i)
}

// isEnd reports whether a relation or a group names an item.
func (g *Graph) isEnd(i uint32) bool {
	var buf []edge
	if len(g.row(Dependencies, i, &buf)) > 0 || len(g.row(Dependents, i, &buf)) > 0 {
		return true
	}
	for _, groups := range g.group.all() {
		for _, gr := range groups {
			if gr.item == i || gr.weight(i) > 0 {
				return true
			}
		}
	}
	return false
}

// Items yields all known items, sorted by ID. It can be ranged over more than once.
func (g *Graph) Items() iter.Seq[itsm.ID] { return g.list(true) }

// Unknown yields the items that relations name and that are not known, sorted by ID. It can be ranged over more than once.
func (g *Graph) Unknown() iter.Seq[itsm.ID] { return g.list(false) }

func (g *Graph) list(known bool) iter.Seq[itsm.ID] {
	return func(yield func(itsm.ID) bool) {
		var buf []edge
		wanted := func(i uint32) bool {
			if known || g.isKnown(i) {
				return known && g.isKnown(i)
			}
			return len(g.row(Dependencies, i, &buf)) > 0 || len(g.row(Dependents, i, &buf)) > 0
		}
		b := g.root()
		var young []uint32
		for i := b.n; i < g.size; i++ {
			if wanted(i) {
				young = append(young, i)
			}
		}
		slices.SortFunc(young, g.compare)
		for i := uint32(0); i < b.n || len(young) > 0; {
			switch {
			case len(young) > 0 && (i == b.n || g.compare(young[0], i) < 0):
				if !yield(g.id(young[0])) {
					return
				}
				young = young[1:]
			default:
				if wanted(i) && !yield(g.id(i)) {
					return
				}
				i++
			}
		}
	}
}

// Dangling returns how many relations have an unknown end.
func (g *Graph) Dangling() int {
	n := 0
	var buf []edge
	for i := range g.size {
		if g.isKnown(i) {
			continue
		}
		n += len(g.row(Dependencies, i, &buf))
		for _, e := range g.row(Dependents, i, &buf) {
			if g.isKnown(e.item()) { // else it was counted at its other end
				n++
			}
		}
	}
	return n
}

// RelationsOf yields the relations of an item on one side, sorted; those that stand in the graph more than once as often.
func (g *Graph) RelationsOf(id itsm.ID, side Direction) iter.Seq[Relation] {
	return func(yield func(Relation) bool) {
		i, ok := g.find(string(id))
		if !ok {
			return
		}
		var buf []edge
		list := slices.Clone(g.row(side, i, &buf))
		slices.SortFunc(list, g.compareEdges)
		for _, e := range list {
			if !yield(g.relation(side, i, e)) {
				return
			}
		}
	}
}

// relation returns the relation behind an edge of the row of an item.
func (g *Graph) relation(side Direction, i uint32, e edge) Relation {
	from, to := i, e.item()
	if side == Dependents {
		from, to = to, from
	}
	return Relation{g.id(from), g.id(to), g.kinds[e.kind()]}
}

// find returns the number of an ID. It may be one that nothing names any more.
func (g *Graph) find(id string) (uint32, bool) {
	if i, ok := g.root().find(id); ok {
		return i, true
	}
	if g.fresh.len > 0 {
		f, _ := g.fresh.get(hash(id))
		for ; f != nil; f = f.next {
			if f.id == id {
				return f.number, true
			}
		}
	}
	return 0, false
}

// hash is FNV-1a.
func hash(id string) uint32 {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return h
}

func (g *Graph) id(i uint32) itsm.ID {
	if b := g.root(); i < b.n {
		return itsm.ID(b.id(i))
	}
	it, _ := g.items.get(i)
	return itsm.ID(it.id)
}

func (g *Graph) isKnown(i uint32) bool {
	if g.items.len > 0 {
		if it, ok := g.items.get(i); ok {
			return it.known
		}
	}
	return g.root().isKnown(i)
}

// compare orders numbers as their IDs.
func (g *Graph) compare(i, j uint32) int {
	if b := g.root(); i < b.n && j < b.n {
		return cmp.Compare(i, j)
	}
	return cmp.Compare(g.id(i), g.id(j))
}

// compareEdges orders the edges of a row by ID and type.
func (g *Graph) compareEdges(d, e edge) int {
	return cmp.Or(g.compare(d.item(), e.item()), cmp.Compare(g.kinds[d.kind()], g.kinds[e.kind()]))
}

// row returns the edges of an item in numeric order. It may use the buffer; the row is not to be changed.
func (g *Graph) row(side Direction, i uint32, buf *[]edge) []edge {
	var row []edge
	b := g.root()
	if i < b.n {
		row = b.rows[side].row(i)
	}
	if g.items.len == 0 {
		return row
	}
	it, ok := g.items.get(i)
	if !ok || it.degree[side].len == 0 {
		return row
	}
	return merge(row, it.degree[side], buf)
}

// merge returns a row with what was added to it and without what was taken away.
func merge(row []edge, more trie[int32], buf *[]edge) []edge {
	var few [16]edge
	changed := few[:0]
	for key := range more.all() {
		changed = append(changed, edgeOf(key))
	}
	slices.Sort(changed)
	out, from := (*buf)[:0], 0
	for _, e := range changed {
		to, _ := slices.BinarySearch(row[from:], e)
		out = append(out, row[from:from+to]...)
		n, _ := more.get(e.key())
		for from += to; from < len(row) && row[from] == e; from++ {
			n++
		}
		for range n {
			out = append(out, e)
		}
	}
	*buf = append(out, row[from:]...)
	return *buf
}

// key turns an edge so that the digits in which edges differ most come first in a trie.
func (e edge) key() uint32 { return uint32(e)>>kindBits | uint32(e)<<(32-kindBits) }

func edgeOf(key uint32) edge { return edge(key<<kindBits | key>>(32-kindBits)) }

const everyKind = 1<<maxKinds - 1

// mask returns the set of types, all of them for none. Types that the graph never had match nothing.
func (g *Graph) mask(types []RelationType) uint64 {
	if len(types) == 0 {
		return everyKind
	}
	var mask uint64
	for _, t := range types {
		if k := slices.Index(g.kinds, t); k >= 0 {
			mask |= 1 << k
		}
	}
	return mask
}
