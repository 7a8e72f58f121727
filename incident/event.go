package incident

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/sla"
)

// event is an event of the process: it stands here with its effect on the record.
type event interface {
	itsm.Payload
	apply(r *Incident, ev *itsm.Event)
}

// last returns a copy of s and a pointer to the last element of the copy.
func last[T any](s []T) ([]T, *T) {
	s = slices.Clone(s)
	return s, &s[len(s)-1]
}

// To is the state that an event leads to. It stands in the event, so that a journal can be replayed without the table.
type To struct {
	State State `json:"to"`
}

func (t To) enter(r *Incident, ev *itsm.Event) {
	if r.State != t.State {
		r.State, r.Since = t.State, ev.At
	}
	if t.State == StateClosed || t.State == StateCancelled || t.State == StateDeclined {
		r.Ended = ev.At
	}
}

// The events.
type (
	// Recorded: the ticket began to be.
	Recorded struct {
		Lifecycle   string          `json:"lifecycle"`
		Origin      Origin          `json:"origin"`
		Channel     Channel         `json:"channel"`
		Owner       string          `json:"owner"`
		Caller      Caller          `json:"caller,omitzero" itsm:"personal"`
		VIP         bool            `json:"vip,omitempty"`
		Summary     string          `json:"summary,omitempty" itsm:"personal,text"`
		Description string          `json:"description,omitempty" itsm:"personal,text"`
		Department  string          `json:"department,omitempty"`
		CI          string          `json:"ci,omitempty"`
		Service     string          `json:"service,omitempty"`
		Began       time.Time       `json:"began,omitzero"`
		Alert       *AlertInfo      `json:"alert,omitempty"`
		Security    *SecurityOrigin `json:"security,omitempty"`
	}
	// RecurrenceLinked: the ticket is a closed one that came back.
	RecurrenceLinked struct {
		Recurrence
	}
	// Triaged: it was decided what the ticket is, how wide and how urgent.
	Triaged struct {
		To
		Type        Type     `json:"type"`
		Impact      Impact   `json:"impact"`
		Urgency     Urgency  `json:"urgency"`
		Category    Category `json:"category,omitempty"`
		Service     string   `json:"service,omitempty"`
		Grade       string   `json:"grade,omitempty"`
		Department  string   `json:"department,omitempty"`
		Setting     Setting  `json:"setting,omitempty"`
		CareDepends bool     `json:"care,omitempty"`
		Safety      bool     `json:"safety,omitempty"`
		Work        WorkType `json:"work,omitempty"`
		Again       bool     `json:"again,omitempty"` // not the first time
	}
	// Prioritised: the derived priority changed.
	Prioritised struct {
		Derived Derived `json:"derived"`
	}
	// Overridden: a person set the priority.
	Overridden struct {
		Override Override `json:"override"`
	}
	// OverrideEnded: the derived priority is in force again.
	OverrideEnded struct {
		Expired bool `json:"expired,omitempty"`
	}
	// Dispatched: a group, perhaps a person, got the work.
	Dispatched struct {
		To
		Group    string        `json:"group"`
		Assignee itsm.PersonID `json:"assignee,omitempty"`
		Tier     Tier          `json:"tier"`
		OnSite   bool          `json:"on_site,omitempty"`
		Override string        `json:"override,omitempty" itsm:"text"` // why duty or skill did not count
		Again    bool          `json:"again,omitempty"`                // the group changed
		FollowUp time.Time     `json:"follow_up,omitzero"`
	}
	// Started: somebody began to work on it.
	Started struct {
		To
		By itsm.PersonID `json:"by"`
	}
	// Investigated: the first line wrote down what it found.
	Investigated struct {
		Diagnosis string    `json:"diagnosis,omitempty" itsm:"personal,text"`
		CI        string    `json:"ci,omitempty"`
		Symptom   string    `json:"symptom,omitempty" itsm:"personal,text"`
		Scope     string    `json:"scope,omitempty" itsm:"personal,text"`
		Began     time.Time `json:"began,omitzero"`
		Category  Category  `json:"category,omitempty"`
	}
	// Attempted: something was tried.
	Attempted struct {
		Attempt Attempt `json:"attempt"`
	}
	// NotSolved: it was decided that it is not solved; diagnosis goes on.
	NotSolved struct {
		Basis string `json:"basis" itsm:"personal,text"`
	}
	// WorkedAround: the service is usable again.
	WorkedAround struct {
		Workaround string    `json:"workaround,omitempty" itsm:"personal,text"`
		At         time.Time `json:"at"`
	}
	// Escalated: the work, or a question about it, went to another group or tier.
	Escalated struct {
		To
		Escalation Escalation `json:"escalation"`
	}
	// Accepted: a hand-over was accepted.
	Accepted struct {
		By itsm.PersonID `json:"by"`
	}
	// Returned: a hand-over came back, or a consultation was answered.
	Returned struct {
		To
		Answer string `json:"answer" itsm:"personal,text"`
		Group  string `json:"group,omitempty"` // that has the work now
		Tier   Tier   `json:"tier"`
	}
	// HandOverOverdue: nobody accepted a hand-over in time; supervision is due.
	HandOverOverdue struct{}
	// PutOnHold: the work waits.
	PutOnHold struct {
		To
		Hold HoldInfo `json:"hold"`
	}
	// Resumed: the work goes on.
	Resumed struct {
		To
	}
	// Bumped: who is awaited was reminded.
	Bumped struct {
		Nth  int       `json:"nth"`
		Next time.Time `json:"next,omitzero"`
	}
	// HoldReviewDue: somebody should look at it again.
	HoldReviewDue struct{}
	// Proposed: it was decided that it is solved.
	Proposed struct {
		To
		Proposal Proposal `json:"proposal"`
		First    bool     `json:"first,omitempty"` // in the first contact
	}
	// Rejected: the desk did not take the solution.
	Rejected struct {
		To
		Why string `json:"why" itsm:"personal,text"`
	}
	// Reopened: the user says it is not solved.
	Reopened struct {
		To
		Why string `json:"why" itsm:"personal,text"`
	}
	// Confirmed: the desk confirmed the solution.
	Confirmed struct {
		To
		Confirmation Confirmation `json:"confirmation"`
	}
	// Closed: nothing is left to do.
	Closed struct {
		To
		Closure Closure `json:"closure"`
	}
	// CancelledEvent: it was a duplicate or a mis-entry.
	CancelledEvent struct {
		To
		Cancellation Cancellation `json:"cancellation"`
	}
	// Moved: a ticket that is no incident took a step of its lifecycle.
	Moved struct {
		To
		Step    Transition `json:"step"`
		Text    string     `json:"text,omitempty" itsm:"personal,text"`
		Article string     `json:"article,omitempty"`
	}
	// BusinessAssessed: the effect on the hospital was written down.
	BusinessAssessed struct {
		Business Business `json:"business"`
	}
	// ArrivedOnSite: the second line is there, or says why not.
	ArrivedOnSite struct {
		Arrival Arrival `json:"arrival"`
	}
	// FollowedUp: the desk asked how it goes.
	FollowedUp struct {
		Note string    `json:"note" itsm:"personal,text"`
		Next time.Time `json:"next,omitzero"`
	}
	// FollowUpMissed: the desk did not ask in time.
	FollowUpMissed struct {
		Next time.Time `json:"next"`
	}
	// Promised: another party said by when it does what.
	Promised struct {
		Promise Promise `json:"promise"`
	}
	// PromiseKept: it did.
	PromiseKept struct {
		Nth int `json:"nth"` // from 0
	}
	// UrgentlyDispatched: the work was handed out before the paperwork.
	UrgentlyDispatched struct {
		Due time.Time `json:"due"`
	}
	// PaperworkDone: it followed.
	PaperworkDone struct{}
	// PaperworkOverdue: it did not follow in time.
	PaperworkOverdue struct{}
	// InfectionConfirmed: there is malware; a security incident was opened.
	InfectionConfirmed struct {
		Infection InfectionInfo `json:"infection"`
	}
	// Contacted: somebody asked about the ticket, or reported it again.
	Contacted struct {
		Channel Channel `json:"channel"`
		Caller  Caller  `json:"caller,omitzero" itsm:"personal"`
		Text    string  `json:"text,omitempty" itsm:"personal,text"`
		Report  bool    `json:"report,omitempty"` // a report of the same trouble
		Via     itsm.ID `json:"via,omitempty"`    // the duplicate that it came in on
	}
	// AlertRepeated: monitoring said the same again.
	AlertRepeated struct {
		At time.Time `json:"at"`
	}
	// AlertCleared: monitoring says that it is over.
	AlertCleared struct {
		At time.Time `json:"at"`
	}
	// Merged: it is a duplicate of another.
	Merged struct {
		Into itsm.ID `json:"into"`
	}
	// Absorbed: another is a duplicate of it.
	Absorbed struct {
		Duplicate itsm.ID `json:"duplicate"`
		Reports   int     `json:"reports"`
	}
	// Unmerged: it is no duplicate after all.
	Unmerged struct{}
	// Released: a duplicate was none.
	Released struct {
		Duplicate itsm.ID `json:"duplicate"`
		Reports   int     `json:"reports"`
	}
	// ParentSet: it is part of another.
	ParentSet struct {
		Parent itsm.ID `json:"parent"` // "" for none any more
	}
	// ChildAdded: another is part of it.
	ChildAdded struct {
		Child itsm.ID `json:"child"`
	}
	// ChildRemoved: another is not part of it any more.
	ChildRemoved struct {
		Child itsm.ID `json:"child"`
	}
	// Linked: a problem or a change was linked.
	Linked struct {
		Problem itsm.ID `json:"problem,omitempty"`
		Change  itsm.ID `json:"change,omitempty"`
	}
	// Migrated: it runs under another version of its lifecycle.
	Migrated struct {
		To
		From string `json:"from_version"`
		Into string `json:"to_version"`
	}
	// ClocksMoved: the clocks of the targets took notice.
	ClocksMoved struct {
		Events []sla.Event `json:"events"`
	}
)

