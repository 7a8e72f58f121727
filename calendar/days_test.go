package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
)

func TestDayUnits(t *testing.T) {
	t.Parallel()
	c := parse(t, `{"zone": "Asia/Shanghai",
		"week": {"mon": ["08:00-12:00", "14:00-17:30"], "tue": ["08:00-12:00", "14:00-17:30"], "wed": ["08:00-12:00", "14:00-17:30"], "thu": ["08:00-12:00", "14:00-17:30"], "fri": ["08:00-12:00"]},
		"holidays": ["2026-03-11"]}`)
	// 2026-03-05 is a Thursday; Friday is short; Wednesday the 11th is a holiday.
	for _, tc := range []struct {
		name, from string
		n          int
		mode       calendar.DayMode
		want       string
	}{
		{"F-SLA-6 working days at the same time", "2026-03-05 10:15", 1, calendar.SameTime, "2026-03-06 10:15"},
		{"F-SLA-6 same time over weekend and holiday", "2026-03-05 10:15", 4, calendar.SameTime, "2026-03-12 10:15"},
		{"F-SLA-6 same time after the end of a short day", "2026-03-05 16:00", 1, calendar.SameTime, "2026-03-06 12:00"},
		{"F-SLA-6 same time from outside of hours counts from the opening", "2026-03-07 16:00", 1, calendar.SameTime, "2026-03-10 08:00"},
		{"F-SLA-6 same time from a break", "2026-03-05 13:00", 2, calendar.SameTime, "2026-03-09 14:00"},
		{"F-SLA-6 same time backwards", "2026-03-09 10:15", -2, calendar.SameTime, "2026-03-05 10:15"},
		{"F-SLA-6 no days", "2026-03-05 10:15", 0, calendar.SameTime, "2026-03-05 10:15"},
		{"F-SLA-6 keep time within hours", "2026-03-05 10:15", 1, calendar.KeepTime, "2026-03-06 10:15"},
		{"F-SLA-6 keep time before hours", "2026-03-05 06:15", 1, calendar.KeepTime, "2026-03-06 06:15"},
		{"F-SLA-6 keep time in a break", "2026-03-05 13:00", 2, calendar.KeepTime, "2026-03-09 13:00"},
		{"F-SLA-6 keep time on a day off counts from the next working day", "2026-03-07 10:15", 1, calendar.KeepTime, "2026-03-10 10:15"},
		{"F-SLA-6 keep time at the end of hours is the next opening", "2026-03-05 12:00", 1, calendar.KeepTime, "2026-03-09 08:00"},
		{"F-SLA-6 keep time after hours is the next opening", "2026-03-09 21:00", 1, calendar.KeepTime, "2026-03-12 08:00"},
		{"F-SLA-6 keep time on the evening of a day off is the next opening", "2026-03-07 21:00", 1, calendar.KeepTime, "2026-03-12 08:00"},
		{"F-SLA-6 keep time and no days", "2026-03-05 06:15", 0, calendar.KeepTime, "2026-03-05 06:15"},
		{"F-SLA-6 keep time and no days on a day off", "2026-03-07 06:15", 0, calendar.KeepTime, "2026-03-09 06:15"},
		{"F-SLA-6 keep time backwards after hours", "2026-03-09 21:00", -2, calendar.KeepTime, "2026-03-05 21:00"},
		{"F-SLA-6 keep time backwards before hours is the last closing", "2026-03-09 06:15", -1, calendar.KeepTime, "2026-03-05 17:30"},
		{"F-SLA-6 end of day", "2026-03-05 10:15", 1, calendar.EndOfDay, "2026-03-06 12:00"},
		{"F-SLA-6 end of today", "2026-03-05 10:15", 0, calendar.EndOfDay, "2026-03-05 17:30"},
		{"F-SLA-6 end of day from a weekend", "2026-03-07 10:15", 1, calendar.EndOfDay, "2026-03-10 17:30"},
		{"F-SLA-6 next business day before the cut-off", "2026-03-05 14:59", 1, calendar.CutOff(15 * 60), "2026-03-06 12:00"},
		{"F-SLA-6 next business day at the cut-off", "2026-03-05 15:00", 1, calendar.CutOff(15 * 60), "2026-03-09 17:30"},
		{"F-SLA-6 next business day from a holiday", "2026-03-11 09:00", 1, calendar.CutOff(15 * 60), "2026-03-13 12:00"},
		{"F-SLA-6 same business day by cut-off", "2026-03-05 07:00", 0, calendar.CutOff(15 * 60), "2026-03-05 17:30"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.AddDays(local(t, c, tc.from), tc.n, tc.mode)
			require.NoError(t, err)
			assert.Equal(t, local(t, c, tc.want), got)
		})
	}

	t.Run("F-SLA-6 a way to count days that is not known is an error", func(t *testing.T) {
		t.Parallel()
		for _, m := range []calendar.DayMode{"", "noon", "cut_off", "cut_off 25:00"} {
			_, err := c.AddDays(local(t, c, "2026-03-05 10:15"), 1, m)
			require.Error(t, err, m)
		}
	})

	t.Run("F-SLA-6 calendar days and months keep the clock, months end where they end", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, local(t, c, "2026-03-08 10:15"), c.AddCalendarDays(local(t, c, "2026-03-05 10:15"), 3))
		assert.Equal(t, local(t, c, "2026-02-28 10:15"), c.AddMonths(local(t, c, "2026-01-31 10:15"), 1))
		assert.Equal(t, local(t, c, "2024-02-29 10:15"), c.AddMonths(local(t, c, "2023-12-31 10:15"), 2))
		assert.Equal(t, local(t, c, "2025-11-30 10:15"), c.AddMonths(local(t, c, "2026-01-31 10:15"), -2))
		berlin := parse(t, `{"zone": "Europe/Berlin"}`)
		assert.True(t, berlin.AddCalendarDays(local(t, berlin, "2025-03-29 02:30"), 1).Equal(utc(t, "2025-03-30T01:00:00Z")), "skipped: the instant of the jump")
		assert.Equal(t, 25*time.Hour, berlin.AddCalendarDays(local(t, berlin, "2025-10-25 12:00"), 1).Sub(local(t, berlin, "2025-10-25 12:00")))
		second := utc(t, "2025-10-26T01:30:00Z") // 02:30 for the second time
		assert.Equal(t, second, berlin.AddCalendarDays(second, 0))
	})

	t.Run("F-SLA-6 a night shift is one working day", func(t *testing.T) {
		t.Parallel()
		night := parse(t, `{"zone": "Asia/Shanghai", "week": {"mon": ["22:00-06:00"], "thu": ["22:00-06:00"]}}`)
		got, err := night.AddDays(local(t, night, "2026-03-03 02:00"), 1, calendar.SameTime) // in Monday's shift
		require.NoError(t, err)
		assert.Equal(t, local(t, night, "2026-03-06 02:00"), got)
		assert.False(t, night.IsWorkday(date("2026-03-03")))
	})

	t.Run("F-SLA-6 keep time where hours differ: never later than one working day more", func(t *testing.T) {
		t.Parallel()
		early := parse(t, `{"zone": "Asia/Shanghai", "week": {"mon": ["08:00-12:00"], "tue": ["08:00-12:00"], "wed": ["14:00-18:00"]}}`)
		for n, want := range []string{"2026-03-03 08:00", "2026-03-04 13:00", "2026-03-04 13:00", "2026-03-10 08:00"} {
			got, err := early.AddDays(local(t, early, "2026-03-02 13:00"), n, calendar.KeepTime)
			require.NoError(t, err)
			assert.Equal(t, local(t, early, want), got)
		}
	})

	t.Run("F-SLA-6 keep time agrees with its rule, date by date", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c, _, near := genOpenCalendar(t)
			at := genInstant(t, near, 20).Truncate(time.Minute)
			n := rapid.IntRange(-8, 8).Draw(t, "n")
			got, err := c.AddDays(at, n, calendar.KeepTime)
			require.NoError(t, err)
			require.Equal(t, keepingTime(c, at, n).UTC(), got.UTC(), "%s", at.In(c.Zone()))

			more, err := c.AddDays(at, n+1, calendar.KeepTime)
			require.NoError(t, err)
			if n >= 0 {
				require.False(t, got.Before(at))
				require.False(t, more.Before(got))
			}
		})
	})

	t.Run("F-SLA-6 counting working days is the inverse of adding them", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c, _, near := genOpenCalendar(t)
			at, n := genInstant(t, near, 20), rapid.IntRange(0, 12).Draw(t, "n")
			due, err := c.AddDays(at, n, calendar.SameTime)
			require.NoError(t, err)
			// Where one date's hours run into the next one's, their edge belongs to both.
			if edge := shiftDate(c, due) != shiftDate(c, due.Add(-1)); !edge || !c.Open(due.Add(-1)) || !c.Open(due) {
				require.Equal(t, n, c.Workdays(at, due), "%s to %s", at.In(c.Zone()), due.In(c.Zone()))
			}
			end, err := c.AddDays(at, n, calendar.EndOfDay)
			require.NoError(t, err)
			require.False(t, end.Before(due))
			require.False(t, c.Open(end) && c.Open(end.Add(-1)) && c.Day(calendar.DateOf(end, c.Zone())).Working == 0)
		})
	})
}

