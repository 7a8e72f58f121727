package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// The kinds of the records that schedulers keep, all in [Config.Tenant] and without a journal.
const (
	KindCursor  itsm.Kind = "itsm.cursor"         // how far a reaction has come
	KindGivenUp itsm.Kind = "itsm.given_up_event" // what it did not handle
)

// place is how far a reaction has come: everything up to the position was handled, but for what is parked.
type place struct {
	Position itsm.Position `json:"position,omitempty"`
	Parked   []*parked     `json:"parked,omitempty"` // in the order of the journal
}

// parked is an event that waits for another try, or behind one of its record that does.
type parked struct {
	Key      itsm.Key  `json:"key"`
	Seq      uint64    `json:"seq"`
	Recorded time.Time `json:"recorded"`
	Tries    int       `json:"tries,omitempty"` // 0: not tried, it waits for its turn
	Problem  string    `json:"problem,omitempty"`

	failure failure // of this scheduler
}

// mostParked bounds how many events of a reaction are parked. When so many wait, the reaction waits with them.
const mostParked = 256

// catchUp takes over the places that other schedulers have saved.
func (s *Scheduler) catchUp(ctx context.Context) {
	if len(s.reactions) == 0 {
		return
	}
	keys := make([]itsm.Key, len(s.reactions))
	for i, r := range s.reactions {
		keys[i] = r.cursor
	}
	found, err := s.db.Load(ctx, keys...)
	for i, r := range s.reactions {
		r.full = false
		if r.broken = err; err == nil {
			r.broken = r.take(&found[i])
		}
	}
}

// take takes over the place as it is in the store, if it is not the one that the reaction has saved itself.
func (r *reaction) take(snap *store.Snapshot) error {
	if r.loaded && snap.Seq == r.seq {
		return nil
	}
	var p place
	if snap.Seq > 0 {
		if err := json.Unmarshal(snap.Data, &p); err != nil {
			return fmt.Errorf("cursor %s at %d does not fit: %w", snap.Key, snap.Seq, err)
		}
		if slices.Contains(p.Parked, nil) {
			return fmt.Errorf("cursor %s at %d does not fit: a parked event is null", snap.Key, snap.Seq)
		}
	}
	for _, e := range p.Parked {
		for _, mine := range r.place.Parked {
			if mine.Key == e.Key && mine.Seq == e.Seq {
				e.failure = mine.failure
			}
		}
	}
	r.place, r.seq, r.loaded, r.changed, r.passed, r.givenUp = p, snap.Seq, true, false, 0, nil
	return nil
}

// load takes over the place in the store.
func (s *Scheduler) load(ctx context.Context, r *reaction) error {
	found, err := s.db.Load(ctx, r.cursor)
	if err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	return r.take(&found[0])
}

// saveTime bounds how long the place of a reaction may take to be saved once the context has ended.
const saveTime = 5 * time.Second

// save writes the place of a reaction. If another scheduler was faster, nothing is saved and its place is taken over: what this one
// did beyond it will be done again, which has no second effect.
func (s *Scheduler) save(ctx context.Context, r *reaction) (saved bool, err error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), saveTime)
		defer cancel()
	}
	data, err := json.Marshal(&r.place)
	if err != nil {
		return false, err
	}
	b := store.Batch{Tenant: r.cursor.Tenant}
	b.Puts = append(b.Puts, store.Put{Snapshot: store.Snapshot{Key: r.cursor, Seq: r.seq + 1, Data: data}, Expect: r.seq})
	for _, u := range r.givenUp {
		put, err := s.putGivenUp(ctx, u)
		if err != nil {
			return false, err
		}
		b.Puts = append(b.Puts, put)
	}
	switch err := s.db.Commit(ctx, b); {
	case errors.Is(err, itsm.ErrConflict):
		return false, s.load(ctx, r)
	case err != nil:
		return false, fmt.Errorf("saving the cursor: %w", err)
	}
	r.seq++
	r.changed, r.passed, r.givenUp = false, 0, nil
	return true, nil
}
