package change

import (
	"time"

	"github.com/hospital-itsm/itsm"
)

// Tick lets everything happen whose time has come. The scheduler gives it; nobody has to.
type Tick struct{}

func (Tick) CommandName() string { return "change.tick" }

// wake returns when the change next wants a [Tick]: the earliest of all that waits for a time.
func (c Change) wake(p *Process) time.Time {
	if !c.Ended.IsZero() {
		return time.Time{}
	}
	var wake time.Time
	at := func(t time.Time) { wake = itsm.Earliest(wake, t) }
	if t, ok := c.Ballot.NextWake(); ok {
		at(t)
	}
	if w := c.Work; w != nil && c.State == StateImplementing {
		if w.Go == nil && !w.Passed {
			if !w.Warned {
				at(p.warning(w))
			}
			at(w.Decide)
		}
		if !w.Overrun {
			at(c.Window.Closes())
		} else {
			at(c.Window.Closes().Add(p.policy.Grace.Std()))
		}
	}
	if c.Paper != nil && c.Paper.Done.IsZero() && !c.Paper.Overdue {
		at(c.Paper.Due)
	}
	if c.Review == nil && !c.ReviewLate {
		at(c.ReviewDue)
	}
	return wake
}

// warning is when the last safe decision is near; never before the work began.
func (p *Process) warning(w *Work) time.Time {
	t := w.Decide.Add(-p.policy.WarnBefore.Std())
	if t.Before(w.Started) {
		return w.Started
	}
	return t
}

func (c Tick) decide(d *decision) {
	r := &d.Rec
	if !r.Ended.IsZero() {
		return
	}
	d.balloted(r.Ballot.Tick(d.Env.At), nil)
	if r.Work != nil && r.State == StateImplementing {
		d.clock()
	}
	if r.Paper != nil && r.Paper.Done.IsZero() && !r.Paper.Overdue && d.Due(r.Paper.Due) {
		d.Emit(PaperOverdue{})
	}
	if r.Review == nil && !r.ReviewLate && d.Due(r.ReviewDue) {
		d.Emit(ReviewOverdue{})
	}
}

// clock tells what time has brought about in the work: the decision is near, it has passed without one, the window is over;
// and when nobody has decided by the end of the grace, the change has failed.
func (d *decision) clock() {
	w := d.Rec.Work
	if w.Go == nil && !w.Passed {
		if !w.Warned && d.Due(d.p.warning(w)) {
			d.Emit(DecisionNear{w.Decide})
		}
		if d.Due(w.Decide) {
			d.Emit(DecisionPassed{w.Decide})
		}
	}
	closes := d.Rec.Window.Closes()
	if !d.Rec.Work.Overrun && d.Due(closes) {
		d.Emit(Overran{closes})
	}
	if d.Rec.Work.Overrun && d.Due(closes.Add(d.p.policy.Grace.Std())) {
		d.fail("the window was over and nobody had decided", true)
	}
}
