package itsm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// series writes n entries of one tenant over some records.
func series(s *sealed, from, n int) {
	heads := make(map[itsm.Key]*itsm.Event)
	for i := range s.events {
		heads[s.events[i].Key] = &s.events[i]
	}
	for i := from; i < from+n; i++ {
		e := itsm.Event{
			Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: itsm.ID(fmt.Sprintf("INC-%d", i%97))}, Seq: 1, Type: "incident.noted",
			At: sealStart.Add(time.Duration(i) * time.Second), Recorded: sealStart.Add(time.Duration(i) * time.Second),
			Actor: "u-017", Command: itsm.CommandID(fmt.Sprintf("c%d", i)), CommandName: "itsm.note", Data: fmt.Appendf(nil, `{"n":%d}`, i),
		}
		if last := heads[e.Key]; last != nil {
			e.Seq, e.Prev = last.Seq+1, last.Hash
		}
		s.add(e)
		heads[e.Key] = &s.events[len(s.events)-1]
	}
}

// leafBytes is a leaf as the format says, written out plainly.
func leafBytes(e *itsm.Event) []byte {
	b := []byte("itsm-leaf-1\n")
	for _, s := range []string{string(e.Tenant), string(e.Kind), string(e.ID)} {
		b = append(append(b, byte(len(s))), s...) // short names: the length is one byte
	}
	for n := e.Seq; ; n >>= 7 {
		if n < 0x80 {
			b = append(b, byte(n))
			break
		}
		b = append(b, byte(n)|0x80)
	}
	return append(b, e.Hash[:]...)
}

