package calendar

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Data is a calendar as data: what stands in its JSON, and what [New] takes. It is either civil (Zone, Week and the
// layers above it) or composed of other calendars (exactly one of Union, Intersect, Subtract).
//
// Rules speak about dates first: Week, then Holidays, then Days, then the same of each of Layers, the last one wins.
// What that gives is then changed by stretches: Closed, then Open, then those of each of Layers, the last one wins.
type Data struct {
	Name      string       `json:"name,omitempty"`
	Edition   string       `json:"edition,omitempty"` // of the calendar, as its publisher calls it
	Zone      string       `json:"zone,omitempty"`    // IANA name. A composed calendar without one takes that of its first part
	Week      Week         `json:"week,omitzero"`
	Seasons   []Season     `json:"seasons,omitempty"`
	Holidays  []Holiday    `json:"holidays,omitempty"`
	Days      map[Date]Day `json:"days,omitempty"`
	Closed    []Stretch    `json:"closed,omitempty"`
	Open      []Stretch    `json:"open,omitempty"`
	Layers    []Layer      `json:"layers,omitempty"`
	Published *Period      `json:"published,omitempty"` // nil: every date counts as published
	Horizon   int          `json:"horizon,omitempty"`   // years within which an answer must lie. Defaults to 100

	Union     []Data `json:"union,omitempty"`     // open when one of them is
	Intersect []Data `json:"intersect,omitempty"` // open when all of them are
	Subtract  []Data `json:"subtract,omitempty"`  // open when the first is and none of the others
}

// A Layer lies above the calendar's own rules and above the layers before it: regional holidays above national ones,
// the days of one hospital above both.
type Layer struct {
	Name     string       `json:"name,omitempty"`
	Seasons  []Season     `json:"seasons,omitempty"`
	Holidays []Holiday    `json:"holidays,omitempty"`
	Days     map[Date]Day `json:"days,omitempty"`
	Closed   []Stretch    `json:"closed,omitempty"`
	Open     []Stretch    `json:"open,omitempty"`
}

// A Weekday is a day of the week as calendars write it.
type Weekday string

// The days of the week.
const (
	Mon Weekday = "mon"
	Tue Weekday = "tue"
	Wed Weekday = "wed"
	Thu Weekday = "thu"
	Fri Weekday = "fri"
	Sat Weekday = "sat"
	Sun Weekday = "sun"
)

var weekdays = [7]Weekday{Sun, Mon, Tue, Wed, Thu, Fri, Sat} // as time.Weekday counts

// WeekdayOf returns the name of a day of the week.
func WeekdayOf(d time.Weekday) Weekday { return weekdays[d] }

func (w Weekday) index() int { return slices.Index(weekdays[:], w) }

// A Week is a weekly pattern; a day without shifts is closed.
type Week struct {
	Mon []Shift `json:"mon,omitempty"`
	Tue []Shift `json:"tue,omitempty"`
	Wed []Shift `json:"wed,omitempty"`
	Thu []Shift `json:"thu,omitempty"`
	Fri []Shift `json:"fri,omitempty"`
	Sat []Shift `json:"sat,omitempty"`
	Sun []Shift `json:"sun,omitempty"`
}

// EveryDay is a week with the same hours on every day.
func EveryDay(hours ...Shift) Week { return Workdays(hours...).with(hours, Sat, Sun) }

// Workdays is a week with the same hours from Monday to Friday and closed at the weekend.
func Workdays(hours ...Shift) Week { return Week{}.with(hours, Mon, Tue, Wed, Thu, Fri) }

func (w Week) with(hours []Shift, days ...Weekday) Week {
	for _, d := range days {
		*w.at(d.index()) = slices.Clone(hours)
	}
	return w
}

// at returns the shifts of a day, counted as time.Weekday does.
func (w *Week) at(i int) *[]Shift {
	return [7]*[]Shift{&w.Sun, &w.Mon, &w.Tue, &w.Wed, &w.Thu, &w.Fri, &w.Sat}[i]
}

// IsZero holds for a week that is closed on every day.
func (w Week) IsZero() bool {
	for i := range 7 {
		if len(*w.at(i)) > 0 {
			return false
		}
	}
	return true
}

// A Season replaces the weekly pattern in a part of the year (a summer timetable) or between two dates. Holidays and
// make-up days still apply, with the hours of the season.
type Season struct {
	From Date   `json:"from"` // with year 0: every year
	To   Date   `json:"to"`   // inclusive; may lie before From when both are of every year: across New Year
	Name string `json:"name,omitempty"`
	Week Week   `json:"week,omitzero"`
}

// A Shift is a half-open stretch of the wall clock, [From, To). It belongs to the date on which it starts; To past 24:00
// is on the next day. Its text is "08:00-12:00"; "22:00-06:00" crosses midnight.
type Shift struct {
	From, To Clock
}

// ParseShift reads "08:00-12:00", "22:00-06:00" (into the next day) or "00:00-24:00".
func ParseShift(s string) (Shift, error) {
	a, b, ok := strings.Cut(s, "-")
	if !ok {
		return Shift{}, fmt.Errorf("%.60q is not a shift, want HH:MM-HH:MM", s)
	}
	from, err := ParseClock(a)
	if err != nil {
		return Shift{}, fmt.Errorf("shift %.60q: %w", s, err)
	}
	to, err := ParseClock(b)
	if err != nil {
		return Shift{}, fmt.Errorf("shift %.60q: %w", s, err)
	}
	if to < from {
		to += dayMinutes
	}
	shift := Shift{from, to}
	return shift, shift.check()
}

func (s Shift) check() error {
	switch {
	case s.From == dayMinutes:
		return fmt.Errorf("shift %.60q starts at 24:00, write 00:00 of the next day", s)
	case s.From == s.To:
		return fmt.Errorf("shift %.60q has no length; a whole day is 00:00-24:00", s)
	case s.From < 0 || s.From > dayMinutes || s.To < s.From || s.To > s.From+dayMinutes:
		return fmt.Errorf("shift from minute %d to %d, want a start within the day and at most 24 hours", s.From, s.To)
	case s.To == s.From+dayMinutes && s.From != 0:
		return fmt.Errorf("shift of 24 hours from %s, write %[1]s-24:00 and 00:00-%[1]s on the next day", s.From)
	}
	return nil
}

// MustHours is [ParseShift] over constants; it panics on a text that is no shift.
func MustHours(shifts ...string) []Shift {
	out := make([]Shift, len(shifts))
	for i, s := range shifts {
		var err error
		if out[i], err = ParseShift(s); err != nil {
			panic("calendar: " + err.Error())
		}
	}
	return out
}

// String returns "08:00-12:00".
func (s Shift) String() string { return s.From.String() + "-" + s.To.String() }

// MarshalText writes [Shift.String].
func (s Shift) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is [ParseShift].
func (s *Shift) UnmarshalText(text []byte) error {
	var err error
	*s, err = ParseShift(string(text))
	return err
}

// Kind says what sort of day a date is.
type Kind string

// The kinds of days. Public holidays that rest by law are kept apart from the days of rest that a notice moves next to
// them and from the working days that make up for those.
const (
	Ordinary   Kind = ""
	Statutory  Kind = "statutory"    // rests by law
	MovedRest  Kind = "moved_rest"   // rests by the notice of the year
	MakeUpWork Kind = "make_up_work" // worked by the notice of the year
)

func (k Kind) valid() bool {
	return k == Ordinary || k == Statutory || k == MovedRest || k == MakeUpWork
}

// A Holiday closes dates, or changes their hours. It is given by From and To, by From alone, or by Rule.
//
// In JSON a plain date of the year or of every year may stand for the whole: "2026-01-01", "12-25".
type Holiday struct {
	From     Date     `json:"from,omitzero"` // with year 0: every year
	To       Date     `json:"to,omitzero"`   // inclusive; zero: From alone. With year 0 it may lie before From: across New Year
	Rule     string   `json:"rule,omitempty"`
	Name     string   `json:"name,omitempty"`
	Kind     Kind     `json:"kind,omitempty"`
	Hours    []Shift  `json:"hours,omitempty"`    // open in these hours instead of the usual ones
	Off      []Shift  `json:"off,omitempty"`      // closed in these hours only, otherwise as usual
	Observed Observed `json:"observed,omitempty"` // which further day rests when a one-day holiday falls on a weekend
	Since    int      `json:"since,omitempty"`    // the first year of a holiday of every year
	Until    int      `json:"until,omitempty"`    // the last
	Except   []int    `json:"except,omitempty"`   // years without it
}

// MarshalJSON writes the short form of a plain date.
func (h Holiday) MarshalJSON() ([]byte, error) {
	if h.plain() {
		return json.Marshal(h.From)
	}
	type full Holiday
	return json.Marshal(full(h))
}

func (h Holiday) plain() bool {
	return h.To.IsZero() && h.Rule == "" && h.Name == "" && h.Kind == "" && len(h.Hours) == 0 && len(h.Off) == 0 &&
		h.Observed == "" && h.Since == 0 && h.Until == 0 && len(h.Except) == 0
}

// Observed says which further day rests when a holiday falls on a Saturday or Sunday.
type Observed string

// The substitution rules.
const (
	ObservedNearest Observed = "nearest" // Saturday: the Friday before; Sunday: the Monday after
	ObservedMonday  Observed = "monday"  // Saturday and Sunday: the Monday after
	ObservedSunday  Observed = "sunday"  // Sunday: the Monday after; Saturday: none
	ObservedNext    Observed = "next"    // the next day from Monday to Friday that is no holiday yet
)

func (o Observed) valid() bool {
	return o == "" || o == ObservedNearest || o == ObservedMonday || o == ObservedSunday || o == ObservedNext
}

// A Day gives one date the hours of a day of the week (a make-up Saturday follows Friday) or hours of its own.
//
// In JSON "fri" stands for {"like": "fri"} and ["08:00-12:00"] for {"hours": ["08:00-12:00"]}.
type Day struct {
	Like  Weekday `json:"like,omitempty"`
	Hours []Shift `json:"hours,omitempty"` // when Like is empty; none: closed
	Name  string  `json:"name,omitempty"`
	Kind  Kind    `json:"kind,omitempty"`
}

// MarshalJSON writes the short forms where they say all.
func (d Day) MarshalJSON() ([]byte, error) {
	type full Day
	switch {
	case d.Name != "" || d.Kind != "":
		return json.Marshal(full(d))
	case d.Like != "":
		return json.Marshal(d.Like)
	case d.Hours == nil:
		return []byte("[]"), nil
	}
	return json.Marshal(d.Hours)
}

// A Stretch is a one-off closure or opening, half-open in wall-clock time.
type Stretch struct {
	From LocalTime `json:"from"`
	To   LocalTime `json:"to"`
	Name string    `json:"name,omitempty"`
}

// A Period is a range of dates, both inclusive.
type Period struct {
	From Date `json:"from"`
	To   Date `json:"to"`
}

// Clone returns a deep copy.
func (d Data) Clone() Data {
	d.Week = d.Week.clone()
	d.Seasons = cloneEach(d.Seasons, Season.clone)
	d.Holidays = cloneEach(d.Holidays, Holiday.clone)
	d.Days = cloneDays(d.Days)
	d.Closed = slices.Clone(d.Closed)
	d.Open = slices.Clone(d.Open)
	d.Layers = cloneEach(d.Layers, Layer.clone)
	if d.Published != nil {
		p := *d.Published
		d.Published = &p
	}
	d.Union = cloneEach(d.Union, Data.Clone)
	d.Intersect = cloneEach(d.Intersect, Data.Clone)
	d.Subtract = cloneEach(d.Subtract, Data.Clone)
	return d
}

func (l Layer) clone() Layer {
	l.Seasons = cloneEach(l.Seasons, Season.clone)
	l.Holidays = cloneEach(l.Holidays, Holiday.clone)
	l.Days = cloneDays(l.Days)
	l.Closed = slices.Clone(l.Closed)
	l.Open = slices.Clone(l.Open)
	return l
}

func (w Week) clone() Week {
	for i := range 7 {
		*w.at(i) = slices.Clone(*w.at(i))
	}
	return w
}

func (s Season) clone() Season {
	s.Week = s.Week.clone()
	return s
}

func (h Holiday) clone() Holiday {
	h.Hours, h.Off, h.Except = slices.Clone(h.Hours), slices.Clone(h.Off), slices.Clone(h.Except)
	return h
}

func cloneDays(days map[Date]Day) map[Date]Day {
	out := maps.Clone(days)
	for date, d := range out {
		d.Hours = slices.Clone(d.Hours)
		out[date] = d
	}
	return out
}

func cloneEach[T any](in []T, clone func(T) T) []T {
	if in == nil {
		return nil
	}
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = clone(v)
	}
	return out
}
