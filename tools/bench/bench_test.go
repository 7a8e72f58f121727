package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
BenchmarkFire/lifecycle-2         	 2000	  400 ns/op	  289 B/op	   5 allocs/op
BenchmarkFire/lifecycle-2         	 2000	  440 ns/op	  289 B/op	   5 allocs/op
BenchmarkFire/lifecycle-2         	 2000	  420 ns/op	  289 B/op	   5 allocs/op
BenchmarkFire/peer=looplab-2      	 2000	  300 ns/op
BenchmarkCommand/FULL             	 10	 0 ns/op	 90.0 ns/store	 60.0 ns/by-hand
BenchmarkBroken   	--- FAIL
PASS
`

func TestCompare(t *testing.T) {
	t.Parallel()
	o := parse(printed)
	t.Run("medians and their ratio", func(t *testing.T) {
		t.Parallel()
		r := row{name: "fire", library: "Fire/lifecycle", peer: "looplab", against: "Fire/peer=looplab", limit: 1.3}
		got, err := r.compare(o, "")
		require.NoError(t, err)
		assert.Equal(t, Result{Name: "fire", Library: 420, Peer: "looplab", PeerNS: 300, Ratio: 1.4, Limit: 1.3, Allocs: 5, Bytes: 289, Spread: 40.0 / 420}, got)
	})
	t.Run("figures that one benchmark prints side by side", func(t *testing.T) {
		t.Parallel()
		r := row{library: "Command/FULL ns/store", against: "Command/FULL ns/by-hand"}
		got, err := r.compare(o, "")
		require.NoError(t, err)
		assert.Equal(t, 1.5, got.Ratio)
	})
	t.Run("a fixed aim", func(t *testing.T) {
		t.Parallel()
		r := row{library: "Fire/lifecycle", fixed: 840}
		got, err := r.compare(o, "")
		require.NoError(t, err)
		assert.Equal(t, 0.5, got.Ratio)
	})
	t.Run("a figure that is missing is an error that names it", func(t *testing.T) {
		t.Parallel()
		r := row{library: "Fire/nobody", against: "Fire/lifecycle"}
		_, err := r.compare(o, "")
		assert.EqualError(t, err, "no benchmark printed Fire/nobody ns/op")
	})
	t.Run("what was skipped says why", func(t *testing.T) {
		t.Parallel()
		why := skipped("--- SKIP: BenchmarkCommand\n    bench_test.go:12: no server\nPASS\n")
		assert.Equal(t, "bench_test.go:12: no server", why)
		got, err := (&row{name: "x"}).compare(nil, why)
		require.NoError(t, err)
		assert.Contains(t, table([]Result{got}), "skipped: bench_test.go:12: no server")
	})
}

func TestTable(t *testing.T) {
	t.Parallel()
	got := table([]Result{{Name: "a", Library: 1234, Peer: "by hand", PeerNS: 2.5e6, Ratio: 0.0004936, Limit: 1.3}})
	assert.Contains(t, got, "| a | 1.23 µs | 2.50 ms | by hand | 0.000494 | ≤ 1.30 | 0 |\n")
	path := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(path, []byte("before\n"+begin+"\nold\n"+end+"\nafter\n"), 0o644))
	require.NoError(t, insert(path, "new\n"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "before\n"+begin+"\n\nnew\n\n"+end+"\nafter\n", string(text))
	require.NoError(t, os.WriteFile(path, []byte("nothing"), 0o644))
	assert.ErrorContains(t, insert(path, ""), "want the lines")
}

// TestRun measures one quick group, as the command does.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs benchmarks")
	}
	var out bytes.Buffer
	require.NoError(t, run([]string{"-root", "../..", "-quick", "-json", "-only", "^lifecycle: where"}, &out, io.Discard))
	var results []Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &results))
	require.Len(t, results, 1)
	assert.Positive(t, results[0].Library)
	assert.Positive(t, results[0].PeerNS)
	assert.ErrorContains(t, run([]string{"-root", "../..", "-only", "nothing like it"}, io.Discard, io.Discard), `no row is called "nothing like it"`)
	assert.ErrorContains(t, run([]string{"-root", t.TempDir()}, io.Discard, io.Discard), "is not the root of the project")
	assert.ErrorContains(t, run([]string{"-only", "("}, io.Discard, io.Discard), "-only")
}