// plainRoot is the Merkle tree hash by its definition in RFC 6962.
func plainRoot(leaves []tlog.Hash) tlog.Hash {
	switch len(leaves) {
	case 0:
		root, err := tlog.TreeHash(0, nil)
		if err != nil {
			panic(err)
		}
		return root
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(plainRoot(leaves[:k]), plainRoot(leaves[k:]))
}

func TestSeal(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("the root is that of the plain tree, however the journal was sealed", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := newSealed()
			var leaves []tlog.Hash
			for range rapid.IntRange(1, 4).Draw(t, "rounds") {
				from := len(s.events)
				series(s, from, rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(250, 520)).Draw(t, "entries"))
				for i := range s.events[from:] {
					leaves = append(leaves, tlog.RecordHash(leafBytes(&s.events[from+i])))
				}
				seal := s.seal(t, "h1")
				assert.EqualValues(t, len(leaves), seal.Size)
				assert.Equal(t, plainRoot(leaves), tlog.Hash(seal.Root))
				got, err := s.verify("h1", s.seals["h1"]...)
				require.NoError(t, err)
				assert.Equal(t, itsm.Verification{Seal: seal, Sealed: seal.Size}, got)
			}
		})
	})

	t.Run("three levels of tiles, several rounds, proofs across them", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 300)
		older := s.seal(t, "h1")
		series(s, 300, 66_000)
		seal := s.seal(t, "h1")
		assert.EqualValues(t, 66_300, seal.Size)
		assert.Greater(t, seal.Number, uint64(3), "sealed in rounds")
		got, err := s.verify("h1", older, seal)
		require.NoError(t, err)
		assert.EqualValues(t, 66_300, got.Sealed)
		_, keys := testKey()
		for _, i := range []int{0, 255, 256, 40_000, 65_535, 65_536, 66_299} {
			e := s.events[i]
			proof, err := itsm.ProveEntry(ctx, s.shelf, keys, e.Key, e.Seq)
			require.NoError(t, err)
			assert.EqualValues(t, i, proof.Leaf)
			assert.LessOrEqual(t, len(proof.Path), 17)
			_, err = proof.Verify(&e, keys)
			require.NoError(t, err)
		}
		growth, err := itsm.ProveGrowth(ctx, s.shelf, keys, older)
		require.NoError(t, err)
		newest, err := growth.Verify(older, keys)
		require.NoError(t, err)
		assert.Equal(t, seal, newest)
	})

	t.Run("what is new is what is read and written", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 70_000)
		s.seal(t, "h1")
		counting := &countingShelf{shelf: s.shelf}
		signer, keys := testKey()
		sealer, err := itsm.NewSealer(s.tape, counting, signer, keys)
		require.NoError(t, err)
		series(s, 70_000, 10)
		_, err = sealer.Seal(ctx, "h1", sealStart)
		require.NoError(t, err)
		assert.LessOrEqual(t, counting.loads, 6, "the head, the edge of the tree, the list of seals")
		assert.LessOrEqual(t, counting.saves, 4)
	})

	t.Run("without new entries there is no new seal", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		empty := s.seal(t, "h1")
		assert.Zero(t, empty.Size)
		_, err := s.verify("h1", empty)
		require.NoError(t, err, "an empty journal can be sealed")
		series(s, 0, 3)
		first := s.seal(t, "h1")
		assert.Equal(t, first, s.seal(t, "h1"))
		assert.Equal(t, empty.Number+1, first.Number)
		_, err = s.verify("h1", empty, first)
		require.NoError(t, err)
	})

	t.Run("time does not run backwards, and is cut to microseconds", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		now := sealStart.Add(time.Hour + 123*time.Nanosecond)
		series(s, 0, 1)
		first, err := s.sealer(t).Seal(ctx, "h1", now.In(time.FixedZone("", 8*3600)))
		require.NoError(t, err)
		assert.Equal(t, sealStart.Add(time.Hour), first.Time)
		series(s, 1, 1)
		second, err := s.sealer(t).Seal(ctx, "h1", sealStart)
		require.NoError(t, err)
		assert.Equal(t, first.Time, second.Time)
	})

	t.Run("nothing sealed is not verified", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 3)
		_, err := s.verify("h1")
		require.ErrorIs(t, err, itsm.ErrNotFound)
		_, err = s.verify("h1", itsm.Seal{Tenant: "h1", Number: 7})
		require.ErrorIs(t, err, itsm.ErrRolledBack, "a seal was seen, and all are gone")
		s.seal(t, "h1")
		_, err = s.verify("h1", itsm.Seal{Tenant: "h2"})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		_, err = s.verify("h2")
		require.ErrorIs(t, err, itsm.ErrNotFound, "each tenant has its own")
	})

	t.Run("many sealers beside each other", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 2000)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				seal, err := s.sealer(t).Seal(ctx, "h1", sealStart)
				assert.NoError(t, err)
				assert.EqualValues(t, 2000, seal.Size)
				assert.EqualValues(t, 1, seal.Number, "one of them made it")
			})
		}
		wg.Wait()
		_, err := s.verify("h1")
		require.NoError(t, err)
	})

	t.Run("a seal stays good when the key changes", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 3)
		old := s.seal(t, "h1")
		secret, public, err := note.GenerateKey(nil, "h1.example/itsm-2027")
		require.NoError(t, err)
		next, err := note.NewSigner(secret)
		require.NoError(t, err)
		nextKey, err := note.NewVerifier(public)
		require.NoError(t, err)
		signer, keys := testKey()
		oldKey, err := keys.Verifier(signer.Name(), signer.KeyHash())
		require.NoError(t, err)
		_, err = itsm.NewSealer(s.tape, s.shelf, next, keys)
		require.ErrorIs(t, err, itsm.ErrInvalid, "nobody could check what it signs")
		both := note.VerifierList(oldKey, nextKey)
		sealer, err := itsm.NewSealer(s.tape, s.shelf, next, both)
		require.NoError(t, err)
		series(s, 3, 3)
		_, err = sealer.Seal(ctx, "h1", sealStart)
		require.NoError(t, err)
		_, err = itsm.VerifyJournal(ctx, s.tape, "h1", s.shelf, both, old)
		require.NoError(t, err)
		_, err = s.verify("h1")
		require.ErrorIs(t, err, itsm.ErrSealBroken, "a key that is not known does not count")
	})

	t.Run("a signer that does not fit its key", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		signer, keys := testKey()
		sealer, err := itsm.NewSealer(s.tape, s.shelf, wrongSigner{signer}, keys)
		require.NoError(t, err)
		_, err = sealer.Seal(ctx, "h1", sealStart)
		require.ErrorIs(t, err, itsm.ErrSealBroken)
		assert.Empty(t, s.shelf.items, "nothing is kept")
	})

	t.Run("errors of journal and store come through", func(t *testing.T) {
		t.Parallel()
		down := errors.New("down")
		s := newSealed()
		series(s, 0, 3)
		s.seal(t, "h1")
		signer, keys := testKey()
		for n := range 4 {
			broken := &countingShelf{shelf: s.shelf, failAt: n + 1, err: down}
			_, err := itsm.VerifyJournal(ctx, s.tape, "h1", broken, keys)
			if broken.loads > n {
				require.ErrorIs(t, err, down)
			}
			sealer, err := itsm.NewSealer(s.tape, &countingShelf{shelf: s.shelf, failAt: n + 1, err: down}, signer, keys)
			require.NoError(t, err)
			series(s, len(s.events), 1)
			_, err = sealer.Seal(ctx, "h1", sealStart)
			if n < 3 {
				require.ErrorIs(t, err, down)
			}
		}
		_, err := s.verify("h1")
		require.NoError(t, err, "what failed left nothing")
		_, err = s.sealer(t).Seal(ctx, " ", sealStart)
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
}

type wrongSigner struct{ note.Signer }

func (s wrongSigner) Sign(msg []byte) ([]byte, error) { return s.Signer.Sign(append(msg, '!')) }

// countingShelf counts the items that go in and out, and fails when it is told to.
type countingShelf struct {
	*shelf
	loads, saves int
	failAt       int
	err          error
}

func (s *countingShelf) Load(ctx context.Context, tenant itsm.Tenant, name string) (itsm.SealItem, error) {
	if s.loads++; s.loads == s.failAt {
		return itsm.SealItem{}, s.err
	}
	return s.shelf.Load(ctx, tenant, name)
}

func (s *countingShelf) Save(ctx context.Context, tenant itsm.Tenant, items []itsm.SealItem) error {
	s.saves += len(items)
	return s.shelf.Save(ctx, tenant, items)
}

func TestParseSeal(t *testing.T) {
	t.Parallel()
	signer, keys := testKey()
	sign := func(text string) []byte {
		t.Helper()
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		require.NoError(t, err)
		return signed
	}
	s := newSealed()
	series(s, 0, 2)
	seal := s.seal(t, "h1")
	good, _, _ := cutNote(seal.Note)
	_, err := itsm.ParseSeal(sign(good), keys)
	require.NoError(t, err)
	t.Run("a signature that is written in another way, for the same bytes, is none", func(t *testing.T) {
		t.Parallel()
		text := string(seal.Note)
		at := strings.LastIndex(text, "=") - 1
		for text[at] == '=' {
			at--
		}
		taken := 0
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
			if _, err := itsm.ParseSeal([]byte(text[:at]+string(c)+text[at+1:]), keys); err == nil {
				taken++
			}
		}
		require.Equal(t, 1, taken, "the last letter of the signature has one form")
	})
	for name, text := range map[string]string{
		"nothing":           "\n",
		"another note":      "go.sum database tree\n2\nAAAA\n",
		"another version":   replaced(good, "journal seal 1", "journal seal 2"),
		"no tenant":         replaced(good, "tenant \"h1\"\n", ""),
		"a bare tenant":     replaced(good, "\"h1\"", "h1"),
		"an open quote":     replaced(good, "\"h1\"", "\"h1"),
		"another quote":     replaced(good, "\"h1\"", "`h1`"),
		"something behind":  good + "more\n",
		"something between": replaced(good, "\nroot", "\n \nroot"),
		"a negative size":   replaced(good, "entries 2", "entries -2"),
		"a zero in front":   replaced(good, "entries 2", "entries 02"),
		"a huge size":       replaced(good, "entries 2", "entries 9223372036854775807"),
		"an overflow":       replaced(good, "entries 2", "entries 9223372036854775809"),
		"a short root":      replaced(good, "root ", "root 00\n"),
		"a local time":      replaced(good, "Z\n", "+08:00\n"),
		"no line end":       good + "x\n",
		"two blanks":        replaced(good, "seal 1\nentries", "seal  1\nentries"),
	} {
		_, err := itsm.ParseSeal(sign(text), keys)
		assert.ErrorIs(t, err, itsm.ErrSealBroken, name)
	}
	_, other := newKey(t, "h1.example/itsm")
	_, err = itsm.ParseSeal(seal.Note, other)
	require.ErrorIs(t, err, itsm.ErrSealBroken, "another key of the same name")
	_, err = itsm.ParseSeal([]byte(replaced(string(seal.Note), "entries 2", "entries 3")), keys)
	require.ErrorIs(t, err, itsm.ErrSealBroken, "the text was changed")
	_, err = itsm.ParseCheckpoint(seal.Note, keys)
	require.ErrorIs(t, err, itsm.ErrSealBroken, "a seal is no checkpoint")
}

