package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// ErrClosed says that the DB was closed.
var ErrClosed = errors.New("the store is closed")

// Check reports the ways in which the batch contradicts itself, as itsm.ErrInvalid. Adapters call it first in Commit; a [Lender]
// calls [Batch.CheckLent].
func (b *Batch) Check() error { return b.check(false) }

// CheckLent is Check for a store that takes records that are not encoded.
func (b *Batch) CheckLent() error { return b.check(true) }

func (b *Batch) check(lent bool) error {
	c := checker{tenant: b.Tenant, lent: lent}
	if b.Tenant == "" {
		c.fault("the tenant is missing")
	}
	c.puts(b.Puts)
	c.events(b.Events)
	c.reads(b.Reads)
	c.erase(b.Erase)
	c.commands(b.Commands)
	if c.faults == nil {
		return nil
	}
	return fmt.Errorf("%w: batch: %s", itsm.ErrInvalid, strings.Join(c.faults, "; "))
}

// CheckKeys reports keys that cannot be loaded together. Adapters call it in Load.
func CheckKeys(keys []itsm.Key) error {
	for i := range keys {
		if keys[i].Tenant == "" || keys[i].Tenant != keys[0].Tenant {
			return fmt.Errorf("%w: load %s: all keys must have one tenant, here %q", itsm.ErrInvalid, keys[i], keys[0].Tenant)
		}
	}
	return nil
}

// CheckQuery reports a query that is without a tenant or kind. Adapters call it in Find; whether the fields are declared is
// looked at by the kernel before.
func CheckQuery(q *itsm.Query) error {
	switch {
	case q.Tenant == "" || q.Kind == "":
		return fmt.Errorf("%w: query: tenant %q and kind %q must not be empty", itsm.ErrInvalid, q.Tenant, q.Kind)
	case q.Limit < 0:
		return fmt.Errorf("%w: query: limit %d is negative", itsm.ErrInvalid, q.Limit)
	}
	return nil
}

// CheckFilter reports a filter that lacks what its fields need. Adapters call it in Events.
func CheckFilter(f *itsm.Filter) error {
	switch {
	case f.ID != "" && (f.Tenant == "" || f.Kind == ""):
		return fmt.Errorf("%w: filter: ID %q needs a tenant and a kind", itsm.ErrInvalid, f.ID)
	case f.Command != "" && f.Tenant == "":
		return fmt.Errorf("%w: filter: command %q needs a tenant", itsm.ErrInvalid, f.Command)
	case f.Limit < 0:
		return fmt.Errorf("%w: filter: limit %d is negative", itsm.ErrInvalid, f.Limit)
	}
	return nil
}

// checker looks a batch through.
type checker struct {
	tenant itsm.Tenant
	lent   bool // records may come unencoded
	chains lookup[itsm.Key, chain]
	faults []string
}

// chain is how far the events of a put lead.
type chain struct {
	put  *Put
	seq  uint64
	head itsm.Digest
}

// maxFaults bounds what a batch full of faults says of itself.
const maxFaults = 20

