package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// A State says what a test run tells about a subtest or an ID.
type State string

// The states of a proof. An ID with any failing proof is failing; one with any passing proof and no failing one is proven.
const (
	Proven  State = "proven"
	Failing State = "failing"
	Skipped State = "skipped"
	Missing State = "missing"
)

// A Proof is a subtest that names an ID or a public thread.
type Proof struct {
	ID    string
	Test  string // package and name: "incident.TestDispatch/<ID>_dispatch_before_triage_is_refused"
	State State
	Why   string // of a skipped one
}

// Results are the proofs that a test run gave, and what else it showed.
type Results struct {
	Proofs    []Proof  // sorted by ID and test
	Failed    []string // tests, and packages that failed without one; sorted
	Skipped   []Skip   // in the order in which they began
	Misplaced []string // tests that name an ID elsewhere than at the start of a subtest's name; sorted
}

// A Skip is a test that was skipped, with what it said.
type Skip struct{ Test, Why string }

// An event is a line of go test -json; see go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// A test is what became of one test function or subtest.
type test struct {
	pkg, name string
	state     State
	why       string // it, or the first leaf below it, was skipped
	output    []string
	ended     bool
	parent    bool // of subtests
	live      bool // a leaf below it, or itself, was not skipped
}

func (t *test) String() string { return short(t.pkg) + "." + t.name }

// A reader folds the events of a run.
type reader struct {
	report  io.Writer
	tests   []*test // in the order in which they began
	byName  map[[2]string]*test
	outputs map[string][]string // of packages and builds
	failed  []string            // packages and builds
}

// ReadResults reads the output of go test -json and reports on it as go test without -v does: a line per package, and all
// output of what failed.
func ReadResults(in io.Reader, report io.Writer) (*Results, error) {
	r := reader{report: report, byName: make(map[[2]string]*test), outputs: make(map[string][]string)}
	lines := bufio.NewReader(in)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		if strings.TrimSpace(line) != "" {
			var e event
			if jsonErr := json.Unmarshal([]byte(line), &e); jsonErr != nil {
				return nil, fmt.Errorf("line %d is not output of go test -json: %q", number, strings.TrimSpace(line))
			}
			if e.Test == "" {
				r.unit(e)
			} else {
				r.test(e)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if len(r.tests) == 0 && len(r.failed) == 0 {
		return nil, fmt.Errorf("the output of go test -json names no test")
	}
	return r.collect(), nil
}

// unit takes an event of a package or, with an import path instead, of its build.
func (r *reader) unit(e event) {
	name := e.Package + e.ImportPath
	switch e.Action {
	case "output", "build-output":
		r.outputs[name] = append(r.outputs[name], e.Output)
	case "pass", "skip":
		fmt.Fprint(r.report, verdict(r.outputs[name]))
	case "fail", "build-fail":
		r.failed = append(r.failed, short(name))
		for _, t := range r.tests {
			if t.pkg == e.Package && !t.ended { // cut off: a panic, a timeout
				fmt.Fprint(r.report, strings.Join(t.output, ""))
			}
		}
		fmt.Fprint(r.report, strings.Join(r.outputs[name], ""))
	}
}

func (r *reader) test(e event) {
	key := [2]string{e.Package, e.Test}
	t := r.byName[key]
	if t == nil {
		t = &test{pkg: e.Package, name: e.Test, state: Failing} // until it ends otherwise
		r.byName[key] = t
		r.tests = append(r.tests, t)
	}
	switch e.Action {
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") { // as without -v
			t.output = append(t.output, e.Output)
		}
		return
	case "pass":
		t.state = Proven
	case "skip":
		t.state, t.why = Skipped, reason(t.output)
	case "fail":
		fmt.Fprint(r.report, strings.Join(t.output, ""))
	default:
		return
	}
	t.ended, t.output = true, nil
}

// verdict is the last line of a package's output: "ok …", "? … [no test files]".
func verdict(output []string) string {
	for _, line := range slices.Backward(output) {
		if strings.HasPrefix(line, "ok") || strings.HasPrefix(line, "?") || strings.HasPrefix(line, "\t") {
			return line
		}
	}
	return ""
}

func (r *reader) collect() *Results {
	for _, t := range r.tests {
		r.above(t, func(p *test) { p.parent = true })
	}
	for _, t := range r.tests {
		switch {
		case t.parent:
		case t.state != Skipped:
			t.live = true
			r.above(t, func(p *test) { p.live = true })
		default:
			r.above(t, func(p *test) { p.why = cmp.Or(p.why, t.why) })
		}
	}

	out := new(Results)
	blamed := make(map[string]bool) // packages that failed because a test did
	for _, t := range r.tests {
		if t.state == Skipped {
			out.Skipped = append(out.Skipped, Skip{t.String(), t.why})
		}
		if t.state == Proven && !t.live { // it did nothing but start tests that were skipped
			t.state = Skipped
		}
		if t.state == Failing {
			out.Failed = append(out.Failed, t.String())
			blamed[short(t.pkg)] = true
		}
		ids, misplaced := named(t.name)
		if misplaced {
			out.Misplaced = append(out.Misplaced, t.String())
		}
		for _, id := range ids {
			p := Proof{ID: id, Test: t.String(), State: t.state}
			if p.State == Skipped {
				p.Why = t.why
			}
			out.Proofs = append(out.Proofs, p)
		}
	}
	for _, unit := range r.failed {
		if !blamed[unit] {
			out.Failed = append(out.Failed, unit)
		}
	}
	for _, list := range []*[]string{&out.Failed, &out.Misplaced} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	out.sort()
	return out
}

// above calls do with every test that the test is a part of.
func (r *reader) above(t *test, do func(*test)) {
	for name := t.name; ; {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return
		}
		name = name[:i]
		if p := r.byName[[2]string{t.pkg, name}]; p != nil {
			do(p)
		}
	}
}

