package incident_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
)

// archive is the journal of a hospital as somebody with the whole database has it: a list that can be cut and spliced, and the items
// kept for seals. The seals that were seen, and the keys, are in other hands.
type archive struct {
	events []itsm.Event // of h1
	items  map[string]itsm.SealItem
	seen   []itsm.Seal
	signer note.Signer
	keys   note.Verifiers
}

// Events implements [itsm.Journal]. Entries stand in the order of the list; a position that is not in it is where it would be.
func (a *archive) Events(_ context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		given := 0
		for _, e := range a.events {
			if e.Position <= after || !f.Matches(&e) {
				continue
			}
			if !yield(e, nil) {
				return
			}
			if given++; given == f.Limit {
				return
			}
		}
	}
}

// Load and Save implement [itsm.SealStore].
func (a *archive) Load(_ context.Context, _ itsm.Tenant, name string) (itsm.SealItem, error) {
	item := a.items[name]
	item.Name, item.Data = name, bytes.Clone(item.Data)
	return item, nil
}

func (a *archive) Save(_ context.Context, _ itsm.Tenant, items []itsm.SealItem) error {
	for _, item := range items {
		if a.items[item.Name].Version != item.Version {
			return itsm.ErrConflict
		}
	}
	for _, item := range items {
		item.Version++
		a.items[item.Name] = item
	}
	return nil
}

func (a *archive) clone() *archive {
	c := *a
	c.events, c.items = slices.Clone(a.events), make(map[string]itsm.SealItem)
	maps.Copy(c.items, a.items)
	return &c
}

func (a *archive) newest() itsm.Seal { return a.seen[len(a.seen)-1] }

// verify verifies against the newest seal that is kept, and those that were seen.
func (a *archive) verify(seen ...itsm.Seal) (itsm.Verification, error) {
	return itsm.VerifyJournal(context.Background(), a, "h1", a, a.keys, seen...)
}

// rechain does what somebody who understands the journal does: it makes the chain of a record fit again.
func (a *archive) rechain(key itsm.Key) {
	var head itsm.Digest
	for i := range a.events {
		if e := &a.events[i]; e.Key == key {
			e.Prev = head
			if e.Personal != nil {
				e.PersonalDigest = sha256.Sum256(e.Personal)
			}
			e.Hash = e.ComputeHash()
			head = e.Hash
		}
	}
}

// place is where an entry stands.
type entryPlace struct {
	key itsm.Key
	seq uint64
}

func placeOf(e itsm.Event) entryPlace { return entryPlace{e.Key, e.Seq} }

// names checks that an error is about tampering, of one of the classes, and names an entry.
func names(t *rapid.T, err error, want entryPlace, classes ...error) {
	t.Helper()
	var tampered *itsm.TamperedError
	require.ErrorAs(t, err, &tampered)
	require.True(t, slices.ContainsFunc(classes, func(c error) bool { return errors.Is(err, c) }), "want one of %v, got: %v", classes, err)
	require.Equal(t, want, entryPlace{tampered.Key, tampered.Seq}, err.Error())
	require.Contains(t, err.Error(), string(want.key.ID))
	require.Contains(t, err.Error(), fmt.Sprintf("entry %d", want.seq))
}

// newKey makes the keys of a host.
func newKey(t require.TestingT) (note.Signer, note.Verifiers) {
	secret, public, err := note.GenerateKey(nil, "h1.example/itsm")
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	return signer, note.VerifierList(verifier)
}

