package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// Commit implements [store.DB], in one round trip. When the connection is lost or the context ends before the server has
// answered, the error matches [ErrOutcomeUnknown].
func (db *DB) Commit(ctx context.Context, b store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if len(b.Puts) == 0 && len(b.Events) == 0 && len(b.Commands) == 0 {
		return db.outcome(ctx, "check reads", db.checkReads(ctx, &b))
	}
	return db.outcome(ctx, "commit", db.commit(ctx, &b))
}

func (db *DB) commit(ctx context.Context, b *store.Batch) error {
	c, err := db.grow(ctx, b)
	if err != nil {
		return err
	}
	err = again(ctx, func() error {
		w := writer{db: db, batch: b, stamp: db.clock.next()}
		w.queue(c)
		switch err := w.send(ctx); err {
		case errNotThere:
			return db.whichConflict(ctx, b, w.stamp)
		case errTaken:
			return db.whichTaken(ctx, b)
		default:
			return err
		}
	})
	if err == nil && db.bell != nil && len(b.Events) > 0 {
		db.bell.ring()
	}
	return err
}

var (
	// errNotThere: a record is not at the number that the batch expects.
	errNotThere = fmt.Errorf("a record has changed: %w", itsm.ErrConflict)
	// errTaken: the ID of a command was used, or an entry is there already.
	errTaken = errors.New("taken")
	// errStamp: a record has a higher stamp than its batch. It was not loaded through this DB, which now knows of it.
	errStamp = fmt.Errorf("%w: the clocks of the machines do not agree", ErrBusy)
)

// A writer makes the statements of a batch. All go out at once and are one transaction: a statement that does not find what it
// expects fails, and with it the rest. That is so at READ COMMITTED, since each statement checks on the row that it locks
// what it relies on; at higher levels the server rolls back more than it must, and commit tries again.
type writer struct {
	db    *DB
	batch *store.Batch
	stamp int64
	out   pgx.Batch
}

func (w *writer) add(query string, args ...any) { w.out.Queue(w.db.sql(query), args...) }

// A step is what happens to one record.
type step struct {
	key  itsm.Key
	put  *store.Put
	read *store.Read
}

// queue makes the statements. Rows that others may want too are taken in one order by everybody: first the IDs of commands, then
// records by their keys. So commits do not lock each other out.
func (w *writer) queue(c catalog) {
	b := w.batch
	if e, ok := plain(b); ok {
		w.command(c, &b.Puts[0], e)
		return
	}
	if len(b.Commands) > 0 {
		ids := make([]string, len(b.Commands))
		for i, id := range b.Commands {
			ids[i] = string(id)
		}
		slices.Sort(ids)
		w.add("INSERT INTO @.command (tenant, id) SELECT $1, unnest($2::text[])", string(b.Tenant), ids)
	}
	steps := make([]step, 0, len(b.Puts)+len(b.Reads))
	for i := range b.Puts {
		steps = append(steps, step{key: b.Puts[i].Key, put: &b.Puts[i]})
	}
	for i := range b.Reads {
		steps = append(steps, step{key: b.Reads[i].Key, read: &b.Reads[i]})
	}
	if len(steps) > 1 {
		slices.SortStableFunc(steps, func(s, t step) int {
			return cmp.Or(cmp.Compare(s.key.Kind, t.key.Kind), cmp.Compare(s.key.ID, t.key.ID))
		})
		// A read that is there twice says the same twice, or the batch contradicts itself.
		steps = slices.CompactFunc(steps, func(s, t step) bool { return s.read != nil && t.read != nil && s.key == t.key })
	}
	absent := false
	for _, s := range steps {
		switch {
		case s.read != nil && s.read.Seq == 0:
			absent = true
			w.readAbsent(s.key)
		case s.read != nil:
			w.add("SELECT 1 / count(*) FROM (SELECT 1 FROM @.record WHERE tenant = $1 AND kind = $2 AND id = $3 AND seq = $4 FOR SHARE) r",
				string(s.key.Tenant), string(s.key.Kind), string(s.key.ID), int64(s.read.Seq))
		case s.put.Keep:
			w.keep(s.put)
		default:
			query, args := w.onRecord(c, s.put)
			w.add(query+found, args...)
		}
	}
	w.erase()
	w.events()
	if absent {
		w.removeAbsent(steps)
	}
}

