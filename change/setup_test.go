package change_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

type ctx = context.Context

// office is a change service over a store in memory, with a clock that tests set, and the ports that its configuration wants.
type office struct {
	*change.Service
	t   testing.TB
	db  store.DB
	now time.Time
}

// board has everybody in every role that it was given.
type board map[itsm.Role][]itsm.PersonID

func (b board) Members(_ context.Context, _ itsm.Tenant, roles []itsm.Role, _ time.Time) ([]approval.Member, error) {
	held := map[itsm.PersonID][]itsm.Role{}
	for _, role := range roles {
		for _, p := range b[role] {
			held[p] = append(held[p], role)
		}
	}
	var members []approval.Member
	for p, roles := range held {
		members = append(members, approval.Member{Person: p, Roles: roles})
	}
	slices.SortFunc(members, func(a, b approval.Member) int { return compareText(a.Person, b.Person) })
	return members, nil
}

func compareText[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

var theBoard = board{
	itsm.RoleChangeManager: {"manager"}, change.RoleBoard: {"b1", "b2", "b3"}, itsm.RoleSecurityAdmin: {"guard"}, change.RoleDirector: {"director"},
	change.RoleEmergencyBoard: {"b1"}, itsm.RoleProjectManager: {"leader"},
}

// start is a Saturday evening in Shanghai; the window of the tests is in the night to Sunday.
var (
	start  = time.Date(2026, 3, 7, 10, 0, 0, 0, time.UTC)
	window = change.Window{Start: time.Date(2026, 3, 7, 16, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 7, 21, 0, 0, 0, time.UTC)} // Sunday 00:00–05:00
)

func open(t testing.TB, cfg change.Config) *office {
	t.Helper()
	return openOn(t, memory.New(), cfg)
}

func openOn(t testing.TB, db store.DB, cfg change.Config) *office {
	t.Helper()
	o := &office{t: t, db: db, now: start}
	if cfg.Clock == nil {
		cfg.Clock = func() time.Time { return o.now }
	}
	if cfg.Board == nil {
		cfg.Board = theBoard
	}
	if cfg.Templates == nil {
		cfg.Templates = change.NewTemplateRepository(db)
	}
	var err error
	o.Service, err = change.New(change.NewRepository(db), cfg)
	require.NoError(t, err)
	return o
}

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

// The people of the tests.
var (
	asker    = as("asker", itsm.RoleServiceDesk)
	engineer = as("engineer", itsm.RoleSoftwareEngineer)
	second   = as("second", itsm.RoleSecondLine)
	owner    = as("owner", change.RoleBusinessOwner)
	manager  = as("manager", itsm.RoleChangeManager)
	b1       = as("b1", change.RoleBoard, change.RoleEmergencyBoard)
	b2       = as("b2", change.RoleBoard)
	b3       = as("b3", change.RoleBoard)
	guard    = as("guard", itsm.RoleSecurityAdmin)
	director = as("director", change.RoleDirector)
	leader   = as("leader", itsm.RoleProjectManager)
	system   = as("system", itsm.RoleSystem)
)

func item(id itsm.ID) itsm.Ref { return itsm.Ref{Kind: "ci", ID: id} }

// request has all that is required.
func request() change.Request {
	return change.Request{
		Title: "EMR patch 4.2.1", Reason: "orders are lost at midnight", Description: "install the vendor's patch", Category: change.Software,
		Items: []itsm.Ref{item("emr-app"), item("emr-db")}, Services: []string{"emr"}, Departments: []string{"wards"}, Benefit: "no lost orders",
		Urgency: change.UrgencyMedium, Hazard: "the patch changes the order table", IfNotDone: "orders go on being lost", Window: window,
	}
}

func plan() change.Plan {
	return change.Plan{
		Implementer: "engineer", Team: "emr", TestPlan: "regression set 7",
		Steps: []change.Step{
			{What: "stop the application", Operator: "engineer", Check: "no sessions", Estimate: 10 * itsm.Minute, Tolerance: 5 * itsm.Minute, Undo: 5 * itsm.Minute},
			{What: "patch the database", Operator: "engineer", Check: "schema 421", Estimate: 60 * itsm.Minute, Tolerance: 15 * itsm.Minute, Undo: 40 * itsm.Minute},
			{What: "start and verify", Operator: "engineer", Check: "order test", Estimate: 30 * itsm.Minute, Tolerance: 10 * itsm.Minute, Undo: 5 * itsm.Minute},
		},
		Backout: change.Backout{Steps: []string{"restore the snapshot", "start version 4.2.0"}, Trigger: "a check fails", Decider: "director", Duration: 20 * itsm.Minute, Verify: "order test"},
	}
}

var (
	lowRisk    = map[string]string{"impact": "one_place", "complexity": "routine", "reversibility": "at_once", "window": "no_service_hours"}
	mediumRisk = map[string]string{"impact": "several_departments", "complexity": "some_steps", "reversibility": "within_window", "window": "quiet_hours"}
	highRisk   = map[string]string{"impact": "hospital", "complexity": "several_systems", "reversibility": "within_window", "window": "quiet_hours"}
)

func heads(kind change.AssessmentKind) map[string]string {
	h := map[string]string{}
	for _, head := range change.DefaultPolicy().Heads[kind] {
		h[head] = "no concern"
	}
	return h
}

func assess(kind change.AssessmentKind) change.Assess {
	return change.Assess{Kind: kind, Agrees: true, Conclusion: "fits", Heads: heads(kind)}
}

// do gives a command that must succeed.
func (o *office) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) change.Change {
	o.t.Helper()
	c, err := o.Do(ctx, id, cmd, opts...)
	require.NoError(o.t, err)
	return c
}

