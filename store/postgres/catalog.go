package postgres

import (
	"context"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A catalog says by which fields the records of each kind are found. It is immutable once it is shared. Fields are only ever
// added, so what an old one says is true, and what it lacks is asked for again.
type catalog map[itsm.Kind]*kind

// A kind has its fields in the order of their numbers, which begin with 1 and leave no gap.
type kind struct {
	fields  []field
	byField map[string]int // place in fields
}

type field struct {
	name string
	many bool
}

var noKind = &kind{}

// kind returns a kind; one without fields when it has none.
func (c catalog) kind(name itsm.Kind) *kind {
	if k := c[name]; k != nil {
		return k
	}
	return noKind
}

// field returns what is known of a field and its number, 0 when no record has ever had a value of it.
func (k *kind) field(name string) (f field, number int) {
	if i, ok := k.byField[name]; ok {
		return k.fields[i], i + 1
	}
	return field{}, 0
}

// lacks reports whether a put has a value of a field that the kind does not have.
func (k *kind) lacks(p *store.Put) bool {
	if p.Keep {
		return false
	}
	for i := range p.Index {
		if _, n := k.field(p.Index[i].Field); n == 0 && !p.Index[i].Value.IsZero() {
			return true
		}
	}
	return false
}

// catalog returns what is known of the fields.
func (db *DB) catalog() catalog {
	if c := db.known.Load(); c != nil {
		return *c
	}
	return nil
}

// refresh asks again for the fields of a kind.
func (db *DB) refresh(ctx context.Context, name itsm.Kind) (*kind, error) {
	fields, err := list(ctx, db, "SELECT field, many FROM @.field WHERE kind = $1 ORDER BY number", []any{string(name)}, func(row pgx.Rows, f *field) error {
		return row.Scan(&f.name, &f.many)
	})
	if err != nil {
		return nil, err
	}
	k := &kind{fields: fields, byField: make(map[string]int, len(fields))}
	for i, f := range fields {
		k.byField[f.name] = i
	}
	for {
		old := db.known.Load()
		next := catalog{}
		if old != nil {
			if there := (*old)[name]; there != nil && len(there.fields) >= len(k.fields) {
				return there, nil
			}
			next = maps.Clone(*old)
		}
		next[name] = k
		if db.known.CompareAndSwap(old, &next) {
			return k, nil
		}
	}
}

// grow adds the fields that a batch needs. They are added on their own, before the batch: a field that no record has a value of
// does no harm.
func (db *DB) grow(ctx context.Context, b *store.Batch) (catalog, error) {
	c := db.catalog()
	for i := range b.Puts {
		p := &b.Puts[i]
		k := c.kind(p.Key.Kind)
		for k.lacks(p) {
			if err := db.addFields(ctx, k, p); err != nil {
				return nil, err
			}
			var err error
			if k, err = db.refresh(ctx, p.Key.Kind); err != nil {
				return nil, err
			}
			c = db.catalog()
		}
		if err := k.fits(p); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (db *DB) addFields(ctx context.Context, k *kind, p *store.Put) error {
	for i := range p.Index {
		e := &p.Index[i]
		if _, there := k.field(e.Field); there > 0 || e.Value.IsZero() {
			continue
		}
		// When somebody else adds a field at the same time, nothing is written here, and the caller comes again.
		err := db.exec(ctx, `INSERT INTO @.field (kind, field, number, many)
			SELECT $1, $2, coalesce(max(number), 0) + 1, $3 FROM @.field WHERE kind = $1 ON CONFLICT DO NOTHING`, string(p.Key.Kind), e.Field, e.Many)
		if err != nil {
			return err
		}
	}
	return nil
}

// fits reports a put that gives a field one value where the kind has several, or the other way.
func (k *kind) fits(p *store.Put) error {
	if p.Keep {
		return nil
	}
	for i := range p.Index {
		e := &p.Index[i]
		if f, _ := k.field(e.Field); f.many != e.Many && !e.Value.IsZero() {
			return fmt.Errorf("%w: %s: field %s has always had %s, now it has %s: use another name", itsm.ErrInvalid, p.Key, e.Field, manner(f.many), manner(e.Many))
		}
	}
	return nil
}

func manner(many bool) string {
	if many {
		return "several values a record"
	}
	return "one value a record"
}
