package impact

import (
	"iter"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Query asks what can be reached from some items over relations.
type Query struct {
	Of        []itsm.ID      // where the search starts
	Direction Direction      // defaults to Dependents
	Types     []RelationType // of the relations to follow; none: all. A type that the graph does not have leads nowhere
	Depth     int            // most relations in a row; 0: no limit
}

// A Hit is an item that a search reached.
type Hit struct {
	Item     itsm.ID `json:"item"`
	Distance int     `json:"distance"` // relations on the shortest way from where the search started
}

// A Count sums up what a search reached. The items where it started are not counted.
type Count struct {
	Direct     int `json:"direct"`     // items at distance 1
	Transitive int `json:"transitive"` // items at any distance
	Unknown    int `json:"unknown"`    // of these, items that the graph knows only as an end of relations
	MaxHops    int `json:"max_hops"`   // greatest distance; 0 when nothing was reached
}

// run runs a query. The scratch has to be given back.
func (g *Graph) run(q *Query) (*scratch, error) {
	var faults itsm.Reasons
	if len(q.Of) == 0 {
		faults = append(faults, ErrNothing.With())
	}
	if q.Depth < 0 {
		faults = append(faults, ErrDepth.With("depth", q.Depth))
	}
	s := g.borrow()
	s.begin(g)
	for _, id := range q.Of {
		if i, ok := g.find(string(id)); ok {
			s.origin(i)
		} else {
			faults = append(faults, ErrNoItem.With("item", id))
		}
	}
	if len(faults) > 0 {
		g.giveBack(s)
		return nil, faults.Err()
	}
	g.search(s, q.Direction, g.mask(q.Types), q.Depth)
	return s, nil
}

// Count counts what a query reaches. It allocates nothing once it ran on the graph. The error matches [itsm.ErrInvalid] and names all
// items that the graph does not have.
func (g *Graph) Count(q Query) (Count, error) {
	s, err := g.run(&q)
	if err != nil {
		return Count{}, err
	}
	c := count(s)
	for _, i := range s.found() {
		if !g.isKnown(i) {
			c.Unknown++
		}
	}
	g.giveBack(s)
	return c, nil
}

func count(s *scratch) Count {
	c := Count{Transitive: len(s.found()), MaxHops: len(s.ends) - 1}
	if c.MaxHops > 0 {
		c.Direct = int(s.ends[1] - s.ends[0])
	}
	return c
}

// Visit calls a function for every item that a query reaches, nearest first, until it returns false. The order among
// items of one distance is not specified. Nothing is locked meanwhile. The error is that of [Graph.Count].
func (g *Graph) Visit(q Query, visit func(item itsm.ID, distance int) bool) error {
	s, err := g.run(&q)
	if err != nil {
		return err
	}
	defer g.giveBack(s)
	for d := 1; d < len(s.ends); d++ {
		for _, i := range s.queue[s.ends[d-1]:s.ends[d]] {
			if !visit(g.id(i), d) {
				return nil
			}
		}
	}
	return nil
}

// A Reach is all that a query reaches. It is immutable and safe for concurrent use.
type Reach struct {
	graph *Graph
	side  Direction
	mask  uint64
	count Count
	items []uint32 // by distance, then number
	ends  []uint32 // where in items each distance ends
}

// Reach runs a query and keeps what it reaches. The error is that of [Graph.Count].
func (g *Graph) Reach(q Query) (*Reach, error) {
	s, err := g.run(&q)
	if err != nil {
		return nil, err
	}
	defer g.giveBack(s)
	r := &Reach{graph: g, side: q.Direction, mask: g.mask(q.Types), count: count(s)}
	r.items = slices.Clone(s.queue[:s.ends[len(s.ends)-1]])
	r.ends = slices.Clone(s.ends)
	for d := range r.ends {
		slices.Sort(r.level(d))
	}
	for _, i := range s.found() {
		if !g.isKnown(i) {
			r.count.Unknown++
		}
	}
	return r, nil
}

// level returns the items at a distance, sorted by number.
func (r *Reach) level(d int) []uint32 {
	if d == 0 {
		return r.items[:r.ends[0]]
	}
	return r.items[r.ends[d-1]:r.ends[d]]
}

// Count returns the figures.
func (r *Reach) Count() Count { return r.count }

// All yields what was reached, without the items where the search started, sorted by distance, then ID. It can be ranged over
// more than once.
func (r *Reach) All() iter.Seq[Hit] {
	return func(yield func(Hit) bool) {
		for d := 1; d < len(r.ends); d++ {
			for _, i := range r.sorted(d) {
				if !yield(Hit{r.graph.id(i), d}) {
					return
				}
			}
		}
	}
}

// sorted returns the items at a distance, sorted by ID.
func (r *Reach) sorted(d int) []uint32 {
	level := r.level(d)
	if n := len(level); n > 0 && level[n-1] >= r.graph.root().n { // numbers of the base are in order
		level = slices.Clone(level)
		slices.SortFunc(level, r.graph.compare)
	}
	return level
}

// Distance returns how many relations an item is away: 0 for those where the search started, false for what was not reached.
func (r *Reach) Distance(id itsm.ID) (int, bool) {
	i, ok := r.graph.find(string(id))
	if !ok {
		return 0, false
	}
	return r.distance(i)
}

func (r *Reach) distance(i uint32) (int, bool) {
	for d := range r.ends {
		if within(r.level(d), i) {
			return d, true
		}
	}
	return 0, false
}

// Chain explains a hit: the relations of a shortest way from where the search started to the item, as they stand in the graph, so each with
// the dependent item as From. Of several ways it is the one with the smallest IDs, seen from the item. It is empty for an item where the search started,
// false for what was not reached.
func (r *Reach) Chain(id itsm.ID) ([]Relation, bool) {
	g := r.graph
	i, ok := g.find(string(id))
	if !ok {
		return nil, false
	}
	d, ok := r.distance(i)
	if !ok {
		return nil, false
	}
	chain := make([]Relation, d)
	var buf []edge
	back := r.side.opposite()
	for ; d > 0; d-- {
		best, found := edge(0), false
		level := r.level(d - 1)
		for _, e := range g.row(back, i, &buf) {
			if e.in(r.mask) && within(level, e.item()) && (!found || g.compareEdges(e, best) < 0) {
				best, found = e, true
			}
		}
		chain[d-1] = g.relation(back, i, best)
		i = best.item()
	}
	return chain, true
}
