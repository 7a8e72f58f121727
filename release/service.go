package release

import (
	"context"
	"fmt"

	"github.com/hospital-itsm/itsm"
)

// A Service carries out commands on releases. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Release, Facts, Command]
	process *Process
	repo    Repository
}

// New returns the service of releases over a repository. It fails when the configuration contradicts itself.
func New(repo Repository, cfg Config) (*Service, error) {
	p, err := NewProcess(repo, cfg)
	if err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	s, err := itsm.NewService(p, repo, cfg.Config)
	if err != nil {
		return nil, err
	}
	return &Service{Service: s, process: p, repo: repo}, nil
}

// NewService is [New] for a configuration that is part of the program: it panics when the configuration contradicts itself.
func NewService(repo Repository, cfg Config) *Service {
	s, err := New(repo, cfg)
	if err != nil {
		panic(err)
	}
	return s
}

// Releases returns the process.
func (s *Service) Releases() *Process { return s.process }

// Do carries out a command as [itsm.Service.Do] does. What has to hold together is one unit of work: the deployment and the CMDB
// ([Complete], [FinishRollback]), the snapshot and the record of it ([TakeBaseline]), a start and the changes and rivals that it
// depends on ([Deploy], [StartWave]), a release and the one that takes over. Over a repository without units of work, commands
// that write the CMDB are refused.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (Release, error) {
	switch c := cmd.(type) {
	case Complete:
		return s.with(ctx, id, cmd, opts, s.update, nil)
	case FinishRollback:
		return s.with(ctx, id, cmd, opts, s.restore, nil)
	case Deploy:
		return s.with(ctx, id, cmd, opts, nil, s.takeOver)
	case StartWave, MakeReady:
		return s.with(ctx, id, cmd, opts, nil, nil)
	case TakeBaseline:
		return s.takeBaseline(ctx, id, c, opts)
	}
	return s.Service.Do(ctx, id, cmd, opts...)
}

// with gives a command in a unit of work, between what must come first and what follows.
func (s *Service) with(ctx context.Context, id itsm.ID, cmd itsm.Command, opts []itsm.Option,
	first func(ctx context.Context, before Release) error, then func(ctx context.Context, after Release) error) (after Release, err error) {
	if _, ok := s.repo.(itsm.UnitOfWork); !ok {
		return s.Service.Do(ctx, id, cmd, opts...)
	}
	actor, _ := itsm.ActorFrom(ctx)
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		stored, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id})
		if err == nil && first != nil { // what is wrong with the record, the command tells
			if err := first(ctx, stored.Record); err != nil {
				return err
			}
		}
		if after, err = s.Service.Do(ctx, id, cmd, opts...); err != nil || then == nil {
			return err
		}
		return then(ctx, after)
	})
	if err != nil {
		return Release{}, err
	}
	return after, nil
}

// update writes the CMDB while the release still authorises it, just before it is deployed.
func (s *Service) update(ctx context.Context, r Release) error {
	if s.process.cfg.Items == nil || !s.process.Machine(r.Plan.Type).Can(r.State, DoComplete) {
		return nil // the command says why not, or was done before
	}
	if err := s.process.cfg.Items.Update(ctx, r.Ref(), r.Updates()); err != nil {
		return fmt.Errorf("release %s: CMDB: %w", r.ID, err)
	}
	return nil
}

// restore takes the CMDB back where it knows of the deployment, and else tells it what stays.
func (s *Service) restore(ctx context.Context, r Release) (err error) {
	items := s.process.cfg.Items
	switch {
	case items == nil || r.State != StateRollingBack || r.Baseline == nil:
		return nil
	case !r.Deployed.IsZero():
		err = items.Restore(ctx, r.Ref(), r.Baseline.Ref, r.Rollback.Undone)
	case len(r.Applied) > 0:
		err = items.Update(ctx, r.Ref(), r.Updates())
	}
	if err != nil {
		return fmt.Errorf("release %s: CMDB: %w", r.ID, err)
	}
	return nil
}

// takeOver halts the releases that the deployment takes over from.
func (s *Service) takeOver(ctx context.Context, r Release) error {
	if r.State != StateDeploying {
		return nil // it waits its turn
	}
	for _, id := range r.Took {
		if _, err := s.Service.Do(ctx, id, yieldTo{Heir: r.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) takeBaseline(ctx context.Context, id itsm.ID, c TakeBaseline, opts []itsm.Option) (after Release, err error) {
	port := s.process.cfg.Baselines
	if port == nil || c.Baseline != nil {
		return s.Service.Do(ctx, id, c, opts...)
	}
	actor, _ := itsm.ActorFrom(ctx)
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		cmd := c
		given, err := s.Given(ctx, opts...)
		if err != nil {
			return err
		}
		stored, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id})
		if err == nil && given == "" { // else its snapshot is there already
			name := "before " + string(id)
			if c.After {
				name = "after " + string(id)
			}
			b, err := port.Baseline(ctx, stored.Record.Ref(), name, stored.Record.Plan.CIs)
			if err != nil {
				return fmt.Errorf("release %s: baseline: %w", id, err)
			}
			cmd.Baseline = &b
		}
		after, err = s.Service.Do(ctx, id, cmd, opts...)
		return err
	})
	return after, err
}
