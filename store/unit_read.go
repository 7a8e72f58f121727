package store

import (
	"context"
	"iter"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store/internal/rows"
)

// find lists what is in the store as the unit has left it: records that the unit has written stand in for those of the store.
func (u *unit) find(ctx context.Context, q itsm.Query) iter.Seq2[Snapshot, error] {
	q.Where = slices.Clone(q.Where)
	return func(yield func(Snapshot, error) bool) {
		own := ownRows{unit: u, query: q, after: q.After}
		stored := q
		var err error
		if stored.Limit, err = own.begin(); err != nil {
			yield(Snapshot{}, err)
			return
		}
		given := 0
		give := func(s Snapshot) bool {
			given++
			return yield(s, nil) && given != q.Limit
		}
		d := directTo(u.db)
		for s, err := range d.find(ctx, stored) {
			if err == nil {
				err = u.see(s.Key, s.Seq)
			}
			if err != nil {
				yield(Snapshot{}, err)
				return
			}
			place := itsm.Cursor{Value: s.Order, ID: s.Key.ID}
			for own.next(&place) {
				if !give(own.snap) {
					return
				}
			}
			if s, ours := u.take(s); ours && !give(s) {
				return
			}
		}
		for own.next(nil) {
			if !give(own.snap) {
				return
			}
		}
	}
}

// see notes that something of a record was read, up to a sequence number, and finds out whether it has changed since the
// unit read it first.
func (u *unit) see(key itsm.Key, seq uint64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.check(key.Tenant); err != nil {
		return err
	}
	if h := u.known[key]; h != nil && h.base < seq {
		u.stale = true
		return errStale
	}
	return nil
}

// take takes up a record that the store has found. It is not ours to give if the unit has written it: then it stands
// among the unit's own.
func (u *unit) take(s Snapshot) (Snapshot, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	h := u.known[s.Key]
	if h == nil {
		h = u.meet(s)
	}
	out := h.snap
	out.Order = s.Order
	return out, !h.data
}

// ownRows goes through the records that the unit has written and a query finds, in its order.
type ownRows struct {
	unit  *unit
	query itsm.Query
	rows  []*rows.Row[*held]
	after itsm.Cursor
	end   bool
	snap  Snapshot // what next has found
}

// begin makes the unit's records of the kind ready and returns how many the store must be asked for at most.
func (o *ownRows) begin() (limit int, err error) {
	u, q := o.unit, &o.query
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.check(q.Tenant); err != nil {
		return 0, err
	}
	t := u.tables[q.Kind]
	if t == nil {
		t = rows.NewTable[*held]()
		if u.tables == nil {
			u.tables = make(map[itsm.Kind]*rows.Table[*held])
		}
		u.tables[q.Kind] = t
		for _, h := range u.order {
			if h.data && h.snap.Key.Kind == q.Kind {
				t.Put(rowOf(h))
			}
		}
	}
	t.Prepare(q)
	if q.Limit == 0 {
		return 0, nil
	}
	return q.Limit + t.Len(), nil // so many of the store's may be covered by the unit's
}

// next moves on to the next record, unless it comes behind a place.
func (o *ownRows) next(before *itsm.Cursor) bool {
	u, q := o.unit, &o.query
	u.mu.Lock()
	defer u.mu.Unlock()
	for {
		if len(o.rows) == 0 {
			if o.end {
				return false
			}
			const page = 64
			var more bool
			o.rows, more = u.tables[q.Kind].Select(q, o.after, page)
			o.end = !more
			continue
		}
		r := o.rows[0]
		place := q.CursorOf(r.ID, r.Index)
		if before != nil && q.Compare(place, *before) > 0 {
			return false
		}
		o.rows, o.after = o.rows[1:], place
		if u.tables[q.Kind].Get(r.ID) != r && !q.Matches(r.Value.index) {
			continue // written again since, and no longer among the results
		}
		o.snap = r.Value.snap
		o.snap.Order = place.Value
		return true
	}
}

// Events lists the entries of the store and behind them those that the unit adds, which have no position yet.
func (u *unit) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		given := 0
		give := func(e itsm.Event) bool {
			given++
			return yield(e, nil) && given != f.Limit
		}
		for e, err := range u.db.Events(ctx, after, f) {
			if err == nil {
				err = u.see(e.Key, e.Seq)
			}
			if err != nil {
				yield(itsm.Event{}, err)
				return
			}
			if u.erases(e.Key) {
				e.Personal = nil
			}
			if !give(e) {
				return
			}
		}
		for _, e := range u.added(&f) {
			if !give(e) {
				return
			}
		}
	}
}

func (u *unit) erases(key itsm.Key) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	h := u.known[key]
	return h != nil && h.erase
}

// added returns the entries of the unit that pass a filter.
func (u *unit) added(f *itsm.Filter) (events []itsm.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	take := func(at int) {
		if f.Matches(&u.events[at]) {
			events = append(events, copyEvent(&u.events[at]))
		}
	}
	switch {
	case f.ID != "":
		key := itsm.Key{Tenant: f.Tenant, Kind: f.Kind, ID: f.ID}
		if h := u.known[key]; h != nil {
			for _, at := range h.events {
				take(at)
			}
		} else if at, ok := u.alone[key]; ok {
			take(at)
		}
	case f.Command != "":
		first, ok := u.commands[f.Command]
		if !ok {
			first = len(u.events) // entries carry the ID of the command that the unit was told with them
		}
		for at := first; at < len(u.events) && u.events[at].Command == f.Command; at++ {
			take(at)
		}
	default:
		for at := range u.events {
			take(at)
		}
	}
	return events
}
