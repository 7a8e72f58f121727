package together_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/audit"
	"github.com/hospital-itsm/itsm/config/baseline"
	"github.com/hospital-itsm/itsm/config/impact"
	"github.com/hospital-itsm/itsm/release"
)

// What a host writes to bring change, configuration and release together over one store. Each port reads through the context
// that it gets, so that what it says is asserted when the command that asked commits.

// authorities lets changes, releases and corrections of audits be written under.
func authorities(changes change.Repository, releases release.Repository, audits itsm.Repository[audit.Audit], items config.Repository) config.Authorisations {
	ofChange := change.Authority{Repo: changes}
	return config.ByKind{
		change.Kind: config.AuthorisationsFunc(func(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target config.Target) (config.Standing, error) {
			s, err := ofChange.Standing(ctx, tenant, authority, itsm.Ref{Kind: config.Kind, ID: target.Item})
			return config.Standing(s), err
		}),
		release.Kind: config.AuthorisationsFunc(func(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target config.Target) (config.Standing, error) {
			stored, err := releases.Load(ctx, authority.In(tenant))
			if errors.Is(err, itsm.ErrNotFound) {
				return config.Unauthorised, nil
			}
			return config.Standing(stored.Record.Standing(string(target.Item))), err
		}),
		audit.Kind: audit.Corrections(audits, items),
	}
}

// board says who holds which roles.
type board map[itsm.Role][]itsm.PersonID

func (b board) Members(_ context.Context, _ itsm.Tenant, roles []itsm.Role, _ time.Time) (members []approval.Member, err error) {
	for _, role := range roles {
		for _, person := range b[role] {
			i := slices.IndexFunc(members, func(m approval.Member) bool { return m.Person == person })
			if i < 0 {
				i, members = len(members), append(members, approval.Member{Person: person})
			}
			members[i].Roles = append(members[i].Roles, role)
		}
	}
	return members, nil
}

// changedItems tells changes of the items that they touch.
type changedItems struct{ items config.Repository }

func (p changedItems) States(ctx context.Context, tenant itsm.Tenant, refs []itsm.Ref) (states []change.ItemState, err error) {
	for _, ref := range refs {
		stored, err := p.items.Load(ctx, ref.In(tenant))
		switch {
		case err == nil:
			states = append(states, change.ItemState{Item: ref, Values: valuesOf(&stored.Record)})
		case !errors.Is(err, itsm.ErrNotFound):
			return nil, err
		}
	}
	return states, nil
}

// valuesOf flattens what of an item is under control: what sources see comes and goes by itself.
func valuesOf(i *config.Item) map[string]string {
	values := map[string]string{"name": i.Name, "class": i.Class, "state": string(i.State), "status": i.Status, "label": i.Label.Code}
	for _, v := range i.Attributes {
		if !v.Under.IsZero() && !v.Value.IsZero() {
			values["value:"+v.Name] = v.Value.String()
		}
	}
	for _, r := range i.Relations {
		if r.Current() {
			values["relation:"+r.Type+":"+string(r.To)] = "there"
		}
	}
	for _, d := range i.Documents {
		values["document:"+d.Ref] = d.Version
	}
	return values
}

// Pending lists the items for which the change still plans something.
func (p changedItems) Pending(ctx context.Context, tenant itsm.Tenant, by itsm.Ref, refs []itsm.Ref) (pending []itsm.Ref, err error) {
	for _, ref := range refs {
		stored, err := p.items.Load(ctx, ref.In(tenant))
		if err != nil && !errors.Is(err, itsm.ErrNotFound) {
			return nil, err
		}
		if slices.ContainsFunc(stored.Record.Plans, func(p config.Plan) bool { return p.Under == by }) {
			pending = append(pending, ref)
		}
	}
	return pending, nil
}

// itemGraph tells changes what depends on items, and which redundancy they touch. It makes the graph anew each time; a host with
// many items keeps it up to date from events.
type itemGraph struct{ items *config.Service }

func (p itemGraph) Reach(ctx context.Context, _ itsm.Tenant, refs []itsm.Ref) (affected []itsm.Ref, groups []change.Group, err error) {
	graph, err := p.items.Graph(ctx)
	if err != nil {
		return nil, nil, err
	}
	for id := range graph.Items() {
		for _, g := range graph.Groups(id) {
			if group := touched(g, refs); len(group.Down) > 0 {
				groups = append(groups, group)
			}
		}
	}
	q := impact.Query{}
	for _, ref := range refs {
		if known, _ := graph.Has(ref.ID); known {
			q.Of = append(q.Of, ref.ID)
		}
	}
	if len(q.Of) == 0 {
		return nil, groups, nil
	}
	err = graph.Visit(q, func(id itsm.ID, distance int) bool {
		if distance > 0 {
			affected = append(affected, itsm.Ref{Kind: config.Kind, ID: id})
		}
		return true
	})
	return affected, groups, err
}

