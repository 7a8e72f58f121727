package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/rule"
	"github.com/hospital-itsm/itsm/sla"
)

// A Process holds the configuration of the incident process. It is immutable and safe for concurrent use.
type Process struct {
	policy    Policy
	clocks    *sla.Catalog
	priority  *PriorityModel
	criteria  []*rule.Predicate
	incidents *Machine                          // for new incidents
	machines  map[string]*Machine               // of incidents, by version
	plans     map[string]*lifecycle.Plan[State] // into the present version, by the old one
	others    map[Type]*Machine
	added     map[State]bool     // states of incidents that only variants of the host have
	reopen    *calendar.Calendar // nil for calendar days
	peak      *calendar.Calendar // nil for none
	cfg       Config
	repo      itsm.Repository[Incident] // for facts of other tickets
	drafts    itsm.Drafts[Incident]
}

// NewProcess checks the configuration. repo gives the facts of other tickets; it may be nil where no command needs them.
func NewProcess(repo itsm.Repository[Incident], cfg Config) (*Process, error) {
	p := &Process{policy: Strict(), clocks: cfg.Agreements, priority: cfg.Priority, cfg: cfg, repo: repo, machines: map[string]*Machine{}, added: map[State]bool{}}
	if cfg.Policy != nil {
		p.policy = *cfg.Policy
	}
	if err := p.policy.Check(); err != nil {
		return nil, err
	}
	var err error
	if p.priority == nil {
		if p.priority, err = NewPriority(DefaultPriority().Data(), cfg.Fields...); err != nil {
			return nil, err
		}
	}
	table := IncidentTable()
	if cfg.Lifecycle != nil {
		table = *cfg.Lifecycle
	}
	if p.incidents, err = lifecycle.New(table, Mandatory()...); err != nil {
		return nil, err
	}
	for _, t := range append(slices.Clone(cfg.Former), table) {
		m, err := lifecycle.New(t, Mandatory()...)
		if err != nil {
			return nil, err
		}
		p.machines[m.Version()] = m
		for _, s := range m.States() {
			if !slices.ContainsFunc(incidentStates, func(own state) bool { return own.Name == s }) {
				p.added[s] = true
			}
		}
	}
	p.plans = make(map[string]*lifecycle.Plan[State])
	for _, mig := range cfg.Migrations {
		old := p.machines[mig.From]
		if old == nil {
			return nil, fmt.Errorf("%w: migration from the version %q, which is neither present nor former", itsm.ErrInvalid, mig.From)
		}
		if p.plans[mig.From], err = lifecycle.NewPlan(old, p.incidents, mig); err != nil {
			return nil, err
		}
	}
	p.others = map[Type]*Machine{
		TypeConsultation: lifecycle.Must(ConsultationTable()),
		TypeComplaint:    lifecycle.Must(ComplaintTable()),
		TypeRequest:      lifecycle.Must(RequestTable()),
	}
	schema := ClockSchema(cfg.Fields...)
	for _, c := range p.policy.Major.Criteria {
		r, err := schema.Compile(c.When)
		if err != nil {
			return nil, fmt.Errorf("%w: criterion %s: %w", itsm.ErrInvalid, c.Key, err)
		}
		p.criteria = append(p.criteria, r)
	}
	if p.reopen, err = p.calendar(p.policy.ReopenCalendar); err != nil {
		return nil, err
	}
	p.peak, err = p.calendar(p.policy.PeakCalendar)
	return p, err
}

