package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Calendar is a set of instants: the working time of somebody. It is immutable and safe for concurrent use; what it
// has computed it keeps.
type Calendar struct {
	data    Data
	version string
	zone    *zone
	horizon int64 // seconds
	always  bool  // open at every instant
	civil   *civil
	parts   *composed // instead of civil

	mu    sync.Mutex // held while a table or plan is made
	table atomic.Pointer[table]
	plan  atomic.Pointer[plan]
}

const defaultHorizon = 100 // years

// New makes a calendar of data. The error is a [*DataError] that lists all faults.
func New(d Data) (*Calendar, error) {
	var fs faults
	c := build("", d.Clone(), &fs)
	if err := fs.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Always returns the calendar that never closes. It is in UTC.
func Always() *Calendar {
	c, err := New(Data{Zone: "UTC", Week: EveryDay(Shift{0, dayMinutes})})
	if err != nil {
		panic(err) // the data above are in order
	}
	return c
}

// Data returns a copy of the data of the calendar, in canonical order.
func (c *Calendar) Data() Data { return c.data.Clone() }

// MarshalJSON writes what [Parse] reads. Equal calendars give equal text.
func (c *Calendar) MarshalJSON() ([]byte, error) { return json.Marshal(c.data) }

// Version identifies the data of the calendar, its edition included: equal data have equal versions. It is a hash of 16
// hexadecimal digits.
func (c *Calendar) Version() string { return c.version }

func versionOf(d Data) string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // data hold nothing that JSON cannot
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Zone returns the zone of the calendar.
func (c *Calendar) Zone() *time.Location { return c.zone.loc }

// Open reports whether the instant is in working time. Intervals are half-open: at 12:00 a shift until 12:00 is over.
func (c *Calendar) Open(t time.Time) bool {
	if c.always {
		return true
	}
	sec, _ := split(t)
	_, open := c.tableFor(sec, sec).before(sec)
	return open
}

// Between returns the working time from a to b, as elapsed time; it is negative when b is before a. Like [time.Time.Sub]
// it ends at the limits of a Duration, 292 years.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	if c.always {
		return b.Sub(a)
	}
	aSec, aNano := split(a)
	bSec, bNano := split(b)
	t := c.table.Load()
	if t == nil || !t.covers(aSec) || !t.covers(bSec) {
		t = c.tableFor(aSec, bSec)
	}
	aOpen, in := t.before(aSec)
	if !in {
		aNano = 0
	}
	bOpen, in := t.before(bSec)
	if !in {
		bNano = 0
	}
	const limit int64 = math.MaxInt64/1_000_000_000 - 1
	switch seconds := bOpen - aOpen; {
	case seconds > limit:
		return math.MaxInt64
	case seconds < -limit:
		return math.MinInt64
	default:
		return time.Duration(seconds*1e9 + bNano - aNano)
	}
}

// Add moves an instant by working time. For d ≥ 0 it returns the earliest u ≥ t with Between(t, u) ≥ d, for d < 0 the
// latest u ≤ t with Between(u, t) ≥ -d. The result is in the location of t. When u is not within the horizon of the
// calendar, the error is a [*HorizonError].
func (c *Calendar) Add(t time.Time, d time.Duration) (time.Time, error) {
	if d == 0 {
		return t.Round(0), nil
	}
	if c.always {
		return t.Round(0).Add(d), nil
	}
	sec, nano := split(t)
	limit := c.limit(sec, d > 0)
	tab := c.table.Load()
	if tab == nil || !tab.covers(sec) {
		tab = c.tableFor(sec, sec)
	}
	for {
		open, in := tab.before(sec)
		goal, rest := open+int64(d/1e9), int64(d%1e9)
		if in {
			rest += nano
		}
		if rest >= 1e9 {
			goal, rest = goal+1, rest-1e9
		} else if rest < 0 {
			goal, rest = goal-1, rest+1e9
		}
		at, found := tab.locate(goal, rest, d > 0)
		switch {
		case found && within(at, limit, d > 0):
			return time.Unix(at, rest).In(t.Location()), nil
		case found || tab.reaches(limit, d > 0):
			want := d.String() + " of working time"
			return time.Time{}, &HorizonError{t, time.Unix(limit, 0).In(t.Location()), want}
		}
		tab = c.further(tab, d > 0)
	}
}

// locate returns the instant at which goal seconds and rest nanoseconds of open time have passed: the earliest one, or the
// latest. The nanoseconds of the instant are rest.
func (t *table) locate(goal, rest int64, earliest bool) (sec int64, ok bool) {
	k := goal
	if earliest && rest == 0 {
		k-- // the end of a segment is earlier than the start of the next
	}
	if k < 0 || k >= t.total() {
		return 0, false
	}
	s := t.segs[t.reaching(k)]
	return s.start + goal - s.open, true
}

// limit returns the end of the search from an instant.
func (c *Calendar) limit(sec int64, forward bool) int64 {
	if forward {
		return min(sec+c.horizon, maxSec)
	}
	return max(sec-c.horizon, minSec)
}

func within(sec, limit int64, forward bool) bool {
	if forward {
		return sec <= limit
	}
	return sec >= limit
}