// touched is a group with those of its members that a change takes down.
func touched(g impact.Group, refs []itsm.Ref) change.Group {
	group := change.Group{Name: g.Name, Need: g.Need, Of: itsm.Ref{Kind: config.Kind, ID: g.Item}}
	if g.Percent > 0 {
		group.Need = (g.Percent*len(g.Members) + 99) / 100 // members of items weigh the same
	}
	for _, m := range g.Members {
		ref := itsm.Ref{Kind: config.Kind, ID: m.Item}
		group.Members = append(group.Members, ref)
		if slices.Contains(refs, ref) {
			group.Down = append(group.Down, ref)
		}
	}
	return group
}

// releasedChanges tells releases of the changes that they carry.
type releasedChanges struct {
	changes change.Repository
	process *change.Process
}

func (p releasedChanges) Change(ctx context.Context, tenant itsm.Tenant, id itsm.ID) (release.Change, error) {
	stored, err := p.changes.Load(ctx, itsm.Key{Tenant: tenant, Kind: change.Kind, ID: id})
	if err != nil {
		return release.Change{}, err
	}
	c := &stored.Record
	content, err := p.process.Content(*c)
	if err != nil {
		return release.Change{}, err
	}
	stands := c.Approved != nil && c.Approved.Content == content.Digest && c.Failure == nil && c.Result != change.NotDone
	return release.Change{
		ID: id, Approved: stands, Digest: content.Digest, Reason: c.Reason, Impact: strings.Join(c.Departments, ", "), Scope: strings.Join(c.Services, ", "),
	}, nil
}

// releasedItems lets releases write the items that they have deployed to: the version, under their own authority. Who completes a
// release need not be one who may write items, so the writes are those of a clerk on behalf of whoever acts.
type releasedItems struct {
	items     *config.Service
	baselines itsm.Repository[baseline.Baseline]
}

func (releasedItems) clerk(ctx context.Context) context.Context {
	actor, _ := itsm.ActorFrom(ctx)
	return itsm.WithActor(ctx, itsm.Actor{ID: "system/release-clerk", Tenant: actor.Tenant, OnBehalfOf: actor.ID, Roles: []itsm.Role{itsm.RoleConfigManager}})
}

func (p releasedItems) Update(ctx context.Context, rel itsm.Ref, updates []release.Update) error {
	for _, u := range updates {
		if err := p.version(p.clerk(ctx), rel, u.CI, u.Version); err != nil {
			return err
		}
	}
	return nil
}

func (p releasedItems) version(ctx context.Context, rel itsm.Ref, ci, version string) error {
	_, err := p.items.Do(ctx, itsm.ID(ci), config.Update{Authority: config.Under(rel), Attributes: map[string]itsm.Value{"version": itsm.TextOf(version)}})
	return err
}

// Restore takes back what the release itself has written. What somebody else has written since stays.
func (p releasedItems) Restore(ctx context.Context, rel itsm.Ref, before itsm.Ref, back []release.Undo) error {
	ctx = p.clerk(ctx)
	actor, _ := itsm.ActorFrom(ctx)
	was, err := p.baselines.Load(ctx, before.In(actor.Tenant))
	if err != nil {
		return err
	}
	for _, undo := range back {
		now, err := p.items.Repository().Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: config.Kind, ID: itsm.ID(undo.CI)})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(was.Record.Items, func(s baseline.Snapshot) bool { return s.Item == now.Record.ID })
		if i < 0 {
			return fmt.Errorf("%w: baseline %s does not have %s", itsm.ErrInvalid, before, undo.CI)
		}
		ours := slices.ContainsFunc(now.Record.Attributes, func(v config.Value) bool { return v.Name == "version" && v.Under == rel })
		if ours {
			if err := p.version(ctx, rel, undo.CI, was.Record.Items[i].Values["version"].Text()); err != nil {
				return err
			}
		}
	}
	return nil
}

// releasedBaselines lets releases freeze the items that they touch.
type releasedBaselines struct{ baselines *baseline.Service }

func (p releasedBaselines) Baseline(ctx context.Context, _ itsm.Ref, name string, cis []string) (release.Baseline, error) {
	take := baseline.Take{Name: name}
	for _, ci := range cis {
		take.Scope.Items = append(take.Scope.Items, itsm.ID(ci))
	}
	b, err := p.baselines.Do(ctx, "", take)
	frozen := release.Baseline{Ref: itsm.Ref{Kind: baseline.Kind, ID: b.ID}, Digest: b.Digest, At: b.Taken}
	for _, s := range b.Items {
		frozen.CIs = append(frozen.CIs, string(s.Item))
	}
	return frozen, err
}
