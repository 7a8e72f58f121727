package itsmtest

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain keeps failures that are wanted from leaving files and from being made small for long.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "150ms"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// record runs a suite and gives what it found.
func record(t testing.TB, suite func(t runner)) *findings { return tryOut(t, time.Minute, suite) }

// recordSkips is record, and gives the reasons for which parts were skipped.
func recordSkips(t testing.TB, suite func(t runner)) (*findings, string) {
	found := record(t, suite)
	return found, strings.Join(found.skips, "\n")
}

// requireLine fails unless a text has a line.
func requireLine(t *testing.T, text, line string) {
	t.Helper()
	require.Contains(t, strings.Split(text, "\n"), line)
}

// requireCaught fails unless a suite that draws what it tries finds a fault. It draws again until it does, up to ten times: some
// faults show in so few of the commands that are made up that now and then a run has none.
func requireCaught(t *testing.T, suite func(t runner), subtest, explanation string) {
	t.Helper()
	var found *findings
	for range 10 {
		if found = record(t, suite); found.has(subtest, explanation) {
			return
		}
	}
	found.requireFound(t, subtest, explanation)
}

// requireFound fails unless the suite failed in the subtest and its texts hold the explanation, or one of several: "a|b".
func (f *findings) requireFound(t *testing.T, subtest, explanation string) {
	t.Helper()
	if f.has(subtest, explanation) {
		return
	}
	require.Failf(t, "the fault was not caught", "want %q in %q; the suite found:\n%s", explanation, subtest, f)
}

func (f *findings) has(subtest, explanation string) bool {
	for name, texts := range f.texts {
		if !strings.HasPrefix(name, subtest) {
			continue
		}
		for one := range strings.SplitSeq(explanation, "|") {
			if strings.Contains(strings.Join(texts, "\n"), one) {
				return true
			}
		}
	}
	return false
}

func (f *findings) requireNone(t *testing.T) {
	t.Helper()
	require.Empty(t, f.names, "the suite found:\n%s", f)
}

func TestWithinNamesWhatIsStuck(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	defer close(block)
	found := tryOut(t, 300*time.Millisecond, func(t runner) {
		within(t, "a slow call", func() { <-block })
	})
	found.requireFound(t, "", "a slow call did not come back")
}
