package rule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// Why a predicate could not be evaluated, to be matched with [errors.Is].
var (
	// ErrFacts: the facts are not of the type of the schema, or a host field holds a value of another type than declared.
	ErrFacts = errors.New("wrong facts")
	// ErrArithmetic: a division by zero or a result outside the range of its type.
	ErrArithmetic = errors.New("arithmetic fault")
	// ErrCost: the facts are so large that the evaluation would cost more than [MaxCost].
	ErrCost = errors.New("cost limit exceeded")
)

// A Fault is one thing that is wrong in a source.
type Fault struct {
	Line    int    // from 1
	Column  int    // from 1, in characters
	Problem string // what is wrong
	Fix     string // what would be right; "" when the problem says it
}

// String gives the place, the problem and the fix in one line.
func (f Fault) String() string {
	s := fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.Problem)
	if f.Fix != "" {
		s += ": " + f.Fix
	}
	return s
}

// A SyntaxError says why a source is not a predicate over its facts: all faults that could be found, in the order of
// the source.
type SyntaxError struct {
	Source string  // as given, cut off at [MaxSource] bytes
	Faults []Fault // at least one
}

// Error lists the faults.
func (e *SyntaxError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return "rule: " + strings.Join(lines, "; ")
}

// Unwrap returns [itsm.ErrInvalid].
func (e *SyntaxError) Unwrap() error { return itsm.ErrInvalid }

// An EvalError says which term of a predicate could not be evaluated. It unwraps to [ErrFacts], [ErrArithmetic] or [ErrCost].
type EvalError struct {
	Term   string // the source of the term; "" when the fault lies in the facts as a whole
	Detail string
	Err    error
}

// Error names the class, the detail and the term.
func (e *EvalError) Error() string {
	s := fmt.Sprintf("rule: %v: %s", e.Err, e.Detail)
	if e.Term != "" {
		s += " in " + e.Term
	}
	return s
}

// Unwrap returns the class of the error.
func (e *EvalError) Unwrap() error { return e.Err }
