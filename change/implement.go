package change

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// The commands of the implementation and of the way back.
type (
	// Start begins the work on production: within the window, as approved, by those who were approved.
	Start struct{}
	// BeginStep begins the next step of the procedure.
	BeginStep struct{}
	// FinishStep says how the step went. A step that did not pass fails the change.
	FinishStep struct {
		Passed    bool   `json:"passed"`
		Deviation string `json:"deviation,omitempty"` // from the procedure
		Serious   bool   `json:"serious,omitempty"`   // it stops the change until somebody accepts it
	}
	// AcceptDeviation lets the change go on in spite of a deviation beyond the tolerance. The decider of the backout gives it.
	AcceptDeviation struct {
		Nth int    `json:"nth"` // step, from 1
		Why string `json:"why"`
	}
	// GoOn decides to go on past the last safe instant for going back. The decider of the backout gives it.
	GoOn struct {
		Why string `json:"why"`
	}
	// TakeEvidence records the state of business data before or after they are maintained.
	TakeEvidence struct {
		After bool   `json:"after,omitempty"`
		Ref   string `json:"ref"`
		Note  string `json:"note,omitempty"`
	}
	// CheckData is the check of maintained data by a second person.
	CheckData struct {
		Finding string `json:"finding"`
	}
	// Succeed ends the work well. A partial result counts as success only if it was agreed on in the plan.
	Succeed struct {
		Partial string `json:"partial,omitempty"`
	}
	// Fail ends the work badly. Backing out is the only way on.
	Fail struct {
		Why string `json:"why"`
	}
	// BackOut begins to take the change back.
	BackOut struct{}
	// Restore says that everything is as it was, and how that was verified.
	Restore struct {
		Verified string `json:"verified"`
	}
	// Impose applies a freeze that was published after the approval: what has not begun is worked out anew, what has
	// begun is treated as the freeze says.
	Impose struct {
		Freeze string `json:"freeze"`
	}
)

func (Start) CommandName() string           { return "change.start" }
func (BeginStep) CommandName() string       { return "change.begin_step" }
func (FinishStep) CommandName() string      { return "change.finish_step" }
func (AcceptDeviation) CommandName() string { return "change.accept_deviation" }
func (GoOn) CommandName() string            { return "change.go_on" }
func (TakeEvidence) CommandName() string    { return "change.take_evidence" }
func (CheckData) CommandName() string       { return "change.check_data" }
func (Succeed) CommandName() string         { return "change.succeed" }
func (Fail) CommandName() string            { return "change.fail" }
func (BackOut) CommandName() string         { return "change.back_out" }
func (Restore) CommandName() string         { return "change.restore" }
func (Impose) CommandName() string          { return "change.impose_freeze" }

func (c Start) decide(d *decision) {
	to := d.move(DoImplement)
	if d.Failed() {
		return
	}
	r := &d.Rec
	content := d.content()
	d.permitted(content.Digest)
	d.doer()
	d.RefuseWhen(len(r.Steps) == 0, ruleNoSteps)
	d.RefuseWhen(!r.Window.Work().Contains(d.Env.At), ruleOutsideWindow, "start", r.Window.Start, "end", r.Window.End, "at", d.Env.At)
	now := r.Window
	now.Start = d.Env.At
	if fit := FitOf(now, r.Steps, r.Backout); r.Window.Work().Contains(d.Env.At) && fit.Late > 0 {
		d.Refuse(ruleTooLate.With("step", fit.Late, "closes", r.Window.Closes(), "missing", fit.Missing))
	}
	d.RefuseWhen(len(d.facts.Unqualified) > 0, ruleUnqualified, "people", join(d.facts.Unqualified), "category", r.Category)
	d.RefuseWhen(len(d.facts.Waits) > 0, ruleWaits, "changes", join(d.facts.Waits))
	open := r.openTasks(true)
	d.RefuseWhen(len(open) > 0, ruleOpenTasks, "tasks", join(open))
	if d.p.policy.Announce && !r.Emergency() {
		missing := r.unannounced()
		d.RefuseWhen(len(missing) > 0, ruleUnannounced, "departments", join(missing))
	}
	d.RefuseWhen(r.Data != nil && r.Data.Before == nil, ruleNoBefore)
	found := d.conflicts()
	d.unwaived(found)
	if d.Failed() {
		return
	}
	ev := Started{To: To{to}, Baseline: d.facts.States, Decide: LastSafe(r.Window, r.Steps, r.Backout, 0), Conflicts: found, Content: content.Digest}
	if r.Emergency() {
		ev.PaperDue = d.Env.At.Add(d.p.policy.RecordWithin.Std())
	}
	d.Emit(ev)
}

