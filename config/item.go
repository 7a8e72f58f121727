package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Kind is the kind of configuration items.
const Kind itsm.Kind = "ci"

// An Item is a configuration item: a device, a program, a service, a contract, a document. It is a value; who got one may
// change it freely without changing the stored one.
type Item struct {
	itsm.Meta `json:"meta"`

	Lifecycle string    `json:"lifecycle"` // version of the table it runs under
	Model     string    `json:"model"`     // version of the class model under which it was last written
	Class     string    `json:"class"`
	Name      string    `json:"name" itsm:"text"`
	Label     Label     `json:"label,omitzero"`
	State     State     `json:"state"`
	Status    string    `json:"status,omitempty"` // within the state, as the class declares
	Since     time.Time `json:"state_since"`
	Previous  State     `json:"previous,omitempty"` // the state before
	Plans     []Plan    `json:"plans,omitempty"`    // what approved changes will make of it, the earliest first
	Source    Source    `json:"source"`             // how it came in
	Outside   *Exit     `json:"outside,omitempty"`  // it has left the scope of control

	Attributes []Value    `json:"attributes,omitempty"` // sorted by name
	Relations  []Relation `json:"relations,omitempty"`  // that lead from it, ended ones included; sorted by type and target
	Incoming   []Incoming `json:"incoming,omitempty"`   // that lead to it, of types that bound their number
	Documents  []Document `json:"documents,omitempty"`  // sorted by reference
	Redundancy []Group    `json:"redundancy,omitempty"` // of what it depends on, sorted by name

	Sightings []Sighting `json:"sightings,omitempty"` // what sources saw, see [Sighting]
	Frozen    []string   `json:"frozen,omitempty"`    // attributes that flap
	Locks     []Lock     `json:"locks,omitempty"`     // of attributes, sorted by name
	Seen      time.Time  `json:"seen,omitzero"`       // when a source last saw it

	Suspects   []Suspect  `json:"suspects,omitempty"`    // items that may be the same one
	MergedInto itsm.ID    `json:"merged_into,omitempty"` // it is the same item as that one
	Absorbed   []Absorbed `json:"absorbed,omitempty"`    // items that turned out to be this one

	Written time.Time `json:"written,omitzero"` // last write of configuration
	Under   itsm.Ref  `json:"under,omitzero"`   // the authority of that write
}

// Ref returns the reference to the item.
func (i Item) Ref() itsm.Ref { return itsm.Ref{Kind: Kind, ID: i.ID} }

// A Label tells one item from all others in the world: a sticker on the device, or a logical name.
type Label struct {
	Code string        `json:"code"`
	Form LabelForm     `json:"form"`
	By   itsm.PersonID `json:"by"`
	At   time.Time     `json:"at"`
}

// A LabelForm says how an item is labelled.
type LabelForm string

// The forms.
const (
	Physical LabelForm = "physical"
	Logical  LabelForm = "logical"
)

// A Source is how something came to be known, and how much it is to be trusted.
type Source struct {
	Kind       SourceKind `json:"kind"`
	System     string     `json:"system,omitempty"`     // that told
	Confidence int        `json:"confidence,omitempty"` // percent; 0 when nobody has said
}

// A SourceKind is a way in which something comes to be known.
type SourceKind string

// The kinds of sources.
const (
	Manual    SourceKind = "manual"
	Discovery SourceKind = "discovery"
	Import    SourceKind = "import"
)

// SourceKinds returns all kinds of sources.
func SourceKinds() []SourceKind { return []SourceKind{Manual, Discovery, Import} }

// A Value is an attribute of an item with where it comes from. A value that was taken away stays without content, so that
// it is known since when.
type Value struct {
	Name     string     `json:"name"`
	Value    itsm.Value `json:"value"`
	Since    time.Time  `json:"since"`             // it holds in the world
	Source   Source     `json:"source"`            //
	Under    itsm.Ref   `json:"under,omitzero"`    // the authority; none for what sources see
	Observed time.Time  `json:"observed,omitzero"` // when the source saw it
}

// A Relation leads from the item that holds it to another.
type Relation struct {
	Type       string                `json:"type"`
	To         itsm.ID               `json:"to"`
	Attributes map[string]itsm.Value `json:"attributes,omitempty"`
	Since      time.Time             `json:"since"`
	Until      time.Time             `json:"until,omitzero"` // it has ended
	Under      itsm.Ref              `json:"under,omitzero"`
}

// Current reports whether the relation has not ended.
func (r Relation) Current() bool { return r.Until.IsZero() }

// Incoming is a relation that leads to the item, counted because its type bounds the number.
type Incoming struct {
	Type string  `json:"type"`
	From itsm.ID `json:"from"`
}

// A Group is redundancy: the item needs only so much of some of the items that it depends on.
type Group struct {
	Name    string    `json:"name"`              // lower_snake, within the item
	Need    int       `json:"need,omitempty"`    // so many of the members are enough
	Percent int       `json:"percent,omitempty"` // instead: so much of them, rounded up
	Members []itsm.ID `json:"members"`           // sorted
}

// A Plan is what an approved change will make of an item: the planned state. It becomes current when the change is done, and goes when the change goes.
type Plan struct {
	Under      itsm.Ref              `json:"under"`
	Step       Transition            `json:"step,omitempty"` // of the lifecycle; "" for none
	Attributes map[string]itsm.Value `json:"attributes,omitempty"`
	Due        time.Time             `json:"due,omitzero"`
	By         itsm.PersonID         `json:"by"`
	At         time.Time             `json:"at"`
}

