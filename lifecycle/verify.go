package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A verifier collects the faults of a table.
type verifier[S, E ~string] struct {
	spec   *Spec[S, E]
	faults []Fault
	row    map[S]int // state → its first row in States
	phases []Phase
}

// verify finds every fault of the table but those against rules.
func verify[S, E ~string](spec *Spec[S, E]) []Fault {
	v := &verifier[S, E]{spec: spec, row: make(map[S]int, len(spec.States))}
	if v.tooLarge() {
		return v.faults
	}
	v.checkPhases()
	v.checkStates()
	v.checkStart()
	v.checkTransitions()
	v.checkMap()
	v.checkReach()
	return v.faults
}

func (v *verifier[S, E]) add(kind FaultKind, where, fix, format string, args ...any) {
	v.faults = append(v.faults, Fault{Kind: kind, Where: where, Fix: fix, What: fmt.Sprintf(format, args...)})
}

// tooLarge checks the limits before anything that takes its time.
func (v *verifier[S, E]) tooLarge() bool {
	if n := len(v.spec.States); n > MaxStates {
		v.add(FaultTooLarge, "states", "", "%d states; at most %d are possible", n, MaxStates)
	}
	if n := len(eventsOf(v.spec)); n > MaxEvents {
		v.add(FaultTooLarge, "transitions", "", "%d events; at most %d are possible", n, MaxEvents)
	}
	return len(v.faults) > 0
}

// name checks a name that the table declares.
func (v *verifier[S, E]) name(where, what, name string) {
	switch {
	case name == "":
		v.add(FaultEmptyName, where, "give it one", "the %s has no name", what)
	case !lowerSnake(name):
		v.add(FaultBadName, where, "write a small letter first, then small letters and digits in words joined by single underscores",
			"%q is no name for %s %s", name, article(what), what)
	}
}

func (v *verifier[S, E]) checkPhases() {
	v.phases = Phases()
	for i, p := range v.spec.Phases {
		where := fmt.Sprintf("phases[%d]", i)
		v.name(where, "phase", string(p))
		switch {
		case p.Valid():
			v.add(FaultDuplicateState, where, "remove it", "phase %q is there without being declared", p)
		case slices.Contains(v.phases, p):
			v.add(FaultDuplicateState, where, "remove it", "phase %q is declared twice", p)
		}
		v.phases = append(v.phases, p)
	}
}

func (v *verifier[S, E]) checkStates() {
	ends := 0
	for i, row := range v.spec.States {
		where := fmt.Sprintf("states[%d]", i)
		v.name(where+".name", "state", string(row.Name))
		if first, twice := v.row[row.Name]; !twice {
			v.row[row.Name] = i
		} else if row.Name != "" {
			v.add(FaultDuplicateState, where, "remove one of them", "state %q is declared already in states[%d]", row.Name, first)
		}
		if row.End {
			ends++
		}
		switch {
		case row.Phase == "":
		case !slices.Contains(v.phases, row.Phase):
			v.add(FaultBadPhase, where+".phase", hint(string(row.Phase), texts(v.phases))+`; a phase of your own is declared under "phases"`,
				"state %q has the unknown phase %q", row.Name, row.Phase)
		case row.End && (row.Phase == PhaseOpen || row.Phase == PhaseActive || row.Phase == PhaseWaiting):
			v.add(FaultBadPhase, where+".phase", "make the phase closed, or let the state be no end",
				"end state %q has the phase %q, in which work goes on", row.Name, row.Phase)
		}
	}
	if ends == 0 {
		v.add(FaultNoEnd, "states", `mark the states in which a record may rest for good with "end"`, "no state is an end")
	}
}

func (v *verifier[S, E]) known(where string, s S) bool {
	_, ok := v.row[s]
	switch {
	case s == "":
		v.add(FaultEmptyName, where, "name a state", "the state has no name")
		return false
	case !ok:
		v.add(FaultUnknownState, where, hint(string(s), v.stateNames()), "unknown state %q", s)
	}
	return ok
}

func (v *verifier[S, E]) stateNames() []string {
	var names []string
	for _, row := range v.spec.States {
		names = append(names, string(row.Name))
	}
	return names
}

func (v *verifier[S, E]) checkStart() {
	if len(v.spec.Start) == 0 {
		v.add(FaultNoStart, "start", "list the states in which a record may be created", "no state is a start")
	}
	for i, s := range v.spec.Start {
		where := fmt.Sprintf("start[%d]", i)
		if v.known(where, s) && slices.Contains(v.spec.Start[:i], s) {
			v.add(FaultDuplicateState, where, "remove it", "start %q is there twice", s)
		}
	}
}

