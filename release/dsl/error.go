package dsl

import (
	"fmt"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// MaxBytes bounds a text, and MaxFaults how many faults are reported.
const (
	MaxBytes  = 1 << 20
	MaxFaults = 100
)

// An Error is everything that is wrong with a text.
type Error struct {
	File   string
	Faults []Fault // in the order of the text, at most [MaxFaults]
	More   int     // faults that are not listed
}

// A Fault is one thing that is wrong, with its place. Lines and columns begin at 1; columns count characters.
type Fault struct {
	Line, Col int
	What      string
}

// Error lists the faults, each on a line of the form file:line:column: reason.
func (e *Error) Error() string {
	var b strings.Builder
	for i, f := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s", e.File, f.Line, f.Col, f.What)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", e.File, e.More)
	}
	return b.String()
}

// Unwrap makes the error match [itsm.ErrInvalid].
func (e *Error) Unwrap() error { return itsm.ErrInvalid }
