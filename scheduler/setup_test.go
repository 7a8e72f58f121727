package scheduler_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

var epoch = time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)

// An alarm is a record for tests: it wants to be woken at instants, and then rings.
type alarm struct {
	itsm.Meta `json:"meta"`
	Manner    manner      `json:"manner,omitempty"`
	Pending   []time.Time `json:"pending,omitempty"` // rising
	Rung      int         `json:"rung,omitempty"`
}

// A manner is how an alarm behaves when it is woken.
type manner string

const (
	all     manner = ""        // rings for all that is due
	single  manner = "single"  // rings once, though more may be due
	poison  manner = "poison"  // is refused
	asleep  manner = "asleep"  // does nothing
	noisy   manner = "noisy"   // says something, but does not move on
	endless manner = "endless" // moves on by a microsecond, for ever
	eager   manner = "eager"   // rings for the next instant, due or not
)

type alarmCommand interface{ itsm.Command }

type (
	set struct {
		At     []time.Time `json:"at,omitempty"`
		Manner manner      `json:"manner,omitempty"`
	}
	arm struct {
		At time.Time `json:"at"`
	}
	mend struct {
		Manner manner `json:"manner"`
	}
	tick struct{}
)

func (set) CommandName() string  { return "alarm.set" }
func (set) Creates()             {}
func (arm) CommandName() string  { return "alarm.arm" }
func (mend) CommandName() string { return "alarm.mend" }
func (tick) CommandName() string { return "alarm.tick" }

type (
	wasSet struct {
		At     []time.Time `json:"at,omitempty"`
		Manner manner      `json:"manner,omitempty"`
	}
	armed  struct{ At time.Time }
	mended struct{ Manner manner }
	rang   struct {
		Due  time.Time `json:"due"`
		Next time.Time `json:"next,omitzero"`
	}
	murmured struct{}
)

func (wasSet) EventType() string   { return "alarm.set" }
func (armed) EventType() string    { return "alarm.armed" }
func (mended) EventType() string   { return "alarm.mended" }
func (rang) EventType() string     { return "alarm.rang" }
func (murmured) EventType() string { return "alarm.murmured" }

var errPoison = itsm.NotNow("alarm.poison", "the alarm is broken", "闹钟坏了")

// alarms is the process of alarms; its value is the kind.
type alarms itsm.Kind

func (p alarms) Describe() itsm.Description {
	return itsm.Description{
		Kind: itsm.Kind(p), Prefix: "A", Level: itsm.Public, Phases: []string{"open"},
		Commands: []itsm.Command{set{}, arm{}, mend{}, tick{}}, Events: []itsm.Payload{wasSet{}, armed{}, mended{}, rang{}, murmured{}},
		Rules:  []*itsm.Rule{errPoison},
		Grants: []itsm.Grant{{Role: itsm.RoleUser, Commands: []string{"*"}}, {Role: itsm.RoleSystem, Commands: []string{"itsm.read", "alarm.tick", "alarm.set"}}},
	}
}

func (alarms) Meta(a *alarm) *itsm.Meta { return &a.Meta }

func (alarms) Outline(a alarm) itsm.Outline {
	o := itsm.Outline{State: "open", Phase: "open"}
	if len(a.Pending) > 0 {
		o.Wake = a.Pending[0]
	}
	return o
}

func (alarms) Possible(alarm) []string { return nil }

func (alarms) Gather(context.Context, alarm, alarmCommand, itsm.Env) (struct{}, error) {
	return struct{}{}, nil
}

func (alarms) Decide(a alarm, cmd alarmCommand, _ struct{}, env itsm.Env) (events []itsm.Payload, err error) {
	switch c := cmd.(type) {
	case set:
		return []itsm.Payload{wasSet(c)}, nil
	case arm:
		return []itsm.Payload{armed(c)}, nil
	case mend:
		return []itsm.Payload{mended(c)}, nil
	}
	due := slices.DeleteFunc(slices.Clone(a.Pending), func(t time.Time) bool { return t.After(env.At) })
	switch {
	case a.Manner == eager && len(a.Pending) > 0:
		return []itsm.Payload{rang{Due: a.Pending[0]}}, nil
	case len(due) == 0 || a.Manner == asleep:
		return nil, nil
	case a.Manner == poison:
		return nil, errPoison.With()
	case a.Manner == noisy:
		return []itsm.Payload{murmured{}}, nil
	case a.Manner == endless:
		return []itsm.Payload{rang{due[0], due[0].Add(time.Microsecond)}}, nil
	case a.Manner == single:
		due = due[:1]
	}
	for _, t := range due {
		events = append(events, rang{Due: t})
	}
	return events, nil
}

