package lifecycle_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/lifecycle"
)

func at(i int) State { return State(fmt.Sprint("s", i)) }

// randomSpec draws a table without faults: a chain through all states to the end, and any further rows.
func randomSpec(t *rapid.T) lifecycle.Spec[State, Event] {
	n, k := rapid.IntRange(2, 8).Draw(t, "states"), rapid.IntRange(1, 6).Draw(t, "events")
	spec := lifecycle.Spec[State, Event]{Start: []State{"s0"}}
	taken := make(map[string]bool)
	row := func(from, event, to int) {
		key := fmt.Sprint(from, " ", event)
		if !taken[key] {
			taken[key] = true
			spec.Transitions = append(spec.Transitions, lifecycle.Transition[State, Event]{
				Event: Event(fmt.Sprint("e", event)), From: []State{at(from)}, To: at(to),
			})
		}
	}
	for i := range n {
		spec.States = append(spec.States, lifecycle.StateRow[State]{Name: at(i), End: i == n-1})
		if i < n-1 {
			row(i, rapid.IntRange(0, k-1).Draw(t, "event"), i+1)
		}
	}
	for range rapid.IntRange(0, 3*n).Draw(t, "rows") {
		row(rapid.IntRange(0, n-2).Draw(t, "from"), rapid.IntRange(0, k-1).Draw(t, "event"), rapid.IntRange(0, n-1).Draw(t, "to"))
	}
	return spec
}

func TestEngineAgreesWithTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, err := lifecycle.New(randomSpec(t))
		require.NoError(t, err)
		for _, s := range m.States() {
			for _, e := range m.Events() {
				want, legal := m.Next(s, e)
				got, err := m.FireEngine(s, e)
				require.Equal(t, legal, err == nil, "%s %s: %v", s, e, err)
				if legal {
					require.Equal(t, want, got)
				} else {
					require.Equal(t, s, got)
				}
			}
		}
	})
}
