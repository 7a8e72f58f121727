// Package approval decides who has consented to what: frozen electorates, votes, decision rules, delegation, separation of duties, fingerprints
// of the approved content.
//
// # Model
//
// A [Policy] is a table: type × risk → [Plan]. A plan has a [Rule] over groups of members, time limits, reminders. A [Form] says which fields of
// the content are material, and takes its [Fingerprint]. A [Ballot] is a value inside a record: the round of voting that is
// open, or the last one. Its methods decide, as a process does: they return events or every reason why not, as [itsm.Reasons], and [Ballot.Apply]
// is the fold.
//
//	type Change struct {                                                     // the record
//		…
//		Approval approval.Ballot `json:"approval,omitzero"`
//	}
//	type ApprovalChanged struct { Events []approval.Event `json:"events"` }   // the event
//	func (e ApprovalChanged) apply(r *Change, _ *itsm.Event) { r.Approval = r.Approval.Apply(e.Events...) }
//
//	type Vote struct { approval.Cast }                                        // the command; its rule, in Decide:
//	events, err := rec.Approval.Cast(c.Cast, facts.Approval, env)            // the voter is env.Actor
//
//	plan, err := policy.Plan("normal", "high")                                // asking for consent:
//	print, err := form.Fingerprint(rec)
//	events, err = rec.Approval.Open(approval.Request{Plan: plan, Topic: "change/normal", Content: print, Members: facts.Members,
//		Duties: []approval.Duty{{approval.Requester, rec.Requester}, {approval.Implementer, rec.Implementer}}, Hours: hours}, env)
//
//	events = rec.Approval.Edit(newPrint, env)                                 // with every edit; none when nothing material changed
//	events = rec.Approval.Tick(env.Now)                                       // in Tick; Outline.Wake is rec.Approval.NextWake()
//	err = rec.Approval.Permits(print.Digest, env.Now, operators...)           // before work begins
//	entries := rec.Approval.Accountable()                                     // who answers, when it went wrong
//
// After the events the process looks at Approval.Outcome and moves its record: approved, rejected, expired, voided. The package's rules belong
// into the description of the process, see [Rules].
//
// # Deciding
//
// A vote is approve, reject or abstain; who has a conflict of interest is recused. The value of a rule never falls when a member approves
// who had not voted, abstained or rejected. So a round is approved as soon as its rule is met though nobody votes any more, and rejected as soon
// as it could not be met though all who have not voted approved; until then it is open. That is exact for every combination of conditions, and does not depend on the
// order of the votes. A vote is decided on the votes that stand: that they may be changed while the round is open does not keep it open.
//
// Under [OneSeat] a person fills one seat: where groups overlap, people are placed so that the whole rule is met if that is possible at all. People are
// counted, not mandates: whoever votes for several members counts once, unless the plan says [EachMandate].
//
// Silence is never consent. A holder of a [Veto] must be heard; a round that is not decided by its due time has expired. Times are half-open: at the due
// time it is too late.
//
// # Guarantees
//
//   - A round has at least one member who can vote, and opens only if its rule can be met by them with the duties they have.
//   - Who has a duty that keeps out (requester and implementer always do) neither votes nor is voted for, nor votes for somebody else.
//   - A delegate votes under a delegation that holds now, for this topic, straight from the member; the evidence names both.
//   - A vote is on one content, given now. Material edits void the round and the approval.
//   - Deciding costs the same after ten rounds and after ten thousand.
//   - A [Ballot] is never changed by its methods, a [Policy] and a [Rule] are immutable: all are safe for concurrent reading.
//
// # Limits
//
// Recusals and changes of the electorate are not votes: they are refused when the rule could not be met afterwards, but the outcome may depend on whether they
// come before or after a vote that decides. Only the steps of a stage that is the whole rule have limits of their own. Electorates have up to 1000 members, rules
// up to 48 conditions and 256 ways through their Ors. A [Cast] cannot be taken back, only changed.
package approval
