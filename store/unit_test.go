package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// counting counts the commits of a store and can do something before each.
type counting struct {
	store.DB
	commits atomic.Int64
	before  func(b store.Batch) error
}

func (c *counting) Commit(ctx context.Context, b store.Batch) error {
	if c.before != nil {
		if err := c.before(b); err != nil {
			return err
		}
	}
	c.commits.Add(1)
	return c.DB.Commit(ctx, b)
}

func TestAtomically(t *testing.T) {
	t.Parallel()

	t.Run("F-X-3 commands on several records commit as one batch", func(t *testing.T) {
		t.Parallel()
		db := &counting{DB: memory.New()}
		f := setupOver(t, db)
		a, b := f.open("a"), f.open("b")
		before := db.commits.Load()
		var c itsm.ID
		err := store.Atomically(f.ctx, db, func(ctx context.Context) error {
			for _, id := range []itsm.ID{a, b, a} {
				if _, err := f.jars.Do(ctx, id, addCoins{Coins: 2}); err != nil {
					return err
				}
			}
			j, err := f.jars.Do(ctx, "", openJar{"c"})
			c = j.ID
			assert.Equal(t, 0, f.get(a).Coins, "outside nothing is to be seen yet")
			_, err2 := f.jars.Get(f.ctx, c)
			assert.ErrorIs(t, err2, itsm.ErrNotFound)
			return errors.Join(err)
		})
		require.NoError(t, err)
		assert.EqualValues(t, 1, db.commits.Load()-before)
		assert.Equal(t, []int{4, 2, 0}, []int{f.get(a).Coins, f.get(b).Coins, f.get(c).Coins})
		for _, id := range []itsm.ID{a, b, c} {
			f.verify(id)
		}
	})

	t.Run("F-X-3 an abandoned unit leaves nothing", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		entries := len(f.journal(itsm.Filter{}))
		boom := errors.New("boom")
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 2})
			require.NoError(t, err)
			return boom
		})
		assert.Same(t, boom, err)
		assert.Equal(t, 0, f.get(a).Coins)
		assert.Len(t, f.journal(itsm.Filter{}), entries)
	})

	t.Run("F-X-3 what was read must hold at the commit, or the unit runs again", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a, b := f.open("a"), f.open("b")
		runs := 0
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			runs++
			j, err := f.jars.Get(ctx, a)
			require.NoError(t, err)
			if runs == 1 { // somebody else is faster
				_, err := f.jars.Do(f.ctx, a, addCoins{Coins: 5})
				require.NoError(t, err)
			}
			_, err = f.jars.Do(ctx, b, addCoins{Coins: 1 + j.Coins})
			return err
		})
		require.NoError(t, err)
		assert.Equal(t, 2, runs)
		assert.Equal(t, 6, f.get(b).Coins, "decided on what holds")
		f.verify(b)
	})

	t.Run("a unit that only reads is of one instant", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a, b := f.open("a"), f.open("b")
		runs, sum := 0, 0
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			runs++
			one, err := f.jars.Get(ctx, a)
			if runs == 1 {
				for _, id := range []itsm.ID{a, b} {
					_, err := f.jars.Do(f.ctx, id, addCoins{Coins: 1})
					require.NoError(t, err)
				}
			}
			two, err2 := f.jars.Get(ctx, b)
			sum = one.Coins + two.Coins
			return errors.Join(err, err2)
		})
		require.NoError(t, err)
		assert.Equal(t, 2, sum)
	})

	t.Run("a search that meets a change starts the unit again", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		runs := 0
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			runs++
			before, err := f.jars.Get(ctx, a)
			require.NoError(t, err)
			if runs == 1 {
				_, err := f.jars.Do(f.ctx, a, addCoins{Coins: 5})
				require.NoError(t, err)
			}
			for j, err := range f.jars.Find(ctx, itsm.Query{}) {
				if err != nil {
					return err
				}
				assert.Equal(t, before.Coins, j.Coins, "one record is not two things in one unit")
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 2, runs)
	})

	t.Run("a unit that always loses gives up with a conflict", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		runs := 0
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			runs++
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 1})
			require.NoError(t, err)
			_, err = f.jars.Do(f.ctx, a, addCoins{Coins: 1})
			return err
		})
		assert.ErrorIs(t, err, itsm.ErrConflict)
		assert.Equal(t, 64, runs)
		assert.Equal(t, 64, f.get(a).Coins, "only what was done outside")
	})

	t.Run("the entries of the unit stand behind those of the store", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 3}, itsm.Once("twice"))
			require.NoError(t, err)
			_, err = f.jars.Do(ctx, a, addCoins{Coins: 3}, itsm.Once("twice"))
			require.NoError(t, err, "a command counts once in a unit too")
			j, err := f.jars.Replay(ctx, a)
			require.NoError(t, err)
			assert.Equal(t, 3, j.Coins)
			require.NoError(t, f.jars.Verify(ctx, a))
			n := 0
			for range f.repo.Events(ctx, "", itsm.Filter{Tenant: "h1", Limit: 1}) {
				n++
			}
			assert.Equal(t, 1, n, "the limit counts both")
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 3, f.get(a).Coins)
		err = store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 3}, itsm.Once("twice"))
			return err
		})
		require.NoError(t, err)
		assert.Equal(t, 3, f.get(a).Coins, "nor after one")
	})

	t.Run("erasing reaches the entries of the unit and of the store", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("王小明")
		var b itsm.ID
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			j, err := f.jars.Do(ctx, "", openJar{"李四"})
			require.NoError(t, err)
			b = j.ID
			for _, id := range []itsm.ID{a, b} {
				j, err := f.jars.Do(ctx, id, itsm.ErasePersonal{}, itsm.Because("request"))
				require.NoError(t, err)
				assert.Empty(t, j.Owner)
				for e, err := range f.repo.Events(ctx, "", itsm.Filter{Tenant: "h1", Kind: "jar", ID: id}) {
					require.NoError(t, err)
					assert.Equal(t, e.Seq == 1, e.Erased())
				}
			}
			return nil
		})
		require.NoError(t, err)
		for _, id := range []itsm.ID{a, b} {
			assert.True(t, f.journal(itsm.Filter{Kind: "jar", ID: id})[0].Erased())
			f.verify(id)
		}
	})

	t.Run("units nest", func(t *testing.T) {
		t.Parallel()
		db := &counting{DB: memory.New()}
		f := setupOver(t, db)
		a := f.open("a")
		add := func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 1})
			return err
		}
		before := db.commits.Load()
		require.NoError(t, store.Atomically(f.ctx, db, func(ctx context.Context) error {
			return errors.Join(add(ctx), store.Atomically(ctx, db, add))
		}))
		assert.EqualValues(t, 1, db.commits.Load()-before)
		assert.Equal(t, 2, f.get(a).Coins)

		boom := errors.New("boom")
		err := store.Atomically(f.ctx, db, func(ctx context.Context) error {
			_ = store.Atomically(ctx, db, func(ctx context.Context) error { return errors.Join(add(ctx), boom) })
			return nil
		})
		assert.ErrorIs(t, err, boom, "a unit is not committed in part")
		assert.Equal(t, 2, f.get(a).Coins)
	})

	t.Run("misuse is told", func(t *testing.T) {
		t.Parallel()
		f, other := setup(t), setup(t)
		a, o := f.open("a"), other.open("o")
		var after context.Context
		require.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			after = ctx
			err := store.Atomically(ctx, other.db, func(context.Context) error { return nil })
			assert.ErrorIs(t, err, itsm.ErrInvalid, "a unit over another store")
			_, err = other.jars.Do(ctx, o, addCoins{Coins: 1})
			assert.ErrorIs(t, err, itsm.ErrInvalid, "a record of another store")
			_, err = other.jars.Get(ctx, o)
			assert.NoError(t, err, "which may be read")
			_, err = f.jars.Get(ctx, a)
			assert.NoError(t, err)
			_, err = f.jars.Get(itsm.WithActor(ctx, actor("h2")), a)
			assert.ErrorIs(t, err, itsm.ErrInvalid, "another tenant")
			return nil
		}))
		_, err := f.jars.Do(after, a, addCoins{Coins: 1})
		assert.ErrorIs(t, err, itsm.ErrInvalid, "the unit is over")
		assert.Equal(t, 0, f.get(a).Coins)
	})

	t.Run("what comes out of a unit belongs to the caller", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		require.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			for range 2 {
				j, err := f.jars.Do(ctx, a, addCoins{Coins: 1, Mark: "x"})
				require.NoError(t, err)
				for i := range j.Marks {
					j.Marks[i] = "changed"
				}
			}
			return nil
		}))
		assert.Equal(t, []string{"x", "x"}, f.get(a).Marks)
		f.verify(a)
	})

	t.Run("several goroutines may work in one unit", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		require.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					_, err := f.jars.Do(ctx, a, addCoins{Coins: 1})
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			return nil
		}))
		assert.Equal(t, 8, f.get(a).Coins)
		f.verify(a)
	})

	t.Run("units that race move every coin once", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		ids := []itsm.ID{f.open("0"), f.open("1"), f.open("2")}
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range 10 {
					assert.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
						_, err := f.jars.Do(ctx, ids[(w+i)%3], addCoins{Coins: 1})
						_, err2 := f.jars.Do(ctx, ids[(w+i+1)%3], addCoins{Coins: 1})
						return errors.Join(err, err2)
					}))
				}
			})
		}
		wg.Wait()
		assert.Equal(t, 120, f.get(ids[0]).Coins+f.get(ids[1]).Coins+f.get(ids[2]).Coins)
		for _, id := range ids {
			f.verify(id)
		}
	})

	t.Run("a cancelled unit leaves nothing", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		ctx, cancel := context.WithCancel(f.ctx)
		err := store.Atomically(ctx, f.db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 1})
			cancel()
			return err
		})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 0, f.get(a).Coins)
	})

	t.Run("a large unit is one batch", func(t *testing.T) {
		t.Parallel()
		n := 100_000
		if testing.Short() {
			n = 5_000
		}
		db := &counting{DB: memory.New()}
		f := setupOver(t, db)
		ids := make([]itsm.ID, 100)
		for i := range ids {
			ids[i] = f.open("bulk")
		}
		before := db.commits.Load()
		require.NoError(t, store.Atomically(f.ctx, db, func(ctx context.Context) error {
			for i := range n {
				if _, err := f.jars.Do(ctx, ids[i%len(ids)], addCoins{Coins: 1}); err != nil {
					return err
				}
			}
			return nil
		}))
		assert.EqualValues(t, 1, db.commits.Load()-before)
		f.verify(ids[7])
		assert.Equal(t, n/len(ids), f.get(ids[7]).Coins)
	})
}

