// Command impact says what depends on configuration items, and in what cycles items depend on each other.
//
//	go run ./examples/impact [-nodes FILE -edges FILE] [-of NAME[,NAME…]] [-types TYPE[,TYPE…]] [-direction dependents|dependencies] [-cycles] [-json]
//
// The files are tab-separated with a header, plain or gzip: nodes have the columns id and name, edges from_id, to and type; other columns
// are passed over. An edge means that the item with the ID from_id depends on the item with the ID to. An edge to an unknown
// item is kept and counted. Without files a small hospital is used, which also has redundancy: then it is told what
// goes down, and what the single points of failure are.
//
// With -json one object is printed. Its items have name, direct and transitive (items reached over one relation and over any number of
// them, without the item itself), max_hops (the greatest shortest distance) and unknown (of the transitive ones, those that no node describes). With -cycles it has
// cycles, the number of strongly connected components of two or more items, and largest, the size of the largest. Its unknown is the number of edges
// with an unknown end.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

func main() {
	switch err := command(os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "impact: %v\n", err)
		os.Exit(1)
	}
}

// errUsage says that the arguments are wrong; how, was told already.
var errUsage = errors.New("wrong arguments")

type options struct {
	nodes, edges string
	of           []string
	types        []impact.RelationType
	direction    impact.Direction
	cycles, json bool
}

// parse reads the arguments.
func parse(args []string, messages io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("impact", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.StringVar(&o.nodes, "nodes", "", "the items, `FILE` of tab-separated values, plain or gzip; without it a sample is used")
	flags.StringVar(&o.edges, "edges", "", "their relations, `FILE` of the same form")
	of := flags.String("of", "", "`NAME[,NAME…]` of the items to ask about")
	types := flags.String("types", "", "`TYPE[,TYPE…]` of the relations to follow; without it all are")
	direction := flags.String("direction", impact.Dependents.String(), "`side` to search: dependents or dependencies")
	flags.BoolVar(&o.cycles, "cycles", false, "find items that depend on each other")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, errUsage
	}
	var wrong []string
	say := func(when bool, format string, args ...any) {
		if when {
			wrong = append(wrong, "impact: "+fmt.Sprintf(format, args...)+"\n")
		}
	}
	o.of = split(*of)
	for _, t := range split(*types) {
		o.types = append(o.types, impact.RelationType(t))
	}
	switch *direction {
	case impact.Dependents.String():
	case impact.Dependencies.String():
		o.direction = impact.Dependencies
	default:
		say(true, "-direction %s: want dependents or dependencies", *direction)
	}
	say(flags.NArg() > 0, "what is %q? Items are named by -of NAME.", flags.Arg(0))
	say((o.nodes == "") != (o.edges == ""), "-nodes and -edges go together")
	say(o.nodes != "" && len(o.of) == 0 && !o.cycles, "say what is asked: -of NAME, -cycles or both")
	if len(wrong) > 0 {
		fmt.Fprint(messages, strings.Join(wrong, ""))
		return nil, errUsage
	}
	if o.nodes == "" && len(o.of) == 0 && !o.cycles {
		o.of = []string{"ups-2", "esb"}
	}
	return o, nil
}

// split returns the parts of a list with commas, each once.
func split(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

// command is the program.
func command(args []string, out, messages io.Writer) error {
	o, err := parse(args, messages)
	if err != nil {
		return err
	}
	began := time.Now()
	inv, err := load(o.nodes, o.edges)
	if err != nil {
		return err
	}
	r, err := ask(inv, o)
	if err != nil {
		return err
	}
	r.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	if o.json {
		return r.writeJSON(out)
	}
	if err := r.write(out); err != nil || o.nodes != "" {
		return err
	}
	return tellSample(out, inv, o)
}

// ask answers the questions.
func ask(inv *inventory, o *options) (*report, error) {
	g := inv.graph
	known := g.Types()
	var faults faults
	for _, t := range o.types {
		if !slices.Contains(known, t) {
			faults.add(fmt.Errorf("-types: no relation has the type %q; there are %v", t, known))
		}
	}
	var of []itsm.ID
	for _, name := range o.of {
		id, err := inv.find(name)
		faults.add(err)
		of = append(of, id)
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	r := &report{
		Nodes: g.Len(), Edges: g.Relations(), Unknown: g.Dangling(), Direction: o.direction.String(), Types: o.types, Items: []item{},
	}
	for range g.Unknown() {
		r.UnknownItems++
	}
	for i, id := range of {
		reach, err := g.Reach(impact.Query{Of: []itsm.ID{id}, Direction: o.direction, Types: o.types})
		if err != nil {
			return nil, err
		}
		it := item{Name: o.of[i], Count: reach.Count()}
		for hit := range reach.All() {
			if hit.Distance == it.MaxHops {
				it.farthest = farthest(inv, reach, hit.Item)
				break
			}
		}
		r.Items = append(r.Items, it)
	}
	if o.cycles {
		found := g.Cycles(o.types...)
		n, largest := len(found), 0
		if n > 0 {
			largest = len(found[0])
			for _, id := range found[0][:min(largest, 5)] {
				r.together = append(r.together, inv.name(id))
			}
		}
		r.Cycles, r.Largest = &n, &largest
	}
	return r, nil
}

// farthest writes down the chain of relations to an item.
func farthest(inv *inventory, reach *impact.Reach, id itsm.ID) string {
	chain, _ := reach.Chain(id)
	var b strings.Builder
	if len(chain) > 0 && chain[len(chain)-1].From == id {
		slices.Reverse(chain) // told from the dependent item to what it depends on
	}
	for i, r := range chain {
		if i == 0 {
			b.WriteString(inv.name(r.From))
		}
		fmt.Fprintf(&b, " -%s-> %s", r.Type, inv.name(r.To))
	}
	return b.String()
}
