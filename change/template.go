package change

import (
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/rule"
)

// TemplateKind is the kind of the templates of standard changes.
const TemplateKind itsm.Kind = "change_template"

// A Template is what standard changes are made from: a procedure that was assessed, tested and approved beforehand, for a scope
// and until a date. It has versions; the last approved one is in force, and a standard change is pinned to it.
type Template struct {
	itsm.Meta `json:"meta"`

	Lifecycle string            `json:"lifecycle"`
	Name      string            `json:"name" itsm:"text"`
	Owner     itsm.PersonID     `json:"owner"`
	State     TemplateState     `json:"state"`
	Since     time.Time         `json:"state_since"`
	Draft     *TemplateContent  `json:"draft,omitempty"` // of the next version
	Ballot    approval.Ballot   `json:"ballot,omitzero"` // on the draft
	Versions  []TemplateVersion `json:"versions,omitempty"`
	Failures  int               `json:"failures,omitempty"` // since it was approved or reinstated
	Why       string            `json:"why,omitempty" itsm:"text"`
}

// Ref returns the reference to the template.
func (t Template) Ref() itsm.Ref { return itsm.Ref{Kind: TemplateKind, ID: t.ID} }

// Current returns the version in force, if there is one.
func (t *Template) Current() (TemplateVersion, bool) {
	if len(t.Versions) == 0 {
		return TemplateVersion{}, false
	}
	return t.Versions[len(t.Versions)-1], true
}

// TemplateContent is what a version pins.
type TemplateContent struct {
	Category Category       `json:"category"`
	Scope    string         `json:"scope"` // a condition over [ScopeFacts]; "" for everything
	Team     string         `json:"team"`  // that may make it
	Steps    []TemplateStep `json:"steps"`
	TestPlan string         `json:"test_plan,omitempty" itsm:"text"` // and its evidence
	Backout  TemplateBack   `json:"backout"`
	Expires  time.Time      `json:"expires"`  // not usable from then on
	Failures int            `json:"failures"` // after so many it is suspended
}

// A TemplateStep is a [Step] without the people.
type TemplateStep struct {
	What      string        `json:"what" itsm:"text"`
	Check     string        `json:"check" itsm:"text"`
	Estimate  itsm.Duration `json:"estimate"`
	Tolerance itsm.Duration `json:"tolerance,omitzero"`
	Undo      itsm.Duration `json:"undo,omitzero"`
}

// TemplateBack is a [Backout] without the people.
type TemplateBack struct {
	Steps    []string      `json:"steps" itsm:"text"`
	Trigger  string        `json:"trigger" itsm:"text"`
	Duration itsm.Duration `json:"duration"`
	Verify   string        `json:"verify" itsm:"text"`
}

// ScopeFacts are what the scope of a template reads of a change.
type ScopeFacts struct {
	Items       []string `json:"items"` // kind/id
	Services    []string `json:"services"`
	Grades      []string `json:"grades"`
	Departments []string `json:"departments"`
	Urgency     Urgency  `json:"urgency"`
	Minutes     int      `json:"minutes"` // length of the window
	Risk        int      `json:"risk"`    // 0 not assessed, 1 low, 2 medium, 3 high
}

var scopeSchema = rule.SchemaOf(ScopeFacts{}, rule.WithEnum("urgency", Urgencies()...))

// A TemplateVersion is an approved content.
type TemplateVersion struct {
	Nth int `json:"nth"` // from 1
	TemplateContent
	Digest   itsm.Digest               `json:"digest"` // that was approved
	Approved time.Time                 `json:"approved"`
	Accounts []approval.Accountability `json:"accounts"` // who approved
	Uses     int                       `json:"uses,omitempty"`
}

