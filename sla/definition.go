package sla

import (
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// A Metric is what a clock measures. Hosts may add metrics of their own. The values are stable and stored.
type Metric string

// The metrics that every practice knows.
const (
	Response    Metric = "response"    // somebody competent has taken it up
	OnSite      Metric = "on_site"     // an engineer stands at the place
	Restoration Metric = "restoration" // the user can work again
	Resolution  Metric = "resolution"  // the cause is removed or the request fulfilled
)

// Retarget says what becomes of the time used when another definition takes over a running clock.
type Retarget string

// The re-target policies. The definition that takes over decides.
const (
	// KeepElapsed counts the working time used so far against the new goal. It is the default. Goals in days or months replay instead.
	KeepElapsed Retarget = "keep_elapsed"
	// Restart begins from zero at the instant of the change.
	Restart Retarget = "restart"
	// Replay judges the whole history, starts and pauses, by the new goal and calendar.
	Replay Retarget = "replay"
	// Fraction carries the share of the goal that has been used.
	Fraction Retarget = "fraction"
	// Stricter replays, and keeps goal and calendar of whichever is due earlier at the instant of the change.
	Stricter Retarget = "stricter"
)

// Reopen says what happens when the stop condition of a stopped clock no longer holds.
type Reopen string

// The reopen policies.
const (
	// ResumeCycle goes on with the stopped clock; the time in between does not count. It is the default.
	ResumeCycle Reopen = "resume"
	// NewCycle leaves the finished clock as it is and attaches a new one with the next cycle number.
	NewCycle Reopen = "new_cycle"
)

// Late says what becomes of rungs whose time had passed before their clock was attached, for example after a re-targeting.
type Late string

// The policies for late rungs.
const (
	FireLate Late = "fire"     // fire each; the default
	Suppress Late = "suppress" // fire none; they are recorded as suppressed
	Collapse Late = "collapse" // fire the highest only
)

// Tie decides between definitions of one metric that apply to one record.
type Tie string

// The tie rules. What is still equal after them is decided by the order of the keys.
const (
	MostSpecific Tie = "specific"  // level of precedence, then rank, then the earliest due time; the default
	Strictest    Tie = "strictest" // the earliest due time, then level and rank
	First        Tie = "first"     // the order in the data
)

// A Definition is a target as data. Its conditions are sources of package rule over the record's own facts, so that every
// result can be computed again from the record's history. A definition that is in use is never edited: it gets a new version.
type Definition struct {
	Key     string `json:"key"`
	Version string `json:"version,omitempty"` // Defaults to a hash of the content
	Metric  Metric `json:"metric"`
	Goal    Goal   `json:"goal"`
	// Calendar is a key of the calendars of the catalog. Defaults to "", which counts around the clock.
	Calendar string `json:"calendar,omitempty"`

	// For names the values of text facts for which the target is made: {"service": ["his"], "priority": ["P1", "P2"]}. The
	// facts named here decide how specific the target is, see [Data.Precedence].
	For map[string][]string `json:"for,omitempty"`
	// When must hold as well. Defaults to always.
	When string `json:"when,omitempty"`
	// Rank orders targets of one level of precedence; the higher wins.
	Rank int `json:"rank,omitempty"`
	// From and To bound the days, both included, on which a record must have begun for the target to apply; zero is open.
	From calendar.Date `json:"from,omitzero"`
	To   calendar.Date `json:"to,omitzero"`

	Start  string `json:"start,omitempty"`  // Defaults to always: the clock starts when it is attached
	Pause  string `json:"pause,omitempty"`  // Defaults to never, or with PauseReasons to always
	Resume string `json:"resume,omitempty"` // Defaults to: the pause condition no longer holds
	Stop   string `json:"stop,omitempty"`   // Defaults to never
	Reset  string `json:"reset,omitempty"`  // when it becomes true, a new cycle begins from zero. Defaults to never
	Cancel string `json:"cancel,omitempty"` // ends the clock without a result. Defaults to never
	// PauseReasons restricts pausing to these values of [Data.PauseFact].
	PauseReasons []string `json:"pause_reasons,omitempty"`
	// RetroactiveStart is a time fact from which the clock counts, instead of the instant at which it was started.
	RetroactiveStart string `json:"retroactive_start,omitempty"`

	Retarget Retarget `json:"retarget,omitempty"` // Defaults to KeepElapsed
	Reopen   Reopen   `json:"reopen,omitempty"`   // Defaults to ResumeCycle

	Ladder []Rung `json:"ladder,omitempty"` // from the lowest to the highest
	Late   Late   `json:"late,omitempty"`   // Defaults to FireLate
	// Hours is a calendar in whose open time rungs fire; those that fall outside wait. Defaults to "", any time.
	Hours string `json:"hours,omitempty"`
	// Strict refuses due times that reach into years without a published holiday notice. Defaults to flagging them.
	Strict bool `json:"strict,omitempty"`
}

// A Rung is a step of an escalation ladder: a warning, a reminder, an escalation. What it leads to is the host's business.
type Rung struct {
	Name string `json:"name"` // unique within the ladder
	At   Point  `json:"at"`
	// Every repeats the rung after that time, Times times in all. Repetitions that passed together fire as one, the latest.
	Every Pace `json:"every,omitzero"`
	Times int  `json:"times,omitempty"`
}

// A Point is a place on the way of a clock: a percentage of its goal, or an offset from its due time.
// The zero Point is invalid. See [ParsePoint].
type Point struct {
	percent int
	offset  Pace
	rel     bool
}

// ParsePoint reads "75%" (of the goal), "-1h" and "+30m" (of working time from the due time) or "+30m wall" (of elapsed time).
func ParsePoint(s string) (Point, error) {
	if num, ok := strings.CutSuffix(s, "%"); ok {
		n, err := strconv.ParseUint(num, 10, 16)
		if err != nil || n == 0 || n > 10000 || strconv.Itoa(int(n)) != num {
			return Point{}, wrong("sla: %.60q is not a percentage from 1%% to 10000%%", s)
		}
		return Point{percent: int(n)}, nil
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return Point{}, wrong("sla: %.60q is not a point, want for example 75%%, -1h, +30m or +30m wall", s)
	}
	p, err := parsePace(s)
	if err != nil {
		return Point{}, wrong("sla: %.60q is not a point, want for example 75%%, -1h, +30m or +30m wall", s)
	}
	return Point{offset: p, rel: true}, nil
}

// MustPoint is [ParsePoint] for constants; it panics on a text that is no point.
func MustPoint(s string) Point {
	p, err := ParsePoint(s)
	if err != nil {
		panic(err)
	}
	return p
}

// String writes the point so that [ParsePoint] reads it back.
func (p Point) String() string {
	switch {
	case p.percent > 0:
		return strconv.Itoa(p.percent) + "%"
	case !p.rel:
		return ""
	case p.offset.d >= 0:
		return "+" + p.offset.String()
	}
	return p.offset.String()
}

// MarshalText writes [Point.String].
func (p Point) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParsePoint].
func (p *Point) UnmarshalText(text []byte) error {
	var err error
	*p, err = ParsePoint(string(text))
	return err
}