func TestSealProofs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	_, keys := testKey()

	t.Run("every entry and every growth can be proven, nothing else", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := s.sealedPart()
			i := rapid.IntRange(0, len(at)-1).Draw(t, "entry")
			e := s.events[at[i]]
			proof, err := itsm.ProveEntry(ctx, s.shelf, keys, e.Key, e.Seq)
			require.NoError(t, err)
			assert.EqualValues(t, i, proof.Leaf)
			data, err := json.Marshal(proof)
			require.NoError(t, err)
			proof = itsm.EntryProof{}
			require.NoError(t, json.Unmarshal(data, &proof), "it travels as JSON")
			seal, err := proof.Verify(&e, keys)
			require.NoError(t, err)
			assert.Equal(t, s.newest("h1"), seal)

			other := s.events[rapid.SampledFrom(at).Draw(t, "other")]
			if other.Hash != e.Hash {
				_, err = proof.Verify(&other, keys)
				require.ErrorIs(t, err, itsm.ErrEntryChanged)
			}
			forged := e
			forged.Reason += "!"
			_, err = proof.Verify(&forged, keys)
			found(t, err, itsm.ErrEntryChanged, e.Key, e.Seq, e.Position)
			forged.Hash = forged.ComputeHash()
			_, err = proof.Verify(&forged, keys)
			found(t, err, itsm.ErrEntryChanged, e.Key, e.Seq, e.Position)
			elsewhere := e
			elsewhere.Tenant = "h9"
			elsewhere.Hash = elsewhere.ComputeHash()
			_, err = proof.Verify(&elsewhere, keys)
			require.ErrorIs(t, err, itsm.ErrEntryChanged)

			for _, older := range s.seals["h1"] {
				growth, err := itsm.ProveGrowth(ctx, s.shelf, keys, older)
				require.NoError(t, err)
				newest, err := growth.Verify(older, keys)
				require.NoError(t, err)
				assert.Equal(t, seal, newest)
				older.Root[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1
				_, err = growth.Verify(older, keys)
				require.ErrorIs(t, err, itsm.ErrRolledBack)
			}
			growth, err := itsm.ProveGrowth(ctx, s.shelf, keys, s.seals["h1"][0])
			require.NoError(t, err)
			_, err = growth.Verify(itsm.Seal{Tenant: "h2", Size: 1}, keys)
			require.ErrorIs(t, err, itsm.ErrRolledBack)
			nothing := itsm.Seal{Tenant: "h1", Root: itsm.Digest(plainRoot(nil))}
			growth, err = itsm.ProveGrowth(ctx, s.shelf, keys, nothing)
			require.NoError(t, err)
			_, err = growth.Verify(nothing, keys)
			require.NoError(t, err, "nothing is the beginning of everything")
			nothing.Tenant = "h2"
			_, err = growth.Verify(nothing, keys)
			require.ErrorIs(t, err, itsm.ErrRolledBack, "but not of another tenant's")
		})
	})

	t.Run("what is not sealed cannot be proven", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 5)
		seal := s.seal(t, "h1")
		series(s, 5, 1)
		e := s.events[5]
		_, err := itsm.ProveEntry(ctx, s.shelf, keys, e.Key, e.Seq)
		require.ErrorIs(t, err, itsm.ErrNotFound)
		seal.Size = 9
		_, err = itsm.ProveGrowth(ctx, s.shelf, keys, seal)
		require.ErrorIs(t, err, itsm.ErrRolledBack)
		proof, err := itsm.ProveEntry(ctx, s.shelf, keys, s.events[0].Key, 1)
		require.NoError(t, err)
		proof.Seal = "x"
		_, err = proof.Verify(&s.events[0], keys)
		require.ErrorIs(t, err, itsm.ErrSealBroken)
	})
}

