package itsm_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/hospital-itsm/itsm"
)

// purgedShelf is a journal with all that is kept for its seals: several seals, tiles of two levels, a checkpoint.
func purgedShelf(t testing.TB) *sealed {
	t.Helper()
	s := newSealed()
	series(s, 0, 3)
	s.seal(t, "h1")
	s.write(itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: "old"}, Recorded: sealStart.AddDate(-9, 0, 0), Command: "c", Data: []byte("{}")})
	series(s, 3, 260)
	s.seal(t, "h1")
	plan, err := s.sealer(t).PlanPurge(context.Background(), itsm.DefaultRetention(), purgeRequest(sealStart))
	require.NoError(t, err)
	_, err = s.sealer(t).Purge(context.Background(), plan, s)
	require.NoError(t, err)
	return s
}

// FuzzParseSeal reads notes as they come, and texts under a good signature.
func FuzzParseSeal(f *testing.F) {
	s := purgedShelf(f)
	signer, keys := testKey()
	for _, seal := range s.seals["h1"] {
		f.Add(seal.Note)
		text, _, _ := cutNote(seal.Note)
		f.Add([]byte(text))
	}
	for c, err := range itsm.Checkpoints(context.Background(), s.shelf, "h1", keys) {
		require.NoError(f, err)
		f.Add(c.Note)
		text, _, _ := cutNote(c.Note)
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		messages := [][]byte{data}
		if signed, err := note.Sign(&note.Note{Text: string(data)}, signer); err == nil {
			messages = append(messages, signed)
		}
		for _, msg := range messages {
			if seal, err := itsm.ParseSeal(msg, keys); err == nil {
				again, err := itsm.ParseSeal(seal.Note, keys)
				require.NoError(t, err)
				assert.Equal(t, seal, again)
				assert.GreaterOrEqual(t, seal.Size, int64(0))
			} else {
				require.ErrorIs(t, err, itsm.ErrSealBroken)
			}
			if c, err := itsm.ParseCheckpoint(msg, keys); err == nil {
				again, err := itsm.ParseCheckpoint(c.Note, keys)
				require.NoError(t, err)
				assert.Equal(t, c, again)
			} else {
				require.ErrorIs(t, err, itsm.ErrSealBroken)
			}
		}
	})
}

// FuzzSealItem puts anything in the place of an item that is kept for seals. Nothing panics, and what passes is true.
func FuzzSealItem(f *testing.F) {
	whole := purgedShelf(f)
	names := whole.shelf.names("h1 ")
	for i, name := range names {
		f.Add(i, whole.shelf.items[name].Data)
	}
	want, err := whole.verify("h1")
	require.NoError(f, err)
	_, keys := testKey()
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, which int, data []byte) {
		name := names[uint(which)%uint(len(names))]
		s := whole.copy()
		item := s.shelf.items[name]
		item.Data = data
		s.shelf.items[name] = item
		var tampered *itsm.TamperedError
		got, err := s.verify("h1", whole.newest("h1"))
		if err != nil {
			require.ErrorAs(t, err, &tampered)
		} else {
			assert.Equal(t, want, got, name)
		}
		e := s.events[7]
		if proof, err := itsm.ProveEntry(ctx, s.shelf, keys, e.Key, e.Seq); err == nil {
			if _, err := proof.Verify(&e, keys); err != nil {
				require.ErrorAs(t, err, &tampered)
			}
		}
		s.write(itsm.Event{Key: e.Key, Command: "next", Data: []byte("{}")})
		signer, _ := testKey()
		sealer, err := itsm.NewSealer(s.tape, s.shelf, signer, keys)
		require.NoError(t, err)
		if _, err := sealer.Seal(ctx, "h1", sealStart); err != nil {
			require.ErrorAs(t, err, &tampered)
		}
	})
}

func FuzzParseRetention(f *testing.F) {
	for _, text := range []string{"36 months", "3 years", "1 month", "unlimited", "06 months", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := itsm.ParseRetention(text)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		again, err := itsm.ParseRetention(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, again)
	})
}
