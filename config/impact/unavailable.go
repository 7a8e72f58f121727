package impact

import (
	"errors"
	"maps"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// maxTrials bounds the work of [Graph.Unavailability].
const maxTrials = 1 << 13

// Unavailability returns the probability, 0 to 1, that a service is down, when each item fails by itself with a given probability and
// independently of the others. Items in s.Failed or s.Already are down for sure, held ones never fail. The result is exact but for
// rounding: an item that could cost a group a member is taken as failed and as working in turn, until single points of failure alone
// are left, whose probabilities combine as in a series.
//
// The error matches [itsm.ErrInvalid] when an item is not in the graph or a probability is not between 0 and 1, and is [ErrTangled] when
// that would take too many trials: every further group behind the service about doubles them, so a dozen is the limit.
func (g *Graph) Unavailability(service itsm.ID, s Scenario, probability func(itsm.ID) float64) (float64, error) {
	w, err := g.weakness(service, &s)
	if errors.Is(err, ErrDown) {
		return 1, nil
	}
	if err != nil || w.held.has(w.service) {
		return 0, err
	}
	c := &chance{weakness: w, fails: map[uint32]float64{}}
	var faults itsm.Reasons
	for _, i := range append(slices.Clone(w.near), w.service) {
		switch p := probability(g.id(i)); {
		case !(p >= 0 && p <= 1): // also when it is not a number
			faults = append(faults, ErrProbability.With("item", g.id(i), "probability", p))
		case p > 0:
			c.fails[i] = p
		}
	}
	if len(faults) > 0 {
		return 0, faults.Err()
	}
	up := c.up()
	if c.trials > maxTrials {
		return 0, itsm.Reasons{ErrTangled.With("item", service, "most", maxTrials)}
	}
	return 1 - up, nil
}

// A chance computes how likely a service is up.
type chance struct {
	*weakness
	fails  map[uint32]float64 // what is not decided yet; all in near, or the service
	trials int
}

// up returns the probability that the service stays up.
func (c *chance) up() float64 {
	if c.trials++; c.trials > maxTrials {
		return 0
	}
	// What is fatal alone has to work.
	all := 1.0
	decided := map[uint32]float64{}
	for _, i := range append(c.singles(), c.service) {
		if p, open := c.fails[i]; open {
			all *= 1 - p
			decided[i] = p
			delete(c.fails, i)
		}
	}
	if i, ok := c.pivot(); ok && all > 0 {
		p := c.fails[i]
		delete(c.fails, i)
		works := c.up()
		at := c.here()
		c.fail(i)
		c.settle()
		lost := c.up()
		c.back(at)
		c.fails[i] = p
		all *= (1-p)*works + p*lost
	}
	maps.Copy(c.fails, decided)
	return all
}

// pivot returns an item that is not decided and whose failure would cost a group a member; false when no failure can matter any more.
func (c *chance) pivot() (uint32, bool) {
	at := c.here()
	defer c.back(at)
	for _, i := range c.near {
		if _, open := c.fails[i]; open {
			c.fail(i)
		}
	}
	if !c.reaches(&c.fatal) {
		return 0, false
	}
	c.back(at)
	for _, i := range c.near {
		if _, open := c.fails[i]; !open || c.down.has(i) {
			continue
		}
		c.fail(i)
		c.settle()
		touched := len(c.lost) > at.lost
		c.back(at)
		if touched {
			return i, true
		}
	}
	return 0, false
}
