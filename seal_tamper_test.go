package itsm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

func cutNote(signed []byte) (text, sigs string, ok bool) {
	text, sigs, ok = strings.Cut(string(signed), "\n\n")
	return text + "\n", sigs, ok
}

func replaced(s, old, with string) string { return strings.Replace(s, old, with, 1) }

// flips change one thing of an entry. Those that survive a new hash change what was said; the others only what it is held together by.
var flips = []struct {
	name string
	flip func(e *itsm.Event)
	said bool
}{
	{"type", func(e *itsm.Event) { e.Type += "x" }, true},
	{"time", func(e *itsm.Event) { e.At = e.At.Add(time.Microsecond) }, true},
	{"time of recording", func(e *itsm.Event) { e.Recorded = e.Recorded.Add(-time.Microsecond) }, true},
	{"actor", func(e *itsm.Event) { e.Actor = "u-018" }, true},
	{"whom the actor stood in for", func(e *itsm.Event) { e.OnBehalfOf = "u-001" }, true},
	{"command", func(e *itsm.Event) { e.Command += "x" }, true},
	{"name of the command", func(e *itsm.Event) { e.CommandName, e.Reason = e.CommandName+e.Reason, "" }, true},
	{"reason", func(e *itsm.Event) { e.Reason = "" }, true},
	{"data", func(e *itsm.Event) { e.Data = append(bytes.Clone(e.Data), ' ') }, true},
	{"personal part", func(e *itsm.Event) { e.Personal = append(bytes.Clone(e.Personal), 'x') }, true},
	{"digest of the personal part", func(e *itsm.Event) { e.PersonalDigest[7] ^= 1 }, false},
	{"previous hash", func(e *itsm.Event) { e.Prev[31] ^= 0x80 }, false},
	{"hash", func(e *itsm.Event) { e.Hash[0] ^= 1 }, false},
}