// plan returns the plan of a change that is made from the version, with the people of the given plan.
func (v *TemplateVersion) plan(given *Plan) Plan {
	var p Plan
	if given != nil {
		p = *given
	}
	steps := make([]Step, len(v.Steps))
	for i, s := range v.Steps {
		steps[i] = Step{What: s.What, Check: s.Check, Estimate: s.Estimate, Tolerance: s.Tolerance, Undo: s.Undo, Operator: p.Implementer}
		if given != nil && i < len(given.Steps) && given.Steps[i].Operator != "" {
			steps[i].Operator = given.Steps[i].Operator
		}
	}
	p.Steps, p.TestPlan = steps, v.TestPlan
	p.Backout = Backout{Steps: slices.Clone(v.Backout.Steps), Trigger: v.Backout.Trigger, Duration: v.Backout.Duration, Verify: v.Backout.Verify, Decider: p.Backout.Decider}
	if v.Team != "" {
		p.Team = v.Team
	}
	return p
}

// follows reports whether a plan is that of the version but for the people.
func (v *TemplateVersion) follows(p *Plan) bool {
	return slices.EqualFunc(v.Steps, p.Steps, func(a TemplateStep, b Step) bool {
		return a == TemplateStep{What: b.What, Check: b.Check, Estimate: b.Estimate, Tolerance: b.Tolerance, Undo: b.Undo}
	}) && slices.Equal(v.Backout.Steps, p.Backout.Steps) && v.Backout.Duration == p.Backout.Duration && v.Backout.Trigger == p.Backout.Trigger &&
		v.Backout.Verify == p.Backout.Verify && (v.Team == "" || v.Team == p.Team)
}

// template returns the version in force of the template that a command names.
func (d *decision) template(id itsm.ID) (v TemplateVersion) {
	t := d.facts.Template
	if t == nil {
		d.Refuse(ruleTemplateUnknown.With("template", id))
		return v
	}
	v, ok := t.Current()
	d.RefuseWhen(!ok || t.State != TemplateActive, ruleTemplateState, "template", id, "state", t.State)
	d.RefuseWhen(ok && !d.Env.Now.Before(v.Expires), ruleTemplateExpired, "template", id, "expires", v.Expires)
	return v
}

// pinned asks that a standard change may still be made from its template, and is what the template pins.
func (d *decision) pinned() TemplateVersion {
	r := &d.Rec
	if r.Template == nil {
		d.Refuse(ruleNoTemplate.With())
		return TemplateVersion{}
	}
	v := d.template(r.Template.ID)
	if d.Refused(ruleTemplateUnknown) {
		return v
	}
	d.RefuseWhen(v.Nth != r.Template.Version || v.Digest != r.Template.Digest, ruleTemplateVersion, "template", r.Template.ID, "used", r.Template.Version, "current", v.Nth)
	d.RefuseWhen(!v.follows(&r.Plan) || v.Category != r.Category, ruleTemplateContent, "template", r.Template.ID)
	scope, err := compileScope(v.Scope)
	if err != nil {
		d.Fail(err)
		return v
	}
	inside, err := scope.Eval(d.scopeFacts())
	if err != nil {
		d.Fail(err)
	}
	d.RefuseWhen(!inside, ruleTemplateScope, "template", r.Template.ID, "scope", v.Scope)
	return v
}

func (d *decision) scopeFacts() *ScopeFacts {
	r := &d.Rec
	f := &ScopeFacts{Services: r.Services, Grades: d.facts.Grades, Departments: r.Departments, Urgency: r.Urgency,
		Minutes: int(r.Window.Work().Length() / time.Minute), Risk: r.Risk().Rank()}
	for _, item := range r.Items {
		f.Items = append(f.Items, item.String())
	}
	return f
}

func compileScope(src string) (*rule.Predicate, error) {
	if src == "" {
		return rule.True(), nil
	}
	return scopeSchema.Compile(src)
}

// A TemplateState is where a template stands.
type TemplateState string

// The states of templates.
const (
	TemplateDraft     TemplateState = "draft"
	TemplateActive    TemplateState = "active"
	TemplateSuspended TemplateState = "suspended"
	TemplateRetired   TemplateState = "retired"
)

// A TemplateTransition is what moves a template.
type TemplateTransition string

// The transitions of templates.
const (
	DoAdopt     TemplateTransition = "adopt" // a version was approved
	DoSuspend   TemplateTransition = "suspend"
	DoReinstate TemplateTransition = "reinstate"
	DoRetire    TemplateTransition = "retire"
)

