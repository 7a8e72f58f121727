package impact

import "slices"

// A spread computes what goes down when items fail: the least set that holds the failed items and every item that lacks a dependency it
// needs by itself, or too much of a group. Items go down in waves, each because of the ones before, so also in a cycle nothing is
// down but for a reason that begins with a failed item.
//
// It can be taken back to an earlier point, so that many failures can be tried upon the same beginning.
type spread struct {
	g    *Graph
	mask uint64

	down  marks
	held  marks
	lossy marks    // by group number: spare says what it has left
	spare []int    // by group number: weight that it can still lose
	queue []uint32 // items that are down, in waves
	waves []uint32 // where in the queue each wave ends; only kept by [spread.run]
	head  int      // what comes before in the queue has had its effect
	lost  []loss   // in order

	within *marks // when set, nothing outside is looked at
	row    []edge
	own    []edge
}

// A loss is weight of a group that is down.
type loss struct {
	group  *group
	weight int
}

func (g *Graph) newSpread(mask uint64, held []uint32) *spread {
	s := &spread{g: g, mask: mask, spare: make([]int, g.last)}
	s.down.reset(g.size)
	s.held.reset(g.size)
	s.lossy.reset(g.last)
	for _, i := range held {
		s.held.add(i)
	}
	return s
}

// fail makes an item go down, unless it is held.
func (s *spread) fail(i uint32) {
	if !s.down.has(i) && !s.held.has(i) {
		s.down.add(i)
		s.queue = append(s.queue, i)
	}
}

// run spreads the failures to the end, wave by wave.
func (s *spread) run() {
	s.waves = append(s.waves, uint32(len(s.queue)))
	for s.head < len(s.queue) {
		for end := len(s.queue); s.head < end; s.head++ {
			s.effect(s.queue[s.head])
		}
		if s.head < len(s.queue) {
			s.waves = append(s.waves, uint32(len(s.queue)))
		}
	}
}

// reaches spreads the failures until one of the targets is down, and reports whether that happened.
func (s *spread) reaches(targets *marks) bool {
	for ; s.head < len(s.queue); s.head++ {
		if targets.has(s.queue[s.head]) {
			return true
		}
		s.effect(s.queue[s.head])
	}
	return false
}

// effect takes down what needs an item that is down.
func (s *spread) effect(i uint32) {
	before := ^uint32(0)
	for _, e := range s.g.row(Dependents, i, &s.row) {
		u := e.item()
		// Edges of one item stand side by side: it is touched once.
		if u == before || !e.in(s.mask) {
			continue
		}
		before = u
		if s.down.has(u) || s.held.has(u) || s.within != nil && !s.within.has(u) {
			continue
		}
		if s.takesDown(i, u) {
			s.down.add(u)
			s.queue = append(s.queue, u)
		}
	}
}

// takesDown reports whether the loss of a dependency is one too many for an item, and counts it in the item's groups.
func (s *spread) takesDown(i, u uint32) bool {
	groups, _ := s.g.group.get(u)
	alone, short := true, false
	for _, gr := range groups {
		if w := gr.weight(i); w > 0 {
			alone = false
			short = s.lose(gr, w) < 0 || short
		}
	}
	return alone || short
}

// lose takes weight from a group and returns what it can lose still.
func (s *spread) lose(gr *group, weight int) int {
	left := s.left(gr) - weight
	s.lossy.add(gr.number)
	s.spare[gr.number] = left
	s.lost = append(s.lost, loss{gr, weight})
	return left
}

// left returns what weight a group can lose still.
func (s *spread) left(gr *group) int {
	if s.lossy.has(gr.number) {
		return s.spare[gr.number]
	}
	present := gr.present(s.g.row(Dependencies, gr.item, &s.own), s.mask)
	return present - gr.needs(present)
}

// A point is a state of a spread that can be gone back to.
type point struct{ head, down, lost int }

func (s *spread) here() point { return point{s.head, len(s.queue), len(s.lost)} }

// back undoes everything since the point.
func (s *spread) back(p point) {
	for _, i := range s.queue[p.down:] {
		s.down.drop(i)
	}
	for _, l := range s.lost[p.lost:] {
		s.spare[l.group.number] += l.weight
	}
	s.head, s.queue, s.lost = p.head, s.queue[:p.down], s.lost[:p.lost]
}

// degraded returns the items that are up and have lost part of a group, sorted by number.
func (s *spread) degraded() []uint32 {
	var out []uint32
	for _, l := range s.lost {
		if i := l.group.item; !s.down.has(i) {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// threatened returns the items that are untouched themselves, but depend on a degraded one at any distance; in waves, and where
// each wave ends.
func (s *spread) threatened(degraded []uint32) (queue, waves []uint32) {
	var seen marks
	seen.reset(s.g.size)
	for _, i := range degraded {
		seen.add(i)
	}
	next := func(i uint32) {
		for _, e := range s.g.row(Dependents, i, &s.row) {
			if u := e.item(); e.in(s.mask) && !seen.has(u) && !s.down.has(u) && !s.held.has(u) {
				seen.add(u)
				queue = append(queue, u)
			}
		}
	}
	for _, i := range degraded {
		next(i)
	}
	for head := 0; head < len(queue); {
		waves = append(waves, uint32(len(queue)))
		for end := len(queue); head < end; head++ {
			next(queue[head])
		}
	}
	return queue, waves
}
