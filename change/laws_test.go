package change_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store/memory"
)

// cast is a vote on a change as it is.
func cast(t interface{ Fatal(...any) }, p *change.Process, rec change.Change, verdict approval.Verdict) change.Vote {
	print, err := p.Content(rec)
	if err != nil {
		t.Fatal(err)
	}
	v := change.Vote{Cast: approval.Cast{Verdict: verdict, Content: print.Digest, Comment: "a word"}}
	for _, item := range approval.FourItems() {
		v.Findings = append(v.Findings, approval.Finding{Item: item, OK: true})
	}
	return v
}

// everybody on the board is one of the people of generated histories.
var smallBoard = board{
	itsm.RoleChangeManager: {"u-002", "u-003"}, change.RoleBoard: {"u-002", "u-003"}, itsm.RoleSecurityAdmin: {"u-002", "u-003"},
	change.RoleDirector: {"u-002", "u-003"}, change.RoleEmergencyBoard: {"u-002", "u-003"}, itsm.RoleProjectManager: {"u-002"},
}

// anyone approves everything: histories are about changes, votes are tried in the package approval.
func anyone(t testing.TB) *approval.Policy {
	p, err := approval.NewPolicy(approval.PolicyData{
		Name: "test", Version: "1", Owner: "test", ReviewBy: "2030-01-01", Types: []string{"standard", "normal", "emergency"}, Risks: []string{"low", "medium", "high"},
		Rows: []approval.Row{
			{Types: []string{"standard", "normal"}, Plan: approval.Plan{Name: "any", Rule: approval.AtLeast(1, itsm.RoleChangeManager), Within: 24 * itsm.Hour}},
			{Types: []string{"emergency"}, Plan: approval.Plan{Name: "oral", Rule: approval.AtLeast(1, itsm.RoleChangeManager), Within: 24 * itsm.Hour, Oral: 24 * itsm.Hour}},
		},
	})
	require.NoError(t, err)
	return p
}

func process(t testing.TB, cfg change.Config) *change.Process {
	if cfg.Board == nil {
		cfg.Board = smallBoard
	}
	if cfg.Approvals == nil {
		cfg.Approvals = anyone(t)
	}
	pol := change.DefaultPolicy()
	pol.Heads = nil
	cfg.Policy = &pol
	p, err := change.NewProcess(nil, cfg)
	require.NoError(t, err)
	return p
}