func (Recorded) EventType() string           { return "incident.recorded" }
func (RecurrenceLinked) EventType() string   { return "incident.recurrence_linked" }
func (Triaged) EventType() string            { return "incident.triaged" }
func (Prioritised) EventType() string        { return "incident.prioritised" }
func (Overridden) EventType() string         { return "incident.priority_overridden" }
func (OverrideEnded) EventType() string      { return "incident.override_ended" }
func (Dispatched) EventType() string         { return "incident.dispatched" }
func (Started) EventType() string            { return "incident.started" }
func (Investigated) EventType() string       { return "incident.investigated" }
func (Attempted) EventType() string          { return "incident.attempted" }
func (NotSolved) EventType() string          { return "incident.not_solved" }
func (WorkedAround) EventType() string       { return "incident.restored" }
func (Escalated) EventType() string          { return "incident.escalated" }
func (Accepted) EventType() string           { return "incident.accepted" }
func (Returned) EventType() string           { return "incident.returned" }
func (HandOverOverdue) EventType() string    { return "incident.hand_over_overdue" }
func (PutOnHold) EventType() string          { return "incident.put_on_hold" }
func (Resumed) EventType() string            { return "incident.resumed" }
func (Bumped) EventType() string             { return "incident.bumped" }
func (HoldReviewDue) EventType() string      { return "incident.hold_review_due" }
func (Proposed) EventType() string           { return "incident.resolution_proposed" }
func (Rejected) EventType() string           { return "incident.rejected" }
func (Reopened) EventType() string           { return "incident.reopened" }
func (Confirmed) EventType() string          { return "incident.confirmed" }
func (Closed) EventType() string             { return "incident.closed" }
func (CancelledEvent) EventType() string     { return "incident.cancelled" }
func (Moved) EventType() string              { return "incident.moved" }
func (BusinessAssessed) EventType() string   { return "incident.business_assessed" }
func (ArrivedOnSite) EventType() string      { return "incident.arrived" }
func (FollowedUp) EventType() string         { return "incident.followed_up" }
func (FollowUpMissed) EventType() string     { return "incident.follow_up_missed" }
func (Promised) EventType() string           { return "incident.promised" }
func (PromiseKept) EventType() string        { return "incident.promise_kept" }
func (UrgentlyDispatched) EventType() string { return "incident.urgently_dispatched" }
func (PaperworkDone) EventType() string      { return "incident.paperwork_done" }
func (PaperworkOverdue) EventType() string   { return "incident.paperwork_overdue" }
func (InfectionConfirmed) EventType() string { return "incident.infection_confirmed" }
func (Contacted) EventType() string          { return "incident.contacted" }
func (AlertRepeated) EventType() string      { return "incident.alert_repeated" }
func (AlertCleared) EventType() string       { return "incident.alert_cleared" }
func (Merged) EventType() string             { return "incident.merged" }
func (Absorbed) EventType() string           { return "incident.absorbed" }
func (Unmerged) EventType() string           { return "incident.unmerged" }
func (Released) EventType() string           { return "incident.released" }
func (ParentSet) EventType() string          { return "incident.parent_set" }
func (ChildAdded) EventType() string         { return "incident.child_added" }
func (ChildRemoved) EventType() string       { return "incident.child_removed" }
func (Linked) EventType() string             { return "incident.linked" }
func (Migrated) EventType() string           { return "incident.migrated" }
func (ClocksMoved) EventType() string        { return "incident.clocks_moved" }

