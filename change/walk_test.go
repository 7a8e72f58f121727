package change_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// walkBegins is when each path of a walk begins.
var walkBegins = time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)

// moves are one of each command and more, filled in so that they go through where they can.
func moves(t *testing.T, p *change.Process) func(rec change.Change) []itsmtest.Move {
	return func(rec change.Change) []itsmtest.Move {
		r, pl := request(), plan()
		from := rec.Updated
		if from.IsZero() {
			from = walkBegins
		}
		r.Departments = nil
		// Eight hours pass between two commands: the window opens when the shortest way gets there.
		opens := map[change.Type]time.Duration{change.TypeNormal: 97 * time.Hour, change.TypeEmergency: 33 * time.Hour, change.TypeStandard: 33 * time.Hour}
		windowOf := func(typ change.Type) change.Window {
			return change.Window{Start: from.Add(opens[typ]), End: from.Add(opens[typ] + 400*time.Hour)}
		}
		r.Window = rec.Window
		pl.Implementer, pl.Backout.Decider = "u-001", "u-001"
		for i := range pl.Steps {
			pl.Steps[i].Operator, pl.Steps[i].Tolerance = "u-001", 300*itsm.Hour
		}
		if rec.State == "" {
			normal, emergency, standard := change.Raise{Request: r, Plan: &pl}, change.Raise{Request: r, Plan: &pl, Type: change.TypeEmergency}, change.Raise{Request: r, Plan: &pl, Template: "CHT-1"}
			emergency.Urgency = change.UrgencyNow
			normal.Window, emergency.Window, standard.Window = windowOf(change.TypeNormal), windowOf(change.TypeEmergency), windowOf(change.TypeStandard)
			return itsmtest.Moves(normal, emergency, standard, change.Raise{Type: "strange"})
		}
		because := []itsm.Option{itsm.Because("because")}
		var all []itsmtest.Move
		for _, c := range []itsm.Command{
			change.Describe{Request: r}, change.SetPlan{Plan: pl}, change.SetStatement{System: "s", Statement: "x"}, change.Submit{}, change.Return{Why: "w"}, change.ScoreRisk{Answers: mediumRisk}, change.Classify{Type: rec.Type, Scale: scaleOf(rec)},
			change.RaiseRisk{Risk: change.RiskHigh, Why: "w"}, change.BeginAssessment{}, change.Assess{Kind: change.OfIT, Agrees: true, Conclusion: "c"},
			change.BeginBuild{}, change.RecordBuild{Ref: "b"}, change.BeginTest{}, change.RecordTest{Ref: "t", Cases: 1}, change.RecordRehearsal{Ref: "r"}, change.FinishTask{Nth: 1},
			change.Reject{Why: "w"}, change.Rework{Why: "w"}, change.Cancel{Why: "w"}, change.RequestApproval{}, change.ConfirmOral{}, change.Preapprove{},
			change.Waive{Key: "k", Why: "w"}, change.Schedule{}, change.Announce{To: []string{"wards"}},
			change.Start{}, change.BeginStep{}, change.FinishStep{Passed: true}, change.FinishStep{Deviation: "d"}, change.AcceptDeviation{Nth: 1, Why: "w"}, change.GoOn{Why: "w"},
			change.TakeEvidence{Ref: "r"}, change.CheckData{Finding: "f"}, change.Succeed{}, change.Fail{Why: "w"}, change.BackOut{}, change.Restore{Verified: "v"}, change.Impose{Freeze: "f"},
			change.Compare{}, change.ReportDifference{Nth: 1, Incident: "INC-1"}, change.Link{To: itsm.Ref{Kind: "incident", ID: "INC-2"}, Relation: change.CausedBy}, change.Inform{To: itsm.Ref{Kind: "incident", ID: "INC-2"}},
			change.CompleteRecord{}, change.Close{Recorded: true}, change.Tick{}, change.Raise{},
		} {
			all = append(all, itsmtest.Move{Command: c, Options: because})
		}
		// What takes somebody else.
		other := itsm.Actor{ID: "u-002", Roles: []itsm.Role{itsm.RoleChangeManager}}
		for _, c := range []itsm.Command{change.Assess{Kind: change.OfBusiness, Agrees: true, Conclusion: "c"}, cast(t, p, rec, approval.Approve), cast(t, p, rec, approval.Reject), change.WriteReview{Lessons: "l"},
			change.Recuse{Recusal: approval.Recusal{Member: "u-003", Why: "w"}}, change.ChangeElectorate{ElectorateChange: approval.ElectorateChange{Add: []approval.Member{{Person: "u-009", Roles: []itsm.Role{itsm.RoleChangeManager}}}, Why: "w"}}} {
			all = append(all, itsmtest.Move{Command: c, Options: because, Actor: other})
		}
		return all
	}
}

