package incident_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// desk is a service over a store in memory, with a clock that tests set.
type desk struct {
	*incident.Service
	t   testing.TB
	db  store.DB
	now time.Time
}

func open(t testing.TB, cfg incident.Config) *desk {
	t.Helper()
	d := &desk{t: t, db: memory.New(), now: time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)} // Monday 08:30 in Shanghai
	if cfg.Clock == nil {
		cfg.Clock = func() time.Time { return d.now }
	}
	var err error
	d.Service, err = incident.New(incident.NewRepository(d.db), cfg)
	require.NoError(t, err)
	return d
}

func policy(change func(*incident.Policy)) *incident.Policy {
	p := incident.Strict()
	change(&p)
	return &p
}

func lenient() *incident.Policy {
	p := incident.Lenient()
	return &p
}

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

// The people of the tests.
var (
	agent    = as("agent", itsm.RoleServiceDesk)
	agent2   = as("agent2", itsm.RoleServiceDesk)
	manager  = as("manager", itsm.RoleDeskManager)
	engineer = as("engineer", itsm.RoleHardwareEngineer)
	expert   = as("expert", itsm.RoleSecondLine)
	leader   = as("leader", itsm.RoleProjectManager)
	user     = as("user", itsm.RoleUser)
	monitor  = as("monitor", itsm.RoleMonitor)
	system   = as("system", itsm.RoleSystem)
	importer = as("importer", itsm.RoleImporter)
)

var caller = incident.Caller{Person: "user", Name: "caller", Department: "fee", Phone: "8001"}

var record = incident.Record{Channel: incident.Phone, Caller: caller, Summary: "the printer at window 3 is silent"}

var triage = incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday}

var findings = incident.Investigate{Diagnosis: "the roller is worn", CI: "printer-3", Symptom: "no paper", Scope: "window 3", Began: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}

// do gives a command that must succeed.
func (d *desk) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) incident.Incident {
	d.t.Helper()
	inc, err := d.Do(ctx, id, cmd, opts...)
	require.NoError(d.t, err)
	return inc
}

// refused gives a command that must be refused, and checks that nothing has changed.
func (d *desk) refused(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) *itsm.RefusedError {
	d.t.Helper()
	before, _ := d.Get(manager, id)
	_, err := d.Do(ctx, id, cmd, opts...)
	var refused *itsm.RefusedError
	require.ErrorAs(d.t, err, &refused)
	after, _ := d.Get(manager, id)
	require.Equal(d.t, before, after)
	return refused
}

func codes(e *itsm.RefusedError) (all []string) {
	for _, r := range e.Reasons {
		code := string(r.Code())
		if field := r.Arg("field"); field != "" {
			code += ":" + field
		}
		all = append(all, code)
	}
	return all
}

// at takes a new incident to a state of the main line.
func (d *desk) at(state incident.State) itsm.ID {
	d.t.Helper()
	switch state {
	case incident.StateOnHold:
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, incident.Hold{Reason: incident.WaitSpare})
		return id
	case incident.StateCancelled:
		id := d.at(incident.StateDiagnosing)
		d.do(agent, id, incident.Cancel{Reason: incident.MisEntry, Note: "typed twice"})
		return id
	}
	id := d.do(agent, "", record).ID
	steps := []struct {
		state incident.State
		ctx   context.Context
		cmds  []itsm.Command
	}{
		{incident.StateTriaged, agent, []itsm.Command{triage}},
		{incident.StateDispatched, agent, []itsm.Command{findings, incident.Try{What: "cleaned it", Outcome: incident.Failed}, incident.Dispatch{Group: "hardware"}}},
		{incident.StateDiagnosing, engineer, []itsm.Command{incident.Start{}}},
		{incident.StateProposed, engineer, []itsm.Command{incident.Propose{Solution: "new roller"}}},
		{incident.StateConfirmed, agent, []itsm.Command{incident.Confirm{Word: incident.UserAgrees}}},
		{incident.StateClosed, agent, []itsm.Command{incident.Close{CauseCode: "wear", SolutionCode: "replaced"}}},
	}
	if state == incident.StateRecorded {
		return id
	}
	for _, step := range steps {
		for _, cmd := range step.cmds {
			d.do(step.ctx, id, cmd)
		}
		if step.state == state {
			return id
		}
	}
	return id
}

func (d *desk) get(id itsm.ID) incident.Incident {
	d.t.Helper()
	inc, err := d.Get(manager, id)
	require.NoError(d.t, err)
	return inc
}

// journal lists the event types of an incident, clocks left out.
func (d *desk) journal(id itsm.ID) (types []string) {
	d.t.Helper()
	for ev, err := range d.Events(manager, id) {
		require.NoError(d.t, err)
		if ev.Type != (incident.ClocksMoved{}).EventType() {
			types = append(types, ev.Type)
		}
	}
	return types
}
