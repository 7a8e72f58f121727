package sla_test

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/sla"
)

// single makes a catalog of one pausable definition and observes it from its start.
func single(t require.TestingT, c *calendar.Calendar, goal sla.Goal) *sla.Catalog {
	d := sla.Definition{Key: "one", Metric: sla.Resolution, Goal: goal, Calendar: "c", Pause: `hold_reason != ""`, Stop: `phase == "resolved"`}
	cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{d}, PauseFact: "hold_reason"}, map[string]*calendar.Calendar{"c": c})
	require.NoError(t, err)
	return cat
}

// step observes and applies.
func step(t require.TestingT, c *sla.Catalog, s sla.Sheet, f facts, when time.Time) sla.Sheet {
	events, err := c.Observe(s, f, when)
	require.NoError(t, err)
	return s.Apply(events...)
}

func one(t require.TestingT, c *sla.Catalog, s sla.Sheet, now time.Time) sla.Status {
	all, err := c.Status(s, now)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func genInstant(t *rapid.T, label string) time.Time {
	return epoch.Add(time.Duration(rapid.Int64Range(0, 20*24*3600*1e6).Draw(t, label)) * time.Microsecond)
}

func TestLaws(t *testing.T) {
	t.Parallel()
	check := func(name string, f func(t *rapid.T)) { t.Run(name, rapid.MakeCheck(f)) }

	check("R-287 due and elapsed are inverse", func(t *rapid.T) {
		c, d := genCalendar(t, "c"), time.Duration(rapid.Int64Range(1, 30*3600*1e6).Draw(t, "µs"))*time.Microsecond
		cat, start := single(t, c, sla.Work(d)), genInstant(t, "start")
		s := step(t, cat, sla.Sheet{}, facts{}, start)
		due, ok := s.Due(sla.Resolution)
		if !ok {
			assert.True(t, s.Clocks()[0].Never)
			return
		}
		assert.Equal(t, d, one(t, cat, s, due).Elapsed)
		assert.Less(t, one(t, cat, s, due.Add(-time.Microsecond)).Elapsed, d, "and no earlier instant will do")
	})

	check("F-SLA-2 elapsed is additive and monotone", func(t *rapid.T) {
		c := genCalendar(t, "c")
		cat := single(t, c, sla.MustGoal("20h"))
		s := step(t, cat, sla.Sheet{}, facts{}, epoch)
		ts := []time.Time{genInstant(t, "a"), genInstant(t, "b")}
		slices.SortFunc(ts, time.Time.Compare)
		s = step(t, cat, s, facts{Hold: "user"}, genInstant(t, "pause"))
		ea, eb := one(t, cat, s, ts[0]).Elapsed, one(t, cat, s, ts[1]).Elapsed
		assert.LessOrEqual(t, ea, eb)
		assert.LessOrEqual(t, eb-ea, c.Between(ts[0], ts[1]))
	})

	check("F-SLA-2 due of a sum is the due from the due", func(t *rapid.T) {
		c := genCalendar(t, "c")
		a := time.Duration(rapid.Int64Range(1, 10*3600*1e6).Draw(t, "a")) * time.Microsecond
		b := time.Duration(rapid.Int64Range(1, 10*3600*1e6).Draw(t, "b")) * time.Microsecond
		due := func(from time.Time, d time.Duration) (time.Time, bool) {
			s := step(t, single(t, c, sla.Work(d)), sla.Sheet{}, facts{}, from)
			return s.Due(sla.Resolution)
		}
		first, ok := due(epoch, a)
		if !ok {
			return
		}
		second, ok := due(first, b)
		both, ok2 := due(epoch, a+b)
		if ok && ok2 {
			assert.Equal(t, both, second)
		}
	})

	check("F-SLA-2 pausing twice is pausing once", func(t *rapid.T) {
		cat := single(t, genCalendar(t, "c"), sla.MustGoal("20h"))
		p, q := genInstant(t, "p"), genInstant(t, "q")
		if q.Before(p) {
			p, q = q, p
		}
		s := step(t, cat, sla.Sheet{}, facts{}, epoch)
		once := step(t, cat, s, facts{Hold: "user"}, p)
		assert.Equal(t, once, step(t, cat, once, facts{Hold: "user"}, q))
	})

	check("F-SLA-2 a pause wholly outside working time changes nothing", func(t *rapid.T) {
		c := genCalendar(t, "c")
		goal := rapid.SampledFrom([]string{"7h", "2wd", "2wd keep", "2wd eod", "nbd 12:00"}).Draw(t, "goal")
		cat := single(t, c, sla.MustGoal(goal))
		s := step(t, cat, sla.Sheet{}, facts{}, epoch.Add(30*time.Hour))
		p := genInstant(t, "p").Add(30 * time.Hour)
		if c.Open(p) {
			return
		}
		r, err := c.NextOpen(p)
		if err != nil {
			return
		}
		before, ok := s.Due(sla.Resolution)
		s = step(t, cat, s, facts{Hold: "user"}, p)
		s = step(t, cat, s, facts{}, r)
		after, ok2 := s.Due(sla.Resolution)
		assert.Equal(t, ok, ok2)
		assert.Equal(t, before, after)
	})

	check("F-SLA-2 whole weeks move a clock as a whole", func(t *rapid.T) {
		cat, start := single(t, mustCal(plainJSON), sla.Work(time.Duration(rapid.Int64Range(1, 200*3600).Draw(t, "s"))*time.Second)), genInstant(t, "start")
		weeks := time.Duration(rapid.IntRange(1, 200).Draw(t, "weeks")) * 7 * 24 * time.Hour
		a, b := step(t, cat, sla.Sheet{}, facts{}, start), step(t, cat, sla.Sheet{}, facts{}, start.Add(weeks))
		dueA, _ := a.Due(sla.Resolution)
		dueB, _ := b.Due(sla.Resolution)
		assert.Equal(t, dueA.Add(weeks), dueB)
	})

	check("INV-12 around the clock elapsed is the wall time without pauses", func(t *rapid.T) {
		cat := single(t, calendar.Always(), sla.MustGoal("100h"))
		ts := []time.Time{genInstant(t, "a"), genInstant(t, "b"), genInstant(t, "c"), genInstant(t, "d")}
		slices.SortFunc(ts, time.Time.Compare)
		s := step(t, cat, sla.Sheet{}, facts{}, ts[0])
		s = step(t, cat, s, facts{Hold: "user"}, ts[1])
		if ts[2].Equal(ts[1]) {
			return
		}
		s = step(t, cat, s, facts{}, ts[2])
		st := one(t, cat, s, ts[3])
		assert.Equal(t, ts[3].Sub(ts[0])-ts[2].Sub(ts[1]), st.Elapsed)
		assert.Zero(t, st.Closed)
	})

	check("INV-11 due times are monotone in goal and start", func(t *rapid.T) {
		c := genCalendar(t, "c")
		d1 := time.Duration(rapid.Int64Range(1, 30*3600*1e6).Draw(t, "d1")) * time.Microsecond
		d2 := d1 + time.Duration(rapid.Int64Range(0, 3600*1e6).Draw(t, "d2"))*time.Microsecond
		start := genInstant(t, "start")
		end := start.Add(time.Duration(rapid.Int64Range(0, 90*3600*1e6).Draw(t, "later")) * time.Microsecond)
		due := func(from time.Time, d time.Duration) time.Time {
			s := step(t, single(t, c, sla.Work(d)), sla.Sheet{}, facts{}, from)
			due, ok := s.Due(sla.Resolution)
			if !ok {
				return at("9999-01-01 00:00")
			}
			return due
		}
		assert.False(t, due(start, d2).Before(due(start, d1)))
		assert.False(t, due(end, d1).Before(due(start, d1)))
	})

	check("INV-11 a holiday never makes a due time earlier, a make-up day never later", func(t *rapid.T) {
		day := calendar.MustDate("2026-03-01").AddDays(rapid.IntRange(0, 27).Draw(t, "day"))
		goal := rapid.SampledFrom([]string{"4h", "25h", "3wd", "3wd keep", "3wd eod", "nbd 16:00"}).Draw(t, "goal")
		start := genInstant(t, "start")
		due := func(change func(*calendar.Data)) time.Time {
			data := mustCal(plainJSON).Data()
			change(&data)
			c, err := calendar.New(data)
			require.NoError(t, err)
			due, ok := step(t, single(t, c, sla.MustGoal(goal)), sla.Sheet{}, facts{}, start).Due(sla.Resolution)
			require.True(t, ok)
			return due
		}
		plain := due(func(*calendar.Data) {})
		holiday := due(func(d *calendar.Data) { d.Holidays = append(d.Holidays, calendar.Holiday{From: day}) })
		assert.False(t, holiday.Before(plain))
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			extra := due(func(d *calendar.Data) { d.Days = map[calendar.Date]calendar.Day{day: {Like: calendar.Fri}} })
			assert.False(t, extra.After(plain))
		}
	})

	check("F-SLA-6 a longer pause never makes a goal in days earlier", func(t *rapid.T) {
		goal := rapid.SampledFrom([]string{"3wd", "3wd keep", "3wd eod", "nbd 16:00", "5d", "1mo"}).Draw(t, "goal")
		cat := single(t, mustCal(plainJSON), sla.MustGoal(goal))
		p := genInstant(t, "pause")
		r := p.Add(time.Duration(rapid.Int64Range(1, 90*3600*1e6).Draw(t, "µs")) * time.Microsecond)
		longer := r.Add(time.Duration(rapid.Int64Range(1, 90*3600*1e6).Draw(t, "more")) * time.Microsecond)
		s := step(t, cat, step(t, cat, sla.Sheet{}, facts{}, epoch.Add(33*time.Hour)), facts{Hold: "user"}, p)
		a, ok1 := step(t, cat, s, facts{}, r).Due(sla.Resolution)
		b, ok2 := step(t, cat, s, facts{}, longer).Due(sla.Resolution)
		if p.Before(epoch.Add(33 * time.Hour)) {
			return
		}
		require.True(t, ok1 && ok2)
		assert.False(t, b.Before(a))
	})

	check("F-SLA-6 a pause of k working days moves a goal in working days by k", func(t *rapid.T) {
		c := mustCal(plainJSON)
		cat := single(t, c, sla.MustGoal("10wd"))
		start, err := c.NextOpen(genInstant(t, "start"))
		require.NoError(t, err)
		p, err := c.Add(start, time.Duration(rapid.Int64Range(0, 50*3600).Draw(t, "s"))*time.Second)
		require.NoError(t, err)
		k := rapid.IntRange(1, 30).Draw(t, "k")
		if p, err = c.NextOpen(p); err != nil {
			return
		}
		r, err := c.AddDays(p, k, calendar.SameTime)
		require.NoError(t, err)
		want, err := c.AddDays(start, 10+k, calendar.SameTime)
		require.NoError(t, err)
		s := step(t, cat, sla.Sheet{}, facts{}, start)
		s = step(t, cat, s, facts{Hold: "user"}, p)
		s = step(t, cat, s, facts{}, r)
		due, ok := s.Due(sla.Resolution)
		require.True(t, ok)
		assert.Equal(t, want, due)
	})

	check("F-SLA-3 events count by effective time, in whatever order they arrive", func(t *rapid.T) {
		cat := single(t, genCalendar(t, "c"), sla.MustGoal("9h"))
		s := step(t, cat, sla.Sheet{}, facts{}, epoch)
		head := s.Events()
		var moves []sla.Event
		m := 0
		for range rapid.IntRange(1, 8).Draw(t, "moves") {
			m += rapid.IntRange(1, 900).Draw(t, "later")
			moves = append(moves, sla.Event{Clock: 1, Kind: rapid.SampledFrom([]sla.Kind{sla.KindPause, sla.KindResume, sla.KindStop, sla.KindReopen}).Draw(t, "kind"), At: minute(m)})
		}
		arrive := func(moves []sla.Event) sla.Status {
			s := sla.Sheet{}.Apply(head...)
			for _, e := range moves {
				e.Seq = s.Len() + 1
				s = s.Apply(e)
			}
			s, err := cat.Replay(s)
			require.NoError(t, err)
			return one(t, cat, s, minute(20000))
		}
		shuffled := slices.Clone(moves)
		rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed"))).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		assert.Equal(t, arrive(moves), arrive(shuffled))
	})

	check("F-SLA-1 caches equal a replay, and are found out when they do not", func(t *rapid.T) {
		cat := single(t, genCalendar(t, "c"), sla.MustGoal("9h"))
		var s sla.Sheet
		for _, o := range genSeen(t, "P3") {
			s = step(t, cat, s, *o.facts(), minute(o.minute))
			events, err := cat.Tick(s, minute(o.minute))
			require.NoError(t, err)
			s = s.Apply(events...)
		}
		require.NoError(t, cat.Verify(s))
		again, err := cat.Replay(s)
		require.NoError(t, err)
		require.Equal(t, s, again)
		events := s.Events()
		if len(events) == 0 {
			return
		}
		i := rapid.IntRange(0, len(events)-1).Draw(t, "which")
		events[i].Due = events[i].Due.Add(time.Second)
		require.ErrorIs(t, cat.Verify(sla.Sheet{}.Apply(events...)), sla.ErrReplay)
	})

	check("F-SLA-1 a sheet is never changed through another", func(t *rapid.T) {
		cat := single(t, genCalendar(t, "c"), sla.MustGoal("9h"))
		s := step(t, cat, sla.Sheet{}, facts{}, epoch)
		text, err := s.MarshalJSON()
		require.NoError(t, err)
		for _, o := range genSeen(t, "P3") {
			step(t, cat, s, *o.facts(), minute(o.minute)) // branches off s each time
			step(t, cat, step(t, cat, s, facts{Hold: "user"}, minute(o.minute)), facts{}, minute(o.minute+5))
		}
		again, err := s.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, string(text), string(again))
	})
}
