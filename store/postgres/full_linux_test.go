package postgres_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/smalldisk"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
)

// TestFullDisk fills the disk on which the tables lie, or the one with the write-ahead log of the server, and then makes it larger.
func TestFullDisk(t *testing.T) {
	t.Run("S-123 on a full disk of tables commands fail whole, what was acknowledged stays, and with room again work goes on", func(t *testing.T) {
		own := started(t)
		dir := filepath.Join(filepath.Dir(dataOf(t, own)), "small")
		disk := mountLike(t, dataOf(t, own), dir, 16*smalldisk.MiB)
		require.NoError(t, own.Exec("CREATE TABLESPACE small LOCATION '"+dir+"'"))
		require.NoError(t, own.Exec("CREATE DATABASE small TEMPLATE template0 TABLESPACE small"))
		w := newFiller(t, own.URL("small", "pool_max_conns=4"))

		for _, size := range []int64{16, 20} {
			disk.Resize(t, size*smalldisk.MiB)
			require.NoError(t, w.commit(t, 0, 0), "with room again work goes on in the same process")
			before, err := w.journal(t)
			require.NoError(t, err)
			for _, err := range w.fill(t) {
				require.ErrorIs(t, err, postgres.ErrFull)
				require.NotErrorIs(t, err, postgres.ErrOutcomeUnknown)
			}
			w.records(t)
			now, err := w.journal(t)
			require.GreaterOrEqual(t, now, before, "what was read before is read again")
			if err != nil { // entries get their places when they are first read, which takes room
				require.ErrorIs(t, err, postgres.ErrFull)
			}
		}

		// The server starts again while the disk is full, or stays away until there is room.
		require.NoError(t, own.Kill())
		if own.Start() == nil {
			w.records(t)
			require.ErrorIs(t, w.commit(t, 0, bulky), postgres.ErrFull)
		} else {
			require.ErrorIs(t, w.commit(t, 0, bulky), postgres.ErrUnavailable)
		}
		disk.Resize(t, 200*smalldisk.MiB)
		require.NoError(t, own.Kill())
		require.NoError(t, own.Start())
		w.goesOn(t)
	})

	t.Run("S-123 where the log of the server finds no room, what was acknowledged stays, and the server goes on when it is started with room again", func(t *testing.T) {
		own := started(t)
		require.NoError(t, own.Exec("CREATE DATABASE small TEMPLATE template0"))
		dir := filepath.Join(dataOf(t, own), "pg_wal")
		require.NoError(t, own.Stop())
		aside := dir + ".aside"
		require.NoError(t, os.Rename(dir, aside))
		disk := mountLike(t, aside, dir, 40*smalldisk.MiB) // the log comes in files of 16 MiB
		out, err := osexec.Command("cp", "-a", aside+"/.", dir).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NoError(t, own.Start())
		w := newFiller(t, own.URL("small", "pool_max_conns=4"))

		told := 0
		for _, err := range w.fill(t) {
			// The server breaks down. The commit that met the end of the disk is told why, those beside it are cut off, and later ones reach nobody.
			require.True(t, errors.Is(err, postgres.ErrOutcomeUnknown) != errors.Is(err, postgres.ErrUnavailable), "%v", err)
			if errors.Is(err, postgres.ErrFull) {
				require.ErrorIs(t, err, postgres.ErrOutcomeUnknown, "what is in the log already may count")
				told++
			}
		}
		require.Positive(t, told)
		require.ErrorIs(t, w.commit(t, 0, 0), postgres.ErrUnavailable)

		require.NoError(t, own.Kill())
		disk.Resize(t, 200*smalldisk.MiB)
		require.NoError(t, own.Start())
		w.goesOn(t)
	})
}

// dataOf asks a server where its data lie.
func dataOf(t *testing.T, s *pgtest.Server) (dir string) {
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&dir))
	return dir
}

