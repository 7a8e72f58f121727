package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/hospital-itsm/itsm/store"
)

// A session is one connection with the statements prepared on it. One goroutine has it at a time.
type session struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt // nil on a borrowed connection: there they would not outlive the call
	broken bool                 // the connection is in no known state
}

// maxStatements bounds what a session keeps prepared. Few are ever needed; the rest is for queries with many values.
const maxStatements = 200

func (s *session) prepare(text string) (*sql.Stmt, error) {
	if stmt := s.stmts[text]; stmt != nil {
		return stmt, nil
	}
	if len(s.stmts) >= maxStatements {
		for _, stmt := range s.stmts {
			stmt.Close()
		}
		clear(s.stmts)
	}
	stmt, err := s.conn.PrepareContext(context.Background(), text)
	if err == nil {
		s.stmts[text] = stmt
	}
	return stmt, s.note(err)
}

// exec runs a statement to its end, also when the caller's context ends, and returns how many rows it changed.
func (s *session) exec(text string, args ...any) (int64, error) {
	var result sql.Result
	var err error
	if s.stmts == nil {
		result, err = s.conn.ExecContext(context.Background(), text, args...)
	} else {
		var stmt *sql.Stmt
		if stmt, err = s.prepare(text); err != nil {
			return 0, err
		}
		result, err = stmt.ExecContext(context.Background(), args...)
	}
	if err != nil {
		return 0, s.note(err)
	}
	return result.RowsAffected()
}

// run executes a statement that is not worth keeping, or a script of several.
func (s *session) run(text string, args ...any) error {
	_, err := s.conn.ExecContext(context.Background(), text, args...)
	return s.note(err)
}

// query hands every row to scan.
func (s *session) query(ctx context.Context, text string, args []any, scan func(scanner) error) error {
	var rows *sql.Rows
	var err error
	if s.stmts == nil {
		rows, err = s.conn.QueryContext(ctx, text, args...)
	} else {
		var stmt *sql.Stmt
		if stmt, err = s.prepare(text); err != nil {
			return err
		}
		rows, err = stmt.QueryContext(ctx, args...)
	}
	if err != nil {
		return s.note(err)
	}
	for rows.Next() {
		if err = scan(rows); err != nil {
			break
		}
	}
	if err == nil {
		err = rows.Err()
	}
	if shut := rows.Close(); err == nil {
		err = shut
	}
	return s.note(err)
}

// one reads the first row, if there is one.
func (s *session) one(ctx context.Context, text string, args []any, dest ...any) (found bool, err error) {
	err = s.query(ctx, text, args, func(rows scanner) error {
		if found {
			return nil
		}
		found = true
		return rows.Scan(dest...)
	})
	return found, err
}

func (s *session) note(err error) error {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		s.broken = true
	}
	return err
}

// transaction runs fn between a BEGIN and the COMMIT, or a ROLLBACK when it fails.
func (s *session) transaction(begin string, fn func() error) (err error) {
	if _, err := s.exec(begin); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // fn failed or panicked
			s.rollback()
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	if _, err := s.exec("COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// rollback ends the transaction, unless SQLite has ended it already, as it does when the disk is full.
func (s *session) rollback() {
	if _, err := s.exec("ROLLBACK"); err == nil {
		return
	}
	// A connection is out of its transaction when it can begin another.
	if _, err := s.exec("BEGIN"); err != nil {
		s.broken = true
	} else if _, err := s.exec("ROLLBACK"); err != nil {
		s.broken = true
	}
}

func (s *session) close() {
	for _, stmt := range s.stmts {
		stmt.Close()
	}
	if s.broken {
		s.conn.Raw(func(any) error { return driver.ErrBadConn }) // takes it out of the pool
	}
	s.conn.Close()
}

// A pool lends sessions, a limited number at a time.
type pool struct {
	slots  chan *session // nil where the connection has not been opened yet
	closed chan struct{}
	open   func(ctx context.Context) (*sql.Conn, error)
	keep   bool // sessions are kept open between calls
}

func newPool(size int, keep bool, open func(ctx context.Context) (*sql.Conn, error)) *pool {
	p := &pool{slots: make(chan *session, size), closed: make(chan struct{}), open: open, keep: keep}
	for range size {
		p.slots <- nil
	}
	return p
}

// use runs fn with a session.
func (p *pool) use(ctx context.Context, fn func(s *session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var s *session
	select {
	case <-p.closed:
		return store.ErrClosed
	default:
	}
	select {
	case s = <-p.slots:
	case <-p.closed:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return p.lend(ctx, s, fn)
}

// tryUse runs fn with a session if one is free at this moment.
func (p *pool) tryUse(ctx context.Context, fn func(s *session) error) (bool, error) {
	select {
	case <-p.closed:
		return false, nil
	default:
	}
	select {
	case s := <-p.slots:
		return true, p.lend(ctx, s, fn)
	default:
		return false, nil
	}
}

func (p *pool) lend(ctx context.Context, s *session, fn func(s *session) error) error {
	defer func() {
		if s != nil && (s.broken || !p.keep) {
			s.close()
			s = nil
		}
		p.slots <- s
	}()
	if s == nil {
		conn, err := p.open(ctx)
		if err != nil {
			return fmt.Errorf("connection: %w", err)
		}
		s = &session{conn: conn}
		if p.keep {
			s.stmts = make(map[string]*sql.Stmt)
		}
	}
	return fn(s)
}

// shut waits for the calls under way and closes all sessions. It must be called once.
func (p *pool) shut() {
	close(p.closed)
	for range cap(p.slots) {
		if s := <-p.slots; s != nil {
			s.close()
		}
	}
}

// A scanner is the current row of a result.
type scanner interface{ Scan(dest ...any) error }
