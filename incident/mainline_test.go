package incident_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

func TestRecording(t *testing.T) {
	t.Parallel()
	t.Run("R-153 a call is recorded with caller, department and number to call back", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		refused := d.refused(agent, "", incident.Record{Channel: incident.Phone, Caller: incident.Caller{Name: "x"}, Summary: "s"})
		assert.Equal(t, []string{"itsm.required:caller.department", "itsm.required:caller.phone"}, codes(refused))
		inc := d.do(agent, "", record)
		assert.Equal(t, incident.ByUser, inc.Origin)
		assert.Equal(t, "8001", inc.Caller.Phone)
	})
	t.Run("R-154 a minimal record is enough, and nothing is handled before it", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		inc := d.do(agent, "", incident.Record{Channel: incident.WalkIn, Caller: incident.Caller{Name: "x"}, Summary: "it is broken"})
		assert.Equal(t, incident.StateRecorded, inc.State)
		d.do(agent, "", incident.Record{Channel: incident.Email, Source: "mailbox", Summary: "it is broken"})
		refused := d.refused(agent, "", incident.Record{Channel: incident.WalkIn})
		assert.Equal(t, []string{"incident.no_caller", "itsm.required:summary"}, codes(refused))
		for _, cmd := range incidentCommands() {
			if _, creates := cmd.(itsm.Creation); creates {
				continue
			}
			_, err := d.Do(importer, "INC-19990101-0001", cmd)
			require.ErrorIs(t, err, itsm.ErrNotFound, cmd.CommandName())
		}
	})
	t.Run("R-152 equal alerts within the window are one incident with a count", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		for i := range 20 {
			_, err := d.Alert(monitor, incident.Alert{Source: "zabbix", CI: "sw-1", Signature: "link down", At: d.now.Add(time.Duration(i) * time.Minute)})
			require.NoError(t, err)
		}
		d.now = d.now.Add(20 * time.Minute)
		inc, err := d.Alert(monitor, incident.Alert{Source: "zabbix", CI: "sw-1", Signature: "link down", At: d.now})
		require.NoError(t, err)
		assert.Equal(t, 21, inc.Alert.Count)
		assert.Equal(t, incident.ByInfrastructure, inc.Origin)
		other, err := d.Alert(monitor, incident.Alert{Source: "zabbix", CI: "sw-2", Signature: "link down", At: d.now})
		require.NoError(t, err)
		assert.NotEqual(t, inc.ID, other.ID)
		d.now = d.now.Add(31 * time.Minute)
		later, err := d.Alert(monitor, incident.Alert{Source: "zabbix", CI: "sw-1", Signature: "link down", At: d.now})
		require.NoError(t, err)
		assert.NotEqual(t, inc.ID, later.ID, "the window has passed")
	})
	t.Run("alerts that come at once make one incident, and every one counts once", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		done := make(chan error)
		const workers, each = 8, 10
		for w := range workers {
			go func() {
				for i := range each {
					id := string(rune('a'+w/2)) + string(rune('0'+i)) // each alert comes twice
					if _, err := d.Alert(monitor, incident.Alert{ID: id, Source: "z", CI: "sw-1", Signature: "down", At: d.now}); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range workers {
			require.NoError(t, <-done)
		}
		all := d.all(itsm.Query{})
		require.Len(t, all, 1)
		assert.Equal(t, workers/2*each, all[0].Alert.Count)
	})
}

func (d *desk) all(q itsm.Query) (all []incident.Incident) {
	d.t.Helper()
	for inc, err := range d.Find(manager, q) {
		require.NoError(d.t, err)
		all = append(all, inc)
	}
	return all
}

func incidentCommands() []itsm.Command {
	p, err := incident.NewProcess(nil, incident.Config{})
	if err != nil {
		panic(err)
	}
	return p.Describe().Commands
}

// onDuty is a roster of those who are on duty.
type onDuty []itsm.PersonID

func (o onDuty) OnDuty(_ context.Context, _ itsm.Tenant, person itsm.PersonID, _ time.Time) (bool, error) {
	return slices.Contains(o, person), nil
}

func TestTriage(t *testing.T) {
	t.Parallel()
	t.Run("R-155 dispatch before triage is refused, and triage is decided anew only for a reason", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateRecorded)
		refused := d.refused(agent, id, incident.Dispatch{Group: "hardware"})
		assert.Equal(t, []string{"incident.not_triaged"}, codes(refused))
		d.do(agent, id, triage)
		again := triage
		again.Urgency = incident.UrgencyNow
		assert.Equal(t, []string{"incident.retriage_reason"}, codes(d.refused(agent, id, again)))
		inc := d.do(agent, id, again, itsm.Because("patients are waiting"))
		assert.Equal(t, incident.UrgencyNow, inc.Urgency)
		assert.Equal(t, incident.StateTriaged, inc.State)
		assert.Equal(t, 2, strings.Count(strings.Join(d.journal(id), " "), "incident.triaged"))
		assert.Equal(t, []string{"itsm.choice:type", "itsm.required:impact", "itsm.required:urgency"},
			codes(d.refused(agent, d.at(incident.StateRecorded), incident.Triage{Type: "wish"})))
	})
	t.Run("R-147 each type of ticket has a lifecycle of its own", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		walk := func(kind incident.Type, steps ...itsm.Command) incident.State {
			id := d.at(incident.StateRecorded)
			tr := triage
			tr.Type = kind
			d.do(agent, id, tr)
			for _, cmd := range steps {
				d.do(agent, id, cmd)
			}
			require.NoError(t, d.Verify(manager, id))
			return d.get(id).State
		}
		confirm, end := incident.Confirm{Word: incident.UserAgrees, Said: "thanks"}, incident.Close{CauseCode: "how-to", SolutionCode: "told", NoCI: true}
		assert.Equal(t, incident.StateClosed, walk(incident.TypeConsultation, incident.Start{}, incident.Answer{Text: "press F5"}, confirm, end))
		assert.Equal(t, incident.StateClosed, walk(incident.TypeComplaint, incident.Dispatch{Group: "second-line"}, incident.Start{},
			incident.Answer{Text: "we are sorry"}, incident.Settle{Step: incident.DoDispute, Note: "not enough"}, incident.Start{},
			incident.Answer{Text: "we changed it"}, incident.Settle{Step: incident.DoAccept}, end))
		assert.Equal(t, incident.StateClosed, walk(incident.TypeRequest, incident.Dispatch{Group: "it"}, incident.Settle{Step: incident.DoApprove},
			incident.Answer{Text: "account made"}, confirm, end))
		id := d.at(incident.StateRecorded)
		tr := triage
		tr.Type = incident.TypeConsultation
		d.do(agent, id, tr)
		require.ErrorIs(t, d.refused(agent, id, incident.Propose{Solution: "x"}), itsm.ErrIllegalState, "a question has no such step")
	})
	t.Run("R-148 only who is on duty begins to handle a ticket, and looks into it first", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Duty: onDuty{"agent"}})
		id := d.at(incident.StateRecorded)
		assert.Equal(t, []string{"incident.off_duty"}, codes(d.refused(agent2, id, triage)))
		d.do(agent, id, triage)
		assert.Equal(t, []string{"incident.off_duty"}, codes(d.refused(agent2, id, findings)))
		d.do(agent, id, incident.Dispatch{Group: "service-desk"})
		d.do(agent, id, incident.Start{})
		missing := codes(d.refused(agent, id, incident.Propose{Solution: "restarted it"}))
		assert.Contains(t, missing, "itsm.required:diagnosis", "the first look is a required entry")
	})
	t.Run("R-150 the effect on the hospital is recorded from start to end, and wider impact raises the priority", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateTriaged)
		start := d.now
		assert.Equal(t, []string{"incident.end_before_start"}, codes(d.refused(agent, id, incident.AssessBusiness{Business: incident.Business{Start: start, End: start.Add(-time.Second)}})))
		inc := d.do(agent, id, incident.AssessBusiness{Business: incident.Business{Start: start, End: start.Add(95 * time.Minute), Users: 12, Departments: []string{"fee"}, Patients: "a queue of 40"}})
		assert.Equal(t, 95*time.Minute, inc.ImpactTime())
		assert.Equal(t, incident.P3, inc.Priority)
		wider := triage
		wider.Impact = incident.ImpactHospital
		assert.Equal(t, incident.P2, d.do(agent, id, wider, itsm.Because("the whole house")).Priority)
	})
	t.Run("R-158 what is missing is named before the first line lets go", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateTriaged)
		d.do(agent, id, incident.Dispatch{Group: "service-desk"})
		d.do(agent, id, incident.Start{})
		want := []string{"itsm.required:diagnosis", "itsm.required:ci", "itsm.required:symptom", "itsm.required:scope", "itsm.required:began", "incident.no_attempt"}
		assert.Equal(t, want, codes(d.refused(agent, id, incident.Propose{Solution: "x"})))
		assert.Equal(t, want, codes(d.refused(agent, id, incident.Escalate{Tier: incident.TierSecond, Group: "second-line", Reason: "r", Note: "n"})))
	})
	t.Run("R-159 the first line tries, or says why it could not", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateTriaged)
		d.do(agent, id, findings)
		d.do(agent, id, incident.Dispatch{Group: "service-desk"})
		d.do(agent, id, incident.Start{})
		escalate := incident.Escalate{Tier: incident.TierSecond, Group: "second-line", Reason: "r", Note: "n"}
		assert.Equal(t, []string{"incident.no_attempt"}, codes(d.refused(agent, id, escalate)))
		d.do(agent, id, incident.Try{What: "the room is locked", Outcome: incident.NotPossible})
		d.do(agent, id, escalate)
	})
}

