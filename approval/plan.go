package approval

import (
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// Seats says in how many seats one person counts. The values are stored.
type Seats string

// The ways to count people in overlapping groups.
const (
	OneSeat     Seats = "one"    // each person fills one seat of the whole rule, the best one; the default
	SharedSeats Seats = "shared" // a person counts in every condition whose group the person belongs to
)

// Mandates says how the votes count that one person gives for several members. The values are stored.
type Mandates string

// The ways to count mandates.
const (
	OneMandate  Mandates = "once" // a person counts once, however many members the person votes for; the default
	EachMandate Mandates = "each" // every member's vote counts
)

// Changes says whether a vote can be changed. The values are stored.
type Changes string

// The ways to change one's mind.
const (
	UntilDecided Changes = "until_decided" // as long as the round, and the member's step of it, is open; the default
	NoChange     Changes = "never"
)

// A Plan is how one round of voting goes: one row of a policy, or made by hand. It is data; a round keeps its own.
type Plan struct {
	Policy   string        `json:"policy,omitempty"` // name@version of the policy it comes from, "" when made by hand
	Name     string        `json:"name,omitempty"`   // of the row
	Rule     Rule          `json:"rule"`
	Within   itsm.Duration `json:"within,omitzero"` // time to decide; for a stage, the limit of the whole round. Needed unless each step has its own
	Ladder   []Rung        `json:"ladder,omitempty"`
	Calendar string        `json:"calendar,omitempty"` // name of the hours in which Within counts, for the host; "" around the clock
	Seats    Seats         `json:"seats,omitempty"`    // defaults to OneSeat
	Mandates Mandates      `json:"mandates,omitempty"` // defaults to OneMandate
	Changes  Changes       `json:"changes,omitempty"`  // defaults to UntilDecided
	// Separate are relations that keep a person from voting, beside requester and implementer, which always do.
	Separate []Relation `json:"separate,omitempty"`
	// Oral is the time, around the clock, in which an oral approval must be confirmed; zero when there are none.
	Oral itsm.Duration `json:"oral,omitzero"`
}

// clone returns a copy that shares nothing that can be changed.
func (p *Plan) clone() Plan {
	out := *p
	out.Ladder, out.Separate = slices.Clone(p.Ladder), slices.Clone(p.Separate)
	for i := range out.Ladder {
		out.Ladder[i].To = slices.Clone(out.Ladder[i].To)
	}
	return out
}

// Check returns every fault of the plan, joined, or nil.
func (p *Plan) Check() error {
	var fs faults
	p.Rule.check("rule", &fs)
	p.check("plan", &fs)
	return fs.err()
}

// check looks at everything but the rule.
func (p *Plan) check(place string, fs *faults) {
	for i, s := range p.Rule.Steps() {
		if p.Within <= 0 && s.Within <= 0 {
			fs.add(place+".within", "there is no time limit for step %d: a vote without one can wait for ever", i+1)
		}
	}
	if p.Within < 0 {
		fs.add(place+".within", "%v: want more than 0", p.Within)
	}
	if p.Oral < 0 {
		fs.add(place+".oral", "%v: want more than 0", p.Oral)
	}
	checkLadder(place, p.Ladder, fs)
	choice(fs, place+".seats", p.Seats, OneSeat, SharedSeats)
	choice(fs, place+".mandates", p.Mandates, OneMandate, EachMandate)
	choice(fs, place+".changes", p.Changes, UntilDecided, NoChange)
	for _, r := range p.Separate {
		if r == "" {
			fs.add(place+".separate", "a relation is empty")
		}
	}
}

// choice accepts the values and none.
func choice[T ~string](fs *faults, place string, v T, allowed ...T) {
	if v != "" && !slices.Contains(allowed, v) {
		fs.add(place, "%q, want one of %q", v, allowed)
	}
}

// keepsOut reports whether a duty keeps a person from voting.
func (p *Plan) keepsOut(r Relation) bool {
	return Separation{}.Excludes(r, Approver) || slices.Contains(p.Separate, r)
}

// limits returns time limit and ladder of a step.
func (p *Plan) limits(step int) (itsm.Duration, []Rung) {
	s := p.Rule.Steps()[step]
	if s.Within == 0 {
		s.Within = p.Within
	}
	if s.Ladder == nil {
		s.Ladder = p.Ladder
	}
	return s.Within, s.Ladder
}

// String names the plan for people.
func (p *Plan) String() string {
	if p.Policy == "" {
		return p.Rule.String()
	}
	return fmt.Sprintf("%s %s: %s", p.Policy, p.Name, p.Rule)
}
