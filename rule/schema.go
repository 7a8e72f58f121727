package rule

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hospital-itsm/itsm"
)

// Type is the declared type of a host field. Its values are stable and may be stored.
type Type string

// The types of host fields.
const (
	Text     Type = "text"
	Number   Type = "number"
	Bool     Type = "bool"
	Time     Type = "time"      // a time.Time, or text in RFC 3339
	Duration Type = "duration"  // a time.Duration, or text as time.ParseDuration takes it
	TextList Type = "text_list" // a []string, or a []any of text
)

// Valid reports whether t is one of the types above.
func (t Type) Valid() bool { return t.typ() != nil }

func (t Type) typ() *typ {
	switch t {
	case Text:
		return typeText
	case Number:
		return typeFloat
	case Bool:
		return typeBool
	case Time:
		return typeTime
	case Duration:
		return typeDuration
	case TextList:
		return &typ{kind: kindList, elem: typeText}
	}
	return nil
}

// A Schema says which facts a predicate can read, and of which types they are. It is immutable and safe for concurrent use.
type Schema struct {
	facts reflect.Type
	root  *structure
	host  map[string]Type
	enums map[string][]string
}

// structure is a struct type with its readable fields.
type structure struct {
	fields []*field // sorted by name
	byName map[string]*field
}

type field struct {
	name     string
	index    []int
	typ      *typ   // nil when predicates cannot read it
	goType   string // for the message that says so
	optional bool
}

// An Option extends a schema.
type Option func(*Schema)

// WithFields declares host fields by name; a predicate reads them as fields.<name>. The facts must have a field that is
// named "fields" and is a map with text keys: of [itsm.Value], of any, or of a basic type. A name without an entry, or with no value, is absent.
func WithFields(fields map[string]Type) Option {
	return func(s *Schema) {
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			t := fields[name]
			if !t.Valid() {
				panic(fmt.Sprintf("rule: host field %s: there is no type %q", name, t))
			}
			if !identifier(name) {
				panic(fmt.Sprintf("rule: host field %q: a name has letters, digits and underscores and does not begin with a digit", name))
			}
			s.host[name] = t
		}
	}
}

// WithHostFields is WithFields and WithEnum for the fields that a host declared on a kind of records. Fields of
// other types than [Type] knows are left out.
func WithHostFields(fields ...itsm.Field) Option {
	return func(s *Schema) {
		for _, f := range fields {
			if t := Type(f.Type.String()); t.Valid() {
				WithFields(map[string]Type{f.Name: t})(s)
			}
			if len(f.Choices) > 0 {
				WithEnum(join(hostName, f.Name), f.Choices...)(s)
			}
		}
	}
}

// WithEnum says which values a text fact, or each element of a list of text, can have: "state", "caller.kind",
// "fields.ward". A constant outside of them is then found by [Schema.Compile].
func WithEnum[S ~string](fact string, values ...S) Option {
	return func(s *Schema) {
		names := make([]string, len(values))
		for i, v := range values {
			names[i] = string(v)
		}
		s.enums[fact] = names
	}
}

// SchemaOf derives a schema from a struct, or a pointer to one. Facts are its exported fields, named by the tag expr,
// else by the tag json, else by the field name in snake_case; a tag "-" hides a field. Embedded structs are flattened.
// Readable are bool, integers, floats, kinds of string, time.Time, time.Duration, structs of these, pointers to them and slices of them.
//
// It panics when the sample is no struct, two facts have one name, or an option names what is not there: all are mistakes in code.
func SchemaOf(sample any, options ...Option) *Schema {
	t := reflect.TypeOf(sample)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("rule: facts are a struct, not %T", sample))
	}
	s := &Schema{facts: t, host: map[string]Type{}, enums: map[string][]string{}}
	for _, o := range options {
		o(s)
	}
	s.root = structureOf(t, map[reflect.Type]*structure{})
	s.bindHost()
	s.bindEnums()
	return s
}

func (s *Schema) bindHost() {
	f := s.root.byName[hostName]
	isMap := f != nil && f.typ == nil && hostMap(s.facts, f.index)
	if isMap {
		f.typ = typeHost
	} else if len(s.host) > 0 {
		panic(fmt.Sprintf("rule: %v has no field named %q that is a map with text keys", s.facts, hostName))
	}
}

func (s *Schema) bindEnums() {
	for _, path := range slices.Sorted(maps.Keys(s.enums)) {
		t := s.typeAt(path)
		if t != nil && t.kind == kindList {
			t = t.elem
		}
		if t == nil || t.kind != kindText {
			panic(fmt.Sprintf("rule: values are given for %q, which is no text fact of %v", path, s.facts))
		}
	}
}

// typeAt follows a path through groups and lists.
func (s *Schema) typeAt(path string) *typ {
	names := strings.Split(path, ".")
	if names[0] == hostName && len(names) == 2 {
		return s.host[names[1]].typ()
	}
	st := s.root
	for i, name := range names {
		f := st.byName[name]
		if f == nil || f.typ == nil {
			return nil
		}
		if i == len(names)-1 {
			return f.typ
		}
		t := f.typ
		if t.kind == kindList {
			t = t.elem
		}
		if t.kind != kindStruct {
			return nil
		}
		st = t.fields
	}
	return nil
}

// A Fact is something that a predicate can read.
type Fact struct {
	Name     string   // "priority", "caller.kind", "fields.ward"; of the elements of a list "attempts.outcome"
	Type     string   // for people: "text", "list of text", "time"
	Values   []string // that a text can have; nil when any will do
	Optional bool     // it can be absent, see has
}

