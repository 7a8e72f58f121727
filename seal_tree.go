package itsm

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// sealLeaf is what the tree keeps of an entry. The tenant is that of the tree.
type sealLeaf struct {
	Ref  Ref
	Seq  uint64
	Hash Digest
}

func leafOf(e *Event) sealLeaf { return sealLeaf{e.Ref(), e.Seq, e.Hash} }

// names reports whether the leaf is of the entry, whatever its content.
func (l *sealLeaf) names(e *Event) bool { return l.Seq == e.Seq && l.Ref == e.Ref() }

// append writes the leaf: kind and ID with their lengths, number, hash.
func (l *sealLeaf) append(b []byte) []byte {
	for _, s := range [...]string{string(l.Ref.Kind), string(l.Ref.ID)} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, l.Seq)
	return append(b, l.Hash[:]...)
}

// hash returns the hash of the leaf in the tree of a tenant.
func (l *sealLeaf) hash(tenant Tenant) tlog.Hash {
	var space [256]byte
	b := append(space[:0], "itsm-leaf-1\n"...)
	b = binary.AppendUvarint(b, uint64(len(tenant)))
	b = append(b, tenant...)
	return tlog.RecordHash(l.append(b))
}

var errLeaves = errors.New("a tile of sealed entries cannot be read")

// parseLeaves reads leaves written one behind the other. Their names share memory with one copy of the data.
func parseLeaves(data []byte) ([]sealLeaf, error) {
	text := string(data)
	at := 0
	number := func() (uint64, bool) {
		n, size := binary.Uvarint(data[at:])
		if size <= 0 {
			return 0, false
		}
		at += size
		return n, true
	}
	name := func() (string, bool) {
		n, ok := number()
		if !ok || n > uint64(len(data)-at) {
			return "", false
		}
		s := text[at : at+int(n)]
		at += int(n)
		return s, true
	}
	leaves := make([]sealLeaf, 0, tileWidth)
	for at < len(data) {
		kind, ok1 := name()
		id, ok2 := name()
		seq, ok3 := number()
		if !ok1 || !ok2 || !ok3 || len(data)-at < len(Digest{}) {
			return nil, errLeaves
		}
		leaves = append(leaves, sealLeaf{Ref{Kind(kind), ID(id)}, seq, Digest(data[at : at+len(Digest{})])})
		at += len(Digest{})
	}
	return leaves, nil
}

// The tree is kept in tiles: level 0 has the leaves, level n the roots of the full tiles of level n-1.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

type tileID struct {
	level int
	n     int64
}

func (id tileID) name() string {
	if id.level == 0 {
		return fmt.Sprintf("leaves/%d", id.n)
	}
	return fmt.Sprintf("tree/%d/%d", id.level, id.n)
}

// width returns how many hashes the tile has in a tree of some size.
func (id tileID) width(size int64) int {
	return int(min(max(size>>(tileHeight*id.level)-id.n*tileWidth, 0), tileWidth))
}

// loadLeaves returns the leaves of tile n as they are kept, and the item itself.
func (b *sealBook) loadLeaves(ctx context.Context, n int64) ([]sealLeaf, SealItem, error) {
	id := tileID{0, n}
	item, err := b.store.Load(ctx, b.tenant, id.name())
	if err != nil {
		return nil, item, err
	}
	leaves, err := parseLeaves(item.Data)
	switch width := id.width(b.seal.Size); {
	case err != nil || len(leaves) < width:
		return nil, item, &listError{id.n * tileWidth}
	case len(leaves) > width: // of a newer seal, of which these are the beginning
		if newer, err := b.overtaken(ctx); err != nil {
			return nil, item, err
		} else if !newer {
			return nil, item, &listError{id.n * tileWidth}
		}
		var own []byte
		leaves = leaves[:width]
		for i := range leaves {
			own = leaves[i].append(own)
		}
		item.Data = own
	}
	return leaves, item, nil
}

// overtaken reports whether somebody else has sealed since the book was opened. What is kept then goes on behind what the
// book knows.
func (b *sealBook) overtaken(ctx context.Context) (bool, error) {
	head, err := b.store.Load(ctx, b.tenant, sealHead)
	return head.Version > b.version, err
}

// A listError says that the sealed entries from one on cannot be read.
type listError struct{ from int64 }

func (e *listError) Error() string {
	return fmt.Sprintf("the list of sealed entries cannot be read from entry %d on", e.from+1)
}

