package itsmtest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// brokenUnits is a repository whose units of work have a fault.
type brokenUnits struct {
	*store.Repository[lock]
	atomically func(r *store.Repository[lock], ctx context.Context, fn func(ctx context.Context) error) error
	load       func(r *store.Repository[lock], ctx context.Context, k itsm.Key) (itsm.Stored[lock], error)
}

func (b brokenUnits) Atomically(ctx context.Context, fn func(ctx context.Context) error) error {
	return b.atomically(b.Repository, ctx, fn)
}

func (b brokenUnits) Borrow(ctx context.Context, k itsm.Key) (itsm.Lent[lock], error) {
	s, err := b.Load(ctx, k)
	return itsm.Lent[lock]{Record: &s.Record, Seq: s.Seq, Head: s.Head, Recorded: s.Recorded}, err
}

func (b brokenUnits) Load(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
	if b.load != nil {
		return b.load(b.Repository, ctx, k)
	}
	return b.Repository.Load(ctx, k)
}

func TestRepositoryCatchesBrokenUnits(t *testing.T) {
	t.Parallel()
	const whole = "a unit of work is done whole or not at all"
	for _, c := range []struct {
		name    string
		broken  brokenUnits
		explain string
	}{
		{"partial commit", brokenUnits{atomically: func(_ *store.Repository[lock], ctx context.Context, fn func(ctx context.Context) error) error {
			return fn(ctx) // each change by itself
		}}, "a unit that returns an error: the first record is as it was before the unit"},
		{"committed in spite of the error", brokenUnits{atomically: func(r *store.Repository[lock], ctx context.Context, fn func(ctx context.Context) error) (err error) {
			return errors.Join(r.Atomically(ctx, func(ctx context.Context) error { err = fn(ctx); return nil }), err)
		}}, "a unit that returns an error: the journal has nothing of the unit"},
		{"errors swallowed", brokenUnits{atomically: func(r *store.Repository[lock], ctx context.Context, fn func(ctx context.Context) error) error {
			_ = r.Atomically(ctx, fn)
			return nil
		}}, "the error of a unit comes back"},
		{"errors of its own", brokenUnits{atomically: func(r *store.Repository[lock], ctx context.Context, fn func(ctx context.Context) error) error {
			if r.Atomically(ctx, fn) != nil {
				return errors.New("the transaction was rolled back")
			}
			return nil
		}}, "the error of a unit comes back"},
		{"never committed", brokenUnits{atomically: func(r *store.Repository[lock], ctx context.Context, fn func(ctx context.Context) error) error {
			never := errors.New("never")
			err := r.Atomically(ctx, func(ctx context.Context) error { return errors.Join(fn(ctx), never) })
			if err == never || err.Error() == never.Error() {
				return nil
			}
			return err
		}}, "the first change of a unit"},
		{"blind to its own changes", brokenUnits{
			atomically: (*store.Repository[lock]).Atomically,
			load: func(r *store.Repository[lock], ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
				return r.Load(context.WithoutCancel(background), k)
			},
		}, "a unit sees its own changes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := record(t, func(t runner) {
				runRepository(t, lockProcess{}, func(testing.TB) itsm.Repository[lock] {
					b := c.broken
					b.Repository = store.NewRepository[lock](memory.New())
					return b
				}, sampleLock)
			})
			found.requireFound(t, whole, c.explain)
		})
	}
	t.Run("lost races called done", func(t *testing.T) {
		t.Parallel()
		found := record(t, func(t runner) {
			runRepository(t, lockProcess{}, func(testing.TB) itsm.Repository[lock] {
				return &lastWins{Repository: store.NewRepository[lock](memory.New())}
			}, sampleLock)
		})
		found.requireFound(t, "concurrent units of work lose nothing", "every unit that was acknowledged changed both records")
	})
}

// lastWins does the changes of a unit, and calls those that lost a race done.
type lastWins struct{ *store.Repository[lock] }

func (r *lastWins) Atomically(ctx context.Context, fn func(ctx context.Context) error) error {
	err := fn(ctx)
	if errors.Is(err, itsm.ErrConflict) {
		return nil
	}
	return err
}

