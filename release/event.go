package release

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// event is an event of the process: it stands here with its effect on the record.
type event interface {
	itsm.Payload
	apply(r *Release, ev *itsm.Event)
}

// To is the state that an event leads to. It stands in the event, so that a journal can be replayed without the table.
type To struct {
	State State `json:"to"`
}

func (t To) enter(r *Release, ev *itsm.Event) {
	if t.State != "" && r.State != t.State {
		r.State, r.Since = t.State, ev.At
	}
	if t.State == StateReported || t.State == StateCancelled {
		r.Ended = ev.At
	}
}

// put replaces the first element that is the same one, or adds v. It writes to a copy.
func put[T any](s []T, v T, same func(a, b *T) bool) []T {
	s = slices.Clone(s)
	for i := range s {
		if same(&s[i], &v) {
			s[i] = v
			return s
		}
	}
	return append(s, v)
}

// change gives the first element that matches to a function, in a copy.
func change[T any](s []T, match func(*T) bool, f func(*T)) []T {
	s = slices.Clone(s)
	for i := range s {
		if match(&s[i]) {
			f(&s[i])
			break
		}
	}
	return s
}

// The events.
type (
	// Drafted: the release began to be.
	Drafted struct {
		Lifecycle string `json:"lifecycle"`
		Plan      Plan   `json:"plan"`
	}
	// Revised: the plan is another one.
	Revised struct {
		To
		Lifecycle string `json:"lifecycle"`
		Plan      Plan   `json:"plan"`
	}
	// ConsultationOpened: the complete plan was shown.
	ConsultationOpened struct{ To }
	// Consulted: a party spoke.
	Consulted struct {
		Consultation
	}
	// Submitted: signatures are asked for, on the plan and these changes.
	Submitted struct {
		Changes []Admission `json:"changes"`
	}
	// SignOffMoved: the ballot of the signatures moved.
	SignOffMoved struct {
		Events []approval.Event `json:"events"`
	}
	// SignedOff: all signatures are there.
	SignedOff struct{ To }
	// BuildStarted: the stage of building began.
	BuildStarted struct{ To }
	// TestInspected: the test environment was compared with production.
	TestInspected struct {
		Inspection
	}
	// DifferenceWaived: a difference was accepted for a time.
	DifferenceWaived struct {
		Waiver
	}
	// SecurityChecked: the safety of the test environment was looked at.
	SecurityChecked struct {
		SecurityCheck
	}
	// TestStarted: the test began.
	TestStarted struct{ To }
	// Tested: the test ended.
	Tested struct {
		To
		TestReport
	}
	// ReadyTicked: a preparation is done.
	ReadyTicked struct {
		Preparation
	}
	// NoReturnAccepted: somebody accepted that a unit cannot be undone.
	NoReturnAccepted struct {
		Consent
	}
	// GateJudged: a gate was answered.
	GateJudged struct {
		GateResult
	}
	// BaselineTaken: a snapshot of the items was taken.
	BaselineTaken struct {
		Baseline
		After bool `json:"after,omitempty"` // the deployment
	}
	// MadeReady: the release could go live.
	MadeReady struct{ To }
	// TurnAwaited: the release waits for others on its targets.
	TurnAwaited struct {
		Behind []itsm.ID `json:"behind"`
	}
	// DeploymentStarted: the release goes live.
	DeploymentStarted struct {
		To
		Took []itsm.ID `json:"took,omitempty"`
	}
	// WaveStarted: a wave began.
	WaveStarted struct {
		Wave string `json:"wave"`
		Auto bool   `json:"auto,omitempty"`
	}
	// WaveSkipped: a wave was left out.
	WaveSkipped struct {
		Wave string `json:"wave"`
		Why  string `json:"why" itsm:"text"`
	}
	// Distributed: a step was taken on a target, with files as the manifest says.
	Distributed struct {
		CI   string       `json:"ci"`
		Step Distribution `json:"step"`
		Unit string       `json:"unit,omitempty"`
	}
	// IntegrityFailed: files on a target are not those of the manifest. The target is stopped, and an incident is to be raised from this event.
	IntegrityFailed struct {
		CI         string       `json:"ci"`
		Step       Distribution `json:"step"`
		Unit       string       `json:"unit,omitempty"`
		Mismatches []Mismatch   `json:"mismatches"`
	}
	// TargetFailed: a target was stopped.
	TargetFailed struct {
		CI  string `json:"ci"`
		Why string `json:"why" itsm:"personal,text"`
	}
	// TargetRetried: a stopped target begins anew.
	TargetRetried struct {
		CI  string `json:"ci"`
		Why string `json:"why" itsm:"personal,text"`
	}
	// DeploymentHalted: the remaining targets stand still.
	DeploymentHalted struct {
		To
		Halt
	}
	// DeploymentContinued: it goes on.
	DeploymentContinued struct {
		To
		Why string `json:"why" itsm:"personal,text"`
	}
	// Yielded: another release took over.
	Yielded struct {
		Heir itsm.ID `json:"heir"`
	}
	// DeploymentCompleted: the deployment is over and the CMDB knows.
	DeploymentCompleted struct {
		To
		Updates []Update  `json:"updates,omitempty"`
		Partly  string    `json:"partly,omitempty" itsm:"personal,text"` // why only some targets are live
		Observe time.Time `json:"observe,omitzero"`                      // end of early-life support
	}
	// RollbackStarted: the way back began.
	RollbackStarted struct {
		To
		Rollback
	}
	// StepUndone: a unit was taken back from a target.
	StepUndone struct {
		Undo
		Evidence string `json:"evidence" itsm:"personal,text"`
	}
	// RolledBack: the way back is over.
	RolledBack struct{ To }
	// Compared: the configuration was compared with the plan.
	Compared struct {
		Deviations []Deviation `json:"deviations,omitempty"`
	}
	// DeviationExplained: somebody said why.
	DeviationExplained struct {
		Nth     int    `json:"nth"`
		Because string `json:"because" itsm:"text"`
	}
	// Presented: business and operations are asked for acceptance.
	Presented struct{ To }
	// Judged: a side spoke.
	Judged struct {
		Verdict
	}
	// ConditionMet: a condition of the acceptance was met.
	ConditionMet struct {
		Side     Side   `json:"side"`
		Nth      int    `json:"nth"`
		Evidence string `json:"evidence" itsm:"text"`
	}
	// Accepted: both sides accept without conditions left.
	Accepted struct{ To }
	// Rejected: a side does not accept.
	Rejected struct{ To }
	// FixedForward: something else repairs it.
	FixedForward struct {
		To
		Fix
	}
	// Reported: the release is closed.
	Reported struct {
		To
		Filing
		Closes []string `json:"closes,omitempty"` // problems and known errors that it closes
	}
	// Cancelled: the release ended before its deployment.
	Cancelled struct {
		To
		Why string `json:"why" itsm:"personal,text"`
	}
	// ObligationOverdue: the time of something owed has passed. It is told once.
	ObligationOverdue struct {
		What string    `json:"what"`
		Due  time.Time `json:"due"`
	}
)

