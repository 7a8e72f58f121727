package itsmtest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func sampleLock(i int) lock {
	rec := lock{State: lockState(lockStates[i%4]), Code: i % 5, Place: fmt.Sprintf("ward %d", i)}
	for n := range i % 3 {
		rec.Guests = append(rec.Guests, guest{fmt.Sprintf("guest %d", n), itsm.PersonID(fmt.Sprintf("u-%d", i%2+n))})
	}
	if i%2 == 1 {
		rec.Uses, rec.Shut = map[string]int{"open": i}, start
	}
	return rec
}

func memoryLocks(testing.TB) itsm.Repository[lock] { return store.NewRepository[lock](memory.New()) }

func TestRepositoryOverMemory(t *testing.T) {
	t.Parallel()
	Repository(t, lockProcess{}, memoryLocks, sampleLock)
}

// brokenRepo is a repository with one fault.
type brokenRepo struct {
	itsm.Repository[lock]
	load func(s itsm.Stored[lock]) itsm.Stored[lock]
	save func(r itsm.Repository[lock], c itsm.Change[lock]) error
	find func(q itsm.Query) itsm.Query
	list func(f itsm.Filter) itsm.Filter
}

func (b brokenRepo) Load(ctx context.Context, k itsm.Key) (itsm.Stored[lock], error) {
	s, err := b.Repository.Load(ctx, k)
	if b.load != nil && err == nil {
		s = b.load(s)
	}
	return s, err
}

func (b brokenRepo) Save(ctx context.Context, c itsm.Change[lock]) error {
	if b.save != nil {
		return b.save(b.Repository, c)
	}
	return b.Repository.Save(ctx, c)
}

func (b brokenRepo) Find(ctx context.Context, q itsm.Query) iter.Seq2[itsm.Stored[lock], error] {
	if b.find != nil {
		q = b.find(q)
	}
	return b.Repository.Find(ctx, q)
}

func (b brokenRepo) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	if b.list != nil {
		f = b.list(f)
	}
	return b.Repository.Events(ctx, after, f)
}

func TestRepositoryCatchesBrokenOnes(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short too few histories are drawn to catch every fault")
	}
	t.Parallel()
	cases := []struct {
		name           string
		broken         brokenRepo
		check, explain string
	}{
		{"refusals blank the record", brokenRepo{save: func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			if c.Record == nil && c.Expect > 0 {
				c.Record = &lock{}
			}
			return r.Save(t.Context(), c)
		}}, "a refusal leaves the record as it is", "the record is as it was"},
		{"refusals are dropped", brokenRepo{save: func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			if c.Record == nil {
				return nil
			}
			return r.Save(t.Context(), c)
		}}, "a refusal leaves the record as it is", "the sequence number counts the refusal"},
		{"command IDs are not kept", brokenRepo{save: func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			c.Command = newCommand()
			return r.Save(t.Context(), c)
		}}, "a command ID counts once in its tenant", "a command ID on another record"},
		{"index of the host's own making", brokenRepo{save: func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			c.Index = slices.DeleteFunc(slices.Clone(c.Index), func(e itsm.IndexEntry) bool { return e.Field == "guest" })
			return r.Save(t.Context(), c)
		}}, "find agrees with the definition of a query", "the results of"},
		{"a column left out", brokenRepo{load: func(s itsm.Stored[lock]) itsm.Stored[lock] { s.Record.Shut = start; return s }}, "a record comes back as it was saved", "the record"},
		{"an empty list for none", brokenRepo{load: func(s itsm.Stored[lock]) itsm.Stored[lock] {
			if s.Record.Guests == nil {
				s.Record.Meta.Attachments = []itsm.Attachment{{}}
			}
			return s
		}}, "a record comes back as it was saved", "the record"},
		{"descending forgotten", brokenRepo{find: func(q itsm.Query) itsm.Query { q.Desc = false; return q }}, "find agrees with the definition of a query", "descending"},
		{"erasing forgotten", brokenRepo{save: func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			c.Erase = false
			return r.Save(t.Context(), c)
		}}, "erasing takes the personal part and leaves the chain", "what was there is erased"},
		{"types not filtered", brokenRepo{list: func(f itsm.Filter) itsm.Filter { f.Types = nil; return f }}, "the journal agrees with the definition of a filter", "Types:"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireCaught(t, func(t runner) {
				runRepository(t, lockProcess{}, func(t testing.TB) itsm.Repository[lock] {
					b := c.broken
					b.Repository = memoryLocks(t)
					return b
				}, sampleLock)
			}, c.check, c.explain)
		})
	}
}

// capture keeps the last change that a service saves.
type capture struct {
	itsm.Repository[lock]
	mu   sync.Mutex
	last itsm.Change[lock]
}

func (c *capture) Save(ctx context.Context, change itsm.Change[lock]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = change
	return c.Repository.Save(ctx, change)
}

func TestIndexOfIsWhatAServiceSaves(t *testing.T) {
	t.Parallel()
	repo := &capture{Repository: memoryLocks(t)}
	s, err := itsm.NewService(lockProcess{}, repo, itsm.Config{Clock: NewClock(start).Now})
	require.NoError(t, err)
	ctx := itsm.WithActor(t.Context(), Actor("u-017", itsm.RoleServiceDesk))
	rec, err := s.Do(ctx, "", install{Place: "pharmacy", Code: 3})
	require.NoError(t, err)
	rec, err = s.Do(ctx, rec.ID, admit{Name: "a guest"})
	require.NoError(t, err)
	assert.Equal(t, repo.last.Index, IndexOf(lockProcess{}, rec))
}
