package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A TemplateCommand is a command of the process of templates.
type TemplateCommand interface {
	itsm.Command
	decideTemplate(d *templateDecision)
}

// The commands of templates.
type (
	// DraftTemplate makes a template with the draft of its first version.
	DraftTemplate struct {
		Name    string          `json:"name"`
		Content TemplateContent `json:"content"`
	}
	// ReviseTemplate writes the draft of the next version anew. The version in force stays in force.
	ReviseTemplate struct {
		Content TemplateContent `json:"content"`
	}
	// AskTemplateApproval puts the draft to those who decide.
	AskTemplateApproval struct{}
	// VoteTemplate votes on the draft.
	VoteTemplate struct{ approval.Cast }
	// SuspendTemplate forbids to use the template.
	SuspendTemplate struct {
		Why string `json:"why"`
	}
	// ReinstateTemplate allows it again.
	ReinstateTemplate struct {
		Why string `json:"why"`
	}
	// RetireTemplate ends the template.
	RetireTemplate struct {
		Why string `json:"why"`
	}
	// TickTemplate lets everything happen whose time has come.
	TickTemplate struct{}

	// noteUse is the other side of the end of a standard change. [Service.Do] gives it in the same unit of work.
	noteUse struct {
		Change itsm.ID `json:"change"`
		Failed bool    `json:"failed,omitempty"`
	}
)

func (DraftTemplate) CommandName() string       { return "change_template.draft" }
func (ReviseTemplate) CommandName() string      { return "change_template.revise" }
func (AskTemplateApproval) CommandName() string { return "change_template.request_approval" }
func (VoteTemplate) CommandName() string        { return "change_template.vote" }
func (SuspendTemplate) CommandName() string     { return "change_template.suspend" }
func (ReinstateTemplate) CommandName() string   { return "change_template.reinstate" }
func (RetireTemplate) CommandName() string      { return "change_template.retire" }
func (TickTemplate) CommandName() string        { return "change_template.tick" }
func (noteUse) CommandName() string             { return "change_template.note_use" }

// Creates marks the command that makes a template.
func (DraftTemplate) Creates() {}

// The events of templates.
type (
	// TemplateDrafted: the template began to be.
	TemplateDrafted struct {
		Lifecycle string          `json:"lifecycle"`
		Name      string          `json:"name" itsm:"personal,text"`
		Content   TemplateContent `json:"content"`
	}
	// TemplateRevised: the draft of the next version was written.
	TemplateRevised struct {
		Content TemplateContent `json:"content"`
	}
	// TemplateBalloted: the vote on the draft took its course.
	TemplateBalloted struct {
		Events []approval.Event `json:"events"`
	}
	// TemplateAdopted: the draft is the version in force.
	TemplateAdopted struct {
		State   TemplateState   `json:"to"`
		Version TemplateVersion `json:"version"`
	}
	// TemplateMoved: the template was suspended, reinstated or retired.
	TemplateMoved struct {
		State TemplateState `json:"to"`
		Why   string        `json:"why,omitempty" itsm:"personal,text"`
	}
	// TemplateUsed: a standard change came to its end.
	TemplateUsed struct {
		Change itsm.ID `json:"change"`
		Failed bool    `json:"failed,omitempty"`
	}
)

func (TemplateDrafted) EventType() string  { return "change_template.drafted" }
func (TemplateRevised) EventType() string  { return "change_template.revised" }
func (TemplateBalloted) EventType() string { return "change_template.balloted" }
func (TemplateAdopted) EventType() string  { return "change_template.adopted" }
func (TemplateMoved) EventType() string    { return "change_template.moved" }
func (TemplateUsed) EventType() string     { return "change_template.used" }

// TemplateFacts are what a decision needs from outside the template.
type TemplateFacts struct {
	Members  []approval.Member
	Approval approval.Facts
	InUnit   bool // the end of the change is committed with it
}

// A TemplateProcess holds the configuration of the process of templates. It is immutable and safe for concurrent use.
type TemplateProcess struct {
	plan        approval.Plan
	form        approval.Form
	board       Board
	delegations DelegationSource
}

// NewTemplateProcess takes what it needs of the configuration of the changes: templates are approved as the policy says for standard changes of low risk.
func NewTemplateProcess(cfg Config) (*TemplateProcess, error) {
	plans := cfg.Approvals
	if plans == nil {
		plans = approval.DefaultPolicy()
	}
	plan, err := plans.Plan(string(TypeStandard), string(RiskLow))
	if err != nil {
		return nil, err
	}
	p := &TemplateProcess{plan: plan, form: templateForm(), board: cfg.Board, delegations: cfg.Delegations}
	return p, p.form.CheckType(Template{})
}

// Content returns the fingerprint of what an approval of the draft binds.
func (p *TemplateProcess) Content(t Template) (approval.Fingerprint, error) {
	return p.form.Fingerprint(t)
}

