package incident

import (
	"github.com/hospital-itsm/itsm"
)

// pending returns the last hand-over when nobody has accepted or returned it.
func (d *decision) pending() *Escalation {
	if n := len(d.rec.HandOvers); n > 0 && d.rec.HandOvers[n-1].Pending() {
		return &d.rec.HandOvers[n-1]
	}
	return nil
}

// endOfFirstLine gives what is missing before the first line lets the ticket go: what it knows, and what it tried.
func (d *decision) endOfFirstLine() {
	if d.rec.Tier > TierFirst || d.rec.Urgent != nil {
		return
	}
	p := d.p.policy
	if p.NeedDiagnosis {
		d.need("diagnosis", d.rec.Diagnosis)
	}
	if p.NeedInformation {
		d.need("ci", d.rec.CI)
		d.need("symptom", d.rec.Symptom)
		d.need("scope", d.rec.Scope)
		if d.rec.Began.IsZero() {
			d.need("began", "")
		}
	}
	if p.NeedAttempt && len(d.rec.Attempts) == 0 {
		d.refuse(ruleNoAttempt.With())
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
	d.oneOf("kind", string(kind), list(kinds), oneOf(kind, kinds))
	d.oneOf("tier", tierName(c.Tier), "1, 2, 3", c.Tier >= TierFirst && c.Tier <= TierThird)
	d.need("group", c.Group)
	d.need("reason", c.Reason)
	d.need("note", c.Note)
	from := max(d.rec.Tier, TierFirst)
	if step := c.Tier - from; (step > 1 || step < 0) && c.Skip == "" && !d.rec.Major.Active() {
		d.refuse(ruleSkip.With("from", int(from), "to", int(c.Tier)))
	}
	party := c.Party
	if c.Tier == TierThird || kind == ToSupplier {
		switch {
		case party == nil:
			d.need("party", "")
		default:
			d.need("party.kind", string(party.Kind))
			d.need("party.supplier", party.Supplier)
			d.need("party.contact", party.Contact)
			p := *party
			if !d.facts.Contract {
				if d.p.policy.NeedContract && !p.Goodwill {
					d.refuse(ruleNoContract.With("supplier", p.Supplier, "contract", p.Contract))
				}
				p.Goodwill = true
			} else {
				p.Goodwill = false
			}
			party = &p
		}
	}
	if d.pending() != nil {
		d.refuse(rulePending.With("group", d.pending().To))
	}
	d.endOfFirstLine()
	to := d.rec.State
	if c.Consult {
		d.in(StateDispatched, StateDiagnosing)
	} else {
		to = d.move(DoEscalate)
	}
	if d.failed() {
		return
	}
	d.emit(Escalated{To{to}, Escalation{
		Kind: kind, Consult: c.Consult, From: d.rec.Group, To: c.Group, FromTier: from, ToTier: c.Tier, Reason: c.Reason, Note: c.Note,
		Skip: c.Skip, Evidence: c.Evidence, Party: party, By: d.env.Actor.ID, At: d.env.At, Due: d.env.At.Add(d.p.policy.AcceptWithin.Std()),
	}})
}

func tierName(t Tier) string { return string(rune('0' + max(0, min(int(t), 9)))) }

func (c Accept) decide(d *decision) {
	h := d.pending()
	if h == nil {
		d.refuse(ruleNoHandOver.With())
	} else if d.env.Actor.Is(h.By) {
		d.refuse(ruleOwnHandOver.With("actor", d.env.Actor.ID))
	}
	d.open()
	if d.failed() {
		return
	}
	if !h.Consult && d.rec.State == StateDispatched {
		Start{}.decide(d)
		return
	}
	d.emit(Accepted{By: d.env.Actor.ID})
}

func (c Return) decide(d *decision) {
	d.open()
	d.need("answer", c.Answer)
	n := len(d.rec.HandOvers)
	if n == 0 || !d.rec.HandOvers[n-1].Returned.IsZero() {
		d.refuse(ruleNoHandOver.With())
	}
	if d.failed() {
		return
	}
	h := d.rec.HandOvers[n-1]
	if h.Consult {
		d.emit(Returned{To: To{d.rec.State}, Answer: c.Answer, Group: d.rec.Group, Tier: d.rec.Tier})
		return
	}
	to := d.rec.State
	if to == StateDiagnosing { // whoever gets it back has to take it up again
		to = d.move(DoEscalate)
	}
	d.in(StateDispatched, StateDiagnosing)
	if d.failed() {
		return
	}
	d.emit(Returned{To: To{to}, Answer: c.Answer, Group: h.From, Tier: h.FromTier})
}

// fit checks whether somebody who is given the work is on duty and can do it.
func (d *decision) fit(assignee itsm.PersonID, skill, override string) {
	if assignee == "" || override != "" {
		return
	}
	if d.p.policy.DutyOnly && !d.facts.AssigneeOnDuty {
		d.refuse(ruleAssigneeOffDuty.With("person", assignee))
	}
	if d.p.policy.NeedSkill && skill != "" && !d.facts.AssigneeSkilled {
		d.refuse(ruleSkill.With("person", assignee, "skill", skill))
	}
}

// tool checks the approval of a tool that needs one.
func (d *decision) tool(tool, grant string) {
	if tool == "" {
		return
	}
	for _, t := range d.p.policy.Tools {
		if t == tool && (grant == "" || !d.facts.ToolGranted) {
			d.refuse(ruleTool.With("tool", tool))
		}
	}
}