// TestSealersSideBySide lets sealers and verifiers work at once: none of them may take the work of another for tampering.
func TestSealersSideBySide(t *testing.T) {
	t.Parallel()
	s := &sealed{tape: &tape{}, shelf: newShelf()}
	series(s, 0, 10)
	var journal sync.RWMutex
	shared := lockedJournal{&journal, s}
	ctx := context.Background()
	signer, keys := testKey()
	sealer, err := itsm.NewSealer(shared, s.shelf, signer, keys)
	require.NoError(t, err)
	_, err = sealer.Seal(ctx, "h1", sealStart)
	require.NoError(t, err)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := sealer.Seal(ctx, "h1", sealStart); err != nil && !errors.Is(err, itsm.ErrConflict) {
					t.Errorf("seal: %v", err)
					return
				}
				if _, err := itsm.VerifyJournal(ctx, shared, "h1", s.shelf, keys); err != nil {
					t.Errorf("verify: %v", err)
					return
				}
			}
		})
	}
	for i := range 300 {
		journal.Lock()
		series(s, 10+i, 1)
		journal.Unlock()
	}
	close(done)
	wg.Wait()
	_, err = sealer.Seal(ctx, "h1", sealStart)
	require.NoError(t, err)
	v, err := itsm.VerifyJournal(ctx, shared, "h1", s.shelf, keys)
	require.NoError(t, err)
	assert.EqualValues(t, 310, v.Sealed)
}

// lockedJournal hands out a journal that grows meanwhile.
type lockedJournal struct {
	mu *sync.RWMutex
	of itsm.Journal
}

func (j lockedJournal) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		var events []itsm.Event
		j.mu.RLock()
		for e, err := range j.of.Events(ctx, after, f) {
			if err != nil {
				j.mu.RUnlock()
				yield(e, err)
				return
			}
			events = append(events, e)
		}
		j.mu.RUnlock()
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}
