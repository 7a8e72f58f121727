package approval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Hours is working time. [calendar.Calendar] of this library has these semantics; nil means around the clock.
type Hours interface {
	// Add returns the instant that lies d of working time after t, or before it when d is negative.
	Add(t time.Time, d time.Duration) (time.Time, error)
}

func addHours(h Hours, t time.Time, d time.Duration) (time.Time, error) {
	if h == nil {
		return t.Add(d), nil
	}
	u, err := h.Add(t, d)
	return u.UTC().Truncate(time.Microsecond), err
}

// A Rung is a reminder while a step is open. It tells whoever has not voted, and the holders of the roles in To.
type Rung struct {
	Name string      `json:"name"`
	At   Point       `json:"at"`
	To   []itsm.Role `json:"to,omitempty"`
}

// A Point is a time within a step: "4h" after it has opened, "-1h" before it is due, "50%" of its time. It counts in the
// hours of the step.
type Point struct {
	percent int
	after   time.Duration
}

// ParsePoint reads a point.
func ParsePoint(s string) (Point, error) {
	if digits, ok := strings.CutSuffix(s, "%"); ok {
		if n, err := strconv.Atoi(digits); err == nil && n > 0 && n < 100 {
			return Point{percent: n}, nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d != 0 {
		return Point{after: d}, nil
	}
	return Point{}, fmt.Errorf(`%w: point %.60q: want "4h" after the opening, "-1h" before the due time, or "50%%" of the time`, itsm.ErrInvalid, s)
}

// String writes what [ParsePoint] reads.
func (p Point) String() string {
	switch {
	case p.percent > 0:
		return strconv.Itoa(p.percent) + "%"
	case p.after != 0:
		return p.after.String()
	}
	return ""
}

// MarshalText writes what [ParsePoint] reads.
func (p Point) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParsePoint].
func (p *Point) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePoint(string(text))
	return err
}

func checkLadder(place string, ladder []Rung, fs *faults) {
	for i, r := range ladder {
		at := fmt.Sprintf("%s.ladder[%d]", place, i)
		if r.Name == "" || len(r.Name) > maxName || slices.ContainsFunc(ladder[:i], func(o Rung) bool { return o.Name == r.Name }) {
			fs.add(at+".name", "%q: want a name of its own, up to %d bytes", r.Name, maxName)
		}
		if r.At == (Point{}) {
			fs.add(at+".at", `is missing, want "4h", "-1h" or "50%%"`)
		}
	}
}

// An Alarm is a rung with its time.
type Alarm struct {
	Name string      `json:"name"`
	At   time.Time   `json:"at"`
	To   []itsm.Role `json:"to,omitempty"`
}

// schedule returns when a step that opens is due, and its alarms before that in order of time. The step may end earlier than its own time
// because the whole round does.
func schedule(h Hours, opened time.Time, within itsm.Duration, ladder []Rung, last time.Time) (due time.Time, alarms []Alarm, err error) {
	due = last
	if within > 0 {
		if due, err = addHours(h, opened, within.Std()); err != nil {
			return due, nil, err
		}
		if !last.IsZero() && last.Before(due) {
			due = last
		}
	}
	for _, r := range ladder {
		var at time.Time
		switch {
		case r.At.percent > 0:
			at, err = addHours(h, opened, within.Std()/100*time.Duration(r.At.percent))
		case r.At.after > 0:
			at, err = addHours(h, opened, r.At.after)
		default:
			at, err = addHours(h, due, r.At.after)
		}
		if err != nil {
			return due, nil, err
		}
		if at.Before(due) && !at.Before(opened) {
			alarms = append(alarms, Alarm{r.Name, at, r.To})
		}
	}
	slices.SortStableFunc(alarms, func(a, b Alarm) int { return a.At.Compare(b.At) })
	return due, alarms, nil
}