// Describe implements [itsm.Process].
func (p *TemplateProcess) Describe() itsm.Description {
	return itsm.Description{
		Kind: TemplateKind, Prefix: "CHT",
		Commands: []itsm.Command{DraftTemplate{}, ReviseTemplate{}, AskTemplateApproval{}, VoteTemplate{}, SuspendTemplate{}, ReinstateTemplate{}, RetireTemplate{}, TickTemplate{}, noteUse{}},
		Events:   []itsm.Payload{TemplateDrafted{}, TemplateRevised{}, TemplateBalloted{}, TemplateAdopted{}, TemplateMoved{}, TemplateUsed{}},
		Rules:    slices.Concat(templateRules(), approval.Rules()), Phases: phases(), Grants: TemplateGrants(),
		Index: []itsm.IndexField{{Name: "category", Type: itsm.TextValue}, {Name: "expires", Type: itsm.TimeValue}, {Name: "owner", Type: itsm.TextValue}},
	}
}

// Meta implements [itsm.Process].
func (p *TemplateProcess) Meta(rec *Template) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *TemplateProcess) Possible(rec Template) (names []string) {
	for _, e := range TemplateMachine.Allowed(rec.State) {
		names = append(names, string(e))
	}
	return names
}

// Outline implements [itsm.Process].
func (p *TemplateProcess) Outline(rec Template) itsm.Outline {
	index := itsm.NewEntries()
	index.Text("owner", string(rec.Owner))
	if v, ok := rec.Current(); ok {
		index.Text("category", string(v.Category))
		index.Time("expires", v.Expires)
	}
	o := itsm.Outline{State: string(rec.State), Phase: string(TemplateMachine.Phase(rec.State)), Final: TemplateMachine.IsEnd(rec.State), Index: index}
	if wake, ok := rec.Ballot.NextWake(); ok && !o.Final {
		o.Wake = wake
	}
	return o
}

// Gather implements [itsm.Process].
func (p *TemplateProcess) Gather(ctx context.Context, _ Template, cmd TemplateCommand, env itsm.Env) (f TemplateFacts, err error) {
	f.InUnit = itsm.InUnit(ctx)
	switch cmd.(type) {
	case AskTemplateApproval:
		if p.board != nil {
			roles, _ := p.plan.Rule.Roles()
			f.Members, err = p.board.Members(ctx, env.Actor.Tenant, roles, env.At)
		}
	case VoteTemplate:
		if p.delegations != nil {
			f.Approval.Delegations, err = p.delegations.Delegations(ctx, env.Actor.Tenant, env.At)
		}
	}
	return f, err
}

// Decide implements [itsm.Process].
func (p *TemplateProcess) Decide(rec Template, cmd TemplateCommand, facts TemplateFacts, env itsm.Env) ([]itsm.Payload, error) {
	d := &templateDecision{itsm.NewDraft(TemplateKind, cmd, rec, env, p), p, facts}
	cmd.decideTemplate(d)
	return d.Result()
}

// Evolve implements [itsm.Process].
func (p *TemplateProcess) Evolve(rec *Template, ev *itsm.Event) error {
	enter := func(s TemplateState) {
		if rec.State != s {
			rec.State, rec.Since = s, ev.At
		}
	}
	switch e := ev.Payload.(type) {
	case TemplateDrafted:
		rec.Lifecycle, rec.Name, rec.Owner, rec.Draft = e.Lifecycle, e.Name, ev.Actor, &e.Content
		enter(TemplateDraft)
	case TemplateRevised:
		rec.Draft = &e.Content
	case TemplateBalloted:
		rec.Ballot = rec.Ballot.Apply(e.Events...)
	case TemplateAdopted:
		enter(e.State)
		rec.Versions, rec.Draft, rec.Failures, rec.Why = itsm.Plus(rec.Versions, e.Version), nil, 0, ""
	case TemplateMoved:
		if e.State == TemplateActive {
			rec.Failures = 0
		}
		enter(e.State)
		rec.Why = e.Why
	case TemplateUsed:
		rec.Versions = slices.Clone(rec.Versions)
		rec.Versions[len(rec.Versions)-1].Uses++
		if e.Failed {
			rec.Failures++
		}
	default:
		return fmt.Errorf("%w: %T is no event of a template", itsm.ErrInvalid, ev.Payload)
	}
	return nil
}

// templateDecision is one command on a template being decided.
type templateDecision struct {
	*itsm.Draft[Template]
	p     *TemplateProcess
	facts TemplateFacts
}

func (d *templateDecision) open() {
	lifecycle.In(d.Draft, d.Rec.State, TemplateDraft, TemplateActive, TemplateSuspended)
}

