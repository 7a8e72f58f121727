package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A batch of entries that stand alone, all of one command.
func batchOf(command itsm.CommandID, texts ...string) store.Batch {
	b := store.Batch{Tenant: "h1", Commands: []itsm.CommandID{command}}
	for i, text := range texts {
		b.Events = append(b.Events, itsm.Event{
			Key: itsm.Key{Tenant: "h1", Kind: itsm.KindCommand, ID: itsm.ID(fmt.Sprintf("%s-%d-%s", command, i, text[:min(9, len(text))]))},
			Seq: 1, Type: "test.said", At: time.UnixMicro(1).UTC(), Recorded: time.UnixMicro(1).UTC(), Actor: "u-001",
			Command: command, CommandName: "test.say", Reason: text, Data: []byte(text),
		})
	}
	return b
}

func told(t *testing.T, db *DB, f itsm.Filter) (texts []string) {
	t.Helper()
	for e, err := range db.Events(context.Background(), "", f) {
		require.NoError(t, err)
		require.Equal(t, e.Reason, string(e.Data))
		texts = append(texts, e.Reason)
	}
	return texts
}

func TestPlaceTable(t *testing.T) {
	t.Run("places are found among others with the same hash, or half of it", rapid.MakeCheck(func(t *rapid.T) {
		var p placeTable
		model := make(map[uint64][]int)
		some := rapid.SampledFrom([]uint64{0, 1, 1 << 32, 1<<32 | 7, 7, 1 << 58, 1<<58 | 7, 1<<64 - 1, 1<<32 - 1})
		hashes := rapid.OneOf(some, rapid.Uint64Range(0, 40), rapid.Uint64())
		for place := range rapid.IntRange(0, 300).Draw(t, "n") {
			hash := hashes.Draw(t, "hash")
			p.add(hash, place)
			model[hash] = append(model[hash], place)
		}
		for hash, all := range model {
			for _, want := range all {
				got, ok := p.find(hash, func(place int) bool { return place == want })
				require.True(t, ok)
				require.Equal(t, want, got)
			}
			_, ok := p.find(hash, func(int) bool { return false })
			require.False(t, ok)
		}
		hash := hashes.Draw(t, "another")
		_, ok := p.find(hash, func(place int) bool { return slices.Contains(model[hash], place) })
		require.Equal(t, len(model[hash]) > 0, ok)
	}))
	t.Run("commands with one hash are kept apart", func(t *testing.T) {
		ctx, db := context.Background(), New()
		require.NoError(t, db.Commit(ctx, batchOf("a", "a1", "a2")))
		j := &db.journal
		j.commands.add(j.hash(commandKey{"h1", "b"}), 0) // as if a had the hash of b
		require.NoError(t, db.Commit(ctx, batchOf("b", "b1", "b2")))
		for _, id := range []itsm.CommandID{"a", "b"} {
			require.Equal(t, []string{string(id) + "1", string(id) + "2"}, told(t, db, itsm.Filter{Tenant: "h1", Command: id}))
			require.ErrorIs(t, db.Commit(ctx, batchOf(id, "again")), itsm.ErrExists)
		}
		require.Empty(t, told(t, db, itsm.Filter{Tenant: "h2", Command: "a"}))
	})
}

func TestCommandOrder(t *testing.T) {
	t.Run("a command counts once, in whatever order commands come and however long their IDs are", rapid.MakeCheck(func(t *rapid.T) {
		ctx, db := context.Background(), New()
		given := make(map[itsm.CommandID]bool)
		id := rapid.OneOf(rapid.StringMatching(`[0-3a]{1,4}`), rapid.StringMatching(`[ab]{62,66}`))
		for i := range rapid.IntRange(0, 60).Draw(t, "n") {
			command := itsm.CommandID(id.Draw(t, "id"))
			b := batchOf(command, fmt.Sprint("text ", i))
			if rapid.IntRange(0, 4).Draw(t, "bare") == 0 { // a counter that is set: a command without an event
				key := itsm.Key{Tenant: "h1", Kind: "counter", ID: itsm.ID(fmt.Sprint(i))}
				b.Events, b.Puts = nil, []store.Put{{Snapshot: store.Snapshot{Key: key, Seq: 1, Data: []byte("{}")}}}
			}
			err := db.Commit(ctx, b)
			if given[command] {
				require.ErrorIs(t, err, itsm.ErrExists)
			} else {
				require.NoError(t, err)
			}
			given[command] = true
		}
		for command := range given {
			require.ErrorIs(t, db.Commit(ctx, batchOf(command, "again")), itsm.ErrExists)
		}
	}))
}

func TestJournalFull(t *testing.T) {
	t.Run("a journal that is full takes nothing any more, and says so", func(t *testing.T) {
		ctx, db := context.Background(), New()
		require.NoError(t, db.Commit(ctx, batchOf("a", "a1")))
		db.journal.len = maxPlaces - 1
		require.ErrorContains(t, db.Commit(ctx, batchOf("b", "b1", "b2")), "full")
		db.journal.len = 1
		require.NoError(t, db.Commit(ctx, batchOf("b", "b1", "b2")))
		require.Equal(t, []string{"a1", "b1", "b2"}, told(t, db, itsm.Filter{Tenant: "h1"}))
	})
}

func TestJournalPieces(t *testing.T) {
	t.Run("texts of all sizes come back as they went in, whichever piece they lie in", func(t *testing.T) {
		ctx, db := context.Background(), New()
		var want []string
		for i, size := range []int{1, 0, firstPiece, firstPiece + 1, 100, fullPiece / 2, fullPiece, fullPiece + 1, 3 * fullPiece, 7, 0, 300, fullPiece - 1, 64} {
			text := strings.Repeat(string(rune('a'+i)), size)
			want = append(want, text)
			require.NoError(t, db.Commit(ctx, batchOf(itsm.CommandID(fmt.Sprint("c", i)), text)))
		}
		require.Equal(t, want, told(t, db, itsm.Filter{Tenant: "h1"}))
	})
}
