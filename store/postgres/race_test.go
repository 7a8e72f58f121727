package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
)

// hold keeps rows locked, so that commits that want them too are late. The function it returns lets go.
func hold(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) (release func()) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	return sync.OnceFunc(func() { assert.NoError(t, tx.Rollback(context.Background())) })
}

// patience is a guard against tests that hang.
const patience = 2 * time.Minute

// waiting waits until n sessions of a schema wait for a lock.
func waiting(t testing.TB, pool *pgxpool.Pool, schema string, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return one[int](t, pool, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%\"' || $1 || '\".%'", schema) >= n
	}, patience, 5*time.Millisecond)
}

func inTenant(tenant itsm.Tenant, i int) store.Snapshot {
	key := benchKey(i)
	key.Tenant = tenant
	return store.Snapshot{Key: key}
}

func TestLateCommits(t *testing.T) {
	t.Parallel()

	t.Run("a reader misses no entry whose transaction commits late", func(t *testing.T) {
		t.Parallel()
		db, schema := openWith(t, []string{"pool_max_conns=16"})
		pool := newPool(t)
		const late = 4
		var now []store.Snapshot
		for i := range 2 * late {
			b := step(store.Snapshot{Key: benchKey(i)}, i)
			require.NoError(t, db.Commit(t.Context(), b))
			now = append(now, b.Puts[0].Snapshot)
		}
		// Half of the writers begin, and get stuck on the rows of their records.
		release := hold(t, pool, "SELECT 1 FROM "+schema+".record WHERE id < $1 FOR UPDATE", string(benchKey(late).ID))
		defer release()
		var wg sync.WaitGroup
		for i := range late {
			wg.Go(func() { assert.NoError(t, db.Commit(t.Context(), step(now[i], 100+i))) })
		}
		waiting(t, pool, schema, late)
		// The others come later and are through at once, and a reader has seen all there is.
		for i := late; i < 2*late; i++ {
			require.NoError(t, db.Commit(t.Context(), step(now[i], 100+i)))
		}
		read := func(after itsm.Position) (commands []itsm.CommandID, last itsm.Position) {
			last = after
			for e, err := range db.Events(t.Context(), after, itsm.Filter{Tenant: "h1"}) {
				require.NoError(t, err)
				commands, last = append(commands, e.Command), e.Position
			}
			return commands, last
		}
		before, cursor := read("")
		assert.Len(t, before, 3*late)
		release()
		wg.Wait()
		after, cursor := read(cursor)
		want := []itsm.CommandID{}
		for i := range late {
			want = append(want, step(now[i], 100+i).Commands[0])
		}
		assert.ElementsMatch(t, want, after, "the late ones, each once, behind everything that was read")
		rest, _ := read(cursor)
		assert.Empty(t, rest)
	})

	t.Run("while one gives out places others wait and nothing is given twice", func(t *testing.T) {
		t.Parallel()
		db, schema := openWith(t, []string{"pool_max_conns=16"})
		pool := newPool(t)
		fill(t, db, "h1", 50)
		fill(t, db, "h2", 50)
		release := hold(t, pool, "SELECT 1 FROM "+schema+".head FOR UPDATE")
		defer release()
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				f := itsm.Filter{}
				want := 100
				if i%2 == 0 {
					f.Tenant, want = "h1", 50
				}
				seen := map[itsm.Position]bool{}
				for e, err := range db.Events(t.Context(), "", f) {
					assert.NoError(t, err)
					seen[e.Position] = true
				}
				assert.Len(t, seen, want)
			})
		}
		waiting(t, pool, schema, 4)
		release()
		wg.Wait()
	})

	t.Run("entries of one record stay in order though the clocks of the machines do not agree", func(t *testing.T) {
		t.Parallel()
		db, schema := open(t)
		pool := newPool(t)
		first := step(store.Snapshot{Key: benchKey(1)}, 1)
		require.NoError(t, db.Commit(t.Context(), first))
		// Somebody whose clock is an hour ahead.
		ahead := time.Now().Add(time.Hour).UnixMicro()
		exec(t, pool, "UPDATE "+schema+".record SET stamp = $1", ahead)
		exec(t, pool, "UPDATE "+schema+".pending SET stamp = $1", ahead)
		second := step(first.Puts[0].Snapshot, 2)
		require.NoError(t, db.Commit(t.Context(), second), "this DB has not loaded the record since, and finds out")
		assert.EqualValues(t, 2, verify(t, db, benchKey(1)))
		var seqs []uint64
		for e, err := range db.Events(t.Context(), "", itsm.Filter{Tenant: "h1"}) {
			require.NoError(t, err)
			seqs = append(seqs, e.Seq)
		}
		assert.Equal(t, []uint64{1, 2}, seqs)
	})
}

