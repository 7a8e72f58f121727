package baseline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
)

// A Machine is the lifecycle of baselines.
type Machine = lifecycle.Machine[State, string]

var machine = lifecycle.Must(lifecycle.Spec[State, string]{
	Name: "ci_baseline", Start: []State{StateFrozen},
	States: []lifecycle.StateRow[State]{
		{Name: StateFrozen, Phase: lifecycle.PhaseActive, En: "frozen", Zh: "已冻结"},
		{Name: StateRetired, Phase: lifecycle.PhaseClosed, End: true, En: "retired", Zh: "已停用"},
	},
	Transitions: []lifecycle.Transition[State, string]{{Event: "retire", From: []State{StateFrozen}, To: StateRetired, En: "retire", Zh: "停用"}},
})

// A Command is a command of the process; it stands here with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

type (
	// Take freezes the items of a scope. With Prior it is the next version of that baseline and has its name.
	Take struct {
		Name  string  `json:"name,omitempty"`
		Prior itsm.ID `json:"prior,omitempty"`
		Scope Scope   `json:"scope"`
	}
	// Retire says that nobody refers to it any more.
	Retire struct{}
)

func (Take) CommandName() string   { return "ci_baseline.take" }
func (Retire) CommandName() string { return "ci_baseline.retire" }

// Creates marks the command that makes a baseline.
func (Take) Creates() {}

type (
	// Taken: the items were frozen.
	Taken struct {
		Name   string      `json:"name" itsm:"text"`
		Number int         `json:"number"`
		Prior  itsm.ID     `json:"prior,omitempty"`
		Scope  Scope       `json:"scope"`
		Items  []Snapshot  `json:"items"`
		Digest itsm.Digest `json:"digest"`
	}
	// Retired: nobody refers to it any more.
	Retired struct {
		State State `json:"state"`
	}
)

func (Taken) EventType() string   { return "ci_baseline.taken" }
func (Retired) EventType() string { return "ci_baseline.retired" }

var (
	ruleEmpty = itsm.NotNow("baseline.empty", "no item is in the scope", "范围内没有配置项")
	ruleMany  = itsm.NotNow("baseline.many", "{items} items are in the scope, at most {most} can be frozen", "范围内有 {items} 个配置项，最多可冻结 {most} 个")
	rulePrior = itsm.Invalid("baseline.prior", "there is no baseline {id}", "没有基线 {id}")
	ruleClass = itsm.Invalid("baseline.class", "there is no class {class}", "没有类别 {class}")
)

// Facts are what a decision needs from outside.
type Facts struct {
	Items   []Snapshot // of the scope, sorted
	Prior   *Baseline
	Unknown []string // classes of the scope that there are not
}

// A Process holds the configuration of the process. It is immutable and safe for concurrent use.
type Process struct {
	model *config.Model
	items itsm.Repository[config.Item]
	repo  itsm.Repository[Baseline]
}

// NewProcess makes the process of baselines of items. items is read within the unit of work in which a baseline is taken.
func NewProcess(repo itsm.Repository[Baseline], items itsm.Repository[config.Item], model *config.Model) *Process {
	return &Process{model, items, repo}
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
		Kind: Kind, Prefix: "BL", Commands: []itsm.Command{Take{}, Retire{}}, Events: []itsm.Payload{Taken{}, Retired{}}, Phases: phases, Grants: Grants(),
		Rules: []*itsm.Rule{ruleEmpty, ruleMany, rulePrior, ruleClass},
		Index: []itsm.IndexField{{Name: "prior", Type: itsm.TextValue}, {Name: "taken", Type: itsm.TimeValue}},
	}
}

