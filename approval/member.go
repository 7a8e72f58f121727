package approval

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Member is one person who is asked, in the capacities in which the person is asked: the rule's groups go by them.
type Member struct {
	Person itsm.PersonID `json:"person"`
	Roles  []itsm.Role   `json:"roles"`
}

const maxMembers = 1000

func (m *Member) has(of []itsm.Role) bool {
	return len(of) == 0 || slices.ContainsFunc(of, func(r itsm.Role) bool { return slices.Contains(m.Roles, r) })
}

// points returns what the member's vote weighs.
func (m *Member) points(weights []Weight) int {
	most := 0
	for _, w := range weights {
		if w.Points > most && slices.Contains(m.Roles, w.Role) {
			most = w.Points
		}
	}
	return most
}

// sortMembers returns the members by person, with roles in a fixed order; nothing of it is shared with the argument.
func sortMembers(members []Member) []Member {
	out := make([]Member, len(members))
	for i, m := range members {
		roles := slices.Clone(m.Roles)
		slices.Sort(roles)
		out[i] = Member{m.Person, slices.Compact(roles)}
	}
	slices.SortStableFunc(out, func(a, b Member) int { return cmp.Compare(a.Person, b.Person) })
	return out
}

// A Duty says what a person has to do with the content that is voted on: requester, implementer, builder.
type Duty struct {
	Relation Relation      `json:"relation"`
	Person   itsm.PersonID `json:"person"`
}

// A Removal is a person who would have been asked, but is kept out.
type Removal struct {
	Person itsm.PersonID `json:"person"`
	Why    Relation      `json:"why"` // the duty that keeps the person out, [Recused] or [TakenOut]
	Note   string        `json:"note,omitempty" itsm:"text"`
	By     itsm.PersonID `json:"by,omitempty"`
	At     time.Time     `json:"at,omitzero"`
}

// A Verdict is what a vote says. The values are stored.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
	Abstain Verdict = "abstain"
)

// Valid reports whether v is one of the verdicts.
func (v Verdict) Valid() bool { return v == Approve || v == Reject || v == Abstain }

// A Finding is the verdict on one item of the approval form, such as the backout plan.
type Finding struct {
	Item   string `json:"item"`
	OK     bool   `json:"ok"`
	Remark string `json:"remark,omitempty" itsm:"text"`
}

// A Vote is the evidence of one vote: who, for whom, when, on which content, and what it says. Only the last vote of a member stands.
type Vote struct {
	Member     itsm.PersonID `json:"member"`               // whose seat it is
	By         itsm.PersonID `json:"by"`                   // who voted: the member, or the delegate
	Delegation string        `json:"delegation,omitempty"` // ID of the delegation under which By acted
	Verdict    Verdict       `json:"verdict"`
	Findings   []Finding     `json:"findings,omitempty"`
	Comment    string        `json:"comment,omitempty" itsm:"text"`
	Content    itsm.Digest   `json:"content"` // of the fingerprint voted on
	At         time.Time     `json:"at"`
	Oral       *Oral         `json:"oral,omitempty"` // nil for a vote that the voter cast in person
	Changed    int           `json:"changed,omitempty"`
}

// Oral is the evidence of an approval that was given by word of mouth and written down by somebody else. It counts at once and is to be
// confirmed by the member.
type Oral struct {
	Recorder  itsm.PersonID `json:"recorder"`
	Said      time.Time     `json:"said"`                       // when it was given, as the recorder says
	Channel   string        `json:"channel,omitempty"`          // how: phone, in person
	Due       time.Time     `json:"due"`                        // by when it is to be confirmed
	Overdue   bool          `json:"overdue,omitempty"`          // it was not confirmed by then
	Confirmed time.Time     `json:"confirmed,omitzero"`         // when the member confirmed it
	Disputed  time.Time     `json:"disputed,omitzero"`          // when the member denied it
	Note      string        `json:"note,omitempty" itsm:"text"` // of the member
}
