package sla

import (
	"maps"
	"slices"
)

// An Overlap names two definitions of one metric that can apply to one record without one being more specific, so that the
// tie rule has to decide between them.
type Overlap struct {
	Metric Metric `json:"metric"`
	First  string `json:"first"`  // key@version
	Second string `json:"second"` // key@version
	// Certain: neither has a condition besides For, so that records exist to which both apply. Otherwise their conditions may exclude each other.
	Certain bool `json:"certain,omitempty"`
}

// Overlaps returns the overlapping definitions, found when the catalog was made, in the order of the data.
func (c *Catalog) Overlaps() []Overlap { return slices.Clone(c.overlaps) }

func (c *Catalog) findOverlaps() {
	for _, m := range c.metrics {
		targets := c.byMetric[m]
		for i, x := range targets {
			for _, y := range targets[i+1:] {
				if x.Key != y.Key && x.level == y.level && x.Rank == y.Rank && x.together(y) && meet(x.For, y.For) {
					c.overlaps = append(c.overlaps, Overlap{m, x.Key + "@" + x.Version, y.Key + "@" + y.Version, x.When == "" && y.When == ""})
				}
			}
		}
	}
}

// meet reports whether a record can be in both scopes.
func meet(x, y map[string][]string) bool {
	for _, fact := range slices.Sorted(maps.Keys(x)) {
		other, both := y[fact]
		if both && !slices.ContainsFunc(x[fact], func(v string) bool { return slices.Contains(other, v) }) {
			return false
		}
	}
	return true
}
