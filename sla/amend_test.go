package sla_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/sla"
)

func TestLateThroughChains(t *testing.T) {
	t.Parallel()
	t.Run("F-SLA-7 a wait entered late moves the due time of the clock that took over", func(t *testing.T) {
		t.Parallel()
		for policy, want := range map[sla.Retarget]string{sla.KeepElapsed: "2026-03-02 14:00", sla.Fraction: "2026-03-02 15:00", sla.Restart: "2026-03-02 16:00"} {
			defs := changing(policy)
			s := tell(t, catalog(t, defs...))
			s.see("2026-03-02 08:00", priority("P3"))
			s.see("2026-03-02 11:00", hold("user"))
			s.see("2026-03-02 12:00", both(hold(""), priority("P1")))
			before := s.due(sla.Resolution)
			events := s.take(s.c.Observe(s.sheet, facts{Priority: "P3", Hold: "user"}, at("2026-03-02 10:00")))
			assert.Equal(t, want, s.due(sla.Resolution), policy)
			if before != want {
				assert.Equal(t, []sla.Kind{sla.KindPause, sla.KindAmend}, kinds(events), policy)
			}
		}
	})
	t.Run("F-SLA-7 a replay keeps the pauses that the new target knows, and counts the others", func(t *testing.T) {
		t.Parallel()
		defs := changing(sla.Replay)
		defs[0].Calendar = ""
		defs[1].PauseReasons = []string{"window"}
		s := tell(t, catalog(t, defs...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-02 10:00", hold(""))
		s.see("2026-03-02 10:30", hold("window"))
		s.see("2026-03-02 11:30", hold(""))
		s.see("2026-03-02 11:45", priority("P1"))
		assert.Equal(t, "2026-03-02 13:00", s.due(sla.Resolution), "four hours and the hour for the window")
		assert.Equal(t, time.Hour, s.status(sla.Resolution, "2026-03-02 12:00").Paused)
	})
	t.Run("F-SLA-7 a replay ends a wait that the new target does not know", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, changing(sla.Replay)...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 09:00", hold("user"))
		s.see("2026-03-02 11:00", priority("P1"))
		assert.Equal(t, "2026-03-02 12:00", s.due(sla.Resolution))
		assert.Equal(t, sla.Running, s.status(sla.Resolution, "2026-03-02 11:00").State)
	})
	t.Run("F-SLA-7 a target that takes over before the start begins with it", func(t *testing.T) {
		t.Parallel()
		defs := changing(sla.KeepElapsed)
		defs[0].Start, defs[1].Start = "started", "started"
		s := tell(t, catalog(t, defs...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 09:00", priority("P1"))
		assert.Equal(t, sla.NotStarted, s.status(sla.Resolution, "2026-03-02 09:00").State)
		s.see("2026-03-02 10:00", func(f *facts) { f.Started = true })
		assert.Equal(t, "2026-03-02 14:00", s.due(sla.Resolution))
	})
	t.Run("F-SLA-7 a goal in days that takes over counts from the origin, pauses included", func(t *testing.T) {
		t.Parallel()
		defs := changing(sla.KeepElapsed)
		defs[1].Goal, defs[1].Calendar = sla.MustGoal("3wd"), "plain"
		s := tell(t, catalog(t, defs...))
		s.see("2026-03-02 10:00", priority("P3"))
		s.see("2026-03-03 10:00", hold("user"))
		s.see("2026-03-04 10:00", hold(""))
		s.see("2026-03-04 11:00", priority("P1"))
		assert.Equal(t, "2026-03-06 10:00", s.due(sla.Resolution), "three days and the day of the wait")
	})
	t.Run("F-SLA-7 a correction that makes a breach earlier amends the fact", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, everything("2h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		pause := s.see("2026-03-02 09:00", hold("user"))[0]
		s.see("2026-03-02 10:00", hold(""))
		fact := s.tick("2026-03-02 12:00")[0]
		require.Equal(t, at("2026-03-02 11:00"), fact.At)
		events := s.take(s.c.Adjust(s.sheet, sla.Correction{Event: pause.Seq, Void: true, By: "u-1", Why: "did not wait"}))
		last := events[len(events)-1]
		assert.Equal(t, sla.KindAmend, last.Kind)
		assert.Equal(t, fact.Seq, last.Ref)
		assert.False(t, last.Void)
		assert.Equal(t, at("2026-03-02 10:00"), last.Breach)
		assert.Empty(t, s.tick("2026-03-02 13:00"), "it is not told twice")
	})
}

func TestRepinDefinition(t *testing.T) {
	t.Parallel()
	t.Run("F-SLA-17 repinning takes the newer version of the definition with its ladder", func(t *testing.T) {
		t.Parallel()
		v1 := sla.Definition{Key: "g", Version: "1", Metric: sla.Resolution, Goal: sla.MustGoal("8h"), Ladder: rungs("50%")}
		v2 := v1
		v2.Version, v2.Goal = "2", sla.MustGoal("4h")
		s := tell(t, catalog(t, v1))
		s.see("2026-03-02 08:00", nil)
		s.tick("2026-03-02 12:00")
		v1.To, v2.From = calendar.MustDate("2026-02-28"), calendar.MustDate("2026-03-01")
		newer := catalog(t, v1, v2)
		moves, err := s.c.Moved(s.sheet, newer)
		require.NoError(t, err)
		require.Len(t, moves, 1)
		assert.Equal(t, at("2026-03-02 12:00"), moves[0].After.Due)
		assert.Equal(t, at("2026-03-02 16:00"), moves[0].Before.Due)
		s.c = newer
		s.take(newer.Repin(s.sheet, at("2026-03-02 13:00"), "u-1", "contract amended", 1))
		assert.Equal(t, []string{"50%", "breach"}, told(s.tick("2026-03-02 13:00")), "the key of a rung has the version in it")
		_, err = newer.Repin(s.sheet, at("2026-03-02 13:00"), "u-1", "again", 7)
		require.ErrorIs(t, err, sla.ErrEvents)
	})
}

func TestEdges(t *testing.T) {
	t.Parallel()
	t.Run("F-SLA-6 a wait that begins at the due time does not move it", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal("1wd"), Calendar: "plain", Pause: `hold_reason != ""`}))
		s.see("2026-03-02 10:00", nil)
		s.see("2026-03-03 10:00", hold("user"))
		s.see("2026-03-04 10:00", hold(""))
		assert.Equal(t, "2026-03-03 10:00", s.due(sla.Resolution))
	})
	t.Run("a wait for another reason is noted once and goes on", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, everything("8h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 09:00", hold("user"))
		assert.Equal(t, []sla.Kind{sla.KindPause}, kinds(s.see("2026-03-02 10:00", hold("window"))))
		assert.Empty(t, s.see("2026-03-02 11:00", nil))
		s.see("2026-03-02 12:00", hold(""))
		assert.Equal(t, "2026-03-03 09:00", s.due(sla.Resolution), "one hour used before, six after, one left")
		assert.Equal(t, 3*time.Hour, s.status(sla.Resolution, "2026-03-02 12:00").Paused)
	})
	t.Run("F-SLA-17 a pinned version stays in force when its time is over", func(t *testing.T) {
		t.Parallel()
		v1 := sla.Definition{Key: "g", Version: "1", Metric: sla.Resolution, Goal: sla.MustGoal("8h")}
		s := tell(t, catalog(t, v1))
		s.see("2026-03-02 08:00", nil)
		v1.To = calendar.MustDate("2026-02-28")
		s.c = catalog(t, v1)
		assert.Empty(t, s.see("2026-03-02 09:00", nil))
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution))
	})
}

