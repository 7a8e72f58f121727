package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The size of the largest table.
const (
	MaxStates = 1000
	MaxEvents = 1000
)

// A Spec is the table of a machine as plain data; its JSON is the form that [Parse] reads.
// Names are lower_snake: a letter, then letters and digits in words joined by single underscores.
type Spec[S, E ~string] struct {
	Name string `json:"name,omitempty"`
	// Version tells one table from another in the records that run under it. Defaults to a digest of what the table
	// does: states, phases, starts, ends and rows in any order, but not names for people and not Map.
	Version string `json:"version,omitempty"`
	// Start lists the states in which a record may be created.
	Start []S `json:"start"`
	// Phases declares phases beside [Phases] that the states of this table use.
	Phases      []Phase            `json:"phases,omitempty"`
	States      []StateRow[S]      `json:"states"`
	Transitions []Transition[S, E] `json:"transitions"`
	// Map gives the state for the name that a foreign system uses; see [Machine.Accepts].
	Map map[string]S `json:"map,omitempty"`
}

// A StateRow declares a state.
type StateRow[S ~string] struct {
	Name S `json:"name"`
	// Phase defaults to closed for an end, to open for a start, and to active for any other state.
	Phase Phase `json:"phase,omitempty"`
	// End marks a state in which a record may rest for good; no row leads out of it.
	End bool   `json:"end,omitempty"`
	En  string `json:"en,omitempty"` // name for people, English
	Zh  string `json:"zh,omitempty"` // name for people, Chinese
}

// A Transition is a row: the event leads from each of the states to one. A state may lead to itself.
type Transition[S, E ~string] struct {
	Event E      `json:"event"`
	From  []S    `json:"from"`
	To    S      `json:"to"`
	En    string `json:"en,omitempty"` // name of the event for people, English
	Zh    string `json:"zh,omitempty"` // name of the event for people, Chinese
}

// A Step is one way from a state to a state.
type Step[S, E ~string] struct {
	From  S `json:"from"`
	Event E `json:"event"`
	To    S `json:"to"`
}

// String returns the step as "from -event-> to".
func (s Step[S, E]) String() string { return fmt.Sprintf("%s -%s-> %s", s.From, s.Event, s.To) }

// A Text is a name for people in two languages, each "" when the table gives none.
type Text struct{ En, Zh string }

// Clone returns a copy that shares nothing with s.
func (s Spec[S, E]) Clone() Spec[S, E] {
	s.Start = slices.Clone(s.Start)
	s.Phases = slices.Clone(s.Phases)
	s.States = slices.Clone(s.States)
	s.Transitions = slices.Clone(s.Transitions)
	for i := range s.Transitions {
		s.Transitions[i].From = slices.Clone(s.Transitions[i].From)
	}
	s.Map = maps.Clone(s.Map)
	return s
}

// phase returns the phase of a row with its default.
func (s *Spec[S, E]) phase(row StateRow[S]) Phase {
	switch {
	case row.Phase != "":
		return row.Phase
	case row.End:
		return PhaseClosed
	case slices.Contains(s.Start, row.Name):
		return PhaseOpen
	}
	return PhaseActive
}

// digest names what the table does.
func (s *Spec[S, E]) digest() string {
	var lines []string
	for _, start := range s.Start {
		lines = append(lines, "start "+string(start))
	}
	for _, row := range s.States {
		lines = append(lines, fmt.Sprintf("state %s %s %t", row.Name, s.phase(row), row.End))
	}
	for _, row := range s.Transitions {
		for _, from := range row.From {
			lines = append(lines, fmt.Sprintf("row %s %s %s", from, row.Event, row.To))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return "sha256-" + hex.EncodeToString(sum[:8])
}
