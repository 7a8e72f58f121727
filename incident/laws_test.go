package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
)

// draw draws a command that is likely in the state of the record, or for the rest any.
func draw(t *rapid.T, rec incident.Incident, step int) (itsm.Command, []itsm.Option) {
	text := func(name string) string {
		return rapid.SampledFrom([]string{"", "x", "the printer is silent"}).Draw(t, name)
	}
	some := func(name string) string {
		return rapid.SampledFrom([]string{"x", "the printer is silent", "打印机不出纸"}).Draw(t, name)
	}
	tr := incident.Triage{
		Type:    rapid.SampledFrom([]incident.Type{"", incident.TypeIncident, incident.TypeIncident, incident.TypeConsultation, incident.TypeComplaint, incident.TypeRequest}).Draw(t, "type"),
		Impact:  incident.Impact(rapid.IntRange(1, 4).Draw(t, "impact")),
		Urgency: incident.Urgency(rapid.IntRange(1, 4).Draw(t, "urgency")), Safety: rapid.IntRange(0, 9).Draw(t, "safety") == 0,
	}
	if step == 0 {
		r := incident.Record{Channel: incident.Portal, Caller: incident.Caller{Name: some("name"), VIP: rapid.Bool().Draw(t, "vip")}, Summary: some("summary"), CI: text("ci")}
		if rapid.IntRange(0, 4).Draw(t, "at once") == 0 {
			tr.Type, tr.Safety = "", false
			return incident.RecordResolved{Record: r, Resolved: incident.ResolveInCall{Triage: tr, Solution: some("solution")}}, nil
		}
		return r, nil
	}
	why := []itsm.Option{itsm.Because(some("why"))}
	hold := incident.Hold{Reason: rapid.SampledFrom([]string{incident.WaitUser, incident.WaitSpare, incident.WaitSupplier, "lunch"}).Draw(t, "hold"), Contacts: 1}
	if rapid.Bool().Draw(t, "bump") {
		hold.Bump = incident.Bump{Every: itsm.Hour, Count: rapid.IntRange(1, 3).Draw(t, "bumps"), Resolve: text("resolve")}
	}
	tier := incident.Tier(rapid.IntRange(1, 3).Draw(t, "tier"))
	escalate := incident.Escalate{Tier: tier, Group: some("group"), Reason: some("reason"), Note: some("note"), Skip: text("skip"), Consult: rapid.Bool().Draw(t, "consult"),
		Party: &incident.Party{Kind: incident.Vendor, Supplier: "acme", Contract: text("contract"), Contact: "c"}}
	likely := map[incident.State][]itsm.Command{
		incident.StateRecorded:   {tr, tr, incident.DispatchUrgent{Group: "second-line", Why: some("why")}, incident.ResolveInCall{Triage: tr, Solution: some("s")}},
		incident.StateTriaged:    {incident.Dispatch{Group: some("group")}, incident.Start{}},
		incident.StateDispatched: {incident.Start{}, incident.Start{}, escalate, hold, incident.Accept{}},
		incident.StateDiagnosing: {incident.Propose{Solution: some("solution")}, incident.KeepDiagnosing{Basis: some("basis")}, escalate, hold, incident.Restore{Workaround: text("workaround")},
			incident.Try{What: some("try"), Outcome: incident.Failed}, incident.Return{Answer: some("answer")}},
		incident.StateOnHold:    {incident.Resume{}},
		incident.StateProposed:  {incident.Confirm{Word: incident.UserAgrees, Said: text("said")}, incident.Reject{Why: some("why")}},
		incident.StateConfirmed: {incident.Close{CauseCode: "c", SolutionCode: "s", NoCI: true}, incident.Reopen{Why: some("why")}},
		incident.StateAnswering: {incident.Answer{Text: some("answer")}}, incident.StateAnswered: {incident.Confirm{Word: incident.UserAgrees, Said: "ok"}, incident.Reject{Why: "no"}},
		incident.StateAssigned: {incident.Start{}}, incident.StateInvestigating: {incident.Answer{Text: some("answer")}},
		incident.StateReplied: {incident.Settle{Step: incident.DoAccept}, incident.Settle{Step: incident.DoDispute, Note: "no"}}, incident.StateDisputed: {incident.Start{}},
		incident.StateAccepted: {incident.Close{}}, incident.StateApproving: {incident.Settle{Step: incident.DoApprove}, incident.Settle{Step: incident.DoDecline, Note: "no"}},
		incident.StateFulfilling: {incident.Answer{Text: "done"}}, incident.StateFulfilled: {incident.Confirm{Word: incident.UserAgrees, Said: "ok"}},
	}[rec.State]
	any := []itsm.Command{
		tr, incident.Dispatch{Group: text("group"), Assignee: "u-002"}, findings, hold, escalate, incident.Contact{Channel: incident.Phone, Text: text("text"), Report: true},
		incident.OverridePriority{Priority: incident.Priority(rapid.IntRange(0, 4).Draw(t, "p")), Why: text("why"), Until: rec.Updated.Add(90 * time.Minute)}, incident.EndOverride{},
		incident.FollowUp{Note: text("note")}, incident.NotePromise{Party: "acme", What: some("what"), Due: rec.Updated.Add(time.Hour)}, incident.KeepPromise{Nth: 1},
		incident.AssessBusiness{Business: incident.Business{Users: rapid.IntRange(-1, 5).Draw(t, "users"), Patients: text("patients")}}, incident.Arrive{Finding: some("finding")},
		incident.ProposeMajor{Why: some("why")}, declare, incident.RejectMajor{Why: some("why")}, incident.UpdateMajor{Message: some("m")}, incident.StabiliseMajor{Message: some("m")},
		incident.StandDownMajor{Message: some("m")}, incident.ReviewMajor{Findings: some("f"), Actions: []string{"a"}}, incident.Link{Problem: itsm.ID(text("problem"))},
		incident.Cancel{Reason: incident.MisEntry, Note: text("note")}, incident.Merge{Into: "INC-1"}, incident.SetParent{Parent: "INC-1"}, incident.CompletePaperwork{Triage: tr, Diagnosis: some("d")},
		incident.Close{}, incident.Tick{},
	}
	if len(likely) > 0 && rapid.IntRange(0, 2).Draw(t, "likely") > 0 {
		return rapid.SampledFrom(likely).Draw(t, "command"), why
	}
	return rapid.SampledFrom(any).Draw(t, "command"), why
}

