package impact

import (
	"cmp"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// An Explanation says why an item fares as it does.
type Explanation struct {
	Item   itsm.ID   `json:"item"`
	State  State     `json:"state"`
	Causes []itsm.ID `json:"causes"` // failed items that together suffice for this state, and of which none can be left out; sorted
	Steps  []Step    `json:"steps"`  // from the causes to the item, each after those that it follows from
}

// A Step is an item that the explanation passes, and why it is in its state.
type Step struct {
	Item   itsm.ID    `json:"item"`
	State  State      `json:"state"`
	Failed bool       `json:"failed,omitempty"` // it is one of the causes
	By     []Relation `json:"by,omitempty"`     // to the dependencies it suffers from; for a group to every member that is lost
	Group  string     `json:"group,omitempty"`  // the group that is short of members; "" when the dependency is needed by itself
	Need   int        `json:"need,omitempty"`   // weight that the group needs
	Left   int        `json:"left,omitempty"`   // weight of its members that are up
}

// Explain says why an item is in its state; false when it is up. With the same graph and scenario the explanation is always the same.
func (o *Outcome) Explain(id itsm.ID) (Explanation, bool) {
	i, ok := o.graph.find(string(id))
	if !ok || o.state(i) == Up {
		return Explanation{}, false
	}
	x := Explanation{Item: id, State: o.state(i)}
	causes := o.causes(i)
	for _, c := range causes {
		x.Causes = append(x.Causes, o.graph.id(c))
	}
	x.Steps = o.steps(i, causes)
	return x, true
}

// causes returns a smallest sufficient part of the failed items: none of it can be left out. QuickXplain (Junker, AAAI 2004)
// finds it in few trials; it prefers the last of the failed items as they are sorted.
func (o *Outcome) causes(i uint32) []uint32 {
	if len(o.failed) == 1 {
		return o.failed
	}
	// Only what the item depends on can matter.
	s := o.graph.borrow()
	s.begin(o.graph, i)
	o.graph.search(s, Dependencies, o.mask, 0)
	candidates := slices.DeleteFunc(slices.Clone(o.failed), func(f uint32) bool { return !s.seen.has(f) })
	o.graph.giveBack(s)

	worst := slices.Index(states, o.state(i))
	suffices := func(failed []uint32) bool {
		return o.reach(failed, i) >= worst
	}
	var part func(given []uint32, grown bool, from []uint32) []uint32
	part = func(given []uint32, grown bool, from []uint32) []uint32 {
		if grown && suffices(given) {
			return nil
		}
		if len(from) == 1 {
			return from
		}
		first, second := from[:len(from)/2], from[len(from)/2:]
		right := part(slices.Concat(given, first), true, second)
		left := part(slices.Concat(given, right), len(right) > 0, first)
		return slices.Concat(left, right)
	}
	return part(nil, false, candidates)
}

// reach returns the place among the states of an item when these items fail.
func (o *Outcome) reach(failed []uint32, i uint32) int {
	if s := o.run(failed).states(); len(s) > 0 {
		if at, ok := find(s, i); ok {
			return int(s[at].state)
		}
	}
	return 0
}

// A story is a spread in which it is known when each item went down or came into danger.
type story struct {
	*Outcome
	*spread
	wave   map[uint32]int // of the items that are down
	danger map[uint32]int // of the items that are degraded (0) or at risk
}

func (o *Outcome) steps(i uint32, causes []uint32) []Step {
	t := &story{Outcome: o, spread: o.run(causes), wave: map[uint32]int{}, danger: map[uint32]int{}}
	number(t.wave, t.queue, t.waves, 0)
	degraded := t.degraded()
	for _, d := range degraded {
		t.danger[d] = 0
	}
	threatened, waves := t.threatened(degraded)
	number(t.danger, threatened, waves, 1)

	var out []Step
	told := map[uint32]bool{i: true}
	for todo := []uint32{i}; len(todo) > 0; {
		j := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		step, from := t.step(j)
		out = append(out, step)
		for _, k := range from {
			if !told[k] {
				told[k] = true
				todo = append(todo, k)
			}
		}
	}
	slices.SortFunc(out, func(a, b Step) int {
		return cmp.Or(cmp.Compare(t.when(a.Item), t.when(b.Item)), cmp.Compare(a.Item, b.Item))
	})
	return out
}

// number notes for each item of a queue the wave it came with.
func number(in map[uint32]int, queue, waves []uint32, first int) {
	from := uint32(0)
	for w, end := range waves {
		for _, i := range queue[from:end] {
			in[i] = first + w
		}
		from = end
	}
}

// when orders items so that each comes after those it suffers from: first the ones that are down, then those in danger.
func (t *story) when(id itsm.ID) int {
	i, _ := t.g.find(string(id))
	if w, down := t.wave[i]; down {
		return w
	}
	return len(t.waves) + t.danger[i]
}

// step tells why an item is in its state, and because of which others.
func (t *story) step(i uint32) (Step, []uint32) {
	step := Step{Item: t.g.id(i), State: Down}
	w, down := t.wave[i]
	risk := t.danger[i]
	switch {
	case down && w == 0:
		step.Failed = true
		return step, nil
	case down:
		if by, ok := t.needed(i, w); ok {
			step.By = []Relation{t.g.relation(Dependencies, i, by)}
			return step, []uint32{by.item()}
		}
	case risk > 0:
		step.State = AtRisk
		by, _ := t.best(i, func(e edge) bool {
			d, ok := t.danger[e.item()]
			return ok && d == risk-1
		})
		step.By = []Relation{t.g.relation(Dependencies, i, by)}
		return step, []uint32{by.item()}
	default:
		step.State, w = Degraded, len(t.waves)
	}
	return t.short(step, i, w)
}

// needed returns the edge to the dependency, needed by itself, that took an item down in a wave.
func (t *story) needed(i uint32, w int) (edge, bool) {
	groups, _ := t.g.group.get(i)
	return t.best(i, func(e edge) bool {
		before, down := t.wave[e.item()]
		return down && before < w && !slices.ContainsFunc(groups, func(gr *group) bool { return gr.weight(e.item()) > 0 })
	})
}

// best returns the smallest edge of an item's dependencies that satisfies a condition.
func (t *story) best(i uint32, ok func(edge) bool) (best edge, found bool) {
	for _, e := range t.g.row(Dependencies, i, &t.own) {
		if e.in(t.spread.mask) && ok(e) && (!found || t.g.compareEdges(e, best) < 0) {
			best, found = e, true
		}
	}
	return best, found
}

// short completes a step with the group of an item that lost most of what it needs before a wave.
func (t *story) short(step Step, i uint32, w int) (Step, []uint32) {
	groups, _ := t.g.group.get(i)
	var from []uint32
	spare := 0
	for _, gr := range groups {
		row := t.g.row(Dependencies, i, &t.own)
		present := gr.present(row, t.spread.mask)
		lost := slices.DeleteFunc(slices.Clone(row), func(e edge) bool {
			before, down := t.wave[e.item()]
			return !e.in(t.spread.mask) || !down || before >= w || gr.weight(e.item()) == 0
		})
		slices.SortFunc(lost, t.g.compareEdges)
		lost = slices.CompactFunc(lost, func(d, e edge) bool { return d.item() == e.item() })
		left := present
		for _, e := range lost {
			left -= gr.weight(e.item())
		}
		need := gr.needs(present)
		if len(lost) == 0 || from != nil && left-need >= spare {
			continue
		}
		spare = left - need
		step.Group, step.Need, step.Left, step.By, from = gr.name, need, left, nil, nil
		for _, e := range lost {
			step.By = append(step.By, t.g.relation(Dependencies, i, e))
			from = append(from, e.item())
		}
	}
	return step, from
}
