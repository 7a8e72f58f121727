package main

import (
	"context"
	"errors"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store"
)

// finish brings the work on a database to an end, so that nothing is under way any more: it gives the commands that are
// without an answer, and lets everything happen that is due. Then it checks everything. The clock stands still but for it.
func (c *checker) finish(ctx context.Context, db store.DB, s *setup) error {
	end := s.now()
	w, err := newWorld(db, s, func() time.Time { return end })
	if err != nil {
		return err
	}
	if err := c.check(ctx, w); err != nil {
		return err
	}
	for _, o := range c.pending() {
		a, _, err := w.insist(ctx, &o, func(error) {})
		if err != nil {
			return err
		}
		if err := c.take(&line{End: &a}); err != nil {
			return err
		}
	}
	sched, err := w.scheduler(scheduler.Config{})
	if err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		r, err := sched.Tick(ctx)
		if err == nil && r.Waiting == 0 {
			break
		}
		if tries == 100 && err != nil {
			return err
		}
		if tries == 100 {
			c.fault(&c.Lost, "%d wakes and events wait for ever, such as: %v", r.Waiting, r.Failures)
			break
		}
		end = end.Add(time.Minute) // the next try
	}
	if err := c.check(ctx, w); err != nil {
		return err
	}
	c.whole(ctx, w)
	if err := c.sealed(ctx, w); err != nil {
		return err
	}
	return c.everything(ctx, w, end)
}

// everything checks a database from the beginning, beside what was seen of it so far.
func (c *checker) everything(ctx context.Context, w *world, end time.Time) error {
	full := newChecker(c.ledger, c.report)
	full.end = end
	for _, t := range c.ops { //maporder: each is looked at on its own
		if t.answer != nil && t.answer.Failed == "" {
			full.answers = append(full.answers, t)
		}
	}
	if err := full.check(ctx, w); err != nil {
		return err
	}
	for key, seen := range c.chains { //maporder: each is looked at on its own
		seq, head := seen.Head()
		if now := full.chains[key]; now == nil {
			c.fault(&c.Lost, "the %d entries of %s were read before, and are not there any more", seq, key)
		} else if err := now.Finish(key, seq, head); err != nil {
			c.fault(&c.Lost, "the journal of %s is another than the one read entry by entry behind a cursor: %v", key, err)
		}
	}
	if full.entries != c.entries {
		c.fault(&c.Lost, "the journal has %d entries, read behind a cursor it had %d", full.entries, c.entries)
	}
	full.followed()
	if err := full.found(ctx, w); err != nil {
		return err
	}
	c.Entries += full.entries
	c.Records += len(full.chains)
	c.Wakes += full.wakes
	c.Reactions += full.reactions
	return nil
}

// followed checks that every reaction has happened.
func (c *checker) followed() {
	for _, mark := range c.triggers {
		if c.marks[mark] == 0 {
			c.fault(&c.Lost, "%s: it was not", mark)
		}
	}
}

// found checks that the index finds the incidents where they are.
func (c *checker) found(ctx context.Context, w *world) error {
	for _, tenant := range tenants {
		ctx := as(ctx, tenant, "u-1")
		want := make(map[itsm.ID]incident.State)
		states := make(map[incident.State]bool)
		for key := range c.chains { //maporder: writes into a map
			if key.Tenant == tenant && key.Kind == incident.Kind {
				inc, err := w.incidents.Get(ctx, key.ID)
				if err != nil {
					return err
				}
				want[key.ID], states[inc.State] = inc.State, true
			}
		}
		for state := range states { //maporder: each is a question of its own
			for inc, err := range w.incidents.Find(ctx, itsm.Query{Where: []itsm.Condition{itsm.Where("state", itsm.TextOf(state))}}) {
				if err != nil {
					return err
				}
				if want[inc.ID] != state {
					c.fault(&c.Torn, "%s/%s is found in state %s, it is %s", tenant, inc.ID, state, want[inc.ID])
				}
				delete(want, inc.ID)
			}
		}
		for id, state := range want { //maporder: each is a fault of its own
			c.fault(&c.Torn, "%s/%s is %s, and is not found there", tenant, id, state)
		}
	}
	return nil
}

// sealed verifies the journals against their seals, of which the newest is kept here.
func (c *checker) sealed(ctx context.Context, w *world) error {
	for _, tenant := range tenants {
		var seen []itsm.Seal
		if text := c.seals[tenant]; text != nil {
			seal, err := itsm.ParseSeal(text, w.keys)
			if err != nil {
				c.broken(err)
				continue
			}
			seen = append(seen, seal)
		}
		_, err := itsm.VerifyJournal(ctx, w.db, tenant, w.seals, w.keys, seen...)
		var tampered *itsm.TamperedError
		switch {
		case errors.As(err, &tampered), errors.Is(err, itsm.ErrSealBroken):
			c.broken(err)
		case errors.Is(err, itsm.ErrNotFound) && seen == nil: // it never came to a seal
		case err != nil:
			return err
		}
	}
	return nil
}

// whole asks a store that can tell whether its files are whole.
func (c *checker) whole(ctx context.Context, w *world) {
	if db, ok := w.db.(interface{ Check(context.Context) error }); ok {
		if err := db.Check(ctx); err != nil {
			c.fault(&c.Torn, "%v", err)
		}
	}
}