// A Pace is a stretch of working time, or of elapsed time when it is marked "wall".
type Pace struct {
	d    time.Duration
	wall bool
}

// ParsePace reads "30m" or "30m wall"; it is positive.
func ParsePace(s string) (Pace, error) {
	p, err := parsePace(s)
	if err != nil || p.d <= 0 {
		return Pace{}, wrong("sla: %.60q is not a pace, want for example 30m or 30m wall", s)
	}
	return p, nil
}

func parsePace(s string) (Pace, error) {
	num, wall := strings.CutSuffix(s, " wall")
	d, err := time.ParseDuration(num)
	if err == nil && d%time.Microsecond != 0 {
		err = wrong("sla: %.60q is finer than a microsecond", s)
	}
	return Pace{d, wall}, err
}

// MustPace is [ParsePace] for constants; it panics on a text that is no pace.
func MustPace(s string) Pace {
	p, err := ParsePace(s)
	if err != nil {
		panic(err)
	}
	return p
}

// String writes the pace so that [ParsePace] reads it back.
func (p Pace) String() string {
	if p.wall {
		return duration(p.d) + " wall"
	}
	return duration(p.d)
}

// IsZero reports whether there is no pace.
func (p Pace) IsZero() bool { return p == Pace{} }

// MarshalText writes [Pace.String].
func (p Pace) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParsePace].
func (p *Pace) UnmarshalText(text []byte) error {
	var err error
	*p, err = ParsePace(string(text))
	return err
}