// keyArgs are the first parameters of every statement on a record.
func keyArgs(key itsm.Key, more ...any) []any {
	return append([]any{string(key.Tenant), string(key.Kind), string(key.ID)}, more...)
}

// What is done to one record. In the index only that is written which has changed.
const (
	insertRecord = `WITH put AS (
			INSERT INTO @.record (tenant, kind, id, seq, stamp, head, recorded, wake, data, terms, long)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 WHERE $12::bigint = 0 ON CONFLICT DO NOTHING RETURNING 1
		), new AS (
			INSERT INTO @.term (tenant, kind, term, id) SELECT $1, $2, t, $3 FROM put, unnest($10::bytea[]) t RETURNING 1
		)`
	updateRecord = `WITH old AS (
			SELECT terms FROM @.record WHERE tenant = $1 AND kind = $2 AND id = $3 AND seq = $12
		), put AS (
			UPDATE @.record SET seq = $4, stamp = $5, head = $6, recorded = $7, wake = $8, data = $9, terms = $10, long = $11
			WHERE tenant = $1 AND kind = $2 AND id = $3 AND seq = $12 AND stamp < $5 AND EXISTS (SELECT 1 FROM old) RETURNING 1
		), gone AS (
			DELETE FROM @.term WHERE tenant = $1 AND kind = $2 AND id = $3 AND EXISTS (SELECT 1 FROM put)
				AND term = ANY (ARRAY(SELECT t FROM (SELECT unnest(terms) AS t FROM old) o WHERE t <> ALL ($10::bytea[]))) RETURNING 1
		), new AS (
			INSERT INTO @.term (tenant, kind, term, id) SELECT $1, $2, t, $3 FROM put, unnest($10::bytea[]) t, old WHERE t <> ALL (old.terms) RETURNING 1
		)`
	// withEntry enters what one command has done to the record. Its parameters follow those of the record.
	withEntry = `, used AS (
			INSERT INTO @.command (tenant, id) SELECT $1, $13 FROM put RETURNING 1
		), entered AS (
			INSERT INTO @.journal (` + eventColumns + `)
			SELECT $1, $2, $3, $4, $14, $15, $16, $17, $18, $13, $19, $20, $21, $22, $23, $24, $6 FROM put RETURNING 1
		), waiting AS (
			INSERT INTO @.pending (tenant, stamp, node, kinds, ids, seqs) SELECT $1, $5, $25, ARRAY[$2::text], ARRAY[$3::text], ARRAY[$4::bigint] FROM put RETURNING 1
		)`
	// found fails when the record was not where it is expected; then nothing of the rest was done.
	found = " SELECT 1 / count(*) FROM put"
)

// onRecord returns the statement that writes a record, and its parameters.
func (w *writer) onRecord(c catalog, p *store.Put) (string, []any) {
	query := updateRecord
	if p.Expect == 0 {
		query = insertRecord
	}
	terms, long := termsOf(c.kind(p.Key.Kind), p)
	return query, keyArgs(p.Key, int64(p.Seq), w.stamp, digest(p.Head), instant(p.Recorded), instant(p.Wake), text(p.Data), terms, long, int64(p.Expect))
}

// plain returns the entry of a batch that is one command on one record.
func plain(b *store.Batch) (*itsm.Event, bool) {
	if len(b.Puts) != 1 || len(b.Events) != 1 || len(b.Commands) != 1 || len(b.Reads) > 0 || len(b.Erase) > 0 || b.Puts[0].Keep {
		return nil, false
	}
	e := &b.Events[0]
	return e, e.Key == b.Puts[0].Key && e.Command == b.Commands[0]
}