// drawer draws a command that is likely in the state of the record, or for the rest any.
func drawer(p *change.Process) func(t *rapid.T, rec change.Change, step int) (itsm.Command, []itsm.Option) {
	return func(t *rapid.T, rec change.Change, step int) (itsm.Command, []itsm.Option) {
		some := func(name string) string {
			return rapid.SampledFrom([]string{"x", "the schema check failed", "结构检查失败"}).Draw(t, name)
		}
		maybe := func(name string) string { return rapid.SampledFrom([]string{"", "x"}).Draw(t, name) }
		r, pl := request(), plan()
		r.Title, r.Departments, r.Causes = some("title"), nil, nil
		if rapid.Bool().Draw(t, "cause") {
			r.Causes = []itsm.Ref{{Kind: "problem", ID: "PRB-1"}}
		}
		r.Category = rapid.SampledFrom([]change.Category{change.Software, change.Software, change.Network, change.Data}).Draw(t, "category")
		r.Owner = "u-001"
		from := rec.Updated
		if from.IsZero() {
			from = walkBegins
		}
		r.Window = change.Window{Start: from.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "from")) * time.Hour)}
		r.Window.End = r.Window.Start.Add(time.Duration(rapid.IntRange(2, 700).Draw(t, "length")) * time.Hour)
		pl.Implementer, pl.Backout.Decider = "u-001", rapid.SampledFrom([]itsm.PersonID{"u-001", "u-002"}).Draw(t, "decider")
		for i := range pl.Steps {
			pl.Steps[i].Operator = "u-001"
		}
		if step == 0 {
			typ := rapid.SampledFrom([]change.Type{change.TypeNormal, change.TypeNormal, change.TypeEmergency}).Draw(t, "type")
			if typ == change.TypeEmergency {
				r.Urgency = change.UrgencyNow
			}
			return change.Raise{Request: r, Plan: &pl, Type: typ}, nil
		}
		if rec.Category == change.Data && rec.Data != nil && rec.Data.Statement == "" {
			r.Category = change.Software
		}
		score := change.ScoreRisk{Answers: rapid.SampledFrom([]map[string]string{lowRisk, mediumRisk, highRisk}).Draw(t, "risk")}
		vote := cast(t, p, rec, rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Approve, approval.Approve, approval.Reject, approval.Abstain}).Draw(t, "verdict"))
		passed := change.FinishStep{Passed: rapid.IntRange(0, 4).Draw(t, "passed") > 0, Deviation: some("deviation"), Serious: rapid.IntRange(0, 5).Draw(t, "serious") == 0}
		it, business := change.Assess{Kind: change.OfIT, Agrees: true, Conclusion: some("it")}, change.Assess{Kind: change.OfBusiness, Agrees: true, Conclusion: some("business")}
		likely := map[change.State][]itsm.Command{
			change.StateDraft:      {change.Submit{}, change.Submit{}, change.Describe{Request: r}},
			change.StateSubmitted:  {score, change.Classify{}, change.Classify{}},
			change.StateClassified: {change.BeginAssessment{}, change.BeginAssessment{}, change.RequestApproval{}, change.Describe{Request: r}, score},
			change.StateAssessing:  {it, business, change.BeginBuild{}, change.BeginBuild{}},
			change.StateBuilding:   {change.RecordBuild{Ref: "b"}, change.BeginTest{}},
			change.StateTesting:    {change.RecordTest{Ref: "t", Cases: 3}, change.RecordRehearsal{Ref: "r"}, change.RequestApproval{}, change.RequestApproval{}, change.Describe{Request: r}},
			change.StateAwaiting:   {vote, vote, change.RequestApproval{}},
			change.StateApproved:   {change.Schedule{}, change.Announce{To: []string{"wards"}}, change.Start{}},
			change.StateScheduled:  {change.Start{}, change.Start{}, change.Tick{}},
			change.StateImplementing: {change.BeginStep{}, passed, change.Succeed{}, change.GoOn{Why: some("why")}, change.AcceptDeviation{Nth: max(1, begun(rec)), Why: "w"},
				change.Fail{Why: some("why")}, change.Tick{}},
			change.StateFailed:     {change.BackOut{}, change.BackOut{}, change.Succeed{}},
			change.StateBackingOut: {change.Restore{Verified: some("verified")}},
			change.StateSucceeded:  {change.WriteReview{Lessons: some("lessons")}, change.Inform{To: itsm.Ref{Kind: "problem", ID: "PRB-1"}}},
			change.StateBackedOut: {change.Compare{}, change.Compare{Differences: []change.Difference{{Item: item("emr-app"), Name: "version", Before: "1", After: "2"}}},
				change.WriteReview{Lessons: some("lessons")}, change.ReportDifference{Nth: 1, Incident: "INC-1"}},
			change.StateInReview: {change.Close{Recorded: true}, change.Inform{To: itsm.Ref{Kind: "problem", ID: "PRB-1"}}, change.CompleteRecord{Description: "d", Benefit: "b", Hazard: "h", IfNotDone: "n", Services: []string{"emr"}, TestPlan: "t", Answers: lowRisk}, it, business, change.ReportDifference{Nth: 1, Incident: "INC-1"}},
		}[rec.State]
		others := []itsm.Command{
			change.Describe{Request: r}, change.SetPlan{Plan: pl}, score, change.RaiseRisk{Risk: change.RiskHigh, Why: some("why")}, it, business, vote,
			change.Waive{Key: maybe("key"), Why: some("why")}, change.Return{Why: maybe("why")}, change.Rework{Why: some("why")}, change.Cancel{Why: maybe("why")}, change.Reject{Why: some("why")},
			change.Link{To: itsm.Ref{Kind: "incident", ID: "INC-9"}, Relation: change.CausedBy, Minutes: 30}, change.TakeEvidence{Ref: "dump", After: rapid.Bool().Draw(t, "after")}, change.CheckData{Finding: some("finding")},
			change.Recuse{Recusal: approval.Recusal{Why: maybe("why")}}, change.ConfirmOral{}, change.Impose{Freeze: "new"}, change.SetStatement{System: "his", Statement: "x.sql"}, change.FinishTask{Nth: 1}, change.Tick{}, change.Close{}, change.Succeed{}, change.Start{},
		}
		opts := []itsm.Option{itsm.Because(some("because"))}
		if len(likely) > 0 && rapid.IntRange(0, 4).Draw(t, "likely") > 0 {
			return rapid.SampledFrom(likely).Draw(t, "command"), opts
		}
		return rapid.SampledFrom(others).Draw(t, "command"), opts
	}
}

