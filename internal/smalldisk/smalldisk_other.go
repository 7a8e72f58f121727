//go:build !linux

package smalldisk

import "testing"

// Mount skips the test: small file systems are made on Linux only.
func Mount(t testing.TB, _ string, _ int64) *Disk {
	t.Helper()
	t.Skip("a small file system needs Linux")
	return nil
}

// Resize does nothing.
func (*Disk) Resize(testing.TB, int64) {}

// Leave does nothing.
func (*Disk) Leave(testing.TB, int64) {}