func TestSolving(t *testing.T) {
	t.Parallel()
	t.Run("R-160 that it is solved, or not, is decided by somebody on a ground", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		assert.Equal(t, []string{"itsm.required:basis"}, codes(d.refused(engineer, id, incident.KeepDiagnosing{})))
		assert.Equal(t, incident.StateDiagnosing, d.do(engineer, id, incident.KeepDiagnosing{Basis: "still no paper"}).State)
		assert.Equal(t, []string{"itsm.required:solution"}, codes(d.refused(engineer, id, incident.Propose{})))
		inc := d.do(engineer, id, incident.Propose{Solution: "new roller", Basis: "ten test pages"})
		assert.Equal(t, incident.StateProposed, inc.State)
		p, _ := inc.Proposal()
		assert.Equal(t, itsm.PersonID("engineer"), p.By)
		assert.Equal(t, "ten test pages", p.Basis)
	})
	t.Run("R-161 diagnosis goes on as often as needed, and each round is counted", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		for range 5 {
			d.do(engineer, id, incident.KeepDiagnosing{Basis: "no"})
		}
		assert.Equal(t, 5, d.get(id).Loops)
	})
	t.Run("R-167 tries and proposals stay visible, failed ones too", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, incident.Try{What: "other cable", Outcome: incident.Failed})
		d.do(engineer, id, incident.Propose{Solution: "other tray"})
		d.do(agent, id, incident.Reject{Why: "still silent"})
		d.do(engineer, id, incident.Try{What: "new roller", Outcome: incident.Worked})
		inc := d.do(engineer, id, incident.Propose{Solution: "new roller"})
		require.Len(t, inc.Attempts, 3)
		assert.Equal(t, incident.Failed, inc.Attempts[1].Outcome)
		require.Len(t, inc.Proposals, 2)
		assert.Equal(t, "still silent", inc.Proposals[0].Rejected)
	})
	t.Run("R-168 only the desk confirms, the last solution, with the user's word", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateProposed)
		// An engineer with every permission is still no desk.
		everything := itsm.WithActor(context.Background(), itsm.Actor{ID: "engineer2", Tenant: "h1", Roles: []itsm.Role{itsm.RoleImporter}})
		assert.Equal(t, []string{"incident.desk_only"}, codes(d.refused(everything, id, incident.Confirm{Word: incident.UserAgrees})))
		require.ErrorIs(t, d.refused(engineer, id, incident.Confirm{Word: incident.UserAgrees}), itsm.ErrDenied)
		assert.Equal(t, []string{"itsm.required:word"}, codes(d.refused(agent, id, incident.Confirm{})))
		assert.Equal(t, []string{"incident.tries"}, codes(d.refused(agent, id, incident.Confirm{Word: incident.UserUnreachable, Tries: 2})))
		assert.Equal(t, []string{"incident.old_proposal"}, codes(d.refused(agent, id, incident.Confirm{Word: incident.UserAgrees, Proposal: 2})))
		inc := d.do(agent, id, incident.Confirm{Word: incident.UserUnreachable, Tries: 3, Proposal: 1})
		assert.Equal(t, 1, inc.Confirmed.Proposal)
	})
	t.Run("R-169 who solved it does not confirm it alone", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		solved := func() itsm.ID {
			id := d.at(incident.StateDispatched)
			d.do(agent, id, incident.Start{})
			d.do(agent, id, incident.Propose{Solution: "told the user how"})
			return id
		}
		id := solved()
		assert.Equal(t, []string{"incident.own_work"}, codes(d.refused(agent, id, incident.Confirm{Word: incident.UserAgrees})))
		assert.Equal(t, []string{"incident.own_work"}, codes(d.refused(agent, id, incident.Confirm{Word: incident.UserUnreachable, Tries: 3})))
		assert.Equal(t, []string{"incident.second", "incident.own_work"}, codes(d.refused(agent, id, incident.Confirm{Word: incident.UserUnreachable, Tries: 3, Second: "agent"})))
		standIn := itsm.WithActor(context.Background(), itsm.Actor{ID: "agent9", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}, OnBehalfOf: "agent"})
		assert.Equal(t, []string{"incident.own_work"}, codes(d.refused(standIn, id, incident.Confirm{Word: incident.UserAgrees})), "nor through a stand-in")
		d.do(agent, id, incident.Confirm{Word: incident.UserAgrees, Said: "it prints"})
		d.do(agent, solved(), incident.Confirm{Word: incident.UserUnreachable, Tries: 3, Second: "agent2"})
		d.do(agent2, solved(), incident.Confirm{Word: incident.UserAgrees})
	})
	t.Run("R-170 a rejection goes back to diagnosing and counts as rework", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateProposed)
		assert.Equal(t, []string{"itsm.required:why"}, codes(d.refused(agent, id, incident.Reject{})))
		inc := d.do(agent, id, incident.Reject{Why: "the user says no"})
		assert.Equal(t, incident.StateDiagnosing, inc.State)
		assert.Equal(t, 1, inc.Rejections)
		assert.True(t, inc.Resolved.IsZero())
	})
	t.Run("R-171 closing comes after the confirmation, with cause, solution and item or none", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		for _, s := range []incident.State{incident.StateRecorded, incident.StateTriaged, incident.StateDispatched, incident.StateDiagnosing, incident.StateOnHold, incident.StateProposed} {
			require.Error(t, d.refused(agent, d.at(s), incident.Close{CauseCode: "c", SolutionCode: "s", NoCI: true}), s)
		}
		id := d.at(incident.StateConfirmed)
		assert.Equal(t, []string{"itsm.required:cause_code", "itsm.required:solution_code"}, codes(d.refused(agent, id, incident.Close{})))
		inc := d.do(agent, id, incident.Close{CauseCode: "wear", SolutionCode: "replaced"})
		assert.Equal(t, "printer-3", inc.Closure.CI)
		d2 := open(t, incident.Config{Policy: policy(func(p *incident.Policy) { p.NeedInformation = false })})
		bare := d2.do(agent, "", record).ID
		d2.do(agent, bare, triage)
		d2.do(agent, bare, incident.Investigate{Diagnosis: "nothing to see"})
		d2.do(agent, bare, incident.Try{What: "look", Outcome: incident.Worked})
		d2.do(agent, bare, incident.Dispatch{Group: "hardware"})
		d2.do(engineer, bare, incident.Start{})
		d2.do(engineer, bare, incident.Propose{Solution: "x"})
		d2.do(agent, bare, incident.Confirm{Word: incident.UserAgrees})
		assert.Equal(t, []string{"incident.no_ci"}, codes(d2.refused(agent, bare, incident.Close{CauseCode: "c", SolutionCode: "s"})))
		assert.True(t, d2.do(agent, bare, incident.Close{CauseCode: "c", SolutionCode: "s", NoCI: true}).Closure.NoCI)
	})
	t.Run("R-172 a closed incident does not change; what comes back is a new one, linked", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateClosed)
		for _, cmd := range append(incidentCommands(), itsm.Note{Text: "x"}, itsm.Attach{Name: "n", Ref: "r"}) {
			if _, creates := cmd.(itsm.Creation); creates {
				continue
			}
			before := d.get(id)
			_, err := d.Do(importer, id, cmd)
			if cmd.CommandName() != "incident.tick" { // nothing is due any more
				require.Error(t, err, cmd.CommandName())
			}
			require.Equal(t, before, d.get(id), cmd.CommandName())
		}
		again := record
		again.Recurrence = id
		inc := d.do(agent, "", again)
		assert.Equal(t, id, inc.Recurrence.Of)
		assert.Equal(t, 1, inc.ReopenCount())
		again.Recurrence = inc.ID
		assert.Equal(t, []string{"incident.not_closed"}, codes(d.refused(agent, "", again)))
		again.Recurrence = "INC-0"
		assert.Equal(t, []string{"incident.no_other"}, codes(d.refused(agent, "", again)))
	})
	t.Run("R-151 the main line cannot be shortened, and one command for a call leaves all its steps", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		resolved := incident.ResolveInCall{Triage: triage, Diagnosis: "paper out", CI: "printer-3", Symptom: "no paper", Scope: "window 3",
			Began: d.now.Add(-time.Hour), Solution: "new paper", Basis: "it prints"}
		inc := d.do(agent, "", incident.RecordResolved{Record: record, Resolved: resolved})
		assert.True(t, inc.FirstContact)
		assert.Equal(t, incident.StateProposed, inc.State)
		d.do(agent2, inc.ID, incident.Confirm{Word: incident.UserAgrees})
		d.do(agent2, inc.ID, incident.Close{CauseCode: "supply", SolutionCode: "refilled"})
		for _, id := range []itsm.ID{inc.ID, d.at(incident.StateClosed)} {
			at := -1
			types := d.journal(id)
			for _, step := range []string{"incident.recorded", "incident.triaged", "incident.dispatched", "incident.started", "incident.resolution_proposed", "incident.confirmed", "incident.closed"} {
				next := slices.Index(types, step)
				require.Greater(t, next, at, "%s in %v", step, types)
				at = next
			}
		}
		require.NoError(t, d.Verify(manager, inc.ID))
	})
	t.Run("R-149 the user sees what is public, and no internal note and nobody else's data", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, itsm.Note{Text: "the ward nurse is slow"})
		d.do(engineer, id, itsm.Note{Text: "呼叫13900001234", Public: true})
		d.do(engineer, id, incident.Propose{Solution: "new roller, see 10.1.2.3"})
		d.do(agent, id, incident.Confirm{Word: incident.UserAgrees})
		var lines []string
		for e, err := range d.Timeline(user, id) {
			require.NoError(t, err)
			lines = append(lines, e.Told.In(itsm.English)+" "+e.Text)
		}
		all := strings.Join(lines, "\n")
		assert.Contains(t, all, "recorded")
		assert.Contains(t, all, "confirmed")
		assert.NotContains(t, all, "nurse")
		assert.NotContains(t, all, "13900001234")
		assert.NotContains(t, all, "10.1.2.3")
		assert.NotContains(t, all, "roller is worn", "the diagnosis is internal")
		_, err := d.Get(user, id)
		require.ErrorIs(t, err, itsm.ErrDenied)
		for _, err := range d.Timeline(as("somebody", itsm.RoleUser), id) {
			require.ErrorIs(t, err, itsm.ErrDenied, "it is another user's ticket")
		}
	})
}
