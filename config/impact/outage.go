package impact

import (
	"cmp"
	"iter"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A State says how an item fares. States are ordered: see [State.Worse].
type State string

const (
	Up       State = "up"
	AtRisk   State = "at_risk"  // it has all it needs, but something it depends on, at any distance, is degraded
	Degraded State = "degraded" // a group of its own has lost a member, and what is left is enough
	Down     State = "down"
)

var states = []State{Up, AtRisk, Degraded, Down}

// Valid reports whether s is one of the states.
func (s State) Valid() bool { return slices.Contains(states, s) }

// Worse reports whether s is worse than t; [Down] is the worst.
func (s State) Worse(t State) bool { return slices.Index(states, s) > slices.Index(states, t) }

// A Scenario is what happens, or might.
type Scenario struct {
	Failed  []itsm.ID      // items that fail
	Already []itsm.ID      // items that were down before, as open tickets say: the second half of a cluster is felt only with the first
	Held    []itsm.ID      // items of which somebody says that they are not affected: they stay up, whatever they depend on, and carry nothing further
	Types   []RelationType // relations that carry failure; none: all
}

// An Effect is what a scenario does to an item.
type Effect struct {
	Item   itsm.ID `json:"item"`
	State  State   `json:"state"`
	Before State   `json:"before"` // with only the items that were down already
}

// An Outcome is what a scenario does. It is immutable and safe for concurrent use.
type Outcome struct {
	graph   *Graph
	mask    uint64
	failed  []uint32 // sorted by ID; also those that were down already
	held    []uint32
	effects []effect // sorted by number
}

type effect struct {
	item          uint32
	state, before uint8 // places in states
}

// Simulate computes what goes down, is degraded or comes into danger. The result is the least that follows from what failed:
// items in a cycle do not keep each other down. More failed items never make anything better. The error matches [itsm.ErrInvalid] and names
// all items that the graph does not have.
func (g *Graph) Simulate(s Scenario) (*Outcome, error) {
	c, err := g.resolve(&s)
	if err != nil {
		return nil, err
	}
	o := &Outcome{graph: g, mask: c.mask, held: c.held, failed: slices.Concat(c.already, c.failed)}
	slices.SortFunc(o.failed, g.compare)
	o.failed = slices.Compact(o.failed)
	o.effects = o.run(o.failed).states()
	if len(c.already) > 0 {
		before := o.run(c.already).states()
		for i := range o.effects {
			e := &o.effects[i]
			if at, ok := find(before, e.item); ok {
				e.before = before[at].state
			}
		}
	}
	return o, nil
}

func (o *Outcome) run(failed []uint32) *spread {
	s := o.graph.newSpread(o.mask, o.held)
	for _, i := range failed {
		s.fail(i)
	}
	s.run()
	return s
}

// states returns every item that is not up.
func (s *spread) states() []effect {
	var out []effect
	for _, i := range s.queue {
		out = append(out, effect{item: i, state: 3})
	}
	degraded := s.degraded()
	for _, i := range degraded {
		out = append(out, effect{item: i, state: 2})
	}
	threatened, _ := s.threatened(degraded)
	for _, i := range threatened {
		out = append(out, effect{item: i, state: 1})
	}
	slices.SortFunc(out, func(a, b effect) int { return cmp.Compare(a.item, b.item) })
	return out
}

func find(sorted []effect, i uint32) (int, bool) {
	return slices.BinarySearchFunc(sorted, i, func(e effect, i uint32) int { return cmp.Compare(e.item, i) })
}

// resolved is a scenario in numbers, each list without doubles.
type resolved struct {
	failed, already, held []uint32
	mask                  uint64
}

func (g *Graph) resolve(s *Scenario) (resolved, error) {
	var faults itsm.Reasons
	numbers := func(ids []itsm.ID) []uint32 {
		var out []uint32
		for _, id := range ids {
			if i, ok := g.find(string(id)); ok {
				out = append(out, i)
			} else {
				faults = append(faults, ErrNoItem.With("item", id))
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	c := resolved{numbers(s.Failed), numbers(s.Already), numbers(s.Held), g.mask(s.Types)}
	return c, faults.Err()
}

// State returns how an item fares, [Up] also for one that the graph does not have.
func (o *Outcome) State(id itsm.ID) State {
	if i, ok := o.graph.find(string(id)); ok {
		return o.state(i)
	}
	return Up
}

func (o *Outcome) state(i uint32) State {
	if at, ok := find(o.effects, i); ok {
		return states[o.effects[at].state]
	}
	return Up
}

// All yields every item that is not up: the worst first, then by ID. It can be ranged over more than once.
func (o *Outcome) All() iter.Seq[Effect] {
	return func(yield func(Effect) bool) {
		sorted := slices.Clone(o.effects)
		slices.SortFunc(sorted, func(a, b effect) int {
			return cmp.Or(cmp.Compare(b.state, a.state), o.graph.compare(a.item, b.item))
		})
		for _, e := range sorted {
			if !yield(Effect{o.graph.id(e.item), states[e.state], states[e.before]}) {
				return
			}
		}
	}
}

// Len returns how many items are in a state other than [Up].
func (o *Outcome) Len() int { return len(o.effects) }