func (Drafted) EventType() string             { return "release.drafted" }
func (Revised) EventType() string             { return "release.revised" }
func (ConsultationOpened) EventType() string  { return "release.consultation_opened" }
func (Consulted) EventType() string           { return "release.consulted" }
func (Submitted) EventType() string           { return "release.submitted" }
func (SignOffMoved) EventType() string        { return "release.sign_off_moved" }
func (SignedOff) EventType() string           { return "release.signed_off" }
func (BuildStarted) EventType() string        { return "release.build_started" }
func (TestInspected) EventType() string       { return "release.test_inspected" }
func (DifferenceWaived) EventType() string    { return "release.difference_waived" }
func (SecurityChecked) EventType() string     { return "release.security_checked" }
func (TestStarted) EventType() string         { return "release.test_started" }
func (Tested) EventType() string              { return "release.tested" }
func (ReadyTicked) EventType() string         { return "release.ready_ticked" }
func (NoReturnAccepted) EventType() string    { return "release.no_return_accepted" }
func (GateJudged) EventType() string          { return "release.gate_judged" }
func (BaselineTaken) EventType() string       { return "release.baseline_taken" }
func (MadeReady) EventType() string           { return "release.made_ready" }
func (TurnAwaited) EventType() string         { return "release.turn_awaited" }
func (DeploymentStarted) EventType() string   { return "release.deployment_started" }
func (WaveStarted) EventType() string         { return "release.wave_started" }
func (WaveSkipped) EventType() string         { return "release.wave_skipped" }
func (Distributed) EventType() string         { return "release.distributed" }
func (IntegrityFailed) EventType() string     { return "release.integrity_failed" }
func (TargetFailed) EventType() string        { return "release.target_failed" }
func (TargetRetried) EventType() string       { return "release.target_retried" }
func (DeploymentHalted) EventType() string    { return "release.deployment_halted" }
func (DeploymentContinued) EventType() string { return "release.deployment_continued" }
func (Yielded) EventType() string             { return "release.yielded" }
func (DeploymentCompleted) EventType() string { return "release.deployment_completed" }
func (RollbackStarted) EventType() string     { return "release.rollback_started" }
func (StepUndone) EventType() string          { return "release.step_undone" }
func (RolledBack) EventType() string          { return "release.rolled_back" }
func (Compared) EventType() string            { return "release.compared" }
func (DeviationExplained) EventType() string  { return "release.deviation_explained" }
func (Presented) EventType() string           { return "release.presented" }
func (Judged) EventType() string              { return "release.judged" }
func (ConditionMet) EventType() string        { return "release.condition_met" }
func (Accepted) EventType() string            { return "release.accepted" }
func (Rejected) EventType() string            { return "release.rejected" }
func (FixedForward) EventType() string        { return "release.fixed_forward" }
func (Reported) EventType() string            { return "release.reported" }
func (Cancelled) EventType() string           { return "release.cancelled" }
func (ObligationOverdue) EventType() string   { return "release.obligation_overdue" }

