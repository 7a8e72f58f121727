package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/smalldisk"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// TestFullDisk fills a small file system of its own, again and again, and then makes it larger.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	disk := smalldisk.Mount(t, dir, 4*smalldisk.MiB)

	t.Run("S-123 on a full disk commands fail whole, what was acknowledged stays, and with room again work goes on", func(t *testing.T) {
		path := filepath.Join(dir, "itsm.db")
		db, err := sqlite.Open(path)
		require.NoError(t, err)
		n := 0 // acknowledged
		fill := func(t *testing.T) error {
			for ; n < 20_000; n++ {
				if err := db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(n)}, n)); err != nil {
					return err
				}
			}
			return errors.New("there is no end to the disk")
		}
		whole := func(t *testing.T, db store.DB) {
			for i := range n {
				require.EqualValues(t, 1, verify(t, db, benchKey(i)), "record %d", i)
			}
			require.Zero(t, load(t, db, benchKey(n)).Seq, "what failed has left nothing")
			entries := 0
			for _, err := range db.Events(t.Context(), "", itsm.Filter{}) {
				require.NoError(t, err)
				entries++
			}
			require.Equal(t, n, entries)
		}

		require.ErrorIs(t, fill(t), sqlite.ErrFull)
		require.Greater(t, n, 50)
		whole(t, db)
		var many []store.Batch
		for i := range min(n, 500) {
			many = append(many, step(load(t, db, benchKey(i)), n+1+i))
		}
		require.ErrorIs(t, db.Commit(t.Context(), merge(many...)), sqlite.ErrFull, "a large batch fails as a small one does")
		whole(t, db)

		// The program starts again while the disk is full.
		require.NoError(t, db.Close())
		db, err = sqlite.Open(path)
		if err != nil {
			require.ErrorIs(t, err, sqlite.ErrFull)
		} else {
			whole(t, db)
		}

		disk.Resize(t, 32*smalldisk.MiB)
		if err != nil {
			db, err = sqlite.Open(path)
			require.NoError(t, err)
		}
		before := n
		for range 200 {
			require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(n)}, n)), "with room again")
			n++
		}
		require.NoError(t, db.Check(t.Context()))
		whole(t, db)
		require.Equal(t, before+200, n)
		require.NoError(t, db.Close())
	})
}