// In a unit a search gives what it would give after the commit.
func TestFindInUnit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		db := memory.New()
		repo := store.NewRepository[jar](db)
		ctx := context.Background()
		save := func(ctx context.Context, old itsm.Stored[jar], id itsm.ID) {
			j := jar{Owner: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "owner"), Coins: rapid.IntRange(0, 5).Draw(t, "coins")}
			c := itsm.Change[jar]{Key: key(id), Expect: old.Seq, Record: &j}
			if j.Owner != "" {
				c.Index = append(c.Index, itsm.IndexEntry{Field: "owner", Value: itsm.TextOf(j.Owner)})
			}
			c.Index = append(c.Index, itsm.IndexEntry{Field: "coins", Value: itsm.NumberOf(j.Coins)})
			e := itsm.Event{Key: c.Key, Seq: old.Seq + 1, Prev: old.Head, Type: "x"}
			e.Hash = e.ComputeHash()
			c.Events = []itsm.Event{e}
			if old.Seq > 0 && rapid.IntRange(0, 4).Draw(t, "journal only") == 0 {
				c.Record, c.Index = nil, nil
			}
			require.NoError(t, repo.Save(ctx, c))
		}
		id := func() itsm.ID { return itsm.ID(fmt.Sprintf("J-%02d", rapid.IntRange(0, 30).Draw(t, "id"))) }
		for _, id := range rapid.SliceOfDistinct(rapid.Custom(func(*rapid.T) itsm.ID { return id() }), rapid.ID).Draw(t, "stored") {
			save(ctx, itsm.Stored[jar]{}, id)
		}
		type found struct {
			itsm.Cursor
			seq   uint64
			coins int
		}
		find := func(ctx context.Context, q itsm.Query) (all []found) {
			for s, err := range repo.Find(ctx, q) {
				require.NoError(t, err)
				all = append(all, found{seq: s.Seq, coins: s.Record.Coins})
			}
			return all
		}
		var queries []itsm.Query
		var inside [][]found
		require.NoError(t, store.Atomically(ctx, db, func(ctx context.Context) error {
			for range rapid.IntRange(0, 12).Draw(t, "steps") {
				id := id()
				old, err := repo.Load(ctx, key(id))
				if err != nil {
					require.ErrorIs(t, err, itsm.ErrNotFound)
				}
				save(ctx, old, id)
				if rapid.IntRange(0, 3).Draw(t, "search between") == 0 {
					find(ctx, itsm.Query{Tenant: "h1", Kind: "jar"})
				}
			}
			for range 4 {
				q := itsm.Query{Tenant: "h1", Kind: "jar", OrderBy: rapid.SampledFrom([]string{"", "owner", "coins"}).Draw(t, "order"), Desc: rapid.Bool().Draw(t, "desc"), Limit: rapid.IntRange(0, 4).Draw(t, "limit")}
				switch rapid.IntRange(0, 3).Draw(t, "where") {
				case 0:
					q.Where = append(q.Where, itsm.Where("owner", itsm.TextOf("a")))
				case 1:
					q.Where = append(q.Where, itsm.WhereUnset("owner"), itsm.WhereLess("coins", itsm.NumberOf(3)))
				case 2:
					q.Where = append(q.Where, itsm.WhereOneOf("coins", itsm.NumberOf(0), itsm.NumberOf(3)))
				}
				if rapid.Bool().Draw(t, "after") {
					q.After.ID = id()
					if q.OrderBy == "coins" {
						q.After.Value = itsm.NumberOf(rapid.IntRange(0, 5).Draw(t, "after coins"))
					}
				}
				queries, inside = append(queries, q), append(inside, find(ctx, q))
			}
			return nil
		}))
		for i, q := range queries {
			require.Equal(t, find(ctx, q), inside[i], "%+v", q)
		}
	})
}

func TestFindInUnitWhileChanging(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 200 {
		f.open(fmt.Sprint(i % 2))
	}
	var got []itsm.ID
	require.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
		got = nil
		q := itsm.Query{Where: []itsm.Condition{itsm.Where("owner", itsm.TextOf("1")), itsm.Where("state", itsm.TextOf("open"))}}
		for j, err := range f.jars.Find(ctx, q) {
			require.NoError(t, err)
			got = append(got, j.ID)
			_, err := f.jars.Do(ctx, j.ID, sealJar{})
			require.NoError(t, err)
		}
		return nil
	}))
	assert.Len(t, got, 100)
	assert.True(t, slices.IsSorted(got))
}
