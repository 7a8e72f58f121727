package calendar

import (
	"fmt"
	"math"
	"sort"
	"time"
	_ "time/tzdata" // a calendar names its zone, and servers on Windows or in small containers have no zone database
)

// The supported years, [1900, 2200). They bound the memory of an index; outside of them every calendar but a 24×7 one is closed.
const (
	firstYear = 1900
	lastYear  = 2199
)

var (
	minDay = Date{firstYear, time.January, 1}.number()
	maxDay = Date{lastYear + 1, time.January, 1}.number()
	minSec = int64(minDay) * 86400
	maxSec = int64(maxDay) * 86400
)

// A zone turns wall-clock times into instants by one rule, which [time.Date] does not keep: the instant of a wall-clock
// time is the earliest one at which the wall clock shows it or a later time. A time that is skipped becomes the instant
// of the jump, a repeated one its first pass, and no two wall-clock times ever change their order.
type zone struct {
	loc     *time.Location
	periods []zonePeriod
	reach   []int64 // per period: how far the wall clock has come by its end
}

// A zonePeriod is a stretch of constant offset from UTC, up to the start of the next. Seconds.
type zonePeriod struct {
	start, offset int64
}

func loadZone(name string) (*zone, error) {
	switch name {
	case "":
		return nil, fmt.Errorf("missing, want an IANA name such as Asia/Shanghai")
	case "Local":
		return nil, fmt.Errorf("%q is the zone of a machine, want an IANA name such as Asia/Shanghai", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not known, want an IANA name such as Asia/Shanghai", name)
	}
	const margin = 4 * 86400
	z := &zone{loc: loc}
	t := time.Unix(minSec-margin, 0).In(loc)
	for start := int64(math.MinInt64 / 2); ; {
		_, offset := t.Zone()
		if n := len(z.periods); n == 0 || z.periods[n-1].offset != int64(offset) {
			z.periods = append(z.periods, zonePeriod{start, int64(offset)})
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || end.Unix() >= maxSec+margin {
			break
		}
		if !end.After(t) { // on the last day of leap years package time ends the bounds before they begin
			end = t.AddDate(0, 0, 1)
		}
		t, start = end, end.Unix()
	}
	z.reach = make([]int64, len(z.periods))
	reach := int64(math.MinInt64)
	for i, p := range z.periods {
		end := int64(math.MaxInt64 / 2)
		if i+1 < len(z.periods) {
			end = z.periods[i+1].start
		}
		reach = max(reach, end+p.offset)
		z.reach[i] = reach
	}
	return z, nil
}

// instant returns the instant of a wall-clock time; both in seconds.
func (z *zone) instant(wall int64) int64 {
	i := sort.Search(len(z.reach)-1, func(i int) bool { return z.reach[i] > wall })
	p := z.periods[i]
	return max(p.start, wall-p.offset)
}

// wall returns what the wall clock shows at an instant.
func (z *zone) wall(instant int64) int64 {
	i := sort.Search(len(z.periods)-1, func(i int) bool { return z.periods[i+1].start > instant })
	return instant + z.periods[i].offset
}

// day returns the civil date at an instant. Dates begin at the first pass of midnight: an hour before midnight that is
// repeated after it belongs to the new date.
func (z *zone) day(instant int64) int {
	day := int(floorDiv64(z.wall(instant), 86400))
	for z.midnight(day+1) <= instant {
		day++
	}
	return day
}

// midnight returns the instant at which a date begins.
func (z *zone) midnight(day int) int64 { return z.instant(int64(day) * 86400) }

func floorDiv64(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
