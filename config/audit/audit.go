package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// Kind is the kind of audits.
const Kind itsm.Kind = "ci_audit"

// An Audit compares items with the world.
type Audit struct {
	itsm.Meta `json:"meta"`

	Name          string        `json:"name" itsm:"text"`
	State         State         `json:"state"`
	Scope         Scope         `json:"scope"`
	Due           time.Time     `json:"due"`
	Auditor       itsm.PersonID `json:"auditor,omitempty"`
	Started       time.Time     `json:"started,omitzero"`
	Population    int           `json:"population,omitempty"` // items in scope when it was started
	Sample        []Expected    `json:"sample,omitempty"`     // what is checked, sorted by item
	Result        *Result       `json:"result,omitempty"`
	Discrepancies []Discrepancy `json:"discrepancies,omitempty"`
	Ended         time.Time     `json:"ended,omitzero"`
	Overdue       []int         `json:"overdue,omitempty"` // discrepancies whose deadline has passed, from 1
}

// A State is where an audit stands.
type State string

// The states.
const (
	StatePlanned     State = "planned"
	StateRunning     State = "running"     // the auditor looks at the world
	StateReconciling State = "reconciling" // discrepancies are disposed of
	StateClosed      State = "closed"
	StateCancelled   State = "cancelled"
)

// A Scope chooses what is audited. The fields restrict one another; an empty one does not restrict.
type Scope struct {
	Classes []string `json:"classes,omitempty"` // subclasses included
	Place   string   `json:"place,omitempty"`
	// Sample draws so many of the items, or, with Percent, such a share of them, rounded up; with neither all are audited.
	Sample  int    `json:"sample,omitempty"`
	Percent int    `json:"percent,omitempty"`
	Seed    uint64 `json:"seed,omitempty"` // of the sample
}

// Full reports whether all items are audited.
func (s Scope) Full() bool {
	return len(s.Classes) == 0 && s.Place == "" && s.Sample == 0 && s.Percent == 0
}

// Has reports whether an item is in the scope, apart from the sample.
func (s Scope) Has(m *config.Model, i *config.Item) bool {
	return i.Controlled() && (s.Place == "" || i.Get("place").Text() == s.Place) &&
		(len(s.Classes) == 0 || slices.ContainsFunc(s.Classes, func(c string) bool { return m.Is(i.Class, c) }))
}

// Draw draws the sample: the items whose ID, hashed with the seed, comes first. It depends on the seed and the set of items only, and an item more or
// less changes one place of the sample at most.
func (s Scope) Draw(ids []itsm.ID) []itsm.ID {
	n := len(ids)
	if s.Sample > 0 {
		n = min(n, s.Sample)
	}
	if s.Percent > 0 {
		n = min(n, (len(ids)*s.Percent+99)/100)
	}
	type ticket struct {
		hash [sha256.Size]byte
		id   itsm.ID
	}
	tickets := make([]ticket, len(ids))
	for i, id := range ids {
		var seed [8]byte
		binary.BigEndian.PutUint64(seed[:], s.Seed)
		tickets[i] = ticket{sha256.Sum256(append(seed[:], id...)), id}
	}
	slices.SortFunc(tickets, func(a, b ticket) int {
		return cmp.Or(slices.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.id, b.id))
	})
	drawn := make([]itsm.ID, n)
	for i := range drawn {
		drawn[i] = tickets[i].id
	}
	slices.Sort(drawn)
	return drawn
}

// Expected is what the record says of an item when the audit begins.
type Expected struct {
	Item      itsm.ID               `json:"item"`
	Class     string                `json:"class"`
	Label     string                `json:"label,omitempty"`
	Values    map[string]itsm.Value `json:"values,omitempty"`    // of attributes under control
	Relations []Link                `json:"relations,omitempty"` // sorted
}

// A Link is a relation to another item.
type Link struct {
	Type string  `json:"type"`
	To   itsm.ID `json:"to"`
}

func compareLinks(a, b Link) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.To, b.To)) }

// Found is what the auditor saw of one thing.
type Found struct {
	Item   itsm.ID               `json:"item,omitempty"`  // "" when no record is known: then Label or What say what it is
	Label  string                `json:"label,omitempty"` // that it bears; finds the item where Item is ""
	What   string                `json:"what,omitempty"`
	Values map[string]itsm.Value `json:"values,omitempty"` // as far as looked at
	// Relations are all that were seen of the types in Looked; types that are not in it were not looked at.
	Relations []Link   `json:"relations,omitempty"`
	Looked    []string `json:"looked,omitempty"`
}

