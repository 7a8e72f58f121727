package itsmtest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// plainDB is the contract of [store.DB] written down as simply as possible: one lock, scans, copies of everything. The suite
// compares stores with it.
type plainDB struct {
	mu       sync.Mutex
	records  map[itsm.Key]plainRecord
	journal  []itsm.Event // the position is the index + 1
	commands map[commandKey]bool
	closed   bool
}

type plainRecord struct {
	store.Snapshot
	index []itsm.IndexEntry
}

type commandKey struct {
	tenant itsm.Tenant
	id     itsm.CommandID
}

func newPlainDB() *plainDB {
	return &plainDB{records: make(map[itsm.Key]plainRecord), commands: make(map[commandKey]bool)}
}

func (db *plainDB) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return store.ErrClosed
	}
	return nil
}

func (db *plainDB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.mu.Unlock()
	out := make([]store.Snapshot, len(keys))
	for i, k := range keys {
		if k.Tenant != keys[0].Tenant {
			return nil, fmt.Errorf("%w: keys of two tenants", itsm.ErrInvalid)
		}
		s := db.records[k].Snapshot
		s.Key = k
		out[i] = cloneSnapshot(s)
	}
	return out, nil
}

func (db *plainDB) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	return func(yield func(store.Snapshot, error) bool) {
		if err := db.enter(ctx); err != nil {
			yield(store.Snapshot{}, err)
			return
		}
		var found []store.Snapshot
		for _, r := range db.records { //maporder: sorted below
			place := q.CursorOf(r.Key.ID, r.index)
			if r.Key.Tenant == q.Tenant && r.Key.Kind == q.Kind && q.Matches(r.index) && (q.After == itsm.Cursor{} || q.Compare(place, q.After) > 0) {
				s := cloneSnapshot(r.Snapshot)
				s.Order = place.Value
				found = append(found, s)
			}
		}
		db.mu.Unlock()
		slices.SortFunc(found, func(a, b store.Snapshot) int {
			return q.Compare(itsm.Cursor{Value: a.Order, ID: a.Key.ID}, itsm.Cursor{Value: b.Order, ID: b.Key.ID})
		})
		if q.Limit > 0 && len(found) > q.Limit {
			found = found[:q.Limit]
		}
		for _, s := range found {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (db *plainDB) Commit(ctx context.Context, b store.Batch) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.mu.Unlock()
	if err := b.Check(); err != nil {
		return err
	}
	for _, c := range b.Commands {
		if db.commands[commandKey{b.Tenant, c}] {
			return fmt.Errorf("command %s: %w", c, itsm.ErrExists)
		}
	}
	expect := func(k itsm.Key, seq uint64) error {
		if now := db.records[k].Seq; now != seq {
			return fmt.Errorf("%s is at %d, not %d: %w", k, now, seq, itsm.ErrConflict)
		}
		return nil
	}
	for _, r := range b.Reads {
		if err := expect(r.Key, r.Seq); err != nil {
			return err
		}
	}
	own := make(map[itsm.Key]bool)
	for _, p := range b.Puts {
		if err := expect(p.Key, p.Expect); err != nil {
			return err
		}
		own[p.Key] = true
	}
	for _, e := range b.Events {
		if !own[e.Key] && slices.ContainsFunc(db.journal, func(old itsm.Event) bool { return old.Key == e.Key }) {
			return fmt.Errorf("entry %s: %w", e.Key, itsm.ErrConflict)
		}
	}

	for _, k := range b.Erase {
		for i := range db.journal {
			if db.journal[i].Key == k {
				db.journal[i].Personal = nil
			}
		}
	}
	for _, p := range b.Puts {
		r := plainRecord{cloneSnapshot(p.Snapshot), slices.Clone(p.Index)}
		if p.Keep {
			old := db.records[p.Key]
			r.Data, r.Wake, r.index = old.Data, old.Wake, old.index
		}
		r.Order = itsm.Value{}
		db.records[p.Key] = r
	}
	for _, e := range b.Events {
		e = cloneEvent(e)
		e.Payload, e.Position = nil, itsm.Position(fmt.Sprintf("%012d", len(db.journal)+1))
		db.journal = append(db.journal, e)
	}
	for _, c := range b.Commands {
		db.commands[commandKey{b.Tenant, c}] = true
	}
	return nil
}

func (db *plainDB) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		if err := db.enter(ctx); err != nil {
			yield(itsm.Event{}, err)
			return
		}
		if n, err := strconv.Atoi(string(cmp.Or(after, "0"))); err != nil || n > len(db.journal) {
			db.mu.Unlock()
			yield(itsm.Event{}, fmt.Errorf("%w: position %q", itsm.ErrInvalid, after))
			return
		}
		var found []itsm.Event
		for i := range db.journal {
			if e := &db.journal[i]; e.Position > after && f.Matches(e) {
				found = append(found, cloneEvent(*e))
			}
		}
		db.mu.Unlock()
		if f.Limit > 0 && len(found) > f.Limit {
			found = found[:f.Limit]
		}
		for _, e := range found {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (db *plainDB) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	defer db.mu.Unlock()
	var due []store.Wake
	for k, s := range db.records {
		if k.Kind == kind && !s.Wake.IsZero() && (until.IsZero() || !s.Wake.After(until)) {
			due = append(due, store.Wake{Key: k, At: s.Wake})
		}
	}
	slices.SortFunc(due, func(a, b store.Wake) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(string(a.Key.Tenant), string(b.Key.Tenant)), strings.Compare(string(a.Key.ID), string(b.Key.ID)))
	})
	if limit > 0 && len(due) > limit {
		due = due[:limit]
	}
	return due, nil
}

func (db *plainDB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	return nil
}

func cloneSnapshot(s store.Snapshot) store.Snapshot {
	s.Data = slices.Clone(s.Data)
	return s
}

func cloneEvent(e itsm.Event) itsm.Event {
	e.Data, e.Personal = slices.Clone(e.Data), slices.Clone(e.Personal)
	return e
}