// hooked is a repository in which single methods are put wrong.
type hooked struct {
	*store.Repository[lock]
	load   func(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error)
	borrow func(ctx context.Context, k itsm.Key) (itsm.Lent[lock], error)
	save   func(ctx context.Context, c itsm.Change[lock]) error
	find   func(ctx context.Context, q itsm.Query) iter.Seq2[itsm.Stored[lock], error]
	events func(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error]
	number func(ctx context.Context, tenant itsm.Tenant, series string) (uint64, error)
}

func (h *hooked) Load(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
	if h.load != nil {
		return h.load(ctx, k)
	}
	return h.Repository.Load(ctx, k)
}

func (h *hooked) Borrow(ctx context.Context, k itsm.Key) (itsm.Lent[lock], error) {
	switch {
	case h.borrow != nil:
		return h.borrow(ctx, k)
	case h.load != nil:
		s, err := h.load(ctx, k)
		return itsm.Lent[lock]{Record: &s.Record, Seq: s.Seq, Head: s.Head, Recorded: s.Recorded}, err
	}
	return h.Repository.Borrow(ctx, k)
}

func (h *hooked) Save(ctx context.Context, c itsm.Change[lock]) error {
	if h.save != nil {
		return h.save(ctx, c)
	}
	return h.Repository.Save(ctx, c)
}

func (h *hooked) Find(ctx context.Context, q itsm.Query) iter.Seq2[itsm.Stored[lock], error] {
	if h.find != nil {
		return h.find(ctx, q)
	}
	return h.Repository.Find(ctx, q)
}

func (h *hooked) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	if h.events != nil {
		return h.events(ctx, after, f)
	}
	return h.Repository.Events(ctx, after, f)
}

func (h *hooked) NextNumber(ctx context.Context, tenant itsm.Tenant, series string) (uint64, error) {
	if h.number != nil {
		return h.number(ctx, tenant, series)
	}
	return h.Repository.NextNumber(ctx, tenant, series)
}

