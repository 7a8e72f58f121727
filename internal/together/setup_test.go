package together_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/baseline"
	"github.com/hospital-itsm/itsm/config/discovery"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/store"
)

// epoch is when the stories begin.
var epoch = time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)

// A process is a service of any kind of record.
type process interface {
	Kind() itsm.Kind
	Describe() itsm.Description
	ParseCommand(name string, data []byte) (itsm.Command, error)
	Decode(ev *itsm.Event) error
	Verify(ctx context.Context, id itsm.ID) error
	Events(ctx context.Context, id itsm.ID) func(func(itsm.Event, error) bool)
	Timeline(ctx context.Context, id itsm.ID) error

	// Give is Do, and tells the record as JSON.
	Give(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (string, error)
	// Look is Get, Rebuild is Replay, both as JSON.
	Look(ctx context.Context, id itsm.ID) (string, error)
	Rebuild(ctx context.Context, id itsm.ID) (string, error)
	// List is Find; List tells IDs and the cursor behind the last.
	List(ctx context.Context, q itsm.Query) (ids []itsm.ID, last itsm.Cursor, err error)
	// First is a command that makes a record.
	First() itsm.Command
	// Draw makes up a command for the record as it lies in the store; with the ID "" a creation.
	Draw(t *rapid.T, db store.DB, key itsm.Key) (itsm.Command, []itsm.Option)
	// Permits asks the shipped grants. With a record at hand it is one that has nothing to do with the actor.
	Permits(role itsm.Role, command string, record bool) error
	// Wake returns when the record wants to be woken, and the command to give then.
	Wake(db store.DB, key itsm.Key) (time.Time, itsm.Command)
}

// of is a process with its types.
type of[R, F any, C itsm.Command] struct {
	*itsm.Service[R, F, C]
	do     func(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (R, error)
	draw   func(t *rapid.T, rec R, step int) (itsm.Command, []itsm.Option)
	policy *itsm.Policy
	tick   itsm.Command
	first  itsm.Command
}

// with makes a process of a service. first makes a record; do is that of the service that wraps it, nil when nothing does.
func with[R, F any, C itsm.Command](s *itsm.Service[R, F, C], first itsm.Creation, do func(context.Context, itsm.ID, itsm.Command, ...itsm.Option) (R, error), examples ...any) process {
	if do == nil {
		do = s.Do
	}
	p := &of[R, F, C]{Service: s, do: do, policy: itsm.MustPolicy(s.Process().Describe().Grants...), first: first}
	p.draw = itsmtest.Commands(s.Process(), append(examples, names)...)
	if spec := itsmtest.SpecOf(s.Process()); spec.Tick != nil {
		var zero R
		p.tick = spec.Tick(zero)
	}
	return p
}

// names are what records are called and refer to: those that a tenant has, that only another has, and that nobody has.
var names = []any{
	itsm.ID("X-1"), itsm.ID("X-2"), itsm.ID("X-3"), itsm.ID("X-9"),
	itsm.Ref{Kind: incident.Kind, ID: "X-3"}, itsm.Ref{Kind: change.Kind, ID: "X-1"}, itsm.Ref{Kind: change.Kind, ID: "X-3"}, itsm.Ref{Kind: config.Kind, ID: "X-1"},
	itsm.Ref{Kind: config.Kind, ID: "X-3"}, itsm.Ref{Kind: release.Kind, ID: "X-3"}, itsm.Ref{Kind: "problem", ID: "X-3"},
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "no JSON: " + err.Error()
	}
	return string(b)
}

func (p *of[R, F, C]) Describe() itsm.Description { return p.Process().Describe() }

func (p *of[R, F, C]) Events(ctx context.Context, id itsm.ID) func(func(itsm.Event, error) bool) {
	return p.Service.Events(ctx, id)
}

func (p *of[R, F, C]) Timeline(ctx context.Context, id itsm.ID) error {
	for _, err := range p.Service.Timeline(ctx, id) {
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *of[R, F, C]) Give(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (string, error) {
	rec, err := p.do(ctx, id, cmd, opts...)
	return text(rec), err
}

func (p *of[R, F, C]) Look(ctx context.Context, id itsm.ID) (string, error) {
	rec, err := p.Get(ctx, id)
	return text(rec), err
}

func (p *of[R, F, C]) Rebuild(ctx context.Context, id itsm.ID) (string, error) {
	rec, err := p.Replay(ctx, id)
	return text(rec), err
}

func (p *of[R, F, C]) List(ctx context.Context, q itsm.Query) (ids []itsm.ID, last itsm.Cursor, err error) {
	for rec, err := range p.Find(ctx, q) {
		if err != nil {
			return ids, last, err
		}
		ids = append(ids, p.Process().Meta(&rec).ID)
		last = p.CursorOf(q, rec)
	}
	return ids, last, nil
}

func (p *of[R, F, C]) stored(db store.DB, key itsm.Key) (rec R, ok bool) {
	got, err := db.Load(context.Background(), key)
	if err != nil || len(got) == 0 || got[0].Seq == 0 || got[0].Data == nil {
		return rec, false
	}
	return rec, json.Unmarshal(got[0].Data, &rec) == nil
}

func (p *of[R, F, C]) First() itsm.Command { return p.first }

func (p *of[R, F, C]) Draw(t *rapid.T, db store.DB, key itsm.Key) (itsm.Command, []itsm.Option) {
	rec, ok := p.stored(db, key)
	if !ok {
		return p.draw(t, rec, 0)
	}
	return p.draw(t, rec, 1)
}

func (p *of[R, F, C]) Permits(role itsm.Role, command string, record bool) error {
	r := itsm.Request{Actor: itsm.Actor{ID: "nobody-in-particular", Tenant: "h1", Roles: []itsm.Role{role}}, Command: command, Kind: p.Kind()}
	if record {
		r.Before = new(R)
	}
	return p.policy.Authorize(r)
}

func (p *of[R, F, C]) Wake(db store.DB, key itsm.Key) (time.Time, itsm.Command) {
	rec, ok := p.stored(db, key)
	if !ok {
		return time.Time{}, nil
	}
	return p.Process().Outline(rec).Wake, p.tick
}

// A hospital is all processes over one store.
type hospital struct {
	db        store.DB
	processes []process
	roles     []itsm.Role // that the processes grant something, sorted
	mu        sync.Mutex
	now       time.Time
}

func (h *hospital) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hospital) set(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

// always says yes to whatever processes ask of their neighbours, within the tenant only: every name that is asked for is there.
type always struct{}

func (always) Members(_ context.Context, _ itsm.Tenant, roles []itsm.Role, _ time.Time) ([]approval.Member, error) {
	return []approval.Member{{Person: "u-001", Roles: roles}, {Person: "u-002", Roles: roles}, {Person: "u-003", Roles: roles}}, nil
}

func (always) Standing(context.Context, itsm.Tenant, itsm.Ref, config.Target) (config.Standing, error) {
	return config.Underway, nil
}

var agreements = sync.OnceValue(incident.DefaultAgreements)

// open makes a hospital over a store. Without an authorizer the shipped grants hold.
func open(t testing.TB, db store.DB, auth itsm.Authorizer) *hospital {
	t.Helper()
	h := &hospital{db: db, now: epoch}
	common := itsm.Config{Clock: h.clock, Random: rand.NewChaCha8([32]byte{1}), Authorizer: auth}
	inc, err := incident.New(incident.NewRepository(db), incident.Config{Config: common, Agreements: agreements()})
	require.NoError(t, err)
	chg, err := change.New(change.NewRepository(db), change.Config{Config: common, Board: always{}, Templates: change.NewTemplateRepository(db)})
	require.NoError(t, err)
	rel, err := release.New(release.NewRepository(db), release.Config{Config: common})
	require.NoError(t, err)
	ci, err := config.New(config.NewRepositories(db), config.Config{Config: common, Authorisations: config.AuthorisationsFunc(always{}.Standing)})
	require.NoError(t, err)
	base, err := baseline.New(baseline.NewRepository(db), ci, common)
	require.NoError(t, err)
	src, err := discovery.New(discovery.NewRepository(db), ci, common)
	require.NoError(t, err)
	h.processes = []process{
		with(inc.Service, incident.Record{Channel: incident.Phone, Caller: incident.Caller{Person: "u-007", Name: "x", Department: "fee", Phone: "8001"}, Summary: "the printer is silent"}, inc.Do,
			incident.Phone, incident.MisEntry, incident.WaitUser, incident.WaitSpare),
		with(chg.Service, theChange, chg.Do, theChange),
		with(chg.Templates, theTemplate, nil, theTemplate),
		with(rel.Service, release.Draft{Plan: thePlan}, rel.Do, thePlan),
		with(ci.Service, theServer, ci.Do, theServer, config.AffixLabel{Authority: under, Code: "L-1", Form: config.Physical}, config.Link{Authority: under, Type: "runs_on", To: "X-2"},
			config.DoActivate, config.DoMaintain, config.DoSuspend, config.DoWithdraw),
		with(base.Service, baseline.Take{Name: "before", Scope: baseline.Scope{Items: []itsm.ID{"X-1"}}}, base.Do),
		with(src.Service, discovery.Declare{System: "glpi"}, nil),
	}
	for _, p := range h.processes {
		for _, g := range p.Describe().Grants {
			h.roles = append(h.roles, g.Role)
		}
	}
	slices.Sort(h.roles)
	h.roles = slices.Compact(h.roles)
	return h
}

// What records are made of that cannot be made up.
var (
	thePlan   = releasePlan()
	theChange = change.Raise{
		Plan: &change.Plan{
			Implementer: "u-001", Team: "emr", TestPlan: "regression",
			Steps:   []change.Step{{What: "patch", Operator: "u-001", Check: "schema", Estimate: itsm.Hour, Tolerance: itsm.Minute, Undo: itsm.Hour}},
			Backout: change.Backout{Steps: []string{"restore"}, Trigger: "a check fails", Decider: "u-002", Duration: 20 * itsm.Minute, Verify: "order test"},
		},
		Request: change.Request{
			Title: "EMR patch", Reason: "orders are lost", Description: "install it", Category: change.Software, Items: []itsm.Ref{{Kind: config.Kind, ID: "X-1"}},
			Services: []string{"emr"}, Departments: []string{"wards"}, Benefit: "none lost", Urgency: change.UrgencyMedium, Hazard: "the table", IfNotDone: "more lost",
			Window: change.Window{Start: epoch.Add(48 * time.Hour), End: epoch.Add(53 * time.Hour)},
		},
	}
	theTemplate = change.DraftTemplate{Name: "restart", Content: change.TemplateContent{
		Category: change.Software, Team: "emr", TestPlan: "set 7", Expires: epoch.AddDate(1, 0, 0), Failures: 2, Scope: "minutes <= 480",
		Backout: change.TemplateBack{Steps: []string{"restore"}, Trigger: "a check fails", Duration: itsm.Minute, Verify: "test"},
		Steps:   []change.TemplateStep{{What: "stop", Check: "none", Estimate: itsm.Minute, Tolerance: itsm.Minute, Undo: itsm.Minute}},
	}}
	under     = config.Under(itsm.Ref{Kind: change.Kind, ID: "X-1"})
	theServer = config.Register{Authority: under, Class: "server", Name: "db", Attributes: map[string]itsm.Value{"model": itsm.TextOf("R750")}}
)

func releasePlan() release.Plan {
	at := func(d time.Duration) time.Time { return epoch.Add(d) }
	const day = 24 * time.Hour
	file := release.File{Key: "war", Path: "insurance/war", Version: "3.2", Size: 3, Digest: itsm.Digest{1}}
	return release.Plan{
		Title: "insurance interface", Type: release.TypeMinor, Zone: "Asia/Shanghai", Objective: "the new rules", Inside: []string{"settlement"}, Outside: []string{"check-ups"},
		Services: []string{"insurance"}, CIs: []string{"if-1"}, Criteria: []release.Criterion{{Key: "settles", Text: "it settles"}},
		Phases:   []release.Phase{{Stage: release.StagePlan, Window: release.Window{From: at(0), To: at(day)}}, {Stage: release.StageGoLive, Window: release.Window{From: at(10 * day), To: at(11 * day)}}},
		Manifest: release.Manifest{file},
		Units:    []release.Unit{{Key: "adapter", Version: "3.2", Files: []string{"war"}, Takes: itsm.Hour, Rollback: "start the old one", Back: itsm.Minute}},
		Waves:    []release.Wave{{Key: "pilot", Window: release.Window{From: at(10 * day), To: at(11 * day)}, Targets: []release.Target{{CI: "if-1", Units: []string{"adapter"}}}}},
		Observe:  itsm.Hour, Exit: []string{"no failure"},
	}
}

// everything is an authorizer that denies nothing.
type everything struct{}

func (everything) Authorize(itsm.Request) error { return nil }
func (everything) Sight(itsm.Actor) itsm.Sight {
	return itsm.Sight{Clearance: itsm.PatientRelated, Infrastructure: true}
}

func (h *hospital) as(tenant itsm.Tenant, person itsm.PersonID) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: tenant, Roles: h.roles})
}