// Grants returns the permissions that the process ships.
func Grants() []itsm.Grant {
	read := []string{"itsm.read", "itsm.timeline", "itsm.journal"}
	take := append(slices.Clone(read), "ci_baseline.take")
	return []itsm.Grant{
		{Role: itsm.RoleConfigManager, Commands: append(slices.Clone(read), "ci_baseline.*", "itsm.note", "itsm.classify"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleChangeManager, Commands: take, Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: read, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: read, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: take, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}

// Meta implements [itsm.Process].
func (p *Process) Meta(rec *Baseline) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *Process) Possible(rec Baseline) []string { return machine.Allowed(rec.State) }

// Outline implements [itsm.Process].
func (p *Process) Outline(rec Baseline) itsm.Outline {
	index := itsm.NewEntries()
	index.Text("prior", string(rec.Prior))
	index.Time("taken", rec.Taken)
	return itsm.Outline{State: string(rec.State), Phase: string(machine.Phase(rec.State)), Final: machine.IsEnd(rec.State), Index: index}
}

// Gather implements [itsm.Process].
func (p *Process) Gather(ctx context.Context, _ Baseline, cmd Command, env itsm.Env) (f Facts, err error) {
	c, ok := cmd.(Take)
	if !ok {
		return f, nil
	}
	for _, class := range c.Scope.Classes {
		if _, ok := p.model.Class(class); !ok {
			f.Unknown = append(f.Unknown, class)
		}
	}
	if c.Prior != "" && p.repo != nil {
		stored, err := p.repo.Load(ctx, itsm.Key{Tenant: env.Actor.Tenant, Kind: Kind, ID: c.Prior})
		if err == nil {
			f.Prior = &stored.Record
		}
	}
	if p.items == nil {
		return f, nil
	}
	for stored, err := range p.items.Find(ctx, itsm.Query{Tenant: env.Actor.Tenant, Kind: config.Kind}) {
		if err != nil {
			return f, err
		}
		if item := &stored.Record; c.Scope.Has(p.model, item) {
			f.Items = append(f.Items, Of(item))
		}
	}
	sortSnapshots(f.Items)
	return f, nil
}

// Decide implements [itsm.Process].
func (p *Process) Decide(rec Baseline, cmd Command, facts Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := &decision{itsm.NewDraft(Kind, cmd, rec, env, p), facts}
	cmd.decide(d)
	return d.Result()
}

type decision struct {
	*itsm.Draft[Baseline]
	facts Facts
}

func (c Take) decide(d *decision) {
	name, number := c.Name, 1
	switch {
	case c.Prior == "":
		d.Need("name", name)
	case d.facts.Prior == nil:
		d.Refuse(rulePrior.With("id", c.Prior))
	default:
		name, number = d.facts.Prior.Name, d.facts.Prior.Number+1
	}
	d.Length("name", name, 200)
	d.Code("scope.place", c.Scope.Place)
	d.RefuseWhen(len(d.facts.Unknown) > 0, ruleClass, "class", strings.Join(d.facts.Unknown, ", "))
	d.RefuseWhen(len(d.facts.Items) == 0, ruleEmpty)
	d.RefuseWhen(len(d.facts.Items) > MaxItems, ruleMany, "items", len(d.facts.Items), "most", MaxItems)
	if d.Failed() {
		return
	}
	d.Emit(Taken{Name: name, Number: number, Prior: c.Prior, Scope: c.Scope, Items: d.facts.Items, Digest: DigestOf(d.facts.Items)})
}

func (c Retire) decide(d *decision) {
	if to := lifecycle.Advance(d.Draft, machine, d.Rec.State, "retire"); !d.Failed() {
		d.Emit(Retired{to})
	}
}

// Evolve implements [itsm.Process].
func (p *Process) Evolve(rec *Baseline, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case Taken:
		rec.Name, rec.Number, rec.Prior, rec.Scope, rec.State, rec.Taken, rec.Items, rec.Digest = e.Name, e.Number, e.Prior, e.Scope, StateFrozen, ev.At, e.Items, e.Digest
	case Retired:
		rec.State = e.State
	default:
		return fmt.Errorf("%w: %T is no event of a baseline", itsm.ErrInvalid, ev.Payload)
	}
	return nil
}

// NewRepository returns the repository of baselines in a store.
func NewRepository(db store.DB) *store.Repository[Baseline] { return store.NewRepository[Baseline](db) }

// A Service carries out commands on baselines. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Baseline, Facts, Command]
	items *config.Service
	repo  itsm.Repository[Baseline]
}

// New returns the service of baselines of the items of another service. Both repositories belong to one store.
func New(repo itsm.Repository[Baseline], items *config.Service, cfg itsm.Config) (*Service, error) {
	s, err := itsm.NewService(NewProcess(repo, items.Repository(), items.Model()), repo, cfg)
	if err != nil {
		return nil, err
	}
	return &Service{s, items, repo}, nil
}

// Do carries out a command as [itsm.Service.Do] does, in a unit of work, so that the items of a baseline are of one instant.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (after Baseline, err error) {
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		after, err = s.Service.Do(ctx, id, cmd, opts...)
		return err
	})
	return after, err
}

// Current returns the snapshots of the items that are in the scope of a baseline today, as the actor may see them.
func (s *Service) Current(ctx context.Context, scope Scope) ([]Snapshot, error) {
	var out []Snapshot
	for item, err := range s.items.Find(ctx, itsm.Query{}) {
		if err != nil {
			return nil, err
		}
		if scope.Has(s.items.Model(), &item) {
			out = append(out, Of(&item))
		}
	}
	sortSnapshots(out)
	return out, nil
}

// Diff returns how today differs from a baseline.
func (s *Service) Diff(ctx context.Context, id itsm.ID) ([]Difference, error) {
	b, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	now, err := s.Current(ctx, b.Scope)
	return Diff(b.Items, now), err
}
