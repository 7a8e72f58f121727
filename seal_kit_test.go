package itsm_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// tape is a journal in memory that a test can cut and splice. Positions are texts in order.
type tape struct{ events []itsm.Event }

func (t *tape) Events(_ context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		given := 0
		from := 0
		if after != "" {
			from, _ = slices.BinarySearchFunc(t.events, after, func(e itsm.Event, p itsm.Position) int { return cmp.Compare(e.Position, p) })
		}
		for _, e := range t.events[from:] {
			if e.Position <= after && after != "" || !f.Matches(&e) {
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

func (t *tape) clone() *tape { return &tape{slices.Clone(t.events)} }

// of returns where the entries of a tenant stand.
func (t *tape) of(tenant itsm.Tenant) (at []int) {
	for i := range t.events {
		if t.events[i].Tenant == tenant {
			at = append(at, i)
		}
	}
	return at
}

func placeOf(n int) itsm.Position { return itsm.Position(fmt.Sprintf("%08d", n)) }

// write appends an entry of a record, chained to the one before.
func (t *tape) write(e itsm.Event) {
	e.Seq, e.Prev = 1, itsm.Digest{}
	for i := len(t.events) - 1; i >= 0; i-- {
		if last := &t.events[i]; last.Key == e.Key {
			e.Seq, e.Prev = last.Seq+1, last.Hash
			break
		}
	}
	t.add(e)
}

func (t *tape) add(e itsm.Event) {
	if e.Personal != nil {
		e.PersonalDigest = sha256.Sum256(e.Personal)
	}
	e.Hash = e.ComputeHash()
	e.Position = placeOf(len(t.events) + 1)
	t.events = append(t.events, e)
}

// rechain does what somebody with the whole database does: it makes the chain of a record fit again.
func (t *tape) rechain(key itsm.Key) {
	var head itsm.Digest
	for i := range t.events {
		if e := &t.events[i]; e.Key == key {
			e.Prev = head
			if e.Personal != nil {
				e.PersonalDigest = sha256.Sum256(e.Personal)
			}
			e.Hash = e.ComputeHash()
			head = e.Hash
		}
	}
}

// shelf is a SealStore in memory.
type shelf struct {
	mu    sync.Mutex
	items map[string]itsm.SealItem
}

func newShelf() *shelf { return &shelf{items: make(map[string]itsm.SealItem)} }

func (s *shelf) Load(_ context.Context, tenant itsm.Tenant, name string) (itsm.SealItem, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item := s.items[string(tenant)+" "+name]
	item.Name, item.Data = name, bytes.Clone(item.Data)
	return item, nil
}

func (s *shelf) Save(_ context.Context, tenant itsm.Tenant, items []itsm.SealItem) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range items {
		if have := s.items[string(tenant)+" "+item.Name]; have.Version != item.Version {
			return fmt.Errorf("%s is at %d, not at %d: %w", item.Name, have.Version, item.Version, itsm.ErrConflict)
		}
	}
	for _, item := range items {
		item.Data = bytes.Clone(item.Data)
		item.Version++
		s.items[string(tenant)+" "+item.Name] = item
	}
	return nil
}

func (s *shelf) clone() *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newShelf()
	for name, item := range s.items {
		item.Data = bytes.Clone(item.Data)
		c.items[name] = item
	}
	return c
}

// names lists the items whose names begin with a text.
func (s *shelf) names(begin string) (names []string) {
	for name := range s.items {
		if strings.HasPrefix(name, begin) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func newKey(t require.TestingT, name string) (note.Signer, note.Verifiers) {
	secret, public, err := note.GenerateKey(nil, name)
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(t, err)
	return signer, note.VerifierList(verifier)
}

// testKey is the same in every run, so that what a fuzz target found can be tried again.
var testKey = sync.OnceValues(func() (note.Signer, note.Verifiers) {
	const name = "h1.example/itsm"
	seed := sha256.Sum256([]byte(name))
	public, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	if err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		panic(err)
	}
	const algorithm = "\x01" // Ed25519
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, verifier.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte(algorithm), seed[:]...))))
	if err != nil {
		panic(err)
	}
	return signer, note.VerifierList(verifier)
})

var sealStart = time.Date(2026, 2, 14, 1, 2, 3, 4000, time.UTC)

// sealed is a journal under seals.
type sealed struct {
	*tape
	shelf *shelf
	seals map[itsm.Tenant][]itsm.Seal
}

func (s *sealed) sealer(t require.TestingT) *itsm.Sealer {
	signer, keys := testKey()
	sealer, err := itsm.NewSealer(s.tape, s.shelf, signer, keys)
	require.NoError(t, err)
	return sealer
}

