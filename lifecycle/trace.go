package lifecycle

import "slices"

// A Verdict tells what a machine thinks of the states that a record had in a foreign system.
type Verdict[S ~string] struct {
	Accepted   bool           // no deviation and no unmapped name
	Deviations []Deviation[S] // steps that the table does not have, in the order of the trace
	Unmapped   []string       // names without a state, each once, in the order of the trace
	Unfinished bool           // the last state is no end; this is no deviation
	Last       S              // the last state, "" when the trace names none
}

// A Deviation is a step of a trace that the table does not have.
type Deviation[S ~string] struct {
	At   int    // index in the trace of the name stepped to
	From S      // "" when the trace starts in a state that is no start
	To   S      // from here the trace is followed on
	Old  string // the foreign name of From, "" where that is ""
	New  string // the foreign name of To
}

// Accepts follows the states that a record had in a foreign system, in their order. Each name stands for the state that
// [Spec.Map] gives it, or else for the state of that name. Staying in a state is no step; a step is in order when some event
// leads from state to state. After a deviation the trace is followed from the state that it shows; after a name without
// a state the next step is not judged.
func (m *Machine[S, E]) Accepts(trace []string) Verdict[S] {
	v := Verdict[S]{Unfinished: true}
	const before, lost = -1, -2 // the start of the trace; after an unmapped name, from where every step is in order
	at, old := before, ""
	for i, name := range trace {
		to, ok := m.foreign(name)
		if !ok {
			if !slices.Contains(v.Unmapped, name) {
				v.Unmapped = append(v.Unmapped, name)
			}
			at = lost
			continue
		}
		switch {
		case at == to:
		case at == before && !m.start[to]:
			v.Deviations = append(v.Deviations, Deviation[S]{At: i, To: m.states.names[to], New: name})
		case at >= 0 && !m.steps[at*len(m.start)+to]:
			v.Deviations = append(v.Deviations, Deviation[S]{i, m.states.names[at], m.states.names[to], old, name})
		}
		at, old = to, name
		v.Last, v.Unfinished = m.states.names[to], !m.end[to]
	}
	v.Accepted = len(v.Deviations) == 0 && len(v.Unmapped) == 0
	return v
}

// foreign returns the state that a foreign name stands for.
func (m *Machine[S, E]) foreign(name string) (int, bool) {
	s, ok := m.spec.Map[name]
	if !ok {
		s = S(name)
	}
	i := m.states.find(s)
	return i, i >= 0
}
