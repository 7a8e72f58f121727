package release

import (
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// Everything that time brings about stands here: due, it is one more command. Being late is told, and is no state.

// A debt is something owed by an instant.
type debt struct {
	what string
	due  time.Time
}

// debts lists what is owed and was not yet told to be late, in a fixed order.
func (r *Release) debts() (all []debt) {
	add := func(what string, due time.Time) {
		if !due.IsZero() && !slices.Contains(r.Overdue, what) {
			all = append(all, debt{what, due})
		}
	}
	if n := len(r.Rounds); n > 0 && r.State == StateAccepting {
		for _, v := range r.Rounds[n-1].Verdicts {
			for i, c := range v.Conditions {
				if c.Met.IsZero() {
					add(fmt.Sprintf("condition.%d.%s.%d", n, v.Side, i+1), c.Due)
				}
			}
		}
	}
	switch r.State {
	case StateDeploying, StateHalted, StateRollingBack:
		if w, ok := r.Plan.live(); ok {
			add("go_live_end", w.To) // the windows are over
		}
	case StateAccepted:
		add("report", r.Observed)
	}
	return all
}

// wake returns when the release next wants a [Tick].
func (r *Release) wake(p *Process) time.Time {
	if !r.Ended.IsZero() {
		return time.Time{}
	}
	var wake time.Time
	if t, ok := r.SignOff.NextWake(); ok {
		wake = t
	}
	for _, d := range r.debts() {
		wake = itsm.Earliest(wake, d.due)
	}
	if p.policy.AutoPromote && r.State == StateDeploying {
		wake = itsm.Earliest(wake, r.nextStart())
	}
	return wake
}

// nextStart returns when the window of the first wave opens that could begin and was not tried yet.
func (r *Release) nextStart() (first time.Time) {
	for i := range r.Plan.Waves {
		w := &r.Plan.Waves[i]
		if r.unstarted(w) && len(r.wavesBefore(w)) == 0 && !slices.Contains(r.Overdue, "wave."+w.Key) {
			first = itsm.Earliest(first, w.Window.From)
		}
	}
	return first
}

func (c Tick) decide(d *decision) {
	if !d.Rec.Ended.IsZero() {
		return
	}
	d.ballot(d.Rec.SignOff.Tick(d.Env.Now), nil)
	for _, debt := range d.Rec.debts() {
		if d.Due(debt.due) {
			d.Emit(ObligationOverdue{What: debt.what, Due: debt.due})
		}
	}
	if d.p.policy.AutoPromote && d.Rec.State == StateDeploying {
		d.promote()
	}
}

// promote starts every wave whose window is open and which [Release.Passed] and the gates let through. A wave that cannot
// start is told once, and waits for a person.
func (d *decision) promote() {
	for i := range d.Rec.Plan.Waves {
		w := &d.Rec.Plan.Waves[i]
		if !d.Rec.unstarted(w) || len(d.Rec.wavesBefore(w)) > 0 || !d.Due(w.Window.From) {
			continue
		}
		if reasons := d.waveReasons(w); len(reasons) == 0 {
			d.Emit(WaveStarted{Wave: w.Key, Auto: true})
		} else if what := "wave." + w.Key; !slices.Contains(d.Rec.Overdue, what) {
			d.Emit(ObligationOverdue{What: what, Due: w.Window.From})
		}
	}
}

// ballot takes what happened to the signatures into the decision; when they are complete the release is signed off.
func (d *decision) ballot(events []approval.Event, err error) {
	if err != nil {
		d.take(err)
		return
	}
	if len(events) == 0 || d.Failed() {
		return
	}
	d.Emit(SignOffMoved{events})
	if d.Rec.State == StateConsulting && d.Rec.Signed() {
		d.Emit(SignedOff{d.move(DoSignOff)})
	}
}
