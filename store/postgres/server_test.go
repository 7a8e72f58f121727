package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
)

// The server that all tests but those of crashes share. Each test has a schema or a database of its own.
var (
	server  *pgtest.Server
	absent  error
	urls    string // of a database whose texts are not sorted by their bytes
	schemas atomic.Int64
)

func TestMain(m *testing.M) {
	code := 1
	if server, absent = pgtest.New(); absent == nil || errors.Is(absent, pgtest.ErrAbsent) {
		absent = errors.Join(absent, prepare())
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, absent)
	}
	if server != nil {
		server.Close()
	}
	os.Exit(code)
}

func prepare() error {
	if server == nil {
		return nil
	}
	urls = server.URL("itsm_test")
	return server.Exec("CREATE DATABASE itsm_test TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
}

// fresh makes a name that nobody else uses.
func fresh(what string) string { return fmt.Sprintf("%s%d", what, schemas.Add(1)) }

func needServer(t testing.TB) {
	t.Helper()
	switch {
	case absent != nil && os.Getenv("CI") == "true":
		t.Fatal(absent)
	case absent != nil:
		t.Skip(absent)
	}
}

// open opens a schema that nobody else uses.
func open(t testing.TB, opts ...postgres.Option) (*postgres.DB, string) {
	t.Helper()
	return openWith(t, nil, opts...)
}

func openWith(t testing.TB, settings []string, opts ...postgres.Option) (*postgres.DB, string) {
	t.Helper()
	needServer(t)
	schema := fresh("s")
	db, err := postgres.Open(t.Context(), server.URL("itsm_test", settings...), append([]postgres.Option{postgres.Schema(schema)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db, schema
}

// newPool opens the database of the tests as a host would.
func newPool(t testing.TB, settings ...string) *pgxpool.Pool {
	t.Helper()
	needServer(t)
	pool, err := pgxpool.New(t.Context(), server.URL("itsm_test", settings...))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func exec(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

func one[T any](t testing.TB, pool *pgxpool.Pool, sql string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"read committed": {"pool_max_conns=8"},
		// The strictest level, and statements as they are sent through a pooler.
		"serializable, nothing prepared": {"default_transaction_isolation=serializable", "default_query_exec_mode=exec", "pool_max_conns=4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "read committed" {
				t.Skip("one of them is enough")
			}
			needServer(t)
			var names sync.Map
			itsmtest.Store(t, func(t testing.TB) store.DB {
				db, schema := openWith(t, settings)
				names.Store(db, schema)
				return db
			}, itsmtest.Reopen(func(t testing.TB, old store.DB) store.DB {
				require.NoError(t, old.Close())
				schema, _ := names.Load(old)
				db, err := postgres.Open(t.Context(), urls, postgres.Schema(schema.(string)))
				require.NoError(t, err)
				return db
			}))
		})
	}
}
