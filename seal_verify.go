package itsm

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// A Verification counts what [VerifyJournal] looked at.
type Verification struct {
	Seal     Seal  `json:"seal"`     // the newest
	Sealed   int64 `json:"sealed"`   // entries that are as they were sealed
	Purged   int64 `json:"purged"`   // entries that were sealed, and purged with a checkpoint
	Unsealed int64 `json:"unsealed"` // entries behind the seal, of which only the chain was checked
	Erased   int64 `json:"erased"`   // entries among Sealed and Unsealed whose personal part was erased
}

// VerifyJournal checks the journal of a tenant against its newest seal: the signature, every entry and its place, the
// chain of every record, and what lies behind the seal. Entries that were purged with a checkpoint may be missing, personal
// parts may be erased. Seals that were seen before, such as one kept away from the store, must lead to the newest.
//
// Tampering is reported as a [*TamperedError] that names the first entry concerned; [errors.Is] tells the kind:
// [ErrEntryChanged], [ErrEntryDropped], [ErrEntryMoved], [ErrEntryInserted], [ErrJournalCut], [ErrRolledBack], [ErrSealBroken].
// A tenant without a seal is ErrNotFound, or ErrRolledBack when one was seen.
//
// It reads the journal and the list of sealed entries once, side by side, and holds about 200 bytes for each record.
func VerifyJournal(ctx context.Context, journal Journal, tenant Tenant, seals SealStore, keys note.Verifiers, seen ...Seal) (Verification, error) {
	book, err := openBook(ctx, seals, tenant, keys)
	if err != nil {
		return Verification{}, err
	}
	return verifyBook(ctx, journal, book, seen, nil)
}

// verifyBook is VerifyJournal over an open book. Visit, if there is one, gets each entry with its place among the sealed
// ones, -1 behind them.
func verifyBook(ctx context.Context, journal Journal, book *sealBook, seen []Seal, visit func(leaf int64, e Event)) (Verification, error) {
	for i := range seen {
		if seen[i].Tenant != book.tenant {
			return Verification{}, fmt.Errorf("%w: verify journal of %s: a seal of tenant %q was given as seen", ErrInvalid, book.tenant, seen[i].Tenant)
		}
	}
	if book.seal.Number == 0 {
		if len(seen) > 0 {
			return Verification{}, tampered(ErrRolledBack, Key{Tenant: book.tenant}, 0, "", "seal %d was seen, and now there is none", seen[0].Number)
		}
		return Verification{}, fmt.Errorf("itsm: seal of tenant %s: %w", book.tenant, ErrNotFound)
	}
	purged, err := book.purged(ctx)
	if err != nil {
		return Verification{}, err
	}
	c := journalCheck{
		book: book, leaves: newLeafCursor(book, seen), chains: make(map[Ref]ChainVerifier), purged: purged, visit: visit,
		counts: Verification{Seal: book.seal},
	}
	if err := c.walk(ctx, journal); err != nil && !c.unreadable(err) {
		return Verification{}, err
	}
	if err := c.verdict(ctx, seen); err != nil {
		return Verification{}, err
	}
	return c.counts, nil
}

// journalCheck walks along journal and sealed entries side by side.
type journalCheck struct {
	book   *sealBook
	leaves *leafCursor
	chains map[Ref]ChainVerifier
	purged map[Ref]PurgeRun
	visit  func(leaf int64, e Event)
	counts Verification
	behind *Event     // the first entry behind the seal
	fault  *tampering // the first
	list   error      // why the list of sealed entries cannot be trusted

	// Where another entry stands than was sealed, what follows tells what happened.
	parted *Event
	rest   map[sealLeaf]struct{} // entries behind the parted one
}

// unreadable notes damage to the list of sealed entries, which leaves the rest to be judged.
func (c *journalCheck) unreadable(err error) bool {
	list := (*listError)(nil)
	if errors.As(err, &list) {
		c.list = list
		return true
	}
	return false
}

