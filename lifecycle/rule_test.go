package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/lifecycle"
)

type Rule = lifecycle.Rule[State, Event]

var (
	deskConfirms = lifecycle.MustPass[State, Event](lifecycle.Law{
		Name: "desk_confirms", En: "a ticket is closed only after the desk has confirmed the result", Zh: "服务台确认结果后才能关闭"}, Closed, Confirmed)
	confirmAgain = lifecycle.MustPassBetween[State, Event](lifecycle.Law{
		Name: "confirm_again", En: "what is worked on again is confirmed again", Zh: "重新处理后须再次确认"}, Working, Closed, Confirmed)
	closedStays = lifecycle.MustNotLeave[State, Event](lifecycle.Law{Name: "closed_stays", En: "closed is closed", Zh: "关闭后不得变更"}, Confirmed)
	allRecorded = lifecycle.OnlyStart[State, Event](lifecycle.Law{Name: "all_recorded", En: "everything is recorded first", Zh: "一切事件先记录"}, Recorded)
	twoEnds     = lifecycle.OnlyEnd[State, Event](lifecycle.Law{Name: "two_ends", En: "a ticket ends closed or cancelled", Zh: "只能关闭或取消"}, Closed, Cancelled)
	hasConfirm  = lifecycle.MustHaveEvents[State](lifecycle.Law{Name: "has_confirm", En: "there is a confirmation", Zh: "须有确认"}, Confirm, Close)
	hasStates   = lifecycle.MustHaveStates[State, Event](lifecycle.Law{Name: "has_states", En: "there are the states of the main line", Zh: "须有主线状态"}, Proposed, Confirmed)
	closeFrom   = lifecycle.MustFollow(lifecycle.Law{Name: "close_from", En: "only what is confirmed is closed", Zh: "确认后方可关闭"}, Close, Confirmed)
	onlyByDesk  = lifecycle.OnlyInto(lifecycle.Law{Name: "only_by_desk", En: "only the desk confirms", Zh: "仅服务台可确认"}, Confirmed, Confirm)
)

