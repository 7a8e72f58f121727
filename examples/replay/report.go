package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A report is what a replay or a check found. Its JSON form is the output of -json.
type report struct {
	Log       string `json:"log"`
	Zone      string `json:"zone"`                // assumed for the times of the log, which have no offset
	Lifecycle string `json:"lifecycle,omitempty"` // name of the machine that judged; "" for the incident process

	Incidents int `json:"incidents"` // of the log: accepted, rejected and skipped ones
	Rows      int `json:"rows"`      // of the log, skipped ones included
	Accepted  int `json:"accepted"`
	Rejected  int `json:"rejected"` // by the machine, or by the process
	Skipped   int `json:"skipped"`  // because rows of theirs cannot be read
	// Deviations are the steps that the machine does not have, or at which the process refused to go on.
	Deviations []deviation `json:"deviations"`

	// Rows after which the record differs from the log. They are not told by a check of a lifecycle.
	ReopenMismatches       *int `json:"reopen_mismatches"`
	ReassignmentMismatches *int `json:"reassignment_mismatches"` // the count as it has become by then
	PriorityMismatches     *int `json:"priority_mismatches"`

	Commands int     `json:"commands"` // that the process carried out
	Events   int     `json:"events"`   // in the journals of the records
	Journal  *string `json:"journal"`  // "ok", or the first bad entry
	Seconds  float64 `json:"seconds"`

	// Of a replay.
	Records           int       `json:"records,omitempty"`            // incidents, and those that came back after they were closed
	Added             int       `json:"added"`                        // of the events by this run; the others were there before
	ReassignmentSteps *int      `json:"reassignment_steps,omitempty"` // rows in which the log counts a reassignment that it does not show, or does not count one that it shows
	SilentRows        int       `json:"silent_rows,omitempty"`        // in which nothing visible changed
	LateRows          int       `json:"late_rows,omitempty"`          // behind the closing one: what is closed does not change
	Steps             []through `json:"steps,omitempty"`              // by what commands the records followed
	Refusals          []grounds `json:"refusals,omitempty"`           // why the process refused

	// Of a check of a lifecycle.
	Unmapped   []tally `json:"unmapped,omitempty"`   // states that the machine does not know, and rows
	Unfinished int     `json:"unfinished,omitempty"` // incidents whose last state is no end

	Errors []string `json:"errors,omitempty"` // the first of the faults for which incidents were skipped

	compared int // rows of the accepted incidents
}

// A deviation is a step that incidents of the log took against the table.
type deviation struct {
	From      string `json:"from"` // "" for the state in which an incident begins
	To        string `json:"to"`
	Count     int    `json:"count"`
	Incidents int    `json:"incidents"` // that took it
}

// through says by what commands records followed a step of the log, the first time that it occurred.
type through struct {
	From     string   `json:"from"`
	To       string   `json:"to"`
	Count    int      `json:"count"`
	Commands []string `json:"commands"`
}

// grounds are why the process refused.
type grounds struct {
	Command string `json:"command"`
	Code    string `json:"code"`
	Count   int    `json:"count"`
	Example string `json:"example"` // the first time, as a sentence
}

type tally struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// tallies counts by name.
type tallies map[string]int

func (t tallies) list() []tally {
	list := make([]tally, 0, len(t))
	for name, n := range t {
		list = append(list, tally{name, n})
	}
	slices.SortFunc(list, func(a, b tally) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name)) })
	return list
}

// passage is a step from state to state.
type passage struct{ from, to string }

func (p passage) compare(q passage) int {
	return cmp.Or(cmp.Compare(p.from, q.from), cmp.Compare(p.to, q.to))
}

// deviations counts steps, and the incidents that took them.
type deviations map[passage]*deviation

// add takes the deviations of one incident.
func (d deviations) add(steps ...passage) {
	for i, s := range steps {
		v := d[s]
		if v == nil {
			v = &deviation{From: s.from, To: s.to}
			d[s] = v
		}
		v.Count++
		if !slices.Contains(steps[:i], s) {
			v.Incidents++
		}
	}
}

func (d deviations) list() []deviation {
	list := make([]deviation, 0, len(d))
	for _, v := range d {
		list = append(list, *v)
	}
	slices.SortFunc(list, func(a, b deviation) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), passage{a.From, a.To}.compare(passage{b.From, b.To}))
	})
	return list
}

// writeJSON writes the report as one object.
func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// write writes the report for people.
func (r *report) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	line("log", "%s", r.Log)
	line("zone", "%s (assumed: the log has no offsets)", r.Zone)
	by := "the incident process"
	if r.Lifecycle != "" {
		by = "the lifecycle " + r.Lifecycle
	}
	line("incidents", "%s in %s rows", grouped(r.Incidents), grouped(r.Rows))
	line("accepted", "%s by %s", grouped(r.Accepted), by)
	line("rejected", "%s", grouped(r.Rejected))
	if r.Skipped > 0 {
		line("skipped", "%s that cannot be read", grouped(r.Skipped))
	}
	if r.Unfinished > 0 {
		line("unfinished", "%s", grouped(r.Unfinished))
	}
	if r.Lifecycle == "" {
		line("reopen count", "%s of %s rows differ", grouped(*r.ReopenMismatches), grouped(r.compared))
		line("priority", "%s of %s rows differ", grouped(*r.PriorityMismatches), grouped(r.compared))
		line("reassignment count", "%s of %s rows differ, after %s that the log counts otherwise than its groups show",
			grouped(*r.ReassignmentMismatches), grouped(r.compared), plural(*r.ReassignmentSteps, "step"))
		line("records", "%s", grouped(r.Records))
		line("commands", "%s", grouped(r.Commands))
		line("events", "%s, %s of them new", grouped(r.Events), grouped(r.Added))
		line("rows without a command", "%s in which nothing visible changed, %s behind the closing one", grouped(r.SilentRows), grouped(r.LateRows))
		line("journal", "%s", *r.Journal)
	}
	line("time", "%.1f s, %s rows/s", r.Seconds, grouped(int(float64(r.Rows)/max(r.Seconds, 1e-3))))
	section := func(title string, n int) {
		if n > 0 {
			fmt.Fprintf(w, "\n%s\n", title)
		}
	}
	section("steps that were refused, how often and in how many incidents:", len(r.Deviations))
	for _, d := range r.Deviations {
		fmt.Fprintf(w, "  %s -> %s\t%s\t%s\n", cmp.Or(d.From, "(begins)"), d.To, grouped(d.Count), grouped(d.Incidents))
	}
	section("reasons for which the process refused:", len(r.Refusals))
	for _, g := range r.Refusals {
		fmt.Fprintf(w, "  %s: %s\t%s\tsuch as: %s\n", g.Command, g.Code, grouped(g.Count), g.Example)
	}
	section("states that the lifecycle does not know, and rows:", len(r.Unmapped))
	for _, t := range r.Unmapped {
		fmt.Fprintf(w, "  %s\t%s\n", t.Name, grouped(t.Count))
	}
	section("steps of the log, how often, and the commands by which the records followed:", len(r.Steps))
	for _, s := range r.Steps {
		fmt.Fprintf(w, "  %s -> %s\t%s\t%s\n", cmp.Or(s.From, "(begins)"), s.To, grouped(s.Count), strings.Join(s.Commands, ", "))
	}
	section("faults:", len(r.Errors))
	for _, text := range r.Errors {
		fmt.Fprintf(w, "  %s\n", text)
	}
	return w.Flush()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped writes a number with commas between the thousands.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
