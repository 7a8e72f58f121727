package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// fault builds the table and returns its only fault.
func fault(t *testing.T, spec lifecycle.Spec[State, Event], rules ...lifecycle.Rule[State, Event]) lifecycle.Fault {
	t.Helper()
	faults := faultsOf(t, spec, rules...)
	require.Len(t, faults, 1, "%v", faults)
	return faults[0]
}

func faultsOf(t require.TestingT, spec lifecycle.Spec[State, Event], rules ...lifecycle.Rule[State, Event]) []lifecycle.Fault {
	_, err := lifecycle.New(spec, rules...)
	if err == nil {
		return nil
	}
	var wrong *lifecycle.SpecError
	require.ErrorAs(t, err, &wrong)
	require.NotEmpty(t, wrong.Faults)
	return wrong.Faults
}

func TestVerify(t *testing.T) {
	t.Parallel()
	type table = lifecycle.Spec[State, Event]
	type row = lifecycle.Transition[State, Event]
	type state = lifecycle.StateRow[State]
	for name, c := range map[string]struct {
		change func(s *table)
		want   string
		kind   lifecycle.FaultKind
	}{
		"unknown state in from": {func(s *table) { s.Transitions[10].From = append(s.Transitions[10].From, "workin") },
			`transitions[10].from[2]: unknown state "workin"; did you mean "working"?`, lifecycle.FaultUnknownState},
		"unknown state in to": {func(s *table) { s.Transitions[2].To = "limbo" },
			`transitions[2].to: unknown state "limbo"; known: recorded, triaged, working, on_hold, proposed, confirmed, closed, cancelled`, lifecycle.FaultUnknownState},
		"unknown start": {func(s *table) { s.Start = append(s.Start, "new") },
			`start[1]: unknown state "new"; known: recorded, triaged, working, on_hold, proposed, confirmed, closed, cancelled`, lifecycle.FaultUnknownState},
		"unknown state in map": {func(s *table) { s.Map["Old"] = "on_hol" },
			`map["Old"]: unknown state "on_hol"; did you mean "on_hold"?`, lifecycle.FaultUnknownState},
		"the same row twice": {func(s *table) {
			s.Transitions = append(s.Transitions, row{Event: Start, From: []State{Triaged}, To: Working})
		},
			`transitions[11].from[0]: triaged -start-> working is there already in transitions[1].from[0]; remove one of them`, lifecycle.FaultDuplicateRow},
		"the same state twice in a row": {func(s *table) { s.Transitions[1].From = []State{Triaged, Triaged} },
			`transitions[1].from[1]: triaged -start-> working is there already in transitions[1].from[0]; remove one of them`, lifecycle.FaultDuplicateRow},
		"two destinations": {func(s *table) {
			s.Transitions = append(s.Transitions, row{Event: Start, From: []State{Triaged}, To: OnHold})
		},
			`transitions[11].from[0]: event "start" leads from state "triaged" to "on_hold" here and to "working" in transitions[1].from[0]; keep one, or give one another event`, lifecycle.FaultTwoWays},
		"a state twice": {func(s *table) { s.States = append(s.States, state{Name: Working}) },
			`states[8]: state "working" is declared already in states[2]; remove one of them`, lifecycle.FaultDuplicateState},
		"a start twice": {func(s *table) { s.Start = append(s.Start, Recorded) },
			`start[1]: start "recorded" is there twice; remove it`, lifecycle.FaultDuplicateState},
		"unreachable": {func(s *table) {
			s.States = append(s.States, state{Name: "limbo"})
			s.Transitions[4].From = append(s.Transitions[4].From, "limbo")
		}, `states[8]: no way leads from a start (recorded) to state "limbo"; add a row that leads to it, make it a start, or take it away`, lifecycle.FaultUnreachable},
		"no end in reach": {func(s *table) {
			s.States = append(s.States, state{Name: "limbo"})
			s.Transitions = append(s.Transitions, row{Event: "lose", From: []State{Working}, To: "limbo"})
		}, `states[8]: no way leads from state "limbo" to an end (closed, cancelled); add a row that leads on, or mark it as an end`, lifecycle.FaultDeadEnd},
		"out of an end": {func(s *table) { s.Transitions[6].From = append(s.Transitions[6].From, Closed) },
			`transitions[6].from[1]: event "reject" leads out of end state "closed"; take the row away, or let the state be no end`, lifecycle.FaultLeavesEnd},
		"no start": {func(s *table) { s.Start = nil },
			`start: no state is a start; list the states in which a record may be created`, lifecycle.FaultNoStart},
		"no end": {func(s *table) { s.States[6].End, s.States[7].End = false, false },
			`states: no state is an end; mark the states in which a record may rest for good with "end"`, lifecycle.FaultNoEnd},
		"a row from nowhere": {func(s *table) { s.Transitions[2].From = nil },
			`transitions[2].from: event "note" leads from no state; list the states in which the event is possible`, lifecycle.FaultNoFrom},
		"an event without a name": {func(s *table) { s.Transitions[2].Event = "" },
			`transitions[2].event: the event has no name; give it one`, lifecycle.FaultEmptyName},
		"a state without a name": {func(s *table) { s.States = append(s.States, state{}) },
			`states[8].name: the state has no name; give it one`, lifecycle.FaultEmptyName},
		"a foreign state without a name": {func(s *table) { s.Map[""] = Working },
			`map[""]: the foreign state has no name; take it away`, lifecycle.FaultEmptyName},
		"a bad name": {func(s *table) { s.Transitions[2].Event = "Add-Note" },
			`transitions[2].event: "Add-Note" is no name for an event; write a small letter first, then small letters and digits in words joined by single underscores`, lifecycle.FaultBadName},
		"an unknown phase": {func(s *table) { s.States[2].Phase = "activ" },
			`states[2].phase: state "working" has the unknown phase "activ"; did you mean "active"?; a phase of your own is declared under "phases"`, lifecycle.FaultBadPhase},
		"an end in which work goes on": {func(s *table) { s.States[6].Phase = lifecycle.PhaseWaiting },
			`states[6].phase: end state "closed" has the phase "waiting", in which work goes on; make the phase closed, or let the state be no end`, lifecycle.FaultBadPhase},
		"a phase declared for nothing": {func(s *table) { s.Phases = []lifecycle.Phase{"open"} },
			`phases[0]: phase "open" is there without being declared; remove it`, lifecycle.FaultDuplicateState},
		"a phase declared twice": {func(s *table) { s.Phases = []lifecycle.Phase{"stored", "stored"} },
			`phases[1]: phase "stored" is declared twice; remove it`, lifecycle.FaultDuplicateState},
		"two names of an event": {func(s *table) { s.Transitions[6].En, s.Transitions[7].En = "reject", "turn down" },
			`transitions[7].en: event "reject" is called "turn down" here and "reject" before; say the same, or leave it out here`, lifecycle.FaultBadText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := ticket()
			c.change(&spec)
			f := fault(t, spec)
			assert.Equal(t, c.want, f.String())
			assert.Equal(t, c.kind, f.Kind)
		})
	}

	t.Run("a phase of the host's own", func(t *testing.T) {
		t.Parallel()
		spec := ticket()
		spec.Phases, spec.States[2].Phase = []lifecycle.Phase{"in_stock"}, "in_stock"
		assert.Equal(t, lifecycle.Phase("in_stock"), lifecycle.Must(spec).Phase(Working))
		assert.False(t, lifecycle.Phase("in_stock").Valid())
		assert.True(t, lifecycle.PhaseOpen.Valid())
	})

	t.Run("names", func(t *testing.T) {
		t.Parallel()
		for name, good := range map[string]bool{"a": true, "tier_2": true, "l1": true, "a_b_c": true,
			"1a": false, "_a": false, "a_": false, "a__b": false, "A": false, "a b": false, "状态": false, "a-b": false} {
			_, err := lifecycle.New(lifecycle.Spec[string, string]{Start: []string{name}, States: []lifecycle.StateRow[string]{{Name: name, End: true}}})
			assert.Equal(t, good, err == nil, name)
		}
	})

	t.Run("all faults come at once, in the order of the table", func(t *testing.T) {
		t.Parallel()
		spec := ticket()
		spec.States[2].Phase = "activ"
		spec.Transitions[2].Event = "Note"
		spec.Transitions[6].From = []State{Closed, "limbo"}
		_, err := lifecycle.New(spec)
		assert.EqualError(t, err, `lifecycle ticket: 4 faults:
	states[2].phase: state "working" has the unknown phase "activ"; did you mean "active"?; a phase of your own is declared under "phases"
	transitions[2].event: "Note" is no name for an event; write a small letter first, then small letters and digits in words joined by single underscores
	transitions[6].from[0]: event "reject" leads out of end state "closed"; take the row away, or let the state be no end
	transitions[6].from[1]: unknown state "limbo"; known: recorded, triaged, working, on_hold, proposed, confirmed, closed, cancelled`)
		var wrong *lifecycle.SpecError
		require.ErrorAs(t, err, &wrong)
		assert.True(t, wrong.Has(lifecycle.FaultLeavesEnd))
		assert.False(t, wrong.Has(lifecycle.FaultNoStart))
	})

	t.Run("a table too large", func(t *testing.T) {
		t.Parallel()
		spec := ticket()
		for i := range lifecycle.MaxStates {
			s := State(fmt.Sprint("s", i))
			spec.States = append(spec.States, state{Name: s, End: true})
			spec.Transitions = append(spec.Transitions, row{Event: Event(fmt.Sprint("e", i)), From: []State{Working}, To: s})
		}
		faults := faultsOf(t, spec)
		require.Len(t, faults, 2)
		assert.Equal(t, "states: 1008 states; at most 1000 are possible", faults[0].String())
		assert.Equal(t, "transitions: 1010 events; at most 1000 are possible", faults[1].String())
	})

	t.Run("a faulty table in the code panics when it is built", func(t *testing.T) {
		t.Parallel()
		assert.Panics(t, func() { lifecycle.Must(lifecycle.Spec[State, Event]{}) })
	})

	t.Run("an empty table names everything that it lacks", func(t *testing.T) {
		t.Parallel()
		faults := faultsOf(t, lifecycle.Spec[State, Event]{})
		require.Len(t, faults, 2)
		assert.Equal(t, lifecycle.FaultNoEnd, faults[0].Kind)
		assert.Equal(t, lifecycle.FaultNoStart, faults[1].Kind)
	})
}

