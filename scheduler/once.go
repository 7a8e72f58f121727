package scheduler

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/hospital-itsm/itsm"
)

// occasion is the event that a reaction is handling.
type occasion struct {
	scheduler *Scheduler
	reaction  string
	key       itsm.Key
	seq       uint64
	again     bool          // it was tried before
	stands    time.Duration // how long a refusal then is the answer
}

type occasionKey struct{}

// CommandID returns the ID of a command that a reaction gives: the same for the same event, reaction and part, however often and by
// however many schedulers the event is handled. part tells apart the commands that the reaction gives for one event. Outside a reaction it is "".
// [Do] needs none of this.
func CommandID(ctx context.Context, part string) itsm.CommandID {
	o, ok := ctx.Value(occasionKey{}).(*occasion)
	if !ok {
		return ""
	}
	return deriveID("react", o.reaction, string(o.key.Tenant), string(o.key.Kind), string(o.key.ID), number(o.seq), part)
}

// A Doer is what [Do] needs of a service: every [itsm.Service] and every service of a process package is one.
type Doer[R any] interface {
	Kind() itsm.Kind
	Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (R, error)
}

// Do gives a command in a reaction, exactly once: when the event is handled again, after a crash or by another scheduler, it has no
// second effect and the answer is that of the first time. An answer that was a refusal stands for [Backoff.Refused]; the first try
// after that decides anew. A reaction that gives several commands of one name to one record uses [CommandID] with [itsm.Once] instead.
func Do[R any](ctx context.Context, svc Doer[R], id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (R, error) {
	o, ok := ctx.Value(occasionKey{}).(*occasion)
	if !ok {
		var zero R
		return zero, fmt.Errorf("%w: scheduler.Do gives commands of reactions; the context is not of one", itsm.ErrInvalid)
	}
	once := CommandID(ctx, string(svc.Kind())+"/"+string(id)+"/"+cmd.CommandName())
	if o.again {
		var err error
		if once, err = o.scheduler.standing(ctx, o.key.Tenant, once, o.stands); err != nil {
			var zero R
			return zero, err
		}
	}
	return svc.Do(ctx, id, cmd, append([]itsm.Option{itsm.Once(once)}, opts...)...)
}

// standing returns the ID under which a command that was given before is to be given now: the same, unless it was refused and the
// refusal does not stand any more. Every scheduler finds the same.
func (s *Scheduler) standing(ctx context.Context, tenant itsm.Tenant, id itsm.CommandID, stands time.Duration) (itsm.CommandID, error) {
	now := s.cfg.Clock()
	for n, next := 1, id; ; n++ {
		refused, err := s.refusedAt(ctx, tenant, next)
		if err != nil || refused.IsZero() || now.Sub(refused) < stands {
			return next, err
		}
		next = id + itsm.CommandID("~"+strconv.Itoa(n))
	}
}

// refusedAt returns when a command was refused; zero if it was not.
func (s *Scheduler) refusedAt(ctx context.Context, tenant itsm.Tenant, id itsm.CommandID) (time.Time, error) {
	for ev, err := range s.db.Events(ctx, "", itsm.Filter{Tenant: tenant, Command: id, Limit: 1}) {
		if err != nil {
			return time.Time{}, err
		}
		if ev.Type == (itsm.Refused{}).EventType() {
			return ev.Recorded, nil
		}
	}
	return time.Time{}, nil
}

// deriveID makes a command ID of what it is for. The parts are framed by their length, so no two lists share one.
func deriveID(what string, parts ...string) itsm.CommandID {
	var space [256]byte
	b := space[:0]
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return itsm.CommandID(what + "-" + hex.EncodeToString(sum[:20]))
}

func number[N int64 | uint64](n N) string { return strconv.FormatInt(int64(n), 10) }
