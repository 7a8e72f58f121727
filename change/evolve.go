package change

import (
	"slices"

	"github.com/hospital-itsm/itsm"
)

// What each event does to the record.

func (e Requested) apply(r *Change, ev *itsm.Event) {
	r.Lifecycle, r.Policy, r.Type, r.State, r.Since = e.Lifecycle, e.Policy, e.Type, StateDraft, ev.At
	r.Requester, r.Requested, r.Request, r.Template = e.Requester, ev.At, e.Request, e.Template
	for _, cause := range e.Request.Causes {
		r.Links = itsm.Plus(r.Links, LinkInfo{To: cause, Relation: BehindIt})
	}
	if e.Request.Category == Data {
		r.Data = &DataFix{}
	}
}

func (e Described) apply(r *Change, _ *itsm.Event) {
	r.Request = e.Request
	r.Links = slices.DeleteFunc(slices.Clone(r.Links), func(l LinkInfo) bool {
		return l.Relation == BehindIt && !slices.Contains(e.Request.Causes, l.To)
	})
	for _, cause := range e.Request.Causes {
		if !slices.ContainsFunc(r.Links, func(l LinkInfo) bool { return l.To == cause && l.Relation == BehindIt }) {
			r.Links = append(r.Links, LinkInfo{To: cause, Relation: BehindIt})
		}
	}
	if len(r.Links) == 0 {
		r.Links = nil
	}
	switch {
	case e.Request.Category != Data:
		r.Data = nil
	case r.Data == nil:
		r.Data = &DataFix{}
	}
}

func (e Planned) apply(r *Change, _ *itsm.Event) {
	if !slices.EqualFunc(r.Tasks, e.Plan.Tasks, sameTask) {
		r.Done = nil
	}
	r.Plan = e.Plan
}

func sameTask(a, b Task) bool {
	return a.Name == b.Name && a.Assignee == b.Assignee && slices.Equal(a.After, b.After)
}

func (e StatementSet) apply(r *Change, _ *itsm.Event) {
	d := DataFix{}
	if r.Data != nil {
		d = *r.Data
	}
	d.System, d.Statement, d.Digest = e.System, e.Statement, e.Digest
	r.Data = &d
}

func (e Submitted) apply(r *Change, ev *itsm.Event) { e.enter(r, ev) }
func (e Returned) apply(r *Change, ev *itsm.Event)  { e.enter(r, ev) }

func (e Classified) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Type, r.Scale, r.Suggested, r.Deviation, r.Project, r.Lifecycle = e.Type, e.Scale, e.Suggested, e.Why, e.Project, e.Lifecycle
}

func (e RiskScored) apply(r *Change, _ *itsm.Event)       { r.Score = e.Score }
func (e RiskRaised) apply(r *Change, _ *itsm.Event)       { r.Raised = e.Risk }
func (e AssessmentBegun) apply(r *Change, ev *itsm.Event) { e.enter(r, ev) }
func (e BuildBegun) apply(r *Change, ev *itsm.Event)      { e.enter(r, ev) }
func (e TestBegun) apply(r *Change, ev *itsm.Event)       { e.enter(r, ev) }
func (e Built) apply(r *Change, _ *itsm.Event)            { r.Builds = itsm.Plus(r.Builds, e.Evidence) }
func (e Tested) apply(r *Change, _ *itsm.Event)           { r.Tests = itsm.Plus(r.Tests, e.Evidence) }
func (e Rehearsed) apply(r *Change, _ *itsm.Event) {
	r.Rehearsals = itsm.Plus(r.Rehearsals, e.Evidence)
}

func (e Assessed) apply(r *Change, _ *itsm.Event) {
	r.Assessments = slices.DeleteFunc(slices.Clone(r.Assessments), func(a Assessment) bool { return a.Kind == e.Assessment.Kind })
	r.Assessments = append(r.Assessments, e.Assessment)
}

func (e TaskFinished) apply(r *Change, ev *itsm.Event) {
	r.Done = itsm.Plus(r.Done, TaskDone{e.Nth, ev.Actor, ev.At})
}

func (e ApprovalAsked) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Backout.Latest, r.Conflicts, r.Affected, r.Groups = e.Latest, e.Conflicts, e.Affected, e.Groups
}

func (e Balloted) apply(r *Change, _ *itsm.Event) { r.Ballot = r.Ballot.Apply(e.Events...) }

func (e Approved) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Approved = &e.Consent
}

func (e Rejected) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Verdict = e.Why
}

func (e Reworked) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Approved, r.Conflicts, r.Waivers, r.Told = nil, nil, nil, nil
}

func (e Cancelled) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Verdict, r.Result = e.Why, NotDone
}

func (e Waived) apply(r *Change, _ *itsm.Event) { r.Waivers = itsm.Plus(r.Waivers, e.Waiver) }

func (e Scheduled) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Conflicts = e.Conflicts
}

