package approval

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Delegation lets one person vote for another, for a time and within a scope. The vote counts as the delegator's. A delegation
// gives no right that the delegator does not have, and cannot be passed on.
type Delegation struct {
	ID    string        `json:"id"`
	From  itsm.PersonID `json:"from"`            // the delegator
	To    itsm.PersonID `json:"to"`              // the delegate
	Scope []string      `json:"scope,omitempty"` // topics such as "change" or "change/normal", which the first includes; empty for all
	Start time.Time     `json:"start"`
	End   time.Time     `json:"end"` // it holds until just before
	Why   string        `json:"why,omitempty" itsm:"text"`
}

// Covers reports whether the delegation holds for a topic at an instant.
func (d *Delegation) Covers(topic string, at time.Time) bool {
	return !at.Before(d.Start) && at.Before(d.End) && (len(d.Scope) == 0 || slices.ContainsFunc(d.Scope, func(s string) bool { return within(topic, s) }))
}

// within reports whether a topic is a scope or lies below it.
func within(topic, scope string) bool {
	rest, ok := strings.CutPrefix(topic, scope)
	return ok && (rest == "" || rest[0] == '/')
}

// meet reports whether some topic is in both scopes.
func meet(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for _, x := range a {
		for _, y := range b {
			if within(x, y) || within(y, x) {
				return true
			}
		}
	}
	return false
}

// Delegations are those that a host knows of.
type Delegations []Delegation

// Find returns the delegation under which a delegate may vote for a principal on a topic at an instant.
func (ds Delegations) Find(from, to itsm.PersonID, topic string, at time.Time) (Delegation, bool) {
	for i := range ds {
		if d := &ds[i]; d.From == from && d.To == to && d.Covers(topic, at) {
			return *d, true
		}
	}
	return Delegation{}, false
}

// chain returns somebody over whom the delegate would have the vote at second hand.
func (ds Delegations) chain(from, to itsm.PersonID, topic string, at time.Time) (itsm.PersonID, bool) {
	for i := range ds {
		if d := &ds[i]; d.From == from && d.Covers(topic, at) {
			if _, ok := ds.Find(d.To, to, topic, at); ok {
				return d.To, true
			}
		}
	}
	return "", false
}

// Check returns every fault, joined, or nil: missing or equal persons, periods that end before they start, IDs used twice, two delegates of one
// person at the same time in overlapping scopes, and delegations that lead back to where they began.
func (ds Delegations) Check() error {
	var fs faults
	for i := range ds {
		ds.checkOne(i, &fs)
	}
	if len(fs) == 0 {
		ds.checkCycles(&fs)
	}
	return fs.err()
}

func (ds Delegations) checkOne(i int, fs *faults) {
	d, at := &ds[i], fmt.Sprintf("delegations[%d]", i)
	if d.ID != "" {
		at += " " + d.ID
	}
	if d.ID == "" {
		fs.add(at, "id is missing")
	}
	if d.From == "" || d.To == "" || d.From == d.To {
		fs.add(at, "from %q to %q: want two different persons", d.From, d.To)
	}
	if !d.End.After(d.Start) {
		fs.add(at, "from %s to %s: want an end after the start", d.Start.Format(time.RFC3339), d.End.Format(time.RFC3339))
	}
	for _, s := range d.Scope {
		if s == "" || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") {
			fs.add(at, "scope %q: want a topic such as change/normal", s)
		}
	}
	for j := range i {
		e := &ds[j]
		if d.ID != "" && d.ID == e.ID {
			fs.add(at, "the id is used twice")
		}
		if d.From == e.From && d.To != e.To && d.Start.Before(e.End) && e.Start.Before(d.End) && meet(d.Scope, e.Scope) {
			fs.add(at, "%s has another delegate then, %s by %s", d.From, e.To, e.ID)
		}
	}
}

// checkCycles walks from each delegation along those that hold when it or a later one begins. Delegators have one delegate at a time and topic, so
// that a walk does not branch once instant and topic are fixed.
func (ds Delegations) checkCycles(fs *faults) {
	var topics []string
	for i := range ds {
		topics = append(topics, ds[i].Scope...)
	}
	const anything = "\x00" // lies in no scope: only delegations for all topics cover it
	topics = append(topics, anything)
	slices.Sort(topics)
	topics = slices.Compact(topics)
	seen := make([]bool, len(ds))
	for start := range ds {
		if seen[start] {
			continue
		}
		for _, topic := range topics {
			if path := ds.walk(start, topic, ds[start].Start); path != nil {
				names := make([]string, len(path))
				for i, k := range path {
					names[i], seen[k] = ds[k].ID, true
				}
				fs.add("delegations", "%s lead in a circle", strings.Join(names, ", "))
				break
			}
		}
	}
}

// walk follows the delegations that hold at an instant and returns those of the circle through the first, if there is one.
func (ds Delegations) walk(start int, topic string, at time.Time) []int {
	if !ds[start].Covers(topic, at) {
		return nil
	}
	path := []int{start}
	for person := ds[start].To; len(path) <= len(ds); {
		next := slices.IndexFunc(ds, func(d Delegation) bool { return d.From == person && d.Covers(topic, at) })
		if next < 0 {
			return nil
		}
		if next == start {
			return path
		}
		path, person = append(path, next), ds[next].To
	}
	return nil
}
