// Package impact answers what depends on what among configuration items: who suffers when an item fails, why, and which items
// a service cannot lose.
//
// # Model
//
// A [Graph] has items and typed relations between them; a relation says that From depends on To. An item that a relation names and that was never
// added is kept as an unknown one, and counted: a relation is never lost because the other end has not been found yet.
//
//	var b impact.Builder                   // from a stream, in any order
//	g := b.Graph()
//	g, err := g.Apply(changes...)           // after an event: another graph, which shares nearly everything with the old
//	n, err := g.Count(impact.Query{Of: items})
//
// There are two kinds of questions. A search ([Graph.Count], [Graph.Visit], [Graph.Reach]) follows relations, of some types and up to a depth if so
// wished: what could be touched at all. [Reach.Chain] explains a hit by the shortest chain of relations, [Reach.Radius] sums up by service and
// department, [Graph.Cycles] finds items that depend on each other.
//
// A simulation ([Graph.Simulate]) knows redundancy: what really goes down. An item is down when it failed, when a dependency that it
// needs by itself is down, or when of a [Group] of dependencies less is up than it needs; of that the least is taken that follows from the failed items. The
// others are degraded (a group lost a member), at risk (something they depend on is degraded) or up. [Outcome.Explain] names a minimal set of causes and
// every step from them. [Graph.SinglePoints] and [Graph.Cuts] list what a service cannot lose, [Graph.Unavailability] how likely it is down.
//
// # Guarantees
//
//   - A Graph is immutable. Changes make new ones, also two different ones of the same graph: what a planned change would do can be asked
//     before it is done. [Live] holds the present one for many readers and one writer at a time.
//   - Answers and explanations depend on the items, relations and groups alone, not on the order in which they came.
//   - Monotone: one more failed item heals none.
//   - A change costs microseconds whatever the size of the graph, with the work of making it compact again spread over many.
//   - Counting allocates nothing. There is no recursion over the graph, so no depth of it is too deep.
//
// # Limits
//
// At most 67,108,864 items (2²⁶), 2,147,483,646 relations and 64 types of relations; IDs of up to 200 bytes. A graph takes 8 bytes for a
// relation and 12 bytes and its ID for an item. Relations have no attributes and no identity here: two of one type between the same items are only
// counted. Cuts are searched for up to three items.
package impact
