// Package baseline freezes what configuration items are at an instant, and tells how it differs from another such picture, from today, and from what sources
// see.
//
// # Model
//
// A [Baseline] is a record of the kind ci_baseline: a name, a scope, and a [Snapshot] of every item in it, all of one instant, each with a digest. Nothing
// can be added or changed later; a scope that has grown makes the next version of the baseline.
//
//	frozen → retired
//
// [Diff] compares two pictures. [Drift] compares three: what was frozen, what has been approved since (the items as they are written, which is under an
// authority only, and what is planned), and what sources see.
//
// # Guarantees
//
//   - The items of a baseline are of one instant: if one of them changes while it is taken, it is taken anew.
//   - diff(a, a) is empty, and diff(b, a) is diff(a, b) the other way round.
//   - A baseline whose content was tampered with is found by its digests ([Baseline.Verify]).
//
// # Limits
//
// A baseline has at most [MaxItems] items.
package baseline
