package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
)

// A Machine is the lifecycle of audits.
type Machine = lifecycle.Machine[State, string]

var machine = lifecycle.Must(lifecycle.Spec[State, string]{
	Name: "ci_audit", Start: []State{StatePlanned},
	States: []lifecycle.StateRow[State]{
		{Name: StatePlanned, Phase: lifecycle.PhaseOpen, En: "planned", Zh: "已计划"},
		{Name: StateRunning, Phase: lifecycle.PhaseActive, En: "running", Zh: "盘点中"},
		{Name: StateReconciling, Phase: lifecycle.PhaseActive, En: "reconciling", Zh: "差异处理"},
		{Name: StateClosed, Phase: lifecycle.PhaseClosed, End: true, En: "closed", Zh: "已关闭"},
		{Name: StateCancelled, Phase: lifecycle.PhaseClosed, End: true, En: "cancelled", Zh: "已取消"},
	},
	Transitions: []lifecycle.Transition[State, string]{
		{Event: "start", From: []State{StatePlanned}, To: StateRunning, En: "start", Zh: "开始"},
		{Event: "report", From: []State{StateRunning}, To: StateReconciling, En: "report", Zh: "提交结果"},
		{Event: "close", From: []State{StateReconciling}, To: StateClosed, En: "close", Zh: "关闭"},
		{Event: "cancel", From: []State{StatePlanned, StateRunning}, To: StateCancelled, En: "cancel", Zh: "取消"},
	},
}, lifecycle.MustPass[State, string](lifecycle.Law{Name: "reconciled_before_closed", En: "an audit is reconciled before it is closed", Zh: "差异处理后方可关闭审核"}, StateClosed, StateReconciling))

// A Command is a command of the process; it stands here with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

type (
	// Plan plans an audit.
	Plan struct {
		Name  string    `json:"name"`
		Scope Scope     `json:"scope"`
		Due   time.Time `json:"due"`
	}
	// Start draws the sample and freezes what the records say of it. Who starts it is the auditor.
	Start struct{}
	// Report enters what was found, all of it at once.
	Report struct {
		Found []Found `json:"found"`
	}
	// Dispose says what is done about a discrepancy, and until when. It may be decided anew until it is corrected.
	Dispose struct {
		Nth         int         `json:"nth"` // from 1
		Disposition Disposition `json:"disposition"`
		Why         string      `json:"why"`
		Change      itsm.Ref    `json:"change,omitzero"` // where the world is corrected
		Deadline    time.Time   `json:"deadline,omitzero"`
	}
	// Correct says that the record or the world was put right.
	Correct struct {
		Nth int `json:"nth"`
	}
	// Close ends an audit of which every discrepancy is disposed of, and every record that was to be corrected is.
	Close struct{}
	// Cancel ends an audit that found nothing yet.
	Cancel struct{}
	// Tick lets everything happen whose time has come. The scheduler gives it; nobody has to.
	Tick struct{}
)

func (Plan) CommandName() string    { return "ci_audit.plan" }
func (Start) CommandName() string   { return "ci_audit.start" }
func (Report) CommandName() string  { return "ci_audit.report" }
func (Dispose) CommandName() string { return "ci_audit.dispose" }
func (Correct) CommandName() string { return "ci_audit.correct" }
func (Close) CommandName() string   { return "ci_audit.close" }
func (Cancel) CommandName() string  { return "ci_audit.cancel" }
func (Tick) CommandName() string    { return "ci_audit.tick" }

// Creates marks the command that makes an audit.
func (Plan) Creates() {}

