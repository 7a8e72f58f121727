package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A Process holds the configuration of the process. It is immutable and safe for concurrent use.
type Process struct {
	model   *Model
	policy  Policy
	machine *Machine
	auth    Authorisations
	repo    Repository // nil: nothing is known of other items
	claims  itsm.Repository[Claim]
}

// NewProcess checks the configuration. repos tell of other items; without them an item is alone: it cannot relate to others,
// and its identity is not compared with theirs.
func NewProcess(repos Repositories, cfg Config) (*Process, error) {
	p := &Process{model: cfg.Model, policy: DefaultPolicy(), auth: cfg.Authorisations, repo: repos.Items, claims: repos.Claims}
	if p.model == nil {
		p.model = DefaultModel()
	}
	if cfg.Policy != nil {
		p.policy = *cfg.Policy
	}
	if err := p.policy.Check(); err != nil {
		return nil, err
	}
	if (p.repo == nil) != (p.claims == nil) {
		return nil, fmt.Errorf("%w: the repositories of items and of claims come together", itsm.ErrInvalid)
	}
	table := ItemTable()
	if cfg.Lifecycle != nil {
		table = *cfg.Lifecycle
	}
	var err error
	p.machine, err = lifecycle.New(table, Mandatory()...)
	return p, err
}

// Model returns the class model in force.
func (p *Process) Model() *Model { return p.model }

// Policy returns the policy in force.
func (p *Process) Policy() Policy { return p.policy }

// Machine returns the lifecycle of items.
func (p *Process) Machine() *Machine { return p.machine }

// Facts are what a decision needs from outside the item.
type Facts struct {
	Standing Standing           // of the authority that the command names
	Alone    bool               // nothing is known of other items
	InUnit   bool               // other records are changed in the same unit of work
	Holders  map[string]itsm.ID // of the identities that the item would have: who has them
	Other    *Item              // the other item that the command names
	Cycle    []itsm.ID          // the way from the other item back to this one
	Incoming []Incoming         // current relations that lead to the item
	Classes  map[itsm.ID]string // of the items that relations lead from and to
}

// Describe implements [itsm.Process].
func (p *Process) Describe() itsm.Description {
	var phases []string
	for _, ph := range lifecycle.Phases() {
		phases = append(phases, string(ph))
	}
	return itsm.Description{
		Kind: Kind, Prefix: "CI", Commands: commands(), Events: events(), Rules: rules(), Phases: phases, Grants: Grants(),
		Index: []itsm.IndexField{
			{Name: "class", Type: itsm.TextValue}, {Name: "label", Type: itsm.TextValue}, {Name: "status", Type: itsm.TextValue},
			{Name: "place", Type: itsm.TextValue}, {Name: "department", Type: itsm.TextValue}, {Name: "relates_to", Type: itsm.TextValue, Many: true},
			{Name: "identity", Type: itsm.TextValue, Many: true}, {Name: "planned_by", Type: itsm.TextValue, Many: true}, {Name: "seen", Type: itsm.TimeValue},
			{Name: "merged_into", Type: itsm.TextValue}, {Name: "suspect", Type: itsm.BoolValue}, {Name: "outside", Type: itsm.BoolValue},
			{Name: "document", Type: itsm.TextValue, Many: true}, {Name: "registered", Type: itsm.TimeValue},
		},
	}
}

// Meta implements [itsm.Process].
func (p *Process) Meta(rec *Item) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (p *Process) Possible(rec Item) []string {
	if rec.MergedInto != "" {
		return nil
	}
	var names []string
	for _, e := range p.machine.Allowed(rec.State) {
		names = append(names, string(e))
	}
	return names
}

