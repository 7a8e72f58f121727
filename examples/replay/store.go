package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// openStore opens a database, which is made if it is not there. Without a path it is one that is removed when it is closed.
func openStore(path string) (store.DB, error) {
	if path != "" {
		return sqlite.Open(path)
	}
	dir, err := os.MkdirTemp("", "replay-*")
	if err != nil {
		return nil, err
	}
	// Nobody needs the file after a power failure.
	db, err := sqlite.Open(filepath.Join(dir, "replay.db"), sqlite.Relaxed())
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &temporary{db, dir}, nil
}

// temporary is a store whose folder goes with it.
type temporary struct {
	store.DB
	dir string
}

func (t *temporary) Close() error { return errors.Join(t.DB.Close(), os.RemoveAll(t.dir)) }
