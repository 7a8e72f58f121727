package calendar_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
)

// TestThreads shows that what users of other systems complain about does not happen here.
func TestThreads(t *testing.T) {
	t.Parallel()
	tenHours := `{"zone": "Europe/Paris", "week": {"mon": ["08:00-18:00"], "tue": ["08:00-18:00"], "wed": ["08:00-18:00"], "thu": ["08:00-18:00"], "fri": ["08:00-18:00"]}}`

	t.Run("glpi-15429 a level one hour before the target is in working time", func(t *testing.T) {
		t.Parallel()
		c := parse(t, tenHours)
		due, err := c.Add(local(t, c, "2026-03-02 17:00"), 4*time.Hour) // a Monday
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-03-03 11:00"), due)
		level, err := c.Add(due, -time.Hour)
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-03-03 10:00"), level)
		level, err = c.Add(due, -4*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-03-02 17:00"), level)
	})

	t.Run("glpi-10594 a pause over a weekend moves a goal in days by working days only", func(t *testing.T) {
		t.Parallel()
		c := parse(t, tenHours)
		due, err := c.AddDays(local(t, c, "2026-03-05 10:00"), 2, calendar.SameTime) // Thursday
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-03-09 10:00"), due)
		paused := c.Workdays(local(t, c, "2026-03-06 16:00"), local(t, c, "2026-03-09 09:00")) // Friday to Monday
		assert.Equal(t, 1, paused)
		due, err = c.AddDays(due, paused, calendar.SameTime)
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-03-10 10:00"), due)
		assert.Zero(t, c.Workdays(local(t, c, "2026-03-06 20:00"), local(t, c, "2026-03-08 12:00")), "a weekend is no working day")
	})

	t.Run("glpi-9082 a goal in days does not end outside of hours", func(t *testing.T) {
		t.Parallel()
		c := parse(t, tenHours)
		for _, start := range []string{"2026-03-06 03:00", "2026-03-06 23:59", "2026-03-07 12:00", "2026-03-08 07:59"} {
			for _, mode := range []calendar.DayMode{calendar.SameTime, calendar.EndOfDay, calendar.CutOff(12 * 60)} {
				due, err := c.AddDays(local(t, c, start), 1, mode)
				require.NoError(t, err)
				assert.True(t, c.Open(due) || c.Open(due.Add(-1)), "%s %s: %s", start, mode, due)
			}
		}
	})

	t.Run("zammad-1396 an empty calendar does not crash and is not 24×7", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "Europe/Berlin", "week": {}}`)
		now := utc(t, "2026-03-06T12:00:00Z")
		assert.False(t, c.Open(now))
		assert.Zero(t, c.Between(now, now.AddDate(1, 0, 0)))
		_, err := c.Add(now, time.Hour)
		require.ErrorIs(t, err, calendar.ErrHorizon)
		assert.Contains(t, err.Error(), "1h0m0s of working time")
	})

	t.Run("biz: a reversed range is negative, negative amounts go back, intersection keeps dates of their own", func(t *testing.T) {
		t.Parallel()
		c := parse(t, tenHours)
		a, b := local(t, c, "2026-03-02 10:00"), local(t, c, "2026-03-02 12:00")
		assert.Equal(t, -2*time.Hour, c.Between(b, a))
		u, err := c.Add(b, -2*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, a, u)
		saturday := parse(t, `{"zone": "Europe/Paris", "week": {"mon": ["00:00-24:00"]}, "days": {"2026-03-07": ["09:00-11:00"]}}`)
		clinic := parse(t, `{"zone": "Europe/London", "week": {"sat": ["09:00-12:00"], "mon": ["08:00-09:00"]}}`)
		both, err := calendar.Intersect(saturday, clinic)
		require.NoError(t, err)
		assert.Equal(t, time.Hour, working(both, "2026-03-07"), "10:00 to 11:00 in Paris")
		assert.Equal(t, time.Hour, working(both, "2026-03-02"))
	})

	t.Run("rickar: the closing second, 24:00, night shifts and clock changes are right", func(t *testing.T) {
		t.Parallel()
		c := parse(t, tenHours)
		assert.True(t, c.Open(local(t, c, "2026-03-02 17:59:59")))
		assert.False(t, c.Open(local(t, c, "2026-03-02 18:00")))
		night := parse(t, `{"zone": "America/New_York", "week": {"sat": ["22:00-06:00"], "sun": ["09:00-17:00", "22:00-24:00"]}}`)
		assert.Equal(t, 7*time.Hour, working(night, "2025-03-08"), "the night of the spring change")
		assert.Equal(t, 10*time.Hour, working(night, "2025-03-09"))
		assert.True(t, night.Open(local(t, night, "2025-03-09 09:00")))
		assert.False(t, night.Open(local(t, night, "2025-03-09 17:00")))
	})

	t.Run("dbt_zendesk-25 business minutes over a clock change", func(t *testing.T) {
		t.Parallel()
		c := parse(t, tenHours)
		for _, monday := range []string{"2025-03-24", "2025-03-31", "2025-10-20", "2025-10-27"} {
			from := date(monday)
			a := c.At(calendar.LocalTime{Date: from})
			b := c.At(calendar.LocalTime{Date: from.AddDays(7)})
			assert.Equal(t, 50*time.Hour, c.Between(a, b), monday)
		}
	})
}

func TestPublished(t *testing.T) {
	t.Parallel()
	c := parse(t, `{"zone": "Asia/Shanghai", "edition": "2026-a", "published": {"from": "2024-01-01", "to": "2026-12-31"},
		"week": {"mon": ["08:00-12:00"], "tue": ["08:00-12:00"], "wed": ["08:00-12:00"], "thu": ["08:00-12:00"], "fri": ["08:00-12:00"]}}`)

	t.Run("S-116 a result that reaches into an unpublished year says so, or is an error", func(t *testing.T) {
		t.Parallel()
		start := local(t, c, "2026-12-31 11:00") // a Thursday
		due, err := c.Due(start, 2*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2027-01-01 09:00"), due.At)
		assert.Equal(t, []int{2027}, due.Unpublished)
		_, err = c.AddStrict(start, 2*time.Hour)
		require.ErrorIs(t, err, calendar.ErrUnpublished)
		var unpublished *calendar.UnpublishedError
		require.ErrorAs(t, err, &unpublished)
		assert.Equal(t, []int{2027}, unpublished.Years)
		within, err := c.AddStrict(start, time.Hour)
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-12-31 12:00"), within)
		_, err = c.BetweenStrict(local(t, c, "2023-12-31 12:00"), start)
		require.ErrorIs(t, err, calendar.ErrUnpublished)
	})

	t.Run("S-116 dates are those of the calendar's zone", func(t *testing.T) {
		t.Parallel()
		last := local(t, c, "2026-12-31 23:59")
		assert.True(t, c.Published(local(t, c, "2024-01-01 00:00"), last))
		assert.False(t, c.Published(last, last.Add(time.Minute)))
		assert.False(t, c.Published(last.Add(time.Minute), last), "in either order")
		assert.False(t, c.Published(local(t, c, "2023-12-31 23:59"), last))
		assert.Equal(t, []int{2022, 2023, 2027, 2028}, c.Unpublished(local(t, c, "2022-05-01 00:00"), local(t, c, "2028-05-01 00:00")))
		assert.True(t, calendar.Always().Published(time.Time{}, last))
		assert.Less(t, len(c.Unpublished(time.Time{}, time.Unix(1<<40, 0))), 400)
	})

	t.Run("S-116 a composed calendar is published where all its parts are", func(t *testing.T) {
		t.Parallel()
		both, err := calendar.Union(calendar.Always(), c)
		require.NoError(t, err)
		assert.False(t, both.Published(local(t, c, "2026-12-01 00:00"), local(t, c, "2027-01-01 00:00")))
		assert.True(t, both.Published(local(t, c, "2026-12-01 00:00"), local(t, c, "2026-12-02 00:00")))
	})

	t.Run("F-SLA-17 a changed calendar lists the dates that differ and keeps the old version", func(t *testing.T) {
		t.Parallel()
		d := c.Data()
		d.Edition = "2026-b"
		d.Holidays = append(d.Holidays, calendar.Holiday{From: date("2026-05-01"), Name: "劳动节"})
		d.Days = map[calendar.Date]calendar.Day{date("2026-05-09"): {Like: calendar.Fri}, date("2026-05-11"): {Like: calendar.Mon}}
		next := build(t, d)
		changes := calendar.Diff(c, next, date("2026-01-01"), date("2026-12-31"))
		require.Len(t, changes, 2)
		assert.Equal(t, date("2026-05-01"), changes[0].Date)
		assert.Equal(t, 4*time.Hour, changes[0].Old.Working)
		assert.Zero(t, changes[0].New.Working)
		assert.Equal(t, "劳动节", changes[0].New.Why.Name)
		assert.Equal(t, date("2026-05-09"), changes[1].Date)
		assert.NotEqual(t, c.Version(), next.Version())
		start := local(t, c, "2026-04-30 11:00")
		was, err := c.Due(start, 2*time.Hour)
		require.NoError(t, err)
		is, err := next.Due(start, 2*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, local(t, c, "2026-05-01 09:00"), was.At)
		assert.Equal(t, local(t, c, "2026-05-04 09:00"), is.At)
		assert.Equal(t, [2]string{c.Version(), "2026-a"}, [2]string{was.Version, was.Edition})
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	t.Run("F-SLA-16 the derivation names windows, holidays, make-up days and closures", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "Asia/Shanghai", "edition": "2026", "published": {"from": "2026-01-01", "to": "2026-12-31"},
			"week": {"fri": ["08:00-12:00", "14:00-17:30"], "tue": ["08:00-12:00"]},
			"holidays": [{"from": "2026-02-15", "to": "2026-02-23", "name": "春节"}],
			"days": {"2026-02-14": {"like": "fri", "name": "春节", "kind": "make_up_work"}},
			"closed": [{"from": "2026-02-14T10:00", "to": "2026-02-14T11:00", "name": "停电"}],
			"open": [{"from": "2026-02-24T13:00", "to": "2026-02-24T14:00", "name": "加班"}]}`)
		e := c.Explain(local(t, c, "2026-02-13 16:30"), local(t, c, "2026-02-24 13:30"))
		var got []string
		for _, s := range e.Spans {
			got = append(got, s.From.Format("01-02 15:04")+"-"+s.To.Format("15:04")+" "+s.Why.String())
		}
		assert.Equal(t, []string{
			"02-13 16:30-17:30 week, like fri",
			"02-14 08:00-10:00 day 春节, like fri",
			"02-14 11:00-12:00 day 春节, like fri",
			"02-14 14:00-17:30 day 春节, like fri",
			"02-24 08:00-12:00 week, like tue",
			"02-24 13:00-13:30 open 加班",
		}, got)
		require.Len(t, e.Skipped, 10)
		assert.Equal(t, "closed 停电", e.Skipped[0].Why.String())
		assert.Equal(t, "holiday 春节", e.Skipped[9].Why.String())
		assert.Equal(t, date("2026-02-23"), e.Skipped[9].Date)
		assert.Equal(t, c.Version(), e.Version)
		assert.Equal(t, 12*time.Hour, e.Working)
		assert.Equal(t, calendar.MakeUpWork, c.Day(date("2026-02-14")).Kind)
	})
}

