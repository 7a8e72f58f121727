package lifecycle

import (
	"encoding/json"
	"slices"

	"github.com/looplab/fsm"
)

// A Machine is a checked table of states and events. It is immutable and safe for concurrent use.
// Machines come from [New], [Must], [Parse] and [ParseAs]; the zero value knows no state and no event.
type Machine[S, E ~string] struct {
	spec    Spec[S, E]
	rules   []Rule[S, E]
	version string

	states index[S]
	events index[E]
	next   []int16 // [state × event] → state, -1 where the table has no row
	steps  []bool  // [state × state] → whether some event leads there
	phases []Phase
	start  []bool
	end    []bool

	engine *engine
}

// New checks the table and the rules and compiles them. The error is a [*SpecError] with every fault; rules are
// checked on a table that has no fault of its own.
func New[S, E ~string](spec Spec[S, E], rules ...Rule[S, E]) (*Machine[S, E], error) {
	spec = spec.Clone()
	if faults := verify(&spec); len(faults) > 0 {
		return nil, &SpecError{Name: spec.Name, Faults: faults}
	}
	m := compile(spec)
	m.rules = slices.Clone(rules)
	var faults []Fault
	for _, r := range m.rules {
		faults = append(faults, r.faults(m)...)
	}
	if len(faults) > 0 {
		return nil, &SpecError{Name: spec.Name, Faults: faults}
	}
	return m, nil
}

// Must is [New] for tables in the code: it panics with the error.
func Must[S, E ~string](spec Spec[S, E], rules ...Rule[S, E]) *Machine[S, E] {
	m, err := New(spec, rules...)
	if err != nil {
		panic(err)
	}
	return m
}

// compile takes a table without faults and keeps it.
func compile[S, E ~string](spec Spec[S, E]) *Machine[S, E] {
	m := &Machine[S, E]{spec: spec, version: spec.Version}
	if m.version == "" {
		m.version = spec.digest()
	}
	var states []S
	for _, row := range spec.States {
		states = append(states, row.Name)
		m.phases = append(m.phases, spec.phase(row))
		m.start = append(m.start, slices.Contains(spec.Start, row.Name))
		m.end = append(m.end, row.End)
	}
	m.states, m.events = newIndex(states), newIndex(eventsOf(&spec))

	m.next = slices.Repeat([]int16{-1}, len(states)*len(m.events.names))
	m.steps = make([]bool, len(states)*len(states))
	rows := make([]fsm.EventDesc, 0, len(spec.Transitions))
	for _, row := range spec.Transitions {
		to := m.states.find(row.To)
		for _, s := range row.From {
			from := m.states.find(s)
			m.next[m.cell(from, m.events.find(row.Event))] = int16(to)
			m.steps[from*len(states)+to] = true
		}
		rows = append(rows, fsm.EventDesc{Name: string(row.Event), Src: texts(row.From), Dst: string(row.To)})
	}
	m.engine = newEngine(rows)
	return m
}

// eventsOf lists the events in the order in which the table first names them.
func eventsOf[S, E ~string](spec *Spec[S, E]) []E {
	var events []E
	seen := make(map[E]bool)
	for _, row := range spec.Transitions {
		if !seen[row.Event] {
			seen[row.Event] = true
			events = append(events, row.Event)
		}
	}
	return events
}

func (m *Machine[S, E]) cell(state, event int) int { return state*len(m.events.names) + event }

// Name returns the name of the table, which may be "".
func (m *Machine[S, E]) Name() string { return m.spec.Name }

// Version returns the version that the table gives itself, or else a digest of what it does.
func (m *Machine[S, E]) Version() string { return m.version }

// Spec returns the table as it was given. The copy belongs to the caller; who changes it to a variant changes its
// Version too, or clears it.
func (m *Machine[S, E]) Spec() Spec[S, E] { return m.spec.Clone() }

// Rules returns what no variant of the table may tailor away. The slice belongs to the caller.
func (m *Machine[S, E]) Rules() []Rule[S, E] { return slices.Clone(m.rules) }

// MarshalJSON writes the table in the form that [Parse] reads. Rules are code and are not written.
func (m *Machine[S, E]) MarshalJSON() ([]byte, error) {
	spec := m.spec
	if spec.Transitions == nil {
		spec.Transitions = []Transition[S, E]{} // a list, if an empty one
	}
	return json.Marshal(spec)
}

// Next returns the state to which the event leads, and whether the table has such a row. Guards are not asked.
func (m *Machine[S, E]) Next(s S, e E) (S, bool) {
	i, j := m.states.find(s), m.events.find(e)
	if i < 0 || j < 0 {
		return "", false
	}
	to := m.next[m.cell(i, j)]
	if to < 0 {
		return "", false
	}
	return m.states.names[to], true
}

