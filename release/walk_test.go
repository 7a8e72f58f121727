package release_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/release"
)

// moves are one of each command and more, filled in so that they go through where they can.
func moves(t testing.TB) func(rec release.Release) []itsmtest.Move {
	var own []itsm.Command
	for _, c := range lawProcess(t, release.DefaultPolicy()).Describe().Commands {
		if c.CommandName() == "release.yield_to" {
			own = append(own, c)
		}
	}
	return func(rec release.Release) []itsmtest.Move {
		if rec.State == "" {
			return itsmtest.Moves(release.Draft{Plan: wide(release.TypeMajor)}, release.Draft{Plan: wide(release.TypeEmergency)})
		}
		other := wide(rec.Plan.Type)
		other.Title = "again"
		manifest, environment := rec.Plan.Manifest.Digest(), itsm.Digest{}
		if rec.Inspection != nil {
			environment = rec.Inspection.Environment
		}
		undo := release.UndoStep{Evidence: "e"}
		if rec.Rollback != nil && len(rec.Rollback.Left) > 0 {
			undo.Undo = rec.Rollback.Left[0]
		}
		remarks := judged(release.WithRemarks)
		remarks.Conditions = []release.Condition{{Text: "c", Due: rec.Updated.Add(1000 * time.Hour)}}
		rejected := judged(release.Reject)
		rejected.Remarks = "no"
		all := itsmtest.Moves(append(own,
			release.Draft{Plan: other}, release.OpenConsultation{}, release.NoteConsultation{Party: plan().Consult[0], Person: "p", Said: "s", Agrees: true},
			release.NoteConsultation{Party: plan().Consult[1], Person: "p", Said: "s", Agrees: true}, release.Submit{}, release.Cancel{Why: "w"}, release.Build{},
			release.InspectTest{Test: uat(), Production: production()}, release.CheckSecurity{Access: []itsm.PersonID{"u"}, Isolated: true}, release.StartTest{},
			release.ReportTest{Manifest: manifest, Environment: environment, Cases: 1, Evidence: "e"}, release.ReportTest{Manifest: manifest, Environment: environment, Cases: 1, Failed: 1, Evidence: "e"},
			release.Prepare{Key: "backup", Evidence: "e"}, release.Prepare{Key: "leaflet", Evidence: "e"}, release.AcceptNoReturn{Unit: "tables"}, release.Waive{Why: "w", Until: rec.Updated.Add(time.Hour)},
			release.JudgeGate{Gate: "trial", Readings: []release.Reading{{Measure: "failed_settlements"}}, Manifest: manifest, Environment: environment},
			release.TakeBaseline{Baseline: &baseline}, release.TakeBaseline{After: true, Baseline: &baseline}, release.MakeReady{}, release.Deploy{},
			release.StartWave{Wave: "pilot"}, release.SkipWave{Wave: "rest", Why: "w"},
			release.Distribute{CI: "db-1", Step: release.StepPackage, Files: measured("schema")}, release.Distribute{CI: "db-1", Step: release.StepDeliver, Files: measured("schema")},
			release.Distribute{CI: "db-1", Step: release.StepInstall, Unit: "tables", Files: measured("schema")},
			release.FailTarget{CI: "db-1", Why: "w"}, release.RetryTarget{CI: "db-1", Why: "w"}, release.Stop{Why: "w"}, release.Continue{Why: "w"},
			release.Complete{Partly: "w"}, release.RollBack{Why: "w", Partly: true}, undo, release.FinishRollback{}, release.Compare{Deviations: []release.Deviation{{CI: "db-1", Attribute: "a"}}}, release.Explain{Nth: 1, Because: "b"},
			release.Present{}, release.JudgeBusiness{Judgement: judged(release.Accept)}, release.JudgeBusiness{Judgement: remarks}, release.JudgeBusiness{Judgement: rejected},
			release.MeetCondition{Side: release.Business, Nth: 1, Evidence: "e"}, release.FixForward{By: itsm.Ref{Kind: "change", ID: "CHG-9"}, Why: "w"}, report, release.Tick{},
		)...)
		if rec.State != release.StatePlanning { // revising a draft for ever leads nowhere new
			all = append(all, itsmtest.Move{Command: release.Revise{Plan: other}})
		} else if rec.Edition < 2 {
			all = append(all, itsmtest.Move{Command: release.Revise{Plan: other}})
		}
		sign := release.Sign{Verdict: approval.Approve, Content: rec.SignOff.Content.Digest}
		for _, person := range []itsm.PersonID{"u-002", "u-003"} {
			all = append(all, itsmtest.Move{Command: sign, Actor: itsm.Actor{ID: person, Roles: []itsm.Role{itsm.RoleServiceDesk}}},
				itsmtest.Move{Command: release.ConfirmSignature{OK: true, Content: sign.Content}, Actor: itsm.Actor{ID: person, Roles: []itsm.Role{itsm.RoleServiceDesk}}})
		}
		return append(all, itsmtest.Move{Command: release.JudgeOperations{Judgement: judged(release.Accept)}, Actor: itsm.Actor{ID: "u-002", Roles: []itsm.Role{itsm.RoleServiceDesk}}})
	}
}

