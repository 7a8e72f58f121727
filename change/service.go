package change

import (
	"context"
	"errors"
	"fmt"

	"github.com/hospital-itsm/itsm"
)

// A Service carries out commands on changes. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Change, Facts, Command]
	// Templates are those of standard changes; nil when [Config.Templates] is not set.
	Templates *itsm.Service[Template, TemplateFacts, TemplateCommand]

	process *Process
	repo    Repository
}

// New returns the service of changes over a repository. It fails when the configuration contradicts itself.
func New(repo Repository, cfg Config) (*Service, error) {
	p, err := NewProcess(repo, cfg)
	if err != nil {
		return nil, fmt.Errorf("change: %w", err)
	}
	s := &Service{process: p, repo: repo}
	if s.Service, err = itsm.NewService(p, repo, cfg.Config); err != nil {
		return nil, err
	}
	if cfg.Templates == nil {
		return s, nil
	}
	tp, err := NewTemplateProcess(cfg)
	if err != nil {
		return nil, fmt.Errorf("change: templates: %w", err)
	}
	own := cfg.Config
	own.Fields = nil // of changes
	s.Templates, err = itsm.NewService(tp, cfg.Templates, own)
	return s, err
}

// NewService is [New] for a configuration that is part of the program: it panics when the configuration contradicts itself.
func NewService(repo Repository, cfg Config) *Service {
	s, err := New(repo, cfg)
	if err != nil {
		panic(err)
	}
	return s
}

// Changes returns the process.
func (s *Service) Changes() *Process { return s.process }

// Do carries out a command as [itsm.Service.Do] does, in a unit of work where the repository has such: what it read of other
// records, as the template of a standard change, is then still so when it is committed. The end of a standard change is noted
// on its template in the same unit.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (after Change, err error) {
	if _, ok := s.repo.(itsm.UnitOfWork); !ok {
		return s.Service.Do(ctx, id, cmd, opts...)
	}
	actor, _ := itsm.ActorFrom(ctx)
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		var before Change
		if id != "" && s.Templates != nil {
			stored, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id})
			if err != nil && !errors.Is(err, itsm.ErrNotFound) {
				return err
			}
			before = stored.Record
		}
		if after, err = s.Service.Do(ctx, id, cmd, opts...); err != nil {
			return err
		}
		if before.Template == nil || s.Templates == nil {
			return nil
		}
		stored, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id}) // not as the actor may see it
		if err != nil {
			return err
		}
		now := &stored.Record
		ended := now.State == StateSucceeded || now.State == StateFailed
		if !ended || before.State == now.State || before.Type != TypeStandard {
			return nil
		}
		_, err = s.Templates.Do(ctx, now.Template.ID, noteUse{Change: id, Failed: now.State == StateFailed})
		return err
	})
	return after, err
}
