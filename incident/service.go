package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/sla"
)

// A Service carries out commands on incidents. It is safe for concurrent use.
type Service struct {
	*itsm.Service[Incident, Facts, Command]
	process *Process
	repo    Repository
	alerts  atomic.Uint64 // alerts without an ID of their own
}

// New returns the service of incidents over a repository. It fails when the configuration contradicts itself.
func New(repo Repository, cfg Config) (*Service, error) {
	p, err := NewProcess(repo, cfg)
	if err != nil {
		return nil, fmt.Errorf("incident: %w", err)
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

// Incidents returns the process.
func (s *Service) Incidents() *Process { return s.process }

// atomically runs fn as one unit of work, in which commands that change two records are possible.
func (s *Service) atomically(ctx context.Context, fn func(context.Context) error) error {
	if _, ok := s.repo.(itsm.UnitOfWork); !ok {
		return fn(ctx) // each command is then refused on its own, saying why
	}
	return itsm.Atomically(ctx, s.repo, fn)
}

// Do carries out a command as [itsm.Service.Do] does. Commands that concern several incidents do all of it at once or
// nothing: [Merge], [Unmerge], [SetParent] and [ConfirmInfection] change both sides, a [Contact] on a duplicate goes to the
// survivor, and the record that comes back is that of the incident that took it.
func (s *Service) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (Incident, error) {
	switch c := cmd.(type) {
	case Merge:
		return s.both(ctx, id, cmd, opts, func(ctx context.Context, before Incident) error {
			_, err := s.Service.Do(ctx, c.Into, absorb{Duplicate: id, Reports: before.Reports})
			return err
		})
	case Unmerge:
		return s.both(ctx, id, cmd, opts, func(ctx context.Context, before Incident) error {
			_, err := s.Service.Do(ctx, before.MergedInto, absorb{Duplicate: id, Reports: before.Reports, Release: true})
			return err
		})
	case SetParent:
		return s.both(ctx, id, cmd, opts, func(ctx context.Context, before Incident) error {
			if before.Parent == c.Parent {
				return nil
			}
			var errs []error
			if before.Parent != "" {
				_, err := s.Service.Do(ctx, before.Parent, adopt{Child: id, Remove: true})
				errs = append(errs, err)
			}
			if c.Parent != "" {
				_, err := s.Service.Do(ctx, c.Parent, adopt{Child: id})
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		})
	case ConfirmInfection:
		return s.confirmInfection(ctx, id, c, opts)
	case Contact:
		if c.Via != "" { // nobody but the duplicate itself says so
			c.Via = ""
			cmd = c
		}
		if given, err := s.Given(ctx, opts...); err != nil {
			return Incident{}, err
		} else if given != "" {
			id = given // the record that it was handed on to the first time
		}
	}
	return s.Service.Do(ctx, id, cmd, opts...)
}

// both gives a command to one incident and lets the other side follow, in one unit of work.
func (s *Service) both(ctx context.Context, id itsm.ID, cmd itsm.Command, opts []itsm.Option, other func(context.Context, Incident) error) (after Incident, err error) {
	actor, _ := itsm.ActorFrom(ctx)
	err = s.atomically(ctx, func(ctx context.Context) error {
		before, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id})
		if err != nil && !errors.Is(err, itsm.ErrNotFound) {
			return err
		}
		if after, err = s.Service.Do(ctx, id, cmd, opts...); err != nil {
			return err
		}
		if after.Version == before.Record.Version {
			return nil // nothing was to be done, or it was done before
		}
		return other(ctx, before.Record)
	})
	return after, err
}

// confirmInfection opens the security incident and confirms the infection in one unit of work.
func (s *Service) confirmInfection(ctx context.Context, id itsm.ID, c ConfirmInfection, opts []itsm.Option) (after Incident, err error) {
	actor, _ := itsm.ActorFrom(ctx)
	err = s.atomically(ctx, func(ctx context.Context) error {
		found, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id})
		if err != nil && !errors.Is(err, itsm.ErrNotFound) {
			return err
		}
		if err == nil && found.Record.Infection == nil && found.Record.Open() && c.Name != "" {
			security, err := s.Service.Do(ctx, "", Record{
				Channel: Other, Source: "incident/" + string(id), Summary: "malware: " + c.Name, Department: found.Record.Department,
				CI: found.Record.CI, Service: found.Record.Service, Security: &SecurityOrigin{From: id, Kind: "malicious_program"},
			})
			if err != nil {
				return err
			}
			c.Security = security.ID
		}
		after, err = s.Service.Do(ctx, id, c, opts...)
		return err
	})
	return after, err
}

