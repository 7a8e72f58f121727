package sla_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/sla"
)

func rungs(points ...string) []sla.Rung {
	var out []sla.Rung
	for _, p := range points {
		out = append(out, sla.Rung{Name: p, At: sla.MustPoint(p)})
	}
	return out
}

// told lists the rungs that somebody was told of, and "breach".
func told(events []sla.Event) []string {
	var out []string
	for _, e := range events {
		switch {
		case e.Kind == sla.KindBreach:
			out = append(out, "breach")
		case e.Kind == sla.KindRung && !e.Suppressed:
			out = append(out, e.Rung)
		}
	}
	return out
}

func TestLadder(t *testing.T) {
	t.Parallel()
	laddered := func(goal string, ladder ...sla.Rung) sla.Definition {
		return sla.Definition{Key: "l", Metric: sla.Resolution, Goal: sla.MustGoal(goal), Calendar: "plain", Pause: `hold_reason != ""`, Ladder: ladder}
	}
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { t.Parallel(); f(t) })
	}

	run("R-280 live clocks tell which thresholds they have passed", func(t *testing.T) {
		s := tell(t, catalog(t, laddered("8h", rungs("50%", "75%", "100%")...)))
		s.see("2026-03-02 08:00", nil)
		for _, c := range []struct {
			when    string
			health  sla.Health
			reached []string
		}{
			{"2026-03-02 11:59", sla.OnTrack, nil},
			{"2026-03-02 12:00", sla.Warning, []string{"50%"}},
			{"2026-03-02 14:00", sla.Warning, []string{"50%", "75%"}},
			{"2026-03-02 16:00", sla.Warning, []string{"50%", "75%", "100%"}},
			{"2026-03-02 16:00:00.000001", sla.HealthBreached, []string{"50%", "75%", "100%"}},
		} {
			st := s.status(sla.Resolution, c.when)
			assert.Equal(t, c.health, st.Health, c.when)
			assert.Equal(t, c.reached, st.Reached, c.when)
		}
	})
	run("F-SLA-11 each rung is told once, in the order of its time, however late the tick", func(t *testing.T) {
		s := tell(t, catalog(t, laddered("8h", rungs("50%", "75%", "-30m", "100%", "+1h", "+24h wall")...)))
		s.see("2026-03-02 08:00", nil)
		assert.Empty(t, s.tick("2026-03-02 11:59"))
		assert.Equal(t, []string{"50%"}, told(s.tick("2026-03-02 12:00")))
		assert.Empty(t, s.tick("2026-03-02 12:00"))
		events := s.tick("2026-03-09 12:00")
		assert.Equal(t, []string{"75%", "-30m", "100%", "breach", "+1h", "+24h wall"}, told(events))
		assert.Equal(t, at("2026-03-02 14:00"), events[0].At, "when it was due")
		assert.Equal(t, at("2026-03-09 12:00"), events[0].Told, "when it was told")
		_, wakes := s.sheet.NextWake()
		assert.False(t, wakes)
	})
	run("F-SLA-11 a rung repeats up to its cap, and repetitions that passed together are one", func(t *testing.T) {
		s := tell(t, catalog(t, laddered("1h", sla.Rung{Name: "nag", At: sla.MustPoint("100%"), Every: sla.MustPace("1h wall"), Times: 4})))
		s.see("2026-03-02 08:00", nil)
		assert.Equal(t, []string{"nag"}, told(s.tick("2026-03-02 09:00")))
		assert.Equal(t, []string{"breach", "nag"}, told(s.tick("2026-03-02 10:00")))
		events := s.tick("2026-03-02 23:00")
		require.Equal(t, []string{"nag"}, told(events))
		assert.Equal(t, 4, events[0].Nth)
		_, wakes := s.sheet.NextWake()
		assert.False(t, wakes)
	})
	run("F-SLA-11 acknowledging a rung silences it and the rungs below", func(t *testing.T) {
		s := tell(t, catalog(t, laddered("4h", sla.Rung{Name: "low", At: sla.MustPoint("50%"), Every: sla.MustPace("10m"), Times: 20}, sla.Rung{Name: "high", At: sla.MustPoint("100%")})))
		s.see("2026-03-02 08:00", nil)
		_, err := s.c.Acknowledge(s.sheet, 1, "", "u-1", at("2026-03-02 09:00"))
		require.ErrorIs(t, err, sla.ErrEvents, "nothing has been told yet")
		s.tick("2026-03-02 10:00")
		s.take(s.c.Acknowledge(s.sheet, 1, "", "u-1", at("2026-03-02 10:05")))
		assert.Empty(t, s.tick("2026-03-02 11:59"))
		assert.Equal(t, []string{"high"}, told(s.tick("2026-03-02 12:00")), "the higher one still comes")
	})
	run("F-SLA-11 rungs wait while their clock does", func(t *testing.T) {
		s := tell(t, catalog(t, laddered("4h", rungs("50%")...)))
		s.see("2026-03-02 08:00", nil)
		s.see("2026-03-02 09:00", hold("user"))
		_, wakes := s.sheet.NextWake()
		assert.False(t, wakes)
		assert.Empty(t, s.tick("2026-03-02 17:00"))
		s.see("2026-03-03 08:00", hold(""))
		wake, _ := s.sheet.NextWake()
		assert.Equal(t, at("2026-03-03 09:00"), wake)
	})
	for _, c := range []struct {
		late sla.Late
		want []string
	}{
		{sla.FireLate, []string{"25%", "50%"}}, {sla.Suppress, nil}, {sla.Collapse, []string{"50%"}},
	} {
		run("F-SLA-11 rungs already past after a re-targeting: "+string(c.late), func(t *testing.T) {
			defs := changing(sla.KeepElapsed)
			defs[1].Ladder, defs[1].Late = rungs("25%", "50%", "75%"), c.late
			s := tell(t, catalog(t, defs...))
			s.see("2026-03-02 08:00", priority("P3"))
			s.see("2026-03-02 10:30", priority("P1")) // 2.5 h of 4 h used
			assert.Equal(t, c.want, told(s.tick("2026-03-02 10:30")))
			assert.Equal(t, []string{"75%"}, told(s.tick("2026-03-02 11:00")))
			assert.Empty(t, told(s.tick("2026-03-02 11:00")))
		})
	}
	run("F-SLA-11 a rung of a goal in days is a share of its working time", func(t *testing.T) {
		s := tell(t, catalog(t, laddered("2wd", rungs("50%", "-2h")...)))
		s.see("2026-03-06 12:00", nil) // Friday; due Tuesday 12:00, 20 working hours
		wake, _ := s.sheet.NextWake()
		assert.Equal(t, at("2026-03-09 12:00"), wake)
		s.tick("2026-03-09 12:00")
		wake, _ = s.sheet.NextWake()
		assert.Equal(t, at("2026-03-10 10:00"), wake)
	})

	t.Run("F-SLA-11 ticking at every wake tells the same as ticking once at the end", rapid.MakeCheck(func(t *rapid.T) {
		ladder := rungs("20%", "60%", "-15m", "100%", "+20m", "+3h wall")
		d := sla.Definition{Key: "l", Metric: sla.Resolution, Goal: sla.Work(time.Duration(rapid.IntRange(30, 900).Draw(t, "goal")) * time.Minute), Calendar: "c", Ladder: ladder}
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{d}}, map[string]*calendar.Calendar{"c": genCalendar(t, "c")})
		require.NoError(t, err)
		start := step(t, cat, sla.Sheet{}, facts{}, minute(rapid.IntRange(0, 3000).Draw(t, "start")))
		end := minute(100000)
		once, err := cat.Tick(start, end)
		require.NoError(t, err)
		var each []sla.Event
		s := start
		for {
			wake, ok := s.NextWake()
			if !ok || wake.After(end) {
				break
			}
			events, err := cat.Tick(s, wake)
			require.NoError(t, err)
			require.NotEmpty(t, events, "a wake always has something to do")
			s, each = s.Apply(events...), append(each, events...)
		}
		require.Len(t, each, len(once))
		for i := range once {
			assert.Equal(t, once[i].At, each[i].At)
			assert.Equal(t, once[i].Rung, each[i].Rung)
		}
		again, err := cat.Tick(s, end)
		require.NoError(t, err)
		assert.Empty(t, again)
	}))
}