type (
	// Planned: an audit is to be made.
	Planned struct {
		Name  string    `json:"name" itsm:"text"`
		Scope Scope     `json:"scope"`
		Due   time.Time `json:"due"`
	}
	// Started: the sample is drawn.
	Started struct {
		State      State      `json:"state"`
		Population int        `json:"population"`
		Sample     []Expected `json:"sample"`
	}
	// Reported: the auditor told what was found.
	Reported struct {
		State         State         `json:"state"`
		Result        Result        `json:"result"`
		Discrepancies []Discrepancy `json:"discrepancies,omitempty"`
	}
	// Disposed: it is decided what is done about a discrepancy.
	Disposed struct {
		Nth         int         `json:"nth"`
		Disposition Disposition `json:"disposition"`
		Why         string      `json:"why" itsm:"text"`
		Change      itsm.Ref    `json:"change,omitzero"`
		Deadline    time.Time   `json:"deadline,omitzero"`
	}
	// Corrected: the record of a discrepancy was put right, or the world.
	Corrected struct {
		Nth int `json:"nth"`
	}
	// DeadlinePassed: a discrepancy was not corrected in time.
	DeadlinePassed struct {
		Nth int `json:"nth"`
	}
	// Ended: the audit is closed or cancelled.
	Ended struct {
		State State `json:"state"`
	}
)

func (Planned) EventType() string        { return "ci_audit.planned" }
func (Started) EventType() string        { return "ci_audit.started" }
func (Reported) EventType() string       { return "ci_audit.reported" }
func (Disposed) EventType() string       { return "ci_audit.disposed" }
func (Corrected) EventType() string      { return "ci_audit.corrected" }
func (DeadlinePassed) EventType() string { return "ci_audit.deadline_passed" }
func (Ended) EventType() string          { return "ci_audit.ended" }

var (
	ruleScope     = itsm.Invalid("audit.scope", "the sample is {sample} and {percent} percent: want one of them, 1 or more, and at most 100 percent", "抽样数为 {sample}、比例为 {percent}%：只能给出一个，且不小于 1、比例不超过 100")
	ruleClass     = itsm.Invalid("audit.class", "there is no class {class}", "没有类别 {class}")
	ruleEmpty     = itsm.NotNow("audit.empty", "no item is in the scope", "范围内没有配置项")
	ruleOwn       = itsm.Denied("audit.own", "{person} maintains {items} and cannot audit them", "{person} 维护 {items}，不能审核")
	ruleAuditor   = itsm.Denied("audit.auditor", "{person} is not the auditor, {auditor}", "{person} 不是审核人 {auditor}")
	ruleTwice     = itsm.Invalid("audit.twice", "{what} is reported twice", "{what} 被重复上报")
	ruleNobody    = itsm.Invalid("audit.nobody", "finding {nth} names neither an item nor a label nor what it is", "第 {nth} 条结果既无配置项、标识，也无说明")
	ruleNth       = itsm.Invalid("audit.nth", "there is no discrepancy {nth}, there are {count}", "没有第 {nth} 项差异，共 {count} 项")
	ruleChange    = itsm.Invalid("audit.change", "the world is corrected through a change", "更正实物环境须通过变更")
	ruleCorrected = itsm.NotNow("audit.corrected", "discrepancy {nth} was corrected already", "第 {nth} 项差异已更正")
	ruleNoRecord  = itsm.NotNow("audit.no_record", "nothing is to be corrected about discrepancy {nth}", "第 {nth} 项差异无需更正")
	ruleOpen      = itsm.NotNow("audit.open", "discrepancies are not disposed of or corrected: {open}", "差异尚未处置或更正：{open}")
)

func rules() []*itsm.Rule {
	return []*itsm.Rule{ruleScope, ruleClass, ruleEmpty, ruleOwn, ruleAuditor, ruleTwice, ruleNobody, ruleNth, ruleChange, ruleCorrected, ruleNoRecord, ruleOpen}
}

// Facts are what a decision needs from outside.
type Facts struct {
	Population int
	Sample     []Expected // drawn
	Maintained []itsm.ID  // of the sample, the items that the actor has written
	Unknown    []string   // classes of the scope that there are not
}

// A Process holds the configuration of the process. It is immutable and safe for concurrent use.
type Process struct {
	model *config.Model
	items itsm.Repository[config.Item]
}

