package approval

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// An Outcome is where a round stands. The values are stored.
type Outcome string

// The outcomes. Silence never approves: a round whose time is up has expired.
const (
	None      Outcome = ""
	Open      Outcome = "open"
	Approved  Outcome = "approved"
	Rejected  Outcome = "rejected"
	Expired   Outcome = "expired"
	Voided    Outcome = "voided"    // the content changed
	Withdrawn Outcome = "withdrawn" // the request was taken back
)

// A Ballot is the consent that a record has or seeks: its present round of voting, or the last one. It is a value inside the record; methods
// return events and never change the ballot they are called on, so ballots may be shared and read concurrently. The zero Ballot has
// had no round. Earlier rounds are in the events of the record; what a vote costs does not depend on them.
type Ballot struct {
	Round   int         `json:"round,omitempty"` // how many there were
	Outcome Outcome     `json:"outcome,omitempty"`
	Topic   string      `json:"topic,omitempty"` // by which delegations apply: "change/normal"
	Plan    Plan        `json:"plan,omitzero"`
	Content Fingerprint `json:"content,omitzero"` // what is voted on
	Duties  []Duty      `json:"duties,omitempty"` // who has to do with it and so cannot vote
	Members []Member    `json:"members,omitempty"`
	Removed []Removal   `json:"removed,omitempty"`
	Votes   []Vote      `json:"votes,omitempty"` // by member; one each
	Step    int         `json:"step,omitempty"`  // of the plan, from 0
	Opened  time.Time   `json:"opened,omitzero"`
	Due     time.Time   `json:"due,omitzero"`  // of the step: at this instant it has expired
	Last    time.Time   `json:"last,omitzero"` // the limit of the whole round, if it has one
	Alarms  []Alarm     `json:"alarms,omitempty"`
	Ended   time.Time   `json:"ended,omitzero"` // when it was decided or ended otherwise
	Seats   []Seat      `json:"seats,omitempty"`
}

// Apply returns the ballot after the events. Events of other rounds than the present one change nothing.
func (b Ballot) Apply(events ...Event) Ballot {
	for i := range events {
		if e := &events[i]; e.Kind == KindOpened && e.Round == b.Round+1 || e.Kind != KindOpened && e.Round == b.Round {
			b.apply(e)
		}
	}
	return b
}

// apply takes up one event. Slices are replaced, never written to.
func (b *Ballot) apply(e *Event) {
	switch e.Kind {
	case KindOpened:
		if o := e.Opening; o != nil {
			*b = Ballot{Round: e.Round, Outcome: Open, Topic: o.Topic, Plan: o.Plan, Content: o.Content, Duties: o.Duties, Members: o.Members,
				Removed: o.Removed, Opened: e.At, Due: e.Due, Last: o.Last, Alarms: e.Alarms}
		}
	case KindVoted:
		if e.Vote != nil {
			b.putVote(*e.Vote)
		}
	case KindConfirmed, KindDisputed, KindOverdue:
		b.answerOral(e)
	case KindRecused, KindElectorate:
		b.changeElectorate(e)
	case KindStep:
		b.Step, b.Due, b.Alarms = e.Step, e.Due, e.Alarms
	case KindReminded:
		b.Alarms = b.Alarms[min(1, len(b.Alarms)):]
	case KindDecided:
		b.end(e.Outcome, e.At)
		b.Seats = e.Seats
	case KindExpired:
		b.end(Expired, e.At)
	case KindVoided:
		b.end(Voided, e.At)
	case KindWithdrawn:
		b.end(Withdrawn, e.At)
	}
}

func (b *Ballot) end(o Outcome, at time.Time) {
	b.Outcome, b.Ended, b.Due, b.Last, b.Alarms = o, at, time.Time{}, time.Time{}, nil
}

func (b *Ballot) putVote(v Vote) {
	i, ok := b.findVote(v.Member)
	votes := make([]Vote, len(b.Votes), len(b.Votes)+1)
	copy(votes, b.Votes)
	if ok {
		votes[i] = v
	} else {
		votes = slices.Insert(votes, i, v)
	}
	b.Votes = votes
}

func (b *Ballot) answerOral(e *Event) {
	i, ok := b.findVote(e.Member)
	if !ok || b.Votes[i].Oral == nil {
		return
	}
	b.Votes = slices.Clone(b.Votes)
	v, oral := &b.Votes[i], *b.Votes[i].Oral
	switch e.Kind {
	case KindConfirmed:
		oral.Confirmed, oral.Note, v.Findings = e.At, e.Why, e.Findings
	case KindDisputed:
		oral.Disputed, oral.Note = e.At, e.Why
	case KindOverdue:
		oral.Overdue = true
	}
	v.Oral = &oral
}