// calendar finds a calendar that the policy names.
func (p *Process) calendar(name string) (*calendar.Calendar, error) {
	if name == "" {
		return nil, nil
	}
	if c := p.cfg.Calendars[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%w: the policy names the calendar %q, which is not configured", itsm.ErrInvalid, name)
}

// Policy returns the policy in force.
func (p *Process) Policy() Policy { return p.policy }

// Machine returns the lifecycle of a type of ticket; for incidents that of new ones.
func (p *Process) Machine(t Type) *Machine {
	if m := p.others[t]; m != nil {
		return m
	}
	return p.incidents
}

func (p *Process) machine(i *Incident) *Machine {
	if m := p.others[i.Type]; m != nil {
		return m
	}
	if m := p.machines[i.Lifecycle]; m != nil {
		return m
	}
	return p.incidents
}

func (p *Process) holdKeys() string {
	keys := make([]string, len(p.policy.Holds))
	for i, h := range p.policy.Holds {
		keys[i] = h.Key
	}
	return strings.Join(keys, ", ")
}

// reopenUntil returns the last instant at which something resolved may be reopened.
func (p *Process) reopenUntil(resolved time.Time) (time.Time, error) {
	if p.reopen == nil {
		return resolved.AddDate(0, 0, p.policy.ReopenDays), nil
	}
	return p.reopen.AddDays(resolved, p.policy.ReopenDays, calendar.EndOfDay)
}

// Facts are what a decision needs from outside the ticket.
type Facts struct {
	OnDuty          bool      // the actor
	AssigneeOnDuty  bool      // whom a dispatch names
	AssigneeSkilled bool      // likewise
	ToolGranted     bool      // the approval of the tool is valid
	Contract        bool      // the contract of the third line is valid
	Grade           string    // of the service
	Peak            bool      // now is a peak window
	SameCI          int       // incidents on the same item in the last days, this one included
	Other           *Incident // the other ticket that the command names
	Ancestors       []itsm.ID // of the other ticket, upwards
	OpenChildren    []itsm.ID // parts that are not at rest
	InUnit          bool      // both sides are changed in one unit of work
}

// Describe implements [itsm.Process].
func (p *Process) Describe() itsm.Description {
	return itsm.Description{
		Kind: Kind, Prefix: "INC", Commands: commands(), Events: events(), Rules: rules(), Phases: phases(), Grants: Grants(),
		Index: []itsm.IndexField{
			{Name: "type", Type: itsm.TextValue}, {Name: "priority", Type: itsm.NumberValue}, {Name: "service", Type: itsm.TextValue},
			{Name: "ci", Type: itsm.TextValue}, {Name: "group", Type: itsm.TextValue}, {Name: "assignee", Type: itsm.TextValue},
			{Name: "tier", Type: itsm.NumberValue}, {Name: "owner", Type: itsm.TextValue}, {Name: "department", Type: itsm.TextValue},
			{Name: "caller", Type: itsm.TextValue}, {Name: "alert", Type: itsm.TextValue}, {Name: "parent", Type: itsm.TextValue},
			{Name: "merged_into", Type: itsm.TextValue}, {Name: "recurrence_of", Type: itsm.TextValue}, {Name: "problem", Type: itsm.TextValue},
			{Name: "major", Type: itsm.TextValue}, {Name: "due", Type: itsm.TimeValue}, {Name: "follow_up_due", Type: itsm.TimeValue},
			{Name: "paperwork_due", Type: itsm.TimeValue}, {Name: "promise_due", Type: itsm.TimeValue},
		},
	}
}

func phases() []string {
	var names []string
	for _, ph := range lifecycle.Phases() {
		names = append(names, string(ph))
	}
	return names
}

// Meta implements [itsm.Process].
func (p *Process) Meta(rec *Incident) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *Process) Possible(rec Incident) []string {
	if rec.MergedInto != "" {
		return nil
	}
	var names []string
	for _, e := range p.machine(&rec).Allowed(rec.State) {
		names = append(names, string(e))
	}
	return names
}

