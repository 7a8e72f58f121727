package discovery

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// An Observation is what a source saw of one thing.
type Observation struct {
	Source     string                `json:"source"` // name of the system, a code
	Key        string                `json:"key"`    // by which the source knows the thing
	Class      string                `json:"class"`
	Name       string                `json:"name,omitempty"`
	Values     map[string]itsm.Value `json:"values,omitempty"`
	At         time.Time             `json:"at"`
	Confidence int                   `json:"confidence,omitempty"` // percent
	Where      string                `json:"where,omitempty"`      // file and line, for people
}

func (o *Observation) compare(p *Observation) int {
	if c := cmp.Or(cmp.Compare(o.Source, p.Source), cmp.Compare(o.Key, p.Key), p.At.Compare(o.At)); c != 0 {
		return c
	}
	return cmp.Compare(o.content(), p.content())
}

// content is all that the observation says, so that of two that were made at one instant always the same one counts.
func (o *Observation) content() string {
	var b strings.Builder
	b.WriteString(o.Class + "\x00" + o.Name)
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		b.WriteString("\x00" + name + "=" + o.Values[name].Type().String() + o.Values[name].String())
	}
	return b.String()
}

// Newest returns the newest observation of each thing by each source, sorted by source and key.
func Newest(observations []Observation) []Observation {
	all := slices.Clone(observations)
	slices.SortFunc(all, func(a, b Observation) int { return a.compare(&b) })
	return slices.CompactFunc(all, func(a, b Observation) bool { return a.Source == b.Source && a.Key == b.Key })
}

// sightings returns what the observation says of attributes that its class has.
func (o *Observation) sightings() []config.Sighting {
	var out []config.Sighting
	for _, name := range slices.Sorted(maps.Keys(o.Values)) {
		out = append(out, config.Sighting{Attribute: name, Source: o.Source, Value: o.Values[name], At: itsm.Instant(o.At), Confidence: o.Confidence})
	}
	return out
}
