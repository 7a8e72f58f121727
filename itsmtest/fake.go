package itsmtest

import (
	"context"
	"encoding/binary"
	"io"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Clock is a settable source of time for [itsm.Config]. It stands still unless it is told otherwise. It is safe for
// concurrent use.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

// NewClock returns a clock that stands at an instant.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now returns the instant at which the clock stands, and moves it on by its step. It is the function for [itsm.Config].
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now
	c.now = now.Add(c.step)
	return now
}

// Set puts the clock to an instant, also an earlier one.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// Add moves the clock by d, backwards when d is negative, and returns where it then stands.
func (c *Clock) Add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// Step makes the clock move on by d after each reading.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step = d
}

// Random returns a source of bytes that depend on the seed only. It is safe for concurrent use.
func Random(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &randomBytes{from: rand.NewChaCha8(key)}
}

type randomBytes struct {
	mu   sync.Mutex
	from *rand.ChaCha8
}

func (r *randomBytes) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.from.Read(p)
}

// Actor returns an actor of the tenant "h1" with the roles.
func Actor(id itsm.PersonID, roles ...itsm.Role) itsm.Actor {
	return itsm.Actor{ID: id, Tenant: "h1", Roles: roles}
}

// A FaultyDB is a store that fails when it is told to: for tests of code that must survive it. Without a plan it does
// what the store within does. It is safe for concurrent use.
type FaultyDB struct {
	store.DB
	mu      sync.Mutex
	commits int
	before  map[int]error
	after   map[int]error
	delay   time.Duration
}

// NewFaultyDB wraps a store.
func NewFaultyDB(db store.DB) *FaultyDB {
	return &FaultyDB{DB: db, before: make(map[int]error), after: make(map[int]error)}
}

// FailBefore makes the nth commit from now on, counted from 1, give the error and write nothing.
func (f *FaultyDB) FailBefore(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before[f.commits+n] = err
}

// FailAfter makes the nth commit from now on, counted from 1, write what it should and then give the error: the answer is lost.
func (f *FaultyDB) FailAfter(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after[f.commits+n] = err
}

// Delay makes every call wait, or give up when its context ends.
func (f *FaultyDB) Delay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

// Commits returns how many commits were asked for.
func (f *FaultyDB) Commits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits
}

func (f *FaultyDB) wait(ctx context.Context) error {
	f.mu.Lock()
	delay := f.delay
	f.mu.Unlock()
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Commit implements [store.DB].
func (f *FaultyDB) Commit(ctx context.Context, b store.Batch) error {
	if err := f.wait(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	f.commits++
	before, after := f.before[f.commits], f.after[f.commits]
	f.mu.Unlock()
	if before != nil {
		return before
	}
	if err := f.DB.Commit(ctx, b); err != nil {
		return err
	}
	return after
}

// Load implements [store.DB].
func (f *FaultyDB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.DB.Load(ctx, keys...)
}

// Due implements [store.DB].
func (f *FaultyDB) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return f.DB.Due(ctx, kind, until, limit)
}

// Find implements [store.DB].
func (f *FaultyDB) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	return delayed(ctx, f, f.DB.Find(ctx, q))
}

// Events implements [store.DB].
func (f *FaultyDB) Events(ctx context.Context, after itsm.Position, filter itsm.Filter) iter.Seq2[itsm.Event, error] {
	return delayed(ctx, f, f.DB.Events(ctx, after, filter))
}

func delayed[T any](ctx context.Context, f *FaultyDB, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := f.wait(ctx); err != nil {
			var zero T
			yield(zero, err)
			return
		}
		seq(yield)
	}
}