func TestRaces(t *testing.T) {
	t.Parallel()

	t.Run("tenants and records of one tenant go on while another commit is stuck", func(t *testing.T) {
		t.Parallel()
		db, schema := openWith(t, []string{"pool_max_conns=32"})
		pool := newPool(t)
		stuck := inTenant("h1", 0)
		b := step(stuck, 0)
		require.NoError(t, db.Commit(t.Context(), b))
		release := hold(t, pool, "SELECT 1 FROM "+schema+".record FOR UPDATE")
		defer release()
		done := make(chan error, 1)
		go func() { done <- db.Commit(context.Background(), step(b.Puts[0].Snapshot, 1)) }()
		waiting(t, pool, schema, 1)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var wg sync.WaitGroup
		for w := range 30 {
			wg.Go(func() {
				tenant := []itsm.Tenant{"h1", "h2"}[w%2]
				for i := range 5 {
					n := 10 + w*10 + i
					assert.NoError(t, db.Commit(ctx, step(inTenant(tenant, n), n)))
				}
			})
		}
		wg.Wait()
		n := 0
		for _, err := range db.Events(ctx, "", itsm.Filter{}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 151, n, "and readers go on")
		select {
		case err := <-done:
			t.Fatal("it should be stuck", err)
		default:
		}
		release()
		require.NoError(t, <-done)
	})

	t.Run("batches over the same records in any order do not lock each other out", func(t *testing.T) {
		t.Parallel()
		// The server does not look for deadlocks: one would last until the context ends.
		db, schema := openWith(t, []string{"pool_max_conns=8", "deadlock_timeout=1h"})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		const records = 6
		fill(t, db, "h1", records)
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for round := range 8 {
					for {
						var batches []store.Batch
						var reads []store.Read
						for j := range records {
							i := (w + j*(1+4*(w%2))) % records // forwards and backwards
							now := load(t, db, benchKey(i))
							if j%2 == 0 {
								batches = append(batches, step(now, 1000*w+10*round+j+100_000*int(now.Seq)))
							} else {
								reads = append(reads, store.Read{Key: now.Key, Seq: now.Seq})
							}
						}
						b := merge(batches...)
						b.Reads = append(reads, store.Read{Key: benchKey(900 + w)})
						err := db.Commit(ctx, b)
						if err == nil {
							break
						}
						if !assert.ErrorIs(t, err, itsm.ErrConflict) {
							return
						}
					}
				}
			})
		}
		wg.Wait()
		assert.Equal(t, records, one[int](t, newPool(t), "SELECT count(*) FROM "+schema+".record"), "what stood in for absent records is gone")
	})

	t.Run("of two batches that each need the other's record absent one goes through", func(t *testing.T) {
		t.Parallel()
		db, schema := open(t)
		for round := range 30 {
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for i := range 2 {
				wg.Go(func() {
					b := step(store.Snapshot{Key: benchKey(2*round + i)}, 2*round+i)
					b.Reads = []store.Read{{Key: benchKey(2*round + 1 - i)}}
					errs[i] = db.Commit(t.Context(), b)
				})
			}
			wg.Wait()
			lost := errors.Join(errs...)
			assert.ErrorIs(t, lost, itsm.ErrConflict)
			assert.True(t, errs[0] == nil || errs[1] == nil, "%v", lost)
		}
		assert.Equal(t, 30, one[int](t, newPool(t), "SELECT count(*) FROM "+schema+".record"))
	})

	t.Run("what the server rolls back for the sake of others is tried again", func(t *testing.T) {
		t.Parallel()
		db, _ := openWith(t, []string{"default_transaction_isolation=serializable", "pool_max_conns=8"})
		fill(t, db, "h1", 8)
		var wg sync.WaitGroup
		for w := range 8 { // at this level, reading next to what others write is enough to be rolled back
			wg.Go(func() {
				for n := range 10 {
					b := step(load(t, db, benchKey(w)), 100*w+n+1000)
					b.Puts[0].Index = append(b.Puts[0].Index, itsm.IndexEntry{Field: fmt.Sprintf("new_%d", n), Value: itsm.NumberOf(w)})
					assert.NoError(t, db.Commit(t.Context(), b))
				}
			})
		}
		wg.Wait()
		for w := range 8 {
			assert.EqualValues(t, 11, verify(t, db, benchKey(w)))
		}
	})

	t.Run("a conflict, a used command and a failure are told apart", func(t *testing.T) {
		t.Parallel()
		db, schema := open(t)
		b := step(store.Snapshot{Key: benchKey(1)}, 1)
		require.NoError(t, db.Commit(t.Context(), b))
		err := db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1), Seq: 4}, 2))
		assert.ErrorIs(t, err, itsm.ErrConflict)
		assert.ErrorContains(t, err, "h1/incident/INC-20260214-000001 is at 1, not at 4")
		again := step(b.Puts[0].Snapshot, 1)
		err = db.Commit(t.Context(), again)
		assert.ErrorIs(t, err, itsm.ErrExists)
		assert.ErrorContains(t, err, string(again.Commands[0]))
		nul := step(b.Puts[0].Snapshot, 3)
		nul.Events[0].Reason = "a\x00b"
		nul.Events[0].Hash = nul.Events[0].ComputeHash()
		nul.Puts[0].Head = nul.Events[0].Hash
		err = db.Commit(t.Context(), nul)
		assert.ErrorIs(t, err, itsm.ErrInvalid, "PostgreSQL has no place for U+0000")
		reader, err := postgres.Open(t.Context(), server.URL("itsm_test", "default_transaction_read_only=on"), postgres.Schema(schema))
		require.NoError(t, err)
		defer reader.Close()
		err = reader.Commit(t.Context(), step(b.Puts[0].Snapshot, 4))
		assert.ErrorIs(t, err, postgres.ErrReadOnly)
		assert.NotErrorIs(t, err, itsm.ErrConflict)
		assert.EqualValues(t, 1, verify(t, db, benchKey(1)))
	})
}