// Outline implements [itsm.Process].
func (p *Process) Outline(rec Incident) itsm.Outline {
	m := p.machine(&rec)
	o := itsm.Outline{State: string(rec.State), Phase: string(m.Phase(rec.State)), Final: m.IsEnd(rec.State), Wake: rec.wake(p)}
	index := itsm.NewEntries()
	index.Text("type", string(rec.Type))
	if rec.Priority != 0 {
		index.Add("priority", itsm.NumberOf(rec.Priority))
	}
	index.Text("service", rec.Service)
	index.Text("ci", rec.CI)
	index.Text("group", rec.Group)
	index.Text("assignee", string(rec.Assignee))
	if rec.Tier != 0 {
		index.Add("tier", itsm.NumberOf(rec.Tier))
	}
	index.Text("owner", rec.Owner)
	index.Text("department", rec.Department)
	index.Text("caller", string(rec.Caller.Person))
	if rec.Alert != nil {
		index.Text("alert", rec.Alert.key(rec.CI))
	}
	index.Text("parent", string(rec.Parent))
	index.Text("merged_into", string(rec.MergedInto))
	if rec.Recurrence != nil {
		index.Text("recurrence_of", string(rec.Recurrence.Of))
	}
	index.Text("problem", string(rec.Problem))
	if rec.Major != nil {
		index.Text("major", string(rec.Major.State))
	}
	if due, ok := rec.Clocks.NextDue(); ok {
		index.Add("due", itsm.TimeOf(due))
	}
	if rec.Open() && !rec.FollowUp.Next.IsZero() {
		index.Add("follow_up_due", itsm.TimeOf(rec.FollowUp.Next))
	}
	if rec.Ended.IsZero() && rec.Urgent != nil && rec.Urgent.Done.IsZero() {
		index.Add("paperwork_due", itsm.TimeOf(rec.Urgent.Due))
	}
	if due := rec.nextPromise(); !due.IsZero() && rec.Open() {
		index.Add("promise_due", itsm.TimeOf(due))
	}
	o.Index = index
	return o
}

func (i *Incident) nextPromise() (due time.Time) {
	for _, pr := range i.Promises {
		if pr.Kept.IsZero() && (due.IsZero() || pr.Due.Before(due)) {
			due = pr.Due
		}
	}
	return due
}

func (a *AlertInfo) key(ci string) string { return ci + "|" + a.Signature }

// Gather implements [itsm.Process].
func (p *Process) Gather(ctx context.Context, rec Incident, cmd Command, env itsm.Env) (Facts, error) {
	g := gatherer{ctx, p, env.Actor, env.At, Facts{
		OnDuty: true, AssigneeOnDuty: true, AssigneeSkilled: true, ToolGranted: true, Contract: true, InUnit: itsm.InUnit(ctx)}}
	err := g.gather(rec, cmd)
	return g.f, err
}

type gatherer struct {
	ctx   context.Context
	p     *Process
	actor itsm.Actor
	now   time.Time
	f     Facts
}

func (g *gatherer) gather(rec Incident, cmd Command) error {
	switch c := cmd.(type) {
	case Record:
		return g.other(c.Recurrence)
	case RecordResolved:
		return errors.Join(g.other(c.Record.Recurrence), g.duty(), g.triage(rec, c.Resolved.Triage, c.Record.CI, c.Record.Service))
	case Triage:
		return errors.Join(g.duty(), g.triage(rec, c, "", ""))
	case CompletePaperwork:
		return errors.Join(g.duty(), g.triage(rec, c.Triage, "", ""))
	case ResolveInCall:
		return errors.Join(g.duty(), g.triage(rec, c.Triage, c.CI, ""))
	case DispatchUrgent:
		return errors.Join(g.duty(), g.triage(rec, Triage{}, "", ""))
	case Restore:
		return g.triage(rec, Triage{}, "", "")
	case Dispatch:
		return errors.Join(g.duty(), g.assignee(c))
	case Start, Accept, Investigate:
		return g.duty()
	case Try:
		if c.Grant != "" && g.p.cfg.Tools != nil {
			var err error
			g.f.ToolGranted, err = g.p.cfg.Tools.ToolGranted(g.ctx, g.actor.Tenant, c.Tool, c.Grant, g.actor.ID, g.now)
			return err
		}
	case Escalate:
		return g.contract(c.Party)
	case ConfirmInfection:
		return g.other(c.Security)
	case Merge:
		return g.other(c.Into)
	case SetParent:
		return errors.Join(g.other(c.Parent), g.ancestors())
	case Close:
		return g.children(rec)
	}
	return nil
}

func (g *gatherer) duty() (err error) {
	if g.p.cfg.Duty != nil {
		g.f.OnDuty, err = g.p.cfg.Duty.OnDuty(g.ctx, g.actor.Tenant, g.actor.ID, g.now)
	}
	return err
}