func TestWalk(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short: the walk is long, and has nothing for the race detector")
	}
	t.Parallel()
	process := lawProcess(t, release.DefaultPolicy())
	edges := itsmtest.Edges(process.Machine(release.TypeMajor))
	for _, e := range itsmtest.Edges(process.Machine(release.TypeEmergency)) {
		if e.From != "" {
			edges = append(edges, e)
		}
	}
	t.Run("R-206 every command in every state: no step but plan, build, test, go-live in their order", func(t *testing.T) {
		t.Parallel()
		cover := itsmtest.Walk(t, itsmtest.Model[release.Release, release.Facts, release.Command]{
			Process: process, Moves: moves(t), States: allStates(), Edges: edges,
			// What needs another record, a difference, a point of no return, or a word of mouth; each is tried in a test of its own.
			Elsewhere: []string{"release.waive", "release.accept_no_return", "release.yield_to", "release.confirm_signature"},
			Abstract: func(rec release.Release) string {
				// What the commands of the state look at.
				kind := string(rec.Plan.Type)
				switch rec.State {
				case release.StateConsulting:
					return fmt.Sprint(kind, len(rec.Consulted), rec.SignOff.Outcome, len(rec.SignOff.Votes))
				case release.StateSignedOff, release.StateBuilding:
					return fmt.Sprint(kind, rec.Inspection != nil, rec.Security != nil)
				case release.StateTestPassed:
					return fmt.Sprint(kind, len(rec.Prepared), rec.Baseline != nil)
				case release.StateDeploying, release.StateHalted:
					return fmt.Sprint(rec.Targets[0].Step, rec.Targets[0].Failed != nil, rec.Waves[0].Started.IsZero())
				case release.StateRollingBack:
					return fmt.Sprint(len(rec.Rollback.Left), rec.Deployed.IsZero())
				case release.StateDeployed, release.StateAccepted:
					return fmt.Sprint(rec.After != nil, rec.Compared.IsZero(), len(rec.Deviates) > 0 && rec.Deviates[0].Because == "")
				case release.StateAccepting:
					verdicts := rec.Rounds[len(rec.Rounds)-1].Verdicts
					var text strings.Builder
					text.WriteString(fmt.Sprint(rec.After != nil, rec.Compared.IsZero()))
					for _, v := range verdicts {
						text.WriteString(fmt.Sprint(v.Side, v.Answer))
					}
					return text.String()
				}
				return kind
			},
			Actor: itsm.Actor{ID: "u-001", Roles: []itsm.Role{itsm.RoleChangeManager, itsm.RoleSoftwareEngineer, itsm.RoleConfigManager}}, Pause: time.Hour, Most: 4000,
		})
		for _, s := range allStates() {
			if s != "ready" && s != "test_passed" {
				assert.Zero(t, cover.Accepted(s, "release.deploy"), s)
			}
			if s != "deploying" && s != "halted" {
				assert.Zero(t, cover.Accepted(s, "release.complete"), s)
			}
		}
	})
}
