package store

import (
	"bytes"
	"reflect"
	"sync"

	"github.com/hospital-itsm/itsm"
)

// maxCached bounds the encoded size of the records that a generation of a cache holds, in bytes.
const maxCached = 4 << 20

// A cache spares the decoding of records that were written or read a short while ago. It is asked with the bytes that
// the store gave, and answers only for the same bytes, so it can never be wrong: neither a write by somebody else nor
// a change behind the store's back is hidden by it. What it gives and takes is copied, for records belong to their callers.
//
// It has two generations. When the young one is full it becomes the old one, and what nobody asked for since then is forgotten.
type cache[R any] struct {
	cloner cloner

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
	c, ok := clonerOf(reflect.TypeFor[R]())
	if !ok {
		return nil
	}
	return &cache[R]{cloner: c, young: make(map[itsm.Key]cached[R])}
}

func (c *cache[R]) clone(rec *R) *R {
	own := *rec
	c.cloner.own(reflect.ValueOf(&own).Elem())
	return &own
}

// get returns a copy of the record that the bytes decode to.
func (c *cache[R]) get(key itsm.Key, data []byte) (rec R, ok bool) {
	if c == nil {
		return rec, false
	}
	c.mu.Lock()
	e, young := c.young[key]
	if !young {
		e = c.old[key]
	}
	c.mu.Unlock()
	if e.rec == nil || !bytes.Equal(e.data, data) {
		return rec, false
	}
	if !young {
		c.keep(key, e)
	}
	return *c.clone(e.rec), true
}

// put remembers what bytes decode to. The bytes must not change afterwards.
func (c *cache[R]) put(key itsm.Key, data []byte, rec *R) {
	if c == nil || len(data) > maxCached/16 {
		return
	}
	c.keep(key, cached[R]{data, c.clone(rec)})
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