func TestWallClockGoals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, zone, goal, start, due string }{
		{"F-SLA-5 a time in the gap is the instant of the jump", "Europe/Berlin", "at 2026-03-29T02:30", "2026-03-01 00:00", "2026-03-29 01:00"},
		{"F-SLA-5 a repeated time is its first pass", "Europe/Berlin", "at 2026-10-25T02:30", "2026-03-01 00:00", "2026-10-25 00:30"},
		{"F-SLA-5 a repeated time in New York", "America/New_York", "at 2026-11-01T01:30", "2026-03-01 00:00", "2026-11-01 05:30"},
		{"F-SLA-5 a gap in New York", "America/New_York", "at 2026-03-08T02:00", "2026-03-01 00:00", "2026-03-08 07:00"},
		{"F-SLA-5 a midnight gap in São Paulo", "America/Sao_Paulo", "at 2018-11-04T00:00", "2018-03-01 00:00", "2018-11-04 03:00"},
		{"F-SLA-5 half an hour on Lord Howe", "Australia/Lord_Howe", "at 2026-10-04T02:15", "2026-03-01 00:00", "2026-10-03 15:30"},
		{"F-SLA-5 a day keeps the clock time over a change", "Europe/Berlin", "1d", "2026-03-28 11:00", "2026-03-29 10:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			zone := mustCal(`{"zone": "` + c.zone + `", "week": {"mon": ["00:00-24:00"]}}`)
			d := sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal(c.goal), Calendar: "c"}
			cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{d}}, map[string]*calendar.Calendar{"c": zone})
			require.NoError(t, err)
			s := step(t, cat, sla.Sheet{}, facts{}, at(c.start))
			due, ok := s.Due(sla.Resolution)
			require.True(t, ok)
			assert.Equal(t, at(c.due), due)
		})
	}
}
