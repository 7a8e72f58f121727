package postgres_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
)

func TestOpen(t *testing.T) {
	t.Parallel()

	t.Run("processes that open a new database together make its schema once", func(t *testing.T) {
		t.Parallel()
		needServer(t)
		for range 3 {
			schema := fresh("together")
			pools := make([]*postgres.DB, 8)
			var wg sync.WaitGroup
			for i := range pools {
				wg.Go(func() {
					db, err := postgres.Open(t.Context(), urls, postgres.Schema(schema))
					if assert.NoError(t, err) {
						pools[i] = db
					}
				})
			}
			wg.Wait()
			for i, db := range pools {
				require.NotNil(t, db)
				require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(i)}, i)))
			}
			for _, db := range pools {
				assert.EqualValues(t, 1, load(t, db, benchKey(0)).Seq)
				require.NoError(t, db.Close())
			}
			assert.Equal(t, 2, one[int](t, newPool(t), "SELECT count(*) FROM "+schema+".migration"), "version 0 and 1, once each")
		}
	})

	t.Run("a newer schema is refused and left alone", func(t *testing.T) {
		t.Parallel()
		db, schema := open(t)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		pool := newPool(t)
		exec(t, pool, "INSERT INTO "+schema+".migration (version, name) VALUES (99, 'of the future')")
		_, err := postgres.New(t.Context(), pool, postgres.Schema(schema))
		var newer *postgres.NewerSchemaError
		require.ErrorAs(t, err, &newer)
		assert.Equal(t, postgres.NewerSchemaError{Schema: schema, Version: 99, Supported: 1}, *newer)
		assert.Contains(t, err.Error(), "use a later version of the program")
		assert.Equal(t, 1, one[int](t, pool, "SELECT count(*) FROM "+schema+".record"))
	})

	t.Run("a migration that fails leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		pool, schema := newPool(t), fresh("half")
		exec(t, pool, "CREATE SCHEMA "+schema+"; CREATE TABLE "+schema+".journal (theirs text)")
		_, err := postgres.New(t.Context(), pool, postgres.Schema(schema))
		require.ErrorContains(t, err, `relation "journal" already exists`)
		assert.False(t, one[bool](t, pool, "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'record')", schema))
		exec(t, pool, "DROP TABLE "+schema+".journal")
		db, err := postgres.New(t.Context(), pool, postgres.Schema(schema))
		require.NoError(t, err, "once the hindrance is gone")
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
	})

	t.Run("a role that may not create tables can use a schema that is there", func(t *testing.T) {
		t.Parallel()
		owner, schema := open(t)
		role := fresh("clerk")
		exec(t, newPool(t), "CREATE ROLE "+role+" LOGIN; GRANT USAGE ON SCHEMA "+schema+" TO "+role+"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "+schema+" TO "+role)
		clerk, err := postgres.Open(t.Context(), server.URL("itsm_test", "user="+role), postgres.Schema(schema))
		require.NoError(t, err)
		defer clerk.Close()
		require.NoError(t, clerk.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		assert.EqualValues(t, 1, verify(t, clerk, benchKey(1)))
		assert.EqualValues(t, 1, verify(t, owner, benchKey(1)))
		_, err = postgres.Open(t.Context(), server.URL("itsm_test", "user="+role), postgres.Schema("none"))
		assert.ErrorIs(t, err, postgres.ErrNotAllowed)
	})

	t.Run("names cannot break out of the statements", func(t *testing.T) {
		t.Parallel()
		for _, schema := range []string{`x"; DROP TABLE journal; --`, "Order", "工单", `@.`, "a b"} {
			pool := newPool(t)
			schema += fresh("")
			db, err := postgres.New(t.Context(), pool, postgres.Schema(schema))
			require.NoError(t, err, schema)
			key := itsm.Key{Tenant: `'; DROP SCHEMA public; --`, Kind: `x"; DROP TABLE journal; --`, ID: `$1'"\`}
			require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: key}, 1)), schema)
			assert.EqualValues(t, 1, verify(t, db, key), schema)
			assert.Equal(t, 1, one[int](t, pool, "SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema))
		}
	})

	t.Run("what cannot be a database or a schema is invalid", func(t *testing.T) {
		t.Parallel()
		needServer(t)
		_, err := postgres.Open(t.Context(), "postgres://host:port/")
		assert.ErrorIs(t, err, itsm.ErrInvalid)
		_, err = postgres.Open(t.Context(), urls, postgres.Schema("a name that is far too long to be one of a schema"))
		assert.ErrorIs(t, err, itsm.ErrInvalid)
	})

	t.Run("a server that is not there is unavailable", func(t *testing.T) {
		t.Parallel()
		_, err := postgres.Open(t.Context(), "postgres:///x?host="+t.TempDir())
		assert.ErrorIs(t, err, postgres.ErrUnavailable)
	})
}

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("the host's tables are left alone and its pool stays open", func(t *testing.T) {
		t.Parallel()
		pool, host, beside := newPool(t, "pool_max_conns=1"), fresh("host"), fresh("beside")
		exec(t, pool, "CREATE SCHEMA "+host+"; CREATE TABLE "+host+".record (theirs text); INSERT INTO "+host+".record VALUES ('theirs')")
		db, err := postgres.New(t.Context(), pool, postgres.Schema(beside))
		require.NoError(t, err)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		for range db.Events(t.Context(), "", itsm.Filter{}) {
			assert.Equal(t, 1, one[int](t, pool, "SELECT count(*) FROM "+beside+".journal"), "between the calls the only connection is the host's")
		}
		require.NoError(t, db.Close())
		assert.Equal(t, "theirs", one[string](t, pool, "SELECT theirs FROM "+host+".record"))
		_, err = db.Load(t.Context(), benchKey(1))
		assert.ErrorIs(t, err, store.ErrClosed)
	})

	t.Run("stores in two schemas know nothing of each other", func(t *testing.T) {
		t.Parallel()
		one, _ := open(t)
		two, _ := open(t)
		b := step(store.Snapshot{Key: benchKey(1)}, 1)
		require.NoError(t, one.Commit(t.Context(), b))
		assert.Zero(t, load(t, two, benchKey(1)).Seq)
		require.NoError(t, two.Commit(t.Context(), b))
	})
}

// verify checks the chain of a record and returns how many entries it has.
func verify(t testing.TB, db store.DB, key itsm.Key) uint64 {
	t.Helper()
	var chain itsm.ChainVerifier
	for e, err := range db.Events(t.Context(), "", itsm.Filter{Tenant: key.Tenant, Kind: key.Kind, ID: key.ID}) {
		require.NoError(t, err)
		require.NoError(t, chain.Next(&e))
	}
	snap := load(t, db, key)
	require.NoError(t, chain.Finish(key, snap.Seq, snap.Head))
	return snap.Seq
}
