package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// A Command is a command of the process; it stands with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

// The commands up to the test.
type (
	// Raise makes a change: a draft, in which anything may still be missing. With a template it takes the template's
	// procedure and backout over.
	Raise struct {
		Request
		Type     Type    `json:"type,omitempty"` // wanted; defaults to standard with a template, else normal
		Plan     *Plan   `json:"plan,omitempty"`
		Template itsm.ID `json:"template,omitempty"`
	}
	// Describe writes down anew, as a whole, what is wanted. Once approval was asked for, an edit of anything that is approved voids it.
	Describe struct{ Request }
	// SetPlan writes down anew, as a whole, how it is made. Once approval was asked for, it voids it likewise.
	SetPlan struct{ Plan }
	// SetStatement names the statement or script of a maintenance of business data. Once approval was asked for, it voids it.
	SetStatement struct {
		System    string      `json:"system"`
		Statement string      `json:"statement"`
		Digest    itsm.Digest `json:"digest,omitzero"` // of the statement
	}
	// Submit hands the request in. That of a maintenance of business data is handed in by their owner.
	Submit struct{}
	// Return gives the request back to the requester.
	Return struct {
		Why string `json:"why"`
	}
	// Classify decides how the change is treated. It may differ from what the rules suggest for a reason, see [itsm.Because].
	Classify struct {
		Type  Type  `json:"type,omitempty"`  // "" takes what is suggested
		Scale Scale `json:"scale,omitempty"` // of a normal change; "" takes what is suggested
	}
	// ScoreRisk computes the risk from answers to the factors of the risk model.
	ScoreRisk struct {
		Answers map[string]string `json:"answers"`
	}
	// RaiseRisk puts the risk higher than computed.
	RaiseRisk struct {
		Risk Risk   `json:"risk"`
		Why  string `json:"why"`
	}
	// BeginAssessment hands the change to those who assess it.
	BeginAssessment struct{}
	// Assess says how the change looks from one point of view. The two points of view are those of different people.
	Assess struct {
		Kind        AssessmentKind    `json:"kind"`
		Agrees      bool              `json:"agrees"`
		Conclusion  string            `json:"conclusion"`
		Heads       map[string]string `json:"heads,omitempty"`
		Departments []string          `json:"departments,omitempty"`
		Downtime    itsm.Duration     `json:"downtime,omitzero"`
	}
	// BeginBuild begins to build; both assessments must agree.
	BeginBuild struct{}
	// RecordBuild records something that was built.
	RecordBuild struct {
		Ref    string      `json:"ref"`
		Digest itsm.Digest `json:"digest,omitzero"`
		Note   string      `json:"note,omitempty"`
	}
	// BeginTest begins to test what was built.
	BeginTest struct{}
	// RecordTest records a test.
	RecordTest struct {
		Ref    string      `json:"ref"`
		Digest itsm.Digest `json:"digest,omitzero"` // of what was tested
		Cases  int         `json:"cases"`
		Failed int         `json:"failed,omitempty"`
		Note   string      `json:"note,omitempty"`
	}
	// RecordRehearsal records that the way back was tried.
	RecordRehearsal struct {
		Ref  string `json:"ref"`
		Note string `json:"note,omitempty"`
	}
	// FinishTask says that a task is done. Tasks are done in their order.
	FinishTask struct {
		Nth int `json:"nth"` // from 1
	}
	// Reject turns the request down before it comes to a vote.
	Reject struct {
		Why string `json:"why"`
	}
	// Rework takes the change back to where it is worked out.
	Rework struct {
		Why string `json:"why"`
	}
	// Cancel gives the change up. What is being implemented cannot be cancelled.
	Cancel struct {
		Why string `json:"why"`
	}
)

func (Raise) CommandName() string           { return "change.raise" }
func (Describe) CommandName() string        { return "change.describe" }
func (SetPlan) CommandName() string         { return "change.set_plan" }
func (SetStatement) CommandName() string    { return "change.set_statement" }
func (Submit) CommandName() string          { return "change.submit" }
func (Return) CommandName() string          { return "change.return" }
func (Classify) CommandName() string        { return "change.classify" }
func (ScoreRisk) CommandName() string       { return "change.score_risk" }
func (RaiseRisk) CommandName() string       { return "change.raise_risk" }
func (BeginAssessment) CommandName() string { return "change.begin_assessment" }
func (Assess) CommandName() string          { return "change.assess" }
func (BeginBuild) CommandName() string      { return "change.begin_build" }
func (RecordBuild) CommandName() string     { return "change.record_build" }
func (BeginTest) CommandName() string       { return "change.begin_test" }
func (RecordTest) CommandName() string      { return "change.record_test" }
func (RecordRehearsal) CommandName() string { return "change.record_rehearsal" }
func (FinishTask) CommandName() string      { return "change.finish_task" }
func (Reject) CommandName() string          { return "change.reject" }
func (Rework) CommandName() string          { return "change.rework" }
func (Cancel) CommandName() string          { return "change.cancel" }