// A Document belongs to an item. The host keeps it.
type Document struct {
	Ref     string      `json:"ref"`
	Version string      `json:"version"`
	Title   string      `json:"title,omitempty" itsm:"text"`
	Digest  itsm.Digest `json:"digest,omitzero"`
	Since   time.Time   `json:"since"`
	Under   itsm.Ref    `json:"under,omitzero"`
}

// An Exit is an item that is outside the scope of control.
type Exit struct {
	Why   string        `json:"why" itsm:"text"`
	By    itsm.PersonID `json:"by"`
	At    time.Time     `json:"at"`
	Under itsm.Ref      `json:"under,omitzero"`
}

// A Lock keeps an observed attribute as a person has set it.
type Lock struct {
	Attribute string        `json:"attribute"`
	By        itsm.PersonID `json:"by"`
	Until     time.Time     `json:"until"`
	Why       string        `json:"why" itsm:"text"`
}

// A Suspect is an item that may be the same one.
type Suspect struct {
	Item itsm.ID `json:"item"`
	Why  string  `json:"why" itsm:"text"` // what they share
}

// Absorbed is an item that turned out to be this one, with what identified it.
type Absorbed struct {
	Item itsm.ID  `json:"item"`
	Keys []string `json:"keys,omitempty"`
}

// A Triple is an item's state before, now, and as approved for the future.
type Triple struct {
	Previous State `json:"previous,omitempty"`
	Current  State `json:"current"`
	Planned  State `json:"planned,omitempty"` // after the earliest plan that moves it
	Plan     *Plan `json:"plan,omitempty"`    // that plan, or the earliest one that changes attributes only
}

// Triple returns the states before, now and to come. m is the lifecycle of the item.
func (i Item) Triple(m *Machine) Triple {
	t := Triple{Previous: i.Previous, Current: i.State}
	for k := range i.Plans {
		p := &i.Plans[k]
		if t.Plan == nil {
			t.Plan = p
		}
		if to, ok := m.Next(i.State, p.Step); ok && p.Step != "" {
			t.Planned, t.Plan = to, p
			break
		}
	}
	return t
}

// Controlled reports whether the item is under control: accepted and not gone, not merged into another, within scope.
func (i Item) Controlled() bool {
	switch i.State {
	case StateAccepted, StateLive, StateMaintenance, StateSuspended:
		return i.MergedInto == "" && i.Outside == nil
	}
	return false
}

// Gone reports whether the item is no longer one of its own: disposed of or merged into another.
func (i Item) Gone() bool { return i.State == StateDisposed || i.MergedInto != "" }

// Get returns the value of an attribute, no value when it has none.
func (i Item) Get(name string) itsm.Value {
	if v := i.find(name); v != nil {
		return v.Value
	}
	return itsm.Value{}
}

func (i *Item) find(name string) *Value {
	at, ok := slices.BinarySearchFunc(i.Attributes, name, func(v Value, name string) int { return cmp.Compare(v.Name, name) })
	if !ok {
		return nil
	}
	return &i.Attributes[at]
}

// Values returns the attributes that have a value, by name.
func (i Item) Values() map[string]itsm.Value {
	out := make(map[string]itsm.Value, len(i.Attributes))
	for _, v := range i.Attributes {
		if !v.Value.IsZero() {
			out[v.Name] = v.Value
		}
	}
	return out
}

// Related returns the items that current relations of a type lead to, sorted.
func (i Item) Related(relation string) []itsm.ID {
	var ids []itsm.ID
	for _, r := range i.Relations {
		if r.Type == relation && r.Current() {
			ids = append(ids, r.To)
		}
	}
	return ids
}

func (i *Item) relation(typ string, to itsm.ID) (int, bool) {
	return slices.BinarySearchFunc(i.Relations, Relation{Type: typ, To: to}, compareRelations)
}

func compareRelations(a, b Relation) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.To, b.To))
}

func (i *Item) incoming(typ string) (n int) {
	for _, in := range i.Incoming {
		if in.Type == typ {
			n++
		}
	}
	return n
}

func (i *Item) lock(attribute string, now time.Time) *Lock {
	for k := range i.Locks {
		if l := &i.Locks[k]; l.Attribute == attribute && now.Before(l.Until) {
			return l
		}
	}
	return nil
}

// keys returns what identifies the item, sorted: its strong identifiers, its label, and those of the items it has absorbed.
func (m *Model) keys(i *Item) []string {
	if i.Gone() {
		return nil
	}
	keys := m.identity(i.Class, i.Get)
	if i.Label.Code != "" {
		keys = append(keys, labelKey(i.Label.Code))
	}
	for _, a := range i.Absorbed {
		keys = append(keys, a.Keys...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func labelKey(code string) string { return "label|" + canonical(code) }

// identity returns the strong identifiers of an item of a class that has some values.
func (m *Model) identity(name string, value func(string) itsm.Value) (keys []string) {
	c := m.classes[name]
	if c == nil {
		return nil
	}
	for k := range c.identify {
		if id := &c.identify[k]; !id.Weak {
			if key, ok := m.key(id, value); ok {
				keys = append(keys, key)
			}
		}
	}
	return keys
}
