package itsm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What is wrong with a journal, to be matched with [errors.Is]. The error that matches is a [*TamperedError], which names
// the place.
var (
	// ErrEntryChanged: the entry stands where it was, with other content.
	ErrEntryChanged = errors.New("journal entry changed")
	// ErrEntryDropped: the entry is missing, others behind it are there.
	ErrEntryDropped = errors.New("journal entry dropped")
	// ErrEntryMoved: the entry stands in another place.
	ErrEntryMoved = errors.New("journal entry moved")
	// ErrEntryInserted: the entry was not there when what follows it was sealed.
	ErrEntryInserted = errors.New("journal entry inserted")
	// ErrJournalCut: the sealed entries from this one on are missing: the journal was cut off, or is an older copy.
	ErrJournalCut = errors.New("journal cut off")
	// ErrRolledBack: a seal was seen that does not lead to the present one: journal and seals are an older copy, or one that
	// was continued.
	ErrRolledBack = errors.New("journal rolled back")
	// ErrSealBroken: the seal, or what is kept for it, is not what was signed.
	ErrSealBroken = errors.New("seal broken")
)

// tampering is a TamperedError with its class.
type tampering struct {
	*TamperedError
	class error
}

func (t *tampering) Unwrap() []error { return []error{t.TamperedError, t.class} }

func tampered(class error, key Key, seq uint64, p Position, format string, args ...any) *tampering {
	return &tampering{&TamperedError{key, seq, p, fmt.Sprintf(format, args...)}, class}
}

// sealBroken is for faults that belong to no entry.
func sealBroken(tenant Tenant, format string, args ...any) error {
	return tampered(ErrSealBroken, Key{Tenant: tenant}, 0, "", format, args...)
}

// KindSeal is the kind under which a store keeps the items of a [SealStore].
const KindSeal Kind = "itsm.seal"

// A SealStore keeps what seals need, beside the journal or away from it. It must be safe for concurrent use. It need not be trusted:
// what is changed in it is found out.
type SealStore interface {
	// Load returns the item of a name, with Version 0 when there is none. The data belong to the caller.
	Load(ctx context.Context, tenant Tenant, name string) (SealItem, error)
	// Save writes all items or none. It matches ErrConflict when one is not at the version it names; each is one version
	// further afterwards. The data are not kept.
	Save(ctx context.Context, tenant Tenant, items []SealItem) error
}

// A SealItem is bytes under a name. Names are up to 60 characters of [a-z0-9/].
type SealItem struct {
	Name    string
	Data    []byte
	Version uint64 // how often it was saved; 0 when it was not
}

// A Seal is a statement signed by the host: these were the first entries of the tenant's journal at that time. Whoever
// has one can find out later whether any of them was changed. Keep the newest away from the store: it is what shows that
// journal and seals together were set back.
type Seal struct {
	Tenant Tenant    `json:"tenant"`
	Number uint64    `json:"number"` // 1, 2, 3 … within the tenant
	Size   int64     `json:"size"`   // how many entries, purged ones included
	Root   Digest    `json:"root"`   // of their Merkle tree (RFC 6962)
	Time   time.Time `json:"time"`   // UTC, microseconds; never before that of the previous seal
	Note   []byte    `json:"note"`   // the statement as it was signed, text
}

// maxSealed bounds the size of a tree, so that arithmetic on it cannot overflow.
const maxSealed = 1 << 50

const sealTitle = "itsm journal seal 1"

func (s *Seal) text() string {
	return fmt.Sprintf("%s\ntenant %q\nseal %d\nentries %d\nroot %s\ntime %s\n",
		sealTitle, string(s.Tenant), s.Number, s.Size, s.Root, s.Time.Format(sealTime))
}

// ParseSeal reads a signed note and checks that one of the keys signed it. Anything else is ErrSealBroken.
func ParseSeal(signed []byte, keys note.Verifiers) (Seal, error) {
	n, err := openNote(signed, keys)
	if err != nil {
		return Seal{}, err
	}
	s := Seal{Note: slices.Clone(signed)}
	r := noteReader{rest: n.Text}
	r.title(sealTitle)
	s.Tenant = Tenant(r.quoted("tenant"))
	s.Number = r.number("seal")
	s.Size = int64(r.number("entries"))
	s.Root = r.digest("root")
	s.Time = r.time("time")
	if s.Size > maxSealed {
		return Seal{}, fmt.Errorf("itsm: %w: %d entries are more than a journal can have", ErrSealBroken, s.Size)
	}
	if err := r.end(s.text() == n.Text); err != nil {
		return Seal{}, err
	}
	return s, nil
}

