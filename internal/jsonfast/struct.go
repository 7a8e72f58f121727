package jsonfast

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// field is a field of a struct, perhaps one of a struct that is embedded in it.
type field struct {
	name   string
	key    string // with quotes and colon
	index  int    // in its struct
	encode encoder
	omit   func(v reflect.Value) bool // nil: never
	inner  []field                    // of an embedded struct, which has no name of its own
}

func compileStruct(t reflect.Type, outer []reflect.Type) encoder {
	fields, ok := structOf(t, outer)
	if !ok {
		return standard
	}
	return func(b []byte, v reflect.Value) ([]byte, error) {
		b, _, err := appendFields(append(b, '{'), v, fields, true)
		return append(b, '}'), err
	}
}

// structOf returns the fields of a struct and of those embedded in it, and whether it can be encoded here.
func structOf(t reflect.Type, outer []reflect.Type) ([]field, bool) {
	fields, ok := fieldsOf(t, outer)
	if !ok {
		return nil, false
	}
	var names []string
	collect(fields, &names)
	slices.Sort(names) // which of two fields of one name counts, encoding/json knows
	return fields, len(slices.Compact(slices.Clone(names))) == len(names)
}

func collect(fields []field, names *[]string) {
	for i := range fields {
		if fields[i].inner != nil {
			collect(fields[i].inner, names)
		} else {
			*names = append(*names, fields[i].name)
		}
	}
}

func appendFields(b []byte, v reflect.Value, fields []field, first bool) (_ []byte, _ bool, err error) {
	for i := range fields {
		f := &fields[i]
		fv := v.Field(f.index)
		if f.inner != nil {
			if b, first, err = appendFields(b, fv, f.inner, first); err != nil {
				return b, first, err
			}
			continue
		}
		if f.omit != nil && f.omit(fv) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = f.encode(append(b, f.key...), fv); err != nil {
			return b, first, err
		}
	}
	return b, first, nil
}

// fieldsOf returns the fields of a struct, and whether they are all of a kind that is known here.
func fieldsOf(t reflect.Type, outer []reflect.Type) (fields []field, ok bool) {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
			continue
		case sf.Anonymous && name == "":
			if sf.Type.Kind() != reflect.Struct || sf.Type.Implements(marshaler) || sf.Type.Implements(textMarshaler) || sf.Type == timeType {
				return nil, false
			}
			inner, ok := fieldsOf(sf.Type, outer)
			if !ok {
				return nil, false
			}
			if inner != nil {
				fields = append(fields, field{index: i, inner: inner})
			}
			continue
		case !sf.IsExported():
			if sf.Anonymous {
				return nil, false
			}
			continue
		}
		if name == "" {
			name = sf.Name
		} else if strings.ContainsFunc(name, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return nil, false
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, false
		}
		f := field{name: name, key: string(key) + ":", index: i, encode: compile(sf.Type, outer)}
		var known bool
		if f.omit, known = omitOf(sf.Type, options); !known {
			return nil, false
		}
		fields = append(fields, f)
	}
	return fields, true
}

// omitOf returns when the options of a tag leave a field out, nil for never, and whether they are all known here.
func omitOf(t reflect.Type, options string) (omit func(reflect.Value) bool, known bool) {
	known = true
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "omitempty":
			omit = either(omit, emptyOf(t))
		case "omitzero":
			omit = either(omit, zeroOf(t))
		default:
			known = false
		}
	}
	return omit, known
}

func either(a, b func(reflect.Value) bool) func(reflect.Value) bool {
	if a == nil || b == nil {
		return b
	}
	return func(v reflect.Value) bool { return a(v) || b(v) }
}

// emptyOf returns what omitempty asks of a type, nil when it asks nothing.
func emptyOf(t reflect.Type) func(reflect.Value) bool {
	switch t.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Array:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64, reflect.Interface, reflect.Pointer:
		return reflect.Value.IsZero
	}
	return func(reflect.Value) bool { return false }
}

type zeroer interface{ IsZero() bool }

// zeroOf returns what omitzero asks of a type.
func zeroOf(t reflect.Type) func(reflect.Value) bool {
	switch is := reflect.TypeFor[zeroer](); {
	case t == timeType:
		return func(v reflect.Value) bool {
			return v.IsZero() || !v.CanAddr() && v.Interface().(zeroer).IsZero() || v.CanAddr() && v.Addr().Interface().(zeroer).IsZero()
		}
	case t.Kind() == reflect.Interface && t.Implements(is):
		return func(v reflect.Value) bool {
			return v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() || v.Interface().(zeroer).IsZero()
		}
	case t.Kind() == reflect.Pointer && t.Implements(is):
		return func(v reflect.Value) bool { return v.IsNil() || v.Interface().(zeroer).IsZero() }
	case t.Implements(is):
		return func(v reflect.Value) bool {
			if v.CanAddr() { // spares a copy
				return v.Addr().Interface().(zeroer).IsZero()
			}
			return v.Interface().(zeroer).IsZero()
		}
	case reflect.PointerTo(t).Implements(is):
		return func(v reflect.Value) bool {
			if !v.CanAddr() {
				c := reflect.New(v.Type()).Elem()
				c.Set(v)
				v = c
			}
			return v.Addr().Interface().(zeroer).IsZero()
		}
	}
	return reflect.Value.IsZero
}