// Creates marks the command that makes a change.
func (Raise) Creates() {}

func commands() []itsm.Command {
	return []itsm.Command{
		Raise{}, Describe{}, SetPlan{}, SetStatement{}, Submit{}, Return{}, Classify{}, ScoreRisk{}, RaiseRisk{}, BeginAssessment{}, Assess{}, BeginBuild{}, RecordBuild{},
		BeginTest{}, RecordTest{}, RecordRehearsal{}, FinishTask{}, Reject{}, Rework{}, Cancel{},
		RequestApproval{}, Vote{}, ConfirmOral{}, Recuse{}, ChangeElectorate{}, Preapprove{}, Waive{}, Schedule{}, Announce{},
		Start{}, BeginStep{}, FinishStep{}, AcceptDeviation{}, GoOn{}, TakeEvidence{}, CheckData{}, Succeed{}, Fail{}, BackOut{}, Restore{}, Compare{},
		ReportDifference{}, WriteReview{}, Link{}, Inform{}, CompleteRecord{}, Close{}, Impose{}, Tick{},
	}
}

func (c Raise) decide(d *decision) {
	t := c.Type
	switch {
	case t == "" && c.Template != "":
		t = TypeStandard
	case t == "":
		t = TypeNormal
	}
	itsm.Among(d.Draft, "type", t, Types()...)
	checkRequest(d, &c.Request)
	var use *TemplateUse
	plan := c.Plan
	if c.Template != "" {
		v := d.template(c.Template)
		if d.Failed() {
			return
		}
		use = &TemplateUse{ID: c.Template, Version: v.Nth, Digest: v.Digest}
		merged := v.plan(plan)
		plan = &merged
		if c.Category == "" {
			c.Category = v.Category
		}
	} else {
		d.RefuseWhen(t == TypeStandard, ruleNoTemplate)
	}
	if plan != nil {
		checkPlan(d, plan)
	}
	if d.Failed() {
		return
	}
	d.Emit(Requested{Lifecycle: d.p.Machine(t).Version(), Policy: d.p.policy.Version, Type: t, Requester: d.Env.Actor.ID, Request: c.Request.stored(), Template: use})
	if plan != nil {
		d.Emit(Planned{plan.stored()})
	}
}

// editable are the states in which a change may be worked on.
var editable = []State{StateDraft, StateSubmitted, StateClassified, StateAssessing, StateBuilding, StateTesting, StateAwaiting, StateApproved, StateScheduled}

func (c Describe) decide(d *decision) {
	d.in(editable...)
	checkRequest(d, &c.Request)
	if d.Failed() {
		return
	}
	d.Emit(Described{c.Request.stored()})
	d.edited("the request was edited")
}

func (c SetPlan) decide(d *decision) {
	d.in(editable...)
	checkPlan(d, &c.Plan)
	if d.Failed() {
		return
	}
	d.Emit(Planned{c.Plan.stored()})
	d.edited("the plan was edited")
}

func (c SetStatement) decide(d *decision) {
	d.in(editable...)
	d.RefuseWhen(d.Rec.Data == nil, ruleNoData)
	d.Need("system", c.System)
	d.Need("statement", c.Statement)
	d.Length("statement", c.Statement, maxText)
	if d.Failed() {
		return
	}
	d.Emit(StatementSet(c))
	d.edited("the statement was changed")
}

func (c Submit) decide(d *decision) {
	d.missing(AtSubmission)
	if r := &d.Rec; r.Category == Data && r.Owner != "" {
		d.RefuseWhen(!d.Env.Actor.Is(r.Owner), ruleNotOwner, "owner", r.Owner, "person", d.Env.Actor.ID)
	}
	to := d.move(DoSubmit)
	if d.Failed() {
		return
	}
	d.Emit(Submitted{To{to}})
}

// missing refuses with every piece of information that a stage asks for and that is not there.
func (d *decision) missing(s Stage) {
	for _, field := range d.p.policy.Missing(&d.Rec, s) {
		d.Need(field, "")
	}
	d.RefuseWhen(d.Rec.Category == Data && s != AtRecord && d.Rec.Owner == "", ruleNoOwner)
}

func (c Return) decide(d *decision) {
	d.Need("why", c.Why)
	to := d.move(DoReturn)
	if d.Failed() {
		return
	}
	d.Emit(Returned{To{to}, c.Why})
}