func events() []itsm.Payload {
	return []itsm.Payload{
		Drafted{}, Revised{}, ConsultationOpened{}, Consulted{}, Submitted{}, SignOffMoved{}, SignedOff{}, BuildStarted{}, TestInspected{}, DifferenceWaived{},
		SecurityChecked{}, TestStarted{}, Tested{}, ReadyTicked{}, NoReturnAccepted{}, GateJudged{}, BaselineTaken{}, MadeReady{}, TurnAwaited{},
		DeploymentStarted{}, WaveStarted{}, WaveSkipped{}, Distributed{}, IntegrityFailed{}, TargetFailed{}, TargetRetried{}, DeploymentHalted{},
		DeploymentContinued{}, Yielded{}, DeploymentCompleted{}, RollbackStarted{}, StepUndone{}, RolledBack{}, Compared{}, DeviationExplained{}, Presented{},
		Judged{}, ConditionMet{}, Accepted{}, Rejected{}, FixedForward{}, Reported{}, Cancelled{}, ObligationOverdue{},
	}
}

func (e Drafted) apply(r *Release, ev *itsm.Event) {
	r.Lifecycle, r.Plan, r.Edition, r.Coordinator = e.Lifecycle, e.Plan.normal(), 1, ev.Actor
	To{StatePlanning}.enter(r, ev)
}

func (e Revised) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Lifecycle, r.Plan = e.Lifecycle, e.Plan.normal()
	r.Edition++
	r.Admitted, r.Waiting = nil, nil
}

func (e ConsultationOpened) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e Consulted) apply(r *Release, _ *itsm.Event) {
	r.Consulted = put(r.Consulted, e.Consultation, func(a, b *Consultation) bool { return a.Party == b.Party })
}

func (e Submitted) apply(r *Release, _ *itsm.Event) { r.Admitted = slices.Clone(e.Changes) }