func (e Announced) apply(r *Change, _ *itsm.Event) { r.Told = itsm.Plus(r.Told, e.Announcement) }

func (e Started) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Work = &Work{Started: ev.At, By: ev.Actor, Baseline: e.Baseline, Decide: e.Decide}
	r.Conflicts = e.Conflicts
	if !e.PaperDue.IsZero() {
		r.Paper = &Paperwork{Due: e.PaperDue}
	}
}

// work returns a copy of the implementation that may be written to, results included.
func (r *Change) work() *Work {
	w := *r.Work
	w.Results = slices.Clone(w.Results)
	r.Work = &w
	return &w
}

func (e StepBegun) apply(r *Change, ev *itsm.Event) {
	w := r.work()
	w.Begun, w.Decide, w.Warned = e.Nth, e.Decide, w.Warned && e.Decide.Equal(w.Decide)
	w.Results = append(w.Results, StepResult{Nth: e.Nth, By: ev.Actor, Started: ev.At})
}

func (e StepFinished) apply(r *Change, ev *itsm.Event) {
	w := r.work()
	s := &w.Results[len(w.Results)-1]
	s.Ended, s.Passed, s.Deviation, s.Beyond = ev.At, e.Passed, e.Deviation, e.Beyond
}

func (e DeviationAccepted) apply(r *Change, ev *itsm.Event) {
	r.work().Results[e.Nth-1].Accepted = ev.Actor
}

func (DecisionNear) apply(r *Change, _ *itsm.Event)   { r.work().Warned = true }
func (DecisionPassed) apply(r *Change, _ *itsm.Event) { r.work().Passed = true }
func (e WentOn) apply(r *Change, _ *itsm.Event)       { w := r.work(); w.Go, w.Passed = &e.Go, false }
func (Overran) apply(r *Change, _ *itsm.Event)        { r.work().Overrun = true }
func (e Halted) apply(r *Change, _ *itsm.Event)       { r.work().Halted = e.Freeze }

func (e EvidenceTaken) apply(r *Change, ev *itsm.Event) {
	d := *r.Data
	if e.After {
		d.After, d.Executor = &e.Evidence, ev.Actor
	} else {
		d.Before = &e.Evidence
	}
	r.Data = &d
}

func (e DataChecked) apply(r *Change, ev *itsm.Event) {
	d := *r.Data
	d.Checker, d.Finding = ev.Actor, e.Finding
	r.Data = &d
}

func (e Succeeded) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Result = e.Result
	r.work().Ended = ev.At
}

func (e Failed) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Failure = &e.Failure
	r.Accounts = itsm.Plus(r.Accounts, e.Accounts...)
	r.work().Ended = ev.At
}

func (e BackoutBegun) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	f := *r.Failure
	f.BackFrom, f.BackBy = ev.At, ev.Actor
	r.Failure = &f
}

func (e Restored) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	f := *r.Failure
	f.BackAt, f.Verified = ev.At, e.Verified
	r.Failure, r.Result = &f, FailedBack
}

func (e Compared) apply(r *Change, _ *itsm.Event) { r.Comparison = &e.Comparison }

func (e DifferenceReported) apply(r *Change, _ *itsm.Event) {
	c := *r.Comparison
	c.Differences = slices.Clone(c.Differences)
	c.Differences[e.Nth-1].Incident = e.Incident
	r.Comparison = &c
	r.Links = itsm.Plus(r.Links, LinkInfo{To: itsm.Ref{Kind: "incident", ID: e.Incident}, Relation: LeftOver})
}

func (e Reviewed) apply(r *Change, ev *itsm.Event) {
	e.enter(r, ev)
	r.Review = &e.Review
}

func (e ReviewWanted) apply(r *Change, _ *itsm.Event) { r.ReviewDue = e.Due }

func (ReviewOverdue) apply(r *Change, _ *itsm.Event) { r.ReviewLate = true }

func (e Linked) apply(r *Change, _ *itsm.Event) {
	r.Links = itsm.Plus(r.Links, e.Link)
	r.Accounts = itsm.Plus(r.Accounts, e.Accounts...)
}

func (e Informed) apply(r *Change, ev *itsm.Event) {
	r.Links = slices.Clone(r.Links)
	for i := range r.Links {
		if r.Links[i].To == e.To {
			r.Links[i].Informed = ev.At
		}
	}
}

func (e PaperDone) apply(r *Change, ev *itsm.Event) {
	p := *r.Paper
	p.Done = ev.At
	r.Paper, r.Request, r.TestPlan, r.Score = &p, e.Request, e.TestPlan, e.Score
}

func (PaperOverdue) apply(r *Change, _ *itsm.Event) {
	p := *r.Paper
	p.Overdue = true
	r.Paper = &p
}

func (e Closed) apply(r *Change, ev *itsm.Event) { e.enter(r, ev) }
