// Package tickets keeps incidents on the SQL tables of a help desk of its own: it implements incident.Repository without the
// package store.
//
// # Model
//
// schema.sql has the tables. A ticket has columns for what it is found by, and the whole incident as JSON beside them. Four methods are
// needed:
//
//   - Load and Find read tickets. Find translates a query to SQL over the columns.
//   - Save writes one change: the ticket at the revision it must have, its journal entries, the ID of its command. The database
//     decides who was first; whoever was not gets itsm.ErrConflict or itsm.ErrExists, and the service decides anew.
//   - Events reads the journal.
//
// Two more are optional. NextNumber numbers tickets (itsm.Numberer). Atomically makes the commands possible that change two tickets, such
// as incident.Merge; without it they are refused, saying so.
//
// # Guarantees
//
// itsmtest.Repository checks them; see the test.
//
// # Limits
//
// SQLite is the example; what another database needs otherwise is said at its place. Schema changes are left to the host.
package tickets

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// Tickets is the repository. It is safe for concurrent use.
type Tickets struct{ db *sql.DB }

var (
	_ incident.Repository = (*Tickets)(nil)
	_ itsm.Numberer       = (*Tickets)(nil)
)

//go:embed schema.sql
var schema string

// Open opens a database file and makes the tables if they are missing.
func Open(ctx context.Context, file string) (*Tickets, error) {
	// Transactions take the write lock when they begin: one that has begun cannot lose it to another.
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"}}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(file), RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, wrap("open", err)
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(wrap("open "+file, err), db.Close())
	}
	return &Tickets{db}, nil
}

// Close closes the database.
func (t *Tickets) Close() error { return t.db.Close() }

// DB returns the database, for the host's own queries.
func (t *Tickets) DB() *sql.DB { return t.db }

func wrap(what string, err error) error { return fmt.Errorf("tickets: %s: %w", what, err) }

// querier is the database, or the transaction of a unit of work.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// read returns where to read: inside a unit of work its changes are seen.
func (t *Tickets) read(ctx context.Context) querier {
	if u := t.unit(ctx); u != nil {
		return u.tx
	}
	return t.db
}

// stored is the part of a row that [itsm.Stored] is made of.
const stored = "revision, head, touched, body"

// A row scans the columns of stored, and more behind them.
type row struct {
	revision uint64
	head     []byte
	touched  int64
	body     []byte
}

func (r *row) into(more ...any) []any {
	return append([]any{&r.revision, &r.head, &r.touched, &r.body}, more...)
}

func (r *row) stored() (itsm.Stored[incident.Incident], error) {
	s := itsm.Stored[incident.Incident]{Seq: r.revision, Head: itsm.Digest(r.head), Recorded: instant(r.touched)}
	return s, json.Unmarshal(r.body, &s.Record)
}

func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// Load implements [itsm.Repository].
func (t *Tickets) Load(ctx context.Context, key itsm.Key) (itsm.Stored[incident.Incident], error) {
	var r row
	err := t.read(ctx).QueryRowContext(ctx, "SELECT "+stored+" FROM ticket WHERE tenant = ? AND no = ?", key.Tenant, key.ID).Scan(r.into()...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return itsm.Stored[incident.Incident]{}, fmt.Errorf("%s: %w", key, itsm.ErrNotFound)
	case err != nil:
		return itsm.Stored[incident.Incident]{}, wrap("load "+key.String(), err)
	}
	return r.stored()
}

// NextNumber implements [itsm.Numberer]. Inside a unit of work that is abandoned the numbers stay used up.
func (t *Tickets) NextNumber(ctx context.Context, tenant itsm.Tenant, series string) (n uint64, err error) {
	err = t.read(ctx).QueryRowContext(ctx, `INSERT INTO ticket_series (tenant, name, last) VALUES (?, ?, 1)
		ON CONFLICT (tenant, name) DO UPDATE SET last = last + 1 RETURNING last`, tenant, series).Scan(&n)
	if err != nil {
		return 0, wrap("number of "+series, err)
	}
	if u := t.unit(ctx); u != nil {
		u.numbers = append(u.numbers, number{tenant, series, n})
	}
	return n, nil
}

// Due returns the tickets that want a tick at or before an instant, the earliest first. The host gives each an incident.Tick, under the
// tenant of its key.
func (t *Tickets) Due(ctx context.Context, until time.Time) (keys []itsm.Key, err error) {
	rows, err := t.db.QueryContext(ctx, "SELECT tenant, no FROM ticket WHERE wake <= ? ORDER BY wake, tenant, no", until.UnixMicro())
	if err != nil {
		return nil, wrap("due", err)
	}
	defer rows.Close()
	for rows.Next() {
		k := itsm.Key{Kind: incident.Kind}
		if err := rows.Scan(&k.Tenant, &k.ID); err != nil {
			return nil, wrap("due", err)
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}