// sort orders the proofs by ID and test.
func (r *Results) sort() {
	slices.SortFunc(r.Proofs, func(a, b Proof) int {
		if c := compareIDs(a.ID, b.ID); c != 0 {
			return c
		}
		return strings.Compare(a.Test, b.Test)
	})
}

var (
	leadingID     = regexp.MustCompile(`^(` + idPattern + `)(?:[_,+:]+|$)`)
	leadingThread = regexp.MustCompile(`^([a-z][a-z0-9]*(?:[-.][a-z0-9]+)*-\d{2,})(?:[_:]|$)`)
	anyID         = regexp.MustCompile(`(?:^|[^A-Za-z0-9-])` + idPattern + `(?:$|[^A-Za-z0-9-])`)
	notThreads    = regexp.MustCompile(`^(?:utf|iso|sha|rfc|md|base|gb|utc|gmt|int|uint|float)-`)
)

// named returns the IDs and threads with which the last part of a subtest's name begins. Parts before it belong to the
// tests above, which are tests of their own. Misplaced is true when the part has an ID that is not at its start.
func named(test string) (ids []string, misplaced bool) {
	i := strings.LastIndexByte(test, '/')
	last := test[i+1:]
	if i < 0 {
		return nil, anyID.MatchString(last)
	}
	for {
		m := leadingID.FindStringSubmatch(last)
		if m == nil {
			break
		}
		ids = append(ids, m[1])
		last = last[len(m[0]):]
	}
	if len(ids) == 0 {
		if m := leadingThread.FindStringSubmatch(last); m != nil && !notThreads.MatchString(m[1]) {
			return []string{m[1]}, false
		}
	}
	return ids, len(ids) == 0 && anyID.MatchString(last)
}

var (
	logLine    = regexp.MustCompile(`^\s*(?:\S+\.go:\d+: )?(.*\S)`)
	notAReason = regexp.MustCompile(`^\s*---`)
)

// reason is what a skipped test said last.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		if m := logLine.FindStringSubmatch(line); m != nil && !notAReason.MatchString(line) {
			return m[1]
		}
	}
	return "no reason given"
}

const module = "github.com/hospital-itsm/itsm"

// short is the path of a package inside the repository; the root package is "itsm".
func short(pkg string) string {
	pkg, _, _ = strings.Cut(pkg, " ") // "path [path.test]" names the test variant of a build
	if pkg == module {
		return "itsm"
	}
	return strings.TrimPrefix(pkg, module+"/")
}

// compareIDs orders by family, then by number.
func compareIDs(a, b string) int {
	familyA, numberA := splitID(a)
	familyB, numberB := splitID(b)
	if c := strings.Compare(familyA, familyB); c != 0 {
		return c
	}
	if c := len(numberA) - len(numberB); c != 0 {
		return c
	}
	return strings.Compare(numberA, numberB)
}

func splitID(id string) (family, number string) {
	i := strings.LastIndexByte(id, '-')
	return id[:i], strings.TrimLeft(id[i+1:], "0")
}
