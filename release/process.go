package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A Process holds the configuration of the release process. It is immutable and safe for concurrent use.
type Process struct {
	policy    Policy
	normal    *Machine
	emergency *Machine
	repo      itsm.Repository[Release] // for other releases; nil for none
	cfg       Config
}

// NewProcess checks the configuration. repo tells of other releases; it may be nil in tests of decisions.
func NewProcess(repo itsm.Repository[Release], cfg Config) (*Process, error) {
	p := &Process{policy: DefaultPolicy(), cfg: cfg, repo: repo}
	if cfg.Policy != nil {
		p.policy = *cfg.Policy
	}
	if err := p.policy.Check(); err != nil {
		return nil, err
	}
	build := func(custom *Table, shipped Table, t Type) (*Machine, error) {
		if custom != nil {
			shipped = *custom
		}
		return lifecycle.New(shipped, Mandatory(t)...)
	}
	var err error
	if p.normal, err = build(cfg.Lifecycle, NormalTable(), TypeMajor); err != nil {
		return nil, err
	}
	p.emergency, err = build(cfg.Emergency, EmergencyTable(), TypeEmergency)
	return p, err
}

// Policy returns the policy in force.
func (p *Process) Policy() Policy { return p.policy }

// Machine returns the lifecycle of a type of release.
func (p *Process) Machine(t Type) *Machine {
	if t == TypeEmergency {
		return p.emergency
	}
	return p.normal
}

// Describe implements [itsm.Process].
func (p *Process) Describe() itsm.Description {
	return itsm.Description{
		Kind: Kind, Prefix: "REL", Commands: commands(), Events: events(), Rules: slices.Concat(rules(), tellings(), approval.Rules()), Phases: phases(), Grants: Grants(),
		Index: []itsm.IndexField{
			{Name: "type", Type: itsm.TextValue}, {Name: "coordinator", Type: itsm.TextValue}, {Name: "change", Type: itsm.TextValue, Many: true},
			{Name: "closes", Type: itsm.TextValue, Many: true}, {Name: "aims_at", Type: itsm.TextValue, Many: true}, {Name: "go_live", Type: itsm.TimeValue},
			{Name: "go_live_end", Type: itsm.TimeValue}, {Name: "partly_live", Type: itsm.BoolValue},
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
func (p *Process) Meta(rec *Release) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *Process) Possible(rec Release) []string {
	var names []string
	for _, e := range p.Machine(rec.Plan.Type).Allowed(rec.State) {
		names = append(names, string(e))
	}
	return names
}

// Outline implements [itsm.Process].
func (p *Process) Outline(rec Release) itsm.Outline {
	m := p.Machine(rec.Plan.Type)
	o := itsm.Outline{State: string(rec.State), Phase: string(m.Phase(rec.State)), Final: m.IsEnd(rec.State), Wake: rec.wake(p)}
	index := itsm.NewEntries()
	index.Text("type", string(rec.Plan.Type))
	index.Text("coordinator", string(rec.Coordinator))
	many := func(field, value string) {
		index = append(index, itsm.IndexEntry{Field: field, Many: true, Value: itsm.TextOf(value)})
	}
	for _, c := range rec.Plan.Members {
		many("change", string(c.ID))
	}
	for _, ref := range rec.Plan.Closes {
		many("closes", ref)
	}
	if rec.Ended.IsZero() && len(rec.Admitted) > 0 {
		for _, ci := range rec.Plan.targets() {
			many("aims_at", ci)
		}
	}
	if w, ok := rec.Plan.live(); ok {
		index.Time("go_live", w.From)
		index.Time("go_live_end", w.To)
	}
	index.Add("partly_live", itsm.BoolOf(rec.PartlyLive()))
	o.Index = index
	return o
}

// live returns the stretch from the first window to the end of the last.
func (p *Plan) live() (w Window, ok bool) {
	for i := range p.Waves {
		v := p.Waves[i].Window
		if !ok || v.From.Before(w.From) {
			w.From = v.From
		}
		if !ok || v.To.After(w.To) {
			w.To = v.To
		}
		ok = true
	}
	return w, ok
}

// Facts are what a decision needs from outside the release.
type Facts struct {
	InUnit      bool        // the CMDB is written in the same unit of work
	HasItems    bool        // there is a CMDB
	Changes     []Change    // those that exist, in the order of the plan
	Library     []Measured  // what the library has, by key of the manifest
	Parties     []Party     // whom the release concerns
	Test, Live  Environment // from the estate
	Estate      bool        // there is one
	Rivals      []Rival     // other releases that aim at the same targets
	Incidents   []itsm.ID
	Delegations approval.Delegations
}

// A Rival is another release with a common target.
type Rival struct {
	ID      itsm.ID
	Open    bool      // it works on production
	Waiting time.Time // since when it waits its turn; zero when it does not
	Targets []string  // in common
}

// Gather implements [itsm.Process].
func (p *Process) Gather(ctx context.Context, rec Release, cmd Command, env itsm.Env) (Facts, error) {
	g := gatherer{ctx, p, env, &rec, Facts{InUnit: itsm.InUnit(ctx), HasItems: p.cfg.Items != nil, Estate: p.cfg.Estate != nil}}
	var err error
	switch cmd.(type) {
	case OpenConsultation, MakeReady, StartWave, Tick:
		err = errors.Join(g.changes(), g.library())
	case Submit:
		err = errors.Join(g.changes(), g.parties())
	case Complete:
		err = g.changes()
	case StartTest:
		err = g.library()
	case Deploy:
		err = errors.Join(g.changes(), g.library(), g.rivals())
	case InspectTest:
		err = g.estate()
	case Sign, ConfirmSignature:
		err = g.delegations()
	case FileReport:
		err = g.incidents()
	}
	return g.facts, err
}

type gatherer struct {
	ctx   context.Context
	p     *Process
	env   itsm.Env
	rec   *Release
	facts Facts
}

func (g *gatherer) changes() error {
	if g.p.cfg.Changes == nil {
		return nil
	}
	for _, m := range g.rec.Plan.Members {
		c, err := g.p.cfg.Changes.Change(g.ctx, g.env.Actor.Tenant, m.ID)
		switch {
		case err == nil:
			c.ID = m.ID
			g.facts.Changes = append(g.facts.Changes, c)
		case !errors.Is(err, itsm.ErrNotFound):
			return fmt.Errorf("change %s: %w", m.ID, err)
		}
	}
	return nil
}

func (g *gatherer) library() error {
	if g.p.cfg.Library == nil {
		return nil
	}
	for _, f := range g.rec.Plan.Manifest {
		m, ok, err := g.p.cfg.Library.Lookup(g.ctx, g.env.Actor.Tenant, f.Path, f.Version)
		if err != nil {
			return fmt.Errorf("library: %s %s: %w", f.Path, f.Version, err)
		}
		if ok {
			g.facts.Library = append(g.facts.Library, Measured{f.Key, m.Digest, m.Size})
		}
	}
	return nil
}

func (g *gatherer) parties() (err error) {
	if g.p.cfg.Affected != nil {
		g.facts.Parties, err = g.p.cfg.Affected.Parties(g.ctx, g.env.Actor.Tenant, g.rec.Plan.Services, g.rec.Plan.CIs)
	}
	return err
}

func (g *gatherer) estate() (err error) {
	if g.p.cfg.Estate == nil {
		return nil
	}
	get := func(name string) (e Environment) {
		if err == nil && name != "" {
			if e, err = g.p.cfg.Estate.Environment(g.ctx, g.env.Actor.Tenant, name); errors.Is(err, itsm.ErrNotFound) {
				err = nil
			}
		}
		return e
	}
	g.facts.Test, g.facts.Live = get(g.rec.Plan.Test), get(g.rec.Plan.Live)
	return err
}

func (g *gatherer) delegations() (err error) {
	if g.p.cfg.Delegations != nil {
		g.facts.Delegations, err = g.p.cfg.Delegations.Delegations(g.ctx, g.env.Actor.Tenant, g.env.Actor.ID, g.env.Now)
	}
	return err
}

func (g *gatherer) incidents() (err error) {
	if g.p.cfg.Incidents != nil && !g.rec.Deployed.IsZero() {
		g.facts.Incidents, err = g.p.cfg.Incidents.Incidents(g.ctx, g.env.Actor.Tenant, g.rec.Plan.CIs, g.rec.Started, g.env.At)
	}
	return err
}

// rivals finds the releases that aim at a common target. Each is loaded, so that in a unit of work the commit fails when one of
// them has moved: two releases cannot begin on one target at the same time.
func (g *gatherer) rivals() error {
	if g.p.repo == nil {
		return nil
	}
	mine := g.rec.Plan.targets()
	values := make([]itsm.Value, len(mine))
	for i, ci := range mine {
		values[i] = itsm.TextOf(ci)
	}
	var ids []itsm.ID
	for other, err := range g.p.repo.Find(g.ctx, itsm.Query{Tenant: g.env.Actor.Tenant, Kind: Kind, Where: []itsm.Condition{itsm.WhereOneOf("aims_at", values...)}}) {
		if err != nil {
			return err
		}
		if id := other.Record.ID; id != g.rec.ID && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.env.Actor.Tenant, Kind: Kind, ID: id})
		if err != nil {
			return err
		}
		r := Rival{ID: id, Open: stored.Record.Open() && stored.Record.Heir == ""}
		if stored.Record.Waiting != nil && (stored.Record.State == StateReady || stored.Record.State == StateTestPassed) {
			r.Waiting = stored.Record.Waiting.At
		}
		for _, ci := range stored.Record.Plan.targets() {
			if slices.Contains(mine, ci) {
				r.Targets = append(r.Targets, ci)
			}
		}
		g.facts.Rivals = append(g.facts.Rivals, r)
	}
	return nil
}

