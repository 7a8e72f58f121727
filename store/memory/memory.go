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

var (
	_ store.DB     = (*DB)(nil)
	_ store.Lender = (*DB)(nil)
)

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
	live     store.Record // in place of data
	wake     time.Time
	log      *log // nil for none
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

// lent is a snapshot whose content must not be written to.
func lent(key itsm.Key, r *rows.Row[record]) store.Snapshot {
	v := &r.Value
	return store.Snapshot{Key: key, Seq: v.seq, Head: v.head, Recorded: v.recorded, Data: v.data, Record: v.live, Wake: v.wake}
}

// own makes what was lent the caller's.
func own(s *store.Snapshot) (err error) {
	if s.Record == nil {
		s.Data = bytes.Clone(s.Data)
		return nil
	}
	if s.Data, err = s.Record.JSON(); err != nil {
		return fmt.Errorf("memory: %s at %d: %w", s.Key, s.Seq, err)
	}
	s.Record = nil
	return nil
}

// Load implements [store.DB].
func (db *DB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := store.CheckKeys(keys); err != nil {
		return nil, err
	}
	found, err := db.lend(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if err := own(&found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (db *DB) lend(ctx context.Context, keys []itsm.Key) ([]store.Snapshot, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.ready(ctx); err != nil {
		return nil, err
	}
	found := make([]store.Snapshot, len(keys))
	for i, key := range keys {
		found[i].Key = key
		if r := db.row(key); r != nil {
			found[i] = lent(key, r)
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
	found := db.LendAll(ctx, q)
	return func(yield func(store.Snapshot, error) bool) {
		for s, err := range found {
			if err == nil {
				err = own(&s)
			}
			if err != nil {
				yield(store.Snapshot{}, err)
				return
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// LendAll implements [store.Lender]. Its sequence pages by its own cursor.
func (db *DB) LendAll(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
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
				snap := lent(itsm.Key{Tenant: q.Tenant, Kind: q.Kind, ID: r.ID}, r)
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
	if err := b.CheckLent(); err != nil {
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
	var space [4]slot
	slots := append(space[:0], make([]slot, len(b.Puts))...)
	if err := db.expect(&b, slots); err != nil {
		return err
	}
	for _, key := range b.Erase {
		for _, place := range db.places(key) {
			db.journal.erase(place)
		}
	}
	first := db.journal.len
	for i := range b.Events {
		db.journal.append(&b.Events[i])
	}
	db.journal.note(&b, first)
	for i := range b.Puts {
		db.put(&b.Puts[i], &slots[i])
	}
	for i := range b.Events {
		db.enter(&b.Events[i], first+i, b.Puts, slots)
	}
	return nil
}

// A slot is where a put goes.
type slot struct {
	table *rows.Table[record]
	row   *rows.Row[record] // nil for none: before the put the old one, after it the new one
}

func (s *slot) seq() uint64 {
	if s.row == nil {
		return 0
	}
	return s.row.Value.seq
}

// expect checks the batch against what is there, and finds where its puts go.
func (db *DB) expect(b *store.Batch, slots []slot) error {
	conflict := func(key itsm.Key, want uint64) error {
		return fmt.Errorf("memory: %s is at %d, not at %d: %w", key, db.seq(key), want, itsm.ErrConflict)
	}
	for i := range b.Puts {
		p, s := &b.Puts[i], &slots[i]
		if s.table = db.tables[tableKey{p.Key.Tenant, p.Key.Kind}]; s.table != nil {
			s.row = s.table.Get(p.Key.ID)
		}
		if s.seq() != p.Expect {
			return conflict(p.Key, p.Expect)
		}
	}
	for _, r := range b.Reads {
		if db.seq(r.Key) != r.Seq {
			return conflict(r.Key, r.Seq)
		}
	}
	for _, id := range b.Commands {
		if db.journal.used(commandKey{b.Tenant, id}) {
			return fmt.Errorf("memory: command %q of %s: %w", id, b.Tenant, itsm.ErrExists)
		}
	}
	if uint64(db.journal.len+len(b.Events)) > maxPlaces {
		return fmt.Errorf("memory: the journal is full: it has %d entries, at most %d are possible", db.journal.len, maxPlaces)
	}
	for i := range b.Events {
		if e := &b.Events[i]; e.Seq == 1 && len(db.places(e.Key)) > 0 {
			return fmt.Errorf("memory: the journal of %s has begun: %w", e.Key, itsm.ErrConflict)
		}
	}
	return nil
}

// enter notes where an event lies: with its record, or by its key if it stands alone.
func (db *DB) enter(e *itsm.Event, place int, puts []store.Put, slots []slot) {
	row := func() *rows.Row[record] {
		if len(puts) == 1 && puts[0].Key == e.Key { // spares the way to the row
			return slots[0].row
		}
		return db.row(e.Key)
	}
	if r := row(); r != nil && r.Value.log != nil {
		r.Value.log.places = append(r.Value.log.places, place)
	} else {
		db.journal.alone[e.Key] = place
	}
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
		e.Personal = bytes.Clone(e.Personal) // the journal copies all else
	}
	return b
}

func rowOf(p *store.Put) *rows.Row[record] {
	r := &rows.Row[record]{ID: p.Key.ID, Value: record{seq: p.Seq, head: p.Head, recorded: micros(p.Recorded)}}
	if !p.Keep {
		r.Index, r.Value.data, r.Value.live, r.Value.wake = p.Index, p.Data, p.Record, micros(p.Wake)
	}
	return r
}

func (db *DB) put(p *store.Put, s *slot) {
	if s.table == nil { // perhaps a put before this one has made it
		key := tableKey{p.Key.Tenant, p.Key.Kind}
		if s.table = db.tables[key]; s.table == nil {
			s.table = rows.NewTable[record]()
			db.tables[key] = s.table
		}
	}
	old, r := s.row, rowOf(p)
	var before time.Time
	if old != nil {
		before = old.Value.wake
		r.Value.log = old.Value.log
	}
	if p.Keep {
		r.Index, r.Value.data, r.Value.live, r.Value.wake = old.Index, old.Value.data, old.Value.live, old.Value.wake
	}
	if r.Value.log == nil && !p.Head.IsZero() {
		r.Value.log = new(log)
		if place, ok := db.journal.alone[p.Key]; ok {
			r.Value.log.places = append(r.Value.log.places, place)
		}
	}
	s.table.Put(r)
	s.row = r
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
