package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestRefusalsOfUnits(t *testing.T) {
	t.Parallel()

	refused := func(f *fixture) []itsm.Event { return f.journal(itsm.Filter{Types: []string{"itsm.refused"}}) }

	t.Run("R-005 a refusal in a unit that commits is committed with it", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		require.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: -1})
			assert.ErrorIs(t, err, errNothing)
			_, err = f.jars.Do(ctx, a, addCoins{Coins: 1})
			return err
		}))
		assert.Len(t, refused(f), 1)
		assert.Equal(t, 1, f.get(a).Coins)
		f.verify(a)
	})

	t.Run("R-005 a refusal reaches the journal though its unit is abandoned, behind the head that the record then has", func(t *testing.T) {
		t.Parallel()
		db := &counting{DB: memory.New()}
		f := setupOver(t, db)
		a := f.open("a")
		others := 1
		db.before = func(b store.Batch) error {
			if len(b.Puts) == 1 && b.Puts[0].Keep && others > 0 { // somebody else, just before the refusal is entered
				others--
				_, err := f.jars.Do(f.ctx, a, addCoins{Coins: 2})
				require.NoError(t, err)
			}
			return nil
		}
		err := store.Atomically(f.ctx, db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: 7})
			require.NoError(t, err)
			_, err = f.jars.Do(ctx, a, sealJar{})
			require.NoError(t, err)
			_, err = f.jars.Do(ctx, a, addCoins{Coins: 1}, itsm.Once("late"))
			return err
		})
		assert.ErrorIs(t, err, itsm.ErrIllegalState)
		all := refused(f)
		require.Len(t, all, 1)
		assert.Equal(t, key(a), all[0].Key)
		assert.EqualValues(t, 3, all[0].Seq, "behind the opening and the coins of somebody else")
		assert.Equal(t, 2, f.get(a).Coins, "the record is what it was")
		f.verify(a)
		_, err = f.jars.Do(f.ctx, a, addCoins{Coins: 1}, itsm.Once("late"))
		assert.ErrorIs(t, err, itsm.ErrIllegalState, "the command has had its answer")
	})

	t.Run("R-005 a refusal for a record that is gone with its unit stands alone", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		var id itsm.ID
		err := store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			j, err := f.jars.Do(ctx, "", openJar{"a"})
			require.NoError(t, err)
			id = j.ID
			_, err = f.jars.Do(ctx, id, addCoins{Coins: -1}, itsm.Once("c-1"))
			return err
		})
		assert.ErrorIs(t, err, errNothing)
		all := refused(f)
		require.Len(t, all, 1)
		assert.Equal(t, itsm.Key{Tenant: "h1", Kind: itsm.KindCommand, ID: "c-1"}, all[0].Key)
		require.NoError(t, f.jars.Decode(&all[0]))
		assert.Equal(t, id, all[0].Payload.(itsm.Refused).ID, "it names the record")
		var chain itsm.ChainVerifier
		assert.NoError(t, chain.Next(&all[0]))
		_, err = f.jars.Get(f.ctx, id)
		assert.ErrorIs(t, err, itsm.ErrNotFound)
	})

	t.Run("R-005 refusals of all kinds in one abandoned unit, also when it was cancelled", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a := f.open("a")
		ctx, cancel := context.WithCancel(f.ctx)
		err := store.Atomically(ctx, f.db, func(ctx context.Context) error {
			for range 3 {
				_, err := f.jars.Do(ctx, a, addCoins{Coins: -1})
				assert.ErrorIs(t, err, errNothing)
			}
			_, err := f.jars.Do(ctx, "nobody", addCoins{Coins: 1})
			assert.ErrorIs(t, err, itsm.ErrNotFound)
			cancel()
			return ctx.Err()
		})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Len(t, refused(f), 4)
		f.verify(a)
	})

	t.Run("a refusal on grounds that have passed is not given", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		a, b := f.open("a"), f.open("b")
		runs := 0
		require.NoError(t, store.Atomically(f.ctx, f.db, func(ctx context.Context) error {
			runs++
			j, err := f.jars.Get(ctx, a)
			require.NoError(t, err)
			if runs == 1 {
				_, err = f.jars.Do(f.ctx, a, addCoins{Coins: 1})
				require.NoError(t, err)
			}
			_, err = f.jars.Do(ctx, b, addCoins{Coins: j.Coins})
			return err
		}))
		assert.Empty(t, refused(f))
		assert.Equal(t, 1, f.get(b).Coins)
	})

	t.Run("S-123 when the journal cannot be written the unit fails, changes nothing and says so", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("the disk is full")
		db := &counting{DB: memory.New()}
		f := setupOver(t, db)
		a := f.open("a")
		db.before = func(store.Batch) error { return broken }
		_, err := f.jars.Do(f.ctx, a, addCoins{Coins: 1})
		assert.ErrorIs(t, err, broken)
		err = store.Atomically(f.ctx, db, func(ctx context.Context) error {
			_, err := f.jars.Do(ctx, a, addCoins{Coins: -1})
			return err
		})
		assert.ErrorIs(t, err, broken, "the refusal did not reach the journal")
		assert.NotErrorIs(t, err, errNothing, "so it is not given")
		assert.NotErrorIs(t, err, itsm.ErrRefused)
		assert.ErrorContains(t, err, "add refused", "but told")
		assert.Equal(t, 0, f.get(a).Coins)
		assert.EqualValues(t, 1, f.get(a).Version)
		f.verify(a)
	})
}