// NewProcess makes the process of audits of items.
func NewProcess(items itsm.Repository[config.Item], model *config.Model) *Process {
	return &Process{model: model, items: items}
}

// Machine returns the lifecycle.
func (p *Process) Machine() *Machine { return machine }

// Describe implements [itsm.Process].
func (p *Process) Describe() itsm.Description {
	var phases []string
	for _, ph := range lifecycle.Phases() {
		phases = append(phases, string(ph))
	}
	return itsm.Description{
		Kind: Kind, Prefix: "AUD", Commands: []itsm.Command{Plan{}, Start{}, Report{}, Dispose{}, Correct{}, Close{}, Cancel{}, Tick{}}, Phases: phases, Grants: Grants(),
		Events: []itsm.Payload{Planned{}, Started{}, Reported{}, Disposed{}, Corrected{}, DeadlinePassed{}, Ended{}}, Rules: rules(),
		Index: []itsm.IndexField{{Name: "due", Type: itsm.TimeValue}, {Name: "auditor", Type: itsm.TextValue}, {Name: "deadline", Type: itsm.TimeValue}},
	}
}

// Grants returns the permissions that the process ships.
func Grants() []itsm.Grant {
	read := []string{"itsm.read", "itsm.timeline", "itsm.journal"}
	return []itsm.Grant{
		{Role: itsm.RoleConfigManager, Commands: append(slices.Clone(read), "ci_audit.plan", "ci_audit.dispose", "ci_audit.correct", "ci_audit.close", "ci_audit.cancel", "itsm.note", "itsm.classify"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleAuditAdmin, Commands: append(slices.Clone(read), "ci_audit.plan", "ci_audit.start", "ci_audit.report", "ci_audit.close", "ci_audit.cancel", "itsm.note"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: append(slices.Clone(read), "ci_audit.start", "ci_audit.report"), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: append(slices.Clone(read), "ci_audit.start", "ci_audit.report"), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: []string{"itsm.read", "ci_audit.tick", "ci_audit.plan"}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}

// Meta implements [itsm.Process].
func (p *Process) Meta(rec *Audit) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *Process) Possible(rec Audit) []string { return machine.Allowed(rec.State) }

// Outline implements [itsm.Process].
func (p *Process) Outline(rec Audit) itsm.Outline {
	index := itsm.NewEntries()
	index.Time("due", rec.Due)
	index.Text("auditor", string(rec.Auditor))
	o := itsm.Outline{State: string(rec.State), Phase: string(machine.Phase(rec.State)), Final: machine.IsEnd(rec.State)}
	if !o.Final {
		o.Wake = rec.nextDeadline()
		index.Time("deadline", o.Wake)
	}
	o.Index = index
	return o
}

// nextDeadline returns the earliest deadline that is kept neither nor passed.
func (a *Audit) nextDeadline() (next time.Time) {
	for i, d := range a.Discrepancies {
		if d.Corrected.IsZero() && !slices.Contains(a.Overdue, i+1) {
			next = itsm.Earliest(next, d.Deadline)
		}
	}
	return next
}

// Gather implements [itsm.Process].
func (p *Process) Gather(ctx context.Context, rec Audit, cmd Command, env itsm.Env) (f Facts, err error) {
	switch c := cmd.(type) {
	case Plan:
		for _, class := range c.Scope.Classes {
			if _, ok := p.model.Class(class); !ok {
				f.Unknown = append(f.Unknown, class)
			}
		}
	case Start:
		if p.items != nil {
			err = p.draw(ctx, &rec, env.Actor, &f)
		}
	}
	return f, err
}

// draw draws the sample, and finds out which of it the actor maintains: those whose journal has a write of his.
func (p *Process) draw(ctx context.Context, rec *Audit, actor itsm.Actor, f *Facts) error {
	all := map[itsm.ID]config.Item{}
	var ids []itsm.ID
	for stored, err := range p.items.Find(ctx, itsm.Query{Tenant: actor.Tenant, Kind: config.Kind}) {
		if err != nil {
			return err
		}
		if rec.Scope.Has(p.model, &stored.Record) {
			all[stored.Record.ID] = stored.Record
			ids = append(ids, stored.Record.ID)
		}
	}
	f.Population = len(ids)
	for _, id := range rec.Scope.Draw(ids) {
		item := all[id]
		f.Sample = append(f.Sample, p.expect(&item))
		for ev, err := range p.items.Events(ctx, "", itsm.Filter{Tenant: actor.Tenant, Kind: config.Kind, ID: id}) {
			if err != nil {
				return err
			}
			if (actor.Is(ev.Actor) || actor.Is(ev.OnBehalfOf)) && maintains(ev.Type) {
				f.Maintained = append(f.Maintained, id)
				break
			}
		}
	}
	return nil
}

// maintains reports whether an event is a write of the configuration.
func maintains(eventType string) bool {
	return slices.Contains([]string{"ci.registered", "ci.set", "ci.renamed", "ci.reclassified", "ci.labelled", "ci.moved", "ci.status_set", "ci.linked", "ci.unlinked", "ci.documented"}, eventType)
}

func (p *Process) expect(i *config.Item) Expected {
	e := Expected{Item: i.ID, Class: i.Class, Label: i.Label.Code, Values: map[string]itsm.Value{}}
	for name, v := range i.Values() { //maporder: writes into a map
		if a, ok := p.model.Attribute(i.Class, name); ok && !a.Observed {
			e.Values[name] = v
		}
	}
	for _, r := range i.Relations {
		if r.Current() {
			e.Relations = append(e.Relations, Link{r.Type, r.To})
		}
	}
	slices.SortFunc(e.Relations, compareLinks)
	return e
}

type decision struct {
	*itsm.Draft[Audit]
	facts Facts
}

// Decide implements [itsm.Process].
func (p *Process) Decide(rec Audit, cmd Command, facts Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := &decision{itsm.NewDraft(Kind, cmd, rec, env, p), facts}
	cmd.decide(d)
	return d.Result()
}

func (d *decision) step(event string) State {
	return lifecycle.Advance(d.Draft, machine, d.Rec.State, event)
}

func (c Plan) decide(d *decision) {
	d.Need("name", c.Name)
	d.Length("name", c.Name, 200)
	d.NeedTime("due", c.Due)
	d.Later("due", c.Due)
	d.Code("scope.place", c.Scope.Place)
	bad := c.Scope.Sample < 0 || c.Scope.Percent < 0 || c.Scope.Percent > 100 || c.Scope.Sample > 0 && c.Scope.Percent > 0
	d.RefuseWhen(bad, ruleScope, "sample", c.Scope.Sample, "percent", c.Scope.Percent)
	d.RefuseWhen(len(d.facts.Unknown) > 0, ruleClass, "class", strings.Join(d.facts.Unknown, ", "))
	if d.Failed() {
		return
	}
	d.Emit(Planned{c.Name, c.Scope, itsm.Instant(c.Due)})
}

func (c Start) decide(d *decision) {
	to := d.step("start")
	if d.Failed() {
		return
	}
	d.RefuseWhen(len(d.facts.Sample) == 0, ruleEmpty)
	if own := d.facts.Maintained; len(own) > 0 {
		var ids []string
		for _, id := range own[:min(len(own), 10)] {
			ids = append(ids, string(id))
		}
		d.Refuse(ruleOwn.With("person", d.Env.Actor.ID, "items", strings.Join(ids, ", ")))
	}
	if d.Failed() {
		return
	}
	d.Emit(Started{to, d.facts.Population, d.facts.Sample})
}

func (c Report) decide(d *decision) {
	to := d.step("report")
	if d.Failed() {
		return
	}
	d.RefuseWhen(!d.Env.Actor.Is(d.Rec.Auditor), ruleAuditor, "person", d.Env.Actor.ID, "auditor", d.Rec.Auditor)
	seen := map[string]bool{}
	for i, f := range c.Found {
		d.Code("label", f.Label)
		d.Length("what", f.What, 500)
		d.RefuseWhen(f.Item == "" && f.Label == "" && f.What == "", ruleNobody, "nth", i+1)
		name := string(f.Item)
		for _, e := range d.Rec.Sample {
			if name == "" && f.Label != "" && e.Label == f.Label {
				name = string(e.Item)
			}
		}
		if name != "" {
			d.RefuseWhen(seen[name], ruleTwice, "what", name)
			seen[name] = true
		}
	}
	if d.Failed() {
		return
	}
	result, ds := Reconcile(d.Rec.Sample, c.Found)
	d.Emit(Reported{to, result, ds})
}

// nth returns a discrepancy that is not corrected yet.
func (d *decision) nth(n int) *Discrepancy {
	lifecycle.In(d.Draft, d.Rec.State, StateReconciling)
	if d.Failed() {
		return nil
	}
	if n < 1 || n > len(d.Rec.Discrepancies) {
		d.Refuse(ruleNth.With("nth", n, "count", len(d.Rec.Discrepancies)))
		return nil
	}
	x := &d.Rec.Discrepancies[n-1]
	d.RefuseWhen(!x.Corrected.IsZero(), ruleCorrected, "nth", n)
	return x
}

func (c Dispose) decide(d *decision) {
	d.nth(c.Nth)
	all := []Disposition{CorrectRecord, CorrectWorld, AcceptAsIs}
	if d.Refused(itsm.ErrIllegalState) {
		return
	}
	d.Choice("disposition", string(c.Disposition), "correct_record, correct_world, accept", slices.Contains(all, c.Disposition))
	d.Need("why", c.Why)
	d.Length("why", c.Why, 2000)
	if c.Disposition == CorrectRecord || c.Disposition == CorrectWorld {
		d.NeedTime("deadline", c.Deadline)
		d.Later("deadline", c.Deadline)
	}
	d.RefuseWhen(c.Disposition == CorrectWorld && c.Change.Kind != "change", ruleChange)
	if d.Failed() {
		return
	}
	e := Disposed{Nth: c.Nth, Disposition: c.Disposition, Why: c.Why}
	if c.Disposition != AcceptAsIs {
		e.Deadline = itsm.Instant(c.Deadline)
	}
	if c.Disposition == CorrectWorld {
		e.Change = c.Change
	}
	d.Emit(e)
}

func (c Correct) decide(d *decision) {
	x := d.nth(c.Nth)
	if d.Failed() {
		return
	}
	if d.RefuseWhen(x.Disposition != CorrectRecord && x.Disposition != CorrectWorld, ruleNoRecord, "nth", c.Nth); !d.Failed() {
		d.Emit(Corrected(c))
	}
}

func (c Close) decide(d *decision) {
	to := d.step("close")
	if d.Failed() {
		return
	}
	var open []string
	for i, x := range d.Rec.Discrepancies {
		if x.Disposition == "" || x.Disposition == CorrectRecord && x.Corrected.IsZero() {
			open = append(open, fmt.Sprint(i+1))
		}
	}
	if d.RefuseWhen(len(open) > 0, ruleOpen, "open", strings.Join(open, ", ")); !d.Failed() {
		d.Emit(Ended{to})
	}
}

func (c Cancel) decide(d *decision) {
	d.NeedReason()
	if to := d.step("cancel"); !d.Failed() {
		d.Emit(Ended{to})
	}
}

func (c Tick) decide(d *decision) {
	if machine.IsEnd(d.Rec.State) {
		return
	}
	for i, x := range d.Rec.Discrepancies {
		if x.Corrected.IsZero() && d.Due(x.Deadline) && !slices.Contains(d.Rec.Overdue, i+1) {
			d.Emit(DeadlinePassed{i + 1})
		}
	}
}

// Evolve implements [itsm.Process].
func (p *Process) Evolve(rec *Audit, ev *itsm.Event) error {
	change := func(n int, apply func(x *Discrepancy)) {
		rec.Discrepancies = slices.Clone(rec.Discrepancies)
		apply(&rec.Discrepancies[n-1])
	}
	switch e := ev.Payload.(type) {
	case Planned:
		rec.Name, rec.Scope, rec.Due, rec.State = e.Name, e.Scope, e.Due, StatePlanned
	case Started:
		rec.State, rec.Population, rec.Sample, rec.Auditor, rec.Started = e.State, e.Population, e.Sample, ev.Actor, ev.At
	case Reported:
		rec.State, rec.Result, rec.Discrepancies = e.State, &e.Result, e.Discrepancies
	case Disposed:
		change(e.Nth, func(x *Discrepancy) {
			x.Disposition, x.Why, x.Change, x.Deadline, x.By = e.Disposition, e.Why, e.Change, e.Deadline, ev.Actor
		})
		rec.Overdue = slices.DeleteFunc(slices.Clone(rec.Overdue), func(n int) bool { return n == e.Nth })
		if len(rec.Overdue) == 0 {
			rec.Overdue = nil
		}
	case Corrected:
		change(e.Nth, func(x *Discrepancy) { x.Corrected = ev.At })
	case DeadlinePassed:
		rec.Overdue = itsm.Plus(rec.Overdue, e.Nth)
	case Ended:
		rec.State, rec.Ended = e.State, ev.At
	default:
		return fmt.Errorf("%w: %T is no event of an audit", itsm.ErrInvalid, ev.Payload)
	}
	return nil
}

// NewRepository returns the repository of audits in a store.
func NewRepository(db store.DB) *store.Repository[Audit] { return store.NewRepository[Audit](db) }

// A Service carries out commands on audits. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Audit, Facts, Command]
	repo itsm.Repository[Audit]
}

// New returns the service of audits of the items of another service. Both belong to one store.
func New(repo itsm.Repository[Audit], items *config.Service, cfg itsm.Config) (*Service, error) {
	s, err := itsm.NewService(NewProcess(items.Repository(), items.Model()), repo, cfg)
	if err != nil {
		return nil, err
	}
	return &Service{s, repo}, nil
}

// Do carries out a command as [itsm.Service.Do] does, in a unit of work, so that a sample is of one instant.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (after Audit, err error) {
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		after, err = s.Service.Do(ctx, id, cmd, opts...)
		return err
	})
	return after, err
}

