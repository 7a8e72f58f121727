package tickets

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// A unit is one transaction in which several commands are given, by one goroutine.
type unit struct {
	of       *Tickets
	tx       *sql.Tx
	failed   error        // of a unit inside
	refusals []itsm.Event // that the journal keeps, whatever becomes of the unit
	numbers  []number     // likewise used up
}

type number struct {
	tenant itsm.Tenant
	series string
	n      uint64
}

type unitKey struct{}

// unit returns the unit of work of the context, nil if there is none over these tickets.
func (t *Tickets) unit(ctx context.Context) *unit {
	if u, _ := ctx.Value(unitKey{}).(*unit); u != nil && u.of == t {
		return u
	}
	return nil
}

// Atomically runs fn as one unit of work: what is saved with the context that fn gets is saved whole when fn returns nil, and not at all
// when it returns an error. Refusals reach the journal in either case. Inside a unit it joins that one.
//
// The incident service finds this method by itself. The transaction has the write lock from its beginning, so nobody else can
// change what it reads. A database that lets several write at a time must run it serialisable, and fn again when it fails for that.
func (t *Tickets) Atomically(ctx context.Context, fn func(context.Context) error) (err error) {
	if u := t.unit(ctx); u != nil {
		if err := fn(ctx); err != nil {
			u.failed = err
			return err
		}
		return nil
	}
	lasting := context.WithoutCancel(ctx) // what must be kept is kept, also when the caller has gone
	tx, err := t.db.BeginTx(lasting, nil)
	if err != nil {
		return wrap("unit of work", err)
	}
	defer tx.Rollback()
	u := &unit{of: t, tx: tx}
	inside := func(ctx context.Context) context.Context { return context.WithValue(ctx, unitKey{}, u) }
	err = savepoint(lasting, tx, func() error {
		if err := fn(inside(ctx)); err != nil {
			return err
		}
		return errors.Join(u.failed, ctx.Err())
	})
	if err != nil {
		if lost := u.keep(inside(lasting)); lost != nil {
			return errors.Join(err, wrap("refusals of an abandoned unit of work", lost))
		}
	}
	return errors.Join(err, tx.Commit())
}

// write runs fn in the unit of work of the context, or in a transaction of its own. Either way all of what it does is done, or nothing.
// A write that has begun is finished: an interrupted statement takes the whole transaction with it.
func (t *Tickets) write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if u := t.unit(ctx); u != nil {
		return savepoint(ctx, u.tx, func() error { return fn(ctx, u.tx) })
	}
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// savepoint undoes what fn did in the transaction when it fails. Savepoints may be nested.
func savepoint(ctx context.Context, tx *sql.Tx, fn func() error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT part"); err != nil {
		return err
	}
	err := fn()
	end := "RELEASE part"
	if err != nil {
		end = "ROLLBACK TO part; RELEASE part"
	}
	_, ended := tx.ExecContext(ctx, end)
	return errors.Join(err, ended)
}

// keep enters what survives an abandoned unit, in the same transaction: nobody has come in between.
func (u *unit) keep(ctx context.Context) error {
	for _, n := range u.numbers {
		if _, err := u.tx.ExecContext(ctx, `INSERT INTO ticket_series (tenant, name, last) VALUES (?, ?, ?)
			ON CONFLICT (tenant, name) DO UPDATE SET last = max(last, excluded.last)`, n.tenant, n.series, n.n); err != nil {
			return err
		}
	}
	refusals := u.refusals
	u.refusals = nil
	for _, e := range refusals {
		c, err := u.refusal(ctx, e)
		if err == nil {
			err = u.of.Save(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refusal puts a refusal behind the last entry that its ticket has now, or lets it stand alone when the ticket was made in the unit.
func (u *unit) refusal(ctx context.Context, e itsm.Event) (c itsm.Change[incident.Incident], err error) {
	e.Seq, e.Prev = 1, itsm.Digest{}
	if e.Kind != itsm.KindCommand {
		now, err := u.of.Load(ctx, e.Key)
		switch {
		case err == nil:
			c.Expect, e.Seq, e.Prev = now.Seq, now.Seq+1, now.Head
			if e.Recorded.Before(now.Recorded) {
				e.Recorded = now.Recorded
			}
		case errors.Is(err, itsm.ErrNotFound):
			if e, err = alone(e); err != nil {
				return c, err
			}
		default:
			return c, err
		}
	}
	e.Hash = e.ComputeHash()
	c.Key, c.Events, c.Command = e.Key, []itsm.Event{e}, e.Command
	return c, nil
}

// alone files a refusal under its command. It loses the content of the command, which could not be erased with any ticket.
func alone(e itsm.Event) (itsm.Event, error) {
	var r itsm.Refused
	if err := json.Unmarshal(e.Data, &r); err != nil {
		return e, fmt.Errorf("refusal of %s on %s: %w", e.CommandName, e.Key, err)
	}
	r.Kind, r.ID = e.Kind, e.ID
	var err error
	e.Data, err = json.Marshal(r)
	e.Personal, e.PersonalDigest = nil, itsm.Digest{}
	e.Key = itsm.Key{Tenant: e.Tenant, Kind: itsm.KindCommand, ID: itsm.ID(e.Command)}
	return e, err
}