// refused gives a command that must be refused, and checks that nothing has changed.
func (o *office) refused(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) *itsm.RefusedError {
	o.t.Helper()
	before, _ := o.Get(manager, id)
	_, err := o.Do(ctx, id, cmd, opts...)
	var refused *itsm.RefusedError
	require.ErrorAs(o.t, err, &refused)
	after, _ := o.Get(manager, id)
	require.Equal(o.t, before, after)
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

func (o *office) get(id itsm.ID) change.Change {
	o.t.Helper()
	c, err := o.Get(manager, id)
	require.NoError(o.t, err)
	return c
}

// vote is a vote with a verdict on the four items.
func (o *office) vote(id itsm.ID, verdict approval.Verdict) change.Vote {
	o.t.Helper()
	print, err := o.Changes().Content(o.get(id))
	require.NoError(o.t, err)
	v := change.Vote{Cast: approval.Cast{Verdict: verdict, Content: print.Digest}}
	for _, item := range approval.FourItems() {
		v.Findings = append(v.Findings, approval.Finding{Item: item, OK: verdict == approval.Approve})
	}
	if verdict == approval.Reject {
		v.Comment = "not now"
	}
	return v
}

// approve lets everybody who is asked approve, in their order.
func (o *office) approve(id itsm.ID) change.Change {
	o.t.Helper()
	for _, ctx := range []context.Context{manager, b1, b2, b3, guard, director, leader} {
		if o.get(id).State != change.StateAwaiting {
			break
		}
		_, _ = o.Do(ctx, id, o.vote(id, approval.Approve))
	}
	c := o.get(id)
	require.Equal(o.t, change.StateApproved, c.State)
	return c
}

// raise makes a complete normal change.
func (o *office) raise(edit ...func(*change.Raise)) itsm.ID {
	o.t.Helper()
	p := plan()
	r := change.Raise{Request: request(), Plan: &p}
	for _, e := range edit {
		e(&r)
	}
	return o.do(asker, "", r).ID
}

// at takes a new normal change of medium risk to a state.
func (o *office) at(state change.State, edit ...func(*change.Raise)) itsm.ID {
	o.t.Helper()
	id := o.raise(edit...)
	o.advance(id, state)
	return id
}

// advance takes a complete normal change on to a state.
func (o *office) advance(id itsm.ID, state change.State) {
	o.t.Helper()
	steps := []struct {
		state change.State
		do    func()
	}{
		{change.StateDraft, func() {}},
		{change.StateSubmitted, func() { o.do(asker, id, change.Submit{}) }},
		{change.StateClassified, func() {
			if o.get(id).Score.Risk == "" {
				o.do(engineer, id, change.ScoreRisk{Answers: mediumRisk})
			}
			o.do(manager, id, change.Classify{})
		}},
		{change.StateAssessing, func() { o.do(manager, id, change.BeginAssessment{}) }},
		{change.StateBuilding, func() {
			o.do(engineer, id, assess(change.OfIT))
			o.do(owner, id, assess(change.OfBusiness))
			o.do(engineer, id, change.BeginBuild{})
		}},
		{change.StateTesting, func() {
			o.do(engineer, id, change.RecordBuild{Ref: "build-421"})
			o.do(engineer, id, change.BeginTest{})
		}},
		{change.StateAwaiting, func() {
			o.do(engineer, id, change.RecordTest{Ref: "test-7", Cases: 40})
			if o.get(id).Risk() == change.RiskHigh {
				o.do(engineer, id, change.RecordRehearsal{Ref: "rehearsal-1"})
			}
			o.do(manager, id, change.RequestApproval{})
		}},
		{change.StateApproved, func() { o.approve(id) }},
		{change.StateScheduled, func() { o.do(manager, id, change.Schedule{}) }},
		{change.StateImplementing, func() {
			o.do(manager, id, change.Announce{To: o.get(id).Departments})
			o.now = o.get(id).Window.Start
			o.do(engineer, id, change.Start{})
		}},
		{change.StateSucceeded, func() {
			for range o.get(id).Steps {
				o.step(id)
			}
			o.do(engineer, id, change.Succeed{})
		}},
		{change.StateInReview, func() { o.do(manager, id, change.WriteReview{Lessons: "none"}) }},
		{change.StateClosed, func() { o.do(manager, id, change.Close{Recorded: true}) }},
	}
	begun := false
	for _, s := range steps {
		if begun {
			s.do()
		}
		begun = begun || s.state == o.get(id).State
		if s.state == state {
			require.Equal(o.t, state, o.get(id).State)
			return
		}
	}
	o.t.Fatalf("no way to %s", state)
}

// step makes the next step in the time that it was planned to take.
func (o *office) step(id itsm.ID) {
	o.t.Helper()
	c := o.do(engineer, id, change.BeginStep{})
	o.now = o.now.Add(c.Steps[c.Work.Begun-1].Estimate.Std())
	o.do(engineer, id, change.FinishStep{Passed: true})
}

// failed takes a new change to a state of the way back.
func (o *office) failed(state change.State, edit ...func(*change.Raise)) itsm.ID {
	o.t.Helper()
	id := o.at(change.StateImplementing, edit...)
	o.step(id)
	o.do(engineer, id, change.BeginStep{})
	o.now = o.now.Add(50 * time.Minute)
	o.do(engineer, id, change.FinishStep{Deviation: "schema check failed"})
	for _, s := range []struct {
		state change.State
		cmd   itsm.Command
	}{{change.StateFailed, nil}, {change.StateBackingOut, change.BackOut{}}, {change.StateBackedOut, change.Restore{Verified: "order test passed"}}} {
		if s.cmd != nil {
			o.do(engineer, id, s.cmd)
		}
		if s.state == state {
			break
		}
	}
	return id
}

// journal lists the event types of a change.
func (o *office) journal(id itsm.ID) (types []string) {
	o.t.Helper()
	for ev, err := range o.Events(manager, id) {
		require.NoError(o.t, err)
		types = append(types, ev.Type)
	}
	return types
}
