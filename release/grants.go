package release

import (
	"slices"

	"github.com/hospital-itsm/itsm"
)

// Grants returns the permissions that the process ships. The copy belongs to the caller, who may extend it and make a
// policy of it with [itsm.NewPolicy].
func Grants() []itsm.Grant {
	read := []string{"itsm.read", "itsm.timeline", "itsm.journal"}
	with := func(names ...string) []string { return append(append([]string{}, read...), names...) }
	work := []string{"itsm.note", "itsm.attach", "itsm.set_fields", "itsm.classify"}
	signs := []string{"release.sign", "release.confirm_signature", "release.accept_no_return"}
	manager := append(with(work...), "release.draft", "release.revise", "release.open_consultation", "release.note_consultation", "release.submit",
		"release.cancel", "release.build", "release.waive", "release.start_test", "release.prepare", "release.judge_gate", "release.take_baseline", "release.make_ready",
		"release.deploy", "release.yield_to", "release.start_wave", "release.skip_wave", "release.fail_target", "release.retry_target", "release.stop",
		"release.continue", "release.complete", "release.roll_back", "release.finish_rollback", "release.compare", "release.explain", "release.present",
		"release.meet_condition", "release.fix_forward", "release.file_report", "itsm.declassify", "itsm.disclose")
	engineer := append(with(work...), "release.draft", "release.revise", "release.build", "release.start_test", "release.report_test", "release.check_security",
		"release.prepare", "release.judge_gate", "release.distribute", "release.fail_target", "release.retry_target", "release.stop", "release.undo_step", "release.explain",
		"release.meet_condition")
	return []itsm.Grant{
		{Role: itsm.RoleChangeManager, Commands: append(manager, signs...), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleProjectManager, Commands: append(append([]string{}, manager...), signs...), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: engineer, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: engineer, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecondLine, Commands: append(append([]string{}, engineer...), "release.judge_operations"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleConfigManager, Commands: append(with(work...), "release.inspect_test", "release.take_baseline", "release.compare", "release.explain", "release.judge_operations"), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleServiceDesk, Commands: append(append(with(work...), signs...), "release.note_consultation", "release.judge_operations"), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleDeskManager, Commands: append(append(with(work...), signs...), "release.note_consultation", "release.judge_operations"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSecurityAdmin, Commands: append(append(with(signs...), work...), "release.check_security", "release.inspect_test", "itsm.unmask", "itsm.declassify", "itsm.disclose", "itsm.emergency_access", "itsm.erase_personal"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleAuditAdmin, Commands: with("itsm.review_access"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleUser, Commands: append(with(signs...), "release.judge_business"), Clearance: itsm.Internal, Scope: askedPerson},
		{Role: itsm.RoleImporter, Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: []string{"itsm.read", "release.tick"}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}

// askedPerson restricts a user to the releases that the user may sign.
func askedPerson(a itsm.Actor, record any) bool {
	r, ok := record.(*Release)
	if !ok {
		return false
	}
	for _, s := range r.Plan.Signers {
		if slices.ContainsFunc(s.People, a.Is) {
			return true
		}
	}
	return false
}
