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

type (
	State string
	Event string
)

const (
	Recorded  State = "recorded"
	Triaged   State = "triaged"
	Working   State = "working"
	OnHold    State = "on_hold"
	Proposed  State = "proposed"
	Confirmed State = "confirmed"
	Closed    State = "closed"
	Cancelled State = "cancelled"

	Triage  Event = "triage"
	Start   Event = "start"
	Note    Event = "note"
	Hold    Event = "hold"
	Resume  Event = "resume"
	Propose Event = "propose"
	Reject  Event = "reject"
	Confirm Event = "confirm"
	Close   Event = "close"
	Cancel  Event = "cancel"
)

// ticket is a table with a loop, a row to its own state, several rows of one event and two ends.
func ticket() lifecycle.Spec[State, Event] {
	return lifecycle.Spec[State, Event]{
		Name:  "ticket",
		Start: []State{Recorded},
		States: []lifecycle.StateRow[State]{
			{Name: Recorded, En: "recorded", Zh: "已记录"},
			{Name: Triaged, Phase: lifecycle.PhaseOpen},
			{Name: Working},
			{Name: OnHold, Phase: lifecycle.PhaseWaiting, En: "on hold", Zh: "挂起"},
			{Name: Proposed, Phase: lifecycle.PhaseResolved},
			{Name: Confirmed, Phase: lifecycle.PhaseResolved},
			{Name: Closed, End: true},
			{Name: Cancelled, End: true},
		},
		Transitions: []lifecycle.Transition[State, Event]{
			{Event: Triage, From: []State{Recorded}, To: Triaged, En: "triage", Zh: "分诊"},
			{Event: Start, From: []State{Triaged}, To: Working},
			{Event: Note, From: []State{Working}, To: Working},
			{Event: Hold, From: []State{Working}, To: OnHold},
			{Event: Resume, From: []State{OnHold}, To: Working},
			{Event: Propose, From: []State{Working}, To: Proposed},
			{Event: Reject, From: []State{Proposed}, To: Working},
			{Event: Reject, From: []State{Recorded}, To: Cancelled},
			{Event: Confirm, From: []State{Proposed}, To: Confirmed},
			{Event: Close, From: []State{Confirmed}, To: Closed},
			{Event: Cancel, From: []State{Triaged, OnHold}, To: Cancelled},
		},
		Map: map[string]State{"New": Recorded, "Active": Working, "Resolved": Proposed, "Closed": Closed},
	}
}

func machine(t testing.TB) *lifecycle.Machine[State, Event] {
	t.Helper()
	m, err := lifecycle.New(ticket())
	require.NoError(t, err)
	return m
}

// lookUp is the table read the slow way.
func lookUp(spec lifecycle.Spec[State, Event], s State, e Event) (State, bool) {
	for _, row := range spec.Transitions {
		if row.Event == e && slices.Contains(row.From, s) {
			return row.To, true
		}
	}
	return "", false
}

