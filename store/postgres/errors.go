package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// The classes of failures of a server. Errors match them with [errors.Is] and also carry what the driver said.
var (
	// ErrOutcomeUnknown: the connection was lost, or the context ended, before the server answered a commit. It was
	// written whole or not at all: give the command again with the same ID, which then counts once.
	ErrOutcomeUnknown = errors.New("it is not known whether the commit took place")
	// ErrUnavailable: the server cannot be reached, is starting or is going down. Nothing was written.
	ErrUnavailable = errors.New("the server is not available")
	// ErrReadOnly: the server or the session takes no writes, as a standby does.
	ErrReadOnly = errors.New("the database cannot be written")
	// ErrNotAllowed: the role may not do this.
	ErrNotAllowed = errors.New("the role is not allowed to do this")
	// ErrFull: there is no room for what was to be written. Nothing of it was, unless the error is also ErrOutcomeUnknown: a
	// server that cannot write its log breaks down in the middle of commits, and stays away until there is room.
	ErrFull = errors.New("the disk of the server is full")
	// ErrBusy: transactions of others were in the way again and again. Nothing was written.
	ErrBusy = errors.New("the database is busy")
)

// A NewerSchemaError says that the schema was made by a later version of this package. Nothing in it was touched.
type NewerSchemaError struct {
	Schema    string
	Version   int // of the database
	Supported int // the latest version that this package knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("postgres: schema %q has version %d, this program knows versions up to %d: use a later version of the program", e.Schema, e.Version, e.Supported)
}

// The SQLSTATE codes that are looked at.
const (
	codeDivisionByZero = "22012" // how a statement of ours says that a record is not where it is expected
	codeUnique         = "23505"
	codeUnknownOutcome = "40003"
)

// The severities of errors with which the server ends a connection; after the second one it breaks down.
const (
	severityFatal = "FATAL"
	severityPanic = "PANIC"
)

func codeOf(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// passing reports a failure that others have caused and that has passed when the transaction is tried again.
func passing(err error) bool {
	switch codeOf(err) {
	case "40001", "40P01":
		return true
	}
	return err == errStamp
}

// cut reports that the connection is gone with the answer.
func cut(pg *pgconn.PgError) bool {
	return pg.SeverityUnlocalized == severityFatal || pg.SeverityUnlocalized == severityPanic || strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "08")
}

// What PostgreSQL cannot hold.
var (
	errText = fmt.Errorf("%w: a text must be UTF-8 without U+0000", itsm.ErrInvalid)
	errLong = fmt.Errorf("%w: a name must not be longer than some hundred bytes", itsm.ErrInvalid)
)

var classes = map[string]error{
	"25006": ErrReadOnly,
	"42501": ErrNotAllowed,
	"53100": ErrFull,
	"53300": ErrUnavailable,
	"57P01": ErrUnavailable, "57P02": ErrUnavailable, "57P03": ErrUnavailable,
	"40001": ErrBusy, "40P01": ErrBusy, "55P03": ErrBusy, "57014": ErrBusy,
	"22021": errText, "22P05": errText, "54000": errLong,
}

// classOf returns the class of a failure, nil when it has none.
func classOf(err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		if class := classes[pg.Code]; class != nil {
			return class
		}
		if strings.HasPrefix(pg.Code, "08") {
			return ErrUnavailable
		}
		return nil
	case errors.Is(err, itsm.ErrConflict), errors.Is(err, itsm.ErrInvalid), errors.Is(err, ErrOutcomeUnknown):
		return nil
	}
	return ErrUnavailable // all that is not an answer of the server is about reaching it
}

// outcome turns what came of a call into the error that is given.
func (db *DB) outcome(ctx context.Context, op string, err error) error {
	var newer *NewerSchemaError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, puddle.ErrClosedPool), errors.Is(err, store.ErrClosed):
		return store.ErrClosed
	case errors.Is(err, ErrOutcomeUnknown):
		if classOf(err) == ErrFull {
			return fmt.Errorf("postgres: %s: %w: %w", op, ErrFull, err)
		}
		return fmt.Errorf("postgres: %s: %w", op, err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, itsm.ErrConflict), errors.Is(err, itsm.ErrExists), errors.Is(err, itsm.ErrInvalid):
		return err
	case errors.As(err, &newer):
		return newer
	}
	if class := classOf(err); class != nil && !errors.Is(err, class) {
		return fmt.Errorf("postgres: %s: %w: %w", op, class, err)
	}
	return fmt.Errorf("postgres: %s: %w", op, err)
}
