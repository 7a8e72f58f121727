package release

import (
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// The rules of the commands of planning.

// sound asks for a plan that does not contradict itself.
func (d *decision) sound(p *Plan) {
	for _, f := range p.Check() {
		d.Refuse(rulePlan.With("path", f.Path, "problem", f.What))
	}
}

func (c Draft) decide(d *decision) {
	d.sound(&c.Plan)
	if !d.Failed() {
		d.Emit(Drafted{Lifecycle: d.p.Machine(c.Plan.Type).Version(), Plan: c.Plan.normal()})
	}
}

func (c Revise) decide(d *decision) {
	to := d.move(DoRevise)
	d.sound(&c.Plan)
	if d.Failed() {
		return
	}
	plan := c.Plan.normal()
	if plan.Digest() == d.Rec.Plan.Digest() {
		d.Refuse(ruleSamePlan.With())
		return
	}
	d.Emit(Revised{To: to, Lifecycle: d.p.Machine(plan.Type).Version(), Plan: plan})
	if d.Rec.SignOff.Outcome == approval.Open || d.Rec.SignOff.Outcome == approval.Approved {
		d.ballot(d.Rec.SignOff.Edit(Fingerprint(&d.Rec.Plan, nil), d.Env), nil)
	}
}

// complete asks for everything that a plan must have before people are asked for their word on it.
func (d *decision) complete() {
	plan := &d.Rec.Plan
	for _, field := range plan.Missing() {
		d.Need(field, "")
	}
	for _, m := range d.Rec.members(d.facts.Changes) {
		d.Need("changes."+string(m.ID)+".reason", m.Reason)
		d.Need("changes."+string(m.ID)+".impact", m.Impact)
		d.Need("changes."+string(m.ID)+".scope", m.Scope)
	}
	d.inLibrary()
	d.dated()
}

// members returns the changes of the plan with what the changes themselves say where the plan says nothing.
func (r *Release) members(known []Change) (all []Admission) {
	for _, m := range r.Plan.Members {
		a := Admission{ID: m.ID, Reason: m.Reason, Impact: m.Impact, Scope: m.Scope}
		if c := find(known, func(c *Change) bool { return c.ID == m.ID }); c != nil {
			a.Digest, a.Reason, a.Impact, a.Scope = c.Digest, or(a.Reason, c.Reason), or(a.Impact, c.Impact), or(a.Scope, c.Scope)
		}
		all = append(all, a)
	}
	return all
}

func or(v, otherwise string) string {
	if strings.TrimSpace(v) != "" {
		return v
	}
	return otherwise
}

// dated asks that what goes live does so when it may. Emergencies may at any time.
func (d *decision) dated() {
	plan := &d.Rec.Plan
	if plan.Type == TypeEmergency {
		return
	}
	check := func(what string, w Window) {
		for _, freeze := range d.p.frozen(w) {
			d.Refuse(ruleFreeze.With("what", what, "freeze", freeze, "from", w.From, "to", w.To))
		}
		d.RefuseWhen(!d.p.allowed(w), ruleNotAllowed, "what", what, "from", w.From, "to", w.To)
	}
	if live, ok := plan.Phase(StageGoLive); ok {
		check("phase go_live", live)
	}
	for i := range plan.Waves {
		check("wave "+plan.Waves[i].Key, plan.Waves[i].Window)
	}
}

// inLibrary asks that every file is in the definitive library, with this digest and size.
func (d *decision) inLibrary() {
	for _, f := range d.Rec.Plan.Manifest {
		m := find(d.facts.Library, func(m *Measured) bool { return m.Key == f.Key })
		switch {
		case m == nil:
			d.Refuse(ruleNotInLibrary.With("file", f.Key, "path", f.Path, "version", f.Version))
		case m.Digest != f.Digest || m.Size != f.Size:
			d.Refuse(ruleOtherInLibrary.With("file", f.Key, "want", f.Digest, "got", m.Digest))
		}
	}
}

func (c OpenConsultation) decide(d *decision) {
	to := d.move(DoConsult)
	if d.Failed() {
		return
	}
	if d.complete(); !d.Failed() {
		d.Emit(ConsultationOpened{to})
	}
}

func (c NoteConsultation) decide(d *decision) {
	d.in(StateConsulting)
	d.Choice("party.kind", string(c.Party.Kind), "department, group", c.Party.Kind == Department || c.Party.Kind == Group)
	d.Need("party.key", c.Party.Key)
	d.Length("party.key", c.Party.Key, MaxName)
	d.Need("person", string(c.Person))
	d.Length("person", string(c.Person), MaxName)
	d.Need("said", c.Said)
	d.Length("said", c.Said, MaxText)
	d.Length("answer", c.Answer, MaxText)
	d.RefuseWhen(d.Rec.SignOff.Outcome == approval.Open, ruleSigning)
	if !c.Agrees {
		d.Need("answer", c.Answer) // an objection is answered
	}
	if !d.Failed() {
		d.Emit(Consulted{Consultation{Party: c.Party, Person: c.Person, Said: c.Said, Agrees: c.Agrees, Answer: c.Answer, At: d.Env.At, By: d.Env.Actor.ID}})
	}
}

func (c Submit) decide(d *decision) {
	d.in(StateConsulting)
	if d.Failed() {
		return
	}
	if d.Rec.Plan.Type != TypeEmergency {
		asked := slices.Concat(d.Rec.Plan.Consult, d.facts.Parties)
		for _, p := range asked {
			spoke := slices.ContainsFunc(d.Rec.Consulted, func(c Consultation) bool { return c.Party == p })
			d.RefuseWhen(!spoke && !d.refusedFor(ruleNotConsulted, "party", p.Key), ruleNotConsulted, "kind", p.Kind, "party", p.Key)
		}
		for _, kind := range []PartyKind{Department, Group} {
			named := slices.ContainsFunc(asked, func(p Party) bool { return p.Kind == kind })
			spoke := slices.ContainsFunc(d.Rec.Consulted, func(c Consultation) bool { return c.Party.Kind == kind })
			d.RefuseWhen(!named && !spoke, ruleNobodyConsulted, "kind", kind)
		}
	}
	d.approved(d.Rec.members(d.facts.Changes), nil)
	if d.Failed() {
		return
	}
	admitted := d.Rec.members(d.facts.Changes)
	plan, members := d.p.policy.signing(&d.Rec.Plan)
	events, err := d.Rec.SignOff.Open(approval.Request{Plan: plan, Topic: "release/" + string(d.Rec.Plan.Type), Content: Fingerprint(&d.Rec.Plan, admitted),
		Members: members, Duties: approval.DutyOf(approval.Requester, d.Env.Actor)}, d.Env)
	if d.take(err); d.Failed() {
		return
	}
	d.Emit(Submitted{admitted})
	d.ballot(events, nil)
}

func (d *decision) refusedFor(r *itsm.Rule, arg, value string) bool {
	return slices.ContainsFunc(d.Reasons(), func(one itsm.Reason) bool { return one.Is(r) && one.Arg(arg) == value })
}

// approved asks that every change is approved, and, where admitted says so, on the content that was signed.
func (d *decision) approved(members, admitted []Admission) {
	for _, m := range members {
		c := find(d.facts.Changes, func(c *Change) bool { return c.ID == m.ID })
		was := find(admitted, func(a *Admission) bool { return a.ID == m.ID })
		switch {
		case c == nil:
			d.Refuse(ruleNoChange.With("change", m.ID))
		case !c.Approved:
			d.Refuse(ruleNotApproved.With("change", m.ID))
		case was != nil && was.Digest != c.Digest:
			d.Refuse(ruleChangeChanged.With("change", m.ID))
		}
	}
}

func (c Sign) decide(d *decision) {
	d.in(StateConsulting)
	if d.Failed() {
		return
	}
	d.Length("comment", c.Comment, MaxText)
	cast := approval.Cast{For: c.For, Verdict: c.Verdict, Content: c.Content, Comment: c.Comment, Oral: c.Oral}
	if c.Oral == nil && c.Verdict != approval.Abstain {
		cast.Findings = findings(c.Verdict == approval.Approve)
	}
	d.ballot(d.Rec.SignOff.Cast(cast, approval.Facts{Delegations: d.facts.Delegations}, d.Env))
}

// findings are those of a signature: it is on everything alike.
func findings(ok bool) (all []approval.Finding) {
	for _, item := range signForm.Items {
		all = append(all, approval.Finding{Item: item, OK: ok})
	}
	return all
}

func (c ConfirmSignature) decide(d *decision) {
	d.RefuseWhen(!d.Rec.Ended.IsZero(), ruleEnded, "state", d.Rec.State)
	d.Length("comment", c.Comment, MaxText)
	confirmation := approval.Confirmation{OK: c.OK, Content: c.Content, Comment: c.Comment}
	if c.OK {
		confirmation.Findings = findings(true)
	}
	d.ballot(d.Rec.SignOff.Confirm(confirmation, approval.Facts{Delegations: d.facts.Delegations}, d.Env))
}

func (c Cancel) decide(d *decision) {
	to := d.move(DoCancel)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	if d.Failed() {
		return
	}
	if d.Rec.SignOff.Outcome == approval.Open {
		d.ballot(d.Rec.SignOff.Withdraw(c.Why, d.Env))
	}
	d.Emit(Cancelled{to, c.Why})
}
