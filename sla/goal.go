package sla

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
)

// goalKind says how a goal is measured.
type goalKind uint8

const (
	noGoal    goalKind = iota
	work               // elapsed working time
	workdays           // working days
	nextDay            // next business day by a cut-off
	days               // calendar days
	months             // calendar months
	fixed              // a wall-clock instant
	beforeDue          // ahead of a time fact
)

// A Goal is what a clock may use up. The zero Goal is no goal. Goals are comparable values; see [ParseGoal] for the grammar.
type Goal struct {
	kind   goalKind
	n      int
	mode   calendar.DayMode // of working days
	d      time.Duration
	cutoff calendar.Clock
	at     calendar.LocalTime
	fact   string
}

// Work is a goal of elapsed working time, cut to microseconds.
func Work(d time.Duration) Goal { return Goal{kind: work, d: d.Truncate(time.Microsecond)} }

// ParseGoal reads a goal:
//
//	4h, 1h30m, 15m        working time of the calendar, as [time.ParseDuration] takes it
//	3wd                   three working days later, same clock time; what comes in outside of hours comes in when they begin
//	3wd keep              the same, but the clock time stays as it is before the hours and on days off ([calendar.KeepTime])
//	3wd eod               the end of that working day
//	nbd 16:00             the end of the next business day; what comes in at 16:00 or later, or on a day off, counts for the business day after
//	10d                   ten calendar days later, same clock time
//	1mo                   one calendar month later, same clock time, at most the last day of that month
//	at 2026-03-01T12:00   that moment on the wall clock of the calendar
//	before go_live 2h     two hours of working time ahead of the time fact go_live
func ParseGoal(s string) (Goal, error) {
	words := strings.Fields(s)
	bad := wrong("sla: %.60q is not a goal, want for example 4h, 3wd, 3wd keep, 3wd eod, nbd 16:00, 10d, 1mo, at 2026-03-01T12:00 or before FACT 2h", s)
	switch {
	case len(words) == 2 && words[0] == "nbd":
		c, err := calendar.ParseClock(words[1])
		if err != nil {
			return Goal{}, wrong("sla: goal %.60q: %v", s, err)
		}
		return Goal{kind: nextDay, cutoff: c}, nil
	case len(words) == 2 && words[0] == "at":
		t, err := calendar.ParseLocalTime(words[1])
		if err != nil {
			return Goal{}, wrong("sla: goal %.60q: %v", s, err)
		}
		return Goal{kind: fixed, at: t}, nil
	case len(words) == 3 && words[0] == "before":
		d, err := time.ParseDuration(words[2])
		if err != nil || d < 0 || d%time.Microsecond != 0 {
			return Goal{}, wrong("sla: goal %.60q: %.60q is not a duration, want for example 2h", s, words[2])
		}
		return Goal{kind: beforeDue, fact: words[1], d: d}, nil
	case len(words) == 2 && dayModes[words[1]] != "":
		g, ok := counted(words[0])
		if !ok || g.kind != workdays {
			return Goal{}, bad
		}
		g.mode = dayModes[words[1]]
		return g, nil
	case len(words) == 1:
		if g, ok := counted(words[0]); ok {
			return g, nil
		}
		if d, err := time.ParseDuration(words[0]); err == nil {
			if d <= 0 || d%time.Microsecond != 0 {
				return Goal{}, wrong("sla: goal %.60q: working time is positive, in whole microseconds", s)
			}
			return Work(d), nil
		}
	}
	return Goal{}, bad
}

// dayModes are the words after a number of working days; without one it is [calendar.SameTime].
var dayModes = map[string]calendar.DayMode{"keep": calendar.KeepTime, "eod": calendar.EndOfDay}

// maxUnits keeps counted goals within what any calendar can reach.
const maxUnits = 4000

// counted reads a number with a unit of days or months.
func counted(word string) (Goal, bool) {
	for _, u := range []struct {
		suffix string
		kind   goalKind
	}{{"wd", workdays}, {"mo", months}, {"d", days}} {
		if num, ok := strings.CutSuffix(word, u.suffix); ok {
			n, err := strconv.ParseUint(num, 10, 16)
			g := Goal{kind: u.kind, n: int(n)}
			if g.kind == workdays {
				g.mode = calendar.SameTime
			}
			return g, err == nil && n > 0 && n <= maxUnits && strconv.Itoa(int(n)) == num
		}
	}
	return Goal{}, false
}

// MustGoal is [ParseGoal] for constants; it panics on a text that is no goal.
func MustGoal(s string) Goal {
	g, err := ParseGoal(s)
	if err != nil {
		panic(err)
	}
	return g
}

// String writes the goal so that [ParseGoal] reads it back; the zero Goal is "".
func (g Goal) String() string {
	switch g.kind {
	case work:
		return duration(g.d)
	case workdays:
		s := strconv.Itoa(g.n) + "wd"
		switch g.mode {
		case calendar.KeepTime:
			return s + " keep"
		case calendar.EndOfDay:
			return s + " eod"
		}
		return s
	case nextDay:
		return "nbd " + g.cutoff.String()
	case days:
		return strconv.Itoa(g.n) + "d"
	case months:
		return strconv.Itoa(g.n) + "mo"
	case fixed:
		return "at " + g.at.String()
	case beforeDue:
		return "before " + g.fact + " " + duration(g.d)
	}
	return ""
}

// duration prints "4h" where time.Duration prints "4h0m0s".
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// IsZero reports whether g is no goal.
func (g Goal) IsZero() bool { return g.kind == noGoal }

// Elapsed returns the working time of a goal such as "4h". Goals in days, months, or with a due time of their own have none.
func (g Goal) Elapsed() (time.Duration, bool) { return g.d, g.kind == work }

// pausable reports whether a pause can move the due time of the goal.
func (g Goal) pausable() bool { return g.kind != fixed && g.kind != beforeDue }

// MarshalText writes [Goal.String].
func (g Goal) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText is [ParseGoal]; the empty text is the zero Goal.
func (g *Goal) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*g = Goal{}
		return nil
	}
	var err error
	*g, err = ParseGoal(string(text))
	return err
}

// A textError is what is wrong with a text. It matches [itsm.ErrInvalid].
type textError string

func (e textError) Error() string { return string(e) }
func (textError) Unwrap() error   { return itsm.ErrInvalid }

func wrong(format string, args ...any) error { return textError(fmt.Sprintf(format, args...)) }
