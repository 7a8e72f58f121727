// Package itsmtest checks that stores, repositories and processes keep the promises of this library, and brings fakes for
// tests of code that uses it. It is written for those who bring their own: each suite is one line of a test.
//
//	func TestStore(t *testing.T) { // an adapter of store.DB
//		itsmtest.Store(t, func(t testing.TB) store.DB { return mystore.Open(t.TempDir()) }, itsmtest.Reopen(reopen))
//	}
//
//	func TestRepository(t *testing.T) { // records on tables of a host's own
//		itsmtest.Repository(t, process, openTables, sampleIncident)
//	}
//
//	func TestLaws(t *testing.T) { // a process, or a variant of one: commands are made up
//		itsmtest.Laws(t, itsmtest.SpecOf(process))
//	}
//
//	func TestWalk(t *testing.T) { // every state and every command
//		itsmtest.Walk(t, itsmtest.Model[Permit, Facts, Command]{Process: process, Moves: moves, States: states, Edges: itsmtest.Edges(machine)})
//	}
//
// # Suites
//
// [Store] compares a store with the contract of [store.DB]: with a plain store over generated batches, records and queries; by
// failing every member of a batch; by texts that mean something to databases, in every place where a text can stand; by mutating what goes in and comes out; by going on behind every position, page by page; by races
// whose winners are counted; by readers that follow the journal while others write; and by concurrent histories of loads and commits,
// for each of which there must be an order that explains all answers (linearizability, checked by porcupine; [Histories] keeps
// pictures of those that have none). A part of the contract that a store does not keep is declared by an [Exception] and said
// in the log, and so is an exception that nobody needs. [Repository] does the same for the four methods of [itsm.Repository], and for
// numbers, lent records and units of work where a repository has them.
//
// [Laws] runs generated histories of commands through a process and checks eight laws, see [Law]. Beside the commands that the
// caller draws it gives empty, unknown and misplaced ones, and those that every record takes. A failure is shrunk by rapid and repeated
// with -rapid.seed; -rapid.checks sets how many histories there are.
//
// [Walk] is exhaustive where [Laws] draws: it goes breadth first through every state that commands reach, tries every
// command in each, and logs a table of what was accepted and refused.
//
// [Commands] makes commands up for any process, and [SpecOf] whole Specs. A generator that is written by hand goes further where commands
// need much that only people know. Its commands should be likely ones for the most part, and unlikely ones for the rest: one that
// only draws what is possible proves nothing about refusals, one that draws blindly never gets far.
//
// # Fakes
//
// [Clock] and [Random] make a service repeatable: hand them to [itsm.Config]. [FaultyDB] fails the nth commit before or after its
// effect, or is slow. [Actor] makes an actor.
//
// # Limits
//
// A suite shows faults, it does not prove that there are none. Races are provoked, not enumerated. Power failures are not
// simulated: [Reopen] closes the store in good order. That queries answer from an index is a matter of each adapter's own tests.
package itsmtest
