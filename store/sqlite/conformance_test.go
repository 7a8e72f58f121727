package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// open opens a new file in a folder of the test. Tests do not survive a power failure, so they need not wait for the disk.
func open(t testing.TB, opts ...sqlite.Option) (*sqlite.DB, string) {
	path := filepath.Join(t.TempDir(), "itsm.db")
	db, err := sqlite.Open(path, append([]sqlite.Option{sqlite.Relaxed()}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db, path
}

func TestConformance(t *testing.T) {
	t.Parallel()
	paths := make(map[store.DB]string)
	itsmtest.Store(t, func(t testing.TB) store.DB {
		db, path := open(t)
		paths[db] = path
		return db
	}, itsmtest.Reopen(func(t testing.TB, old store.DB) store.DB {
		require.NoError(t, old.Close())
		db, err := sqlite.Open(paths[old])
		require.NoError(t, err)
		return db
	}))
}

// A handle of the host's lends connections for good when it has no limit, and for each call when it has one.
func TestConformanceOnHandle(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("the race detector makes SQLite very slow; TestConformance runs")
	}
	for name, most := range map[string]int{"without a limit": 0, "with one connection": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			itsmtest.Store(t, func(t testing.TB) store.DB { return openHandle(t, most) })
		})
	}
}

func openHandle(t testing.TB, most int) *sqlite.DB {
	handle, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "host.db")+"?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	require.NoError(t, err)
	t.Cleanup(func() { handle.Close() })
	handle.SetMaxOpenConns(most)
	_, err = handle.Exec("CREATE TABLE patients (id TEXT); CREATE TABLE record_order (theirs TEXT)")
	require.NoError(t, err)
	db, err := sqlite.New(t.Context(), handle)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}
