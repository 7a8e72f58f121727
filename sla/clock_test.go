package sla_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/sla"
)

func everything(goal string) sla.Definition {
	return sla.Definition{
		Key: "all", Metric: sla.Resolution, Goal: sla.MustGoal(goal), Calendar: "plain",
		Start: "started", Pause: `hold_reason != ""`, Stop: `phase == "resolved"`, Reset: "rejected", Cancel: "dropped",
	}
}

func TestClocks(t *testing.T) {
	t.Parallel()
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { t.Parallel(); f(t) })
	}

	for _, c := range []struct {
		name  string
		facts facts
		want  sla.State
		kinds []sla.Kind
	}{
		{"F-SLA-3 stop beats everything", facts{Started: true, Hold: "user", Rejected: true, Dropped: true, Phase: "resolved"}, sla.Stopped, []sla.Kind{sla.KindStop}},
		{"F-SLA-3 pause beats start", facts{Started: true, Hold: "user"}, sla.Paused, []sla.Kind{sla.KindStart, sla.KindPause}},
		{"F-SLA-3 start without anything else", facts{Started: true}, sla.Running, []sla.Kind{sla.KindStart}},
	} {
		run(c.name, func(t *testing.T) {
			s := tell(t, catalog(t, everything("8h")))
			s.see("2026-03-02 08:00", nil)
			s.facts = c.facts
			assert.Equal(t, c.kinds, kinds(s.see("2026-03-02 09:00", nil)))
			st := s.status(sla.Resolution, "2026-03-02 12:00")
			assert.Equal(t, c.want, st.State)
		})
	}
	run("F-SLA-3 pause comes before reset, and the next cycle begins paused", func(t *testing.T) {
		s := tell(t, catalog(t, everything("8h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		events := s.see("2026-03-02 09:00", func(f *facts) { f.Hold, f.Rejected = "user", true })
		assert.Equal(t, []sla.Kind{sla.KindPause, sla.KindReset, sla.KindAttach, sla.KindStart, sla.KindPause}, kinds(events))
		assert.Equal(t, sla.Paused, s.status(sla.Resolution, "2026-03-02 10:00").State)
	})
	run("F-SLA-3 a late observation holds up to the next event", func(t *testing.T) {
		s := tell(t, catalog(t, everything("8h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 14:00", hold("user"))
		s.see("2026-03-02 15:00", hold(""))
		assert.Equal(t, "2026-03-02 17:00", s.due(sla.Resolution))
		s.take(s.c.Observe(s.sheet, facts{Started: true, Hold: "window"}, at("2026-03-02 13:00")))
		assert.Equal(t, "2026-03-02 18:00", s.due(sla.Resolution), "waiting from 13:00 to 15:00")
	})
	run("F-SLA-3 a late stop is as good as one in time", func(t *testing.T) {
		s := tell(t, catalog(t, everything("2h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 11:00", phase("resolved"))
		assert.Equal(t, sla.Breached, s.status(sla.Resolution, "2026-03-02 12:00").Outcome)
		s.take(s.c.Observe(s.sheet, facts{Started: true, Phase: "resolved"}, at("2026-03-02 10:00")))
		st := s.status(sla.Resolution, "2026-03-02 12:00")
		assert.Equal(t, sla.Met, st.Outcome)
		last := s.sheet.Events()[s.sheet.Len()-1]
		assert.Equal(t, sla.KindAmend, last.Kind)
		assert.True(t, last.Void, "the breach is taken back by a new fact")
	})
	run("F-SLA-3 a late stop before a re-targeting leaves the later clock nothing to measure", func(t *testing.T) {
		s := tell(t, catalog(t, changing(sla.KeepElapsed)...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 10:00", priority("P1"))
		s.take(s.c.Observe(s.sheet, facts{Priority: "P3", Phase: "resolved"}, at("2026-03-02 09:00")))
		all := s.all("2026-03-02 11:00")
		assert.Equal(t, sla.Met, all[0].Outcome)
		assert.Equal(t, sla.Cancelled, all[1].Outcome)
	})

	run("R-287 exactly the goal is met, a microsecond more is not", func(t *testing.T) {
		for when, want := range map[string]sla.Outcome{"2026-03-02 10:00": sla.Met, "2026-03-02 10:00:00.000001": sla.Breached} {
			s := tell(t, catalog(t, everything("2h")))
			s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
			s.see(when, phase("resolved"))
			assert.Equal(t, want, s.status(sla.Resolution, "2026-03-02 12:00").Outcome, when)
		}
	})
	run("R-287 time outside the calendar never turns a met goal into a breach", func(t *testing.T) {
		s := tell(t, catalog(t, everything("2h")))
		s.see("2026-03-02 16:00", func(f *facts) { f.Started = true })
		assert.Equal(t, "2026-03-02 18:00", s.due(sla.Resolution))
		assert.Equal(t, at("2026-03-03 08:00"), s.status(sla.Resolution, "2026-03-02 20:00").Breach)
		assert.Equal(t, sla.OnTrack, s.status(sla.Resolution, "2026-03-03 08:00").Health)
		s.see("2026-03-03 07:59", phase("resolved"))
		assert.Equal(t, sla.Met, s.status(sla.Resolution, "2026-03-03 12:00").Outcome)
	})
	run("R-287 pauses by reason: only reasons that the target names stop its clock", func(t *testing.T) {
		customer := sla.Definition{Key: "customer", Metric: sla.Resolution, Goal: sla.MustGoal("8h"), Calendar: "plain", PauseReasons: []string{"waiting_user", "waiting_window"}}
		restore := sla.Definition{Key: "restore", Metric: sla.Restoration, Goal: sla.MustGoal("4h"), Calendar: "plain", PauseReasons: []string{"waiting_user", "waiting_entry"}}
		s := tell(t, catalog(t, customer, restore))
		s.see("2026-03-02 08:00", nil)
		s.see("2026-03-02 09:00", hold("waiting_window"))
		assert.Empty(t, s.due(sla.Resolution))
		assert.Equal(t, "2026-03-02 12:00", s.due(sla.Restoration))
		s.see("2026-03-02 10:00", hold("waiting_supplier"))
		assert.Equal(t, "2026-03-02 17:00", s.due(sla.Resolution), "our supplier is our business")
		s.see("2026-03-02 11:00", hold("waiting_user"))
		assert.Empty(t, s.due(sla.Resolution))
		assert.Empty(t, s.due(sla.Restoration))
		x, err := s.c.Explain(s.sheet, 1, at("2026-03-02 12:00"))
		require.NoError(t, err)
		require.Len(t, x.Pauses, 2)
		assert.Equal(t, "waiting_window", x.Pauses[0].Reason)
		assert.Equal(t, "waiting_user", x.Pauses[1].Reason)
	})
	run("R-287 a P1 clock without pause reasons cannot be paused", func(t *testing.T) {
		s := tell(t, catalog(t, changing(sla.KeepElapsed)...))
		s.see("2026-03-02 08:00", priority("P1"))
		assert.Empty(t, s.see("2026-03-02 09:00", hold("waiting_user")))
		assert.Equal(t, "2026-03-02 12:00", s.due(sla.Resolution))
	})
	run("R-287 due is absent while paused, and stays once it has been reached", func(t *testing.T) {
		s := tell(t, catalog(t, everything("2h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 09:00", hold("user"))
		assert.Empty(t, s.due(sla.Resolution))
		s.see("2026-03-02 10:00", hold(""))
		s.see("2026-03-02 12:00", hold("user"))
		assert.Equal(t, "2026-03-02 11:00", s.due(sla.Resolution), "passed before the wait began")
	})
	run("F-SLA-8 targets of one record are independent", func(t *testing.T) {
		resp := sla.Definition{Key: "resp", Metric: sla.Response, Goal: sla.MustGoal("15m"), Stop: "responded"}
		s := tell(t, catalog(t, everything("8h"), resp))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 08:10", func(f *facts) { f.Responded = true })
		assert.Equal(t, sla.Met, s.status(sla.Response, "2026-03-02 12:00").Outcome)
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution))
	})
	run("a record that is born finished has a clock that was met", func(t *testing.T) {
		s := tell(t, catalog(t, everything("8h")))
		events := s.see("2026-03-02 08:00", func(f *facts) { f.Started, f.Phase = true, "resolved" })
		assert.Equal(t, []sla.Kind{sla.KindAttach, sla.KindStart, sla.KindStop}, kinds(events))
		assert.Equal(t, sla.Met, s.status(sla.Resolution, "2026-03-02 08:00").Outcome)
	})
	run("F-SLA-9 a retroactive start counts from the fact", func(t *testing.T) {
		d := everything("8h")
		d.RetroactiveStart = "opened_at"
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 12:00", func(f *facts) { f.Started, f.OpenedAt = true, at("2026-03-02 09:00") })
		assert.Equal(t, "2026-03-02 17:00", s.due(sla.Resolution))
		assert.Equal(t, 3*time.Hour, s.status(sla.Resolution, "2026-03-02 12:00").Elapsed)
	})
	run("F-SLA-9 conditions that need other data do not load", func(t *testing.T) {
		d := everything("8h")
		d.Stop = "supplier.answered"
		_, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{d}}, calendars(t))
		require.ErrorIs(t, err, sla.ErrData)
		assert.Contains(t, err.Error(), "definitions[0] all: stop")
	})
	run("F-SLA-9 resume may have a condition of its own", func(t *testing.T) {
		d := everything("8h")
		d.Pause, d.Resume = `hold_reason == "user"`, `phase == "answered"`
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 09:00", hold("user"))
		assert.Empty(t, s.see("2026-03-02 10:00", hold("")))
		assert.Equal(t, []sla.Kind{sla.KindResume}, kinds(s.see("2026-03-02 11:00", phase("answered"))))
	})
	run("F-SLA-12 reopening resumes the cycle by policy", func(t *testing.T) {
		s := tell(t, catalog(t, everything("4h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 09:00", phase("resolved"))
		s.see("2026-03-02 12:00", phase("active"))
		assert.Equal(t, "2026-03-02 15:00", s.due(sla.Resolution), "the time between does not count")
		assert.Equal(t, 1, s.status(sla.Resolution, "2026-03-02 12:00").Cycle)
	})
	run("F-SLA-12 reopening begins the next cycle by policy, and reports choose which count", func(t *testing.T) {
		d := everything("4h")
		d.Reopen = sla.NewCycle
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 09:00", phase("resolved"))
		s.see("2026-03-02 12:00", phase("active"))
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution))
		s.see("2026-03-02 17:00", phase("resolved"))
		all := s.all("2026-03-03 00:00")
		require.Len(t, all, 2)
		assert.Equal(t, sla.Met, all[0].Outcome)
		assert.Equal(t, 2, all[1].Cycle)
		from, to := at("2026-03-01 00:00"), at("2026-04-01 00:00")
		assert.Equal(t, sla.Tally{Met: 1}, sla.Count(from, to, sla.FirstCycle, all))
		assert.Equal(t, sla.Tally{Breached: 1}, sla.Count(from, to, sla.WorstCycle, all))
		assert.Equal(t, sla.Tally{Met: 1, Breached: 1}, sla.Count(from, to, sla.EveryCycle, all))
	})
	run("F-SLA-12 a retroactive start does not reach back behind the cycle before", func(t *testing.T) {
		d := everything("4h")
		d.Reopen, d.RetroactiveStart = sla.NewCycle, "opened_at"
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 09:00", func(f *facts) { f.Started, f.OpenedAt = true, at("2026-03-02 08:00") })
		assert.Equal(t, "2026-03-02 12:00", s.due(sla.Resolution))
		s.see("2026-03-02 10:00", phase("resolved"))
		s.see("2026-03-04 08:00", phase("active"))
		assert.Equal(t, "2026-03-04 12:00", s.due(sla.Resolution))
		s.see("2026-03-04 09:00", phase("resolved"))
		s.see("2026-03-05 12:00", func(f *facts) { f.Phase, f.OpenedAt = "active", at("2026-03-05 11:00") })
		assert.Equal(t, "2026-03-05 15:00", s.due(sla.Resolution), "a fact of the new cycle counts")
	})
	run("R-170 a rejection restarts the resolution clock where the target says so", func(t *testing.T) {
		d := everything("4h")
		s := tell(t, catalog(t, d))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 10:00", func(f *facts) { f.Rejected = true })
		assert.Equal(t, "2026-03-02 14:00", s.due(sla.Resolution))
		assert.Equal(t, 2, s.status(sla.Resolution, "2026-03-02 10:00").Cycle)
		assert.Empty(t, s.see("2026-03-02 11:00", nil), "one rejection restarts once")
		s.see("2026-03-02 11:30", func(f *facts) { f.Rejected = false })
		s.see("2026-03-02 12:00", func(f *facts) { f.Rejected = true })
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution), "and the next one again")
		assert.Equal(t, 3, s.status(sla.Resolution, "2026-03-02 12:00").Cycle)

		d.Reset = ""
		s = tell(t, catalog(t, d))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 10:00", func(f *facts) { f.Rejected = true })
		assert.Equal(t, "2026-03-02 12:00", s.due(sla.Resolution), "where it does not say so, it runs on")
	})
	run("R-170 a reset does not wipe out a breach", func(t *testing.T) {
		s := tell(t, catalog(t, everything("1h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 10:00", func(f *facts) { f.Rejected = true })
		assert.Equal(t, sla.Breached, s.all("2026-03-02 10:00")[0].Outcome)
	})
	run("R-166 each tier has its own limit inside the customer's clock", func(t *testing.T) {
		d := everything("8h")
		d.PauseReasons, d.Pause = []string{"user"}, ""
		tier := func(key string, goal string) sla.Definition {
			return sla.Definition{
				Key: key, Metric: "tier", Goal: sla.MustGoal(goal), Calendar: "plain", For: map[string][]string{"service": {key}}, Retarget: sla.Restart,
				Ladder: []sla.Rung{{Name: "warn", At: sla.MustPoint("75%")}},
			}
		}
		s := tell(t, catalog(t, d, tier("l1", "30m"), tier("l2", "4h"), tier("l3", "1h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started, f.Service = true, "l1" })
		assert.Equal(t, "2026-03-02 08:30", s.due("tier"))
		s.see("2026-03-02 08:20", func(f *facts) { f.Service = "l2" })
		assert.Equal(t, "2026-03-02 12:20", s.due("tier"))
		fired := s.tick("2026-03-02 11:20")
		require.Len(t, fired, 1)
		assert.Equal(t, "warn", fired[0].Rung, "warned before the limit")
		s.see("2026-03-02 12:00", func(f *facts) { f.Service = "l3" })
		assert.Equal(t, "2026-03-02 13:00", s.due("tier"))
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution), "the customer's clock runs through all tiers")
	})
	run("a cancelled clock has no result, and a new one may begin", func(t *testing.T) {
		s := tell(t, catalog(t, everything("8h")))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		s.see("2026-03-02 09:00", func(f *facts) { f.Dropped = true })
		assert.Equal(t, sla.Cancelled, s.status(sla.Resolution, "2026-03-02 09:00").Outcome)
		s.see("2026-03-02 10:00", func(f *facts) { f.Dropped = false })
		assert.Equal(t, "2026-03-02 18:00", s.due(sla.Resolution))
	})
}

func TestMergeAndCorrections(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, goal string) *story {
		s := tell(t, catalog(t, everything(goal)))
		s.see("2026-03-02 08:00", func(f *facts) { f.Started = true })
		return s
	}
	t.Run("F-SLA-18 the clocks of a duplicate end as merged, neither met nor breached", func(t *testing.T) {
		t.Parallel()
		s := begin(t, "8h")
		s.take(s.sheet.End(sla.Merged, at("2026-03-02 10:00")), nil)
		st := s.status(sla.Resolution, "2026-03-05 10:00")
		assert.Equal(t, sla.Merged, st.Outcome)
		assert.Equal(t, sla.HealthMerged, st.Health)
		assert.Equal(t, 2*time.Hour, st.Elapsed)
		assert.Empty(t, s.see("2026-03-02 11:00", nil), "and no new clock begins")
		_, wakes := s.sheet.NextWake()
		assert.False(t, wakes)
		_, due := s.sheet.NextDue()
		assert.False(t, due)

		s.take(s.c.Revive(s.sheet, "u-1", "merged by mistake"))
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution), "as if it had not happened")
	})
	t.Run("F-SLA-18 a breach before the merge stays a fact", func(t *testing.T) {
		t.Parallel()
		s := begin(t, "1h")
		s.take(s.sheet.End(sla.Merged, at("2026-03-02 10:00")), nil)
		assert.Equal(t, at("2026-03-02 09:00"), s.status(sla.Resolution, "2026-03-02 10:00").Breach)
	})
	t.Run("a correction keeps the original beside the corrected time", func(t *testing.T) {
		t.Parallel()
		s := begin(t, "8h")
		pause := s.see("2026-03-02 10:00", hold("user"))[0]
		s.see("2026-03-02 12:00", hold(""))
		fixed := s.take(s.c.Adjust(s.sheet, sla.Correction{Event: pause.Seq, At: at("2026-03-02 11:00"), By: "u-1", Why: "the call ended at 11"}))
		assert.Equal(t, at("2026-03-02 10:00"), fixed[0].Was)
		assert.Equal(t, pause, s.sheet.Events()[pause.Seq-1])
		assert.Equal(t, "2026-03-02 17:00", s.due(sla.Resolution))
		s.take(s.c.Adjust(s.sheet, sla.Correction{Event: pause.Seq, Void: true, By: "u-1", Why: "never waited"}))
		assert.Equal(t, "2026-03-02 16:00", s.due(sla.Resolution))
		x, err := s.c.Explain(s.sheet, 1, at("2026-03-02 13:00"))
		require.NoError(t, err)
		assert.Len(t, x.Facts, 2, "both corrections are in the derivation")
	})
	t.Run("a correction without who and why is refused", func(t *testing.T) {
		t.Parallel()
		s := begin(t, "8h")
		for _, fix := range []sla.Correction{
			{Event: 2, At: at("2026-03-02 09:00"), By: "u-1"}, {Event: 2, At: at("2026-03-02 09:00"), Why: "x"},
			{Event: 9, At: at("2026-03-02 09:00"), By: "u-1", Why: "x"}, {Event: 1, At: at("2026-03-02 09:00"), By: "u-1", Why: "x"}, {Event: 2, By: "u-1", Why: "x"},
		} {
			_, err := s.c.Adjust(s.sheet, fix)
			assert.ErrorIs(t, err, sla.ErrEvents)
		}
	})
	t.Run("INV-14 met, breached and excluded are the total, open ones apart", func(t *testing.T) {
		t.Parallel()
		end := func(change func(*story)) []sla.Status {
			s := begin(t, "2h")
			change(s)
			return s.all("2026-03-02 17:00")
		}
		records := [][]sla.Status{
			end(func(s *story) { s.see("2026-03-02 09:00", phase("resolved")) }),
			end(func(s *story) { s.see("2026-03-02 13:00", phase("resolved")) }),
			end(func(s *story) { s.sheet = s.sheet.Apply(s.sheet.End(sla.Merged, at("2026-03-02 12:00"))...) }),
			end(func(s *story) { s.see("2026-03-02 09:00", func(f *facts) { f.Dropped = true }) }),
			end(func(s *story) { s.see("2026-03-02 09:00", func(f *facts) { f.Rejected = true }) }),
			end(func(s *story) { s.see("2026-03-02 16:30", hold("user")) }),
		}
		got := sla.Count(at("2026-03-02 00:00"), at("2026-03-03 00:00"), sla.EveryCycle, records...)
		assert.Equal(t, sla.Tally{Met: 1, Breached: 1, Superseded: 1, Merged: 1, Cancelled: 1, OpenBreached: 2}, got)
		assert.Equal(t, got.Total(), got.Met+got.Breached+got.Excluded())
		met, finished := got.Share()
		assert.Equal(t, [2]int{1, 2}, [2]int{met, finished})
	})
	t.Run("F-SLA-18 the same figure comes out for any past date", func(t *testing.T) {
		t.Parallel()
		s := begin(t, "2h")
		var before []sla.Status
		for _, when := range []string{"2026-03-02 09:30", "2026-03-02 11:30"} {
			before = append(before, s.status(sla.Resolution, when))
			if when == "2026-03-02 09:30" {
				s.see("2026-03-02 09:45", hold("user"))
				s.see("2026-03-02 10:45", hold(""))
				s.tick("2026-03-02 11:00")
			}
		}
		s.see("2026-03-02 14:00", phase("resolved"))
		assert.Equal(t, before[0], s.status(sla.Resolution, "2026-03-02 09:30"))
		assert.Equal(t, before[1], s.status(sla.Resolution, "2026-03-02 11:30"))
		tally := sla.Count(at("2026-03-02 00:00"), at("2026-03-02 11:30"), sla.EveryCycle, s.all("2026-03-02 11:30"))
		assert.Equal(t, sla.Tally{OpenBreached: 1}, tally, "stopped only later")
	})
}

func TestExplainAndVersions(t *testing.T) {
	t.Parallel()
	t.Run("F-SLA-16 a due time comes with the windows, pauses and versions behind it", func(t *testing.T) {
		t.Parallel()
		c := catalog(t, sla.Definition{Key: "g", Version: "7", Metric: sla.Resolution, Goal: sla.MustGoal("8h"), Calendar: "office", Pause: `hold_reason != ""`})
		s := step(t, c, sla.Sheet{}, facts{}, shanghai("2026-02-13 16:30"))
		s = step(t, c, s, facts{Hold: "user"}, shanghai("2026-02-14 09:00"))
		s = step(t, c, s, facts{}, shanghai("2026-02-14 11:00"))
		due, _ := s.Due(sla.Resolution)
		x, err := c.Explain(s, 1, due)
		require.NoError(t, err)
		assert.Equal(t, "g@7", x.Definition)
		assert.Equal(t, "office@"+cal(t, officeJSON).Version(), x.Calendar)
		var sum time.Duration
		var days []string
		for _, run := range x.Counted {
			for _, w := range run.Windows {
				sum += w.To.Sub(w.From)
				days = append(days, w.Date.String())
			}
		}
		assert.Equal(t, 8*time.Hour, sum, "the windows are the goal")
		assert.Equal(t, []string{"2026-02-13", "2026-02-14", "2026-02-14", "2026-02-14", "2026-02-24"}, days)
		assert.Equal(t, calendar.Fri, x.Counted[1].Windows[0].Why.Like, "the make-up Saturday says whose pattern it follows")
		require.Len(t, x.Pauses, 1)
		assert.Equal(t, "user", x.Pauses[0].Reason)
		assert.Equal(t, 2*time.Hour, x.Pauses[0].Working)
		_, err = c.Explain(s, 2, due)
		assert.ErrorIs(t, err, sla.ErrEvents)
	})

	goal := sla.Definition{Key: "g", Metric: sla.Resolution, Goal: sla.MustGoal("8h"), Calendar: "office", Stop: `phase == "resolved"`}
	t.Run("F-SLA-17 a later edition lists what it would move and moves it by command only", func(t *testing.T) {
		t.Parallel()
		old := catalog(t, goal)
		s := step(t, old, sla.Sheet{}, facts{}, shanghai("2026-02-13 16:30"))
		data := cal(t, officeJSON).Data()
		delete(data.Days, calendar.MustDate("2026-02-14"))
		edition, err := calendar.New(data)
		require.NoError(t, err)
		newer, err := sla.NewCatalog(schema, old.Data(), map[string]*calendar.Calendar{"office": edition}, cal(t, officeJSON))
		require.NoError(t, err)

		before, _ := s.Due(sla.Resolution)
		assert.Equal(t, shanghai("2026-02-14 17:00"), before)
		same := step(t, newer, s, facts{}, shanghai("2026-02-13 17:00"))
		after, _ := same.Due(sla.Resolution)
		assert.Equal(t, before, after, "publishing moves nothing")

		moves, err := old.Moved(s, newer)
		require.NoError(t, err)
		require.Len(t, moves, 1)
		assert.Equal(t, shanghai("2026-02-24 17:00"), moves[0].After.Due)
		events, err := newer.Repin(s, shanghai("2026-02-13 18:00"), "u-1", "notice of 2026 amended", moves[0].Clock)
		require.NoError(t, err)
		s = s.Apply(events...)
		due, _ := s.Due(sla.Resolution)
		assert.Equal(t, shanghai("2026-02-24 17:00"), due)
		require.NoError(t, newer.Verify(s))
		assert.Equal(t, before, events[0].Was)
	})
	t.Run("F-SLA-17 a clock keeps its version of a definition", func(t *testing.T) {
		t.Parallel()
		v1, v2 := goal, goal
		v1.Version, v1.To = "1", calendar.MustDate("2026-02-28")
		v2.Version, v2.From, v2.Goal = "2", calendar.MustDate("2026-03-01"), sla.MustGoal("1h")
		c := catalog(t, v1, v2)
		s := step(t, c, sla.Sheet{}, facts{}, shanghai("2026-02-28 17:00"))
		s = step(t, c, s, facts{}, shanghai("2026-03-02 08:00"))
		assert.Equal(t, "1", s.Clocks()[0].Pin.Version)
		s2 := step(t, c, sla.Sheet{}, facts{}, shanghai("2026-03-01 00:00"))
		assert.Equal(t, "2", s2.Clocks()[0].Pin.Version)
	})
	t.Run("F-SLA-17 a pinned version that is missing is an error that names it", func(t *testing.T) {
		t.Parallel()
		s := step(t, catalog(t, goal), sla.Sheet{}, facts{}, shanghai("2026-02-13 16:30"))
		other := goal
		other.Version = "other"
		_, err := catalog(t, other).Observe(s, facts{}, shanghai("2026-02-13 17:00"))
		require.ErrorIs(t, err, sla.ErrUnknownVersion)
		assert.Contains(t, err.Error(), "g@")
	})
	t.Run("S-116 a due time in an unpublished year is flagged, or refused when strict", func(t *testing.T) {
		t.Parallel()
		s := step(t, catalog(t, goal), sla.Sheet{}, facts{}, shanghai("2026-12-31 16:30"))
		require.Len(t, s.Clocks(), 1)
		assert.True(t, s.Clocks()[0].Unpublished)
		_, ok := s.Due(sla.Resolution)
		assert.True(t, ok, "the result is there")
		x, err := catalog(t, goal).Explain(s, 1, shanghai("2026-12-31 17:00"))
		require.NoError(t, err)
		assert.Equal(t, []int{2027}, x.Years)
		strict := goal
		strict.Strict = true
		_, err = catalog(t, strict).Observe(sla.Sheet{}, facts{}, shanghai("2026-12-31 16:30"))
		assert.ErrorIs(t, err, sla.ErrUnpublished)
		in := step(t, catalog(t, strict), sla.Sheet{}, facts{}, shanghai("2026-12-30 08:30"))
		assert.False(t, in.Clocks()[0].Unpublished)
	})
	t.Run("S-117 a due time keeps the edition of the calendar that it was computed with", func(t *testing.T) {
		t.Parallel()
		c := catalog(t, goal)
		s := step(t, c, sla.Sheet{}, facts{}, shanghai("2026-02-13 16:30"))
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var back sla.Sheet
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, cal(t, officeJSON).Version(), back.Clocks()[0].Pin.Edition)
		assert.Contains(t, back.Events()[1].Calendar, cal(t, officeJSON).Version())
	})
	t.Run("F-SLA-1 a rebuild uses the pinned versions, not today's", func(t *testing.T) {
		t.Parallel()
		v1, v2 := goal, goal
		v1.Version, v2.Version, v2.Goal = "1", "2", sla.MustGoal("1h")
		v1.To, v2.From = calendar.MustDate("2026-02-28"), calendar.MustDate("2026-03-01")
		s := step(t, catalog(t, v1), sla.Sheet{}, facts{}, shanghai("2026-02-13 16:30"))
		again, err := catalog(t, v1, v2).Replay(s)
		require.NoError(t, err)
		assert.Equal(t, s, again)
	})
}
