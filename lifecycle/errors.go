package lifecycle

import (
	"fmt"
	"strings"
)

// A NotPossibleError says that the table has no row for the event in the state: not now, perhaps later.
type NotPossibleError struct {
	State   string
	Event   string
	Allowed []string // the events that are possible in the state, sorted; empty in an end state
}

// Error names the event, the state and what is possible instead.
func (e *NotPossibleError) Error() string {
	if len(e.Allowed) == 0 {
		return fmt.Sprintf("%s is not possible in state %s (nothing is: it is an end state)", e.Event, e.State)
	}
	return fmt.Sprintf("%s is not possible in state %s (possible now: %s)", e.Event, e.State, strings.Join(e.Allowed, ", "))
}

// An UnknownError says that the machine has no such state or event at all: never.
type UnknownError struct {
	Machine string   // name of the machine, may be ""
	What    string   // "state" or "event"
	Name    string   // the name that is not known
	Known   []string // the names that are, in the order of the table
}

// Error names what is unknown and the nearest known name, or all of them.
func (e *UnknownError) Error() string {
	in := ""
	if e.Machine != "" {
		in = " in lifecycle " + e.Machine
	}
	return fmt.Sprintf("unknown %s %q%s (%s)", e.What, e.Name, in, hint(e.Name, e.Known))
}

// hint says which of the known names was meant.
func hint(name string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(name, k); d < least && 2*d < len(k) {
			best, least = k, d
		}
	}
	const few = 20
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return "there are none"
	case len(known) > few:
		return fmt.Sprintf("known: %s and %d more", strings.Join(known[:few], ", "), len(known)-few)
	}
	return "known: " + strings.Join(known, ", ")
}

// distance counts the bytes to insert, delete or replace to make b of a. Lengths that differ by more than hint
// cares for are not compared further.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