func TestOpenings(t *testing.T) {
	t.Parallel()
	c := parse(t, `{"zone": "UTC", "week": {"mon": ["09:00-12:00", "13:00-17:00"]}}`)
	for _, tc := range []struct{ at, next, prev string }{
		{"2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", "2026-02-23T17:00:00Z"},
		{"2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z", "2026-02-23T17:00:00Z"},
		{"2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z"},
		{"2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z", "2026-03-02T12:00:00Z"},
		{"2026-03-02T17:00:00Z", "2026-03-09T09:00:00Z", "2026-03-02T17:00:00Z"},
	} {
		next, err := c.NextOpen(utc(t, tc.at))
		require.NoError(t, err)
		assert.Equal(t, utc(t, tc.next), next, tc.at)
		prev, err := c.PrevOpen(utc(t, tc.at))
		require.NoError(t, err)
		assert.Equal(t, utc(t, tc.prev), prev, tc.at)
	}
}

// TestExtremes is about times that no calendar was made for: nothing overflows, nothing takes for ever.
func TestExtremes(t *testing.T) {
	t.Parallel()
	c := parse(t, `{"zone": "Asia/Shanghai", "week": {"mon": ["00:00-24:00"]}}`)
	far := []time.Time{{}, time.Unix(-1<<60, 0), time.Unix(1<<60, 0), time.Date(1899, 12, 31, 23, 59, 0, 1, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), utc(t, "2026-03-02T00:00:00Z")}
	for _, a := range far {
		for _, b := range far {
			assert.Equal(t, c.Between(a, b), -c.Between(b, a))
		}
		_ = c.Open(a)
		for _, d := range []time.Duration{1, -1, 1 << 62, -1 << 62} {
			if u, err := c.Add(a, d); err == nil {
				assert.True(t, d < 0 || c.Between(a, u) == d)
			}
		}
		_, _ = c.NextOpen(a)
		_, _ = c.PrevOpen(a)
		_, _ = c.AddDays(a, 1<<40, calendar.SameTime)
		_, _ = c.AddDays(a, -1<<40, calendar.CutOff(600))
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	d := calendar.Data{Zone: "Europe/Berlin", Week: calendar.Workdays(office()...)}
	c, alone := build(t, d), build(t, d)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for year := 1950 + g; year < 2100; year += 7 {
				a := time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
				b := a.AddDate(g, 0, 0)
				assert.Equal(t, alone.Between(a, b), c.Between(a, b))
				assert.True(t, c.IsWorkday(calendar.DateOf(a, nil)) == alone.IsWorkday(calendar.DateOf(a, nil)))
			}
		})
	}
	wg.Wait()
}
