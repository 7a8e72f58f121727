package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A DayMode says at what time of the day a goal in working days ends. It is a text, so that definitions can store it.
type DayMode string

// The modes; [CutOff] makes others.
const (
	SameTime DayMode = "same_time"  // at the same wall-clock time, within the hours
	KeepTime DayMode = "keep_time"  // at the same wall-clock time, also before and between the hours
	EndOfDay DayMode = "end_of_day" // at the end of the day's working time
)

// CutOff is the mode of "next business day": what comes in on a working day before the given time counts from that day,
// everything else from the next working day, and the goal ends at the end of its day's working time.
func CutOff(at Clock) DayMode { return DayMode(cutOffPrefix + at.String()) }

const cutOffPrefix = "cut_off "

// ParseDayMode reads "same_time", "keep_time", "end_of_day" or "cut_off 15:00".
func ParseDayMode(s string) (DayMode, error) {
	m := DayMode(s)
	_, err := m.cutOff()
	return m, err
}

// cutOff returns the time of a cut-off, -1 for the other modes.
func (m DayMode) cutOff() (Clock, error) {
	if m == SameTime || m == KeepTime || m == EndOfDay {
		return -1, nil
	}
	if s, ok := strings.CutPrefix(string(m), cutOffPrefix); ok {
		return ParseClock(s)
	}
	return -1, fmt.Errorf(`%.60q is not a way to count days, want same_time, keep_time, end_of_day or "cut_off HH:MM"`, string(m))
}

// IsWorkday reports whether a shift or opening of the date leaves some working time. A night shift counts for the date
// on which it starts only.
func (c *Calendar) IsWorkday(d Date) bool { return c.isWorkday(d.number()) }

func (c *Calendar) isWorkday(day int) bool { return len(c.spansOf(day, day)) > 0 }

// AddDays moves an instant by n working days, back for n < 0. An instant outside of working time first moves to the next
// opening (for n < 0: to the last closing), but not with KeepTime and CutOff; its day is the date of its shift.
//
//   - [SameTime]: the same wall-clock time on the n-th working day after. Where that day has a break the result moves to the
//     end of the break (for n < 0: to its start); before and after the day's hours it is their start and their end.
//   - [KeepTime]: the same wall-clock time on the n-th working day after, where an instant on a day off counts from the next
//     working day (for n < 0: from the last one). A time before the hours or in a break stays as it is. One at or after the end
//     of the day's hours moves to the opening of the next working day, or to the same time on it where that is earlier (for n < 0:
//     one before the hours to the last closing or the same time, whichever is later). So what comes in on a Saturday evening can be
//     due later than what comes in on the Sunday morning.
//   - [EndOfDay]: the end of the hours of the n-th working day after; for n = 0 of the same day.
//   - [CutOff]: the end of the hours of the n-th working day after the day from which the goal counts.
//
// When there is no such day within the horizon, the error is a [*HorizonError]; an unknown mode is an error.
func (c *Calendar) AddDays(t time.Time, n int, mode DayMode) (time.Time, error) {
	cutOff, err := mode.cutOff()
	if err != nil {
		return time.Time{}, fmt.Errorf("calendar: %w", err)
	}
	if cutOff >= 0 {
		return c.addAfterCutOff(t, n, cutOff)
	}
	if mode == KeepTime {
		return c.addKeepingTime(t, n)
	}
	start, day, err := c.workingMoment(t, n >= 0)
	if err != nil {
		return time.Time{}, err
	}
	if n == 0 && mode == SameTime {
		return start, nil
	}
	spans, err := c.nthWorkday(t, day, n)
	if err != nil {
		return time.Time{}, err
	}
	end := spans[len(spans)-1].to
	if mode == EndOfDay {
		return time.Unix(end, 0).In(t.Location()), nil
	}
	return clamp(c.sameWall(start, day, spans[0].day), spans, n >= 0), nil
}

