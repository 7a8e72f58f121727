//go:build !race

package impact_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

// The race detector empties pools at random.

func TestCountDoesNotAllocate(t *testing.T) {
	n := random(2000, 8000)
	g := n.build(t)
	q := impact.Query{Of: n.ids[:1], Types: []impact.RelationType{"runs_on", "linked_to"}}
	visit := func(itsm.ID, int) bool { return true }
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := g.Count(q); err != nil {
			t.Error(err)
		}
		if err := g.Visit(q, visit); err != nil {
			t.Error(err)
		}
	})
	assert.Less(t, allocations, 1.0, "a collection may empty the pool now and then")
}
