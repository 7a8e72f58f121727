package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// event is a payload with its effect on the item.
type event interface {
	itsm.Payload
	apply(r *Item, ev *itsm.Event)
}

// Write is the part of an event that changed the configuration: under which authority.
type Write struct {
	Under itsm.Ref `json:"under"`
	Model string   `json:"model"` // version of the class model that was asked
}

func (w Write) written(r *Item, ev *itsm.Event) {
	if ev.At.After(r.Written) {
		r.Written = ev.At
	}
	r.Under, r.Model = w.Under, w.Model
}

// The events of an item.
type (
	// Registered: a new item came in.
	Registered struct {
		Write
		Lifecycle string `json:"lifecycle"`
		Class     string `json:"class"`
		Name      string `json:"name" itsm:"text"`
		State     State  `json:"state"`
		Status    string `json:"status,omitempty"`
		Source    Source `json:"source"`
	}
	// Set: attributes that are under control have other values. One without a value was taken away.
	Set struct {
		Write
		Source Source                `json:"source"`
		Values map[string]itsm.Value `json:"values"`
	}
	// Renamed: it has another name.
	Renamed struct {
		Write
		Name string `json:"name" itsm:"text"`
	}
	// Reclassified: it is of another class.
	Reclassified struct {
		Write
		Class  string `json:"class"`
		Status string `json:"status,omitempty"`
	}
	// Labelled: it bears a label.
	Labelled struct {
		Write
		Code string    `json:"code"`
		Form LabelForm `json:"form"`
	}
	// Moved: it is in another state.
	Moved struct {
		Write
		Step   Transition `json:"step"`
		From   State      `json:"from"`
		State  State      `json:"state"`
		Status string     `json:"status,omitempty"`
	}
	// StatusSet: it is something else within its state.
	StatusSet struct {
		Write
		Status string `json:"status"`
	}
	// Linked: a relation to another item began.
	Linked struct {
		Write
		Type       string                `json:"type"`
		To         itsm.ID               `json:"to"`
		Attributes map[string]itsm.Value `json:"attributes,omitempty"`
	}
	// Unlinked: a relation to another item ended.
	Unlinked struct {
		Write
		Type string  `json:"type"`
		To   itsm.ID `json:"to"`
	}
	// Attached: another item began to relate to it, by a type that bounds the number.
	Attached struct {
		Write
		Type string  `json:"type"`
		From itsm.ID `json:"from"`
	}
	// Detached: another item relates to it no more.
	Detached struct {
		Write
		Type string  `json:"type"`
		From itsm.ID `json:"from"`
	}
	// Documented: a document belongs to it, or another version of one.
	Documented struct {
		Write
		Document Document `json:"document"`
	}
	// Undocumented: a document belongs to it no more.
	Undocumented struct {
		Write
		Ref string `json:"ref"`
	}
	// Grouped: some of what it depends on stands in for each other; without members no more.
	Grouped struct {
		Write
		Group Group `json:"group"`
	}
	// Planned: an approved change will make something of it.
	Planned struct {
		Plan Plan `json:"plan"`
	}
	// PlanDropped: a plan is no more, because it was carried out or because its change is off.
	PlanDropped struct {
		Under    itsm.Ref `json:"under"`
		Realised bool     `json:"realised,omitempty"`
	}
	// LeftScope: it is not under control any more.
	LeftScope struct {
		Under itsm.Ref `json:"under,omitzero"`
		Why   string   `json:"why" itsm:"text"`
	}
	// EnteredScope: it is under control again.
	EnteredScope struct {
		Under itsm.Ref `json:"under,omitzero"`
	}
	// Observed: sources saw something. Values are the observed attributes as they are known by now.
	Observed struct {
		Sightings []Sighting `json:"sightings,omitempty"`
		Values    []Value    `json:"values,omitempty"`
		Frozen    []string   `json:"frozen,omitempty"`
		Seen      time.Time  `json:"seen"`
	}
	// Flapped: an attribute changes to and fro and is frozen.
	Flapped struct {
		Attribute string   `json:"attribute"`
		Changes   int      `json:"changes"`
		Sources   []string `json:"sources"`
	}
	// Locked: a person has set an observed attribute.
	Locked struct {
		Lock  Lock       `json:"lock"`
		Value itsm.Value `json:"value"`
	}
	// Unlocked: sources tell what the attribute is again.
	Unlocked struct {
		Attribute string `json:"attribute"`
		Expired   bool   `json:"expired,omitempty"`
	}
	// Suspected: other items may be the same one.
	Suspected struct {
		Suspects []Suspect `json:"suspects"`
	}
	// Cleared: another item is not the same one.
	Cleared struct {
		Item itsm.ID `json:"item"`
	}
	// Merged: it is the same item as another.
	Merged struct {
		Write
		Into itsm.ID `json:"into"`
	}
	// Unmerged: it is an item of its own after all.
	Unmerged struct {
		Write
	}
	// Took: another item turned out to be this one.
	Took struct {
		Write
		Absorbed Absorbed `json:"absorbed"`
	}
	// GaveBack: an item that was taken for this one is not.
	GaveBack struct {
		Write
		Item itsm.ID `json:"item"`
	}
)

