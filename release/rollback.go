package release

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Rollback is the way back of a deployment.
type Rollback struct {
	Why    string        `json:"why" itsm:"personal,text"`
	By     itsm.PersonID `json:"by"`
	At     time.Time     `json:"at"`
	Left   []Undo        `json:"left,omitempty"` // to be undone, in this order
	Undone []Undo        `json:"undone,omitempty"`
	Kept   []Kept        `json:"kept,omitempty"` // what stays because it cannot be undone, or because something that stays needs it
	Ended  time.Time     `json:"ended,omitzero"`
}

// An Undo is a step back.
type Undo struct {
	CI   string `json:"ci"`
	Unit string `json:"unit"`
}

// Kept is a unit that stays on a target.
type Kept struct {
	CI    string `json:"ci"`
	Unit  string `json:"unit"`
	For   string `json:"for,omitempty"`   // the unit that needs it; "" when it is a point of no return itself
	Point bool   `json:"point,omitempty"` // of no return
}

// WayBack computes the way back from what was applied: in the reverse order, so that nothing is taken away from under what
// needs it. Points of no return stay, and with them everything that they need. Taking all steps back leads to the
// configuration before the deployment exactly when nothing is kept.
func (p *Plan) WayBack(applied []Applied) (undo []Undo, kept []Kept) {
	stays := make(map[step]string) // → the unit for which
	var keep func(s step, why string)
	keep = func(s step, why string) {
		if _, ok := stays[s]; ok || !slices.ContainsFunc(applied, func(a Applied) bool { return a.CI == s.ci && a.Unit == s.unit }) {
			return
		}
		stays[s] = why
		if wave, t := p.target(s.ci); t != nil {
			for _, need := range p.needs(wave, t, s.unit) {
				keep(need, s.unit)
			}
		}
	}
	for _, a := range applied {
		if u := p.Unit(a.Unit); u != nil && !u.Reversible() {
			keep(step{a.CI, a.Unit}, "")
		}
	}
	for _, a := range slices.Backward(applied) {
		s := step{a.CI, a.Unit}
		why, ok := stays[s]
		if !ok {
			undo = append(undo, Undo{s.ci, s.unit})
			continue
		}
		u := p.Unit(a.Unit)
		kept = append(kept, Kept{CI: s.ci, Unit: s.unit, For: why, Point: u != nil && !u.Reversible()})
	}
	return undo, kept
}

// PointsOfNoReturn lists the units of the plan that cannot be undone, in the order of the plan.
func (p *Plan) PointsOfNoReturn() (units []string) {
	for i := range p.Units {
		if !p.Units[i].Reversible() {
			units = append(units, p.Units[i].Key)
		}
	}
	return units
}
