package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

func load(t testing.TB, db store.DB, key itsm.Key) store.Snapshot {
	t.Helper()
	found, err := db.Load(context.Background(), key)
	require.NoError(t, err)
	return found[0]
}

// verify checks the chain of a record and returns how many entries it has.
func verify(t testing.TB, db store.DB, key itsm.Key) uint64 {
	t.Helper()
	var chain itsm.ChainVerifier
	for e, err := range db.Events(context.Background(), "", itsm.Filter{Tenant: key.Tenant, Kind: key.Kind, ID: key.ID}) {
		require.NoError(t, err)
		require.NoError(t, chain.Next(&e))
	}
	snap := load(t, db, key)
	require.NoError(t, chain.Finish(key, snap.Seq, snap.Head))
	return snap.Seq
}

// shell opens the file as another program would.
func shell(t testing.TB, path string) *sql.DB {
	handle, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(60000)")
	require.NoError(t, err)
	t.Cleanup(func() { handle.Close() })
	return handle
}

func do(t testing.TB, handle *sql.DB, text string, args ...any) {
	t.Helper()
	_, err := handle.Exec(text, args...)
	require.NoError(t, err)
}

func one[T any](t testing.TB, handle *sql.DB, text string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, handle.QueryRow(text, args...).Scan(&v))
	return v
}

func TestOpen(t *testing.T) {
	t.Parallel()

	t.Run("a file is made, and found again as it was left", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "with blank, % and ? #.db")
		db, err := sqlite.Open(path)
		require.NoError(t, err)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		require.NoError(t, db.Close())
		require.NoError(t, db.Close(), "closing twice is no error")
		_, err = os.Stat(path)
		require.NoError(t, err)
		_, err = os.Stat(path + "-wal")
		assert.ErrorIs(t, err, os.ErrNotExist, "the log is taken up when the file is closed")
		db, err = sqlite.Open(path)
		require.NoError(t, err)
		assert.EqualValues(t, 1, verify(t, db, benchKey(1)))
		require.NoError(t, db.Close())
	})

	t.Run("a commit is synchronised unless that is relaxed", func(t *testing.T) {
		t.Parallel()
		_, path := open(t)
		assert.Equal(t, "wal", one[string](t, shell(t, path), "PRAGMA journal_mode"))
	})

	t.Run("no path, or one in memory, is invalid", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"", ":memory:", "file::memory:"} {
			_, err := sqlite.Open(path)
			assert.ErrorIs(t, err, itsm.ErrInvalid, path)
		}
	})

	t.Run("a person can read the file", func(t *testing.T) {
		t.Parallel()
		db, path := open(t)
		b := step(store.Snapshot{Key: benchKey(1)}, 1)
		b.Puts[0].Index = append(b.Puts[0].Index, itsm.IndexEntry{Field: "tag", Many: true, Value: itsm.TextOf("printer")})
		require.NoError(t, db.Commit(t.Context(), b))
		h := shell(t, path)
		assert.Equal(t, "active", one[string](t, h, "SELECT f_state FROM record_incident WHERE id = 'INC-20260214-000001'"))
		assert.Equal(t, "收费窗口打印机不出纸", one[string](t, h, "SELECT data ->> 'summary' FROM record_incident WHERE f_state = 'active'"))
		assert.Equal(t, benchStart.Add(time.Second).UnixMicro(), one[int64](t, h, "SELECT f_updated FROM record_incident"))
		assert.Equal(t, "printer", one[string](t, h, "SELECT value FROM values_incident WHERE field = 'tag'"))
		assert.Equal(t, "incident.triaged", one[string](t, h, "SELECT type FROM itsm_journal WHERE seq = 1"))
	})

	t.Run("names cannot break out of the statements", func(t *testing.T) {
		t.Parallel()
		db, path := open(t)
		kinds := []itsm.Kind{`x"; DROP TABLE itsm_journal; --`, `x'; DROP TABLE itsm_journal; --`, "x___drop_table_itsm_journal____", "select", "Order", "order", "订单", "工单", "journal", "sqlite_master"}
		for i, k := range kinds {
			key := itsm.Key{Tenant: "h1", Kind: k, ID: `'"; DROP TABLE itsm_kind; --`}
			require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: key}, i)), k)
			assert.EqualValues(t, 1, verify(t, db, key), k)
		}
		assert.Equal(t, len(kinds), one[int](t, shell(t, path), "SELECT count(*) FROM itsm_journal"))
		assert.Equal(t, len(kinds), one[int](t, shell(t, path), "SELECT count(DISTINCT name) FROM itsm_kind"))
		b := step(store.Snapshot{Key: benchKey(1)}, 1)
		b.Puts[0].Index = []itsm.IndexEntry{{Field: `a"; DROP TABLE itsm_journal; --`, Value: itsm.TextOf("x")}}
		assert.ErrorIs(t, db.Commit(t.Context(), b), itsm.ErrInvalid)
	})

	t.Run("a field keeps its type", func(t *testing.T) {
		t.Parallel()
		db, _ := open(t)
		with := func(n int, e itsm.IndexEntry) error {
			b := step(store.Snapshot{Key: benchKey(n)}, n)
			b.Puts[0].Index = []itsm.IndexEntry{e}
			return db.Commit(t.Context(), b)
		}
		require.NoError(t, with(1, itsm.IndexEntry{Field: "size", Value: itsm.NumberOf(1)}))
		err := with(2, itsm.IndexEntry{Field: "size", Value: itsm.TextOf("large")})
		assert.ErrorIs(t, err, itsm.ErrInvalid)
		assert.ErrorContains(t, err, "size has always been one value of the type number")
		assert.ErrorIs(t, with(3, itsm.IndexEntry{Field: "size", Many: true, Value: itsm.NumberOf(1)}), itsm.ErrInvalid)
		assert.Zero(t, load(t, db, benchKey(2)).Seq)
	})

	t.Run("a reader that is ahead of the journal is told", func(t *testing.T) {
		t.Parallel()
		db, _ := open(t)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		for _, err := range db.Events(t.Context(), "0000000000000002", itsm.Filter{}) {
			assert.ErrorIs(t, err, itsm.ErrInvalid)
			assert.ErrorContains(t, err, "older copy")
		}
		for range db.Events(t.Context(), "0000000000000001", itsm.Filter{}) {
			t.Error("there is nothing behind the last entry")
		}
	})
}

