package itsmtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

func (s *repoSuite[R]) units() itsm.UnitOfWork {
	s.Helper()
	u, ok := s.repo.(itsm.UnitOfWork)
	if !ok {
		s.Skip("the repository has no units of work")
	}
	return u
}

func (s *repoSuite[R]) checkUnits() {
	u := s.units()
	a, b := s.key("h1", "A"), s.key("h1", "B")
	one, two := s.save(s.change(a, itsm.Stored[R]{}, 0)), s.save(s.change(b, itsm.Stored[R]{}, 1))
	// untouched checks that a unit that failed left nothing of its changes.
	untouched := func(why string, changes ...itsm.Change[R]) {
		s.Helper()
		assert.Equal(s, string(mustJSON(one)), string(mustJSON(s.load(a))), "%s: the first record is as it was before the unit", why)
		assert.Equal(s, string(mustJSON(two)), string(mustJSON(s.load(b))), "%s: the second record is as it was before the unit", why)
		for _, c := range changes {
			assert.Empty(s, s.journal(itsm.Filter{Tenant: "h1", Command: c.Command}), "%s: the journal has nothing of the unit", why)
		}
		assert.Len(s, collect(s, "find", s.repo.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: s.kind})), 2, "%s: nothing else is found", why)
	}

	first, second := s.change(a, one, 2), s.change(b, two, 3)
	failed := errors.New("the unit is given up")
	err := u.Atomically(s.ctx, func(ctx context.Context) error {
		if err := errors.Join(s.repo.Save(ctx, first), s.repo.Save(ctx, second), s.repo.Save(ctx, s.change(s.key("h1", "new"), itsm.Stored[R]{}, 4))); err != nil {
			return err
		}
		return failed
	})
	assert.ErrorIs(s, err, failed, "the error of a unit comes back")
	untouched("a unit that returns an error", first, second)

	stale := s.change(b, itsm.Stored[R]{Seq: 7, Head: two.Head}, 3)
	err = u.Atomically(s.ctx, func(ctx context.Context) error {
		if err := s.repo.Save(ctx, first); err != nil {
			return err
		}
		return s.repo.Save(ctx, stale)
	})
	assert.ErrorIs(s, err, itsm.ErrConflict, "a unit of which one change is at the wrong number")
	untouched("a unit of which one change is at the wrong number", first, stale)

	used := s.change(b, two, 3, func(e *itsm.Event) { e.Command = s.journal(itsm.Filter{Tenant: "h1"})[0].Command })
	err = u.Atomically(s.ctx, func(ctx context.Context) error {
		if err := s.repo.Save(ctx, first); err != nil {
			return err
		}
		return s.repo.Save(ctx, used)
	})
	assert.ErrorIs(s, err, itsm.ErrExists, "a unit of which one command ID was used before")
	untouched("a unit of which one command ID was used before", first)

	var seen itsm.Stored[R]
	err = u.Atomically(s.ctx, func(ctx context.Context) error {
		if err := errors.Join(s.repo.Save(ctx, first), s.repo.Save(ctx, second)); err != nil {
			return err
		}
		var err error
		seen, err = s.repo.Load(ctx, a)
		return err
	})
	require.NoError(s, err, "a unit of two changes; what failed before has not used up their command IDs")
	s.same(first, seen, "a unit sees its own changes")
	s.same(first, s.load(a), "the first change of a unit")
	s.same(second, s.load(b), "the second change of a unit")
	assert.Len(s, s.verify(a), 2)
	assert.Len(s, s.verify(b), 2)
}

// meeting returns a function that waits until n have called it. Where one cannot come before another is through, as under a lock,
// nobody waits any more after the time.
func meeting(n int, most time.Duration) func() {
	var missing atomic.Int64
	missing.Store(int64(n))
	met := make(chan struct{})
	over := sync.OnceFunc(func() { close(met) })
	return func() {
		if missing.Add(-1) == 0 {
			over()
		}
		select {
		case <-met:
		case <-time.After(most):
			over()
		}
	}
}

// checkUnitRaces lets units change two records each, always both.
func (s *repoSuite[R]) checkUnitRaces() {
	u := s.units()
	const workers, each = 4, 8
	keys := []itsm.Key{s.key("h1", "A"), s.key("h1", "B")}
	for i, k := range keys {
		s.save(s.change(k, itsm.Stored[R]{}, i))
	}
	meet := meeting(workers, time.Second)
	errs := together(s.runner, workers, func(worker int) error {
		meet := sync.OnceFunc(meet)
		for done := 0; done < each; {
			err := u.Atomically(s.ctx, func(ctx context.Context) error {
				for i := range keys {
					k := keys[(worker+i)%len(keys)] // each in an order of its own, so that locks would meet
					now, err := s.repo.Load(ctx, k)
					if err != nil {
						return err
					}
					meet()            // the first units have all begun before one of them is done
					runtime.Gosched() // lets somebody else come between
					if err := s.repo.Save(ctx, s.change(k, now, done)); err != nil {
						return err
					}
				}
				return nil
			})
			switch {
			case err == nil:
				done++
			case !errors.Is(err, itsm.ErrConflict):
				return fmt.Errorf("a unit that loses a race must get %w, got: %w", itsm.ErrConflict, err)
			}
		}
		return nil
	})
	require.NoError(s, errors.Join(errs...))
	for _, k := range keys {
		assert.Len(s, s.verify(k), 1+workers*each, "every unit that was acknowledged changed both records, and no other did: %s", k.ID)
	}
}
