package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/sla"
)

// A checker holds a database against what the parent was told, and against what it read before. It reads the journal behind
// a cursor, so that a check costs as much as there is new.
type checker struct {
	*ledger
	*report
	position itsm.Position
	entries  int
	chains   map[itsm.Key]*chain
	commands map[commandKey]*trace
	marks    map[string]int
	waits    map[itsm.Key]waits
	triggers []string // marks of the follow-ups that there must be in the end
	touched  map[itsm.Key]bool
	end      time.Time // by which everything due has happened; zero while work goes on

	wakes, reactions int
}

// A chain is the journal of a record, as far as it was read.
type chain struct {
	itsm.ChainVerifier
	recorded time.Time
}

type commandKey struct {
	tenant itsm.Tenant
	id     itsm.CommandID
}

// A trace is what a command has left in the journal.
type trace struct {
	key      itsm.Key
	last     uint64
	recorded time.Time
	refused  bool
}

// waits says which instants of an incident have not come yet.
type waits struct{ override, review bool }

func newChecker(l *ledger, r *report) *checker {
	return &checker{
		ledger: l, report: r, chains: make(map[itsm.Key]*chain), commands: make(map[commandKey]*trace), marks: make(map[string]int),
		waits: make(map[itsm.Key]waits), touched: make(map[itsm.Key]bool),
	}
}

// check looks at what is new. The error says that the store could not be read; what it says of the data is in the report.
func (c *checker) check(ctx context.Context, w *world) error {
	clear(c.touched)
	if err := c.read(ctx, w); err != nil {
		return err
	}
	for key := range c.touched { //maporder: each record is looked at on its own
		if err := c.record(ctx, w, key); err != nil {
			return err
		}
	}
	for _, t := range c.answers {
		c.acknowledged(t)
	}
	c.answers = nil
	for _, t := range c.begun {
		c.doubtful(t)
	}
	return nil
}

// read goes through the new entries of the journal.
func (c *checker) read(ctx context.Context, w *world) error {
	for ev, err := range w.db.Events(ctx, c.position, itsm.Filter{}) {
		if err != nil {
			return err
		}
		c.position = ev.Position
		c.entries++
		if err := c.entry(w, &ev); err != nil {
			return err
		}
	}
	return nil
}

// entry takes in an entry of the journal.
func (c *checker) entry(w *world, ev *itsm.Event) error {
	c.touched[ev.Key] = true
	ch := c.chains[ev.Key]
	if ch == nil {
		ch = new(chain)
		c.chains[ev.Key] = ch
	}
	if err := ch.Next(ev); err != nil {
		c.broken(err)
		return nil
	}
	if ev.Recorded.Before(ch.recorded) {
		c.broken(fmt.Errorf("%s, entry %d was recorded before the entry before it", ev.Key, ev.Seq))
	}
	ch.recorded = ev.Recorded
	at := commandKey{ev.Tenant, ev.Command}
	refused := ev.Type == (itsm.Refused{}).EventType()
	switch t := c.commands[at]; {
	case t == nil:
		c.commands[at] = &trace{ev.Key, ev.Seq, ev.Recorded, refused}
		if ev.CommandName == (incident.Tick{}).CommandName() {
			c.wakes++
		}
	case t.key == ev.Key && t.last+1 == ev.Seq && t.recorded.Equal(ev.Recorded) && t.refused == refused: // another event of the same
		t.last = ev.Seq
	default:
		c.fault(&c.Doubled, "command %s of %s is in the journal of %s and again in that of %s, entry %d", ev.Command, ev.Tenant, t.key, ev.Key, ev.Seq)
	}
	if ev.Kind != incident.Kind || refused {
		return nil
	}
	if err := w.incidents.Decode(ev); err != nil {
		return err
	}
	c.effect(ev)
	return nil
}

// effect notes effects that may happen once only, whatever the command was called.
func (c *checker) effect(ev *itsm.Event) {
	once := func(mark string) {
		if c.marks[mark]++; c.marks[mark] > 1 {
			c.fault(&c.Doubled, "%s: %d times", mark, c.marks[mark])
		}
	}
	wait := c.waits[ev.Key]
	switch e := ev.Payload.(type) {
	case incident.Recorded:
		if once(recordedMark(ev.Tenant, e.Summary)); strings.HasPrefix(e.Summary, followUps) {
			c.reactions++
		}
	case incident.Contacted:
		once(fmt.Sprintf("%s: contact %s", ev.Tenant, e.Text))
	case incident.Linked:
		once(fmt.Sprintf("%s linked to %s", ev.Key, e.Problem))
	case incident.Triaged:
		if wantsFollowUp(e) {
			c.triggers = append(c.triggers, recordedMark(ev.Tenant, followUpOf(ev.ID, ev.Seq)))
		}
	case incident.Overridden:
		wait.override = true
	case incident.OverrideEnded:
		if !wait.override {
			c.fault(&c.Doubled, "%s, entry %d: an override has ended that had ended before", ev.Key, ev.Seq)
		}
		wait.override = false
	case incident.PutOnHold:
		wait.review = true
	case incident.HoldReviewDue:
		if !wait.review {
			c.fault(&c.Doubled, "%s, entry %d: the review of a hold came twice", ev.Key, ev.Seq)
		}
		wait.review = false
	case incident.ClocksMoved:
		for _, m := range e.Events {
			if (m.Kind == sla.KindRung || m.Kind == sla.KindBreach) && ev.CommandName == (incident.Tick{}).CommandName() {
				once(fmt.Sprintf("%s: clock %d %s %s %d at %s", ev.Key, m.Clock, m.Kind, m.Rung, m.Nth, m.At.Format(time.RFC3339Nano)))
			}
		}
	}
	c.waits[ev.Key] = wait
}

