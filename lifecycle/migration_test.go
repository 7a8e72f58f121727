package lifecycle_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/lifecycle"
)

type migration = lifecycle.Migration[State]

// renamed is the ticket with on_hold split in two, triaged gone, and a new state before confirmed.
func renamed() lifecycle.Spec[State, Event] {
	s := ticket()
	s.Version = "2"
	s.Map = nil
	s.States = slices.DeleteFunc(s.States, func(r lifecycle.StateRow[State]) bool { return r.Name == Triaged || r.Name == OnHold })
	s.States = append(s.States, lifecycle.StateRow[State]{Name: "awaiting_user", Phase: lifecycle.PhaseWaiting},
		lifecycle.StateRow[State]{Name: "awaiting_vendor", Phase: lifecycle.PhaseWaiting})
	s.Transitions = []lifecycle.Transition[State, Event]{
		{Event: Start, From: []State{Recorded}, To: Working},
		{Event: Hold, From: []State{Working}, To: "awaiting_user"},
		{Event: "order", From: []State{Working}, To: "awaiting_vendor"},
		{Event: Resume, From: []State{"awaiting_user", "awaiting_vendor"}, To: Working},
		{Event: Propose, From: []State{Working}, To: Proposed},
		{Event: Confirm, From: []State{Proposed}, To: Confirmed},
		{Event: Close, From: []State{Confirmed}, To: Closed},
		{Event: Cancel, From: []State{Recorded, Working}, To: Cancelled},
	}
	return s
}

func TestMigration(t *testing.T) {
	t.Parallel()
	first := ticket()
	first.Version = "1"
	old, err := lifecycle.New(first, deskConfirms)
	require.NoError(t, err)
	next, err := lifecycle.New(renamed(), deskConfirms)
	require.NoError(t, err)
	moves := map[State]State{Triaged: Recorded, OnHold: "awaiting_user"}

	t.Run("F-X-5 a migration has a mapping and a dry run that changes nothing", func(t *testing.T) {
		t.Parallel()
		plan, err := lifecycle.NewPlan(old, next, migration{From: "1", To: "2", Map: moves})
		require.NoError(t, err)
		assert.Equal(t, "1", plan.From())
		assert.Equal(t, "2", plan.To())

		records := []State{Working, OnHold, Working, Closed, Triaged, "limbo", OnHold, Working, "limbo", "amiss"}
		before := slices.Clone(records)
		got := plan.DryRun(slices.Values(records))
		assert.Equal(t, before, records)
		assert.Equal(t, lifecycle.Preview[State]{
			Total: 10,
			Moves: []lifecycle.Move[State]{
				{From: Triaged, To: Recorded, FromPhase: lifecycle.PhaseOpen, ToPhase: lifecycle.PhaseOpen, Count: 1},
				{From: Working, To: Working, FromPhase: lifecycle.PhaseActive, ToPhase: lifecycle.PhaseActive, Count: 3},
				{From: OnHold, To: "awaiting_user", FromPhase: lifecycle.PhaseWaiting, ToPhase: lifecycle.PhaseWaiting, Count: 2},
				{From: Closed, FromPhase: lifecycle.PhaseClosed, ToPhase: lifecycle.PhaseClosed, Count: 1},
			},
			Unmapped: []lifecycle.Move[State]{{From: "amiss", Count: 1}, {From: "limbo", Count: 2}},
		}, got)
		assert.Equal(t, got, plan.DryRun(slices.Values(records)), "again the same")

		move, ok := plan.Move(OnHold)
		assert.True(t, ok)
		assert.Equal(t, State("awaiting_user"), move.To)
		assert.Zero(t, move.Count)
		rest, ok := plan.Move(Closed)
		assert.True(t, ok && rest.Rests())
		_, ok = plan.Move("limbo")
		assert.False(t, ok)
	})

	t.Run("a migration is plain data", func(t *testing.T) {
		t.Parallel()
		data, err := json.Marshal(migration{From: "1", To: "2", Map: moves})
		require.NoError(t, err)
		assert.JSONEq(t, `{"from": "1", "to": "2", "map": {"triaged": "recorded", "on_hold": "awaiting_user"}}`, string(data))
		var again migration
		require.NoError(t, json.Unmarshal(data, &again))
		assert.Equal(t, moves, again.Map)
	})

	for name, c := range map[string]struct {
		mig  migration
		want []string
	}{
		"states left over": {migration{From: "1", To: "2"}, []string{
			`state "triaged" is not in the new machine; map it to one that is`, `state "on_hold" is not in the new machine; map it to one that is`}},
		"other versions": {migration{From: "0", To: "3", Map: moves}, []string{`the old machine has version 1, not 0`, `the new machine has version 2, not 3`}},
		"unknown names": {migration{From: "1", To: "2", Map: map[State]State{Triaged: "recorder", OnHold: "awaiting_user", "on_holt": Working}}, []string{
			`state "on_holt" to be moved is unknown (did you mean "on_hold"?)`,
			`state "triaged" is to become "recorder", which the new machine does not have (did you mean "recorded"?)`}},
		"a record at rest runs again": {migration{From: "1", To: "2", Map: map[State]State{Triaged: Recorded, OnHold: "awaiting_user", Cancelled: Recorded}}, []string{
			`state "cancelled" is an end and is to become "recorded", which is none: a record at rest would run again`}},
		"a rule is got around": {migration{From: "1", To: "2", Map: map[State]State{Triaged: Recorded, OnHold: Closed, Cancelled: Closed}}, []string{
			`a record that goes from "on_hold" to "closed" gets around the rule desk_confirms (a ticket is closed only after the desk has confirmed the result)`,
			`a record that goes from "cancelled" to "closed" gets around the rule desk_confirms (a ticket is closed only after the desk has confirmed the result)`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lifecycle.NewPlan(old, next, c.mig)
			var wrong *lifecycle.MigrationError
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, c.want, wrong.Faults)
			assert.Contains(t, err.Error(), "cannot migrate from version "+c.mig.From+" to "+c.mig.To+": "+c.want[0])
		})
	}

	t.Run("an end may be mapped to an end", func(t *testing.T) {
		t.Parallel()
		plan, err := lifecycle.NewPlan(old, next, migration{From: "1", To: "2", Map: map[State]State{Triaged: Recorded, OnHold: Cancelled, Closed: Cancelled}})
		require.NoError(t, err)
		move, _ := plan.Move(Closed)
		assert.Equal(t, Cancelled, move.To)
	})

	t.Run("a record at rest stays, however it got there", func(t *testing.T) {
		t.Parallel()
		loose := first.Clone()
		loose.Version = "0"
		loose.Transitions[9].From = []State{Confirmed, Working}
		plan, err := lifecycle.NewPlan(lifecycle.Must(loose), old, migration{From: "0", To: "1"})
		require.NoError(t, err)
		move, _ := plan.Move(Closed)
		assert.True(t, move.Rests())
		_, err = lifecycle.NewPlan(lifecycle.Must(loose), old, migration{From: "0", To: "1", Map: map[State]State{Closed: Closed}})
		assert.ErrorContains(t, err, "gets around the rule desk_confirms")
	})

	t.Run("the same version twice", func(t *testing.T) {
		t.Parallel()
		_, err := lifecycle.NewPlan(old, old, migration{From: "1", To: "1"})
		assert.ErrorContains(t, err, "both machines have version 1; give the new one its own")
	})

	t.Run("a state that became an end", func(t *testing.T) {
		t.Parallel()
		spec := first.Clone()
		spec.Version = "2"
		spec.States[5].End = true
		spec.Transitions = slices.Delete(spec.Transitions, 9, 10)
		spec.States = slices.DeleteFunc(spec.States, func(r lifecycle.StateRow[State]) bool { return r.Name == Closed })
		delete(spec.Map, "Closed")
		_, err := lifecycle.NewPlan(old, lifecycle.Must(spec), migration{From: "1", To: "2"})
		assert.ErrorContains(t, err, `state "confirmed" is an end in the new machine: a running record would come to rest unseen; map it`)
		_, err = lifecycle.NewPlan(old, lifecycle.Must(spec), migration{From: "1", To: "2", Map: map[State]State{Confirmed: Confirmed}})
		assert.NoError(t, err)
	})

	t.Run("rules about returning and about staying hold for moved records", func(t *testing.T) {
		t.Parallel()
		spec := ticket()
		spec.Version = "2"
		again, err := lifecycle.New(spec, confirmAgain)
		require.NoError(t, err)
		_, err = lifecycle.NewPlan(old, again, migration{From: "1", To: "2"})
		require.NoError(t, err)
		_, err = lifecycle.NewPlan(old, again, migration{From: "1", To: "2", Map: map[State]State{Proposed: Confirmed, Triaged: Confirmed}})
		require.NoError(t, err, "in the state to be passed, the rule is kept")
		_, err = lifecycle.NewPlan(old, again, migration{From: "1", To: "2", Map: map[State]State{Working: Closed, Recorded: Closed}})
		require.ErrorContains(t, err, `from "working" to "closed" gets around the rule confirm_again`)
		assert.NotContains(t, err.Error(), `from "recorded"`, "which was never worked on")

		archive := lifecycle.MustNotLeave[State, Event](lifecycle.Law{Name: "archive", En: "what is cancelled stays cancelled", Zh: "取消后不得变更"}, Cancelled)
		kept, err := lifecycle.New(spec, archive)
		require.NoError(t, err)
		_, err = lifecycle.NewPlan(old, kept, migration{From: "1", To: "2", Map: map[State]State{Cancelled: Closed}})
		assert.ErrorContains(t, err, `from "cancelled" to "closed" gets around the rule archive`)
	})
}

