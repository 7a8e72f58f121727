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
	now := d.env.At
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	if m := d.rec.Major; m != nil {
		if due(m.NextUpdate) {
			d.emit(MajorUpdateMissed{Next: later(m.NextUpdate, now, d.p.policy.Major.UpdateEvery.Std())})
		}
		if due(m.ReviewDue) && !m.ReviewLate {
			d.emit(MajorReviewOverdue{})
		}
	}
	if !d.rec.Ended.IsZero() {
		return
	}
	if d.rec.MergedInto != "" {
		if due(d.rec.MergedAt.Add(d.p.policy.UnmergeWithin.Std())) {
			d.cancel(StateCancelled, Duplicate, "merged into "+string(d.rec.MergedInto))
		}
		return
	}
	if o := d.rec.Override; o != nil && due(o.Until) {
		d.emit(OverrideEnded{Expired: true})
	}
	if n := len(d.rec.HandOvers); n > 0 {
		if h := d.rec.HandOvers[n-1]; h.Pending() && !h.Overdue && due(h.Due) {
			d.emit(HandOverOverdue{})
		}
	}
	if u := d.rec.Urgent; u != nil && u.Done.IsZero() && !u.Overdue && due(u.Due) {
		d.emit(PaperworkOverdue{})
	}
	if due(d.rec.FollowUp.Next) {
		if every := d.p.policy.FollowUpEvery.Std(); every > 0 {
			d.emit(FollowUpMissed{Next: later(d.rec.FollowUp.Next, now, every)})
		} else {
			d.emit(FollowUpMissed{})
		}
	}
	d.bump(due)
	d.ring()
}

// bump reminds who is awaited. After the last reminder the plan may propose a solution; the desk still has to confirm it.
func (d *decision) bump(due func(time.Time) bool) {
	h := d.rec.Hold
	if h == nil {
		return
	}
	if due(h.Review) {
		d.emit(HoldReviewDue{})
	}
	for h = d.rec.Hold; due(h.NextBump); h = d.rec.Hold {
		n, next := h.Bumped+1, h.NextBump.Add(h.Bump.Every.Std())
		if n >= h.Bump.Count && h.Bump.Resolve == "" || n > h.Bump.Count {
			next = time.Time{}
		}
		if n <= h.Bump.Count {
			d.emit(Bumped{n, next})
			continue
		}
		// The interval after the last reminder has passed without an answer.
		text := h.Bump.Resolve
		d.emit(Resumed{To{d.move(DoResume)}})
		d.emit(Proposed{To: To{d.move(DoPropose)}, Proposal: Proposal{
			Solution: text, Basis: "no answer to the reminders", By: d.env.Actor.ID, At: d.env.At}})
		return
	}
}

// later returns the first of the instants from, from+every, … that lies after now.
func later(from, now time.Time, every time.Duration) time.Time {
	return from.Add(every * (now.Sub(from)/every + 1))
}