// Survivor returns the incident that a chain of merges ends in; an incident that is no duplicate is its own survivor.
func (s *Service) Survivor(ctx context.Context, id itsm.ID) (Incident, error) {
	id, err := s.survivor(ctx, id)
	if err != nil {
		return Incident{}, err
	}
	return s.Get(ctx, id)
}

func (s *Service) survivor(ctx context.Context, id itsm.ID) (itsm.ID, error) {
	actor, _ := itsm.ActorFrom(ctx)
	for seen := []itsm.ID(nil); id != "" && !slices.Contains(seen, id); {
		stored, err := itsm.Borrow(ctx, s.repo, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: id})
		if errors.Is(err, itsm.ErrNotFound) || err == nil && stored.Record.MergedInto == "" {
			return id, nil
		}
		if err != nil {
			return "", err
		}
		seen = append(seen, id)
		id = stored.Record.MergedInto
	}
	return id, nil
}

// An Alert is what a monitoring system says of an item.
type Alert struct {
	ID        string    // of this one message, so that it counts once; "" when the system has none
	Source    string    // the system
	CI        string    // the item
	Signature string    // what is wrong with it: equal signatures on one item are one trouble
	At        time.Time // when it was raised
	Summary   string    // for the incident that it opens
	Service   string
}

// Alert takes an alert in: the first on an item opens an incident, equal ones within the window of the policy are counted on
// it. However many arrive at once, from however many processes, there is one incident and every alert is counted.
func (s *Service) Alert(ctx context.Context, a Alert) (Incident, error) {
	actor, _ := itsm.ActorFrom(ctx)
	if a.Signature == "" || a.Source == "" || a.At.IsZero() {
		return Incident{}, fmt.Errorf("%w: an alert has a source, a signature and an instant", itsm.ErrInvalid)
	}
	at := itsm.Instant(a.At)
	info := &AlertInfo{Source: a.Source, Signature: a.Signature, ID: a.ID, Count: 1, First: at, Last: at}
	key := info.key(a.CI)
	for {
		latest, err := s.latestAlert(ctx, actor.Tenant, key)
		if err != nil {
			return Incident{}, err
		}
		if latest != nil && latest.Open() && !at.After(latest.Alert.Last.Add(s.process.policy.AlertWindow.Std())) {
			if a.ID != "" && latest.Alert.ID == a.ID {
				return *latest, nil // this alert opened it
			}
			var opts []itsm.Option
			if a.ID != "" {
				opts = append(opts, itsm.Once(itsm.CommandID("alert:"+key+":"+a.ID)))
			}
			counted, err := s.Do(ctx, latest.ID, RepeatAlert{At: at}, opts...)
			if errors.Is(err, itsm.ErrIllegalState) || errors.Is(err, ruleMerged) {
				continue // it was closed or merged meanwhile
			}
			return counted, err
		}
		if latest != nil && latest.MergedInto != "" {
			survivor, err := s.survivor(ctx, latest.ID)
			if err != nil {
				return Incident{}, err
			}
			if stored, err := s.repo.Load(ctx, itsm.Key{Tenant: actor.Tenant, Kind: Kind, ID: survivor}); err == nil && stored.Record.Open() {
				return s.Do(ctx, latest.ID, Contact{Channel: Monitoring, Text: or(a.Summary, a.Signature), Report: true})
			}
		}
		// Who opens the next incident behind the latest one is decided by the command ID: one wins, the others count.
		after := itsm.ID("")
		if latest != nil {
			after = latest.ID
		}
		opened := *info
		opened.ID = or(a.ID, fmt.Sprintf("%s/%d", actor.ID, s.alerts.Add(1)))
		rec, err := s.Do(ctx, "", Record{
			Channel: Monitoring, Source: a.Source, Summary: or(a.Summary, a.Signature), CI: a.CI, Service: a.Service, Began: at, Alert: &opened,
		}, itsm.Once(itsm.CommandID("alert:"+key+":after:"+string(after))))
		if err != nil || rec.Alert.ID == opened.ID {
			return rec, err
		}
	}
}

