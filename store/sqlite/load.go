package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

const (
	begin     = "BEGIN IMMEDIATE" // of writing
	beginRead = "BEGIN"           // of several statements that are to see one instant
)

// batchSize is how many keys are asked for in one statement.
const batchSize = 200

// snapshotColumns are what the table of a kind has of a snapshot, apart from the ID.
const snapshotColumns = "seq, head, recorded, wake, data"

// A snapshotRow reads snapshotColumns. It can be used again for the next row.
type snapshotRow struct {
	seq            int64
	head, data     []byte
	recorded, wake sql.NullInt64
}

func (r *snapshotRow) dest() []any { return []any{&r.seq, &r.head, &r.recorded, &r.wake, &r.data} }

func (r *snapshotRow) snapshot(key itsm.Key) store.Snapshot {
	s := store.Snapshot{Key: key, Seq: uint64(r.seq), Recorded: instant(r.recorded), Wake: instant(r.wake), Data: r.data}
	copy(s.Head[:], r.head)
	return s
}

// instant reads an instant; NULL is the zero time.
func instant(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64).UTC()
}

// micros is how an instant lies in a column.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// digest is how a digest lies in a column.
func digest(d itsm.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// text is how JSON lies in a column.
func text(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

// Load implements [store.DB].
func (db *DB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := store.CheckKeys(keys); err != nil {
		return nil, err
	}
	found := make([]store.Snapshot, len(keys))
	for i, key := range keys {
		found[i].Key = key
	}
	err := db.readHere(ctx, "load", func(s *session) error {
		switch len(keys) {
		case 0:
			return nil
		case 1:
			return db.loadOne(ctx, s, &found[0])
		}
		return s.transaction(beginRead, func() error { return db.loadMany(ctx, s, found) })
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// kindOf returns a kind, nil when there are no records of it.
func (db *DB) kindOf(ctx context.Context, s *session, name itsm.Kind) (*kind, error) {
	if c := db.known.Load(); c != nil && c.kinds[name] != nil {
		return c.kinds[name], nil // a table that is there stays
	}
	c, err := db.catalog(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.kinds[name], nil
}

func (db *DB) loadOne(ctx context.Context, s *session, snap *store.Snapshot) error {
	k, err := db.kindOf(ctx, s, snap.Key.Kind)
	if k == nil || err != nil {
		return err
	}
	var row snapshotRow
	found, err := s.one(ctx, "SELECT "+snapshotColumns+" FROM "+k.table+" WHERE tenant = ? AND id = ?",
		[]any{string(snap.Key.Tenant), string(snap.Key.ID)}, row.dest()...)
	if found {
		*snap = row.snapshot(snap.Key)
	}
	return err
}

// loadMany fills in the snapshots that are there.
func (db *DB) loadMany(ctx context.Context, s *session, snaps []store.Snapshot) error {
	places := make(map[itsm.Key][]int, len(snaps))
	ids := make(map[itsm.Kind][]itsm.ID)
	var kinds []itsm.Kind
	for i := range snaps {
		key := snaps[i].Key
		if places[key] == nil {
			if ids[key.Kind] == nil {
				kinds = append(kinds, key.Kind)
			}
			ids[key.Kind] = append(ids[key.Kind], key.ID)
		}
		places[key] = append(places[key], i)
	}
	for _, name := range kinds {
		k, err := db.kindOf(ctx, s, name)
		if err != nil {
			return err
		}
		if k == nil {
			continue
		}
		err = eachOf(ctx, s, k, "id, "+snapshotColumns, snaps[0].Key.Tenant, ids[name], func(row scanner) error {
			var id itsm.ID
			var r snapshotRow
			if err := row.Scan(append([]any{&id}, r.dest()...)...); err != nil {
				return err
			}
			key := itsm.Key{Tenant: snaps[0].Key.Tenant, Kind: name, ID: id}
			for n, at := range places[key] {
				snaps[at] = r.snapshot(key)
				if n > 0 { // named twice
					snaps[at].Data = append([]byte(nil), r.data...)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachOf selects columns of the records of a kind that are there.
func eachOf(ctx context.Context, s *session, k *kind, columns string, tenant itsm.Tenant, ids []itsm.ID, scan func(scanner) error) error {
	for len(ids) > 0 {
		n := min(len(ids), batchSize)
		args := make([]any, 1, n+1)
		args[0] = string(tenant)
		for _, id := range ids[:n] {
			args = append(args, string(id))
		}
		if err := s.query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE tenant = ? AND id IN (%s)", columns, k.table, marks(n)), args, scan); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// marks returns n question marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// Due implements [store.DB].
func (db *DB) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	var due []store.Wake
	err := db.read(ctx, "due", func(s *session) error {
		k, err := db.kindOf(ctx, s, kind)
		if k == nil || err != nil {
			return err
		}
		query, args := dueQuery(k, until, limit)
		return s.query(ctx, query, args, func(row scanner) error {
			w := store.Wake{Key: itsm.Key{Kind: kind}}
			var at int64
			err := row.Scan(&at, &w.Key.Tenant, &w.Key.ID)
			w.At = time.UnixMicro(at).UTC()
			due = append(due, w)
			return err
		})
	})
	return due, err
}

func dueQuery(k *kind, until time.Time, limit int) (string, []any) {
	query := fmt.Sprintf("SELECT wake, tenant, id FROM %s INDEXED BY %s WHERE wake IS NOT NULL", k.table, k.indexOf("wake"))
	var args []any
	if !until.IsZero() {
		query += " AND wake <= ?"
		args = append(args, until.UnixMicro())
	}
	query += " ORDER BY wake, tenant, id"
	if limit > 0 {
		query += " LIMIT ?"
		args = append(args, limit)
	}
	return query, args
}
