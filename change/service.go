package change

import (
	"context"
	"errors"
	"fmt"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Service carries out commands on changes. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Change, Facts, Command]
	// Templates are those of standard changes; nil when [Config.Templates] is not set.
	Templates *itsm.Service[Template, TemplateFacts, TemplateCommand]

	process *Process
	repo    Repository
	slots   *itsm.Service[Slot, slotFacts, slotCommand] // nil for none
}

// New returns the service of changes over a repository. It fails when the configuration contradicts itself.
func New(repo Repository, cfg Config) (*Service, error) {
	if within, ok := repo.(interface{ DB() store.DB }); ok && cfg.Slots == nil {
		cfg.Slots = NewSlotRepository(within.DB())
	}
	p, err := NewProcess(repo, cfg)
	if err != nil {
		return nil, fmt.Errorf("change: %w", err)
	}
	s := &Service{process: p, repo: repo}
	if s.Service, err = itsm.NewService(p, repo, cfg.Config); err != nil {
		return nil, err
	}
	if cfg.Slots != nil {
		own := itsm.Config{Clock: cfg.Clock, Random: cfg.Random, Authorizer: slotRights{}, Attempts: cfg.Attempts, Logger: cfg.Logger}
		if s.slots, err = itsm.NewService(slotProcess{}, cfg.Slots, own); err != nil {
			return nil, fmt.Errorf("change: slots: %w", err)
		}
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
// records, as the template of a standard change, is then still so when it is committed. What a change books or gives back is written into
// the slots in the same unit, and the end of a standard change is noted on its template.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (after Change, err error) {
	if _, ok := s.repo.(itsm.UnitOfWork); !ok {
		return s.Service.Do(ctx, id, cmd, opts...)
	}
	actor, _ := itsm.ActorFrom(ctx)
	err = itsm.Atomically(ctx, s.repo, func(ctx context.Context) error {
		before, err := s.borrow(ctx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if after, err = s.Service.Do(ctx, id, cmd, opts...); err != nil {
			return err
		}
		if before == nil {
			return nil // a new change has booked nothing
		}
		now, err := s.borrow(ctx, actor.Tenant, id) // not as the actor may see it
		if err != nil || now.Version == before.Version {
			return err
		}
		if s.slots != nil {
			if err := s.occupy(ctx, actor.Tenant, before, now); err != nil {
				return err
			}
		}
		return s.noteUse(ctx, before, now)
	})
	return after, err
}

// borrow returns a change that must not be written to, nil when there is none.
func (s *Service) borrow(ctx context.Context, tenant itsm.Tenant, id itsm.ID) (*Change, error) {
	if id == "" || tenant == "" {
		return nil, nil
	}
	lent, err := itsm.Borrow(ctx, s.repo, itsm.Key{Tenant: tenant, Kind: Kind, ID: id})
	if errors.Is(err, itsm.ErrNotFound) || errors.Is(err, itsm.ErrInvalid) {
		return nil, nil // the command will say so
	}
	return lent.Record, err
}

// noteUse notes the end of a standard change on its template.
func (s *Service) noteUse(ctx context.Context, before, now *Change) error {
	ended := now.State == StateSucceeded || now.State == StateFailed
	if s.Templates == nil || before.Template == nil || before.Type != TypeStandard || !ended || before.State == now.State {
		return nil
	}
	_, err := s.Templates.Do(ctx, now.Template.ID, noteUse{Change: now.ID, Failed: now.State == StateFailed})
	return err
}
