package baseline

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// A Difference is how one item differs between two pictures.
type Difference struct {
	Item    itsm.ID        `json:"item"`
	Kind    DifferenceKind `json:"kind"`
	Changes []FieldChange  `json:"changes,omitempty"` // sorted by field
}

// A DifferenceKind says how an item differs.
type DifferenceKind string

// The kinds of differences.
const (
	Added   DifferenceKind = "added"
	Removed DifferenceKind = "removed"
	Changed DifferenceKind = "changed"
)

// A FieldChange is one field that differs: "state", "value:memory", "relation:runs_on:CI-1", "document:dms:1". What is not there is "".
type FieldChange struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// Diff returns how the second picture differs from the first, sorted by item. Both must be sorted by item.
func Diff(a, b []Snapshot) []Difference {
	var out []Difference
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = cmp.Compare(a[0].Item, b[0].Item)
		}
		switch {
		case order < 0:
			out = append(out, Difference{Item: a[0].Item, Kind: Removed, Changes: changes(a[0].fields(), nil)})
			a = a[1:]
		case order > 0:
			out = append(out, Difference{Item: b[0].Item, Kind: Added, Changes: changes(nil, b[0].fields())})
			b = b[1:]
		default:
			if a[0].Digest != b[0].Digest {
				if c := changes(a[0].fields(), b[0].fields()); len(c) > 0 {
					out = append(out, Difference{Item: a[0].Item, Kind: Changed, Changes: c})
				}
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// Inverse returns the difference seen from the other side.
func (d Difference) Inverse() Difference {
	kind := map[DifferenceKind]DifferenceKind{Added: Removed, Removed: Added, Changed: Changed}[d.Kind]
	out := Difference{Item: d.Item, Kind: kind, Changes: slices.Clone(d.Changes)}
	for i, c := range out.Changes {
		out.Changes[i] = FieldChange{c.Field, c.New, c.Old}
	}
	return out
}

// fields returns what a snapshot says, by field. The version of the record says nothing.
func (s *Snapshot) fields() map[string]string {
	f := map[string]string{"class": s.Class, "name": s.Name, "state": string(s.State)}
	if s.Label != "" {
		f["label"] = s.Label
	}
	if s.Status != "" {
		f["status"] = s.Status
	}
	for name, v := range s.Values { //maporder: writes into a map
		f["value:"+name] = v.Type().String() + " " + v.String()
	}
	for _, r := range s.Relations {
		f["relation:"+r.Type+":"+string(r.To)] = string(r.To)
	}
	for ref, version := range s.Documents { //maporder: writes into a map
		f["document:"+ref] = version
	}
	return f
}

func changes(a, b map[string]string) []FieldChange {
	var out []FieldChange
	for field, old := range a { //maporder: sorted below
		if b[field] != old {
			out = append(out, FieldChange{field, shown(old), shown(b[field])})
		}
	}
	for field, now := range b { //maporder: sorted below
		if _, both := a[field]; !both {
			out = append(out, FieldChange{field, "", shown(now)})
		}
	}
	slices.SortFunc(out, func(x, y FieldChange) int { return cmp.Compare(x.Field, y.Field) })
	return out
}

// shown takes the type off a value. It stands before it so that 1 and "1" differ.
func shown(v string) string {
	for _, t := range []itsm.ValueType{itsm.BoolValue, itsm.NumberValue, itsm.TimeValue, itsm.TextValue} {
		if rest, ok := strings.CutPrefix(v, t.String()+" "); ok {
			return rest
		}
	}
	return v
}

// A Cause says why an item is not as it was frozen.
type Cause string

// The causes. Each drift has exactly one.
const (
	Authorised     Cause = "authorised"      // it was written under an authority since, and sources do not say otherwise
	Pending        Cause = "pending"         // it is what an approved change will make of it
	Unauthorised   Cause = "unauthorised"    // sources see what nobody has approved
	DiscoveryError Cause = "discovery_error" // what sources see cannot be right, is older than what was written, or changes to and fro
)

// A Deviation is one attribute, or the item as a whole, on which what was frozen, what was approved and what is seen do not agree.
type Deviation struct {
	Item      itsm.ID    `json:"item"`
	Attribute string     `json:"attribute,omitempty"` // "" for the item as a whole
	Baseline  itsm.Value `json:"baseline"`
	Approved  itsm.Value `json:"approved"`
	Observed  itsm.Value `json:"observed"` // none: no source has seen it
	Cause     Cause      `json:"cause"`
	Under     itsm.Ref   `json:"under,omitzero"` // the authority, where there is one
}

// Drift compares a baseline with the items as they are approved today and with what sources see, sorted by item and attribute.
// Attributes that are nothing but what sources see cannot drift. items must be sorted by ID.
func Drift(p *config.Process, base []Snapshot, items []config.Item) []Deviation {
	var out []Deviation
	for i := range base {
		b := &base[i]
		at, there := slices.BinarySearchFunc(items, b.Item, func(i config.Item, id itsm.ID) int { return cmp.Compare(i.ID, id) })
		if !there || items[at].Gone() {
			d := Deviation{Item: b.Item, Baseline: itsm.TextOf(b.State), Cause: Authorised}
			if there {
				d.Approved, d.Under = itsm.TextOf(items[at].State), items[at].Under
			}
			out = append(out, d)
			continue
		}
		item := &items[at]
		for _, a := range p.Model().Attributes(item.Class) {
			if a.Observed {
				continue
			}
			if d, drifts := drift(p, b, item, &a); drifts {
				out = append(out, d)
			}
		}
	}
	return out
}

func drift(p *config.Process, b *Snapshot, item *config.Item, a *config.Attribute) (Deviation, bool) {
	d := Deviation{Item: item.ID, Attribute: a.Name, Baseline: b.Values[a.Name], Approved: item.Get(a.Name)}
	belief, seen := p.Believe(*item, a.Name)
	if seen {
		d.Observed = belief.Value
	}
	var written time.Time
	for _, v := range item.Attributes {
		if v.Name == a.Name {
			d.Under, written = v.Under, v.Since
		}
	}
	switch {
	case !seen || d.Observed == d.Approved:
		d.Cause = Authorised
		return d, d.Baseline != d.Approved
	case belief.Frozen || belief.Seen.Before(written):
		d.Cause = DiscoveryError
	default:
		d.Cause, d.Under = Unauthorised, itsm.Ref{}
		for _, plan := range item.Plans {
			if v, planned := plan.Attributes[a.Name]; planned && v == d.Observed {
				d.Cause, d.Under = Pending, plan.Under
			}
		}
	}
	return d, true
}
