package change

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Gather implements [itsm.Process].
func (p *Process) Gather(ctx context.Context, rec Change, cmd Command, env itsm.Env) (Facts, error) {
	f := Facts{Failures: -1}
	g := gatherer{ctx, p, env, &f}
	return f, g.gather(&rec, cmd)
}

type gatherer struct {
	ctx context.Context
	p   *Process
	env itsm.Env
	f   *Facts
}

func (g gatherer) gather(rec *Change, cmd Command) error {
	switch c := cmd.(type) {
	case Raise:
		return g.template(c.Template)
	case Classify:
		return g.grades(rec)
	case ScoreRisk:
		return g.history(rec)
	case Assess, Waive:
		return errors.Join(g.grades(rec), g.reach(rec), g.collisions(rec))
	case RequestApproval:
		return errors.Join(g.grades(rec), g.reach(rec), g.collisions(rec), g.members(rec), g.delegations())
	case Preapprove:
		if rec.Template == nil {
			return nil
		}
		return errors.Join(g.grades(rec), g.reach(rec), g.collisions(rec), g.template(rec.Template.ID))
	case Vote, ConfirmOral, Recuse, ChangeElectorate:
		return g.delegations()
	case Schedule:
		return errors.Join(g.grades(rec), g.reach(rec), g.collisions(rec))
	case Start:
		err := errors.Join(g.grades(rec), g.reach(rec), g.collisions(rec), g.states(rec), g.waits(rec), g.qualified(rec))
		if rec.Template != nil {
			err = errors.Join(err, g.template(rec.Template.ID))
		}
		return err
	case Impose:
		return g.grades(rec)
	case Compare:
		return g.states(rec)
	case WriteReview:
		return g.suspects(rec)
	case Close:
		return g.pending(rec)
	}
	return nil
}

func (g gatherer) grades(rec *Change) error {
	if g.p.cfg.Services == nil {
		return nil
	}
	for _, s := range rec.Services {
		grade, err := g.p.cfg.Services.Grade(g.ctx, g.env.Actor.Tenant, s)
		if err != nil {
			return err
		}
		if grade != "" {
			g.f.Grades = append(g.f.Grades, grade)
		}
	}
	slices.Sort(g.f.Grades)
	g.f.Grades = slices.Compact(g.f.Grades)
	return nil
}

func (g gatherer) reach(rec *Change) (err error) {
	if g.p.cfg.Impact == nil || len(rec.Items) == 0 {
		return nil
	}
	g.f.Affected, g.f.Groups, err = g.p.cfg.Impact.Reach(g.ctx, g.env.Actor.Tenant, sortRefs(rec.Items))
	g.f.Affected = sortRefs(g.f.Affected)
	return err
}

// collisions finds the changes that may collide, by what they have booked.
func (g gatherer) collisions(rec *Change) error {
	if g.p.repo == nil || rec.Window.IsZero() {
		return nil
	}
	mine := rec.booking()
	mine.Affected, mine.Groups = g.f.Affected, g.f.Groups
	mine.normalise()
	if err := g.watch(&mine); err != nil {
		return err
	}
	q := itsm.Query{Tenant: g.env.Actor.Tenant, Kind: Kind, Where: []itsm.Condition{
		itsm.WhereOneOf("booked", mine.seeks()...), itsm.WhereLess("opens", itsm.TimeOf(mine.Span.End))}}
	for stored, err := range g.p.repo.Find(g.ctx, q) {
		if err != nil {
			return err
		}
		g.book(&stored.Record)
	}
	for _, id := range sortIDs(slices.Concat(mine.After, mine.Incompatible)) {
		stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.env.Actor.Tenant, Kind: Kind, ID: id})
		if errors.Is(err, itsm.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		g.book(&stored.Record)
	}
	slices.SortFunc(g.f.Others, func(a, b Booking) int { return compareID(a.Change, b.Change) })
	g.f.Others = slices.CompactFunc(g.f.Others, func(a, b Booking) bool { return a.Change == b.Change })
	return nil
}

func (g gatherer) book(c *Change) {
	b, ok := BookingOf(*c)
	if !ok {
		return
	}
	if c.Implemented() && !b.Span.End.After(g.env.At) {
		b.Span.End = g.env.At.Add(time.Microsecond) // it should be over and is not
	}
	g.f.Others = append(g.f.Others, b)
}