// TemplateMachine is the lifecycle of templates.
var TemplateMachine = lifecycle.Must(lifecycle.Spec[TemplateState, TemplateTransition]{
	Name: "change_template", Start: []TemplateState{TemplateDraft},
	States: []lifecycle.StateRow[TemplateState]{
		{Name: TemplateDraft, Phase: lifecycle.PhaseOpen, En: "draft", Zh: "草稿"},
		{Name: TemplateActive, Phase: lifecycle.PhaseActive, En: "in force", Zh: "生效"},
		{Name: TemplateSuspended, Phase: lifecycle.PhaseWaiting, En: "suspended", Zh: "暂停"},
		{Name: TemplateRetired, Phase: lifecycle.PhaseClosed, End: true, En: "retired", Zh: "已废止"},
	},
	Transitions: []lifecycle.Transition[TemplateState, TemplateTransition]{
		{Event: DoAdopt, From: []TemplateState{TemplateDraft, TemplateActive, TemplateSuspended}, To: TemplateActive, En: "adopt", Zh: "批准生效"},
		{Event: DoSuspend, From: []TemplateState{TemplateActive}, To: TemplateSuspended, En: "suspend", Zh: "暂停"},
		{Event: DoReinstate, From: []TemplateState{TemplateSuspended}, To: TemplateActive, En: "reinstate", Zh: "恢复"},
		{Event: DoRetire, From: []TemplateState{TemplateDraft, TemplateActive, TemplateSuspended}, To: TemplateRetired, En: "retire", Zh: "废止"},
	},
},
	lifecycle.OnlyInto(lifecycle.Law{Name: "approved_first", En: "a template comes into force by approval", Zh: "模板经批准后生效"}, TemplateActive, DoAdopt, DoReinstate),
	lifecycle.MustFollow[TemplateState](lifecycle.Law{Name: "reinstate_suspended", En: "only a suspended template is reinstated", Zh: "只能恢复已暂停的模板"}, DoReinstate, TemplateSuspended),
)

// templateForm says what of a template an approval binds.
func templateForm() approval.Form {
	f := approval.Form{Items: approval.FourItems()}
	for item, paths := range map[string][]string{ //maporder: a fingerprint sorts its fields
		"impact": {"draft.category", "draft.scope"}, "plan": {"draft.steps", "draft.test_plan", "draft.expires", "draft.failures"},
		"implementer": {"draft.team"}, "backout": {"draft.backout"},
	} {
		for _, p := range paths {
			f.Fields = append(f.Fields, approval.Material{Path: p, Item: item})
		}
	}
	return f
}

// check names everything that is missing or wrong in the content.
func (c *TemplateContent) check(d *templateDecision) {
	itsm.Among(d.Draft, "category", c.Category, Categories()...)
	if _, err := compileScope(c.Scope); err != nil {
		d.Refuse(ruleScope.Because(err, "fault", err))
	}
	d.RefuseWhen(len(c.Steps) == 0, ruleNoSteps)
	d.RefuseWhen(len(c.Steps) > maxList, ruleTooMany, "field", "steps", "count", len(c.Steps), "most", maxList)
	for i, s := range c.Steps {
		at := fmt.Sprintf("steps[%d].", i+1)
		d.Need(at+"what", s.What)
		d.Need(at+"check", s.Check)
		d.RefuseWhen(s.Estimate <= 0 || s.Estimate.Std() > maxWindow || s.Undo < 0 || s.Undo.Std() > maxWindow || s.Tolerance < 0 || s.Tolerance.Std() > maxWindow,
			ruleEstimate, "field", at+"estimate", "most", maxWindow)
	}
	d.RefuseWhen(len(c.Backout.Steps) == 0 || c.Backout.Trigger == "" || c.Backout.Verify == "" || c.Backout.Duration <= 0 || c.Backout.Duration.Std() > maxWindow, ruleTemplateBackout)
	d.NeedTime("expires", c.Expires)
	d.Later("expires", c.Expires)
	d.RefuseWhen(c.Failures < 1, ruleFailures)
	d.Length("test_plan", c.TestPlan, maxText)
}
