package lifecycle

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// A Migration says how records that run under one version of a machine go on under another. It is plain data.
type Migration[S ~string] struct {
	From string `json:"from"` // version that the records leave
	To   string `json:"to"`   // version that they go on under
	// Map gives the new state for an old one. Old states that it does not name keep their name.
	Map map[S]S `json:"map,omitempty"`
}

// A Plan is a migration that was checked against its two machines. It is immutable and safe for concurrent use.
type Plan[S ~string] struct {
	from, to string
	moves    map[S]Move[S]
	order    []S
}

// A Move is what a migration does with the records in one state.
type Move[S ~string] struct {
	From      S     `json:"from"`
	To        S     `json:"to"` // "" for a record at rest, which stays under its version
	FromPhase Phase `json:"from_phase"`
	ToPhase   Phase `json:"to_phase"` // differs from FromPhase where clocks and reports will see a change
	Count     int   `json:"count"`    // records, in a dry run
}

// Rests reports whether the record stays under its version.
func (m Move[S]) Rests() bool { return m.To == "" }

// A Preview is the result of a dry run.
type Preview[S ~string] struct {
	Moves    []Move[S] `json:"moves"`              // for each state that occurs, in the order of the old table
	Unmapped []Move[S] `json:"unmapped,omitempty"` // states that the old machine does not have, in the order of names
	Total    int       `json:"total"`              // records, the unmapped ones included
}

// A MigrationError lists every fault of a migration.
type MigrationError struct {
	From, To string   // versions
	Faults   []string // sorted by the order of the old table
}

// Error lists the faults.
func (e *MigrationError) Error() string {
	return fmt.Sprintf("lifecycle: cannot migrate from version %s to %s: %s", e.From, e.To, strings.Join(e.Faults, "; "))
}

// NewPlan checks a migration. Every state of the old machine that is no end needs a state in the new one, by Map or by
// name. A record at rest stays as it is unless Map moves it, and then to an end; a running record comes to an end only by Map.
// No record may get around a rule of the new machine by being moved. The error is a [*MigrationError].
func NewPlan[S, E ~string](old, to *Machine[S, E], mig Migration[S]) (*Plan[S], error) {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if mig.From != old.version {
		fault("the old machine has version %s, not %s", old.version, mig.From)
	}
	if mig.To != to.version {
		fault("the new machine has version %s, not %s", to.version, mig.To)
	}
	if old.version == to.version {
		fault("both machines have version %s; give the new one its own", to.version)
	}
	for _, s := range slices.Sorted(maps.Keys(mig.Map)) {
		if !old.Has(s) {
			fault("state %q to be moved is unknown (%s)", s, hint(string(s), texts(old.states.names)))
		}
	}

	p := &Plan[S]{from: mig.From, to: mig.To, moves: make(map[S]Move[S]), order: old.States()}
	for _, s := range p.order {
		target, mapped := mig.Map[s]
		if !mapped {
			target = s
		}
		move := Move[S]{From: s, To: target, FromPhase: old.Phase(s), ToPhase: to.Phase(target)}
		switch {
		case !mapped && old.IsEnd(s):
			move.To, move.ToPhase = "", move.FromPhase
		case !to.Has(target) && mapped:
			fault("state %q is to become %q, which the new machine does not have (%s)", s, target, hint(string(target), texts(to.states.names)))
		case !to.Has(target):
			fault("state %q is not in the new machine; map it to one that is", s)
		case old.IsEnd(s) && !to.IsEnd(target):
			fault("state %q is an end and is to become %q, which is none: a record at rest would run again", s, target)
		case !mapped && to.IsEnd(target):
			fault("state %q is an end in the new machine: a running record would come to rest unseen; map it", s)
		}
		for _, r := range to.rules {
			if move.To != "" && to.Has(target) && r.carries != nil && !r.carries(old, to, s, target) {
				fault("a record that goes from %q to %q gets around the rule %s (%s)", s, target, r.law.Name, r.law.En)
			}
		}
		p.moves[s] = move
	}
	if len(faults) > 0 {
		return nil, &MigrationError{From: mig.From, To: mig.To, Faults: faults}
	}
	return p, nil
}

// From returns the version that the records leave.
func (p *Plan[S]) From() string { return p.from }

// To returns the version that the records go on under.
func (p *Plan[S]) To() string { return p.to }

// Move returns what happens to a record in the state, and false for a state that the old machine does not have.
func (p *Plan[S]) Move(s S) (Move[S], bool) {
	m, ok := p.moves[s]
	return m, ok
}

// DryRun counts what would happen to records in these states. It changes nothing and keeps no state but its counts.
func (p *Plan[S]) DryRun(states iter.Seq[S]) Preview[S] {
	var out Preview[S]
	counts := make(map[S]int)
	for s := range states {
		counts[s]++
		out.Total++
	}
	for _, s := range p.order {
		if n := counts[s]; n > 0 {
			move := p.moves[s]
			move.Count = n
			out.Moves = append(out.Moves, move)
			delete(counts, s)
		}
	}
	for _, s := range slices.Sorted(maps.Keys(counts)) {
		out.Unmapped = append(out.Unmapped, Move[S]{From: s, Count: counts[s]})
	}
	return out
}
