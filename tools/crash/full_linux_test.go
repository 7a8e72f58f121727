package main

import (
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/store/sqlite"
)

// TestFullDisk works until the disk is full, and on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("itsm", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small file system needs the right to mount one: %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })

	t.Run("S-123 F-X-3 what fails for want of room has changed nothing, and given again with room it is done once", func(t *testing.T) {
		db, err := sqlite.Open(filepath.Join(dir, "itsm.db"))
		require.NoError(t, err)
		d := newDesk(t, db)
		w := d.world(d.setup.now)
		k := &worker{world: w, shared: new(pool), rng: rand.New(rand.NewPCG(5, 5)), tenant: "h1", prefix: "c-"}
		done, full := 0, 0
		for full < 50 {
			o := k.choose()
			require.NoError(t, d.take(&line{Begin: &o}))
			a, after, err := w.give(t.Context(), &o)
			if err != nil {
				require.ErrorIs(t, err, sqlite.ErrFull, "%s", o.Do)
				full++
				continue
			}
			done++
			require.NoError(t, d.take(&line{End: &a}))
			k.learn(&o, &a, after)
		}
		require.Greater(t, done, 50)
		require.NoError(t, d.check(t.Context(), w), "what is there can be read")
		require.Zero(t, d.InDoubtKept, "nothing of what failed is there")
		require.NoError(t, syscall.Mount("itsm", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
		require.NoError(t, d.finish(t.Context(), db, &d.setup))
		assert.True(t, d.clean(), "%v %s", d.First, d.Chain)
		assert.Len(t, d.ops, done+full)
		require.NoError(t, db.Close())
	})
}
