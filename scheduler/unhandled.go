package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// An Unhandled event is one that a reaction could not handle, or that waits behind such a one of its record.
type Unhandled struct {
	Reaction string    `json:"reaction"`
	Key      itsm.Key  `json:"key"`
	Seq      uint64    `json:"seq"`
	Recorded time.Time `json:"recorded"`
	Tries    int       `json:"tries"`
	Problem  string    `json:"problem"`         // with the last try; of a refusal only the codes
	GivenUp  bool      `json:"given_up"`        // it is not tried any more
	State    string    `json:"state,omitempty"` // of what was given up: "open", "handled" or "dismissed"
}

// The states of what was given up.
const (
	givenUpOpen      = "open"
	givenUpHandled   = "handled"
	givenUpDismissed = "dismissed"
)

func (e *parked) unhandled(r *reaction, state string) *Unhandled {
	return &Unhandled{r.name, e.Key, e.Seq, e.Recorded, e.Tries, e.Problem, state != "", state}
}

// Unhandled lists the events that reactions of this scheduler could not handle: first those that are still tried, in the order of the
// journal, then those that were given up. The sequence stops after the first error and may be ranged over again.
func (s *Scheduler) Unhandled(ctx context.Context) iter.Seq2[Unhandled, error] {
	return func(yield func(Unhandled, error) bool) {
		for _, r := range s.reactions {
			at := reaction{reactJob: r.reactJob, cursor: r.cursor}
			if err := s.load(ctx, &at); err != nil {
				yield(Unhandled{}, err)
				return
			}
			for _, e := range at.place.Parked {
				if !yield(*e.unhandled(r, ""), nil) {
					return
				}
			}
		}
		names := make([]itsm.Value, len(s.reactions))
		for i, r := range s.reactions {
			names[i] = itsm.TextOf(r.name)
		}
		q := itsm.Query{Tenant: s.cfg.Tenant, Kind: KindGivenUp, Where: []itsm.Condition{
			itsm.Where("state", itsm.TextOf(givenUpOpen)), itsm.WhereOneOf("reaction", names...)}}
		for snap, err := range s.db.Find(ctx, q) {
			var u Unhandled
			if err == nil {
				err = json.Unmarshal(snap.Data, &u)
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	}
}

// Retry handles an event that was given up once more, now; what was refused is decided anew. For an event that was not given up, and
// so is tried again by itself, it is [itsm.ErrInvalid].
func (s *Scheduler) Retry(ctx context.Context, u Unhandled) error {
	r, err := s.reaction(u)
	if err != nil {
		return err
	}
	if !u.GivenUp {
		return fmt.Errorf("%w: scheduler: event %d of %s is still being tried", itsm.ErrInvalid, u.Seq, u.Key)
	}
	ev, err := s.entry(ctx, u.Key, u.Seq)
	if err != nil {
		return err
	}
	if err := s.handle(ctx, r, ev, &occasion{again: true}); err != nil {
		return err
	}
	return s.closeGivenUp(ctx, u, givenUpHandled)
}

// Dismiss says that an event is not to be handled by its reaction. Later events of its record need not wait for it any more.
func (s *Scheduler) Dismiss(ctx context.Context, u Unhandled) error {
	r, err := s.reaction(u)
	if err != nil {
		return err
	}
	if u.GivenUp {
		return s.closeGivenUp(ctx, u, givenUpDismissed)
	}
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		if err := s.load(ctx, r); err != nil {
			return err
		}
		i := slices.IndexFunc(r.place.Parked, func(e *parked) bool { return e.Key == u.Key && e.Seq == u.Seq })
		if i < 0 {
			return nil // handled or given up meanwhile
		}
		r.place.Parked = slices.Delete(r.place.Parked, i, i+1)
		if saved, err := s.save(ctx, r); err != nil || saved {
			s.Poke() // what waited behind it can go on
			return err
		}
	}
}

func (s *Scheduler) reaction(u Unhandled) (*reaction, error) {
	for _, r := range s.reactions {
		if r.name == u.Reaction {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: scheduler: there is no reaction %q", itsm.ErrNotFound, u.Reaction)
}

// key is where it is kept that the event was given up.
func (u *Unhandled) key(tenant itsm.Tenant) itsm.Key {
	id := deriveID("event", u.Reaction, string(u.Key.Tenant), string(u.Key.Kind), string(u.Key.ID), number(u.Seq))
	return itsm.Key{Tenant: tenant, Kind: KindGivenUp, ID: itsm.ID(id)}
}

// putGivenUp returns what is to be written so that the event has its state.
func (s *Scheduler) putGivenUp(ctx context.Context, u *Unhandled) (store.Put, error) {
	key := u.key(s.cfg.Tenant)
	found, err := s.db.Load(ctx, key)
	if err != nil {
		return store.Put{}, err
	}
	data, err := json.Marshal(u)
	if err != nil {
		return store.Put{}, err
	}
	return store.Put{
		Snapshot: store.Snapshot{Key: key, Seq: found[0].Seq + 1, Data: data},
		Expect:   found[0].Seq,
		Index:    []itsm.IndexEntry{{Field: "reaction", Value: itsm.TextOf(u.Reaction)}, {Field: "state", Value: itsm.TextOf(u.State)}},
	}, nil
}

func (s *Scheduler) closeGivenUp(ctx context.Context, u Unhandled, state string) error {
	u.State = state
	for {
		put, err := s.putGivenUp(ctx, &u)
		if err != nil {
			return err
		}
		err = s.db.Commit(ctx, store.Batch{Tenant: s.cfg.Tenant, Puts: []store.Put{put}})
		if !errors.Is(err, itsm.ErrConflict) {
			return err
		}
	}
}
