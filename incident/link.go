package incident

import (
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/sla"
)

// The commands that change two tickets. Each side is a command of its own; [Service.Do] gives both in one unit of work.

func (c Merge) decide(d *decision) {
	d.open()
	d.Need("into", string(c.Into))
	switch into := d.facts.Other; {
	case c.Into == d.Rec.ID:
		d.Refuse(ruleSelf.With())
	case into == nil:
		d.Refuse(ruleNoOther.With("id", c.Into))
	case !into.Open():
		d.Refuse(ruleMergeIntoEnded.With("into", c.Into, "state", into.State))
	case into.MergedInto != "":
		d.Refuse(ruleMerged.With("into", into.MergedInto))
	}
	if len(d.Rec.Children) > 0 {
		d.Refuse(ruleMergeParent.With("children", list(d.Rec.Children)))
	}
	if d.Rec.Major != nil && (d.Rec.Major.State == MajorStateProposed || d.Rec.Major.Active()) {
		d.Refuse(ruleMajorOpen.With())
	}
	if d.Failed() {
		return
	}
	if !d.facts.InUnit {
		d.Refuse(ruleTwoSides.With("command", "merge"))
		return
	}
	d.Emit(Merged(c))
	if d.p.clocks != nil {
		if ended := d.Rec.Clocks.End(sla.Merged, d.Env.At); len(ended) > 0 {
			d.Emit(ClocksMoved{ended})
		}
	}
}

func (c Unmerge) decide(d *decision) {
	switch {
	case d.Rec.MergedInto == "":
		d.Refuse(ruleNotMerged.With())
	case d.Env.At.After(d.Rec.MergedAt.Add(d.p.policy.UnmergeWithin.Std())):
		d.Refuse(ruleUnmergeLate.With("until", d.Rec.MergedAt.Add(d.p.policy.UnmergeWithin.Std())))
	}
	d.NeedReason()
	if d.Failed() {
		return
	}
	if !d.facts.InUnit {
		d.Refuse(ruleTwoSides.With("command", "unmerge"))
		return
	}
	d.Emit(Unmerged(c))
	if d.p.clocks != nil {
		revived, err := d.p.clocks.Revive(d.Rec.Clocks, string(d.Env.Actor.ID), d.Env.Reason)
		if err != nil {
			d.Fail(err)
			return
		}
		if len(revived) > 0 {
			d.Emit(ClocksMoved{revived})
		}
	}
}

func (c absorb) decide(d *decision) {
	has := slices.Contains(d.Rec.Absorbed, c.Duplicate)
	switch {
	case !d.facts.InUnit:
		d.Refuse(ruleTwoSides.With("command", "absorb"))
	case c.Release && has:
		d.Emit(Released{c.Duplicate, c.Reports})
	case !c.Release && !has:
		d.Emit(Absorbed{c.Duplicate, c.Reports})
	}
}

func (c SetParent) decide(d *decision) {
	d.open()
	switch parent := d.facts.Other; {
	case c.Parent == d.Rec.Parent:
		return // linking twice is linking once
	case c.Parent == "":
	case c.Parent == d.Rec.ID:
		d.Refuse(ruleSelf.With())
	case parent == nil:
		d.Refuse(ruleNoOther.With("id", c.Parent))
	case !parent.Open():
		d.Refuse(ruleMergeIntoEnded.With("into", c.Parent, "state", parent.State))
	case slices.Contains(d.facts.Ancestors, d.Rec.ID):
		d.Refuse(ruleCycle.With("parent", c.Parent, "path", list(append([]itsm.ID{c.Parent}, d.facts.Ancestors...))))
	}
	if d.Failed() {
		return
	}
	if !d.facts.InUnit {
		d.Refuse(ruleTwoSides.With("command", "set_parent"))
		return
	}
	d.Emit(ParentSet(c))
}

func (c adopt) decide(d *decision) {
	has := slices.Contains(d.Rec.Children, c.Child)
	switch {
	case !d.facts.InUnit:
		d.Refuse(ruleTwoSides.With("command", "adopt"))
	case c.Remove && has:
		d.Emit(ChildRemoved{c.Child})
	case !c.Remove && !has:
		d.Emit(ChildAdded{c.Child})
	}
}

