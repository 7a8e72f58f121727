package change

import (
	"slices"

	"github.com/hospital-itsm/itsm"
)

// The roles of people who take part in approvals beside those of the kernel. Hosts may give them to whom they like.
const (
	RoleBoard          itsm.Role = "change_board"
	RoleEmergencyBoard itsm.Role = "emergency_board"
	RoleDirector       itsm.Role = "it_director"
	RoleBusinessOwner  itsm.Role = "business_owner"
)

var (
	reads  = []string{"itsm.read", "itsm.timeline", "itsm.journal", "itsm.note", "itsm.attach"}
	raises = []string{"change.raise", "change.describe", "change.set_plan", "change.set_statement", "change.submit", "change.cancel", "change.link"}
	assess = []string{"change.assess", "change.score_risk", "change.raise_risk"}
	works  = []string{"itsm.set_fields", "itsm.classify", "change.begin_build", "change.record_build", "change.begin_test", "change.record_test",
		"change.record_rehearsal", "change.finish_task", "change.preapprove", "change.start", "change.begin_step", "change.finish_step", "change.accept_deviation", "change.go_on",
		"change.take_evidence", "change.check_data", "change.succeed", "change.fail", "change.back_out", "change.restore", "change.compare",
		"change.report_difference", "change.write_review", "change.complete_record", "change.request_approval", "change.announce", "change.inform"}
	votes   = []string{"change.vote", "change.confirm_oral", "change.recuse"}
	manages = []string{"itsm.set_fields", "itsm.classify", "itsm.declassify", "itsm.disclose", "change.return", "change.classify", "change.begin_assessment", "change.request_approval",
		"change.change_electorate", "change.preapprove", "change.waive", "change.schedule", "change.announce", "change.reject", "change.rework", "change.impose_freeze",
		"change.accept_deviation", "change.go_on", "change.fail", "change.back_out", "change.compare", "change.report_difference", "change.write_review", "change.complete_record",
		"change.inform", "change.close", "change.finish_task", "change.check_data"}
	secures = []string{"itsm.unmask", "itsm.declassify", "itsm.disclose", "itsm.emergency_access", "itsm.erase_personal"}
)

// Grants returns the permissions on changes that the process ships. The copy belongs to the caller, who may extend it and make a
// policy of it with [itsm.NewPolicy].
func Grants() []itsm.Grant {
	return []itsm.Grant{
		{Role: itsm.RoleChangeManager, Commands: slices.Concat(reads, raises, assess, votes, manages), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleProjectManager, Commands: slices.Concat(reads, raises, assess, votes, []string{"change.waive", "change.write_review", "change.accept_deviation", "change.go_on"}), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: RoleBoard, Commands: slices.Concat(reads, assess, votes), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: RoleEmergencyBoard, Commands: slices.Concat(reads, assess, votes), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: RoleDirector, Commands: slices.Concat(reads, assess, votes, []string{"change.accept_deviation", "change.go_on"}), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: RoleBusinessOwner, Commands: slices.Concat(reads, raises, assess, votes, []string{"change.check_data"}), Clearance: itsm.Internal},
		{Role: itsm.RoleServiceDesk, Commands: slices.Concat(reads, raises, []string{"change.announce", "change.inform", "change.report_difference"}), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleDeskManager, Commands: slices.Concat(reads, raises, assess, votes), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: slices.Concat(reads, raises, assess, works), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: slices.Concat(reads, raises, assess, works), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecondLine, Commands: slices.Concat(reads, raises, assess, works), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSystemAdmin, Commands: slices.Concat(reads, raises, assess, works, votes), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleConfigManager, Commands: slices.Concat(reads, []string{"change.compare", "change.report_difference"}), Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecurityAdmin, Commands: slices.Concat(reads, assess, votes, secures), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleAuditAdmin, Commands: append(slices.Clone(reads[:3]), "itsm.review_access"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleImporter, Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: []string{"itsm.read", "change.tick", "change.link", "change.inform", "change.report_difference", "change.impose_freeze"}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}

// TemplateGrants returns the permissions on templates that the process ships.
func TemplateGrants() []itsm.Grant {
	vote, use := "change_template.vote", "change_template.note_use"
	drafts := append(slices.Clone(reads), "change_template.draft", "change_template.revise", "change_template.request_approval", use)
	return []itsm.Grant{
		{Role: itsm.RoleChangeManager, Commands: slices.Concat(drafts, []string{vote, "itsm.set_fields", "itsm.classify", "change_template.suspend", "change_template.reinstate", "change_template.retire"}), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleProjectManager, Commands: append(slices.Clone(reads), vote, use), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: RoleBoard, Commands: append(slices.Clone(reads), vote), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleHardwareEngineer, Commands: drafts, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSoftwareEngineer, Commands: drafts, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleSecondLine, Commands: drafts, Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSystemAdmin, Commands: drafts, Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSecurityAdmin, Commands: slices.Concat(reads, secures), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleAuditAdmin, Commands: append(slices.Clone(reads[:3]), "itsm.review_access"), Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleImporter, Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
		{Role: itsm.RoleSystem, Commands: []string{"itsm.read", "change_template.tick", use}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}
