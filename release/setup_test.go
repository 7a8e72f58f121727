package release_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

var start = time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)

// desk is a service over a store in memory, with a clock that tests set.
type desk struct {
	*release.Service
	t     testing.TB
	db    store.DB
	now   time.Time
	world *world
}

// world plays the neighbours of the process.
type world struct {
	changes  map[itsm.ID]release.Change
	updates  []release.Update
	restored []release.Undo
	fail     error // what the CMDB says
	check    func(ctx context.Context, rel itsm.Ref) error
}

func (w *world) Change(_ context.Context, _ itsm.Tenant, id itsm.ID) (release.Change, error) {
	c, ok := w.changes[id]
	if !ok {
		return c, fmt.Errorf("%w: %s", itsm.ErrNotFound, id)
	}
	return c, nil
}

func (w *world) Update(ctx context.Context, rel itsm.Ref, updates []release.Update) error {
	if w.check != nil {
		if err := w.check(ctx, rel); err != nil {
			return err
		}
	}
	if w.fail == nil {
		w.updates = updates
	}
	return w.fail
}

func (w *world) Restore(_ context.Context, _, _ itsm.Ref, back []release.Undo) error {
	if w.fail == nil {
		w.restored = back
	}
	return w.fail
}

func digest(seed string) (d itsm.Digest) {
	m, _ := release.Measure("", bytes.NewReader([]byte(seed)))
	return m.Digest
}

var contents = map[string][]byte{"schema": []byte("alter table settlement add rule int"), "war": []byte("the adapter of the new year")}

func measured(keys ...string) (all []release.Measured) {
	for _, k := range keys {
		m, err := release.Measure(k, bytes.NewReader(contents[k]))
		if err != nil {
			panic(err)
		}
		all = append(all, m)
	}
	return all
}

func file(key string) release.File {
	m := measured(key)[0]
	return release.File{Key: key, Path: "insurance/" + key, Version: "3.2", Digest: m.Digest, Size: m.Size}
}

func hours(d time.Duration) time.Time { return start.Add(d) }

// plan returns a complete plan: two waves, three targets, a gate, everything else as small as it gets.
func plan() release.Plan {
	day := 24 * time.Hour
	window := func(from, to time.Duration) release.Window { return release.Window{From: hours(from), To: hours(to)} }
	return release.Plan{
		Title: "insurance interface 3.2", Type: release.TypeMajor, Zone: "Asia/Shanghai", Objective: "the rules of the new year", Inside: []string{"settlement"}, Outside: []string{"check-ups"},
		Services: []string{"insurance"}, CIs: []string{"db-1", "if-1", "if-2"}, Members: []release.Member{{ID: "CHG-1"}}, Closes: []string{"problem/PRB-1"},
		Criteria: []release.Criterion{{Key: "settles", Text: "a settlement of each kind goes through"}},
		Phases: []release.Phase{{Stage: release.StagePlan, Window: window(0, day)}, {Stage: release.StageBuild, Window: window(day, 2*day)},
			{Stage: release.StageTest, Window: window(2*day, 5*day)}, {Stage: release.StageGoLive, Window: window(10*day, 11*day)}},
		Consult: []release.Party{{Kind: release.Department, Key: "医保办"}, {Kind: release.Group, Key: "service-desk"}},
		Signers: []release.Signer{{Party: "business", People: []itsm.PersonID{"owner", "owner2"}}, {Party: "desk", People: []itsm.PersonID{"desk"}}},
		Test:    "uat", Live: "live", Manifest: release.Manifest{file("schema"), file("war")},
		Units: []release.Unit{
			{Key: "tables", Version: "3.2", Files: []string{"schema"}, Changes: []itsm.ID{"CHG-1"}, Takes: 10 * itsm.Minute, Rollback: "drop the columns", Back: 5 * itsm.Minute},
			{Key: "adapter", Version: "3.2", Files: []string{"war"}, Changes: []itsm.ID{"CHG-1"}, After: []string{"tables"}, Takes: 20 * itsm.Minute, Rollback: "start the old one", Back: 5 * itsm.Minute}},
		Waves: []release.Wave{
			{Key: "pilot", Window: window(10*day, 10*day+4*time.Hour), Targets: []release.Target{{CI: "db-1", Units: []string{"tables"}}, {CI: "if-1", Units: []string{"adapter"}}}},
			{Key: "rest", After: []string{"pilot"}, Window: window(10*day+4*time.Hour, 10*day+8*time.Hour), Targets: []release.Target{{CI: "if-2", Units: []string{"adapter"}}}}},
		Gates:     []release.Gate{{Key: "trial", Before: release.BeforeWave, Wave: "rest", Limits: []release.Limit{{Measure: "failed_settlements", Bound: release.AtMost, Value: 0}}}},
		Readiness: []release.Ready{{Key: "backup", Kind: release.Technical, Text: "the backup is verified", Owner: "dba"}, {Key: "leaflet", Kind: release.NonTechnical, Text: "the leaflet is out", Owner: "desk"}},
		Observe:   7 * 24 * itsm.Hour, Exit: []string{"no settlement failed for three days"},
	}
}