func (b *Ballot) changeElectorate(e *Event) {
	gone := func(p itsm.PersonID) bool {
		return slices.ContainsFunc(e.Removed, func(r Removal) bool { return r.Person == p })
	}
	members := slices.DeleteFunc(slices.Clone(b.Members), func(m Member) bool { return gone(m.Person) })
	b.Members = sortMembers(append(members, e.Added...))
	b.Votes = slices.DeleteFunc(slices.Clone(b.Votes), func(v Vote) bool { return gone(v.Member) })
	b.Removed = slices.Concat(b.Removed, e.Removed)
}

func findMember(members []Member, p itsm.PersonID) (int, bool) {
	return slices.BinarySearchFunc(members, p, func(m Member, p itsm.PersonID) int { return cmp.Compare(m.Person, p) })
}

func (b *Ballot) findVote(p itsm.PersonID) (int, bool) {
	return slices.BinarySearchFunc(b.Votes, p, func(v Vote, p itsm.PersonID) int { return cmp.Compare(v.Member, p) })
}

// Vote returns the vote of a member, if there is one.
func (b *Ballot) Vote(member itsm.PersonID) (Vote, bool) {
	if i, ok := b.findVote(member); ok {
		return b.Votes[i], true
	}
	return Vote{}, false
}

// NextWake returns the instant at which [Ballot.Tick] has something to do next: a reminder, the end of the time, an oral approval that
// must have been confirmed.
func (b *Ballot) NextWake() (time.Time, bool) {
	var wake time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	if b.Outcome == Open {
		sooner(b.Due)
		if len(b.Alarms) > 0 {
			sooner(b.Alarms[0].At)
		}
	}
	for i := range b.Votes {
		if o := b.Votes[i].Oral; b.waits(o) {
			sooner(o.Due)
		}
	}
	return wake, !wake.IsZero()
}

// waits reports whether an oral approval is still to be confirmed, and the round is one in which that matters.
func (b *Ballot) waits(o *Oral) bool {
	return o != nil && o.Confirmed.IsZero() && o.Disputed.IsZero() && !o.Overdue && (b.Outcome == Open || b.Outcome == Approved)
}

func (b *Ballot) chamber() *chamber { return newChamber(&b.Plan, b.Members) }

// Waiting returns the members who are asked now and have not voted, by person.
func (b *Ballot) Waiting() []itsm.PersonID {
	if b.Outcome != Open {
		return nil
	}
	c := b.chamber()
	mask := c.open(b.Votes)
	var people []itsm.PersonID
	for i, m := range b.Members {
		if _, voted := b.findVote(m.Person); !voted && c.masks[i]&mask != 0 {
			people = append(people, m.Person)
		}
	}
	return people
}

// Possible returns the names of what can be done with the ballot now, sorted: "abstain", "approve", "change_electorate", "confirm", "open",
// "recuse", "reject", "withdraw".
func (b *Ballot) Possible() []string {
	var names []string
	if b.Outcome == Open {
		names = []string{"abstain", "approve", "change_electorate", "recuse", "reject", "withdraw"}
	} else {
		names = []string{"open"}
	}
	if slices.ContainsFunc(b.Votes, func(v Vote) bool { return b.confirmable(v.Oral) }) {
		names = append(names, "confirm")
		slices.Sort(names)
	}
	return names
}

// A Condition is one condition of the rule as the votes are now, for people.
type Condition struct {
	Rule   Rule
	Have   int // people, for Weighted points
	Need   int
	Met    bool // seen alone; under [OneSeat] the whole may want more people
	Asked  bool // its group may vote now
	Voters []itsm.PersonID
}

// Conditions returns how each condition of the rule stands, from left to right.
func (b *Ballot) Conditions() []Condition {
	if b.Plan.Rule.IsZero() {
		return nil
	}
	c := b.chamber()
	t := c.count(c.stands(b.Votes))
	asked := c.asked(c.root, t)
	out := make([]Condition, len(c.leaves))
	for j := range c.leaves {
		l := &c.leaves[j]
		out[j] = Condition{Rule: Rule{l.node}, Have: l.have(t, j), Need: l.need(t, j), Met: l.met(t, j), Asked: b.Outcome == Open && asked>>j&1 == 1}
		for i, m := range c.members {
			if c.masks[i]>>j&1 == 1 {
				out[j].Voters = append(out[j].Voters, m.Person)
			}
		}
	}
	return out
}
