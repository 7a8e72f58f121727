package approval

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Cast is a vote as somebody gives it; the actor of the environment is the voter. A process has it in its commands.
type Cast struct {
	For      itsm.PersonID `json:"for,omitempty"` // whose seat; "" is the voter's own, or of whom the actor stands in for
	Verdict  Verdict       `json:"verdict"`
	Content  itsm.Digest   `json:"content"`            // of the content that the voter has seen
	Findings []Finding     `json:"findings,omitempty"` // on each item of the form; abstentions and oral approvals have none
	Comment  string        `json:"comment,omitempty"`  // a rejection needs one
	Oral     *Told         `json:"oral,omitempty"`     // the actor writes down what For said
}

// Told says how an oral approval was given.
type Told struct {
	Said    time.Time `json:"said"`
	Channel string    `json:"channel"` // phone, in person
}

const maxComment = 8 << 10 // bytes

// voter is who votes for whom.
type voter struct {
	by, member itsm.PersonID
}

func (c *Cast) voter(a itsm.Actor) voter {
	v := voter{a.ID, c.For}
	if v.member == "" {
		v.member = a.OnBehalfOf
	}
	if v.member == "" {
		v.member = a.ID
	}
	return v
}

// Cast takes a vote, and decides the round when that has become certain. The last vote of a member counts, as far as the plan lets votes be
// changed; a member's own vote beats the delegate's, whenever they come.
func (b *Ballot) Cast(c Cast, f Facts, env itsm.Env) ([]Event, error) {
	var rs itsm.Reasons
	if !b.ready(&rs, env) {
		return nil, rs
	}
	v := Vote{Verdict: c.Verdict, Findings: c.Findings, Comment: c.Comment, Content: c.Content, At: env.Now}
	who := c.voter(env.Actor)
	v.Member, v.By = who.member, who.by
	b.checkWords(&rs, &c)
	if c.Oral != nil {
		b.checkOral(&rs, &c, who, env)
		v.By = v.Member
		v.Oral = &Oral{Recorder: who.by, Said: c.Oral.Said.UTC().Truncate(time.Microsecond), Channel: c.Oral.Channel, Due: env.Now.Add(b.Plan.Oral.Std())}
	} else {
		v.Delegation = b.mandate(&rs, who, f.Delegations, env)
	}
	room := b.chamber()
	b.checkSeat(&rs, &v, room)
	if len(rs) > 0 {
		return nil, rs
	}
	if old, ok := b.Vote(v.Member); ok {
		v.Changed = old.Changed + 1
	}
	e := Event{Kind: KindVoted, Round: b.Round, At: env.Now, By: env.Actor.ID, Vote: &v}
	return b.settle(e, room, f.Hours, env)
}

// ready refuses when no round is open, or its time is up.
func (b *Ballot) ready(rs *itsm.Reasons, env itsm.Env) bool {
	if b.Outcome != Open {
		rs.Add(true, ErrNotOpen.With("outcome", b.outcome()))
		return false
	}
	if !env.Now.Before(b.Due) {
		rs.Add(true, ErrExpired.With("due", b.Due))
	}
	backdated(rs, env)
	return true
}

func (b *Ballot) outcome() string {
	if b.Outcome == None {
		return "none"
	}
	return string(b.Outcome)
}

func (b *Ballot) checkWords(rs *itsm.Reasons, c *Cast) {
	if !c.Verdict.Valid() {
		rs.Add(true, ruleChoice.With("field", "verdict", "got", c.Verdict, "want", []Verdict{Approve, Reject, Abstain}))
	}
	b.checkContent(rs, c.Content)
	checkText(rs, "comment", c.Comment)
	rs.Add(c.Verdict == Reject && c.Comment == "", ruleRejectComment.With())
	if c.Verdict != Abstain && c.Oral == nil {
		b.checkFindings(rs, c.Findings, c.Verdict)
	}
}

func checkText(rs *itsm.Reasons, field, text string) {
	if len(text) > maxComment {
		rs.Add(true, ruleTooLong.With("field", field, "length", len(text), "most", maxComment))
	}
}

