package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

// A report is the answer. Its JSON form is the output of -json.
type report struct {
	Nodes        int                   `json:"nodes"`
	Edges        int                   `json:"edges"`
	Unknown      int                   `json:"unknown"`       // edges with an unknown end
	UnknownItems int                   `json:"unknown_items"` // different ones
	Direction    string                `json:"direction"`
	Types        []impact.RelationType `json:"types,omitempty"` // followed; none: all
	Items        []item                `json:"items"`           // in the order in which they were asked for
	Cycles       *int                  `json:"cycles,omitempty"`
	Largest      *int                  `json:"largest,omitempty"`
	Seconds      float64               `json:"seconds"`

	together []string // some of the largest cycle
}

// An item is one that was asked about.
type item struct {
	Name string `json:"name"`
	impact.Count
	farthest string // why the first of the farthest items is reached
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// write writes the report for people.
func (r *report) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d items, %d relations, %d of them to %d unknown items\n", r.Nodes, r.Edges, r.Unknown, r.UnknownItems)
	if len(r.Items) > 0 {
		fmt.Fprintf(w, "\n%s of\tdirect\ttransitive\tunknown\thops\tthe farthest\n", r.Direction)
		for _, it := range r.Items {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\n", it.Name, it.Direct, it.Transitive, it.Count.Unknown, it.MaxHops, it.farthest)
		}
	}
	if r.Cycles != nil {
		fmt.Fprintf(w, "\n%d cycles, the largest of %d items", *r.Cycles, *r.Largest)
		if len(r.together) > 0 {
			fmt.Fprintf(w, ": %s", strings.Join(r.together, ", "))
			if *r.Largest > len(r.together) {
				fmt.Fprint(w, ", …")
			}
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// tellSample tells what redundancy makes of the loss of each item, and what is left to be done.
func tellSample(out io.Writer, inv *inventory, o *options) error {
	for _, name := range o.of {
		id, err := inv.find(name)
		if err != nil {
			return err
		}
		if err := tellLoss(out, inv, id); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	for _, service := range []itsm.ID{"s-his", "s-emr", "s-pacs"} {
		points, err := inv.graph.SinglePoints(service, impact.Scenario{})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "single points of failure of %s: %s\n", inv.name(service), inv.list(points)); err != nil {
			return err
		}
	}
	return nil
}

// tellLoss tells what the loss of an item does.
func tellLoss(out io.Writer, inv *inventory, id itsm.ID) error {
	outcome, err := inv.graph.Simulate(impact.Scenario{Failed: []itsm.ID{id}})
	if err != nil {
		return err
	}
	by := map[impact.State][]itsm.ID{}
	for e := range outcome.All() {
		if e.Item != id {
			by[e.State] = append(by[e.State], e.Item)
		}
	}
	fmt.Fprintf(out, "\nwhen %s fails\n", inv.name(id))
	for _, s := range []impact.State{impact.Down, impact.Degraded, impact.AtRisk} {
		if len(by[s]) > 0 {
			fmt.Fprintf(out, "  %-9s %s\n", s, inv.list(by[s]))
		}
	}
	return nil
}

func (inv *inventory) list(ids []itsm.ID) string {
	if len(ids) == 0 {
		return "none"
	}
	var names []string
	for _, id := range ids {
		names = append(names, inv.name(id))
	}
	return strings.Join(names, ", ")
}
