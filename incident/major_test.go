package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

var declare = incident.DeclareMajor{Impact: "no fees can be taken", Manager: "mm", Communicator: "cc", Scribe: "ss", Message: "we are on it"}

func TestMajor(t *testing.T) {
	t.Parallel()
	wide := incident.Triage{Impact: incident.ImpactHospital, Urgency: incident.UrgencyNow, Service: "his-opd"}
	t.Run("R-173 criteria propose it, somebody takes command, those concerned are told at intervals, it is stood down and reviewed", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Services: grades{"his-opd": "A"}})
		id := d.at(incident.StateRecorded)
		inc := d.do(agent, id, wide)
		assert.Equal(t, []string{"core_service", "hospital_wide"}, inc.Major.Criteria)
		assert.Equal(t, incident.MajorStateProposed, inc.Major.State)
		assert.Equal(t, []string{"itsm.required:impact", "itsm.required:manager", "itsm.required:communicator", "itsm.required:scribe", "itsm.required:message"},
			codes(d.refused(manager, id, incident.DeclareMajor{})))
		inc = d.do(manager, id, declare)
		start := d.now
		assert.Equal(t, start.Add(30*time.Minute), inc.Major.NextUpdate)
		d.now = start.Add(20 * time.Minute)
		inc = d.do(agent, id, incident.UpdateMajor{Message: "core switch is being replaced"})
		assert.Equal(t, start.Add(50*time.Minute), inc.Major.NextUpdate)
		d.now = start.Add(3 * time.Hour)
		inc = d.do(system, id, incident.Tick{})
		assert.Equal(t, 1, inc.Major.Missed)
		assert.True(t, inc.Major.NextUpdate.After(d.now))
		d.do(manager, id, incident.StabiliseMajor{Message: "traffic flows"})
		inc = d.do(manager, id, incident.StandDownMajor{Message: "all is well"})
		assert.True(t, inc.Major.NextUpdate.IsZero())
		d.now = inc.Major.ReviewDue
		assert.True(t, d.do(system, id, incident.Tick{}).Major.ReviewLate)
		inc = d.do(manager, id, incident.ReviewMajor{Findings: "one power supply for both", Actions: []string{"second supply"}})
		assert.Equal(t, incident.MajorStateReviewed, inc.Major.State)
		require.Error(t, d.refused(manager, id, declare))
		require.NoError(t, d.Verify(manager, id))
	})
	t.Run("F-INC-7 it is an overlay: work goes on beneath it, rejecting needs a reason, and a problem is asked for once", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(agent, id, incident.ProposeMajor{Why: "all windows stand still"})
		assert.Equal(t, []string{"itsm.required:why"}, codes(d.refused(manager, id, incident.RejectMajor{})))
		d.do(manager, id, incident.RejectMajor{Why: "only two windows"})
		d.do(agent, id, incident.ProposeMajor{Why: "now it is all"})
		inc := d.do(manager, id, declare)
		assert.Equal(t, incident.StateDiagnosing, inc.State, "declaring moves nothing")
		d.do(engineer, id, incident.Arrive{Finding: "fuse"})
		d.do(engineer, id, incident.Propose{Solution: "new fuse"})
		d.do(agent, id, incident.Confirm{Word: incident.UserAgrees})
		assert.Contains(t, codes(d.refused(agent, id, incident.Close{CauseCode: "c", SolutionCode: "s"})), "incident.major_open")
		d.do(manager, id, incident.StandDownMajor{Message: "over"})
		for ev, err := range d.Events(manager, id) {
			require.NoError(t, err)
			if e, ok := ev.Payload.(incident.MajorStoodDown); ok {
				assert.True(t, e.NewProblem)
			}
		}
		d.do(agent, id, incident.Close{CauseCode: "c", SolutionCode: "s"})
		d.do(manager, id, incident.ReviewMajor{Findings: "old fuse"})
		assert.Equal(t, incident.MajorStateReviewed, d.get(id).Major.State)
	})
	t.Run("F-INC-7 the patient-safety flag forces to declare or to refuse with a reason", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: lenient()})
		id := d.at(incident.StateRecorded)
		unsafe := triage
		unsafe.Safety = true
		inc := d.do(agent, id, unsafe)
		assert.Equal(t, incident.P1, inc.Priority)
		assert.Equal(t, []string{"patient_safety"}, inc.Major.Criteria)
		d.do(agent, id, incident.Dispatch{Group: "software"})
		d.do(engineer, id, incident.Start{})
		assert.Equal(t, []string{"incident.major_open"}, codes(d.refused(engineer, id, incident.Propose{Solution: "x"})))
		d.do(manager, id, incident.RejectMajor{Why: "display only, no record touched"})
		d.do(engineer, id, incident.Propose{Solution: "x"})
	})
	t.Run("R-061 a major incident is not solved before somebody was on site or says why remotely", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(agent, id, incident.ProposeMajor{Why: "w"})
		d.do(manager, id, declare)
		assert.Equal(t, []string{"incident.presence"}, codes(d.refused(engineer, id, incident.Propose{Solution: "x"})))
		assert.Equal(t, []string{"itsm.required:finding"}, codes(d.refused(expert, id, incident.Arrive{})))
		inc := d.do(expert, id, incident.Arrive{Remote: "the site is sealed off", Finding: "database lock"})
		assert.Equal(t, d.now, inc.Arrived.At)
		d.do(engineer, id, incident.Propose{Solution: "x"})
	})
	t.Run("a major incident may involve all tiers at once", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: lenient()})
		id := d.at(incident.StateDiagnosing)
		d.do(agent, id, incident.ProposeMajor{Why: "w"})
		d.do(manager, id, declare)
		assert.Equal(t, incident.TierThird, d.do(engineer, id, toThird).Tier)
	})
}

func TestOverlayIsNoState(t *testing.T) {
	t.Parallel()
	t.Run("F-INC-1 breaches, warnings and majors are facts beside the state, never states", func(t *testing.T) {
		t.Parallel()
		var with, without [2][]incident.State
		for round, late := range []bool{false, true} {
			d := open(t, incident.Config{Policy: lenient(), Agreements: hours(t)})
			var states []incident.State
			id := d.do(agent, "", record).ID
			for _, step := range []itsm.Command{triage, incident.Dispatch{Group: "hardware"}, incident.Start{}, incident.Hold{Reason: incident.WaitSpare},
				incident.Resume{}, incident.Propose{Solution: "s"}, incident.Confirm{Word: incident.UserAgrees, Said: "ok"}, incident.Close{}} {
				if late {
					d.now = d.now.Add(90 * 24 * time.Hour)
					d.do(system, id, incident.Tick{})
				} else {
					d.now = d.now.Add(time.Second)
				}
				states = append(states, d.do(agent, id, step).State)
			}
			if late {
				with[round] = states
				status, err := d.Status(d.get(id), d.now)
				require.NoError(t, err)
				assert.NotEmpty(t, status)
				assert.Contains(t, health(status), "breached")
			} else {
				without[round] = states
			}
		}
		assert.Equal(t, without[0], with[1])
	})
}
