package incident

import (
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/sla"
)

// The commands that change two tickets. Each side is a command of its own; [Service.Do] gives both in one unit of work.

func (c Merge) decide(d *decision) {
	d.open()
	d.need("into", string(c.Into))
	switch into := d.facts.Other; {
	case c.Into == d.rec.ID:
		d.refuse(ruleSelf.With())
	case into == nil:
		d.refuse(ruleNoOther.With("id", c.Into))
	case !into.Open():
		d.refuse(ruleMergeIntoEnded.With("into", c.Into, "state", into.State))
	case into.MergedInto != "":
		d.refuse(ruleMerged.With("into", into.MergedInto))
	}
	if len(d.rec.Children) > 0 {
		d.refuse(ruleMergeParent.With("children", list(d.rec.Children)))
	}
	if d.rec.Major != nil && (d.rec.Major.State == MajorStateProposed || d.rec.Major.Active()) {
		d.refuse(ruleMajorOpen.With())
	}
	if d.failed() {
		return
	}
	if !d.facts.InUnit {
		d.refuse(ruleTwoSides.With("command", "merge"))
		return
	}
	d.emit(Merged(c))
	if d.p.clocks != nil {
		if ended := d.rec.Clocks.End(sla.Merged, d.env.At); len(ended) > 0 {
			d.emit(ClocksMoved{ended})
		}
	}
}

func (c Unmerge) decide(d *decision) {
	switch {
	case d.rec.MergedInto == "":
		d.refuse(ruleNotMerged.With())
	case d.env.At.After(d.rec.MergedAt.Add(d.p.policy.UnmergeWithin.Std())):
		d.refuse(ruleUnmergeLate.With("until", d.rec.MergedAt.Add(d.p.policy.UnmergeWithin.Std())))
	}
	if d.env.Reason == "" {
		d.refuse(ruleReasonMissing.With("command", "unmerge"))
	}
	if d.failed() {
		return
	}
	if !d.facts.InUnit {
		d.refuse(ruleTwoSides.With("command", "unmerge"))
		return
	}
	d.emit(Unmerged(c))
	if d.p.clocks != nil {
		revived, err := d.p.clocks.Revive(d.rec.Clocks, string(d.env.Actor.ID), d.env.Reason)
		if err != nil {
			d.err = err
			return
		}
		if len(revived) > 0 {
			d.emit(ClocksMoved{revived})
		}
	}
}

func (c absorb) decide(d *decision) {
	has := slices.Contains(d.rec.Absorbed, c.Duplicate)
	switch {
	case !d.facts.InUnit:
		d.refuse(ruleTwoSides.With("command", "absorb"))
	case c.Release && has:
		d.emit(Released{c.Duplicate, c.Reports})
	case !c.Release && !has:
		d.emit(Absorbed{c.Duplicate, c.Reports})
	}
}

func (c SetParent) decide(d *decision) {
	d.open()
	switch parent := d.facts.Other; {
	case c.Parent == d.rec.Parent:
		return // linking twice is linking once
	case c.Parent == "":
	case c.Parent == d.rec.ID:
		d.refuse(ruleSelf.With())
	case parent == nil:
		d.refuse(ruleNoOther.With("id", c.Parent))
	case !parent.Open():
		d.refuse(ruleMergeIntoEnded.With("into", c.Parent, "state", parent.State))
	case slices.Contains(d.facts.Ancestors, d.rec.ID):
		d.refuse(ruleCycle.With("parent", c.Parent, "path", list(append([]itsm.ID{c.Parent}, d.facts.Ancestors...))))
	}
	if d.failed() {
		return
	}
	if !d.facts.InUnit {
		d.refuse(ruleTwoSides.With("command", "set_parent"))
		return
	}
	d.emit(ParentSet(c))
}

func (c adopt) decide(d *decision) {
	has := slices.Contains(d.rec.Children, c.Child)
	switch {
	case !d.facts.InUnit:
		d.refuse(ruleTwoSides.With("command", "adopt"))
	case c.Remove && has:
		d.emit(ChildRemoved{c.Child})
	case !c.Remove && !has:
		d.emit(ChildAdded{c.Child})
	}
}

