package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A report says what a run did and found.
type report struct {
	Store        string   `json:"store"`
	Seed         uint64   `json:"seed"`
	Seconds      float64  `json:"seconds"`
	Kills        int      `json:"kills"`         // of the working process
	KillsOpening int      `json:"kills_opening"` // of these, before the store was open
	ServerKills  int      `json:"server_kills"`  // of the server of the store
	Databases    int      `json:"databases"`
	Commands     int      `json:"commands"`      // begun
	Acknowledged int      `json:"acknowledged"`  // answered
	Refused      int      `json:"refused"`       // of these, with a refusal
	InDoubt      int      `json:"in_doubt"`      // commands whose answer a kill has cut off
	InDoubtKept  int      `json:"in_doubt_kept"` // of these, found to have been carried out; the others were not
	Troubles     int      `json:"troubles"`      // errors of the store that the working process saw, and tried again
	Entries      int      `json:"entries"`       // in the journals
	Records      int      `json:"records"`
	Wakes        int      `json:"wakes"`
	Reactions    int      `json:"reactions"`
	Seals        int      `json:"seals"`
	Checks       int      `json:"checks"`
	Lost         int      `json:"lost"`
	Doubled      int      `json:"doubled"`
	Torn         int      `json:"torn"`
	Unanswered   int      `json:"unanswered"` // commands that, given again, got neither their answer nor a refusal
	Chain        string   `json:"chain"`
	First        []string `json:"first,omitempty"` // faults and troubles, the first few of each

	known map[string]bool
}

const intact = "ok"

func newReport(o options) *report {
	return &report{Store: o.store, Seed: o.seed, Chain: intact, known: make(map[string]bool)}
}

func (r *report) clean() bool {
	return r.Lost == 0 && r.Doubled == 0 && r.Torn == 0 && r.Unanswered == 0 && r.Chain == intact
}

const mostTold = 20

// fault counts a fault once, however often it is found.
func (r *report) fault(count *int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if r.known[text] {
		return
	}
	r.known[text] = true
	*count++
	r.tell(text)
}

// broken notes the first fault of the chain.
func (r *report) broken(err error) {
	if r.Chain == intact {
		r.Chain = err.Error()
	}
}

func (r *report) trouble(text string) {
	r.Troubles++
	if i := strings.LastIndex(text, ": "); i > 0 { // the end says what it was, the rest where
		if kind := "trouble " + text[i:]; !r.known[kind] {
			r.known[kind] = true
			r.tell("trouble: " + text)
		}
	}
}

func (r *report) tell(text string) {
	if len(r.First) < mostTold && !slices.Contains(r.First, text) {
		r.First = append(r.First, text)
	}
}

// write prints the report for people.
func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "%s: %d kills (%d while opening), %d of the server, in %.1f s on %d databases, seed %d\n",
		r.Store, r.Kills, r.KillsOpening, r.ServerKills, r.Seconds, r.Databases, r.Seed)
	fmt.Fprintf(out, "%d commands, %d acknowledged (%d refused), %d in doubt of which %d were carried out; %d errors on the way\n",
		r.Commands, r.Acknowledged, r.Refused, r.InDoubt, r.InDoubtKept, r.Troubles)
	fmt.Fprintf(out, "%d entries of %d records, %d wakes, %d reactions, %d seals, %d checks\n", r.Entries, r.Records, r.Wakes, r.Reactions, r.Seals, r.Checks)
	fmt.Fprintf(out, "lost %d, doubled %d, torn %d, unanswered %d, chain %s\n", r.Lost, r.Doubled, r.Torn, r.Unanswered, r.Chain)
	for _, line := range r.First {
		fmt.Fprintln(out, " ", line)
	}
}
