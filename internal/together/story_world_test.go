package together_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/audit"
	"github.com/hospital-itsm/itsm/config/baseline"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store/memory"
)

const site itsm.Tenant = "h1"

// A desk of people. Their roles are those that the shipped grants speak of.
func person(id itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: id, Tenant: site, Roles: roles})
}

var (
	asker     = person("asker", itsm.RoleServiceDesk)
	engineer  = person("engineer", itsm.RoleSoftwareEngineer)
	colleague = person("second", itsm.RoleSecondLine)
	owner     = person("owner", change.RoleBusinessOwner, itsm.RoleUser)
	manager   = person("manager", itsm.RoleChangeManager)
	planner   = person("planner", itsm.RoleChangeManager) // of releases
	keeper    = person("keeper", itsm.RoleConfigManager)
	board1    = person("b1", change.RoleBoard, change.RoleEmergencyBoard)
	board2    = person("b2", change.RoleBoard)
	director  = person("director", change.RoleDirector)
	operator  = person("operator", itsm.RoleServiceDesk)

	members = board{itsm.RoleChangeManager: {"manager"}, change.RoleBoard: {"b1", "b2"}, change.RoleEmergencyBoard: {"b1"}, change.RoleDirector: {"director"}, itsm.RoleProjectManager: {"leader"}}
)

