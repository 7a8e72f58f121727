package incident

import "github.com/hospital-itsm/itsm"

// Grants returns the permissions that the process ships. The copy belongs to the caller, who may extend it and make a
// policy of it with [itsm.NewPolicy].
func Grants() []itsm.Grant {
	read := []string{"itsm.read", "itsm.timeline", "itsm.journal"}
	with := func(names ...string) []string { return append(append([]string{}, read...), names...) }
	desk := with("itsm.note", "itsm.attach", "itsm.set_fields", "itsm.classify", "incident.record", "incident.record_resolved", "incident.triage",
		"incident.dispatch", "incident.dispatch_urgent", "incident.complete_paperwork", "incident.start", "incident.investigate", "incident.try",
		"incident.keep_diagnosing", "incident.restore", "incident.hold", "incident.resume", "incident.propose", "incident.resolve_in_call",
		"incident.confirm", "incident.reject", "incident.reopen", "incident.close", "incident.cancel", "incident.escalate", "incident.return",
		"incident.assess_business", "incident.follow_up", "incident.note_promise", "incident.keep_promise", "incident.contact", "incident.merge",
		"incident.unmerge", "incident.absorb", "incident.set_parent", "incident.adopt", "incident.link", "incident.answer", "incident.settle", "incident.advance",
		"incident.propose_major", "incident.update_major", "incident.confirm_infection")
	engineer := with("itsm.note", "itsm.attach", "itsm.set_fields", "itsm.classify", "incident.start", "incident.accept", "incident.return",
		"incident.investigate", "incident.try", "incident.keep_diagnosing", "incident.restore", "incident.hold", "incident.resume", "incident.propose",
		"incident.escalate", "incident.arrive", "incident.note_promise", "incident.keep_promise", "incident.link", "incident.answer", "incident.advance",
		"incident.propose_major", "incident.confirm_infection", "incident.assess_business", "incident.record")
	manager := []string{"incident.override_priority", "incident.end_override", "incident.declare_major", "incident.reject_major",
		"incident.update_major", "incident.stabilise_major", "incident.stand_down_major", "incident.review_major", "incident.adjust_clock", "incident.migrate",
		"itsm.declassify", "itsm.disclose"}
	return []itsm.Grant{
		{Role: itsm.RoleServiceDesk, Commands: desk, Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleDeskManager, Commands: append(append(manager, desk...), "itsm.unmask"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleProjectManager, Commands: append(append(append([]string{}, manager...), engineer...), "incident.dispatch", "incident.triage", "incident.hold"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: engineer, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: engineer, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecondLine, Commands: engineer, Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSecurityAdmin, Commands: with("itsm.unmask", "itsm.declassify", "itsm.disclose", "itsm.emergency_access", "itsm.erase_personal"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleAuditAdmin, Commands: with("itsm.review_access"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleUser, Commands: []string{"itsm.timeline", "incident.record", "incident.contact", "incident.reopen"}, Clearance: itsm.Internal, Scope: ownTicket},
		{Role: itsm.RoleMonitor, Commands: []string{"itsm.read", "incident.record", "incident.repeat_alert", "incident.clear_alert", "incident.contact"}, Clearance: itsm.Internal},
		{Role: itsm.RoleImporter, Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: []string{"itsm.read", "incident.tick", "incident.link", "incident.record"}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}

// ownTicket restricts a user to what that user reported.
func ownTicket(a itsm.Actor, record any) bool {
	inc, ok := record.(*Incident)
	return ok && a.Is(inc.Caller.Person)
}
