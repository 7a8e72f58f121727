package release_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/store/memory"
)

// inUnit is the process as it is in a unit of work: what the CMDB is part of can be decided.
type inUnit struct{ *release.Process }

func (p inUnit) Gather(ctx context.Context, rec release.Release, cmd release.Command, env itsm.Env) (release.Facts, error) {
	f, err := p.Process.Gather(ctx, rec, cmd, env)
	f.InUnit = true
	return f, err
}

// wide returns a plan whose windows are open for years, to be signed by the people of the suite.
func wide(t release.Type) release.Plan {
	p := plan()
	if t == release.TypeEmergency {
		p = emergency()
	}
	from, to := time.Date(2026, 2, 14, 0, 0, 0, 0, time.UTC), time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
	p.Type = t
	for i := range p.Phases {
		p.Phases[i].Window = release.Window{From: from, To: from}
	}
	if len(p.Phases) > 0 {
		p.Phases[len(p.Phases)-1].To = to
	}
	for i := range p.Waves {
		p.Waves[i].Window, p.Waves[i].After = release.Window{From: from, To: to}, nil
	}
	p.Waves[1].Targets[0].Units = []string{"tables", "adapter"}
	p.Waves[1].Skip = true
	p.Signers = []release.Signer{{Party: "business", People: []itsm.PersonID{"u-001", "u-002"}}, {Party: "desk", People: []itsm.PersonID{"u-002", "u-003"}}}
	p.Observe = itsm.Hour
	return p
}

func lawProcess(t testing.TB, policy release.Policy) inUnit {
	t.Helper()
	w := &world{changes: map[itsm.ID]release.Change{"CHG-1": {Approved: true, Digest: digest("CHG-1"), Reason: "r", Impact: "i", Scope: "s"}}}
	p, err := release.NewProcess(nil, w.config(release.Config{Policy: &policy}))
	require.NoError(t, err)
	return inUnit{p}
}

func auto() release.Policy {
	p := release.DefaultPolicy()
	p.AutoPromote = true
	return p
}