// Can reports whether the table has a row for the event in the state. Guards are not asked.
func (m *Machine[S, E]) Can(s S, e E) bool {
	i, j := m.states.find(s), m.events.find(e)
	return i >= 0 && j >= 0 && m.next[m.cell(i, j)] >= 0
}

// Allowed returns the events that have a row in the state, sorted; none for an unknown state.
// The slice belongs to the caller.
func (m *Machine[S, E]) Allowed(s S) []E { return m.AppendAllowed(nil, s) }

// AppendAllowed appends what [Machine.Allowed] returns to dst.
func (m *Machine[S, E]) AppendAllowed(dst []E, s S) []E {
	i := m.states.find(s)
	if i < 0 {
		return dst
	}
	first := len(dst)
	for j, e := range m.events.names {
		if m.next[m.cell(i, j)] >= 0 {
			dst = append(dst, e)
		}
	}
	slices.Sort(dst[first:])
	return dst
}

// Fire returns the state to which the event leads from s. The guard, which may be nil, is asked once, after it is clear
// that the table has the row; its error is returned as it is. With any error the state is s.
//
// Errors: [*UnknownError] for a state or event that the machine does not have, [*NotPossibleError] when the table has no
// row, and those of the guard. A panic of the guard goes to the caller; the machine is usable afterwards.
func (m *Machine[S, E]) Fire(s S, e E, guard func() error) (S, error) {
	i, j := m.states.find(s), m.events.find(e)
	switch {
	case i < 0:
		return s, &UnknownError{Machine: m.spec.Name, What: "state", Name: string(s), Known: texts(m.states.names)}
	case j < 0:
		return s, &UnknownError{Machine: m.spec.Name, What: "event", Name: string(e), Known: texts(m.events.names)}
	case m.next[m.cell(i, j)] < 0:
		return s, &NotPossibleError{State: string(s), Event: string(e), Allowed: texts(m.Allowed(s))}
	}
	to, err := m.engine.fire(string(s), string(e), guard)
	return S(to), err
}

// States returns the states in the order of the table. The slice belongs to the caller.
func (m *Machine[S, E]) States() []S { return slices.Clone(m.states.names) }

// Start returns the states in which a record may be created, in the order given. The slice belongs to the caller.
func (m *Machine[S, E]) Start() []S { return slices.Clone(m.spec.Start) }

// Events returns the events in the order in which the table first names them. The slice belongs to the caller.
func (m *Machine[S, E]) Events() []E { return slices.Clone(m.events.names) }

// Has reports whether the machine has the state.
func (m *Machine[S, E]) Has(s S) bool { return m.states.find(s) >= 0 }

// HasEvent reports whether the machine has the event.
func (m *Machine[S, E]) HasEvent(e E) bool { return m.events.find(e) >= 0 }

// Phase returns the phase of the state, "" for an unknown state.
func (m *Machine[S, E]) Phase(s S) Phase {
	if i := m.states.find(s); i >= 0 {
		return m.phases[i]
	}
	return ""
}

// InPhase returns the states of a phase in the order of the table. The slice belongs to the caller.
func (m *Machine[S, E]) InPhase(p Phase) []S {
	var out []S
	for i, s := range m.states.names {
		if m.phases[i] == p {
			out = append(out, s)
		}
	}
	return out
}

// IsStart reports whether a record may be created in the state.
func (m *Machine[S, E]) IsStart(s S) bool {
	i := m.states.find(s)
	return i >= 0 && m.start[i]
}

// IsEnd reports whether a record may rest in the state for good.
func (m *Machine[S, E]) IsEnd(s S) bool {
	i := m.states.find(s)
	return i >= 0 && m.end[i]
}

// All yields every row, one state at a time, in the order of the states and, within a state, of [Machine.Events]:
//
//	for step := range machine.All { … }
func (m *Machine[S, E]) All(yield func(Step[S, E]) bool) {
	for i, from := range m.states.names {
		for j, event := range m.events.names {
			to := m.next[m.cell(i, j)]
			if to >= 0 && !yield(Step[S, E]{from, event, m.states.names[to]}) {
				return
			}
		}
	}
}

// StateText returns the names of the state for people.
func (m *Machine[S, E]) StateText(s S) Text {
	if i := m.states.find(s); i >= 0 {
		return Text{m.spec.States[i].En, m.spec.States[i].Zh}
	}
	return Text{}
}

// EventText returns the names of the event for people, from the first row of the event that gives one.
func (m *Machine[S, E]) EventText(e E) Text {
	var t Text
	for _, row := range m.spec.Transitions {
		if row.Event != e {
			continue
		}
		if t.En == "" {
			t.En = row.En
		}
		if t.Zh == "" {
			t.Zh = row.Zh
		}
	}
	return t
}