// permitted asks for an approval of exactly this content, given before, by others than those who do the work.
func (d *decision) permitted(content itsm.Digest) {
	r := &d.Rec
	doers := append(r.doers(), d.Env.Actor.ID)
	if d.Env.Actor.OnBehalfOf != "" {
		doers = append(doers, d.Env.Actor.OnBehalfOf)
	}
	if r.Approved == nil || !r.Approved.Template {
		d.took(r.Ballot.Permits(content, d.Env.At, doers...))
		return
	}
	d.pinned()
	d.RefuseWhen(r.Approved.Content != content, approval.ErrOtherContent, "got", r.Approved.Content, "want", content)
	d.RefuseWhen(d.Env.At.Before(r.Approved.At), approval.ErrTooEarly, "start", d.Env.At, "approved", r.Approved.At)
	slices.Sort(doers)
	for _, person := range slices.Compact(doers) {
		d.RefuseWhen(r.Approved.by(person), approval.ErrDoerApproved, "person", person)
	}
}

// doer asks that the actor is one of those who were approved to do the work.
func (d *decision) doer() {
	if slices.ContainsFunc(d.Rec.doers(), d.Env.Actor.Is) {
		return
	}
	d.Refuse(ruleNotDoer.With("person", d.Env.Actor.ID, "doers", join(d.Rec.doers())))
}

// decider asks that the actor decides about the backout.
func (d *decision) decider() {
	if !d.Env.Actor.Is(d.Rec.Backout.Decider) {
		d.Refuse(ruleNotDecider.With("person", d.Env.Actor.ID, "decider", d.Rec.Backout.Decider))
	}
}

// running returns the step that is being made, if there is one.
func (w *Work) running() *StepResult {
	if n := len(w.Results); n > 0 && w.Results[n-1].Ended.IsZero() {
		return &w.Results[n-1]
	}
	return nil
}

// stopped returns the last step when a deviation stops the change.
func (w *Work) stopped() int {
	for _, s := range w.Results {
		if s.Beyond && s.Accepted == "" {
			return s.Nth
		}
	}
	return 0
}

// onward refuses to go on where only a decision, or the way back, is left.
func (d *decision) onward() {
	w := d.Rec.Work
	d.RefuseWhen(w.Overrun || !d.Env.At.Before(d.Rec.Window.Closes()), ruleOverrun, "closes", d.Rec.Window.Closes())
	due := !d.Env.At.Before(w.Decide) && w.Go == nil
	d.RefuseWhen(w.Passed || due, ruleDecide, "decide", w.Decide, "decider", d.Rec.Backout.Decider)
	if nth := w.stopped(); nth > 0 {
		d.Refuse(ruleStopped.With("step", nth))
	}
}