// Outline implements [itsm.Process].
func (p *Process) Outline(rec Item) itsm.Outline {
	o := itsm.Outline{State: string(rec.State), Phase: string(p.machine.Phase(rec.State)), Final: p.machine.IsEnd(rec.State), Wake: rec.wake()}
	index := itsm.NewEntries()
	index.Text("class", rec.Class)
	index.Text("label", canonical(rec.Label.Code))
	index.Text("status", rec.Status)
	index.Text("place", rec.Get("place").Text())
	index.Text("department", rec.Get("department").Text())
	for _, r := range rec.Relations {
		if r.Current() {
			index.Texts("relates_to", string(r.To))
		}
	}
	for _, id := range p.model.identities(&rec) {
		index.Texts("identity", id)
	}
	for _, plan := range rec.Plans {
		index.Texts("planned_by", plan.Under.String())
	}
	index.Time("seen", rec.Seen)
	index.Text("merged_into", string(rec.MergedInto))
	if len(rec.Suspects) > 0 {
		index.Add("suspect", itsm.BoolOf(true))
	}
	if rec.Outside != nil {
		index.Add("outside", itsm.BoolOf(true))
	}
	for _, doc := range rec.Documents {
		index.Texts("document", doc.Ref)
	}
	index.Time("registered", rec.Created)
	o.Index = index
	return o
}