func (e SignOffMoved) apply(r *Release, _ *itsm.Event) { r.SignOff = r.SignOff.Apply(e.Events...) }

func (e SignedOff) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e BuildStarted) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e TestInspected) apply(r *Release, _ *itsm.Event) { r.Inspection = &e.Inspection }

func (e DifferenceWaived) apply(r *Release, _ *itsm.Event) {
	r.Waivers = put(r.Waivers, e.Waiver, func(a, b *Waiver) bool { return a.Difference == b.Difference })
}

func (e SecurityChecked) apply(r *Release, _ *itsm.Event) { r.Security = &e.SecurityCheck }

func (e TestStarted) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e Tested) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Tests = itsm.Plus(r.Tests, e.TestReport)
}

func (e ReadyTicked) apply(r *Release, _ *itsm.Event) {
	r.Prepared = put(r.Prepared, e.Preparation, func(a, b *Preparation) bool { return a.Key == b.Key })
}

func (e NoReturnAccepted) apply(r *Release, _ *itsm.Event) {
	r.Consents = put(r.Consents, e.Consent, func(a, b *Consent) bool { return a.Unit == b.Unit })
}

func (e GateJudged) apply(r *Release, _ *itsm.Event) {
	r.Gates = put(r.Gates, e.GateResult, func(a, b *GateResult) bool { return a.Gate == b.Gate })
}

func (e BaselineTaken) apply(r *Release, _ *itsm.Event) {
	if e.After {
		r.After = &e.Baseline
	} else {
		r.Baseline = &e.Baseline
	}
}

func (e MadeReady) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e TurnAwaited) apply(r *Release, ev *itsm.Event) {
	at := ev.At
	if r.Waiting != nil {
		at = r.Waiting.At // the place in the queue stays
	}
	r.Waiting = &Queued{Behind: slices.Clone(e.Behind), At: at}
}

func (e DeploymentStarted) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Started, r.Took, r.Waiting = ev.At, slices.Clone(e.Took), nil
	r.Targets, r.Waves = nil, nil
	for i := range r.Plan.Waves {
		w := &r.Plan.Waves[i]
		r.Waves = append(r.Waves, WaveProgress{Key: w.Key})
		for _, t := range w.Targets {
			r.Targets = append(r.Targets, Progress{CI: t.CI, Wave: w.Key})
		}
	}
}

func (e WaveStarted) apply(r *Release, ev *itsm.Event) {
	r.Waves = change(r.Waves, func(w *WaveProgress) bool { return w.Key == e.Wave }, func(w *WaveProgress) { w.Started = ev.At })
}

func (e WaveSkipped) apply(r *Release, _ *itsm.Event) {
	r.Waves = change(r.Waves, func(w *WaveProgress) bool { return w.Key == e.Wave }, func(w *WaveProgress) { w.Skipped = e.Why })
}

func (r *Release) onTarget(ci string, f func(*Progress)) {
	r.Targets = change(r.Targets, func(p *Progress) bool { return p.CI == ci }, f)
}

func (e Distributed) apply(r *Release, ev *itsm.Event) {
	r.onTarget(e.CI, func(p *Progress) {
		p.Step, p.Since = e.Step, ev.At
		if e.Step == StepInstall {
			p.Units = itsm.Plus(p.Units, e.Unit)
		}
	})
	if e.Step == StepInstall && !r.applied(step{e.CI, e.Unit}) {
		r.Applied = itsm.Plus(r.Applied, Applied{e.CI, e.Unit, ev.At})
	}
}

func (r *Release) applied(s step) bool {
	return slices.ContainsFunc(r.Applied, func(a Applied) bool { return a.CI == s.ci && a.Unit == s.unit })
}

func (e IntegrityFailed) apply(r *Release, ev *itsm.Event) {
	r.fail(e.CI, Failure{Step: e.Step, Mismatches: slices.Clone(e.Mismatches), By: ev.Actor, At: ev.At})
}