// openNote checks that one of the keys signed a note, and that the signatures are written in the only way that there should be: a decoder
// takes several texts for the same bytes.
func openNote(signed []byte, keys note.Verifiers) (*note.Note, error) {
	n, err := note.Open(signed, keys)
	if err != nil {
		return nil, fmt.Errorf("itsm: %w: %w", ErrSealBroken, err)
	}
	for _, sig := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if raw, err := base64.StdEncoding.DecodeString(sig.Base64); err != nil || base64.StdEncoding.EncodeToString(raw) != sig.Base64 {
			return nil, fmt.Errorf("itsm: %w: the signature of %s is not written as it was", ErrSealBroken, sig.Name)
		}
	}
	return n, nil
}

func (s *Seal) tree() tlog.Tree { return tlog.Tree{N: s.Size, Hash: tlog.Hash(s.Root)} }

// A Sealer seals the journals of tenants. It is safe for concurrent use; several beside each other do no harm.
//
// A seal covers the entries in the order of the journal. Between seals nothing protects an entry but the hash chain of its
// record, so seal often: it costs as much as there is new. What a seal cannot show is that an entry was false when it was
// written, or what was written and removed between two seals.
type Sealer struct {
	journal Journal
	store   SealStore
	signer  note.Signer
	keys    note.Verifiers
}

// NewSealer returns a sealer that signs with the host's signer. The keys must have the one of the signer, and those that signed before it.
func NewSealer(journal Journal, store SealStore, signer note.Signer, keys note.Verifiers) (*Sealer, error) {
	if _, err := keys.Verifier(signer.Name(), signer.KeyHash()); err != nil {
		return nil, fmt.Errorf("%w: sealer: the keys lack the one of the signer: %w", ErrInvalid, err)
	}
	return &Sealer{journal, store, signer, keys}, nil
}

const (
	// sealRound bounds the entries that are sealed at once, and so the memory and the size of a save.
	sealRound = 64 * tileWidth
	// sealAttempts bounds how often a seal that somebody else overtook is begun again.
	sealAttempts = 16
	// sealsPerItem is how many old seals lie in one item.
	sealsPerItem = 64
)

// Seal signs the journal of a tenant as it is now, and returns the newest seal; without new entries that is the one from
// before. It takes time in proportion to the new entries and the logarithm of all.
//
// It signs nothing that is visibly wrong: entries whose hash does not fit, a last seal that is not kept as it was signed, a
// journal without the entry that was sealed last. The error then is a [*TamperedError]. What it does not look at again, the
// sealed entries and how new ones join them, is for [VerifyJournal].
func (s *Sealer) Seal(ctx context.Context, tenant Tenant, now time.Time) (Seal, error) {
	if err := checkName("the tenant", string(tenant)); err != nil {
		return Seal{}, err
	}
	for attempt := 1; ; {
		seal, more, err := s.seal(ctx, tenant, now)
		switch {
		case errors.Is(err, ErrConflict) && attempt < sealAttempts:
			attempt++
		case err != nil || !more:
			return seal, err
		}
	}
}

// seal does one round. More says that the journal goes on behind it.
func (s *Sealer) seal(ctx context.Context, tenant Tenant, now time.Time) (_ Seal, more bool, err error) {
	book, err := openBook(ctx, s.store, tenant, s.keys)
	if err != nil {
		return Seal{}, false, err
	}
	tree := newSealTree(ctx, book)
	if err := tree.check(book.seal.tree()); err != nil {
		return Seal{}, false, err
	}
	if more, err = s.grow(ctx, book, tree); err != nil {
		return Seal{}, false, err
	}
	if tree.size == book.seal.Size && book.seal.Number > 0 {
		return book.seal, false, nil
	}
	root, err := tlog.TreeHash(tree.size, tree)
	if err != nil {
		return Seal{}, false, err
	}
	next := Seal{Tenant: tenant, Number: book.seal.Number + 1, Size: tree.size, Root: Digest(root), Time: sealInstant(now, book.seal.Time)}
	signed, err := s.sign(next.text())
	if err != nil {
		return Seal{}, false, err
	}
	if next, err = ParseSeal(signed, s.keys); err != nil {
		return Seal{}, false, fmt.Errorf("itsm: the signer and its key do not fit: %w", err)
	}
	items, err := book.remember(ctx, next)
	if err != nil {
		return Seal{}, false, err
	}
	book.state.Note = string(signed)
	if err := book.save(ctx, append(tree.changed(), items)); err != nil {
		return Seal{}, false, err
	}
	return next, more, nil
}