// draw draws a command that is likely in the state of the record, or for the rest any.
func draw(t *rapid.T, rec release.Release, step int) (itsm.Command, []itsm.Option) {
	some := func(name string) string { return rapid.SampledFrom([]string{"x", "回滚", "it works"}).Draw(t, name) }
	text := func(name string) string { return rapid.SampledFrom([]string{"", "x", "回滚"}).Draw(t, name) }
	kind := rapid.SampledFrom([]release.Type{release.TypeMajor, release.TypeMinor, release.TypeEmergency, release.TypeEmergency}).Draw(t, "type")
	p := wide(kind)
	p.Title += some("title")
	if rapid.IntRange(0, 2).Draw(t, "no return") == 0 {
		p.Units[0].Rollback, p.Units[0].Back, p.Units[0].NoReturn = some("what"), 0, true
	}
	if step == 0 {
		return release.Draft{Plan: p}, nil
	}
	manifest, environment := rec.Plan.Manifest.Digest(), itsm.Digest{}
	if rec.Inspection != nil {
		environment = rec.Inspection.Environment
	}
	ci := rapid.SampledFrom([]string{"db-1", "if-1", "if-2"}).Draw(t, "ci")
	unit := rapid.SampledFrom([]string{"tables", "adapter"}).Draw(t, "unit")
	files := measured("schema", "war")
	switch {
	case ci == "db-1":
		files = files[:1]
	case ci == "if-1":
		files = files[1:]
	}
	next := release.StepPackage
	for _, tg := range rec.Targets {
		if tg.CI == ci {
			switch {
			case tg.Step == release.StepPackage:
				next = release.StepDeliver
			case tg.Step == release.StepDeliver, tg.Step == release.StepInstall && ci == "if-2" && len(tg.Units) < 2:
				next = release.StepInstall
			case tg.Step == release.StepInstall:
				next = release.StepOperate
			}
		}
	}
	distribute := release.Distribute{CI: ci, Step: next, Files: files}
	if next == release.StepInstall {
		distribute.Unit = unit
		distribute.Files = measured(map[string]string{"tables": "schema", "adapter": "war"}[unit])
	}
	broken := distribute
	broken.Files = []release.Measured{{Key: "schema", Digest: digest("other"), Size: 1}}
	inspection := release.InspectTest{Test: uat(), Production: production()}
	security := release.CheckSecurity{Access: []itsm.PersonID{"u-001"}, Isolated: true, LiveData: rapid.IntRange(0, 5).Draw(t, "live") == 0}
	gate := release.JudgeGate{Gate: "trial", Readings: []release.Reading{{Measure: "failed_settlements", Value: float64(rapid.IntRange(0, 1).Draw(t, "failed"))}}, Manifest: manifest, Environment: environment}
	report := release.ReportTest{Manifest: manifest, Environment: environment, Cases: 4, Failed: rapid.IntRange(0, 1).Draw(t, "cases"), Evidence: some("evidence")}
	sign := release.Sign{Verdict: rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Approve, approval.Approve, approval.Reject}).Draw(t, "verdict"), Content: rec.SignOff.Content.Digest, Comment: some("comment")}
	judgement := judged(rapid.SampledFrom(release.Acceptances()).Draw(t, "answer"))
	judgement.Remarks = some("remarks")
	if judgement.Answer == release.WithRemarks {
		judgement.Conditions = []release.Condition{{Text: some("condition"), Due: rec.Updated.Add(30 * time.Hour)}}
	}
	undo := release.UndoStep{Evidence: some("evidence")}
	if rec.Rollback != nil && len(rec.Rollback.Left) > 0 {
		undo.Undo = rec.Rollback.Left[0]
	}
	consult := release.NoteConsultation{Party: rapid.SampledFrom(plan().Consult).Draw(t, "party"), Person: "u-009", Said: some("said"), Agrees: rapid.Bool().Draw(t, "agrees"), Answer: text("answer")}
	back := release.RollBack{Why: some("why"), Partly: rapid.Bool().Draw(t, "partly")}
	prepare := release.Prepare{Key: rapid.SampledFrom([]string{"backup", "leaflet"}).Draw(t, "key"), Evidence: some("evidence")}
	take := release.TakeBaseline{Baseline: &baseline}
	filing := release.FileReport{Analysis: some("a"), Lessons: some("l"), Shared: []string{"all"}, Exit: []string{some("exit")}}
	likely := map[release.State][]itsm.Command{
		release.StatePlanning:    {release.OpenConsultation{}, release.OpenConsultation{}, prepare},
		release.StateConsulting:  {consult, release.Submit{}, release.Submit{}, sign, sign, sign},
		release.StateSignedOff:   {release.Build{}, inspection, security, release.StartTest{}, take, release.AcceptNoReturn{Unit: "tables"}},
		release.StateBuilding:    {inspection, security, release.StartTest{}, release.StartTest{}, take},
		release.StateTesting:     {report, report},
		release.StateTestPassed:  {prepare, prepare, take, release.AcceptNoReturn{Unit: "tables"}, release.MakeReady{}, release.Deploy{}},
		release.StateReady:       {release.Deploy{}, take},
		release.StateDeploying:   {release.StartWave{Wave: "pilot"}, gate, release.StartWave{Wave: "rest"}, distribute, distribute, distribute, broken, release.Complete{}, release.Complete{Partly: text("partly")}, release.SkipWave{Wave: "rest", Why: some("why")}},
		release.StateHalted:      {release.Continue{Why: some("why")}, release.RetryTarget{CI: ci, Why: some("why")}, back, release.Complete{Partly: some("partly")}},
		release.StateDeployed:    {release.TakeBaseline{After: true, Baseline: &baseline}, release.Present{}, back, release.Compare{Deviations: []release.Deviation{{CI: ci, Attribute: "version", Want: "1", Got: "2"}}}},
		release.StateAccepting:   {release.JudgeBusiness{Judgement: judgement}, release.JudgeOperations{Judgement: judgement}, release.MeetCondition{Side: release.Business, Nth: 1, Evidence: some("e")}, release.MeetCondition{Side: release.Operations, Nth: 1, Evidence: some("e")}},
		release.StateAccepted:    {filing, release.Compare{}, release.Explain{Nth: 1, Because: some("because")}, release.TakeBaseline{After: true, Baseline: &baseline}},
		release.StateRejected:    {back, release.FixForward{By: itsm.Ref{Kind: "change", ID: "CHG-9"}, Why: some("why")}},
		release.StateRollingBack: {undo, undo, release.FinishRollback{}},
		release.StateRolledBack:  {filing},
	}[rec.State]
	any := []itsm.Command{
		release.Revise{Plan: p}, release.Revise{Plan: p}, release.OpenConsultation{}, consult, release.Submit{}, sign, release.ConfirmSignature{OK: true, Content: rec.SignOff.Content.Digest}, release.Cancel{Why: text("why")},
		release.Build{}, inspection, security, release.StartTest{}, report, prepare, release.AcceptNoReturn{Unit: unit}, gate, take, release.MakeReady{}, release.Deploy{},
		release.StartWave{Wave: text("wave")}, release.SkipWave{Wave: "pilot", Why: some("why")}, distribute, broken, release.FailTarget{CI: ci, Why: text("why")}, release.RetryTarget{CI: ci, Why: some("why")},
		release.Stop{Why: some("why")}, release.Continue{Why: text("why")}, release.Complete{}, back, undo, release.FinishRollback{}, release.Compare{}, release.Explain{Nth: 1, Because: text("because")},
		release.Present{}, release.JudgeBusiness{Judgement: judgement}, release.JudgeOperations{Judgement: judgement}, release.MeetCondition{Side: release.Business, Nth: 1, Evidence: text("e")},
		release.FixForward{By: itsm.Ref{Kind: "change", ID: "CHG-9"}, Why: text("why")}, filing, release.Tick{},
		release.Waive{Difference: release.Difference{CI: "uat-db"}, Why: some("why"), Until: rec.Updated.Add(time.Hour)},
	}
	if len(likely) > 0 && rapid.IntRange(0, 7).Draw(t, "likely") > 0 {
		return rapid.SampledFrom(likely).Draw(t, "command"), nil
	}
	return rapid.SampledFrom(any).Draw(t, "command"), nil
}

