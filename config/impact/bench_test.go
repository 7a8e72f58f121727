package impact_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
	"github.com/hospital-itsm/itsm/internal/shareddata"
)

// A wire is a relation between numbers.
type wire struct {
	from, to uint32
	kind     impact.RelationType
}

// A network is a graph as numbers, to be built in several ways.
type network struct {
	ids   []itsm.ID
	known int
	wires []wire
}

func (n *network) build(t testing.TB) *impact.Graph {
	var b impact.Builder
	for _, id := range n.ids[:n.known] {
		require.NoError(t, b.AddItem(id))
	}
	for _, w := range n.wires {
		if err := b.AddRelation(impact.Relation{From: n.ids[w.from], To: n.ids[w.to], Type: w.kind}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Graph()
}

// bare is the least that answers the same question: who depends on an item.
type bare struct {
	start, edges []uint32
	mark, queue  []uint32
	epoch        uint32
}

func (n *network) bare() *bare {
	b := &bare{start: make([]uint32, len(n.ids)+1), edges: make([]uint32, len(n.wires)), mark: make([]uint32, len(n.ids)), queue: make([]uint32, len(n.ids))}
	for _, w := range n.wires {
		b.start[w.to+1]++
	}
	for i := range n.ids {
		b.start[i+1] += b.start[i]
	}
	next := slices.Clone(b.start)
	for _, w := range n.wires {
		b.edges[next[w.to]] = w.from
		next[w.to]++
	}
	return b
}

func (b *bare) reach(from uint32) int {
	b.epoch++
	b.mark[from] = b.epoch
	b.queue[0] = from
	head, tail := 0, 1
	for head < tail {
		u := b.queue[head]
		head++
		for _, v := range b.edges[b.start[u]:b.start[u+1]] {
			if b.mark[v] != b.epoch {
				b.mark[v] = b.epoch
				b.queue[tail] = v
				tail++
			}
		}
	}
	return tail - 1
}

// random is a network of random relations.
func random(items, relations int) *network {
	r := rand.New(rand.NewPCG(1, 2))
	n := &network{known: items}
	for i := range items {
		n.ids = append(n.ids, itsm.ID(fmt.Sprintf("CI-%07d", i)))
	}
	kinds := []impact.RelationType{"depends_on", "runs_on", "linked_to"}
	for range relations {
		n.wires = append(n.wires, wire{r.Uint32N(uint32(items)), r.Uint32N(uint32(items)), kinds[r.IntN(3)]})
	}
	return n
}

// debian is the package graph of a distribution, and the number of libc6 in it.
func debian(t testing.TB) (*network, uint32) {
	n := &network{}
	number := map[string]uint32{}
	intern := func(id string) uint32 {
		i, ok := number[id]
		if !ok {
			i = uint32(len(n.ids))
			number[id] = i
			n.ids = append(n.ids, itsm.ID(strings.Clone(id)))
		}
		return i
	}
	libc := uint32(0)
	lines(t, "debian12-nodes.tsv.gz", func(cells []string) {
		if i := intern(cells[0]); cells[1] == "libc6" {
			libc = i
		}
	})
	n.known = len(n.ids)
	lines(t, "debian12-edges.tsv.gz", func(cells []string) {
		n.wires = append(n.wires, wire{intern(cells[0]), intern(cells[1]), impact.RelationType(strings.Clone(cells[2]))})
	})
	return n, libc
}

// lines calls a function with the cells of each row behind the header of a file of the shared data.
func lines(t testing.TB, name string, use func(cells []string)) {
	s := bufio.NewScanner(shareddata.Open(t, name))
	s.Buffer(nil, 1<<20)
	require.True(t, s.Scan())
	for s.Scan() {
		use(strings.Split(s.Text(), "\t"))
	}
	require.NoError(t, s.Err())
}

func networks(b *testing.B, use func(b *testing.B, n *network, from uint32)) {
	b.Run("debian", func(b *testing.B) {
		n, libc := debian(b)
		use(b, n, libc)
	})
	b.Run("1M", func(b *testing.B) { use(b, random(1_000_000, 4_000_000), 7) })
}

// BenchmarkReach measures one full reachability: a bare search over numbers, counting, counting after changes, and a kept result.
func BenchmarkReach(b *testing.B) {
	networks(b, func(b *testing.B, n *network, from uint32) {
		least := n.bare()
		want := least.reach(from)
		g := n.build(b)
		q := impact.Query{Of: []itsm.ID{n.ids[from]}}
		b.Run("bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				least.reach(from)
			}
		})
		counting := func(b *testing.B, g *impact.Graph, q impact.Query) {
			b.ReportAllocs()
			for b.Loop() {
				if c, err := g.Count(q); err != nil || len(q.Types) == 0 && c.Transitive < want {
					b.Fatal(c, err)
				}
			}
		}
		b.Run("count", func(b *testing.B) { counting(b, g, q) })
		one := q
		one.Types = []impact.RelationType{n.wires[0].kind}
		b.Run("count one type", func(b *testing.B) { counting(b, g, one) })
		changed := g
		r := rand.New(rand.NewPCG(3, 4))
		for range 1000 {
			var err error
			changed, err = changed.Apply(impact.AddRelation{Relation: impact.Relation{From: n.ids[r.IntN(n.known)], To: n.ids[r.IntN(n.known)], Type: "new"}})
			require.NoError(b, err)
		}
		b.Run("count after 1000 changes", func(b *testing.B) { counting(b, changed, q) })
		compact := changed.Compact()
		b.Run("count after 1000 changes, compact", func(b *testing.B) { counting(b, compact, q) })
		b.Run("reach", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.Reach(q); err != nil {
					b.Fatal(err)
				}
			}
		})
		near := q
		near.Depth = 3
		near.Of = n.ids[n.known-1 : n.known]
		b.Run("count within 3", func(b *testing.B) {
			counting(b, g, impact.Query{Of: near.Of, Depth: 3, Types: []impact.RelationType{n.wires[0].kind}})
		})
	})
}

