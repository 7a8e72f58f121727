package release

import (
	"slices"
	"strings"
	"time"
)

// A graph holds, for each of some named nodes, the nodes that come before it.
type graph struct {
	names  []string
	before [][]int
}

func newGraph(n int, name func(int) string, after func(int) []string) graph {
	g := graph{make([]string, n), make([][]int, n)}
	index := make(map[string]int, n)
	for i := range n {
		g.names[i] = name(i)
		if _, twice := index[g.names[i]]; !twice {
			index[g.names[i]] = i
		}
	}
	for i := range n {
		for _, a := range after(i) {
			if k, ok := index[a]; ok {
				g.before[i] = append(g.before[i], k)
			}
		}
	}
	return g
}

func (p *Plan) waveGraph() graph {
	return newGraph(len(p.Waves), func(i int) string { return p.Waves[i].Key }, func(i int) []string { return p.Waves[i].After })
}

func (p *Plan) unitGraph() graph {
	return newGraph(len(p.Units), func(i int) string { return p.Units[i].Key }, func(i int) []string { return p.Units[i].After })
}

// closure lists the nodes that come before i at any distance, in ascending order; i itself only when it is in a circle.
func (g graph) closure(i int) []int {
	seen := make([]bool, len(g.names))
	todo := slices.Clone(g.before[i])
	for len(todo) > 0 {
		k := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[k] {
			seen[k] = true
			todo = append(todo, g.before[k]...)
		}
	}
	var out []int
	for k, ok := range seen {
		if ok {
			out = append(out, k)
		}
	}
	return out
}

// circles returns for each set of nodes that come before each other one way around it, beginning with its first node.
func (g graph) circles() (all [][]int) {
	done := make([]bool, len(g.names))
	for i := range g.names {
		if done[i] || !slices.Contains(g.closure(i), i) {
			continue
		}
		// The shortest way from i back to i.
		from := map[int]int{}
		queue := []int{i}
	search:
		for len(queue) > 0 {
			n := queue[0]
			queue = queue[1:]
			for _, k := range g.before[n] {
				if k == i {
					circle := []int{n}
					for n != i {
						n = from[n]
						circle = append(circle, n)
					}
					slices.Reverse(circle)
					all = append(all, circle)
					break search
				}
				if _, seen := from[k]; !seen {
					from[k] = n
					queue = append(queue, k)
				}
			}
		}
		for _, k := range g.closure(i) {
			if slices.Contains(g.closure(k), i) {
				done[k] = true
			}
		}
	}
	return all
}

func circleText(g graph, circle []int) string {
	var b strings.Builder
	for _, i := range circle {
		b.WriteString(g.names[i] + " → ")
	}
	return b.String() + g.names[circle[0]]
}

// A step is a unit on a target.
type step struct{ ci, unit string }

// needs lists the steps that must be done before a unit can go onto a target: those on the target itself where it gets
// the unit's dependency, else all in the same wave and the waves before it.
func (p *Plan) needs(wave *Wave, t *Target, unit string) (steps []step) {
	u := p.Unit(unit)
	if u == nil {
		return nil
	}
	for _, need := range u.After {
		if slices.Contains(t.Units, need) {
			steps = append(steps, step{t.CI, need})
			continue
		}
		early := p.upTo(wave)
		for i := range p.Waves {
			if !early[i] {
				continue
			}
			for k := range p.Waves[i].Targets {
				if other := &p.Waves[i].Targets[k]; slices.Contains(other.Units, need) {
					steps = append(steps, step{other.CI, need})
				}
			}
		}
	}
	return steps
}

// upTo marks a wave and those before it.
func (p *Plan) upTo(wave *Wave) []bool {
	early := make([]bool, len(p.Waves))
	g := p.waveGraph()
	for i := range p.Waves {
		if &p.Waves[i] == wave {
			early[i] = true
			for _, k := range g.closure(i) {
				early[k] = true
			}
		}
	}
	return early
}

// pathLength returns how long the longest path through a wave takes, and how long the longest way back. Targets are worked on
// side by side as far as dependencies let them, the units of one target one after the other.
func (p *Plan) pathLength(w *Wave) (forward, back time.Duration) {
	order := p.unitOrder()
	type ends struct{ forward, back time.Duration }
	done := make(map[string]ends)   // by target
	byUnit := make(map[string]ends) // the latest of a unit anywhere in the wave
	for _, i := range order {
		u := &p.Units[i]
		var latest ends
		for k := range w.Targets {
			t := &w.Targets[k]
			if !slices.Contains(t.Units, u.Key) {
				continue
			}
			at := done[t.CI]
			for _, need := range u.After {
				if !slices.Contains(t.Units, need) {
					at.forward, at.back = max(at.forward, byUnit[need].forward), max(at.back, byUnit[need].back)
				}
			}
			at.forward += u.Takes.Std()
			at.back += u.Back.Std()
			done[t.CI] = at
			latest.forward, latest.back = max(latest.forward, at.forward), max(latest.back, at.back)
			forward, back = max(forward, at.forward), max(back, at.back)
		}
		byUnit[u.Key] = latest
	}
	return forward, back
}

// unitOrder lists the units so that each comes behind those it needs, else in the order of the plan. Units in and behind
// circles come last.
func (p *Plan) unitOrder() []int {
	g := p.unitGraph()
	placed := make([]bool, len(p.Units))
	order := make([]int, 0, len(p.Units))
	for moved := true; moved; {
		moved = false
		for i := range p.Units {
			if !placed[i] && !slices.ContainsFunc(g.before[i], func(k int) bool { return !placed[k] }) {
				placed[i], moved = true, true
				order = append(order, i)
			}
		}
	}
	for i, ok := range placed {
		if !ok {
			order = append(order, i)
		}
	}
	return order
}