// A world is change, configuration, release and incident management over one store, as a host runs them. Its services can be made
// anew over the store at any time, as after a crash.
type world struct {
	t   require.TestingT
	db  *itsmtest.FaultyDB
	rnd io.Reader

	changes   *change.Service
	items     *config.Service
	releases  *release.Service
	baselines *baseline.Service
	incidents *incident.Service
	clockwork *scheduler.Scheduler

	mu    sync.Mutex
	now   time.Time
	shelf release.Shelf
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// until lets time pass, never backwards.
func (w *world) until(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.After(w.now) {
		w.now = t
	}
}

// Lookup is the definitive library.
func (w *world) Lookup(ctx context.Context, tenant itsm.Tenant, path, version string) (release.Measured, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shelf.Lookup(ctx, tenant, path, version)
}

// night is when the tests begin, in Shanghai a Saturday noon.
var night = time.Date(2026, 3, 7, 4, 0, 0, 0, time.UTC)

func hours(n int) time.Time { return night.Add(time.Duration(n) * time.Hour) }

func newWorld(t require.TestingT) *world {
	w := &world{t: t, db: itsmtest.NewFaultyDB(memory.New()), rnd: itsmtest.Random(7), now: night, shelf: release.Shelf{programme("tables"), programme("adapter")}}
	w.start()
	return w
}

// start makes the services over the store.
func (w *world) start() {
	common := itsm.Config{Clock: w.Now, Random: w.rnd}
	changes, releases, items, audits, baselines := change.NewRepository(w.db), release.NewRepository(w.db), config.NewRepositories(w.db), audit.NewRepository(w.db), baseline.NewRepository(w.db)
	var err error
	w.items, err = config.New(items, config.Config{Config: common, Authorisations: authorities(changes, releases, audits, items.Items)})
	require.NoError(w.t, err)
	w.baselines, err = baseline.New(baselines, w.items, common)
	require.NoError(w.t, err)
	w.changes, err = change.New(changes, change.Config{Config: common, Board: members, Items: changedItems{items.Items}, Impact: itemGraph{w.items}, Services: w.items})
	require.NoError(w.t, err)
	w.releases, err = release.New(releases, release.Config{Config: common, Library: w, Changes: releasedChanges{changes, w.changes.Changes()},
		Items: releasedItems{w.items, baselines}, Baselines: releasedBaselines{w.baselines}})
	require.NoError(w.t, err)
	w.incidents, err = incident.New(incident.NewRepository(w.db), incident.Config{Config: common, Agreements: agreements()})
	require.NoError(w.t, err)
	w.clockwork, err = scheduler.New(w.db, scheduler.Config{Clock: w.Now, Actor: itsm.Actor{ID: "system/scheduler", Roles: []itsm.Role{itsm.RoleSystem, itsm.RoleMonitor}}},
		append(w.reactions(), scheduler.Wake(w.changes, change.Tick{}), scheduler.Wake(w.items, config.Tick{}), scheduler.Wake(w.releases, release.Tick{}), scheduler.Wake(w.incidents, incident.Tick{}))...)
	require.NoError(w.t, err)
}

// reactions carry what happens in one process to the others: plans follow their change or release, and what was not put right becomes
// an incident.
func (w *world) reactions() []scheduler.Job {
	follow := func(ctx context.Context, ev itsm.Event) error {
		return w.followPlans(ctx, itsm.Ref{Kind: ev.Kind, ID: ev.ID})
	}
	return []scheduler.Job{
		scheduler.React("plans-follow-changes", itsm.Filter{Kind: change.Kind, Types: []string{change.Succeeded{}.EventType(), change.Restored{}.EventType(),
			change.Reworked{}.EventType(), change.Rejected{}.EventType(), change.Cancelled{}.EventType()}}, follow),
		scheduler.React("plans-follow-releases", itsm.Filter{Kind: release.Kind, Types: []string{release.DeploymentCompleted{}.EventType(), release.RolledBack{}.EventType(),
			release.Revised{}.EventType(), release.Cancelled{}.EventType()}}, follow),
		scheduler.On("differences", w.changes, func(ctx context.Context, ev itsm.Event, _ change.Compared) error {
			stored, err := w.changes.Repository().Load(ctx, ev.Key)
			if err != nil || stored.Record.Comparison == nil || stored.Record.State == change.StateClosed {
				return err
			}
			var faults error
			for i, x := range stored.Record.Comparison.Differences {
				if x.Incident == "" {
					faults = errors.Join(faults, w.reportDifference(ctx, ev, i+1, x))
				}
			}
			return faults
		}),
		scheduler.On("broken-files", w.releases, func(ctx context.Context, ev itsm.Event, e release.IntegrityFailed) error {
			_, err := scheduler.Do(ctx, w.incidents, "", incident.Record{Channel: incident.Monitoring, Source: "release", CI: e.CI,
				Summary: fmt.Sprintf("%s: files on %s are not those of the manifest", ev.ID, e.CI)})
			return err
		}),
	}
}

// reportDifference opens an incident about a difference that a backout has left.
func (w *world) reportDifference(ctx context.Context, ev itsm.Event, nth int, x change.Difference) error {
	once := func(what string) itsm.Option {
		return itsm.Once(itsm.CommandID(fmt.Sprintf("%s/%s/%d/%s/%s", what, ev.ID, ev.Seq, x.Item, x.Name)))
	}
	inc, err := w.incidents.Do(ctx, "", incident.Record{Channel: incident.Monitoring, Source: "change", CI: string(x.Item.ID),
		Summary: fmt.Sprintf("%s: %s of %s was %q and is %q", ev.ID, x.Name, x.Item, x.Before, x.After)}, once("open"))
	if err != nil {
		return err
	}
	_, err = w.changes.Do(ctx, ev.ID, change.ReportDifference{Nth: nth, Incident: inc.ID}, once("report"))
	return err
}

// followPlans lets what an authority has planned for items become current, or go, as the authority stands now.
func (w *world) followPlans(ctx context.Context, authority itsm.Ref) error {
	planned := itsm.Query{Tenant: site, Kind: config.Kind, Where: []itsm.Condition{itsm.Where("planned_by", itsm.TextOf(authority.String()))}}
	var ids []itsm.ID
	for stored, err := range w.items.Repository().Find(ctx, planned) {
		if err != nil {
			return err
		}
		ids = append(ids, stored.Record.ID)
	}
	var faults error
	for _, id := range ids {
		standing, err := w.standing(ctx, authority, id)
		under := config.Under(authority)
		switch {
		case err != nil:
		case standing == config.Done:
			_, err = scheduler.Do(ctx, w.items, id, config.RealisePlan{Authority: under})
		case standing != config.Approved && standing != config.Underway:
			_, err = scheduler.Do(ctx, w.items, id, config.WithdrawPlan{Authority: under}, itsm.Because("it was not carried out"))
		}
		faults = errors.Join(faults, err)
	}
	return faults
}

func (w *world) standing(ctx context.Context, authority itsm.Ref, item itsm.ID) (config.Standing, error) {
	return authorities(change.NewRepository(w.db), release.NewRepository(w.db), audit.NewRepository(w.db), w.items.Repository()).
		Standing(ctx, site, authority, config.Target{Item: item})
}

// react lets everything happen whose time has come, and all that follows from what has happened.
func (w *world) react() scheduler.Report {
	report, err := w.clockwork.Tick(context.Background())
	require.NoError(w.t, err)
	return report
}

func load[R any](w *world, repo itsm.Repository[R], kind itsm.Kind, id itsm.ID) R {
	stored, err := repo.Load(context.Background(), itsm.Key{Tenant: site, Kind: kind, ID: id})
	require.NoError(w.t, err)
	return stored.Record
}

func (w *world) change(id itsm.ID) change.Change {
	return load(w, w.changes.Repository(), change.Kind, id)
}
func (w *world) release(id itsm.ID) release.Release {
	return load(w, w.releases.Repository(), release.Kind, id)
}
func (w *world) item(id itsm.ID) config.Item { return load(w, w.items.Repository(), config.Kind, id) }

// do gives a command to the process of its record; when it makes one, under the ID.
func (w *world) do(ctx context.Context, kind itsm.Kind, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (err error) {
	switch kind {
	case change.Kind:
		_, err = w.changes.Do(ctx, id, cmd, opts...)
	case release.Kind:
		_, err = w.releases.Do(ctx, id, cmd, opts...)
	case config.Kind:
		_, err = w.items.Do(ctx, id, cmd, opts...)
	default:
		err = fmt.Errorf("nobody takes commands for %s", kind)
	}
	return err
}

// must gives a command that is to go through.
func (w *world) must(ctx context.Context, kind itsm.Kind, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) {
	require.NoError(w.t, w.do(ctx, kind, id, cmd, opts...), "%s %s", cmd.CommandName(), id)
}

// refused gives a command that is to be refused, and returns the codes of the reasons.
func (w *world) refused(ctx context.Context, kind itsm.Kind, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (codes []string) {
	var refused *itsm.RefusedError
	require.ErrorAs(w.t, w.do(ctx, kind, id, cmd, opts...), &refused)
	for _, r := range refused.Reasons {
		codes = append(codes, string(r.Code()))
	}
	return codes
}

// The items of the tests: three that releases aim at, one that depends on the first of them, and one beside.
var theItems = []itsm.ID{"db-1", "if-1", "if-2", "app-1", "fax-1"}

func ci(id itsm.ID) itsm.Ref { return itsm.Ref{Kind: config.Kind, ID: id} }

func refs(ids ...itsm.ID) (all []itsm.Ref) {
	for _, id := range ids {
		all = append(all, ci(id))
	}
	return all
}

func byChange(id itsm.ID) config.Authority { return config.Under(itsm.Ref{Kind: change.Kind, ID: id}) }

func attributes(name, value string) map[string]itsm.Value {
	return map[string]itsm.Value{name: itsm.TextOf(value)}
}

// request is a change of items that lacks nothing.
func request(kind change.Type, from, to time.Time, items ...itsm.ID) change.Raise {
	r := change.Raise{
		Type: kind,
		Request: change.Request{Title: "patch", Reason: "orders are lost", Description: "install it", Category: change.Software, Items: refs(items...), Services: []string{"insurance"},
			Departments: []string{"fees"}, Benefit: "no lost orders", Urgency: change.UrgencyMedium, Hazard: "the table", IfNotDone: "more are lost", Window: change.Window{Start: from, End: to}},
		Plan: &change.Plan{Implementer: "engineer", Team: "emr", TestPlan: "set 7",
			Steps:   []change.Step{{What: "patch", Operator: "engineer", Check: "schema", Estimate: 10 * itsm.Minute, Tolerance: 20 * itsm.Minute, Undo: 10 * itsm.Minute}},
			Backout: change.Backout{Steps: []string{"restore"}, Trigger: "the check fails", Decider: "director", Duration: 10 * itsm.Minute, Verify: "order test"}},
	}
	if kind == change.TypeEmergency {
		r.Urgency = change.UrgencyNow
	}
	return r
}

// stock brings the items in, under an emergency change of their own.
func (w *world) stock() {
	const id itsm.ID = "CHG-0"
	w.must(asker, change.Kind, id, request(change.TypeEmergency, hours(1), hours(6), theItems...))
	w.reach(id, change.StateImplementing)
	under := byChange(id)
	for _, item := range theItems {
		w.must(keeper, config.Kind, item, config.Register{Authority: under, Class: "database", Name: string(item), Attributes: map[string]itsm.Value{"product": itsm.TextOf("Kingbase"), "version": itsm.TextOf("1.0")}})
		w.must(keeper, config.Kind, item, config.AffixLabel{Authority: under, Code: "L-" + string(item), Form: config.Logical})
		w.must(keeper, config.Kind, item, config.Accept{Authority: under})
		w.must(keeper, config.Kind, item, config.Move{Authority: under, Step: config.DoActivate})
	}
	w.must(keeper, config.Kind, "app-1", config.Link{Authority: under, Type: "depends_on", To: "db-1"})
	w.reach(id, change.StateClosed)
}

// heads are what an assessment weighs.
func heads(kind change.AssessmentKind) change.Assess {
	a := change.Assess{Kind: kind, Agrees: true, Conclusion: "fits", Heads: map[string]string{}}
	for _, head := range change.DefaultPolicy().Heads[kind] {
		a.Heads[head] = "no concern"
	}
	return a
}

// An order is a command with who gives it.
type order struct {
	who  context.Context
	kind itsm.Kind
	id   itsm.ID
	cmd  itsm.Command
	opts []itsm.Option
}

// forward is the command that takes a change on. It may let time pass until the window opens.
func (w *world) forward(c change.Change) order {
	by := func(who context.Context, cmd itsm.Command) order {
		return order{who: who, kind: change.Kind, id: c.ID, cmd: cmd}
	}
	switch c.State {
	case change.StateDraft:
		return by(asker, change.Submit{})
	case change.StateSubmitted:
		if c.Score.Risk == "" {
			return by(engineer, change.ScoreRisk{Answers: map[string]string{"impact": "one_place", "complexity": "routine", "reversibility": "at_once", "window": "no_service_hours"}})
		}
		return by(manager, change.Classify{})
	case change.StateClassified:
		if c.Emergency() {
			return by(manager, change.RequestApproval{})
		}
		return by(manager, change.BeginAssessment{})
	case change.StateAssessing:
		switch said := len(c.Assessments); said {
		case 0:
			return by(colleague, heads(change.OfIT))
		case 1:
			return by(owner, heads(change.OfBusiness))
		}
		return by(engineer, change.BeginBuild{})
	case change.StateBuilding:
		if len(c.Builds) == 0 {
			return by(engineer, change.RecordBuild{Ref: "build-1"})
		}
		return by(engineer, change.BeginTest{})
	case change.StateTesting:
		if len(c.Tests) == 0 {
			return by(engineer, change.RecordTest{Ref: "test-1", Cases: 40})
		}
		return by(manager, change.RequestApproval{})
	case change.StateAwaiting:
		if c.Ballot.Outcome != approval.Open {
			return by(manager, change.RequestApproval{})
		}
		who := map[itsm.PersonID]context.Context{"manager": manager, "b1": board1, "b2": board2, "director": director}
		for _, p := range c.Ballot.Waiting() {
			if who[p] != nil {
				return by(who[p], ballotPaper(c, approval.Approve))
			}
		}
		return by(manager, ballotPaper(c, approval.Approve))
	case change.StateApproved:
		return by(manager, change.Schedule{})
	case change.StateScheduled:
		if len(c.Told) == 0 {
			return by(manager, change.Announce{To: c.Departments})
		}
		w.until(c.Window.Start)
		return by(engineer, change.Start{})
	case change.StateImplementing:
		switch steps := c.Work; {
		case len(steps.Results) < steps.Begun || len(steps.Results) > 0 && steps.Results[len(steps.Results)-1].Ended.IsZero():
			return by(engineer, change.FinishStep{Passed: true})
		case steps.Begun < len(c.Steps):
			return by(engineer, change.BeginStep{})
		}
		return by(engineer, change.Succeed{})
	case change.StateFailed:
		return by(engineer, change.BackOut{})
	case change.StateBackingOut:
		return by(engineer, change.Restore{Verified: "order test passed"})
	case change.StateBackedOut:
		if c.Comparison == nil {
			return by(manager, change.Compare{})
		}
		return by(manager, change.WriteReview{Lessons: "test with a copy"})
	case change.StateSucceeded:
		return by(manager, change.WriteReview{Lessons: "none"})
	case change.StateInReview:
		switch owed := c.Paper != nil && c.Paper.Done.IsZero(); {
		case owed && len(c.Assessments) == 0:
			return by(colleague, heads(change.OfIT))
		case owed && len(c.Assessments) == 1:
			return by(owner, heads(change.OfBusiness))
		case owed:
			return by(engineer, change.CompleteRecord{})
		}
		return by(manager, change.Close{})
	}
	return by(manager, change.Close{}) // it is over
}

func ballotPaper(c change.Change, verdict approval.Verdict) change.Vote {
	v := change.Vote{Cast: approval.Cast{Verdict: verdict, Content: c.Ballot.Content.Digest}}
	for _, item := range approval.FourItems() {
		v.Findings = append(v.Findings, approval.Finding{Item: item, OK: verdict == approval.Approve})
	}
	if verdict == approval.Reject {
		v.Comment = "not now"
	}
	return v
}

// reach takes a change to a state on the main line.
func (w *world) reach(id itsm.ID, state change.State) {
	for range 40 {
		c := w.change(id)
		if c.State == state {
			return
		}
		o := w.forward(c)
		w.must(o.who, o.kind, o.id, o.cmd)
	}
	require.Fail(w.t, "there is no way", "%s to %s, it is in %s", id, state, w.change(id).State)
}

// programme is a file of a release. What it holds is its name.
func programme(key string) release.File {
	m := found(key, key)
	return release.File{Key: key, Path: "insurance/" + key, Version: "3.2", Digest: m.Digest, Size: m.Size}
}

// found is a file that holds something, when somebody looks.
func found(key, content string) release.Measured {
	m, err := release.Measure(key, bytes.NewReader([]byte(content)))
	if err != nil {
		panic(err)
	}
	return m
}

// aim is what a release brings where.
type aim struct {
	ci   itsm.ID
	unit string
}

// rollout is a release of changes, a wave for each stretch of time.
func rollout(kind release.Type, carries []itsm.ID, waves ...[]aim) release.Plan {
	p := release.Plan{
		Title: "insurance interface", Type: kind, Zone: "Asia/Shanghai", Objective: "the new rules", Inside: []string{"settlement"}, Outside: []string{"check-ups"}, Services: []string{"insurance"},
		Criteria: []release.Criterion{{Key: "settles", Text: "it settles"}},
		Phases: []release.Phase{{Stage: release.StagePlan, Window: release.Window{From: hours(0), To: hours(8)}}, {Stage: release.StageBuild, Window: release.Window{From: hours(8), To: hours(12)}},
			{Stage: release.StageTest, Window: release.Window{From: hours(12), To: hours(20)}}, {Stage: release.StageGoLive, Window: release.Window{From: hours(24), To: hours(72)}}},
		Consult: []release.Party{{Kind: release.Department, Key: "fees"}, {Kind: release.Group, Key: "desk"}},
		Signers: []release.Signer{{Party: "business", People: []itsm.PersonID{"owner"}}, {Party: "desk", People: []itsm.PersonID{"operator"}}},
		Test:    "uat", Live: "live", Observe: itsm.Hour, Exit: []string{"no failure"},
	}
	if kind != release.TypeEmergency {
		p.Readiness = []release.Ready{{Key: "backup", Kind: release.Technical, Text: "the backup is there", Owner: "engineer"}, {Key: "leaflet", Kind: release.NonTechnical, Text: "the leaflet is out", Owner: "operator"}}
	}
	for _, id := range carries {
		p.Members = append(p.Members, release.Member{ID: id})
	}
	for i, targets := range waves {
		wave := release.Wave{Key: fmt.Sprintf("wave-%d", i+1), Window: release.Window{From: hours(24 + 12*i), To: hours(36 + 12*i)}}
		if i > 0 {
			wave.After = []string{fmt.Sprintf("wave-%d", i)}
		}
		for _, a := range targets {
			wave.Targets = append(wave.Targets, release.Target{CI: string(a.ci), Units: []string{a.unit}})
			if !slices.Contains(p.CIs, string(a.ci)) {
				p.CIs = append(p.CIs, string(a.ci))
			}
			if p.Manifest.File(a.unit) == nil {
				p.Manifest = append(p.Manifest, programme(a.unit))
				p.Units = append(p.Units, release.Unit{Key: a.unit, Version: a.unit + "-3.2", Files: []string{a.unit}, Changes: carries, Takes: itsm.Minute, Rollback: "start the old one", Back: itsm.Minute})
			}
		}
		p.Waves = append(p.Waves, wave)
	}
	return p
}

// environments are the test environment and production.
func environments(targets []string) (uat, live *release.Environment) {
	uat, live = &release.Environment{Name: "uat"}, &release.Environment{Name: "live"}
	for _, ci := range targets {
		uat.Items = append(uat.Items, release.EnvItem{CI: "uat-" + ci, Class: release.ClassDatabase, Pair: ci})
		live.Items = append(live.Items, release.EnvItem{CI: ci, Class: release.ClassDatabase})
	}
	return uat, live
}

// onward is the command that takes a release on. It may let time pass until a window opens.
func (w *world) onward(r release.Release) order {
	by := func(who context.Context, cmd itsm.Command) order {
		return order{who: who, kind: release.Kind, id: r.ID, cmd: cmd}
	}
	testing := func() order {
		switch {
		case r.Inspection == nil:
			uat, live := environments(r.Plan.CIs)
			return by(keeper, release.InspectTest{Test: uat, Production: live})
		case r.Security == nil:
			return by(engineer, release.CheckSecurity{Access: []itsm.PersonID{"engineer"}, Isolated: true})
		}
		return by(engineer, release.StartTest{})
	}
	switch r.State {
	case release.StatePlanning:
		return by(planner, release.OpenConsultation{})
	case release.StateConsulting:
		if n := len(r.Consulted); n < len(r.Plan.Consult) && r.SignOff.Outcome != approval.Open {
			return by(operator, release.NoteConsultation{Party: r.Plan.Consult[n], Person: "owner", Said: "gladly", Agrees: true})
		}
		if r.SignOff.Outcome != approval.Open {
			return by(planner, release.Submit{})
		}
		who := owner
		if slices.Contains(r.SignOff.Waiting(), "operator") {
			who = operator
		}
		return by(who, release.Sign{Verdict: approval.Approve, Content: r.SignOff.Content.Digest})
	case release.StateSignedOff:
		if r.Plan.Type == release.TypeEmergency {
			return testing()
		}
		return by(engineer, release.Build{})
	case release.StateBuilding:
		return testing()
	case release.StateTesting:
		return by(engineer, release.ReportTest{Manifest: r.Plan.Manifest.Digest(), Environment: r.Inspection.Environment, Cases: 12, Evidence: "protocol 3"})
	case release.StateTestPassed:
		switch {
		case r.Baseline == nil:
			return by(keeper, release.TakeBaseline{})
		case len(r.Prepared) < len(r.Plan.Readiness):
			return by(engineer, release.Prepare{Key: r.Plan.Readiness[len(r.Prepared)].Key, Evidence: "seen"})
		case r.Plan.Type != release.TypeEmergency:
			return by(planner, release.MakeReady{})
		}
		return by(planner, release.Deploy{})
	case release.StateReady:
		return by(planner, release.Deploy{})
	case release.StateDeploying:
		return w.roll(r, by)
	case release.StateHalted:
		for _, p := range r.Targets {
			if p.Failed != nil {
				return by(engineer, release.RetryTarget{CI: p.CI, Why: "copied anew"})
			}
		}
		return by(planner, release.Continue{Why: "all is well"})
	case release.StateRollingBack:
		if len(r.Rollback.Left) > 0 {
			return by(engineer, release.UndoStep{Undo: r.Rollback.Left[0], Evidence: "the old one runs"})
		}
		return by(planner, release.FinishRollback{})
	case release.StateDeployed:
		switch {
		case r.After == nil:
			return by(keeper, release.TakeBaseline{After: true})
		case r.Compared.IsZero():
			return by(keeper, release.Compare{})
		}
		return by(planner, release.Present{})
	case release.StateAccepting:
		j := release.Judgement{Answer: release.Accept, Criteria: []release.CriterionResult{{Key: "settles", Met: true, Evidence: "twelve settlements"}}}
		if r.Rounds[len(r.Rounds)-1].Verdict(release.Business) == nil {
			return by(owner, release.JudgeBusiness{Judgement: j})
		}
		return by(operator, release.JudgeOperations{Judgement: j})
	case release.StateRejected:
		return by(planner, release.RollBack{Why: "it was rejected"})
	}
	if r.State == release.StateAccepted {
		w.until(r.Observed)
	}
	return by(planner, release.FileReport{Analysis: "as planned", Lessons: "none", Shared: []string{"fees"}, Exit: []string{"the logs"}})
}

// roll is the next step of a deployment.
func (w *world) roll(r release.Release, by func(context.Context, itsm.Command) order) order {
	for i := range r.Plan.Waves {
		wave := &r.Plan.Waves[i]
		if r.Passed(wave) {
			continue
		}
		for _, p := range r.Waves {
			if p.Key == wave.Key && p.Started.IsZero() {
				w.until(wave.Window.From)
				return by(planner, release.StartWave{Wave: wave.Key})
			}
		}
		for _, t := range wave.Targets {
			for _, p := range r.Targets {
				if p.CI == t.CI && p.Step != release.StepOperate {
					return by(engineer, distribute(r, t, p.Step))
				}
			}
		}
	}
	return by(planner, release.Complete{})
}

// distribute is the next step on a target.
func distribute(r release.Release, t release.Target, done release.Distribution) release.Distribute {
	steps := release.Distributions()
	c := release.Distribute{CI: t.CI, Step: steps[slices.Index(steps, done)+1]}
	if c.Step == release.StepInstall {
		c.Unit = t.Units[0]
	}
	for _, key := range r.Plan.Unit(t.Units[0]).Files {
		c.Files = append(c.Files, found(key, key))
	}
	return c
}

// deploy takes a release to a state on the main line.
func (w *world) deploy(id itsm.ID, state release.State) {
	for range 60 {
		r := w.release(id)
		if r.State == state {
			return
		}
		o := w.onward(r)
		w.must(o.who, o.kind, o.id, o.cmd)
	}
	require.Fail(w.t, "there is no way", "%s to %s, it is in %s", id, state, w.release(id).State)
}
