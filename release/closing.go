package release

import (
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// The rules of the commands after the deployment.

// live are the states in which the release is in production and not closed.
var live = []State{StateDeployed, StateAccepting, StateAccepted, StateRejected}

func (c Compare) decide(d *decision) {
	d.in(live...)
	d.RefuseWhen(len(c.Deviations) > maxEnvItems, ruleTooMany, "field", "deviations", "most", maxEnvItems)
	if d.Failed() {
		return
	}
	for i, v := range c.Deviations {
		d.Need(at("deviations", i, ".ci"), v.CI)
		d.Need(at("deviations", i, ".attribute"), v.Attribute)
		d.Length(at("deviations", i, ".because"), v.Because, MaxText)
	}
	d.RefuseWhen(d.Rec.After == nil, ruleNoAfter)
	if !d.Failed() {
		d.Emit(Compared{slices.Clone(c.Deviations)})
	}
}

func (c Explain) decide(d *decision) {
	d.in(live...)
	d.Need("because", c.Because)
	d.Length("because", c.Because, MaxText)
	d.RefuseWhen(c.Nth < 1 || c.Nth > len(d.Rec.Deviates), ruleNoDeviation, "nth", c.Nth)
	if !d.Failed() {
		d.Emit(DeviationExplained(c))
	}
}

func (c Present) decide(d *decision) {
	to := d.move(DoPresent)
	if d.Failed() {
		return
	}
	if closed := d.Rec.gatesBefore(BeforeAcceptance, ""); len(closed) > 0 {
		d.Refuse(ruleGates.With("gates", strings.Join(closed, ", ")))
		return
	}
	d.Emit(Presented{to})
}

func (c JudgeBusiness) decide(d *decision)   { d.judge(Business, c.Judgement) }
func (c JudgeOperations) decide(d *decision) { d.judge(Operations, c.Judgement) }

func (d *decision) judge(side Side, j Judgement) {
	d.in(StateAccepting)
	if d.Failed() {
		return
	}
	d.Choice("answer", string(j.Answer), list(Acceptances()), slices.Contains(Acceptances(), j.Answer))
	d.Length("remarks", j.Remarks, MaxText)
	d.RefuseWhen(len(j.Conditions) > MaxList, ruleTooMany, "field", "conditions", "most", MaxList)
	d.RefuseWhen(len(j.Criteria) > MaxList, ruleTooMany, "field", "criteria", "most", MaxList)
	if d.Failed() {
		return
	}
	for _, k := range d.Rec.Plan.Criteria {
		result := find(j.Criteria, func(c *CriterionResult) bool { return c.Key == k.Key })
		if result == nil {
			d.Need("criteria."+k.Key, "")
			continue
		}
		d.Need("criteria."+k.Key+".evidence", result.Evidence)
		d.RefuseWhen(!result.Met && j.Answer == Accept, ruleCriterion, "criterion", k.Key)
	}
	for i, c := range j.Criteria {
		known := slices.ContainsFunc(d.Rec.Plan.Criteria, func(k Criterion) bool { return k.Key == c.Key })
		d.RefuseWhen(!known, ruleNoCriterion, "criterion", c.Key)
		d.Length(at("criteria", i, ".evidence"), c.Evidence, MaxText)
	}
	switch j.Answer {
	case Accept:
		d.RefuseWhen(len(j.Conditions) > 0, ruleConditions)
	case WithRemarks:
		d.RefuseWhen(len(j.Conditions) == 0, ruleNoConditions)
	case Reject:
		d.Need("remarks", j.Remarks)
	}
	conditions := slices.Clone(j.Conditions)
	for i := range conditions {
		c := &conditions[i]
		d.Need(at("conditions", i, ".text"), c.Text)
		d.Length(at("conditions", i, ".text"), c.Text, MaxText)
		d.NeedTime(at("conditions", i, ".due"), c.Due)
		d.Later(at("conditions", i, ".due"), c.Due)
		*c = Condition{Text: c.Text, Due: itsm.Instant(c.Due)}
	}
	other := d.Rec.Rounds[len(d.Rec.Rounds)-1].Verdict(map[Side]Side{Business: Operations, Operations: Business}[side])
	d.RefuseWhen(other != nil && d.Env.Actor.Is(other.By), ruleBothSides, "actor", d.Env.Actor.ID)
	if d.Failed() {
		return
	}
	j.Conditions, j.Criteria = conditions, slices.Clone(j.Criteria)
	d.Emit(Judged{Verdict{Side: side, Judgement: j, By: d.Env.Actor.ID, At: d.Env.At}})
	if j.Answer == Reject {
		d.Emit(Rejected{d.move(DoReject)})
		return
	}
	d.settle()
}

// settle accepts the release when both sides do and no condition is left.
func (d *decision) settle() {
	if d.Rec.Rounds[len(d.Rec.Rounds)-1].Settled() {
		d.Emit(Accepted{d.move(DoAccept)})
	}
}

func (c MeetCondition) decide(d *decision) {
	d.in(StateAccepting)
	if d.Failed() {
		return
	}
	d.Need("evidence", c.Evidence)
	d.Length("evidence", c.Evidence, MaxText)
	v := d.Rec.Rounds[len(d.Rec.Rounds)-1].Verdict(c.Side)
	there := v != nil && c.Nth >= 1 && c.Nth <= len(v.Conditions) && v.Conditions[c.Nth-1].Met.IsZero()
	d.RefuseWhen(!there, ruleNoCondition, "side", c.Side, "nth", c.Nth)
	if d.Failed() {
		return
	}
	d.Emit(ConditionMet(c))
	d.settle()
}

func (c FixForward) decide(d *decision) {
	to := d.move(DoFix)
	d.Need("why", c.Why)
	d.Length("why", c.Why, MaxText)
	d.Need("by", c.By.String())
	d.RefuseWhen(c.By == d.Rec.Ref(), ruleOwnFix)
	if !d.Failed() {
		d.Emit(FixedForward{to, Fix{c.By, c.Why, d.Env.At}})
	}
}

func (c FileReport) decide(d *decision) {
	to := d.move(DoReport)
	d.Length("analysis", c.Analysis, MaxText)
	d.Length("lessons", c.Lessons, MaxText)
	d.RefuseWhen(len(c.Incidents) > MaxList || len(c.Shared) > MaxList || len(c.Exit) > MaxList, ruleTooMany, "field", "incidents, shared, exit", "most", MaxList)
	if d.Failed() {
		return
	}
	d.RefuseWhen(d.Rec.State == StateAccepted && d.Env.At.Before(d.Rec.Observed), ruleObserving, "until", d.Rec.Observed)
	for _, v := range d.Rec.SignOff.Votes {
		d.RefuseWhen(v.Oral != nil && v.Oral.Confirmed.IsZero(), ruleOralOpen, "member", v.Member)
	}
	f := Filing{Incidents: slices.Clone(c.Incidents), Analysis: c.Analysis, Lessons: c.Lessons, Shared: slices.Clone(c.Shared), Exit: slices.Clone(c.Exit), By: d.Env.Actor.ID, At: d.Env.At}
	if d.p.cfg.Incidents != nil {
		f.Incidents = d.facts.Incidents
	}
	report := d.Rec.NewReport(f)
	for _, field := range report.Missing(len(d.Rec.Plan.Exit)) {
		d.Need(field, "")
	}
	if !d.Failed() {
		d.Emit(Reported{to, f, report.Closes})
	}
}