// Corrections returns the port by which items ask whether an audit allows them to be written: it does while a discrepancy of theirs is
// to be corrected in the record. Where something unregistered is to be, it allows a new item, and further writes of one that was registered under it.
func Corrections(repo itsm.Repository[Audit], items itsm.Repository[config.Item]) config.Authorisations {
	return config.AuthorisationsFunc(func(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target config.Target) (config.Standing, error) {
		if authority.Kind != Kind {
			return config.Unauthorised, nil
		}
		stored, err := repo.Load(ctx, itsm.Key{Tenant: tenant, Kind: Kind, ID: authority.ID})
		if errors.Is(err, itsm.ErrNotFound) || errors.Is(err, itsm.ErrInvalid) {
			return config.Unauthorised, nil
		}
		if err != nil {
			return config.Unauthorised, err
		}
		covers := target.New
		if !target.New {
			item, err := items.Load(ctx, itsm.Key{Tenant: tenant, Kind: config.Kind, ID: target.Item})
			if err != nil && !errors.Is(err, itsm.ErrNotFound) {
				return config.Unauthorised, err
			}
			covers = err == nil && item.Record.Under == authority && !slices.ContainsFunc(stored.Record.Sample, func(e Expected) bool { return e.Item == target.Item })
		}
		for _, x := range stored.Record.Discrepancies {
			if stored.Record.State == StateReconciling && x.Disposition == CorrectRecord && x.Corrected.IsZero() &&
				(x.Set == Unregistered && x.Item == "" && covers || x.Item == target.Item && x.Item != "") {
				return config.Underway, nil
			}
		}
		return config.Unauthorised, nil
	})
}