func (c *checker) fault(format string, args ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

func (c *checker) key(what string, key itsm.Key) {
	if key.Tenant != c.tenant {
		c.fault("%s %s: a batch belongs to one tenant, here %q", what, key, c.tenant)
	}
	if key.Kind == "" || key.ID == "" {
		c.fault("%s %s: kind and ID must not be empty", what, key)
	}
}

func (c *checker) puts(puts []Put) {
	for i := range puts {
		p := &puts[i]
		c.key("put", p.Key)
		if p.Seq <= p.Expect {
			c.fault("put %s: it leads from %d to %d, want forward", p.Key, p.Expect, p.Seq)
		}
		if p.Keep && p.Expect == 0 {
			c.fault("put %s: there is no data to keep in a new record", p.Key)
		}
		if p.Record != nil && (!c.lent || p.Data != nil) {
			c.fault("put %s: a record that is not encoded is for a lender, in place of data", p.Key)
		}
		if !p.Keep {
			c.index(p)
		}
		if _, fresh := c.chains.add(p.Key, chain{put: p, seq: p.Expect}); !fresh {
			c.fault("put %s: the record is put twice", p.Key)
		}
	}
}

func (c *checker) index(p *Put) {
	for i := range p.Index {
		e := &p.Index[i]
		if !fieldName(e.Field) {
			c.fault("put %s: index field %q: a name is lower_snake, at most %d characters", p.Key, e.Field, maxField)
		}
		if e.Value.IsZero() {
			continue
		}
		for j := range i {
			o := &p.Index[j]
			if o.Field == e.Field && !o.Value.IsZero() && (o.Many != e.Many || !e.Many && o.Value != e.Value) {
				c.fault("put %s: index field %s: two values of a field that has one a record", p.Key, e.Field)
			}
		}
	}
}

// maxField bounds the names of index fields, in bytes.
const maxField = 60

// fieldName reports whether a store can name a column after the field.
func fieldName(s string) bool {
	if s == "" || len(s) > maxField || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func (c *checker) events(events []itsm.Event) {
	var alone *lookup[itsm.Key, struct{}]
	for i := range events {
		e := &events[i]
		p := c.chains.get(e.Key)
		if p == nil {
			c.key("event", e.Key)
			if e.Seq != 1 || !e.Prev.IsZero() {
				c.fault("event %s %d: without a put an event stands alone, with the number 1 and behind nothing", e.Key, e.Seq)
			}
			if alone == nil {
				alone = new(lookup[itsm.Key, struct{}])
			}
			if _, fresh := alone.add(e.Key, struct{}{}); !fresh {
				c.fault("event %s %d: it is there twice", e.Key, e.Seq)
			}
			continue
		}
		if p.seq++; e.Seq != p.seq {
			c.fault("event %s %d: want number %d", e.Key, e.Seq, p.seq)
		}
		if p.seq > p.put.Expect+1 && e.Prev != p.head {
			c.fault("event %s %d: it does not follow the one before it", e.Key, e.Seq)
		}
		p.head = e.Hash
	}
	for i := range c.chains.n {
		p := c.chains.at(i)
		switch {
		case p.seq == p.put.Expect:
			if p.put.Keep || !p.put.Head.IsZero() {
				c.fault("put %s: it has no events; then it is a counter, with data and without a head", p.put.Key)
			}
		case p.seq != p.put.Seq:
			c.fault("put %s: it leads to %d, its events lead to %d", p.put.Key, p.put.Seq, p.seq)
		case p.head != p.put.Head:
			c.fault("put %s: its head is not the hash of its last event", p.put.Key)
		}
	}
}

func (c *checker) reads(reads []Read) {
	var seen *lookup[itsm.Key, uint64]
	for _, r := range reads {
		c.key("read", r.Key)
		if c.chains.get(r.Key) != nil {
			c.fault("read %s: the batch puts the record too; its put says from where", r.Key)
		}
		if len(reads) == 1 {
			break
		}
		if seen == nil {
			seen = new(lookup[itsm.Key, uint64])
		}
		if seq, fresh := seen.add(r.Key, r.Seq); !fresh && *seq != r.Seq {
			c.fault("read %s: it cannot be at %d and at %d", r.Key, *seq, r.Seq)
		}
	}
}

func (c *checker) erase(keys []itsm.Key) {
	for _, k := range keys {
		if c.chains.get(k) == nil {
			c.fault("erase %s: the batch does not put the record", k)
		}
	}
}

func (c *checker) commands(ids []itsm.CommandID) {
	var seen *lookup[itsm.CommandID, struct{}]
	for i, id := range ids {
		if id == "" {
			c.fault("command %d: the ID is empty", i+1)
		}
		if len(ids) == 1 {
			break
		}
		if seen == nil {
			seen = new(lookup[itsm.CommandID, struct{}])
		}
		if _, fresh := seen.add(id, struct{}{}); !fresh {
			c.fault("command %q: it is there twice", id)
		}
	}
}

// few is how many keys a lookup holds without a map: a walk along them is faster.
const few = 4

// A lookup is a small map that keeps the order in which keys came.
type lookup[K comparable, V any] struct {
	n     int
	keys  [few]K // of the first ones
	vals  [few]V
	more  map[K]*V // of the others
	order []*V     // likewise
}

func (l *lookup[K, V]) get(key K) *V {
	for i := range min(l.n, few) {
		if l.keys[i] == key {
			return &l.vals[i]
		}
	}
	return l.more[key]
}

// at returns the value of the ith key.
func (l *lookup[K, V]) at(i int) *V {
	if i < few {
		return &l.vals[i]
	}
	return l.order[i-few]
}

// add puts a value in, unless the key has one already. It returns the value of the key, and whether it is the new one.
func (l *lookup[K, V]) add(key K, val V) (*V, bool) {
	if v := l.get(key); v != nil {
		return v, false
	}
	if l.n < few {
		l.keys[l.n], l.vals[l.n] = key, val
	} else {
		if l.more == nil {
			l.more = make(map[K]*V)
		}
		v := new(V)
		*v = val
		l.more[key], l.order = v, append(l.order, v)
	}
	l.n++
	return l.at(l.n - 1), true
}
