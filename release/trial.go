package release

import (
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// The rules of the commands of building, testing and preparing.

// undeployed are the states from the signatures to the deployment.
var undeployed = []State{StateSignedOff, StateBuilding, StateTesting, StateTestPassed, StateReady}

// signed asks for signatures on the present plan.
func (d *decision) signed(start time.Time) {
	d.take(d.Rec.SignOff.Permits(Fingerprint(&d.Rec.Plan, d.Rec.Admitted).Digest, start))
}

func (c Build) decide(d *decision) {
	to := d.move(DoBuild)
	if d.Failed() {
		return
	}
	if d.signed(d.Env.Now); !d.Failed() {
		d.Emit(BuildStarted{to})
	}
}

// Bounds of what a command tells of an environment.
const (
	maxEnvItems   = 5000
	maxAttributes = 200
)

func (c InspectTest) decide(d *decision) {
	d.in(undeployed...)
	var test, live *Environment
	switch {
	case d.facts.Estate:
		d.RefuseWhen(c.Test != nil || c.Production != nil, ruleEstate)
		test, live = &d.facts.Test, &d.facts.Live
	default:
		test, live = c.Test, c.Production
	}
	d.environment("test", test, d.Rec.Plan.Test)
	d.environment("production", live, d.Rec.Plan.Live)
	if d.Failed() {
		return
	}
	d.Emit(TestInspected{Inspection{Environment: test.Fingerprint(), Shared: Isolation(test, live), Differences: Parity(test, live), By: d.Env.Actor.ID, At: d.Env.At}})
}

// environment asks for an environment with items, by the name that the plan gives it.
func (d *decision) environment(field string, e *Environment, name string) {
	if e == nil || len(e.Items) == 0 {
		d.Need(field, "")
		return
	}
	d.RefuseWhen(name != "" && e.Name != name, ruleOtherEnvironment, "field", field, "want", name, "got", e.Name)
	d.RefuseWhen(len(e.Items) > maxEnvItems, ruleTooMany, "field", field, "most", maxEnvItems)
	for i, item := range e.Items {
		if i >= maxEnvItems {
			break
		}
		d.Need(at(field+".items", i, ".ci"), item.CI)
		d.Choice(at(field+".items", i, ".class"), string(item.Class), "host, database, interface, other",
			slices.Contains([]ItemClass{ClassHost, ClassDatabase, ClassInterface, ClassOther}, item.Class))
		d.RefuseWhen(len(item.Attributes) > maxAttributes, ruleTooMany, "field", at(field+".items", i, ".attributes"), "most", maxAttributes)
	}
}

func (c Waive) decide(d *decision) {
	d.in(undeployed...)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	d.NeedTime("until", c.Until)
	d.Later("until", c.Until)
	most := d.Env.At.Add(d.p.policy.WaiverMost.Std())
	d.RefuseWhen(c.Until.After(most), ruleWaiverLong, "until", c.Until, "most", most)
	found := d.Rec.Inspection != nil && slices.Contains(d.Rec.Inspection.Differences, c.Difference)
	d.RefuseWhen(!found, ruleNoDifference, "ci", c.Difference.CI, "attribute", c.Difference.Attribute)
	d.RefuseWhen(found && d.Env.Actor.Is(d.Rec.Inspection.By), ruleOwnWaiver, "actor", d.Env.Actor.ID)
	if !d.Failed() {
		d.Emit(DifferenceWaived{Waiver{Difference: c.Difference, Why: c.Why, By: d.Env.Actor.ID, At: d.Env.At, Until: itsm.Instant(c.Until)}})
	}
}

func (c CheckSecurity) decide(d *decision) {
	d.in(undeployed...)
	d.RefuseWhen(len(c.Access) == 0, ruleNoAccessList)
	d.RefuseWhen(len(c.Access) > MaxList, ruleTooMany, "field", "access", "most", MaxList)
	if !d.Failed() {
		d.Emit(SecurityChecked{SecurityCheck{Access: slices.Clone(c.Access), LiveData: c.LiveData, Masked: c.Masked, Isolated: c.Isolated, By: d.Env.Actor.ID, At: d.Env.At}})
	}
}

// safeTest asks that the test environment is separate, like production, and safe.
func (d *decision) safeTest() {
	r := &d.Rec
	if r.Inspection == nil {
		d.Refuse(ruleNotInspected.With())
	} else {
		for _, ci := range r.Inspection.Shared {
			d.Refuse(ruleShared.With("ci", ci))
		}
		if r.Plan.Type != TypeEmergency {
			for _, diff := range r.Unwaived(d.Env.At) {
				d.Refuse(ruleDifferent.With("ci", or(diff.CI, diff.Pair), "attribute", or(diff.Attribute, "the whole item"), "test", diff.Test, "production", diff.Live))
			}
		}
	}
	s := r.Security
	if s == nil {
		d.Refuse(ruleNoSecurity.With())
		return
	}
	until := s.At.Add(d.p.policy.SecurityAge.Std())
	d.RefuseWhen(d.Due(until), ruleOldSecurity, "at", s.At)
	d.RefuseWhen(s.LiveData && !s.Masked, ruleLiveData)
	d.RefuseWhen(!s.Isolated, ruleNotIsolated)
}

func (c StartTest) decide(d *decision) {
	to := d.move(DoStartTest)
	if d.Failed() {
		return
	}
	d.signed(d.Env.Now)
	d.inLibrary()
	d.safeTest()
	if !d.Failed() {
		d.Emit(TestStarted{to})
	}
}

func (c ReportTest) decide(d *decision) {
	passed := c.Cases > 0 && c.Failed == 0
	step := DoFailTest
	if passed {
		step = DoPassTest
	}
	to := d.move(step)
	if d.Failed() {
		return
	}
	d.NotNegative("cases", int64(c.Cases))
	d.NotNegative("failed", int64(c.Failed))
	d.Need("evidence", c.Evidence)
	d.Length("evidence", c.Evidence, MaxText)
	d.Length("security", c.Security, MaxText)
	if d.p.policy.SecurityTests {
		d.Need("security", c.Security)
	}
	d.RefuseWhen(c.Failed > c.Cases, ruleFailedCases, "failed", c.Failed, "cases", c.Cases)
	d.about(c.Manifest, c.Environment)
	if !d.Failed() {
		d.Emit(Tested{to, TestReport{Manifest: c.Manifest, Environment: c.Environment, Cases: c.Cases, Failed: c.Failed, Passed: passed, Evidence: c.Evidence,
			Security: c.Security, By: d.Env.Actor.ID, At: d.Env.At}})
	}
}

// about asks that evidence is about what is being released now, in the environment as it was last inspected.
func (d *decision) about(manifest, environment itsm.Digest) {
	d.RefuseWhen(manifest != d.Rec.Plan.Manifest.Digest(), ruleOtherManifest, "got", manifest, "want", d.Rec.Plan.Manifest.Digest())
	d.RefuseWhen(environment != d.Rec.environment(), ruleOtherTest, "got", environment, "want", d.Rec.environment())
}

func (c Prepare) decide(d *decision) {
	d.in(append([]State{StatePlanning, StateConsulting}, undeployed...)...)
	item := find(d.Rec.Plan.Readiness, func(r *Ready) bool { return r.Key == c.Key })
	d.RefuseWhen(item == nil, ruleNoItem, "key", c.Key)
	d.Need("evidence", c.Evidence)
	d.Length("evidence", c.Evidence, MaxText)
	if !d.Failed() {
		d.Emit(ReadyTicked{Preparation{c.Key, c.Evidence, d.Env.Actor.ID, d.Env.At}})
	}
}

func (c AcceptNoReturn) decide(d *decision) {
	d.in(undeployed...)
	d.RefuseWhen(!slices.Contains(d.Rec.Plan.PointsOfNoReturn(), c.Unit), ruleNotNoReturn, "unit", c.Unit)
	d.RefuseWhen(d.Env.Actor.Is(d.Rec.Coordinator), ruleOwnPlan, "actor", d.Env.Actor.ID)
	if !d.Failed() {
		d.Emit(NoReturnAccepted{Consent{c.Unit, d.Rec.Plan.Digest(), d.Env.Actor.ID, d.Env.At}})
	}
}

func (c JudgeGate) decide(d *decision) {
	d.in(append(slices.Clone(undeployed), StateDeploying, StateHalted, StateDeployed)...)
	g := d.Rec.Plan.Gate(c.Gate)
	if g == nil {
		d.Refuse(ruleNoGate.With("gate", c.Gate))
		return
	}
	d.RefuseWhen(len(c.Readings) > MaxList, ruleTooMany, "field", "readings", "most", MaxList)
	d.Length("evidence", c.Evidence, MaxText)
	answer := c.Answer
	if len(g.Limits) > 0 {
		d.RefuseWhen(c.Answer != "", ruleJudgedByLimits, "gate", c.Gate)
		answer = g.Judge(c.Readings)
	} else {
		d.Choice("answer", string(answer), list(Answers()), slices.Contains(Answers(), answer))
		if answer == Passed {
			d.Need("evidence", c.Evidence)
		}
	}
	d.about(c.Manifest, c.Environment)
	if d.Failed() {
		return
	}
	d.Emit(GateJudged{GateResult{Gate: c.Gate, Answer: answer, Measures: slices.Clone(c.Readings), Evidence: c.Evidence, Manifest: c.Manifest, Environment: c.Environment,
		By: d.Env.Actor.ID, At: d.Env.At}})
	d.react(g, answer)
}

// react lets follow what the gate says. A gate that is not passed holds up what is behind it in any case.
func (d *decision) react(g *Gate, a Answer) {
	if d.Rec.State != StateDeploying && d.Rec.State != StateHalted {
		return
	}
	switch reaction := g.Reaction(a); {
	case reaction == ReactHalt && d.Rec.State == StateDeploying:
		d.Emit(DeploymentHalted{d.move(DoHalt), Halt{Why: "gate " + g.Key + " is " + string(a), Gate: g.Key, By: d.Env.Actor.ID, At: d.Env.At}})
	case reaction == ReactRollBack:
		d.rollBack("gate " + g.Key + " is " + string(a))
	}
}

func (c TakeBaseline) decide(d *decision) {
	if c.After {
		d.in(StateDeployed, StateAccepting, StateAccepted, StateRejected)
	} else {
		d.in(undeployed...)
	}
	if c.Baseline == nil {
		d.Need("baseline", "")
		return
	}
	d.Need("baseline.ref", c.Baseline.Ref.String())
	d.RefuseWhen(len(c.Baseline.CIs) > maxEnvItems, ruleTooMany, "field", "baseline.cis", "most", maxEnvItems)
	for _, ci := range c.Baseline.lacks(d.Rec.Plan.CIs) {
		d.Refuse(ruleBaselineLacks.With("ci", ci))
	}
	if !d.Failed() {
		b := *c.Baseline
		b.CIs, b.At = slices.Clone(b.CIs), d.Env.At
		d.Emit(BaselineTaken{b, c.After})
	}
}

// deployable asks for everything that must hold when the release goes live, and still holds at the commit.
func (d *decision) deployable() {
	r := &d.Rec
	d.signed(d.Env.Now)
	d.approved(r.Admitted, r.Admitted)
	d.inLibrary()
	if t := r.Test(); t == nil || !t.Passed {
		d.Refuse(ruleUntested.With("manifest", r.Plan.Manifest.Digest()))
	} else {
		d.RefuseWhen(t.Environment != r.environment(), ruleOtherTest, "got", t.Environment, "want", r.environment())
	}
	if r.Plan.Type != TypeEmergency {
		for _, diff := range r.Unwaived(d.Env.At) {
			d.Refuse(ruleDifferent.With("ci", or(diff.CI, diff.Pair), "attribute", or(diff.Attribute, "the whole item"), "test", diff.Test, "production", diff.Live))
		}
	}
	for _, item := range r.Plan.Readiness {
		done := slices.ContainsFunc(r.Prepared, func(p Preparation) bool { return p.Key == item.Key })
		d.RefuseWhen(!done && !item.Optional, ruleNotPrepared, "item", item.Key, "owner", item.Owner)
	}
	for _, unit := range r.Plan.PointsOfNoReturn() {
		given := slices.ContainsFunc(r.Consents, func(c Consent) bool { return c.Unit == unit && c.Plan == r.Plan.Digest() })
		d.RefuseWhen(!given, ruleNoConsent, "unit", unit)
	}
	if missing := r.Baseline.lacks(r.Plan.CIs); len(missing) > 0 {
		d.Refuse(ruleNoBaseline.With("cis", strings.Join(missing, ", ")))
	}
	if closed := r.gatesBefore(BeforeDeployment, ""); len(closed) > 0 {
		d.Refuse(ruleGates.With("gates", strings.Join(closed, ", ")))
	}
}

func (c MakeReady) decide(d *decision) {
	to := d.move(DoMakeReady)
	if d.Failed() {
		return
	}
	d.deployable()
	d.dated()
	if !d.Failed() {
		d.Emit(MadeReady{to})
	}
}