func (c Classify) decide(d *decision) {
	suggested, scale, project, err := d.p.policy.suggest(d.typeFacts())
	if err != nil {
		d.Fail(err)
		return
	}
	t := c.Type
	if t == "" {
		t = suggested
	}
	if t == suggested && c.Scale != "" || t == TypeNormal && t != suggested {
		scale = c.Scale
	} else if t != suggested {
		scale = ""
	}
	itsm.Among(d.Draft, "type", t, Types()...)
	if t == TypeNormal {
		itsm.Among(d.Draft, "scale", scale, Minor, Major)
	} else {
		d.RefuseWhen(scale != "", ruleScale)
	}
	d.RefuseWhen(t == TypeStandard && d.Rec.Template == nil, ruleNoTemplate)
	_, wanted, _, _ := d.p.policy.suggest(d.typeFacts())
	why := ""
	if t != suggested || scale != wanted {
		d.NeedReason()
		why = d.Env.Reason
	}
	to := d.move(DoClassify)
	if d.Failed() {
		return
	}
	d.Emit(Classified{To: To{to}, Type: t, Scale: scale, Suggested: suggested, Why: why, Project: project, Lifecycle: d.p.Machine(t).Version()})
}

func (d *decision) typeFacts() *TypeFacts {
	r := &d.Rec
	return &TypeFacts{Requested: r.Type, Template: r.Template != nil, Category: r.Category, Urgency: r.Urgency, Risk: r.Risk().Rank(), Services: r.Services,
		Grades: d.facts.Grades, Items: len(r.Items), Places: len(r.Departments), Hours: r.Window.Work().Length().Hours()}
}

func (c ScoreRisk) decide(d *decision) {
	d.in(editable[:len(editable)-2]...)
	score, reasons := d.p.risk.Score(c.Answers, d.facts.Failures)
	for _, r := range reasons {
		d.Refuse(r)
	}
	if d.Failed() {
		return
	}
	d.Emit(RiskScored{score})
	d.edited("the risk was computed anew")
}

func (c RaiseRisk) decide(d *decision) {
	d.in(editable...)
	d.Need("why", c.Why)
	itsm.Among(d.Draft, "risk", c.Risk, Risks()...)
	d.RefuseWhen(c.Risk.Rank() > 0 && c.Risk.Rank() <= d.Rec.Risk().Rank(), ruleNotHigher, "risk", c.Risk, "present", d.Rec.Risk())
	if d.Failed() {
		return
	}
	d.Emit(RiskRaised(c))
	d.edited("the risk was raised")
}

func (c BeginAssessment) decide(d *decision) {
	to := d.move(DoAssess)
	if d.Failed() {
		return
	}
	d.Emit(AssessmentBegun{To{to}})
}

func (c Assess) decide(d *decision) {
	if d.Rec.Emergency() {
		d.in(StateClassified, StateAwaiting, StateApproved, StateScheduled, StateImplementing, StateFailed, StateBackingOut, StateSucceeded, StateBackedOut, StateInReview)
	} else {
		d.in(StateAssessing)
	}
	itsm.Among(d.Draft, "kind", c.Kind, OfIT, OfBusiness)
	d.Need("conclusion", c.Conclusion)
	d.Length("conclusion", c.Conclusion, maxText)
	d.NotNegative("downtime", int64(c.Downtime))
	for _, head := range d.p.policy.Heads[c.Kind] {
		d.Need("heads."+head, c.Heads[head])
	}
	for _, head := range sortedKeys(c.Heads) {
		d.Code("heads", head)
		d.Length("heads."+head, c.Heads[head], maxText)
	}
	for _, other := range d.Rec.Assessments {
		if other.Kind != c.Kind && (d.Env.Actor.Is(other.By) || d.Env.Actor.Is(other.For)) {
			d.Refuse(ruleSameAssessor.With("person", d.Env.Actor.ID, "kind", other.Kind))
		}
	}
	if d.Failed() {
		return
	}
	d.Emit(Assessed{Assessment{Kind: c.Kind, By: d.Env.Actor.ID, For: d.Env.Actor.OnBehalfOf, At: d.Env.At, Agrees: c.Agrees, Conclusion: c.Conclusion, Heads: c.Heads,
		Departments: c.Departments, Downtime: c.Downtime, Conflicts: d.conflicts()}})
}

// assessed asks for both assessments, by different people, and that they agree.
func (d *decision) assessed() {
	for _, kind := range []AssessmentKind{OfIT, OfBusiness} {
		i := slices.IndexFunc(d.Rec.Assessments, func(a Assessment) bool { return a.Kind == kind })
		if i < 0 {
			d.Refuse(ruleNotAssessed.With("kind", kind))
		} else if !d.Rec.Assessments[i].Agrees {
			d.Refuse(ruleDisagrees.With("kind", kind, "person", d.Rec.Assessments[i].By))
		}
	}
}

