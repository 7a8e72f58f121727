package main

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
)

// elsewhere are the commands that cannot go through in a walk over single incidents: those that change two records at once or need another
// one, those of consultations, complaints and requests, and those of former lifecycles and corrected clocks.
var elsewhere = []string{
	"incident.merge", "incident.unmerge", "incident.absorb", "incident.set_parent", "incident.adopt", "incident.confirm_infection",
	"incident.answer", "incident.settle", "incident.advance", "incident.migrate", "incident.adjust_clock",
}

// moves fills in every command so that it goes through where it can. Those that go through elsewhere are given empty.
func moves(inc incident.Incident, commands []itsm.Command) []itsmtest.Move {
	record := incident.Record{Channel: incident.WalkIn, Caller: incident.Caller{Name: "收费处"}, Summary: "收费窗口打印机不出纸"}
	alert := incident.Record{
		Channel: incident.Monitoring, Summary: "link down", CI: "sw-1",
		Alert: &incident.AlertInfo{Source: "zabbix", Signature: "link down", Count: 1, First: inc.Created, Last: inc.Created},
	}
	triage := incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday}
	solved := incident.ResolveInCall{Triage: triage, Solution: "更换进纸传感器"}
	all := itsmtest.Moves(
		record, alert, incident.RecordResolved{Record: record, Resolved: solved},
		triage, incident.Dispatch{Group: "hardware"}, incident.DispatchUrgent{Group: "second-line", Why: "patients wait"},
		incident.CompletePaperwork{Triage: triage, Diagnosis: "worn"}, incident.Start{}, incident.Investigate{Diagnosis: "worn"},
		incident.Try{What: "cleaned", Outcome: incident.Failed}, incident.KeepDiagnosing{Basis: "it still jams"}, incident.Restore{Workaround: "use window 4"},
		incident.Hold{Reason: incident.WaitSpare}, incident.Resume{}, incident.Propose{Solution: "更换进纸传感器"}, incident.Reject{Why: "又卡纸了"},
		incident.Confirm{Word: incident.UserAgrees, Said: "可以打印了"}, incident.Reopen{Why: "又卡纸了"}, incident.Close{}, solved,
		incident.Cancel{Reason: incident.MisEntry, Note: "typed twice"}, incident.OverridePriority{Priority: incident.P1, Why: "patients wait"}, incident.EndOverride{},
		incident.Escalate{Tier: incident.TierSecond, Group: "second-line", Reason: "no part", Note: "see the photo"}, incident.Return{Answer: "not ours"},
		incident.AssessBusiness{Business: incident.Business{Users: 12}}, incident.Arrive{Finding: "worn"}, incident.FollowUp{Note: "called"},
		incident.NotePromise{Party: "vendor", What: "a part", Due: inc.Created.Add(24 * time.Hour)}, incident.KeepPromise{Nth: 1},
		incident.Contact{Channel: incident.Phone, Report: true}, incident.RepeatAlert{At: inc.Created}, incident.ClearAlert{At: inc.Created},
		incident.Link{Problem: "PRB-1"}, incident.Tick{}, incident.ProposeMajor{Why: "the whole house"},
		incident.DeclareMajor{Impact: "no fees", Manager: "m", Communicator: "c", Scribe: "s", Message: "we are on it"}, incident.RejectMajor{Why: "one window"},
		incident.UpdateMajor{Message: "still on it"}, incident.StabiliseMajor{Message: "no worse"}, incident.StandDownMajor{Message: "over"}, incident.ReviewMajor{Findings: "worn"},
	)
	for i := range all {
		all[i].Options = []itsm.Option{itsm.Because("the walk")}
	}
	for _, c := range commands {
		if slices.Contains(elsewhere, c.CommandName()) {
			all = append(all, itsmtest.Move{Command: c})
		}
	}
	// Who made a hand-over cannot accept it.
	return append(all, itsmtest.Move{Command: incident.Accept{}, Actor: itsmtest.Actor("u-002", itsm.RoleSecondLine)})
}

// differs tells apart what commands treat differently in one state. To keep the walk short only the first that holds counts, and what is
// the same everywhere is looked at in one state.
func differs(inc incident.Incident) string {
	here := inc.State == incident.StateDiagnosing
	switch {
	case inc.Urgent != nil && inc.Urgent.Done.IsZero():
		return "paperwork owed"
	case len(inc.HandOvers) > 0 && inc.HandOvers[len(inc.HandOvers)-1].Pending():
		return "handed over"
	case here && inc.Major != nil:
		return "major incident " + string(inc.Major.State)
	case here && inc.Override != nil:
		return "overridden"
	case here && len(inc.Promises) > 0:
		return "promised"
	case inc.State == incident.StateRecorded && inc.Alert != nil:
		return "from monitoring"
	}
	return ""
}