// latestAlert returns the incident that the last alert of a key opened.
func (s *Service) latestAlert(ctx context.Context, tenant itsm.Tenant, key string) (*Incident, error) {
	q := itsm.Query{Tenant: tenant, Kind: Kind, Where: []itsm.Condition{itsm.Where("alert", itsm.TextOf(key))}, OrderBy: "created", Desc: true, Limit: 1}
	for stored, err := range s.repo.Find(ctx, q) {
		if err != nil {
			return nil, err
		}
		return &stored.Record, nil
	}
	return nil, nil
}

// A Fate is what a cascade will do with one part of an incident.
type Fate struct {
	ID      itsm.ID
	State   State
	Resolve bool   // it will be proposed as solved
	Skipped string // or why not
}

// PlanCascade tells what resolving the parts of an incident with its own solution would do, part by part, without doing it.
func (s *Service) PlanCascade(ctx context.Context, parent itsm.ID) ([]Fate, error) {
	p, err := s.Get(ctx, parent)
	if err != nil {
		return nil, err
	}
	solution, solved := p.Proposal()
	var fates []Fate
	for _, id := range p.Children {
		child, err := s.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		f := Fate{ID: id, State: child.State}
		switch {
		case !solved || solution.Rejected != "":
			f.Skipped = "the parent has no solution"
		case child.MergedInto != "":
			f.Skipped = "it is a duplicate of " + string(child.MergedInto)
		case !child.Open():
			f.Skipped = "it is " + string(child.State)
		case s.process.machine(&child).Phase(child.State) == lifecycle.PhaseResolved:
			f.Skipped = "it is solved already"
		case len(s.way(&child)) == 0:
			f.Skipped = fmt.Sprintf("no way leads from %s to a solution", child.State)
		default:
			f.Resolve = true
		}
		fates = append(fates, f)
	}
	return fates, nil
}

// way lists the commands that take a part from where it stands to a solution.
func (s *Service) way(child *Incident) []itsm.Command {
	switch child.State {
	case StateTriaged:
		return []itsm.Command{Dispatch{Group: child.Owner}, Start{}}
	case StateDispatched:
		return []itsm.Command{Start{}}
	case StateOnHold:
		return []itsm.Command{Resume{}}
	case StateDiagnosing:
		return []itsm.Command{nil}
	}
	return nil
}

// Cascade proposes the parent's solution for the parts that the plan says will be resolved, all or none. A plan that no longer fits is refused.
func (s *Service) Cascade(ctx context.Context, parent itsm.ID, plan []Fate) error {
	return s.atomically(ctx, func(ctx context.Context) error {
		now, err := s.PlanCascade(ctx, parent)
		if err != nil {
			return err
		}
		if !slices.Equal(now, plan) {
			return fmt.Errorf("incident %s: %w: the parts are not as they were when the cascade was planned", parent, itsm.ErrConflict)
		}
		p, err := s.Get(ctx, parent)
		if err != nil {
			return err
		}
		solution, _ := p.Proposal()
		for _, f := range plan {
			if !f.Resolve {
				continue
			}
			child, err := s.Get(ctx, f.ID)
			if err != nil {
				return err
			}
			why := itsm.Because("cascade of " + string(parent))
			for _, cmd := range s.way(&child) {
				if cmd == nil {
					continue
				}
				if _, err := s.Service.Do(ctx, f.ID, cmd, why); err != nil {
					return err
				}
			}
			text := fmt.Sprintf("%s (%s)", solution.Solution, parent)
			if _, err := s.Service.Do(ctx, f.ID, Propose{Solution: text, Basis: "part of " + string(parent)}, why); err != nil {
				return err
			}
		}
		return nil
	})
}

// PlanMigration tells what moving all running incidents of a former version to the present one would do, without doing it.
func (s *Service) PlanMigration(ctx context.Context, from string) (lifecycle.Preview[State], error) {
	plan := s.process.plans[from]
	if plan == nil {
		return lifecycle.Preview[State]{}, fmt.Errorf("%w: no migration leads from version %q", itsm.ErrInvalid, from)
	}
	var states []State
	for inc, err := range s.Find(ctx, itsm.Query{}) {
		if err != nil {
			return lifecycle.Preview[State]{}, err
		}
		if inc.Lifecycle == from && (inc.Type == TypeIncident || inc.Type == "") {
			states = append(states, inc.State)
		}
	}
	return plan.DryRun(slices.Values(states)), nil
}

// Status returns how the clocks of an incident stand at an instant.
func (s *Service) Status(inc Incident, now time.Time) ([]sla.Status, error) {
	if s.process.clocks == nil {
		return nil, nil
	}
	return s.process.clocks.Status(inc.Clocks, now)
}