func (b *Ballot) checkContent(rs *itsm.Reasons, got itsm.Digest) {
	switch {
	case got.IsZero():
		rs.Add(true, ruleRequired.With("field", "content"))
	case got != b.Content.Digest:
		rs.Add(true, ErrOtherContent.With("got", got, "want", b.Content.Digest))
	}
}

// checkFindings wants one finding on each item of the form, and no approval of what is not accepted.
func (b *Ballot) checkFindings(rs *itsm.Reasons, findings []Finding, v Verdict) {
	for _, item := range b.Content.Items {
		rs.Add(!slices.ContainsFunc(findings, func(f Finding) bool { return f.Item == item }), ruleItemMissing.With("item", item))
	}
	for i, f := range findings {
		known := slices.Contains(b.Content.Items, f.Item)
		rs.Add(!known, ruleItemUnknown.With("item", f.Item, "want", b.Content.Items))
		rs.Add(slices.ContainsFunc(findings[:i], func(o Finding) bool { return o.Item == f.Item }), ruleItemTwice.With("item", f.Item))
		rs.Add(v == Approve && known && !f.OK, ruleItemRefused.With("item", f.Item))
		checkText(rs, "remark", f.Remark)
	}
}

func (b *Ballot) checkOral(rs *itsm.Reasons, c *Cast, who voter, env itsm.Env) {
	rs.Add(b.Plan.Oral == 0, ErrNoOral.With())
	rs.Add(c.Verdict.Valid() && c.Verdict != Approve, ruleOralVerdict.With())
	rs.Add(who.by == who.member, ErrOralSelf.With("member", who.member))
	rs.Add(c.Oral.Channel == "", ruleRequired.With("field", "oral.channel"))
	checkText(rs, "oral.channel", c.Oral.Channel)
	rs.Add(c.Oral.Said.Before(b.Opened) || c.Oral.Said.After(env.Now), ruleOralSaid.With("said", c.Oral.Said))
}

// mandate refuses voters who have to do with the content or have no delegation, and returns the ID of the one that they have.
func (b *Ballot) mandate(rs *itsm.Reasons, who voter, ds Delegations, env itsm.Env) string {
	if standsFor := env.Actor.OnBehalfOf; standsFor != "" && standsFor != who.member {
		rs.Add(true, ErrNoMandate.With("person", who.by, "member", who.member, "topic", b.Topic))
		return ""
	}
	if who.by == who.member {
		return ""
	}
	if why, out := b.conflicted(who.by); out {
		rs.Add(true, ErrKeptOut.With("person", who.by, "why", why))
	}
	d, ok := ds.Find(who.member, who.by, b.Topic, env.Now)
	if ok {
		return d.ID
	}
	if via, chained := ds.chain(who.member, who.by, b.Topic, env.Now); chained {
		rs.Add(true, ErrChain.With("person", who.by, "member", who.member, "delegate", via))
	} else {
		rs.Add(true, ErrNoMandate.With("person", who.by, "member", who.member, "topic", b.Topic))
	}
	return ""
}

// conflicted reports why a person may not vote in this round for anybody: a duty or a conflict of interest.
func (b *Ballot) conflicted(p itsm.PersonID) (Relation, bool) {
	if why, out := keptOut(&b.Plan, b.Duties, p); out {
		return why, true
	}
	recused := slices.ContainsFunc(b.Removed, func(r Removal) bool { return r.Person == p && r.Why == Recused })
	return Recused, recused
}

