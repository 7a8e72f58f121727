package change

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Authorises returns nil when the change allows to write the record of an item at an instant: it names the item, was approved,
// and is being made, taken back, or not closed yet. Otherwise it says why not. It is a pure function: a host asks it with the change
// as it is in the unit of work of the write.
func (c Change) Authorises(item itsm.Ref, at time.Time) error {
	var rs itsm.Reasons
	rs.Add(!c.Touches(item), ruleNotNamed.With("item", item, "change", c.ID))
	switch c.State {
	case StateImplementing, StateFailed, StateBackingOut, StateSucceeded, StateBackedOut, StateInReview:
	default:
		rs.Add(true, ruleNotInWork.With("change", c.ID, "state", c.State))
	}
	rs.Add(c.Work != nil && at.Before(c.Work.Started), ruleBeforeWork.With("at", at, "change", c.ID))
	return rs.Err()
}

// A Standing is how far a change has come as regards one item. The values are those that the package config speaks of.
type Standing string

// The standings.
const (
	Uncovered Standing = ""          // the change does not name the item, or is not approved
	Cleared   Standing = "approved"  // it will be made: what it will do may be planned
	Underway  Standing = "underway"  // it is being made or taken back: the item may be written
	Done      Standing = "done"      // it was made: what was planned has become so
	Withdrawn Standing = "withdrawn" // it was not made, or was taken back: what was planned is off
)

// Standing returns how far the change has come as regards an item.
func (c Change) Standing(item itsm.Ref) Standing {
	if !c.Touches(item) {
		return Uncovered
	}
	switch c.State {
	case StateApproved, StateScheduled:
		return Cleared
	case StateImplementing, StateFailed, StateBackingOut:
		return Underway
	case StateRejected, StateCancelled, StateBackedOut:
		return Withdrawn
	case StateSucceeded, StateInReview, StateClosed:
		if c.Failure != nil {
			return Withdrawn
		}
		return Done
	}
	return Uncovered
}

// Authority answers, from a repository of changes, whether writes of configuration items are allowed. It reads through the context
// it gets: within a unit of work the change it has read is asserted unchanged when the write is committed. It is safe for concurrent use.
type Authority struct{ Repo Repository }

// Standing returns how far a change has come as regards an item; one that does not exist covers nothing.
func (a Authority) Standing(ctx context.Context, tenant itsm.Tenant, change, item itsm.Ref) (Standing, error) {
	if change.Kind != Kind {
		return Uncovered, nil
	}
	stored, err := a.Repo.Load(ctx, change.In(tenant))
	if errors.Is(err, itsm.ErrNotFound) {
		return Uncovered, nil
	}
	return stored.Record.Standing(item), err
}

// Allow returns nil when a change allows to write the records of all the items at an instant, or every reason why not. A change that
// does not exist allows nothing.
func (a Authority) Allow(ctx context.Context, tenant itsm.Tenant, change itsm.Ref, at time.Time, items ...itsm.Ref) error {
	if change.Kind != Kind {
		return fmt.Errorf("%w: %s is no change", itsm.ErrInvalid, change)
	}
	stored, err := a.Repo.Load(ctx, change.In(tenant))
	if errors.Is(err, itsm.ErrNotFound) {
		return itsm.Reasons{ruleUnknownChange.With("change", change.ID)}
	}
	if err != nil {
		return err
	}
	var rs itsm.Reasons
	for _, item := range items {
		var more itsm.Reasons
		if errors.As(stored.Record.Authorises(item, at), &more) {
			for _, r := range more {
				if !containsReason(rs, r) {
					rs = append(rs, r)
				}
			}
		}
	}
	return rs.Err()
}

func containsReason(rs itsm.Reasons, r itsm.Reason) bool {
	for _, o := range rs {
		if o.Error() == r.Error() {
			return true
		}
	}
	return false
}