func (c Migrate) decide(d *decision) {
	present := d.p.incidents.Version()
	plan := d.p.plans[d.rec.Lifecycle]
	switch {
	case d.rec.Type != TypeIncident && d.rec.Type != "":
		d.refuse(ruleNotIncident.With("type", d.rec.Type))
	case c.Into != present:
		d.refuse(ruleNoVersion.With("version", c.Into, "present", present))
	case d.rec.Lifecycle == present:
		return
	case plan == nil:
		d.refuse(ruleNoPlan.With("from", d.rec.Lifecycle, "to", present))
	}
	d.open()
	if d.failed() {
		return
	}
	move, ok := plan.Move(d.rec.State)
	if !ok || move.Rests() {
		d.refuse(ruleNoState.With("state", d.rec.State, "version", present))
		return
	}
	d.emit(Migrated{To{move.To}, d.rec.Lifecycle, present})
}

func (c ProposeMajor) decide(d *decision) {
	d.open()
	d.need("why", c.Why)
	if m := d.rec.Major; m != nil && m.State != MajorStateRejected {
		d.refuse(ruleMajorAlready.With("state", m.State))
	}
	if d.failed() {
		return
	}
	d.emit(MajorProposed{Why: c.Why})
}

// step moves the overlay.
func (d *decision) step(s MajorStep) {
	state := MajorState("")
	if d.rec.Major != nil {
		state = d.rec.Major.State
	}
	if state == "" || !MajorMachine.Can(state, s) {
		d.refuse(ruleMajorState.With("step", s, "state", or(state, "not proposed")))
	}
	if s != "review" && s != "stand_down" && s != "reject" {
		d.open()
	} else {
		d.notMerged()
	}
}

func (c DeclareMajor) decide(d *decision) {
	d.need("impact", c.Impact)
	d.need("manager", string(c.Manager))
	d.need("communicator", string(c.Communicator))
	d.need("scribe", string(c.Scribe))
	d.need("message", c.Message)
	d.step("declare")
	if d.failed() {
		return
	}
	d.emit(MajorDeclared{c.Impact, c.Manager, c.Communicator, c.Scribe, c.Message, d.nextUpdate()})
}

func (c RejectMajor) decide(d *decision) {
	d.need("why", c.Why)
	d.step("reject")
	if d.failed() {
		return
	}
	d.emit(MajorRejected(c))
}

func (c UpdateMajor) decide(d *decision) {
	d.need("message", c.Message)
	d.step("update")
	if d.failed() {
		return
	}
	d.emit(MajorUpdated{c.Message, d.nextUpdate()})
}

func (c StabiliseMajor) decide(d *decision) {
	d.need("message", c.Message)
	d.step("stabilise")
	if d.failed() {
		return
	}
	d.emit(MajorStabilised{c.Message, d.nextUpdate()})
}

func (c StandDownMajor) decide(d *decision) {
	d.need("message", c.Message)
	d.step("stand_down")
	if d.failed() {
		return
	}
	d.emit(MajorStoodDown{Message: c.Message, ReviewDue: d.env.At.Add(d.p.policy.Major.ReviewWithin.Std()), Problem: d.rec.Problem, NewProblem: d.rec.Problem == ""})
}

func (c ReviewMajor) decide(d *decision) {
	d.need("findings", c.Findings)
	d.step("review")
	if d.failed() {
		return
	}
	d.emit(MajorReviewed(c))
}

func (d *decision) adjust(c AdjustClock) {
	d.notMerged()
	if d.failed() {
		return
	}
	adjusted, err := d.p.clocks.Adjust(d.rec.Clocks, sla.Correction{Event: c.Event, At: utc(c.At), By: string(d.env.Actor.ID), Why: c.Why})
	if err != nil {
		d.refuse(ruleClock.Because(err, "problem", err))
		return
	}
	d.emit(ClocksMoved{adjusted})
}
