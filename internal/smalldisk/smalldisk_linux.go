package smalldisk

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// Mount puts a new file system of so many bytes over a folder, until the end of the test. Its root belongs to the owner of the
// folder, and what lay in the folder is hidden meanwhile. Where the test may not mount, it is skipped.
func Mount(t testing.TB, dir string, size int64) *Disk {
	t.Helper()
	at, err := os.Stat(dir)
	if err != nil {
		t.Fatalf("smalldisk: %v", err)
	}
	owner := at.Sys().(*syscall.Stat_t)
	data := fmt.Sprintf("size=%d,mode=%o,uid=%d,gid=%d", size, at.Mode().Perm(), owner.Uid, owner.Gid)
	if err := syscall.Mount("itsm", dir, "tmpfs", 0, data); err != nil {
		t.Skipf("a small file system needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("smalldisk: unmount %s: %v", dir, err)
		}
	})
	return &Disk{dir}
}

// Resize makes the file system larger or smaller, while it is in use.
func (d *Disk) Resize(t testing.TB, size int64) {
	t.Helper()
	if err := syscall.Mount("itsm", d.dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatalf("smalldisk: resize %s: %v", d.dir, err)
	}
}

// Leave takes all room but so many bytes.
func (d *Disk) Leave(t testing.TB, room int64) {
	t.Helper()
	var now syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &now); err != nil {
		t.Fatalf("smalldisk: %s: %v", d.dir, err)
	}
	d.Resize(t, int64(now.Blocks-now.Bfree)*int64(now.Bsize)+room)
}
