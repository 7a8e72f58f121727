package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// snapshotColumns are what the table has of a snapshot, apart from the key.
const snapshotColumns = "r.seq, r.stamp, r.head, r.recorded, r.wake, r.data"

// A snapshotRow reads snapshotColumns. It can be used again for the next row.
type snapshotRow struct {
	seq, stamp     int64
	head, data     []byte
	recorded, wake pgtype.Timestamptz
}

func (r *snapshotRow) dest() []any {
	r.data = nil // what was read before belongs to somebody else
	return []any{&r.seq, &r.stamp, &r.head, &r.recorded, &r.wake, &r.data}
}

func (r *snapshotRow) snapshot(db *DB, key itsm.Key) store.Snapshot {
	db.clock.see(r.stamp)
	s := store.Snapshot{Key: key, Seq: uint64(r.seq), Data: r.data}
	if r.recorded.Valid {
		s.Recorded = r.recorded.Time.UTC()
	}
	if r.wake.Valid {
		s.Wake = r.wake.Time.UTC()
	}
	copy(s.Head[:], r.head)
	return s
}

// Load implements [store.DB], in one statement.
func (db *DB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := store.CheckKeys(keys); err != nil {
		return nil, err
	}
	found := make([]store.Snapshot, len(keys))
	for i, key := range keys {
		found[i].Key = key
	}
	var err error
	var r snapshotRow
	switch len(keys) {
	case 0:
		err = db.use(ctx, func(*pgxpool.Conn) error { return nil })
	case 1:
		err = db.query(ctx, "SELECT "+snapshotColumns+" FROM @.record r WHERE tenant = $1 AND kind = $2 AND id = $3", keyArgs(keys[0]), func(row pgx.Rows) error {
			err := row.Scan(r.dest()...)
			found[0] = r.snapshot(db, keys[0])
			return err
		})
	default:
		err = db.query(ctx, "SELECT k.n, "+snapshotColumns+` FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS k (kind, id, n)
			CROSS JOIN LATERAL (SELECT * FROM @.record r WHERE r.tenant = $1 AND r.kind = k.kind AND r.id = k.id LIMIT 1) r`, manyArgs(keys[0].Tenant, keys), func(row pgx.Rows) error {
			var n int
			err := row.Scan(append([]any{&n}, r.dest()...)...)
			if err == nil {
				found[n-1] = r.snapshot(db, keys[n-1])
			}
			return err
		})
	}
	if err != nil {
		return nil, db.outcome(ctx, "load", err)
	}
	return found, nil
}

// Due implements [store.DB].
func (db *DB) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	query, args := dueQuery(kind, until, limit)
	due, err := list(ctx, db, query, args, func(row pgx.Rows, w *store.Wake) error {
		var at time.Time
		var tenant, id string
		err := row.Scan(&at, &tenant, &id)
		*w = store.Wake{Key: itsm.Key{Tenant: itsm.Tenant(tenant), Kind: kind, ID: itsm.ID(id)}, At: at.UTC()}
		return err
	})
	return due, db.outcome(ctx, "due", err)
}

func dueQuery(kind itsm.Kind, until time.Time, limit int) (string, []any) {
	query, args := "SELECT wake, tenant, id FROM @.record WHERE kind = $1 AND wake IS NOT NULL", []any{string(kind)}
	if !until.IsZero() {
		query += " AND wake <= $2"
		args = append(args, until)
	}
	query += " ORDER BY wake, tenant, id"
	if limit > 0 {
		args = append(args, limit)
		query += fmt.Sprint(" LIMIT $", len(args))
	}
	return query, args
}