// sameWall returns the instant on another date at which the clock shows what it shows at t, which belongs to the date from.
func (c *Calendar) sameWall(t time.Time, from, to int) time.Time {
	if from == to {
		return t // also in the second pass of a repeated hour
	}
	wall := c.zone.wall(t.Unix()) + int64(to-from)*86400
	return time.Unix(c.zone.instant(wall), int64(t.Nanosecond())).In(t.Location())
}

// clamp moves an instant into the hours of a day, over a break in the direction of counting.
func clamp(t time.Time, spans []span, forward bool) time.Time {
	unix := func(sec int64) time.Time { return time.Unix(sec, 0).In(t.Location()) }
	for i, s := range spans {
		from, to := unix(s.from), unix(s.to)
		switch {
		case t.Before(from):
			if i == 0 || forward {
				return from
			}
			return unix(spans[i-1].to)
		case t.Before(to), !forward && t.Equal(to):
			return t
		}
	}
	return unix(spans[len(spans)-1].to)
}

func (c *Calendar) addKeepingTime(t time.Time, n int) (time.Time, error) {
	sec, _ := split(t)
	day := c.zone.day(sec)
	c.spans(sec, sec+1, func(s span) bool {
		day = s.day
		return false
	})
	from, step := day, 1
	if n < 0 {
		step = -1
	}
	if !c.isWorkday(day) {
		spans, err := c.nthWorkday(t, day, step)
		if err != nil {
			return time.Time{}, err
		}
		from = spans[0].day
	}
	spans, err := c.nthWorkday(t, from, n)
	if err != nil {
		return time.Time{}, err
	}
	target := c.sameWall(t, day, spans[0].day)
	opening, closing := edges(spans)
	if n >= 0 && target.Before(closing) || n < 0 && !target.Before(opening) {
		return target, nil
	}
	if spans, err = c.nthWorkday(t, spans[0].day, step); err != nil {
		return time.Time{}, err
	}
	// Where hours differ from day to day the same time may come first; without it one working day more could be due earlier.
	target = c.sameWall(t, day, spans[0].day)
	opening, closing = edges(spans)
	switch {
	case n >= 0 && opening.Before(target):
		return opening.In(t.Location()), nil
	case n < 0 && closing.After(target):
		return closing.In(t.Location()), nil
	}
	return target, nil
}

// edges returns the start and the end of a day's hours.
func edges(spans []span) (opening, closing time.Time) {
	return time.Unix(spans[0].from, 0), time.Unix(spans[len(spans)-1].to, 0)
}

func (c *Calendar) addAfterCutOff(t time.Time, n int, cutOff Clock) (time.Time, error) {
	sec, _ := split(t)
	day := c.zone.day(sec)
	if !c.isWorkday(day) || c.zone.wall(sec) >= wallOf(day, cutOff) {
		spans, err := c.nthWorkday(t, day, 1)
		if err != nil {
			return time.Time{}, err
		}
		day = spans[0].day
	}
	spans, err := c.nthWorkday(t, day, n)
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(spans[len(spans)-1].to, 0).In(t.Location()), nil
}

// Workdays counts working days from a to b: those after the day of a up to the day of b; negative when b is before a. A
// start outside of working time counts as the next opening, an end as the last closing. It is the inverse of [Calendar.AddDays] with
// [SameTime], but for results at the edge where the hours of one date run into those of the next. A goal in working days that
// was paused from a to b moves by so many days.
func (c *Calendar) Workdays(a, b time.Time) int {
	if b.Before(a) {
		return -c.Workdays(b, a)
	}
	_, first, err := c.workingMoment(a, true)
	if err != nil {
		return 0
	}
	_, last, err := c.workingMoment(b, false)
	if err != nil || last <= first {
		return 0
	}
	n, counted := 0, first
	for _, s := range c.spansOf(first+1, last) {
		if s.day > counted {
			n, counted = n+1, s.day
		}
	}
	return n
}