// snapshot is all that a store keeps for a tenant, as lines of text: its journal, and the records of which that tells.
func (h *hospital) snapshot(t testing.TB, tenant itsm.Tenant) (lines []string) {
	t.Helper()
	var keys []itsm.Key
	for ev, err := range h.db.Events(context.Background(), "", itsm.Filter{Tenant: tenant}) {
		require.NoError(t, err)
		data, personal := ev.Data, ev.Personal
		ev.Data, ev.Personal, ev.Position = nil, nil, ""
		lines = append(lines, text(ev)+string(data)+string(personal))
		if ev.Kind != itsm.KindCommand && !slices.Contains(keys, ev.Key) {
			keys = append(keys, ev.Key)
		}
	}
	for _, key := range keys {
		s := stored(t, h.db, key)
		data := s.Data
		s.Data = nil
		lines = append(lines, text(s)+string(data))
	}
	return lines
}

// difference returns the first line in which two snapshots differ, "" when there is none.
func difference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		var a, b string
		if i < len(want) {
			a = want[i]
		}
		if i < len(got) {
			b = got[i]
		}
		if a != b {
			return fmt.Sprintf("line %d: want\n%s\ngot\n%s", i+1, a, b)
		}
	}
	return ""
}

// create brings one record of some kinds into being, of each when none is named, under the ID.
func (h *hospital) create(t testing.TB, tenant itsm.Tenant, id itsm.ID, kinds ...itsm.Kind) {
	t.Helper()
	for _, p := range h.processes {
		if len(kinds) > 0 && !slices.Contains(kinds, p.Kind()) {
			continue
		}
		once := itsm.Once(itsm.CommandID(fmt.Sprint("create/", p.Kind(), "/", id)))
		_, err := p.Give(h.as(tenant, "u-001"), id, p.First(), once)
		require.NoError(t, err, p.Kind())
	}
}

// expected reports whether an error is one that a caller may get for a wrong command.
func expected(err error) bool {
	var refused *itsm.RefusedError
	return err == nil || errors.As(err, &refused) || errors.Is(err, itsm.ErrInvalid) || errors.Is(err, itsm.ErrDenied) || errors.Is(err, itsm.ErrNotFound) ||
		errors.Is(err, itsm.ErrExists) || errors.Is(err, itsm.ErrConflict)
}
