package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// TestReadOnly opens files that the user may not write. Root may write everything, so the test goes on as nobody, in a
// thread that ends with it.
func TestReadOnly(t *testing.T) {
	nobody := func(t *testing.T, fn func()) {
		done := make(chan struct{})
		go func() { // never unlocked: the thread is thrown away
			defer close(done)
			runtime.LockOSThread()
			if os.Getuid() == 0 {
				const uid = 65534
				_, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, uid, 0, 0)
				if !assert.Zero(t, errno) {
					return
				}
			}
			fn()
		}()
		<-done
	}
	prepare := func(t *testing.T) (dir, path string) {
		dir = t.TempDir()
		require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
		path = filepath.Join(dir, "itsm.db")
		db, err := sqlite.Open(path)
		require.NoError(t, err)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		require.NoError(t, db.Close())
		return dir, path
	}

	t.Run("a file that cannot be written is told", func(t *testing.T) {
		dir, path := prepare(t)
		require.NoError(t, os.Chmod(dir, 0o777))
		require.NoError(t, os.Chmod(path, 0o444))
		nobody(t, func() {
			_, err := sqlite.Open(path)
			assert.ErrorIs(t, err, sqlite.ErrReadOnly)
			assert.ErrorContains(t, err, path)
		})
	})

	t.Run("a folder that cannot be written is told", func(t *testing.T) {
		dir, path := prepare(t)
		require.NoError(t, os.Chmod(path, 0o666))
		require.NoError(t, os.Chmod(dir, 0o555))
		nobody(t, func() {
			_, err := sqlite.Open(path)
			assert.True(t, isUnwritable(err), "%v", err)
			_, err = sqlite.Open(filepath.Join(dir, "new.db"))
			assert.True(t, isUnwritable(err), "%v", err)
		})
		require.NoError(t, os.Chmod(dir, 0o755))
		db, err := sqlite.Open(path)
		require.NoError(t, err)
		assert.EqualValues(t, 1, verify(t, db, benchKey(1)), "nothing is lost")
		require.NoError(t, db.Close())
	})
}
