package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
)

// started runs a server for a test that brings it down. What was acknowledged must then survive, so commits wait for the log.
func started(t *testing.T) *pgtest.Server {
	needServer(t)
	if testing.Short() {
		t.Skip("starts servers of its own")
	}
	return pgtest.Start(t, "synchronous_commit=on")
}

func TestServerDeath(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*pgtest.Server) error{"killed": (*pgtest.Server).Kill, "stopped": (*pgtest.Server).Stop} {
		t.Run("what was acknowledged survives a server that is "+name, func(t *testing.T) {
			t.Parallel()
			own := started(t)
			db, err := postgres.Open(t.Context(), own.Database(t, "pool_max_conns=8"))
			require.NoError(t, err)
			defer db.Close()
			const workers = 4
			last := make([]store.Snapshot, workers) // acknowledged
			unsure := make([]*store.Batch, workers)
			var wg, busy sync.WaitGroup
			busy.Add(workers)
			for w := range workers {
				last[w] = store.Snapshot{Key: benchKey(w)}
				wg.Go(func() {
					atWork := sync.OnceFunc(busy.Done)
					defer atWork()
					for n := 0; ; n++ {
						if n == 10 {
							atWork()
						}
						b := step(last[w], w*1_000_000+n)
						if err := db.Commit(context.Background(), b); err != nil {
							if errors.Is(err, postgres.ErrOutcomeUnknown) {
								unsure[w] = &b
							} else {
								assert.ErrorIs(t, err, postgres.ErrUnavailable)
							}
							return
						}
						last[w] = b.Puts[0].Snapshot
					}
				})
			}
			busy.Wait()
			require.NoError(t, end(own))
			wg.Wait()

			_, err = db.Load(t.Context(), benchKey(0))
			assert.ErrorIs(t, err, postgres.ErrUnavailable)
			err = db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(99)}, 99))
			assert.ErrorIs(t, err, postgres.ErrUnavailable)
			assert.NotErrorIs(t, err, postgres.ErrOutcomeUnknown, "nothing was sent")

			require.NoError(t, own.Start())
			for w := range workers {
				require.NotZero(t, last[w].Seq, "the test has done something")
				seq := verify(t, db, benchKey(w)) // the pool recovers by itself
				assert.GreaterOrEqual(t, seq, last[w].Seq, "acknowledged")
				if unsure[w] == nil {
					assert.Equal(t, last[w].Seq, seq)
					continue
				}
				// Who does not know gives the command again.
				err := db.Commit(t.Context(), *unsure[w])
				if seq > last[w].Seq { // the command was used, and the record has moved on: either tells
					assert.True(t, errors.Is(err, itsm.ErrExists) || errors.Is(err, itsm.ErrConflict), "it had been written: %v", err)
				} else {
					assert.NoError(t, err)
				}
				assert.Equal(t, last[w].Seq+1, verify(t, db, benchKey(w)), "once")
			}
		})
	}
}

func TestOutcomeUnknown(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(t *testing.T, schema string, cancel func()){
		"the context ends": func(_ *testing.T, _ string, cancel func()) { cancel() },
		"the connection is cut": func(t *testing.T, schema string, _ func()) {
			exec(t, newPool(t), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"' || $1 || '\".%'", schema)
		},
	} {
		t.Run(name+" while a commit is under way", func(t *testing.T) {
			t.Parallel()
			db, schema := open(t)
			first := step(store.Snapshot{Key: benchKey(1)}, 1)
			require.NoError(t, db.Commit(t.Context(), first))
			pool := newPool(t)
			release := hold(t, pool, "SELECT 1 FROM "+schema+".record FOR UPDATE")
			defer release()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			second := step(first.Puts[0].Snapshot, 2)
			done := make(chan error, 1)
			go func() { done <- db.Commit(ctx, second) }()
			waiting(t, pool, schema, 1)
			cut(t, schema, cancel)
			err := <-done
			assert.ErrorIs(t, err, postgres.ErrOutcomeUnknown)
			assert.NotErrorIs(t, err, itsm.ErrConflict)
			assert.ErrorContains(t, err, "give the command again with the same ID")
			if ctx.Err() != nil {
				assert.ErrorIs(t, err, context.Canceled)
			}
			release()
			err = db.Commit(t.Context(), second)
			if err != nil { // the session that was given up may have gone on for a moment
				assert.True(t, errors.Is(err, itsm.ErrExists) || errors.Is(err, itsm.ErrConflict), "%v", err)
			}
			assert.EqualValues(t, 2, verify(t, db, benchKey(1)))
		})
	}
}