// A Result parts everything that was checked or found into five sets.
type Result struct {
	Matched      []itsm.ID       `json:"matched,omitempty"`
	Attributes   []itsm.ID       `json:"attributes,omitempty"`   // there, but attributes differ
	Relations    []itsm.ID       `json:"relations,omitempty"`    // there with its attributes, but relations differ
	Missing      []itsm.ID       `json:"missing,omitempty"`      // not found
	Unregistered int             `json:"unregistered,omitempty"` // found, but no item of the sample; the discrepancies say what
	Accuracy     config.Accuracy `json:"accuracy"`               // matched of checked
}

// A Discrepancy is one thing that is not as the record says.
type Discrepancy struct {
	Set         Set           `json:"set"`
	Item        itsm.ID       `json:"item,omitempty"`
	What        string        `json:"what,omitempty" itsm:"text"` // of what is unregistered
	Fields      []string      `json:"fields,omitempty"`           // that differ, sorted
	Disposition Disposition   `json:"disposition,omitempty"`
	Why         string        `json:"why,omitempty" itsm:"text"`
	Change      itsm.Ref      `json:"change,omitzero"` // that corrects the world
	Deadline    time.Time     `json:"deadline,omitzero"`
	By          itsm.PersonID `json:"by,omitempty"`
	Corrected   time.Time     `json:"corrected,omitzero"`
}

// A Set is one of the four sets of discrepancies.
type Set string

// The sets.
const (
	AttributeMismatch Set = "attribute_mismatch"
	RelationMismatch  Set = "relation_mismatch"
	Missing           Set = "missing"
	Unregistered      Set = "unregistered"
)

// A Disposition says what is done about a discrepancy.
type Disposition string

// The dispositions.
const (
	CorrectRecord Disposition = "correct_record" // the item is written under the authority of the audit
	CorrectWorld  Disposition = "correct_world"  // through a change
	AcceptAsIs    Disposition = "accept"         // nothing is done, for a reason
)

// Reconcile parts what was expected and what was found. Each expected item and each found thing is in exactly one set.
func Reconcile(sample []Expected, found []Found) (Result, []Discrepancy) {
	var r Result
	var ds []Discrepancy
	used := make([]bool, len(found))
	for i := range sample {
		e := &sample[i]
		at := slices.IndexFunc(found, func(f Found) bool { return f.Item == e.Item || f.Item == "" && f.Label != "" && f.Label == e.Label })
		if at < 0 {
			r.Missing = append(r.Missing, e.Item)
			ds = append(ds, Discrepancy{Set: Missing, Item: e.Item})
			continue
		}
		used[at] = true
		values, relations := compareWith(e, &found[at])
		switch {
		case len(values) > 0:
			r.Attributes = append(r.Attributes, e.Item)
			ds = append(ds, Discrepancy{Set: AttributeMismatch, Item: e.Item, Fields: append(values, relations...)})
		case len(relations) > 0:
			r.Relations = append(r.Relations, e.Item)
			ds = append(ds, Discrepancy{Set: RelationMismatch, Item: e.Item, Fields: relations})
		default:
			r.Matched = append(r.Matched, e.Item)
		}
	}
	for i, f := range found {
		if !used[i] {
			r.Unregistered++
			ds = append(ds, Discrepancy{Set: Unregistered, Item: f.Item, What: cmp.Or(f.What, f.Label)})
		}
	}
	r.Accuracy = config.AccuracyOf(len(r.Matched), len(sample))
	return r, ds
}

// compareWith returns the attributes and relations on which record and world differ. What was not looked at does not differ.
func compareWith(e *Expected, f *Found) (values, relations []string) {
	for name, v := range f.Values { //maporder: sorted below
		if e.Values[name] != v {
			values = append(values, name)
		}
	}
	slices.Sort(values)
	for _, l := range e.Relations {
		if slices.Contains(f.Looked, l.Type) && !slices.Contains(f.Relations, l) {
			relations = append(relations, "relation:"+l.Type+":"+string(l.To))
		}
	}
	for _, l := range f.Relations {
		if !slices.Contains(e.Relations, l) {
			relations = append(relations, "relation:"+l.Type+":"+string(l.To))
		}
	}
	slices.Sort(relations)
	return values, slices.Compact(relations)
}