func (g *gatherer) assignee(c Dispatch) (err error) {
	if c.Assignee == "" {
		return nil
	}
	if g.p.cfg.Duty != nil {
		if g.f.AssigneeOnDuty, err = g.p.cfg.Duty.OnDuty(g.ctx, g.actor.Tenant, c.Assignee, g.now); err != nil {
			return err
		}
	}
	if g.p.cfg.Skills != nil && c.Skill != "" {
		g.f.AssigneeSkilled, err = g.p.cfg.Skills.HasSkill(g.ctx, g.actor.Tenant, c.Assignee, c.Skill, g.now)
	}
	return err
}

func (g *gatherer) contract(party *Party) (err error) {
	if party == nil || party.Contract == "" {
		g.f.Contract = false
		return nil
	}
	if g.p.cfg.Contracts != nil {
		g.f.Contract, err = g.p.cfg.Contracts.Valid(g.ctx, g.actor.Tenant, party.Supplier, party.Contract, g.now)
	}
	return err
}

// triage gathers what the priority depends on.
func (g *gatherer) triage(rec Incident, c Triage, ci, service string) (err error) {
	g.f.Peak = g.p.peak != nil && g.p.peak.Open(g.now)
	if service = or(c.Service, or(service, rec.Service)); service != "" && g.p.cfg.Services != nil {
		if g.f.Grade, err = g.p.cfg.Services.Grade(g.ctx, g.actor.Tenant, service); err != nil {
			return err
		}
	} else {
		g.f.Grade = rec.Grade
	}
	if ci = or(ci, rec.CI); ci == "" || g.p.repo == nil {
		return nil
	}
	g.f.SameCI, err = g.sameCI(rec.ID, ci)
	return err
}

// sameCI counts the incidents on an item in the last days, the one with the ID included.
func (g *gatherer) sameCI(id itsm.ID, ci string) (n int, err error) {
	since := g.now.AddDate(0, 0, -g.p.priority.data.SameCIDays)
	q := itsm.Query{Tenant: g.actor.Tenant, Kind: Kind, Where: []itsm.Condition{
		itsm.Where("ci", itsm.TextOf(ci)), itsm.WhereAtLeast("created", itsm.TimeOf(since)), itsm.WhereUnset("merged_into")}, Limit: 100}
	seen := false
	for other, err := range g.p.repo.Find(g.ctx, q) {
		if err != nil {
			return 0, err
		}
		seen = seen || other.Record.ID == id
		n++
	}
	if !seen {
		n++
	}
	return n, nil
}

// other loads the other ticket that a command names.
func (g *gatherer) other(id itsm.ID) error {
	if id == "" || g.p.repo == nil {
		return nil
	}
	stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.actor.Tenant, Kind: Kind, ID: id})
	switch {
	case err == nil:
		g.f.Other = &stored.Record
	case !errors.Is(err, itsm.ErrNotFound):
		return err
	}
	return nil
}

// ancestors follows the parents of the other ticket upwards.
func (g *gatherer) ancestors() error {
	if g.f.Other == nil {
		return nil
	}
	for at := g.f.Other.Parent; at != "" && !slices.Contains(g.f.Ancestors, at); {
		g.f.Ancestors = append(g.f.Ancestors, at)
		stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.actor.Tenant, Kind: Kind, ID: at})
		if err != nil {
			return err
		}
		at = stored.Record.Parent
	}
	return nil
}

func (g *gatherer) children(rec Incident) error {
	if g.p.repo == nil {
		return nil
	}
	for _, id := range rec.Children {
		stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.actor.Tenant, Kind: Kind, ID: id})
		if err != nil {
			return err
		}
		if stored.Record.Open() {
			g.f.OpenChildren = append(g.f.OpenChildren, id)
		}
	}
	return nil
}

// Decide implements [itsm.Process].
func (p *Process) Decide(rec Incident, cmd Command, facts Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := &decision{p.drafts.New(Kind, cmd, rec, env, p), p, cmd, facts}
	cmd.decide(d)
	if !d.Failed() {
		d.observe()
	}
	return d.Result()
}