func TestRules(t *testing.T) {
	t.Parallel()
	type table = lifecycle.Spec[State, Event]
	type row = lifecycle.Transition[State, Event]
	type steps = []lifecycle.Step[string, string]
	main := steps{{"recorded", "triage", "triaged"}, {"triaged", "start", "working"}}

	t.Run("R-120 a variant that switches off what is mandatory does not build, and the error names the rule", func(t *testing.T) {
		t.Parallel()
		rules := []Rule{deskConfirms, allRecorded, hasConfirm}
		_, err := lifecycle.New(ticket(), rules...)
		require.NoError(t, err)

		skip := ticket()
		skip.Transitions[9].From = []State{Confirmed, Proposed}
		_, err = lifecycle.New(skip, rules...)
		assert.EqualError(t, err, "lifecycle ticket: breaks the rule desk_confirms (a ticket is closed only after the desk has confirmed the result): "+
			"recorded -triage-> triaged -start-> working -propose-> proposed -close-> closed does not pass confirmed")
		var wrong *lifecycle.SpecError
		require.ErrorAs(t, err, &wrong)
		assert.True(t, wrong.Breaks("desk_confirms"))
		assert.False(t, wrong.Breaks("all_recorded"))
		assert.Equal(t, "服务台确认结果后才能关闭", wrong.Faults[0].Law.Zh)

		data, err := lifecycle.Must(skip).MarshalJSON()
		require.NoError(t, err)
		_, err = lifecycle.ParseAs(data, rules...)
		require.ErrorAs(t, err, &wrong)
		assert.True(t, wrong.Breaks("desk_confirms"), "nor can a file switch it off")

		everything := ticket()
		everything.Start = append(everything.Start, Working)
		everything.Transitions[9].Event = "finish"
		everything.Transitions[9].From = []State{Confirmed, Proposed}
		require.Len(t, faultsOf(t, everything, rules...), 3, "every rule that is broken is named")
	})

	for name, c := range map[string]struct {
		rule   Rule
		change func(s *table)
		what   string
		path   steps
	}{
		"a way around": {deskConfirms, func(s *table) { s.Transitions[9].From = []State{Confirmed, Working} },
			"recorded -triage-> triaged -start-> working -close-> closed does not pass confirmed",
			append(slices.Clone(main), steps{{"working", "close", "closed"}}...)},
		"created in it": {deskConfirms, func(s *table) { s.Start = append(s.Start, Closed) }, "a record may be created in closed", nil},
		"a way around after a return": {confirmAgain, func(s *table) {
			s.Transitions = append(s.Transitions, row{Event: "reopen", From: []State{Confirmed}, To: Working})
			s.Transitions[9].From = []State{Confirmed, Proposed}
		}, "working -propose-> proposed -close-> closed does not pass confirmed", steps{{"working", "propose", "proposed"}, {"proposed", "close", "closed"}}},
		"left": {closedStays, func(s *table) {}, "confirmed -close-> closed leads out of it", append(slices.Clone(main),
			steps{{"working", "propose", "proposed"}, {"proposed", "confirm", "confirmed"}, {"confirmed", "close", "closed"}}...)},
		"created elsewhere": {allRecorded, func(s *table) { s.Start = append(s.Start, Triaged) }, "a record may be created in triaged", nil},
		"another end": {twoEnds, func(s *table) {
			s.States = append(s.States, lifecycle.StateRow[State]{Name: "done", End: true})
			s.Transitions = append(s.Transitions, row{Event: "finish", From: []State{Working}, To: "done"})
		}, "a record may rest in done", nil},
		"an event less": {hasConfirm, func(s *table) { s.Transitions[8].Event = "agree" }, "event confirm is missing", nil},
		"a state less": {hasStates, func(s *table) {
			s.States[4].Name, s.Transitions[5].To, s.Transitions[6].From, s.Transitions[8].From, s.Map = "offered", "offered", []State{"offered"}, []State{"offered"}, nil
		}, "state proposed is missing", nil},
		"an event too early": {closeFrom, func(s *table) { s.Transitions[9].From = []State{Confirmed, Triaged} },
			"triaged -close-> closed starts from none of confirmed", steps{{"recorded", "triage", "triaged"}, {"triaged", "close", "closed"}}},
		"another way in": {onlyByDesk, func(s *table) {
			s.Transitions = append(s.Transitions, row{Event: "trust", From: []State{Recorded}, To: Confirmed}, row{Event: "stay", From: []State{Confirmed}, To: Confirmed})
		}, "recorded -trust-> confirmed enters by none of confirm", steps{{"recorded", "trust", "confirmed"}}},
		"created where only events lead": {onlyByDesk, func(s *table) { s.Start = append(s.Start, Confirmed) }, "a record may be created in confirmed", nil},
		"a rule of the process's own": {lifecycle.MustHold(lifecycle.Law{Name: "small"}, func(m *lifecycle.Machine[State, Event]) error {
			if n := len(m.States()); n > 7 {
				return errors.New("too many states")
			}
			return nil
		}), func(s *table) {}, "too many states", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := ticket()
			c.change(&spec)
			f := fault(t, spec, c.rule)
			law := c.rule.Law()
			assert.Equal(t, lifecycle.FaultRule, f.Kind)
			assert.Equal(t, law, f.Law)
			assert.Equal(t, "breaks the rule "+law.Name+" ("+law.En+"): "+c.what, f.What)
			assert.Equal(t, c.path, steps(f.Path))
		})
	}

	t.Run("the rules of the process hold for its own table", func(t *testing.T) {
		t.Parallel()
		rules := []Rule{deskConfirms, confirmAgain, allRecorded, twoEnds, hasConfirm, hasStates, closeFrom, onlyByDesk,
			lifecycle.MustHold(lifecycle.Law{Name: "fine"}, func(*lifecycle.Machine[State, Event]) error { return nil })}
		m, err := lifecycle.New(ticket(), rules...)
		require.NoError(t, err)
		assert.Len(t, m.Rules(), len(rules))
	})

	t.Run("a rule about what a variant does not have holds", func(t *testing.T) {
		t.Parallel()
		law := lifecycle.Law{Name: "none"}
		_, err := lifecycle.New(ticket(), lifecycle.MustPass[State, Event](law, "approved", Triaged), lifecycle.MustPassBetween[State, Event](law, "a", "b", "c"),
			lifecycle.MustNotLeave[State, Event](law, "a"), lifecycle.MustFollow[State, Event](law, "approve", Working), lifecycle.OnlyInto[State, Event](law, "approved"))
		assert.NoError(t, err)
	})

	t.Run("a rule that was not made is a fault", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, fault(t, ticket(), Rule{}).String(), "a rule has no name or demands nothing")
	})
}