// sealTree is the Merkle tree of a book, read by tiles when they are needed. It grows by [sealTree.add]. It is a [tlog.HashReader].
type sealTree struct {
	load  func(tileID) (*sealTile, error)
	book  *sealBook
	size  int64
	tiles map[tileID]*sealTile
	dirty []tileID // in the order in which they were touched first
}

type sealTile struct {
	hashes  []byte
	leaves  []byte // as they are kept, on level 0
	version uint64
	dirty   bool
}

// newSealTree returns the tree of the last seal of a book. The context is for the reading of tiles.
func newSealTree(ctx context.Context, b *sealBook) *sealTree {
	return &sealTree{
		load: func(id tileID) (*sealTile, error) { return b.loadTile(ctx, id) },
		book: b, size: b.seal.Size, tiles: make(map[tileID]*sealTile),
	}
}

func (b *sealBook) loadTile(ctx context.Context, id tileID) (*sealTile, error) {
	if id.level > 0 {
		item, err := b.store.Load(ctx, b.tenant, id.name())
		if err != nil {
			return nil, err
		}
		if own := tlog.HashSize * id.width(b.seal.Size); len(item.Data) != own {
			newer, err := b.overtaken(ctx)
			if err != nil {
				return nil, err
			}
			if !newer || len(item.Data) < own {
				return nil, sealBroken(b.tenant, "item %s is not as long as it was", id.name())
			}
			item.Data = item.Data[:own:own]
		}
		return &sealTile{hashes: item.Data, version: item.Version}, nil
	}
	leaves, item, err := b.loadLeaves(ctx, id.n)
	if list := (*listError)(nil); errors.As(err, &list) {
		return nil, sealBroken(b.tenant, "%v", list)
	}
	if err != nil {
		return nil, err
	}
	t := &sealTile{leaves: item.Data, version: item.Version, hashes: make([]byte, 0, tlog.HashSize*len(leaves))}
	for i := range leaves {
		h := leaves[i].hash(b.tenant)
		t.hashes = append(t.hashes, h[:]...)
	}
	return t, nil
}

func (t *sealTree) tile(id tileID) (*sealTile, error) {
	if tile := t.tiles[id]; tile != nil {
		return tile, nil
	}
	tile := &sealTile{}
	if id.width(t.book.seal.Size) > 0 {
		var err error
		if tile, err = t.load(id); err != nil {
			return nil, err
		}
	}
	t.tiles[id] = tile
	return tile, nil
}

// ReadHashes implements [tlog.HashReader].
func (t *sealTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		at := tlog.TileForIndex(tileHeight, index)
		tile, err := t.tile(tileID{at.L, at.N})
		if err != nil {
			return nil, err
		}
		if hashes[i], err = tlog.HashFromTile(at, tile.hashes, index); err != nil {
			return nil, sealBroken(t.book.tenant, "the tree of the seal: %v", err)
		}
	}
	return hashes, nil
}

// check holds the tree to what was signed. All that is needed to let it grow is covered by that.
func (t *sealTree) check(signed tlog.Tree) error {
	root, err := tlog.TreeHash(signed.N, t)
	if err != nil {
		return err
	}
	if root != signed.Hash {
		return sealBroken(t.book.tenant, "what is kept of the tree does not lead to what seal %d signed", t.book.seal.Number)
	}
	return nil
}

// last returns the last leaf, nil when there is none.
func (t *sealTree) last() (*sealLeaf, error) {
	if t.size == 0 {
		return nil, nil
	}
	tile, err := t.tile(tileID{0, (t.size - 1) / tileWidth})
	if err != nil {
		return nil, err
	}
	leaves, err := parseLeaves(tile.leaves)
	if err != nil {
		return nil, sealBroken(t.book.tenant, "%v", err)
	}
	return &leaves[len(leaves)-1], nil
}

// add lets the tree grow by a leaf.
func (t *sealTree) add(l sealLeaf) error {
	tile, err := t.tile(tileID{0, t.size / tileWidth})
	if err != nil {
		return err
	}
	tile.leaves = l.append(tile.leaves)
	n := t.size
	t.size++
	return t.push(0, n, l.hash(t.book.tenant))
}

