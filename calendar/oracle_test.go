package calendar_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
)

// The reference knows nothing of tables or zone periods. It walks minute by minute with the wall clock of package time and
// keeps the latest time that the clock has shown: an edge takes effect once the clock has come to it or past it, which is
// the rule for skipped and repeated times.

// referenceHours returns the shifts of a date, layer by layer.
func referenceHours(d calendar.Data, on calendar.Date) []calendar.Shift {
	week := d.Week
	for _, s := range d.Seasons {
		if !on.Before(s.From) && !on.After(s.To) {
			week = s.Week
		}
	}
	pattern := func(w calendar.Weekday) []calendar.Shift {
		return map[calendar.Weekday][]calendar.Shift{
			"mon": week.Mon, "tue": week.Tue, "wed": week.Wed, "thu": week.Thu, "fri": week.Fri, "sat": week.Sat, "sun": week.Sun}[w]
	}
	usual := pattern(calendar.WeekdayOf(on.Weekday()))
	hours := usual
	own := calendar.Layer{Holidays: d.Holidays, Days: d.Days}
	for _, l := range append([]calendar.Layer{own}, d.Layers...) {
		for _, h := range l.Holidays {
			if !referenceCovers(h, on) {
				continue
			}
			hours = h.Hours
			if len(h.Off) > 0 {
				hours = nil
				for _, s := range usual { // minute by minute
					for m := s.From; m < s.To; m++ {
						if !slices.ContainsFunc(h.Off, func(o calendar.Shift) bool { return o.From <= m && m < o.To }) {
							hours = append(hours, calendar.Shift{From: m, To: m + 1})
						}
					}
				}
			}
		}
		if day, ok := l.Days[on]; ok {
			hours = day.Hours
			if day.Like != "" {
				hours = pattern(day.Like)
			}
		}
	}
	return hours
}

func referenceCovers(h calendar.Holiday, on calendar.Date) bool {
	to := h.To
	if to.IsZero() {
		to = h.From
	}
	if h.From.Year != 0 {
		return !on.Before(h.From) && !on.After(to)
	}
	md := calendar.Date{Month: on.Month, Day: on.Day}
	if to.Before(h.From) {
		return !md.Before(h.From) || !md.After(to)
	}
	return !md.Before(h.From) && !md.After(to)
}

// reference returns for each minute from start on whether it is open.
func reference(t require.TestingT, d calendar.Data, start time.Time, minutes int) []bool {
	loc, err := time.LoadLocation(d.Zone)
	require.NoError(t, err)
	open := make([]bool, minutes)
	hours := map[calendar.Date][]calendar.Shift{}
	hoursOf := func(on calendar.Date) []calendar.Shift {
		if _, ok := hours[on]; !ok {
			hours[on] = referenceHours(d, on)
		}
		return hours[on]
	}
	stretches := []calendar.Layer{{Closed: d.Closed, Open: d.Open}}
	stretches = append(stretches, d.Layers...)
	shown := -1 << 62 // the latest minute that the wall clock has shown
	const runUp = 2 * 24 * 60
	for i := -runUp; i < minutes; i++ {
		at := start.Add(time.Duration(i) * time.Minute).In(loc)
		y, m, day := at.Date()
		on := calendar.Date{Year: y, Month: m, Day: day}
		if now := calendarMinute(calendar.LocalTime{Date: on, Clock: calendar.Clock(at.Hour()*60 + at.Minute())}); now > shown {
			shown = now
		}
		if i < 0 {
			continue
		}
		today := calendar.Date{Year: 1970, Month: 1, Day: 1}.AddDays(shown / (24 * 60))
		if shown < 0 {
			today = calendar.Date{Year: 1970, Month: 1, Day: 1}.AddDays((shown+1)/(24*60) - 1)
		}
		minute := calendar.Clock(((shown % (24 * 60)) + 24*60) % (24 * 60))
		for back := range 3 {
			for _, s := range hoursOf(today.AddDays(-back)) {
				m := minute + calendar.Clock(back*24*60)
				open[i] = open[i] || s.From <= m && m < s.To
			}
		}
		for _, l := range stretches {
			for _, s := range l.Closed {
				if calendarMinute(s.From) <= shown && shown < calendarMinute(s.To) {
					open[i] = false
				}
			}
			for _, s := range l.Open {
				if calendarMinute(s.From) <= shown && shown < calendarMinute(s.To) {
					open[i] = true
				}
			}
		}
	}
	return open
}

func TestReference(t *testing.T) {
	t.Parallel()
	t.Run("R-287 open, elapsed and due agree with a walk by the minute", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			d := genData(t, zone, near)
			c := build(t, d)
			start := time.Date(near.Year, near.Month, near.Day-6, 0, 0, 0, 0, time.UTC)
			const minutes = 13 * 24 * 60
			open := reference(t, d, start, minutes)
			before := make([]int, minutes+1) // open minutes before
			for i, o := range open {
				before[i+1] = before[i]
				if o {
					before[i+1]++
				}
				at := start.Add(time.Duration(i) * time.Minute)
				require.Equal(t, o, c.Open(at), "%s", at.In(c.Zone()))
			}
			minute := rapid.IntRange(0, minutes)
			for range 20 {
				i, j := minute.Draw(t, "i"), minute.Draw(t, "j")
				a, b := start.Add(time.Duration(i)*time.Minute), start.Add(time.Duration(j)*time.Minute)
				require.Equal(t, time.Duration(before[j]-before[i])*time.Minute, c.Between(a, b), "%s %s", a, b)

				want := rapid.IntRange(1, 3000).Draw(t, "minutes of work")
				if k, found := slices.BinarySearch(before, before[i]+want); found {
					got, err := c.Add(a, time.Duration(want)*time.Minute)
					require.NoError(t, err)
					require.Equal(t, start.Add(time.Duration(k)*time.Minute), got)
				}
				if target := before[i] - want; target >= 0 {
					k, _ := slices.BinarySearch(before, target+1)
					got, err := c.Add(a, -time.Duration(want)*time.Minute)
					require.NoError(t, err)
					require.Equal(t, start.Add(time.Duration(k-1)*time.Minute), got)
				}
			}
		})
	})

	t.Run("F-SLA-16 the spans are the working time", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			c := build(t, genData(t, zone, near))
			a, b := genInstant(t, near, 8), genInstant(t, near, 400)
			var sum time.Duration
			last := a
			for s := range c.Spans(a, b) {
				require.False(t, s.From.Before(last))
				require.True(t, s.From.Before(s.To))
				require.False(t, s.To.After(b))
				require.Equal(t, s.Duration(), c.Between(s.From, s.To))
				require.NotEmpty(t, s.Why.Rule)
				sum += s.Duration()
				last = s.To
			}
			require.Equal(t, max(0, c.Between(a, b)), sum)
		})
	})
}
