package itsm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A Payload is what an event says happened: a plain struct with JSON tags. Fields tagged itsm:"personal", also of structs
// inside it, are kept in the erasable part of the event; fields tagged itsm:"text" are free text, which is masked for
// readers below the clearance.
type Payload interface {
	// EventType is the stable name of the event: "incident.triaged".
	EventType() string
}

// An Event is one entry of the journal. Events of one record form a hash chain: each carries the hash of the one before.
// An Event is a value; its byte slices must not be changed.
type Event struct {
	Key
	Seq            uint64    `json:"seq"`                      // 1, 2, 3 … within the record
	Type           string    `json:"type"`                     // of the payload
	At             time.Time `json:"at"`                       // when it happened, UTC, microseconds
	Recorded       time.Time `json:"recorded"`                 // when it was written down; never before that of the previous event
	Actor          PersonID  `json:"actor"`                    // who did it
	OnBehalfOf     PersonID  `json:"on_behalf_of,omitempty"`   // whom the actor stood in for
	Command        CommandID `json:"command"`                  // the command that led to it
	CommandName    string    `json:"command_name"`             // such as "incident.triage"
	Reason         string    `json:"reason,omitempty"`         // why, in the actor's words
	Data           []byte    `json:"data"`                     // the payload as JSON, without its personal fields
	Personal       []byte    `json:"personal,omitempty"`       // the personal fields as JSON with a salt; nil when there are none or they were erased
	PersonalDigest Digest    `json:"personal_digest,omitzero"` // of Personal; stays when Personal is erased
	Prev           Digest    `json:"prev,omitzero"`            // the hash of the previous event of the record; zero for the first
	Hash           Digest    `json:"hash"`                     // of everything above but Personal

	Position Position `json:"position,omitempty"` // in the journal; set by the store when the event is read
	Payload  Payload  `json:"-"`                  // decoded; nil where the reader does not know the type
}

// Erased reports whether the event had personal data that have been erased.
func (e Event) Erased() bool { return !e.PersonalDigest.IsZero() && e.Personal == nil }

// ComputeHash returns the hash that the event must have, from its content and the hash of the previous one.
// Fields are framed by their length, so no two different events share an encoding.
func (e *Event) ComputeHash() Digest {
	var space [512]byte
	b := append(space[:0], "itsm-event-1\n"...)
	b = append(b, e.Prev[:]...)
	for _, s := range [...]string{
		string(e.Tenant), string(e.Kind), string(e.ID), e.Type, string(e.Actor), string(e.OnBehalfOf),
		string(e.Command), e.CommandName, e.Reason,
	} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Recorded.UnixMicro()))
	data := sha256.Sum256(e.Data)
	b = append(b, data[:]...)
	b = append(b, e.PersonalDigest[:]...)
	return sha256.Sum256(b)
}

// A TamperedError names the first entry of a journal that is not as it was written.
type TamperedError struct {
	Key      Key
	Seq      uint64   // the sequence number at which the chain breaks
	Position Position // in the journal, where it is known
	Problem  string   // what does not fit
}

func (e *TamperedError) Error() string {
	return fmt.Sprintf("itsm: journal of %s, entry %d: %s", e.Key, e.Seq, e.Problem)
}

// A ChainVerifier checks the events of one record in the order of their sequence numbers.
// The zero value is ready for the first event. It is not safe for concurrent use.
type ChainVerifier struct {
	seq  uint64
	head Digest
}

// Next checks the next event; the error is a [*TamperedError].
func (v *ChainVerifier) Next(e *Event) error {
	bad := func(format string, args ...any) error {
		return &TamperedError{e.Key, v.seq + 1, e.Position, fmt.Sprintf(format, args...)}
	}
	switch {
	case e.Seq != v.seq+1:
		return bad("the entry with this number is missing; found number %d", e.Seq)
	case e.Prev != v.head:
		return bad("it does not follow the entry before it")
	case e.Personal != nil && sha256.Sum256(e.Personal) != e.PersonalDigest:
		return bad("its personal part was changed")
	case e.ComputeHash() != e.Hash:
		return bad("its content was changed")
	}
	v.seq, v.head = e.Seq, e.Hash
	return nil
}

// Head returns the sequence number and the hash of the last event that was checked.
func (v *ChainVerifier) Head() (uint64, Digest) { return v.seq, v.head }

// Finish checks that the chain ends where the store says it does.
func (v *ChainVerifier) Finish(key Key, seq uint64, head Digest) error {
	if v.seq != seq || v.head != head {
		return &TamperedError{key, v.seq + 1, "", fmt.Sprintf("the record says that its journal has %d entries ending in %.8s, found %d ending in %.8s", seq, head, v.seq, v.head)}
	}
	return nil
}

// chain numbers, times and hashes new events behind the head of a record.
func chain(events []Event, seq uint64, head Digest) {
	for i := range events {
		seq++
		events[i].Seq, events[i].Prev = seq, head
		events[i].Hash = events[i].ComputeHash()
		head = events[i].Hash
	}
}

// Refused is the payload of the entry that a refused command leaves in the journal.
type Refused struct {
	ID       ID              `json:"id,omitempty"`                      // the record meant, where the entry is not in its journal
	Kind     Kind            `json:"kind,omitempty"`                    // likewise
	State    string          `json:"state,omitempty"`                   // in which the record was
	Reasons  Reasons         `json:"reasons"`                           // every reason
	Possible []string        `json:"possible,omitzero"`                 // what could be done instead
	Content  json.RawMessage `json:"content,omitempty" itsm:"personal"` // the command as it came, up to 16 KiB; not where the entry stands alone
}

// EventType returns "itsm.refused".
func (Refused) EventType() string { return "itsm.refused" }

// KindCommand is the kind of the journal entries of commands that were refused before there was a record: each stands alone
// under the ID of its command.
const KindCommand Kind = "itsm.command"

// A Filter chooses entries of a journal. The zero values of its fields do not restrict.
type Filter struct {
	Tenant  Tenant    // infrastructure such as the scheduler may leave it empty to follow all tenants
	Kind    Kind      // of the record
	ID      ID        // of the record; needs Tenant and Kind. Entries then come in the order of their sequence numbers
	Types   []string  // of the payload
	Command CommandID // that led to the entry; needs Tenant
	Limit   int       // how many at most
}

// Matches reports whether the filter lets an event through, apart from Limit.
func (f *Filter) Matches(e *Event) bool {
	return (f.Tenant == "" || f.Tenant == e.Tenant) && (f.Kind == "" || f.Kind == e.Kind) && (f.ID == "" || f.ID == e.ID) &&
		(f.Command == "" || f.Command == e.Command) && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}
