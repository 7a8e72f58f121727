package sqlite

import (
	"errors"
	"fmt"
	"strings"
)

// The classes of failures of a file. Errors match them with [errors.Is] and also carry what the driver said.
var (
	// ErrForeign: the file is no SQLite database, or one of another program.
	ErrForeign = errors.New("not an ITSM database")
	// ErrReadOnly: the file, its folder or the handle cannot be written.
	ErrReadOnly = errors.New("the database cannot be written")
	// ErrUnavailable: the file cannot be opened: the folder is not there, or may not be used.
	ErrUnavailable = errors.New("the database cannot be opened")
	// ErrFull: there is no room for what was to be written. Nothing of it was.
	ErrFull = errors.New("the database or disk is full")
	// ErrCorrupt: the file is damaged. Nothing was written; restore it from a copy. [DB.Check] says where.
	ErrCorrupt = errors.New("the database file is damaged")
	// ErrBusy: another process held the file for longer than the [BusyTimeout].
	ErrBusy = errors.New("the database is busy")
)

// A NewerSchemaError says that the file was written by a later version of this package. Nothing in it was touched.
type NewerSchemaError struct {
	Path      string // "" for a handle of the host
	File      int    // the version of the file
	Supported int    // the latest version that this package knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("sqlite: %s has schema version %d, this program knows versions up to %d: use a later version of the program", describe(e.Path), e.File, e.Supported)
}

func describe(path string) string {
	if path == "" {
		return "the database"
	}
	return path
}

// classes are the result codes of SQLite with what drivers write where they do not tell the code.
var classes = []struct {
	code  int
	text  string
	class error
}{
	{26, "file is not a database", ErrForeign},
	{8, "readonly database", ErrReadOnly},
	{14, "unable to open database", ErrUnavailable},
	{13, "is full", ErrFull},
	{11, "malformed", ErrCorrupt},
	{5, "database is locked", ErrBusy},
	{6, "table is locked", ErrBusy},
}

// fault names what went wrong: the file, the operation, the class of the failure, and what the driver said.
func (db *DB) fault(op string, err error) error {
	if err == nil {
		return nil
	}
	if class := classOf(err); class != nil && !errors.Is(err, class) {
		return fmt.Errorf("sqlite: %s: %s: %w: %w", describe(db.path), op, class, err)
	}
	return fmt.Errorf("sqlite: %s: %s: %w", describe(db.path), op, err)
}

func classOf(err error) error {
	// modernc.org/sqlite tells the code so; others are recognised by SQLite's own words.
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		for _, c := range classes {
			if coded.Code()&0xff == c.code {
				return c.class
			}
		}
		return nil
	}
	text := err.Error()
	for _, c := range classes {
		if strings.Contains(text, c.text) {
			return c.class
		}
	}
	return nil
}
