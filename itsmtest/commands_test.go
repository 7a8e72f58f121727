package itsmtest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestCommandsReach(t *testing.T) {
	policy := incident.Lenient()
	process, err := incident.NewProcess(nil, incident.Config{Policy: &policy})
	require.NoError(t, err)
	draw := itsmtest.Commands(process)
	states, accepted, tried := map[string]int{}, map[string]int{}, map[string]int{}
	began := time.Now()
	n, ok := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		clock := itsmtest.NewClock(time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC))
		s, err := itsm.NewService(process, store.NewRepository[incident.Incident](memory.New()), itsm.Config{Clock: clock.Now})
		require.NoError(rt, err)
		roles := []itsm.Role{itsm.RoleServiceDesk, itsm.RoleDeskManager, itsm.RoleHardwareEngineer, itsm.RoleSecondLine, itsm.RoleProjectManager, itsm.RoleSystem}
		cmd, opts := draw(rt, incident.Incident{}, 0)
		ctx := itsm.WithActor(rt.Context(), itsmtest.Actor("u-001", roles...))
		rec, err := s.Do(ctx, "", cmd, opts...)
		require.NoError(rt, err)
		states[string(rec.State)]++
		for step := range 25 {
			clock.Add(time.Minute)
			cmd, opts := draw(rt, rec, step+1)
			if _, c := cmd.(itsm.Creation); c {
				continue
			}
			n++
			tried[cmd.CommandName()]++
			if after, err := s.Do(itsm.WithActor(rt.Context(), itsmtest.Actor(rapid.SampledFrom([]itsm.PersonID{"u-001", "u-002"}).Draw(rt, "who"), roles...)), rec.ID, cmd, opts...); err == nil {
				rec = after
				ok++
				accepted[cmd.CommandName()]++
				states[string(rec.State)]++
			}
		}
	})
	fmt.Println(time.Since(began), n, ok, len(tried), len(accepted))
	for _, k := range slices.Sorted(maps.Keys(tried)) {
		if accepted[k] == 0 {
			fmt.Println("never", k, tried[k])
		}
	}
	fmt.Println(states)
}