func events() []itsm.Payload {
	return []itsm.Payload{
		Recorded{}, RecurrenceLinked{}, Triaged{}, Prioritised{}, Overridden{}, OverrideEnded{}, Dispatched{}, Started{}, Investigated{},
		Attempted{}, NotSolved{}, WorkedAround{}, Escalated{}, Accepted{}, Returned{}, HandOverOverdue{}, PutOnHold{}, Resumed{}, Bumped{},
		HoldReviewDue{}, Proposed{}, Rejected{}, Reopened{}, Confirmed{}, Closed{}, CancelledEvent{}, Moved{}, BusinessAssessed{},
		ArrivedOnSite{}, FollowedUp{}, FollowUpMissed{}, Promised{}, PromiseKept{}, UrgentlyDispatched{}, PaperworkDone{}, PaperworkOverdue{},
		InfectionConfirmed{}, Contacted{}, AlertRepeated{}, AlertCleared{}, Merged{}, Absorbed{}, Unmerged{}, Released{}, ParentSet{},
		ChildAdded{}, ChildRemoved{}, Linked{}, Migrated{}, ClocksMoved{},
		MajorProposed{}, MajorDeclared{}, MajorRejected{}, MajorUpdated{}, MajorUpdateMissed{}, MajorStabilised{}, MajorStoodDown{}, MajorReviewed{}, MajorReviewOverdue{},
	}
}

