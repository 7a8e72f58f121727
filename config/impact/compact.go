package impact

import (
	"slices"
	"sync"
)

// Compact returns the same graph in its compact form, in which queries are fastest. [Graph.Apply] does it by itself when it pays.
func (g *Graph) Compact() *Graph {
	if g.delta == 0 {
		return g
	}
	return g.compact()
}

func (g *Graph) compact() *Graph {
	old, place := g.survivors()
	ids := make([]string, len(old))
	for at, i := range old {
		ids[at] = string(g.id(i))
	}
	rows := csr{make([]uint32, 1, len(old)+1), make([]edge, 0, g.count[1])}
	var buf []edge
	for _, i := range old {
		for _, e := range g.row(Dependencies, i, &buf) {
			rows.edges = append(rows.edges, edgeTo(place[e.item()], e.kind()))
		}
		rows.start = append(rows.start, uint32(len(rows.edges)))
	}
	next := &Graph{
		base:  freeze(ids, func(at int) bool { return g.isKnown(old[at]) }, rows),
		kinds: g.kinds,
		size:  uint32(len(old)),
		count: g.count,
		pool:  new(sync.Pool),
	}
	for _, i := range old {
		list, _ := g.group.get(i)
		if len(list) == 0 {
			continue
		}
		moved := make([]*group, len(list))
		for at, gr := range list {
			m := *gr
			m.item, m.number, m.members = place[gr.item], next.last, slices.Clone(gr.members)
			for k := range m.members {
				m.members[k].item = place[m.members[k].item]
			}
			slices.SortFunc(m.members, func(a, b member) int { return int(a.item) - int(b.item) })
			next.last++
			moved[at] = &m
		}
		next.group = next.group.set(place[i], moved)
	}
	return next
}

// survivors returns the numbers of all items that are known, or named by something, in the order of their IDs; and by number
// their place among these.
func (g *Graph) survivors() (old, place []uint32) {
	named := make([]bool, g.size)
	for _, list := range g.group.all() {
		for _, gr := range list {
			named[gr.item] = true
			for _, m := range gr.members {
				named[m.item] = true
			}
		}
	}
	var buf []edge
	keep := func(i uint32) bool {
		return named[i] || g.isKnown(i) || len(g.row(Dependencies, i, &buf)) > 0 || len(g.row(Dependents, i, &buf)) > 0
	}
	b := g.root()
	var young []uint32
	for i := b.n; i < g.size; i++ {
		if keep(i) {
			young = append(young, i)
		}
	}
	slices.SortFunc(young, g.compare)
	old = make([]uint32, 0, int(b.n)+len(young))
	for i := range b.n {
		for len(young) > 0 && g.compare(young[0], i) < 0 {
			old, young = append(old, young[0]), young[1:]
		}
		if keep(i) {
			old = append(old, i)
		}
	}
	old = append(old, young...)
	place = make([]uint32, g.size)
	for at, i := range old {
		place[i] = uint32(at)
	}
	return old, place
}