// history fills a store with incidents that people worked on, in two hospitals, sealed now and then and at the end.
func history(t *testing.T) (*desk, *archive, *archive) {
	t.Helper()
	d := open(t, incident.Config{Policy: lenient(), Agreements: hours(t)})
	a := &archive{items: make(map[string]itsm.SealItem)}
	a.signer, a.keys = newKey(t)
	sealer, err := itsm.NewSealer(d.db, a, a.signer, a.keys)
	require.NoError(t, err)
	var older *archive
	roles := []itsm.Role{itsm.RoleServiceDesk, itsm.RoleDeskManager, itsm.RoleHardwareEngineer, itsm.RoleSecondLine, itsm.RoleProjectManager}
	var ids []itsm.ID
	work := rapid.Custom(func(rt *rapid.T) bool {
		for n := range 60 {
			d.now = d.now.Add(time.Minute)
			tenant := itsm.Tenant("h1")
			if n%6 == 5 {
				tenant = "h2"
			}
			ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: rapid.SampledFrom([]itsm.PersonID{"u-001", "u-002"}).Draw(rt, "who"), Tenant: tenant, Roles: roles})
			if len(ids) < 5 || tenant == "h2" {
				inc, err := d.Do(ctx, "", record)
				require.NoError(t, err)
				if tenant == "h1" {
					ids = append(ids, inc.ID)
				}
				continue
			}
			id := rapid.SampledFrom(ids).Draw(rt, "incident")
			inc := d.get(id)
			cmd, opts := draw(rt, inc, 1)
			_, _ = d.Do(ctx, id, cmd, opts...) // refusals are in the journal too
			if n%15 == 14 {
				seal, err := sealer.Seal(context.Background(), "h1", d.now)
				require.NoError(t, err)
				a.seen = append(a.seen, seal)
				if older == nil {
					older = a.clone()
					older.events = entries(t, d.db)
				}
			}
		}
		return true
	})
	require.True(t, work.Example(1))
	seal, err := sealer.Seal(context.Background(), "h1", d.now)
	require.NoError(t, err)
	a.seen = append(a.seen, seal)
	a.events = entries(t, d.db)
	require.Greater(t, len(a.events), 60, "the journal has entries")
	require.EqualValues(t, len(a.events), seal.Size, "all of them are sealed")
	return d, a, older
}

