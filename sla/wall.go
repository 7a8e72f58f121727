package sla

import (
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// wallClock is the instant at which a zone's clocks show a date and time. A time that is skipped becomes the instant of the jump, one
// that comes twice its first pass; time.Date promises neither.
func wallClock(d calendar.Date, c calendar.Clock, zone *time.Location) time.Time {
	return wallInstant(time.Date(d.Year, d.Month, d.Day, 0, int(c), 0, 0, time.UTC), zone)
}

// sameClock is the instant on another date at which the clocks show what they show at local.
func sameClock(local time.Time, d calendar.Date, zone *time.Location) time.Time {
	h, m, s := local.Clock()
	return wallInstant(time.Date(d.Year, d.Month, d.Day, h, m, s, local.Nanosecond(), time.UTC), zone)
}

// wallInstant takes the wall-clock time as if it were UTC.
func wallInstant(wall time.Time, zone *time.Location) time.Time {
	offset := func(t time.Time) time.Duration {
		_, sec := t.In(zone).Zone()
		return time.Duration(sec) * time.Second
	}
	const day = 24 * time.Hour // longer than any offset
	before, after := offset(wall.Add(-day)), offset(wall.Add(day))
	for _, o := range [2]time.Duration{max(before, after), min(before, after)} {
		if t := wall.Add(-o); offset(t) == o {
			return t.UTC()
		}
	}
	// In a gap the earlier offset leads past the jump, into the period that begins with it.
	jump, _ := wall.Add(-before).In(zone).ZoneBounds()
	return jump.UTC()
}

func addCalendarDays(cal *calendar.Calendar, t time.Time, n int) time.Time {
	return sameClock(t.In(cal.Zone()), calendar.DateOf(t, cal.Zone()).AddDays(n), cal.Zone())
}

// workday returns the first and last working moment of the working day on which t lies; t itself when it lies on none.
func workday(cal *calendar.Calendar, t time.Time) (first, last time.Time) {
	const around = 48 * time.Hour // a shift is at most a day long and begins on its date
	day := calendar.DateOf(t, cal.Zone())
	for s := range cal.Spans(t.Add(-around), t.Add(around)) {
		if !s.From.After(t) && !s.To.Before(t) {
			day = s.Date
			break
		}
	}
	first, last = t, t
	for s := range cal.Spans(t.Add(-around), t.Add(around)) {
		if s.Date != day {
			continue
		}
		if s.From.Before(first) {
			first = s.From
		}
		last = later(last, s.To)
	}
	return first, last
}
