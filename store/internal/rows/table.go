package rows

import (
	"cmp"
	"math"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Row is a record in a [Table]. It must not be changed once it is in.
type Row[T any] struct {
	ID    itsm.ID
	Index []itsm.IndexEntry
	Value T
}

// A Table holds the rows of one tenant and kind. An index over a field is built when the first query asks for it. It is not
// safe for concurrent use, but [Table.Ready] and [Table.Select] may run side by side.
type Table[T any] struct {
	rows   map[itsm.ID]*Row[T]
	fields map[string]*List[entry[T]] // "" is the index by ID alone
}

// entry is one place of a row in an index. A row without a value of the field has one with no value.
type entry[T any] struct {
	value itsm.Value
	row   *Row[T]
}

func compareEntries[T any](a, b entry[T]) int {
	return cmp.Or(a.value.Compare(b.value), cmp.Compare(a.row.ID, b.row.ID))
}

// NewTable returns an empty table.
func NewTable[T any]() *Table[T] {
	return &Table[T]{rows: make(map[itsm.ID]*Row[T]), fields: make(map[string]*List[entry[T]])}
}

// Len returns the number of rows.
func (t *Table[T]) Len() int { return len(t.rows) }

// Get returns a row, nil when there is none.
func (t *Table[T]) Get(id itsm.ID) *Row[T] { return t.rows[id] }

// Put writes a row in the place of the one with its ID.
func (t *Table[T]) Put(r *Row[T]) {
	old := t.rows[r.ID]
	t.rows[r.ID] = r
	for field, list := range t.fields { //maporder: each list for itself
		if old != nil {
			for v := range valuesOf(old, field) {
				if !has(r, field, v) {
					list.Delete(entry[T]{v, old})
				}
			}
		}
		for v := range valuesOf(r, field) {
			list.Insert(entry[T]{v, r})
		}
	}
}

// valuesOf lists the values under which a row stands in an index: no value when it has none of the field.
func valuesOf[T any](r *Row[T], field string) func(func(itsm.Value) bool) {
	return func(yield func(itsm.Value) bool) {
		found := false
		for i := range r.Index {
			if e := &r.Index[i]; e.Field == field && !e.Value.IsZero() && field != "" {
				found = true
				if !yield(e.Value) {
					return
				}
			}
		}
		if !found {
			yield(itsm.Value{})
		}
	}
}

func has[T any](r *Row[T], field string, v itsm.Value) bool {
	for w := range valuesOf(r, field) {
		if v == w {
			return true
		}
	}
	return false
}

// Ready reports whether all indexes that a query needs are there.
func (t *Table[T]) Ready(q *itsm.Query) bool {
	for i := range q.Where {
		if t.fields[q.Where[i].Field] == nil {
			return false
		}
	}
	return t.fields[q.OrderBy] != nil
}

// Prepare builds the indexes that a query needs.
func (t *Table[T]) Prepare(q *itsm.Query) {
	t.build(q.OrderBy)
	for i := range q.Where {
		t.build(q.Where[i].Field)
	}
}

func (t *Table[T]) build(field string) {
	if t.fields[field] != nil {
		return
	}
	all := make([]entry[T], 0, len(t.rows))
	for _, r := range t.rows { // sorted below
		for v := range valuesOf(r, field) {
			all = append(all, entry[T]{v, r})
		}
	}
	slices.SortFunc(all, compareEntries)
	all = slices.CompactFunc(all, func(a, b entry[T]) bool { return compareEntries(a, b) == 0 }) // a value given twice counts once
	t.fields[field] = ListOf(compareEntries, all)
}

// span is a stretch of an index in which all rows lie that satisfy a condition.
type span[T any] struct {
	list     *List[entry[T]]
	from, to Pos
	value    itsm.Value // where all rows have one
}

func (s span[T]) count() int { return s.list.Count(s.from, s.to) }

// spanOf returns the stretch for one comparison with one value.
func (t *Table[T]) spanOf(field string, op itsm.Op, v itsm.Value) span[T] {
	s := span[T]{list: t.fields[field]}
	s.from, s.to = s.list.Begin(), s.list.End()
	atLeast := func(e *entry[T]) bool { return e.value.Compare(v) >= 0 }
	typed := func(e *entry[T]) bool { return e.value.Type() >= v.Type() }
	beyond := func(e *entry[T]) bool { return e.value.Type() > v.Type() }
	switch op {
	case itsm.Unset:
		s.to = s.list.Seek(func(e *entry[T]) bool { return !e.value.IsZero() })
	case itsm.Less:
		s.from, s.to = s.list.Seek(typed), s.list.Seek(atLeast)
	case itsm.AtLeast:
		s.from, s.to = s.list.Seek(atLeast), s.list.Seek(beyond)
	default:
		s.value = v
		s.from, s.to = s.list.Seek(atLeast), s.list.Seek(func(e *entry[T]) bool { return e.value.Compare(v) > 0 })
	}
	return s
}

// plan is a way to answer a query.
type plan[T any] struct {
	spans   []span[T]
	ordered bool // one span, in the order of the query
	cost    float64
}

// choose finds the cheapest plan: the narrowest condition, or walking along the order when few results are wanted.
func (t *Table[T]) choose(q *itsm.Query, want int) plan[T] {
	order := t.fields[q.OrderBy]
	whole := span[T]{list: order, from: order.Begin(), to: order.End()}
	plans := append(make([]plan[T], 0, len(q.Where)+1), plan[T]{spans: []span[T]{whole}, ordered: true})
	fewest := len(t.rows)
	for i := range q.Where {
		c := &q.Where[i]
		var p plan[T]
		if c.Op == itsm.OneOf {
			seen := make([]itsm.Value, 0, len(c.Values))
			for _, v := range c.Values {
				if !slices.Contains(seen, v) {
					seen = append(seen, v)
					p.spans = append(p.spans, t.spanOf(c.Field, itsm.Equal, v))
				}
			}
		} else {
			p.spans = []span[T]{t.spanOf(c.Field, c.Op, c.Value)}
		}
		// Within one value of a field rows lie in the order of their IDs.
		p.ordered = len(p.spans) == 1 && (c.Field == q.OrderBy || q.OrderBy == "" && (c.Op == itsm.Equal || c.Op == itsm.OneOf || c.Op == itsm.Unset))
		n := 0
		for _, s := range p.spans {
			n += s.count()
		}
		fewest = min(fewest, n)
		plans = append(plans, p)
	}
	for i := range plans {
		p := &plans[i]
		n := 0
		for _, s := range p.spans {
			n += s.count()
		}
		switch p.cost = float64(n); {
		case !p.ordered: // all of them must be looked at and sorted before the first comes out
			p.cost *= 4
		case want > 0: // with the results spread evenly along the span
			p.cost = min(p.cost, float64(want)*p.cost/float64(max(fewest, 1)))
		}
	}
	return slices.MinFunc(plans, func(a, b plan[T]) int { return cmp.Compare(a.cost, b.cost) })
}

// Select returns the rows that match the query behind a place, in its order: n of them or a few more, all where that is as
// easy. more says that there may be others behind the last one. The query must be ready.
func (t *Table[T]) Select(q *itsm.Query, after itsm.Cursor, n int) (found []*Row[T], more bool) {
	want := n
	if q.Limit == 0 {
		want = math.MaxInt // the reader will come back for all of them
	} else if q.Limit < n {
		want = q.Limit
	}
	p := t.choose(q, want)
	behind := func(e *entry[T]) bool {
		return after == itsm.Cursor{} || q.Compare(t.cursor(q, e.row), after) > 0
	}
	if p.ordered {
		return t.walk(q, p.spans[0], after, n)
	}
	for _, s := range p.spans {
		for at := s.from; at.Before(s.to); at = s.list.Next(at) {
			if e := s.list.At(at); q.Matches(e.row.Index) && behind(e) {
				found = append(found, e.row)
			}
		}
	}
	slices.SortFunc(found, func(a, b *Row[T]) int { return q.Compare(t.cursor(q, a), t.cursor(q, b)) })
	return slices.Compact(found), false // a row with several values may have been met twice
}

// walk goes along a span that lies in the order of the query.
func (t *Table[T]) walk(q *itsm.Query, s span[T], after itsm.Cursor, n int) (found []*Row[T], more bool) {
	from, to := s.from, s.to
	if after != (itsm.Cursor{}) {
		at := after.Value
		if q.OrderBy == "" {
			at = s.value
		}
		place := func(e *entry[T]) int { return cmp.Or(e.value.Compare(at), cmp.Compare(e.row.ID, after.ID)) }
		if q.Desc {
			if end := s.list.Seek(func(e *entry[T]) bool { return place(e) >= 0 }); end.Before(to) {
				to = end
			}
		} else if begin := s.list.Seek(func(e *entry[T]) bool { return place(e) > 0 }); from.Before(begin) {
			from = begin
		}
	}
	for from.Before(to) {
		var e *entry[T]
		if q.Desc {
			to = s.list.Prev(to)
			e = s.list.At(to)
		} else {
			e = s.list.At(from)
			from = s.list.Next(from)
		}
		if !q.Matches(e.row.Index) {
			continue
		}
		if found = append(found, e.row); len(found) == n {
			return found, from.Before(to)
		}
	}
	return found, false
}

func (t *Table[T]) cursor(q *itsm.Query, r *Row[T]) itsm.Cursor { return q.CursorOf(r.ID, r.Index) }
