package main

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/sla"
)

// The variant keeps the laws of every process.
func TestLaws(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[incident.Incident, incident.Facts, incident.Command]{
		Process: process(t, configure(Variant())), Command: drawn, States: states(t), Tick: tick, Auto: afterReminders, Steps: 10,
	})
}

// Every command in every state. Clocks make no difference to that, and take time.
func TestWalk(t *testing.T) {
	t.Parallel()
	cfg := configure(Variant())
	cfg.Agreements = nil
	p := process(t, cfg)
	all := p.Describe().Commands
	cover := itsmtest.Walk(t, itsmtest.Model[incident.Incident, incident.Facts, incident.Command]{
		Process: p, Moves: func(inc incident.Incident) []itsmtest.Move { return moves(inc, all) },
		States: states(t), Edges: itsmtest.Edges(machine(t)), Elsewhere: elsewhere, Abstract: differs,
	})
	assert.Positive(t, cover.Accepted("procuring", "incident.resume"))
	assert.Zero(t, cover.Accepted("procuring", "incident.propose"), "nothing is solved while it is being bought")
	for _, s := range states(t) {
		assert.Equal(t, s == "confirmed", cover.Accepted(s, "incident.close") > 0, "closing in state %s", s)
	}
}

// A property of this hospital's own, over histories in which people do what they may and what they may not.
func TestDeskConfirms(t *testing.T) {
	t.Parallel()
	h, err := newHospital(configure(Variant()))
	require.NoError(t, err)
	closed, bought := 0, 0
	for round := 0; round < 20 && (closed == 0 || bought == 0); round++ {
		rapid.Check(t, func(t *rapid.T) {
			inc, told, err := h.live(choices{t}, 30)
			require.NoError(t, err)
			require.NoError(t, h.confirmedByDesk(inc))
			if inc.State == incident.StateClosed {
				closed++
			}
			if slices.Contains(told.visited, Procuring) {
				bought++
			}
		})
	}
	assert.Positive(t, closed, "the histories get that far")
	assert.Positive(t, bought, "and come by the state that was added")
}

// A variant cannot leave out what is mandatory: it does not even build.
func TestShortcutIsRefused(t *testing.T) {
	t.Parallel()
	_, err := newHospital(configure(Shortcut()))
	var wrong *lifecycle.SpecError
	require.ErrorAs(t, err, &wrong)
	assert.True(t, wrong.Breaks("desk_confirmation"), "%v", wrong)
	assert.True(t, wrong.Breaks("confirmed_anew"), "%v", wrong)
	_, err = newHospital(configure(Variant()))
	assert.NoError(t, err)
}

// Lists and clocks that speak of phases take the new state for what it is, and the clocks of the shipped agreements stand still in it.
func TestProcuringIsWaiting(t *testing.T) {
	t.Parallel()
	h, err := newHospital(configure(Variant()))
	require.NoError(t, err)
	h.now = time.Date(2026, 2, 14, 0, 30, 0, 0, time.UTC)
	desk := itsm.WithActor(t.Context(), itsmtest.Actor("agent-1", itsm.RoleServiceDesk))
	inc, err := h.Do(desk, "", incident.Record{Channel: incident.Portal, Caller: incident.Caller{Name: "收费处"}, Summary: "收费窗口打印机不出纸"})
	for _, cmd := range []itsm.Command{
		incident.Triage{Impact: incident.ImpactDepartment, Urgency: incident.UrgencyHour}, incident.Dispatch{Group: "hardware"}, incident.Start{},
		incident.Hold{Reason: incident.WaitSpare}, incident.Hold{Reason: incident.WaitDecision},
	} {
		require.NoError(t, err)
		inc, err = h.Do(desk, inc.ID, cmd)
	}
	require.NoError(t, err)
	require.Equal(t, Procuring, inc.State)
	_, running := inc.Due(sla.Resolution)
	assert.False(t, running, "a paused clock has no due time")
	var waiting []itsm.ID
	for found, err := range h.Find(desk, itsm.Query{Where: []itsm.Condition{itsm.Where("phase", itsm.TextOf("waiting"))}}) {
		require.NoError(t, err)
		waiting = append(waiting, found.ID)
	}
	assert.Equal(t, []itsm.ID{inc.ID}, waiting)
	inc, err = h.Do(desk, inc.ID, incident.Resume{})
	require.NoError(t, err)
	_, running = inc.Due(sla.Resolution)
	assert.True(t, running)
}

func TestRun(t *testing.T) {
	t.Parallel()
	var one, two strings.Builder
	require.NoError(t, run(&one, 7, 40))
	require.NoError(t, run(&two, 7, 40))
	assert.Equal(t, one.String(), two.String(), "one seed gives one report")
	want, err := os.ReadFile("testdata/report.txt")
	if *rewrite {
		require.NoError(t, os.WriteFile("testdata/report.txt", []byte(one.String()), 0o644))
		return
	}
	require.NoError(t, err)
	assert.Equal(t, string(want), one.String(), "go test -rewrite makes it anew")
}

var rewrite = flag.Bool("rewrite", false, "write testdata/report.txt")

func process(t testing.TB, cfg incident.Config) *incident.Process {
	t.Helper()
	p, err := incident.NewProcess(nil, cfg)
	require.NoError(t, err)
	return p
}

func machine(t testing.TB) *incident.Machine {
	return process(t, configure(Variant())).Machine(incident.TypeIncident)
}

func states(t testing.TB) (names []string) {
	for _, s := range machine(t).States() {
		names = append(names, string(s))
	}
	return names
}

// choices lets rapid choose.
type choices struct{ t *rapid.T }

func (c choices) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(c.t, "choice") }

func drawn(t *rapid.T, inc incident.Incident, step int) (itsm.Command, []itsm.Option) {
	if step == 0 {
		return incident.Record{Channel: incident.Portal, Caller: incident.Caller{Name: "收费处"}, Summary: "收费窗口打印机不出纸"}, nil
	}
	return draw(choices{t}, inc), []itsm.Option{itsm.Because("at random")}
}

func tick(incident.Incident) itsm.Command { return incident.Tick{} }

// afterReminders is what time alone may do: after the last reminder without an answer a solution is proposed.
var afterReminders = []itsmtest.Edge{{From: "on_hold", To: "resolved_proposed"}, {From: "procuring", To: "resolved_proposed"}}
