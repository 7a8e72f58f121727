package itsmtest

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain keeps failures that are wanted from leaving files and from being made small for long.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "500ms"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// A recorder is a runner that writes down failures instead of failing. It borrows the real test for what needs no verdict.
type recorder struct {
	testing.TB
	name    string
	stuck   time.Duration // how long a call may take; stores that are meant to be stuck get little
	found   *findings
	mu      sync.Mutex
	failed  bool
	skipped bool
}

// findings are the failures of a suite by the name of the subtest.
type findings struct {
	mu    sync.Mutex
	names []string
	texts map[string][]string
}

// record runs a suite and gives what it found.
func record(t testing.TB, suite func(t runner)) *findings {
	return recordStuck(t, time.Minute, suite)
}

// recordStuck is record for a suite that is meant to find something stuck.
func recordStuck(t testing.TB, stuck time.Duration, suite func(t runner)) *findings {
	found := &findings{texts: make(map[string][]string)}
	(&recorder{TB: t, stuck: stuck, found: found}).run("", suite)
	return found
}

func (r *recorder) run(name string, f func(t runner)) {
	sub := &recorder{TB: r.TB, stuck: r.stuck, name: strings.TrimPrefix(r.name+"/"+name, "/"), found: r.found}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				sub.Errorf("panic: %v", p)
			}
		}()
		f(sub)
	}()
	<-done
}

func (r *recorder) note(format string, args ...any) {
	r.found.mu.Lock()
	defer r.found.mu.Unlock()
	if !slices.Contains(r.found.names, r.name) {
		r.found.names = append(r.found.names, r.name)
	}
	r.found.texts[r.name] = append(r.found.texts[r.name], fmt.Sprintf(format, args...))
}

func (r *recorder) patience() time.Duration { return r.stuck }

func (r *recorder) Name() string { return "recorded/" + r.name }
func (r *recorder) Helper()      {}
func (r *recorder) Failed() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.failed }
func (r *recorder) Fail()        { r.mu.Lock(); defer r.mu.Unlock(); r.failed = true }
func (r *recorder) FailNow()     { r.Fail(); runtime.Goexit() }
func (r *recorder) Error(args ...any) {
	r.Errorf("%s", fmt.Sprintln(args...))
}
func (r *recorder) Errorf(format string, args ...any) { r.Fail(); r.note(format, args...) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); r.FailNow() }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); r.FailNow() }
func (r *recorder) Skip(args ...any)                  { r.Log(args...); r.leave() }
func (r *recorder) Skipf(format string, args ...any)  { r.Logf(format, args...); r.leave() }
func (r *recorder) SkipNow()                          { r.leave() }
func (r *recorder) leave()                            { r.skipped = true; runtime.Goexit() }
func (r *recorder) Log(args ...any)                   { r.Logf("%s", fmt.Sprintln(args...)) }

// Logf keeps what is said after a failure: rapid tells the failed case so.
func (r *recorder) Logf(format string, args ...any) {
	if r.Failed() {
		r.note(format, args...)
	}
}

// requireFound fails unless the suite failed in the subtest and its texts hold the explanation, or one of several: "a|b".
func (f *findings) requireFound(t *testing.T, subtest, explanation string) {
	t.Helper()
	for name, texts := range f.texts {
		if !strings.HasPrefix(name, subtest) {
			continue
		}
		for one := range strings.SplitSeq(explanation, "|") {
			if strings.Contains(strings.Join(texts, "\n"), one) {
				return
			}
		}
	}
	require.Failf(t, "the fault was not caught", "want %q in %q; the suite found:\n%s", explanation, subtest, f)
}

func (f *findings) String() string {
	var b strings.Builder
	for _, name := range f.names {
		text := strings.Join(f.texts[name], "\n")
		fmt.Fprintf(&b, "--- %s\n%s\n", name, text[:min(len(text), 1500)])
	}
	if b.Len() == 0 {
		return "nothing"
	}
	return b.String()
}

func (f *findings) requireNone(t *testing.T) {
	t.Helper()
	require.Empty(t, f.names, "the suite found:\n%s", f)
}

func TestWithinNamesWhatIsStuck(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	defer close(block)
	found := recordStuck(t, 300*time.Millisecond, func(t runner) {
		within(t, "a slow call", func() { <-block })
	})
	found.requireFound(t, "", "a slow call did not come back")
}
