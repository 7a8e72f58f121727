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

// take is the oracle's reading of a re-targeting.
func (k *truth) takeOver(old *truth, policy sla.Retarget, m int) {
	k.ended = -1
	if len(old.runs) == 0 {
		return
	}
	k.begins = m
	switch policy {
	case sla.KeepElapsed:
		k.spent = old.elapsed(m)
	case sla.Stricter:
		was := *old
		was.runs = append(append([]span(nil), old.runs...), span{m, -1})
		will := *k
		will.takeOver(old, sla.Replay, m)
		a, _ := was.due()
		b, _ := will.due()
		if a >= 0 && (b < 0 || a < b) {
			k.goal, k.is = old.goal, old.is
		}
		k.takeOver(old, sla.Replay, m)
		return
	case sla.Replay:
		k.begins = old.begins
		for _, r := range old.runs {
			if r.to < 0 {
				r.to = m
			}
			k.runs = append(k.runs, r)
		}
		if n := len(k.runs) - 1; k.runs[n].to == m {
			k.runs[n].to, k.open = -1, true
			return
		}
	}
	k.run(m)
}

func TestRetarget(t *testing.T) {
	t.Parallel()
	for _, policy := range []sla.Retarget{sla.KeepElapsed, sla.Restart, sla.Replay, sla.Stricter} {
		t.Run("F-SLA-7 "+string(policy)+" agrees with the oracle through chains of priority changes", rapid.MakeCheck(func(t *rapid.T) {
			cals := map[string]*calendar.Calendar{"P1": genCalendar(t, "P1"), "P3": genCalendar(t, "P3")}
			goals := map[string]int{"P1": rapid.IntRange(1, 600).Draw(t, "goal P1"), "P3": rapid.IntRange(1, 1500).Draw(t, "goal P3")}
			var defs []sla.Definition
			for _, p := range []string{"P1", "P3"} {
				d := runningDefinition(goals[p])
				d.Key, d.Calendar, d.For, d.Retarget = p, p, map[string][]string{"priority": {p}}, policy
				defs = append(defs, d)
			}
			cat, err := sla.NewCatalog(schema, sla.Data{Definitions: defs, PauseFact: "hold_reason"}, cals)
			require.NoError(t, err)
			fresh := func(p string) *truth {
				return &truth{ended: -1, goal: goals[p], is: func(m int) bool { return cals[p].Open(minute(m)) }}
			}
			var sheet sla.Sheet
			var k *truth
			var by string
			last := 0
			for _, o := range genSeen(t, "P1", "P3") {
				if k == nil && o.stop {
					continue
				}
				events, err := cat.Observe(sheet, o.facts(), minute(o.minute))
				require.NoError(t, err)
				sheet = sheet.Apply(events...)
				last = o.minute
				if k == nil {
					k, by = fresh(o.priority), o.priority
				} else if !o.stop && by != o.priority {
					reopened := k.ended >= 0 && len(k.runs) > 0
					if k.ended = -1; reopened {
						k.run(o.minute)
					}
					n := fresh(o.priority)
					n.takeOver(k, policy, o.minute)
					k, by = n, o.priority
				}
				k.follow(o)
			}
			if k == nil {
				return
			}
			require.NoError(t, cat.Verify(sheet))
			now := last + rapid.IntRange(0, 3000).Draw(t, "now")
			all, err := cat.Status(sheet, minute(now))
			require.NoError(t, err)
			st := all[len(all)-1]
			for _, other := range all[:len(all)-1] {
				require.Equal(t, sla.Superseded, other.Outcome)
			}
			compare(t, k, st, now)
		}))
	}

	t.Run("F-SLA-7 fraction carries the share that was used", rapid.MakeCheck(func(t *rapid.T) {
		used := rapid.IntRange(1, 599).Draw(t, "used")
		goal := rapid.IntRange(1, 5000).Draw(t, "goal")
		a := sla.Definition{Key: "a", Metric: sla.Resolution, Goal: sla.MustGoal("10h"), For: map[string][]string{"priority": {"P3"}}}
		b := sla.Definition{Key: "b", Metric: sla.Resolution, Goal: sla.Work(time.Duration(goal) * time.Minute), For: map[string][]string{"priority": {"P1"}}, Retarget: sla.Fraction}
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{a, b}}, nil)
		require.NoError(t, err)
		var sheet sla.Sheet
		for m, p := range []string{"P3"} {
			events, err := cat.Observe(sheet, facts{Priority: p}, minute(m))
			require.NoError(t, err)
			sheet = sheet.Apply(events...)
		}
		events, err := cat.Observe(sheet, facts{Priority: "P1"}, minute(used))
		require.NoError(t, err)
		sheet = sheet.Apply(events...)
		all, err := cat.Status(sheet, minute(used))
		require.NoError(t, err)
		want := time.Duration(goal) * time.Minute * time.Duration(used) / 600
		assert.Equal(t, want.Truncate(time.Microsecond), all[1].Elapsed)
		due, ok := sheet.Due(sla.Resolution)
		require.True(t, ok)
		assert.Equal(t, minute(used).Add(time.Duration(goal)*time.Minute-want.Truncate(time.Microsecond)), due)
	}))
}

