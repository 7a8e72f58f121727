package sla

import (
	"errors"
	"math"
	"math/bits"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// track is what the calculus works on: a running set, a calendar and a goal. Elapsed time is |running set ∩ calendar| plus what
// was carried over.
type track struct {
	runs   []run
	spent  time.Duration
	cal    *calendar.Calendar
	goal   Goal
	anchor time.Time
}

// track returns what the clock is judged by. A clock that was stopped while it ran is taken to run on, so that it keeps its due time.
func (c *Catalog) track(k *Clock) (track, error) {
	cal, err := c.edition(&k.Pin)
	if err != nil {
		return track{}, err
	}
	return track{runs: k.runs, spent: k.Spent, cal: cal, goal: k.Pin.Goal, anchor: k.Anchor}, nil
}

// running returns the track with its last run open, as if it went on from its end.
func (w track) running() track {
	if n := len(w.runs); n > 0 && !w.runs[n-1].to.IsZero() {
		w.runs = append(w.runs[:n-1:n-1], run{from: w.runs[n-1].from})
	}
	return w
}

// elapsed is the working time used up to t.
func (w track) elapsed(t time.Time) time.Duration {
	sum := w.spent
	for _, r := range w.runs {
		if !r.from.Before(t) {
			break
		}
		end := r.to
		if end.IsZero() || end.After(t) {
			end = t
		}
		sum += w.cal.Between(r.from, end)
	}
	return sum
}

// reach is the least instant at which elapsed is d or more; false when the clock does not get there as it stands.
func (w track) reach(d time.Duration) (time.Time, bool, error) {
	if len(w.runs) == 0 {
		return time.Time{}, false, nil
	}
	need := d - w.spent
	if need <= 0 {
		return w.runs[0].from, true, nil
	}
	for _, r := range w.runs {
		if r.to.IsZero() {
			t, err := w.cal.Add(r.from, need)
			return micro(t), err == nil, err
		}
		worked := w.cal.Between(r.from, r.to)
		if worked >= need {
			t, err := w.cal.Add(r.from, need)
			return micro(t), err == nil, err
		}
		need -= worked
	}
	return time.Time{}, false, nil
}

// due is the least instant at which the goal is used up; false while the clock does not get there as it stands.
func (w track) due() (time.Time, bool, error) {
	if w.goal.kind == work {
		return w.reach(w.goal.d)
	}
	if len(w.runs) == 0 {
		return time.Time{}, false, nil
	}
	var paused shift
	for i, r := range w.runs {
		due, err := w.deadline(paused)
		if err != nil || due.IsZero() {
			return time.Time{}, false, err
		}
		if r.to.IsZero() || !r.to.Before(due) || !w.goal.pausable() {
			return due, true, nil
		}
		if i+1 < len(w.runs) {
			if err := w.addPause(&paused, r.to, w.runs[i+1].from); err != nil {
				return time.Time{}, false, err
			}
		}
	}
	return time.Time{}, false, nil
}

// breach is the instant at which elapsed passes the goal: up to it, it included, the goal is met. A clock that takes over more than
// its goal is breached from its first moment, so that the instant lies a microsecond before.
func (w track) breach(due time.Time) (time.Time, bool, error) {
	if w.goal.kind == work {
		t, ok, err := w.reach(w.goal.d + time.Microsecond)
		if !ok || err != nil {
			return time.Time{}, false, err
		}
		return t.Add(-time.Microsecond), true, nil
	}
	if due.Before(w.runs[0].from) {
		return w.runs[0].from, true, nil
	}
	return due, true, nil
}

// total is the working time of the whole way to the due time, which percentages and offsets refer to.
func (w track) total(due time.Time) time.Duration {
	if w.goal.kind == work {
		return w.goal.d
	}
	return w.elapsed(due)
}

// point is the instant of a place on the way; false while the clock does not get there as it stands.
func (w track) point(p Point, due time.Time) (time.Time, bool, error) {
	if len(w.runs) == 0 {
		return time.Time{}, false, nil
	}
	known := !due.IsZero()
	atDue := p.percent == 100 || p.rel && p.offset.d == 0
	switch {
	case !known && (w.goal.kind != work || p.rel && p.offset.wall || atDue):
		return time.Time{}, false, nil
	case atDue:
		return due, true, nil
	case p.rel && p.offset.wall:
		return later(due.Add(p.offset.d), w.runs[0].from), true, nil
	case p.rel:
		return w.reach(w.total(due) + p.offset.d)
	}
	return w.reach(share(w.total(due), int64(p.percent), 100))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// shift is by how much pauses move a goal in days: whole units and a rest.
type shift struct {
	units int
	rest  time.Duration
}

// addPause measures a pause in the unit of the goal. It counts as many units as fit into it from its beginning, or its
// first working moment; the rest counts as working time for goals in working days, as elapsed time for those in calendar days and months.
func (w track) addPause(s *shift, from, to time.Time) error {
	if w.goal.kind == days || w.goal.kind == months {
		n := calendar.DateOf(from, w.cal.Zone()).DaysUntil(calendar.DateOf(to, w.cal.Zone()))
		at := addCalendarDays(w.cal, from, n)
		if at.After(to) {
			n--
			at = addCalendarDays(w.cal, from, n)
		}
		s.units += n
		s.rest += to.Sub(at)
		return nil
	}
	// The number of units is found by halving: it is at most the number of days.
	lo, hi := 0, calendar.DateOf(from, w.cal.Zone()).DaysUntil(calendar.DateOf(to, w.cal.Zone()))+1
	at := from
	for lo+1 < hi {
		mid := (lo + hi) / 2
		t, err := w.cal.AddDays(from, mid, calendar.SameTime)
		if err != nil && !errors.Is(err, calendar.ErrHorizon) {
			return err
		}
		if err != nil || t.After(to) {
			hi = mid
			continue
		}
		lo, at = mid, t
	}
	s.units += lo
	s.rest += w.cal.Between(at, to)
	return nil
}

// deadline is the due time of a goal in days, or with a due time of its own; zero when its time fact is not known.
func (w track) deadline(s shift) (time.Time, error) {
	origin, g := w.runs[0].from, w.goal
	switch g.kind {
	case fixed:
		return wallClock(g.at.Date, g.at.Clock, w.cal.Zone()), nil
	case beforeDue:
		if w.anchor.IsZero() {
			return time.Time{}, nil
		}
		t, err := w.cal.Add(w.anchor, -g.d)
		return micro(t), err
	case days:
		return micro(addCalendarDays(w.cal, origin, g.n+s.units).Add(s.rest)), nil
	case months:
		local := origin.In(w.cal.Zone())
		t := sameClock(local, calendar.DateOf(origin, w.cal.Zone()).AddMonths(g.n), w.cal.Zone())
		return micro(addCalendarDays(w.cal, t, s.units).Add(s.rest)), nil
	}
	n, mode := g.n, g.mode
	if g.kind == nextDay {
		n, mode = 1, calendar.CutOff(g.cutoff)
	}
	if s.rest == 0 {
		t, err := w.cal.AddDays(origin, n+s.units, mode)
		return micro(t), err
	}
	if g.kind == nextDay && !w.before(origin, g.cutoff) {
		// It came in, for this purpose, when the next working day began.
		received, err := w.cal.AddDays(origin, 0, mode)
		if err != nil {
			return time.Time{}, err
		}
		origin, _ = workday(w.cal, received)
	}
	atDayEnd := mode != calendar.SameTime && mode != calendar.KeepTime
	if atDayEnd {
		mode = calendar.SameTime
	}
	t, err := w.cal.AddDays(origin, n+s.units, mode)
	if err != nil {
		return time.Time{}, err
	}
	if t, err = w.cal.Add(t, s.rest); err != nil {
		return time.Time{}, err
	}
	if atDayEnd {
		_, t = workday(w.cal, t)
	}
	return micro(t), nil
}

// before reports whether an instant lies on a working day before a time of day.
func (w track) before(t time.Time, cutoff calendar.Clock) bool {
	local := t.In(w.cal.Zone())
	return w.cal.IsWorkday(calendar.DateOf(t, w.cal.Zone())) && calendar.Clock(local.Hour()*60+local.Minute()) < cutoff
}

// share is d × num / den in whole microseconds, rounded down.
func share(d time.Duration, num, den int64) time.Duration {
	if num <= 0 || den <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(d/time.Microsecond), uint64(num))
	if hi >= uint64(den) {
		return math.MaxInt64 / 2
	}
	q, _ := bits.Div64(hi, lo, uint64(den))
	return time.Duration(min(q, math.MaxInt64/2000)) * time.Microsecond
}
