// Package incident is incident management: from the first call or alert, through triage, dispatch, diagnosis, escalation and
// waiting, to a solution that the service desk confirms.
//
// # Lifecycle
//
// The table is data ([IncidentTable]); a host may extend it, but not tailor away what is mandatory ([Mandatory]):
//
//	recorded → triaged → dispatched → diagnosing → resolved_proposed → confirmed → closed
//	                        ↑  └ escalate   ↑ ↓ hold, resume   │ reject        │ reopen
//	                        └───────────────┘ on_hold          └→ diagnosing ←─┘
//
// and cancelled, for duplicates and mis-entries. docs/diagrams/incident.md shows it in full. Questions, complaints and
// requests have tables of their own ([ConsultationTable], [ComplaintTable], [RequestTable]); triage decides which.
//
// What is no state: who has the work (owner, group, assignee, tier), how late it is (clocks, [Incident.Due]), that it is a
// major incident ([Major], an overlay with its own [MajorMachine]), that it is a duplicate or part of another.
//
// # Guarantees
//
//   - Nothing happens before it is recorded, and the main line cannot be shortened: every closed incident was recorded,
//     dispatched, solved and confirmed, in this order. [RecordResolved] does it in one command and leaves every step.
//   - Only the desk confirms, and who solved it never confirms it alone, not even through a stand-in.
//   - A closed incident stays closed. What comes back is a new one that names the old ([Record.Recurrence]).
//   - The owner is a desk post from the first to the last entry.
//   - A line of support is skipped only for a reason that stands in the journal.
//   - A priority is the result of the matrix and its modifiers, told one by one ([Derived]), or an [Override] with who, why and until
//     when; deriving anew never drops an override.
//   - However many equal alerts arrive at once, there is one incident and every alert is counted ([Service.Alert]).
//   - Parts and duplicates are linked from both sides or not at all, and never in a circle.
//   - Whatever time brings about is decided in [Tick], which the scheduler gives; [Process.Outline] tells when it is next needed.
//
// # What is data
//
// [Policy] (strict as the source document asks, or lenient), [PriorityModel], the agreements ([DefaultAgreements],
// [ParseAgreements]), hold reasons, criteria of major incidents, the lifecycle, permissions ([Grants]), and the host's own fields.
//
// # Limits
//
// Skills, rosters, contracts, service grades and tool approvals are facts of others: ports in [Config], with neutral
// answers when they are absent. Commands that change two incidents need a store with units of work, as those of the
// package store have; over another repository they are refused, saying so.
package incident