func TestSealTampering(t *testing.T) {
	t.Parallel()

	t.Run("what was not tampered with passes", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			erased := 0
			for _, i := range s.of("h1") {
				if s.events[i].Erased() {
					erased++
				}
			}
			got, err := s.verify("h1", s.seals["h1"]...)
			require.NoError(t, err)
			n := s.newest("h1").Size
			assert.Equal(t, itsm.Verification{Seal: s.newest("h1"), Sealed: n, Unsealed: int64(len(s.of("h1"))) - n, Erased: int64(erased)}, got)
		})
	})

	t.Run("flip: the changed entry is named, also when the chain was made to fit", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := rapid.SampledFrom(s.sealedPart()).Draw(t, "entry")
			e := &s.events[at]
			was := *e
			f := rapid.SampledFrom(flips).Draw(t, "flip")
			f.flip(e)
			if f.said && rapid.Bool().Draw(t, "forge") {
				s.rechain(was.Key)
			}
			_, err := s.verify("h1")
			found(t, err, itsm.ErrEntryChanged, was.Key, was.Seq, was.Position)
		})
	})

	t.Run("flip: an entry that is made one of another record or number", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := s.sealedPart()
			i := rapid.IntRange(0, len(at)-1).Draw(t, "entry")
			e := &s.events[at[i]]
			was := *e
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				e.ID += "x"
			case 1:
				e.Kind += "x"
			default:
				e.Seq += 1000
			}
			e.Hash = e.ComputeHash()
			class := itsm.ErrEntryChanged
			if i == len(at)-1 {
				class = itsm.ErrJournalCut // it cannot be told from a new one in the place of the last
			}
			_, err := s.verify("h1")
			found(t, err, class, was.Key, was.Seq, was.Position)
		})
	})

	t.Run("drop: the missing entry is named", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := s.sealedPart()
			i := rapid.IntRange(0, len(at)-1).Draw(t, "entry")
			was := s.events[at[i]]
			all := s.of("h1")
			var instead itsm.Position
			if i+1 < len(all) {
				instead = s.events[all[i+1]].Position
			}
			s.events = slices.Delete(s.events, at[i], at[i]+1)
			class := itsm.ErrEntryDropped
			if i == len(at)-1 {
				class = itsm.ErrJournalCut
			}
			_, err := s.verify("h1")
			found(t, err, class, was.Key, was.Seq, instead)
		})
	})

	t.Run("drop and number anew: the place is named", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := rapid.SampledFrom(s.sealedPart()).Draw(t, "entry")
			was := s.events[at]
			s.events = slices.Delete(s.events, at, at+1)
			for i := at; i < len(s.events); i++ {
				if s.events[i].Key == was.Key {
					s.events[i].Seq--
				}
			}
			s.rechain(was.Key)
			_, err := s.verify("h1")
			var tampered *itsm.TamperedError
			require.ErrorAs(t, err, &tampered)
			assert.Equal(t, was.Key, tampered.Key, err.Error())
			assert.Equal(t, was.Seq, tampered.Seq, err.Error())
		})
	})

	t.Run("swap: the first of the two is named", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := s.sealedPart()
			i := rapid.IntRange(0, len(at)-2).Draw(t, "one")
			j := rapid.IntRange(i+1, len(at)-1).Draw(t, "other")
			was := s.events[at[i]]
			a, b := &s.events[at[i]], &s.events[at[j]]
			*a, *b = *b, *a
			a.Position, b.Position = b.Position, a.Position
			_, err := s.verify("h1")
			found(t, err, itsm.ErrEntryMoved, was.Key, was.Seq, was.Position)
		})
	})

	t.Run("insert: the foreign entry is named", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := rapid.SampledFrom(s.sealedPart()).Draw(t, "before")
			var e itsm.Event
			if rapid.Bool().Draw(t, "copy") {
				e = s.events[s.of("h1")[0]] // one that is there already
				if at == s.of("h1")[0] {
					at++ // in front of itself nothing is inserted but behind it
				}
				if sealed := s.sealedPart(); at > sealed[len(sealed)-1] {
					return
				}
			} else {
				e = anyEntry(t, 1, 1, 1)
				e.ID, e.Seq = "new", 1
				e.PersonalDigest, e.Personal = itsm.Digest{}, nil
				e.Hash = e.ComputeHash()
			}
			e.Position = placeOf(at) + ".5" // placeOf(at) is the one before: they count from 1
			s.events = slices.Insert(s.events, at, e)
			_, err := s.verify("h1")
			found(t, err, itsm.ErrEntryInserted, e.Key, e.Seq, e.Position)
		})
	})

	t.Run("insert and number anew: the place is named", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := rapid.SampledFrom(s.sealedPart()).Draw(t, "before")
			e := s.events[at]
			e.Reason, e.Position = "never said", placeOf(at)+".5"
			s.events = slices.Insert(s.events, at, e)
			for i := at + 1; i < len(s.events); i++ {
				if s.events[i].Key == e.Key {
					s.events[i].Seq++
				}
			}
			s.rechain(e.Key)
			_, err := s.verify("h1")
			found(t, err, itsm.ErrEntryChanged, e.Key, e.Seq, e.Position)
		})
	})

	t.Run("truncate: the first missing entry is named, also when the journal went on", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := rapid.SampledFrom(s.sealedPart()).Draw(t, "from")
			was := s.events[at]
			s.events = s.events[:at:at]
			var instead itsm.Position
			if rapid.Bool().Draw(t, "go on") {
				e := anyEntry(t, 100, 1, 4)
				e.Command = "another"
				s.write(e)
				instead = s.events[at].Position
				if e.Key == was.Key {
					_, err := s.verify("h1")
					found(t, err, itsm.ErrEntryChanged, was.Key, was.Seq, instead)
					return
				}
			}
			_, err := s.verify("h1")
			found(t, err, itsm.ErrJournalCut, was.Key, was.Seq, instead)
			_, err = s.sealer(t).Seal(context.Background(), "h1", sealStart)
			require.ErrorIs(t, err, itsm.ErrJournalCut, "it is not sealed over")
		})
	})

	t.Run("roll back: journal and seals of an older copy do not lead to the seal that was seen", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			copied := s.copy()
			copied.seals = map[itsm.Tenant][]itsm.Seal{"h1": slices.Clone(s.seals["h1"])}
			common := copied.newest("h1").Size
			e := anyEntry(t, 100, 1, 4)
			s.write(e)
			seen := s.seal(t, "h1")
			_, err := s.verify("h1", seen)
			require.NoError(t, err)

			_, err = copied.verify("h1")
			require.NoError(t, err, "an older copy is in order by itself")
			_, err = copied.verify("h1", seen)
			behind := copied.of("h1")[common:]
			if len(behind) > 0 {
				first := copied.events[behind[0]]
				found(t, err, itsm.ErrRolledBack, first.Key, first.Seq, first.Position)
			} else {
				found(t, err, itsm.ErrRolledBack, itsm.Key{Tenant: "h1"}, 0, "")
			}

			// It is worked on with, and sealed by the same host.
			e.Reason = "another story"
			copied.write(e)
			for range rapid.IntRange(0, 3).Draw(t, "more") {
				copied.write(anyEntry(t, 101, 1, 4))
			}
			copied.seal(t, "h1")
			_, err = copied.verify("h1")
			require.NoError(t, err)
			first := copied.events[copied.of("h1")[common]]
			_, err = copied.verify("h1", append(copied.seals["h1"], seen)...)
			found(t, err, itsm.ErrRolledBack, first.Key, first.Seq, "")
			_, keys := testKey()
			growth, err := itsm.ProveGrowth(context.Background(), copied.shelf, keys, seen)
			require.NoError(t, err)
			_, err = growth.Verify(seen, keys)
			require.ErrorIs(t, err, itsm.ErrRolledBack)
		})
	})

	t.Run("the list of sealed entries is rewritten with the journal: old seals tell from where on", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			at := s.sealedPart()
			i := rapid.IntRange(0, len(at)-1).Draw(t, "entry")
			e := &s.events[at[i]]
			e.Reason = "rewritten"
			s.rechain(e.Key)
			// Everything but the signatures is made anew.
			forged := &sealed{s.tape, newShelf(), make(map[itsm.Tenant][]itsm.Seal)}
			part := *s.tape
			forged.tape = &tape{part.events[:at[len(at)-1]+1]}
			forged.seal(t, "h1")
			for _, name := range slices.Concat(forged.shelf.names("h1 leaves"), forged.shelf.names("h1 tree")) {
				s.shelf.items[name] = forged.shelf.items[name]
			}
			from := int64(0)
			for _, seal := range s.seals["h1"] {
				if seal.Size <= int64(i) {
					from = max(from, seal.Size)
				}
			}
			first := s.events[at[from]]
			_, err := s.verify("h1")
			found(t, err, itsm.ErrSealBroken, first.Key, first.Seq, "")
			assert.Contains(t, err.Error(), fmt.Sprintf("entries %d to", from+1))
			s.write(anyEntry(t, 100, 1, 4))
			_, err = s.sealer(t).Seal(context.Background(), "h1", sealStart)
			require.ErrorIs(t, err, itsm.ErrSealBroken, "it is not sealed over")
		})
	})

	t.Run("anything else that is kept for seals: a flipped bit is found or changes nothing", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			s := anySealed(t)
			name := rapid.SampledFrom(s.shelf.names("h1 ")).Draw(t, "item")
			item := s.shelf.items[name]
			bit := rapid.IntRange(0, 8*len(item.Data)-1).Draw(t, "bit")
			item.Data = bytes.Clone(item.Data)
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				item.Data[bit/8] ^= 1 << (bit % 8)
			case 1:
				item.Data = item.Data[:bit/8]
			default:
				delete(s.shelf.items, name)
				item.Version = 0
			}
			if item.Version > 0 {
				s.shelf.items[name] = item
			}
			var tampered *itsm.TamperedError
			_, err := s.verify("h1", s.newest("h1"))
			if strings.HasPrefix(name, "h1 leaves") || name == "h1 head" && bytes.Contains(noteOf(item.Data), []byte("entries")) && !bytes.Equal(noteOf(item.Data), s.newest("h1").Note) {
				require.ErrorAs(t, err, &tampered)
			}
			if err != nil {
				require.ErrorAs(t, err, &tampered, name)
			}
			// A seal that is made all the same tells the truth.
			s.write(anyEntry(t, 100, 1, 4))
			if seal, err := s.sealer(t).Seal(context.Background(), "h1", sealStart); err == nil && strings.HasPrefix(name, "h1 tree") {
				_, err := s.verify("h1", seal, s.newest("h1"))
				require.NoError(t, err)
			}
		})
	})

	t.Run("behind the seal the chain of each record is checked", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 100)
		s.seal(t, "h1")
		series(s, 100, 200)
		for name, c := range map[string]struct {
			do    func(s *sealed)
			class error
			at    int
			seq   uint64
			place itsm.Position
		}{
			"flip":   {func(s *sealed) { s.events[150].Actor = "x" }, itsm.ErrEntryChanged, 150, s.events[150].Seq, placeOf(151)},
			"drop":   {func(s *sealed) { s.events = slices.Delete(s.events, 150, 151) }, itsm.ErrEntryDropped, 150, s.events[150].Seq, placeOf(151 + 97)},
			"double": {func(s *sealed) { s.events = slices.Insert(s.events, 160, s.events[150]) }, itsm.ErrEntryInserted, 150, s.events[150].Seq, placeOf(151)},
			"foreign": {func(s *sealed) {
				s.events[150].Prev[3] ^= 1
				s.events[150].Hash = s.events[150].ComputeHash()
			}, itsm.ErrEntryChanged, 150, s.events[150].Seq, placeOf(151)},
		} {
			bad := s.copy()
			c.do(bad)
			_, err := bad.verify("h1")
			found(t, err, c.class, s.events[c.at].Key, c.seq, c.place)
			_, err = bad.sealer(t).Seal(context.Background(), "h1", sealStart)
			if name == "drop" { // the entries before it were sealed earlier: the sealer does not know them, the verification does
				require.NoError(t, err)
				_, err = bad.verify("h1")
			}
			require.ErrorIs(t, err, c.class, "%s is not sealed over", name)
		}
	})

	t.Run("a store that mixes tenants", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 10)
		s.seal(t, "h1")
		_, keys := testKey()
		mixed := &mixedJournal{s.tape, s.events[4]}
		mixed.extra.Tenant = "h2"
		_, err := itsm.VerifyJournal(context.Background(), mixed, "h1", s.shelf, keys)
		found(t, err, itsm.ErrEntryInserted, mixed.extra.Key, mixed.extra.Seq, mixed.extra.Position)
	})

	t.Run("the seal of another tenant is none", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 10)
		s.seal(t, "h1")
		s.shelf.items["h2 head"] = s.shelf.items["h1 head"]
		_, err := s.verify("h2")
		found(t, err, itsm.ErrSealBroken, itsm.Key{Tenant: "h2"}, 0, "")
		assert.ErrorContains(t, err, `one of tenant "h1"`)
	})

	t.Run("damage to the tree is not built upon", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 700)
		s.seal(t, "h1")
		series(s, 700, 1)
		for name, damage := range map[string]func([]byte) []byte{
			"cut":     func(b []byte) []byte { return b[:len(b)-32] },
			"longer":  func(b []byte) []byte { return append(b, make([]byte, 32)...) },
			"flipped": func(b []byte) []byte { b[40] ^= 1; return b },
			"gone":    func([]byte) []byte { return nil },
		} {
			for _, item := range []string{"h1 tree/1/0", "h1 leaves/2"} {
				bad := s.copy()
				have := bad.shelf.items[item]
				have.Data = damage(have.Data)
				bad.shelf.items[item] = have
				_, err := bad.sealer(t).Seal(context.Background(), "h1", sealStart)
				require.ErrorIs(t, err, itsm.ErrSealBroken, "%s %s", item, name)
				_, err = bad.verify("h1")
				if item == "h1 tree/1/0" {
					require.NoError(t, err, "the tree above the list is there for speed: the entries are judged by the list")
				} else {
					require.ErrorIs(t, err, itsm.ErrSealBroken, "%s %s", item, name)
				}
			}
		}
	})

	t.Run("where journal and list differ and the list is not what was signed, the entry is named", func(t *testing.T) {
		t.Parallel()
		s := newSealed()
		series(s, 0, 300)
		s.seal(t, "h1")
		e := s.events[270]
		item := s.shelf.items["h1 leaves/1"]
		at := bytes.Index(item.Data, e.Hash[:])
		item.Data[at] ^= 1
		_, err := s.verify("h1")
		found(t, err, itsm.ErrSealBroken, e.Key, e.Seq, e.Position)
	})
}

// noteOf returns the note in a head, nil when it cannot be read.
func noteOf(head []byte) []byte {
	var h struct{ Note string }
	if json.Unmarshal(head, &h) != nil {
		return nil
	}
	return []byte(h.Note)
}

// mixedJournal gives out an entry that was not asked for.
type mixedJournal struct {
	*tape
	extra itsm.Event
}

func (m *mixedJournal) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		if yield(m.extra, nil) {
			m.tape.Events(ctx, after, f)(yield)
		}
	}
}