func (d *templateDecision) move(e TemplateTransition) TemplateState {
	return lifecycle.Advance(d.Draft, TemplateMachine, d.Rec.State, e)
}

func (d *templateDecision) content() approval.Fingerprint {
	print, err := d.p.form.Fingerprint(&d.Rec)
	if err != nil {
		d.Fail(err)
	}
	return print
}

// balloted takes up what a vote has led to.
func (d *templateDecision) balloted(events []approval.Event, err error) {
	took(d.Draft, err)
	if d.Failed() || len(events) == 0 {
		return
	}
	before := d.Rec.Ballot.Outcome
	d.Emit(TemplateBalloted{events})
	b := &d.Rec.Ballot
	if b.Outcome != approval.Approved || before == approval.Approved || d.Rec.Draft == nil {
		return
	}
	d.Emit(TemplateAdopted{State: d.move(DoAdopt), Version: TemplateVersion{
		Nth: len(d.Rec.Versions) + 1, TemplateContent: *d.Rec.Draft, Digest: b.Content.Digest, Approved: b.Ended, Accounts: b.Accountable()}})
}

func (c TemplateContent) stored() TemplateContent {
	c.Expires = itsm.Instant(c.Expires)
	return c
}

func (c DraftTemplate) decideTemplate(d *templateDecision) {
	d.Need("name", c.Name)
	d.Length("name", c.Name, maxTitle)
	c.Content.check(d)
	if d.Failed() {
		return
	}
	d.Emit(TemplateDrafted{Lifecycle: TemplateMachine.Version(), Name: c.Name, Content: c.Content.stored()})
}

func (c ReviseTemplate) decideTemplate(d *templateDecision) {
	d.open()
	if d.Failed() {
		return
	}
	c.Content.check(d)
	if d.Failed() {
		return
	}
	d.Emit(TemplateRevised{c.Content.stored()})
	if events := d.Rec.Ballot.Edit(d.content(), d.Env); d.Rec.Ballot.Outcome == approval.Open && len(events) > 0 {
		d.Emit(TemplateBalloted{events})
	}
}

func (c AskTemplateApproval) decideTemplate(d *templateDecision) {
	d.open()
	if d.Failed() {
		return
	}
	d.RefuseWhen(d.Rec.Draft == nil, ruleNoDraft)
	d.RefuseWhen(d.Rec.Draft != nil && !d.Env.Now.Before(d.Rec.Draft.Expires), ruleTemplateExpired, "template", d.Env.ID, "expires", expires(d.Rec.Draft))
	if d.Failed() {
		return
	}
	events, err := d.Rec.Ballot.Open(approval.Request{
		Plan: d.p.plan, Topic: "change/standard", Content: d.content(), Members: d.facts.Members,
		Duties: []approval.Duty{{Relation: approval.Requester, Person: d.Rec.Owner}, {Relation: approval.Requester, Person: d.Env.Actor.ID}},
	}, d.Env)
	d.balloted(events, err)
}

func expires(c *TemplateContent) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Expires
}

func (c VoteTemplate) decideTemplate(d *templateDecision) {
	d.open()
	if d.Failed() {
		return
	}
	events, err := d.Rec.Ballot.Cast(c.Cast, d.facts.Approval, d.Env)
	d.balloted(events, err)
}

func (c SuspendTemplate) decideTemplate(d *templateDecision)   { d.step(DoSuspend, c.Why) }
func (c ReinstateTemplate) decideTemplate(d *templateDecision) { d.step(DoReinstate, c.Why) }

func (c RetireTemplate) decideTemplate(d *templateDecision) {
	d.step(DoRetire, c.Why)
}

func (d *templateDecision) step(e TemplateTransition, why string) {
	d.Need("why", why)
	to := d.move(e)
	if d.Failed() {
		return
	}
	d.Emit(TemplateMoved{to, why})
}

func (c noteUse) decideTemplate(d *templateDecision) {
	lifecycle.In(d.Draft, d.Rec.State, TemplateActive, TemplateSuspended, TemplateRetired)
	if d.Failed() {
		return
	}
	d.RefuseWhen(!d.facts.InUnit, ruleTwoSides, "command", c.CommandName())
	d.RefuseWhen(len(d.Rec.Versions) == 0, ruleNoDraft)
	if d.Failed() {
		return
	}
	d.Emit(TemplateUsed(c))
	if v, _ := d.Rec.Current(); d.Rec.State == TemplateActive && d.Rec.Failures >= v.Failures {
		d.Emit(TemplateMoved{d.move(DoSuspend), fmt.Sprintf("%d changes made from it failed", d.Rec.Failures)})
	}
}

func (c TickTemplate) decideTemplate(d *templateDecision) {
	if TemplateMachine.IsEnd(d.Rec.State) {
		return
	}
	d.balloted(d.Rec.Ballot.Tick(d.Env.At), nil)
}
