package impact

import (
	"slices"

	"github.com/hospital-itsm/itsm"
)

// SinglePoints returns the single points of failure of a service: the items other than itself whose loss alone would take it down,
// sorted by ID. With items in s.Failed or s.Already it is the loss on top of these; held items are never lost. The error matches
// [itsm.ErrInvalid] when an item is not in the graph, and is [ErrDown] when the service is down without any further loss.
//
// What the service needs through no group is found by one search. Of the rest each item is tried, from the farthest; a trial ends at
// the first item known to be a single point, and clears everything that went down without consequence.
func (g *Graph) SinglePoints(service itsm.ID, s Scenario) ([]itsm.ID, error) {
	w, err := g.weakness(service, &s)
	if err != nil {
		return nil, err
	}
	return g.names(w.singles()), nil
}

// maxCut bounds the size of the cuts that are searched for; each further item multiplies the work by the size of the service.
const maxCut = 3

// Cuts returns the minimal cuts of a service of up to a size, 1 to 3: sets of items that together take it down, and of which none can
// be left out. The small ones come first, those of one size by their IDs, and so do the IDs in each. The error is that of [Graph.SinglePoints].
func (g *Graph) Cuts(service itsm.ID, s Scenario, size int) ([][]itsm.ID, error) {
	if size < 1 || size > maxCut {
		return nil, ErrOrder.With("size", size, "most", maxCut)
	}
	w, err := g.weakness(service, &s)
	if err != nil {
		return nil, err
	}
	var out [][]itsm.ID
	for _, cut := range w.cuts(size) {
		out = append(out, g.names(cut))
	}
	slices.SortFunc(out, func(a, b []itsm.ID) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return slices.Compare(a, b)
	})
	return out, nil
}

// names returns the IDs of items, sorted.
func (g *Graph) names(items []uint32) []itsm.ID {
	out := make([]itsm.ID, len(items))
	for at, i := range items {
		out[at] = g.id(i)
	}
	slices.Sort(out)
	return out
}

// A weakness looks for what can take a service down.
type weakness struct {
	*spread
	service uint32
	near    []uint32 // what the service depends on and could lose, nearest first
	inside  marks    // near, and the service
	fatal   marks    // the service, and what takes it down alone
	safe    marks    // what alone does not
}

func (g *Graph) weakness(service itsm.ID, sc *Scenario) (*weakness, error) {
	c, err := g.resolve(sc)
	if err != nil {
		return nil, err
	}
	at, ok := g.find(string(service))
	if !ok {
		return nil, itsm.Reasons{ErrNoItem.With("item", service)}
	}
	w := &weakness{spread: g.newSpread(c.mask, c.held), service: at}
	for _, i := range slices.Concat(c.already, c.failed) {
		w.fail(i)
	}
	w.run()
	if w.down.has(at) {
		return nil, itsm.Reasons{ErrDown.With("item", service)}
	}
	w.surround()
	return w, nil
}

// surround finds what the service depends on, but for what is down or held and what lies only behind such items.
func (w *weakness) surround() {
	w.inside.reset(w.g.size)
	w.within = &w.inside
	if w.held.has(w.service) {
		return
	}
	w.inside.add(w.service)
	queue := []uint32{w.service}
	for head := 0; head < len(queue); head++ {
		for _, e := range w.g.row(Dependencies, queue[head], &w.own) {
			if i := e.item(); e.in(w.mask) && !w.inside.has(i) && !w.held.has(i) && !w.down.has(i) {
				w.inside.add(i)
				queue = append(queue, i)
			}
		}
	}
	w.near = queue[1:]
}

// singles returns what takes the service down alone, now.
func (w *weakness) singles() []uint32 {
	w.fatal.reset(w.g.size)
	w.safe.reset(w.g.size)
	w.fatal.add(w.service)
	out := w.needed()
	for _, c := range slices.Backward(w.near) {
		if w.fatal.has(c) || w.safe.has(c) || w.down.has(c) {
			continue
		}
		p := w.here()
		w.fail(c)
		if w.reaches(&w.fatal) {
			w.fatal.add(c)
			out = append(out, c)
		} else {
			// What goes down with c takes down no more than c does.
			for _, i := range w.queue[p.down:] {
				w.safe.add(i)
			}
		}
		w.back(p)
	}
	return out
}

// needed returns what the service depends on through no group, and marks it fatal.
func (w *weakness) needed() []uint32 {
	if w.held.has(w.service) {
		return nil
	}
	queue := []uint32{w.service}
	for head := 0; head < len(queue); head++ {
		u := queue[head]
		groups, _ := w.g.group.get(u)
		for _, e := range w.g.row(Dependencies, u, &w.own) {
			i := e.item()
			if !e.in(w.mask) || !w.inside.has(i) || w.fatal.has(i) || w.down.has(i) {
				continue
			}
			if !slices.ContainsFunc(groups, func(gr *group) bool { return gr.weight(i) > 0 }) {
				w.fatal.add(i)
				queue = append(queue, i)
			}
		}
	}
	return slices.Clone(queue[1:])
}

// A cutset is a set of items as a key: sorted, the rest filled up with none.
type cutset [maxCut]uint32

const none = ^uint32(0)

func cutsetOf(items ...uint32) cutset {
	c := cutset{none, none, none}
	copy(c[:], items)
	slices.Sort(c[:])
	return c
}

// contains reports whether one of the sets is part of the cutset, or all of it.
func (c cutset) contains(sets map[cutset]bool) bool {
	for some := range 1 << maxCut {
		part := c
		for k := range part {
			if some>>k&1 == 0 {
				part[k] = none
			}
		}
		slices.Sort(part[:])
		if sets[part] {
			return true
		}
	}
	return false
}

// cuts returns the minimal cuts of up to a size.
func (w *weakness) cuts(size int) [][]uint32 {
	var out [][]uint32
	found := make(map[cutset]bool)
	// grow lets more items fail, in the order of near, and then looks for the last item of a cut.
	var grow func(chosen []uint32, from, more int)
	grow = func(chosen []uint32, from, more int) {
		if more == 0 {
			for _, c := range w.singles() {
				items := append(slices.Clone(chosen), c)
				if cut := cutsetOf(items...); !cut.contains(found) {
					found[cut] = true
					out = append(out, items)
				}
			}
			return
		}
		for at := from; at < len(w.near); at++ {
			c := w.near[at]
			if w.down.has(c) {
				continue
			}
			p := w.here()
			w.fail(c)
			w.settle()
			// What touches no group adds nothing to the loss of others.
			if len(w.lost) > p.lost && !w.down.has(w.service) {
				grow(append(slices.Clone(chosen), c), at+1, more-1)
			}
			w.back(p)
		}
	}
	for before := range size {
		grow(nil, 0, before)
	}
	return out
}

// settle spreads the failures to the end.
func (s *spread) settle() {
	for ; s.head < len(s.queue); s.head++ {
		s.effect(s.queue[s.head])
	}
}
