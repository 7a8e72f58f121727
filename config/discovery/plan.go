package discovery

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// A Plan is what observations lead to. Every observation stands in exactly one of its lists, or was older than another of the same thing.
type Plan struct {
	Matches   []Match     `json:"matches,omitempty"`   // sorted by item
	New       []Newcomer  `json:"new,omitempty"`       // sorted by their first observation
	Ambiguous []Ambiguous `json:"ambiguous,omitempty"` // sorted by their first observation
	Blocked   []Blocked   `json:"blocked,omitempty"`   // sorted by observation
}

// A Match is an item that was seen.
type Match struct {
	Item        itsm.ID           `json:"item"`
	By          []string          `json:"by"`                    // identities that agree
	Seen        []Ref             `json:"seen"`                  // the observations
	Sightings   []config.Sighting `json:"-"`                     //
	Differences []Difference      `json:"differences,omitempty"` // of attributes under control, sorted
}

// A Ref names an observation.
type Ref struct {
	Source string `json:"source"`
	Key    string `json:"key"`
	Where  string `json:"where,omitempty"`
}

// A Difference is an attribute under control that is not as it is seen.
type Difference struct {
	Attribute string     `json:"attribute"`
	Have      itsm.Value `json:"have"`
	Seen      itsm.Value `json:"seen"`
	Source    string     `json:"source"` // that is believed
}

// A Newcomer is a thing that no item stands for.
type Newcomer struct {
	Class     string                `json:"class"`
	Name      string                `json:"name"`
	Values    map[string]itsm.Value `json:"values,omitempty"` // of attributes under control
	Seen      []Ref                 `json:"seen"`
	Sightings []config.Sighting     `json:"-"`
	System    string                `json:"system"` // the source that is believed about the name
}

// Ambiguous is a thing that may be one of several items, or several things.
type Ambiguous struct {
	Seen       []Ref       `json:"seen"`
	Candidates []Candidate `json:"candidates,omitempty"` // the likeliest first
	Why        string      `json:"why"`
}

// A Candidate is an item that a thing may be.
type Candidate struct {
	Item  itsm.ID  `json:"item"`
	Score int      `json:"score"` // 10 for each strong identifier that agrees, 1 for each weak one
	By    []string `json:"by"`
}

// Blocked is an observation that cannot be used.
type Blocked struct {
	Seen Ref      `json:"seen"`
	Why  []string `json:"why"`
}

// Reconcile plans what observations lead to. items are all there are.
func Reconcile(p *config.Process, items []config.Item, observations []Observation) *Plan {
	r := newRegister(p.Model(), items)
	plan := &Plan{}
	newest := Newest(observations)
	seen := make([]seenKeys, 0, len(newest))
	for i := range newest {
		o := &newest[i]
		keys, why := use(p.Model(), o)
		if len(why) > 0 {
			plan.Blocked = append(plan.Blocked, Blocked{ref(o), why})
			continue
		}
		seen = append(seen, seenKeys{o, keys})
	}
	for _, c := range clusters(seen) {
		r.place(p, plan, c)
	}
	slices.SortFunc(plan.Matches, func(a, b Match) int { return cmp.Compare(a.Item, b.Item) })
	return plan
}

func ref(o *Observation) Ref { return Ref{o.Source, o.Key, o.Where} }

// use returns what identifies the thing that was observed, or tells everything that keeps the observation from being used.
func use(m *config.Model, o *Observation) (keys []config.Key, why []string) {
	if o.Source == "" || len(o.Source) > 60 || strings.ContainsAny(o.Source, " \t\n") {
		why = append(why, "the source has no name that is a code")
	}
	if o.At.IsZero() {
		why = append(why, "it is not said when it was seen")
	}
	if c, ok := m.Class(o.Class); !ok || c.Abstract || c.Mixin {
		return nil, append(why, fmt.Sprintf("there is no class %q that items can have", o.Class))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		if err := m.CheckValue(o.Class, name, o.Values[name]); err != nil {
			why = append(why, err.Error())
		}
	}
	if keys = m.Keys(o.Class, o.Values); len(keys) == 0 {
		why = append(why, "nothing identifies it")
	}
	return keys, why
}

