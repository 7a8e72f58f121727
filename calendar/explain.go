package calendar

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// A Source is the sort of rule that decides about a stretch of time.
type Source string

// The sources, in the order of their precedence.
const (
	FromWeek   Source = "week"
	FromSeason Source = "season"
	ByHoliday  Source = "holiday"
	ByDay      Source = "day"
	ByClosure  Source = "closed"
	ByOpening  Source = "open"
)

// Why says which rule of a calendar decided.
type Why struct {
	Rule     Source  `json:"rule"`
	Name     string  `json:"name,omitempty"`     // of the holiday, season, day or stretch
	Layer    string  `json:"layer,omitempty"`    // the name of the layer; none for the calendar's own rules
	Kind     Kind    `json:"kind,omitempty"`     // of the day
	Like     Weekday `json:"like,omitempty"`     // whose pattern holds
	Observed bool    `json:"observed,omitempty"` // the day rests in place of a holiday on a weekend
}

// String returns "week, like fri", "holiday 春节", "day 春节, like fri" and so on.
func (w Why) String() string {
	var b strings.Builder
	b.WriteString(string(w.Rule))
	if w.Name != "" {
		b.WriteString(" " + w.Name)
	}
	if w.Observed {
		b.WriteString(" (observed)")
	}
	if w.Like != "" {
		b.WriteString(", like " + string(w.Like))
	}
	if w.Layer != "" {
		b.WriteString(" [" + w.Layer + "]")
	}
	return b.String()
}

// A Span is a half-open stretch of time and the rule that opens it (or, in [Explanation.Skipped], closes it).
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Date Date      `json:"date"` // that the stretch belongs to: the date on which its shift starts
	Why  Why       `json:"why"`
}

// Duration returns the elapsed time of the stretch.
func (s Span) Duration() time.Duration { return s.To.Sub(s.From) }

// Spans yields the working time from a to b as the stretches it consists of, in order, in the zone of the calendar.
// Together they are as long as Between(a, b). Nothing is yielded when b is not after a. It can be ranged over repeatedly.
func (c *Calendar) Spans(a, b time.Time) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		// A year at a time, so that a range that is left early costs no more than it used.
		const step = 366 * 86400
		lo, _ := split(a)
		hi, nano := split(b)
		if nano > 0 {
			hi++
		}
		var held span
		emit := func() bool {
			s := c.spanOf(held)
			if s.From.Before(a) {
				s.From = a.In(c.zone.loc).Round(0)
			}
			if s.To.After(b) {
				s.To = b.In(c.zone.loc).Round(0)
			}
			return !s.From.Before(s.To) || yield(s)
		}
		for from := lo; from < hi; from += step {
			if !c.spans(from, min(from+step, hi), func(s span) bool {
				if held.why != nil && held.to == s.from && held.day == s.day && held.why == s.why && s.from == from {
					held.to = s.to // cut by the step
					return true
				}
				if held.why != nil && !emit() {
					return false
				}
				held = s
				return true
			}) {
				return
			}
		}
		if held.why != nil {
			emit()
		}
	}
}

func (c *Calendar) spanOf(s span) Span {
	return Span{time.Unix(s.from, 0).In(c.zone.loc), time.Unix(s.to, 0).In(c.zone.loc), dateOf(s.day), *s.why}
}

// A DayInfo tells what a calendar says about one date.
type DayInfo struct {
	Date    Date          `json:"date"`
	Kind    Kind          `json:"kind,omitempty"`
	Why     Why           `json:"why"`             // which rule gives the date its hours
	Spans   []Span        `json:"spans,omitempty"` // its working time; night shifts run into the next date
	Working time.Duration `json:"working"`         // the length of the spans
}

// Day returns what the calendar says about a date. Of a composed calendar the first part that has a holiday or a day of
// its own there decides about the kind, otherwise the first part.
func (c *Calendar) Day(d Date) DayInfo {
	info := DayInfo{Date: d, Why: c.whyOf(d.number())}
	info.Kind = info.Why.Kind
	for _, s := range c.spansOf(d.number(), d.number()) {
		info.Spans = append(info.Spans, c.spanOf(s))
		info.Working += time.Duration(s.to-s.from) * time.Second
	}
	return info
}

func (c *Calendar) whyOf(day int) Why {
	if c.parts != nil {
		for _, p := range c.parts.of {
			if w := p.whyOf(day); w.Rule == ByHoliday || w.Rule == ByDay {
				return w
			}
		}
		return c.parts.of[0].whyOf(day)
	}
	if day < minDay || day >= maxDay {
		return Why{Rule: FromWeek, Like: WeekdayOf(weekdayOf(day))}
	}
	at := int64(day) * 86400
	_, why := c.civil.hours(day, c.planFor(at, at).at(day))
	return *why
}

