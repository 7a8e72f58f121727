package impact

import "slices"

// marks are a set of item numbers that is emptied in no time.
type marks struct {
	epoch uint8
	at    []uint8
}

// reset empties the set, and makes room for numbers below n.
func (m *marks) reset(n uint32) {
	if m.epoch++; m.epoch == 0 || len(m.at) < int(n) {
		if len(m.at) < int(n) {
			m.at = make([]uint8, n+n/64)
		} else {
			clear(m.at)
		}
		m.epoch = 1
	}
}

func (m *marks) has(i uint32) bool { return m.at[i] == m.epoch }
func (m *marks) add(i uint32)      { m.at[i] = m.epoch }
func (m *marks) drop(i uint32)     { m.at[i] = m.epoch - 1 }

// A scratch is what a query needs besides the graph. It is kept for the next one.
type scratch struct {
	seen  marks
	other marks    // items that differ from the base
	queue []uint32 // the items found, nearest first
	ends  []uint32 // where in the queue each distance ends; the origins have distance 0
	row   []edge
}

// borrow returns a scratch that is the caller's until it is given back.
func (g *Graph) borrow() *scratch {
	var s *scratch
	if g.pool != nil {
		s, _ = g.pool.Get().(*scratch)
	}
	if s == nil {
		s = new(scratch)
	}
	if len(s.queue) < int(g.size) {
		s.queue = make([]uint32, g.size+g.size/64)
	}
	return s
}

func (g *Graph) giveBack(s *scratch) {
	if g.pool != nil {
		g.pool.Put(s)
	}
}

// search finds everything within reach of the origins that s.queue begins with.
func (g *Graph) search(s *scratch, side Direction, mask uint64, depth int) {
	rows, n := &g.root().rows[side], g.root().n
	mark, epoch, queue := s.seen.at, s.seen.epoch, s.queue
	plain, listed := g.items.len == 0, false
	head, tail := uint32(0), s.ends[0]
	for head < tail && (depth == 0 || len(s.ends) <= depth) {
		for end := tail; head < end; head++ {
			i := queue[head]
			// A search that goes far looks up what differs from the base beforehand.
			if !plain && !listed && int(head) > g.items.len {
				g.changed(&s.other)
				listed = true
			}
			var row []edge
			if plain || listed && !s.other.has(i) || !listed && i < n && !g.items.has(i) {
				row = rows.row(i)
			} else {
				row = g.row(side, i, &s.row)
			}
			for _, e := range row {
				if j := e.item(); mark[j] != epoch && e.in(mask) {
					mark[j] = epoch
					queue[tail] = j
					tail++
				}
			}
		}
		if tail > head {
			s.ends = append(s.ends, tail)
		}
	}
}

// changed collects the items that differ from the base; all that it does not have are among them.
func (g *Graph) changed(m *marks) {
	m.reset(g.size)
	for i := range g.items.all() {
		m.add(i)
	}
}

// begin makes the scratch ready for a search from these items.
func (s *scratch) begin(g *Graph, origins ...uint32) {
	s.seen.reset(g.size)
	s.ends = append(s.ends[:0], 0)
	for _, i := range origins {
		s.origin(i)
	}
}

func (s *scratch) origin(i uint32) {
	if !s.seen.has(i) {
		s.seen.add(i)
		s.queue[s.ends[0]] = i
		s.ends[0]++
	}
}

// found returns all items of the search without its origins, nearest first.
func (s *scratch) found() []uint32 { return s.queue[s.ends[0]:s.ends[len(s.ends)-1]] }

// within reports whether a sorted slice has an item.
func within(sorted []uint32, i uint32) bool {
	_, ok := slices.BinarySearch(sorted, i)
	return ok
}
