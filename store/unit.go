package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store/internal/rows"
)

// maxAttempts bounds how often a unit of work, a refusal or a counter starts again after losing a race.
const maxAttempts = 64

// Atomically runs fn as one unit of work: all that services over db do with the context that fn gets is committed as one
// batch when fn returns nil, and not at all when it returns an error.
//
//   - Inside, records are read as the unit has left them. What the unit has read must not have changed when it commits, or
//     when fn returns an error; otherwise fn runs again from the start, 64 times at most. So fn must do nothing that cannot
//     be done twice. That a search found nothing is not asserted: assert something that changes with it.
//   - A unit belongs to one tenant. Its size is bounded by memory only.
//   - Inside a unit over the same store, Atomically joins it; when fn then returns an error, the whole unit cannot commit any
//     more. Inside a unit over another store it is itsm.ErrInvalid.
//   - Refusals of commands reach the journal also when the unit is abandoned: behind the record as it then is, or standing
//     alone if there is none.
//   - Numbers of new records that are not used are gaps.
//
// The context of a unit may be used by several goroutines, but not after fn has returned.
func Atomically(ctx context.Context, db DB, fn func(ctx context.Context) error) error {
	if outer := unitFrom(ctx); outer != nil {
		if outer.db != db {
			return fmt.Errorf("%w: store: a unit of work over one store inside that of another", itsm.ErrInvalid)
		}
		err := fn(ctx)
		if err != nil {
			outer.fail(err)
		}
		return err
	}
	for attempt := 1; ; attempt++ {
		u := &unit{db: db, known: make(map[itsm.Key]*held), commands: make(map[itsm.CommandID]int)}
		err := fn(context.WithValue(ctx, unitKey{}, u))
		batch, stale := u.close()
		raced := stale
		switch {
		case stale && err == nil:
			err = errStale
		case err == nil && u.failed != nil:
			err = fmt.Errorf("store: a unit of work inside this one failed: %w", u.failed)
		case err == nil:
			if err = u.commit(ctx, batch); err == nil {
				return nil
			}
			raced = errors.Is(err, itsm.ErrConflict) || errors.Is(err, itsm.ErrExists)
		case !stale:
			raced = u.outdated(ctx, batch)
		}
		if raced && ctx.Err() == nil {
			if attempt < maxAttempts {
				continue // what was refused was refused on grounds that have passed
			}
			err = fmt.Errorf("store: unit of work lost %d races: %w", attempt, err)
		}
		if lost := u.enterRefusals(ctx); lost != nil {
			if errors.As(err, new(*itsm.RefusedError)) { // a refusal that is not in the journal is not given
				return fmt.Errorf("%w (%v)", lost, err)
			}
			return errors.Join(err, lost)
		}
		return err
	}
}

var errStale = fmt.Errorf("store: a record changed under the unit of work: %w", itsm.ErrConflict)

type unitKey struct{}

func unitFrom(ctx context.Context) *unit {
	u, _ := ctx.Value(unitKey{}).(*unit)
	return u
}

// A unit holds what a unit of work has read and will write. It offers the part of a [DB] that repositories use. They decode
// at once what comes out and encode what goes in, so the data of records are shared with them, never changed.
type unit struct {
	db DB

	mu       sync.Mutex
	closed   bool
	failed   error // of a unit inside
	stale    bool  // something read has changed since: the unit cannot commit
	tenant   itsm.Tenant
	known    map[itsm.Key]*held
	order    []*held // known, in the order in which they were met
	events   []itsm.Event
	alone    map[itsm.Key]int       // entries without a record, by key: places in events
	commands map[itsm.CommandID]int // used in the unit, with the place of the first event
	used     []itsm.CommandID
	refused  []int // places in events
	tables   map[itsm.Kind]*rows.Table[*held]
}

// held is a record that the unit has read or written.
type held struct {
	snap   Snapshot // as the unit sees it
	base   uint64   // the sequence number in the store
	index  []itsm.IndexEntry
	events []int // that the unit has added: places in unit.events
	put    bool  // written, at least its journal
	data   bool  // written, data and index too
	erase  bool
}

func (u *unit) check(tenant itsm.Tenant) error {
	if u.closed {
		return fmt.Errorf("%w: store: the unit of work is over", itsm.ErrInvalid)
	}
	if u.tenant == "" {
		u.tenant = tenant
	}
	if tenant != u.tenant {
		return fmt.Errorf("%w: store: a unit of work belongs to one tenant: this one to %q, not %q", itsm.ErrInvalid, u.tenant, tenant)
	}
	return nil
}

// lend reads a record as the unit has left it.
func (u *unit) lend(ctx context.Context, key itsm.Key) (Snapshot, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	h, err := u.load(ctx, key)
	if err != nil {
		return Snapshot{}, err
	}
	return h.snap, nil
}

// load returns a record, from the store if it is not known yet. The lock must be held.
func (u *unit) load(ctx context.Context, key itsm.Key) (*held, error) {
	if err := u.check(key.Tenant); err != nil {
		return nil, err
	}
	if h := u.known[key]; h != nil {
		return h, nil
	}
	d := directTo(u.db)
	snap, err := d.lend(ctx, key)
	if err != nil {
		return nil, err
	}
	return u.meet(snap), nil
}

