package change

import (
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// event is an event of the process: it stands here with its effect on the record.
type event interface {
	itsm.Payload
	apply(r *Change, ev *itsm.Event)
}

// To is the state that an event leads to. It stands in the event, so that a journal can be replayed without the table.
type To struct {
	State State `json:"to"`
}

func (t To) enter(r *Change, ev *itsm.Event) {
	if r.State != t.State {
		r.State, r.Since = t.State, ev.At
	}
	if t.State == StateClosed || t.State == StateCancelled || t.State == StateRejected {
		r.Ended = ev.At
	}
}

// The events up to the approval.
type (
	// Requested: the change began to be.
	Requested struct {
		Lifecycle string        `json:"lifecycle"`
		Policy    string        `json:"policy"`
		Type      Type          `json:"type"`
		Requester itsm.PersonID `json:"requester"`
		Request   Request       `json:"request"`
		Template  *TemplateUse  `json:"template,omitempty"`
	}
	// Described: what is wanted was written down anew, as a whole.
	Described struct {
		Request Request `json:"request"`
	}
	// Planned: how it is made was written down anew, as a whole.
	Planned struct {
		Plan Plan `json:"plan"`
	}
	// StatementSet: the statement of a maintenance of business data was named.
	StatementSet struct {
		System    string      `json:"system"`
		Statement string      `json:"statement"`
		Digest    itsm.Digest `json:"digest,omitzero"`
	}
	// Submitted: the requester is done.
	Submitted struct{ To }
	// Returned: something is missing in the request.
	Returned struct {
		To
		Why string `json:"why" itsm:"personal,text"`
	}
	// Classified: it was decided how the change is treated.
	Classified struct {
		To
		Type      Type   `json:"type"`
		Scale     Scale  `json:"scale,omitempty"`
		Suggested Type   `json:"suggested"`
		Why       string `json:"why,omitempty" itsm:"personal,text"` // why otherwise than suggested
		Project   bool   `json:"project,omitempty"`
		Lifecycle string `json:"lifecycle"`
	}
	// RiskScored: the risk was computed.
	RiskScored struct {
		Score Score `json:"score"`
	}
	// RiskRaised: a person put the risk higher than computed.
	RiskRaised struct {
		Risk Risk   `json:"risk"`
		Why  string `json:"why" itsm:"personal,text"`
	}
	// AssessmentBegun: it is being assessed.
	AssessmentBegun struct{ To }
	// Assessed: one point of view was given.
	Assessed struct {
		Assessment Assessment `json:"assessment"`
	}
	// BuildBegun: it is being built.
	BuildBegun struct{ To }
	// Built: something was built.
	Built struct {
		Evidence Evidence `json:"evidence"`
	}
	// TestBegun: it is being tested.
	TestBegun struct{ To }
	// Tested: something was tested.
	Tested struct {
		Evidence Evidence `json:"evidence"`
	}
	// Rehearsed: the way back was tried.
	Rehearsed struct {
		Evidence Evidence `json:"evidence"`
	}
	// TaskFinished: a task was done.
	TaskFinished struct {
		Nth int `json:"nth"`
	}
	// ApprovalAsked: the content was put to those who decide.
	ApprovalAsked struct {
		To
		Latest    time.Time  `json:"latest"`              // decision to go back
		Conflicts []Conflict `json:"conflicts,omitempty"` // known by then
		Hours     string     `json:"hours,omitempty"`     // version of the hours
		Affected  []itsm.Ref `json:"affected,omitempty"`  // impact closure of the items
		Groups    []Group    `json:"groups,omitempty"`    // of redundant items
	}
	// Balloted: the vote took its course.
	Balloted struct {
		Events []approval.Event `json:"events"`
	}
	// Approved: it may be implemented as it is.
	Approved struct {
		To
		Consent Consent `json:"consent"`
	}
	// Rejected: it will not be done.
	Rejected struct {
		To
		Why string `json:"why,omitempty" itsm:"personal,text"`
	}
	// Reworked: it is worked out anew, and has to be approved anew.
	Reworked struct {
		To
		Why string `json:"why,omitempty" itsm:"personal,text"`
	}
	// Cancelled: it was given up.
	Cancelled struct {
		To
		Why string `json:"why" itsm:"personal,text"`
	}
	// Waived: somebody let a conflict pass.
	Waived struct {
		Waiver Waiver `json:"waiver"`
	}
	// Scheduled: it stands in the schedule.
	Scheduled struct {
		To
		Conflicts []Conflict `json:"conflicts,omitempty"`
	}
	// Announced: the dates were told to those who are concerned.
	Announced struct {
		Announcement Announcement `json:"announcement"`
	}
)

// The events from the implementation on.
type (
	// Started: work on production began.
	Started struct {
		To
		Baseline  []ItemState `json:"baseline,omitempty"`
		Decide    time.Time   `json:"decide"`
		Conflicts []Conflict  `json:"conflicts,omitempty"`
		Content   itsm.Digest `json:"content"` // that was approved and is implemented
		PaperDue  time.Time   `json:"paper_due,omitzero"`
	}
	// StepBegun: the next step began.
	StepBegun struct {
		Nth    int       `json:"nth"`
		Decide time.Time `json:"decide"` // last safe decision from now on
	}
	// StepFinished: the step is over.
	StepFinished struct {
		Nth       int    `json:"nth"`
		Passed    bool   `json:"passed"`
		Deviation string `json:"deviation,omitempty" itsm:"personal,text"`
		Beyond    bool   `json:"beyond,omitempty"`
	}
	// DeviationAccepted: a deviation beyond the tolerance does not stop the change.
	DeviationAccepted struct {
		Nth int    `json:"nth"`
		Why string `json:"why" itsm:"personal,text"`
	}
	// DecisionNear: the last safe instant for going back is near.
	DecisionNear struct {
		Decide time.Time `json:"decide"`
	}
	// DecisionPassed: it passed without a decision to go on.
	DecisionPassed struct {
		Decide time.Time `json:"decide"`
	}
	// WentOn: it was decided to go on past it.
	WentOn struct {
		Go Go `json:"go"`
	}
	// Overran: the window is over and the work is not.
	Overran struct {
		Closes time.Time `json:"closes"`
	}
	// Halted: a freeze stops the work after the present step.
	Halted struct {
		Freeze string `json:"freeze"`
	}
	// EvidenceTaken: the state of business data was recorded.
	EvidenceTaken struct {
		After    bool     `json:"after,omitempty"`
		Evidence Evidence `json:"evidence"`
	}
	// DataChecked: a second person looked at the data.
	DataChecked struct {
		Finding string `json:"finding" itsm:"personal,text"`
	}
	// Succeeded: it is done.
	Succeeded struct {
		To
		Result  Result `json:"result"`
		Partial string `json:"partial,omitempty"` // the agreed partial result
	}
	// Failed: it did not work. Backing out is the only way on.
	Failed struct {
		To
		Failure  Failure   `json:"failure"`
		Accounts []Account `json:"accounts,omitempty"`
	}
	// BackoutBegun: it is being taken back.
	BackoutBegun struct{ To }
	// Restored: it is taken back.
	Restored struct {
		To
		Verified string `json:"verified" itsm:"personal,text"`
		Late     bool   `json:"late,omitempty"` // after the window
	}
	// Compared: the items were set against those before.
	Compared struct {
		Comparison Comparison `json:"comparison"`
	}
	// DifferenceReported: an incident was opened about a difference.
	DifferenceReported struct {
		Nth      int     `json:"nth"`
		Incident itsm.ID `json:"incident"`
	}
	// Reviewed: it was looked back at.
	Reviewed struct {
		To
		Review Review `json:"review"`
	}
	// ReviewWanted: the review has a date.
	ReviewWanted struct {
		Due time.Time `json:"due"`
	}
	// ReviewOverdue: the review did not come in time.
	ReviewOverdue struct{}
	// Linked: a problem or an incident has to do with it.
	Linked struct {
		Link     LinkInfo  `json:"link"`
		Accounts []Account `json:"accounts,omitempty"` // when it is about harm
	}
	// Informed: a linked record was told the result.
	Informed struct {
		To itsm.Ref `json:"informed"`
	}
	// PaperDone: what an emergency owed is there.
	PaperDone struct {
		Request  Request `json:"request"`
		TestPlan string  `json:"test_plan,omitempty" itsm:"personal,text"`
		Score    Score   `json:"score,omitzero"`
	}
	// PaperOverdue: it did not come in time.
	PaperOverdue struct{}
	// Closed: nothing is left to do.
	Closed struct{ To }
)

func (Requested) EventType() string          { return "change.requested" }
func (Described) EventType() string          { return "change.described" }
func (Planned) EventType() string            { return "change.planned" }
func (StatementSet) EventType() string       { return "change.statement_set" }
func (Submitted) EventType() string          { return "change.submitted" }
func (Returned) EventType() string           { return "change.returned" }
func (Classified) EventType() string         { return "change.classified" }
func (RiskScored) EventType() string         { return "change.risk_scored" }
func (RiskRaised) EventType() string         { return "change.risk_raised" }
func (AssessmentBegun) EventType() string    { return "change.assessment_begun" }
func (Assessed) EventType() string           { return "change.assessed" }
func (BuildBegun) EventType() string         { return "change.build_begun" }
func (Built) EventType() string              { return "change.built" }
func (TestBegun) EventType() string          { return "change.test_begun" }
func (Tested) EventType() string             { return "change.tested" }
func (Rehearsed) EventType() string          { return "change.backout_rehearsed" }
func (TaskFinished) EventType() string       { return "change.task_finished" }
func (ApprovalAsked) EventType() string      { return "change.approval_asked" }
func (Balloted) EventType() string           { return "change.balloted" }
func (Approved) EventType() string           { return "change.approved" }
func (Rejected) EventType() string           { return "change.rejected" }
func (Reworked) EventType() string           { return "change.reworked" }
func (Cancelled) EventType() string          { return "change.cancelled" }
func (Waived) EventType() string             { return "change.conflict_waived" }
func (Scheduled) EventType() string          { return "change.scheduled" }
func (Announced) EventType() string          { return "change.announced" }
func (Started) EventType() string            { return "change.started" }
func (StepBegun) EventType() string          { return "change.step_begun" }
func (StepFinished) EventType() string       { return "change.step_finished" }
func (DeviationAccepted) EventType() string  { return "change.deviation_accepted" }
func (DecisionNear) EventType() string       { return "change.decision_near" }
func (DecisionPassed) EventType() string     { return "change.decision_passed" }
func (WentOn) EventType() string             { return "change.went_on" }
func (Overran) EventType() string            { return "change.overran" }
func (Halted) EventType() string             { return "change.halted" }
func (EvidenceTaken) EventType() string      { return "change.evidence_taken" }
func (DataChecked) EventType() string        { return "change.data_checked" }
func (Succeeded) EventType() string          { return "change.succeeded" }
func (Failed) EventType() string             { return "change.failed" }
func (BackoutBegun) EventType() string       { return "change.backout_begun" }
func (Restored) EventType() string           { return "change.restored" }
func (Compared) EventType() string           { return "change.compared" }
func (DifferenceReported) EventType() string { return "change.difference_reported" }
func (Reviewed) EventType() string           { return "change.reviewed" }
func (ReviewWanted) EventType() string       { return "change.review_wanted" }
func (ReviewOverdue) EventType() string      { return "change.review_overdue" }
func (Linked) EventType() string             { return "change.linked" }
func (Informed) EventType() string           { return "change.informed" }
func (PaperDone) EventType() string          { return "change.paper_done" }
func (PaperOverdue) EventType() string       { return "change.paper_overdue" }
func (Closed) EventType() string             { return "change.closed" }

func events() []itsm.Payload {
	return []itsm.Payload{
		Requested{}, Described{}, Planned{}, StatementSet{}, Submitted{}, Returned{}, Classified{}, RiskScored{}, RiskRaised{}, AssessmentBegun{}, Assessed{}, BuildBegun{},
		Built{}, TestBegun{}, Tested{}, Rehearsed{}, TaskFinished{}, ApprovalAsked{}, Balloted{}, Approved{}, Rejected{}, Reworked{}, Cancelled{}, Waived{},
		Scheduled{}, Announced{}, Started{}, StepBegun{}, StepFinished{}, DeviationAccepted{}, DecisionNear{}, DecisionPassed{}, WentOn{}, Overran{}, Halted{},
		EvidenceTaken{}, DataChecked{}, Succeeded{}, Failed{}, BackoutBegun{}, Restored{}, Compared{}, DifferenceReported{}, Reviewed{}, ReviewWanted{}, ReviewOverdue{},
		Linked{}, Informed{}, PaperDone{}, PaperOverdue{}, Closed{},
	}
}
