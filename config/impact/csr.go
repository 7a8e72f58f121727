package impact

import (
	"slices"
	"strings"
)

// An edge is one end of a relation as the other end has it in its row: the number of the item, and in the low bits the
// number of the relation's type. So edges in numeric order are ordered by item, then type.
type edge uint32

const kindBits = 6

func edgeTo(item, kind uint32) edge { return edge(item<<kindBits | kind) }

func (e edge) item() uint32 { return uint32(e >> kindBits) }
func (e edge) kind() uint32 { return uint32(e & (1<<kindBits - 1)) }

// in reports whether the type of the relation is in the mask.
func (e edge) in(mask uint64) bool { return mask>>(e&(1<<kindBits-1))&1 != 0 }

// A csr is a set of rows of edges, one per item, in compressed form: row u is edges[start[u]:start[u+1]], in numeric order.
type csr struct {
	start []uint32
	edges []edge
}

func (c *csr) row(u uint32) []edge { return c.edges[c.start[u]:c.start[u+1]] }

// transpose returns the rows seen from the other end. They come out in order by themselves.
func (c *csr) transpose() csr {
	n := len(c.start) - 1
	// start[t+1] is where the next edge of row t goes; when all are placed, it is where the row ends.
	start := make([]uint32, n+2)
	for _, e := range c.edges {
		start[e.item()+2]++
	}
	for i := 2; i < len(start); i++ {
		start[i] += start[i-1]
	}
	edges := make([]edge, len(c.edges))
	for u := range uint32(n) {
		for _, e := range c.row(u) {
			at := &start[e.item()+1]
			edges[*at] = edgeTo(u, e.kind())
			*at++
		}
	}
	return csr{start[:n+1], edges}
}

// sort puts every row in order.
func (c *csr) sort() {
	for u := range uint32(len(c.start) - 1) {
		if row := c.row(u); !slices.IsSorted(row) {
			slices.Sort(row)
		}
	}
}

// A base is a graph without changes. Items are numbered in the order of their IDs, so that numbers compare as IDs do.
type base struct {
	n     uint32
	ids   string   // all IDs, one behind the other
	ends  []uint32 // ids[ends[i]:ends[i+1]] is the ID of item i
	known []uint64 // bit i: item i was added, and is not just an end of a relation
	rows  [2]csr   // by Direction
}

func (b *base) id(i uint32) string { return b.ids[b.ends[i]:b.ends[i+1]] }

func (b *base) isKnown(i uint32) bool { return b.known[i>>6]>>(i&63)&1 != 0 }

// find returns the number of an ID.
func (b *base) find(id string) (uint32, bool) {
	low, high := uint32(0), b.n
	for low < high {
		if mid := (low + high) >> 1; b.id(mid) < id {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < b.n && b.id(low) == id
}

// freeze makes a base of the rows of dependencies of items given by their sorted IDs.
func freeze(ids []string, known func(i int) bool, dependencies csr) *base {
	b := &base{n: uint32(len(ids)), ends: make([]uint32, len(ids)+1), known: make([]uint64, (len(ids)+63)/64)}
	size := 0
	for _, id := range ids {
		size += len(id)
	}
	var text strings.Builder
	text.Grow(size)
	for i, id := range ids {
		text.WriteString(id)
		b.ends[i+1] = uint32(text.Len())
		if known(i) {
			b.known[i>>6] |= 1 << (i & 63)
		}
	}
	b.ids = text.String()
	dependencies.sort()
	b.rows[Dependencies] = dependencies
	b.rows[Dependents] = dependencies.transpose()
	return b
}