// Forward implements [itsm.Forwarder]: what the user of a duplicate says belongs to the incident that it was merged into.
func (p *Process) Forward(rec *Incident, cmd Command) (itsm.ID, Command) {
	c, ok := cmd.(Contact)
	if !ok || rec.MergedInto == "" {
		return "", nil
	}
	if c.Via == "" {
		c.Via = rec.ID
	}
	return rec.MergedInto, c
}

// Evolve implements [itsm.Process].
func (p *Process) Evolve(rec *Incident, ev *itsm.Event) error {
	e, ok := ev.Payload.(event)
	if !ok {
		return fmt.Errorf("%w: %T is no event of an incident", itsm.ErrInvalid, ev.Payload)
	}
	e.apply(rec, ev)
	return nil
}

// decision is one command being decided.
type decision struct {
	*itsm.Draft[Incident]
	p     *Process
	cmd   Command
	facts Facts
}

func (d *decision) machine() *Machine { return d.p.machine(&d.Rec) }

// move asks the lifecycle for a step.
func (d *decision) move(e Transition) State {
	d.notMerged()
	if d.Rec.State == StateRecorded && e != DoTriage && e != DoCancel && !d.machine().Can(d.Rec.State, e) {
		d.Refuse(ruleNotTriaged.With())
		return d.Rec.State
	}
	return lifecycle.Advance(d.Draft, d.machine(), d.Rec.State, e)
}

// in asks for one of some states. A state that only the host's variant has counts as those of its phase.
func (d *decision) in(states ...State) {
	d.notMerged()
	m := d.machine()
	like := func(s State) bool {
		return s == d.Rec.State || d.p.added[d.Rec.State] && m.Phase(s) == m.Phase(d.Rec.State)
	}
	if !slices.ContainsFunc(states, like) && d.Rec.MergedInto == "" {
		d.Illegal(string(d.Rec.State))
	}
}

// open asks for a ticket that is not at rest.
func (d *decision) open() {
	d.notMerged()
	d.notFinal()
}

func (d *decision) notFinal() {
	if d.machine().IsEnd(d.Rec.State) {
		d.Illegal(string(d.Rec.State))
	}
}

func (d *decision) notMerged() {
	if d.Rec.MergedInto != "" && !d.Refused(ruleMerged) {
		d.Refuse(ruleMerged.With("into", d.Rec.MergedInto))
	}
}

// onDuty asks that the actor is on duty, while the first line handles the ticket.
func (d *decision) onDuty() {
	if d.p.policy.DutyOnly && !d.facts.OnDuty {
		d.Refuse(ruleOffDuty.With("person", d.Env.Actor.ID))
	}
}

func (d *decision) followUp() time.Time {
	if every := d.p.policy.FollowUpEvery.Std(); every > 0 {
		return d.Env.At.Add(every)
	}
	return time.Time{}
}

func (d *decision) nextUpdate() time.Time { return d.Env.At.Add(d.p.policy.Major.UpdateEvery.Std()) }

// firstContact reports whether the desk solved it itself, without handing it over.
func (d *decision) firstContact() bool {
	return d.Rec.Tier <= TierFirst && len(d.Rec.HandOvers) == 0 && d.Rec.Reassignments == 0 && d.Rec.Holds == 0 && d.Rec.Loops == 0 &&
		d.Rec.Rejections == 0 && d.Rec.Group == d.Rec.Owner
}

// cancel ends the ticket without a result, and its clocks with it.
func (d *decision) cancel(to State, reason CancelReason, note string) {
	merged := d.Rec.MergedInto != ""
	d.Emit(CancelledEvent{To{to}, Cancellation{Reason: reason, Note: note, By: d.Env.Actor.ID}})
	if d.p.clocks != nil && !merged {
		if ended := d.Rec.Clocks.End(sla.Cancelled, d.Env.At); len(ended) > 0 {
			d.Emit(ClocksMoved{ended})
		}
	}
}

