// Package rows keeps records in memory and finds them by ordered indexes. It is what the reference store and the units of
// work have in common.
package rows

import "slices"

// A List holds keys in ascending order, in leaves of limited size: finding is a binary search, inserting and deleting
// move at most one leaf. The zero value is not ready; use [NewList]. It is not safe for concurrent use.
type List[K any] struct {
	cmp    func(a, b K) int
	leaves [][]K
	len    int
}

// maxLeaf is how many keys a leaf takes before it is split.
const maxLeaf = 256

// A Pos is a place in a [List], valid until the list changes. Places can be compared with ==.
type Pos struct{ leaf, i int }

// NewList returns an empty list with an order.
func NewList[K any](cmp func(a, b K) int) *List[K] { return &List[K]{cmp: cmp} }

// ListOf returns a list of keys that are in ascending order already, without doubles.
func ListOf[K any](cmp func(a, b K) int, sorted []K) *List[K] {
	l := &List[K]{cmp: cmp, len: len(sorted)}
	for part := range slices.Chunk(sorted, maxLeaf*3/4) { // with room to grow
		l.leaves = append(l.leaves, append(make([]K, 0, maxLeaf), part...))
	}
	return l
}

// Len returns the number of keys.
func (l *List[K]) Len() int { return l.len }

// Seek returns the place of the first key for which reached is true; it must be false up to some key and true from there.
func (l *List[K]) Seek(reached func(*K) bool) Pos {
	lo, hi := 0, len(l.leaves) // the first leaf whose last key is reached
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if leaf := l.leaves[mid]; reached(&leaf[len(leaf)-1]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == len(l.leaves) {
		return l.End()
	}
	leaf := l.leaves[lo]
	i, j := 0, len(leaf)-1 // the last key is known to be reached
	for i < j {
		mid := int(uint(i+j) >> 1)
		if reached(&leaf[mid]) {
			j = mid
		} else {
			i = mid + 1
		}
	}
	return Pos{lo, i}
}

// Begin returns the place of the first key.
func (l *List[K]) Begin() Pos { return Pos{} }

// End returns the place behind the last key.
func (l *List[K]) End() Pos { return Pos{len(l.leaves), 0} }

// At returns the key at a place that is not the end.
func (l *List[K]) At(p Pos) *K { return &l.leaves[p.leaf][p.i] }

// Next returns the place behind one that is not the end.
func (l *List[K]) Next(p Pos) Pos {
	if p.i++; p.i == len(l.leaves[p.leaf]) {
		return Pos{p.leaf + 1, 0}
	}
	return p
}

// Prev returns the place before one that is not the beginning.
func (l *List[K]) Prev(p Pos) Pos {
	if p.i == 0 {
		p.leaf--
		p.i = len(l.leaves[p.leaf])
	}
	p.i--
	return p
}

// Before reports whether p comes before q.
func (p Pos) Before(q Pos) bool { return p.leaf < q.leaf || p.leaf == q.leaf && p.i < q.i }

// Count returns the number of keys from one place up to another.
func (l *List[K]) Count(from, to Pos) int {
	if !from.Before(to) {
		return 0
	}
	n := to.i - from.i
	for _, leaf := range l.leaves[from.leaf:to.leaf] {
		n += len(leaf)
	}
	return n
}

func (l *List[K]) seekKey(k K) Pos {
	return l.Seek(func(o *K) bool { return l.cmp(*o, k) >= 0 })
}

// Insert puts a key in; one that is there already it replaces.
func (l *List[K]) Insert(k K) {
	if n := len(l.leaves); n == 0 {
		l.leaves = append(l.leaves, append(make([]K, 0, 8), k))
		l.len = 1
		return
	}
	p := l.seekKey(k)
	switch {
	case p == l.End(): // behind everything: keep leaves full where keys come in order
		p.leaf--
		p.i = len(l.leaves[p.leaf])
		if p.i == maxLeaf {
			l.leaves = append(l.leaves, append(make([]K, 0, maxLeaf), k))
			l.len++
			return
		}
	case l.cmp(*l.At(p), k) == 0:
		*l.At(p) = k
		return
	}
	if leaf := l.leaves[p.leaf]; len(leaf) == maxLeaf {
		const half = maxLeaf / 2
		right := append(make([]K, 0, maxLeaf), leaf[half:]...)
		clear(leaf[half:])
		l.leaves[p.leaf] = leaf[:half]
		l.leaves = slices.Insert(l.leaves, p.leaf+1, right)
		if p.i > half {
			p = Pos{p.leaf + 1, p.i - half}
		}
	}
	l.leaves[p.leaf] = slices.Insert(l.leaves[p.leaf], p.i, k)
	l.len++
}

// Delete takes a key out, if it is there.
func (l *List[K]) Delete(k K) {
	p := l.seekKey(k)
	if p == l.End() || l.cmp(*l.At(p), k) != 0 {
		return
	}
	l.len--
	leaf := slices.Delete(l.leaves[p.leaf], p.i, p.i+1)
	l.leaves[p.leaf] = leaf
	switch next := p.leaf + 1; {
	case len(leaf) == 0:
		l.leaves = slices.Delete(l.leaves, p.leaf, next)
	case next < len(l.leaves) && len(leaf)+len(l.leaves[next]) <= maxLeaf/2:
		l.leaves[p.leaf] = append(leaf, l.leaves[next]...)
		l.leaves = slices.Delete(l.leaves, next, next+1)
	}
}