// push writes the nth hash of a level of tiles, and the roots of the tiles that it fills.
func (t *sealTree) push(level int, n int64, h tlog.Hash) error {
	id := tileID{level, n / tileWidth}
	tile, err := t.tile(id)
	if err != nil {
		return err
	}
	if !tile.dirty {
		tile.dirty = true
		t.dirty = append(t.dirty, id)
	}
	tile.hashes = append(tile.hashes, h[:]...)
	if len(tile.hashes) < tlog.HashSize*tileWidth {
		return nil
	}
	var halves [2]tlog.Hash
	full := tlog.Tile{H: tileHeight, L: level, N: id.n, W: tileWidth}
	for i := range halves {
		index := tlog.StoredHashIndex(tileHeight*(level+1)-1, 2*id.n+int64(i))
		if halves[i], err = tlog.HashFromTile(full, tile.hashes, index); err != nil {
			return err
		}
	}
	return t.push(level+1, id.n, tlog.NodeHash(halves[0], halves[1]))
}

// changed returns the items of the tiles that grew.
func (t *sealTree) changed() []SealItem {
	items := make([]SealItem, 0, len(t.dirty)+2)
	for _, id := range t.dirty {
		tile := t.tiles[id]
		data := tile.hashes
		if id.level == 0 {
			data = tile.leaves
		}
		items = append(items, SealItem{id.name(), data, tile.version})
	}
	return items
}

// frontier computes the root of a tree from its leaves in one pass: it holds the roots of the full subtrees, the largest first.
type frontier struct {
	size  int64
	roots []tlog.Hash
}

func (f *frontier) add(h tlog.Hash) {
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
	}
	f.roots = append(f.roots, h)
	f.size++
}

func (f *frontier) root() Digest {
	if f.size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // a tree without leaves reads nothing that could fail
		return Digest(empty)
	}
	h := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.roots[i], h)
	}
	return Digest(h)
}

// leafCursor walks along the sealed entries and compares the tree with what seals said on the way.
type leafCursor struct {
	book  *sealBook
	tile  []sealLeaf
	after int64 // the first leaf behind the tile
	tree  frontier
	marks []Seal // to compare with, by size
	bad   *Seal  // the first mark that does not fit
	good  int64  // size of the last mark before it
}

func newLeafCursor(b *sealBook, marks []Seal) *leafCursor {
	c := &leafCursor{book: b, marks: slices.Clone(marks)}
	slices.SortStableFunc(c.marks, func(a, b Seal) int { return cmp.Compare(a.Size, b.Size) })
	c.compare()
	return c
}

// peek returns the next leaf, nil behind the last. The error is a [*listError] when the list was damaged.
func (c *leafCursor) peek(ctx context.Context) (*sealLeaf, error) {
	if c.tree.size == c.book.seal.Size {
		return nil, nil
	}
	if c.tree.size == c.after {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tile, _, err := c.book.loadLeaves(ctx, c.tree.size/tileWidth)
		if err != nil {
			return nil, err
		}
		c.tile, c.after = tile, c.after+int64(len(tile))
	}
	return &c.tile[c.tree.size%tileWidth], nil
}

// next takes the leaf that peek returned.
func (c *leafCursor) next() {
	c.tree.add(c.tile[c.tree.size%tileWidth].hash(c.book.tenant))
	c.compare()
}

func (c *leafCursor) compare() {
	for c.bad == nil && len(c.marks) > 0 && c.marks[0].Size == c.tree.size {
		if c.marks[0].Root != c.tree.root() {
			c.bad = &c.marks[0]
			return
		}
		c.marks = c.marks[1:]
		if len(c.marks) == 0 || c.marks[0].Size > c.tree.size {
			c.good = c.tree.size
		}
	}
}

// drain walks to the end.
func (c *leafCursor) drain(ctx context.Context) error {
	for {
		leaf, err := c.peek(ctx)
		if leaf == nil || err != nil {
			return err
		}
		c.next()
	}
}

// noteFields reads values that stand in a line with blanks between them.
type noteFields struct {
	rest string
	bad  bool
}

func (f *noteFields) word() string {
	word, rest, _ := strings.Cut(f.rest, " ")
	f.rest = rest
	return word
}

func (f *noteFields) quoted() string {
	q, err := strconv.QuotedPrefix(f.rest)
	if err != nil {
		f.bad = true
		return ""
	}
	f.rest = strings.TrimPrefix(f.rest[len(q):], " ")
	s, err := strconv.Unquote(q)
	f.bad = f.bad || err != nil
	return s
}

func (f *noteFields) number() uint64 {
	n, err := strconv.ParseUint(f.word(), 10, 63)
	f.bad = f.bad || err != nil
	return n
}

func (f *noteFields) digest() Digest {
	var d Digest
	word := f.word()
	f.bad = f.bad || len(word) != 2*len(d) || d.UnmarshalText([]byte(word)) != nil
	return d
}
