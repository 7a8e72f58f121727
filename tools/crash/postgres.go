//go:build unix

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
)

func postgresKinds() []kind {
	return []kind{postgresKind("postgres"), postgresKind("postgres-async", "synchronous_commit=off")}
}

// postgresKind is PostgreSQL with settings of the session.
func postgresKind(name string, settings ...string) kind {
	return kind{
		name,
		func(ctx context.Context, place string) (store.DB, error) { return postgres.Open(ctx, place) },
		func(context.Context, string) (target, error) {
			// As a server in earnest: what is committed is on the disk.
			s, err := pgtest.New("fsync=on", "full_page_writes=on", "synchronous_commit=on")
			if err != nil {
				return nil, err
			}
			return &postgresTarget{s, settings}, nil
		},
	}
}

// postgresTarget is a private server.
type postgresTarget struct {
	server   *pgtest.Server
	settings []string
}

func (t *postgresTarget) fresh(_ context.Context, n int) (string, error) {
	name := fmt.Sprintf("crash_%d", n)
	if err := t.server.Exec("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	return t.server.URL(name, t.settings...), nil
}

// settle waits until the server has noticed that the process is dead: a statement that was under way runs to its end.
func (t *postgresTarget) settle(ctx context.Context, place string) error {
	conn, err := pgx.Connect(ctx, place)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	const others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		var n int
		if err := conn.QueryRow(ctx, others).Scan(&n); err != nil || n == 0 {
			return err
		}
		if time.Since(began) > patience {
			return fmt.Errorf("%d connections of a dead process are still there after %v", n, patience)
		}
	}
}

func (t *postgresTarget) hasServer() bool   { return true }
func (t *postgresTarget) killServer() error { return t.server.Kill() }
func (t *postgresTarget) close() error      { return t.server.Close() }

// restartServer tries a few times: a process of the old server may live on for a moment, and the new one then gives up.
func (t *postgresTarget) restartServer(ctx context.Context) error {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := t.server.Start()
		if err == nil || ctx.Err() != nil || time.Since(began) > patience {
			return err
		}
	}
}
