package change

import (
	"errors"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// The commands of the approval and of the schedule.
type (
	// RequestApproval puts the change as it is to those who decide. When a vote has expired, it opens another.
	RequestApproval struct{}
	// Vote votes, or writes down an oral approval of an emergency.
	Vote struct{ approval.Cast }
	// ConfirmOral is a member's word on an approval that somebody wrote down as given orally.
	ConfirmOral struct{ approval.Confirmation }
	// Recuse says that a member has a conflict of interest.
	Recuse struct{ approval.Recusal }
	// ChangeElectorate changes who is asked.
	ChangeElectorate struct{ approval.ElectorateChange }
	// Preapprove takes the approval of the template over to a standard change that fits it.
	Preapprove struct{}
	// Waive lets a conflict pass.
	Waive struct {
		Key string `json:"key"` // see [Conflict.Key]
		Why string `json:"why"`
	}
	// Schedule puts an approved change into the schedule.
	Schedule struct{}
	// Announce says that the dates were told to those who are concerned.
	Announce struct {
		To   []string `json:"to"`
		Text string   `json:"text,omitempty"`
	}
)

func (RequestApproval) CommandName() string  { return "change.request_approval" }
func (Vote) CommandName() string             { return "change.vote" }
func (ConfirmOral) CommandName() string      { return "change.confirm_oral" }
func (Recuse) CommandName() string           { return "change.recuse" }
func (ChangeElectorate) CommandName() string { return "change.change_electorate" }
func (Preapprove) CommandName() string       { return "change.preapprove" }
func (Waive) CommandName() string            { return "change.waive" }
func (Schedule) CommandName() string         { return "change.schedule" }
func (Announce) CommandName() string         { return "change.announce" }

func (c RequestApproval) decide(d *decision) {
	again := d.Rec.State == StateAwaiting && d.Rec.Ballot.Outcome != approval.Open
	to := d.Rec.State
	if !again {
		to = d.move(DoAsk)
		if d.Failed() {
			return
		}
	}
	d.ready()
	plan, err := d.p.planOf(&d.Rec)
	d.took(err)
	if d.Failed() {
		return
	}
	found := d.conflicts()
	if d.Rec.Emergency() && slices.ContainsFunc(found, func(c Conflict) bool { return c.Kind == InFreeze }) {
		plan.Rule = approval.And(plan.Rule, d.p.policy.FreezeConsent)
	}
	fit := FitOf(d.Rec.Window, d.Rec.Steps, d.Rec.Backout)
	d.Emit(ApprovalAsked{To: To{to}, Latest: fit.Decide, Conflicts: found, Hours: d.p.hours.Version(), Affected: d.facts.Affected, Groups: d.facts.Groups})
	content := d.content()
	if d.Rec.Ballot.Outcome == approval.Approved && d.Rec.Ballot.Content.Digest == content.Digest {
		d.approved() // nothing that was approved has changed since
		return
	}
	duties := []approval.Duty{{Relation: approval.Requester, Person: d.Rec.Requester}}
	for _, person := range d.Rec.doers() {
		duties = append(duties, approval.Duty{Relation: approval.Implementer, Person: person})
	}
	events, err := d.Rec.Ballot.Open(approval.Request{
		Plan: plan, Topic: "change/" + string(d.Rec.Type), Content: content, Members: d.facts.Members, Duties: duties,
	}, d.Env)
	d.balloted(events, err)
}

// ready asks for everything that must be there before anybody is asked to approve.
func (d *decision) ready() {
	d.missing(AtApproval)
	if d.Rec.Type == TypeNormal {
		d.assessed()
		d.tested()
	}
	d.fits()
	r := &d.Rec
	d.RefuseWhen(!r.Window.IsZero() && !r.Window.Start.After(d.Env.Now), ruleWindowPast, "start", r.Window.Start)
	if from := d.p.policy.RehearseFrom; from != "" && r.Risk().Rank() >= from.Rank() && !r.Emergency() {
		d.RefuseWhen(len(r.Rehearsals) == 0, ruleNoRehearsal, "risk", r.Risk())
	}
	d.RefuseWhen(r.Data != nil && r.Data.Statement == "", ruleNoStatement)
}

// fits asks that the backout fits the window after every step.
func (d *decision) fits() {
	r := &d.Rec
	if r.Window.IsZero() || len(r.Steps) == 0 {
		return
	}
	if fit := FitOf(r.Window, r.Steps, r.Backout); !fit.Fits() {
		d.Refuse(ruleNoFit.With("step", fit.Late, "closes", r.Window.Closes(), "missing", fit.Missing))
	}
}

// took takes over the reasons of an error.
func (d *decision) took(err error) { took(d.Draft, err) }

func took[R any](d *itsm.Draft[R], err error) {
	var rs itsm.Reasons
	switch {
	case err == nil:
	case errors.As(err, &rs):
		for _, r := range rs {
			d.Refuse(r)
		}
	default:
		d.Fail(err)
	}
}

// balloted takes up what a vote has led to, and moves the change when it is decided.
func (d *decision) balloted(events []approval.Event, err error) {
	d.took(err)
	if d.Failed() || len(events) == 0 {
		return
	}
	before := d.Rec.Ballot.Outcome
	d.Emit(Balloted{events})
	if d.Rec.State != StateAwaiting || d.Rec.Ballot.Outcome == before {
		return
	}
	switch d.Rec.Ballot.Outcome {
	case approval.Approved:
		d.approved()
	case approval.Rejected:
		d.Emit(Rejected{To{d.move(DoReject)}, ""})
	}
}

func (d *decision) approved() {
	d.Emit(Approved{To{d.move(DoApprove)}, Consent{
		At: d.Rec.Ballot.Ended, Content: d.Rec.Ballot.Content.Digest, Accounts: d.Rec.Ballot.Accountable(), Hours: d.p.hours.Version()}})
}

// voting refuses what has to do with a vote while there is none.
func (d *decision) voting(states ...State) {
	d.in(append(states, StateAwaiting)...)
}

func (c Vote) decide(d *decision) {
	d.voting()
	if d.Failed() {
		return
	}
	events, err := d.Rec.Ballot.Cast(c.Cast, d.facts.Approval, d.Env)
	d.balloted(events, err)
}

func (c ConfirmOral) decide(d *decision) {
	d.voting(StateApproved, StateScheduled, StateImplementing, StateSucceeded, StateFailed, StateBackingOut, StateBackedOut, StateInReview)
	if d.Failed() {
		return
	}
	events, err := d.Rec.Ballot.Confirm(c.Confirmation, d.facts.Approval, d.Env)
	d.balloted(events, err)
}

func (c Recuse) decide(d *decision) {
	d.voting()
	if d.Failed() {
		return
	}
	events, err := d.Rec.Ballot.Recuse(c.Recusal, d.facts.Approval, d.Env)
	d.balloted(events, err)
}

func (c ChangeElectorate) decide(d *decision) {
	d.voting()
	if d.Failed() {
		return
	}
	events, err := d.Rec.Ballot.ChangeElectorate(c.ElectorateChange, d.facts.Approval, d.Env)
	d.balloted(events, err)
}

func (c Preapprove) decide(d *decision) {
	d.RefuseWhen(d.Rec.Type != TypeStandard, ruleNoTemplate)
	if d.Failed() {
		return
	}
	to := d.move(DoApprove)
	if d.Failed() {
		return
	}
	d.ready()
	v := d.pinned()
	if d.Failed() {
		return
	}
	found := d.conflicts()
	d.unwaived(found)
	if d.Failed() {
		return
	}
	fit := FitOf(d.Rec.Window, d.Rec.Steps, d.Rec.Backout)
	d.Emit(ApprovalAsked{To: To{d.Rec.State}, Latest: fit.Decide, Conflicts: found, Hours: d.p.hours.Version(), Affected: d.facts.Affected, Groups: d.facts.Groups})
	d.Emit(Approved{To{to}, Consent{At: d.Env.At, Content: d.content().Digest, Accounts: v.Accounts, Hours: d.p.hours.Version(), Template: true}})
}

func (c Waive) decide(d *decision) {
	d.in(StateClassified, StateAwaiting, StateApproved, StateScheduled)
	d.Need("why", c.Why)
	found := d.conflicts()
	i := slices.IndexFunc(found, func(x Conflict) bool { return x.Key() == c.Key })
	switch {
	case i < 0:
		d.Refuse(ruleNoConflict.With("key", c.Key))
	case found[i].Waiver == "":
		d.Refuse(ruleNoWaiver.With("kind", found[i].Kind, "witness", found[i].Witness))
	case !d.Env.Actor.Has(found[i].Waiver):
		d.Refuse(ruleWaiverRole.With("kind", found[i].Kind, "role", found[i].Waiver))
	}
	d.RefuseWhen(d.Env.Actor.Is(d.Rec.Requester) || d.Env.Actor.Is(d.Rec.Implementer), ruleOwnWaiver, "person", d.Env.Actor.ID)
	if d.Failed() {
		return
	}
	d.Emit(Waived{Waiver{Key: c.Key, By: d.Env.Actor.ID, At: d.Env.At, Why: c.Why}})
}

func (c Schedule) decide(d *decision) {
	to := d.move(DoSchedule)
	if d.Failed() {
		return
	}
	found := d.conflicts()
	d.unwaived(found)
	d.RefuseWhen(!d.Env.Now.Before(d.Rec.Window.End), ruleWindowPast, "start", d.Rec.Window.Start)
	if d.Failed() {
		return
	}
	d.Emit(Scheduled{To{to}, found})
}

func (c Announce) decide(d *decision) {
	d.in(StateApproved, StateScheduled, StateImplementing)
	d.RefuseWhen(len(c.To) == 0, ruleNobody)
	d.RefuseWhen(len(c.To) > maxList, ruleTooMany, "field", "to", "count", len(c.To), "most", maxList)
	for _, to := range c.To {
		d.Need("to", to)
		d.Code("to", to)
	}
	d.Length("text", c.Text, maxText)
	if d.Failed() {
		return
	}
	d.Emit(Announced{Announcement{To: c.To, Text: c.Text, By: d.Env.Actor.ID, At: d.Env.At}})
}

// unannounced lists the departments that have not been told.
func (c *Change) unannounced() (names []string) {
	for _, dep := range c.Departments {
		if !slices.ContainsFunc(c.Told, func(a Announcement) bool { return slices.Contains(a.To, dep) }) {
			names = append(names, dep)
		}
	}
	return names
}