// reference finds faults in the plainest way: every pair of rows is compared, and ways are found by closing a matrix.
func reference(spec lifecycle.Spec[State, Event]) []string {
	var found []string
	add := func(kind lifecycle.FaultKind, format string, args ...any) {
		found = append(found, string(kind)+" "+fmt.Sprintf(format, args...))
	}
	first := func(s State) int {
		return slices.IndexFunc(spec.States, func(r lifecycle.StateRow[State]) bool { return r.Name == s })
	}
	ends := 0
	for i, r := range spec.States {
		if first(r.Name) != i {
			add(lifecycle.FaultDuplicateState, "states[%d]", i)
		}
		if r.End {
			ends++
		}
	}
	if ends == 0 {
		add(lifecycle.FaultNoEnd, "states")
	}
	starts := 0
	if len(spec.Start) == 0 {
		add(lifecycle.FaultNoStart, "start")
	}
	for i, s := range spec.Start {
		switch {
		case first(s) < 0:
			add(lifecycle.FaultUnknownState, "start[%d]", i)
		case slices.Index(spec.Start, s) != i:
			add(lifecycle.FaultDuplicateState, "start[%d]", i)
		default:
			starts++
		}
	}
	type flat struct {
		where    string
		from, to State
		event    Event
	}
	var rows []flat
	for i, r := range spec.Transitions {
		if first(r.To) < 0 {
			add(lifecycle.FaultUnknownState, "transitions[%d].to", i)
		}
		for j, s := range r.From {
			at := fmt.Sprintf("transitions[%d].from[%d]", i, j)
			if first(s) < 0 {
				add(lifecycle.FaultUnknownState, "%s", at)
				continue
			}
			if spec.States[first(s)].End {
				add(lifecycle.FaultLeavesEnd, "%s", at)
			}
			for _, old := range rows { // the first row of the event decides what a later one is
				if old.from == s && old.event == r.Event {
					if old.to == r.To {
						add(lifecycle.FaultDuplicateRow, "%s", at)
					} else {
						add(lifecycle.FaultTwoWays, "%s", at)
					}
					break
				}
			}
			rows = append(rows, flat{at, s, r.To, r.Event})
		}
	}
	n := len(spec.States)
	way := make([][]bool, n)
	for i := range way {
		way[i] = make([]bool, n)
		way[i][i] = true
	}
	for _, r := range rows {
		if first(r.to) >= 0 {
			way[first(r.from)][first(r.to)] = true
		}
	}
	for k := range n {
		for i := range n {
			for j := range n {
				way[i][j] = way[i][j] || way[i][k] && way[k][j]
			}
		}
	}
	for i, r := range spec.States {
		if first(r.Name) != i {
			continue
		}
		reached, ending := false, false
		for j, other := range spec.States {
			reached = reached || slices.Contains(spec.Start, other.Name) && first(other.Name) == j && way[j][i]
			ending = ending || other.End && way[i][first(other.Name)]
		}
		if starts > 0 && !reached {
			add(lifecycle.FaultUnreachable, "states[%d]", i)
		}
		if ends > 0 && !ending {
			add(lifecycle.FaultDeadEnd, "states[%d]", i)
		}
	}
	slices.Sort(found)
	return found
}