func TestLongTexts(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	text := func(n int, end string) itsm.Value {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + i*7919%23)
		}
		return itsm.TextOf(string(b) + end)
	}
	values := []itsm.Value{text(999, ""), text(1000, ""), text(1001, ""), text(5000, "a"), text(5000, "b"), text(100_000, ""), itsm.TextOf(string([]byte{0, 1, 0xff}))}
	for i, v := range values {
		b := step(store.Snapshot{Key: benchKey(i)}, i)
		b.Puts[0].Index = []itsm.IndexEntry{{Field: "note", Value: v}}
		require.NoError(t, db.Commit(t.Context(), b))
	}
	for i, v := range values {
		var found []itsm.ID
		for s, err := range db.Find(t.Context(), itsm.Query{Tenant: "h1", Kind: "incident", Where: []itsm.Condition{itsm.Where("note", v)}, OrderBy: "note"}) {
			require.NoError(t, err)
			found = append(found, s.Key.ID)
			assert.Equal(t, v, s.Order, "in full")
		}
		assert.Equal(t, []itsm.ID{benchKey(i).ID}, found, "%d bytes", len(v.Text()))
	}
	q := itsm.Query{Tenant: "h1", Kind: "incident", OrderBy: "note", Limit: 1}
	seen := map[itsm.ID]bool{}
	for range values { // page by page
		for s, err := range db.Find(t.Context(), q) {
			require.NoError(t, err)
			seen[s.Key.ID] = true
			q.After = itsm.Cursor{Value: s.Order, ID: s.Key.ID}
		}
	}
	assert.Len(t, seen, len(values))
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	db, schema := open(t, postgres.Announce())
	listener, err := postgres.New(t.Context(), newPool(t), postgres.Schema(schema))
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := listener.Notifications(ctx)
	wait := func(why string) {
		t.Helper()
		select {
		case _, open := <-told:
			require.True(t, open, why)
		case <-time.After(patience):
			t.Fatal(why)
		}
	}
	wait("once it listens")
	for n := range 3 {
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(n)}, n)))
		wait("after a commit")
	}
	exec(t, newPool(t), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN \"itsm:"+schema+"\"'")
	wait("when it listens again")
	cancel()
	for range told { // what was on its way
	}
	require.NoError(t, listener.Close())
	_, open := <-listener.Notifications(context.Background())
	assert.False(t, open, "a closed store tells nothing")
}
