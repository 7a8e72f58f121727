package impact

import (
	"iter"
	"math/bits"
	"slices"
)

// A trie is an immutable map from uint32: set returns a new one that shares all but a few nodes with the old. Each level takes five
// bits of the key, the lowest first; a key stands as high as it is alone. The zero trie is empty.
type trie[V any] struct {
	root *node[V]
	len  int
}

type node[V any] struct {
	used  uint32    // bit i: there is a slot for digit i
	slots []slot[V] // in the order of their digits
}

// A slot holds a key with its value, or the node of all keys with this digit.
type slot[V any] struct {
	below *node[V]
	key   uint32
	value V
}

const (
	digit  = 5
	digits = 1<<digit - 1
)

func (n *node[V]) at(bit uint32) int { return bits.OnesCount32(n.used & (bit - 1)) }

func (t trie[V]) get(key uint32) (value V, ok bool) {
	for n, rest := t.root, key; n != nil; rest >>= digit {
		bit := uint32(1) << (rest & digits)
		if n.used&bit == 0 {
			break
		}
		s := &n.slots[n.at(bit)]
		if s.below == nil {
			if s.key == key {
				return s.value, true
			}
			break
		}
		n = s.below
	}
	return value, false
}

func (t trie[V]) has(key uint32) bool {
	_, ok := t.get(key)
	return ok
}

func (t trie[V]) set(key uint32, value V) trie[V] {
	root, added := t.root.set(key, value, 0)
	if added {
		t.len++
	}
	return trie[V]{root, t.len}
}

func (n *node[V]) set(key uint32, value V, shift int) (changed *node[V], added bool) {
	if n == nil {
		n = &node[V]{}
	}
	bit := uint32(1) << (key >> shift & digits)
	i := n.at(bit)
	if n.used&bit == 0 {
		slots := make([]slot[V], len(n.slots)+1)
		copy(slots, n.slots[:i])
		slots[i] = slot[V]{key: key, value: value}
		copy(slots[i+1:], n.slots[i:])
		return &node[V]{n.used | bit, slots}, true
	}
	s := n.slots[i]
	switch {
	case s.below == nil && s.key == key:
		s.value = value
	case s.below == nil:
		// Two keys in one slot move down together, until a digit parts them.
		below, _ := (*node[V])(nil).set(s.key, s.value, shift+digit)
		below, _ = below.set(key, value, shift+digit)
		s, added = slot[V]{below: below}, true
	default:
		s.below, added = s.below.set(key, value, shift+digit)
	}
	slots := slices.Clone(n.slots)
	slots[i] = s
	return &node[V]{n.used, slots}, added
}

// all yields the entries, in an order that depends on the keys alone.
func (t trie[V]) all() iter.Seq2[uint32, V] {
	return func(yield func(uint32, V) bool) { t.root.walk(yield) }
}

func (n *node[V]) walk(yield func(uint32, V) bool) bool {
	if n == nil {
		return true
	}
	for i := range n.slots {
		if s := &n.slots[i]; s.below != nil {
			if !s.below.walk(yield) {
				return false
			}
		} else if !yield(s.key, s.value) {
			return false
		}
	}
	return true
}
