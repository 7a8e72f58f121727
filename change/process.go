package change

import (
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A Process holds the configuration of the change process. It is immutable and safe for concurrent use.
type Process struct {
	policy   *policy
	risk     *RiskModel
	plans    *approval.Policy
	hours    *Hours
	form     approval.Form
	machines map[Type]*Machine
	cfg      Config
	repo     itsm.Repository[Change] // for facts of other changes
}

// NewProcess checks the configuration. repo gives the facts of other changes; it may be nil where no command needs them.
func NewProcess(repo itsm.Repository[Change], cfg Config) (*Process, error) {
	p := &Process{risk: cfg.Risk, plans: cfg.Approvals, hours: cfg.Hours, form: Form(), machines: make(map[Type]*Machine), cfg: cfg, repo: repo}
	pol := DefaultPolicy()
	if cfg.Policy != nil {
		pol = *cfg.Policy
	}
	var err error
	if p.policy, err = compilePolicy(pol); err != nil {
		return nil, err
	}
	if p.risk == nil {
		p.risk = DefaultRisk()
	}
	if p.plans == nil {
		p.plans = approval.DefaultPolicy()
	}
	for _, t := range Types() {
		for _, r := range Risks() {
			if _, err := p.plans.Plan(string(t), string(r)); err != nil {
				return nil, fmt.Errorf("%w: approvals: %w", itsm.ErrInvalid, err)
			}
		}
		table, ok := cfg.Tables[t]
		if !ok {
			table = map[Type]func() Table{TypeNormal: NormalTable, TypeStandard: StandardTable, TypeEmergency: EmergencyTable}[t]()
		}
		if p.machines[t], err = lifecycle.New(table, Mandatory(t)...); err != nil {
			return nil, err
		}
	}
	if err := p.form.CheckType(Change{}); err != nil {
		return nil, err
	}
	return p, nil
}

// Machine returns the lifecycle of a type of change.
func (p *Process) Machine(t Type) *Machine {
	if m := p.machines[t]; m != nil {
		return m
	}
	return p.machines[TypeNormal]
}

// Policy returns the policy in force.
func (p *Process) Policy() Policy { return p.policy.Policy }

// Content returns the fingerprint of what an approval of the change binds: voters give its digest with their votes.
func (p *Process) Content(c Change) (approval.Fingerprint, error) { return p.form.Fingerprint(c) }

// Facts are what a decision needs from outside the change.
type Facts struct {
	Grades      []string // of the services
	Members     []approval.Member
	Approval    approval.Facts
	Others      []Booking   // changes that may collide
	Waits       []itsm.ID   // changes that must be over before and are not
	Affected    []itsm.Ref  // impact closure of the items
	Groups      []Group     // redundancy that the change touches
	States      []ItemState // of the items
	KnowsStates bool        // there is a source of states
	Pending     []itsm.Ref  // items whose records do not show the change yet
	Unqualified []string    // people who are not qualified for the category
	Template    *Template   // of a standard change
	Failures    int         // percent of changes like this one that failed; negative when there were none
	Suspected   []itsm.Ref  // incidents on the items after the work
}

// Describe implements [itsm.Process].
func (p *Process) Describe() itsm.Description {
	return itsm.Description{
		Kind: Kind, Prefix: "CHG", Commands: commands(), Events: events(), Rules: slices.Concat(rules(), approval.Rules()), Phases: phases(), Grants: Grants(),
		Index: []itsm.IndexField{
			{Name: "type", Type: itsm.TextValue}, {Name: "category", Type: itsm.TextValue}, {Name: "risk", Type: itsm.TextValue}, {Name: "result", Type: itsm.TextValue},
			{Name: "requester", Type: itsm.TextValue}, {Name: "implementer", Type: itsm.TextValue}, {Name: "team", Type: itsm.TextValue},
			{Name: "template", Type: itsm.TextValue}, {Name: "item", Type: itsm.TextValue, Many: true}, {Name: "service", Type: itsm.TextValue, Many: true},
			{Name: "link", Type: itsm.TextValue, Many: true}, {Name: "booked", Type: itsm.TextValue, Many: true},
			{Name: "opens", Type: itsm.TimeValue}, {Name: "closes", Type: itsm.TimeValue}, {Name: "requested", Type: itsm.TimeValue},
		},
	}
}

func phases() (names []string) {
	for _, ph := range lifecycle.Phases() {
		names = append(names, string(ph))
	}
	return names
}

// Meta implements [itsm.Process].
func (p *Process) Meta(rec *Change) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *Process) Possible(rec Change) (names []string) {
	for _, e := range p.Machine(rec.Type).Allowed(rec.State) {
		names = append(names, string(e))
	}
	return names
}