func (c Migrate) decide(d *decision) {
	present := d.p.incidents.Version()
	plan := d.p.plans[d.Rec.Lifecycle]
	switch {
	case d.Rec.Type != TypeIncident && d.Rec.Type != "":
		d.Refuse(ruleNotIncident.With("type", d.Rec.Type))
	case c.Into != present:
		d.Refuse(ruleNoVersion.With("version", c.Into, "present", present))
	case d.Rec.Lifecycle == present:
		return
	case plan == nil:
		d.Refuse(ruleNoPlan.With("from", d.Rec.Lifecycle, "to", present))
	}
	d.open()
	if d.Failed() {
		return
	}
	move, ok := plan.Move(d.Rec.State)
	if !ok || move.Rests() {
		d.Refuse(ruleNoState.With("state", d.Rec.State, "version", present))
		return
	}
	d.Emit(Migrated{To{move.To}, d.Rec.Lifecycle, present})
}

func (c ProposeMajor) decide(d *decision) {
	d.open()
	d.Need("why", c.Why)
	if m := d.Rec.Major; m != nil && m.State != MajorStateRejected {
		d.Refuse(ruleMajorAlready.With("state", m.State))
	}
	if d.Failed() {
		return
	}
	d.Emit(MajorProposed{Why: c.Why})
}

// step moves the overlay.
func (d *decision) step(s MajorStep) {
	state := MajorState("")
	if d.Rec.Major != nil {
		state = d.Rec.Major.State
	}
	if state == "" || !MajorMachine.Can(state, s) {
		d.Refuse(ruleMajorState.With("step", s, "state", or(state, "not proposed")))
	}
	if s != "review" && s != "stand_down" && s != "reject" {
		d.open()
	} else {
		d.notMerged()
	}
}

func (c DeclareMajor) decide(d *decision) {
	d.Need("impact", c.Impact)
	d.Need("manager", string(c.Manager))
	d.Need("communicator", string(c.Communicator))
	d.Need("scribe", string(c.Scribe))
	d.Need("message", c.Message)
	d.step("declare")
	if d.Failed() {
		return
	}
	d.Emit(MajorDeclared{c.Impact, c.Manager, c.Communicator, c.Scribe, c.Message, d.nextUpdate()})
}

func (c RejectMajor) decide(d *decision) {
	d.Need("why", c.Why)
	d.step("reject")
	if d.Failed() {
		return
	}
	d.Emit(MajorRejected(c))
}

func (c UpdateMajor) decide(d *decision) {
	d.Need("message", c.Message)
	d.step("update")
	if d.Failed() {
		return
	}
	d.Emit(MajorUpdated{c.Message, d.nextUpdate()})
}

func (c StabiliseMajor) decide(d *decision) {
	d.Need("message", c.Message)
	d.step("stabilise")
	if d.Failed() {
		return
	}
	d.Emit(MajorStabilised{c.Message, d.nextUpdate()})
}

func (c StandDownMajor) decide(d *decision) {
	d.Need("message", c.Message)
	d.step("stand_down")
	if d.Failed() {
		return
	}
	d.Emit(MajorStoodDown{Message: c.Message, ReviewDue: d.Env.At.Add(d.p.policy.Major.ReviewWithin.Std()), Problem: d.Rec.Problem, NewProblem: d.Rec.Problem == ""})
}

func (c ReviewMajor) decide(d *decision) {
	d.Need("findings", c.Findings)
	d.step("review")
	if d.Failed() {
		return
	}
	d.Emit(MajorReviewed(c))
}

func (d *decision) adjust(c AdjustClock) {
	d.notMerged()
	if d.Failed() {
		return
	}
	adjusted, err := d.p.clocks.Adjust(d.Rec.Clocks, sla.Correction{Event: c.Event, At: itsm.Instant(c.At), By: string(d.Env.Actor.ID), Why: c.Why})
	if err != nil {
		d.Refuse(ruleClock.Because(err, "problem", err))
		return
	}
	d.Emit(ClocksMoved{adjusted})
}
