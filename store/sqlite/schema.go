package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// A migration takes the schema from the version before to its own.
type migration struct {
	version int
	name    string
	script  string
}

// migrations returns the embedded migrations in order: files named 0001_what.sql, without a gap.
func migrations() ([]migration, error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	all := make([]migration, len(files))
	for i, file := range files {
		number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("sqlite: migration %s: want number %d", file, i+1)
		}
		script, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all[i] = migration{version, name, string(script)}
	}
	return all, nil
}

// tables returns the names of the tables that begin with itsm_ and how many others there are.
func (s *session) tables(ctx context.Context) (ours map[string]bool, others int, err error) {
	ours = make(map[string]bool)
	err = s.query(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`, nil, func(rows scanner) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if strings.HasPrefix(name, "itsm_") {
			ours[name] = true
		} else {
			others++
		}
		return nil
	})
	return ours, others, err
}

// version returns the schema version of the database, 0 when it has none of our tables.
func (s *session) version(ctx context.Context) (version, others int, err error) {
	ours, others, err := s.tables(ctx)
	if err != nil || !ours["itsm_schema"] {
		return 0, others, err
	}
	_, err = s.one(ctx, "SELECT coalesce(max(version), 0) FROM itsm_schema", nil, &version)
	return version, others, err
}

// prepareSchema brings the schema up to date. own says that the file is ours alone.
func (db *DB) prepareSchema(ctx context.Context, s *session, own bool) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	version, others, err := s.version(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the schema: %w", err)
	case version > len(steps):
		return &NewerSchemaError{Path: db.path, File: version, Supported: len(steps)}
	case version == 0 && others > 0 && own:
		return fmt.Errorf("%w: it has the tables of another program", ErrForeign)
	}
	if own {
		var mode string
		if _, err := s.one(ctx, "PRAGMA journal_mode = WAL", nil, &mode); err != nil {
			return fmt.Errorf("switch to a write-ahead log: %w", err)
		}
	}
	// Also when there is nothing to do: a file that cannot be written is better told now than with the first command.
	return s.transaction(begin, func() error {
		if version, _, err = s.version(ctx); err != nil { // another process may have been at it
			return err
		}
		if version > len(steps) {
			return &NewerSchemaError{Path: db.path, File: version, Supported: len(steps)}
		}
		for _, m := range steps[version:] {
			if m.version == 1 {
				if err := s.run("CREATE TABLE itsm_schema (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"); err != nil {
					return err
				}
			}
			if err := s.run(m.script); err != nil {
				return fmt.Errorf("migration %d %s: %w", m.version, m.name, err)
			}
			if err := s.run("INSERT INTO itsm_schema (version, name) VALUES (?, ?)", m.version, m.name); err != nil {
				return err
			}
		}
		return s.run("DELETE FROM itsm_schema WHERE version < 0") // asks to write, and changes nothing
	})
}
