package change

import (
	"hash/fnv"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A node is an entry of a persistent tree of spans, ordered by start and ID, in which every node knows the latest end below
// it. Its shape is that of a treap whose priorities are hashes of the IDs: the same entries make the same tree, in whatever
// order they came, and its expected depth is logarithmic. Nodes never change, so that a tree that was handed out stays as it was.
type node struct {
	id          itsm.ID
	span        Span
	priority    uint64
	latest      time.Time // end of all spans from here down
	left, right *node
}

func priority(id itsm.ID) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	x := h.Sum64() // FNV leaves names that end alike close together: mix
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}

// compare orders entries by start, then ID.
func (n *node) compare(id itsm.ID, span Span) int {
	if c := span.Start.Compare(n.span.Start); c != 0 {
		return c
	}
	switch {
	case id < n.id:
		return -1
	case id > n.id:
		return 1
	}
	return 0
}

// with returns a copy of the node with other children.
func (n *node) with(left, right *node) *node {
	c := *n
	c.left, c.right = left, right
	c.latest = c.span.End
	for _, child := range [...]*node{left, right} {
		if child != nil && child.latest.After(c.latest) {
			c.latest = child.latest
		}
	}
	return &c
}

func (n *node) insert(id itsm.ID, span Span) *node {
	if n == nil {
		return &node{id: id, span: span, priority: priority(id), latest: span.End}
	}
	if c := n.compare(id, span); c < 0 {
		left := n.left.insert(id, span)
		if left.priority > n.priority {
			return left.with(left.left, n.with(left.right, n.right))
		}
		return n.with(left, n.right)
	} else if c > 0 {
		right := n.right.insert(id, span)
		if right.priority > n.priority {
			return right.with(n.with(n.left, right.left), right.right)
		}
		return n.with(n.left, right)
	}
	c := *n
	c.span = span
	return c.with(n.left, n.right)
}

func (n *node) remove(id itsm.ID, span Span) *node {
	if n == nil {
		return nil
	}
	switch c := n.compare(id, span); {
	case c < 0:
		return n.with(n.left.remove(id, span), n.right)
	case c > 0:
		return n.with(n.left, n.right.remove(id, span))
	}
	return merge(n.left, n.right)
}

// merge makes one tree of two, all entries of the first being before those of the second.
func merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		return a.with(a.left, merge(a.right, b))
	}
	return b.with(merge(a, b.left), b.right)
}

// overlapping yields the entries that overlap a span, in order, and reports whether it should go on.
func (n *node) overlapping(span Span, yield func(id itsm.ID) bool) bool {
	if n == nil || !n.latest.After(span.Start) {
		return true
	}
	if !n.left.overlapping(span, yield) {
		return false
	}
	if !n.span.Start.Before(span.End) {
		return true
	}
	if n.span.Overlaps(span) && !yield(n.id) {
		return false
	}
	return n.right.overlapping(span, yield)
}
