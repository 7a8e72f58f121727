package incident

import (
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A Command is a command of the process; it stands here with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

// The commands of the main line.
type (
	// Record makes a ticket. Everything else needs a recorded one. What must be there is little: a caller or a source,
	// and one line; a call also tells department and number to call back.
	Record struct {
		Channel     Channel         `json:"channel"`
		Caller      Caller          `json:"caller,omitzero"`
		Summary     string          `json:"summary"`
		Description string          `json:"description,omitempty"`
		Department  string          `json:"department,omitempty"` // defaults to the caller's
		CI          string          `json:"ci,omitempty"`
		Service     string          `json:"service,omitempty"`
		Began       time.Time       `json:"began,omitzero"`       // the trouble; defaults to when it was recorded
		Source      string          `json:"source,omitempty"`     // the system that noticed, instead of a caller
		Recurrence  itsm.ID         `json:"recurrence,omitempty"` // the closed incident that came back
		Alert       *AlertInfo      `json:"alert,omitempty"`
		Security    *SecurityOrigin `json:"security,omitempty"`
	}
	// Triage decides what the ticket is, how wide and how urgent. It may be decided anew, with a reason, until it is solved.
	Triage struct {
		Type        Type     `json:"type,omitempty"` // defaults to an incident
		Impact      Impact   `json:"impact"`
		Urgency     Urgency  `json:"urgency"`
		Category    Category `json:"category,omitempty"`
		Service     string   `json:"service,omitempty"` // defaults to that of the record
		Department  string   `json:"department,omitempty"`
		Setting     Setting  `json:"setting,omitempty"`
		CareDepends bool     `json:"care,omitempty"`
		Safety      bool     `json:"safety,omitempty"`
		Work        WorkType `json:"work,omitempty"`
	}
	// Dispatch gives the work to a group, perhaps to a person in it. It may be given to others until it is confirmed;
	// the owner stays the desk.
	Dispatch struct {
		Group    string        `json:"group"`
		Assignee itsm.PersonID `json:"assignee,omitempty"`
		Skill    string        `json:"skill,omitempty"`    // that the assignee must hold
		OnSite   bool          `json:"on_site,omitempty"`  // somebody has to go there
		Override string        `json:"override,omitempty"` // why it is given to somebody off duty or without the skill
	}
	// DispatchUrgent gives the work to the second line before the paperwork, which is owed within a time.
	DispatchUrgent struct {
		Group    string        `json:"group"`
		Assignee itsm.PersonID `json:"assignee,omitempty"`
		Why      string        `json:"why"`
	}
	// CompletePaperwork delivers what is owed after urgent handling.
	CompletePaperwork struct {
		Triage
		Diagnosis string `json:"diagnosis"`
	}
	// Start begins to work on it. When the ticket was handed over, it accepts the hand-over.
	Start struct{}
	// Investigate writes down what the first line found.
	Investigate struct {
		Diagnosis string    `json:"diagnosis,omitempty"`
		CI        string    `json:"ci,omitempty"`
		Symptom   string    `json:"symptom,omitempty"`
		Scope     string    `json:"scope,omitempty"`
		Began     time.Time `json:"began,omitzero"`
		Category  Category  `json:"category,omitempty"`
	}
	// Try writes down a try to solve it and what it led to, or why none was possible.
	Try struct {
		What    string  `json:"what"`
		Outcome Outcome `json:"outcome"`
		Tool    string  `json:"tool,omitempty"`
		Grant   string  `json:"grant,omitempty"` // approval of the tool
	}
	// KeepDiagnosing decides that it is not solved.
	KeepDiagnosing struct {
		Basis string `json:"basis"`
	}
	// Restore says that the service is usable again, by a workaround where there is one, though the cause is not removed.
	Restore struct {
		Workaround string `json:"workaround,omitempty"`
	}
	// Hold makes the work wait for a reason.
	Hold struct {
		Reason   string    `json:"reason"` // key of a [HoldReason]
		Awaiting string    `json:"awaiting,omitempty"`
		Note     string    `json:"note,omitempty"`
		Review   time.Time `json:"review,omitzero"` // when somebody looks at it again
		Bump     Bump      `json:"bump,omitzero"`
		Contacts int       `json:"contacts,omitempty"` // tries to reach who is awaited
	}
	// Resume goes on with the work.
	Resume struct{}
	// Propose decides that it is solved: the solution, and on what ground.
	Propose struct {
		Solution string `json:"solution"`
		Basis    string `json:"basis,omitempty"`
		Article  string `json:"article,omitempty"`
	}
	// Confirm is the desk's word that it is solved.
	Confirm struct {
		Proposal int           `json:"proposal,omitempty"` // number of the proposal that is confirmed; 0 for the last
		Word     UserWord      `json:"word"`
		Said     string        `json:"said,omitempty"`   // the user's words
		Tries    int           `json:"tries,omitempty"`  // calls to an unreachable user
		Second   itsm.PersonID `json:"second,omitempty"` // second agent, where the first solved it alone
	}
	// Reject is the desk's word that it is not solved.
	Reject struct {
		Why string `json:"why"`
	}
	// Reopen is the user's word, after the confirmation, that it is not solved.
	Reopen struct {
		Why string `json:"why"`
	}
	// Close ends a confirmed ticket.
	Close struct {
		CauseCode    string `json:"cause_code,omitempty"`
		SolutionCode string `json:"solution_code,omitempty"`
		CI           string `json:"ci,omitempty"` // defaults to that of the record
		NoCI         bool   `json:"no_ci,omitempty"`
	}
	// Cancel ends a ticket that is a duplicate or a mis-entry.
	Cancel struct {
		Reason CancelReason `json:"reason"`
		Note   string       `json:"note"`
	}
	// ResolveInCall takes a recorded ticket through all steps of the main line up to the proposal: triage, dispatch to the
	// desk itself, start, try, proposal. Each step stands in the journal.
	ResolveInCall struct {
		Triage
		Diagnosis string    `json:"diagnosis,omitempty"`
		CI        string    `json:"ci,omitempty"`
		Symptom   string    `json:"symptom,omitempty"`
		Scope     string    `json:"scope,omitempty"`
		Began     time.Time `json:"began,omitzero"`
		Group     string    `json:"group,omitempty"` // defaults to the owner's post
		Solution  string    `json:"solution"`
		Basis     string    `json:"basis,omitempty"`
		Article   string    `json:"article,omitempty"`
	}
	// RecordResolved is [Record] and [ResolveInCall] in one command.
	RecordResolved struct {
		Record   Record        `json:"record"`
		Resolved ResolveInCall `json:"resolved"`
	}
)

func (Record) CommandName() string            { return "incident.record" }
func (Triage) CommandName() string            { return "incident.triage" }
func (Dispatch) CommandName() string          { return "incident.dispatch" }
func (DispatchUrgent) CommandName() string    { return "incident.dispatch_urgent" }
func (CompletePaperwork) CommandName() string { return "incident.complete_paperwork" }
func (Start) CommandName() string             { return "incident.start" }
func (Investigate) CommandName() string       { return "incident.investigate" }
func (Try) CommandName() string               { return "incident.try" }
func (KeepDiagnosing) CommandName() string    { return "incident.keep_diagnosing" }
func (Restore) CommandName() string           { return "incident.restore" }
func (Hold) CommandName() string              { return "incident.hold" }
func (Resume) CommandName() string            { return "incident.resume" }
func (Propose) CommandName() string           { return "incident.propose" }
func (Confirm) CommandName() string           { return "incident.confirm" }
func (Reject) CommandName() string            { return "incident.reject" }
func (Reopen) CommandName() string            { return "incident.reopen" }
func (Close) CommandName() string             { return "incident.close" }
func (Cancel) CommandName() string            { return "incident.cancel" }
func (ResolveInCall) CommandName() string     { return "incident.resolve_in_call" }
func (RecordResolved) CommandName() string    { return "incident.record_resolved" }
func (OverridePriority) CommandName() string  { return "incident.override_priority" }
func (EndOverride) CommandName() string       { return "incident.end_override" }
func (Escalate) CommandName() string          { return "incident.escalate" }
func (Accept) CommandName() string            { return "incident.accept" }
func (Return) CommandName() string            { return "incident.return" }
func (AssessBusiness) CommandName() string    { return "incident.assess_business" }
func (Arrive) CommandName() string            { return "incident.arrive" }
func (FollowUp) CommandName() string          { return "incident.follow_up" }
func (NotePromise) CommandName() string       { return "incident.note_promise" }
func (KeepPromise) CommandName() string       { return "incident.keep_promise" }
func (ConfirmInfection) CommandName() string  { return "incident.confirm_infection" }
func (Contact) CommandName() string           { return "incident.contact" }
func (RepeatAlert) CommandName() string       { return "incident.repeat_alert" }
func (ClearAlert) CommandName() string        { return "incident.clear_alert" }
func (Merge) CommandName() string             { return "incident.merge" }
func (Unmerge) CommandName() string           { return "incident.unmerge" }
func (SetParent) CommandName() string         { return "incident.set_parent" }
func (Link) CommandName() string              { return "incident.link" }
func (Answer) CommandName() string            { return "incident.answer" }
func (Settle) CommandName() string            { return "incident.settle" }
func (Advance) CommandName() string           { return "incident.advance" }
func (Migrate) CommandName() string           { return "incident.migrate" }
func (AdjustClock) CommandName() string       { return "incident.adjust_clock" }
func (Tick) CommandName() string              { return "incident.tick" }
func (absorb) CommandName() string            { return "incident.absorb" }
func (adopt) CommandName() string             { return "incident.adopt" }

// Creates marks the commands that make a ticket.
func (Record) Creates()         {}
func (RecordResolved) Creates() {}

func commands() []itsm.Command {
	return []itsm.Command{
		Record{}, Triage{}, Dispatch{}, DispatchUrgent{}, CompletePaperwork{}, Start{}, Investigate{}, Try{}, KeepDiagnosing{}, Restore{}, Hold{},
		Resume{}, Propose{}, Confirm{}, Reject{}, Reopen{}, Close{}, Cancel{}, ResolveInCall{}, RecordResolved{}, OverridePriority{}, EndOverride{},
		Escalate{}, Accept{}, Return{}, AssessBusiness{}, Arrive{}, FollowUp{}, NotePromise{}, KeepPromise{}, ConfirmInfection{}, Contact{},
		RepeatAlert{}, ClearAlert{}, Merge{}, Unmerge{}, SetParent{}, Link{}, Answer{}, Settle{}, Advance{}, Migrate{}, AdjustClock{}, Tick{}, absorb{}, adopt{},
		ProposeMajor{}, DeclareMajor{}, RejectMajor{}, UpdateMajor{}, StabiliseMajor{}, StandDownMajor{}, ReviewMajor{},
	}
}

func (c Record) decide(d *decision) {
	itsm.Among(d.Draft, "channel", c.Channel, Channels()...)
	origin := ByUser
	source := c.Source
	if c.Alert != nil {
		source = c.Alert.Source
	}
	if c.Channel == Monitoring {
		origin = ByInfrastructure
		d.Need("source", source)
	} else if source == "" && c.Caller == (Caller{}) {
		d.Refuse(ruleNoCaller.With())
	}
	d.Need("summary", c.Summary)
	if c.Channel == Phone {
		d.Need("caller.department", c.Caller.Department)
		d.Need("caller.phone", c.Caller.Phone)
	}
	d.Length("summary", c.Summary, 1000)
	d.Length("description", c.Description, 64<<10)
	d.NotAfterNow("began", c.Began)
	if c.Recurrence != "" {
		switch prior := d.facts.Other; {
		case prior == nil:
			d.Refuse(ruleNoOther.With("id", c.Recurrence))
		case prior.State != StateClosed:
			d.Refuse(ruleNotClosed.With("id", c.Recurrence, "state", prior.State))
		}
	}
	if d.Failed() {
		return
	}
	department := c.Department
	if department == "" {
		department = c.Caller.Department
	}
	caller := c.Caller
	caller.VIP = false // kept outside the personal part
	d.Emit(Recorded{
		Lifecycle: d.p.incidents.Version(), Origin: origin, Channel: c.Channel, Owner: d.p.policy.OwnerPost, Caller: caller, VIP: c.Caller.VIP,
		Summary: c.Summary, Description: c.Description, Department: department, CI: c.CI, Service: c.Service, Began: itsm.Instant(c.Began),
		Alert: c.Alert, Security: c.Security,
	})
	if c.Recurrence != "" {
		d.Emit(RecurrenceLinked{Recurrence{Of: c.Recurrence, Reopens: d.facts.Other.ReopenCount() + 1}})
	}
}

func (c Triage) decide(d *decision) {
	again := d.Rec.State != StateRecorded
	kind := c.Type
	if kind == "" {
		kind = TypeIncident
	}
	itsm.Among(d.Draft, "type", kind, Types()...)
	d.Choice("impact", c.Impact.String(), "I1, I2, I3, I4", c.Impact.Valid())
	d.Choice("urgency", c.Urgency.String(), "U1, U2, U3, U4", c.Urgency.Valid())
	if c.Category != "" {
		itsm.Among(d.Draft, "category", c.Category, Categories()...)
	}
	if c.Setting != "" {
		itsm.Among(d.Draft, "setting", c.Setting, Settings()...)
	}
	d.onDuty()
	ev := Triaged{
		Type: kind, Impact: c.Impact, Urgency: c.Urgency, Category: or(c.Category, d.Rec.Category), Service: or(c.Service, d.Rec.Service),
		Grade: d.facts.Grade, Department: or(c.Department, d.Rec.Department), Setting: or(c.Setting, d.Rec.Setting),
		CareDepends: c.CareDepends, Safety: c.Safety, Work: or(c.Work, d.Rec.Work), Again: again,
	}
	if again {
		d.in(StateTriaged, StateDispatched, StateDiagnosing, StateOnHold, StateAnswering, StateAssigned, StateInvestigating, StateApproving, StateFulfilling)
		if d.Env.Reason == "" {
			d.Refuse(ruleRetriageReason.With())
		}
		ev.State = d.Rec.State
		if kind != d.Rec.Type { // it goes on from triage, under the lifecycle of its new type
			ev.State = StateTriaged
		}
	} else {
		ev.State = d.move(DoTriage)
	}
	if d.Failed() {
		return
	}
	d.Emit(ev)
	d.prioritise()
	d.proposeMajor()
}

func (c Dispatch) decide(d *decision) {
	d.Need("group", c.Group)
	d.fit(c.Assignee, c.Skill, c.Override)
	again := d.Rec.State != StateTriaged
	to := d.Rec.State
	switch {
	case d.Rec.State == StateRecorded:
		d.Refuse(ruleNotTriaged.With())
	case again:
		d.in(StateDispatched, StateDiagnosing, StateOnHold, StateProposed, StateAssigned, StateInvestigating, StateDisputed)
	default:
		d.onDuty()
		to = d.move(DoDispatch)
	}
	if d.Failed() {
		return
	}
	tier := max(d.Rec.Tier, TierFirst)
	d.Emit(Dispatched{
		To: To{to}, Group: c.Group, Assignee: c.Assignee, Tier: tier, OnSite: c.OnSite || again && d.Rec.OnSite, Override: c.Override,
		Again: again && c.Group != d.Rec.Group, FollowUp: d.followUp(),
	})
}

func (c DispatchUrgent) decide(d *decision) {
	d.Need("group", c.Group)
	d.Need("why", c.Why)
	if d.Rec.State != StateRecorded && d.Rec.State != StateTriaged {
		d.in(StateRecorded, StateTriaged)
	}
	if d.Failed() {
		return
	}
	if d.Rec.State == StateRecorded {
		d.Emit(Triaged{To: To{d.move(DoTriage)}, Type: TypeIncident, Impact: ImpactDepartment, Urgency: UrgencyNow,
			Category: d.Rec.Category, Service: d.Rec.Service, Grade: d.facts.Grade, Department: d.Rec.Department, Setting: d.Rec.Setting})
		d.prioritise()
		d.proposeMajor()
	}
	d.Emit(Dispatched{To: To{d.move(DoDispatch)}, Group: c.Group, Assignee: c.Assignee, Tier: TierSecond, Override: c.Why, FollowUp: d.followUp()})
	d.Emit(UrgentlyDispatched{Due: d.Env.At.Add(d.p.policy.PaperworkIn.Std())})
}

func (c CompletePaperwork) decide(d *decision) {
	if d.Rec.Urgent == nil || !d.Rec.Urgent.Done.IsZero() {
		d.Refuse(ruleNoPaperwork.With())
	}
	d.Need("diagnosis", c.Diagnosis)
	d.open()
	if d.Env.Reason == "" {
		d.Env.Reason = "paperwork of urgent handling"
	}
	if d.machine().Phase(d.Rec.State) != lifecycle.PhaseResolved {
		c.Triage.decide(d)
	}
	if d.Failed() {
		return
	}
	d.Emit(Investigated{Diagnosis: c.Diagnosis})
	d.Emit(PaperworkDone{})
}

func (c Start) decide(d *decision) {
	d.onDuty()
	to := d.move(DoStart)
	if d.Failed() {
		return
	}
	if h := d.pending(); h != nil && !h.Consult {
		d.Emit(Accepted{By: d.Env.Actor.ID})
	}
	d.Emit(Started{To: To{to}, By: d.Env.Actor.ID})
}

func (c Investigate) decide(d *decision) {
	d.open()
	d.onDuty()
	if c.Category != "" {
		itsm.Among(d.Draft, "category", c.Category, Categories()...)
	}
	if c == (Investigate{}) {
		d.Refuse(ruleNothing.With())
	}
	d.Length("diagnosis", c.Diagnosis, 64<<10)
	if d.Failed() {
		return
	}
	d.Emit(Investigated{c.Diagnosis, c.CI, c.Symptom, c.Scope, itsm.Instant(c.Began), c.Category})
}

func (c Try) decide(d *decision) {
	d.in(StateTriaged, StateDispatched, StateDiagnosing, StateOnHold)
	d.Need("what", c.What)
	all := []Outcome{Worked, Failed, NotPossible}
	itsm.Among(d.Draft, "outcome", c.Outcome, all...)
	d.tool(c.Tool, c.Grant)
	if d.Failed() {
		return
	}
	d.Emit(Attempted{Attempt{What: c.What, Outcome: c.Outcome, Tool: c.Tool, Grant: c.Grant, By: d.Env.Actor.ID, At: d.Env.At, Tier: d.Rec.Tier}})
}

func (c KeepDiagnosing) decide(d *decision) {
	d.in(StateDiagnosing)
	d.Need("basis", c.Basis)
	if d.Failed() {
		return
	}
	d.Emit(NotSolved(c))
}

func (c Restore) decide(d *decision) {
	d.in(StateDispatched, StateDiagnosing, StateOnHold)
	if !d.Rec.Restored.IsZero() {
		d.Refuse(ruleRestored.With("at", d.Rec.Restored))
	}
	if d.Failed() {
		return
	}
	d.Emit(WorkedAround{Workaround: c.Workaround, At: d.Env.At})
	d.prioritise()
}

func (c Hold) decide(d *decision) {
	reason, known := d.p.policy.holdReason(c.Reason)
	d.Choice("reason", c.Reason, d.p.holdKeys(), known)
	if known {
		if len(reason.Roles) > 0 && !d.Env.Actor.Has(reason.Roles...) {
			d.Refuse(ruleHoldRole.With("reason", c.Reason, "roles", list(reason.Roles)))
		}
		if reason.Contact && c.Contacts < 1 {
			d.Refuse(ruleHoldContact.With("reason", c.Reason))
		}
	}
	d.Later("review", c.Review)
	if (c.Bump.Every > 0) != (c.Bump.Count > 0) || c.Bump.Every < 0 || c.Bump.Count < 0 || c.Bump.Resolve != "" && c.Bump.Count == 0 {
		d.Refuse(ruleBump.With())
	}
	to := d.move(DoHold)
	if d.Failed() {
		return
	}
	h := HoldInfo{Reason: c.Reason, Awaiting: c.Awaiting, Note: c.Note, From: d.Env.At, Review: itsm.Instant(c.Review), Bump: c.Bump}
	if c.Bump.Count > 0 {
		h.NextBump = d.Env.At.Add(c.Bump.Every.Std())
	}
	d.Emit(PutOnHold{To{to}, h})
}

func (c Resume) decide(d *decision) {
	to := d.move(DoResume)
	if d.Failed() {
		return
	}
	d.Emit(Resumed{To{to}})
}

func (c Propose) decide(d *decision) {
	d.Need("solution", c.Solution)
	d.Length("solution", c.Solution, 64<<10)
	d.endOfFirstLine()
	if d.Rec.Major.Active() && d.p.policy.NeedPresence && d.Rec.Arrived == nil {
		d.Refuse(rulePresence.With())
	}
	if d.Rec.Safety && d.Rec.Major != nil && d.Rec.Major.State == MajorStateProposed {
		d.Refuse(ruleMajorOpen.With())
	}
	to := d.move(DoPropose)
	if d.Failed() {
		return
	}
	d.Emit(Proposed{
		To:       To{to},
		Proposal: Proposal{Solution: c.Solution, Basis: c.Basis, Article: c.Article, By: d.Env.Actor.ID, For: d.Env.Actor.OnBehalfOf, At: d.Env.At},
		First:    d.firstContact(),
	})
}

func (c Confirm) decide(d *decision) {
	if !d.Env.Actor.Has(itsm.RoleServiceDesk, itsm.RoleDeskManager) {
		d.Refuse(ruleDeskOnly.With("actor", d.Env.Actor.ID))
	}
	all := []UserWord{UserAgrees, UserUnreachable}
	itsm.Among(d.Draft, "word", c.Word, all...)
	if c.Word == UserUnreachable && c.Tries < d.p.policy.ConfirmTries {
		d.Refuse(ruleTries.With("tries", c.Tries, "want", d.p.policy.ConfirmTries))
	}
	n := len(d.Rec.Proposals)
	if c.Proposal != 0 && c.Proposal != n {
		d.Refuse(ruleOldProposal.With("proposal", c.Proposal, "last", n))
	}
	to := d.move(DoConfirm)
	if n > 0 {
		p := d.Rec.Proposals[n-1]
		resolver := func(who itsm.PersonID) bool { return who != "" && (who == p.By || who == p.For) }
		own := resolver(d.Env.Actor.ID) || resolver(d.Env.Actor.OnBehalfOf)
		second := c.Second != "" && !resolver(c.Second) && !d.Env.Actor.Is(c.Second)
		if c.Second != "" && !second {
			d.Refuse(ruleSecond.With("second", c.Second))
		}
		if own && !second && (c.Word != UserAgrees || c.Said == "") {
			d.Refuse(ruleOwnWork.With("actor", d.Env.Actor.ID))
		}
	}
	if d.Failed() {
		return
	}
	d.Emit(Confirmed{To{to}, Confirmation{Proposal: n, Word: c.Word, Said: c.Said, Tries: c.Tries, By: d.Env.Actor.ID, Second: c.Second, At: d.Env.At}})
}

func (c Reject) decide(d *decision) {
	d.Need("why", c.Why)
	to := d.move(DoReject)
	if d.Failed() {
		return
	}
	d.Emit(Rejected{To{to}, c.Why})
}

func (c Reopen) decide(d *decision) {
	d.Need("why", c.Why)
	if !d.Env.Actor.Has(d.p.policy.ReopenBy...) {
		d.Refuse(ruleReopenBy.With("roles", list(d.p.policy.ReopenBy)))
	}
	if d.Rec.State == StateClosed {
		d.Refuse(ruleClosedForGood.With("id", d.Rec.ID))
	} else if !d.Rec.Resolved.IsZero() {
		until, err := d.p.reopenUntil(d.Rec.Resolved)
		if err != nil {
			d.Fail(err)
			return
		}
		if d.Env.At.After(until) {
			d.Refuse(ruleReopenLate.With("days", d.p.policy.ReopenDays, "until", until, "id", d.Rec.ID))
		}
	}
	to := d.move(DoReopen)
	if d.Failed() {
		return
	}
	d.Emit(Reopened{To{to}, c.Why})
}

func (c Close) decide(d *decision) {
	ci := or(c.CI, d.Rec.CI)
	if d.p.policy.NeedClosureCodes {
		d.Need("cause_code", c.CauseCode)
		d.Need("solution_code", c.SolutionCode)
		if ci == "" && !c.NoCI {
			d.Refuse(ruleNoCI.With())
		}
	}
	d.Code("cause_code", c.CauseCode)
	d.Code("solution_code", c.SolutionCode)
	if ids := d.facts.OpenChildren; len(ids) > 0 {
		d.Refuse(ruleOpenChildren.With("children", list(ids)))
	}
	if d.Rec.Major != nil && (d.Rec.Major.State == MajorStateProposed || d.Rec.Major.Active()) {
		d.Refuse(ruleMajorOpen.With())
	}
	if u := d.Rec.Urgent; u != nil && u.Done.IsZero() {
		d.Refuse(rulePaperworkOwed.With("due", u.Due))
	}
	to := d.move(DoClose)
	if d.Failed() {
		return
	}
	if c.NoCI {
		ci = ""
	}
	d.Emit(Closed{To{to}, Closure{CauseCode: c.CauseCode, SolutionCode: c.SolutionCode, CI: ci, NoCI: c.NoCI || ci == "", By: d.Env.Actor.ID}})
}

func (c Cancel) decide(d *decision) {
	all := []CancelReason{Duplicate, MisEntry}
	itsm.Among(d.Draft, "reason", c.Reason, all...)
	d.Need("note", c.Note)
	to := d.move(DoCancel)
	if d.Failed() {
		return
	}
	d.cancel(to, c.Reason, c.Note)
}

func (c ResolveInCall) decide(d *decision) {
	d.Need("solution", c.Solution)
	if d.Failed() {
		return
	}
	if d.Rec.State == StateRecorded {
		c.Triage.decide(d)
	}
	if d.Failed() {
		return
	}
	if inv := (Investigate{c.Diagnosis, c.CI, c.Symptom, c.Scope, c.Began, ""}); inv != (Investigate{}) {
		inv.decide(d)
	}
	if d.Rec.State == StateTriaged {
		Dispatch{Group: or(c.Group, d.Rec.Owner), Assignee: d.Env.Actor.ID}.decide(d)
	}
	if d.Rec.State == StateDispatched {
		Start{}.decide(d)
	}
	Try{What: c.Solution, Outcome: Worked}.decide(d)
	Propose{c.Solution, c.Basis, c.Article}.decide(d)
}

func (c RecordResolved) decide(d *decision) {
	c.Record.decide(d)
	if !d.Failed() {
		c.Resolved.decide(d)
	}
}
