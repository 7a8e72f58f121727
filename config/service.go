package config

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Service carries out commands on items. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Item, Facts, Command]
	process *Process
	repos   Repositories
	claims  *itsm.Service[Claim, claimFacts, ClaimCommand]
}

// New returns the service of items over repositories with units of work. It fails when the configuration contradicts itself.
func New(repos Repositories, cfg Config) (*Service, error) {
	if repos.Items == nil || repos.Claims == nil {
		return nil, fmt.Errorf("config: %w: a repository is missing", itsm.ErrInvalid)
	}
	p, err := NewProcess(repos, cfg)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	s := &Service{process: p, repos: repos}
	if s.Service, err = itsm.NewService(p, repos.Items, cfg.Config); err != nil {
		return nil, err
	}
	own := itsm.Config{Clock: cfg.Clock, Random: cfg.Random, Authorizer: claimRights{}, Attempts: cfg.Attempts, Logger: cfg.Logger}
	s.claims, err = itsm.NewService(claimProcess{}, repos.Claims, own)
	return s, err
}

// NewService is [New] for a configuration that is part of the program: it panics when the configuration contradicts itself.
func NewService(repos Repositories, cfg Config) *Service {
	s, err := New(repos, cfg)
	if err != nil {
		panic(err)
	}
	return s
}

// Items returns the process.
func (s *Service) Items() *Process { return s.process }

// Model returns the class model in force.
func (s *Service) Model() *Model { return s.process.model }

// Do carries out a command as [itsm.Service.Do] does, in a unit of work in which everything it touches changes at once: the
// item, the other end of a relation or of a merge, and the claims to its identity. What the authority said, and that no
// other item has the identity, still holds when it is committed.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (after Item, err error) {
	switch cmd.(type) {
	case absorb, attach: // one side of a change of two items: alone they are refused
		if !itsm.InUnit(ctx) {
			return s.Service.Do(ctx, id, cmd, opts...)
		}
	}
	actor, _ := itsm.ActorFrom(ctx)
	err = itsm.Atomically(ctx, s.repos.Items, func(ctx context.Context) error {
		before, err := s.load(ctx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if after, err = s.Service.Do(ctx, id, cmd, opts...); err != nil {
			return err
		}
		now, err := s.load(ctx, actor.Tenant, after.ID)
		if err != nil || now.Version == before.Version {
			return err // nothing was to be done, or it was done before
		}
		if err := s.otherSide(ctx, &before, &now, cmd); err != nil {
			return err
		}
		return s.claim(ctx, actor.Tenant, s.process.model.keys(&before), s.process.model.keys(&now), now.ID)
	})
	if err != nil {
		return Item{}, err
	}
	return after, nil
}

// load returns an item without masks, the zero item when there is none.
func (s *Service) load(ctx context.Context, tenant itsm.Tenant, id itsm.ID) (Item, error) {
	if id == "" {
		return Item{}, nil
	}
	stored, err := s.repos.Items.Load(ctx, itsm.Key{Tenant: tenant, Kind: Kind, ID: id})
	if errors.Is(err, itsm.ErrNotFound) || errors.Is(err, itsm.ErrInvalid) {
		return Item{}, nil
	}
	return stored.Record, err
}

// otherSide lets the item at the other end follow.
func (s *Service) otherSide(ctx context.Context, before, now *Item, cmd itsm.Command) error {
	switch c := cmd.(type) {
	case Merge:
		_, err := s.Do(ctx, c.Into, absorb{Authority: c.Authority, Item: now.ID, Keys: s.process.model.keys(before)})
		return err
	case Unmerge:
		_, err := s.Do(ctx, before.MergedInto, absorb{Authority: c.Authority, Item: now.ID, Return: true})
		return err
	}
	w, ok := cmd.(write)
	if !ok {
		return nil
	}
	under, _ := w.authority()
	for _, end := range []struct {
		from, to *Item
		detach   bool
	}{{before, now, true}, {now, before, false}} {
		for _, r := range end.from.Relations {
			if typ := s.process.model.relations[r.Type]; !r.Current() || typ == nil || !typ.counted() || slices.Contains(end.to.Related(r.Type), r.To) {
				continue
			}
			if _, err := s.Service.Do(ctx, r.To, attach{Authority: Authority{under}, Type: r.Type, From: now.ID, Detach: end.detach}); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim makes the claims of an item those of its identity.
func (s *Service) claim(ctx context.Context, tenant itsm.Tenant, before, now []string, holder itsm.ID) error {
	for _, key := range before {
		if !slices.Contains(now, key) {
			if err := s.release(ctx, tenant, key, holder); err != nil {
				return err
			}
		}
	}
	for _, key := range now {
		if slices.Contains(before, key) {
			continue
		}
		id := claimID(key)
		_, err := s.repos.Claims.Load(ctx, itsm.Key{Tenant: tenant, Kind: ClaimKind, ID: id})
		switch {
		case err == nil:
			_, err = s.claims.Do(ctx, id, pass{Holder: holder})
		case errors.Is(err, itsm.ErrNotFound):
			_, err = s.claims.Do(ctx, id, take{Key: key, Holder: holder})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// release gives up a claim, unless another item has it by now: as after a merge.
func (s *Service) release(ctx context.Context, tenant itsm.Tenant, key string, holder itsm.ID) error {
	id := claimID(key)
	stored, err := s.repos.Claims.Load(ctx, itsm.Key{Tenant: tenant, Kind: ClaimKind, ID: id})
	if err != nil || stored.Record.Holder != holder {
		return err
	}
	_, err = s.claims.Do(ctx, id, pass{})
	return err
}

// Survivor returns the item that another was merged into, at the end of all merges; an item that was not merged is its own survivor.
func (s *Service) Survivor(ctx context.Context, id itsm.ID) (Item, error) {
	actor, _ := itsm.ActorFrom(ctx)
	for range 100 {
		item, err := s.load(ctx, actor.Tenant, id)
		if err != nil {
			return Item{}, err
		}
		if item.MergedInto == "" {
			return s.Get(ctx, id)
		}
		id = item.MergedInto
	}
	return Item{}, fmt.Errorf("ci %s: %w: it was merged more than 100 times over", id, itsm.ErrInvalid)
}

// Holder returns the item that has an identity: a label, with [LabelIdentity], or an identifier, with [Model.Identity].
func (s *Service) Holder(ctx context.Context, key string) (itsm.ID, bool, error) {
	actor, _ := itsm.ActorFrom(ctx)
	stored, err := s.repos.Claims.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: ClaimKind, ID: claimID(key)})
	if errors.Is(err, itsm.ErrNotFound) {
		return "", false, nil
	}
	return stored.Record.Holder, err == nil && stored.Record.Holder != "", err
}

// LabelIdentity returns the identity that a label gives.
func LabelIdentity(code string) string { return labelKey(code) }

// Identity returns the identity that values give an item of a class by one of its identifiers, and whether all parts of it are there.
func (m *Model) Identity(class, identifier string, values map[string]itsm.Value) (string, bool) {
	c := m.classes[class]
	if c == nil {
		return "", false
	}
	for i := range c.identify {
		if c.identify[i].Name == identifier {
			return m.key(&c.identify[i], func(name string) itsm.Value { return values[name] })
		}
	}
	return "", false
}
