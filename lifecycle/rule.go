package lifecycle

import (
	"fmt"
	"slices"
	"strings"
)

// A Law is how people know a rule: a stable lower_snake name and what it demands, in a sentence of each language.
type Law struct {
	Name string
	En   string
	Zh   string
}

// A Rule is what a process demands of every variant of its machine. Rules are checked when a machine is built; they
// speak of what the table allows, so that no order of events can get around them. A rule about a state or an event that a variant
// does not have holds; [MustHaveStates] and [MustHaveEvents] demand that it has them. Rules are immutable.
type Rule[S, E ~string] struct {
	law   Law
	check func(m *Machine[S, E]) []breach[S, E]
	// carries reports whether a record that leaves a machine in state from keeps to the rule when it goes on in machine m
	// in state to; nil means that moving a record cannot break the rule.
	carries func(old, m *Machine[S, E], from, to S) bool
}

// A breach is one way in which a machine breaks a rule.
type breach[S, E ~string] struct {
	what string
	path []Step[S, E]
}

// Law returns how people know the rule.
func (r Rule[S, E]) Law() Law { return r.law }

func (r Rule[S, E]) faults(m *Machine[S, E]) []Fault {
	if r.check == nil || r.law.Name == "" {
		return []Fault{{Kind: FaultRule, Law: r.law, What: "a rule has no name or demands nothing", Fix: "make rules with MustPass and its like, and give each law a name"}}
	}
	var faults []Fault
	for _, b := range r.check(m) {
		f := Fault{Kind: FaultRule, Law: r.law, What: fmt.Sprintf("breaks the rule %s (%s): %s", r.law.Name, r.law.En, b.what)}
		for _, s := range b.path {
			f.Path = append(f.Path, Step[string, string]{string(s.From), string(s.Event), string(s.To)})
		}
		faults = append(faults, f)
	}
	return faults
}

// MustPass demands that every way from a start to the state before leads through the state through.
func MustPass[S, E ~string](law Law, before, through S) Rule[S, E] {
	return Rule[S, E]{
		law: law,
		check: func(m *Machine[S, E]) []breach[S, E] {
			path, ok := m.search(m.spec.Start, before, []S{through}, true)
			switch {
			case !ok:
				return nil
			case len(path) == 0:
				return []breach[S, E]{{what: fmt.Sprintf("a record may be created in %s", before)}}
			}
			return []breach[S, E]{{fmt.Sprintf("%s does not pass %s", pathText(path), through), path}}
		},
		carries: func(old, m *Machine[S, E], from, to S) bool {
			_, unseen := old.search(old.spec.Start, from, []S{through}, true)
			return !unseen || !m.gets(to, before, through)
		},
	}
}

// MustPassBetween demands that every way from the state after to the state before leads through the state through:
// what was passed before counts no more. With after equal to before it is about a way back to the same state.
func MustPassBetween[S, E ~string](law Law, after, before, through S) Rule[S, E] {
	return Rule[S, E]{
		law: law,
		check: func(m *Machine[S, E]) []breach[S, E] {
			path, ok := m.search([]S{after}, before, []S{through}, false)
			if !ok {
				return nil
			}
			return []breach[S, E]{{fmt.Sprintf("%s does not pass %s", pathText(path), through), path}}
		},
		carries: func(old, m *Machine[S, E], from, to S) bool {
			unseen := from == after
			if !unseen {
				_, unseen = old.search([]S{after}, from, []S{through}, false)
			}
			return !unseen || !m.gets(to, before, through)
		},
	}
}

// MustNotLeave demands that no row leads from one of the states to another state.
func MustNotLeave[S, E ~string](law Law, states ...S) Rule[S, E] {
	states = slices.Clone(states)
	return Rule[S, E]{
		law: law,
		check: func(m *Machine[S, E]) []breach[S, E] {
			return m.rows(func(s Step[S, E]) bool { return slices.Contains(states, s.From) && s.To != s.From }, "%s leads out of it")
		},
		carries: func(_, m *Machine[S, E], from, to S) bool {
			return from == to || !slices.Contains(states, from) || !m.Has(from)
		},
	}
}

// MustFollow demands that the event is possible in no other states than these.
func MustFollow[S, E ~string](law Law, event E, from ...S) Rule[S, E] {
	from = slices.Clone(from)
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		return m.rows(func(s Step[S, E]) bool { return s.Event == event && !slices.Contains(from, s.From) },
			"%s starts from none of "+strings.Join(texts(from), ", "))
	}}
}

// OnlyInto demands that a record gets into the state by no other events than these, nor by being created in it.
// Rows from the state to itself do not count.
func OnlyInto[S, E ~string](law Law, state S, events ...E) Rule[S, E] {
	events = slices.Clone(events)
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		var found []breach[S, E]
		if m.IsStart(state) {
			found = append(found, breach[S, E]{what: fmt.Sprintf("a record may be created in %s", state)})
		}
		return append(found, m.rows(func(s Step[S, E]) bool {
			return s.To == state && s.From != state && !slices.Contains(events, s.Event)
		}, "%s enters by none of "+strings.Join(texts(events), ", "))...)
	}}
}

// OnlyStart demands that records are created in no other states than these.
func OnlyStart[S, E ~string](law Law, states ...S) Rule[S, E] {
	states = slices.Clone(states)
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		return m.named(m.spec.Start, func(s S) bool { return !slices.Contains(states, s) }, "a record may be created in %s")
	}}
}

// OnlyEnd demands that records rest for good in no other states than these.
func OnlyEnd[S, E ~string](law Law, states ...S) Rule[S, E] {
	states = slices.Clone(states)
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		return m.named(m.states.names, func(s S) bool { return m.IsEnd(s) && !slices.Contains(states, s) }, "a record may rest in %s")
	}}
}

// MustHaveStates demands that the machine has the states.
func MustHaveStates[S, E ~string](law Law, states ...S) Rule[S, E] {
	states = slices.Clone(states)
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		return m.named(states, func(s S) bool { return !m.Has(s) }, "state %s is missing")
	}}
}

// MustHaveEvents demands that the machine has rows for the events.
func MustHaveEvents[S, E ~string](law Law, events ...E) Rule[S, E] {
	events = slices.Clone(events)
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		var found []breach[S, E]
		for _, e := range events {
			if !m.HasEvent(e) {
				found = append(found, breach[S, E]{what: fmt.Sprintf("event %s is missing", e)})
			}
		}
		return found
	}}
}

// MustHold demands that check, which must depend on nothing but the machine, finds no error.
func MustHold[S, E ~string](law Law, check func(m *Machine[S, E]) error) Rule[S, E] {
	return Rule[S, E]{law: law, check: func(m *Machine[S, E]) []breach[S, E] {
		if err := check(m); err != nil {
			return []breach[S, E]{{what: err.Error()}}
		}
		return nil
	}}
}

// rows returns a breach for each row that matches, with a way from a start that ends in it.
func (m *Machine[S, E]) rows(match func(Step[S, E]) bool, format string) []breach[S, E] {
	var found []breach[S, E]
	for s := range m.All {
		if match(s) {
			path, _ := m.search(m.spec.Start, s.From, nil, true)
			found = append(found, breach[S, E]{fmt.Sprintf(format, s), append(path, s)})
		}
	}
	return found
}

// named returns a breach for each state that matches.
func (m *Machine[S, E]) named(states []S, match func(S) bool, format string) []breach[S, E] {
	var found []breach[S, E]
	for _, s := range states {
		if match(s) {
			found = append(found, breach[S, E]{what: fmt.Sprintf(format, s)})
		}
	}
	return found
}