// meet takes up a record as it is in the store. The lock must be held.
func (u *unit) meet(snap Snapshot) *held {
	h := &held{snap: snap, base: snap.Seq}
	u.known[snap.Key] = h
	u.order = append(u.order, h)
	return h
}

// Commit takes a change into the unit.
func (u *unit) Commit(ctx context.Context, b Batch) error {
	if err := b.CheckLent(); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.check(b.Tenant); err != nil {
		return err
	}
	if err := u.expect(ctx, &b); err != nil {
		return err
	}
	first := len(u.events)
	for i := range b.Events { // a unit gets batches of its own repositories only, which are owned
		u.events = append(u.events, b.Events[i])
		u.events[len(u.events)-1].Payload = nil
	}
	for i := range b.Puts {
		u.put(&b.Puts[i])
	}
	for _, key := range b.Erase {
		h := u.known[key]
		h.erase = true
		for _, at := range h.events { // the events of this batch are not among them yet
			u.events[at].Personal = nil
		}
	}
	for at := first; at < len(u.events); at++ {
		e := &u.events[at]
		if h := u.known[e.Key]; h != nil && h.put {
			h.events = append(h.events, at)
		} else {
			if u.alone == nil {
				u.alone = make(map[itsm.Key]int)
			}
			u.alone[e.Key] = at
		}
	}
	for _, id := range b.Commands {
		u.commands[id] = first
		u.used = append(u.used, id)
	}
	if len(b.Puts) == 0 || b.Puts[0].Keep {
		for at := first; at < len(u.events); at++ {
			u.refused = append(u.refused, at)
		}
	}
	return nil
}

// expect checks a change against the unit as it is. The lock must be held.
func (u *unit) expect(ctx context.Context, b *Batch) error {
	for i := range b.Puts {
		p := &b.Puts[i]
		h := u.known[p.Key]
		switch {
		case h != nil:
		case p.Keep:
			var err error
			if h, err = u.load(ctx, p.Key); err != nil {
				return err
			}
		default: // nothing of the record is needed; the store compares when the unit commits
			h = u.meet(Snapshot{Key: p.Key, Seq: p.Expect})
		}
		if h.snap.Seq != p.Expect {
			return fmt.Errorf("store: in the unit of work %s is at %d, not at %d: %w", p.Key, h.snap.Seq, p.Expect, itsm.ErrConflict)
		}
	}
	for _, id := range b.Commands {
		if _, used := u.commands[id]; used {
			return fmt.Errorf("store: in the unit of work command %q: %w", id, itsm.ErrExists)
		}
	}
	for i := range b.Events {
		if _, there := u.alone[b.Events[i].Key]; there {
			return fmt.Errorf("store: in the unit of work the journal of %s has begun: %w", b.Events[i].Key, itsm.ErrConflict)
		}
	}
	return nil
}

// put writes a record in the unit. The lock must be held.
func (u *unit) put(p *Put) {
	h := u.known[p.Key]
	h.put = true
	h.snap.Seq, h.snap.Head, h.snap.Recorded = p.Seq, p.Head, p.Recorded
	if p.Keep {
		return
	}
	h.data = true
	h.snap.Data, h.snap.Record, h.snap.Wake, h.index = p.Data, p.Record, p.Wake, p.Index
	if t := u.tables[p.Key.Kind]; t != nil {
		t.Put(rowOf(h))
	}
}

func rowOf(h *held) *rows.Row[*held] {
	return &rows.Row[*held]{ID: h.snap.Key.ID, Index: h.index, Value: h}
}

func copyEvent(e *itsm.Event) itsm.Event {
	c := *e
	c.Data, c.Personal = bytes.Clone(e.Data), bytes.Clone(e.Personal)
	c.Payload, c.Position = nil, ""
	return c
}

// fail keeps the unit from being committed.
func (u *unit) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.failed == nil {
		u.failed = err
	}
}

// close ends the unit and returns what there is to commit.
func (u *unit) close() (b Batch, stale bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	b = Batch{Tenant: u.tenant, Events: u.events, Commands: u.used, Owned: true}
	for _, h := range u.order {
		if !h.put {
			b.Reads = append(b.Reads, Read{h.snap.Key, h.base})
			continue
		}
		b.Puts = append(b.Puts, Put{Snapshot: h.snap, Index: h.index, Expect: h.base, Keep: !h.data})
		if h.erase && h.base > 0 {
			b.Erase = append(b.Erase, h.snap.Key)
		}
	}
	return b, u.stale
}

// commit writes the batch. One record that was read alone was read at one instant anyway.
func (u *unit) commit(ctx context.Context, b Batch) error {
	if len(b.Puts) == 0 && len(b.Events) == 0 && len(b.Reads) <= 1 {
		return ctx.Err()
	}
	return u.db.Commit(ctx, b)
}

// outdated reports whether anything that the unit has read or wanted to write has changed: what fn then says of it is of
// the past.
func (u *unit) outdated(ctx context.Context, b Batch) bool {
	reads := b.Reads
	for i := range b.Puts {
		reads = append(reads, Read{b.Puts[i].Key, b.Puts[i].Expect})
	}
	return len(reads) > 0 && errors.Is(u.db.Commit(ctx, Batch{Tenant: b.Tenant, Reads: reads}), itsm.ErrConflict)
}