var brokenRepositories = []struct {
	name           string
	spoil          func(h *hooked)
	check, explain string
}{
	{"conflicts swallowed", func(h *hooked) {
		h.save = func(ctx context.Context, c itsm.Change[lock]) error {
			if err := h.Repository.Save(ctx, c); !errors.Is(err, itsm.ErrConflict) {
				return err
			}
			return nil
		}
	}, "a save at the wrong sequence number is a conflict", "changing a record that is not there"},
	{"conflicts by another name", func(h *hooked) {
		h.save = func(ctx context.Context, c itsm.Change[lock]) error {
			if err := h.Repository.Save(ctx, c); !errors.Is(err, itsm.ErrConflict) {
				return err
			}
			return errors.New("duplicate key value violates unique constraint")
		}
	}, "a save at the wrong sequence number is a conflict", "the error must match"},
	{"tenants share IDs", func(h *hooked) {
		h.load = func(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
			s, err := h.Repository.Load(ctx, k)
			if errors.Is(err, itsm.ErrNotFound) && k.Tenant == "h1" {
				k.Tenant = "h2"
				return h.Repository.Load(ctx, k)
			}
			return s, err
		}
	}, "no call crosses tenants", "a record that only the other tenant has"},
	{"entries of every tenant", func(h *hooked) {
		h.events = func(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
			if f.Kind == "" && f.Command == "" {
				f.Tenant = ""
			}
			return h.Repository.Events(ctx, after, f)
		}
	}, "no call crosses tenants", "events"},
	{"gives what went in", func(h *hooked) {
		var mu sync.Mutex
		kept := make(map[itsm.Key]*lock)
		h.save = func(ctx context.Context, c itsm.Change[lock]) error {
			err := h.Repository.Save(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && c.Record != nil {
				kept[c.Key] = c.Record
			}
			return err
		}
		h.load = func(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
			s, err := h.Repository.Load(ctx, k)
			mu.Lock()
			defer mu.Unlock()
			if r := kept[k]; r != nil {
				s.Record = *r
			}
			return s, err
		}
	}, "what goes in is not changed and what comes out belongs to the caller", "what load gave was changed: the record that was saved"},
	{"gives what it keeps", func(h *hooked) {
		var mu sync.Mutex
		given := make(map[itsm.Digest]itsm.Stored[lock])
		h.load = func(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
			s, err := h.Repository.Load(ctx, k)
			mu.Lock()
			defer mu.Unlock()
			if old, ok := given[s.Head]; ok {
				return old, err
			}
			given[s.Head] = s
			return s, err
		}
	}, "what goes in is not changed and what comes out belongs to the caller", "what load gave was changed: load"},
	{"lends what is stale", func(h *hooked) {
		var mu sync.Mutex
		first := make(map[itsm.Key]itsm.Lent[lock])
		h.borrow = func(ctx context.Context, k itsm.Key) (itsm.Lent[lock], error) {
			lent, err := h.Repository.Borrow(ctx, k)
			mu.Lock()
			defer mu.Unlock()
			if old, ok := first[k]; ok {
				return old, err
			}
			first[k] = lent
			return lent, err
		}
	}, "a record comes back as it was saved", "what is lent is what load gives"},
	{"a cursor of values alone", func(h *hooked) {
		h.find = func(ctx context.Context, q itsm.Query) iter.Seq2[itsm.Stored[lock], error] {
			if q.OrderBy != "" && q.After.ID != "" && !q.Desc {
				q.After.ID = "\xff"
			}
			return h.Repository.Find(ctx, q)
		}
	}, "find agrees with the definition of a query", "after"},
	{"pages that skip an entry", func(h *hooked) {
		h.events = func(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
			if after == "" || f.Limit == 0 {
				return h.Repository.Events(ctx, after, f)
			}
			return func(yield func(itsm.Event, error) bool) {
				f.Limit++
				first := true
				for e, err := range h.Repository.Events(ctx, after, f) {
					if !first && !yield(e, err) {
						return
					}
					first = false
				}
			}
		}
	}, "the journal agrees with the definition of a filter", "pages of 1"},
	{"deaf to cancelled contexts", func(h *hooked) {
		h.save = func(ctx context.Context, c itsm.Change[lock]) error {
			return h.Repository.Save(context.WithoutCancel(ctx), c)
		}
	}, "a cancelled context changes nothing", "save"},
	{"half a change", func(h *hooked) {
		h.save = func(ctx context.Context, c itsm.Change[lock]) error {
			err := h.Repository.Save(ctx, c)
			if errors.Is(err, itsm.ErrExists) { // the record is written, the command ID not
				c.Command = newCommand()
				_ = h.Repository.Save(ctx, c)
			}
			return err
		}
	}, "a command ID counts once in its tenant", "a change that fails leaves nothing behind"},
	{"numbers given to two", func(h *hooked) {
		h.number = func(ctx context.Context, tenant itsm.Tenant, series string) (uint64, error) {
			n, err := h.Repository.NextNumber(ctx, tenant, series)
			return n / 2, err
		}
	}, "numbers are given once", "nobody gets a number that somebody else got"},
}

func TestRepositoryCatchesMoreBrokenOnes(t *testing.T) {
	t.Parallel()
	for _, c := range brokenRepositories {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := record(t, func(t runner) {
				runRepository(t, lockProcess{}, func(testing.TB) itsm.Repository[lock] {
					h := &hooked{Repository: store.NewRepository[lock](memory.New()).Uncached()}
					c.spoil(h)
					return h
				}, sampleLock)
			})
			found.requireFound(t, c.check, c.explain)
		})
	}
}

func TestRepositoryExceptions(t *testing.T) {
	t.Parallel()
	const erase = "erasing takes the personal part and leaves the chain"
	noErase := func(testing.TB) itsm.Repository[lock] {
		h := &hooked{Repository: store.NewRepository[lock](memory.New())}
		h.save = func(ctx context.Context, c itsm.Change[lock]) error {
			if c.Erase {
				return errors.ErrUnsupported
			}
			return h.Repository.Save(ctx, c)
		}
		return h
	}
	record(t, func(t runner) { runRepository(t, lockProcess{}, noErase, sampleLock) }).requireFound(t, erase, "unsupported")
	found, skips := recordSkips(t, func(t runner) { runRepository(t, lockProcess{}, noErase, sampleLock, NoErase) })
	found.requireNone(t)
	requireLine(t, skips, erase+": declared exception: "+string(NoErase))
	found, skips = recordSkips(t, func(t runner) { runRepository(t, lockProcess{}, memoryLocks, sampleLock, NoErase) })
	found.requireNone(t)
	requireLine(t, skips, erase+": declared exception: "+string(NoErase)+"; but the store keeps this part of the contract, so the exception can go")
}
