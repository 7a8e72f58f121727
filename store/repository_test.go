package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestRepository(t *testing.T) {
	t.Parallel()

	t.Run("INV-02 the stored record is what its journal leads to", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("王小明")
		for range 3 {
			_, err := f.jars.Do(f.ctx, a, addCoins{Coins: 2, Mark: "<红>"})
			require.NoError(t, err)
		}
		_, err := f.jars.Do(f.ctx, a, addCoins{})
		require.ErrorIs(t, err, errNothing)
		replayed, err := f.jars.Replay(f.ctx, a)
		require.NoError(t, err)
		assert.Equal(t, f.get(a), replayed)
		f.verify(a)
	})

	t.Run("a record that is not there is not found", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		_, err := f.repo.Load(f.ctx, key("nobody"))
		assert.ErrorIs(t, err, itsm.ErrNotFound)
		assert.ErrorContains(t, err, "h1/jar/nobody")
	})

	t.Run("data that do not fit the type are named", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		_, err := store.NewRepository[[]int](f.db).Load(f.ctx, key(a))
		var type_ *json.UnmarshalTypeError
		assert.ErrorAs(t, err, &type_)
		assert.ErrorContains(t, err, string(a))
	})

	t.Run("a change without an entry is invalid", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		err := f.repo.Save(f.ctx, itsm.Change[jar]{Key: key("a"), Record: &jar{}})
		assert.ErrorIs(t, err, itsm.ErrInvalid)
	})
}

func TestNextNumber(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("numbers begin at 1 and rise", func(t *testing.T) {
		t.Parallel()
		repo := store.NewRepository[jar](memory.New())
		for want := uint64(1); want < 5000; want++ {
			n, err := repo.NextNumber(ctx, "h1", "JAR-20260214")
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		for _, other := range []struct {
			tenant itsm.Tenant
			series string
		}{{"h2", "JAR-20260214"}, {"h1", "JAR-20260215"}} {
			n, err := repo.NextNumber(ctx, other.tenant, other.series)
			require.NoError(t, err)
			assert.EqualValues(t, 1, n, "each tenant and series counts for itself")
		}
	})

	t.Run("instances side by side never give a number twice", func(t *testing.T) {
		t.Parallel()
		db := memory.New()
		var mu sync.Mutex
		var all []uint64
		var wg sync.WaitGroup
		for range 4 {
			repo := store.NewRepository[jar](db)
			for range 2 {
				wg.Go(func() {
					last := uint64(0)
					for range 500 {
						n, err := repo.NextNumber(ctx, "h1", "s")
						if !assert.NoError(t, err) || !assert.Greater(t, n, last) {
							return
						}
						last = n
						mu.Lock()
						all = append(all, n)
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
		slices.Sort(all)
		assert.Len(t, slices.Compact(all), 4000)
	})

	t.Run("a number taken in a unit that is abandoned is a gap", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		boom := errors.New("boom")
		var lost itsm.ID
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			j, err := f.jars.Do(ctx, "", openJar{"a"})
			require.NoError(t, err)
			lost = j.ID
			return boom
		})
		require.ErrorIs(t, err, boom)
		assert.Equal(t, itsm.ID("JAR-20260214-0001"), lost)
		assert.Equal(t, itsm.ID("JAR-20260214-0002"), f.open("b"))
	})

	t.Run("many series do not fill the memory", func(t *testing.T) {
		t.Parallel()
		repo := store.NewRepository[jar](memory.New())
		for i := range 3000 {
			_, err := repo.NextNumber(ctx, "h1", "s"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)))
			require.NoError(t, err)
		}
		n, err := repo.NextNumber(ctx, "h1", "saaa")
		require.NoError(t, err)
		assert.EqualValues(t, 9, n, "its block was dropped: a gap")
	})
}
