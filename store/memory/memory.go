package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/internal/rows"
)

// A DB is a store in memory. It is safe for concurrent use; make one with [New].
type DB struct {
	mu      sync.RWMutex
	tables  map[tableKey]*rows.Table[record]
	wakes   map[itsm.Kind]*rows.List[store.Wake]
	journal journal
	closed  bool
}

var _ store.DB = (*DB)(nil)

type tableKey struct {
	tenant itsm.Tenant
	kind   itsm.Kind
}

// record is what a row holds. Its data are never changed, only replaced.
type record struct {
	seq      uint64
	head     itsm.Digest
	recorded time.Time
	data     []byte
	wake     time.Time
}

// New returns an empty store.
func New() *DB {
	return &DB{
		tables:  make(map[tableKey]*rows.Table[record]),
		wakes:   make(map[itsm.Kind]*rows.List[store.Wake]),
		journal: newJournal(),
	}
}

// Close makes all further calls fail with [store.ErrClosed].
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	return nil
}

// ready reports why a call cannot be served. The lock must be held.
func (db *DB) ready(ctx context.Context) error {
	if db.closed {
		return fmt.Errorf("memory: %w", store.ErrClosed)
	}
	return ctx.Err()
}

func (db *DB) row(key itsm.Key) *rows.Row[record] {
	if t := db.tables[tableKey{key.Tenant, key.Kind}]; t != nil {
		return t.Get(key.ID)
	}
	return nil
}

func (db *DB) seq(key itsm.Key) uint64 {
	if r := db.row(key); r != nil {
		return r.Value.seq
	}
	return 0
}

func snapshot(key itsm.Key, r *rows.Row[record]) store.Snapshot {
	s := lent(key, r)
	s.Data = bytes.Clone(s.Data)
	return s
}

// lent is a snapshot whose data must not be written to.
func lent(key itsm.Key, r *rows.Row[record]) store.Snapshot {
	return store.Snapshot{Key: key, Seq: r.Value.seq, Head: r.Value.head, Recorded: r.Value.recorded, Data: r.Value.data, Wake: r.Value.wake}
}

