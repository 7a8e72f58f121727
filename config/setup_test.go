package config_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// register is a service over a store in memory, with a clock and authorities that tests set.
type register struct {
	*config.Service
	t     testing.TB
	db    store.DB
	clock time.Time

	mu    sync.Mutex
	stand map[itsm.Ref]config.Standing
	asked []config.Target
}

// The authorities of the tests.
var (
	change = itsm.Ref{Kind: "change", ID: "CHG-1"} // underway
	future = itsm.Ref{Kind: "change", ID: "CHG-2"} // approved
)

func open(t testing.TB, cfg config.Config) *register { return openOn(t, memory.New(), cfg) }

func openOn(t testing.TB, db store.DB, cfg config.Config) *register {
	t.Helper()
	r := &register{t: t, db: db, clock: time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)}
	r.stand = map[itsm.Ref]config.Standing{change: config.Underway, future: config.Approved}
	cfg.Clock = func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.clock
	}
	if cfg.Authorisations == nil {
		cfg.Authorisations = config.AuthorisationsFunc(r.standing)
	}
	var err error
	r.Service, err = config.New(config.NewRepositories(db), cfg)
	require.NoError(t, err)
	return r
}

func (r *register) standing(_ context.Context, _ itsm.Tenant, authority itsm.Ref, target config.Target) (config.Standing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, target)
	return r.stand[authority], nil
}

func (r *register) set(authority itsm.Ref, s config.Standing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stand[authority] = s
}

// pass lets time pass.
func (r *register) pass(d time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = r.clock.Add(d)
	return r.clock
}

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

// The people of the tests.
var (
	keeper   = as("keeper", itsm.RoleConfigManager)
	engineer = as("engineer", itsm.RoleHardwareEngineer)
	monitor  = as("monitor", itsm.RoleMonitor)
	importer = as("importer", itsm.RoleImporter, itsm.RoleConfigManager)
)

var under = config.Under(change)

func text(s string) itsm.Value { return itsm.TextOf(s) }

type attrs = map[string]itsm.Value

// do gives a command that must succeed.
func (r *register) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) config.Item {
	r.t.Helper()
	item, err := r.Do(ctx, id, cmd, opts...)
	require.NoError(r.t, err)
	return item
}

// refused gives a command that must be refused, and checks that nothing has changed.
func (r *register) refused(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) *itsm.RefusedError {
	r.t.Helper()
	before, _ := r.Get(keeper, id)
	_, err := r.Do(ctx, id, cmd, opts...)
	var refused *itsm.RefusedError
	require.ErrorAs(r.t, err, &refused)
	after, _ := r.Get(keeper, id)
	require.Equal(r.t, before, after)
	return refused
}

func codes(e *itsm.RefusedError) (all []string) {
	for _, reason := range e.Reasons {
		code := string(reason.Code())
		if field := reason.Arg("field"); field != "" {
			code += ":" + field
		}
		all = append(all, code)
	}
	return all
}

func (r *register) get(id itsm.ID) config.Item {
	r.t.Helper()
	item, err := r.Get(keeper, id)
	require.NoError(r.t, err)
	return item
}

// item registers an item of a class with attributes.
func (r *register) item(class string, values attrs) itsm.ID {
	r.t.Helper()
	return r.do(keeper, "", config.Register{Authority: under, Class: class, Name: "a " + class, Attributes: values}).ID
}

// live registers an item and takes it into use.
func (r *register) live(class, label string, values attrs) itsm.ID {
	r.t.Helper()
	id := r.item(class, values)
	r.do(keeper, id, config.AffixLabel{Authority: under, Code: label, Form: config.Physical})
	r.do(keeper, id, config.Accept{Authority: under})
	r.do(keeper, id, config.Move{Authority: under, Step: config.DoActivate})
	return id
}

// server takes a server into use.
func (r *register) server(label string) itsm.ID {
	r.t.Helper()
	return r.live("server", label, attrs{"model": text("R750"), "serial": text("S-" + label)})
}
