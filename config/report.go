package config

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A StatusReport accounts for the items at the end of a period, as known then, and for what changed in it.
type StatusReport struct {
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"` // not included
	Total   int           `json:"total"`
	Counts  []StateCount  `json:"counts"`  // by class and state
	Changes []ItemChange  `json:"changes"` // written down in the period
	Written []KindOfWrite `json:"written"` // how many of which kind
}

// A StateCount is how many items of a class were in a state, and in which versions.
type StateCount struct {
	Class    string   `json:"class"`
	State    State    `json:"state"`
	Items    int      `json:"items"`
	Versions []string `json:"versions,omitempty"` // different values of the attribute version, sorted
}

// An ItemChange is one entry of the journal that changed an item.
type ItemChange struct {
	Item  itsm.ID       `json:"item"`
	Seq   uint64        `json:"seq"`
	Type  string        `json:"type"`
	At    time.Time     `json:"at"`
	By    itsm.PersonID `json:"by"`
	Under itsm.Ref      `json:"under,omitzero"`
}

// A KindOfWrite is how many entries of a type there were.
type KindOfWrite struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Report makes the status report of a period, from its begin to before its end. The same period gives the same report at any later time.
// The actor needs the permissions to read items and journals.
func (s *Service) Report(ctx context.Context, from, to time.Time) (*StatusReport, error) {
	from, to = itsm.Instant(from), itsm.Instant(to)
	if !from.Before(to) {
		return nil, fmt.Errorf("%w: status report: the period from %s to %s is empty", itsm.ErrInvalid, from, to)
	}
	r := &StatusReport{From: from, To: to}
	last := to.Add(-time.Microsecond)
	counts := map[[2]string]*StateCount{}
	kinds := map[string]int{}
	for item, err := range s.Find(ctx, itsm.Query{}) {
		if err != nil {
			return nil, err
		}
		was := Was{Class: item.Class, State: item.State, Values: item.Values()}
		if !item.Updated.Before(from) { // something was written down in the period or later
			var there bool
			h, err := s.History(ctx, item.ID)
			if err != nil {
				return nil, err
			}
			if was, there = h.At(last, last); !there {
				continue
			}
			for _, e := range h.entries {
				if e.recorded.Before(from) || !e.recorded.Before(to) {
					continue
				}
				kinds[e.payload.EventType()]++
				if w, writes := e.payload.(interface{ authority() itsm.Ref }); writes {
					r.Changes = append(r.Changes, ItemChange{Item: item.ID, Seq: e.seq, Type: e.payload.EventType(), At: e.at, By: e.actor, Under: w.authority()})
				}
			}
		}
		r.Total++
		key := [2]string{was.Class, string(was.State)}
		if counts[key] == nil {
			counts[key] = &StateCount{Class: was.Class, State: was.State}
		}
		c := counts[key]
		c.Items++
		if v := was.Values["version"].Text(); v != "" && !slices.Contains(c.Versions, v) {
			c.Versions = append(c.Versions, v)
		}
	}
	for _, c := range counts { //maporder: sorted below
		slices.Sort(c.Versions)
		r.Counts = append(r.Counts, *c)
	}
	slices.SortFunc(r.Counts, func(a, b StateCount) int { return cmp.Or(cmp.Compare(a.Class, b.Class), stateOrder(a.State, b.State)) })
	slices.SortFunc(r.Changes, func(a, b ItemChange) int { return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Seq, b.Seq)) })
	for _, kind := range sorted(kinds) {
		r.Written = append(r.Written, KindOfWrite{kind, kinds[kind]})
	}
	return r, nil
}

// authority tells under which authority an event was written.
func (w Write) authority() itsm.Ref { return w.Under }

func stateOrder(a, b State) int {
	place := func(s State) int { return slices.IndexFunc(itemStates, func(r stateRow) bool { return r.Name == s }) }
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

// String returns the report as text.
func (r *StatusReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "configuration items from %s to %s: %d\n", r.From.Format("2006-01-02"), r.To.Format("2006-01-02"), r.Total)
	for _, c := range r.Counts {
		fmt.Fprintf(&b, "  %-16s %-14s %4d", c.Class, c.State, c.Items)
		if len(c.Versions) > 0 {
			fmt.Fprintf(&b, "  versions %s", strings.Join(c.Versions, ", "))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "entries in the period:\n")
	for _, k := range r.Written {
		fmt.Fprintf(&b, "  %-16s %4d\n", strings.TrimPrefix(k.Type, string(Kind)+"."), k.Count)
	}
	return b.String()
}

// A Schedule says how often something is due: status reports, audits, reviews. Start carries the zone in which days and months count.
type Schedule struct {
	Start  time.Time `json:"start"`
	Months int       `json:"months,omitempty"`
	Days   int       `json:"days,omitempty"`
}

// A Term is one period of a schedule and what became of it.
type Term struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Fate Fate      `json:"fate"`
}

// A Fate is what became of a term.
type Fate string

// The fates. Each term has exactly one.
const (
	TermDone   Fate = "done"   // it was done in the term, or for it
	TermMissed Fate = "missed" // the term is over and nothing was done
	TermOpen   Fate = "open"   // the term runs
)

// Terms returns the terms of the schedule that have begun by now, in their order. done are the instants at which it was done.
func (s Schedule) Terms(done []time.Time, now time.Time) []Term {
	if s.Months <= 0 && s.Days <= 0 {
		return nil
	}
	var terms []Term
	for k := 0; ; k++ {
		t := Term{From: s.Start.AddDate(0, k*s.Months, k*s.Days), To: s.Start.AddDate(0, (k+1)*s.Months, (k+1)*s.Days), Fate: TermOpen}
		if t.From.After(now) || k == 10_000 {
			return terms
		}
		if !t.To.After(now) {
			t.Fate = TermMissed
		}
		if slices.ContainsFunc(done, func(at time.Time) bool { return !at.Before(t.From) && at.Before(t.To) }) {
			t.Fate = TermDone
		}
		terms = append(terms, t)
	}
}

// Missed returns the terms that are over without anything having been done.
func (s Schedule) Missed(done []time.Time, now time.Time) []Term {
	return slices.DeleteFunc(s.Terms(done, now), func(t Term) bool { return t.Fate != TermMissed })
}