// allStates are those of all types of tickets.
func allStates(p *incident.Process) (names []string) {
	seen := map[incident.State]bool{}
	for _, kind := range incident.Types() {
		for _, s := range p.Machine(kind).States() {
			if !seen[s] {
				seen[s] = true
				names = append(names, string(s))
			}
		}
	}
	return names
}

func TestLaws(t *testing.T) {
	t.Parallel()
	process, err := incident.NewProcess(nil, incident.Config{Policy: lenient(), Agreements: hours(t)})
	require.NoError(t, err)
	itsmtest.Laws(t, itsmtest.Spec[incident.Incident, incident.Facts, incident.Command]{
		Process: process, Command: draw, States: allStates(process),
		Tick: func(incident.Incident) itsm.Command { return incident.Tick{} },
		Auto: []itsmtest.Edge{{From: "on_hold", To: "resolved_proposed"}},
	})
}

func TestInvariants(t *testing.T) {
	t.Parallel()
	// A history of generated commands by people of all roles, among them one who does everything.
	history := func(rt *rapid.T, d *desk) incident.Incident {
		people := []itsm.PersonID{"u-001", "u-002", "u-003"}
		roles := []itsm.Role{itsm.RoleServiceDesk, itsm.RoleDeskManager, itsm.RoleHardwareEngineer, itsm.RoleSecondLine, itsm.RoleProjectManager, itsm.RoleSystem}
		cmd, opts := draw(rt, incident.Incident{}, 0)
		inc, err := d.Do(as("u-001", roles...), "", cmd, opts...)
		if err != nil {
			rt.Skip("the first command was refused")
		}
		for step := range 25 {
			d.now = d.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "hours")) * time.Hour)
			cmd, opts := draw(rt, inc, step+1)
			_, _ = d.Do(as(rapid.SampledFrom(people).Draw(rt, "who"), roles...), inc.ID, cmd, opts...)
			inc = d.get(inc.ID)
		}
		return inc
	}
	check := func(t *testing.T, holds func(rt *rapid.T, d *desk, inc incident.Incident)) {
		d := open(t, incident.Config{Policy: lenient(), Agreements: hours(t)})
		rapid.Check(t, func(rt *rapid.T) { holds(rt, d, history(rt, d)) })
	}
	t.Run("INV-07 what is closed was confirmed by the desk, and never by the resolver alone", func(t *testing.T) {
		t.Parallel()
		closed := 0
		for round := 0; round < 20 && closed == 0; round++ {
			check(t, func(rt *rapid.T, _ *desk, inc incident.Incident) {
				if inc.State != incident.StateClosed || inc.Type != incident.TypeIncident {
					return
				}
				closed++
				p, _ := inc.Proposal()
				if inc.Confirmed == nil || inc.Confirmed.Proposal != len(inc.Proposals) {
					rt.Fatalf("closed without a confirmation of the last proposal: %+v", inc.Confirmed)
				}
				if inc.Confirmed.By == p.By && inc.Confirmed.Said == "" && inc.Confirmed.Second == "" {
					rt.Fatalf("%s confirmed alone what %s solved", inc.Confirmed.By, p.By)
				}
			})
		}
		require.Positive(t, closed, "the histories get that far")
	})
	t.Run("INV-08 the owner is a desk post at all times", func(t *testing.T) {
		t.Parallel()
		check(t, func(rt *rapid.T, _ *desk, inc incident.Incident) {
			if inc.Owner != "service-desk" {
				rt.Fatalf("owned by %q", inc.Owner)
			}
		})
	})
	t.Run("INV-09 the path through the tiers never skips without a reason", func(t *testing.T) {
		t.Parallel()
		check(t, func(rt *rapid.T, _ *desk, inc incident.Incident) {
			for _, h := range inc.HandOvers {
				if step := h.ToTier - h.FromTier; (step > 1 || step < 0) && h.Skip == "" && inc.Major == nil {
					rt.Fatalf("from %d to %d without a reason", h.FromTier, h.ToTier)
				}
			}
		})
	})
}
