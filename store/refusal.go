package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
)

// refusalTime bounds how long the refusals of an abandoned unit may take to be entered.
const refusalTime = 10 * time.Second

// enterRefusals enters the refusals of an abandoned unit in the journal, each on its own, also when the context is done.
func (u *unit) enterRefusals(ctx context.Context) error {
	if len(u.refused) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refusalTime)
	defer cancel()
	for i, at := range u.refused {
		if err := enterRefusal(ctx, u.db, u.events[at]); err != nil {
			return fmt.Errorf("store: %d refusals of an abandoned unit of work did not reach the journal: %w", len(u.refused)-i, err)
		}
	}
	return nil
}

// enterRefusal enters one refusal behind the head of its record as it is now.
func enterRefusal(ctx context.Context, db DB, e itsm.Event) error {
	for attempt := 1; ; attempt++ {
		b, err := refusalBatch(ctx, db, e)
		if err != nil {
			return err
		}
		err = db.Commit(ctx, b)
		switch {
		case err == nil, errors.Is(err, itsm.ErrExists): // the command has its entry already
			return nil
		case !errors.Is(err, itsm.ErrConflict) || attempt == maxAttempts:
			return err
		}
	}
}

func refusalBatch(ctx context.Context, db DB, e itsm.Event) (Batch, error) {
	b := Batch{Tenant: e.Tenant, Commands: []itsm.CommandID{e.Command}}
	if e.Kind != itsm.KindCommand {
		found, err := db.Load(ctx, e.Key)
		if err != nil {
			return Batch{}, err
		}
		if head := &found[0]; head.Seq > 0 {
			if e.Recorded.Before(head.Recorded) {
				e.Recorded = head.Recorded
			}
			e.Seq, e.Prev = head.Seq+1, head.Head
			e.Hash = e.ComputeHash()
			b.Puts = []Put{{
				Snapshot: Snapshot{Key: e.Key, Seq: e.Seq, Head: e.Hash, Recorded: e.Recorded},
				Expect:   head.Seq, Keep: true,
			}}
			b.Events = []itsm.Event{e}
			return b, nil
		}
		// The record was made in the unit and is gone with it.
		var r itsm.Refused
		if err := json.Unmarshal(e.Data, &r); err != nil {
			return Batch{}, fmt.Errorf("refusal of %s on %s: %w", e.CommandName, e.Key, err)
		}
		r.Kind, r.ID = e.Kind, e.ID
		if e.Data, err = json.Marshal(r); err != nil {
			return Batch{}, err
		}
		e.Key = itsm.Key{Tenant: e.Tenant, Kind: itsm.KindCommand, ID: itsm.ID(e.Command)}
		e.Personal, e.PersonalDigest = nil, itsm.Digest{} // what belongs to no record could not be erased with it
	}
	e.Seq, e.Prev = 1, itsm.Digest{}
	e.Hash = e.ComputeHash()
	b.Events = []itsm.Event{e}
	return b, nil
}
