package store

import (
	"bytes"
	"sync"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/clone"
)

// maxCached bounds the encoded size of the records that a generation of a cache holds, in bytes.
const maxCached = 4 << 20

// A cache spares the decoding of records that were written or read a short while ago. It is asked with the bytes that
// the store gave, and answers only for the same bytes, so it can never be wrong: neither a write by somebody else nor
// a change behind the store's back is hidden by it. It keeps what it is given, and lends it: nobody writes to it.
//
// It has two generations. When the young one is full it becomes the old one, and what nobody asked for since then is forgotten.
type cache[R any] struct {
	cloner clone.Cloner[R]

	mu         sync.Mutex
	young, old map[itsm.Key]cached[R]
	size       int // of the young generation
}

type cached[R any] struct {
	data []byte
	rec  *R // never written to
}

// newCache returns a cache for records of a type, nil when records of the type cannot be copied.
func newCache[R any]() *cache[R] {
	c, ok := clone.Of[R]()
	if !ok {
		return nil
	}
	return &cache[R]{cloner: c, young: make(map[itsm.Key]cached[R])}
}

// get returns the record that the bytes decode to, nil when the cache does not know. It must not be written to.
func (c *cache[R]) get(key itsm.Key, data []byte) *R {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	e, young := c.young[key]
	if !young {
		e = c.old[key]
	}
	c.mu.Unlock()
	if e.rec == nil || !bytes.Equal(e.data, data) {
		return nil
	}
	if !young {
		c.keep(key, e)
	}
	return e.rec
}

// put remembers what bytes decode to. Neither may be written to afterwards.
func (c *cache[R]) put(key itsm.Key, data []byte, rec *R) {
	if c == nil || len(data) > maxCached/16 {
		return
	}
	c.keep(key, cached[R]{data, rec})
}

func (c *cache[R]) keep(key itsm.Key, e cached[R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size += len(e.data) - len(c.young[key].data)
	c.young[key] = e
	if c.size > maxCached {
		c.old, c.young, c.size = c.young, make(map[itsm.Key]cached[R], len(c.young)), 0
	}
}