func irreversible() release.Plan {
	p := plan()
	p.Units[0].Rollback, p.Units[0].Back, p.Units[0].NoReturn = "rows are converted", 0, true
	return p
}

func emergency() release.Plan {
	p := plan()
	p.Type, p.Phases, p.Consult, p.Readiness, p.Test, p.Live, p.Inside, p.Outside = release.TypeEmergency, nil, nil, nil, "", "", nil, nil
	return p
}

func open(t testing.TB, cfg release.Config) *desk {
	t.Helper()
	return over(t, memory.New(), cfg)
}

func over(t testing.TB, db store.DB, cfg release.Config) *desk {
	t.Helper()
	d := &desk{t: t, db: db, now: start, world: &world{changes: map[itsm.ID]release.Change{
		"CHG-1": {Approved: true, Digest: digest("CHG-1"), Reason: "rules change", Impact: "two hours of standstill", Scope: "insurance interface"}}}}
	cfg = d.world.config(cfg)
	if cfg.Clock == nil {
		cfg.Clock = func() time.Time { return d.now }
	}
	var err error
	d.Service, err = release.New(release.NewRepository(d.db), cfg)
	require.NoError(t, err)
	return d
}

// config fills in the neighbours that a test does not bring.
func (w *world) config(cfg release.Config) release.Config {
	if cfg.Changes == nil {
		cfg.Changes = w
	}
	if cfg.Library == nil {
		cfg.Library = release.Shelf{file("schema"), file("war")}
	}
	if cfg.Items == nil {
		cfg.Items = w
	}
	return cfg
}

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

// The people of the tests.
var (
	manager  = as("manager", itsm.RoleChangeManager)
	leader   = as("leader", itsm.RoleProjectManager)
	engineer = as("engineer", itsm.RoleSoftwareEngineer)
	keeper   = as("keeper", itsm.RoleConfigManager)
	owner    = as("owner", itsm.RoleUser)
	owner2   = as("owner2", itsm.RoleUser)
	agent    = as("desk", itsm.RoleServiceDesk)
	system   = as("system", itsm.RoleSystem)
)