func begun(c change.Change) int {
	if c.Work == nil {
		return 0
	}
	return c.Work.Begun
}

func stateNames(p *change.Process) (names []string) {
	for _, s := range p.Machine(change.TypeNormal).States() {
		names = append(names, string(s))
	}
	return names
}

func TestLaws(t *testing.T) {
	t.Parallel()
	p := process(t, change.Config{})
	itsmtest.Laws(t, itsmtest.Spec[change.Change, change.Facts, change.Command]{
		Process: p, Command: drawer(p), States: stateNames(p), Steps: 16,
		Tick: func(change.Change) itsm.Command { return change.Tick{} },
		Auto: []itsmtest.Edge{{From: "implementing", To: "failed"}},
	})
}

func TestTemplateLaws(t *testing.T) {
	t.Parallel()
	p, err := change.NewTemplateProcess(change.Config{Board: smallBoard, Approvals: anyone(t)})
	require.NoError(t, err)
	itsmtest.Laws(t, itsmtest.Spec[change.Template, change.TemplateFacts, change.TemplateCommand]{
		Process: p, Steps: 6, States: []string{"draft", "active", "suspended", "retired"},
		Command: func(t *rapid.T, rec change.Template, step int) (itsm.Command, []itsm.Option) {
			content := templateContent()
			content.Expires = time.Date(2040, 1, 1, 0, 0, rapid.IntRange(0, 3).Draw(t, "expires"), 0, time.UTC)
			if step == 0 {
				return change.DraftTemplate{Name: "restart", Content: content}, nil
			}
			print, err := p.Content(rec)
			require.NoError(t, err)
			vote := change.VoteTemplate{Cast: approval.Cast{Verdict: rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Approve, approval.Reject}).Draw(t, "verdict"), Content: print.Digest, Comment: "a word"}}
			for _, item := range approval.FourItems() {
				vote.Findings = append(vote.Findings, approval.Finding{Item: item, OK: true})
			}
			why := rapid.SampledFrom([]string{"", "why"}).Draw(t, "why")
			return rapid.SampledFrom([]itsm.Command{
				change.AskTemplateApproval{}, vote, vote, change.ReviseTemplate{Content: content}, change.SuspendTemplate{Why: why}, change.ReinstateTemplate{Why: why},
				change.RetireTemplate{Why: why}, change.TickTemplate{},
			}).Draw(t, "command"), nil
		},
		Tick: func(change.Template) itsm.Command { return change.TickTemplate{} },
	})
}

func templateContent() change.TemplateContent {
	p := plan()
	c := change.TemplateContent{
		Category: change.Software, Team: "emr", TestPlan: "regression set 7", Expires: start.AddDate(1, 0, 0), Failures: 2, Scope: `all(items, # startsWith "ci/emr") and minutes <= 480`,
		Backout: change.TemplateBack{Steps: p.Backout.Steps, Trigger: p.Backout.Trigger, Duration: p.Backout.Duration, Verify: p.Backout.Verify},
	}
	for _, s := range p.Steps {
		c.Steps = append(c.Steps, change.TemplateStep{What: s.What, Check: s.Check, Estimate: s.Estimate, Tolerance: s.Tolerance, Undo: s.Undo})
	}
	return c
}

var _ = memory.New