// anySpec draws a table, faulty more often than not.
func anySpec(t *rapid.T) lifecycle.Spec[State, Event] {
	state := rapid.SampledFrom([]State{"a", "b", "c", "d", "e", "f", "g"})
	event := rapid.SampledFrom([]Event{"x", "y", "z"})
	var spec lifecycle.Spec[State, Event]
	spec.Start = rapid.SliceOfN(state, 0, 2).Draw(t, "start")
	for _, s := range rapid.SliceOfN(state, 1, 6).Draw(t, "states") {
		spec.States = append(spec.States, lifecycle.StateRow[State]{Name: s, End: rapid.IntRange(0, 3).Draw(t, "end") == 0})
	}
	for range rapid.IntRange(0, 10).Draw(t, "rows") {
		spec.Transitions = append(spec.Transitions, lifecycle.Transition[State, Event]{
			Event: event.Draw(t, "event"), From: rapid.SliceOfN(state, 1, 2).Draw(t, "from"), To: state.Draw(t, "to"),
		})
	}
	return spec
}

func TestVerifyAgreesWithReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := anySpec(t)
		var got []string
		for _, f := range faultsOf(t, spec) {
			got = append(got, string(f.Kind)+" "+f.Where)
		}
		slices.Sort(got)
		require.Equal(t, reference(spec), got)
	})
}
