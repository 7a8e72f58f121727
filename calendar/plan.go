package calendar

import (
	"slices"
	"time"
)

// A civil calendar is the compiled form of the rules about dates and stretches in one zone.
type civil struct {
	zone      *zone
	patterns  []pattern // 0 is the week of the calendar, the others are those of seasons
	seasons   []season
	layers    []layer // the calendar's own first
	rules     []dayRule
	overrides []override
}

// A pattern is a weekly timetable.
type pattern struct {
	hours [7][]Shift // by time.Weekday
	why   [7]Why
}

type season struct {
	from, to Date
	pattern  int32
}

type layer struct {
	holidays []holiday
	days     []plannedDay
}

type holiday struct {
	from, to     Date
	rule         dateRule
	byRule       bool
	observed     Observed
	since, until int
	except       []int
	dayRule      int32
	substitute   int32 // the rule of the day that rests instead
}

type plannedDay struct {
	day     int
	dayRule int32
}

// A dayRule gives a date its hours: those of a weekday, its own, or the usual ones without some.
type dayRule struct {
	like  int // time.Weekday, or -1
	hours []Shift
	off   []Shift
	why   Why
}

// A plan says for each day of a stretch of whole years which pattern and which rule hold.
type plan struct {
	first int
	days  []dayPlan
}

type dayPlan struct {
	rule    int32 // -1: none
	pattern int32
}

// paint makes the plan of the years from y1 to y2. Days near New Year may be set from the neighbouring years
// (observed days, rules with offsets), therefore more is painted than is kept.
func (c *civil) paint(y1, y2 int) *plan {
	first := Date{y1 - 1, time.January, 1}.number()
	days := make([]dayPlan, Date{y2 + 2, time.January, 1}.number()-first)
	for i := range days {
		days[i].rule = -1
	}
	p := &plan{first, days}
	for _, s := range c.seasons {
		for y := y1 - 2; y <= y2+2; y++ {
			from, to, ok := rangeIn(s.from, s.to, y)
			if !ok {
				break // of one year only
			}
			p.set(from, to, func(d *dayPlan) { d.pattern = s.pattern })
			if s.from.Year != 0 {
				break
			}
		}
	}
	for _, l := range c.layers {
		c.paintLayer(p, l, y1-2, y2+2)
	}
	kept := Date{y1, time.January, 1}.number()
	end := Date{y2 + 1, time.January, 1}.number()
	return &plan{kept, slices.Clone(days[kept-first : end-first])}
}

func (c *civil) paintLayer(p *plan, l layer, y1, y2 int) {
	each := func(h holiday, do func(from, to int)) {
		if !h.byRule && h.from.Year != 0 {
			if from, to, ok := rangeIn(h.from, h.to, h.from.Year); ok {
				do(from, to)
			}
			return
		}
		for y := max(y1, h.since); y <= y2 && (h.until == 0 || y <= h.until); y++ {
			if slices.Contains(h.except, y) {
				continue
			}
			if h.byRule {
				if day, ok := h.rule.in(y); ok {
					do(day, day)
				}
			} else if from, to, ok := rangeIn(h.from, h.to, y); ok {
				do(from, to)
			}
		}
	}
	for _, h := range l.holidays {
		each(h, func(from, to int) { p.set(from, to, func(d *dayPlan) { d.rule = h.dayRule }) })
	}
	for _, h := range l.holidays {
		if h.observed == "" {
			continue
		}
		each(h, func(from, to int) {
			if day, ok := c.substitute(p, h.observed, from); ok && from == to {
				p.set(day, day, func(d *dayPlan) { d.rule = h.substitute })
			}
		})
	}
	for _, d := range l.days {
		p.set(d.day, d.day, func(plan *dayPlan) { plan.rule = d.dayRule })
	}
}

// substitute finds the day that rests because the holiday falls on a weekend.
func (c *civil) substitute(p *plan, how Observed, day int) (int, bool) {
	weekday := weekdayOf(day)
	saturday, sunday := weekday == time.Saturday, weekday == time.Sunday
	if !saturday && !sunday {
		return 0, false
	}
	switch {
	case how == ObservedNext:
		const reach = 31
		for d := day + 1; d <= day+reach; d++ {
			if w := weekdayOf(d); w != time.Saturday && w != time.Sunday && !c.isHoliday(p, d) {
				return d, true
			}
		}
		return 0, false
	case sunday:
		return day + 1, true
	case how == ObservedNearest:
		return day - 1, true
	case how == ObservedMonday:
		return day + 2, true
	}
	return 0, false
}

func (c *civil) isHoliday(p *plan, day int) bool {
	d := p.at(day)
	return d.rule >= 0 && c.rules[d.rule].why.Rule == ByHoliday
}

// rangeIn places a range of dates in a year. Dates of every year may run across New Year; 29 February is left out of
// the years that have none.
func rangeIn(from, to Date, year int) (int, int, bool) {
	if to.IsZero() {
		to = from
	}
	if from.Year != 0 {
		return from.number(), to.number(), true
	}
	crossing := to.Before(from)
	from.Year, to.Year = year, year
	if crossing {
		to.Year++
	}
	a := from.number() // a 29 February that does not exist counts as 1 March, which is right for a start
	b := to.number()
	if to.Day > daysIn(to.Year, to.Month) {
		b--
	}
	return a, b, a <= b
}

// set changes the days from one to the other that lie in the plan.
func (p *plan) set(from, to int, change func(*dayPlan)) {
	for d := max(from, p.first); d <= min(to, p.first+len(p.days)-1); d++ {
		change(&p.days[d-p.first])
	}
}

func (p *plan) at(day int) dayPlan {
	if i := day - p.first; i >= 0 && i < len(p.days) {
		return p.days[i]
	}
	return dayPlan{rule: -1}
}

// hours returns the shifts of a planned day and why it has them.
func (c *civil) hours(day int, d dayPlan) ([]Shift, *Why) {
	p := &c.patterns[d.pattern]
	w := weekdayOf(day)
	if d.rule < 0 {
		return p.hours[w], &p.why[w]
	}
	r := &c.rules[d.rule]
	switch {
	case r.like >= 0:
		return p.hours[r.like], &r.why
	case r.off != nil:
		return without(p.hours[w], r.off), &r.why
	}
	return r.hours, &r.why
}

// without cuts sorted shifts out of sorted shifts.
func without(hours, off []Shift) []Shift {
	var out []Shift
	for _, s := range hours {
		for _, o := range off {
			if o.To <= s.From || s.To <= o.From {
				continue
			}
			if s.From < o.From {
				out = append(out, Shift{s.From, o.From})
			}
			s.From = min(o.To, s.To)
		}
		if s.From < s.To {
			out = append(out, s)
		}
	}
	return out
}
