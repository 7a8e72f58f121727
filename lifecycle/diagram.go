package lifecycle

import (
	"fmt"
	"slices"
	"strings"
)

// Mermaid returns the machine as a state diagram of Mermaid (stateDiagram-v2), with the names of the table.
// States and arrows come in the order of the table; events between the same two states share an arrow.
func (m *Machine[S, E]) Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	for _, s := range m.states.names {
		if id := mermaidID(string(s)); id != string(s) {
			fmt.Fprintf(&b, "    state \"%s\" as %s\n", s, id)
		}
	}
	for _, s := range m.spec.Start {
		fmt.Fprintf(&b, "    [*] --> %s\n", mermaidID(string(s)))
	}
	for _, a := range m.arrows() {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", mermaidID(a.from), mermaidID(a.to), strings.Join(a.events, ", "))
	}
	for i, s := range m.states.names {
		if m.end[i] {
			fmt.Fprintf(&b, "    %s --> [*]\n", mermaidID(string(s)))
		}
	}
	return b.String()
}

// mermaidID returns the name, or one that is free for a name that is a word of the language. No name of a state ends in
// an underscore, so that it cannot clash.
func mermaidID(name string) string {
	words := []string{"as", "accdescr", "acctitle", "class", "classdef", "click", "default", "direction", "end", "hide", "href", "note", "scale", "state", "style"}
	if slices.Contains(words, name) {
		return name + "_"
	}
	return name
}

// DOT returns the machine as a directed graph of Graphviz, with the names of the table, in the order of the table. Each
// state has the class of its phase; an end has a double border.
func (m *Machine[S, E]) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n", m.spec.Name)
	b.WriteString("\trankdir=LR\n\tnode [shape=box, style=rounded]\n\t\"\" [shape=point]\n")
	for i, s := range m.states.names {
		border := ""
		if m.end[i] {
			border = ", peripheries=2"
		}
		fmt.Fprintf(&b, "\t%q [class=%q%s]\n", s, m.phases[i], border)
	}
	for _, s := range m.spec.Start {
		fmt.Fprintf(&b, "\t\"\" -> %q\n", s)
	}
	for _, a := range m.arrows() {
		fmt.Fprintf(&b, "\t%q -> %q [label=%q]\n", a.from, a.to, strings.Join(a.events, ", "))
	}
	b.WriteString("}\n")
	return b.String()
}

// An arrow is every event that leads from one state to another.
type arrow struct {
	from, to string
	events   []string
}

// arrows returns the arrows state by state, each where its first event is.
func (m *Machine[S, E]) arrows() []arrow {
	var all []arrow
	for s := range m.All {
		from, to := string(s.From), string(s.To)
		i := slices.IndexFunc(all, func(a arrow) bool { return a.from == from && a.to == to })
		if i < 0 {
			i = len(all)
			all = append(all, arrow{from: from, to: to})
		}
		all[i].events = append(all[i].events, string(s.Event))
	}
	return all
}
