// Package discovery finds out which configuration item an observation is of, plans what observations lead to, and carries the plan out when a person has
// looked at it.
//
// # Model
//
// An [Observation] is what a source saw of one thing: [ReadCSV] and [ReadGLPI] make observations of files. [Reconcile] puts observations that share a strong
// identifier together, compares them with the items, and gives a [Plan]: what matches, what is new, what is ambiguous and what is blocked. [Service.Apply]
// carries it out under an authority, all or nothing, if it is still what would be planned.
//
// A [Source] is a record of the kind ci_source: what a source reported last. When much less is reported than before, the report is held back
// until two persons release it (mass-vanish guard).
//
// # Guarantees
//
//   - A plan depends on the set of observations and items, not on their order.
//   - An identifier with an absent, blank or placeholder part matches nothing. What agrees in weak identifiers only is proposed, never taken for one.
//   - Ambiguous never picks the first: the candidates are told with their scores, and become suspected duplicates.
//   - Observations change observed attributes only. What they say of attributes under control is told as a difference, and written only when the
//     plan is applied with [Options.Update], under the authority.
//   - Applying a plan twice changes nothing the second time.
//   - Files are bounded in size and depth; all faults of a file are told with line or path; with a fault nothing of the file is used.
//
// # Limits
//
// Relations between items are not discovered. Times in GLPI files have no offset, so the instant of an inventory is given by the caller.
package discovery
