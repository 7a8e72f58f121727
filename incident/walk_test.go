package incident_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
)

// moves are one of each command and more, filled in so that they go through where they can.
func moves(rec incident.Incident) []itsmtest.Move {
	if rec.State == "" {
		return itsmtest.Moves(
			incident.Record{Channel: incident.Portal, Caller: incident.Caller{Name: "x"}, Summary: "s"},
			incident.RecordResolved{Record: incident.Record{Channel: incident.Portal, Caller: incident.Caller{Name: "x"}, Summary: "s"}, Resolved: incident.ResolveInCall{Triage: triage, Solution: "s"}},
			incident.Record{})
	}
	because := []itsm.Option{itsm.Because("because")}
	as := func(kind incident.Type) incident.Triage { tr := triage; tr.Type = kind; return tr }
	if rec.Type != "" { // deciding the type anew is a step back to triage, tried elsewhere
		as = func(incident.Type) incident.Triage { tr := triage; tr.Type = rec.Type; return tr }
	}
	later := rec.Updated.Add(time.Hour)
	var all []itsmtest.Move
	for _, c := range []itsm.Command{
		as(incident.TypeIncident), as(incident.TypeConsultation), as(incident.TypeComplaint), as(incident.TypeRequest),
		incident.Dispatch{Group: "g"}, incident.DispatchUrgent{Group: "g", Why: "w"}, incident.CompletePaperwork{Triage: as(incident.TypeIncident), Diagnosis: "d"}, incident.Start{}, findings,
		incident.Try{What: "w", Outcome: incident.Failed}, incident.KeepDiagnosing{Basis: "b"}, incident.Restore{}, incident.Hold{Reason: incident.WaitSpare}, incident.Resume{},
		incident.Propose{Solution: "s"}, incident.Confirm{Word: incident.UserAgrees, Said: "ok"}, incident.Reject{Why: "w"}, incident.Reopen{Why: "w"}, incident.Close{}, incident.Cancel{Reason: incident.MisEntry, Note: "n"},
		incident.ResolveInCall{Triage: as(incident.TypeIncident), Solution: "s"}, incident.RecordResolved{}, incident.Record{}, incident.OverridePriority{Priority: 1, Why: "w"}, incident.EndOverride{},
		toSecond, incident.Accept{}, incident.Return{Answer: "a"}, incident.AssessBusiness{Business: incident.Business{Users: 1}}, incident.Arrive{Finding: "f"}, incident.FollowUp{Note: "n"},
		incident.NotePromise{Party: "p", What: "w", Due: later}, incident.KeepPromise{Nth: 1}, incident.ConfirmInfection{Name: "n"}, incident.Contact{Channel: incident.Phone}, incident.RepeatAlert{}, incident.ClearAlert{},
		incident.Merge{Into: "INC-1"}, incident.Unmerge{}, incident.SetParent{Parent: "INC-1"}, incident.Link{Problem: "PRB-1"}, incident.Answer{Text: "a"},
		incident.Settle{Step: incident.DoAccept}, incident.Settle{Step: incident.DoDispute, Note: "n"}, incident.Settle{Step: incident.DoApprove}, incident.Settle{Step: incident.DoDecline, Note: "n"},
		incident.Migrate{Into: "x"}, incident.Advance{Step: "procure"}, incident.AdjustClock{Event: 1, At: rec.Created, Why: "w"}, incident.Tick{},
		incident.ProposeMajor{Why: "w"}, incident.RejectMajor{Why: "w"}, declare, incident.UpdateMajor{Message: "m"}, incident.StabiliseMajor{Message: "m"}, incident.StandDownMajor{Message: "m"}, incident.ReviewMajor{Findings: "f"},
	} {
		all = append(all, itsmtest.Move{Command: c, Options: because})
	}
	all = append(all, itsmtest.Move{Command: incident.Accept{}, Actor: itsm.Actor{ID: "u-002", Roles: []itsm.Role{itsm.RoleSecondLine}}})
	// The two commands that only the service gives, for the other side of a link.
	for _, c := range incidentCommands() {
		if name := c.CommandName(); name == "incident.absorb" || name == "incident.adopt" {
			all = append(all, itsmtest.Move{Command: c})
		}
	}
	return all
}

func TestWalk(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short: the walk is long, and has nothing for the race detector")
	}
	t.Parallel()
	process, err := incident.NewProcess(nil, incident.Config{Policy: lenient()})
	require.NoError(t, err)
	var edges []itsmtest.Edge
	for _, kind := range incident.Types() {
		edges = append(edges, itsmtest.Edges(process.Machine(kind))...)
	}
	t.Run("R-100 every command in every state: no step but the declared ones, and refusals that name state, command and what is possible", func(t *testing.T) {
		t.Parallel()
		cover := itsmtest.Walk(t, itsmtest.Model[incident.Incident, incident.Facts, incident.Command]{
			Process: process, Moves: moves, States: allStates(process), Edges: edges,
			// What needs another record, an alert, a contract, or an earlier command that makes no difference elsewhere.
			Elsewhere: []string{"incident.merge", "incident.unmerge", "incident.absorb", "incident.set_parent", "incident.adopt", "incident.confirm_infection",
				"incident.repeat_alert", "incident.clear_alert", "incident.migrate", "incident.advance", "incident.adjust_clock", "incident.end_override", "incident.keep_promise",
				"incident.reject_major", "incident.declare_major", "incident.update_major", "incident.stabilise_major", "incident.stand_down_major", "incident.review_major"},
			Abstract: func(rec incident.Incident) string {
				return fmt.Sprint(rec.Type, len(rec.HandOvers) > 0 && rec.HandOvers[len(rec.HandOvers)-1].Pending())
			},
			Actor: itsm.Actor{ID: "u-001", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk, itsm.RoleDeskManager, itsm.RoleProjectManager}},
		})
		for _, s := range process.Machine(incident.TypeIncident).States() {
			if s != incident.StateConfirmed {
				assert.Zero(t, cover.Accepted(string(s), "incident.close"), s)
			}
			if s != incident.StateProposed {
				assert.Zero(t, cover.Accepted(string(s), "incident.confirm"), s)
			}
		}
	})
}