func (Registered) EventType() string   { return "ci.registered" }
func (Set) EventType() string          { return "ci.set" }
func (Renamed) EventType() string      { return "ci.renamed" }
func (Reclassified) EventType() string { return "ci.reclassified" }
func (Labelled) EventType() string     { return "ci.labelled" }
func (Moved) EventType() string        { return "ci.moved" }
func (StatusSet) EventType() string    { return "ci.status_set" }
func (Linked) EventType() string       { return "ci.linked" }
func (Unlinked) EventType() string     { return "ci.unlinked" }
func (Attached) EventType() string     { return "ci.attached" }
func (Detached) EventType() string     { return "ci.detached" }
func (Documented) EventType() string   { return "ci.documented" }
func (Undocumented) EventType() string { return "ci.undocumented" }
func (Grouped) EventType() string      { return "ci.grouped" }
func (Planned) EventType() string      { return "ci.planned" }
func (PlanDropped) EventType() string  { return "ci.plan_dropped" }
func (LeftScope) EventType() string    { return "ci.left_scope" }
func (EnteredScope) EventType() string { return "ci.entered_scope" }
func (Observed) EventType() string     { return "ci.observed" }
func (Flapped) EventType() string      { return "ci.flapped" }
func (Locked) EventType() string       { return "ci.locked" }
func (Unlocked) EventType() string     { return "ci.unlocked" }
func (Suspected) EventType() string    { return "ci.suspected" }
func (Cleared) EventType() string      { return "ci.cleared" }
func (Merged) EventType() string       { return "ci.merged" }
func (Unmerged) EventType() string     { return "ci.unmerged" }
func (Took) EventType() string         { return "ci.took" }
func (GaveBack) EventType() string     { return "ci.gave_back" }

func events() []itsm.Payload {
	return []itsm.Payload{
		Registered{}, Set{}, Renamed{}, Reclassified{}, Labelled{}, Moved{}, StatusSet{}, Linked{}, Unlinked{}, Attached{}, Detached{}, Documented{}, Undocumented{}, Grouped{},
		Planned{}, PlanDropped{}, LeftScope{}, EnteredScope{}, Observed{}, Flapped{}, Locked{}, Unlocked{}, Suspected{}, Cleared{}, Merged{}, Unmerged{}, Took{}, GaveBack{},
	}
}

func (e Registered) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Lifecycle, r.Class, r.Name, r.State, r.Status, r.Since, r.Source = e.Lifecycle, e.Class, e.Name, e.State, e.Status, ev.At, e.Source
}

// put puts values into a sorted list that others may share. A value that began before the one it would replace is of the past, and only in the journal.
func put(list []Value, values ...Value) []Value {
	list = slices.Clone(list)
	for _, v := range values {
		at, found := slices.BinarySearchFunc(list, v.Name, func(w Value, name string) int { return cmp.Compare(w.Name, name) })
		switch {
		case !found:
			list = slices.Insert(list, at, v)
		case !v.Since.Before(list[at].Since):
			list[at] = v
		}
	}
	return list
}

func (e Set) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	for _, name := range sorted(e.Values) {
		r.Attributes = put(r.Attributes, Value{Name: name, Value: e.Values[name], Since: ev.At, Source: e.Source, Under: e.Under})
	}
}

func (e Renamed) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Name = e.Name
}

func (e Reclassified) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Class, r.Status = e.Class, e.Status
}

func (e Labelled) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Label = Label{e.Code, e.Form, ev.Actor, ev.At}
}

func (e Moved) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Previous, r.State, r.Status, r.Since = r.State, e.State, e.Status, ev.At
}

func (e StatusSet) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Status = e.Status
}

func (e Linked) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	rel := Relation{Type: e.Type, To: e.To, Attributes: e.Attributes, Since: ev.At, Under: e.Under}
	at, there := r.relation(e.Type, e.To)
	r.Relations = slices.Clone(r.Relations)
	if there {
		r.Relations[at] = rel
	} else {
		r.Relations = slices.Insert(r.Relations, at, rel)
	}
}

func (e Unlinked) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	if at, there := r.relation(e.Type, e.To); there {
		r.Relations = slices.Clone(r.Relations)
		r.Relations[at].Until, r.Relations[at].Under = ev.At, e.Under
	}
}

