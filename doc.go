// Package itsm is the kernel of a library of IT service management: records that change by commands only, decisions that
// are pure functions, and a journal in which nothing can be altered unseen. Processes such as
// [github.com/hospital-itsm/itsm/incident] are written on it; a host embeds them over the storage it already has.
//
// # The model
//
// A [Process] is a kind of record with two pure functions: Decide tells what a [Command] leads to, or every [Reason] why not;
// Evolve tells what an [Event] makes of the record. A [Service] does the rest, once for all processes:
//
//	load → authorise → gather facts → decide → evolve → authorise the result → commit at the expected version
//
// and starts again when somebody else was faster. There is no lock and no open transaction.
//
// # What holds for every process
//
//   - The stored record is the fold of its events ([Service.Verify], [Service.Replay]).
//   - A refused command changes nothing; the journal grows by one entry that says who, what and why.
//   - The same record, command, facts and [Env] give the same events, to the byte.
//   - A command given twice under one ID ([Once]) has the effect of once, also across a crash.
//   - An event has the instant at which it happened and the instant at which it was recorded. Imports may tell the first
//     ([HappenedAt]), with a permission; nobody sets the second. Order is the sequence number, never the time.
//   - Events of a record form a hash chain. A host may seal the journal of a tenant with a signed tree head ([Sealer]):
//     what is changed, dropped, swapped or inserted later is found and named.
//   - The tenant is part of every [Key]; a [Ref] has none, so a link across tenants cannot be written down.
//
// # Who sees what
//
// Every command has a name, and an [Authorizer] is asked with the record before and after it. Records have a
// [Confidentiality]; who is below it gets nothing, in no answer and no error. Personal data in free text are masked for
// readers below the clearance for patient data ([Masker]), and can be erased without breaking the chain ([ErasePersonal]).
//
// # Limits
//
// The kernel keeps no users, sends no messages and draws no screens. It trusts the [Actor] that the host puts into the
// context. One command changes one record; what spans several goes through a unit of work of the store.
package itsm
