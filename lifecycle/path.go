package lifecycle

import "slices"

// Path returns a shortest way from a state to a state that enters none of the states to avoid; the way from a state to
// itself has no steps. Of several shortest ways it is always the same one.
func (m *Machine[S, E]) Path(from, to S, avoid ...S) ([]Step[S, E], bool) {
	return m.search([]S{from}, to, avoid, true)
}

// gets reports whether a way leads from a state to a state past the one to avoid.
func (m *Machine[S, E]) gets(from, to, avoid S) bool {
	_, ok := m.search([]S{from}, to, []S{avoid}, true)
	return ok
}

// search returns a shortest way from one of the origins to the goal, breadth first in the order of the table. With stay,
// an origin may be the goal, and one to be avoided is none; without it, the way has at least one step.
func (m *Machine[S, E]) search(origins []S, goal S, avoid []S, stay bool) ([]Step[S, E], bool) {
	want := m.states.find(goal)
	if want < 0 || slices.Contains(avoid, goal) {
		return nil, false
	}
	type link struct{ from, event int }
	seen := make([]bool, len(m.states.names))
	links := make([]link, len(m.states.names))
	for _, s := range avoid {
		if i := m.states.find(s); i >= 0 {
			seen[i] = true
		}
	}
	var queue []int
	for _, s := range origins {
		i := m.states.find(s)
		switch {
		case i < 0 || stay && seen[i]:
			continue
		case stay && i == want:
			return nil, true
		}
		seen[i] = true
		links[i] = link{-1, -1}
		queue = append(queue, i)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		for j := range m.events.names {
			to := int(m.next[m.cell(i, j)])
			if to == want { // before seen, which an origin that is the goal is
				steps := []Step[S, E]{m.step(i, j)}
				for l := links[i]; l.from >= 0; l = links[l.from] {
					steps = append(steps, m.step(l.from, l.event))
				}
				slices.Reverse(steps)
				return steps, true
			}
			if to < 0 || seen[to] {
				continue
			}
			seen[to] = true
			links[to] = link{i, j}
			queue = append(queue, to)
		}
	}
	return nil, false
}

func (m *Machine[S, E]) step(state, event int) Step[S, E] {
	return Step[S, E]{m.states.names[state], m.events.names[event], m.states.names[m.next[m.cell(state, event)]]}
}