// grow adds the entries behind the last seal to the tree. Reading begins with the entry that was sealed last: when it
// is not there, the journal is not the one that was sealed.
func (s *Sealer) grow(ctx context.Context, book *sealBook, tree *sealTree) (more bool, err error) {
	anchor, err := tree.last()
	if err != nil {
		return false, err
	}
	chains := make(map[Ref]ChainVerifier)
	latest := book.state.Before
	read := 0
	for e, err := range s.journal.Events(ctx, book.state.Before, Filter{Tenant: book.tenant, Limit: sealRound + 1}) {
		if err != nil {
			return false, err
		}
		read++
		if anchor != nil {
			found := *anchor == leafOf(&e)
			if !found {
				if err := book.missing(ctx, anchor, &e); err != nil {
					return false, err
				}
			}
			anchor = nil
			if found {
				latest = e.Position
				continue
			}
		}
		ref := e.Ref()
		chain, known := chains[ref]
		if !known && e.Seq > 1 {
			chain = ChainVerifier{e.Seq - 1, e.Prev} // what came before was sealed before
		}
		if fault := chainFault(&chain, &e); fault != nil {
			return false, fault
		}
		chains[ref] = chain
		if err := tree.add(leafOf(&e)); err != nil {
			return false, err
		}
		book.state.Before, latest = latest, e.Position
	}
	if anchor != nil {
		if err := book.missing(ctx, anchor, &Event{}); err != nil {
			return false, err
		}
	}
	return read > sealRound, nil
}

// chainFault checks the next event of a chain and says of what kind a fault is.
func chainFault(chain *ChainVerifier, e *Event) *tampering {
	seq, _ := chain.Head()
	err := chain.Next(e)
	if err == nil {
		return nil
	}
	var t *TamperedError
	if !errors.As(err, &t) {
		t = &TamperedError{e.Key, e.Seq, e.Position, err.Error()}
	}
	switch {
	case e.Seq > seq+1:
		return &tampering{t, ErrEntryDropped}
	case e.Seq <= seq:
		return tampered(ErrEntryInserted, e.Key, e.Seq, e.Position, "an entry with this number came before it")
	}
	return &tampering{t, ErrEntryChanged}
}

func (s *Sealer) sign(text string) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: text}, s.signer)
	if err != nil {
		return nil, fmt.Errorf("itsm: sign for %s: %w", s.signer.Name(), err)
	}
	return signed, nil
}

// sealInstant cuts an instant to what a seal tells, and does not let it fall behind the one before.
func sealInstant(now, before time.Time) time.Time {
	now = time.UnixMicro(now.UnixMicro()).UTC()
	if now.Before(before) {
		return before
	}
	return now
}

// sealBook is what is kept for the seals of a tenant:
//
//	head         the newest seal and where the journal goes on
//	leaves/0 …   the sealed entries, by tiles
//	tree/1/0 …   the tree above them, by level and tile
//	seals/0 …    all seals
//	purges/1 …   the checkpoints of purges
type sealBook struct {
	store   SealStore
	tenant  Tenant
	keys    note.Verifiers
	version uint64 // of the head
	state   sealState
	seal    Seal // zero when there is none yet
}

type sealState struct {
	Note   string   `json:"note"`
	Before Position `json:"before,omitempty"` // of the entry ahead of the one that was sealed last
	Purges uint64   `json:"purges,omitempty"` // how many checkpoints there are
}

const sealHead = "head"

func openBook(ctx context.Context, store SealStore, tenant Tenant, keys note.Verifiers) (*sealBook, error) {
	head, err := store.Load(ctx, tenant, sealHead)
	if err != nil {
		return nil, err
	}
	empty, err := tlog.TreeHash(0, nil)
	if err != nil {
		return nil, err
	}
	b := &sealBook{store: store, tenant: tenant, keys: keys, version: head.Version, seal: Seal{Tenant: tenant, Root: Digest(empty)}}
	if head.Version == 0 {
		return b, nil
	}
	if err := json.Unmarshal(head.Data, &b.state); err != nil {
		return nil, sealBroken(tenant, "what is kept of the newest seal cannot be read: %v", err)
	}
	if b.seal, err = ParseSeal([]byte(b.state.Note), keys); err != nil {
		return nil, sealBroken(tenant, "the newest seal that is kept: %v", err)
	}
	if b.seal.Tenant != tenant {
		return nil, sealBroken(tenant, "the newest seal that is kept is one of tenant %q", b.seal.Tenant)
	}
	return b, nil
}