func (alarms) Evolve(a *alarm, ev *itsm.Event) error {
	a.Pending = slices.Clone(a.Pending)
	switch e := ev.Payload.(type) {
	case wasSet:
		a.Manner, a.Pending = e.Manner, slices.Clone(e.At)
	case armed:
		a.Pending = append(a.Pending, e.At)
	case mended:
		a.Manner = e.Manner
	case rang:
		a.Rung++
		a.Pending = slices.Delete(a.Pending, 0, 1)
		if !e.Next.IsZero() {
			a.Pending = append(a.Pending, e.Next)
		}
	}
	slices.SortFunc(a.Pending, time.Time.Compare)
	return nil
}

type alarmService = itsm.Service[alarm, struct{}, alarmCommand]

// A bench is what a test of the scheduler works on.
type bench struct {
	testing.TB
	clock *itsmtest.Clock
	inner store.DB
	db    *itsmtest.FaultyDB
}

func setup(t testing.TB) *bench {
	inner := memory.New()
	return &bench{TB: t, clock: itsmtest.NewClock(epoch), inner: inner, db: itsmtest.NewFaultyDB(inner)}
}

// alarms returns a service of alarms of a kind.
func (b *bench) alarms(kind itsm.Kind) *alarmService {
	b.Helper()
	s, err := itsm.NewService(alarms(kind), store.NewRepository[alarm](b.db), itsm.Config{Clock: b.clock.Now})
	require.NoError(b, err)
	return s
}

func (b *bench) scheduler(cfg scheduler.Config, jobs ...scheduler.Job) *scheduler.Scheduler {
	b.Helper()
	if cfg.Clock == nil {
		cfg.Clock = b.clock.Now
	}
	s, err := scheduler.New(b.db, cfg, jobs...)
	require.NoError(b, err)
	return s
}

func as(tenant itsm.Tenant) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: "u-1", Tenant: tenant, Roles: []itsm.Role{itsm.RoleUser}})
}

// do gives a command as a user of h1.
func (b *bench) do(s *alarmService, id itsm.ID, cmd alarmCommand) alarm {
	b.Helper()
	a, err := s.Do(as("h1"), id, cmd)
	require.NoError(b, err)
	return a
}

// pass makes one pass in which nothing fails.
func (b *bench) pass(s *scheduler.Scheduler) scheduler.Report {
	b.Helper()
	r := b.tick(s)
	require.Empty(b, r.Failures)
	return r
}

func (b *bench) tick(s *scheduler.Scheduler) scheduler.Report {
	b.Helper()
	r, err := s.Tick(context.Background())
	require.NoError(b, err)
	return r
}

// journal lists the entries of all tenants of the types.
func (b *bench) journal(types ...string) (events []itsm.Event) {
	b.Helper()
	for ev, err := range b.inner.Events(context.Background(), "", itsm.Filter{Types: types}) {
		require.NoError(b, err)
		events = append(events, ev)
	}
	return events
}

// rings lists what rang, in the order of the journal, as tenant/kind/id@seconds after the epoch.
func (b *bench) rings() []string {
	b.Helper()
	service := b.alarms("alarm")
	lines := []string{}
	for _, ev := range b.journal("alarm.rang") {
		require.NoError(b, service.Decode(&ev))
		lines = append(lines, ring(ev.Key, ev.Payload.(rang).Due))
	}
	return lines
}

func ring(key itsm.Key, due time.Time) string { return fmt.Sprintf("%s@%v", key, due.Sub(epoch)) }

// after returns instants so many seconds after the epoch.
func after(seconds ...int) (at []time.Time) {
	for _, s := range seconds {
		at = append(at, epoch.Add(time.Duration(s)*time.Second))
	}
	return at
}

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}
