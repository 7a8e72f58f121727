package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Sighting is what a source saw of one attribute of an item. Sightings are evidence, not configuration: they decide what
// observed attributes are, and everything else is compared with them. Of each source the newest ones of an attribute are kept,
// so what an item knows does not depend on the order in which sightings arrive.
type Sighting struct {
	Attribute  string     `json:"attribute"`
	Source     string     `json:"source"` // name of the system
	Value      itsm.Value `json:"value"`
	At         time.Time  `json:"at"`                   // when the source saw it
	Confidence int        `json:"confidence,omitempty"` // percent; 0 when the source does not say
}

const (
	keptSightings = 8  // of one attribute by one source
	maxSources    = 16 // of one attribute
	maxSightings  = 500
)

func compareSightings(a, b Sighting) int {
	return cmp.Or(cmp.Compare(a.Attribute, b.Attribute), cmp.Compare(a.Source, b.Source), b.At.Compare(a.At), b.Value.Compare(a.Value), cmp.Compare(b.Confidence, a.Confidence))
}

// retain returns the sightings that are kept of two lists: for each attribute and source the newest, the newest first. It is
// commutative, associative and idempotent.
func retain(kept, more []Sighting) []Sighting {
	all := append(slices.Clone(kept), more...)
	slices.SortFunc(all, compareSightings)
	out := all[:0]
	run := 0
	for i, s := range all {
		if i > 0 && compareSightings(s, all[i-1]) == 0 {
			continue
		}
		if len(out) > 0 && out[len(out)-1].Attribute == s.Attribute && out[len(out)-1].Source == s.Source {
			run++
		} else {
			run = 1
		}
		if run <= keptSightings {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return slices.Clip(out)
}

// sightingsOf returns the sightings of one attribute, in the order of [compareSightings].
func sightingsOf(all []Sighting, attribute string) []Sighting {
	from, _ := slices.BinarySearchFunc(all, attribute, func(s Sighting, name string) int { return cmp.Compare(s.Attribute, name) })
	to := from
	for to < len(all) && all[to].Attribute == attribute {
		to++
	}
	return all[from:to]
}

// Belief is what the sightings of an attribute add up to.
type Belief struct {
	Value   itsm.Value
	Source  string    // that is believed
	Since   time.Time // the source has seen this value without a break, as far as is known
	Seen    time.Time // the source saw it last
	Changes int       // to and fro within the time that flapping is about
	Frozen  bool      // it flaps, and the value is the one from before
	Sources []string  // that saw it, sorted
}

// believe returns what the sightings of one attribute add up to: the most trusted source is believed, unless its newest sighting is
// staler than the newest of all by more than the attribute allows; of equally trusted sources the one that saw it last. While
// the attribute flaps, it is what it was before that began. The result depends on the set of sightings only.
func (p *Policy) believe(a *Attribute, seen []Sighting) (Belief, bool) {
	if len(seen) == 0 {
		return Belief{}, false
	}
	byTime := slices.Clone(seen)
	slices.SortFunc(byTime, func(x, y Sighting) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Source, y.Source), x.Value.Compare(y.Value), cmp.Compare(x.Confidence, y.Confidence))
	})
	var sources []string
	for _, s := range seen {
		if !slices.Contains(sources, s.Source) {
			sources = append(sources, s.Source)
		}
	}
	newest := byTime[len(byTime)-1].At
	from := newest.Add(-p.FlapWithin.Std())
	changes, first := 0, 0
	for i := 1; i < len(byTime); i++ {
		if byTime[i].Value != byTime[i-1].Value && byTime[i].At.After(from) {
			if changes == 0 {
				first = i
			}
			changes++
		}
	}
	frozen := p.FlapChanges > 0 && changes >= p.FlapChanges
	if frozen {
		byTime = byTime[:first]
	}
	b := p.choose(a, byTime)
	b.Changes, b.Frozen, b.Sources = changes, frozen, sources
	return b, true
}