// do gives a command that must succeed.
func (d *desk) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) release.Release {
	d.t.Helper()
	rec, err := d.Do(ctx, id, cmd, opts...)
	require.NoError(d.t, err)
	return rec
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

// codes lists the reasons of a refusal, each with the field or thing that it names.
func codes(e *itsm.RefusedError) (all []string) {
	for _, r := range e.Reasons {
		var code strings.Builder
		code.WriteString(string(r.Code()))
		for _, arg := range []string{"field", "party", "ci", "change", "file", "item", "unit", "wave", "freeze", "gates", "cis", "member", "criterion"} {
			if v := r.Arg(arg); v != "" {
				code.WriteString(":" + v)
				break
			}
		}
		all = append(all, code.String())
	}
	return all
}

func (d *desk) get(id itsm.ID) release.Release {
	d.t.Helper()
	rec, err := d.Get(manager, id)
	require.NoError(d.t, err)
	return rec
}

func (d *desk) journal(id itsm.ID) (types []string) {
	d.t.Helper()
	for ev, err := range d.Events(manager, id) {
		require.NoError(d.t, err)
		types = append(types, ev.Type)
	}
	return types
}

func uat(pairs ...string) *release.Environment {
	e := &release.Environment{Name: "uat", Items: []release.EnvItem{{CI: "uat-db", Class: release.ClassDatabase, Pair: "db-1", Attributes: map[string]string{"os": "kylin-10", "patch": "7"}},
		{CI: "uat-if", Class: release.ClassHost, Pair: "if-1", Attributes: map[string]string{"jdk": "21"}}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		e.Items[0].Attributes[pairs[i]] = pairs[i+1]
	}
	return e
}

func production() *release.Environment {
	return &release.Environment{Name: "live", Items: []release.EnvItem{{CI: "db-1", Class: release.ClassDatabase, Attributes: map[string]string{"os": "kylin-10", "patch": "7"}},
		{CI: "if-1", Class: release.ClassHost, Attributes: map[string]string{"jdk": "21"}}}}
}

func approve(r release.Release) release.Sign {
	return release.Sign{Verdict: approval.Approve, Content: r.SignOff.Content.Digest}
}

func judged(answer release.Acceptance) release.Judgement {
	return release.Judgement{Answer: answer, Criteria: []release.CriterionResult{{Key: "settles", Met: true, Evidence: "twelve settlements"}}}
}

var baseline = release.Baseline{Ref: itsm.Ref{Kind: "baseline", ID: "BL-1"}, CIs: []string{"db-1", "if-1", "if-2"}}

var report = release.FileReport{Analysis: "went as planned", Lessons: "order leaflets earlier", Shared: []string{"医保办"}, Exit: []string{"three days of logs"}}

// step is a way to the next state.
type step struct {
	state release.State
	take  func(d *desk, id itsm.ID)
}

func consult(d *desk, id itsm.ID) {
	d.do(agent, id, release.NoteConsultation{Party: release.Party{Kind: release.Department, Key: "医保办"}, Person: "owner", Said: "before Christmas, please", Agrees: true})
	d.do(agent, id, release.NoteConsultation{Party: release.Party{Kind: release.Group, Key: "service-desk"}, Person: "desk", Said: "we need a leaflet", Agrees: true})
}

func inspect(d *desk, id itsm.ID) {
	d.do(keeper, id, release.InspectTest{Test: uat(), Production: production()})
	d.do(engineer, id, release.CheckSecurity{Access: []itsm.PersonID{"engineer"}, Isolated: true})
}

func prepare(d *desk, id itsm.ID) {
	d.do(engineer, id, release.Prepare{Key: "backup", Evidence: "restored on uat"})
	d.do(engineer, id, release.Prepare{Key: "leaflet", Evidence: "printed"})
	d.do(keeper, id, release.TakeBaseline{Baseline: &baseline})
	for _, u := range d.getPlan(id).PointsOfNoReturn() {
		d.do(owner, id, release.AcceptNoReturn{Unit: u})
	}
}

func (d *desk) getPlan(id itsm.ID) *release.Plan { rec := d.get(id); return &rec.Plan }

// tested is a test report on the release as it is.
func tested(r release.Release) release.ReportTest {
	return release.ReportTest{Manifest: r.Plan.Manifest.Digest(), Environment: r.Inspection.Environment, Cases: 40, Evidence: "protocol 17"}
}

func judge(r release.Release, failed float64) release.JudgeGate {
	return release.JudgeGate{Gate: "trial", Readings: []release.Reading{{Measure: "failed_settlements", Value: failed}}, Manifest: r.Plan.Manifest.Digest(), Environment: r.Inspection.Environment}
}

// distribute takes all steps of a target.
func (d *desk) distribute(id itsm.ID, ci, unit, key string) {
	d.t.Helper()
	for _, s := range release.Distributions() {
		c := release.Distribute{CI: ci, Step: s, Files: measured(key)}
		if s == release.StepInstall {
			c.Unit = unit
		}
		d.do(engineer, id, c)
	}
}

var mainLine = []step{
	{release.StateConsulting, func(d *desk, id itsm.ID) { d.do(manager, id, release.OpenConsultation{}) }},
	{release.StateSignedOff, func(d *desk, id itsm.ID) {
		consult(d, id)
		rec := d.do(manager, id, release.Submit{})
		d.do(owner, id, approve(rec))
		d.do(agent, id, approve(rec))
	}},
	{release.StateBuilding, func(d *desk, id itsm.ID) { d.do(engineer, id, release.Build{}) }},
	{release.StateTesting, func(d *desk, id itsm.ID) { inspect(d, id); d.do(engineer, id, release.StartTest{}) }},
	{release.StateTestPassed, func(d *desk, id itsm.ID) { d.do(engineer, id, tested(d.get(id))) }},
	{release.StateReady, func(d *desk, id itsm.ID) { prepare(d, id); d.do(manager, id, release.MakeReady{}) }},
	{release.StateDeploying, func(d *desk, id itsm.ID) { d.now = hours(240 * time.Hour); d.do(manager, id, release.Deploy{}) }},
	{release.StateDeployed, func(d *desk, id itsm.ID) {
		d.pilot(id)
		d.rest(id)
		d.do(manager, id, release.Complete{})
	}},
	{release.StateAccepting, func(d *desk, id itsm.ID) {
		d.do(keeper, id, release.TakeBaseline{After: true, Baseline: &baseline})
		d.do(keeper, id, release.Compare{})
		d.do(manager, id, release.Present{})
	}},
	{release.StateAccepted, func(d *desk, id itsm.ID) {
		d.do(owner, id, release.JudgeBusiness{Judgement: judged(release.Accept)})
		d.do(agent, id, release.JudgeOperations{Judgement: judged(release.Accept)})
	}},
	{release.StateReported, func(d *desk, id itsm.ID) {
		d.now = d.get(id).Observed
		d.do(manager, id, report)
	}},
}

func (d *desk) pilot(id itsm.ID) {
	d.t.Helper()
	d.do(manager, id, release.StartWave{Wave: "pilot"})
	d.distribute(id, "db-1", "tables", "schema")
	d.distribute(id, "if-1", "adapter", "war")
}

func (d *desk) rest(id itsm.ID) {
	d.t.Helper()
	d.now = hours(244 * time.Hour)
	d.do(engineer, id, judge(d.get(id), 0))
	d.do(manager, id, release.StartWave{Wave: "rest"})
	d.distribute(id, "if-2", "adapter", "war")
}

// draft makes a release.
func (d *desk) draft(p release.Plan) itsm.ID {
	d.t.Helper()
	return d.do(manager, "", release.Draft{Plan: p}).ID
}

// reach takes a release along the main line to a state.
func (d *desk) reach(id itsm.ID, state release.State) itsm.ID {
	d.t.Helper()
	now := d.get(id).State
	from := 0
	if i := slices.IndexFunc(mainLine, func(s step) bool { return s.state == now }); i >= 0 {
		from = i + 1
	}
	for _, s := range mainLine[from:] {
		if now == state {
			return id
		}
		s.take(d, id)
		now = s.state
		require.Equal(d.t, s.state, d.get(id).State)
	}
	require.Equal(d.t, state, d.get(id).State)
	return id
}

// at takes a new release of the plan to a state of the main line.
func (d *desk) at(state release.State) itsm.ID { d.t.Helper(); return d.reach(d.draft(plan()), state) }
