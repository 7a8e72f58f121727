package impact

import (
	"cmp"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// Cycles returns the sets of two or more items that all depend on each other over relations of these types, none meaning all:
// the strongly connected components of the graph. The largest come first, those of one size by their first ID; the items of each are
// sorted by ID.
func (g *Graph) Cycles(types ...RelationType) [][]itsm.ID {
	g = g.Compact()
	var out [][]itsm.ID
	components(&g.root().rows[Dependencies], g.mask(types), func(members []uint32) {
		if len(members) < 2 {
			return
		}
		slices.Sort(members)
		ids := make([]itsm.ID, len(members))
		for i, m := range members {
			ids[i] = g.id(m)
		}
		out = append(out, ids)
	})
	slices.SortFunc(out, func(a, b []itsm.ID) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a[0], b[0]))
	})
	return out
}

// components finds strongly connected components with Tarjan's algorithm (SIAM J. Comput. 1, 1972), with a stack of its own in place
// of recursion. The slice handed out is good during the call.
func components(rows *csr, mask uint64, found func(members []uint32)) {
	n := uint32(len(rows.start) - 1)
	const done = ^uint32(0)
	var (
		low   = make([]uint32, n)            // 0: not seen; else the earliest item on the stack it is known to lead to
		next  = slices.Clone(rows.start[:n]) // the edge of each row to be followed next
		stack []uint32                       // items whose component is not complete
		path  []uint32                       // from the root of the search to the item it stands at
		order []uint32                       // by path: when the item was seen first
		clock uint32
	)
	enter := func(i uint32) {
		clock++
		low[i] = clock
		stack, path, order = append(stack, i), append(path, i), append(order, clock)
	}
	for root := range n {
		if low[root] != 0 {
			continue
		}
		enter(root)
		for len(path) > 0 {
			i := path[len(path)-1]
			if next[i] < rows.start[i+1] {
				e := rows.edges[next[i]]
				next[i]++
				if j := e.item(); e.in(mask) {
					if low[j] == 0 {
						enter(j)
					} else if low[j] != done {
						low[i] = min(low[i], low[j])
					}
				}
				continue
			}
			seen := order[len(order)-1]
			path, order = path[:len(path)-1], order[:len(order)-1]
			if len(path) > 0 {
				above := path[len(path)-1]
				low[above] = min(low[above], low[i])
			}
			if low[i] != seen {
				continue
			}
			at := len(stack) - 1
			for stack[at] != i {
				at--
			}
			for _, j := range stack[at:] {
				low[j] = done
			}
			found(stack[at:])
			stack = stack[:at]
		}
	}
}