// recordedMark marks the effect of recording an incident.
func recordedMark(tenant itsm.Tenant, summary string) string {
	return fmt.Sprintf("%s: recorded %s", tenant, summary)
}

// record compares a record with its journal, its place in the indexes and the records that it is linked to.
func (c *checker) record(ctx context.Context, w *world, key itsm.Key) error {
	if key.Kind == itsm.KindCommand {
		return nil // refusals that stand alone have no record
	}
	snaps, err := w.db.Load(ctx, key)
	if err != nil {
		return err
	}
	snap := &snaps[0]
	if err := c.chains[key].Finish(key, snap.Seq, snap.Head); err != nil {
		c.fault(&c.Torn, "%v", err)
		return nil
	}
	if key.Kind != incident.Kind {
		return nil
	}
	ctx = as(ctx, key.Tenant, "u-1")
	var tampered *itsm.TamperedError
	if err := verify(ctx, w, key); errors.As(err, &tampered) {
		c.fault(&c.Torn, "%v", err)
		return nil
	} else if err != nil {
		return err
	}
	inc, err := w.incidents.Get(ctx, key.ID)
	if err != nil {
		return err
	}
	outline := w.incidents.Process().Outline(inc)
	if wake := outline.Wake; !c.end.IsZero() && !wake.IsZero() && !wake.After(c.end) {
		c.fault(&c.Lost, "%s was to be woken at %s, and was not", key, wake)
	}
	if !outline.Wake.Equal(snap.Wake) {
		c.fault(&c.Torn, "%s wants to be woken at %s, its index says %s", key, outline.Wake, snap.Wake)
	}
	if inc.MergedInto != "" {
		into, err := w.incidents.Get(ctx, inc.MergedInto)
		if err != nil || !slices.Contains(into.Absorbed, inc.ID) {
			c.fault(&c.Torn, "%s is merged into %s, which does not know: %v", key, inc.MergedInto, err)
		}
	}
	for _, id := range inc.Absorbed {
		duplicate, err := w.incidents.Get(ctx, id)
		if err != nil || duplicate.MergedInto != inc.ID {
			c.fault(&c.Torn, "%s has absorbed %s, which does not know: %v", key, id, err)
		}
	}
	return nil
}

// verify compares a record with its journal. Events that make no sense for their record may make a process panic.
func verify(ctx context.Context, w *world, key itsm.Key) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &itsm.TamperedError{Key: key, Problem: fmt.Sprintf("its entries do not follow from each other: %v", v)}
		}
	}()
	return w.incidents.Verify(ctx, key.ID)
}

// left returns what a command has left in the journal, nil when nothing.
func (c *checker) left(o *op, id itsm.CommandID) *trace { return c.commands[commandKey{o.Tenant, id}] }

// acknowledged checks that what was answered is in the journal.
func (c *checker) acknowledged(t *told) {
	if t.Do == doSeal {
		return // sealed looks after it
	}
	missing := func(id itsm.CommandID, what string) {
		c.fault(&c.Lost, "%s %s on %s was acknowledged: %s", t.Do, id, t.On, what)
	}
	want := func(id itsm.CommandID, refused bool, on itsm.ID) {
		switch left := c.left(&t.op, id); {
		case left == nil:
			missing(id, "it is not in the journal")
		case left.refused != refused:
			missing(id, fmt.Sprintf("refused is %t, in the journal it is %t", refused, left.refused))
		case !refused && on != left.key.ID:
			missing(id, fmt.Sprintf("on %s, in the journal it is on %s", on, left.key.ID))
		}
	}
	switch {
	case t.Do == doAbandon && t.answer.Refused:
		if c.refusedPart(t) == 0 {
			missing(t.ID, "none of the two refusals that it can end with is in the journal")
		}
		c.abandoned(t)
	case t.Do == doUnit && t.answer.Refused:
		if c.refusedPart(t) == 0 {
			missing(t.ID, "its refusal is not in the journal")
		}
		c.halves(t)
	case t.Do == doUnit:
		for n := range byte(3) {
			want(t.part(n+1), false, t.answer.On[n])
		}
	case t.answer.Refused:
		want(t.ID, true, "")
	default:
		want(t.ID, false, t.answer.On[0])
	}
}

// doubtful checks an op whose answer was cut off: it happened, or it did not.
func (c *checker) doubtful(t *told) {
	if !t.doubt {
		t.doubt = true
		c.InDoubt++
		if c.left(&t.op, t.ID) != nil || c.left(&t.op, t.part(1)) != nil || c.refusedPart(t) > 0 {
			c.InDoubtKept++
		}
	}
	switch t.Do {
	case doUnit:
		c.halves(t)
	case doAbandon:
		c.abandoned(t)
	}
}

// halves checks that of a unit of work there is all or nothing.
func (c *checker) halves(t *told) {
	there := 0
	for n := range byte(3) {
		if left := c.left(&t.op, t.part(n+1)); left != nil && !left.refused {
			there++
		}
	}
	if there > 0 && (there < 3 || t.answer != nil && t.answer.Refused) {
		c.fault(&c.Torn, "unit of work %s on %s and %s: %d of 3 commands are there", t.ID, t.On, t.With, there)
	}
}

// abandoned checks that an abandoned unit has changed nothing.
func (c *checker) abandoned(t *told) {
	if left := c.left(&t.op, t.part(1)); left != nil && !left.refused {
		c.fault(&c.Torn, "abandoned unit of work %s on %s: its command is there", t.ID, t.On)
	}
}

// refusedPart tells which command of a unit of work was refused, 0 for none.
func (c *checker) refusedPart(t *told) byte {
	for n := range byte(3) {
		if left := c.left(&t.op, t.part(n+1)); left != nil && left.refused {
			return n + 1
		}
	}
	return 0
}
