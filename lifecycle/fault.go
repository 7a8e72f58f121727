package lifecycle

import (
	"fmt"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// A FaultKind names what is wrong with a table. Values may be matched and do not change.
type FaultKind string

// The kinds of faults.
const (
	FaultSyntax         FaultKind = "syntax"          // not JSON, or a value of the wrong type
	FaultKey            FaultKind = "key"             // a key that is unknown, missing or there twice
	FaultEmptyName      FaultKind = "empty_name"      // a state, event, phase or foreign name that is ""
	FaultBadName        FaultKind = "bad_name"        // a name that is not lower_snake
	FaultBadPhase       FaultKind = "bad_phase"       // a phase that is neither known nor declared, or does not fit an end
	FaultBadText        FaultKind = "bad_text"        // an event that has two names for people in one language
	FaultTooLarge       FaultKind = "too_large"       // more states or events than a machine can have
	FaultDuplicateState FaultKind = "duplicate_state" // a state, start or phase that is declared twice
	FaultDuplicateRow   FaultKind = "duplicate_row"   // a row that says what an earlier one says
	FaultTwoWays        FaultKind = "two_ways"        // an event that leads from one state to two
	FaultUnknownState   FaultKind = "unknown_state"   // a state that the table does not declare
	FaultNoStart        FaultKind = "no_start"        // no state in which a record may be created
	FaultNoEnd          FaultKind = "no_end"          // no state in which a record may rest
	FaultNoFrom         FaultKind = "no_from"         // a row that leads from no state
	FaultLeavesEnd      FaultKind = "leaves_end"      // a row out of an end state
	FaultUnreachable    FaultKind = "unreachable"     // a state to which no way leads from a start
	FaultDeadEnd        FaultKind = "dead_end"        // a state from which no way leads to an end
	FaultRule           FaultKind = "rule"            // a table that breaks a rule of its process
)

// A Fault is one thing that is wrong with a table.
type Fault struct {
	Kind   FaultKind
	Where  string // "transitions[3].from[0]", in the terms of the JSON form; "" for the whole table
	Line   int    // in JSON, from 1; 0 for tables that were not read from JSON
	Column int    // in bytes, from 1; 0 for tables that were not read from JSON
	What   string // what is wrong
	Fix    string // what would be right
	Law    Law    // the law of the rule that is broken; zero for other kinds
	// Path is a way through the table that breaks the rule. It is empty when the rule is broken without a step.
	Path []Step[string, string]
}

// String returns place, fault and remedy in one line.
func (f Fault) String() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", f.Line, f.Column)
	}
	if f.Where != "" {
		b.WriteString(f.Where + ": ")
	}
	b.WriteString(f.What)
	if f.Fix != "" {
		b.WriteString("; " + f.Fix)
	}
	return b.String()
}

// A SpecError lists every fault that was found in a table, in the order of the table. It matches [itsm.ErrInvalid].
type SpecError struct {
	Name   string // of the table, may be ""
	Faults []Fault
}

// Unwrap returns [itsm.ErrInvalid].
func (e *SpecError) Unwrap() error { return itsm.ErrInvalid }

// Error lists the faults, one in a line, at most a hundred.
func (e *SpecError) Error() string {
	var b strings.Builder
	b.WriteString("lifecycle")
	if e.Name != "" {
		b.WriteString(" " + e.Name)
	}
	if len(e.Faults) == 1 {
		return b.String() + ": " + e.Faults[0].String()
	}
	fmt.Fprintf(&b, ": %d faults:", len(e.Faults))
	const most = 100
	for _, f := range e.Faults[:min(len(e.Faults), most)] {
		b.WriteString("\n\t" + f.String())
	}
	if rest := len(e.Faults) - most; rest > 0 {
		fmt.Fprintf(&b, "\n\tand %d more", rest)
	}
	return b.String()
}

// Has reports whether one of the faults is of the kind.
func (e *SpecError) Has(kind FaultKind) bool {
	for _, f := range e.Faults {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

// Breaks reports whether one of the faults is that the table breaks the rule of this name.
func (e *SpecError) Breaks(rule string) bool {
	for _, f := range e.Faults {
		if f.Kind == FaultRule && f.Law.Name == rule {
			return true
		}
	}
	return false
}

// pathText joins steps: "new -start-> working -finish-> done".
func pathText[S, E ~string](path []Step[S, E]) string {
	var b strings.Builder
	for i, s := range path {
		if i == 0 {
			b.WriteString(string(s.From))
		}
		fmt.Fprintf(&b, " -%s-> %s", s.Event, s.To)
	}
	return b.String()
}
