package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// TestCancel gives commands whose contexts end while the store is at work.
func TestCancel(t *testing.T) {
	t.Parallel()
	ops := 150
	if testing.Short() {
		ops = 50
	}
	slow := func(db store.DB) store.DB {
		f := itsmtest.NewFaultyDB(db)
		f.Delay(200 * time.Microsecond)
		return f
	}
	for name, open := range map[string]func(t testing.TB) store.DB{
		"memory":          func(testing.TB) store.DB { return memory.New() },
		"a slow store":    func(testing.TB) store.DB { return slow(memory.New()) },
		"a tardy store":   func(testing.TB) store.DB { return &tardy{DB: memory.New()} },
		"SQLite":          openFile,
		"SQLite, slowly,": func(t testing.TB) store.DB { return slow(openFile(t)) },
	} {
		t.Run("F-X-3 "+name+" does all of a cancelled command or nothing, and given again it tells which", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open(t))
			w := d.world(d.setup.now)
			rng := rand.New(rand.NewPCG(9, 9))
			k := &worker{world: w, shared: new(pool), rng: rng, tenant: "h1", prefix: "c-"}
			late, _ := d.db.(*tardy)
			cut, kept := 0, 0
			usual := 100 * time.Microsecond // how long an op takes, about
			for n := range ops {
				o := k.choose()
				if o.Do == doSeal {
					continue
				}
				require.NoError(t, d.take(&line{Begin: &o}))
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(2*usual))))
				if n%4 == 0 { // at a moment that does not depend on the machine
					stop()
					ctx, stop = endsWhenAsked(t.Context(), 1+rng.Int64N(6))
					if late != nil {
						ctx, stop = context.WithCancel(t.Context())
						late.gone = stop
					}
				}
				first, after, err := w.give(ctx, &o)
				stop()
				if late != nil {
					late.gone = nil
				}
				a := first
				if err != nil {
					cut++
					require.True(t, errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled), "%s: %v", o.Do, err)
					require.NoError(t, d.check(t.Context(), w)) // it counts what there is of it
					there := d.there(&o)
					before := entries(t, d.db)
					began := time.Now()
					a, after, err = w.give(t.Context(), &o)
					require.NoError(t, err)
					usual = (3*usual + time.Since(began)) / 4
					if there {
						kept++
						require.Equal(t, before, entries(t, d.db), "%s %s was carried out, and again", o.Do, o.ID)
					}
				}
				require.NoError(t, d.take(&line{End: &a}))
				k.learn(&o, &a, after)
			}
			require.NoError(t, d.finish(t.Context(), d.db, &d.setup))
			assert.True(t, d.clean(), "%v %s", d.First, d.Chain)
			assert.Positive(t, cut)
			if late != nil {
				assert.Positive(t, kept)
			}
			t.Logf("%d contexts ended, %d of their commands were carried out all the same", cut, kept)
		})
	}
}

// endsWhenAsked returns a context that has ended when somebody asks it for the nth time.
func endsWhenAsked(ctx context.Context, n int64) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancel(ctx)
	asked := &asked{Context: ctx, end: end}
	asked.left.Store(n)
	return asked, end
}

type asked struct {
	context.Context
	end  context.CancelFunc
	left atomic.Int64
}

func (c *asked) Err() error {
	if c.left.Add(-1) == 0 {
		c.end()
	}
	return c.Context.Err()
}

// A tardy store does what it was asked for, and then finds that nobody waits for the answer any more.
type tardy struct {
	store.DB
	gone func() // if not nil, called while it works
}

func (s *tardy) Commit(ctx context.Context, b store.Batch) error {
	if err := s.DB.Commit(context.WithoutCancel(ctx), b); err != nil {
		return err
	}
	time.Sleep(50 * time.Microsecond)
	if s.gone != nil {
		s.gone()
	}
	return ctx.Err()
}

func openFile(t testing.TB) store.DB {
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "itsm.db"), sqlite.Relaxed())
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// there reports whether the journal has all that an op can leave there.
func (d *desk) there(o *op) bool {
	switch o.Do {
	case doUnit:
		return d.left(o, o.part(3)) != nil || d.refusedPart(&told{op: *o}) > 0
	case doAbandon:
		return d.refusedPart(&told{op: *o}) > 0
	}
	return d.left(o, o.ID) != nil
}

func entries(t testing.TB, db store.DB) (n int) {
	for _, err := range db.Events(t.Context(), "", itsm.Filter{}) {
		require.NoError(t, err)
		n++
	}
	return n
}
