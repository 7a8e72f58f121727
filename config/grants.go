package config

import "github.com/hospital-itsm/itsm"

// Grants returns the permissions that the process ships. The copy belongs to the caller, who may extend it and make a
// policy of it with [itsm.NewPolicy].
func Grants() []itsm.Grant {
	read := []string{"itsm.read", "itsm.timeline", "itsm.journal"}
	with := func(names ...string) []string { return append(append([]string{}, read...), names...) }
	note := []string{"itsm.note", "itsm.attach"}
	engineer := append(with("ci.register", "ci.update", "ci.affix_label", "ci.move", "ci.set_status", "ci.link", "ci.unlink", "ci.attach", "ci.add_document",
		"ci.drop_document", "ci.set_group", "ci.realise_plan", "ci.suspect_duplicate"), note...)
	return []itsm.Grant{
		{Role: itsm.RoleConfigManager, Commands: append(with("ci.*", "itsm.set_fields", "itsm.classify", "itsm.declassify", "itsm.disclose", "itsm.unmask"), note...), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleChangeManager, Commands: append(with("ci.plan_change", "ci.withdraw_plan", "ci.realise_plan"), note...), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: engineer, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: engineer, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecondLine, Commands: engineer, Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleProjectManager, Commands: append(with("ci.leave_scope", "ci.enter_scope"), note...), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleServiceDesk, Commands: with(), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleDeskManager, Commands: with(), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleAssetKeeper, Commands: with(), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleMonitor, Commands: []string{"itsm.read", "ci.observe", "ci.suspect_duplicate"}, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecurityAdmin, Commands: with("itsm.unmask", "itsm.declassify", "itsm.disclose", "itsm.emergency_access", "itsm.erase_personal"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleAuditAdmin, Commands: with("itsm.review_access"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleImporter, Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: []string{"itsm.read", "itsm.journal", "ci.tick", "ci.realise_plan", "ci.withdraw_plan", "ci.observe"}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}