func (e Recorded) apply(r *Incident, ev *itsm.Event) {
	r.Lifecycle, r.State, r.Since = e.Lifecycle, StateRecorded, ev.At
	r.Origin, r.Channel, r.Owner, r.Caller, r.Reports = e.Origin, e.Channel, e.Owner, e.Caller, 1
	r.Caller.VIP = e.VIP
	r.Summary, r.Description, r.Department, r.CI, r.Service = e.Summary, e.Description, e.Department, e.CI, e.Service
	r.Began, r.Alert, r.Security = e.Began, e.Alert, e.Security
	r.Business.Start = e.Began
	if r.Business.Start.IsZero() {
		r.Business.Start = ev.At
	}
}

func (e RecurrenceLinked) apply(r *Incident, _ *itsm.Event) { r.Recurrence = &e.Recurrence }

func (e Triaged) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	if e.Type != r.Type {
		r.Hold = nil // whom the ticket waited for was a matter of what it was
	}
	r.Type, r.Impact, r.Urgency, r.Category = e.Type, e.Impact, e.Urgency, e.Category
	r.Service, r.Grade, r.Department, r.Setting = e.Service, e.Grade, e.Department, e.Setting
	r.CareDepends, r.Safety, r.Work = e.CareDepends, e.Safety, e.Work
	if !e.Again && r.Tier == 0 {
		r.Tier = TierFirst
	}
}

func (e Prioritised) apply(r *Incident, _ *itsm.Event) {
	r.Derived = e.Derived
	if r.Override == nil {
		r.Priority = e.Derived.Priority
	}
}

func (e Overridden) apply(r *Incident, _ *itsm.Event) {
	r.Override, r.Priority = &e.Override, e.Override.Priority
}

func (OverrideEnded) apply(r *Incident, _ *itsm.Event) {
	r.Override, r.Priority = nil, r.Derived.Priority
}

