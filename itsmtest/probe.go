package itsmtest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A probe is a runner that writes down failures instead of failing: to ask whether a promise is kept, where the answer no is no
// fault of the test. It borrows the real test for what needs no verdict.
type probe struct {
	testing.TB
	name    string
	stuck   time.Duration // how long a call may take
	found   *findings
	mu      sync.Mutex
	failed  bool
	skipped bool
}

// findings are the failures of a suite by the name of the subtest, and what it skipped and why.
type findings struct {
	mu    sync.Mutex
	names []string
	texts map[string][]string
	skips []string
}

// tryOut runs a suite and gives what it found.
func tryOut(t testing.TB, stuck time.Duration, suite func(t runner)) *findings {
	found := &findings{texts: make(map[string][]string)}
	(&probe{TB: t, stuck: stuck, found: found}).run("", suite)
	return found
}

func (p *probe) run(name string, f func(t runner)) {
	sub := &probe{TB: p.TB, stuck: p.stuck, name: strings.TrimPrefix(p.name+"/"+name, "/"), found: p.found}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				sub.Errorf("panic: %v", v)
			}
		}()
		f(sub)
	}()
	<-done
}

func (p *probe) note(format string, args ...any) {
	p.found.mu.Lock()
	defer p.found.mu.Unlock()
	if !slices.Contains(p.found.names, p.name) {
		p.found.names = append(p.found.names, p.name)
	}
	p.found.texts[p.name] = append(p.found.texts[p.name], fmt.Sprintf(format, args...))
}

func (p *probe) patience() time.Duration { return p.stuck }

func (p *probe) Name() string { return "probe/" + p.name }
func (p *probe) Helper()      {}
func (p *probe) Failed() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.failed }
func (p *probe) Fail()        { p.mu.Lock(); defer p.mu.Unlock(); p.failed = true }
func (p *probe) FailNow()     { p.Fail(); runtime.Goexit() }
func (p *probe) Error(args ...any) {
	p.Errorf("%s", fmt.Sprintln(args...))
}
func (p *probe) Errorf(format string, args ...any) { p.Fail(); p.note(format, args...) }
func (p *probe) Fatal(args ...any)                 { p.Error(args...); p.FailNow() }
func (p *probe) Fatalf(format string, args ...any) { p.Errorf(format, args...); p.FailNow() }
func (p *probe) Skip(args ...any)                  { p.skip(fmt.Sprint(args...)) }
func (p *probe) Skipf(format string, args ...any)  { p.skip(fmt.Sprintf(format, args...)) }
func (p *probe) SkipNow()                          { p.skip("") }

func (p *probe) skip(why string) {
	p.found.mu.Lock()
	p.found.skips = append(p.found.skips, p.name+": "+why)
	p.found.mu.Unlock()
	p.mu.Lock()
	p.skipped = true
	p.mu.Unlock()
	runtime.Goexit()
}
func (p *probe) Skipped() bool   { p.mu.Lock(); defer p.mu.Unlock(); return p.skipped }
func (p *probe) Log(args ...any) { p.Logf("%s", fmt.Sprintln(args...)) }

// Logf keeps what is said after a failure: rapid tells the failed case so.
func (p *probe) Logf(format string, args ...any) {
	if p.Failed() {
		p.note(format, args...)
	}
}

// String tells the failures, the longest of them cut off.
func (f *findings) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
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
