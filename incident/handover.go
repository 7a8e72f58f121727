package incident

import (
	"github.com/hospital-itsm/itsm"
)

// pending returns the last hand-over when nobody has accepted or returned it.
func (d *decision) pending() *Escalation {
	if n := len(d.Rec.HandOvers); n > 0 && d.Rec.HandOvers[n-1].Pending() {
		return &d.Rec.HandOvers[n-1]
	}
	return nil
}

// endOfFirstLine gives what is missing before the first line lets the ticket go: what it knows, and what it tried.
func (d *decision) endOfFirstLine() {
	if d.Rec.Tier > TierFirst || d.Rec.Urgent != nil {
		return
	}
	p := d.p.policy
	if p.NeedDiagnosis {
		d.Need("diagnosis", d.Rec.Diagnosis)
	}
	if p.NeedInformation {
		d.Need("ci", d.Rec.CI)
		d.Need("symptom", d.Rec.Symptom)
		d.Need("scope", d.Rec.Scope)
		if d.Rec.Began.IsZero() {
			d.Need("began", "")
		}
	}
	if p.NeedAttempt && len(d.Rec.Attempts) == 0 {
		d.Refuse(ruleNoAttempt.With())
	}
}

func (c Escalate) decide(d *decision) {
	kind := c.Kind
	if kind == "" {
		kind = Functional
		if c.Tier == TierThird {
			kind = ToSupplier
		}
	}
	kinds := []EscalationKind{Functional, Hierarchic, ToSupplier}
	itsm.Among(d.Draft, "kind", kind, kinds...)
	d.Choice("tier", tierName(c.Tier), "1, 2, 3", c.Tier >= TierFirst && c.Tier <= TierThird)
	d.Need("group", c.Group)
	d.Need("reason", c.Reason)
	d.Need("note", c.Note)
	from := max(d.Rec.Tier, TierFirst)
	if step := c.Tier - from; (step > 1 || step < 0) && c.Skip == "" && !d.Rec.Major.Active() {
		d.Refuse(ruleSkip.With("from", int(from), "to", int(c.Tier)))
	}
	party := c.Party
	if c.Tier == TierThird || kind == ToSupplier {
		switch {
		case party == nil:
			d.Need("party", "")
		default:
			d.Need("party.kind", string(party.Kind))
			d.Need("party.supplier", party.Supplier)
			d.Need("party.contact", party.Contact)
			p := *party
			if !d.facts.Contract {
				if d.p.policy.NeedContract && !p.Goodwill {
					d.Refuse(ruleNoContract.With("supplier", p.Supplier, "contract", p.Contract))
				}
				p.Goodwill = true
			} else {
				p.Goodwill = false
			}
			party = &p
		}
	}
	if d.pending() != nil {
		d.Refuse(rulePending.With("group", d.pending().To))
	}
	d.endOfFirstLine()
	to := d.Rec.State
	if c.Consult {
		d.in(StateDispatched, StateDiagnosing)
	} else {
		to = d.move(DoEscalate)
	}
	if d.Failed() {
		return
	}
	d.Emit(Escalated{To{to}, Escalation{
		Kind: kind, Consult: c.Consult, From: d.Rec.Group, To: c.Group, FromTier: from, ToTier: c.Tier, Reason: c.Reason, Note: c.Note,
		Skip: c.Skip, Evidence: c.Evidence, Party: party, By: d.Env.Actor.ID, At: d.Env.At, Due: d.Env.At.Add(d.p.policy.AcceptWithin.Std()),
	}})
}

func tierName(t Tier) string { return string(rune('0' + max(0, min(int(t), 9)))) }

func (c Accept) decide(d *decision) {
	h := d.pending()
	if h == nil {
		d.Refuse(ruleNoHandOver.With())
	} else if d.Env.Actor.Is(h.By) {
		d.Refuse(ruleOwnHandOver.With("actor", d.Env.Actor.ID))
	}
	d.open()
	if d.Failed() {
		return
	}
	if !h.Consult && d.Rec.State == StateDispatched {
		Start{}.decide(d)
		return
	}
	d.Emit(Accepted{By: d.Env.Actor.ID})
}

func (c Return) decide(d *decision) {
	d.open()
	d.Need("answer", c.Answer)
	n := len(d.Rec.HandOvers)
	if n == 0 || !d.Rec.HandOvers[n-1].Returned.IsZero() {
		d.Refuse(ruleNoHandOver.With())
	}
	if d.Failed() {
		return
	}
	h := d.Rec.HandOvers[n-1]
	if h.Consult {
		d.Emit(Returned{To: To{d.Rec.State}, Answer: c.Answer, Group: d.Rec.Group, Tier: d.Rec.Tier})
		return
	}
	to := d.Rec.State
	if to == StateDiagnosing { // whoever gets it back has to take it up again
		to = d.move(DoEscalate)
	}
	d.in(StateDispatched, StateDiagnosing)
	if d.Failed() {
		return
	}
	d.Emit(Returned{To: To{to}, Answer: c.Answer, Group: h.From, Tier: h.FromTier})
}

// fit checks whether somebody who is given the work is on duty and can do it.
func (d *decision) fit(assignee itsm.PersonID, skill, override string) {
	if assignee == "" || override != "" {
		return
	}
	if d.p.policy.DutyOnly && !d.facts.AssigneeOnDuty {
		d.Refuse(ruleAssigneeOffDuty.With("person", assignee))
	}
	if d.p.policy.NeedSkill && skill != "" && !d.facts.AssigneeSkilled {
		d.Refuse(ruleSkill.With("person", assignee, "skill", skill))
	}
}

// tool checks the approval of a tool that needs one.
func (d *decision) tool(tool, grant string) {
	if tool == "" {
		return
	}
	for _, t := range d.p.policy.Tools {
		if t == tool && (grant == "" || !d.facts.ToolGranted) {
			d.Refuse(ruleTool.With("tool", tool))
		}
	}
}
