package config

import (
	"github.com/hospital-itsm/itsm"
)

// What approved changes will make of an item, and what is under control at all.

func (c PlanChange) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.Later("due", c.Due)
	d.RefuseWhen(c.Step == "" && len(c.Attributes) == 0, ruleNothing)
	if c.Step != "" && !d.p.machine.HasEvent(c.Step) {
		d.Refuse(ruleNoStep.With("step", c.Step))
	}
	d.RefuseWhen(c.Step == DoDispose, ruleStep, "step", c.Step)
	d.values(d.Rec.Class, c.Attributes)
	if d.Failed() {
		return
	}
	d.Emit(Planned{Plan{Under: c.Under, Step: c.Step, Attributes: c.Attributes, Due: itsm.Instant(c.Due), By: d.Env.Actor.ID, At: d.Env.At}})
}

func (d *decision) plan(under itsm.Ref) *Plan {
	for i := range d.Rec.Plans {
		if d.Rec.Plans[i].Under == under {
			return &d.Rec.Plans[i]
		}
	}
	d.Refuse(ruleNoPlan.With("authority", under))
	return nil
}

func (c RealisePlan) decide(d *decision) {
	d.authorised(c)
	d.writable()
	plan := d.plan(c.Under)
	if plan == nil {
		return
	}
	d.values(d.Rec.Class, plan.Attributes)
	d.notBefore(d.Rec.Created)
	d.unique()
	d.keepsRequired(plan.Attributes)
	if d.Failed() {
		return
	}
	d.set(c.Under, Source{Kind: Manual}, plan.Attributes)
	switch plan.Step {
	case "":
	case DoAccept:
		Accept(c).decide(d)
	default:
		d.step(c.Under, plan.Step, "")
	}
	if !d.Failed() {
		d.Emit(PlanDropped{Under: c.Under, Realised: true})
	}
}

func (c WithdrawPlan) decide(d *decision) {
	d.open()
	if d.plan(c.Under); d.facts.Standing != Withdrawn {
		d.NeedReason()
	}
	if d.Failed() {
		return
	}
	d.Emit(PlanDropped{Under: c.Under})
}

func (c LeaveScope) authority() (itsm.Ref, []Standing) { return c.Under, []Standing{Underway} }

func (c LeaveScope) decide(d *decision) {
	d.open()
	d.Need("why", c.Why)
	d.Length("why", c.Why, 2000)
	if cl := d.p.model.classes[d.Rec.Class]; cl == nil || cl.Control != MayControl {
		d.authorised(c)
	}
	d.RefuseWhen(d.Rec.Outside != nil, ruleOutside)
	if d.Failed() {
		return
	}
	d.Emit(LeftScope{Under: c.Under, Why: c.Why})
}

func (c EnterScope) decide(d *decision) {
	d.open()
	d.RefuseWhen(d.Rec.Outside == nil, ruleInside)
	if d.Failed() {
		return
	}
	d.Emit(EnteredScope{})
}