type seenKeys struct {
	*Observation
	keys []config.Key
}

// clusters puts observations together that share a strong identity, directly or through others.
func clusters(seen []seenKeys) [][]seenKeys {
	parent := make([]int, len(seen))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[string]int{}
	for i, s := range seen {
		for _, k := range s.keys {
			if k.Weak {
				continue
			}
			if j, there := first[k.Value]; there {
				a, b := find(i), find(j)
				parent[max(a, b)] = min(a, b)
			} else {
				first[k.Value] = i
			}
		}
	}
	var out [][]seenKeys
	place := map[int]int{}
	for i := range seen {
		root := find(i)
		at, there := place[root]
		if !there {
			at = len(out)
			place[root], out = at, append(out, nil)
		}
		out[at] = append(out[at], seen[i])
	}
	return out
}

// register finds items by what identifies them.
type register struct {
	items  map[itsm.ID]*config.Item
	strong map[string][]itsm.ID
	weak   map[string][]itsm.ID
	own    map[itsm.ID]map[string]string // identities of an item by identifier
}

func newRegister(m *config.Model, items []config.Item) *register {
	r := &register{items: map[itsm.ID]*config.Item{}, strong: map[string][]itsm.ID{}, weak: map[string][]itsm.ID{}, own: map[itsm.ID]map[string]string{}}
	for i := range items {
		item := &items[i]
		if item.Gone() {
			continue
		}
		r.items[item.ID] = item
		r.own[item.ID] = map[string]string{}
		for _, k := range m.Keys(item.Class, item.Values()) {
			if k.Weak {
				r.weak[k.Value] = append(r.weak[k.Value], item.ID)
			} else {
				r.strong[k.Value] = append(r.strong[k.Value], item.ID)
				r.own[item.ID][k.Identifier] = k.Value
			}
		}
		for _, a := range item.Absorbed {
			for _, key := range a.Keys {
				r.strong[key] = append(r.strong[key], item.ID)
			}
		}
	}
	return r
}

// place finds out what a cluster of observations is.
func (r *register) place(p *config.Process, plan *Plan, cluster []seenKeys) {
	var refs []Ref
	var sightings []config.Sighting
	strong := map[string][]string{} // identities by identifier
	weak := map[string]bool{}
	for _, s := range cluster {
		refs = append(refs, ref(s.Observation))
		sightings = append(sightings, s.sightings()...)
		for _, k := range s.keys {
			if k.Weak {
				weak[k.Value] = true
			} else if !slices.Contains(strong[k.Identifier], k.Value) {
				strong[k.Identifier] = append(strong[k.Identifier], k.Value)
			}
		}
	}
	candidates := r.candidates(strong, weak)
	ambiguous := func(why string) { plan.Ambiguous = append(plan.Ambiguous, Ambiguous{refs, candidates, why}) }
	byStrong := 0
	for _, c := range candidates {
		if c.Score >= 10 {
			byStrong++
		}
	}
	class := classOf(p.Model(), cluster)
	switch {
	case class == "":
		ambiguous("sources do not agree what it is: " + classes(cluster))
	case several(strong) != "":
		ambiguous("several things share an identity: they differ in " + several(strong))
	case byStrong > 1:
		ambiguous("several items are identified by what was seen")
	case byStrong == 1:
		item := r.items[candidates[0].Item]
		if id := r.contradicted(p.Model(), item, strong); id != "" {
			ambiguous("it agrees in " + strings.Join(candidates[0].By, ", ") + ", but not in the stronger " + id)
			return
		}
		if !p.Model().Is(item.Class, class) && !p.Model().Is(class, item.Class) {
			ambiguous("the item is a " + item.Class + ", seen was a " + class)
			return
		}
		plan.Matches = append(plan.Matches, match(p, item, candidates[0].By, refs, sightings))
	case len(candidates) > 0:
		ambiguous("only weak identifiers agree")
	case len(strong) == 0:
		for _, s := range cluster {
			plan.Blocked = append(plan.Blocked, Blocked{ref(s.Observation), []string{"only weak identifiers are known, and no item has them"}})
		}
	default:
		plan.New = append(plan.New, brandNew(p, class, cluster, refs, sightings))
	}
}