func entries(t *testing.T, db store.DB) (all []itsm.Event) {
	t.Helper()
	for e, err := range db.Events(context.Background(), "", itsm.Filter{Tenant: "h1"}) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// flipped flips one bit of what an entry says, or of what holds it together. What is said in no bits is left alone: it returns false.
func flipped(t *rapid.T, e *itsm.Event) bool {
	text := func(s string) string {
		if s == "" {
			return "\x01"
		}
		b := []byte(s)
		bit := rapid.IntRange(0, 8*len(b)-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		return string(b)
	}
	bits := func(b []byte) []byte { return []byte(text(string(b))) }
	digest := func(d *itsm.Digest) { copy(d[:], bits(d[:])) }
	switch rapid.IntRange(0, 13).Draw(t, "what") {
	case 0:
		e.Type = text(e.Type)
	case 1:
		e.At = e.At.Add(time.Microsecond << rapid.IntRange(0, 40).Draw(t, "bit of the time"))
	case 2:
		e.Recorded = e.Recorded.Add(time.Microsecond << rapid.IntRange(0, 40).Draw(t, "bit of the time"))
	case 3:
		e.Actor = itsm.PersonID(text(string(e.Actor)))
	case 4:
		e.OnBehalfOf = itsm.PersonID(text(string(e.OnBehalfOf)))
	case 5:
		e.Command = itsm.CommandID(text(string(e.Command)))
	case 6:
		e.CommandName = text(e.CommandName)
	case 7:
		e.Reason = text(e.Reason)
	case 8:
		e.Data = bits(e.Data)
	case 9:
		if e.Personal == nil {
			return false
		}
		e.Personal = bits(e.Personal)
	case 10:
		digest(&e.PersonalDigest)
	case 11:
		digest(&e.Prev)
	case 12:
		digest(&e.Hash)
	default: // the personal part is exchanged for that of nobody
		if e.Personal == nil {
			return false
		}
		e.Personal = []byte(`{}`)
	}
	return true
}

func TestTampering(t *testing.T) {
	t.Parallel()
	d, whole, older := history(t)
	// each runs a property over copies of the journal.
	each := func(t *testing.T, property func(rt *rapid.T, a *archive)) {
		t.Helper()
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) { property(rt, whole.clone()) })
	}
	pick := func(rt *rapid.T, a *archive) int { return rapid.IntRange(0, len(a.events)-1).Draw(rt, "entry") }

	t.Run("what nobody touched verifies, also with personal parts erased", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			erased := int64(0)
			for i := range a.events {
				if a.events[i].Personal != nil && rapid.Bool().Draw(rt, "erase") {
					a.events[i].Personal = nil
					erased++
				}
			}
			got, err := a.verify(a.seen...)
			require.NoError(rt, err)
			assert.Equal(rt, itsm.Verification{Seal: a.newest(), Sealed: int64(len(a.events)), Erased: erased}, got)
		})
	})

	t.Run("S-122 flip: any bit of any entry is found, and the entry is named", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			e := &a.events[pick(rt, a)]
			was := placeOf(*e)
			if !flipped(rt, e) {
				rt.Skip("the entry has no personal part")
			}
			_, err := a.verify()
			names(rt, err, was, itsm.ErrEntryChanged)
		})
	})

	t.Run("INV-03 flip, drop and swap are found although the hashes were made to fit, and the first entry that differs is named", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			i := pick(rt, a)
			was := a.events[i]
			switch rapid.IntRange(0, 2).Draw(rt, "how") {
			case 0:
				a.events[i].Reason += "never said"
				a.rechain(was.Key)
				_, err := a.verify()
				names(rt, err, placeOf(was), itsm.ErrEntryChanged)
			case 1:
				a.events = slices.Delete(a.events, i, i+1)
				for j := i; j < len(a.events); j++ {
					if a.events[j].Key == was.Key {
						a.events[j].Seq--
					}
				}
				a.rechain(was.Key)
				_, err := a.verify()
				names(rt, err, placeOf(was), itsm.ErrEntryChanged, itsm.ErrEntryDropped, itsm.ErrJournalCut)
			default:
				j := slices.IndexFunc(a.events[i+1:], func(e itsm.Event) bool { return e.Key == was.Key })
				if j < 0 {
					rt.Skip("the entry is the last of its record")
				}
				x, y := &a.events[i], &a.events[i+1+j]
				*x, *y = *y, *x // the two tell what the other told, each in the other's place and under its number
				x.Position, y.Position = y.Position, x.Position
				x.Seq, y.Seq = y.Seq, x.Seq
				a.rechain(was.Key)
				_, err := a.verify()
				names(rt, err, placeOf(was), itsm.ErrEntryChanged)
			}
		})
	})

	t.Run("S-122 drop: the missing entry is named", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			i := pick(rt, a)
			was := a.events[i]
			a.events = slices.Delete(a.events, i, i+1)
			_, err := a.verify()
			names(rt, err, placeOf(was), itsm.ErrEntryDropped, itsm.ErrJournalCut)
			require.Equal(rt, i == len(a.events), errors.Is(err, itsm.ErrJournalCut), "without the last one the journal is cut off: %v", err)
		})
	})

	t.Run("S-122 swap: the first of the two is named", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			i := rapid.IntRange(0, len(a.events)-2).Draw(rt, "one")
			j := rapid.IntRange(i+1, len(a.events)-1).Draw(rt, "other")
			was := a.events[i]
			x, y := &a.events[i], &a.events[j]
			*x, *y = *y, *x
			x.Position, y.Position = y.Position, x.Position
			_, err := a.verify()
			names(rt, err, placeOf(was), itsm.ErrEntryMoved)
		})
	})

	t.Run("S-122 insert: the foreign entry is named, a copy of one that is there as well", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			i := pick(rt, a)
			of := rapid.IntRange(0, len(a.events)-1).Draw(rt, "copy of")
			e, want, class := a.events[of], placeOf(a.events[of]), itsm.ErrEntryInserted
			switch {
			case rapid.Bool().Draw(rt, "invented"):
				e.ID, e.Seq, e.Prev = "INC-19990101-0001", 1, itsm.Digest{}
				e.Hash = e.ComputeHash()
				want = placeOf(e)
			case of == i:
				rt.Skip("in front of itself nothing is inserted, but behind it")
			case of > i: // it stands in the place of another, which stands further on
				want, class = placeOf(a.events[i]), itsm.ErrEntryMoved
			}
			e.Position = a.events[i].Position[:len(a.events[i].Position)-1] + "!" // in front
			if i > 0 {
				e.Position = a.events[i-1].Position + "!"
			}
			a.events = slices.Insert(a.events, i, e)
			_, err := a.verify()
			names(rt, err, want, class)
			var tampered *itsm.TamperedError
			require.ErrorAs(rt, err, &tampered)
			require.Equal(rt, e.Position, tampered.Position, "the place in the journal")
		})
	})

	t.Run("truncate: the first missing entry is named, and it is not sealed over", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			i := pick(rt, a)
			was := a.events[i]
			a.events = a.events[:i:i]
			_, err := a.verify()
			names(rt, err, placeOf(was), itsm.ErrJournalCut)
			sealer, err := itsm.NewSealer(a, a, a.signer, a.keys)
			require.NoError(rt, err)
			_, err = sealer.Seal(context.Background(), "h1", d.now)
			require.ErrorIs(rt, err, itsm.ErrJournalCut)
		})
	})

	t.Run("roll back: an older copy of journal and seals is in order by itself, and does not lead to the seal that was seen", func(t *testing.T) {
		t.Parallel()
		_, err := older.verify()
		require.NoError(t, err)
		for _, seal := range whole.seen {
			_, err = older.verify(seal)
			if seal.Size <= older.newest().Size {
				require.NoError(t, err, "seal %d", seal.Number)
				continue
			}
			require.ErrorIs(t, err, itsm.ErrRolledBack, "seal %d", seal.Number)
			assert.Contains(t, err.Error(), fmt.Sprintf("seal %d over %d entries was seen", seal.Number, seal.Size))
		}
		mixed := older.clone() // the journal alone is set back
		mixed.items = whole.items
		_, err = mixed.verify()
		require.ErrorIs(t, err, itsm.ErrJournalCut)
		var tampered *itsm.TamperedError
		require.ErrorAs(t, err, &tampered)
		first := whole.events[len(older.events)]
		assert.Equal(t, placeOf(first), entryPlace{tampered.Key, tampered.Seq})
		mixed = whole.clone() // the seals alone are set back
		mixed.items = older.items
		_, err = mixed.verify(whole.newest())
		require.ErrorIs(t, err, itsm.ErrRolledBack)
	})

	t.Run("a new list of sealed entries: seals of before tell from which entry on it is false", func(t *testing.T) {
		each(t, func(rt *rapid.T, a *archive) {
			i := pick(rt, a)
			key := a.events[i].Key
			a.events[i].Actor = "u-666"
			a.rechain(key)
			forged := &archive{events: a.events, items: make(map[string]itsm.SealItem)}
			forged.signer, forged.keys = newKey(rt)
			sealer, err := itsm.NewSealer(forged, forged, forged.signer, forged.keys)
			require.NoError(rt, err)
			_, err = sealer.Seal(context.Background(), "h1", d.now)
			require.NoError(rt, err)

			// With a seal of the forger's own it is not the host's.
			forged.keys = a.keys
			_, err = forged.verify()
			require.ErrorIs(rt, err, itsm.ErrSealBroken)

			// With the host's seals it is not what was sealed.
			for name, item := range forged.items {
				if name != "head" && name != "seals/0" {
					a.items[name] = item
				}
			}
			from := int64(0)
			for _, seal := range a.seen {
				if seal.Size <= int64(i) {
					from = max(from, seal.Size)
				}
			}
			_, err = a.verify()
			names(rt, err, placeOf(a.events[from]), itsm.ErrSealBroken)
			require.ErrorContains(rt, err, fmt.Sprintf("among the entries %d to ", from+1))
		})
	})

	t.Run("INV-03 a record that was changed beside its journal is named, and so is one that was set back", func(t *testing.T) {
		t.Parallel()
		auditor := as("auditor", itsm.RoleAuditAdmin, itsm.RoleDeskManager)
		for e := range d.db.Find(context.Background(), itsm.Query{Tenant: "h1", Kind: incident.Kind}) {
			for name, spoil := range map[string]func(s *store.Snapshot){
				"content": func(s *store.Snapshot) {
					s.Data = bytes.Replace(s.Data, []byte("printer at window"), []byte("printer at Window"), 1)
				},
				"set back": func(s *store.Snapshot) { s.Seq, s.Head = s.Seq-1, itsm.Digest{} },
				"head":     func(s *store.Snapshot) { s.Head[5] ^= 1 },
			} {
				db := &spoilt{d.db, e.Key, spoil}
				s, err := incident.New(incident.NewRepository(db), incident.Config{Policy: lenient(), Agreements: hours(t)})
				require.NoError(t, err)
				require.NoError(t, d.Verify(auditor, e.Key.ID), "the record as it was")
				err = s.Verify(auditor, e.Key.ID)
				var tampered *itsm.TamperedError
				require.ErrorAs(t, err, &tampered, name)
				assert.Equal(t, e.Key, tampered.Key, name)
				assert.GreaterOrEqual(t, tampered.Seq, e.Seq, name)
			}
		}
	})
}

// spoilt is a store in which one record was changed behind its back.
type spoilt struct {
	store.DB
	key   itsm.Key
	spoil func(s *store.Snapshot)
}

func (db *spoilt) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	all, err := db.DB.Load(ctx, keys...)
	for i := range all {
		if all[i].Key == db.key {
			db.spoil(&all[i])
		}
	}
	return all, err
}
