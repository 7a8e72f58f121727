package itsmtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func openMemory(testing.TB) store.DB { return memory.New() }

// only chooses parts of the store suite.
func only(t *testing.T, names ...string) []storeCheck {
	t.Helper()
	checks := slices.DeleteFunc(storeChecks(), func(c storeCheck) bool { return !slices.Contains(names, c.name) })
	require.Len(t, checks, len(names), "names of parts of the suite")
	return checks
}

// TestKernel holds the kernel to its laws, over the lock process and the store in memory.
func TestKernel(t *testing.T) {
	t.Parallel()
	t.Run("F-X-1 commands in, events out: the record is the fold of its events, and deciding is deterministic", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Replay, Determinism)
	})
	t.Run("F-X-3 every record is guarded by its version, and command IDs are safe to retry", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Once)
		runStore(testRunner{t}, only(t, "a put at the wrong sequence number is a conflict", "a command ID counts once in its tenant", "a batch is written whole or not at all",
			"concurrent increments all count", "concurrent uses of a command ID have one winner"), openMemory)
	})
	t.Run("F-X-6 a cursor misses nothing, entries keep the order of their record, and late wakes come in due order", func(t *testing.T) {
		t.Parallel()
		runStore(testRunner{t}, only(t, "the journal goes on behind every position", "a reader that follows the journal misses nothing", "due lists wakes in order across tenants"), openMemory)
	})
	t.Run("INV-01 any sequence of commands leaves the record in a declared state", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Closure)
		Walk(t, lockModel(""))
	})
	t.Run("INV-02 replaying the log gives the stored record", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Replay)
	})
	t.Run("INV-25 nobody below the level gets what is protected", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Masking)
	})
	t.Run("R-005 every command says who, when and why, and a refused one changes nothing but the log", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Refusal)
	})
	t.Run("R-100 every command in every state is accepted as declared or refused by name", func(t *testing.T) {
		t.Parallel()
		Walk(t, lockModel(""))
	})
	t.Run("the two times of an event", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), TwoTimes)
	})
	t.Run("being late is no state", func(t *testing.T) {
		t.Parallel()
		Laws(t, lockSpec(""), Time)
	})
	t.Run("S-123 a command whose entry cannot be written fails and changes nothing", func(t *testing.T) {
		t.Parallel()
		db := NewFaultyDB(memory.New())
		s, err := itsm.NewService(lockProcess{}, store.NewRepository[lock](db), itsm.Config{Clock: NewClock(start).Now})
		require.NoError(t, err)
		ctx := itsm.WithActor(t.Context(), Actor("u-017", itsm.RoleServiceDesk))
		rec, err := s.Do(ctx, "", install{Place: "pharmacy"})
		require.NoError(t, err)
		full := errors.New("the disk is full")
		for _, cmd := range []itsm.Command{shut{}, open{}} { // one that is possible and one that is refused
			db.FailBefore(1, full)
			_, err = s.Do(ctx, rec.ID, cmd)
			require.ErrorIs(t, err, full)
			assert.NotErrorIs(t, err, itsm.ErrRefused, "a refusal that is not in the journal is not given")
			now, err := s.Get(ctx, rec.ID)
			require.NoError(t, err)
			assert.Equal(t, rec, now)
			assert.Len(t, collect(t, "events", s.Events(ctx, rec.ID)), 1)
		}
	})
}
