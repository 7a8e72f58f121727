package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A jar is a small record for tests: coins go in until it is sealed.
type jar struct {
	itsm.Meta
	Owner  string   `json:"owner" itsm:"text"`
	Coins  int      `json:"coins"`
	Sealed bool     `json:"sealed"`
	Marks  []string `json:"marks,omitempty"`
}

type jarCommand interface{ itsm.Command }

type (
	openJar struct {
		Owner string `json:"owner"`
	}
	addCoins struct {
		Coins int    `json:"coins"`
		Mark  string `json:"mark,omitempty"`
	}
	sealJar struct{}
)

func (openJar) CommandName() string  { return "jar.open" }
func (openJar) Creates()             {}
func (addCoins) CommandName() string { return "jar.add" }
func (sealJar) CommandName() string  { return "jar.seal" }

type (
	jarOpened struct {
		Owner string `json:"owner" itsm:"personal"`
	}
	coinsAdded struct {
		Coins int    `json:"coins"`
		Mark  string `json:"mark,omitempty"`
	}
	jarSealed struct{}
)

func (jarOpened) EventType() string  { return "jar.opened" }
func (coinsAdded) EventType() string { return "jar.added" }
func (jarSealed) EventType() string  { return "jar.sealed" }

var errNothing = itsm.Invalid("jar.nothing", "there is nothing to put in", "没有东西可放")

type jars struct{}

func (jars) Describe() itsm.Description {
	return itsm.Description{
		Kind: "jar", Prefix: "JAR", Level: itsm.Public,
		Commands: []itsm.Command{openJar{}, addCoins{}, sealJar{}},
		Events:   []itsm.Payload{jarOpened{}, coinsAdded{}, jarSealed{}},
		Rules:    []*itsm.Rule{errNothing, itsm.ErrIllegalState},
		Index: []itsm.IndexField{
			{Name: "owner", Type: itsm.TextValue}, {Name: "coins", Type: itsm.NumberValue}, {Name: "mark", Type: itsm.TextValue, Many: true},
		},
		Phases: []string{"open", "closed"},
		Grants: []itsm.Grant{{Role: itsm.RoleUser, Commands: []string{"jar.*", "itsm.*"}, Clearance: itsm.PatientRelated}},
	}
}

func (jars) Meta(j *jar) *itsm.Meta { return &j.Meta }

func (jars) Outline(j jar) itsm.Outline {
	o := itsm.Outline{State: "open", Phase: "open", Index: []itsm.IndexEntry{{Field: "owner", Value: itsm.TextOf(j.Owner)}, {Field: "coins", Value: itsm.NumberOf(j.Coins)}}}
	for _, m := range j.Marks {
		o.Index = append(o.Index, itsm.IndexEntry{Field: "mark", Many: true, Value: itsm.TextOf(m)})
	}
	if j.Sealed {
		o.State, o.Phase = "sealed", "closed"
	} else {
		o.Wake = j.Created.Add(time.Hour)
	}
	return o
}

func (jars) Possible(j jar) []string {
	if j.Sealed {
		return nil
	}
	return []string{"add", "seal"}
}

func (jars) Gather(context.Context, jar, jarCommand, itsm.Env) (struct{}, error) {
	return struct{}{}, nil
}

func (jars) Decide(j jar, cmd jarCommand, _ struct{}, _ itsm.Env) ([]itsm.Payload, error) {
	if j.Sealed {
		return nil, itsm.ErrIllegalState.With("command", cmd.CommandName(), "state", "sealed")
	}
	switch c := cmd.(type) {
	case openJar:
		return []itsm.Payload{jarOpened(c)}, nil
	case addCoins:
		if c.Coins <= 0 {
			return nil, errNothing.With()
		}
		return []itsm.Payload{coinsAdded(c)}, nil
	}
	return []itsm.Payload{jarSealed{}}, nil
}

func (jars) Evolve(j *jar, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case jarOpened:
		j.Owner = e.Owner
	case coinsAdded:
		j.Coins += e.Coins
		if e.Mark != "" {
			j.Marks = append(j.Marks[:len(j.Marks):len(j.Marks)], e.Mark)
		}
	case jarSealed:
		j.Sealed = true
	}
	return nil
}

type jarService = itsm.Service[jar, struct{}, jarCommand]

type fixture struct {
	testing.TB
	ctx  context.Context
	db   store.DB
	repo *store.Repository[jar]
	jars *jarService
}

func setup(t testing.TB) *fixture { return setupOver(t, memory.New()) }

func setupOver(t testing.TB, db store.DB) *fixture {
	f := &fixture{TB: t, db: db, repo: store.NewRepository[jar](db)}
	f.ctx = itsm.WithActor(context.Background(), actor("h1"))
	now := time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)
	var err error
	f.jars, err = itsm.NewService(jars{}, f.repo, itsm.Config{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	return f
}

func actor(tenant itsm.Tenant) itsm.Actor {
	return itsm.Actor{ID: "u-1", Tenant: tenant, Roles: []itsm.Role{itsm.RoleUser}}
}

func (f *fixture) open(owner string) itsm.ID {
	f.Helper()
	j, err := f.jars.Do(f.ctx, "", openJar{owner})
	require.NoError(f, err)
	return j.ID
}

func (f *fixture) get(id itsm.ID) jar {
	f.Helper()
	j, err := f.jars.Get(f.ctx, id)
	require.NoError(f, err)
	return j
}

func (f *fixture) verify(id itsm.ID) {
	f.Helper()
	require.NoError(f, f.jars.Verify(f.ctx, id))
}

// journal lists the types of the entries of a tenant.
func (f *fixture) journal(filter itsm.Filter) (all []itsm.Event) {
	f.Helper()
	filter.Tenant = "h1"
	for e, err := range f.db.Events(f.ctx, "", filter) {
		require.NoError(f, err)
		all = append(all, e)
	}
	return all
}

func key(id itsm.ID) itsm.Key { return itsm.Key{Tenant: "h1", Kind: "jar", ID: id} }