// Load implements [store.DB].
func (db *DB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := store.CheckKeys(keys); err != nil {
		return nil, err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.ready(ctx); err != nil {
		return nil, err
	}
	found := make([]store.Snapshot, len(keys))
	for i, key := range keys {
		found[i].Key = key
		if r := db.row(key); r != nil {
			found[i] = snapshot(key, r)
		}
	}
	return found, nil
}

// Lend implements [store.Lender].
func (db *DB) Lend(ctx context.Context, key itsm.Key) (store.Snapshot, error) {
	if key.Tenant == "" {
		return store.Snapshot{}, store.CheckKeys([]itsm.Key{key})
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.ready(ctx); err != nil {
		return store.Snapshot{}, err
	}
	r := db.row(key)
	if r == nil {
		return store.Snapshot{Key: key}, nil
	}
	return lent(key, r), nil
}

// page is how many results are taken out under one lock.
const page = 128

// Find implements [store.DB]. Its sequence pages by its own cursor.
func (db *DB) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	q.Where = slices.Clone(q.Where)
	return func(yield func(store.Snapshot, error) bool) {
		if err := store.CheckQuery(&q); err != nil {
			yield(store.Snapshot{}, err)
			return
		}
		after := q.After
		for given := 0; ; {
			found, more, err := db.selectRows(ctx, &q, after)
			if err != nil {
				yield(store.Snapshot{}, err)
				return
			}
			for _, r := range found {
				snap := snapshot(itsm.Key{Tenant: q.Tenant, Kind: q.Kind, ID: r.ID}, r)
				after = q.CursorOf(r.ID, r.Index)
				snap.Order = after.Value
				if err := ctx.Err(); err != nil {
					yield(store.Snapshot{}, err)
					return
				}
				if !yield(snap, nil) {
					return
				}
				if given++; given == q.Limit {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

func (db *DB) selectRows(ctx context.Context, q *itsm.Query, after itsm.Cursor) ([]*rows.Row[record], bool, error) {
	db.mu.RLock()
	defer func() { db.mu.RUnlock() }()
	for {
		if err := db.ready(ctx); err != nil {
			return nil, false, err
		}
		t := db.tables[tableKey{q.Tenant, q.Kind}]
		if t == nil {
			return nil, false, nil
		}
		if t.Ready(q) {
			n := page
			if q.Limit > 0 {
				n = min(n, q.Limit)
			}
			found, more := t.Select(q, after, n)
			return found, more, nil
		}
		db.mu.RUnlock()
		db.mu.Lock()
		t.Prepare(q)
		db.mu.Unlock()
		db.mu.RLock()
	}
}

// Due implements [store.DB].
func (db *DB) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.ready(ctx); err != nil {
		return nil, err
	}
	list := db.wakes[kind]
	if list == nil {
		return nil, nil
	}
	end := list.End()
	if !until.IsZero() {
		end = list.Seek(func(w *store.Wake) bool { return w.At.After(until) })
	}
	n := list.Count(list.Begin(), end)
	if limit > 0 {
		n = min(n, limit)
	}
	due := make([]store.Wake, 0, n)
	for p := list.Begin(); len(due) < n; p = list.Next(p) {
		due = append(due, *list.At(p))
	}
	return due, nil
}

func compareWakes(a, b store.Wake) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key.Tenant, b.Key.Tenant), cmp.Compare(a.Key.ID, b.Key.ID))
}

// Commit implements [store.DB].
func (db *DB) Commit(ctx context.Context, b store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if !b.Owned { // what goes in is copied before the lock is taken
		b = copyBatch(b)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.ready(ctx); err != nil {
		return err
	}
	if err := db.expect(&b); err != nil {
		return err
	}
	for _, key := range b.Erase {
		db.journal.erase(key)
	}
	for _, id := range b.Commands {
		db.journal.use(b.Tenant, id)
	}
	for i := range b.Events {
		db.journal.add(&b.Events[i])
	}
	for i := range b.Puts {
		db.put(&b.Puts[i], rowOf(&b.Puts[i]))
	}
	return nil
}

// expect checks the batch against what is there.
func (db *DB) expect(b *store.Batch) error {
	conflict := func(key itsm.Key, want uint64) error {
		return fmt.Errorf("memory: %s is at %d, not at %d: %w", key, db.seq(key), want, itsm.ErrConflict)
	}
	for i := range b.Puts {
		if p := &b.Puts[i]; db.seq(p.Key) != p.Expect {
			return conflict(p.Key, p.Expect)
		}
	}
	for _, r := range b.Reads {
		if db.seq(r.Key) != r.Seq {
			return conflict(r.Key, r.Seq)
		}
	}
	for _, id := range b.Commands {
		if db.journal.used(b.Tenant, id) {
			return fmt.Errorf("memory: command %q of %s: %w", id, b.Tenant, itsm.ErrExists)
		}
	}
	for i := range b.Events {
		if e := &b.Events[i]; e.Seq == 1 && len(db.journal.records[e.Key]) > 0 {
			return fmt.Errorf("memory: the journal of %s has begun: %w", e.Key, itsm.ErrConflict)
		}
	}
	return nil
}

// copyBatch copies what a store keeps of a batch.
func copyBatch(b store.Batch) store.Batch {
	b.Puts, b.Events = slices.Clone(b.Puts), slices.Clone(b.Events)
	for i := range b.Puts {
		p := &b.Puts[i]
		p.Data, p.Index = bytes.Clone(p.Data), slices.Clone(p.Index)
	}
	for i := range b.Events {
		e := &b.Events[i]
		e.Data, e.Personal = bytes.Clone(e.Data), bytes.Clone(e.Personal)
	}
	return b
}

func rowOf(p *store.Put) *rows.Row[record] {
	r := &rows.Row[record]{ID: p.Key.ID, Value: record{seq: p.Seq, head: p.Head, recorded: micros(p.Recorded)}}
	if !p.Keep {
		r.Index, r.Value.data, r.Value.wake = p.Index, p.Data, micros(p.Wake)
	}
	return r
}

func (db *DB) put(p *store.Put, r *rows.Row[record]) {
	key := tableKey{p.Key.Tenant, p.Key.Kind}
	t := db.tables[key]
	if t == nil {
		t = rows.NewTable[record]()
		db.tables[key] = t
	}
	old := t.Get(r.ID)
	if p.Keep {
		r.Index, r.Value.data, r.Value.wake = old.Index, old.Value.data, old.Value.wake
	}
	t.Put(r)
	var before time.Time
	if old != nil {
		before = old.Value.wake
	}
	if after := r.Value.wake; !before.Equal(after) {
		list := db.wakes[p.Key.Kind]
		if list == nil {
			list = rows.NewList(compareWakes)
			db.wakes[p.Key.Kind] = list
		}
		if !before.IsZero() {
			list.Delete(store.Wake{Key: p.Key, At: before})
		}
		if !after.IsZero() {
			list.Insert(store.Wake{Key: p.Key, At: after})
		}
	}
}

// micros cuts an instant to what stores keep.
func micros(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