// BenchmarkChange measures one more relation: it costs the same for a graph of any size, and far less than building anew.
func BenchmarkChange(b *testing.B) {
	for _, items := range []int{1000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(items), func(b *testing.B) {
			n := random(items, 4*items)
			g := n.build(b)
			r := rand.New(rand.NewPCG(3, 4))
			b.Run("one", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := g.Apply(impact.AddRelation{Relation: impact.Relation{From: n.ids[r.IntN(items)], To: n.ids[r.IntN(items)], Type: "runs_on"}}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("in a row", func(b *testing.B) { // with what compacting costs now and then
				b.ReportAllocs()
				g := g
				for b.Loop() {
					var err error
					if g, err = g.Apply(impact.AddRelation{Relation: impact.Relation{From: n.ids[r.IntN(items)], To: n.ids[r.IntN(items)], Type: "runs_on"}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkMemory reports what graphs keep on the heap, beside a bare search in both directions, which answers no question about IDs or types.
func BenchmarkMemory(b *testing.B) {
	networks(b, func(b *testing.B, n *network, from uint32) {
		const mb = 1 << 20
		before := heap()
		least := [2]*bare{n.bare(), n.bare()}
		numbers := float64(heap() - before)
		runtime.KeepAlive(least)
		least = [2]*bare{}
		before = heap()
		g := n.build(b)
		if _, err := g.Count(impact.Query{Of: n.ids[from : from+1]}); err != nil {
			b.Fatal(err)
		}
		ours := float64(heap() - before)
		runtime.KeepAlive(g)
		runtime.KeepAlive(n)
		for b.Loop() {
			g.Len()
		}
		b.ReportMetric(ours/mb, "MB")
		b.ReportMetric(numbers/mb, "MB-bare")
		b.ReportMetric(ours/numbers, "x-bare")
	})
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkRedundancy measures questions about what goes down, on the package graph with its alternatives as redundancy.
func BenchmarkRedundancy(b *testing.B) {
	g, names := alternatives(b)
	service := names["gnome"]
	closure, err := g.Count(impact.Query{Of: []itsm.ID{service}, Direction: impact.Dependencies})
	require.NoError(b, err)
	run := func(name string, ask func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(closure.Transitive), "items-behind")
		})
	}
	libc := impact.Scenario{Failed: []itsm.ID{names["libc6"]}}
	run("simulate libc6", func() error { _, err := g.Simulate(libc); return err })
	down, err := g.Simulate(libc)
	require.NoError(b, err)
	run("explain", func() error { down.Explain(service); return nil })
	run("single points", func() error { _, err := g.SinglePoints(service, impact.Scenario{}); return err })
	run("cuts of two", func() error { _, err := g.Cuts(service, impact.Scenario{}, 2); return err })
}

// alternatives is the package graph with what packages depend on; of alternatives any one suffices.
func alternatives(t testing.TB) (*impact.Graph, map[string]itsm.ID) {
	var b impact.Builder
	names := map[string]itsm.ID{}
	lines(t, "debian12-nodes.tsv.gz", func(cells []string) {
		id := itsm.ID(strings.Clone(cells[0]))
		names[strings.Clone(cells[1])] = id
		require.NoError(t, b.AddItem(id))
	})
	groups := map[[3]string][]itsm.ID{}
	lines(t, "debian12-edges.tsv.gz", func(cells []string) {
		if cells[2] != "D" && cells[2] != "P" {
			return
		}
		r := impact.Relation{From: itsm.ID(cells[0]), To: itsm.ID(strings.Clone(cells[1])), Type: impact.RelationType(cells[2])}
		require.NoError(t, b.AddRelation(r))
		if key := [3]string{strings.Clone(cells[0]), cells[2], cells[3]}; cells[3] != "" && r.To != r.From && !slices.Contains(groups[key], r.To) {
			groups[key] = append(groups[key], r.To)
		}
	})
	for key, members := range groups {
		require.NoError(t, b.SetGroup(impact.AnyOf(itsm.ID(key[0]), key[1]+key[2], members...)))
	}
	return b.Graph(), names
}

// BenchmarkBuild measures building from a stream, and making a changed graph compact again.
func BenchmarkBuild(b *testing.B) {
	networks(b, func(b *testing.B, n *network, _ uint32) {
		b.Run("stream", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n.build(b)
			}
		})
		g, err := n.build(b).Apply(impact.RemoveItem{Item: n.ids[0]}, impact.AddItem{Item: "new"})
		require.NoError(b, err)
		b.Run("compact", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g.Compact()
			}
		})
	})
}
