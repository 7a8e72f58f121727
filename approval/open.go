package approval

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Request asks for consent.
type Request struct {
	Plan    Plan        // how it is decided
	Topic   string      // by which delegations apply: "change/normal"
	Content Fingerprint // what is asked
	Members []Member    // everybody who would be asked; who is in no group of the rule is left out, who has a duty that keeps out is removed
	Duties  []Duty      // who has to do with the content, see [DutyOf]
	Hours   Hours       // in which the plan's limits count; nil is around the clock
}

// Facts are what a vote needs to know from outside.
type Facts struct {
	Delegations Delegations // those that concern the voter; more do no harm
	Hours       Hours       // as in the request
}

// DutyOf returns the duty of an actor, and of the person the actor stands in for.
func DutyOf(r Relation, a itsm.Actor) []Duty {
	var duties []Duty
	for _, p := range PartOf(r, a).people() {
		duties = append(duties, Duty{r, p})
	}
	return duties
}

// Open begins a round: it freezes who is asked, what and by which rule. An approval of other content than the request's is voided by it. It
// does not open when the rule could not be met by those who can vote, and says what is missing.
func (b *Ballot) Open(r Request, env itsm.Env) ([]Event, error) {
	var rs itsm.Reasons
	same := b.Content.Digest == r.Content.Digest
	rs.Add(b.Outcome == Open, ErrOpenAlready.With("round", b.Round))
	rs.Add(b.Outcome == Approved && same, ErrApproved.With("round", b.Round))
	rs.Add(r.Content.Digest.IsZero(), ruleContent.With())
	rs.Add(r.Topic == "", ruleRequired.With("field", "topic"))
	backdated(&rs, env)
	if err := r.Plan.Check(); err != nil {
		rs.Add(true, rulePlan.Because(err, "fault", err))
	}
	checkMembers(&rs, r.Members)
	if len(rs) > 0 {
		return nil, rs
	}
	o := r.opening(env.Now)
	meetable(&rs, &o.Plan, o.Members, nil, o.Removed)
	e := Event{Kind: KindOpened, Round: b.Round + 1, At: env.Now, By: env.Actor.ID, Opening: &o}
	if err := o.times(&e, r.Hours); err != nil {
		rs.Add(true, ruleHours.Because(err, "fault", err))
	}
	if len(rs) > 0 {
		return nil, rs
	}
	return append(b.Edit(r.Content, env), e), nil
}

// opening fixes what the request says, and who of its members can vote.
func (r *Request) opening(now time.Time) Opening {
	o := Opening{Topic: r.Topic, Plan: r.Plan.clone(), Content: r.Content, Duties: slices.Clone(r.Duties)}
	for _, m := range sortMembers(r.Members) {
		if !r.Plan.Rule.asks(&m) {
			continue
		}
		if why, out := keptOut(&r.Plan, r.Duties, m.Person); out {
			o.Removed = append(o.Removed, Removal{Person: m.Person, Why: why, At: now})
		} else {
			o.Members = append(o.Members, m)
		}
	}
	return o
}

func (o *Opening) times(e *Event, h Hours) (err error) {
	if o.Plan.Within > 0 {
		if o.Last, err = addHours(h, e.At, o.Plan.Within.Std()); err != nil {
			return err
		}
	}
	within, ladder := o.Plan.limits(0)
	e.Due, e.Alarms, err = schedule(h, e.At, within, ladder, o.Last)
	return err
}

// keptOut returns the first duty that keeps a person from voting.
func keptOut(p *Plan, duties []Duty, person itsm.PersonID) (Relation, bool) {
	for _, d := range duties {
		if d.Person == person && p.keepsOut(d.Relation) {
			return d.Relation, true
		}
	}
	return "", false
}

func checkMembers(rs *itsm.Reasons, members []Member) {
	rs.Add(len(members) > maxMembers, ruleTooMany.With("count", len(members), "most", maxMembers))
	seen := make(map[itsm.PersonID]bool, len(members))
	for i, m := range members {
		rs.Add(m.Person == "", ruleMemberEmpty.With("index", i+1))
		rs.Add(m.Person != "" && seen[m.Person], ruleMemberTwice.With("person", m.Person))
		rs.Add(slices.Contains(m.Roles, ""), ruleMemberRole.With("person", m.Person))
		seen[m.Person] = true
	}
}

// meetable adds the reasons why the rule could not be met any more, as the votes are.
func meetable(rs *itsm.Reasons, p *Plan, members []Member, votes []Vote, removed []Removal) {
	before := len(*rs)
	if len(members) == 0 {
		rs.Add(true, ErrEmpty.With())
	} else {
		c := newChamber(p, members)
		t := c.count(hopes(c.stands(votes)))
		if c.met(c.root.ways, t) {
			return
		}
		for j := range c.leaves {
			l := &c.leaves[j]
			rs.Add(!l.met(t, j), ErrUnmeetable.With("rule", Rule{l.node}, "need", l.need(t, j), "have", l.have(t, j)))
		}
		rs.Add(len(*rs) == before, ErrTooFewPeople.With("rule", p.Rule, "people", len(members)))
	}
	for _, r := range removed {
		rs.Add(true, ErrKeptOut.With("person", r.Person, "why", r.Why))
	}
}

func backdated(rs *itsm.Reasons, env itsm.Env) {
	if env.At.Before(env.Now) && !env.At.IsZero() {
		rs.Add(true, ErrBackdated.With("at", env.At))
	}
}
