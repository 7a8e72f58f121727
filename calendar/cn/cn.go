package cn

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// Zone is the zone of the dates.
const Zone = "Asia/Shanghai"

// The years for which notices are known.
const (
	FirstYear = 2007
	LastYear  = 2026
)

// A Day is a date that a notice names: a day of rest or a make-up working day.
type Day struct {
	Date calendar.Date
	Name string        // of the festival: "春节"
	Kind calendar.Kind // calendar.Statutory, MovedRest or MakeUpWork
}

// A Notice is the list of one year. Its slices belong to the caller.
type Notice struct {
	Year    int
	Edition int           // 1, or 2 for a notice that changed the year while it ran
	Issued  calendar.Date // when it was published
	Days    []Day         // by date
}

// Name identifies the notice: "2026", "2020-2".
func (n Notice) Name() string {
	if n.Edition > 1 {
		return fmt.Sprintf("%d-%d", n.Year, n.Edition)
	}
	return fmt.Sprint(n.Year)
}

// Notices returns all notices in the order of their publication.
func Notices() []Notice {
	out := make([]Notice, len(notices))
	for i, n := range notices {
		out[i] = Notice{Year: n.year, Edition: 1, Issued: calendar.MustDate(n.issued), Days: daysOf(n.year, n.text)}
		if i > 0 && out[i-1].Year == n.year {
			out[i].Edition = 2
		}
	}
	return out
}

// daysOf reads the text of a notice.
func daysOf(year int, text string) []Day {
	full := func(s string) calendar.Date {
		if len(s) == len("01-02") {
			s = fmt.Sprintf("%04d-%s", year, s)
		}
		return calendar.MustDate(s)
	}
	var out []Day
	for line := range strings.SplitSeq(text, "; ") {
		words := strings.Fields(line)
		for _, w := range words[1:] {
			if work, ok := strings.CutPrefix(w, "+"); ok {
				out = append(out, Day{full(work), words[0], calendar.MakeUpWork})
				continue
			}
			from, to, isRange := strings.Cut(w, "..")
			if !isRange {
				to = from
			}
			for d := full(from); !d.After(full(to)); d = d.AddDays(1) {
				kind := calendar.MovedRest
				if isStatutory(d) {
					kind = calendar.Statutory
				}
				out = append(out, Day{d, words[0], kind})
			}
		}
	}
	slices.SortFunc(out, func(a, b Day) int { return a.Date.Compare(b.Date) })
	return out
}

// isStatutory applies the regulation on public holidays in its versions of 1999, 2007, 2013 and 2024.
func isStatutory(d calendar.Date) bool {
	is := func(m time.Month, from, to int) bool { return d.Month == m && from <= d.Day && d.Day <= to }
	fest := festivals[d.Year]
	at := func(i int) calendar.Date { return calendar.MustDate(fmt.Sprintf("%04d-%s", d.Year, fest[i])) }
	spring := func(from, to int) bool { // days counted from the first of the lunar year
		n := at(0).DaysUntil(d)
		return from <= n && n <= to
	}
	switch {
	case is(time.January, 1, 1), is(time.October, 1, 3):
		return true
	case d.Year < FirstYear || d.Year > LastYear:
		return false
	case d.Year <= 2007:
		return spring(0, 2) || is(time.May, 1, 3)
	case d == at(1), d == at(2), d == at(3):
		return true
	case d == calendar.Date{Year: 2015, Month: time.September, Day: 3}: // for this year only
		return true
	case d.Year <= 2013:
		return spring(-1, 1) || is(time.May, 1, 1)
	case d.Year <= 2024:
		return spring(0, 2) || is(time.May, 1, 1)
	}
	return spring(-1, 2) || is(time.May, 1, 2)
}

// Rules are the holidays and make-up days of some years, to be put into [calendar.Data] or a layer of it.
type Rules struct {
	Edition   string // the last notice in it: "cn 2026"
	Holidays  []calendar.Holiday
	Days      map[calendar.Date]calendar.Day
	Published calendar.Period
}

// Layer returns the rules of the years from one to the other, both included, by the notices in force. Years before [FirstYear]
// or after [LastYear] are an error: they are not published.
func Layer(from, to int) (Rules, error) {
	return LayerAsOf(calendar.Date{Year: 9999, Month: time.December, Day: 31}, from, to)
}

// LayerAsOf is [Layer] by the notices that had been published on a date. Years at the end that were not yet published are
// left out of Published; that all are is an error.
func LayerAsOf(date calendar.Date, from, to int) (Rules, error) {
	if from < FirstYear || to > LastYear || to < from {
		return Rules{}, fmt.Errorf("calendar/cn: years %d to %d, want a range within %d to %d", from, to, FirstYear, LastYear)
	}
	inForce := map[int]Notice{}
	for _, n := range Notices() {
		if !n.Issued.After(date) {
			inForce[n.Year] = n
		}
	}
	for from <= to && inForce[to].Year == 0 {
		to--
	}
	if to < from {
		return Rules{}, fmt.Errorf("calendar/cn: the notice for %d was not published by %s", from, date)
	}
	r := Rules{
		Edition:   "cn " + inForce[to].Name(),
		Days:      map[calendar.Date]calendar.Day{},
		Published: calendar.Period{From: calendar.Date{Year: from, Month: time.January, Day: 1}, To: calendar.Date{Year: to, Month: time.December, Day: 31}},
	}
	for year := from; year <= to+1; year++ {
		for _, d := range inForce[year].Days {
			if d.Date.Year <= to { // of the notice after the last year its December days
				r.add(d)
			}
		}
	}
	return r, nil
}

func (r *Rules) add(d Day) {
	if d.Kind == calendar.MakeUpWork {
		r.Days[d.Date] = calendar.Day{Like: follows(d.Date), Name: d.Name, Kind: d.Kind}
		return
	}
	if n := len(r.Holidays); n > 0 {
		if h := &r.Holidays[n-1]; h.Name == d.Name && h.Kind == d.Kind && h.To.AddDays(1) == d.Date {
			h.To = d.Date
			return
		}
	}
	r.Holidays = append(r.Holidays, calendar.Holiday{From: d.Date, To: d.Date, Name: d.Name, Kind: d.Kind})
}

// follows returns the weekday whose timetable holds on a make-up day.
func follows(d calendar.Date) calendar.Weekday {
	switch d.Weekday() {
	case time.Saturday:
		return calendar.Fri
	case time.Sunday:
		return calendar.Mon
	}
	return calendar.WeekdayOf(d.Weekday())
}

// AddTo puts the rules below those that the data have already, and sets the edition (when there is none), the zone
// (likewise) and what is published.
func (r Rules) AddTo(d *calendar.Data) {
	d.Holidays = append(slices.Clone(r.Holidays), d.Holidays...)
	days := maps.Clone(r.Days)
	maps.Copy(days, d.Days)
	d.Days = days
	published := r.Published
	d.Published = &published
	if d.Edition == "" {
		d.Edition = r.Edition
	}
	if d.Zone == "" {
		d.Zone = Zone
	}
}

// Calendar returns the calendar of a weekly timetable with the rules of the years from one to the other.
func Calendar(week calendar.Week, from, to int) (*calendar.Calendar, error) {
	r, err := Layer(from, to)
	if err != nil {
		return nil, err
	}
	d := calendar.Data{Week: week}
	r.AddTo(&d)
	return calendar.New(d)
}

// Office is the usual timetable of offices: 08:00–12:00 and 14:00–17:30 on working days, 7.5 hours.
func Office() calendar.Week {
	return calendar.Workdays(calendar.MustHours("08:00-12:00", "14:00-17:30")...)
}