// Facts lists what a predicate can read, sorted by name. A type that contains itself is listed once.
func (s *Schema) Facts() []Fact {
	facts := s.root.list(s, "", nil, nil)
	for name, t := range s.host {
		path := join(hostName, name)
		facts = append(facts, Fact{path, t.typ().String(), slices.Clone(s.enums[path]), true})
	}
	slices.SortFunc(facts, func(a, b Fact) int { return cmp.Compare(a.Name, b.Name) })
	return facts
}

func (st *structure) list(s *Schema, prefix string, above []*structure, facts []Fact) []Fact {
	above = append(above, st)
	for _, f := range st.fields {
		if f.typ == nil || f.typ.kind == kindHost {
			continue
		}
		path := join(prefix, f.name)
		facts = append(facts, Fact{path, f.typ.String(), slices.Clone(s.enums[path]), f.optional})
		t := f.typ
		if t.kind == kindList {
			t = t.elem
		}
		if t.kind == kindStruct && !slices.Contains(above, t.fields) {
			facts = t.fields.list(s, path, above, facts)
		}
	}
	return facts
}

const hostName = "fields"

func hostMap(t reflect.Type, index []int) bool {
	ft := t.FieldByIndex(index).Type
	return ft.Kind() == reflect.Map && ft.Key().Kind() == reflect.String
}

func structureOf(t reflect.Type, known map[reflect.Type]*structure) *structure {
	if st := known[t]; st != nil {
		return st
	}
	st := &structure{byName: map[string]*field{}}
	known[t] = st
	st.collect(t, t, nil, false, known, map[reflect.Type]bool{t: true})
	for _, f := range st.byName {
		st.fields = append(st.fields, f)
	}
	slices.SortFunc(st.fields, func(a, b *field) int { return cmp.Compare(a.name, b.name) })
	return st
}

// collect adds the facts of t, which is the struct itself or embedded in it at the index prefix.
func (st *structure) collect(of, t reflect.Type, prefix []int, optional bool, known map[reflect.Type]*structure, above map[reflect.Type]bool) {
	for i := range t.NumField() {
		sf := t.Field(i)
		name, tagged := factName(sf)
		index := append(slices.Clone(prefix), i)
		if inner, pointer := embedded(sf); inner != nil && !tagged {
			if !above[inner] {
				above[inner] = true
				st.collect(of, inner, index, optional || pointer, known, above)
				delete(above, inner)
			}
			continue
		}
		if !sf.IsExported() || name == "" {
			continue
		}
		if reserved[name] {
			panic(fmt.Sprintf("rule: fact %s of %v has the name of an operator or a constant", name, of))
		}
		old := st.byName[name]
		switch {
		case old == nil || len(index) < len(old.index):
			st.byName[name] = fieldOf(sf.Type, name, index, optional, known)
		case len(index) == len(old.index):
			panic(fmt.Sprintf("rule: %v has two facts named %s", of, name))
		}
	}
}

func embedded(sf reflect.StructField) (inner reflect.Type, pointer bool) {
	t := sf.Type
	if pointer = t.Kind() == reflect.Pointer; pointer {
		t = t.Elem()
	}
	if !sf.Anonymous || t.Kind() != reflect.Struct || t == timeType {
		return nil, false
	}
	return t, pointer
}

func fieldOf(t reflect.Type, name string, index []int, optional bool, known map[reflect.Type]*structure) *field {
	f := &field{name: name, index: index, goType: t.String(), optional: optional}
	if t.Kind() == reflect.Pointer {
		t, f.optional = t.Elem(), true
	}
	f.typ = typeOf(t, known)
	if t == timeType {
		f.optional = true
	}
	return f
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// typeOf returns nil for types that predicates cannot read.
func typeOf(t reflect.Type, known map[reflect.Type]*structure) *typ {
	switch t {
	case timeType:
		return typeTime
	case durationType:
		return typeDuration
	}
	switch t.Kind() {
	case reflect.Bool:
		return typeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return typeInt
	case reflect.Float32, reflect.Float64:
		return typeFloat
	case reflect.String:
		if t.PkgPath() == "" {
			return typeText
		}
		return &typ{kind: kindText, name: t.String()}
	case reflect.Struct:
		return &typ{kind: kindStruct, fields: structureOf(t, known)}
	case reflect.Slice:
		et := t.Elem()
		gaps := et == timeType
		if et.Kind() == reflect.Pointer {
			et, gaps = et.Elem(), true
		}
		if elem := typeOf(et, known); elem != nil && elem.kind != kindList {
			return &typ{kind: kindList, elem: elem, gaps: gaps}
		}
	}
	return nil
}

// factName returns the name of a fact, "" when it is hidden, and whether a tag gave it.
func factName(sf reflect.StructField) (name string, tagged bool) {
	for _, key := range []string{"expr", "json"} {
		tag, ok := sf.Tag.Lookup(key)
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(tag, ",")
		switch {
		case tag == "-":
			return "", true
		case identifier(name):
			return name, true
		}
	}
	return snake(sf.Name), false
}

// snake turns OpenedAt into opened_at and CIName into ci_name.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) && rs[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var reserved = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "contains": true, "startsWith": true, "endsWith": true, "matches": true,
	"let": true, "if": true, "else": true, "true": true, "false": true, "nil": true,
}

func identifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != "" && !reserved[s]
}