func (e Dispatched) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	if e.Again {
		r.Reassignments++
	}
	r.Group, r.Assignee, r.Tier, r.OnSite = e.Group, e.Assignee, e.Tier, e.OnSite
	if !e.FollowUp.IsZero() {
		r.FollowUp.Next = e.FollowUp
	}
}

func (e Started) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Assignee = e.By
	if r.Responded.IsZero() {
		r.Responded = ev.At
	}
}

func (e Investigated) apply(r *Incident, _ *itsm.Event) {
	set(&r.Diagnosis, e.Diagnosis)
	set(&r.CI, e.CI)
	set(&r.Symptom, e.Symptom)
	set(&r.Scope, e.Scope)
	set(&r.Category, e.Category)
	if !e.Began.IsZero() {
		r.Began = e.Began
	}
}

func set[T ~string](field *T, v T) {
	if v != "" {
		*field = v
	}
}

func (e Attempted) apply(r *Incident, _ *itsm.Event) { r.Attempts = itsm.Plus(r.Attempts, e.Attempt) }

func (NotSolved) apply(r *Incident, _ *itsm.Event) { r.Loops++ }

func (e WorkedAround) apply(r *Incident, _ *itsm.Event) {
	r.Restored = e.At
	set(&r.Workaround, e.Workaround)
}

func (e Escalated) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.HandOvers = itsm.Plus(r.HandOvers, e.Escalation)
	if e.Escalation.Consult {
		return
	}
	if r.Group != e.Escalation.To {
		r.Reassignments++
	}
	r.Group, r.Tier, r.Assignee = e.Escalation.To, e.Escalation.ToTier, ""
}

func (e Accepted) apply(r *Incident, ev *itsm.Event) {
	var h *Escalation
	r.HandOvers, h = last(r.HandOvers)
	h.Accepted, h.AcceptBy = ev.At, e.By
	if !h.Consult {
		r.Assignee = e.By
	}
}

func (e Returned) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	var h *Escalation
	r.HandOvers, h = last(r.HandOvers)
	h.Returned, h.Answer = ev.At, e.Answer
	if !h.Consult {
		if r.Group != e.Group {
			r.Reassignments++
		}
		r.Group, r.Tier, r.Assignee = e.Group, e.Tier, ""
	}
}

func (HandOverOverdue) apply(r *Incident, _ *itsm.Event) {
	var h *Escalation
	r.HandOvers, h = last(r.HandOvers)
	h.Overdue = true
}

func (e PutOnHold) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	h := e.Hold
	r.Hold = &h
	r.Holds++
}

func (e Resumed) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Hold = nil
	if r.Responded.IsZero() {
		r.Responded = ev.At
	}
}

func (e Bumped) apply(r *Incident, _ *itsm.Event) {
	h := *r.Hold
	h.Bumped, h.NextBump = e.Nth, e.Next
	r.Hold = &h
}

func (HoldReviewDue) apply(r *Incident, _ *itsm.Event) {
	h := *r.Hold
	h.Review = time.Time{}
	r.Hold = &h
}

func (e Proposed) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Proposals = itsm.Plus(r.Proposals, e.Proposal)
	r.Resolved, r.FirstContact, r.Confirmed = ev.At, e.First, nil
	if r.Restored.IsZero() {
		r.Restored = ev.At
	}
	if r.Business.End.IsZero() && !r.Restored.Before(r.Business.Start) {
		r.Business.End = r.Restored
	}
}

// undo takes back that it was solved.
func (r *Incident) undo(why string) {
	var p *Proposal
	r.Proposals, p = last(r.Proposals)
	p.Rejected = why
	r.Resolved, r.Confirmed, r.FirstContact = time.Time{}, nil, false
	if r.Workaround == "" {
		r.Restored, r.Business.End = time.Time{}, time.Time{}
	}
}

func (e Rejected) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.undo(e.Why)
	r.Rejections++
}

func (e Reopened) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.undo(e.Why)
	r.Reopenings++
}

func (e Confirmed) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Confirmed = &e.Confirmation
}

func (e Closed) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Closure = &e.Closure
	r.FollowUp.Next = time.Time{}
}