func scaleOf(c change.Change) change.Scale {
	if c.Type == change.TypeNormal {
		return change.Major
	}
	return ""
}

// walkOn is a store in which the template of the walk's standard changes is in force.
func walkOn(t *testing.T) (*store.Repository[change.Change], change.Config) {
	db := memory.New()
	cfg := change.Config{Board: board{itsm.RoleChangeManager: {"u-002", "u-003"}, itsm.RoleProjectManager: {"u-002"}}, Approvals: anyone(t), Templates: change.NewTemplateRepository(db)}
	pol := change.DefaultPolicy()
	pol.Heads = nil
	cfg.Policy = &pol
	cfg.Clock = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	s, err := change.New(change.NewRepository(db), cfg)
	require.NoError(t, err)
	content := templateContent()
	for i := range content.Steps {
		content.Steps[i].Tolerance = 300 * itsm.Hour
	}
	content.Expires, content.Scope, content.Failures = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC), "", 1000
	adopt(t, s, "CHT-1", content, as("u-005", itsm.RoleSoftwareEngineer), as("u-002", itsm.RoleChangeManager))
	cfg.Clock = nil
	return change.NewRepository(db), cfg
}

func TestWalk(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short: the walk is long, and has nothing for the race detector")
	}
	t.Parallel()
	repo, cfg := walkOn(t)
	p, err := change.NewProcess(nil, cfg) // without repository: the many records of a walk must not collide
	require.NoError(t, err)
	var edges []itsmtest.Edge
	for _, typ := range change.Types() {
		edges = append(edges, itsmtest.Edges(p.Machine(typ))...)
	}
	actor := itsm.Actor{ID: "u-001", Tenant: "h1"}
	for _, g := range change.Grants() {
		actor.Roles = append(actor.Roles, g.Role)
	}
	t.Run("every command in every state: nothing is implemented but what is approved, and nothing leaves failed but the way back", func(t *testing.T) {
		t.Parallel()
		cover := itsmtest.Walk(t, itsmtest.Model[change.Change, change.Facts, change.Command]{
			Process: p, Moves: moves(t, p), States: stateNames(p), Edges: edges, Actor: actor, Pause: 8 * time.Hour,
			Open: func(testing.TB) itsm.Repository[change.Change] { return repo },
			// What needs data, tasks, conflicts, oral votes, deviations, freezes: tried where those are.
			Elsewhere: []string{"change.waive", "change.finish_task", "change.confirm_oral", "change.take_evidence", "change.check_data", "change.impose_freeze", "change.accept_deviation",
				"change.report_difference", "change.inform", "change.complete_record", "change.set_statement"},
			Abstract: func(rec change.Change) string {
				switch rec.State {
				case change.StateClassified:
					return fmt.Sprint(rec.Type, rec.Score.Risk)
				case change.StateAssessing:
					return fmt.Sprint(len(rec.Assessments))
				case change.StateBuilding:
					return fmt.Sprint(len(rec.Builds) > 0)
				case change.StateTesting:
					return fmt.Sprint(len(rec.Tests) > 0, rec.Score.Risk)
				case change.StateImplementing:
					return fmt.Sprint(rec.Type, begun(rec), len(rec.Work.Results) > 0 && rec.Work.Results[len(rec.Work.Results)-1].Ended.IsZero())
				case change.StateBackedOut, change.StateInReview:
					return fmt.Sprint(rec.Type, rec.Comparison != nil, len(rec.Links), rec.Paper != nil && rec.Paper.Done.IsZero(), len(rec.Assessments))
				}
				return fmt.Sprint(rec.Type)
			},
		})
		for _, s := range p.Machine(change.TypeNormal).States() {
			if s != change.StateScheduled && s != change.StateApproved {
				assert.Zero(t, cover.Accepted(string(s), "change.start"), s)
			}
			if s != change.StateFailed {
				assert.Zero(t, cover.Accepted(string(s), "change.back_out"), s)
			}
			if s != change.StateInReview {
				assert.Zero(t, cover.Accepted(string(s), "change.close"), s)
			}
		}
	})
}