func (s *sealed) seal(t require.TestingT, tenant itsm.Tenant) itsm.Seal {
	seal, err := s.sealer(t).Seal(context.Background(), tenant, sealStart.Add(time.Duration(len(s.events))*time.Minute))
	require.NoError(t, err)
	if old := s.seals[tenant]; len(old) == 0 || old[len(old)-1].Number != seal.Number {
		s.seals[tenant] = append(old, seal)
	}
	return seal
}

func (s *sealed) newest(tenant itsm.Tenant) itsm.Seal {
	all := s.seals[tenant]
	return all[len(all)-1]
}

func (s *sealed) verify(tenant itsm.Tenant, seen ...itsm.Seal) (itsm.Verification, error) {
	_, keys := testKey()
	return itsm.VerifyJournal(context.Background(), s.tape, tenant, s.shelf, keys, seen...)
}

// copy lets a test tamper with one and keep the other.
func (s *sealed) copy() *sealed { return &sealed{s.clone(), s.shelf.clone(), s.seals} }

func newSealed() *sealed {
	return &sealed{&tape{}, newShelf(), make(map[itsm.Tenant][]itsm.Seal)}
}

var entryTypes = []string{"incident.triaged", "incident.noted", "itsm.refused"}

// anyEntry draws an entry without its place in the chain.
func anyEntry(t *rapid.T, n int, tenants, records int) itsm.Event {
	e := itsm.Event{
		Key: itsm.Key{
			Tenant: itsm.Tenant(fmt.Sprintf("h%d", rapid.IntRange(1, tenants).Draw(t, "tenant"))),
			Kind:   rapid.SampledFrom([]itsm.Kind{"incident", "change"}).Draw(t, "kind"),
			ID:     itsm.ID(fmt.Sprintf("记录 %d", rapid.IntRange(1, records).Draw(t, "record"))),
		},
		Type: rapid.SampledFrom(entryTypes).Draw(t, "type"),
		At:   sealStart.Add(time.Duration(n) * time.Second), Recorded: sealStart.Add(time.Duration(n) * time.Minute),
		Actor: "u-017", Command: itsm.CommandID(fmt.Sprintf("c%d", n)), CommandName: "incident.triage", Reason: "because",
		Data: fmt.Appendf(nil, `{"n":%d}`, n),
	}
	if rapid.Bool().Draw(t, "personal") {
		e.Personal = fmt.Appendf(nil, `{"~":"salt %d","caller":"王小明"}`, n)
	}
	return e
}

// anySealed draws a journal of several tenants and records that was sealed now and then, and at the end for h1, which has some
// sealed entries and perhaps some behind the seal. Some personal parts were erased.
func anySealed(t *rapid.T) *sealed {
	s := newSealed()
	tenants, records := rapid.IntRange(1, 3).Draw(t, "tenants"), rapid.IntRange(1, 4).Draw(t, "records")
	write := func(n int) {
		for range n {
			s.write(anyEntry(t, len(s.events), tenants, records))
			if rapid.IntRange(0, 9).Draw(t, "seal") == 0 {
				s.seal(t, s.events[len(s.events)-1].Tenant)
			}
		}
	}
	write(rapid.IntRange(0, 40).Draw(t, "entries"))
	for len(s.of("h1")) < 3 {
		s.write(anyEntry(t, len(s.events), 1, records))
	}
	s.seal(t, "h1")
	for i := range s.events {
		if rapid.IntRange(0, 3).Draw(t, "erase") == 0 {
			s.events[i].Personal = nil
		}
	}
	for range rapid.IntRange(0, 5).Draw(t, "behind") {
		s.write(anyEntry(t, len(s.events), tenants, records))
	}
	return s
}

// sealedPart returns where the sealed entries of h1 stand.
func (s *sealed) sealedPart() []int { return s.of("h1")[:s.newest("h1").Size] }

// found checks that an error names what is wrong and where.
func found(t require.TestingT, err, class error, key itsm.Key, seq uint64, at itsm.Position) {
	var tampered *itsm.TamperedError
	require.ErrorAs(t, err, &tampered)
	assert.ErrorIs(t, err, class)
	for _, other := range []error{
		itsm.ErrEntryChanged, itsm.ErrEntryDropped, itsm.ErrEntryMoved, itsm.ErrEntryInserted, itsm.ErrJournalCut, itsm.ErrRolledBack, itsm.ErrSealBroken,
	} {
		assert.Equal(t, other == class, errors.Is(err, other), "%v, not %v: %v", class, other, err)
	}
	assert.Equal(t, key, tampered.Key, err.Error())
	assert.Equal(t, seq, tampered.Seq, err.Error())
	assert.Equal(t, at, tampered.Position, err.Error())
	assert.NotEmpty(t, tampered.Problem)
}
