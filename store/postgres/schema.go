package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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
			return nil, fmt.Errorf("postgres: migration %s: want number %d", file, i+1)
		}
		script, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all[i] = migration{version, name, string(script)}
	}
	return all, nil
}

// migrateAttempts bounds how often processes that open a new database together may get in each other's way.
const migrateAttempts = 20

// migrate brings the schema up to date. A database that is up to date is only read.
func (db *DB) migrate(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := db.use(ctx, func(c *pgxpool.Conn) error { return db.migrateOn(ctx, c, steps) })
		if err == nil || attempt == migrateAttempts || !trodden(err) {
			return err
		}
		select {
		case <-time.After(time.Duration(attempt) * 5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// trodden reports a failure of making what somebody else makes at the same moment.
func trodden(err error) bool {
	switch codeOf(err) {
	case codeUnique, "42P06", "42P07", "42710", "XX000":
		return true
	}
	return passing(err)
}

func (db *DB) migrateOn(ctx context.Context, c *pgxpool.Conn, steps []migration) error {
	version, err := db.version(ctx, c)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if version < 0 {
		// IF NOT EXISTS asks for the right to create even where nothing is to be created.
		var there bool
		if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM information_schema.schemata WHERE schema_name = $1)", db.schema).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := c.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(db.schema)); err != nil {
				return err
			}
		}
		_, err := c.Exec(ctx, db.sql("CREATE TABLE IF NOT EXISTS @.migration (version integer PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"))
		if err != nil {
			return err
		}
		if _, err := c.Exec(ctx, db.sql("INSERT INTO @.migration (version, name) VALUES (0, 'empty') ON CONFLICT DO NOTHING")); err != nil {
			return err
		}
		version = 0
	}
	for version < len(steps) {
		if version, err = db.step(ctx, c, steps); err != nil {
			return err
		}
	}
	if version > len(steps) {
		return &NewerSchemaError{Schema: db.schema, Version: version, Supported: len(steps)}
	}
	return nil
}

// version returns the version of the schema, -1 when there is none.
func (db *DB) version(ctx context.Context, c *pgxpool.Conn) (version int, err error) {
	err = c.QueryRow(ctx, db.sql("SELECT coalesce(max(version), -1) FROM @.migration")).Scan(&version)
	switch codeOf(err) {
	case "42P01", "3F000": // there is no such table or schema
		return -1, nil
	}
	return version, err
}

// step makes the next migration, unless somebody else has, and returns the version there is then. Whoever migrates holds the
// row of version 0, so one does at a time.
func (db *DB) step(ctx context.Context, c *pgxpool.Conn, steps []migration) (version int, err error) {
	err = pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, db.sql("SELECT version FROM @.migration WHERE version = 0 FOR UPDATE")).Scan(&version); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, db.sql("SELECT max(version) FROM @.migration")).Scan(&version); err != nil {
			return err
		}
		if version >= len(steps) {
			return nil
		}
		m := steps[version]
		script, err := db.dialect(ctx, tx, m.script)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SET LOCAL search_path TO "+quote(db.schema)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("migration %d %s: %w", m.version, m.name, err)
		}
		version = m.version
		_, err = tx.Exec(ctx, db.sql("INSERT INTO @.migration (version, name) VALUES ($1, $2)"), m.version, m.name)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("table migration of schema %q has no row of version 0", db.schema)
	}
	return version, err
}

// dialect adapts a script to the server: texts of CockroachDB sort by their bytes anyway, and it has no name for that.
func (db *DB) dialect(ctx context.Context, tx pgx.Tx, script string) (string, error) {
	var server string
	if err := tx.QueryRow(ctx, "SELECT version()").Scan(&server); err != nil {
		return "", err
	}
	if strings.Contains(server, "CockroachDB") {
		script = strings.ReplaceAll(script, ` COLLATE "C"`, "")
	}
	return script, nil
}
