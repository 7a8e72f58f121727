package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
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
		"a tardy store":   func(testing.TB) store.DB { return &tardy{memory.New()} },
		"SQLite":          openFile,
		"SQLite, slowly,": func(t testing.TB) store.DB { return slow(openFile(t)) },
	} {
		t.Run("F-X-3 "+name+" does all of a cancelled command or nothing, and given again it tells which", func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open(t))
			w := d.world(d.setup.now)
			rng := rand.New(rand.NewPCG(9, 9))
			k := &worker{world: w, shared: new(pool), rng: rng, tenant: "h1", prefix: "c-"}
			cut, kept := 0, 0
			usual := 100 * time.Microsecond // how long an op takes, about
			for range ops {
				o := k.choose()
				if o.Do == doSeal {
					continue
				}
				require.NoError(t, d.take(&line{Begin: &o}))
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(2*usual))))
				first, after, err := w.give(ctx, &o)
				stop()
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
			if name == "a tardy store" {
				assert.Positive(t, kept)
			}
			t.Logf("%d contexts ended, %d of their commands were carried out all the same", cut, kept)
		})
	}
}

// A tardy store does what it was asked for, and then finds that nobody waits for the answer any more.
type tardy struct{ store.DB }

func (s *tardy) Commit(ctx context.Context, b store.Batch) error {
	if err := s.DB.Commit(context.WithoutCancel(ctx), b); err != nil {
		return err
	}
	time.Sleep(50 * time.Microsecond)
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