// changing is a P3 target of 8 h and a P1 target of 4 h around the clock that takes over by a policy.
func changing(policy sla.Retarget) []sla.Definition {
	return []sla.Definition{
		{Key: "p3", Metric: sla.Resolution, Goal: sla.MustGoal("8h"), Calendar: "plain", For: map[string][]string{"priority": {"P3"}},
			Pause: `hold_reason != ""`, Stop: `phase == "resolved"`, Retarget: policy},
		{Key: "p1", Metric: sla.Resolution, Goal: sla.MustGoal("4h"), For: map[string][]string{"priority": {"P1"}},
			Stop: `phase == "resolved"`, Retarget: policy},
	}
}

func TestRetargetCases(t *testing.T) {
	t.Parallel()
	// Monday 08:00 P3; waits 10:00 to 13:00; becomes P1 at 15:00, when 4 h have been used.
	history := func(t *testing.T, policy sla.Retarget) *story {
		s := tell(t, catalog(t, changing(policy)...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.see("2026-03-02 10:00", hold("user"))
		s.see("2026-03-02 13:00", hold(""))
		s.see("2026-03-02 15:00", priority("P1"))
		return s
	}
	for _, c := range []struct {
		name   string
		policy sla.Retarget
		due    string
		used   time.Duration
	}{
		{"F-SLA-7 keep elapsed: 4 h used of 4 h", sla.KeepElapsed, "2026-03-02 15:00", 4 * time.Hour},
		{"F-SLA-7 restart: 4 h from the change", sla.Restart, "2026-03-02 19:00", 0},
		{"F-SLA-7 replay: P1 knows no pause, so the wait counts", sla.Replay, "2026-03-02 12:00", 7 * time.Hour},
		{"F-SLA-7 fraction: half used leaves half", sla.Fraction, "2026-03-02 17:00", 2 * time.Hour},
		{"F-SLA-7 stricter: the replayed P1 is due before the P3", sla.Stricter, "2026-03-02 12:00", 7 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := history(t, c.policy)
			assert.Equal(t, c.due, s.due(sla.Resolution))
			assert.Equal(t, c.used, s.status(sla.Resolution, "2026-03-02 15:00").Elapsed)
			old := s.all("2026-03-02 15:00")[0]
			assert.Equal(t, sla.Superseded, old.Outcome)
			assert.Equal(t, 4*time.Hour, old.Elapsed, "the old clock keeps its result")
		})
	}

	t.Run("F-SLA-7 stricter keeps the earlier due time when priority falls", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, changing(sla.Stricter)...))
		s.see("2026-03-02 08:00", priority("P1"))
		s.see("2026-03-02 09:00", priority("P3"))
		assert.Equal(t, "2026-03-02 12:00", s.due(sla.Resolution))
	})

	t.Run("F-SLA-7 a breach stays a fact of the superseded clock", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, changing(sla.Restart)...))
		s.see("2026-03-02 08:00", priority("P1"))
		s.see("2026-03-02 13:00", priority("P3"))
		old := s.all("2026-03-02 13:00")[0]
		assert.Equal(t, sla.Superseded, old.Outcome)
		assert.Equal(t, at("2026-03-02 12:00"), old.Breach)
		assert.Contains(t, kinds(s.sheet.Events()), sla.KindBreach, "told although no tick came in between")
	})

	t.Run("F-SLA-7 breach facts are amended by a new fact, never deleted", func(t *testing.T) {
		t.Parallel()
		s := tell(t, catalog(t, changing(sla.KeepElapsed)...))
		s.see("2026-03-02 08:00", priority("P3"))
		s.tick("2026-03-02 17:00")
		before := s.sheet.Events()
		require.Equal(t, sla.KindBreach, before[len(before)-1].Kind)
		breach := before[len(before)-1]
		s.see("2026-03-02 17:30", hold("")) // nothing new
		s.take(s.c.Observe(s.sheet, facts{Priority: "P3", Hold: "user"}, at("2026-03-02 17:45")))
		// A wait from 10:00 to 12:00 is entered late.
		s.take(s.c.Observe(s.sheet, facts{Priority: "P3", Hold: "user"}, at("2026-03-02 10:00")))
		s.take(s.c.Observe(s.sheet, facts{Priority: "P3"}, at("2026-03-02 12:00")))
		after := s.sheet.Events()
		assert.Equal(t, before, after[:len(before)], "nothing that stood there has changed")
		var amended *sla.Event
		for _, e := range after[len(before):] {
			if e.Kind == sla.KindAmend && e.Ref == breach.Seq {
				amended = &e
			}
		}
		require.NotNil(t, amended)
		assert.True(t, amended.Void)
		assert.Equal(t, at("2026-03-02 16:00"), amended.Was)
	})

	t.Run("INV-13 one target applies: there is never more than one live clock of a metric", rapid.MakeCheck(func(t *rapid.T) {
		policy := rapid.SampledFrom([]sla.Retarget{sla.KeepElapsed, sla.Restart, sla.Replay, sla.Fraction, sla.Stricter}).Draw(t, "policy")
		defs := changing(policy)
		defs[0].Reopen, defs[1].Reopen = sla.NewCycle, sla.NewCycle
		defs[1].Reset, defs[0].Cancel = "rejected", "dropped"
		defs = append(defs, sla.Definition{Key: "any", Metric: sla.Resolution, Goal: sla.MustGoal("3wd"), Calendar: "plain", Retarget: policy, Stop: `phase == "resolved"`})
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: defs, PauseFact: "hold_reason"}, map[string]*calendar.Calendar{"plain": mustCal(plainJSON)})
		require.NoError(t, err)
		var sheet sla.Sheet
		m := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			m += rapid.IntRange(-300, 2000).Draw(t, "later")
			f := facts{
				Priority: rapid.SampledFrom([]string{"P1", "P3", "P9"}).Draw(t, "priority"), Phase: rapid.SampledFrom([]string{"", "resolved"}).Draw(t, "phase"),
				Hold: rapid.SampledFrom([]string{"", "user"}).Draw(t, "hold"), Rejected: rapid.Bool().Draw(t, "rejected"), Dropped: rapid.IntRange(0, 5).Draw(t, "dropped") == 0,
			}
			events, err := cat.Observe(sheet, f, minute(m))
			require.NoError(t, err)
			sheet = sheet.Apply(events...)
			if rapid.Bool().Draw(t, "tick") {
				events, err := cat.Tick(sheet, minute(m))
				require.NoError(t, err)
				sheet = sheet.Apply(events...)
			}
			require.NoError(t, cat.Verify(sheet))
			live := 0
			var first time.Time
			for _, k := range sheet.Clocks() {
				if k.Live() {
					live++
					if !k.Due.IsZero() {
						first = k.Due
					}
				}
			}
			require.LessOrEqual(t, live, 1)
			due, ok := sheet.NextDue()
			require.Equal(t, !first.IsZero(), ok)
			require.Equal(t, first, due)
			if latest, ok := sheet.Clock(sla.Resolution); live == 1 {
				require.True(t, ok && latest.Live(), "the live one is the latest")
			}
			// INV-14 over the same histories.
			all, err := cat.Status(sheet, minute(m))
			require.NoError(t, err)
			tally := sla.Count(minute(-10000), minute(100000), sla.EveryCycle, all)
			require.Equal(t, len(all), tally.Total()+tally.Open+tally.OpenBreached)
		}
		text, err := sheet.MarshalJSON()
		require.NoError(t, err)
		var back sla.Sheet
		require.NoError(t, back.UnmarshalJSON(text))
		require.Equal(t, sheet, back, "a sheet comes back from its JSON as it was")
	}))
}

func mustCal(text string) *calendar.Calendar {
	c, err := calendar.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	return c
}