func (e Attached) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Incoming = itsm.Plus(r.Incoming, Incoming{e.Type, e.From})
}

func (e Detached) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Incoming = without(r.Incoming, func(in Incoming) bool { return in == Incoming{e.Type, e.From} })
}

// without returns a copy of a list without some of its elements, nil when nothing is left.
func without[T any](list []T, out func(T) bool) []T {
	if list = slices.DeleteFunc(slices.Clone(list), out); len(list) == 0 {
		return nil
	}
	return list
}

func (e Documented) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	doc := e.Document
	doc.Since, doc.Under = ev.At, e.Under
	r.Documents = append(without(r.Documents, func(d Document) bool { return d.Ref == doc.Ref }), doc)
	slices.SortFunc(r.Documents, func(a, b Document) int { return cmp.Compare(a.Ref, b.Ref) })
}

func (e Undocumented) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Documents = without(r.Documents, func(d Document) bool { return d.Ref == e.Ref })
}

func (e Grouped) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Redundancy = without(r.Redundancy, func(g Group) bool { return g.Name == e.Group.Name })
	if len(e.Group.Members) > 0 {
		r.Redundancy = append(r.Redundancy, e.Group)
		slices.SortFunc(r.Redundancy, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	}
}

func (e Planned) apply(r *Item, _ *itsm.Event) {
	r.Plans = append(without(r.Plans, func(p Plan) bool { return p.Under == e.Plan.Under }), e.Plan)
	slices.SortStableFunc(r.Plans, func(a, b Plan) int {
		if a.Due.IsZero() != b.Due.IsZero() {
			return cmp.Compare(b2i(a.Due.IsZero()), b2i(b.Due.IsZero())) // without a time comes last
		}
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Under.Kind, b.Under.Kind), cmp.Compare(a.Under.ID, b.Under.ID))
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e PlanDropped) apply(r *Item, _ *itsm.Event) {
	r.Plans = without(r.Plans, func(p Plan) bool { return p.Under == e.Under })
}

func (e LeftScope) apply(r *Item, ev *itsm.Event) {
	r.Outside = &Exit{e.Why, ev.Actor, ev.At, e.Under}
}

func (EnteredScope) apply(r *Item, _ *itsm.Event) { r.Outside = nil }

func (e Observed) apply(r *Item, _ *itsm.Event) {
	r.Sightings = retain(r.Sightings, e.Sightings)
	r.Attributes = slices.Clone(r.Attributes)
	for _, v := range e.Values {
		r.Attributes = without(r.Attributes, func(w Value) bool { return w.Name == v.Name })
		r.Attributes = put(r.Attributes, v)
	}
	r.Frozen = e.Frozen
	if e.Seen.After(r.Seen) {
		r.Seen = e.Seen
	}
}

func (Flapped) apply(*Item, *itsm.Event) {}

func (e Locked) apply(r *Item, ev *itsm.Event) {
	r.Locks = append(without(r.Locks, func(l Lock) bool { return l.Attribute == e.Lock.Attribute }), e.Lock)
	slices.SortFunc(r.Locks, func(a, b Lock) int { return cmp.Compare(a.Attribute, b.Attribute) })
	r.Attributes = put(without(r.Attributes, func(v Value) bool { return v.Name == e.Lock.Attribute }),
		Value{Name: e.Lock.Attribute, Value: e.Value, Since: ev.At, Source: Source{Kind: Manual}})
}

func (e Unlocked) apply(r *Item, _ *itsm.Event) {
	r.Locks = without(r.Locks, func(l Lock) bool { return l.Attribute == e.Attribute })
}

func (e Suspected) apply(r *Item, _ *itsm.Event) {
	for _, s := range e.Suspects {
		r.Suspects = append(without(r.Suspects, func(t Suspect) bool { return t.Item == s.Item }), s)
	}
	slices.SortFunc(r.Suspects, func(a, b Suspect) int { return cmp.Compare(a.Item, b.Item) })
}

func (e Cleared) apply(r *Item, _ *itsm.Event) {
	r.Suspects = without(r.Suspects, func(s Suspect) bool { return s.Item == e.Item })
}

func (e Merged) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.MergedInto = e.Into
	r.Suspects = without(r.Suspects, func(s Suspect) bool { return s.Item == e.Into })
}

func (e Unmerged) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.MergedInto = ""
}

func (e Took) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Absorbed = itsm.Plus(r.Absorbed, e.Absorbed)
	r.Suspects = without(r.Suspects, func(s Suspect) bool { return s.Item == e.Absorbed.Item })
}

func (e GaveBack) apply(r *Item, ev *itsm.Event) {
	e.written(r, ev)
	r.Absorbed = without(r.Absorbed, func(a Absorbed) bool { return a.Item == e.Item })
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m { //maporder: sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
