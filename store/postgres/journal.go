package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// position writes a place in the journal. Positions are in the order of their texts.
func position(place int64) itsm.Position { return itsm.Position(fmt.Sprintf("%016d", place)) }

func placeOf(p itsm.Position) (int64, error) {
	if p == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil || n < 0 || position(n) != p {
		return 0, fmt.Errorf("%w: position %q is not one of this store", itsm.ErrInvalid, p)
	}
	return n, nil
}

// Pages are fetched one at a time, so that no connection is held while results are being used.
const (
	firstPage = 64
	mostPage  = 1024
)

// Events implements [store.DB]. Entries get their places when somebody reads the journal: then they are committed, so
// none can appear behind a reader.
func (db *DB) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	f.Types = slices.Clone(f.Types)
	return func(yield func(itsm.Event, error) bool) {
		from, err := placeOf(after)
		if err == nil {
			err = store.CheckFilter(&f)
		}
		if err != nil {
			yield(itsm.Event{}, err)
			return
		}
		for given, n := 0, firstPage; ; n = min(4*n, mostPage) {
			if f.Limit > 0 {
				n = min(n, f.Limit-given)
			}
			events, err := db.events(ctx, from, &f, n)
			if err == nil && len(events) == 0 && given == 0 && from > 0 {
				err = db.checkPlace(ctx, from)
			}
			for i := range events {
				if !yield(events[i], nil) {
					return
				}
			}
			if err != nil {
				yield(itsm.Event{}, db.outcome(ctx, "read the journal", err))
				return
			}
			given += len(events)
			if len(events) < n || given == f.Limit {
				return
			}
			from, _ = placeOf(events[n-1].Position)
		}
	}
}

// events returns up to n entries behind a place; fewer only when there are no more. Where those that follow cannot be given their
// places, as on a full disk, it returns those that have them, and the error.
func (db *DB) events(ctx context.Context, from int64, f *itsm.Filter, n int) ([]itsm.Event, error) {
	for {
		events, pending, err := db.page(ctx, from, f, n)
		switch {
		case err != nil:
			return nil, err
		case len(events) == n || !pending:
			return events, nil
		}
		if err := db.giveOut(ctx, f.Tenant); err != nil {
			return events, fmt.Errorf("give entries their places: %w", err)
		}
	}
}