func TestForeignFiles(t *testing.T) {
	t.Parallel()

	// untouched checks that a file is as it was.
	untouched := func(t *testing.T, path string, before []byte) {
		t.Helper()
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, before, after, "the file is as it was")
	}

	t.Run("a file of a newer schema is told by both versions and left alone", func(t *testing.T) {
		t.Parallel()
		db, path := open(t)
		require.NoError(t, db.Close())
		h := shell(t, path)
		do(t, h, "INSERT INTO itsm_schema (version, name) VALUES (99, 'later')")
		require.NoError(t, h.Close())
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = sqlite.Open(path)
		var newer *sqlite.NewerSchemaError
		require.ErrorAs(t, err, &newer)
		assert.Equal(t, sqlite.NewerSchemaError{Path: path, File: 99, Supported: 1}, *newer)
		assert.ErrorContains(t, err, "schema version 99")
		assert.ErrorContains(t, err, "up to 1")
		untouched(t, path, before)
	})

	t.Run("a file that is no database is left alone", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "letter.txt")
		text := []byte(strings.Repeat("Dear Sir or Madam,\n", 100))
		require.NoError(t, os.WriteFile(path, text, 0o600))
		_, err := sqlite.Open(path)
		assert.ErrorIs(t, err, sqlite.ErrForeign)
		assert.ErrorContains(t, err, path)
		untouched(t, path, text)
	})

	t.Run("a database of another program is left alone", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "theirs.db")
		h := shell(t, path)
		do(t, h, "CREATE TABLE patients (id TEXT)")
		require.NoError(t, h.Close())
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = sqlite.Open(path)
		assert.ErrorIs(t, err, sqlite.ErrForeign)
		untouched(t, path, before)
	})

	t.Run("a folder that is not there is told", func(t *testing.T) {
		t.Parallel()
		_, err := sqlite.Open(filepath.Join(t.TempDir(), "nowhere", "itsm.db"))
		assert.ErrorIs(t, err, sqlite.ErrUnavailable)
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()

	t.Run("S-123 a full disk fails the command and changes nothing", func(t *testing.T) {
		t.Parallel()
		db, path := open(t)
		fill(t, db, 200)
		require.NoError(t, db.Close())
		pages := one[int](t, shell(t, path), "PRAGMA page_count")
		handle, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(60000)&_pragma=max_page_count(%d)", path, pages+20))
		require.NoError(t, err)
		defer handle.Close()
		full, err := sqlite.New(t.Context(), handle)
		require.NoError(t, err)
		committed := 200
		for err == nil {
			if err = full.Commit(t.Context(), step(store.Snapshot{Key: benchKey(committed)}, committed)); err == nil {
				committed++
			}
			require.Less(t, committed, 5000, "there is no end to the disk")
		}
		assert.ErrorIs(t, err, sqlite.ErrFull)
		var cause interface{ Code() int }
		assert.ErrorAs(t, err, &cause, "the driver's own error is there")
		assert.Zero(t, load(t, full, benchKey(committed)).Seq)
		assert.EqualValues(t, 1, verify(t, full, benchKey(committed-1)), "what was there can still be read")
		var big []store.Batch
		for i := range 100 {
			big = append(big, step(load(t, full, benchKey(i)), committed+i))
		}
		assert.ErrorIs(t, full.Commit(t.Context(), merge(big...)), sqlite.ErrFull)
		require.NoError(t, full.Close())

		db, err = sqlite.Open(path)
		require.NoError(t, err)
		defer db.Close()
		require.NoError(t, db.Check(t.Context()))
		for i := range committed {
			require.EqualValues(t, 1, verify(t, db, benchKey(i)), "record %d: nothing is lost and nothing half written", i)
		}
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(committed)}, committed)), "with room again, work goes on")
	})

	t.Run("a damaged file is told and not made worse", func(t *testing.T) {
		t.Parallel()
		db, path := open(t)
		fill(t, db, 2000)
		require.NoError(t, db.Close())
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		const page = 4096
		for at := 40 * page; at+page <= len(data); at += 3 * page {
			copy(data[at:at+page], strings.Repeat("damage! ", page/8))
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
		db, err = sqlite.Open(path)
		require.NoError(t, err, "what is needed to open it is whole")
		defer db.Close()
		err = db.Check(t.Context())
		assert.ErrorIs(t, err, sqlite.ErrCorrupt)
		assert.ErrorContains(t, err, "age ", "it names the pages")
		var read, write error
		for i := range 2000 {
			found, err := db.Load(t.Context(), benchKey(i))
			if err != nil {
				read = err
			} else if err = db.Commit(t.Context(), step(found[0], 10_000+i)); err != nil {
				write = err
			}
		}
		for _, err := range db.Find(t.Context(), itsm.Query{Tenant: "h1", Kind: "incident", OrderBy: "due"}) {
			if err != nil {
				assert.ErrorIs(t, err, sqlite.ErrCorrupt)
			}
		}
		assert.ErrorIs(t, read, sqlite.ErrCorrupt)
		assert.ErrorIs(t, write, sqlite.ErrCorrupt)
	})

	t.Run("a handle that cannot write is told", func(t *testing.T) {
		t.Parallel()
		db, path := open(t)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		handle, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
		require.NoError(t, err)
		defer handle.Close()
		_, err = sqlite.New(t.Context(), handle)
		assert.ErrorIs(t, err, sqlite.ErrReadOnly)
	})

	t.Run("a process that holds the file for too long is told", func(t *testing.T) {
		t.Parallel()
		db, path := open(t, sqlite.BusyTimeout(50*time.Millisecond))
		conn, err := shell(t, path).Conn(t.Context())
		require.NoError(t, err)
		_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
		require.NoError(t, err)
		b := step(store.Snapshot{Key: benchKey(1)}, 1)
		assert.ErrorIs(t, db.Commit(t.Context(), b), sqlite.ErrBusy)
		assert.Zero(t, load(t, db, benchKey(1)).Seq, "reading goes on")
		_, err = conn.ExecContext(t.Context(), "ROLLBACK")
		require.NoError(t, err)
		assert.NoError(t, db.Commit(t.Context(), b))
	})

	t.Run("what is erased is gone from the file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "itsm.db")
		db, err := sqlite.Open(path)
		require.NoError(t, err)
		defer db.Close()
		b := step(store.Snapshot{Key: benchKey(1)}, 1)
		b.Events[0].Personal = []byte(`{"~":"salt","caller":"王小明 13912345678"}`)
		require.NoError(t, db.Commit(t.Context(), b))
		found := func() (n int) {
			for _, name := range []string{path, path + "-wal"} {
				data, err := os.ReadFile(name)
				require.NoError(t, err)
				n += strings.Count(string(data), "13912345678")
			}
			return n
		}
		require.Positive(t, found())
		b = step(load(t, db, benchKey(1)), 2)
		b.Erase = []itsm.Key{benchKey(1)}
		require.NoError(t, db.Commit(t.Context(), b))
		assert.Zero(t, found())
	})
}

func isUnwritable(err error) bool {
	return errors.Is(err, sqlite.ErrReadOnly) || errors.Is(err, sqlite.ErrUnavailable)
}