func (v *verifier[S, E]) checkTransitions() {
	type cell struct {
		from  S
		event E
	}
	type way struct {
		to    S
		where string
	}
	ways := make(map[cell]way)
	named := make(map[E]Text)
	for i, row := range v.spec.Transitions {
		where := fmt.Sprintf("transitions[%d]", i)
		v.name(where+".event", "event", string(row.Event))
		v.checkText(where, row, named)
		if len(row.From) == 0 {
			v.add(FaultNoFrom, where+".from", "list the states in which the event is possible", "event %q leads from no state", row.Event)
		}
		v.known(where+".to", row.To)
		for j, from := range row.From {
			at := fmt.Sprintf("%s.from[%d]", where, j)
			if !v.known(at, from) {
				continue
			}
			if v.spec.States[v.row[from]].End {
				v.add(FaultLeavesEnd, at, "take the row away, or let the state be no end", "event %q leads out of end state %q", row.Event, from)
			}
			old, there := ways[cell{from, row.Event}]
			switch {
			case !there:
				ways[cell{from, row.Event}] = way{row.To, at}
			case old.to == row.To:
				v.add(FaultDuplicateRow, at, "remove one of them", "%s is there already in %s", Step[S, E]{from, row.Event, row.To}, old.where)
			default:
				v.add(FaultTwoWays, at, "keep one, or give one another event",
					"event %q leads from state %q to %q here and to %q in %s", row.Event, from, row.To, old.to, old.where)
			}
		}
	}
}

// checkText sees that an event has one name for people in a language, however many rows it has.
func (v *verifier[S, E]) checkText(where string, row Transition[S, E], named map[E]Text) {
	t := named[row.Event]
	for _, l := range []struct {
		lang, text string
		first      *string
	}{{"en", row.En, &t.En}, {"zh", row.Zh, &t.Zh}} {
		switch {
		case *l.first == "":
			*l.first = l.text
		case l.text != "" && l.text != *l.first:
			v.add(FaultBadText, where+"."+l.lang, "say the same, or leave it out here", "event %q is called %q here and %q before", row.Event, l.text, *l.first)
		}
	}
	named[row.Event] = t
}

func (v *verifier[S, E]) checkMap() {
	for _, name := range slices.Sorted(maps.Keys(v.spec.Map)) {
		where := fmt.Sprintf("map[%q]", name)
		if name == "" {
			v.add(FaultEmptyName, where, "take it away", "the foreign state has no name")
		}
		v.known(where, v.spec.Map[name])
	}
}

// checkReach finds the states that no record gets into and those that no record gets out of. Rows with unknown states
// count for nothing; without any start or end there is no sense in asking.
func (v *verifier[S, E]) checkReach() {
	forward, backward := make(map[S][]S), make(map[S][]S)
	for _, row := range v.spec.Transitions {
		for _, from := range row.From {
			forward[from] = append(forward[from], row.To)
			backward[row.To] = append(backward[row.To], from)
		}
	}
	var starts, ends []S
	for _, s := range v.spec.Start {
		if _, ok := v.row[s]; ok {
			starts = append(starts, s)
		}
	}
	for _, row := range v.spec.States {
		if row.End {
			ends = append(ends, row.Name)
		}
	}
	reached, ending := v.closure(starts, forward), v.closure(ends, backward)
	for i, row := range v.spec.States {
		if v.row[row.Name] != i || row.Name == "" {
			continue
		}
		where := fmt.Sprintf("states[%d]", i)
		if len(starts) > 0 && !reached[row.Name] {
			v.add(FaultUnreachable, where, "add a row that leads to it, make it a start, or take it away",
				"no way leads from a start (%s) to state %q", strings.Join(texts(starts), ", "), row.Name)
		}
		if len(ends) > 0 && !ending[row.Name] {
			v.add(FaultDeadEnd, where, "add a row that leads on, or mark it as an end",
				"no way leads from state %q to an end (%s)", row.Name, strings.Join(texts(ends), ", "))
		}
	}
}

// closure returns what can be reached from the origins over declared states.
func (v *verifier[S, E]) closure(origins []S, edges map[S][]S) map[S]bool {
	seen := make(map[S]bool)
	for stack := slices.Clone(origins); len(stack) > 0; {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if _, ok := v.row[s]; !ok || seen[s] {
			continue
		}
		seen[s] = true
		stack = append(stack, edges[s]...)
	}
	return seen
}

// lowerSnake reports whether name is like in_progress or tier2.
func lowerSnake(name string) bool {
	last := byte('_')
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z':
		case '0' <= c && c <= '9' && i > 0:
		case c == '_' && last != '_':
		default:
			return false
		}
		last = c
	}
	return last != '_'
}

func article(noun string) string {
	if strings.IndexByte("aeiou", noun[0]) >= 0 {
		return "an"
	}
	return "a"
}