// Decide implements [itsm.Process].
func (p *Process) Decide(rec Release, cmd Command, facts Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := p.draft(rec, cmd, facts, env)
	cmd.decide(d)
	return d.Result()
}

func (p *Process) draft(rec Release, cmd Command, facts Facts, env itsm.Env) *decision {
	return &decision{itsm.NewDraft(Kind, cmd, rec, env, p), p, facts}
}

// Evolve implements [itsm.Process].
func (p *Process) Evolve(rec *Release, ev *itsm.Event) error {
	e, ok := ev.Payload.(event)
	if !ok {
		return fmt.Errorf("%w: %T is no event of a release", itsm.ErrInvalid, ev.Payload)
	}
	e.apply(rec, ev)
	return nil
}

// decision is one command being decided.
type decision struct {
	*itsm.Draft[Release]
	p     *Process
	facts Facts
}

// move asks the lifecycle for a step.
func (d *decision) move(e Transition) To {
	return To{lifecycle.Advance(d.Draft, d.p.Machine(d.Rec.Plan.Type), d.Rec.State, e)}
}

// in asks for one of some states.
func (d *decision) in(states ...State) { lifecycle.In(d.Draft, d.Rec.State, states...) }

// take adds the reasons of an error to the decision; another error ends it.
func (d *decision) take(err error) {
	var rs itsm.Reasons
	var one itsm.Reason
	switch {
	case err == nil:
	case errors.As(err, &rs):
		for _, r := range rs {
			d.Refuse(r)
		}
	case errors.As(err, &one):
		d.Refuse(one)
	default:
		d.Fail(err)
	}
}
