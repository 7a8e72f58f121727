package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A desk is a world in this process, with a ledger of what it was answered.
type desk struct {
	testing.TB
	setup  setup
	db     store.DB
	ledger *ledger
	*checker
}

func newDesk(t testing.TB, db store.DB) *desk {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "crash.example/itsm")
	require.NoError(t, err)
	r := newReport(options{})
	l := newLedger(r)
	return &desk{
		TB: t, db: db, ledger: l, checker: newChecker(l, r),
		setup: setup{Began: time.Now(), Secret: secret, Public: public, Workers: 4, Seed: 1},
	}
}

// world sets up services as a process would after its start.
func (d *desk) world(clock func() time.Time) *world {
	d.Helper()
	w, err := newWorld(d.db, &d.setup, clock)
	require.NoError(d, err)
	return w
}

// work lets each worker do so many ops, and listens.
func (d *desk) work(ops int) {
	d.Helper()
	var said bytes.Buffer
	d.setup.Round++
	w := d.world(d.setup.now)
	w.stubborn = 24 // some stores never answer
	require.NoError(d, w.work(d.Context(), &d.setup, &voice{out: &said}, ops))
	require.NoError(d, d.ledger.listen(&said, func(line) {}))
}

// A broken store does not keep what a store promises.
type broken struct {
	store.DB
	mu     sync.Mutex
	n      int
	commit func(n int, b store.Batch) (store.Batch, bool) // false: nothing is written, and nobody is told
	lose   int                                            // every so many answers, one is lost
	events func(f itsm.Filter, ev *itsm.Event) bool       // false: it is not listed
}

var errLost = errors.New("the connection was lost")

func (s *broken) Commit(ctx context.Context, b store.Batch) error {
	s.mu.Lock()
	s.n++
	n := s.n
	s.mu.Unlock()
	if s.commit != nil {
		var write bool
		if b, write = s.commit(n, b); !write {
			return nil
		}
	}
	if err := s.DB.Commit(ctx, b); err != nil {
		return err
	}
	if s.lose > 0 && n%s.lose == 0 {
		return errLost
	}
	return nil
}

func (s *broken) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		for ev, err := range s.DB.Events(ctx, after, f) {
			if err == nil && s.events != nil && !s.events(f, &ev) {
				continue
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// TestFindings shows that the checks find what they are for: each store breaks one promise.
func TestFindings(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, db store.DB) *report {
		d := newDesk(t, db)
		for range 3 {
			d.work(25)
			require.NoError(t, d.check(t.Context(), d.world(d.setup.now)))
		}
		d.setup.Began = d.setup.Began.Add(-time.Hour / speed) // however quick the machine is, something is due in the end
		require.NoError(t, d.finish(t.Context(), d.db, &d.setup))
		return d.report
	}

	t.Run("a store that keeps its promises is left in peace", func(t *testing.T) {
		t.Parallel()
		r := run(t, memory.New())
		assert.True(t, r.clean(), "%v %s", r.First, r.Chain)
		assert.Positive(t, r.Wakes)
		assert.Positive(t, r.Seals)
	})
	t.Run("F-X-3 answers that are lost do no harm", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), lose: 7})
		assert.True(t, r.clean(), "%v %s", r.First, r.Chain)
		assert.Positive(t, r.Troubles)
	})
	t.Run("a batch that is acknowledged and not written is lost", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), commit: func(n int, b store.Batch) (store.Batch, bool) {
			return b, n%15 != 0 || len(b.Commands) == 0
		}})
		assert.Positive(t, r.Lost, r.First)
	})
	t.Run("a batch of which the half is written is torn", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), commit: func(n int, b store.Batch) (store.Batch, bool) {
			if len(b.Puts) > 1 && len(b.Commands) > 1 {
				b = half(b)
			}
			return b, true
		}})
		assert.Positive(t, r.Torn, r.First)
	})
	t.Run("a record that lags behind its journal is torn", func(t *testing.T) {
		t.Parallel()
		var old sync.Map
		r := run(t, &broken{DB: memory.New(), commit: func(n int, b store.Batch) (store.Batch, bool) {
			for i := range b.Puts {
				p := &b.Puts[i]
				if data, ok := old.Load(p.Key); ok && n%10 == 0 && !p.Keep && len(p.Index) > 0 {
					p.Data = data.([]byte)
				}
				if !p.Keep {
					old.Store(p.Key, p.Data)
				}
			}
			return b, true
		}})
		assert.Positive(t, r.Torn, r.First)
	})
	t.Run("an index of wakes that does not fit is torn", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), commit: func(n int, b store.Batch) (store.Batch, bool) {
			for i := range b.Puts {
				if n%3 == 0 && !b.Puts[i].Wake.IsZero() {
					b.Puts[i].Wake = b.Puts[i].Wake.Add(time.Hour)
				}
			}
			return b, true
		}})
		assert.Positive(t, r.Torn, r.First)
	})
	t.Run("a store that forgets which commands it has seen doubles them", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), lose: 7,
			commit: func(n int, b store.Batch) (store.Batch, bool) { b.Commands = nil; return b, true },
			events: func(f itsm.Filter, ev *itsm.Event) bool { return f.Command == "" },
		})
		assert.Positive(t, r.Doubled, r.First)
	})
	t.Run("a changed entry breaks the chain", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), events: func(f itsm.Filter, ev *itsm.Event) bool {
			if ev.Type == "incident.dispatched" && f.ID == "" {
				ev.Actor = "u-9"
			}
			return true
		}})
		assert.NotEqual(t, intact, r.Chain)
	})
	t.Run("an entry that a cursor does not meet is lost", func(t *testing.T) {
		t.Parallel()
		db := &late{DB: memory.New()}
		r := run(t, db)
		assert.Positive(t, r.Lost, r.First)
	})
	t.Run("an index that finds nothing is torn", func(t *testing.T) {
		t.Parallel()
		r := run(t, &broken{DB: memory.New(), commit: func(n int, b store.Batch) (store.Batch, bool) {
			for i := range b.Puts {
				if n%3 == 0 && !b.Puts[i].Keep {
					b.Puts[i].Index = nil
				}
			}
			return b, true
		}})
		assert.Positive(t, r.Torn, r.First)
	})
}

// half returns of a batch the first record with what belongs to it.
func half(b store.Batch) store.Batch {
	h := b
	h.Puts, h.Events, h.Commands = b.Puts[:1:1], nil, b.Commands[:1:1]
	for _, ev := range b.Events {
		if ev.Key == b.Puts[0].Key {
			h.Events = append(h.Events, ev)
		}
	}
	return h
}

// late keeps standing refusals from readers that are already behind the beginning.
type late struct{ store.DB }

func (s *late) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		for ev, err := range s.DB.Events(ctx, after, f) {
			if err == nil && after != "" && ev.Kind == itsm.KindCommand {
				continue
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}
