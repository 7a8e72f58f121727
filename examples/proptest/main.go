// Command proptest is a hospital that has a lifecycle of its own and tests it.
//
//	go run ./examples/proptest [-seed N] [-incidents N]
//
// Look at variant.go, where the shipped table gets a state more, as data, and at main_test.go, where the variant is tested: one line for
// the laws that every process keeps (itsmtest.Laws), one for every command in every state (itsmtest.Walk), and a property of
// this hospital's own. history.go draws what people do; the tests and this program use it alike.
//
// The program prints the variant's diagram, shows how a variant is refused that leaves out what is mandatory, and reports a walk at random.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/lifecycle"
)

func main() {
	seed := flag.Uint64("seed", 1, "of the walk; the same seed gives the same walk")
	incidents := flag.Int("incidents", 500, "how many incidents are recorded")
	flag.Parse()
	if err := run(os.Stdout, *seed, *incidents); err != nil {
		log.Fatal("proptest: ", err)
	}
}

func run(w io.Writer, seed uint64, incidents int) error {
	h, err := newHospital(configure(Variant()))
	if err != nil {
		return err
	}
	machine := h.Incidents().Machine(incident.TypeIncident)
	fmt.Fprintf(w, "%s, version %s:\n\n%s\n", machine.Name(), machine.Version(), machine.Mermaid())
	if err := refuse(w); err != nil {
		return err
	}
	return walk(w, h, rand.New(rand.NewPCG(seed, 0)), incidents)
}

// refuse shows what becomes of a variant that closes without the word of the desk.
func refuse(w io.Writer) error {
	_, err := newHospital(configure(Shortcut()))
	var wrong *lifecycle.SpecError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("the shortcut should have been refused, got: %w", err)
	}
	fmt.Fprintln(w, "a variant that is refused:")
	for _, fault := range wrong.Faults {
		fmt.Fprintf(w, "  %s\n  %s（%s）\n", fault, fault.Law.Name, fault.Law.Zh)
	}
	return nil
}

// walk lets incidents live at random and counts.
func walk(w io.Writer, h *hospital, c chooser, incidents int) error {
	var all tally
	ended, through := make(map[incident.State]int), make(map[incident.State]int)
	for range incidents {
		inc, t, err := h.live(c, 30)
		if err == nil {
			err = h.confirmedByDesk(inc)
		}
		if err != nil {
			return err
		}
		all.accepted, all.refused = all.accepted+t.accepted, all.refused+t.refused
		ended[inc.State]++
		slices.Sort(t.visited)
		for _, s := range slices.Compact(t.visited) {
			through[s]++
		}
	}
	fmt.Fprintf(w, "\n%d incidents at random: %d commands were accepted, %d refused\n\n  state              passed  are in it now\n", incidents, all.accepted, all.refused)
	for _, s := range h.Incidents().Machine(incident.TypeIncident).States() {
		fmt.Fprintf(w, "  %-17s  %6d  %13d\n", s, through[s], ended[s])
	}
	fmt.Fprintf(w, "\nevery one of the %d that are closed was confirmed by the desk\n", ended[incident.StateClosed])
	return nil
}