func TestMachine(t *testing.T) {
	t.Parallel()
	spec, m := ticket(), machine(t)

	t.Run("R-100 every state and event, legal or refused with state, event and what is allowed", func(t *testing.T) {
		for _, s := range m.States() {
			var allowed []string
			for _, e := range m.Events() {
				if _, ok := lookUp(spec, s, e); ok {
					allowed = append(allowed, string(e))
				}
			}
			slices.Sort(allowed)
			for _, e := range m.Events() {
				want, legal := lookUp(spec, s, e)
				got, err := m.Fire(s, e, nil)
				assert.Equal(t, legal, m.Can(s, e))
				next, ok := m.Next(s, e)
				assert.Equal(t, legal, ok)
				assert.Equal(t, want, next)
				if legal {
					require.NoError(t, err)
					assert.Equal(t, want, got)
					continue
				}
				var refused *lifecycle.NotPossibleError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, s, got)
				assert.Equal(t, string(s), refused.State)
				assert.Equal(t, string(e), refused.Event)
				assert.ElementsMatch(t, allowed, refused.Allowed)
				assert.True(t, slices.IsSorted(refused.Allowed))
			}
		}
	})

	t.Run("R-118 states, events and rows come out as data, and they are the ones enforced", func(t *testing.T) {
		rows := 0
		for step := range m.All {
			rows++
			got, err := m.Fire(step.From, step.Event, nil)
			require.NoError(t, err)
			assert.Equal(t, step.To, got)
		}
		fires := 0
		for _, s := range m.States() {
			for _, e := range m.Events() {
				if _, err := m.Fire(s, e, nil); err == nil {
					fires++
				}
			}
		}
		assert.Equal(t, rows, fires)
		assert.Equal(t, spec, m.Spec())
		again, err := lifecycle.New(m.Spec())
		require.NoError(t, err)
		assert.Equal(t, m.Version(), again.Version())
	})

	t.Run("INV-01 any events leave the record in a declared state and refused ones change nothing", rapid.MakeCheck(func(t *rapid.T) {
		states, events := m.States(), append(m.Events(), "", "explode", "clos")
		state := rapid.SampledFrom(m.Start()).Draw(t, "start")
		refuse := errors.New("guard")
		for range rapid.IntRange(0, 40).Draw(t, "length") {
			e := rapid.SampledFrom(events).Draw(t, "event")
			var guard func() error
			if rapid.Bool().Draw(t, "guarded") {
				guard = func() error { return refuse }
			}
			before := state
			after, err := m.Fire(before, e, guard)
			if err != nil {
				require.Equal(t, before, after)
			} else {
				require.True(t, m.Can(before, e))
				require.Nil(t, guard)
			}
			require.Contains(t, states, after)
			state = after
		}
	}))

	t.Run("F-INC-2 the table is exported and refusals are typed", func(t *testing.T) {
		_, err := m.Fire(Recorded, Close, nil)
		var refused *lifecycle.NotPossibleError
		var unknown *lifecycle.UnknownError
		require.ErrorAs(t, err, &refused)
		assert.False(t, errors.As(err, &unknown))
		assert.EqualError(t, err, "close is not possible in state recorded (possible now: reject, triage)")

		_, err = m.Fire(Closed, Note, nil)
		assert.EqualError(t, err, "note is not possible in state closed (nothing is: it is an end state)")

		_, err = m.Fire(Recorded, "clsoe", nil)
		require.ErrorAs(t, err, &unknown)
		assert.False(t, errors.As(err, &refused) && refused.Event == "clsoe")
		assert.Equal(t, "event", unknown.What)
		assert.EqualError(t, err, `unknown event "clsoe" in lifecycle ticket (did you mean "close"?)`)

		s, err := m.Fire("limbo", Close, nil)
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, State("limbo"), s)
		assert.Equal(t, "state", unknown.What)
		assert.Equal(t, "limbo", unknown.Name)

		missing := &missingFields{"cause", "solution"}
		s, err = m.Fire(Working, Propose, func() error { return missing })
		assert.Same(t, missing, err)
		assert.Equal(t, Working, s)
		assert.Len(t, slices.Collect(m.All), 12)
	})
}

type missingFields []string

func (m *missingFields) Error() string { return "missing" }

