// Package smalldisk gives tests small file systems that they can fill.
package smalldisk

// A Disk is a file system of a test's own. It is safe for concurrent use.
type Disk struct{ dir string }

// MiB is a mebibyte, for sizes.
const MiB = 1 << 20
