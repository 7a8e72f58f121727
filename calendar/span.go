package calendar

import (
	"container/heap"
	"slices"
	"sort"
)

// A span is a half-open stretch of open time in Unix seconds. Day is the date that it belongs to.
type span struct {
	from, to int64
	day      int
	why      *Why
}

// An override is a stretch that is open or closed whatever the dates in it say. Overrides are sorted and disjoint.
type override struct {
	from, to int64
	open     bool
	why      *Why
}

// spans yields the open stretches within [lo, hi), in order and disjoint, each with its reason. Where an overnight
// shift runs into the hours of the next date, the time counts once, for the earlier date.
func (c *civil) spans(p *plan, lo, hi int64, yield func(span) bool) bool {
	m := merger{zone: c.zone, overrides: c.overrides, covered: lo, lo: lo, hi: hi, yield: yield}
	m.next = sort.Search(len(c.overrides), func(i int) bool { return c.overrides[i].to > lo })
	// A date can start on the wall clock up to two days before lo (shifts over midnight, a day repeated at the date line).
	first := max(c.zone.day(lo)-3, p.first)
	last := min(c.zone.day(hi)+2, p.first+len(p.days)-1)
	for day := first; day <= last; day++ {
		hours, why := c.hours(day, p.days[day-p.first])
		for _, s := range hours {
			b := span{c.zone.instant(wallOf(day, s.From)), c.zone.instant(wallOf(day, s.To)), day, why}
			if b.from >= hi {
				return m.finish()
			}
			if !m.add(b) {
				return false
			}
		}
	}
	return m.finish()
}

// A merger lays overrides over spans that come in order of their start.
type merger struct {
	zone      *zone
	overrides []override
	next      int   // the first override not yet emitted
	covered   int64 // up to here everything is decided
	lo, hi    int64
	yield     func(span) bool
}

func (m *merger) add(b span) bool {
	b.from = max(b.from, m.covered, m.lo)
	for b.from < b.to {
		if m.next == len(m.overrides) || m.overrides[m.next].from >= b.to {
			m.covered = b.to
			return m.emit(b)
		}
		o := m.overrides[m.next]
		m.next++
		if b.from < o.from {
			piece := b
			piece.to = o.from
			if !m.emit(piece) {
				return false
			}
		}
		if !m.emitOverride(o) {
			return false
		}
		b.from = max(b.from, o.to)
		m.covered = b.from
	}
	return true
}

func (m *merger) finish() bool {
	for ; m.next < len(m.overrides) && m.overrides[m.next].from < m.hi; m.next++ {
		if !m.emitOverride(m.overrides[m.next]) {
			return false
		}
	}
	return true
}

// emitOverride yields an opening day by day.
func (m *merger) emitOverride(o override) bool {
	if !o.open {
		return true
	}
	end := min(o.to, m.hi)
	for from := max(o.from, m.lo); from < end; {
		day := m.zone.day(from)
		to := min(m.zone.midnight(day+1), end)
		if !m.emit(span{from, to, day, o.why}) {
			return false
		}
		from = to
	}
	return true
}

func (m *merger) emit(s span) bool {
	s.from, s.to = max(s.from, m.lo), min(s.to, m.hi)
	return s.from >= s.to || m.yield(s)
}

// overlay makes disjoint overrides of stretches that may overlap: where several cover an instant, the last one in the list wins.
func overlay(list []override) []override {
	type edge struct {
		at    int64
		index int
	}
	var edges []edge
	for i, o := range list {
		if o.from < o.to {
			edges = append(edges, edge{o.from, i}, edge{o.to, i})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return compare(a.at, b.at) })
	var out []override
	var active lastFirst
	for i := 0; i < len(edges); {
		at := edges[i].at
		for ; i < len(edges) && edges[i].at == at; i++ {
			if e := edges[i]; list[e.index].from == at {
				heap.Push(&active, e.index)
			}
		}
		for len(active) > 0 && list[active[0]].to <= at {
			heap.Pop(&active)
		}
		if len(active) == 0 {
			continue
		}
		o := list[active[0]]
		o.from, o.to = at, edges[i].at // an active stretch still has its end before it
		if n := len(out); n > 0 && out[n-1].to == o.from && out[n-1].why == o.why {
			out[n-1].to = o.to
		} else {
			out = append(out, o)
		}
	}
	return out
}

// lastFirst is a heap with the greatest index on top.
type lastFirst []int

func (h lastFirst) Len() int           { return len(h) }
func (h lastFirst) Less(i, j int) bool { return h[i] > h[j] }
func (h lastFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lastFirst) Push(x any)        { *h = append(*h, x.(int)) }
func (h *lastFirst) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	*h = (*h)[:n]
	return x
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
