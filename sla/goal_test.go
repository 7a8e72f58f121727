package sla_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/sla"
)

func TestKeptClockTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, start, goal, want string }{ // 2026-03-02 is a Monday; hours are 08:00 to 18:00
		{"F-SLA-6 keep: early", "2026-03-02 06:15", "1wd keep", "2026-03-03 06:15"},
		{"F-SLA-6 without keep: early", "2026-03-02 06:15", "1wd", "2026-03-03 08:00"},
		{"F-SLA-6 keep: on a day off", "2026-03-07 10:00", "1wd keep", "2026-03-10 10:00"},
		{"F-SLA-6 without keep: on a day off", "2026-03-07 10:00", "1wd", "2026-03-10 08:00"},
		{"F-SLA-6 keep: late", "2026-03-06 18:00", "3wd keep", "2026-03-12 08:00"},
		{"F-SLA-6 without keep: late", "2026-03-06 18:00", "3wd", "2026-03-12 08:00"},
		{"F-SLA-6 keep: within hours", "2026-03-06 12:00", "3wd keep", "2026-03-11 12:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := tell(t, single(t, mustCal(plainJSON), sla.MustGoal(c.goal)))
			s.see(c.start, nil)
			assert.Equal(t, c.want, s.due(sla.Resolution))
		})
	}

	t.Run("F-SLA-6 keep: whole working days of a pause keep the clock time, the rest counts as working time", func(t *testing.T) {
		t.Parallel()
		s := tell(t, single(t, mustCal(plainJSON), sla.MustGoal("2wd keep")))
		s.see("2026-03-02 06:15", nil)
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-03 09:00", hold(""))
		assert.Equal(t, "2026-03-05 06:15", s.due(sla.Resolution))
		s.see("2026-03-03 10:00", hold("user"))
		s.see("2026-03-03 12:30", hold(""))
		assert.Equal(t, "2026-03-05 10:30", s.due(sla.Resolution))
	})

	t.Run("F-SLA-2 a pause wholly outside working time changes nothing, even where it covers a due time that was kept", func(t *testing.T) {
		t.Parallel()
		s := tell(t, single(t, mustCal(plainJSON), sla.MustGoal("1wd keep")))
		s.see("2026-03-02 06:15", nil)
		s.see("2026-03-03 05:00", hold("user"))
		assert.Empty(t, s.due(sla.Resolution))
		s.see("2026-03-03 08:00", hold(""))
		assert.Equal(t, "2026-03-03 06:15", s.due(sla.Resolution))
		assert.Equal(t, sla.HealthBreached, s.status(sla.Resolution, "2026-03-03 08:00").Health)
	})

	t.Run("F-SLA-6 keep: a longer pause never makes it earlier, whenever it came in", func(t *testing.T) {
		t.Parallel()
		cat := single(t, mustCal(plainJSON), sla.MustGoal("3wd keep"))
		rapid.Check(t, func(t *rapid.T) {
			start := genInstant(t, "start")
			p := start.Add(time.Duration(rapid.IntRange(0, 48*3600).Draw(t, "running")) * time.Second)
			pause := func(name string, least int) time.Duration {
				return time.Duration(rapid.IntRange(least, 90*3600).Draw(t, name)) * time.Second
			}
			r := p.Add(pause("paused", 1))
			running := step(t, cat, sla.Sheet{}, facts{}, start)
			before, ok0 := running.Due(sla.Resolution)
			paused := step(t, cat, running, facts{Hold: "user"}, p)
			a, ok1 := step(t, cat, paused, facts{}, r).Due(sla.Resolution)
			b, ok2 := step(t, cat, paused, facts{}, r.Add(pause("more", 0))).Due(sla.Resolution)
			require.True(t, ok0 && ok1 && ok2)
			assert.False(t, a.Before(before))
			assert.False(t, b.Before(a))
		})
	})
}
