package approval

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Permits returns every reason, as [itsm.Reasons], why work on the content must not begin at an instant: there is no approval of exactly that
// content, it was not yet given then, it was given by or for somebody who does the work, or it rests on word of mouth that does not
// hold. It returns nil when the work may begin.
func (b *Ballot) Permits(content itsm.Digest, start time.Time, doers ...itsm.PersonID) error {
	var rs itsm.Reasons
	if b.Outcome != Approved {
		rs.Add(true, ErrNotApproved.With("outcome", b.outcome()))
		return rs
	}
	rs.Add(content != b.Content.Digest, ErrOtherContent.With("got", b.Content.Digest, "want", content))
	rs.Add(start.Before(b.Ended), ErrTooEarly.With("start", start, "approved", b.Ended))
	for i, p := range doers {
		rs.Add(!slices.Contains(doers[:i], p) && b.approvedBy(p), ErrDoerApproved.With("person", p))
	}
	for i := range b.Votes {
		v := &b.Votes[i]
		if v.Verdict != Approve || v.Oral == nil {
			continue
		}
		late := v.Oral.Confirmed.IsZero() && !start.Before(v.Oral.Due)
		rs.Add(!v.Oral.Disputed.IsZero(), ErrDisputed.With("member", v.Member))
		rs.Add(v.Oral.Disputed.IsZero() && late, ErrUnconfirmed.With("member", v.Member, "due", v.Oral.Due))
	}
	return rs.Err()
}

// approvedBy reports whether a person approved, for whomever, or was approved for.
func (b *Ballot) approvedBy(p itsm.PersonID) bool {
	for i := range b.Votes {
		if v := &b.Votes[i]; v.Verdict == Approve && (v.By == p || v.Member == p) {
			return true
		}
	}
	return false
}

// A Capacity is how somebody took part in an approval. The values are stored.
type Capacity string

// The capacities.
const (
	AsMember    Capacity = "member"    // voted in the own seat
	AsDelegate  Capacity = "delegate"  // voted for somebody else
	AsDelegator Capacity = "delegator" // somebody else voted for the person
	AsRecorder  Capacity = "recorder"  // wrote down an oral approval that the member denies
)

// An Accountability is one person's share in an approval: who approves answers for it. A vote under a delegation makes two, each of
// which names both persons.
type Accountability struct {
	Person     itsm.PersonID `json:"person"`
	Capacity   Capacity      `json:"capacity"`
	Other      itsm.PersonID `json:"other,omitempty"` // the delegator of a delegate and the other way round; the member of a recorder
	Delegation string        `json:"delegation,omitempty"`
	Round      int           `json:"round"`
	Content    itsm.Digest   `json:"content"` // what was approved
	At         time.Time     `json:"at"`
	Oral       *Oral         `json:"oral,omitempty"`
}

// Accountable returns who answers for the approval that stands, by member: an entry for each approver, and for each delegator. There are none
// when nothing is approved.
func (b *Ballot) Accountable() []Accountability {
	if b.Outcome != Approved {
		return nil
	}
	var out []Accountability
	for i := range b.Votes {
		v := &b.Votes[i]
		if v.Verdict != Approve {
			continue
		}
		a := Accountability{Person: v.By, Capacity: AsMember, Delegation: v.Delegation, Round: b.Round, Content: v.Content, At: v.At}
		if v.Oral != nil {
			oral := *v.Oral
			a.Oral = &oral
		}
		if v.Oral != nil && !v.Oral.Disputed.IsZero() {
			a.Person, a.Capacity, a.Other = v.Oral.Recorder, AsRecorder, v.Member
		}
		if v.By == v.Member {
			out = append(out, a)
			continue
		}
		a.Capacity, a.Other = AsDelegate, v.Member
		out = append(out, a)
		a.Person, a.Capacity, a.Other = v.Member, AsDelegator, v.By
		out = append(out, a)
	}
	return out
}