// An Explanation is the derivation of the working time between two instants.
type Explanation struct {
	Version     string        `json:"version"` // of the calendar
	Edition     string        `json:"edition,omitempty"`
	Zone        string        `json:"zone"`
	From        time.Time     `json:"from"`
	To          time.Time     `json:"to"`
	Working     time.Duration `json:"working"`
	Spans       []Span        `json:"spans"`             // the working time consumed
	Skipped     []Span        `json:"skipped,omitempty"` // holidays and closures on the way, whole or in part
	Unpublished []int         `json:"unpublished,omitempty"`
}

// Explain tells how Between(a, b) comes about; b is not before a.
func (c *Calendar) Explain(a, b time.Time) Explanation {
	return Explanation{
		Version: c.version, Edition: c.data.Edition, Zone: c.zone.loc.String(),
		From: a.In(c.zone.loc).Round(0), To: b.In(c.zone.loc).Round(0),
		Working:     c.Between(a, b),
		Spans:       slices.Collect(c.Spans(a, b)),
		Skipped:     c.skipped(a, b),
		Unpublished: c.Unpublished(a, b),
	}
}

// skipped returns the holidays and closures that touch [a, b), in order, each clipped to it.
func (c *Calendar) skipped(a, b time.Time) []Span {
	lo, _ := split(a)
	hi, _ := split(b)
	var out []span
	c.closures(lo, hi, func(s span) {
		s.from, s.to = max(s.from, lo), min(s.to, hi)
		if s.from < s.to {
			out = append(out, s)
		}
	})
	slices.SortStableFunc(out, func(a, b span) int { return compare(a.from, b.from) })
	spans := make([]Span, len(out))
	for i, s := range out {
		spans[i] = c.spanOf(s)
	}
	return spans
}

func (c *Calendar) closures(lo, hi int64, yield func(span)) {
	if lo >= hi {
		return
	}
	if c.parts != nil {
		for _, p := range c.parts.of {
			p.closures(lo, hi, yield)
		}
		return
	}
	p := c.planFor(lo, hi)
	for day := c.zone.day(lo); day <= c.zone.day(hi); day++ {
		d := p.at(day)
		if d.rule < 0 || c.civil.rules[d.rule].why.Rule != ByHoliday {
			continue
		}
		yield(span{c.zone.midnight(day), c.zone.midnight(day + 1), day, &c.civil.rules[d.rule].why})
	}
	for _, o := range c.civil.overrides {
		if !o.open && o.from < hi && lo < o.to {
			from := max(o.from, lo)
			yield(span{from, o.to, c.zone.day(from), o.why})
		}
	}
}

// A Change is a date on which two calendars differ.
type Change struct {
	Date Date    `json:"date"`
	Old  DayInfo `json:"old"`
	New  DayInfo `json:"new"`
}

// Diff lists the dates from one to the other, both included, on which an instant is open in one calendar and not in the
// other. Dates are those of the new calendar's zone. A clock whose stretch touches none of them does not move.
func Diff(old, new *Calendar, from, to Date) []Change {
	lo := max(new.zone.midnight(max(from.number(), minDay)), minSec)
	hi := min(new.zone.midnight(min(to.number(), maxDay)+1), maxSec)
	var out []Change
	next := from.number()
	for _, s := range differing(old.joined(lo, hi), new.joined(lo, hi)) {
		for day := max(new.zone.day(s.from), next); new.zone.midnight(day) < s.to; day++ {
			d := dateOf(day)
			out = append(out, Change{d, old.Day(d), new.Day(d)})
			next = day + 1
		}
	}
	return out
}

// joined returns the open stretches within [lo, hi), those that touch as one.
func (c *Calendar) joined(lo, hi int64) []span {
	var out []span
	c.spans(lo, hi, func(s span) bool {
		if n := len(out); n > 0 && out[n-1].to == s.from {
			out[n-1].to = s.to
		} else {
			out = append(out, s)
		}
		return true
	})
	return out
}

// differing returns the stretches that lie in one list and not in the other: walking over the edges of both, two lists
// differ wherever an odd number of edges lies behind.
func differing(a, b []span) []span {
	edges := make([]int64, 0, 2*(len(a)+len(b)))
	for _, list := range [2][]span{a, b} {
		for _, s := range list {
			edges = append(edges, s.from, s.to)
		}
	}
	slices.Sort(edges)
	var out []span
	for i := 0; i+1 < len(edges); i += 2 {
		if edges[i] < edges[i+1] {
			out = append(out, span{from: edges[i], to: edges[i+1]})
		}
	}
	return out
}
