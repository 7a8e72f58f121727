package postgres

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A DB is a store in a schema of a PostgreSQL database. It is safe for concurrent use, also by several processes.
type DB struct {
	pool   *pgxpool.Pool
	owned  bool // the pool is closed with the DB
	schema string
	texts  sync.Map // statements with the schema filled in
	known  atomic.Pointer[catalog]
	clock  clock
	node   int64 // tells the batches of this DB from those of others
	closed chan struct{}
	// prepares: statements stay prepared, as pgx does unless it is told otherwise.
	prepares bool
	once     sync.Once
	bell     *bell // nil unless commits are announced
}

var _ store.DB = (*DB)(nil)

// An Option changes how a database is used.
type Option struct {
	schema   string
	announce bool
}

// Schema says in which schema the tables lie. It is made if it is not there. Defaults to "itsm". Stores in
// different schemas know nothing of each other.
func Schema(name string) Option { return Option{schema: name} }

// Announce makes the DB tell the listeners of all processes (see [DB.Notifications]) soon after it has committed something.
func Announce() Option { return Option{announce: true} }

// Open connects to a database, given as a URL or as key=value words, and brings the schema up to date. Words of pgxpool,
// such as pool_max_conns, and settings of the session, such as synchronous_commit, may be among them.
func Open(ctx context.Context, dsn string, opts ...Option) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("%w: postgres: %w", itsm.ErrInvalid, err)
	}
	// Otherwise the last words of a server that breaks down are lost: that its disk is full.
	goesOn := cfg.ConnConfig.OnPgError
	cfg.ConnConfig.OnPgError = func(c *pgconn.PgConn, err *pgconn.PgError) bool {
		return err.SeverityUnlocalized != severityPanic && goesOn(c, err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: postgres: %w", itsm.ErrInvalid, err)
	}
	db, err := open(ctx, pool, true, opts)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// New makes a store in a database that the host has opened; its other tables are left alone, and Close leaves the pool open.
// One connection is enough.
func New(ctx context.Context, pool *pgxpool.Pool, opts ...Option) (*DB, error) {
	return open(ctx, pool, false, opts)
}

func open(ctx context.Context, pool *pgxpool.Pool, owned bool, opts []Option) (*DB, error) {
	o := Option{schema: "itsm"}
	for _, opt := range opts {
		if opt.schema != "" {
			o.schema = opt.schema
		}
		o.announce = o.announce || opt.announce
	}
	if len(o.schema) > 40 || strings.ContainsRune(o.schema, 0) {
		return nil, fmt.Errorf("%w: postgres: schema %q: want a name of at most 40 bytes", itsm.ErrInvalid, o.schema)
	}
	db := &DB{pool: pool, owned: owned, schema: o.schema, closed: make(chan struct{})}
	db.prepares = pool.Config().ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
	var random [8]byte
	crand.Read(random[:])
	db.node = int64(binary.BigEndian.Uint64(random[:]) >> 1)
	if err := db.migrate(ctx); err != nil {
		return nil, db.outcome(ctx, "open", err)
	}
	if o.announce {
		db.bell = newBell(db)
	}
	return db, nil
}

// Close waits for the calls under way and closes the connections. A pool of the host's stays open; there, calls under way
// finish on their own.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closed)
		if db.bell != nil {
			db.bell.stop()
		}
		if db.owned {
			db.pool.Close()
		}
	})
	return nil
}

// quote makes an identifier of SQL out of a name.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// sql fills in the schema for every @. of a statement.
func (db *DB) sql(text string) string {
	if full, ok := db.texts.Load(text); ok {
		return full.(string)
	}
	full := strings.ReplaceAll(text, "@.", quote(db.schema)+".")
	db.texts.Store(text, full)
	return full
}

// use runs fn with a connection.
func (db *DB) use(ctx context.Context, fn func(c *pgxpool.Conn) error) error {
	select {
	case <-db.closed:
		return store.ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return fn(c)
}

// read runs fn, which only reads, with a connection; again if the connection turns out to be dead, as all in the pool may be
// when the server was started anew, or others are in the way.
func (db *DB) read(ctx context.Context, fn func(c *pgxpool.Conn) error) error {
	most := max(maxAttempts, int(db.pool.Stat().MaxConns())+1)
	for attempt := 1; ; attempt++ {
		dead := false
		err := db.use(ctx, func(c *pgxpool.Conn) error {
			err := fn(c)
			dead = err != nil && c.Conn().IsClosed()
			return err
		})
		if err == nil || attempt >= most || ctx.Err() != nil || !dead && !passing(err) {
			return err
		}
		if !dead {
			if err := giveWay(ctx, attempt); err != nil {
				return err
			}
		}
	}
}

// query hands every row to scan. It may start again, with the first row.
func (db *DB) query(ctx context.Context, text string, args []any, scan func(row pgx.Rows) error) error {
	return db.read(ctx, func(c *pgxpool.Conn) error {
		rows, err := c.Query(ctx, db.sql(text), args...)
		if err != nil {
			return err
		}
		return each(rows, scan)
	})
}

// list returns what scan makes of every row.
func list[T any](ctx context.Context, db *DB, text string, args []any, scan func(row pgx.Rows, v *T) error) (all []T, err error) {
	err = db.read(ctx, func(c *pgxpool.Conn) error {
		all = nil
		rows, err := c.Query(ctx, db.sql(text), args...)
		if err != nil {
			return err
		}
		return each(rows, func(row pgx.Rows) error {
			var v T
			err := scan(row, &v)
			all = append(all, v)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func each(rows pgx.Rows, scan func(row pgx.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (db *DB) exec(ctx context.Context, query string, args ...any) error {
	return again(ctx, func() error {
		return db.use(ctx, func(c *pgxpool.Conn) error {
			_, err := c.Exec(ctx, db.sql(query), args...)
			return err
		})
	})
}

// maxAttempts bounds how often something is tried again that the server has rolled back for the sake of others.
const maxAttempts = 20

// again carries out fn until it fails for another reason than that others were in the way.
func again(ctx context.Context, fn func() error) error {
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil || attempt == maxAttempts || !passing(err) {
			return err
		}
		if err := giveWay(ctx, attempt); err != nil {
			return err
		}
	}
}

// giveWay waits for those who were in the way, longer each time.
func giveWay(ctx context.Context, attempt int) error {
	select {
	case <-time.After(rand.N(time.Duration(min(attempt*attempt, 50)) * time.Millisecond)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A clock gives stamps that rise, each higher than every stamp that was seen: the time in microseconds where the clocks of
// the machines agree, and always in the order of cause and effect.
type clock struct{ last atomic.Int64 }

func (c *clock) next() int64 {
	now := time.Now().UnixMicro()
	for {
		last := c.last.Load()
		next := max(now, last+1)
		if c.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

func (c *clock) see(stamp int64) {
	for {
		last := c.last.Load()
		if stamp <= last || c.last.CompareAndSwap(last, stamp) {
			return
		}
	}
}
