package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// A target is a kind of store that can be put to the test. Its values live in the parent.
type target interface {
	// fresh makes room for the nth database and returns its place, which openStore understands.
	fresh(ctx context.Context, n int) (place string, err error)
	// settle waits until nothing is under way any more for a process that was killed.
	settle(ctx context.Context, place string) error
	// hasServer reports whether the store has a server that can be killed.
	hasServer() bool
	// killServer kills it, restartServer starts it again over the same data.
	killServer() error
	restartServer(ctx context.Context) error
	close() error
}

// A kind of store: how any process opens a database, and how the parent prepares for it.
type kind struct {
	name   string
	open   func(ctx context.Context, place string) (store.DB, error)
	target func(ctx context.Context, dir string) (target, error)
}

func kinds() []kind {
	return append([]kind{
		sqliteKind("sqlite"),
		sqliteKind("sqlite-relaxed", sqlite.Relaxed()),
	}, postgresKinds()...)
}

func storeNames() string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

func kindOf(name string) (kind, error) {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, fmt.Errorf("there is no store %q; want one of %s", name, storeNames())
	}
	return all[i], nil
}

// openStore opens a database, in whichever process.
func openStore(ctx context.Context, name, place string) (store.DB, error) {
	k, err := kindOf(name)
	if err != nil {
		return nil, err
	}
	return k.open(ctx, place)
}

func sqliteKind(name string, opts ...sqlite.Option) kind {
	return kind{
		name,
		func(_ context.Context, place string) (store.DB, error) { return sqlite.Open(place, opts...) },
		func(_ context.Context, dir string) (target, error) { return sqliteTarget{dir}, nil },
	}
}

type sqliteTarget struct{ dir string }

func (t sqliteTarget) fresh(_ context.Context, n int) (string, error) {
	return filepath.Join(t.dir, fmt.Sprintf("crash-%d.db", n)), nil
}

func (sqliteTarget) settle(context.Context, string) error { return nil } // the system lets go of a dead process's file

func (sqliteTarget) hasServer() bool                     { return false }
func (sqliteTarget) killServer() error                   { return errNoServer }
func (sqliteTarget) restartServer(context.Context) error { return errNoServer }
func (sqliteTarget) close() error                        { return nil }

var errNoServer = fmt.Errorf("%w: the store has no server to kill", errUsage)
