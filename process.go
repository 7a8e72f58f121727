package itsm

import (
	"context"
	"time"
)

// A Command is what somebody wants of a record: a plain struct with JSON tags.
type Command interface {
	// CommandName is the stable name of the command, kind first: "incident.triage". Permissions go by it.
	CommandName() string
}

// A Process is a record kind with two pure functions, Decide and Evolve. R is its record, F the facts that a decision
// needs from outside, C its commands. A Process holds configuration only and is safe for concurrent use.
type Process[R, F any, C Command] interface {
	// Describe tells what the process is made of. It is asked once.
	Describe() Description

	// Meta returns the part that all records have.
	Meta(rec *R) *Meta

	// Outline tells what a store and the kernel need to know of a record.
	Outline(rec R) Outline

	// Possible returns the events that the lifecycle allows now, sorted.
	Possible(rec R) []string

	// Gather fetches the facts that the command needs from outside: the only place for input and output.
	Gather(ctx context.Context, rec R, cmd C, env Env) (F, error)

	// Decide returns what the command leads to, or every reason why not: a [Reason] or [Reasons]. The record is the
	// zero value when the command is a [Creation]. No clock, no random source, no map order may reach the result.
	Decide(rec R, cmd C, facts F, env Env) ([]Payload, error)

	// Evolve carries the event into the record. ID, tenant and creation of its [Meta] the kernel has filled in. What the record
	// shares with older ones (what its slices, maps and pointers lead to) must stay as it was: see [Plus].
	Evolve(rec *R, ev *Event) error
}

// A Forwarder is a [Process] of which some records hand commands on, as a duplicate does to the record that it was merged into.
type Forwarder[R any, C Command] interface {
	// Forward returns the record that a command on rec is meant for, and the command as it is given there, which has the same name. The ID
	// is "" where that is rec itself. rec must not be written to. An actor who may not read rec is refused there.
	Forward(rec *R, cmd C) (ID, C)
}

// A Creation is a command that makes a new record.
type Creation interface {
	Command
	Creates()
}

// A Description tells what a process is made of.
type Description struct {
	Kind     Kind
	Prefix   string // of the IDs: "INC"
	Commands []Command
	Events   []Payload
	Rules    []*Rule         // every reason its decisions give
	Index    []IndexField    // by which its records can be found, beside the fields every record has
	Phases   []string        // of its lifecycle, in order
	Level    Confidentiality // of new records; zero means Internal
	Grants   []Grant         // the permissions that the process ships, used when the host brings no Authorizer
}

// An Outline is what a store and the kernel need to know of a record.
type Outline struct {
	State string       // of its main lifecycle
	Phase string       // of the state, one of [Description.Phases]
	Final bool         // the record is at rest for good: its content cannot change any more
	Index []IndexEntry // the values of the declared fields, see [NewEntries]; the slice is the caller's
	Wake  time.Time    // when the record next wants a Tick; zero for never
}

// Env is what a decision knows of the world. It is a value: deciding twice in one Env gives the same.
type Env struct {
	Now     time.Time // when the command is decided and recorded, UTC, microseconds
	At      time.Time // when it happened; Now unless the past is being carried in
	Actor   Actor
	ID      ID // of the record, also of one that is being created
	Command CommandID
	Reason  string // why, in the actor's words
}
