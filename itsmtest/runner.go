package itsmtest

import (
	"testing"
	"time"
)

// A runner is what the suites need of a test. Beside a *testing.T there is one, in the tests of this package, that
// only writes down what a suite finds: so the suites themselves are tested on broken stores and processes.
type runner interface {
	testing.TB
	run(name string, f func(t runner))
	patience() time.Duration // how long a call may take before it is called stuck
}

type testRunner struct{ *testing.T }

func (r testRunner) run(name string, f func(t runner)) {
	r.T.Run(name, func(t *testing.T) { f(testRunner{t}) })
}

func (testRunner) patience() time.Duration { return 2 * time.Minute }

// within runs f and fails when it does not come back: a deadlock is told by name instead of as a timeout of everything.
func within(t runner, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(t.patience()):
		t.Fatalf("%s did not come back within %v", what, t.patience())
	}
}