func (c BeginStep) decide(d *decision) {
	d.in(StateImplementing)
	if d.Failed() {
		return
	}
	w := d.Rec.Work
	d.doer()
	d.onward()
	d.RefuseWhen(w.running() != nil, ruleStepRuns, "step", w.Begun)
	d.RefuseWhen(w.Begun >= len(d.Rec.Steps), ruleNoStep, "steps", len(d.Rec.Steps))
	d.RefuseWhen(w.Halted != "", ruleHalted, "freeze", w.Halted)
	if d.Failed() {
		return
	}
	nth := w.Begun + 1
	d.RefuseWhen(!d.Env.Actor.Is(d.Rec.Steps[nth-1].Operator), ruleNotOperator, "person", d.Env.Actor.ID, "step", nth, "operator", d.Rec.Steps[nth-1].Operator)
	decide := LastSafe(d.Rec.Window, d.Rec.Steps, d.Rec.Backout, nth)
	d.RefuseWhen(!d.Env.At.Before(decide) && w.Go == nil, ruleDecide, "decide", decide, "decider", d.Rec.Backout.Decider)
	if d.Failed() {
		return
	}
	d.Emit(StepBegun{Nth: nth, Decide: decide})
}

func (c FinishStep) decide(d *decision) {
	d.in(StateImplementing)
	if d.Failed() {
		return
	}
	s := d.Rec.Work.running()
	if s == nil {
		d.Refuse(ruleNoRunning.With())
		return
	}
	d.RefuseWhen(!d.Env.Actor.Is(s.By), ruleNotOperator, "person", d.Env.Actor.ID, "step", s.Nth, "operator", s.By)
	d.RefuseWhen(d.Env.At.Before(s.Started), ruleBeforeStep, "started", s.Started)
	plan := d.Rec.Steps[s.Nth-1]
	slow := d.Env.At.Sub(s.Started) > plan.Estimate.Std()+plan.Tolerance.Std()
	if c.Serious || !c.Passed || slow {
		d.Need("deviation", c.Deviation)
	}
	d.Length("deviation", c.Deviation, maxText)
	if d.Failed() {
		return
	}
	d.Emit(StepFinished{Nth: s.Nth, Passed: c.Passed, Deviation: c.Deviation, Beyond: c.Passed && (c.Serious || slow)})
	if !c.Passed {
		d.fail(c.Deviation, false)
	}
}

func (c AcceptDeviation) decide(d *decision) {
	d.in(StateImplementing)
	if d.Failed() {
		return
	}
	d.Need("why", c.Why)
	d.decider()
	d.RefuseWhen(c.Nth < 1 || c.Nth != d.Rec.Work.stopped(), ruleNotStopped, "step", c.Nth)
	if d.Failed() {
		return
	}
	d.Emit(DeviationAccepted(c))
}

func (c GoOn) decide(d *decision) {
	d.in(StateImplementing)
	if d.Failed() {
		return
	}
	d.Need("why", c.Why)
	d.decider()
	w := d.Rec.Work
	d.RefuseWhen(w.Overrun || !d.Env.At.Before(d.Rec.Window.Closes()), ruleOverrun, "closes", d.Rec.Window.Closes())
	d.RefuseWhen(w.Go != nil, ruleWentOn)
	if d.Failed() {
		return
	}
	d.Emit(WentOn{Go{By: d.Env.Actor.ID, At: d.Env.At, Why: c.Why}})
}

func (c TakeEvidence) decide(d *decision) {
	d.RefuseWhen(d.Rec.Data == nil, ruleNoData)
	d.Need("ref", c.Ref)
	if c.After {
		d.in(StateImplementing)
	} else {
		d.in(StateApproved, StateScheduled)
	}
	if d.Failed() {
		return
	}
	if c.After {
		d.doer()
		d.RefuseWhen(d.Rec.Data.Checker != "", ruleChecked, "person", d.Rec.Data.Checker)
	}
	if d.Failed() {
		return
	}
	d.Emit(EvidenceTaken{After: c.After, Evidence: Evidence{Ref: c.Ref, Note: c.Note, By: d.Env.Actor.ID, At: d.Env.At}})
}

