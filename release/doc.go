// Package release is release management: from the plan, through signatures, test and preparation, to a deployment in waves that keeps the
// CMDB in step, its acceptance, and the report.
//
// # Lifecycle
//
// The table is data ([NormalTable], [EmergencyTable]); a host may extend it, but not tailor away what is mandatory ([Mandatory]):
//
//	planning → consulting → signed_off → building → testing → test_passed → ready → deploying → deployed → accepting → accepted → reported
//	    ↑ revise, from anywhere before the deployment                                  ↓ ↑                    ↓ ↑ fix_forward
//	    └ cancelled                                                                   halted                rejected
//	                                                                                    └→ rolling_back ←─────┘ → rolled_back → reported
//
// An emergency has no stages for building and preparing; its signatures may be given by word of mouth, to be confirmed before the
// report. docs/diagrams/release.md shows both in full.
//
// # The plan
//
// A [Plan] is data: changes, units with their way back, waves of targets with windows, a manifest of files by digest, gates, readiness
// list, signers. [Plan.Check] finds what contradicts itself, [Plan.Missing] what is not there yet. Package dsl writes and reads it as text.
//
// # Guarantees
//
//   - What goes live is what was signed, what was tested, and what the definitive library holds: signatures are bound to the digest of the whole plan and
//     of the changes, test reports and gates to the digest of the manifest and of the test environment. Every edit voids what it touches.
//   - At the start, at every wave and at the completion, each change is approved with the content that was signed. Read in the same unit of work, this still
//     holds at the commit. A release whose change lost its approval on the way is rolled back, or waits until it is approved again.
//   - No deployment without a baseline of every item; no test in an environment that shares a host, a database or an interface with production.
//   - Every file is compared with the manifest at each of the four steps. A flipped byte stops the target and leaves [IntegrityFailed], from
//     which a host raises the incident; the stop criterion of the wave halts the rest.
//   - Deployment and CMDB are one unit of work: the release is deployed and the CMDB says so, or neither.
//   - The way back is computed ([Plan.WayBack]): the reverse order of what was applied. What cannot be undone is named before and accepted by
//     somebody else than who planned it.
//   - A gate is passed, failed or unknown, and unknown never passes. People and automatic starts go through one rule ([Release.Passed]).
//   - No two releases work on one target at the same time. Which yields is a matter of [Policy].
//   - Business and operations accept separately. Conditions must be met before the release counts as accepted.
//
// # What the process asks others
//
// Changes, library, CMDB, environments, affected parties and incidents are ports in [Config]. Those that authorise deny by default: without
// [Changes] nothing is approved, without [Library] nothing is in it, without [Items] nothing can be completed. The CMDB asks [Release.Authorises] whether it may be written.
//
// # Limits
//
// The process installs nothing: it is told what was done, and measures only what [Measure] is given. Files are held by digest, not by content.
// Running releases go on under the table that is configured now.
package release