// checkSeat refuses votes for seats that are not there or not open to it.
func (b *Ballot) checkSeat(rs *itsm.Reasons, v *Vote, c *chamber) {
	m, ok := findMember(b.Members, v.Member)
	if !ok {
		i := slices.IndexFunc(b.Removed, func(r Removal) bool { return r.Person == v.Member })
		if why, out := b.conflicted(v.Member); out {
			rs.Add(true, ErrKeptOut.With("person", v.Member, "why", why))
		} else if i >= 0 {
			rs.Add(true, ErrKeptOut.With("person", v.Member, "why", b.Removed[i].Why))
		} else {
			rs.Add(true, ErrNotAsked.With("person", v.Member))
		}
		return
	}
	old, voted := b.Vote(v.Member)
	if !voted || !old.counts() {
		if c.masks[m]&c.open(b.Votes) == 0 {
			rs.Add(true, ErrNotYet.With("person", v.Member))
		}
		return
	}
	inPerson := old.Oral != nil && v.Oral == nil && v.By == v.Member
	switch {
	case b.Plan.Changes == NoChange && !inPerson, v.Oral != nil:
		rs.Add(true, ErrVoted.With("member", v.Member))
	case old.By == old.Member && v.By != v.Member:
		rs.Add(true, ErrOwnVote.With("member", v.Member))
	case old.By == v.By && old.Verdict == v.Verdict && !inPerson:
		rs.Add(true, ErrSameVote.With("member", v.Member))
	case c.masks[m]&c.step(b.Step) == 0:
		rs.Add(true, ErrStepClosed.With("member", v.Member))
	}
}

// step returns the conditions of a step of the plan.
func (c *chamber) step(i int) uint64 {
	if c.root.op == opStage && i < len(c.root.steps) {
		return c.root.steps[i].mask
	}
	return c.root.mask
}

// counts reports whether the vote stands: an oral one falls when its member denies it or does not confirm it in time.
func (v *Vote) counts() bool {
	o := v.Oral
	return o == nil || !o.Confirmed.IsZero() || o.Disputed.IsZero() && !o.Overdue
}

// settle returns an event and what follows from it: the next step, or the end of the round. The chamber is that of the electorate before, or nil
// when the event changes it.
func (b *Ballot) settle(e Event, c *chamber, h Hours, env itsm.Env) ([]Event, error) {
	events := []Event{e}
	next := b.Apply(e)
	if c == nil {
		c = next.chamber()
	}
	outcome, t := c.outcome(c.stands(next.Votes))
	if outcome != Open {
		done := Event{Kind: KindDecided, Round: b.Round, At: env.Now, By: env.Actor.ID, Outcome: outcome}
		if outcome == Approved {
			done.Seats = c.seats(t)
		}
		return append(events, done), nil
	}
	if c.root.op != opStage {
		return events, nil
	}
	step := next.Step
	for step+1 < len(c.root.steps) && c.met(c.root.upTo[step], t) {
		step++
	}
	if step == next.Step {
		return events, nil
	}
	s := Event{Kind: KindStep, Round: b.Round, At: env.Now, Step: step}
	within, ladder := b.Plan.limits(step)
	var err error
	if s.Due, s.Alarms, err = schedule(h, env.Now, within, ladder, b.Last); err != nil {
		return nil, itsm.Reasons{ruleHours.Because(err, "fault", err)}
	}
	return append(events, s), nil
}

// seats tells who is counted where in an approval. Conditions that take no seats name everybody of their group who approves.
func (c *chamber) seats(t *tally) []Seat {
	for _, w := range c.root.ways {
		if w&^t.ok != 0 {
			continue
		}
		var s *seating
		if !c.shared {
			if s = c.place(w&c.seated, t); s == nil {
				continue
			}
		}
		return c.name(w, s, t)
	}
	return nil
}

// name turns a seating into people.
func (c *chamber) name(way uint64, s *seating, t *tally) []Seat {
	var out []Seat
	given := make([]bool, len(t.heads))
	for j := range c.leaves {
		if way>>j&1 == 0 {
			continue
		}
		seat := Seat{Condition: Rule{c.leaves[j].node}.String(), People: []itsm.PersonID{}}
		var left []int
		if s != nil && c.seated>>j&1 == 1 {
			left = slices.Clone(s.filled[j])
		}
		for i, h := range t.heads {
			if h>>j&1 == 0 {
				continue
			}
			if left != nil {
				k := slices.Index(s.class, h&way&c.seated)
				if given[i] || left[k] == 0 {
					continue
				}
				left[k]--
				given[i] = true
			}
			seat.People = append(seat.People, c.members[i].Person)
		}
		out = append(out, seat)
	}
	return out
}