// page returns entries that have places, and whether there were others just before.
func (db *DB) page(ctx context.Context, from int64, f *itsm.Filter, n int) (events []itsm.Event, pending bool, err error) {
	ask, tenants := "SELECT EXISTS (SELECT 1 FROM @.pending)", []any(nil)
	if f.Tenant != "" {
		ask, tenants = "SELECT EXISTS (SELECT 1 FROM @.pending WHERE tenant = $1)", []any{string(f.Tenant)}
	}
	query, args := eventQuery(from, f, n)
	err = db.read(ctx, func(c *pgxpool.Conn) error {
		events = nil
		var out pgx.Batch
		out.Queue(db.sql(ask), tenants...)
		out.Queue(db.sql(query), args...)
		results := c.SendBatch(ctx, &out)
		defer results.Close()
		if err := results.QueryRow().Scan(&pending); err != nil {
			return err
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		return each(rows, func(row pgx.Rows) error {
			events = append(events, itsm.Event{})
			return scanEvent(row, &events[len(events)-1])
		})
	})
	return events, pending, err
}

// eventQuery selects up to n entries behind a place.
func eventQuery(from int64, f *itsm.Filter, n int) (string, []any) {
	args := []any{from}
	where := []string{"o.place > $1"}
	and := func(cond string, v any) {
		args = append(args, v)
		where = append(where, cond+"$"+strconv.Itoa(len(args)))
	}
	// The table by which the entries are reached comes first: their places in order, or one record or command. In the
	// other one each is looked up.
	side, order := "o.", "o.place"
	source := "@.placed o CROSS JOIN LATERAL (SELECT * FROM @.journal j WHERE j.tenant = o.tenant AND j.kind = o.kind AND j.id = o.id AND j.seq = o.seq LIMIT 1) j"
	if f.ID != "" || f.Command != "" {
		side = "j."
		source = "@.journal j CROSS JOIN LATERAL (SELECT o.place FROM @.placed o WHERE o.tenant = j.tenant AND o.kind = j.kind AND o.id = j.id AND o.seq = j.seq LIMIT 1) o"
	}
	if f.ID != "" {
		order = "j.seq"
	}
	if f.Tenant != "" {
		and(side+"tenant = ", string(f.Tenant))
	}
	if f.Kind != "" {
		and(side+"kind = ", string(f.Kind))
	}
	if f.ID != "" {
		and("j.id = ", string(f.ID))
	}
	if f.Command != "" {
		and("j.command = ", string(f.Command))
	}
	if len(f.Types) > 0 {
		args = append(args, f.Types)
		where = append(where, "j.type = ANY ($"+strconv.Itoa(len(args))+"::text[])")
	}
	args = append(args, n)
	columns := "o.place, j." + strings.ReplaceAll(eventColumns, ", ", ", j.")
	return "SELECT " + columns + " FROM " + source + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " + order + " LIMIT $" + strconv.Itoa(len(args)), args
}

func scanEvent(row pgx.Rows, e *itsm.Event) error {
	var place, seq int64
	var tenant, kind, id, actor, onBehalfOf, command string
	var at, recorded pgtype.Timestamptz
	var personalDigest, prev, hash []byte
	err := row.Scan(&place, &tenant, &kind, &id, &seq, &e.Type, &at, &recorded, &actor, &onBehalfOf, &command, &e.CommandName, &e.Reason,
		&e.Data, &e.Personal, &personalDigest, &prev, &hash)
	e.Key = itsm.Key{Tenant: itsm.Tenant(tenant), Kind: itsm.Kind(kind), ID: itsm.ID(id)}
	e.Seq, e.Position, e.At, e.Recorded = uint64(seq), position(place), at.Time.UTC(), recorded.Time.UTC()
	e.Actor, e.OnBehalfOf, e.Command = itsm.PersonID(actor), itsm.PersonID(onBehalfOf), itsm.CommandID(command)
	copy(e.PersonalDigest[:], personalDigest)
	copy(e.Prev[:], prev)
	copy(e.Hash[:], hash)
	return err
}

// A portion is how many batches get places at once.
const portion = 512

// giveOut gives places to a portion of the entries of a tenant, or of all tenants, that have none yet. Who gives out places holds the one row of
// the table head until that is committed, so places become visible in their order. Batches are taken in the
// order of their stamps, so a batch never comes before one that it builds on.
func (db *DB) giveOut(ctx context.Context, tenant itsm.Tenant) error {
	where, args := "", []any{portion}
	if tenant != "" {
		where, args = "WHERE tenant = $2", append(args, string(tenant))
	}
	return again(ctx, func() error {
		return db.use(ctx, func(c *pgxpool.Conn) error {
			var out pgx.Batch
			out.Queue(db.sql("SELECT place FROM @.head WHERE name = 'journal' FOR UPDATE"))
			out.Queue(db.sql(`WITH next AS (
					SELECT tenant, stamp, node FROM @.pending `+where+` ORDER BY tenant, stamp, node LIMIT $1
				), gone AS (
					DELETE FROM @.pending p USING next n WHERE p.tenant = n.tenant AND p.stamp = n.stamp AND p.node = n.node
					RETURNING p.tenant, p.stamp, p.node, p.kinds, p.ids, p.seqs
				), entry AS (
					SELECT g.tenant, e.kind, e.id, e.seq, row_number() OVER (ORDER BY g.tenant, g.stamp, g.node, e.n) AS n
					FROM gone g CROSS JOIN LATERAL unnest(g.kinds, g.ids, g.seqs) WITH ORDINALITY AS e (kind, id, seq, n)
				), given AS (
					INSERT INTO @.placed (place, tenant, kind, id, seq)
					SELECT h.place + e.n, e.tenant, e.kind, e.id, e.seq FROM entry e, @.head h WHERE h.name = 'journal' RETURNING 1
				)
				UPDATE @.head SET place = place + (SELECT count(*) FROM given) WHERE name = 'journal'`), args...)
			return c.SendBatch(ctx, &out).Close()
		})
	})
}

// checkPlace finds out whether there can be a reader at a place: not in a copy of the database from before.
func (db *DB) checkPlace(ctx context.Context, place int64) error {
	var last int64
	err := db.query(ctx, "SELECT place FROM @.head WHERE name = 'journal'", nil, func(row pgx.Rows) error { return row.Scan(&last) })
	if err != nil {
		return err
	}
	if place > last {
		return fmt.Errorf("%w: position %q is behind the end of this journal, %q: was the database restored from an older copy?", itsm.ErrInvalid, position(place), position(last))
	}
	return nil
}
