package approval

import (
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Kind names what an event did to its ballot. The values are stored.
type Kind string

// The kinds of events.
const (
	KindOpened     Kind = "opened"     // a round began: who is asked, what, by which rule
	KindVoted      Kind = "voted"      // somebody voted, or changed a vote
	KindConfirmed  Kind = "confirmed"  // a member stands by an oral approval
	KindDisputed   Kind = "disputed"   // a member denies an oral approval
	KindOverdue    Kind = "overdue"    // an oral approval was not confirmed in time
	KindRecused    Kind = "recused"    // a member has a conflict of interest
	KindElectorate Kind = "electorate" // who is asked was changed by command
	KindStep       Kind = "step"       // the next step began
	KindReminded   Kind = "reminded"   // a rung of the ladder fired
	KindDecided    Kind = "decided"    // the round ended: approved or rejected
	KindExpired    Kind = "expired"    // the round ended: time was up
	KindVoided     Kind = "voided"     // the round ended, or its approval fell: material content changed
	KindWithdrawn  Kind = "withdrawn"  // the round ended: the request was taken back
)

// An Event is one entry in the history of a ballot. Events are made by the methods of [Ballot] and taken up by [Ballot.Apply]; a process carries
// them in events of its own.
type Event struct {
	Kind  Kind          `json:"k"`
	Round int           `json:"round"`
	At    time.Time     `json:"at"`           // when it took effect; for reminders and expiry the due time
	By    itsm.PersonID `json:"by,omitempty"` // "" for what time did

	Opening *Opening `json:"opening,omitempty"` // opened
	// Of opened and step: the step's number from 0, its due time, and the alarms until then.
	Step   int       `json:"step,omitempty"`
	Due    time.Time `json:"due,omitzero"`
	Alarms []Alarm   `json:"alarms,omitempty"`

	Vote     *Vote           `json:"vote,omitempty"`     // voted
	Member   itsm.PersonID   `json:"member,omitempty"`   // confirmed, disputed, overdue, recused
	Findings []Finding       `json:"findings,omitempty"` // confirmed
	Added    []Member        `json:"added,omitempty"`    // electorate, recused: who is asked in addition
	Removed  []Removal       `json:"removed,omitempty"`  // electorate, recused: who is asked no more
	Alarm    *Alarm          `json:"alarm,omitempty"`    // reminded
	Waiting  []itsm.PersonID `json:"waiting,omitempty"`  // reminded: who has not voted
	Outcome  Outcome         `json:"outcome,omitempty"`  // decided
	Seats    []Seat          `json:"seats,omitempty"`    // decided: who fills which condition of an approval
	Content  itsm.Digest     `json:"content,omitzero"`   // voided: the new content
	Changed  []string        `json:"changed,omitempty"`  // voided: paths of the material fields that changed
	Why      string          `json:"why,omitempty" itsm:"text"`
}

// An Opening is what stands fast for a round.
type Opening struct {
	Topic   string      `json:"topic"`
	Plan    Plan        `json:"plan"`
	Content Fingerprint `json:"content"`
	Duties  []Duty      `json:"duties,omitempty"`
	Members []Member    `json:"members"`
	Removed []Removal   `json:"removed,omitempty"`
	Last    time.Time   `json:"last,omitzero"` // when the round ends at the latest; zero when only its steps have limits
}

// A Seat is a person counted in a condition.
type Seat struct {
	Condition string          `json:"condition"`
	People    []itsm.PersonID `json:"people"` // members; who voted for them stands in their votes
}
