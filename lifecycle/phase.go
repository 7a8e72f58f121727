package lifecycle

import "slices"

// A Phase is the part of its life that a state belongs to. Clocks and reports speak of phases, so that a host may add
// states without touching them. Values are stored and do not change.
type Phase string

// The phases that every machine has.
const (
	PhaseOpen     Phase = "open"     // recorded, nobody works on it yet
	PhaseActive   Phase = "active"   // somebody works on it
	PhaseWaiting  Phase = "waiting"  // work waits for somebody or something else
	PhaseResolved Phase = "resolved" // the work is done, its result is not confirmed yet
	PhaseClosed   Phase = "closed"   // finished or given up
)

// Phases returns the phases that every machine has, in the order of a life. The slice belongs to the caller.
func Phases() []Phase {
	return []Phase{PhaseOpen, PhaseActive, PhaseWaiting, PhaseResolved, PhaseClosed}
}

// Valid reports whether p is one of [Phases]. A host with a phase of its own declares it in [Spec.Phases].
func (p Phase) Valid() bool { return slices.Contains(Phases(), p) }
