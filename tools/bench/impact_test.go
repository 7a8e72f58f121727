package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/traverse"

	"github.com/hospital-itsm/itsm/internal/shareddata"
)

// A network is a dependency graph as numbers: relation k says that from[k] depends on to[k].
type network struct {
	items    int
	from, to []uint32
	start    uint32 // whose dependents are asked for
}

// debian is the package graph of a distribution, unknown names included; asked are the dependents of libc6.
func debian(tb testing.TB) *network {
	n := &network{}
	number := map[string]uint32{}
	intern := func(id string) uint32 {
		i, ok := number[id]
		if !ok {
			i = uint32(n.items)
			number[strings.Clone(id)] = i
			n.items++
		}
		return i
	}
	rows := func(name string, use func(cells []string)) {
		s := bufio.NewScanner(shareddata.Open(tb, name))
		s.Buffer(nil, 1<<20)
		s.Scan() // the header
		for s.Scan() {
			use(strings.Split(s.Text(), "\t"))
		}
		if err := s.Err(); err != nil {
			tb.Fatal(err)
		}
	}
	rows("debian12-nodes.tsv.gz", func(cells []string) {
		if i := intern(cells[0]); cells[1] == "libc6" {
			n.start = i
		}
	})
	rows("debian12-edges.tsv.gz", func(cells []string) {
		n.from, n.to = append(n.from, intern(cells[0])), append(n.to, intern(cells[1]))
	})
	return n
}

func randomNetwork(items, relations int) *network {
	r := rand.New(rand.NewPCG(1, 2))
	n := &network{items: items}
	for range relations {
		n.from, n.to = append(n.from, r.Uint32N(uint32(items))), append(n.to, r.Uint32N(uint32(items)))
	}
	return n
}

func itemID(i uint32) itsm.ID { return itsm.ID(fmt.Sprintf("CI-%07d", i)) }

func (n *network) impact(tb testing.TB) *impact.Graph {
	var b impact.Builder
	for i := range n.items {
		if err := b.AddItem(itemID(uint32(i))); err != nil {
			tb.Fatal(err)
		}
	}
	for k := range n.from {
		if err := b.AddRelation(impact.Relation{From: itemID(n.from[k]), To: itemID(n.to[k]), Type: "depends_on"}); err != nil {
			tb.Fatal(err)
		}
	}
	return b.Graph()
}

// gonum has an edge from an item to each that depends on it, so that its search goes the same way. It takes no loops and no doubles.
func (n *network) gonum() *simple.DirectedGraph {
	g := simple.NewDirectedGraph()
	for i := range n.items {
		g.AddNode(simple.Node(i))
	}
	for k := range n.from {
		if n.from[k] != n.to[k] {
			g.SetEdge(simple.Edge{F: simple.Node(n.to[k]), T: simple.Node(n.from[k])})
		}
	}
	return g
}

func gonumReach(g *simple.DirectedGraph, start uint32) int {
	var search traverse.BreadthFirst
	reached := -1 // without the start
	search.Walk(g, simple.Node(start), nil)
	for i := range int64(g.Nodes().Len()) {
		if search.Visited(simple.Node(i)) {
			reached++
		}
	}
	return reached
}

// BenchmarkReachable measures one full reachability.
func BenchmarkReachable(b *testing.B) {
	for name, make := range map[string]func() *network{
		"debian": func() *network { return debian(b) },
		"100k":   func() *network { return randomNetwork(100_000, 400_000) },
	} {
		b.Run(name, func(b *testing.B) {
			n := make()
			mine, theirs := n.impact(b), n.gonum()
			q := impact.Query{Of: []itsm.ID{itemID(n.start)}}
			count, err := mine.Count(q)
			if err != nil {
				b.Fatal(err)
			}
			if want := gonumReach(theirs, n.start); count.Transitive != want {
				b.Fatalf("gonum reaches %d, impact %d", want, count.Transitive)
			}
			b.Run("impact", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := mine.Count(q); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("gonum", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var search traverse.BreadthFirst
					search.Walk(theirs, simple.Node(n.start), nil)
				}
			})
		})
	}
}