// ways calls see with every state sequence of up to n steps from s.
func ways(m *lifecycle.Machine[State, Event], seen []State, n int, see func([]State)) {
	see(seen)
	if n == 0 {
		return
	}
	for step := range m.All {
		if step.From == seen[len(seen)-1] {
			ways(m, append(slices.Clone(seen), step.To), n-1, see)
		}
	}
}

func TestRulesAgreeWithEveryWay(t *testing.T) {
	t.Parallel()
	law := lifecycle.Law{Name: "law"}

	rapid.Check(t, func(t *rapid.T) {
		spec := randomSpec(t)
		spec.States = spec.States[max(0, len(spec.States)-5):] // few enough to walk every way
		keep := func(s State) bool {
			return slices.ContainsFunc(spec.States, func(r lifecycle.StateRow[State]) bool { return r.Name == s })
		}
		spec.Start[0] = spec.States[0].Name
		spec.Transitions = slices.DeleteFunc(spec.Transitions, func(r lifecycle.Transition[State, Event]) bool { return !keep(r.From[0]) || !keep(r.To) })
		m, err := lifecycle.New(spec)
		require.NoError(t, err)
		state := rapid.SampledFrom(m.States())
		after, before, through := state.Draw(t, "after"), state.Draw(t, "before"), state.Draw(t, "through")

		passes, between := true, true
		// a state that is reached at all is reached in fewer steps than there are states; a way around through after
		// takes that twice, but ways from after can be walked from there
		ways(m, []State{m.Start()[0]}, len(spec.States)-1, func(way []State) {
			passes = passes && (way[len(way)-1] != before || slices.Contains(way, through))
		})
		ways(m, []State{after}, len(spec.States), func(way []State) {
			if len(way) > 1 && way[len(way)-1] == before && !slices.Contains(way[1:], through) {
				between = false
			}
		})
		_, err = lifecycle.New(spec, lifecycle.MustPass[State, Event](law, before, through))
		require.Equal(t, passes, err == nil, "%v", err)
		_, err = lifecycle.New(spec, lifecycle.MustPassBetween[State, Event](law, after, before, through))
		require.Equal(t, between, err == nil, "%v", err)
	})
}

func TestPath(t *testing.T) {
	t.Parallel()
	m := machine(t)
	path, ok := m.Path(Recorded, Cancelled)
	assert.True(t, ok)
	assert.Equal(t, []lifecycle.Step[State, Event]{{From: Recorded, Event: Reject, To: Cancelled}}, path)
	path, ok = m.Path(Working, Cancelled, Proposed)
	assert.True(t, ok)
	assert.Equal(t, []lifecycle.Step[State, Event]{{From: Working, Event: Hold, To: OnHold}, {From: OnHold, Event: Cancel, To: Cancelled}}, path)
	path, ok = m.Path(Working, Working)
	assert.True(t, ok)
	assert.Empty(t, path)
	for _, c := range [][]State{{Closed, Working}, {Working, Closed, Proposed}, {Working, Closed, Closed}, {Working, Closed, Working}, {"limbo", Closed}, {Closed, "limbo"}} {
		_, ok = m.Path(c[0], c[1], c[2:]...)
		assert.False(t, ok, "%v", c)
	}

	t.Run("a path fires", rapid.MakeCheck(func(t *rapid.T) {
		m := lifecycle.Must(randomSpec(t))
		state := rapid.SampledFrom(m.States())
		from, to := state.Draw(t, "from"), state.Draw(t, "to")
		path, ok := m.Path(from, to)
		for _, step := range path {
			require.Equal(t, from, step.From)
			got, err := m.Fire(from, step.Event, nil)
			require.NoError(t, err)
			require.Equal(t, step.To, got)
			from = got
		}
		require.Equal(t, ok, from == to)
	}))
}
