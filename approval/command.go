package approval

import (
	"github.com/hospital-itsm/itsm"
)

// A Confirmation is what a member says to an approval that somebody wrote down as given orally.
type Confirmation struct {
	OK       bool        `json:"ok"` // false denies it
	Content  itsm.Digest `json:"content"`
	Findings []Finding   `json:"findings,omitempty"` // as of a vote in person
	Comment  string      `json:"comment,omitempty"`  // needed to deny it
}

// Confirm takes a member's word on an oral approval, also after the round was decided by it, and also when it is late.
func (b *Ballot) Confirm(c Confirmation, f Facts, env itsm.Env) ([]Event, error) {
	var rs itsm.Reasons
	member := env.Actor.ID
	v, ok := b.Vote(member)
	if !ok || !b.confirmable(v.Oral) {
		return nil, itsm.Reasons{ErrNothingOral.With("member", member)}
	}
	backdated(&rs, env)
	b.checkContent(&rs, c.Content)
	checkText(&rs, "comment", c.Comment)
	rs.Add(!c.OK && c.Comment == "", ruleRejectComment.With())
	if c.OK {
		b.checkFindings(&rs, c.Findings, Approve)
	}
	if len(rs) > 0 {
		return nil, rs
	}
	e := Event{Kind: KindConfirmed, Round: b.Round, At: env.Now, By: member, Member: member, Findings: c.Findings, Why: c.Comment}
	if !c.OK {
		e.Kind, e.Findings = KindDisputed, nil
	}
	if b.Outcome != Open || !env.Now.Before(b.Due) {
		return []Event{e}, nil
	}
	return b.settle(e, nil, f.Hours, env)
}

func (b *Ballot) confirmable(o *Oral) bool {
	return o != nil && o.Confirmed.IsZero() && o.Disputed.IsZero() && (b.Outcome == Open || b.Outcome == Approved)
}

// A Recusal says that a member has a conflict of interest. A vote that the member has given falls.
type Recusal struct {
	Member     itsm.PersonID `json:"member,omitempty"` // "" is the actor
	Why        string        `json:"why"`
	Substitute *Member       `json:"substitute,omitempty"` // asked instead; needed where the rule could not be met any more
}

// Recuse takes a member out of the round for a conflict of interest. The member's groups become smaller by one.
func (b *Ballot) Recuse(c Recusal, f Facts, env itsm.Env) ([]Event, error) {
	var rs itsm.Reasons
	if !b.ready(&rs, env) {
		return nil, rs
	}
	if c.Member == "" {
		c.Member = env.Actor.ID
	}
	rs.Add(c.Why == "", ruleRequired.With("field", "why"))
	checkText(&rs, "why", c.Why)
	b.checkInvolved(&rs, env)
	b.checkLeaving(&rs, c.Member, env.Actor.ID == c.Member)
	e := Event{Kind: KindRecused, Round: b.Round, At: env.Now, By: env.Actor.ID, Member: c.Member, Why: c.Why,
		Removed: []Removal{{c.Member, Recused, c.Why, env.Actor.ID, env.Now}}}
	if c.Substitute != nil {
		e.Added = sortMembers([]Member{*c.Substitute})
		b.checkJoining(&rs, e.Added)
	}
	if len(rs) > 0 {
		return nil, rs
	}
	if !b.meetableAfter(e) {
		return nil, itsm.Reasons{ErrSubstitute.With("member", c.Member)}
	}
	return b.settle(e, nil, f.Hours, env)
}

// ElectorateChange changes who is asked.
type ElectorateChange struct {
	Add    []Member        `json:"add,omitempty"`
	Remove []itsm.PersonID `json:"remove,omitempty"`
	Why    string          `json:"why"`
}