func allStates() (names []string) {
	p, err := release.NewProcess(nil, release.Config{})
	if err != nil {
		panic(err)
	}
	for _, s := range p.Machine(release.TypeMajor).States() {
		names = append(names, string(s))
	}
	return names
}

func TestLaws(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[release.Release, release.Facts, release.Command]{
		Process: lawProcess(t, auto()), Command: draw, States: allStates(), Steps: 20,
		Tick: func(release.Release) itsm.Command { return release.Tick{} },
	})
}

func TestLawsOverFaults(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[release.Release, release.Facts, release.Command]{
		Process: lawProcess(t, release.DefaultPolicy()), Command: draw, States: allStates(),
		Tick: func(release.Release) itsm.Command { return release.Tick{} },
		Open: func(testing.TB) itsm.Repository[release.Release] {
			return release.NewRepository(itsmtest.NewFaultyDB(memory.New()))
		},
	}, itsmtest.Once)
}

func TestInvariants(t *testing.T) {
	t.Parallel()
	t.Run("R-203 whatever is tried, what is deployed was signed as it is, tested as it is, and carries approved changes only", func(t *testing.T) {
		t.Parallel()
		deployed := 0
		d := open(t, release.Config{})
		good := d.world.changes["CHG-1"]
		for round := 0; round < 20 && deployed == 0; round++ {
			rapid.Check(t, func(rt *rapid.T) {
				roles := []itsm.Role{itsm.RoleChangeManager, itsm.RoleSoftwareEngineer, itsm.RoleConfigManager, itsm.RoleServiceDesk}
				d.world.changes["CHG-1"] = good
				d.now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
				rec, err := d.Do(as("u-001", roles...), "", release.Draft{Plan: wide(rapid.SampledFrom(release.Types()).Draw(rt, "type"))})
				require.NoError(rt, err)
				for step := range 20 {
					d.now = d.now.Add(time.Hour)
					c := good
					c.Approved = rapid.IntRange(0, 9).Draw(rt, "approved") > 0
					d.world.changes["CHG-1"] = c
					before := rec
					if rapid.IntRange(0, 2).Draw(rt, "onward") > 0 {
						for _, m := range onward(rec) {
							_, err = d.Do(as(m.Actor.ID, roles...), rec.ID, m.Command)
						}
					} else {
						cmd, _ := draw(rt, rec, step+1)
						_, err = d.Do(as(rapid.SampledFrom([]itsm.PersonID{"u-001", "u-002", "u-003"}).Draw(rt, "who"), roles...), rec.ID, cmd)
					}
					rec = d.get(rec.ID)
					if err != nil || rec.State != release.StateDeploying || before.State == release.StateDeploying || before.State == release.StateHalted {
						continue
					}
					deployed++
					test := rec.Test()
					if !rec.Signed() || test == nil || !test.Passed || !c.Approved || rec.Baseline == nil || test.Environment != rec.Inspection.Environment || len(rec.Inspection.Shared) > 0 {
						rt.Fatalf("deployed without what it takes: %+v", rec)
					}
				}
				if rec.State == release.StateDeploying { // let the next history have the targets
					_, _ = d.Do(manager, rec.ID, release.RollBack{Why: "w", Partly: true})
				}
				for rec = d.get(rec.ID); rec.Open(); rec = d.get(rec.ID) {
					switch {
					case rec.State == release.StateHalted:
						_, err = d.Do(manager, rec.ID, release.RollBack{Why: "w", Partly: true})
					case len(rec.Rollback.Left) > 0:
						_, err = d.Do(engineer, rec.ID, release.UndoStep{Undo: rec.Rollback.Left[0], Evidence: "e"})
					default:
						_, err = d.Do(manager, rec.ID, release.FinishRollback{})
					}
					require.NoError(rt, err)
				}
			})
		}
		t.Logf("%d deployments", deployed)
		require.Positive(t, deployed, "the histories get that far")
	})
}