func (e CancelledEvent) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Cancelled, r.Hold = &e.Cancellation, nil
	r.FollowUp.Next = time.Time{}
}

func (e Moved) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	switch e.Step {
	case DoAnswer, DoReply, DoFulfil:
		r.Proposals = itsm.Plus(r.Proposals, Proposal{Solution: e.Text, Article: e.Article, By: ev.Actor, For: ev.OnBehalfOf, At: ev.At})
		r.Resolved = ev.At
	case DoDispute:
		r.undo(e.Text)
		r.Rejections++
	}
}

func (e BusinessAssessed) apply(r *Incident, _ *itsm.Event) { r.Business = e.Business }

func (e ArrivedOnSite) apply(r *Incident, _ *itsm.Event) { r.Arrived = &e.Arrival }

func (e FollowedUp) apply(r *Incident, _ *itsm.Event) {
	r.FollowUp.Count++
	r.FollowUp.Next = e.Next
}

func (e FollowUpMissed) apply(r *Incident, _ *itsm.Event) {
	r.FollowUp.Missed++
	r.FollowUp.Next = e.Next
}

func (e Promised) apply(r *Incident, _ *itsm.Event) { r.Promises = itsm.Plus(r.Promises, e.Promise) }

func (e PromiseKept) apply(r *Incident, ev *itsm.Event) {
	r.Promises = slices.Clone(r.Promises)
	r.Promises[e.Nth].Kept = ev.At
}

func (e UrgentlyDispatched) apply(r *Incident, _ *itsm.Event) { r.Urgent = &Paperwork{Due: e.Due} }

func (PaperworkDone) apply(r *Incident, ev *itsm.Event) {
	p := *r.Urgent
	p.Done = ev.At
	r.Urgent = &p
}

func (PaperworkOverdue) apply(r *Incident, _ *itsm.Event) {
	p := *r.Urgent
	p.Overdue = true
	r.Urgent = &p
}

func (e InfectionConfirmed) apply(r *Incident, _ *itsm.Event) { r.Infection = &e.Infection }

func (e Contacted) apply(r *Incident, _ *itsm.Event) {
	if e.Report {
		r.Reports++
	}
}

func (e AlertRepeated) apply(r *Incident, _ *itsm.Event) {
	a := *r.Alert
	a.Count++
	if e.At.After(a.Last) {
		a.Last = e.At
	}
	r.Alert = &a
}

func (e AlertCleared) apply(r *Incident, _ *itsm.Event) {
	a := *r.Alert
	a.Cleared = e.At
	r.Alert = &a
}

func (e Merged) apply(r *Incident, ev *itsm.Event) { r.MergedInto, r.MergedAt = e.Into, ev.At }

func (e Absorbed) apply(r *Incident, _ *itsm.Event) {
	r.Absorbed = itsm.Plus(r.Absorbed, e.Duplicate)
	r.Reports += e.Reports
}

func (Unmerged) apply(r *Incident, _ *itsm.Event) { r.MergedInto, r.MergedAt = "", time.Time{} }

func (e Released) apply(r *Incident, _ *itsm.Event) {
	r.Absorbed = without(r.Absorbed, e.Duplicate)
	r.Reports -= e.Reports
}

// without returns a copy of s that lacks v, nil when nothing is left.
func without[T comparable](s []T, v T) []T {
	s = slices.DeleteFunc(slices.Clone(s), func(w T) bool { return w == v })
	if len(s) == 0 {
		return nil
	}
	return s
}

func (e ParentSet) apply(r *Incident, _ *itsm.Event)    { r.Parent = e.Parent }
func (e ChildAdded) apply(r *Incident, _ *itsm.Event)   { r.Children = itsm.Plus(r.Children, e.Child) }
func (e ChildRemoved) apply(r *Incident, _ *itsm.Event) { r.Children = without(r.Children, e.Child) }

func (e Linked) apply(r *Incident, _ *itsm.Event) {
	set(&r.Problem, e.Problem)
	set(&r.Change, e.Change)
}

func (e Migrated) apply(r *Incident, ev *itsm.Event) {
	e.enter(r, ev)
	r.Lifecycle = e.Into
}

func (e ClocksMoved) apply(r *Incident, _ *itsm.Event) { r.Clocks = r.Clocks.Apply(e.Events...) }
