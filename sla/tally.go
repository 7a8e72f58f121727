package sla

import "time"

// Cycles says which cycles of a metric count in a report.
type Cycles string

// The ways to count cycles.
const (
	EveryCycle Cycles = "every" // each on its own
	FirstCycle Cycles = "first" // only the first
	WorstCycle Cycles = "worst" // one for the record: breached when any was
)

// A Tally counts clocks. Met + Breached + Excluded() is always Total().
type Tally struct {
	Met        int `json:"met"`
	Breached   int `json:"breached"`
	Superseded int `json:"superseded"`
	Merged     int `json:"merged"`
	Cancelled  int `json:"cancelled"`
	// Of clocks that have not ended, which are no part of the total.
	Open         int `json:"open"`          // still in time
	OpenBreached int `json:"open_breached"` // breached already
}

// Excluded is the number of clocks that count neither as met nor as breached.
func (t Tally) Excluded() int { return t.Superseded + t.Merged + t.Cancelled }

// Total is the number of clocks that ended in the period.
func (t Tally) Total() int { return t.Met + t.Breached + t.Excluded() }

// Share is the compliance as a fraction, met of finished. Nothing finished is 0 of 0, not full compliance.
func (t Tally) Share() (met, finished int) { return t.Met, t.Met + t.Breached }

// Plus adds two tallies of disjoint sets of clocks.
func (t Tally) Plus(u Tally) Tally {
	return Tally{
		t.Met + u.Met, t.Breached + u.Breached, t.Superseded + u.Superseded, t.Merged + u.Merged, t.Cancelled + u.Cancelled,
		t.Open + u.Open, t.OpenBreached + u.OpenBreached,
	}
}

// Count tallies the clocks of records for the period [from, to): those that ended in it, and those that are open. Each record is what
// [Catalog.Status] gave for it, at the end of the period or later.
func Count(from, to time.Time, cycles Cycles, records ...[]Status) Tally {
	var t Tally
	for _, clocks := range records {
		var counted []*Status
		for i := range clocks {
			k := &clocks[i]
			ended := k.Outcome != ""
			if ended && (k.Ended.Before(from) || !k.Ended.Before(to)) || cycles == FirstCycle && k.Cycle > 1 {
				continue
			}
			counted = append(counted, k)
		}
		for i, k := range counted {
			if cycles != WorstCycle || !hidden(k, counted[:i], counted[i+1:]) {
				t.count(k)
			}
		}
	}
	return t
}

// hidden reports whether a finished clock stands behind another one of its metric: a worse one, or an equal one before it.
func hidden(k *Status, before, after []*Status) bool {
	if k.Outcome != Met && k.Outcome != Breached {
		return false
	}
	for _, o := range before {
		if o.Metric == k.Metric && (o.Outcome == Breached || o.Outcome == k.Outcome) {
			return true
		}
	}
	for _, o := range after {
		if o.Metric == k.Metric && o.Outcome == Breached && k.Outcome == Met {
			return true
		}
	}
	return false
}

func (t *Tally) count(k *Status) {
	switch k.Outcome {
	case Met:
		t.Met++
	case Breached:
		t.Breached++
	case Superseded:
		t.Superseded++
	case Merged:
		t.Merged++
	case Cancelled:
		t.Cancelled++
	default:
		if k.Health == HealthBreached {
			t.OpenBreached++
		} else {
			t.Open++
		}
	}
}
