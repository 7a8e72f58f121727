package approval

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// The limits of rules.
const (
	maxDepth        = 12   // of a rule, in nodes
	maxLeaves       = 48   // conditions in a rule
	maxAlternatives = 256  // ways through the Ors of a rule
	maxNeed         = 1000 // people or, times ten, points that a condition may want
	maxName         = 60   // bytes of roles, names and keys
)

// Check returns every fault of the rule, joined, or nil: amounts out of range, empty combinations, duplicated or bad names, sizes above
// the limits, and rules that could be met though nobody approves.
func (r Rule) Check() error {
	var fs faults
	r.check("rule", &fs)
	return fs.err()
}

// faults collects what is wrong with data, each with its place.
type faults []error

func (fs *faults) add(place, format string, args ...any) {
	*fs = append(*fs, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
}

func (fs faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", itsm.ErrInvalid, errors.Join(fs...))
}

func (r Rule) check(place string, fs *faults) {
	before, leaves := len(*fs), 0
	r.n.check(place, 1, true, &leaves, fs)
	switch {
	case len(*fs) > before:
	case leaves > maxLeaves:
		fs.add(place, "%d conditions, at most %d are allowed", leaves, maxLeaves)
	case r.n.alternatives() > maxAlternatives:
		fs.add(place, "there are more than %d ways through its alternatives: write it with fewer ors", maxAlternatives)
	case r.n.free():
		fs.add(place, "%s can be met though nobody approves: add at_least, all, percent or weighted", r)
	}
}

func (n *node) check(place string, depth int, top bool, leaves *int, fs *faults) {
	if n == nil {
		fs.add(place, "is missing, want one of %q", ops)
		return
	}
	if depth > maxDepth {
		fs.add(place, "nested deeper than %d", maxDepth)
		return
	}
	if n.op.leaf() {
		*leaves++
		n.checkLeaf(place+"."+string(n.op), fs)
		return
	}
	if len(n.steps) == 0 {
		fs.add(place+"."+string(n.op), "is empty, want at least one rule")
	}
	for i, s := range n.steps {
		at := fmt.Sprintf("%s.%s[%d]", place, n.op, i)
		if n.op == opStage {
			n.checkStep(at, i, top, fs)
			at += ".rule"
		}
		s.Rule.n.check(at, depth+1, false, leaves, fs)
	}
}

func (n *node) checkStep(at string, i int, top bool, fs *faults) {
	s := n.steps[i]
	if len(s.Name) > maxName || strings.ContainsAny(s.Name, "(),:") {
		fs.add(at+".name", "%q: want at most %d bytes without brackets, commas and colons", s.Name, maxName)
	}
	if s.Name != "" && slices.ContainsFunc(n.steps[:i], func(o Step) bool { return o.Name == s.Name }) {
		fs.add(at+".name", "%q is used twice", s.Name)
	}
	if !top && (s.Within != 0 || s.Ladder != nil) {
		fs.add(at, "limits and ladders belong to the steps of a stage that is the whole rule")
	}
	if s.Within < 0 {
		fs.add(at+".within", "%v: want more than 0", s.Within)
	}
	checkLadder(at, s.Ladder, fs)
}

func (n *node) checkLeaf(place string, fs *faults) {
	for i, role := range n.of {
		if role == "" || len(role) > maxName || strings.ContainsAny(string(role), "(),:= ") {
			fs.add(place, "role %q: want a name of at most %d bytes without blanks and brackets", role, maxName)
		}
		if slices.Contains(n.of[:i], role) {
			fs.add(place, "role %s is named twice", role)
		}
	}
	most := maxNeed
	switch n.op {
	case opVoting, opPercent:
		n.checkShare(place, fs)
		return
	case opQuorum:
		if n.share != "" {
			n.checkShare(place, fs)
			return
		}
	case opWeighted:
		most = 10 * maxNeed
		if len(n.weights) == 0 {
			fs.add(place+".weights", "is empty, want points for at least one role")
		}
		for _, w := range n.weights {
			if w.Points < 1 || w.Points > maxNeed {
				fs.add(place+".weights."+string(w.Role), "%d points, want 1 to %d", w.Points, maxNeed)
			}
		}
	case opAll, opVeto:
		return
	}
	if n.n < 1 || n.n > most {
		fs.add(place, "wants %d, can be 1 to %d", n.n, most)
	}
}

func (n *node) checkShare(place string, fs *faults) {
	if _, err := n.share.parse(); err != nil {
		fs.add(place, "%v", err)
	}
}

// alternatives bounds the number of ways to meet the rule, up to a little above the limit.
func (n *node) alternatives() int {
	if n.op.leaf() {
		return 1
	}
	product, sum := 1, 0
	for _, s := range n.steps {
		a := s.Rule.n.alternatives()
		sum += a
		product = min(product*a, math.MaxInt32)
	}
	if n.op == opOr {
		product = sum
	}
	return min(product, maxAlternatives+1)
}

// free reports whether the rule can be met without any approval.
func (n *node) free() bool {
	if n.op.leaf() {
		return n.op == opVeto || n.op == opQuorum
	}
	for _, s := range n.steps {
		if s.Rule.n.free() == (n.op == opOr) {
			return n.op == opOr
		}
	}
	return n.op != opOr
}