// ChangeElectorate is the only way in which somebody joins or leaves an open round but by recusal: who changes post while it is open stays as
// asked. Who has voted stays.
func (b *Ballot) ChangeElectorate(c ElectorateChange, f Facts, env itsm.Env) ([]Event, error) {
	var rs itsm.Reasons
	if !b.ready(&rs, env) {
		return nil, rs
	}
	rs.Add(len(c.Add)+len(c.Remove) == 0, ruleNothing.With())
	rs.Add(c.Why == "", ruleRequired.With("field", "why"))
	checkText(&rs, "why", c.Why)
	b.checkInvolved(&rs, env)
	e := Event{Kind: KindElectorate, Round: b.Round, At: env.Now, By: env.Actor.ID, Added: sortMembers(c.Add), Why: c.Why}
	for _, p := range c.Remove {
		b.checkLeaving(&rs, p, false)
		e.Removed = append(e.Removed, Removal{p, TakenOut, c.Why, env.Actor.ID, env.Now})
	}
	checkMembers(&rs, c.Add)
	b.checkJoining(&rs, e.Added)
	if len(rs) > 0 {
		return nil, rs
	}
	next := b.Apply(e)
	rs.Add(len(next.Members) > maxMembers, ruleTooMany.With("count", len(next.Members), "most", maxMembers))
	meetable(&rs, &b.Plan, next.Members, next.Votes, nil)
	if len(rs) > 0 {
		return nil, rs
	}
	return b.settle(e, nil, f.Hours, env)
}

func (b *Ballot) meetableAfter(e Event) bool {
	next := b.Apply(e)
	var rs itsm.Reasons
	meetable(&rs, &b.Plan, next.Members, next.Votes, nil)
	return len(rs) == 0
}

// checkInvolved refuses that people who have to do with the content choose who votes on it, also for somebody else.
func (b *Ballot) checkInvolved(rs *itsm.Reasons, env itsm.Env) {
	for _, p := range PartOf("", env.Actor).people() {
		if why, out := keptOut(&b.Plan, b.Duties, p); out {
			rs.Add(true, ErrInvolved.With("person", p, "why", why))
		}
	}
}

func (b *Ballot) checkLeaving(rs *itsm.Reasons, p itsm.PersonID, self bool) {
	m, ok := findMember(b.Members, p)
	if !ok {
		rs.Add(true, ErrNotAsked.With("person", p))
		return
	}
	if _, voted := b.findVote(p); voted {
		rs.Add(!self, ErrHasVoted.With("member", p))
		c := b.chamber()
		rs.Add(self && c.masks[m]&c.step(b.Step) == 0, ErrStepClosed.With("member", p))
	}
}

func (b *Ballot) checkJoining(rs *itsm.Reasons, members []Member) {
	for _, m := range members {
		_, asked := findMember(b.Members, m.Person)
		rs.Add(asked, ErrIsMember.With("person", m.Person))
		rs.Add(!b.Plan.Rule.asks(&m), ruleNoGroup.With("person", m.Person, "rule", b.Plan.Rule))
		rs.Add(m.Person == "", ruleRequired.With("field", "person"))
		if why, out := b.conflicted(m.Person); out {
			rs.Add(true, ErrKeptOut.With("person", m.Person, "why", why))
		}
	}
}

// Withdraw takes an open request back.
func (b *Ballot) Withdraw(why string, env itsm.Env) ([]Event, error) {
	var rs itsm.Reasons
	rs.Add(b.Outcome != Open, ErrNotOpen.With("outcome", b.outcome()))
	rs.Add(why == "", ruleRequired.With("field", "why"))
	checkText(&rs, "why", why)
	if len(rs) > 0 {
		return nil, rs
	}
	return []Event{{Kind: KindWithdrawn, Round: b.Round, At: env.Now, By: env.Actor.ID, Why: why}}, nil
}

// Edit tells the ballot the fingerprint of the content as it is after an edit. A material change voids an open round or a standing approval;
// for anything else there are no events.
func (b *Ballot) Edit(content Fingerprint, env itsm.Env) []Event {
	if b.Outcome != Open && b.Outcome != Approved || content.Digest == b.Content.Digest {
		return nil
	}
	return []Event{{Kind: KindVoided, Round: b.Round, At: env.Now, By: env.Actor.ID, Content: content.Digest, Changed: b.Content.Changed(content)}}
}