// prioritise derives the priority anew. An override stays in force; both values are kept.
func (d *decision) prioritise() {
	if !d.Rec.Impact.Valid() || !d.Rec.Urgency.Valid() {
		return
	}
	derived, err := d.p.priority.Derive(d.Rec.Impact, d.Rec.Urgency, PriorityFacts{
		Setting: d.Rec.Setting, CareDepends: d.Rec.CareDepends, Peak: d.facts.Peak, Workaround: d.Rec.Workaround != "", SameCI: d.facts.SameCI,
		VIP: d.Rec.Caller.VIP, Safety: d.Rec.Safety, Grade: d.Rec.Grade, Service: d.Rec.Service, Category: d.Rec.Category, Department: d.Rec.Department,
		Fields: d.Rec.Fields,
	})
	if err != nil {
		d.Fail(err)
		return
	}
	if old := d.Rec.Derived; old.Priority == derived.Priority && old.Matrix == derived.Matrix && old.Impact == derived.Impact &&
		old.Urgency == derived.Urgency && slices.Equal(old.Applied, derived.Applied) {
		return
	}
	d.Emit(Prioritised{derived})
}

// proposeMajor proposes a major incident when a criterion holds and nobody has decided about one yet.
func (d *decision) proposeMajor() {
	if d.Rec.Major != nil || d.Rec.Type != TypeIncident || d.Failed() {
		return
	}
	facts := d.clockFacts()
	var keys []string
	for i, r := range d.p.criteria {
		holds, err := r.Eval(&facts)
		if err != nil {
			d.Fail(err)
			return
		}
		if holds {
			keys = append(keys, d.p.policy.Major.Criteria[i].Key)
		}
	}
	if len(keys) > 0 {
		d.Emit(MajorProposed{Criteria: keys})
	}
}

// clockFacts are what the clocks see of the ticket.
func (d *decision) clockFacts() ClockFacts {
	r := &d.Rec
	f := ClockFacts{
		Type: r.Type, State: r.State, Phase: string(d.machine().Phase(r.State)), Priority: r.Priority.String(), Impact: r.Impact.String(), Urgency: r.Urgency.String(),
		Service: r.Service, Grade: r.Grade, Category: r.Category, Department: r.Department, Setting: r.Setting, Tier: r.Tier,
		Responded: !r.Responded.IsZero(), Arrived: r.Arrived != nil, OnSite: r.OnSite, Restored: !r.Restored.IsZero(),
		Rejections: r.Rejections, Reopenings: r.Reopenings, Major: r.Major.Active(), Safety: r.Safety, VIP: r.Caller.VIP,
		Recorded: r.Created, Fields: r.Fields,
	}
	if r.Hold != nil {
		f.HoldReason = r.Hold.Reason
	}
	if p, ok := r.Proposal(); ok {
		f.Rework = p.Rejected != ""
	}
	if n := len(r.HandOvers); n > 0 && r.Tier == TierThird {
		f.Supplier = r.HandOvers[n-1].Party != nil
	}
	return f
}

// observe lets the clocks take notice of what the decision has led to.
func (d *decision) observe() {
	if d.p.clocks == nil || !d.Changed() || d.Rec.MergedInto != "" || d.Rec.State == StateCancelled {
		return
	}
	facts := d.clockFacts()
	moved, err := d.p.clocks.Observe(d.Rec.Clocks, &facts, d.Env.At)
	if err != nil {
		d.Fail(fmt.Errorf("clocks of %s: %w", d.Rec.ID, err))
		return
	}
	if len(moved) > 0 {
		d.Emit(ClocksMoved{moved})
	}
}

// ring lets the clocks tell what time has brought about.
func (d *decision) ring() {
	if d.p.clocks == nil || d.Failed() {
		return
	}
	rung, err := d.p.clocks.Tick(d.Rec.Clocks, d.Env.At)
	if err != nil {
		d.Fail(fmt.Errorf("clocks of %s: %w", d.Rec.ID, err))
		return
	}
	if len(rung) > 0 {
		d.Emit(ClocksMoved{rung})
	}
}

func or[T ~string](v, otherwise T) T {
	if v != "" {
		return v
	}
	return otherwise
}