func (c *journalCheck) walk(ctx context.Context, journal Journal) error {
	for e, err := range journal.Events(ctx, "", Filter{Tenant: c.book.tenant}) {
		if err != nil {
			return err
		}
		if c.parted != nil {
			c.rest[leafOf(&e)] = struct{}{}
			continue
		}
		if err := c.entry(ctx, &e); err != nil {
			return err
		}
		if c.fault != nil {
			return nil
		}
	}
	if c.parted != nil {
		return c.whyParted(ctx)
	}
	leaf, err := c.unpurged(ctx, nil)
	if leaf != nil {
		c.fault = c.faultAt(ErrJournalCut, leaf, "", "the journal ends before it: %d of %d sealed entries are missing at the end",
			c.book.seal.Size-c.leaves.tree.size, c.book.seal.Size)
	}
	return err
}

func (c *journalCheck) faultAt(class error, leaf *sealLeaf, p Position, format string, args ...any) *tampering {
	return tampered(class, leaf.Ref.In(c.book.tenant), leaf.Seq, p, format, args...)
}

// entry checks the next entry of the journal.
func (c *journalCheck) entry(ctx context.Context, e *Event) error {
	if e.Tenant != c.book.tenant {
		c.fault = tampered(ErrEntryInserted, e.Key, e.Seq, e.Position, "it stands in the journal of tenant %q", c.book.tenant)
		return nil
	}
	leaf, err := c.unpurged(ctx, e)
	if err != nil {
		return err
	}
	switch {
	case leaf == nil && c.behind == nil:
		behind := *e
		c.behind = &behind
	case leaf == nil:
	case !leaf.names(e):
		parted := *e
		c.parted, c.rest = &parted, make(map[sealLeaf]struct{})
		return nil
	case leaf.Hash != e.Hash:
		c.fault = c.faultAt(ErrEntryChanged, leaf, e.Position, "its content was changed since it was sealed")
		return nil
	}
	ref := e.Ref()
	chain := c.chains[ref]
	if c.fault = chainFault(&chain, e); c.fault != nil {
		return nil
	}
	c.chains[ref] = chain
	if e.Erased() {
		c.counts.Erased++
	}
	place := int64(-1)
	if leaf == nil {
		c.counts.Unsealed++
	} else {
		c.counts.Sealed++
		place = c.leaves.tree.size
		c.leaves.next()
	}
	if c.visit != nil {
		c.visit(place, *e)
	}
	return nil
}

// unpurged returns the next sealed entry that must be there, nil behind the last. A purged one counts when it is e: what
// is still there is checked. The chains of records go on behind what was purged.
func (c *journalCheck) unpurged(ctx context.Context, e *Event) (*sealLeaf, error) {
	for {
		leaf, err := c.leaves.peek(ctx)
		if leaf == nil || err != nil {
			return nil, err
		}
		run, ok := c.purged[leaf.Ref]
		if !ok || leaf.Seq > run.To || e != nil && leaf.names(e) {
			return leaf, nil
		}
		if leaf.Seq == run.To && leaf.Hash != run.Head {
			c.list = fmt.Errorf("the checkpoint of a purge and the list of sealed entries differ at %s, entry %d", leaf.Ref, leaf.Seq)
		}
		c.chains[leaf.Ref] = ChainVerifier{leaf.Seq, leaf.Hash}
		c.counts.Purged++
		c.leaves.next()
	}
}

// whyParted says what happened where the journal has another entry than was sealed: by whether each of the two is found further on.
func (c *journalCheck) whyParted(ctx context.Context) error {
	leaf, err := c.leaves.peek(ctx)
	if err != nil {
		return err
	}
	want, found := *leaf, leafOf(c.parted)
	_, wantLater := c.rest[want]
	foundLater, anyLater := false, wantLater
	for {
		if leaf, err = c.leaves.peek(ctx); err != nil && !c.unreadable(err) {
			return err
		}
		if leaf == nil {
			break
		}
		_, there := c.rest[*leaf]
		foundLater = foundLater || *leaf == found
		anyLater = anyLater || there || *leaf == found
		c.leaves.next()
	}
	at := c.parted.Position
	other := fmt.Sprintf("%s, entry %d", c.parted.Key, c.parted.Seq)
	switch {
	case wantLater && foundLater:
		c.fault = c.faultAt(ErrEntryMoved, &want, at, "it stands further on; in its place is %s", other)
	case wantLater:
		c.fault = tampered(ErrEntryInserted, c.parted.Key, c.parted.Seq, at, "it was not there when what follows was sealed")
	case foundLater:
		c.fault = c.faultAt(ErrEntryDropped, &want, at, "it is missing; in its place is %s", other)
	case anyLater:
		c.fault = c.faultAt(ErrEntryChanged, &want, at, "another one is in its place: %s", other)
	default:
		c.fault = c.faultAt(ErrJournalCut, &want, at, "all sealed entries from it on are missing, and the journal goes on with %s", other)
	}
	return nil
}

