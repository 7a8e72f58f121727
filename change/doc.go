// Package change is change management: from the request, through assessment, build, test and approval, to work on production
// in its window, the way back when it fails, and the review.
//
// # Lifecycle
//
// The tables are data ([NormalTable], [StandardTable], [EmergencyTable]); a host may extend them, but not tailor away what is
// mandatory ([Mandatory]):
//
//	draft → submitted → classified → assessing → building → testing → awaiting_approval → approved → scheduled → implementing
//	                                                                                                                 │      │
//	closed ← in_review ← succeeded ←─────────────────────────────────────────────────────────────────────────────────┘      │
//	             ↑                                                                                                          │
//	             └────── backed_out ← backing_out ← failed ←────────────────────────────────────────────────────────────────┘
//
// and rejected, cancelled. A standard change goes from classified to approved by its [Template], an emergency straight to the vote.
// docs/diagrams/change.md shows all. What is no state: who votes how (an [approval.Ballot]), how late it is, the risk, conflicts.
//
// # Guarantees
//
//   - Work on production begins only with an approval of exactly this content, given before, by others than those who do the work. An edit of
//     impact, plan, implementer or backout voids it ([Form]); fingerprint and approval are checked again when the work begins.
//   - What fails is backed out, and there is no other way on. Nothing is closed without a result and a review; a partial result is a
//     failure unless it was agreed on before the approval.
//   - A backout fits the window after every step ([FitOf]), or approval cannot be asked for. The last instant at which going back is still
//     safe follows from the steps begun ([LastSafe]); past it, nothing goes on before somebody decided. Past the window the change fails by itself.
//   - Who approved answers for it: when a change fails or does harm, there is an entry for each approver and delegator, for ever.
//   - A standard change is pinned to an approved version of its template: procedure and backout are the template's, its scope, expiry and state are
//     looked at when it is approved and again when it begins, and failures suspend the template, in the same unit of work.
//   - Changes that touch one item, person or redundant group at the same time are found ([Collide], [Agenda]); which must be waived is said by kind.
//   - Of two that collide so, or because one names the other, the later one sees the other, also when both commands are given at the same instant:
//     what is booked stands in a [Slot] for each item, person and named change, which is read before others are looked for and written in the same unit
//     of work. An approval by template is refused then, and who votes is told. A change is booked from the asking for approval until its work is over.
//   - Freezes and maintenance hours are civil time ([Hours]). A change is judged by the version under which it was approved; what a new
//     freeze hits is listed ([Hours.AffectedBy]) and applied by command ([Impose]).
//   - Whatever time brings about is decided in [Tick], which the scheduler gives; [Process.Outline] tells when it is next needed.
//
// # What is data
//
// [Policy] (required information by stage, rules for types, review and time limits), [RiskData], [HoursData], [approval.Policy], the lifecycles, permissions
// ([Grants], [TemplateGrants]), templates, and the host's own fields.
//
// # Other processes
//
// Grades, boards, the impact graph, states of items, skills and incidents are facts of others: ports in [Config], with neutral answers when they are
// absent. Writes of configuration items are authorised by [Change.Authorises] and [Change.Standing] or, within a unit of work, [Authority]:
// that is what a host gives the package config as its port. [Succeeded], [Restored] and
// [Compared] are what reactions tell problems and incidents from; they answer with [Inform] and [ReportDifference].
//
// # Limits
//
// Conflicts are looked for when approval is asked for, at scheduling and at the start of the work. What an impact closure shows is only a warning, and
// no slots are kept for it: when approval is asked for at the same instant for two changes of which one hits an item of the other, neither may be told;
// at scheduling both are. Slots need a store with units of work and commands given through [Service.Do]. They are read one by one, so that a check costs
// a read for each item, person and member of a group. An agenda lives in memory and is built from the changes of a tenant ([BookingOf]).
// Standard changes need a store with units of work.
package change