// However records move from version to version: none gets to a state past the one that it must pass.
func TestMigrationKeepsRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := randomSpec(t), randomSpec(t)
		a.Version, b.Version = "1", "2"
		law := lifecycle.Law{Name: "law"}
		names := func(s lifecycle.Spec[State, Event]) (out []State) {
			for _, r := range s.States {
				out = append(out, r.Name)
			}
			return out
		}
		before, through := rapid.SampledFrom(names(b)).Draw(t, "before"), rapid.SampledFrom(names(b)).Draw(t, "through")
		rule := lifecycle.MustPass[State, Event](law, before, through)
		old := lifecycle.Must(a)
		next, err := lifecycle.New(b, rule)
		if err != nil {
			t.Skip("breaks the rule by itself")
		}
		moves := make(map[State]State)
		for _, s := range old.States() {
			moves[s] = rapid.SampledFrom(next.States()).Draw(t, "to")
		}
		plan, err := lifecycle.NewPlan(old, next, migration{From: "1", To: "2", Map: moves})
		// walk every way through the old machine, the move, and on
		around := false
		ways(old, old.Start(), min(len(a.States), 5), func(way []State) {
			to := moves[way[len(way)-1]]
			ways(next, []State{to}, min(len(b.States), 5), func(on []State) {
				if on[len(on)-1] == before && !slices.Contains(way, through) && !slices.Contains(on, through) {
					around = true
				}
			})
		})
		if around {
			require.Error(t, err)
			require.Nil(t, plan)
		}
	})
}
