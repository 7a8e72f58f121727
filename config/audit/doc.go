// Package audit compares the configuration items with the world: planned samples, five sets that account for everything, and discrepancies that are
// disposed of one by one.
//
// # Model
//
// An [Audit] is a record of the kind ci_audit. It is planned with a scope (all items, or by class, place or a random sample), started by an auditor, who
// enters what was found, and closed when every [Discrepancy] is disposed of:
//
//	planned → running → reconciling → closed
//	                                   (or cancelled)
//
// A disposition is: correct the record, correct the world through a change, or accept. To correct records, items are written under the authority of the audit:
// [Corrections] implements the port by which package config asks for it. A [Review] looks back at the process and its results.
//
// # Guarantees
//
//   - The same seed draws the same sample from the same items.
//   - Nobody audits items that he maintains.
//   - What was checked and what was found is parted into five sets without rest: matched, attribute mismatch, relation mismatch, missing, unregistered.
//   - An audit closes only when every discrepancy has a disposition, and every record to be corrected is reported as corrected.
//
// # Limits
//
// Which deviations matter is for people: every attribute under control that the auditor tells is compared.
package audit