// save writes items together with the head, if nobody else did since the book was opened.
func (b *sealBook) save(ctx context.Context, items []SealItem) error {
	data, err := json.Marshal(b.state)
	if err != nil {
		return err
	}
	return b.store.Save(ctx, b.tenant, append(items, SealItem{sealHead, data, b.version}))
}

// remember returns the item in which a new seal is kept for good.
func (b *sealBook) remember(ctx context.Context, s Seal) (SealItem, error) {
	name := sealsName((s.Number - 1) / sealsPerItem)
	item, err := b.store.Load(ctx, b.tenant, name)
	if err != nil {
		return item, err
	}
	item.Name = name
	var notes []string
	if item.Version > 0 {
		if err := json.Unmarshal(item.Data, &notes); err != nil {
			return item, sealBroken(b.tenant, "item %s cannot be read: %v", name, err)
		}
	}
	item.Data, err = json.Marshal(append(notes, string(s.Note)))
	return item, err
}

func sealsName(n uint64) string { return fmt.Sprintf("seals/%d", n) }

// seals returns the seals that are kept and that are what was signed.
func (b *sealBook) seals(ctx context.Context) ([]Seal, error) {
	var all []Seal
	for n := uint64(0); n*sealsPerItem < b.seal.Number; n++ {
		item, err := b.store.Load(ctx, b.tenant, sealsName(n))
		if err != nil {
			return nil, err
		}
		var notes []string
		if json.Unmarshal(item.Data, &notes) != nil {
			continue
		}
		for _, signed := range notes {
			if s, err := ParseSeal([]byte(signed), b.keys); err == nil && s.Tenant == b.tenant {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// missing says what it means that the entry sealed last is not where it was, but e is: nothing when it was purged.
func (b *sealBook) missing(ctx context.Context, anchor *sealLeaf, e *Event) error {
	purged, err := b.purged(ctx)
	if err != nil {
		return err
	}
	if run, ok := purged[anchor.Ref]; ok && anchor.Seq <= run.To {
		return nil
	}
	key := anchor.Ref.In(b.tenant)
	if e.Key == key && e.Seq == anchor.Seq {
		return tampered(ErrEntryChanged, key, anchor.Seq, e.Position, "its content was changed since it was sealed")
	}
	return tampered(ErrJournalCut, key, anchor.Seq, e.Position, "it was the last one to be sealed, and is not where it was: the journal was cut off or is another copy")
}

// sealTime is how notes write an instant.
const sealTime = "2006-01-02T15:04:05.000000Z"

// noteReader reads the lines of a note, each a word and a value. It keeps the first fault.
type noteReader struct {
	rest string
	line int
	err  error
}

func (r *noteReader) fail(want, got string) {
	if r.err == nil {
		r.err = fmt.Errorf("itsm: %w: line %d: want %s, found %.80q", ErrSealBroken, r.line, want, got)
	}
}

func (r *noteReader) next() string {
	line, rest, _ := strings.Cut(r.rest, "\n")
	r.line++
	r.rest = rest
	return line
}

func (r *noteReader) title(want string) {
	if line := r.next(); line != want {
		r.fail(want, line)
	}
}

// value returns what stands behind the word.
func (r *noteReader) value(word string) string {
	line := r.next()
	v, ok := strings.CutPrefix(line, word+" ")
	if !ok {
		r.fail(word, line)
	}
	return v
}

func (r *noteReader) quoted(word string) string {
	f := noteFields{rest: r.value(word)}
	s := f.quoted()
	r.check(&f, word+" and a text in quotes")
	return s
}

func (r *noteReader) number(word string) uint64 {
	f := noteFields{rest: r.value(word)}
	n := f.number()
	r.check(&f, word+" and a number")
	return n
}

func (r *noteReader) digest(word string) Digest {
	f := noteFields{rest: r.value(word)}
	d := f.digest()
	r.check(&f, word+" and 64 hexadecimal digits")
	return d
}

func (r *noteReader) time(word string) time.Time {
	v := r.value(word)
	t, err := time.Parse(sealTime, v)
	if err != nil {
		r.fail(word+" and an instant in UTC with microseconds", v)
	}
	return t
}

func (r *noteReader) check(f *noteFields, want string) {
	if f.bad || f.rest != "" {
		r.fail(want, f.rest)
	}
}

// end reports the first fault. Canonical says whether what was read is written in the same way, so that a statement has one form only.
func (r *noteReader) end(canonical bool) error {
	if r.err == nil && r.rest != "" {
		r.line++
		r.fail("the end", r.rest)
	}
	if r.err == nil && !canonical {
		return fmt.Errorf("itsm: %w: the note is not in the form in which it is written", ErrSealBroken)
	}
	return r.err
}