// command writes the most frequent batch by far, one command on one record, as one statement, which takes less than one for each row.
func (w *writer) command(c catalog, p *store.Put, e *itsm.Event) {
	query, args := w.onRecord(c, p)
	w.add(query+withEntry+found, append(args, string(e.Command), e.Type, e.At, e.Recorded, string(e.Actor), string(e.OnBehalfOf),
		e.CommandName, e.Reason, text(e.Data), text(e.Personal), digest(e.PersonalDigest), digest(e.Prev), w.db.node)...)
}

func (w *writer) keep(p *store.Put) {
	w.add(`WITH put AS (
			UPDATE @.record SET seq = $4, stamp = $5, head = $6, recorded = $7
			WHERE tenant = $1 AND kind = $2 AND id = $3 AND seq = $8 AND stamp < $5 RETURNING 1
		) SELECT 1 / count(*) FROM put`,
		keyArgs(p.Key, int64(p.Seq), w.stamp, digest(p.Head), instant(p.Recorded), int64(p.Expect))...)
}

// readAbsent takes the place of a record that must not be there, until the end of the transaction: there is no row to lock.
func (w *writer) readAbsent(key itsm.Key) {
	w.add(`WITH put AS (
			INSERT INTO @.record (tenant, kind, id, seq, stamp, terms) VALUES ($1, $2, $3, 0, 0, '{}') ON CONFLICT DO NOTHING RETURNING 1
		) SELECT 1 / count(*) FROM put`, keyArgs(key)...)
}

func (w *writer) removeAbsent(steps []step) {
	for _, s := range steps {
		if s.read != nil && s.read.Seq == 0 {
			w.add("DELETE FROM @.record WHERE tenant = $1 AND kind = $2 AND id = $3 AND seq = 0", keyArgs(s.key)...)
		}
	}
}

func (w *writer) erase() {
	for _, key := range w.batch.Erase {
		for i := range w.batch.Puts {
			if p := &w.batch.Puts[i]; p.Key == key {
				w.add("UPDATE @.journal SET personal = NULL WHERE tenant = $1 AND kind = $2 AND id = $3 AND seq <= $4 AND personal IS NOT NULL",
					keyArgs(key, int64(p.Expect))...)
			}
		}
	}
}

const eventColumns = "tenant, kind, id, seq, type, at, recorded, actor, on_behalf_of, command, command_name, reason, data, personal, personal_digest, prev, hash"

// events enters the entries, and that they are yet to get their places.
func (w *writer) events() {
	events := w.batch.Events
	if len(events) == 0 {
		return
	}
	kinds, ids, seqs := make([]string, len(events)), make([]string, len(events)), make([]int64, len(events))
	for i := range events {
		e := &events[i]
		kinds[i], ids[i], seqs[i] = string(e.Kind), string(e.ID), int64(e.Seq)
		w.add("INSERT INTO @.journal ("+eventColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
			keyArgs(e.Key, seqs[i], e.Type, e.At, e.Recorded, string(e.Actor), string(e.OnBehalfOf),
				string(e.Command), e.CommandName, e.Reason, text(e.Data), text(e.Personal), digest(e.PersonalDigest), digest(e.Prev), e.Hash[:])...)
	}
	w.add("INSERT INTO @.pending (tenant, stamp, node, kinds, ids, seqs) VALUES ($1, $2, $3, $4, $5, $6)",
		string(w.batch.Tenant), w.stamp, w.db.node, kinds, ids, seqs)
}

// send carries the statements out.
func (w *writer) send(ctx context.Context) error {
	return w.db.use(ctx, func(c *pgxpool.Conn) error {
		if err := c.SendBatch(ctx, &w.out).Close(); err != nil {
			return meaning(err)
		}
		return nil
	})
}