// mountLike makes a folder with a small file system for whom another folder belongs to.
func mountLike(t *testing.T, model, dir string, size int64) *smalldisk.Disk {
	require.NoError(t, os.Mkdir(dir, 0o700))
	out, err := osexec.Command("chown", "--reference="+model, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return smalldisk.Mount(t, dir, size)
}

// A filler writes until there is no room, and remembers what it was told.
type filler struct {
	db *postgres.DB

	mu      sync.Mutex
	n       int
	there   map[itsm.Key]store.Snapshot // acknowledged
	entries int                         // likewise
	failed  []store.Batch
	unsure  []store.Batch
}

func newFiller(t *testing.T, url string) *filler {
	db, err := postgres.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	w := &filler{db: db, there: make(map[itsm.Key]store.Snapshot)}
	require.NoError(t, w.commit(t, 0, 0))
	return w
}

// bulky is how large a record is that fills a disk soon.
const bulky = 300_000

// commit takes the record of a worker one step on, together with two new ones. One of these has data of so many bytes that cannot be packed.
func (w *filler) commit(t *testing.T, worker, size int) error {
	key := benchKey(worker)
	w.mu.Lock()
	prev := w.there[key]
	prev.Key = key
	w.n += 2
	n := 100 + w.n
	w.mu.Unlock()
	b := merge(step(prev, 3*n), step(store.Snapshot{Key: benchKey(n)}, 3*n+1), step(store.Snapshot{Key: benchKey(n + 1)}, 3*n+2))
	if size > 0 {
		noise := make([]byte, size/2)
		rand.Read(noise)
		b.Puts[2].Data = []byte(`"` + hex.EncodeToString(noise) + `"`)
	}
	err := w.db.Commit(t.Context(), b)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.take(&b)
	case errors.Is(err, postgres.ErrOutcomeUnknown):
		w.unsure = append(w.unsure, b)
	default:
		w.failed = append(w.failed, b)
	}
	return err
}

// take enters what was acknowledged.
func (w *filler) take(b *store.Batch) {
	for _, p := range b.Puts {
		w.there[p.Key] = p.Snapshot
	}
	w.entries += len(b.Events)
}

// fill lets four workers commit until nothing goes any more, neither large records nor small ones, and returns the errors.
func (w *filler) fill(t *testing.T) (errs []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for _, size := range []int{bulky, 0} {
				for failed := 0; failed < 4; {
					if err := w.commit(t, worker, size); err != nil {
						failed++
						mu.Lock()
						errs = append(errs, err)
						mu.Unlock()
						if errors.Is(err, postgres.ErrOutcomeUnknown) {
							return // whether the record was taken on is not known
						}
					}
				}
			}
		})
	}
	wg.Wait()
	require.Greater(t, len(w.there), 30, "something was written before")
	return errs
}

// records checks that the records are those that were acknowledged.
func (w *filler) records(t *testing.T) {
	t.Helper()
	for key, want := range w.there { //maporder: each record for itself
		got := load(t, w.db, key)
		require.Equal(t, want.Seq, got.Seq, "%s: acknowledged", key)
		require.Equal(t, string(want.Data), string(got.Data), "%s", key)
	}
	for i := range w.failed {
		for _, p := range w.failed[i].Puts {
			require.Equal(t, w.there[p.Key].Seq, load(t, w.db, p.Key).Seq, "%s: what failed has left nothing", p.Key)
		}
	}
}

// journal reads the journal and returns how many entries it has.
func (w *filler) journal(t *testing.T) (entries int, err error) {
	for _, err = range w.db.Events(t.Context(), "", itsm.Filter{}) {
		if err != nil {
			return entries, err
		}
		entries++
	}
	return entries, nil
}

// goesOn checks that with room again everything is whole and work goes on.
func (w *filler) goesOn(t *testing.T) {
	t.Helper()
	for i := range w.unsure { // who does not know gives the command again
		b := &w.unsure[i]
		there := 0
		for _, p := range b.Puts {
			if load(t, w.db, p.Key).Seq == p.Seq {
				there++
			}
		}
		require.Contains(t, []int{0, len(b.Puts)}, there, "all of a batch or nothing")
		switch err := w.db.Commit(t.Context(), *b); {
		case there > 0:
			require.True(t, errors.Is(err, itsm.ErrExists) || errors.Is(err, itsm.ErrConflict), "it had been written: %v", err)
		default:
			require.NoError(t, err)
		}
		w.take(b)
	}
	w.records(t)
	for i := range w.failed { // those on new records can be given again as they were
		b := w.failed[i]
		if b.Puts[0].Expect == w.there[b.Puts[0].Key].Seq {
			require.NoError(t, w.db.Commit(t.Context(), b), "what failed has not used up its ID")
			w.take(&b)
		}
	}
	t.Logf("%d records, %d commits failed, %d with an unknown outcome", len(w.there), len(w.failed), len(w.unsure))
	w.failed = nil
	for i := range 50 {
		require.NoError(t, w.commit(t, i%4, 0), "with room again")
	}
	w.records(t)
	for key := range w.there { //maporder: each record for itself
		verify(t, w.db, key)
	}
	entries, err := w.journal(t)
	require.NoError(t, err)
	assert.Equal(t, w.entries, entries, fmt.Sprintf("entries of %d records", len(w.there)))
}
