package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// Commit implements [store.DB]. Waiting for another process does not end with the context, but with the [BusyTimeout].
func (db *DB) Commit(ctx context.Context, b store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if len(b.Puts) == 0 && len(b.Events) == 0 && len(b.Commands) == 0 {
		return db.read(ctx, "check reads", func(s *session) error {
			return s.transaction(beginRead, func() error {
				w := writer{db: db, s: s, ctx: ctx, batch: &b}
				return w.checkReads()
			})
		})
	}
	err := db.writer.use(ctx, func(s *session) error {
		err := s.transaction(begin, func() error {
			w := writer{db: db, s: s, ctx: ctx, batch: &b}
			return w.write()
		})
		if err == nil && len(b.Erase) > 0 && db.owned {
			// What was erased is still in the log until its pages reach the file. A reader may be in the way; then the
			// next checkpoint does it.
			_, _ = s.exec("PRAGMA wal_checkpoint(TRUNCATE)")
		}
		return err
	})
	return db.outcome(ctx, "commit", err)
}

// A writer writes one batch, in a transaction. Since nobody else can write meanwhile, what it finds stays so.
type writer struct {
	db    *DB
	s     *session
	ctx   context.Context // looked at now and then; statements once begun run to their end
	batch *store.Batch
	cat   *catalog
	steps int
}

// step is called for every row, so that a large batch can be given up.
func (w *writer) step() error {
	if w.steps++; w.steps%256 == 0 {
		return w.ctx.Err()
	}
	return nil
}