// onward is what leads a release on from where it stands.
func onward(rec release.Release) (moves []itsmtest.Move) {
	by := func(who itsm.PersonID, cmds ...itsm.Command) {
		for _, c := range cmds {
			moves = append(moves, itsmtest.Move{Command: c, Actor: itsm.Actor{ID: who}})
		}
	}
	switch rec.State {
	case release.StatePlanning:
		by("u-001", release.OpenConsultation{})
	case release.StateConsulting:
		for _, p := range plan().Consult {
			by("u-001", release.NoteConsultation{Party: p, Person: "u-009", Said: "s", Agrees: true})
		}
		sign := release.Sign{Verdict: approval.Approve, Content: rec.SignOff.Content.Digest}
		by("u-001", release.Submit{})
		by("u-002", sign)
		by("u-003", sign)
	case release.StateSignedOff, release.StateBuilding:
		by("u-001", release.Build{}, release.InspectTest{Test: uat(), Production: production()}, release.CheckSecurity{Access: []itsm.PersonID{"u-001"}, Isolated: true}, release.StartTest{})
	case release.StateTesting:
		by("u-001", tested(rec))
	case release.StateTestPassed:
		by("u-002", release.AcceptNoReturn{Unit: "tables"})
		by("u-001", release.Prepare{Key: "backup", Evidence: "e"}, release.Prepare{Key: "leaflet", Evidence: "e"}, release.TakeBaseline{Baseline: &baseline}, release.MakeReady{}, release.Deploy{})
	case release.StateReady:
		by("u-001", release.Deploy{})
	}
	return moves
}