func (r *register) candidates(strong map[string][]string, weak map[string]bool) []Candidate {
	found := map[itsm.ID]*Candidate{}
	add := func(ids []itsm.ID, key string, score int) {
		for _, id := range ids {
			if found[id] == nil {
				found[id] = &Candidate{Item: id}
			}
			if c := found[id]; !slices.Contains(c.By, key) {
				c.Score, c.By = c.Score+score, append(c.By, key)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(strong)) {
		for _, key := range strong[id] {
			add(r.strong[key], key, 10)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(weak)) {
		add(r.weak[key], key, 1)
	}
	var out []Candidate
	for _, id := range slices.Sorted(maps.Keys(found)) {
		slices.Sort(found[id].By)
		out = append(out, *found[id])
	}
	slices.SortStableFunc(out, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	return out
}

// several names an identifier of which the observations have several identities.
func several(strong map[string][]string) string {
	for _, id := range slices.Sorted(maps.Keys(strong)) {
		if len(strong[id]) > 1 {
			return id
		}
	}
	return ""
}

// contradicted names an identifier of the item that stands before all that agree, and says something else.
func (r *register) contradicted(m *config.Model, item *config.Item, strong map[string][]string) string {
	for _, id := range m.Identifiers(item.Class) {
		have, seen := r.own[item.ID][id.Name], strong[id.Name]
		switch {
		case id.Weak || have == "" || len(seen) == 0:
		case slices.Contains(seen, have):
			return ""
		default:
			return id.Name
		}
	}
	return ""
}

// classOf returns the most special class of the observations, "" when they are not of one line.
func classOf(m *config.Model, cluster []seenKeys) string {
	class := cluster[0].Class
	for _, s := range cluster[1:] {
		switch {
		case m.Is(class, s.Class):
		case m.Is(s.Class, class):
			class = s.Class
		default:
			return ""
		}
	}
	return class
}

func classes(cluster []seenKeys) string {
	var names []string
	for _, s := range cluster {
		names = append(names, s.Class)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}

func match(p *config.Process, item *config.Item, by []string, refs []Ref, sightings []config.Sighting) Match {
	m := Match{Item: item.ID, By: by, Seen: refs}
	m.Sightings = make([]config.Sighting, 0, len(sightings))
	for _, s := range sightings {
		if _, has := p.Model().Attribute(item.Class, s.Attribute); has && !slices.ContainsFunc(item.Sightings, func(t config.Sighting) bool {
			return t.Attribute == s.Attribute && t.Source == s.Source && t.Value == s.Value && t.At.Equal(s.At) && t.Confidence == s.Confidence
		}) {
			m.Sightings = append(m.Sightings, s)
		}
	}
	beliefs := p.Weigh(item.Class, slices.Concat(item.Sightings, sightings))
	for _, name := range slices.Sorted(maps.Keys(beliefs)) {
		a, _ := p.Model().Attribute(item.Class, name)
		b := beliefs[name]
		if !a.Observed && !b.Value.IsZero() && b.Value != item.Get(name) {
			m.Differences = append(m.Differences, Difference{name, item.Get(name), b.Value, b.Source})
		}
	}
	return m
}

func brandNew(p *config.Process, class string, cluster []seenKeys, refs []Ref, sightings []config.Sighting) Newcomer {
	n := Newcomer{Class: class, Seen: refs, Sightings: sightings, Values: map[string]itsm.Value{}}
	for name, b := range p.Weigh(class, sightings) { //maporder: writes into a map
		if a, _ := p.Model().Attribute(class, name); !a.Observed && !b.Value.IsZero() {
			n.Values[name] = b.Value
		}
	}
	newest := cluster[0]
	for _, s := range cluster[1:] {
		if s.Name != "" && (newest.Name == "" || s.At.After(newest.At)) {
			newest = s
		}
	}
	if n.Name = newest.Name; n.Name == "" {
		n.Name = newest.Key
	}
	n.System = newest.Source
	return n
}