func (e TargetFailed) apply(r *Release, ev *itsm.Event) {
	r.fail(e.CI, Failure{Why: e.Why, By: ev.Actor, At: ev.At})
}

func (r *Release) fail(ci string, f Failure) {
	r.onTarget(ci, func(p *Progress) {
		if f.Step == "" {
			f.Step = p.Step
		}
		p.Failed, p.Since = &f, f.At
	})
	if w, _ := r.Plan.target(ci); w != nil {
		r.Waves = change(r.Waves, func(p *WaveProgress) bool { return p.Key == w.Key }, func(p *WaveProgress) { p.Failures++ })
	}
}

func (e TargetRetried) apply(r *Release, ev *itsm.Event) {
	r.onTarget(e.CI, func(p *Progress) {
		*p = Progress{CI: p.CI, Wave: p.Wave, Retries: p.Retries + 1, Since: ev.At}
	})
}

func (e DeploymentHalted) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Halt = &e.Halt
}

func (e DeploymentContinued) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Halt, r.Waves = nil, slices.Clone(r.Waves)
	for i := range r.Waves {
		r.Waves[i].Failures = 0
	}
}

func (e Yielded) apply(r *Release, _ *itsm.Event) { r.Heir = e.Heir }

func (e DeploymentCompleted) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Deployed, r.Observed, r.Halt = ev.At, e.Observe, nil
}

func (e RollbackStarted) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Rollback, r.Halt = &e.Rollback, nil
}

func (e StepUndone) apply(r *Release, _ *itsm.Event) {
	back := *r.Rollback
	back.Left = slices.DeleteFunc(slices.Clone(back.Left), func(u Undo) bool { return u == e.Undo })
	back.Undone = itsm.Plus(back.Undone, e.Undo)
	r.Rollback = &back
	r.Applied = slices.DeleteFunc(slices.Clone(r.Applied), func(a Applied) bool { return a.CI == e.CI && a.Unit == e.Unit })
}

func (e RolledBack) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	back := *r.Rollback
	back.Ended = ev.At
	r.Rollback = &back
}

func (e Compared) apply(r *Release, ev *itsm.Event) {
	r.Compared, r.Deviates = ev.At, slices.Clone(e.Deviations)
}

func (e DeviationExplained) apply(r *Release, _ *itsm.Event) {
	r.Deviates = slices.Clone(r.Deviates)
	r.Deviates[e.Nth-1].Because = e.Because
}

func (e Presented) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Rounds = itsm.Plus(r.Rounds, Round{Began: ev.At})
}

// round changes the present round in a copy.
func (r *Release) round(f func(*Round)) {
	r.Rounds = slices.Clone(r.Rounds)
	f(&r.Rounds[len(r.Rounds)-1])
}

func (e Judged) apply(r *Release, _ *itsm.Event) {
	r.round(func(x *Round) {
		x.Verdicts = put(x.Verdicts, e.Verdict, func(a, b *Verdict) bool { return a.Side == b.Side })
	})
}

func (e ConditionMet) apply(r *Release, ev *itsm.Event) {
	r.round(func(x *Round) {
		x.Verdicts = change(x.Verdicts, func(v *Verdict) bool { return v.Side == e.Side }, func(v *Verdict) {
			v.Conditions = slices.Clone(v.Conditions)
			c := &v.Conditions[e.Nth-1]
			c.Met, c.Evidence, c.By = ev.At, e.Evidence, ev.Actor
		})
	})
}

func (e Accepted) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e Rejected) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e FixedForward) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Fixes = itsm.Plus(r.Fixes, e.Fix)
	r.Rounds = itsm.Plus(r.Rounds, Round{Began: ev.At})
}

func (e Reported) apply(r *Release, ev *itsm.Event) {
	e.enter(r, ev)
	r.Report = &e.Filing
}

func (e Cancelled) apply(r *Release, ev *itsm.Event) { e.enter(r, ev) }

func (e ObligationOverdue) apply(r *Release, _ *itsm.Event) { r.Overdue = itsm.Plus(r.Overdue, e.What) }