// Outline implements [itsm.Process].
func (p *Process) Outline(rec Change) itsm.Outline {
	m := p.Machine(rec.Type)
	index := itsm.NewEntries()
	index.Text("type", string(rec.Type))
	index.Text("category", string(rec.Category))
	index.Text("risk", string(rec.Risk()))
	index.Text("result", string(rec.Result))
	index.Text("requester", string(rec.Requester))
	index.Text("implementer", string(rec.Implementer))
	index.Text("team", rec.Team)
	if rec.Template != nil {
		index.Text("template", string(rec.Template.ID))
	}
	index.Texts("item", texts(sortRefs(rec.Items))...)
	services := slices.Clone(rec.Services)
	slices.Sort(services)
	index.Texts("service", slices.Compact(services)...)
	var links []itsm.Ref
	for _, l := range rec.Links {
		links = append(links, l.To)
	}
	index.Texts("link", texts(sortRefs(links))...)
	if b, ok := BookingOf(rec); ok {
		index.Texts("booked", b.keys()...)
		index.Time("opens", b.Span.Start)
		index.Time("closes", b.Span.End)
	}
	index.Time("requested", rec.Requested)
	return itsm.Outline{State: string(rec.State), Phase: string(m.Phase(rec.State)), Final: m.IsEnd(rec.State), Index: index, Wake: rec.wake(p)}
}

func texts(refs []itsm.Ref) []string {
	all := make([]string, len(refs))
	for i, r := range refs {
		all[i] = r.String()
	}
	return all
}

// BookingOf returns what a change takes for itself, and false when it takes nothing: it does not seek approval yet, or is over.
func BookingOf(c Change) (Booking, bool) {
	switch c.State {
	case StateAwaiting, StateApproved, StateScheduled, StateImplementing, StateFailed, StateBackingOut:
	default:
		return Booking{}, false
	}
	b := c.booking()
	return b, !b.Span.Empty()
}

func (c *Change) booking() Booking {
	b := Booking{Change: c.ID, Span: c.Window.Occupied(), Items: c.Items, Affected: c.Affected, Groups: c.Groups, After: c.After, Incompatible: c.Apart,
		Exclusive: slices.Clone(c.Exclusive)}
	for _, person := range c.doers() {
		b.Exclusive = append(b.Exclusive, string(person))
	}
	b.normalise()
	return b
}