// waits finds the changes that must be over before.
func (g gatherer) waits(rec *Change) error {
	if g.p.repo == nil {
		return nil
	}
	for _, id := range sortIDs(rec.After) {
		stored, err := g.p.repo.Load(g.ctx, itsm.Key{Tenant: g.env.Actor.Tenant, Kind: Kind, ID: id})
		if errors.Is(err, itsm.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		switch stored.Record.State {
		case StateSucceeded, StateBackedOut, StateInReview, StateClosed, StateRejected, StateCancelled:
		default:
			g.f.Waits = append(g.f.Waits, id)
		}
	}
	return nil
}

func (g gatherer) members(rec *Change) error {
	if g.p.cfg.Board == nil {
		return nil
	}
	plan, err := g.p.planOf(rec)
	if err != nil {
		return nil // the decision will say so
	}
	roles, _ := plan.Rule.Roles()
	more, _ := g.p.policy.FreezeConsent.Roles()
	for _, role := range more {
		if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	g.f.Members, err = g.p.cfg.Board.Members(g.ctx, g.env.Actor.Tenant, roles, g.env.At)
	return err
}

func (g gatherer) delegations() (err error) {
	if g.p.cfg.Delegations != nil {
		g.f.Approval.Delegations, err = g.p.cfg.Delegations.Delegations(g.ctx, g.env.Actor.Tenant, g.env.At)
	}
	return err
}

func (g gatherer) states(rec *Change) (err error) {
	if g.p.cfg.Items == nil {
		return nil
	}
	g.f.KnowsStates = true
	g.f.States, err = g.p.cfg.Items.States(g.ctx, g.env.Actor.Tenant, sortRefs(rec.Items))
	slices.SortFunc(g.f.States, func(a, b ItemState) int { return CompareRefs(a.Item, b.Item) })
	return err
}

func (g gatherer) pending(rec *Change) (err error) {
	if g.p.cfg.Items != nil {
		g.f.Pending, err = g.p.cfg.Items.Pending(g.ctx, g.env.Actor.Tenant, rec.Ref(), sortRefs(rec.Items))
		g.f.Pending = sortRefs(g.f.Pending)
	}
	return err
}

func (g gatherer) qualified(rec *Change) error {
	if g.p.cfg.Skills == nil {
		return nil
	}
	for _, person := range rec.doers() {
		ok, err := g.p.cfg.Skills.Qualified(g.ctx, g.env.Actor.Tenant, person, rec.Category, g.env.At)
		if err != nil {
			return err
		}
		if !ok {
			g.f.Unqualified = append(g.f.Unqualified, string(person))
		}
	}
	return nil
}

func (g gatherer) template(id itsm.ID) error {
	if id == "" || g.p.cfg.Templates == nil {
		return nil
	}
	stored, err := g.p.cfg.Templates.Load(g.ctx, itsm.Key{Tenant: g.env.Actor.Tenant, Kind: TemplateKind, ID: id})
	switch {
	case err == nil:
		g.f.Template = &stored.Record
	case !errors.Is(err, itsm.ErrNotFound):
		return err
	}
	return nil
}

// history computes how many of the last changes of the same category on the same items failed.
func (g gatherer) history(rec *Change) error {
	if g.p.repo == nil || len(rec.Items) == 0 {
		return nil
	}
	var items []itsm.Value
	for _, item := range sortRefs(rec.Items) {
		items = append(items, itsm.TextOf(item.String()))
	}
	q := itsm.Query{Tenant: g.env.Actor.Tenant, Kind: Kind, Where: []itsm.Condition{
		itsm.WhereOneOf("item", items...), itsm.WhereOneOf("result", itsm.TextOf(Successful), itsm.TextOf(WithIssues), itsm.TextOf(FailedBack))},
		OrderBy: "requested", Desc: true, Limit: 50}
	done, failed := 0, 0
	for stored, err := range g.p.repo.Find(g.ctx, q) {
		if err != nil {
			return err
		}
		done++
		if stored.Record.Result == FailedBack {
			failed++
		}
	}
	if done > 0 {
		g.f.Failures = 100 * failed / done
	}
	return nil
}

func (g gatherer) suspects(rec *Change) (err error) {
	if g.p.cfg.Incidents == nil || rec.Work == nil {
		return nil
	}
	until := rec.Work.Ended.Add(g.p.policy.SuspectFor.Std())
	g.f.Suspected, err = g.p.cfg.Incidents.Between(g.ctx, g.env.Actor.Tenant, sortRefs(slices.Concat(rec.Items, rec.Affected)), rec.Work.Started, until)
	g.f.Suspected = sortRefs(g.f.Suspected)
	return err
}

func compareID(a, b itsm.ID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
