package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// How often listeners are told at most, and how long to wait before connecting again.
const (
	bellPause   = 10 * time.Millisecond
	listenPause = time.Second
)

// channel is where commits are announced.
func (db *DB) channel() string { return "itsm:" + db.schema }

// A bell announces commits. It rings outside their transactions, for PostgreSQL lets transactions that notify commit only one after the
// other, and several commits share a ring.
type bell struct {
	rung chan struct{}
	halt context.CancelFunc
	done sync.WaitGroup
}

func newBell(db *DB) *bell {
	ctx, halt := context.WithCancel(context.Background())
	b := &bell{rung: make(chan struct{}, 1), halt: halt}
	b.done.Go(func() {
		for {
			select {
			case <-b.rung:
			case <-ctx.Done():
				return
			}
			// A ring that is lost is no loss: listeners look by themselves now and then.
			_ = db.exec(ctx, "SELECT pg_notify($1, '')", db.channel())
			select {
			case <-time.After(bellPause):
			case <-ctx.Done():
				return
			}
		}
	})
	return b
}

func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default: // it will ring anyway
	}
}

func (b *bell) stop() {
	b.halt()
	b.done.Wait()
}

// Notifications tells soon after a DB with the option [Announce] has committed something to the schema, this one or another, in any process.
// Several commits may give one message. It uses a connection of its own, and connects again when that is lost;
// since something may have been missed, each new connection gives a message too. Nothing may depend on a message: a
// reader looks by itself now and then. The channel is closed when the context is done or the DB is closed.
func (db *DB) Notifications(ctx context.Context) <-chan struct{} {
	out := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-db.closed:
		case <-ctx.Done():
		}
		cancel()
	}()
	go func() {
		defer close(out)
		defer cancel()
		for ctx.Err() == nil {
			_ = db.listen(ctx, out)
			select {
			case <-time.After(listenPause):
			case <-ctx.Done():
			}
		}
	}()
	return out
}

// listen passes messages on until the connection is lost or the context is done.
func (db *DB) listen(ctx context.Context, out chan<- struct{}) error {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+quote(db.channel())); err != nil {
		return err
	}
	for {
		select {
		case out <- struct{}{}:
		default: // there is a message that nobody has taken yet
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