// doers are the people who do the work, sorted.
func (c *Change) doers() []itsm.PersonID {
	var people []itsm.PersonID
	if c.Implementer != "" {
		people = append(people, c.Implementer)
	}
	for _, s := range c.Steps {
		if s.Operator != "" {
			people = append(people, s.Operator)
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
}

// keys are the values by which other changes find the booking.
func (b *Booking) keys() (keys []string) {
	for _, item := range b.Items {
		keys = append(keys, "i:"+item.String())
	}
	for _, item := range b.Affected {
		keys = append(keys, "a:"+item.String())
	}
	for _, name := range b.Exclusive {
		keys = append(keys, "x:"+name)
	}
	for _, id := range b.names() {
		keys = append(keys, "c:"+string(id))
	}
	return keys
}

// seeks are the values of others that the booking may collide with.
func (b *Booking) seeks() (keys []itsm.Value) {
	add := func(prefix, key string) { keys = append(keys, itsm.TextOf(prefix+key)) }
	for _, item := range b.Items {
		add("i:", item.String())
		add("a:", item.String())
	}
	for _, item := range b.Affected {
		add("i:", item.String())
	}
	for _, g := range b.Groups {
		for _, item := range g.Members {
			add("i:", item.String())
		}
	}
	for _, name := range b.Exclusive {
		add("x:", name)
	}
	add("c:", string(b.Change))
	return keys
}

// planOf returns how a change is approved.
func (p *Process) planOf(c *Change) (approval.Plan, error) {
	risk := c.Risk()
	if risk == "" { // an emergency may be approved before its risk is known
		risk = RiskHigh
	}
	return p.plans.Plan(string(c.Type), string(risk))
}

// Decide implements [itsm.Process].
func (p *Process) Decide(rec Change, cmd Command, facts Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := &decision{itsm.NewDraft(Kind, cmd, rec, env, p), p, facts}
	cmd.decide(d)
	return d.Result()
}

// Evolve implements [itsm.Process].
func (p *Process) Evolve(rec *Change, ev *itsm.Event) error {
	e, ok := ev.Payload.(event)
	if !ok {
		return fmt.Errorf("%w: %T is no event of a change", itsm.ErrInvalid, ev.Payload)
	}
	e.apply(rec, ev)
	return nil
}

// decision is one command being decided.
type decision struct {
	*itsm.Draft[Change]
	p     *Process
	facts Facts
}

func (d *decision) machine() *Machine { return d.p.Machine(d.Rec.Type) }

// move asks the lifecycle for a step.
func (d *decision) move(e Transition) State {
	return lifecycle.Advance(d.Draft, d.machine(), d.Rec.State, e)
}

// in asks for one of some states.
func (d *decision) in(states ...State) { lifecycle.In(d.Draft, d.Rec.State, states...) }

// content takes the fingerprint of the change as it is by now.
func (d *decision) content() approval.Fingerprint {
	print, err := d.p.form.Fingerprint(&d.Rec)
	if err != nil {
		d.Fail(err)
	}
	return print
}

// edited lets approvals fall when what they bind has changed.
func (d *decision) edited(why string) {
	if d.Failed() {
		return
	}
	asked := d.Rec.State == StateAwaiting || d.Rec.Approved != nil
	if !asked {
		return
	}
	print := d.content()
	voided := d.Rec.Ballot.Edit(print, d.Env)
	if len(voided) > 0 {
		d.Emit(Balloted{voided})
	}
	if len(voided) > 0 || d.Rec.Approved != nil && d.Rec.Approved.Content != print.Digest {
		d.Emit(Reworked{To{d.move(DoRework)}, why})
	}
}

// site is what the hours have to know of the change.
func (d *decision) site() Site {
	return Site{Services: d.Rec.Services, Grades: d.facts.Grades, Category: d.Rec.Category, Emergency: d.Rec.Emergency()}
}

// conflicts lists what stands against the change when it is planned. Once approved, it is judged by the hours under which it
// was: a freeze that was published since does not stop it by itself.
func (d *decision) conflicts() []Conflict {
	mine := d.Rec.booking()
	mine.Affected, mine.Groups = d.facts.Affected, d.facts.Groups
	found := Collide(mine, d.facts.Others)
	if d.Rec.Approved != nil && d.Rec.Approved.Hours != d.p.hours.Version() {
		for _, c := range d.Rec.Conflicts {
			if c.Kind == InFreeze || c.Kind == OutsideHours || c.Kind == InPeak {
				found = append(found, c)
			}
		}
	} else {
		found = append(found, d.p.hours.Check(d.Rec.Window, d.site())...)
	}
	slices.SortFunc(found, compareConflicts)
	return found
}

// unwaived refuses conflicts that block and that nobody has let pass.
func (d *decision) unwaived(found []Conflict) {
	for _, c := range found {
		if c.Severity == Blocking && !d.Rec.waived(c) {
			d.Refuse(ruleConflict.With("kind", c.Kind, "witness", c.Witness, "with", join(c.With), "start", c.Span.Start, "end", c.Span.End))
		}
	}
}

func (c *Change) waived(x Conflict) bool {
	key := x.Key()
	return slices.ContainsFunc(c.Waivers, func(w Waiver) bool { return w.Key == key })
}
