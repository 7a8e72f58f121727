package calendar

import "math"

// A table answers for a stretch of whole years how much open time lies before an instant, and at which instant a given
// amount is reached. It is immutable.
//
// Both questions are a search in a sorted list. A plain binary search misses the branch predictor at every step; here the
// range is cut into about as many equal buckets as there are segments, the bucket is found by a shift, and one or two
// comparisons remain.
type table struct {
	lo, hi int64 // seconds covered; hi is included as an instant
	segs   []segment
	byTime index
	byOpen index
}

// A segment is open from start for as long as its successor's open exceeds its own. The first segment is an empty one
// before lo, the last an empty one at the end of time.
type segment struct {
	start int64
	open  int64 // open seconds before start
}

// An index maps a bucket of 2^shift values to the last segment at or before its first value.
type index struct {
	base  int64
	shift uint8
	first []uint32
}

// newTable takes the spans of [lo, hi) in order.
func newTable(lo, hi int64, spans func(lo, hi int64, yield func(span) bool) bool) *table {
	t := &table{lo: lo, hi: hi, segs: []segment{{lo - 1, 0}}}
	var total, end int64 = 0, math.MinInt64
	spans(lo, hi, func(s span) bool {
		if s.from != end { // spans that touch are one segment
			t.segs = append(t.segs, segment{s.from, total})
		}
		total += s.to - s.from
		end = s.to
		return true
	})
	t.segs = append(t.segs, segment{math.MaxInt64, total})
	t.byTime = newIndex(t.segs, lo, hi, func(s segment) int64 { return s.start })
	t.byOpen = newIndex(t.segs, 0, total, func(s segment) int64 { return s.open })
	return t
}

func newIndex(segs []segment, lo, hi int64, key func(segment) int64) index {
	x := index{base: lo}
	for (hi-lo)>>x.shift > 2*int64(len(segs)) {
		x.shift++
	}
	n := (hi-lo)>>x.shift + 2
	x.first = make([]uint32, n)
	i := 0
	for b := range x.first {
		for i+1 < len(segs)-1 && key(segs[i+1]) <= lo+int64(b)<<x.shift {
			i++
		}
		x.first[b] = uint32(i)
	}
	return x
}

func (t *table) total() int64 { return t.segs[len(t.segs)-1].open }

func (t *table) covers(sec int64) bool { return t.lo <= sec && sec <= t.hi }

// at returns the last segment that starts at or before an instant within the table.
func (t *table) at(sec int64) int {
	b := uint64(sec-t.byTime.base) >> t.byTime.shift
	i, j := int(t.byTime.first[b]), int(t.byTime.first[b+1])
	for j-i > 8 { // many segments in one bucket: uneven calendars
		if m := (i + j) / 2; t.segs[m].start <= sec {
			i = m
		} else {
			j = m
		}
	}
	for t.segs[i+1].start <= sec {
		i++
	}
	return i
}

// reaching returns the last segment before which no more than open seconds lie; open is less than the total.
func (t *table) reaching(open int64) int {
	b := uint64(open) >> t.byOpen.shift
	i, j := int(t.byOpen.first[b]), int(t.byOpen.first[b+1])
	for j-i > 8 {
		if m := (i + j) / 2; t.segs[m].open <= open {
			i = m
		} else {
			j = m
		}
	}
	for t.segs[i+1].open <= open {
		i++
	}
	return i
}

// before returns the open seconds before an instant, and whether it is open itself.
func (t *table) before(sec int64) (open int64, isOpen bool) {
	i := t.at(sec)
	s := t.segs[i]
	since, length := sec-s.start, t.segs[i+1].open-s.open
	return s.open + min(since, length), since < length
}