func (c CheckData) decide(d *decision) {
	d.in(StateImplementing)
	d.RefuseWhen(d.Rec.Data == nil, ruleNoData)
	d.Need("finding", c.Finding)
	if d.Failed() {
		return
	}
	d.RefuseWhen(d.Rec.Data.After == nil, ruleNoAfter)
	for _, person := range append(d.Rec.doers(), d.Rec.Data.Executor) {
		if d.Env.Actor.Is(person) {
			d.Refuse(ruleOwnCheck.With("person", person))
			break
		}
	}
	if d.Failed() {
		return
	}
	d.Emit(DataChecked(c))
}

func (c Succeed) decide(d *decision) {
	to := d.move(DoSucceed)
	if d.Failed() {
		return
	}
	r, w := &d.Rec, d.Rec.Work
	d.doer()
	d.onward()
	d.RefuseWhen(w.running() != nil, ruleStepRuns, "step", w.Begun)
	done := len(w.Results)
	if c.Partial != "" {
		d.RefuseWhen(!slices.Contains(r.Partial, c.Partial), rulePartial, "partial", c.Partial, "agreed", join(r.Partial))
	} else {
		d.RefuseWhen(done < len(r.Steps), ruleStepsLeft, "done", done, "steps", len(r.Steps))
	}
	if r.Data != nil {
		d.RefuseWhen(r.Data.After == nil, ruleNoAfter)
		d.RefuseWhen(r.Data.Checker == "", ruleUnchecked)
	}
	if d.Failed() {
		return
	}
	result := Successful
	if c.Partial != "" || slices.ContainsFunc(w.Results, func(s StepResult) bool { return s.Deviation != "" || s.Beyond }) {
		result = WithIssues
	}
	d.Emit(Succeeded{To: To{to}, Result: result, Partial: c.Partial})
	d.reviewDue()
}

func (c Fail) decide(d *decision) {
	d.Need("why", c.Why)
	d.in(StateImplementing)
	if d.Failed() {
		return
	}
	d.fail(c.Why, false)
}

// fail ends the work badly and writes down who answers for it.
func (d *decision) fail(why string, forced bool) {
	to := d.move(DoFail)
	if d.Failed() {
		return
	}
	f := Failure{Why: why, At: d.Env.At, By: d.Env.Actor.ID, Forced: forced}
	d.Emit(Failed{To: To{to}, Failure: f, Accounts: d.Rec.account("the change failed", d.Env.At)})
}

// account makes an entry for each approver and delegator.
func (c *Change) account(why string, at time.Time) (entries []Account) {
	if c.Approved == nil {
		return nil
	}
	for _, a := range c.Approved.Accounts {
		entries = append(entries, Account{Accountability: a, Why: why, Written: at})
	}
	return entries
}

func (c BackOut) decide(d *decision) {
	to := d.move(DoBackOut)
	if d.Failed() {
		return
	}
	d.Emit(BackoutBegun{To{to}})
}

func (c Restore) decide(d *decision) {
	to := d.move(DoRestore)
	d.Need("verified", c.Verified)
	d.Length("verified", c.Verified, maxText)
	if d.Failed() {
		return
	}
	d.Emit(Restored{To: To{to}, Verified: c.Verified, Late: d.Env.At.After(d.Rec.Window.Closes())})
	d.reviewDue()
}

func (c Impose) decide(d *decision) {
	d.in(StateApproved, StateScheduled, StateImplementing)
	d.Need("freeze", c.Freeze)
	if d.Failed() {
		return
	}
	site := d.site()
	rule, hit := d.p.hours.frozen(c.Freeze, d.Rec.Window, site)
	d.RefuseWhen(!hit, ruleNoFreeze, "freeze", c.Freeze)
	d.RefuseWhen(site.Emergency, ruleFreezeEmergency)
	if d.Failed() {
		return
	}
	switch {
	case d.Rec.State != StateImplementing:
		d.Emit(Reworked{To{d.move(DoRework)}, "freeze " + c.Freeze})
	case rule == GoBack:
		d.fail("freeze "+c.Freeze, true)
	case rule == FinishTheStep:
		if d.Rec.Work.Halted != c.Freeze {
			d.Emit(Halted(c))
		}
	}
}
