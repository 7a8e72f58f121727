package change

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// An ObservationKind says what was seen.
type ObservationKind string

// The kinds of observations.
const (
	SeenNew      ObservationKind = "created"
	SeenGone     ObservationKind = "deleted"
	SeenChanged  ObservationKind = "changed"
	SeenRelated  ObservationKind = "relation_added"
	SeenDetached ObservationKind = "relation_removed"
)

// An Observation is a difference that discovery saw on a configuration item.
type Observation struct {
	Item   itsm.Ref        `json:"item"`
	Kind   ObservationKind `json:"kind"`
	Name   string          `json:"name,omitempty"`   // attribute or relation
	Before string          `json:"before,omitempty"` //
	After  string          `json:"after,omitempty"`  //
	At     time.Time       `json:"at"`               // when it was seen
	Source string          `json:"source,omitempty"` //
}

func compareObservations(a, b Observation) int {
	return cmp.Or(CompareRefs(a.Item, b.Item), cmp.Compare(a.Name, b.Name), a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Source, b.Source), cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
}

// A Finding is something that changed without a change.
type Finding struct {
	Item     itsm.Ref      `json:"item"`
	Evidence []Observation `json:"evidence"`           // by name and time
	Near     []itsm.ID     `json:"near,omitempty"`     // changes on the item whose window was missed
	Flapping []string      `json:"flapping,omitempty"` // attributes that go to and fro: one line of evidence each
}

// A Detector finds changes of items that no change accounts for. It is a value and safe for concurrent use.
type Detector struct {
	Tolerance itsm.Duration // before and after the work in which a difference still belongs to a change
	// An attribute that returned to an earlier value so often is flapping and gives one observation, the last; 0 never.
	FlapAfter int
}

// DefaultDetector allows for half an hour, and counts three returns as flapping.
func DefaultDetector() Detector { return Detector{Tolerance: 30 * itsm.Minute, FlapAfter: 3} }

// Check sets observations against changes and returns a finding for each item that changed without one, sorted by item. The
// order of the observations does not matter, and the same one twice counts once. A change accounts for what it names: an
// item that it creates is named beforehand, too.
func (t Detector) Check(seen []Observation, changes []Change) []Finding {
	byItem := make(map[itsm.Ref][]*Change)
	for i := range changes {
		for _, item := range changes[i].Items {
			byItem[item] = append(byItem[item], &changes[i])
		}
	}
	seen = slices.Clone(seen)
	for i := range seen {
		seen[i].At = itsm.Instant(seen[i].At)
	}
	slices.SortFunc(seen, compareObservations)
	seen = slices.CompactFunc(seen, func(a, b Observation) bool { return compareObservations(a, b) == 0 })
	var found []Finding
	for len(seen) > 0 {
		n := 1
		for n < len(seen) && seen[n].Item == seen[0].Item {
			n++
		}
		if f, ok := t.item(seen[:n], byItem[seen[0].Item]); ok {
			found = append(found, f)
		}
		seen = seen[n:]
	}
	return found
}

// item judges the observations of one item.
func (t Detector) item(seen []Observation, changes []*Change) (Finding, bool) {
	f := Finding{Item: seen[0].Item}
	for _, o := range seen {
		if !slices.ContainsFunc(changes, func(c *Change) bool { return t.covers(c, o.At) }) {
			f.Evidence = append(f.Evidence, o)
		}
	}
	if len(f.Evidence) == 0 {
		return Finding{}, false
	}
	f.damp(t.FlapAfter)
	for _, c := range changes {
		f.Near = append(f.Near, c.ID)
	}
	f.Near = sortIDs(f.Near)
	return f, true
}

// covers reports whether a change was being made at an instant: from the start of its work to its end or that of the way back.
func (t Detector) covers(c *Change, at time.Time) bool {
	if c.Work == nil {
		return false
	}
	end := c.Window.Closes()
	switch {
	case c.Failure != nil && !c.Failure.BackAt.IsZero():
		end = c.Failure.BackAt
	case c.Failure == nil && !c.Work.Ended.IsZero():
		end = c.Work.Ended
	}
	return !at.Before(c.Work.Started.Add(-t.Tolerance.Std())) && !at.After(end.Add(t.Tolerance.Std()))
}

// damp leaves one observation of each attribute that flaps.
func (f *Finding) damp(after int) {
	if after <= 0 {
		return
	}
	var rest []Observation
	for len(f.Evidence) > 0 {
		n := 1
		for n < len(f.Evidence) && f.Evidence[n].Name == f.Evidence[0].Name {
			n++
		}
		one := f.Evidence[:n]
		had := map[string]bool{one[0].Before: true}
		returns := 0
		for _, o := range one {
			if o.Kind == SeenChanged && had[o.After] {
				returns++
			}
			had[o.After] = true
		}
		if returns >= after {
			f.Flapping = append(f.Flapping, one[0].Name)
			one = one[n-1:]
		}
		rest = append(rest, one...)
		f.Evidence = f.Evidence[n:]
	}
	f.Evidence = rest
}