// identities returns all identifiers of an item by which it is found, weak ones included.
func (m *Model) identities(i *Item) (keys []string) {
	c := m.classes[i.Class]
	if c == nil || i.Gone() {
		return nil
	}
	for k := range c.identify {
		if key, ok := m.key(&c.identify[k], i.Get); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// Gather implements [itsm.Process].
func (p *Process) Gather(ctx context.Context, rec Item, cmd Command, env itsm.Env) (Facts, error) {
	g := gatherer{ctx: ctx, p: p, tenant: env.Actor.Tenant, id: env.ID, f: Facts{Alone: p.repo == nil, InUnit: itsm.InUnit(ctx)}}
	err := g.gather(&rec, cmd)
	return g.f, err
}

type gatherer struct {
	ctx    context.Context
	p      *Process
	tenant itsm.Tenant
	id     itsm.ID
	f      Facts
}

func (g *gatherer) gather(rec *Item, cmd Command) error {
	if err := g.standing(rec, cmd); err != nil || g.f.Alone {
		return err
	}
	switch c := cmd.(type) {
	case Register:
		return g.holders(g.p.model.identity(c.Class, func(name string) itsm.Value { return c.Attributes[name] }))
	case Update:
		return g.holders(g.p.model.identity(rec.Class, overlay(rec, c.Attributes)))
	case RealisePlan:
		for _, plan := range rec.Plans {
			if plan.Under == c.Under {
				return g.holders(g.p.model.identity(rec.Class, overlay(rec, plan.Attributes)))
			}
		}
	case Reclassify:
		return errors.Join(g.holders(g.p.model.identity(c.Class, rec.Get)), g.incoming(), g.classes(rec))
	case AffixLabel:
		return g.holders([]string{labelKey(c.Code)})
	case Link:
		if err := g.other(c.To); err != nil {
			return err
		}
		if typ := g.p.model.relations[c.Type]; typ != nil && typ.Acyclic && g.f.Other != nil {
			return g.cycle(c.Type)
		}
	case Merge:
		return g.other(c.Into)
	case Unmerge:
		return g.unmerged(rec)
	case Dispose:
		return g.incoming()
	}
	return nil
}

// overlay returns the attributes of an item with some of them changed.
func overlay(rec *Item, values map[string]itsm.Value) func(string) itsm.Value {
	return func(name string) itsm.Value {
		if v, ok := values[name]; ok {
			return v
		}
		return rec.Get(name)
	}
}

func (g *gatherer) standing(rec *Item, cmd Command) (err error) {
	w, ok := cmd.(write)
	if !ok || g.p.auth == nil {
		return nil
	}
	under, _ := w.authority()
	if under.IsZero() || !slices.Contains(g.p.policy.Authorities, under.Kind) {
		return nil
	}
	target := Target{Item: g.id, Class: rec.Class, Command: cmd.CommandName()}
	if c, creates := cmd.(Register); creates {
		target.Class, target.New = c.Class, true
	}
	g.f.Standing, err = g.p.auth.Standing(g.ctx, g.tenant, under, target)
	return err
}

// holders finds out who has the identities. That nobody has one is asserted when the unit of work commits.
func (g *gatherer) holders(keys []string) error {
	for _, key := range keys {
		stored, err := g.p.claims.Load(g.ctx, itsm.Key{Tenant: g.tenant, Kind: ClaimKind, ID: claimID(key)})
		if errors.Is(err, itsm.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if holder := stored.Record.Holder; holder != "" && holder != g.id {
			if g.f.Holders == nil {
				g.f.Holders = map[string]itsm.ID{}
			}
			g.f.Holders[key] = holder
		}
	}
	return nil
}

// unmerged finds out who has the identities that an item gets back: the item it was merged into only holds them for it, unless
// they are its own by now.
func (g *gatherer) unmerged(rec *Item) error {
	alone := *rec
	alone.MergedInto = ""
	keys := g.p.model.keys(&alone)
	if err := g.holders(keys); err != nil || rec.MergedInto == "" {
		return err
	}
	into, err := g.load(rec.MergedInto)
	if err != nil || into == nil {
		return err
	}
	own := *into
	own.Absorbed = nil
	for _, key := range keys {
		if g.f.Holders[key] == into.ID && !slices.Contains(g.p.model.keys(&own), key) {
			delete(g.f.Holders, key)
		}
	}
	return nil
}

func (g *gatherer) load(id itsm.ID) (*Item, error) {
	stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.tenant, Kind: Kind, ID: id})
	if errors.Is(err, itsm.ErrNotFound) || errors.Is(err, itsm.ErrInvalid) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &stored.Record, nil
}

func (g *gatherer) other(id itsm.ID) (err error) {
	if id != "" {
		g.f.Other, err = g.load(id)
	}
	return err
}

// maxWalk bounds how many items a search for cycles visits.
const maxWalk = 20_000

// cycle looks for a way from the other item back to this one. All items on it are read in the unit of work, so that two who
// close a circle from both sides at once cannot both commit.
func (g *gatherer) cycle(relation string) error {
	type step struct {
		id   itsm.ID
		from int
	}
	steps := []step{{g.f.Other.ID, -1}}
	seen := map[itsm.ID]bool{g.f.Other.ID: true}
	for at := 0; at < len(steps); at++ {
		if steps[at].id == g.id {
			for k := at; k >= 0; k = steps[k].from {
				g.f.Cycle = append(g.f.Cycle, steps[k].id)
			}
			slices.Reverse(g.f.Cycle)
			g.f.Cycle = append([]itsm.ID{g.id}, g.f.Cycle...)
			return nil
		}
		item, err := g.load(steps[at].id)
		if err != nil {
			return err
		}
		if item == nil {
			continue
		}
		for _, to := range item.Related(relation) {
			if !seen[to] {
				seen[to] = true
				steps = append(steps, step{to, at})
			}
		}
		if len(steps) > maxWalk {
			return fmt.Errorf("%w: %s from %s leads to more than %d items, too many to look for cycles", itsm.ErrInvalid, relation, g.f.Other.ID, maxWalk)
		}
	}
	return nil
}

// incoming finds the current relations that lead to the item. What begins to relate to it meanwhile reads the item, and
// nothing may relate to one that is withdrawn.
func (g *gatherer) incoming() error {
	q := itsm.Query{Tenant: g.tenant, Kind: Kind, Where: []itsm.Condition{itsm.Where("relates_to", itsm.TextOf(g.id))}}
	for stored, err := range g.p.repo.Find(g.ctx, q) {
		if err != nil {
			return err
		}
		for _, r := range stored.Record.Relations {
			if r.Current() && r.To == g.id {
				g.f.Incoming = append(g.f.Incoming, Incoming{r.Type, stored.Record.ID})
				g.class(stored.Record.ID, stored.Record.Class)
			}
		}
	}
	return nil
}

func (g *gatherer) class(id itsm.ID, class string) {
	if g.f.Classes == nil {
		g.f.Classes = map[itsm.ID]string{}
	}
	g.f.Classes[id] = class
}

func (g *gatherer) classes(rec *Item) error {
	for _, r := range rec.Relations {
		if !r.Current() {
			continue
		}
		to, err := g.load(r.To)
		if err != nil {
			return err
		}
		if to != nil {
			g.class(r.To, to.Class)
		}
	}
	return nil
}

// Decide implements [itsm.Process].
func (p *Process) Decide(rec Item, cmd Command, facts Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := &decision{itsm.NewDraft(Kind, cmd, rec, env, p), p, facts}
	cmd.decide(d)
	return d.Result()
}

// Evolve implements [itsm.Process].
func (p *Process) Evolve(rec *Item, ev *itsm.Event) error {
	e, ok := ev.Payload.(event)
	if !ok {
		return fmt.Errorf("%w: %T is no event of an item", itsm.ErrInvalid, ev.Payload)
	}
	e.apply(rec, ev)
	return nil
}

// decision is one command being decided.
type decision struct {
	*itsm.Draft[Item]
	p     *Process
	facts Facts
}

func (d *decision) write(under itsm.Ref) Write {
	return Write{Under: under, Model: d.p.model.Version()}
}

// authorised asks that the authority of a write has come as far as the command needs.
func (d *decision) authorised(w write) {
	under, want := w.authority()
	kinds := list(d.p.policy.Authorities)
	switch {
	case under.IsZero():
		d.Refuse(ruleNoAuthority.With("want", kinds))
	case !slices.Contains(d.p.policy.Authorities, under.Kind):
		d.Refuse(ruleAuthority.With("authority", under, "want", kinds))
	case !slices.Contains(want, d.facts.Standing):
		standing := string(d.facts.Standing)
		if standing == "" {
			standing = "unknown"
		}
		d.Refuse(ErrUnauthorised.With("authority", under, "command", d.Command(), "standing", standing, "want", list(want)))
	}
}

// open asks for an item that is neither disposed of nor merged into another.
func (d *decision) open() {
	if d.Rec.MergedInto != "" {
		d.Refuse(ruleMerged.With("into", d.Rec.MergedInto))
	}
	if d.p.machine.IsEnd(d.Rec.State) {
		d.Illegal(string(d.Rec.State))
	}
}

// writable asks for an open item within the scope of control.
func (d *decision) writable() {
	d.open()
	d.RefuseWhen(d.Rec.Outside != nil, ruleOutside)
}

// local refuses a command that touches several records when they are not changed as one.
func (d *decision) local(command string) {
	if !d.facts.InUnit && !d.facts.Alone {
		d.Refuse(ruleTwoSides.With("command", command))
	}
}

// unique asks that nobody else has the identity that the item would have.
func (d *decision) unique() {
	if d.facts.Alone {
		return
	}
	d.local(d.Command())
	if d.Refused(ruleMerged) {
		return // its identities are those of another
	}
	for _, key := range sorted(d.facts.Holders) {
		d.Refuse(ErrDuplicate.With("holder", d.facts.Holders[key], "key", keyText(key)))
	}
}

// keyText prints an identity for people: "hardware.serial dell 7h2k9x3".
func keyText(key string) string {
	parts := strings.Split(key, "|")
	for i := range parts {
		if _, text, sized := strings.Cut(parts[i], ":"); sized && i > 0 {
			parts[i] = text
		}
	}
	return strings.Join(parts, " ")
}

// notBefore refuses to date a write before what it builds on.
func (d *decision) notBefore(t time.Time) {
	if d.Env.At.Before(t) && !d.Refused(ruleBefore) {
		d.Refuse(ruleBefore.With("at", d.Env.At, "since", t))
	}
}

func (d *decision) source(s Source) Source {
	if s.Kind == "" {
		s.Kind = Manual
	}
	d.Choice("source.kind", string(s.Kind), list(SourceKinds()), slices.Contains(SourceKinds(), s.Kind))
	d.RefuseWhen(s.Confidence < 0 || s.Confidence > 100, ruleRange, "field", "source.confidence", "value", s.Confidence, "min", 0, "max", 100)
	d.Code("source.system", s.System)
	return s
}

// values asks that values fit the attributes of a class that are under control. Values that are absent take away.
func (d *decision) values(class string, values map[string]itsm.Value) {
	for _, name := range sorted(values) {
		a := d.p.model.attribute(class, name)
		switch v := values[name]; {
		case a == nil:
			d.Refuse(ruleAttribute.With("class", class, "field", name))
		case a.Observed:
			d.Refuse(ruleObserved.With("field", name))
		case v.IsZero():
		default:
			if r, ok := d.p.model.check(a, v); !ok {
				d.Refuse(r)
			}
			d.cleared(a)
		}
	}
}

// cleared asks that the item is classified as high as an attribute needs.
func (d *decision) cleared(a *Attribute) {
	level := d.Rec.Level
	if level == 0 {
		level = itsm.Internal
	}
	d.RefuseWhen(a.Level > level, ruleLevel, "field", a.Name, "level", a.Level)
}