// meaning tells what a failure says of the batch.
func meaning(err error) error {
	var pg *pgconn.PgError
	switch {
	case !errors.As(err, &pg):
		if pgconn.SafeToRetry(err) { // nothing was sent
			return err
		}
		return fmt.Errorf("%w: give the command again with the same ID: %w", ErrOutcomeUnknown, err)
	case cut(pg), pg.Code == codeUnknownOutcome:
		return fmt.Errorf("%w: give the command again with the same ID: %w", ErrOutcomeUnknown, err)
	case pg.Code == codeDivisionByZero:
		return errNotThere
	case pg.Code == codeUnique:
		return errTaken
	}
	return err
}

// whichConflict finds the first record that is not where the batch expects it, or has a higher stamp.
func (db *DB) whichConflict(ctx context.Context, b *store.Batch, stamp int64) error {
	want := make(map[itsm.Key]uint64, len(b.Puts)+len(b.Reads))
	keys := make([]itsm.Key, 0, len(b.Puts)+len(b.Reads))
	for i := range b.Puts {
		want[b.Puts[i].Key] = b.Puts[i].Expect
		keys = append(keys, b.Puts[i].Key)
	}
	for _, r := range b.Reads {
		want[r.Key] = r.Seq
		keys = append(keys, r.Key)
	}
	now := make(map[itsm.Key]uint64, len(keys))
	ahead := false
	err := db.query(ctx, `SELECT r.kind, r.id, r.seq, r.stamp FROM unnest($2::text[], $3::text[]) AS k (kind, id)
		CROSS JOIN LATERAL (SELECT * FROM @.record r WHERE r.tenant = $1 AND r.kind = k.kind AND r.id = k.id LIMIT 1) r`, manyArgs(b.Tenant, keys), func(row pgx.Rows) error {
		var name, id string
		var seq, at int64
		err := row.Scan(&name, &id, &seq, &at)
		now[itsm.Key{Tenant: b.Tenant, Kind: itsm.Kind(name), ID: itsm.ID(id)}] = uint64(seq)
		ahead = ahead || at >= stamp
		db.clock.see(at)
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if now[key] != want[key] {
			return fmt.Errorf("postgres: %s is at %d, not at %d: %w", key, now[key], want[key], itsm.ErrConflict)
		}
	}
	if ahead {
		return errStamp
	}
	return errNotThere // what was in the way is gone again
}

// whichTaken finds out what of a batch was there already.
func (db *DB) whichTaken(ctx context.Context, b *store.Batch) error {
	ids := make([]string, len(b.Commands))
	for i, id := range b.Commands {
		ids[i] = string(id)
	}
	used, err := list(ctx, db, "SELECT id FROM @.command WHERE tenant = $1 AND id = ANY ($2::text[]) ORDER BY id LIMIT 1", []any{string(b.Tenant), ids}, func(row pgx.Rows, id *string) error {
		return row.Scan(id)
	})
	switch {
	case err != nil:
		return err
	case len(used) > 0:
		return fmt.Errorf("postgres: command %q of %s was given before: %w", used[0], b.Tenant, itsm.ErrExists)
	}
	return fmt.Errorf("postgres: an entry of the batch is in the journal of %s already: %w", b.Tenant, itsm.ErrConflict)
}

func (db *DB) checkReads(ctx context.Context, b *store.Batch) error {
	if len(b.Reads) == 0 {
		return db.use(ctx, func(*pgxpool.Conn) error { return nil })
	}
	if err := db.whichConflict(ctx, b, math.MaxInt64); err != errNotThere {
		return err
	}
	return nil
}

// manyArgs are the parameters of a statement on several records.
func manyArgs(tenant itsm.Tenant, keys []itsm.Key) []any {
	kinds, ids := make([]string, len(keys)), make([]string, len(keys))
	for i, key := range keys {
		kinds[i], ids[i] = string(key.Kind), string(key.ID)
	}
	return []any{string(tenant), kinds, ids}
}

// instant is how an instant lies in a column; the zero time is NULL.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// text is how JSON lies in a column. Where statements are not prepared, a driver takes bytes for binary data.
func text(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

// digest is how a digest lies in a column; one of nothing is NULL.
func digest(d itsm.Digest) []byte {
	if d.IsZero() {
		return nil
	}
	return d[:]
}
