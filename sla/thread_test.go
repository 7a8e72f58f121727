package sla_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/sla"
)

// Faults that users of other systems reported, and what happens here.
func TestThreads(t *testing.T) {
	t.Parallel()
	resolution := func(goal string) sla.Definition {
		return sla.Definition{Key: "res", Metric: sla.Resolution, Goal: sla.MustGoal(goal), Calendar: "plain", Pause: `hold_reason != ""`, Stop: `phase == "resolved"`}
	}
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { t.Parallel(); f(t) })
	}

	run("glpi-6902 pending time survives a change of priority", func(t *testing.T) {
		defs := changing(sla.KeepElapsed)
		defs[1].Goal, defs[1].Calendar, defs[1].Pause = sla.MustGoal("6h"), "plain", `hold_reason != ""`
		s := tell(t, catalog(t, defs...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-02 15:00", hold(""))
		s.see("2026-03-02 16:00", priority("P1"))
		assert.Equal(t, "2026-03-03 10:00", s.due(sla.Resolution), "2 h are used, 4 h are left")
	})

	run("glpi-15605 a change of priority while waiting keeps the clock waiting", func(t *testing.T) {
		defs := changing(sla.KeepElapsed)
		defs[1].Calendar, defs[1].Pause = "plain", `hold_reason != ""`
		s := tell(t, catalog(t, defs...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-02 10:00", priority("P1"))
		assert.Empty(t, s.due(sla.Resolution))
		assert.Equal(t, sla.Paused, s.status(sla.Resolution, "2026-03-02 11:00").State)
		s.see("2026-03-02 12:00", hold(""))
		assert.Equal(t, "2026-03-02 15:00", s.due(sla.Resolution), "1 h of 4 h was used")
	})

	run("glpi-1912 solved while waiting, reopened, waiting again: only work counts", func(t *testing.T) {
		s := tell(t, catalog(t, resolution("8h")))
		s.see("2026-03-02 08:00", nil)
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-02 11:00", phase("resolved"))
		s.see("2026-03-02 13:00", both(phase("active"), hold("")))
		s.see("2026-03-02 14:00", hold("user"))
		assert.Equal(t, 2*time.Hour, s.status(sla.Resolution, "2026-03-02 17:00").Elapsed)
		s.see("2026-03-03 08:00", hold(""))
		assert.Equal(t, "2026-03-03 14:00", s.due(sla.Resolution))
	})

	run("glpi-10594 a weekend in a pause does not count for a goal in working days", func(t *testing.T) {
		s := tell(t, catalog(t, resolution("3wd")))
		s.see("2026-03-05 10:00", nil) // Thursday
		assert.Equal(t, "2026-03-10 10:00", s.due(sla.Resolution))
		s.see("2026-03-06 15:00", hold("user"))
		s.see("2026-03-09 15:00", hold("")) // Friday 15:00 to Monday 15:00 is one working day
		assert.Equal(t, "2026-03-11 10:00", s.due(sla.Resolution))
	})

	run("glpi-9082 a pause never moves a goal in days out of working hours", func(t *testing.T) {
		s := tell(t, catalog(t, resolution("1wd")))
		s.see("2026-03-05 16:00", nil) // Thursday; due Friday 16:00
		s.see("2026-03-06 09:00", hold("user"))
		s.see("2026-03-06 13:00", hold("")) // 4 h, of which 2 h fit into Friday
		assert.Equal(t, "2026-03-09 10:00", s.due(sla.Resolution))
		due, _ := s.sheet.Due(sla.Resolution)
		assert.True(t, cal(t, plainJSON).Open(due))
	})

	run("glpi-15948 the share used leaves waiting out", func(t *testing.T) {
		s := tell(t, catalog(t, resolution("8h")))
		s.see("2026-03-02 08:00", nil)
		s.see("2026-03-02 10:00", hold("user"))
		assert.Equal(t, 25, s.status(sla.Resolution, "2026-03-02 17:00").Percent)
		s.see("2026-03-03 08:00", hold(""))
		assert.Equal(t, 50, s.status(sla.Resolution, "2026-03-03 10:00").Percent)
	})

	run("glpi-15429 an hour before the due time is an hour of work before it", func(t *testing.T) {
		d := resolution("4h")
		d.Ladder = []sla.Rung{{Name: "soon", At: sla.MustPoint("-1h")}, {Name: "sooner", At: sla.MustPoint("-3h")}}
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 17:00", nil)
		assert.Equal(t, "2026-03-03 11:00", s.due(sla.Resolution))
		assert.Empty(t, s.tick("2026-03-02 17:59"))
		fired := s.tick("2026-03-03 10:00")
		require.Len(t, fired, 2)
		assert.Equal(t, at("2026-03-02 18:00"), fired[0].At)
		assert.Equal(t, at("2026-03-03 10:00"), fired[1].At, "not midnight")
	})

	run("glpi-2184 the ladder of the response hangs on the response target", func(t *testing.T) {
		res, resp := resolution("8h"), sla.Definition{Key: "resp", Metric: sla.Response, Goal: sla.MustGoal("1h"), Calendar: "plain", Stop: "responded"}
		resp.Ladder = []sla.Rung{{Name: "half", At: sla.MustPoint("50%")}}
		s := tell(t, catalog(t, res, resp))
		s.see("2026-03-02 08:00", nil)
		fired := s.tick("2026-03-02 08:30")
		require.Len(t, fired, 1)
		assert.Equal(t, "resp@"+s.c.Data().Definitions[1].Version, fired[0].Definition)
	})

	run("glpi-1911 an internal target has its own start", func(t *testing.T) {
		tier := sla.Definition{Key: "l2", Metric: "tier", Goal: sla.MustGoal("4h"), Calendar: "plain", Start: "started"}
		s := tell(t, catalog(t, resolution("8h"), tier))
		s.see("2026-03-02 08:00", nil)
		assert.Equal(t, sla.NotStarted, s.status("tier", "2026-03-02 09:00").State)
		assert.Empty(t, s.due("tier"))
		s.see("2026-03-02 10:00", func(f *facts) { f.Started = true })
		assert.Equal(t, "2026-03-02 14:00", s.due("tier"))
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution))
	})

	run("glpi-20506 the same record gets the same target, whoever looks", func(t *testing.T) {
		c := catalog(t, changing(sla.KeepElapsed)...)
		a, err := c.Observe(sla.Sheet{}, facts{Priority: "P3"}, at("2026-03-02 08:00"))
		require.NoError(t, err)
		b, err := c.Observe(sla.Sheet{}, &facts{Priority: "P3"}, at("2026-03-02 08:00").In(time.FixedZone("east", 8*3600)))
		require.NoError(t, err)
		assert.Equal(t, a, b)
	})

	// The update target: counted from the customer's last word, cleared by an agent's reply, each time anew.
	update := func() []sla.Definition {
		return []sla.Definition{
			{Key: "first", Metric: sla.Response, Goal: sla.MustGoal("2h"), Calendar: "plain", Stop: "responded"},
			{Key: "update", Metric: "update", Goal: sla.MustGoal("1h"), Calendar: "plain", Start: "awaits_agent", Stop: "not awaits_agent", Reopen: sla.NewCycle},
		}
	}
	run("zammad-5177 the update target leaves the first response alone", func(t *testing.T) {
		s := tell(t, catalog(t, update()...))
		s.see("2026-03-02 08:00", func(f *facts) { f.Mine = true })
		s.see("2026-03-02 08:30", func(f *facts) { f.Count++ }) // a further mail of the customer moves nothing
		assert.Equal(t, "2026-03-02 10:00", s.due(sla.Response))
		assert.Equal(t, "2026-03-02 09:00", s.due("update"))
	})
	run("zammad-2082 an answered deadline is gone", func(t *testing.T) {
		s := tell(t, catalog(t, update()...))
		s.see("2026-03-02 08:00", func(f *facts) { f.Mine = true })
		s.see("2026-03-02 08:30", func(f *facts) { f.Mine, f.Responded = false, true })
		assert.Empty(t, s.due("update"))
		_, wakes := s.sheet.NextWake()
		assert.False(t, wakes)
		s.see("2026-03-02 12:00", func(f *facts) { f.Mine = true })
		assert.Equal(t, "2026-03-02 13:00", s.due("update"))
		assert.Empty(t, s.due(sla.Response), "the first response stays answered")
		assert.Equal(t, 2, s.status("update", "2026-03-02 12:00").Cycle)
	})

	run("zammad-1396 a calendar that never opens gives no due time, and no crash", func(t *testing.T) {
		d := resolution("8h")
		d.Calendar = "never"
		w := resolution("2wd eod")
		w.Key, w.Metric, w.Calendar = "days", "days", "never"
		s := tell(t, catalog(t, d, w))
		s.see("2026-03-02 08:00", nil)
		assert.Empty(t, s.due(sla.Resolution))
		assert.Empty(t, s.due("days"))
		assert.True(t, s.status(sla.Resolution, "2026-03-03 08:00").Never)
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-03 09:00", hold(""))
		s.see("2026-03-04 09:00", phase("resolved"))
		assert.Equal(t, sla.Met, s.status(sla.Resolution, "2026-03-05 08:00").Outcome)
	})

	run("zammad-2157 nobody is reminded at night", func(t *testing.T) {
		d := resolution("4h")
		d.Calendar, d.Hours = "", "plain"
		d.Ladder = []sla.Rung{{Name: "due", At: sla.MustPoint("100%")}}
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 17:00", nil)
		wake, _ := s.sheet.NextWake()
		assert.Equal(t, at("2026-03-02 21:00:00.000001"), wake, "the breach is recorded when it happens")
		assert.Equal(t, []sla.Kind{sla.KindBreach}, kinds(s.tick("2026-03-02 23:00")))
		wake, _ = s.sheet.NextWake()
		assert.Equal(t, at("2026-03-03 08:00"), wake)
		fired := s.tick("2026-03-03 08:00")
		assert.Equal(t, []sla.Kind{sla.KindRung}, kinds(fired))
		assert.Equal(t, at("2026-03-02 21:00"), fired[0].At)
	})
}

func TestGoldenCases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, start, goal, due string }{
		{"R-287 golden case 1: lunch gap", "2026-02-13 11:45", "30m", "2026-02-13 14:15"},
		{"R-287 golden case 2: a make-up Saturday counts", "2026-02-13 16:30", "8h", "2026-02-14 17:00"},
		{"R-287 golden case 3: nine days of Spring Festival are skipped", "2026-02-14 16:30", "8h", "2026-02-24 17:00"},
		{"R-287 golden case 4: start inside the holiday", "2026-02-22 09:00", "4h", "2026-02-24 12:00"},
		{"R-287 golden case 5: make-up Saturday after the holiday", "2026-02-27 15:00", "8h", "2026-02-28 15:30"},
		{"F-SLA-6 three working days at the same time", "2026-02-13 10:00", "3wd", "2026-02-25 10:00"},
		{"F-SLA-6 end of the third working day", "2026-02-13 10:00", "3wd eod", "2026-02-25 17:30"},
		{"F-SLA-6 next business day, in by the cut-off", "2026-02-13 15:59", "nbd 16:00", "2026-02-14 17:30"},
		{"F-SLA-6 next business day, in after the cut-off", "2026-02-13 16:00", "nbd 16:00", "2026-02-24 17:30"},
		{"F-SLA-6 next business day, in on a day off", "2026-02-16 09:00", "nbd 16:00", "2026-02-25 17:30"},
		{"F-SLA-6 calendar days", "2026-02-13 10:00", "10d", "2026-02-23 10:00"},
		{"F-SLA-6 a calendar month ends with the month", "2026-01-31 10:00", "1mo", "2026-02-28 10:00"},
		{"F-SLA-6 a fixed date and time", "2026-02-13 10:00", "at 2026-03-01T12:00", "2026-03-01 12:00"},
		{"F-SLA-6 ahead of an event", "2026-02-13 10:00", "before go_live 2h", "2026-02-14 17:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cat := catalog(t, sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal(c.goal), Calendar: "office"})
			s := step(t, cat, sla.Sheet{}, facts{GoLive: shanghai("2026-02-24 09:30")}, shanghai(c.start))
			due, ok := s.Due(sla.Resolution)
			require.True(t, ok)
			assert.Equal(t, shanghai(c.due), due)
		})
	}

	t.Run("F-SLA-6 the due time ahead of an event follows the event", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal("before go_live 2h"), Calendar: "plain"}))
		s.see("2026-03-02 08:00", nil)
		assert.Empty(t, s.due(sla.Resolution), "not known yet")
		s.see("2026-03-02 09:00", func(f *facts) { f.GoLive = at("2026-03-04 09:00") })
		assert.Equal(t, "2026-03-03 17:00", s.due(sla.Resolution))
		s.see("2026-03-02 10:00", func(f *facts) { f.GoLive = at("2026-03-05 09:00") })
		assert.Equal(t, "2026-03-04 17:00", s.due(sla.Resolution))
	})

	t.Run("F-SLA-6 what is left over from pauses moves the end of the day only when it leaves the day", func(t *testing.T) {
		t.Parallel()
		for back, due := range map[string]string{"2026-03-03 12:00": "2026-03-05 18:00", "2026-03-03 17:59": "2026-03-06 18:00"} {
			for _, goal := range []string{"3wd eod"} {
				s := tell(t, catalog(t, sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal(goal), Calendar: "plain", Pause: `hold_reason != ""`}))
				s.see("2026-03-02 10:00", nil) // Monday; the third working day is Thursday
				s.see("2026-03-03 09:00", hold("user"))
				s.see(back, hold(""))
				assert.Equal(t, due, s.due(sla.Resolution), back)
			}
		}
	})

	t.Run("F-SLA-6 a pause moves the next business day by its own rule", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal("nbd 16:00"), Calendar: "plain", Pause: `hold_reason != ""`}))
		s.see("2026-02-28 10:00", nil) // Saturday: received Monday, due the end of Tuesday
		assert.Equal(t, "2026-03-03 18:00", s.due(sla.Resolution))
		s.see("2026-03-02 10:00", hold("user"))
		s.see("2026-03-02 12:00", hold(""))
		assert.Equal(t, "2026-03-03 18:00", s.due(sla.Resolution), "two hours fit into Tuesday")
		s.see("2026-03-02 13:00", hold("user"))
		s.see("2026-03-03 13:00", hold(""))
		assert.Equal(t, "2026-03-04 18:00", s.due(sla.Resolution), "a working day more")
	})
}
