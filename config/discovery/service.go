package discovery

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// A Service carries out commands on sources, and applies what they see to items. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Source, Facts, Command]
	items *config.Service
	repo  itsm.Repository[Source]
}

// New returns the service of sources for the items of another service. Both belong to one store.
func New(repo itsm.Repository[Source], items *config.Service, cfg itsm.Config) (*Service, error) {
	s, err := itsm.NewService(Process{}, repo, cfg)
	if err != nil {
		return nil, err
	}
	return &Service{s, items, repo}, nil
}

// Plan plans what observations lead to, without doing it.
func (s *Service) Plan(ctx context.Context, observations []Observation) (*Plan, error) {
	var items []config.Item
	for item, err := range s.items.Find(ctx, itsm.Query{}) {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return Reconcile(s.items.Items(), items, observations), nil
}

// Options say how a plan is applied.
type Options struct {
	// Under is the authority under which new items are registered, and differences written.
	Under itsm.Ref
	// Source is the record of the source; it must not be held. "" is a file that a person has looked at.
	Source itsm.ID
	// Update writes the differences of attributes under control too.
	Update bool
	// Register registers what is new.
	Register bool
}

// Result is what a plan has done.
type Result struct {
	Registered []itsm.ID
	Observed   int // items whose sightings were taken in
	Updated    int // items whose attributes under control were written
	Suspected  int // items that may be there twice
}

// Apply carries out a plan for the observations it was made of: all of it or nothing. A plan that is no longer what would be planned is
// [itsm.ErrConflict]. What is ambiguous among several items makes them suspected duplicates; what is blocked is left alone.
func (s *Service) Apply(ctx context.Context, plan *Plan, observations []Observation, opts Options) (res Result, err error) {
	actor, _ := itsm.ActorFrom(ctx)
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		res = Result{}
		if err := s.free(ctx, actor.Tenant, opts.Source); err != nil {
			return err
		}
		now, err := s.Plan(ctx, observations)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now, plan) {
			return fmt.Errorf("discovery: %w: the items are not as they were when it was planned", itsm.ErrConflict)
		}
		return s.apply(ctx, plan, opts, &res)
	})
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// free asks that a source is not held.
func (s *Service) free(ctx context.Context, tenant itsm.Tenant, id itsm.ID) error {
	if id == "" {
		return nil
	}
	stored, err := s.repo.Load(ctx, itsm.Key{Tenant: tenant, Kind: Kind, ID: id})
	if err != nil {
		return err
	}
	if held := stored.Record.Held; held != nil {
		return ErrHeld.With("system", stored.Record.System, "vanished", vanishedText(held.Vanished))
	}
	return nil
}

func (s *Service) apply(ctx context.Context, plan *Plan, opts Options, res *Result) error {
	under := config.Under(opts.Under)
	observe := func(id itsm.ID, sightings []config.Sighting) error {
		const most = 500
		for len(sightings) > 0 {
			n := min(len(sightings), most)
			if _, err := s.items.Do(ctx, id, config.Observe{Sightings: sightings[:n]}); err != nil {
				return err
			}
			sightings = sightings[n:]
		}
		return nil
	}
	for _, m := range plan.Matches {
		if len(m.Sightings) > 0 {
			res.Observed++
			if err := observe(m.Item, m.Sightings); err != nil {
				return err
			}
		}
		if opts.Update && len(m.Differences) > 0 {
			values := map[string]itsm.Value{}
			for _, d := range m.Differences {
				values[d.Attribute] = d.Seen
			}
			res.Updated++
			if _, err := s.items.Do(ctx, m.Item, config.Update{Authority: under, Attributes: values, Source: config.Source{Kind: config.Discovery, System: m.Differences[0].Source}}); err != nil {
				return err
			}
		}
	}
	for _, n := range plan.New {
		if !opts.Register {
			break
		}
		item, err := s.items.Do(ctx, "", config.Register{Authority: under, Class: n.Class, Name: n.Name, Attributes: n.Values, Source: config.Source{Kind: config.Discovery, System: n.System}})
		if err != nil {
			return fmt.Errorf("%s %s: %w", n.Seen[0].Source, n.Seen[0].Key, err)
		}
		res.Registered = append(res.Registered, item.ID)
		if err := observe(item.ID, n.Sightings); err != nil {
			return err
		}
	}
	for _, a := range plan.Ambiguous {
		if len(a.Candidates) < 2 {
			continue
		}
		var others []config.Suspect
		for _, c := range a.Candidates[1:] {
			others = append(others, config.Suspect{Item: c.Item, Why: a.Why})
		}
		res.Suspected++
		if _, err := s.items.Do(ctx, a.Candidates[0].Item, config.SuspectDuplicate{Suspects: others}); err != nil {
			return err
		}
	}
	return nil
}

// Run tells a source's report, and applies it if the source is not held: observed attributes and suspected duplicates, nothing under control.
// The error matches [ErrHeld] when far less was reported than before; nothing was applied then.
func (s *Service) Run(ctx context.Context, source itsm.ID, observations []Observation) (*Plan, Result, error) {
	counts := map[string]int{}
	for _, o := range Newest(observations) {
		counts[o.Class]++
	}
	src, err := s.Do(ctx, source, Tell{Counts: counts})
	switch {
	case errors.Is(err, itsm.ErrIllegalState):
		actor, _ := itsm.ActorFrom(ctx)
		return nil, Result{}, errors.Join(s.free(ctx, actor.Tenant, source), err)
	case err != nil:
		return nil, Result{}, err
	case src.Held != nil:
		return nil, Result{}, ErrHeld.With("system", src.System, "vanished", vanishedText(src.Held.Vanished))
	}
	plan, err := s.Plan(ctx, observations)
	if err != nil {
		return nil, Result{}, err
	}
	res, err := s.Apply(ctx, plan, observations, Options{Source: source})
	return plan, res, err
}
