package incident

import "time"

// Everything that time brings about stands here: due, it is one more command.

// wake returns when the ticket next wants a [Tick]: the earliest of all that waits for a time.
func (i Incident) wake(p *Process) time.Time {
	var wake time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	if m := i.Major; m != nil {
		at(m.NextUpdate)
		if !m.ReviewLate {
			at(m.ReviewDue)
		}
	}
	if i.MergedInto != "" {
		if i.Ended.IsZero() {
			at(i.MergedAt.Add(p.policy.UnmergeWithin.Std()))
		}
		return wake
	}
	if !i.Ended.IsZero() {
		return wake
	}
	if t, ok := i.Clocks.NextWake(); ok {
		at(t)
	}
	if i.Override != nil {
		at(i.Override.Until)
	}
	if h := i.Hold; h != nil {
		at(h.Review)
		at(h.NextBump)
	}
	if n := len(i.HandOvers); n > 0 && i.HandOvers[n-1].Pending() && !i.HandOvers[n-1].Overdue {
		at(i.HandOvers[n-1].Due)
	}
	if u := i.Urgent; u != nil && u.Done.IsZero() && !u.Overdue {
		at(u.Due)
	}
	at(i.FollowUp.Next)
	return wake
}

func (c Tick) decide(d *decision) {
	now := d.Env.At
	if m := d.Rec.Major; m != nil {
		if d.Due(m.NextUpdate) {
			d.Emit(MajorUpdateMissed{Next: later(m.NextUpdate, now, d.p.policy.Major.UpdateEvery.Std())})
		}
		if d.Due(m.ReviewDue) && !m.ReviewLate {
			d.Emit(MajorReviewOverdue{})
		}
	}
	if !d.Rec.Ended.IsZero() {
		return
	}
	if d.Rec.MergedInto != "" {
		if d.Due(d.Rec.MergedAt.Add(d.p.policy.UnmergeWithin.Std())) {
			d.cancel(StateCancelled, Duplicate, "merged into "+string(d.Rec.MergedInto))
		}
		return
	}
	if o := d.Rec.Override; o != nil && d.Due(o.Until) {
		d.Emit(OverrideEnded{Expired: true})
	}
	if n := len(d.Rec.HandOvers); n > 0 {
		if h := d.Rec.HandOvers[n-1]; h.Pending() && !h.Overdue && d.Due(h.Due) {
			d.Emit(HandOverOverdue{})
		}
	}
	if u := d.Rec.Urgent; u != nil && u.Done.IsZero() && !u.Overdue && d.Due(u.Due) {
		d.Emit(PaperworkOverdue{})
	}
	if d.Due(d.Rec.FollowUp.Next) {
		if every := d.p.policy.FollowUpEvery.Std(); every > 0 {
			d.Emit(FollowUpMissed{Next: later(d.Rec.FollowUp.Next, now, every)})
		} else {
			d.Emit(FollowUpMissed{})
		}
	}
	d.bump()
	d.ring()
}

// bump reminds who is awaited. After the last reminder the plan may propose a solution; the desk still has to confirm it.
func (d *decision) bump() {
	h := d.Rec.Hold
	if h == nil {
		return
	}
	if d.Due(h.Review) {
		d.Emit(HoldReviewDue{})
	}
	for h = d.Rec.Hold; d.Due(h.NextBump); h = d.Rec.Hold {
		n, next := h.Bumped+1, h.NextBump.Add(h.Bump.Every.Std())
		if n >= h.Bump.Count && h.Bump.Resolve == "" || n > h.Bump.Count {
			next = time.Time{}
		}
		if n <= h.Bump.Count {
			d.Emit(Bumped{n, next})
			continue
		}
		// The interval after the last reminder has passed without an answer.
		text := h.Bump.Resolve
		d.Emit(Resumed{To{d.move(DoResume)}})
		d.Emit(Proposed{To: To{d.move(DoPropose)}, Proposal: Proposal{
			Solution: text, Basis: "no answer to the reminders", By: d.Env.Actor.ID, At: d.Env.At}})
		return
	}
}

// later returns the first of the instants from, from+every, … that lies after now.
func later(from, now time.Time, every time.Duration) time.Time {
	return from.Add(every * (now.Sub(from)/every + 1))
}