// shiftDate returns the date of the shift at an instant.
func shiftDate(c *calendar.Calendar, at time.Time) calendar.Date {
	for s := range c.Spans(at, at.Add(1)) {
		return s.Date
	}
	return calendar.Date{}
}

// keepingTime is the rule of keep_time, written down.
func keepingTime(c *calendar.Calendar, at time.Time, n int) time.Time {
	edges := func(d calendar.Date) (opening, closing time.Time) {
		from := c.At(calendar.LocalTime{Date: d.AddDays(-3)})
		for s := range c.Spans(from, from.AddDate(0, 0, 7)) {
			if s.Date != d {
				continue
			}
			if opening.IsZero() || s.From.Before(opening) {
				opening = s.From
			}
			if s.To.After(closing) {
				closing = s.To
			}
		}
		return opening, closing
	}
	walk := func(d calendar.Date, step int) calendar.Date {
		for d = d.AddDays(step); !c.IsWorkday(d); d = d.AddDays(step) {
		}
		return d
	}
	step := 1
	if n < 0 {
		step = -1
	}
	came := calendar.DateOf(at, c.Zone())
	if c.Open(at) {
		came = shiftDate(c, at)
	}
	on := func(d calendar.Date) time.Time {
		if d == came {
			return at
		}
		shown := at.In(c.Zone())
		then := time.Date(shown.Year(), shown.Month(), shown.Day()+came.DaysUntil(d), 0, 0, 0, 0, time.UTC)
		return c.At(calendar.LocalTime{Date: calendar.DateOf(then, time.UTC), Clock: calendar.Clock(shown.Hour()*60 + shown.Minute())})
	}
	day := came
	if !c.IsWorkday(day) {
		day = walk(day, step)
	}
	for range max(n, -n) {
		day = walk(day, step)
	}
	opening, closing := edges(day)
	next := walk(day, step)
	nextOpening, lastClosing := edges(next)
	switch {
	case n >= 0 && !on(day).Before(closing):
		if nextOpening.Before(on(next)) {
			return nextOpening
		}
		return on(next)
	case n < 0 && on(day).Before(opening):
		if lastClosing.After(on(next)) {
			return lastClosing
		}
		return on(next)
	}
	return on(day)
}
