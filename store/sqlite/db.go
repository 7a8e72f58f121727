package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A DB is a store in an SQLite file. It is safe for concurrent use, also by several processes.
type DB struct {
	path    string
	handle  *sql.DB
	owned   bool // handle is closed with the DB
	writer  *pool
	readers *pool
	known   atomic.Pointer[catalog]
	once    sync.Once
	closed  error
}

var _ store.DB = (*DB)(nil)

// An Option changes how a file is opened.
type Option struct {
	sync    string
	busy    time.Duration
	readers int
}

// Relaxed leaves it to the system when a commit reaches the disk: faster, and after a power failure the last commits may be
// missing. The file stays whole, and a crash of the program alone loses nothing.
func Relaxed() Option { return Option{sync: "NORMAL"} }

// BusyTimeout says how long to wait for another process to finish writing before giving up with [ErrBusy]. Defaults to 5 s.
func BusyTimeout(d time.Duration) Option { return Option{busy: d} }

// Readers says how many may read at the same time. Defaults to the number of processors, at least 4.
func Readers(n int) Option { return Option{readers: n} }

// Open opens a file, which it makes if it is not there, and brings its schema up to date.
func Open(path string, opts ...Option) (*DB, error) {
	if path == "" || strings.Contains(path, ":memory:") {
		return nil, fmt.Errorf("%w: sqlite: path %q: want a file; for a store without one there is package memory", itsm.ErrInvalid, path)
	}
	o := Option{sync: "FULL", busy: 5 * time.Second, readers: max(4, runtime.GOMAXPROCS(0))}
	for _, opt := range opts {
		if opt.sync != "" {
			o.sync = opt.sync
		}
		if opt.busy > 0 {
			o.busy = opt.busy
		}
		if opt.readers > 0 {
			o.readers = opt.readers
		}
	}
	handle, err := sql.Open("sqlite", dsn(path, o))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	db := &DB{path: path, handle: handle, owned: true}
	db.readers, db.writer = newPool(o.readers, true, handle.Conn), newPool(1, true, handle.Conn)
	if err := db.start(context.Background()); err != nil {
		return nil, err
	}
	return db, nil
}

// dsn tells the driver how to set up each connection. Nothing of it changes the file.
func dsn(path string, o Option) string {
	q := url.Values{"_pragma": {
		"busy_timeout(" + strconv.FormatInt(o.busy.Milliseconds(), 10) + ")",
		"synchronous(" + o.sync + ")",
		"secure_delete(1)",
		"cache_size(-16000)",
	}}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
}

// New makes a store in a database that the host has opened with any SQLite driver; its other tables are left alone. Whether
// there is a write-ahead log, how long to wait for others and how commits are synchronised is the host's to set, on every
// connection; a database in memory must have one connection.
//
// A handle without a limit on its connections lends a few for good, on which statements stay prepared. With a limit
// they are taken for each call, which is slower. Close leaves the handle open.
func New(ctx context.Context, handle *sql.DB, opts ...Option) (*DB, error) {
	readers := max(4, runtime.GOMAXPROCS(0))
	for _, opt := range opts {
		switch {
		case opt.readers > 0:
			readers = opt.readers
		default:
			return nil, fmt.Errorf("%w: sqlite: how commits are synchronised and how long to wait for others is set where the handle is opened", itsm.ErrInvalid)
		}
	}
	keep := handle.Stats().MaxOpenConnections == 0
	db := &DB{handle: handle}
	db.readers, db.writer = newPool(readers, keep, handle.Conn), newPool(1, keep, handle.Conn)
	if err := db.start(ctx); err != nil {
		return nil, err
	}
	return db, nil
}

func (db *DB) start(ctx context.Context) error {
	err := db.writer.use(ctx, func(s *session) error { return db.prepareSchema(ctx, s, db.owned) })
	if err != nil {
		db.Close()
	}
	return db.outcome(ctx, "open", err)
}

// Close waits for the calls under way and closes the file. A handle of the host's stays open.
func (db *DB) Close() error {
	db.once.Do(func() {
		db.readers.shut()
		db.writer.shut()
		if db.owned {
			db.closed = db.fault("close", db.handle.Close())
		}
	})
	return db.closed
}

// Check reads the whole file and looks for damage. It takes a while on a large one; others can go on meanwhile. What it
// finds is named in an error that matches [ErrCorrupt].
func (db *DB) Check(ctx context.Context) error {
	var found []string
	err := db.readers.use(ctx, func(s *session) error {
		return s.query(ctx, "PRAGMA integrity_check(20)", nil, func(row scanner) error {
			var line string
			err := row.Scan(&line)
			if line != "ok" {
				found = append(found, line)
			}
			return err
		})
	})
	if err != nil {
		return db.fault("check", err)
	}
	if len(found) > 0 {
		return fmt.Errorf("sqlite: %s: %w: %s", describe(db.path), ErrCorrupt, strings.Join(found, "; "))
	}
	return nil
}

// read runs fn with a session for reading.
func (db *DB) read(ctx context.Context, op string, fn func(s *session) error) error {
	return db.outcome(ctx, op, db.readers.use(ctx, fn))
}

// readHere is read on the connection for writing, if that is free: a command loads what was just written, and this
// connection still has it in its cache, while all others must fetch it again.
func (db *DB) readHere(ctx context.Context, op string, fn func(s *session) error) error {
	if ctx.Err() == nil {
		if done, err := db.writer.tryUse(ctx, fn); done {
			return db.outcome(ctx, op, err)
		}
	}
	return db.read(ctx, op, fn)
}

// outcome turns what came of a call into the error that is given.
func (db *DB) outcome(ctx context.Context, op string, err error) error {
	var newer *NewerSchemaError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the driver may call it by another name
		return ctx.Err()
	case errors.Is(err, itsm.ErrConflict), errors.Is(err, itsm.ErrExists), errors.Is(err, itsm.ErrInvalid):
		return err
	case errors.As(err, &newer):
		return newer
	}
	return db.fault(op, err)
}
