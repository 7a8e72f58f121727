package change

import (
	"iter"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Measures are the figures of some changes.
type Measures struct {
	Raised      int           `json:"raised"`
	Rejected    int           `json:"rejected"`
	Cancelled   int           `json:"cancelled"`
	Implemented int           `json:"implemented"` // with a result
	Successful  int           `json:"successful"`  // of them, deviations included
	WithIssues  int           `json:"with_issues"` // of the successful ones
	BackedOut   int           `json:"backed_out"`
	Emergency   int           `json:"emergency"` // of the implemented ones
	Incidents   int           `json:"incidents"` // that they caused
	Minutes     int           `json:"minutes"`   // of service impact by those
	Planned     itsm.Duration `json:"planned"`   // work, of the implemented ones
	Actual      itsm.Duration `json:"actual"`
}

// SuccessRate returns the share of successful changes, and false when none was implemented.
func (m Measures) SuccessRate() (float64, bool) {
	if m.Implemented == 0 {
		return 0, false
	}
	return float64(m.Successful) / float64(m.Implemented), true
}

// EmergencyShare returns the share of emergency changes, and false when none was implemented.
func (m Measures) EmergencyShare() (float64, bool) {
	if m.Implemented == 0 {
		return 0, false
	}
	return float64(m.Emergency) / float64(m.Implemented), true
}

func (m *Measures) add(c *Change) {
	m.Raised++
	switch c.State {
	case StateRejected:
		m.Rejected++
	case StateCancelled:
		m.Cancelled++
	}
	incidents, minutes := c.Caused()
	m.Incidents, m.Minutes = m.Incidents+incidents, m.Minutes+minutes
	switch c.Result {
	case Successful:
		m.Successful++
	case WithIssues:
		m.Successful++
		m.WithIssues++
	case FailedBack:
		m.BackedOut++
	default:
		return
	}
	m.Implemented++
	if c.Emergency() {
		m.Emergency++
	}
	for _, s := range c.Steps {
		m.Planned += s.Estimate
	}
	m.Actual += itsm.Duration(c.Work.Ended.Sub(c.Work.Started))
}

// A Cut says by what changes are counted.
type Cut func(c Change) []string

// The cuts.
var (
	ByTemplate Cut = func(c Change) []string {
		if c.Template == nil {
			return nil
		}
		return []string{string(c.Template.ID)}
	}
	ByTeam     Cut = func(c Change) []string { return []string{c.Team} }
	ByCategory Cut = func(c Change) []string { return []string{string(c.Category)} }
	ByService  Cut = func(c Change) []string { return c.Services }
	ByItem     Cut = func(c Change) []string { return texts(sortRefs(c.Items)) }
	ByType     Cut = func(c Change) []string { return []string{string(c.Type)} }
)

// ByMonth counts by the month, in a zone, in which the change was requested: "2026-03".
func ByMonth(zone *time.Location) Cut {
	return func(c Change) []string { return []string{c.Requested.In(zone).Format("2006-01")} }
}

// A Figure is what was measured for one key.
type Figure struct {
	Key string `json:"key"`
	Measures
}

// Measure counts changes that were requested in a span, by the keys of a cut, sorted by key: a change with several counts for each. Counted by
// month it is their trend.
func Measure(changes iter.Seq[Change], span Span, by Cut) []Figure {
	sums := make(map[string]*Measures)
	for c := range changes {
		if !span.Contains(c.Requested) {
			continue
		}
		for _, key := range slices.Compact(slices.Sorted(slices.Values(by(c)))) {
			if sums[key] == nil {
				sums[key] = new(Measures)
			}
			sums[key].add(&c)
		}
	}
	figures := make([]Figure, 0, len(sums))
	for _, key := range sortedKeys(sums) {
		figures = append(figures, Figure{key, *sums[key]})
	}
	return figures
}