func (w *writer) write() (err error) {
	if err := w.commands(); err != nil {
		return err
	}
	if err := w.checkReads(); err != nil {
		return err
	}
	if w.cat, err = w.db.grow(w.s, w.cat, w.batch); err != nil {
		return err
	}
	if err := w.erase(); err != nil {
		return err
	}
	if err := w.events(); err != nil {
		return err
	}
	for i := range w.batch.Puts {
		if err := w.step(); err != nil {
			return err
		}
		p := &w.batch.Puts[i]
		k := w.cat.kinds[p.Key.Kind]
		switch {
		case p.Keep:
			err = w.keep(k, p)
		case p.Expect == 0:
			err = w.insert(k, p)
		default:
			err = w.update(k, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func conflict(key itsm.Key, now, want uint64) error {
	return fmt.Errorf("sqlite: %s is at %d, not at %d: %w", key, now, want, itsm.ErrConflict)
}

// insertRows writes rows with as few statements as is sensible, and reports whether all of them were new.
func (w *writer) insertRows(into string, columns, n int, row func(args []any, i int) []any) (bool, error) {
	const most = 32
	head := "INSERT INTO " + into + " VALUES "
	one := "(" + marks(columns) + ")"
	args := make([]any, 0, columns*min(n, most))
	for i := 0; i < n; {
		size := 1
		for size*2 <= min(n-i, most) {
			size *= 2
		}
		args = args[:0]
		for j := range size {
			if err := w.step(); err != nil {
				return false, err
			}
			args = row(args, i+j)
		}
		written, err := w.s.exec(head+strings.Repeat(one+", ", size-1)+one+" ON CONFLICT DO NOTHING", args...)
		if err != nil || written < int64(size) {
			return false, err
		}
		i += size
	}
	return true, nil
}

func (w *writer) commands() error {
	ids := w.batch.Commands
	fresh, err := w.insertRows("itsm_command (tenant, id)", 2, len(ids), func(args []any, i int) []any {
		return append(args, string(w.batch.Tenant), string(ids[i]))
	})
	if err == nil && !fresh {
		return fmt.Errorf("sqlite: a command of %s that was given before, one of %q: %w", w.batch.Tenant, ids[:min(len(ids), 10)], itsm.ErrExists)
	}
	return err
}

// checkReads compares what the batch has read, and takes up the catalog.
func (w *writer) checkReads() (err error) {
	if w.cat, err = w.db.catalog(w.ctx, w.s); err != nil || len(w.batch.Reads) == 0 {
		return err
	}
	want := make(map[itsm.Key]uint64, len(w.batch.Reads))
	ids := make(map[itsm.Kind][]itsm.ID)
	for _, r := range w.batch.Reads {
		if _, twice := want[r.Key]; !twice {
			want[r.Key] = r.Seq
			ids[r.Key.Kind] = append(ids[r.Key.Kind], r.Key.ID)
		}
	}
	for name, ids := range ids { // any order: each is a question for itself
		k := w.cat.kinds[name]
		if k == nil {
			continue
		}
		err := eachOf(w.ctx, w.s, k, "id, seq", w.batch.Tenant, ids, func(row scanner) error {
			key := itsm.Key{Tenant: w.batch.Tenant, Kind: name}
			var seq int64
			if err := row.Scan(&key.ID, &seq); err != nil {
				return err
			}
			if want[key] != uint64(seq) {
				return conflict(key, uint64(seq), want[key])
			}
			delete(want, key)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for key, seq := range want { // those that are not there; any of them is reason enough
		if seq != 0 {
			return conflict(key, 0, seq)
		}
	}
	return nil
}

func (w *writer) erase() error {
	for _, key := range w.batch.Erase {
		for i := range w.batch.Puts {
			if p := &w.batch.Puts[i]; p.Key == key {
				_, err := w.s.exec("UPDATE itsm_journal SET personal = NULL WHERE tenant = ? AND kind = ? AND id = ? AND seq <= ? AND personal IS NOT NULL",
					string(key.Tenant), string(key.Kind), string(key.ID), int64(p.Expect))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *writer) events() error {
	events := w.batch.Events
	fresh, err := w.insertRows("itsm_journal ("+strings.TrimPrefix(eventColumns, "position, ")+")", 17, len(events), func(args []any, i int) []any {
		e := &events[i]
		return append(args, string(e.Tenant), string(e.Kind), string(e.ID), int64(e.Seq), e.Type, e.At.UnixMicro(), e.Recorded.UnixMicro(),
			string(e.Actor), string(e.OnBehalfOf), string(e.Command), e.CommandName, e.Reason,
			text(e.Data), text(e.Personal), digest(e.PersonalDigest), digest(e.Prev), e.Hash[:])
	})
	if err == nil && !fresh {
		return fmt.Errorf("sqlite: the journal of %s goes on further than the batch knows: %w", events[0].Key, itsm.ErrConflict)
	}
	return err
}

func (w *writer) keep(k *kind, p *store.Put) error {
	if k == nil {
		return conflict(p.Key, 0, p.Expect)
	}
	n, err := w.s.exec("UPDATE "+k.table+" SET seq = ?, head = ?, recorded = ? WHERE tenant = ? AND id = ? AND seq = ?",
		int64(p.Seq), digest(p.Head), micros(p.Recorded), string(p.Key.Tenant), string(p.Key.ID), int64(p.Expect))
	if err == nil && n == 0 {
		return fmt.Errorf("sqlite: %s is not at %d: %w", p.Key, p.Expect, itsm.ErrConflict)
	}
	return err
}

// columns returns the value of each field of the kind that has one a record.
func columns(k *kind, index []itsm.IndexEntry) []any {
	values := make([]any, len(k.fields))
	for i := range index {
		if e := &index[i]; !e.Many && !e.Value.IsZero() {
			values[k.byField[e.Field]] = bind(e.Value)
		}
	}
	return values
}

func (w *writer) insert(k *kind, p *store.Put) error {
	var b strings.Builder
	b.WriteString("INSERT INTO " + k.table + " (tenant, id, seq, head, recorded, wake, data")
	args := []any{string(p.Key.Tenant), string(p.Key.ID), int64(p.Seq), digest(p.Head), micros(p.Recorded), micros(p.Wake), text(p.Data)}
	for i, v := range columns(k, p.Index) {
		if v != nil {
			b.WriteString(", " + k.fields[i].column)
			args = append(args, v)
		}
	}
	b.WriteString(") VALUES (" + marks(len(args)) + ") ON CONFLICT DO NOTHING")
	n, err := w.s.exec(b.String(), args...)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("sqlite: %s is there already: %w", p.Key, itsm.ErrConflict)
	}
	return w.addValues(k, p, manyOf(k, p.Index))
}

// update writes only the columns that have changed: SQLite would rewrite the index of every column that is named.
func (w *writer) update(k *kind, p *store.Put) error {
	if k == nil {
		return conflict(p.Key, 0, p.Expect)
	}
	now, found, err := w.current(k, p.Key)
	switch {
	case err != nil:
		return err
	case !found, now.seq != p.Expect:
		return conflict(p.Key, now.seq, p.Expect)
	}
	var b strings.Builder
	b.WriteString("UPDATE " + k.table + " SET seq = ?, head = ?, recorded = ?, data = ?")
	args := []any{int64(p.Seq), digest(p.Head), micros(p.Recorded), text(p.Data)}
	if wake := micros(p.Wake); wake != now.wake {
		b.WriteString(", wake = ?")
		args = append(args, wake)
	}
	for i, v := range columns(k, p.Index) {
		if v != now.fields[i] {
			b.WriteString(", " + k.fields[i].column + " = ?")
			args = append(args, v)
		}
	}
	b.WriteString(" WHERE rowid = ?")
	if _, err := w.s.exec(b.String(), append(args, now.row)...); err != nil || !k.many {
		return err
	}
	return w.updateValues(k, p)
}

// currentRow is what an update compares with.
type currentRow struct {
	row    int64
	seq    uint64
	wake   any
	fields []any // in the order of the kind's fields; nil for those with several values
}

func (w *writer) current(k *kind, key itsm.Key) (now currentRow, found bool, err error) {
	var b strings.Builder
	var wake sql.NullInt64
	now.fields = make([]any, len(k.fields))
	b.WriteString("SELECT rowid, seq, wake")
	dest := append(make([]any, 0, 3+len(k.fields)), &now.row, &now.seq, &wake)
	for i := range k.fields {
		if !k.fields[i].many {
			b.WriteString(", " + k.fields[i].column)
			dest = append(dest, &now.fields[i])
		}
	}
	b.WriteString(" FROM " + k.table + " WHERE tenant = ? AND id = ?")
	found, err = w.s.one(context.Background(), b.String(), []any{string(key.Tenant), string(key.ID)}, dest...)
	if wake.Valid {
		now.wake = wake.Int64
	}
	for i, v := range now.fields {
		if t, ok := v.([]byte); ok { // some drivers
			now.fields[i] = string(t)
		}
	}
	return now, found, err
}

// A many is one value of a field that may have several.
type many struct {
	field string
	value any
}

func manyOf(k *kind, index []itsm.IndexEntry) (all []many) {
	for i := range index {
		if e := &index[i]; e.Many && !e.Value.IsZero() {
			if m := (many{e.Field, bind(e.Value)}); !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

func (w *writer) addValues(k *kind, p *store.Put, values []many) error {
	_, err := w.insertRows(k.values+" (tenant, id, field, value)", 4, len(values), func(args []any, i int) []any {
		return append(args, string(p.Key.Tenant), string(p.Key.ID), values[i].field, values[i].value)
	})
	return err
}

func (w *writer) updateValues(k *kind, p *store.Put) error {
	tenant, id := string(p.Key.Tenant), string(p.Key.ID)
	want := manyOf(k, p.Index)
	var gone []many
	err := w.s.query(context.Background(), "SELECT field, value FROM "+k.values+" WHERE tenant = ? AND id = ?", []any{tenant, id}, func(row scanner) error {
		var m many
		if err := row.Scan(&m.field, &m.value); err != nil {
			return err
		}
		if t, ok := m.value.([]byte); ok {
			m.value = string(t)
		}
		if at := slices.Index(want, m); at >= 0 {
			want = slices.Delete(want, at, at+1)
		} else {
			gone = append(gone, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range gone {
		if _, err := w.s.exec("DELETE FROM "+k.values+" WHERE tenant = ? AND field = ? AND value = ? AND id = ?", tenant, m.field, m.value, id); err != nil {
			return err
		}
	}
	return w.addValues(k, p, want)
}