// workingMoment returns t if it is in working time, else the next opening or the last closing, and the date of its shift.
func (c *Calendar) workingMoment(t time.Time, forward bool) (time.Time, int, error) {
	var err error
	if !c.Open(t) {
		if forward {
			t, err = c.NextOpen(t)
		} else {
			t, err = c.PrevOpen(t)
		}
		if err != nil {
			return t, 0, err
		}
	}
	sec, _ := split(t)
	if !c.Open(t) {
		sec-- // a closing belongs to the shift that ends
	}
	day := 0
	c.spans(sec, sec+1, func(s span) bool {
		day = s.day
		return false
	})
	return t, day, nil
}

// nthWorkday returns the hours of the n-th working day after a date, which for n = 0 is the date itself.
func (c *Calendar) nthWorkday(t time.Time, day, n int) ([]span, error) {
	if n == 0 {
		if spans := c.spansOf(day, day); len(spans) > 0 {
			return spans, nil
		}
	}
	sec, _ := split(t)
	limit := c.limit(sec, n > 0)
	left := max(n, -n)
	// Most goals are a few days: begin with two weeks and take ever longer stretches.
	for chunk, first := 14, day; ; chunk *= 2 {
		from, to := first+1, first+chunk
		if n < 0 {
			from, to = first-chunk, first-1
		}
		first += to - from + 1
		if n < 0 {
			first = from
		}
		days := byDay(c.spansOf(from, to), n < 0)
		if len(days) >= left {
			if found := days[left-1]; within(found[0].from, limit, n > 0) {
				return found, nil
			}
		}
		if left -= len(days); left <= 0 || !within(c.zone.midnight(first), limit, n > 0) {
			want := fmt.Sprintf("working day %+d", n)
			return nil, &HorizonError{t, time.Unix(limit, 0).In(t.Location()), want}
		}
	}
}

// spansOf returns the spans of the given dates, ordered by date.
func (c *Calendar) spansOf(first, last int) []span {
	// A date's shifts end at most two days after it began; zones of the parts of a composed calendar differ by a day.
	const before, after = 2, 4
	var out []span
	c.spans(c.zone.midnight(first-before), c.zone.midnight(last+after), func(s span) bool {
		if first <= s.day && s.day <= last {
			out = append(out, s)
		}
		return true
	})
	// An opening within a night shift comes before the rest of that shift.
	slices.SortStableFunc(out, func(a, b span) int { return a.day - b.day })
	return out
}

// byDay splits spans into those of each date.
func byDay(spans []span, backward bool) [][]span {
	var out [][]span
	for i := 0; i < len(spans); {
		j := i + 1
		for j < len(spans) && spans[j].day == spans[i].day {
			j++
		}
		out = append(out, spans[i:j])
		i = j
	}
	if backward {
		slices.Reverse(out)
	}
	return out
}

// At returns the instant of a wall-clock time in the zone of the calendar. A time that is skipped becomes the instant of
// the jump, a repeated one its first pass.
func (c *Calendar) At(l LocalTime) time.Time {
	return time.Unix(c.zone.instant(l.wall()), 0).In(c.zone.loc)
}

// AddCalendarDays moves an instant by n days at the same wall-clock time in the zone of the calendar, whether or not they
// are working days.
func (c *Calendar) AddCalendarDays(t time.Time, n int) time.Time {
	return c.moveDate(t, func(d Date) Date { return d.AddDays(n) })
}

// AddMonths moves an instant by n months at the same wall-clock time in the zone of the calendar; a day that the month
// does not have becomes its last day.
func (c *Calendar) AddMonths(t time.Time, n int) time.Time {
	return c.moveDate(t, func(d Date) Date { return d.AddMonths(n) })
}

func (c *Calendar) moveDate(t time.Time, move func(Date) Date) time.Time {
	wall := c.zone.wall(t.Unix())
	day := int(floorDiv64(wall, 86400))
	return c.sameWall(t.Round(0), day, move(dateOf(day)).number())
}
