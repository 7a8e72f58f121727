package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A catalog says which tables and columns there are. It is immutable once it is shared.
type catalog struct {
	version int64 // SQLite's own count of changes to the schema, by any process
	kinds   map[itsm.Kind]*kind
}

// A kind is where the records of a kind lie. Names that go into SQL come from quote.
type kind struct {
	kind    itsm.Kind
	name    string
	table   string // quoted
	values  string // quoted: the table of the fields with several values
	fields  []field
	byField map[string]int // place in fields
	many    bool           // there are fields with several values
}

// A field is by what records are found.
type field struct {
	name   string
	typ    itsm.ValueType
	many   bool
	column string // quoted
	index  string // quoted
}

// quote makes an identifier of SQL out of a name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func newKind(k itsm.Kind, name string) *kind {
	return &kind{kind: k, name: name, table: quote("record_" + name), values: quote("values_" + name), byField: make(map[string]int)}
}

func (k *kind) add(name string, typ itsm.ValueType, many bool) {
	k.byField[name] = len(k.fields)
	k.fields = append(k.fields, field{name, typ, many, quote("f_" + name), quote("record_" + k.name + "_f_" + name)})
	k.many = k.many || many
}

// field returns what is known of a field, nil when no record has ever had a value of it.
func (k *kind) field(name string) *field {
	if i, ok := k.byField[name]; ok {
		return &k.fields[i]
	}
	return nil
}

// index returns the quoted name of an index that is there for every kind: key or wake.
func (k *kind) indexOf(what string) string { return quote("record_" + k.name + "_" + what) }

// schemaVersion asks SQLite whether anybody has changed the schema.
func (s *session) schemaVersion(ctx context.Context) (v int64, err error) {
	_, err = s.one(ctx, "PRAGMA schema_version", nil, &v)
	return v, err
}