// verdict judges what was found by whether the list of sealed entries is what was signed.
func (c *journalCheck) verdict(ctx context.Context, seen []Seal) error {
	if c.list == nil {
		if err := c.leaves.drain(ctx); err != nil && !c.unreadable(err) {
			return err
		}
	}
	if c.list == nil && c.leaves.tree.root() != c.book.seal.Root {
		c.list = fmt.Errorf("the list of sealed entries is not what seal %d signed", c.book.seal.Number)
	}
	switch {
	case c.list != nil && c.fault != nil:
		return &tampering{&TamperedError{c.fault.Key, c.fault.Seq, c.fault.Position, c.fault.Problem + "; and " + c.list.Error()}, ErrSealBroken}
	case c.list != nil:
		return c.localise(ctx, seen)
	case c.fault != nil:
		return c.fault
	}
	for i := range seen {
		if s := &seen[i]; s.Size > c.book.seal.Size {
			return c.rolledBack(s)
		}
	}
	if bad := c.leaves.bad; bad != nil {
		leaf, err := c.leafAt(ctx, c.leaves.good)
		if err != nil {
			return err
		}
		return c.faultAt(ErrRolledBack, leaf, "", "seal %d, seen before, does not lead to seal %d: among the entries %d to %d of the journal others were sealed then",
			bad.Number, c.book.seal.Number, c.leaves.good+1, bad.Size)
	}
	return nil
}

func (c *journalCheck) rolledBack(s *Seal) error {
	problem := fmt.Sprintf("seal %d over %d entries was seen before; the newest that is kept is %d over %d", s.Number, s.Size, c.book.seal.Number, c.book.seal.Size)
	if e := c.behind; e != nil {
		return tampered(ErrRolledBack, e.Key, e.Seq, e.Position, "%s: from here on the journal may be another one", problem)
	}
	return tampered(ErrRolledBack, Key{Tenant: c.book.tenant}, 0, "", "%s: the journal ends there", problem)
}

// localise finds out between which seals the list of sealed entries stops being what was signed: old seals are kept, and
// nobody can forge one.
func (c *journalCheck) localise(ctx context.Context, seen []Seal) error {
	marks, err := c.book.seals(ctx)
	if err != nil {
		return err
	}
	marks = append(append(marks, seen...), c.book.seal)
	cursor := newLeafCursor(c.book, marks)
	if err := cursor.drain(ctx); err != nil && !c.unreadable(err) {
		return err
	}
	from, to := cursor.good, c.book.seal.Size
	if cursor.bad != nil {
		to = cursor.bad.Size
	} else if len(cursor.marks) > 0 {
		to = min(to, cursor.marks[0].Size)
	}
	leaf, err := c.leafAt(ctx, from)
	if err != nil && !c.unreadable(err) {
		return err
	}
	if leaf == nil {
		leaf = &sealLeaf{}
	}
	return c.faultAt(ErrSealBroken, leaf, "", "%s; the fault lies among the entries %d to %d of the journal, of which this is the first", c.list, from+1, to)
}

// leafAt returns a sealed entry by its place.
func (c *journalCheck) leafAt(ctx context.Context, place int64) (*sealLeaf, error) {
	if place >= c.book.seal.Size {
		return nil, nil
	}
	tile, _, err := c.book.loadLeaves(ctx, place/tileWidth)
	if err != nil {
		return nil, err
	}
	return &tile[place%tileWidth], nil
}