func (c BeginBuild) decide(d *decision) {
	to := d.move(DoBuild)
	if d.Failed() {
		return
	}
	d.assessed()
	if d.Failed() {
		return
	}
	d.Emit(BuildBegun{To{to}})
}

func (c RecordBuild) decide(d *decision) {
	d.in(StateBuilding)
	d.Need("ref", c.Ref)
	if d.Failed() {
		return
	}
	d.Emit(Built{Evidence{Ref: c.Ref, Digest: c.Digest, Note: c.Note, By: d.Env.Actor.ID, At: d.Env.At}})
}

func (c BeginTest) decide(d *decision) {
	to := d.move(DoTest)
	if d.Failed() {
		return
	}
	d.RefuseWhen(len(d.Rec.Builds) == 0, ruleNoBuild)
	if d.Failed() {
		return
	}
	d.Emit(TestBegun{To{to}})
}

func (c RecordTest) decide(d *decision) {
	d.in(StateTesting)
	d.Need("ref", c.Ref)
	d.RefuseWhen(c.Cases < 1 || c.Failed < 0 || c.Failed > c.Cases, ruleCases, "cases", c.Cases, "failed", c.Failed)
	if d.Failed() {
		return
	}
	d.Emit(Tested{Evidence{Ref: c.Ref, Digest: c.Digest, Cases: c.Cases, Failed: c.Failed, Note: c.Note, By: d.Env.Actor.ID, At: d.Env.At}})
}

// tested asks for a test record, the last of which has no failures.
func (d *decision) tested() {
	if n := len(d.Rec.Tests); n == 0 {
		d.Refuse(ruleNoTest.With())
	} else if last := d.Rec.Tests[n-1]; last.Failed > 0 {
		d.Refuse(ruleTestFailed.With("ref", last.Ref, "failed", last.Failed))
	}
}

func (c RecordRehearsal) decide(d *decision) {
	d.in(editable...)
	d.Need("ref", c.Ref)
	if d.Failed() {
		return
	}
	d.Emit(Rehearsed{Evidence{Ref: c.Ref, Note: c.Note, By: d.Env.Actor.ID, At: d.Env.At}})
}

func (c FinishTask) decide(d *decision) {
	d.in(StateClassified, StateAssessing, StateBuilding, StateTesting, StateAwaiting, StateApproved, StateScheduled, StateImplementing, StateSucceeded, StateFailed,
		StateBackingOut, StateBackedOut, StateInReview)
	if c.Nth < 1 || c.Nth > len(d.Rec.Tasks) {
		d.Refuse(ruleNoTask.With("task", c.Nth, "tasks", len(d.Rec.Tasks)))
		return
	}
	d.RefuseWhen(d.Rec.taskDone(c.Nth), ruleTaskDone, "task", c.Nth)
	for _, n := range d.Rec.Tasks[c.Nth-1].After {
		d.RefuseWhen(!d.Rec.taskDone(n), ruleTaskFirst, "task", c.Nth, "first", n)
	}
	if d.Failed() {
		return
	}
	d.Emit(TaskFinished(c))
}

func (c *Change) taskDone(nth int) bool {
	return slices.ContainsFunc(c.Done, func(t TaskDone) bool { return t.Nth == nth })
}

// openTasks lists the tasks that are not done, those before the implementation only or all.
func (c *Change) openTasks(before bool) (open []int) {
	for i, t := range c.Tasks {
		if (t.Before || !before) && !c.taskDone(i+1) {
			open = append(open, i+1)
		}
	}
	return open
}

func (c Reject) decide(d *decision) {
	d.Need("why", c.Why)
	to := d.move(DoReject)
	if d.Failed() {
		return
	}
	d.withdraw(c.Why)
	d.Emit(Rejected{To{to}, c.Why})
}

func (c Rework) decide(d *decision) {
	d.Need("why", c.Why)
	to := d.move(DoRework)
	if d.Failed() {
		return
	}
	d.withdraw(c.Why)
	d.Emit(Reworked{To{to}, c.Why})
}

func (c Cancel) decide(d *decision) {
	d.Need("why", c.Why)
	to := d.move(DoCancel)
	if d.Failed() {
		return
	}
	d.withdraw(c.Why)
	d.Emit(Cancelled{To{to}, c.Why})
}

// withdraw takes an open vote back.
func (d *decision) withdraw(why string) {
	if d.Rec.Ballot.Outcome != approval.Open {
		return
	}
	events, err := d.Rec.Ballot.Withdraw(why, d.Env)
	d.balloted(events, err)
}

func join[T any](all []T) string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = fmt.Sprint(v)
	}
	return strings.Join(names, ", ")
}