// choose believes one of the sources. The sightings are in the order of their times and there is one at least.
func (p *Policy) choose(a *Attribute, byTime []Sighting) Belief {
	newest := byTime[len(byTime)-1].At
	var best *Sighting
	bestTrust := 0
	for i := len(byTime) - 1; i >= 0; i-- {
		s := &byTime[i]
		if a.Stale > 0 && newest.Sub(s.At) > a.Stale.Std() {
			break
		}
		if trust := p.trust(a, s.Source); best == nil || trust < bestTrust {
			best, bestTrust = s, trust
		}
	}
	b := Belief{Value: best.Value, Source: best.Source, Since: best.At, Seen: best.At}
	for i := len(byTime) - 1; i >= 0; i-- { // back through the unbroken run
		if s := &byTime[i]; s.Source == best.Source && !s.At.After(best.At) {
			if s.Value != best.Value {
				break
			}
			b.Since = s.At
		}
	}
	return b
}

// trust returns the place of a source among those of an attribute, or else of the policy; smaller is more.
func (p *Policy) trust(a *Attribute, source string) int {
	order := a.Sources
	if len(order) == 0 {
		order = p.Sources
	}
	if at := slices.Index(order, source); at >= 0 {
		return at
	}
	return len(order)
}

// Believe returns what sources make of an attribute of an item, and whether any has seen it.
func (p *Process) Believe(i Item, attribute string) (Belief, bool) {
	a := p.model.attribute(i.Class, attribute)
	if a == nil {
		return Belief{}, false
	}
	return p.policy.believe(a, sightingsOf(i.Sightings, attribute))
}

// observe returns the observed attributes of an item as its sightings have them, and which of them flap. An attribute that is
// locked stays as it is.
func (p *Process) observe(i *Item, now time.Time) (values []Value, frozen []string) {
	for at := 0; at < len(i.Sightings); {
		name := i.Sightings[at].Attribute
		seen := sightingsOf(i.Sightings, name)
		at += len(seen)
		a := p.model.attribute(i.Class, name)
		if a == nil {
			continue
		}
		b, _ := p.policy.believe(a, seen)
		if b.Frozen {
			frozen = append(frozen, name)
		}
		if !a.Observed || i.lock(name, now) != nil {
			continue
		}
		v := Value{Name: name, Value: b.Value, Since: b.Since, Observed: b.Seen, Source: Source{Kind: Discovery, System: b.Source}}
		if old := i.find(name); old == nil || old.Value != v.Value || old.Source != v.Source || !old.Since.Equal(v.Since) || !old.Observed.Equal(v.Observed) {
			values = append(values, v)
		}
	}
	return values, frozen
}

// Weigh returns what sightings of one item add up to, by attribute, as an item of the class that had no others would have it.
func (p *Process) Weigh(class string, sightings []Sighting) map[string]Belief {
	out := map[string]Belief{}
	all := retain(nil, sightings)
	for at := 0; at < len(all); {
		seen := sightingsOf(all, all[at].Attribute)
		at += len(seen)
		if a := p.model.attribute(class, seen[0].Attribute); a != nil {
			out[a.Name], _ = p.policy.believe(a, seen)
		}
	}
	return out
}

// CheckValue reports what is wrong with a value of an attribute of a class.
func (m *Model) CheckValue(class, attribute string, v itsm.Value) error {
	a := m.attribute(class, attribute)
	if a == nil {
		return ruleAttribute.With("class", class, "field", attribute)
	}
	if r, ok := m.check(a, v); !ok {
		return r
	}
	return nil
}

// A Key is something that identifies an item.
type Key struct {
	Identifier string // name of the identifier
	Value      string // the identity: equal for what is the same
	Weak       bool
}

// Keys returns what identifies an item of a class that has some values, the strongest first. Identifiers of which a part is absent are left out.
func (m *Model) Keys(class string, values map[string]itsm.Value) (keys []Key) {
	c := m.classes[class]
	if c == nil {
		return nil
	}
	for i := range c.identify {
		if key, ok := m.key(&c.identify[i], func(name string) itsm.Value { return values[name] }); ok {
			keys = append(keys, Key{c.identify[i].Name, key, c.identify[i].Weak})
		}
	}
	return keys
}