func TestReads(t *testing.T) {
	t.Parallel()
	m := machine(t)

	assert.Equal(t, "ticket", m.Name())
	assert.Equal(t, []State{Recorded}, m.Start())
	assert.Equal(t, []Event{Triage, Start, Note, Hold, Resume, Propose, Reject, Confirm, Close, Cancel}, m.Events())
	assert.Equal(t, []Event{Hold, Note, Propose}, m.Allowed(Working))
	assert.Empty(t, m.Allowed(Closed))
	assert.Empty(t, m.Allowed("limbo"))
	assert.Equal(t, []Event{"x", Hold, Note, Propose}, m.AppendAllowed([]Event{"x"}, Working))

	for s, want := range map[State]lifecycle.Phase{
		Recorded: lifecycle.PhaseOpen, Triaged: lifecycle.PhaseOpen, Working: lifecycle.PhaseActive, OnHold: lifecycle.PhaseWaiting,
		Proposed: lifecycle.PhaseResolved, Closed: lifecycle.PhaseClosed, "limbo": "",
	} {
		assert.Equal(t, want, m.Phase(s), s)
	}
	assert.Equal(t, []State{Closed, Cancelled}, m.InPhase(lifecycle.PhaseClosed))
	assert.True(t, m.IsEnd(Closed))
	assert.False(t, m.IsEnd(Working) || m.IsEnd("limbo"))
	assert.True(t, m.IsStart(Recorded))
	assert.False(t, m.IsStart(Working) || m.IsStart("limbo"))
	assert.True(t, m.Has(OnHold) && m.HasEvent(Hold))
	assert.False(t, m.Has("limbo") || m.HasEvent("explode") || m.Has(""))
	assert.Equal(t, lifecycle.Text{En: "on hold", Zh: "挂起"}, m.StateText(OnHold))
	assert.Equal(t, lifecycle.Text{En: "triage", Zh: "分诊"}, m.EventText(Triage))
	assert.Zero(t, m.StateText("limbo"))

	t.Run("what is handed out belongs to the caller", func(t *testing.T) {
		clear(m.States())
		clear(m.Events())
		clear(m.Allowed(Working))
		clear(m.Start())
		spec := m.Spec()
		clear(spec.States)
		clear(spec.Start)
		clear(spec.Transitions[0].From)
		clear(spec.Transitions)
		clear(spec.Map)
		assert.Equal(t, ticket(), m.Spec())
		assert.True(t, m.Can(Recorded, Triage))
	})

	t.Run("what was handed in still belongs to the caller", func(t *testing.T) {
		spec := ticket()
		m := lifecycle.Must(spec)
		spec.Transitions[0].From[0] = Closed
		clear(spec.States)
		clear(spec.Map)
		assert.Equal(t, ticket(), m.Spec())
	})

	t.Run("rows can be left early", func(t *testing.T) {
		n := 0
		for range m.All {
			if n++; n == 3 {
				break
			}
		}
		assert.Equal(t, 3, n)
	})

	t.Run("the zero machine knows nothing", func(t *testing.T) {
		var m lifecycle.Machine[State, Event]
		assert.False(t, m.Can(Recorded, Triage) || m.Has(Recorded))
		_, err := m.Fire(Recorded, Triage, nil)
		assert.EqualError(t, err, `unknown state "recorded" (there are none)`)
	})
}

func TestReadsDoNotAllocate(t *testing.T) { // not parallel: it counts the allocations of the process
	m := machine(t)
	buf := make([]Event, 0, 16)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		m.Next(Working, Hold)
		m.Can(Working, Close)
		m.Phase(Working)
		m.IsEnd(Closed)
		m.IsStart(Closed)
		m.Has("limbo")
		buf = m.AppendAllowed(buf[:0], Working)
	}))
}

func TestVersion(t *testing.T) {
	t.Parallel()
	base := machine(t).Version()

	t.Run("F-X-5 a table without a version has a digest of what it does", func(t *testing.T) {
		assert.Regexp(t, `^sha256-[0-9a-f]{16}$`, base)
		for name, change := range map[string]func(*lifecycle.Spec[State, Event]){
			"row":   func(s *lifecycle.Spec[State, Event]) { s.Transitions[10].From = []State{Triaged} },
			"phase": func(s *lifecycle.Spec[State, Event]) { s.States[2].Phase = lifecycle.PhaseWaiting },
			"start": func(s *lifecycle.Spec[State, Event]) { s.Start = append(s.Start, Working) },
			"to":    func(s *lifecycle.Spec[State, Event]) { s.Transitions[10].To = Closed; s.Transitions[7].To = Cancelled },
		} {
			spec := ticket()
			change(&spec)
			assert.NotEqual(t, base, lifecycle.Must(spec).Version(), name)
		}
		spec := ticket()
		slices.Reverse(spec.Transitions)
		slices.Reverse(spec.States)
		spec.States[0].En, spec.Map, spec.Name = "given up", nil, "other"
		assert.Equal(t, base, lifecycle.Must(spec).Version(), "order, names for people and foreign names do nothing")
		spec.Version = "2026-02"
		assert.Equal(t, "2026-02", lifecycle.Must(spec).Version())
	})
}
