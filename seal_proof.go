package itsm

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// An EntryProof shows that an entry is under a seal, to somebody who has the entry and the key and not the journal.
type EntryProof struct {
	Seal string   `json:"seal"` // the signed note
	Leaf int64    `json:"leaf"` // the place of the entry in the journal, from 0
	Path []Digest `json:"path"` // Merkle audit path of RFC 6962
}

// ProveEntry makes the proof of one entry for the newest seal. It searches the list of sealed entries; an entry that is not in
// it is ErrNotFound.
func ProveEntry(ctx context.Context, seals SealStore, keys note.Verifiers, key Key, seq uint64) (EntryProof, error) {
	book, err := openBook(ctx, seals, key.Tenant, keys)
	if err != nil {
		return EntryProof{}, err
	}
	leaf, err := book.find(ctx, key.Ref(), seq)
	if err != nil {
		return EntryProof{}, err
	}
	tree := newSealTree(ctx, book)
	if err := tree.check(book.seal.tree()); err != nil {
		return EntryProof{}, err
	}
	path, err := tlog.ProveRecord(book.seal.Size, leaf, tree)
	if err != nil {
		return EntryProof{}, err
	}
	return EntryProof{string(book.seal.Note), leaf, digests(path)}, nil
}

// find returns the place of an entry among the sealed ones.
func (b *sealBook) find(ctx context.Context, ref Ref, seq uint64) (int64, error) {
	for n := int64(0); n*tileWidth < b.seal.Size; n++ {
		leaves, _, err := b.loadLeaves(ctx, n)
		if err != nil {
			return 0, sealBroken(b.tenant, "%v", err)
		}
		for i := range leaves {
			if leaves[i].Ref == ref && leaves[i].Seq == seq {
				return n*tileWidth + int64(i), nil
			}
		}
	}
	return 0, fmt.Errorf("itsm: entry %d of %s under a seal: %w", seq, ref.In(b.tenant), ErrNotFound)
}

// Verify checks that the entry was sealed as it is, and returns the seal. The error is a [*TamperedError].
func (p *EntryProof) Verify(e *Event, keys note.Verifiers) (Seal, error) {
	seal, err := ParseSeal([]byte(p.Seal), keys)
	if err != nil {
		return Seal{}, tampered(ErrSealBroken, e.Key, e.Seq, e.Position, "its proof: %v", err)
	}
	chain := ChainVerifier{e.Seq - 1, e.Prev} // the seal vouches for what came before
	if fault := chainFault(&chain, e); fault != nil {
		return Seal{}, fault
	}
	leaf := leafOf(e)
	if tlog.CheckRecord(hashes(p.Path), seal.Size, tlog.Hash(seal.Root), p.Leaf, leaf.hash(e.Tenant)) != nil {
		return Seal{}, tampered(ErrEntryChanged, e.Key, e.Seq, e.Position, "the proof does not lead from it to seal %d of tenant %q", seal.Number, seal.Tenant)
	}
	return seal, nil
}

// A GrowthProof shows that what one seal covers is the beginning of what a later one covers: nothing was changed in
// between. It needs neither journal nor store to be checked.
type GrowthProof struct {
	Seal string   `json:"seal"` // the later one, as a signed note
	Path []Digest `json:"path"` // Merkle consistency proof of RFC 6962
}

// ProveGrowth makes the proof from an older seal to the newest. An older seal that is larger than the newest is ErrRolledBack.
func ProveGrowth(ctx context.Context, seals SealStore, keys note.Verifiers, older Seal) (GrowthProof, error) {
	book, err := openBook(ctx, seals, older.Tenant, keys)
	if err != nil {
		return GrowthProof{}, err
	}
	if older.Size > book.seal.Size {
		return GrowthProof{}, tampered(ErrRolledBack, Key{Tenant: older.Tenant}, 0, "", "seal %d over %d entries was seen before; the newest that is kept is %d over %d",
			older.Number, older.Size, book.seal.Number, book.seal.Size)
	}
	tree := newSealTree(ctx, book)
	if err := tree.check(book.seal.tree()); err != nil {
		return GrowthProof{}, err
	}
	p := GrowthProof{Seal: string(book.seal.Note)}
	if older.Size > 0 {
		path, err := tlog.ProveTree(book.seal.Size, older.Size, tree)
		if err != nil {
			return GrowthProof{}, err
		}
		p.Path = digests(path)
	}
	return p, nil
}

// Verify checks that the older seal leads to the one of the proof, which it returns. Else it is ErrRolledBack.
func (p *GrowthProof) Verify(older Seal, keys note.Verifiers) (Seal, error) {
	seal, err := ParseSeal([]byte(p.Seal), keys)
	if err != nil {
		return Seal{}, err
	}
	switch {
	case seal.Tenant != older.Tenant:
		err = fmt.Errorf("they are of tenants %q and %q", older.Tenant, seal.Tenant)
	case older.Size > 0:
		err = tlog.CheckTree(hashes(p.Path), seal.Size, tlog.Hash(seal.Root), older.Size, tlog.Hash(older.Root))
	case older.Root != (&frontier{}).root() || len(p.Path) > 0:
		err = fmt.Errorf("the older one covers nothing, and says otherwise")
	}
	if err != nil {
		return Seal{}, tampered(ErrRolledBack, Key{Tenant: older.Tenant}, 0, "", "seal %d does not lead to seal %d: %v", older.Number, seal.Number, err)
	}
	return seal, nil
}

func digests(path []tlog.Hash) []Digest {
	out := make([]Digest, len(path))
	for i, h := range path {
		out[i] = Digest(h)
	}
	return out
}

func hashes(path []Digest) []tlog.Hash {
	out := make([]tlog.Hash, len(path))
	for i, d := range path {
		out[i] = tlog.Hash(d)
	}
	return out
}
