// Package lifecycle builds state machines out of data and refuses the ones that are wrong.
//
// # Model
//
// A [Spec] is a table: the states, each with its [Phase] and whether a record may rest in it for good, the states in
// which a record is created, and rows that lead from states by an event to a state. [New] checks the table and compiles
// it to a [Machine]; [Parse] does the same for JSON. A machine holds no record: it answers questions about a state that
// the caller has, and [Machine.Fire] tells the state after an event.
//
//	stateDiagram-v2
//	    [*] --> open
//	    open --> working: start
//	    working --> waiting: hold
//	    working --> done: finish
//	    waiting --> working: resume
//	    done --> [*]
//
// Who has a record, how late it is, which tier works on it: none of these is a state. They are fields, clocks, or
// machines of their own.
//
// A process hands [New] its rules beside the table: what no variant of the table may tailor away ([MustPass],
// [MustNotLeave], [MustHaveStates], …). A variant that breaks one does not build; the error names the rule and shows a
// way through the table that breaks it.
//
// # Guarantees
//
//   - A machine that was built has no unknown or duplicate row, one destination for a state and an event, every state
//     within reach of a start, an end within reach of every state, and no row out of an end.
//   - All faults of a table are reported at once, each with its place and what to do; faults of JSON with line and column.
//   - [Machine.Fire] changes nothing but its result. An event that has no row in a state ([NotPossibleError]) and a name
//     that the machine does not know ([UnknownError]) are different errors; the error of a guard comes out as it went in.
//   - Guards may call the machine they guard, may block, and may panic: the machine stays usable.
//   - A machine is immutable and safe for concurrent use. Reads do not allocate, except those that return a slice.
//   - What is printed, diagrams and errors included, is the same for the same table every time.
//
// # Limits
//
// A machine has at most [MaxStates] states and [MaxEvents] events. It has no nested states, no parallel regions and no
// choice between destinations: where a result depends on facts, there are two events. Two callers who move the same
// record at the same time are told apart by the store that keeps the record, not by the machine.
package lifecycle