// catalog returns the catalog as it is in the transaction of the session, or now.
func (db *DB) catalog(ctx context.Context, s *session) (*catalog, error) {
	version, err := s.schemaVersion(ctx)
	if err != nil {
		return nil, err
	}
	if c := db.known.Load(); c != nil && c.version == version {
		return c, nil
	}
	c := &catalog{version: version, kinds: make(map[itsm.Kind]*kind)}
	err = s.query(ctx, "SELECT kind, name FROM itsm_kind", nil, func(rows scanner) error {
		var k itsm.Kind
		var name string
		err := rows.Scan(&k, &name)
		c.kinds[k] = newKind(k, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.query(ctx, "SELECT kind, field, type, many FROM itsm_field ORDER BY kind, field", nil, func(rows scanner) error {
		var k itsm.Kind
		var name, typeName string
		var many bool
		if err := rows.Scan(&k, &name, &typeName, &many); err != nil {
			return err
		}
		var typ itsm.ValueType
		if err := typ.UnmarshalText([]byte(typeName)); err != nil || c.kinds[k] == nil {
			return fmt.Errorf("%w: itsm_field has %q %q of the type %q", ErrCorrupt, k, name, typeName)
		}
		c.kinds[k].add(name, typ, many)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if now, err := s.schemaVersion(ctx); err != nil || now != version {
		return c, err // changed between the statements: good for this call, not to be kept
	}
	db.known.Store(c)
	return c, nil
}

// grow adds the tables and columns that a batch needs and returns the catalog with them. It runs in the transaction of the
// batch, so they come and go with it; nobody else can add them at the same time.
func (db *DB) grow(s *session, c *catalog, b *store.Batch) (*catalog, error) {
	grown := false
	for i := range b.Puts {
		p := &b.Puts[i]
		k := c.kinds[p.Key.Kind]
		if k != nil && !lacks(k, p) {
			continue
		}
		if !grown {
			grown = true
			c = c.clone()
			k = c.kinds[p.Key.Kind]
		}
		if k == nil {
			var err error
			if k, err = createKind(s, p.Key.Kind); err != nil {
				return nil, err
			}
			c.kinds[p.Key.Kind] = k
		}
		if err := addFields(s, k, p); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// lacks reports whether the put has a value of a field that the kind does not have so.
func lacks(k *kind, p *store.Put) bool {
	if p.Keep {
		return false
	}
	for i := range p.Index {
		if e := &p.Index[i]; !e.Value.IsZero() {
			if f := k.field(e.Field); f == nil || f.typ != e.Value.Type() || f.many != e.Many {
				return true
			}
		}
	}
	return false
}

func (c *catalog) clone() *catalog {
	out := &catalog{kinds: make(map[itsm.Kind]*kind, len(c.kinds))} // without a version: it is not to be kept
	for name, old := range c.kinds {
		k := newKind(old.kind, old.name)
		for i := range old.fields {
			k.add(old.fields[i].name, old.fields[i].typ, old.fields[i].many)
		}
		out.kinds[name] = k
	}
	return out
}

// tableName makes a name for people to read out of a kind: lower case letters, digits and _.
func tableName(k itsm.Kind) string {
	name := []byte(k)
	for i, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			name[i] = c - 'A' + 'a'
		case (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), 60)])
}

func createKind(s *session, key itsm.Kind) (*kind, error) {
	base := tableName(key)
	k := newKind(key, base)
	for n := 2; ; n++ { // kinds may differ in case only, and a host may have tables of its own
		taken, err := s.one(context.Background(), "SELECT 1 FROM sqlite_master WHERE lower(name) IN ('record_' || ?, 'values_' || ?)", []any{k.name, k.name}, new(int))
		if err != nil {
			return nil, err
		}
		if !taken {
			break
		}
		k = newKind(key, fmt.Sprintf("%s_%d", base, n))
	}
	if _, err := s.exec("INSERT INTO itsm_kind (kind, name) VALUES (?, ?)", string(key), k.name); err != nil {
		return nil, err
	}
	return k, s.run(fmt.Sprintf(`
		CREATE TABLE %[1]s (tenant TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, head BLOB, recorded INTEGER, wake INTEGER, data TEXT);
		CREATE UNIQUE INDEX %[2]s ON %[1]s (tenant, id);
		CREATE INDEX %[3]s ON %[1]s (wake, tenant, id) WHERE wake IS NOT NULL`, k.table, k.indexOf("key"), k.indexOf("wake")))
}

var columnTypes = map[itsm.ValueType]string{itsm.BoolValue: "INTEGER", itsm.NumberValue: "REAL", itsm.TimeValue: "INTEGER", itsm.TextValue: "TEXT"}

func addFields(s *session, k *kind, p *store.Put) error {
	for i := range p.Index {
		e := &p.Index[i]
		if e.Value.IsZero() {
			continue
		}
		if f := k.field(e.Field); f != nil {
			if f.typ != e.Value.Type() || f.many != e.Many {
				return fmt.Errorf("%w: %s: field %s has always been %s, now it is %s: use another name", itsm.ErrInvalid, p.Key, e.Field, manner(f.typ, f.many), manner(e.Value.Type(), e.Many))
			}
			continue
		}
		if _, err := s.exec("INSERT INTO itsm_field (kind, field, type, many) VALUES (?, ?, ?, ?)", string(k.kind), e.Field, e.Value.Type().String(), e.Many); err != nil {
			return err
		}
		hadMany := k.many
		k.add(e.Field, e.Value.Type(), e.Many)
		f := k.field(e.Field)
		var err error
		switch {
		case !e.Many:
			err = s.run(fmt.Sprintf(`
				ALTER TABLE %[1]s ADD COLUMN %[2]s %[3]s;
				CREATE INDEX %[4]s ON %[1]s (tenant, %[2]s, id)`, k.table, f.column, columnTypes[f.typ], f.index))
		case !hadMany:
			err = s.run(fmt.Sprintf(`
				CREATE TABLE %[1]s (tenant TEXT NOT NULL, id TEXT NOT NULL, field TEXT NOT NULL, value NOT NULL, PRIMARY KEY (tenant, field, value, id)) WITHOUT ROWID;
				CREATE INDEX %[2]s ON %[1]s (tenant, id, field, value)`, k.values, quote("values_"+k.name+"_id")))
		default: // nothing is to be made for the field, but everybody's catalog has to notice it: a table that comes and goes counts as a change
			err = s.run("CREATE TABLE itsm_changed (x); DROP TABLE itsm_changed")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func manner(t itsm.ValueType, many bool) string {
	if many {
		return "several values of the type " + t.String()
	}
	return "one value of the type " + t.String()
}

// bind is how a value lies in a column.
func bind(v itsm.Value) any {
	switch v.Type() {
	case itsm.TextValue:
		return v.Text()
	case itsm.NumberValue:
		return v.Number()
	case itsm.TimeValue:
		return v.Micros()
	case itsm.BoolValue:
		if v.Bool() {
			return int64(1)
		}
		return int64(0)
	}
	return nil
}

// value reads what bind wrote.
func value(t itsm.ValueType, column any) itsm.Value {
	switch c := column.(type) {
	case string:
		return itsm.TextOf(c)
	case []byte:
		return itsm.TextOf(string(c))
	case float64:
		return itsm.NumberOf(c)
	case int64:
		switch t {
		case itsm.BoolValue:
			return itsm.BoolOf(c != 0)
		case itsm.NumberValue:
			return itsm.NumberOf(c)
		}
		return itsm.TimeOf(time.UnixMicro(c))
	}
	return itsm.Value{}
}