// reaches holds when nothing can be found by extending the table.
func (t *table) reaches(limit int64, forward bool) bool {
	if forward {
		return t.hi >= limit
	}
	return t.lo <= limit
}

// NextOpen returns the earliest instant at or after t that is open, or a [*HorizonError].
func (c *Calendar) NextOpen(t time.Time) (time.Time, error) {
	if c.always {
		return t.Round(0), nil
	}
	sec, _ := split(t)
	limit := c.limit(sec, true)
	for tab := c.tableFor(sec, sec); ; tab = c.further(tab, true) {
		i := tab.at(sec)
		if sec-tab.segs[i].start < tab.segs[i+1].open-tab.segs[i].open && sec == t.Unix() {
			return t.Round(0), nil
		}
		if next := tab.segs[i+1].start; next <= limit {
			return time.Unix(next, 0).In(t.Location()), nil
		}
		if tab.reaches(limit, true) {
			return time.Time{}, &HorizonError{t, time.Unix(limit, 0).In(t.Location()), "opening"}
		}
	}
}

// PrevOpen returns the latest instant at or before t up to which it is open: t itself within working time, otherwise the
// last closing; or a [*HorizonError].
func (c *Calendar) PrevOpen(t time.Time) (time.Time, error) {
	if c.always {
		return t.Round(0), nil
	}
	sec, nano := split(t)
	limit := c.limit(sec, false)
	for tab := c.tableFor(sec, sec); ; tab = c.further(tab, false) {
		i := tab.at(sec)
		if i > 0 && tab.segs[i].start == sec && nano == 0 {
			i-- // just opened
		}
		end := tab.segs[i].start + tab.segs[i+1].open - tab.segs[i].open
		switch {
		case i == 0:
		case sec < end && sec == t.Unix():
			return t.Round(0), nil
		case end >= limit:
			return time.Unix(end, 0).In(t.Location()), nil
		}
		if i > 0 || tab.reaches(limit, false) {
			return time.Time{}, &HorizonError{t, time.Unix(limit, 0).In(t.Location()), "working time"}
		}
	}
}

// split takes an instant apart; those outside of the supported years move to their edge.
func split(t time.Time) (sec, nano int64) {
	sec = t.Unix()
	if sec < minSec {
		return minSec, 0
	}
	if sec >= maxSec {
		return maxSec, 0
	}
	return sec, int64(t.Nanosecond())
}

// tableFor returns a table that covers two instants.
func (c *Calendar) tableFor(a, b int64) *table {
	if t := c.table.Load(); t != nil && t.covers(a) && t.covers(b) {
		return t
	}
	return c.grow(min(a, b), max(a, b))
}

// further returns a table that goes on where one ends. Each is twice as long, so that a long search costs no more than
// the last one.
func (c *Calendar) further(t *table, forward bool) *table {
	if forward {
		return c.grow(t.lo, min(t.hi+(t.hi-t.lo), maxSec))
	}
	return c.grow(max(t.lo-(t.hi-t.lo), minSec), t.hi)
}

// grow makes the table cover [lo, hi] and what it covered before, in whole years with one to spare. It grows by half at
// least, so that a walk through the years does not make it anew for each.
func (c *Calendar) grow(lo, hi int64) *table {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.table.Load(); old != nil {
		if old.covers(lo) && old.covers(hi) {
			return old
		}
		half := (old.hi - old.lo) / 2
		if lo < old.lo {
			lo = max(min(lo, old.lo-half), minSec)
		}
		if hi > old.hi {
			hi = min(max(hi, old.hi+half), maxSec)
		}
		lo, hi = min(lo, old.lo), max(hi, old.hi)
	}
	first := max(dateOf(int(floorDiv64(lo, 86400))).Year-1, firstYear)
	last := min(dateOf(int(floorDiv64(hi, 86400))).Year+1, lastYear)
	lo = int64(Date{first, time.January, 1}.number()) * 86400
	hi = int64(Date{last + 1, time.January, 1}.number()) * 86400
	t := newTable(lo, hi, c.spans)
	c.table.Store(t)
	return t
}

// spans yields the open stretches within [lo, hi), in order.
func (c *Calendar) spans(lo, hi int64, yield func(span) bool) bool {
	lo, hi = max(lo, minSec), min(hi, maxSec)
	if lo >= hi {
		return true
	}
	if c.parts != nil {
		return c.parts.spans(lo, hi, yield)
	}
	return c.civil.spans(c.planFor(lo, hi), lo, hi, yield)
}

// planFor returns a plan of all dates that can matter in [lo, hi).
func (c *Calendar) planFor(lo, hi int64) *plan {
	first, last := int(floorDiv64(lo, 86400))-4, int(floorDiv64(hi, 86400))+4
	p := c.plan.Load()
	if p == nil || first < p.first || last >= p.first+len(p.days) {
		if p != nil {
			end, half := p.first+len(p.days)-1, len(p.days)/2
			if first < p.first {
				first = min(first, max(p.first-half, minDay-4))
			}
			if last > end {
				last = max(last, min(end+half, maxDay+4))
			}
			first, last = min(first, p.first), max(last, end)
		}
		p = c.civil.paint(dateOf(first).Year, dateOf(last).Year)
		c.plan.Store(p) // whoever comes last wins: any plan is right for what it covers
	}
	return p
}
