package calendar

import (
	"fmt"
	"slices"
)

// Union returns the calendar that is open when at least one of the given ones is. The parts may be in different zones;
// dates are those of the first. There must be at least one.
func Union(cs ...*Calendar) (*Calendar, error) {
	return New(Data{Union: dataOf(cs)})
}

// Intersect returns the calendar that is open when all of the given ones are. See [Union].
func Intersect(cs ...*Calendar) (*Calendar, error) {
	return New(Data{Intersect: dataOf(cs)})
}

// Subtract returns the calendar that is open when the first is and none of the others. See [Union].
func Subtract(from *Calendar, cs ...*Calendar) (*Calendar, error) {
	return New(Data{Subtract: append([]Data{from.data}, dataOf(cs)...)})
}

func dataOf(cs []*Calendar) []Data {
	out := make([]Data, len(cs))
	for i, c := range cs {
		out[i] = c.data
	}
	return out
}

type operation int

const (
	union operation = iota
	intersect
	subtract
)

// A composed calendar is a set operation over others.
type composed struct {
	op   operation
	zone *zone
	of   []*Calendar
}

func (c *Calendar) compose(place string, d *Data, fs *faults) {
	c.parts = &composed{}
	kinds := 0
	for op, part := range [][]Data{d.Union, d.Intersect, d.Subtract} {
		if len(part) == 0 {
			continue
		}
		kinds++
		c.parts.op = operation(op)
		for i := range part {
			p := build(fmt.Sprintf("%s[%d]", join(place, operation(op).String()), i), part[i], fs)
			part[i] = p.data
			c.parts.of = append(c.parts.of, p)
		}
	}
	rest := *d
	rest.Name, rest.Edition, rest.Zone, rest.Horizon, rest.Union, rest.Intersect, rest.Subtract = "", "", "", 0, nil, nil, nil
	if kinds > 1 || !rest.isEmpty() {
		fs.add(place, "is composed in more than one way, want one of union, intersect, subtract, or rules of its own")
	}
	c.zone = c.parts.of[0].zone
	if d.Zone != "" {
		z, err := loadZone(d.Zone)
		if err != nil {
			fs.add(join(place, "zone"), "%v", err)
		} else {
			c.zone = z
		}
	}
	c.parts.zone = c.zone
}

func (d Data) isEmpty() bool {
	return d.Week.IsZero() && len(d.Seasons)+len(d.Holidays)+len(d.Days)+len(d.Closed)+len(d.Open)+len(d.Layers) == 0 && d.Published == nil
}

func (o operation) String() string { return [...]string{"union", "intersect", "subtract"}[o] }

// spans yields the open stretches within [lo, hi), each with the reason of the first part that is open in it.
func (c *composed) spans(lo, hi int64, yield func(span) bool) bool {
	lists := make([][]span, len(c.of))
	for i, p := range c.of {
		p.spans(lo, hi, func(s span) bool {
			if p.zone.loc.String() != c.zone.loc.String() {
				s.day = c.zone.day(s.from)
			}
			lists[i] = append(lists[i], s)
			return true
		})
	}
	open := make([]bool, len(lists))
	var held span // what is open, until its end is known
	heldOf := -1
	for at := lo; at < hi; {
		next := hi
		for i, list := range lists {
			for len(list) > 0 && list[0].to <= at {
				list = list[1:]
			}
			lists[i] = list
			open[i] = len(list) > 0 && list[0].from <= at
			if open[i] {
				next = min(next, list[0].to)
			} else if len(list) > 0 {
				next = min(next, list[0].from)
			}
		}
		part := c.openPart(open)
		if part >= 0 && part == heldOf && held.to == at && held.day == lists[part][0].day && held.why == lists[part][0].why {
			held.to = next
		} else {
			if heldOf >= 0 && !yield(held) {
				return false
			}
			heldOf = part
			if part >= 0 {
				held = lists[part][0]
				held.from, held.to = at, next
			}
		}
		at = next
	}
	return heldOf < 0 || yield(held)
}

// openPart returns the part that gives the reason for being open, -1 when the calendar is closed.
func (c *composed) openPart(open []bool) int {
	switch c.op {
	case union:
		return slices.Index(open, true)
	case intersect:
		if slices.Contains(open, false) {
			return -1
		}
	case subtract:
		if !open[0] || slices.Contains(open[1:], true) {
			return -1
		}
	}
	return 0
}
