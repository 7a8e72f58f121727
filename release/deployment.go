package release

import (
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// The rules of the commands of the deployment.

func (c Deploy) decide(d *decision) {
	to := d.move(DoDeploy)
	if d.Failed() {
		return
	}
	d.deployable()
	var busy, ahead, took []itsm.ID
	for _, r := range d.facts.Rivals {
		switch {
		case r.Open:
			busy = append(busy, r.ID)
			if d.p.policy.Takeover == TakeRefuse {
				d.Refuse(ruleBusy.With("release", r.ID, "targets", strings.Join(r.Targets, ", ")))
			}
		case !r.Waiting.IsZero() && (d.Rec.Waiting == nil || r.Waiting.Before(d.Rec.Waiting.At)):
			ahead = append(ahead, r.ID)
		}
	}
	if live, ok := d.Rec.Plan.live(); ok {
		d.RefuseWhen(!d.Env.At.Before(live.To), ruleWindowsOver, "to", live.To)
	}
	if d.Failed() {
		return
	}
	switch behind := append(busy, ahead...); {
	case d.p.policy.Takeover == TakeQueue && len(behind) > 0:
		if w := d.Rec.Waiting; w == nil || !slices.Equal(w.Behind, behind) {
			d.Emit(TurnAwaited{behind})
		}
		return
	case d.p.policy.Takeover == TakeOver && len(busy) > 0:
		took = busy
		d.RefuseWhen(!d.facts.InUnit, ruleUnit, "command", d.Command())
	}
	if !d.Failed() {
		d.Emit(DeploymentStarted{to, took})
	}
}

func (c yieldTo) decide(d *decision) {
	d.in(StateDeploying, StateHalted, StateRollingBack)
	d.RefuseWhen(!d.facts.InUnit, ruleUnit, "command", d.Command())
	d.RefuseWhen(c.Heir == "" || c.Heir == d.Rec.ID, ruleHeir)
	if d.Failed() {
		return
	}
	d.Emit(Yielded(c))
	if d.Rec.State == StateDeploying {
		d.Emit(DeploymentHalted{d.move(DoHalt), Halt{Why: string(c.Heir) + " takes over", By: d.Env.Actor.ID, At: d.Env.At}})
	}
}

// unstarted reports whether a wave was neither started nor skipped.
func (r *Release) unstarted(w *Wave) bool {
	p := find(r.Waves, func(p *WaveProgress) bool { return p.Key == w.Key })
	return p != nil && p.Started.IsZero() && p.Skipped == ""
}

// wavesBefore lists the waves that must have passed before a wave and have not.
func (r *Release) wavesBefore(w *Wave) (waiting []string) {
	for _, key := range w.After {
		if v := r.Plan.Wave(key); v != nil && !r.Passed(v) {
			waiting = append(waiting, key)
		}
	}
	return waiting
}

// waveReasons returns everything that speaks against starting a wave now. It is the same for people and for automatic starts.
func (d *decision) waveReasons(w *Wave) (rs itsm.Reasons) {
	r := &d.Rec
	rs.Add(!r.unstarted(w), ruleWaveStarted.With("wave", w.Key))
	if waiting := r.wavesBefore(w); len(waiting) > 0 {
		rs = append(rs, ruleWavesBefore.With("wave", w.Key, "waves", strings.Join(waiting, ", ")))
	}
	if closed := r.gatesBefore(BeforeWave, w.Key); len(closed) > 0 {
		rs = append(rs, ruleGates.With("gates", strings.Join(closed, ", ")))
	}
	forward, back := r.Plan.pathLength(w)
	end := d.Env.At.Add(forward + back)
	switch {
	case !w.Window.Contains(d.Env.At):
		rs = append(rs, ruleOutsideWindow.With("wave", w.Key, "from", w.Window.From, "to", w.Window.To))
	case end.After(w.Window.To):
		rs = append(rs, ruleTooLate.With("wave", w.Key, "end", end, "to", w.Window.To))
	}
	if r.Plan.Type != TypeEmergency {
		run := Window{d.Env.At, end}
		for _, freeze := range d.p.frozen(run) {
			rs = append(rs, ruleFreeze.With("what", "wave "+w.Key, "freeze", freeze, "from", run.From, "to", run.To))
		}
		if !d.p.allowed(run) {
			rs = append(rs, ruleNotAllowed.With("what", "wave "+w.Key, "from", run.From, "to", run.To))
		}
	}
	before := d.p.draft(d.Rec, StartWave{}, d.facts, d.Env)
	before.approved(r.Admitted, r.Admitted)
	before.inLibrary()
	return append(rs, before.Reasons()...)
}

func (c StartWave) decide(d *decision) {
	d.in(StateDeploying)
	w := d.wave(c.Wave)
	if d.Failed() {
		return
	}
	for _, r := range d.waveReasons(w) {
		d.Refuse(r)
	}
	if !d.Failed() {
		d.Emit(WaveStarted{Wave: c.Wave})
	}
}

func (d *decision) wave(key string) *Wave {
	w := d.Rec.Plan.Wave(key)
	if w == nil && !d.Failed() {
		d.Refuse(ruleNoWave.With("wave", key))
	}
	return w
}

func (c SkipWave) decide(d *decision) {
	d.in(StateDeploying, StateHalted)
	w := d.wave(c.Wave)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	if d.Failed() {
		return
	}
	d.RefuseWhen(!w.Skip, ruleNotSkippable, "wave", c.Wave)
	d.RefuseWhen(!d.Rec.unstarted(w), ruleWaveStarted, "wave", c.Wave)
	if !d.Failed() {
		d.Emit(WaveSkipped(c))
	}
}

// running finds a target whose wave has begun.
func (d *decision) running(ci string) (*Wave, *Target, *Progress) {
	w, t := d.Rec.Plan.target(ci)
	if t == nil {
		d.Refuse(ruleNoTarget.With("ci", ci))
		return nil, nil, nil
	}
	started := find(d.Rec.Waves, func(p *WaveProgress) bool { return p.Key == w.Key && !p.Started.IsZero() })
	d.RefuseWhen(started == nil, ruleWaveClosed, "ci", ci, "wave", w.Key)
	return w, t, find(d.Rec.Targets, func(p *Progress) bool { return p.CI == ci })
}

func (c Distribute) decide(d *decision) {
	d.in(StateDeploying)
	if d.Failed() {
		return
	}
	w, t, p := d.running(c.CI)
	d.Choice("step", string(c.Step), list(Distributions()), slices.Contains(Distributions(), c.Step))
	d.RefuseWhen(len(c.Files) > MaxFiles, ruleTooMany, "field", "files", "most", MaxFiles)
	if d.Failed() {
		return
	}
	d.RefuseWhen(p.Failed != nil, ruleStopped, "ci", c.CI)
	d.inOrder(c, w, t, p)
	if d.Failed() {
		return
	}
	units := t.Units
	if c.Step == StepInstall {
		units = []string{c.Unit}
	}
	if bad := VerifyIntegrity(d.Rec.Plan.Manifest, d.Rec.Plan.filesOf(units), c.Files); len(bad) > 0 {
		d.Emit(IntegrityFailed{CI: c.CI, Step: c.Step, Unit: c.Unit, Mismatches: bad})
		d.criterion(w)
		return
	}
	d.Emit(Distributed{CI: c.CI, Step: c.Step, Unit: c.Unit})
	if c.Step == StepOperate && d.p.policy.AutoPromote {
		d.promote()
	}
}

// filesOf lists the files of units, each once, in the order of the units.
func (p *Plan) filesOf(units []string) (keys []string) {
	for _, name := range units {
		for _, f := range p.Unit(name).Files {
			if !slices.Contains(keys, f) {
				keys = append(keys, f)
			}
		}
	}
	return keys
}

// inOrder asks for the order of the steps on a target, and for what a unit needs.
func (d *decision) inOrder(c Distribute, w *Wave, t *Target, p *Progress) {
	var left []string
	for _, u := range t.Units {
		if !slices.Contains(p.Units, u) {
			left = append(left, u)
		}
	}
	next := map[Distribution][]Distribution{"": {StepPackage}, StepPackage: {StepDeliver}, StepDeliver: {StepInstall}, StepInstall: {StepInstall, StepOperate}}[p.Step]
	if p.Step == StepInstall && len(left) == 0 {
		next = []Distribution{StepOperate}
	}
	if !slices.Contains(next, c.Step) {
		d.Refuse(ruleStepOrder.With("step", c.Step, "ci", c.CI, "next", or(list(next), "none")))
		return
	}
	if c.Step != StepInstall {
		d.RefuseWhen(c.Unit != "", ruleWholeTarget, "step", c.Step)
		d.RefuseWhen(c.Step == StepOperate && len(left) > 0, ruleUnitsLeft, "ci", c.CI, "units", strings.Join(left, ", "))
		return
	}
	if !slices.Contains(left, c.Unit) {
		d.Refuse(ruleNoUnit.With("unit", c.Unit, "ci", c.CI, "units", strings.Join(left, ", ")))
		return
	}
	for _, s := range d.Rec.Plan.needs(w, t, c.Unit) {
		done := d.Rec.applied(s)
		if s.ci == c.CI {
			done = slices.Contains(p.Units, s.unit) // anew after a retry
		}
		d.RefuseWhen(!done, ruleNeeds, "unit", c.Unit, "need", s.unit, "ci", s.ci)
	}
}

// criterion halts the deployment when as many targets of the wave have failed as it can bear.
func (d *decision) criterion(w *Wave) {
	p := find(d.Rec.Waves, func(p *WaveProgress) bool { return p.Key == w.Key })
	if p != nil && p.Failures >= max(w.Stop, 1) && d.Rec.State == StateDeploying {
		d.Emit(DeploymentHalted{d.move(DoHalt), Halt{Why: "stop criterion of " + w.Key, Wave: w.Key, By: d.Env.Actor.ID, At: d.Env.At}})
	}
}

func (c FailTarget) decide(d *decision) {
	d.in(StateDeploying, StateHalted)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	if d.Failed() {
		return
	}
	w, _, p := d.running(c.CI)
	d.RefuseWhen(p != nil && p.Failed != nil, ruleStopped, "ci", c.CI)
	if d.Failed() {
		return
	}
	d.Emit(TargetFailed(c))
	d.criterion(w)
}

func (c RetryTarget) decide(d *decision) {
	d.in(StateDeploying, StateHalted)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	if d.Failed() {
		return
	}
	_, _, p := d.running(c.CI)
	d.RefuseWhen(p != nil && p.Failed == nil, ruleNotStopped, "ci", c.CI)
	if !d.Failed() {
		d.Emit(TargetRetried(c))
	}
}

func (c Stop) decide(d *decision) {
	to := d.move(DoHalt)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	if !d.Failed() {
		d.Emit(DeploymentHalted{to, Halt{Why: c.Why, By: d.Env.Actor.ID, At: d.Env.At}})
	}
}

func (c Continue) decide(d *decision) {
	to := d.move(DoContinue)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	d.RefuseWhen(d.Rec.Heir != "", ruleYielded, "heir", d.Rec.Heir)
	if h := d.Rec.Halt; h != nil && h.Gate != "" && d.Rec.Answer(h.Gate) != Passed {
		d.Refuse(ruleGates.With("gates", h.Gate+" ("+string(d.Rec.Answer(h.Gate))+")"))
	}
	if !d.Failed() {
		d.Emit(DeploymentContinued{to, c.Why})
	}
}

// Updates returns what the deployment has changed, for the CMDB, in the order in which it came.
func (r *Release) Updates() (all []Update) {
	for _, a := range r.Applied {
		u := r.Plan.Unit(a.Unit)
		if u == nil {
			continue
		}
		up := Update{CI: a.CI, Unit: a.Unit, Version: u.Version, Changes: slices.Clone(u.Changes), At: a.At}
		for _, key := range u.Files {
			if f := r.Plan.Manifest.File(key); f != nil {
				up.Files = append(up.Files, *f)
			}
		}
		all = append(all, up)
	}
	return all
}

func (c Complete) decide(d *decision) {
	to := d.move(DoComplete)
	d.Length("partly", c.Partly, MaxText)
	if d.Failed() {
		return
	}
	d.RefuseWhen(!d.facts.HasItems, ruleNoCMDB)
	d.RefuseWhen(!d.facts.InUnit, ruleUnit, "command", d.Command())
	d.approved(d.Rec.Admitted, d.Rec.Admitted)
	var waiting []string
	for i := range d.Rec.Plan.Waves {
		if w := &d.Rec.Plan.Waves[i]; !d.Rec.Passed(w) {
			waiting = append(waiting, w.Key)
		}
	}
	if strings.TrimSpace(c.Partly) == "" {
		d.RefuseWhen(len(waiting) > 0, ruleWavesOpen, "waves", strings.Join(waiting, ", "))
		d.RefuseWhen(d.Rec.State == StateHalted, ruleHalted)
	} else {
		d.RefuseWhen(len(waiting) == 0 && !d.Rec.PartlyLive(), ruleNotPartly)
		d.RefuseWhen(len(d.Rec.Applied) == 0, ruleNothingLive)
	}
	if d.Failed() {
		return
	}
	e := DeploymentCompleted{To: to, Updates: d.Rec.Updates(), Partly: c.Partly}
	e.Observe = d.Env.At.Add(d.Rec.Plan.Observe.Std())
	d.Emit(e)
}

// rollBack begins the way back.
func (d *decision) rollBack(why string) {
	undo, kept := d.Rec.Plan.WayBack(d.Rec.Applied)
	d.Emit(RollbackStarted{d.move(DoRollBack), Rollback{Why: why, By: d.Env.Actor.ID, At: d.Env.At, Left: undo, Kept: kept}})
}

func (c RollBack) decide(d *decision) {
	d.move(DoRollBack)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	if d.Failed() {
		return
	}
	if _, kept := d.Rec.Plan.WayBack(d.Rec.Applied); len(kept) > 0 && !c.Partly {
		names := make([]string, len(kept))
		for i, k := range kept {
			names[i] = k.Unit + " on " + k.CI
		}
		d.Refuse(ruleNoWayBack.With("units", strings.Join(names, ", ")))
		return
	}
	d.rollBack(c.Why)
}

func (c UndoStep) decide(d *decision) {
	d.in(StateRollingBack)
	d.Need("evidence", c.Evidence)
	d.Length("evidence", c.Evidence, MaxText)
	if d.Failed() {
		return
	}
	left := d.Rec.Rollback.Left
	switch {
	case len(left) == 0:
		d.Refuse(ruleAllUndone.With())
	case left[0] != c.Undo:
		d.Refuse(ruleUndoOrder.With("unit", c.Unit, "ci", c.CI, "next", left[0].Unit, "on", left[0].CI))
	default:
		d.Emit(StepUndone(c))
	}
}

func (c FinishRollback) decide(d *decision) {
	to := d.move(DoFinishBack)
	if d.Failed() {
		return
	}
	d.RefuseWhen(len(d.Rec.Rollback.Left) > 0, ruleUndoLeft, "steps", len(d.Rec.Rollback.Left))
	if !d.Rec.Deployed.IsZero() || len(d.Rec.Applied) > 0 { // the CMDB has to forget, or to learn what stays
		d.RefuseWhen(!d.facts.HasItems, ruleNoCMDB)
		d.RefuseWhen(!d.facts.InUnit, ruleUnit, "command", d.Command())
	}
	if !d.Failed() {
		d.Emit(RolledBack{to})
	}
}
