package impact

import (
	"sync"
	"sync/atomic"

	"github.com/hospital-itsm/itsm"
)

// A Live is a graph that follows events: what changes is applied, and readers take the snapshot of the moment. It is safe for concurrent use;
// readers wait for nobody, and what they hold does not change under them.
//
// Changes are applied exactly as often as they are given. Who reads them from a journal keeps the position up to which they were applied
// together with the graph: see [Live.ApplyAt].
type Live struct {
	write sync.Mutex
	now   atomic.Pointer[moment]
}

type moment struct {
	graph    *Graph
	position itsm.Position
}

// Follow returns a Live that begins with a graph, as it was at a position of a journal; nil and "" for none.
func Follow(g *Graph, at itsm.Position) *Live {
	if g == nil {
		g = new(Graph)
	}
	l := &Live{}
	l.now.Store(&moment{g, at})
	return l
}

// Graph returns the graph of the moment.
func (l *Live) Graph() *Graph { return l.now.Load().graph }

// Position returns the graph of the moment, and the position up to which the journal is in it.
func (l *Live) Position() (*Graph, itsm.Position) {
	m := l.now.Load()
	return m.graph, m.position
}

// Apply applies changes, all or none: see [Graph.Apply].
func (l *Live) Apply(changes ...Change) error {
	l.write.Lock()
	defer l.write.Unlock()
	_, at := l.Position()
	return l.apply(at, changes)
}

// ApplyAt applies changes that stand at a position of the journal behind another, and moves on to it. When the graph is not at that other
// position, because somebody else applied the entry already, nothing happens and it returns false.
func (l *Live) ApplyAt(after, at itsm.Position, changes ...Change) (bool, error) {
	l.write.Lock()
	defer l.write.Unlock()
	if _, now := l.Position(); now != after {
		return false, nil
	}
	if err := l.apply(at, changes); err != nil {
		return false, err
	}
	return true, nil
}

func (l *Live) apply(at itsm.Position, changes []Change) error {
	g, err := l.Graph().Apply(changes...)
	if err == nil {
		l.now.Store(&moment{g, at})
	}
	return err
}
