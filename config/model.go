package config

import (
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Schema is a class model as data: what can be a configuration item, what is recorded of it, and how items relate.
// [NewModel] checks it, [ParseModel] reads it from JSON.
type Schema struct {
	Version   string         `json:"version"`
	Classes   []Class        `json:"classes"`
	Relations []RelationType `json:"relations"`
	// Placeholders are values that identify nothing, such as what a maker leaves in place of a serial number. Case does not matter.
	Placeholders []string `json:"placeholders,omitempty"`
}

// A Class is a kind of configuration items. It has the attributes, identifiers and statuses of its parent and mix-ins too;
// what the class says itself comes first, then its mix-ins in their order, then its parent.
type Class struct {
	Name     string   `json:"name"` // lower_snake
	En       string   `json:"en,omitempty"`
	Zh       string   `json:"zh,omitempty"`
	Parent   string   `json:"parent,omitempty"`
	Mixins   []string `json:"mixins,omitempty"`
	Abstract bool     `json:"abstract,omitempty"` // no item is of the class itself
	Mixin    bool     `json:"mixin,omitempty"`    // only lends what it has; no item and no parent
	// Control says whether items of the class must or may be under control; "" is that of the parent, and must without one.
	Control    Control      `json:"control,omitempty"`
	Owner      string       `json:"owner,omitempty"` // the post that answers for the class; "" is that of the parent
	Attributes []Attribute  `json:"attributes,omitempty"`
	Identify   []Identifier `json:"identify,omitempty"` // the strongest first
	// Statuses lists, for a state of the lifecycle, what an item of the class can be in it; the first is what it is at first.
	// A state that is named here replaces that of the parent.
	Statuses map[State][]string `json:"statuses,omitempty"`
}

// A Control says how strictly items of a class belong under control.
type Control string

// The controls.
const (
	MustControl Control = "must" // an item leaves the scope only under an authority
	MayControl  Control = "may"  // an item leaves the scope for a reason
)

// An Attribute is something that is recorded of items.
type Attribute struct {
	Name     string               `json:"name"` // lower_snake
	En       string               `json:"en,omitempty"`
	Zh       string               `json:"zh,omitempty"`
	Type     string               `json:"type"`               // text, number, bool or time
	Required bool                 `json:"required,omitempty"` // before the item is accepted
	Unit     string               `json:"unit,omitempty"`     // of a number: "GB"
	Pattern  string               `json:"pattern,omitempty"`  // a text matches this regular expression (RE2) as a whole
	Choices  []string             `json:"choices,omitempty"`  // a text is one of them
	Min      *float64             `json:"min,omitempty"`      // a number is at least this
	Max      *float64             `json:"max,omitempty"`      // and at most this
	Level    itsm.Confidentiality `json:"level,omitempty"`    // an item below this level cannot have the attribute; defaults to internal
	Secret   bool                 `json:"secret,omitempty"`   // the value is only a reference to where the secret lies: "vault:…"
	// Observed attributes are what sources see them to be. All others are under control: they are written under an authority,
	// and what sources see is compared with them.
	Observed bool `json:"observed,omitempty"`
	// Sources lists the sources from the most to the least trusted; those that are not listed come last.
	Sources []string `json:"sources,omitempty"`
	// Stale is how much older than the newest sighting that of a more trusted source may be; 0 is for ever.
	Stale itsm.Duration `json:"stale,omitempty"`
}

// An Identifier is a set of attributes that together tell one item from all others.
type Identifier struct {
	Name       string   `json:"name"` // lower_snake
	Attributes []string `json:"attributes"`
	// Weak identifiers only propose: items that agree in nothing else are never taken for one.
	Weak bool `json:"weak,omitempty"`
}

// A RelationType says what a relation from one item to another means and which are allowed.
type RelationType struct {
	Name      string `json:"name"` // lower_snake, read from the first item to the second: "runs_on"
	En        string `json:"en,omitempty"`
	Zh        string `json:"zh,omitempty"`
	InverseEn string `json:"inverse_en,omitempty"` // read the other way
	InverseZh string `json:"inverse_zh,omitempty"`
	Ends      []Ends `json:"ends"` // between which classes, subclasses included
	// Out bounds how many items an item relates to by this type, In how many relate to it. Least numbers hold for items that are live.
	Out     Bound `json:"out,omitzero"`
	In      Bound `json:"in,omitzero"`
	Acyclic bool  `json:"acyclic,omitempty"` // following the relation never leads back
	// Impact says how a fault spreads: [Forward] relations hit the first item when the second fails.
	Impact Impact `json:"impact,omitempty"`
	// Contains marks that the first item is part of the second, rather than depending on it.
	Contains   bool        `json:"contains,omitempty"`
	Attributes []Attribute `json:"attributes,omitempty"` // of the relation
}

// Ends is a pair of classes that a relation may lead from and to.
type Ends struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// A Bound is the least and greatest number of relations at one end. A Max of 0 is any number.
type Bound struct {
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// An Impact is the direction in which a fault spreads over a relation.
type Impact string

// The directions.
const (
	NoImpact Impact = ""
	Forward  Impact = "forward"  // the first item depends on the second
	Backward Impact = "backward" // the second item depends on the first
)

// class is a class with all that it inherits.
type class struct {
	Class
	line       []string // itself, its parent, that one's parent …
	kin        []string // line and mix-ins, of which items are too
	attributes []Attribute
	identify   []identifier
}

// identifier is an identifier with the class that declares it, in which its values are unique.
type identifier struct {
	Identifier
	home string
}

// Version returns the version of the model.
func (m *Model) Version() string { return m.schema.Version }

// Schema returns the data that the model was made of. The copy belongs to the caller.
func (m *Model) Schema() Schema {
	s := m.schema
	s.Classes, s.Relations = slices.Clone(s.Classes), slices.Clone(s.Relations)
	return s
}

// Classes returns the names of all classes that items can have, sorted.
func (m *Model) Classes() []string {
	var names []string
	for i := range m.schema.Classes {
		if c := &m.schema.Classes[i]; !c.Abstract && !c.Mixin {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Class returns a class as it was declared, with control and owner filled in from its parents.
func (m *Model) Class(name string) (Class, bool) {
	c := m.classes[name]
	if c == nil {
		return Class{}, false
	}
	return c.Class, true
}

// Is reports whether items of a class belong to another: it is that class, or descends from it, or has it as a mix-in.
func (m *Model) Is(name, ancestor string) bool {
	c := m.classes[name]
	return c != nil && slices.Contains(c.kin, ancestor)
}

// Attributes returns all attributes of a class, inherited ones included, sorted by name.
func (m *Model) Attributes(name string) []Attribute {
	if c := m.classes[name]; c != nil {
		return slices.Clone(c.attributes)
	}
	return nil
}

// Attribute returns an attribute of a class, perhaps inherited.
func (m *Model) Attribute(class, name string) (Attribute, bool) {
	if a := m.attribute(class, name); a != nil {
		return *a, true
	}
	return Attribute{}, false
}

func (m *Model) attribute(class, name string) *Attribute {
	c := m.classes[class]
	if c == nil {
		return nil
	}
	at, ok := slices.BinarySearchFunc(c.attributes, name, func(a Attribute, name string) int { return compare(a.Name, name) })
	if !ok {
		return nil
	}
	return &c.attributes[at]
}

// Identifiers returns the identifiers of a class, the strongest first, inherited ones behind its own.
func (m *Model) Identifiers(class string) []Identifier {
	c := m.classes[class]
	if c == nil {
		return nil
	}
	out := make([]Identifier, len(c.identify))
	for i := range c.identify {
		out[i] = c.identify[i].Identifier
	}
	return out
}

// Relation returns a type of relations.
func (m *Model) Relation(name string) (RelationType, bool) {
	if r := m.relations[name]; r != nil {
		return *r, true
	}
	return RelationType{}, false
}

// Relations returns the types of relations in the order in which they were declared.
func (m *Model) Relations() []RelationType { return slices.Clone(m.schema.Relations) }

// Allows reports whether a relation of a type may lead from an item of one class to one of another.
func (m *Model) Allows(relation, from, to string) bool {
	r := m.relations[relation]
	return r != nil && slices.ContainsFunc(r.Ends, func(e Ends) bool { return m.Is(from, e.From) && m.Is(to, e.To) })
}

// Statuses returns what an item of a class can be in a state; none means that the class does not tell.
func (m *Model) Statuses(name string, s State) []string {
	c := m.classes[name]
	if c == nil {
		return nil
	}
	return c.Statuses[s]
}

// status returns what an item is at first in a state.
func (m *Model) status(class string, s State) string {
	if all := m.Statuses(class, s); len(all) > 0 {
		return all[0]
	}
	return ""
}
