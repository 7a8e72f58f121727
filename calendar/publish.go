package calendar

import (
	"slices"
	"time"
)

// Published reports whether all dates from a to b, both included, are published, in either order.
func (c *Calendar) Published(a, b time.Time) bool { return len(c.Unpublished(a, b)) == 0 }

// Unpublished returns the years in which [a, b] touches a date that is not published, in order.
func (c *Calendar) Unpublished(a, b time.Time) []int {
	if b.Before(a) {
		a, b = b, a
	}
	if c.parts != nil {
		var years []int
		for _, p := range c.parts.of {
			years = append(years, p.Unpublished(a, b)...)
		}
		slices.Sort(years)
		return slices.Compact(years)
	}
	p := c.data.Published
	if p == nil {
		return nil
	}
	first, last := DateOf(a, c.zone.loc), DateOf(b, c.zone.loc)
	var years []int
	if first.Before(p.From) {
		years = appendYears(years, first.Year, min(last.Year, p.From.AddDays(-1).Year))
	}
	if last.After(p.To) {
		years = appendYears(years, max(first.Year, p.To.AddDays(1).Year), last.Year)
	}
	return slices.Compact(years)
}

// appendYears appends the years from one to the other. Of a stretch of millennia the supported years and the ends are enough.
func appendYears(years []int, from, to int) []int {
	for y := from; y <= to; {
		years = append(years, y)
		switch {
		case y < firstYear-1 && y < to:
			y = min(firstYear-1, to)
		case y > lastYear && y < to:
			y = to
		default:
			y++
		}
	}
	return years
}

// CheckPublished returns an [*UnpublishedError] when [a, b] touches dates that are not published.
func (c *Calendar) CheckPublished(a, b time.Time) error {
	if years := c.Unpublished(a, b); len(years) > 0 {
		return &UnpublishedError{years}
	}
	return nil
}

// A Result is an instant and what it rests on.
type Result struct {
	At          time.Time `json:"at"`
	Version     string    `json:"version"`               // of the calendar
	Edition     string    `json:"edition,omitempty"`     // of the calendar
	Unpublished []int     `json:"unpublished,omitempty"` // years without a published notice that the result reaches into: it may move
}

// Due is [Calendar.Add] with what the result rests on.
func (c *Calendar) Due(t time.Time, d time.Duration) (Result, error) {
	at, err := c.Add(t, d)
	if err != nil {
		return Result{}, err
	}
	return Result{at, c.version, c.data.Edition, c.Unpublished(t, at)}, nil
}

// AddStrict is [Calendar.Add] that gives an [*UnpublishedError] instead of a result that reaches into an unpublished year.
func (c *Calendar) AddStrict(t time.Time, d time.Duration) (time.Time, error) {
	at, err := c.Add(t, d)
	if err == nil {
		err = c.CheckPublished(t, at)
	}
	if err != nil {
		return time.Time{}, err
	}
	return at, nil
}

// BetweenStrict is [Calendar.Between] that gives an [*UnpublishedError] when the stretch touches an unpublished year.
func (c *Calendar) BetweenStrict(a, b time.Time) (time.Duration, error) {
	if err := c.CheckPublished(a, b); err != nil {
		return 0, err
	}
	return c.Between(a, b), nil
}
