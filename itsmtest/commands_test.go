package itsmtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func lenientIncidents(t *testing.T) *incident.Process {
	policy := incident.Lenient()
	process, err := incident.NewProcess(nil, incident.Config{Policy: &policy})
	require.NoError(t, err)
	return process
}

type drawn struct {
	command itsm.Command
	options []itsm.Option
}

// drawnFor returns commands for a record, one for each seed.
func drawnFor(draw func(t *rapid.T, rec incident.Incident, step int) (itsm.Command, []itsm.Option), rec incident.Incident, step int) *rapid.Generator[drawn] {
	return rapid.Custom(func(t *rapid.T) drawn {
		cmd, opts := draw(t, rec, step)
		return drawn{cmd, opts}
	})
}

// TestCommandsGoFar walks through a process of which the generator knows nothing but what it says of itself.
func TestCommandsGoFar(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short: many histories are needed")
	}
	t.Parallel()
	const histories, steps = 80, 25
	process := lenientIncidents(t)
	draw := itsmtest.Commands(process)
	roles := []itsm.Role{itsm.RoleServiceDesk, itsm.RoleDeskManager, itsm.RoleHardwareEngineer, itsm.RoleSecondLine, itsm.RoleProjectManager, itsm.RoleSystem}
	states, accepted, tried := map[incident.State]int{}, map[string]int{}, map[string]int{}
	refused, given := 0, 0
	for n := range histories {
		clock := itsmtest.NewClock(time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC))
		s, err := itsm.NewService(process, store.NewRepository[incident.Incident](memory.New()), itsm.Config{Clock: clock.Now})
		require.NoError(t, err)
		first := drawnFor(draw, incident.Incident{}, 0).Example(n)
		rec, err := s.Do(itsm.WithActor(t.Context(), itsmtest.Actor("u-001", roles...)), "", first.command, first.options...)
		require.NoError(t, err, "the first command creates a record")
		for step := range steps {
			clock.Add(time.Minute)
			next := drawnFor(draw, rec, step+1).Example(n*steps + step)
			if _, creates := next.command.(itsm.Creation); creates {
				continue
			}
			given++
			tried[next.command.CommandName()]++
			who := []itsm.PersonID{"u-001", "u-002"}[step%2]
			after, err := s.Do(itsm.WithActor(t.Context(), itsmtest.Actor(who, roles...)), rec.ID, next.command, next.options...)
			if err != nil {
				require.ErrorAs(t, err, new(*itsm.RefusedError))
				refused++
				continue
			}
			rec = after
			accepted[next.command.CommandName()]++
			states[rec.State]++
		}
	}
	t.Logf("%d states; of %d commands %d were tried and %d accepted; %d of %d were refused", len(states), len(process.Describe().Commands), len(tried), len(accepted), refused, given)
	assert.GreaterOrEqual(t, len(states), 12, "states that were reached: %v", states)
	assert.GreaterOrEqual(t, len(tried), 45, "commands that were tried: %v", tried)
	assert.GreaterOrEqual(t, len(accepted), 28, "commands that were accepted: %v", accepted)
	assert.Greater(t, given-refused, given/3, "enough go through")
	assert.Greater(t, refused, given/5, "enough are refused")
}

func TestCommandsDependOnTheSeedOnly(t *testing.T) {
	t.Parallel()
	one, other := itsmtest.Commands(lenientIncidents(t)), itsmtest.Commands(lenientIncidents(t))
	for seed := range 50 {
		require.Equal(t, drawnFor(one, incident.Incident{}, 0).Example(seed).command, drawnFor(other, incident.Incident{}, 0).Example(seed).command)
	}
}

func TestCommandsUseExamples(t *testing.T) {
	t.Parallel()
	rec := incident.Incident{Meta: itsm.Meta{ID: "INC-1", Tenant: "h1"}, State: incident.StateRecorded}
	linked := func(examples ...any) (n int) {
		draw := itsmtest.Commands(lenientIncidents(t), examples...)
		for seed := range 400 {
			if c, ok := drawnFor(draw, rec, 1).Example(seed).command.(incident.Link); ok && (c.Problem == "PRB-77" || c.Change == "PRB-77") {
				n++
			}
		}
		return n
	}
	assert.Zero(t, linked())
	assert.Positive(t, linked(itsm.ID("PRB-77")), "a value of the type of a field")
	assert.Positive(t, linked([]itsm.ID{"PRB-77"}), "a list of values")
	assert.Positive(t, linked(incident.Link{Problem: "PRB-77"}), "a whole command")
}
