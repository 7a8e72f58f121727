// Package jsonfast encodes values exactly as encoding/json does, in less time: what a type looks like is found out once.
// Types that it does not know its way around it leaves to encoding/json.
package jsonfast

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Marshal returns what json.Marshal returns of a value that a pointer leads to.
func Marshal[T any](p *T) ([]byte, error) {
	return AppendValue(make([]byte, 0, 1024), reflect.ValueOf(p).Elem())
}

// AppendValue appends what json.Marshal returns of a value. After an error nothing is appended.
func AppendValue(b []byte, v reflect.Value) ([]byte, error) {
	return Encoder{encoderOf(v.Type())}.Append(b, v)
}

// An Encoder encodes values of one type. It is immutable and safe for concurrent use.
type Encoder struct{ encode encoder }

// EncoderOf returns the encoder of a type.
func EncoderOf(t reflect.Type) Encoder { return Encoder{encoderOf(t)} }

// Append is [AppendValue] for a value of the type.
func (e Encoder) Append(b []byte, v reflect.Value) ([]byte, error) {
	out, err := e.encode(b, v)
	if err != nil {
		return b, err
	}
	return out, nil
}

// An encoder appends a value of one type.
type encoder func(b []byte, v reflect.Value) ([]byte, error)

var encoders sync.Map // reflect.Type → encoder

func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	e := compile(t, nil)
	encoders.Store(t, e)
	return e
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	textAppender  = reflect.TypeFor[encoding.TextAppender]()
)

// compile returns the encoder of a type. outer are the types that it is part of.
func compile(t reflect.Type, outer []reflect.Type) encoder {
	if slices.Contains(outer, t) {
		return standard // a type that holds itself: encoding/json finds out whether the value does too
	}
	outer = append(slices.Clip(outer), t)
	if as := standInOf(t); as != nil {
		return compileStandIn(as, outer)
	}
	switch pointer := reflect.PointerTo(t); {
	case t == timeType:
		return appendTime
	case t.Implements(marshaler) || pointer.Implements(marshaler) && t.Kind() != reflect.Pointer:
		return standard
	case t.Implements(textMarshaler) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface:
		if t.Implements(textAppender) {
			return appendTextAppender
		}
		return appendTextMarshaler
	case t.Implements(textMarshaler), pointer.Implements(textMarshaler):
		return standard
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(b, v.Int(), 10), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(b, v.Uint(), 10), nil }
	case reflect.String:
		if t == reflect.TypeFor[json.Number]() {
			return standard
		}
		return func(b []byte, v reflect.Value) ([]byte, error) { return AppendString(b, v.String()), nil }
	case reflect.Struct:
		return compileStruct(t, outer)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return standard
		}
		list := compileList(t, outer)
		return func(b []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(b, "null"...), nil
			}
			return list(b, v)
		}
	case reflect.Array:
		return compileList(t, outer)
	case reflect.Pointer:
		elem := compile(t.Elem(), outer)
		return func(b []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(b, "null"...), nil
			}
			return elem(b, v.Elem())
		}
	case reflect.Map:
		if k := t.Key(); k.Kind() == reflect.String && !k.Implements(textMarshaler) {
			return compileMap(t, outer)
		}
	}
	return standard
}

// standard leaves a value to encoding/json.
func standard(b []byte, v reflect.Value) ([]byte, error) {
	out, err := json.Marshal(held(v)) // so that methods of pointers are found, as encoding/json does
	if e, ok := err.(*json.MarshalerError); ok && v.CanAddr() && e.Type == reflect.PointerTo(v.Type()) {
		e.Type = v.Type() // what the value is, not how it was held
	}
	return append(b, out...), err
}

func appendTime(b []byte, v reflect.Value) ([]byte, error) {
	var t time.Time
	if v.CanAddr() {
		t = *v.Addr().Interface().(*time.Time)
	} else {
		t = v.Interface().(time.Time)
	}
	if y := t.Year(); t.Location() != time.UTC || y < 0 || y > 9999 {
		return standard(b, v)
	}
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"'), nil
}

// held returns a value as an interface, through a pointer where that spares a copy.
func held(v reflect.Value) any {
	if v.CanAddr() {
		v = v.Addr()
	}
	return v.Interface()
}

func appendTextMarshaler(b []byte, v reflect.Value) ([]byte, error) {
	text, err := held(v).(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return standard(b, v) // with its words
	}
	return appendText(b, text), nil
}

func appendTextAppender(b []byte, v reflect.Value) ([]byte, error) {
	start := len(b)
	out, err := held(v).(encoding.TextAppender).AppendText(append(b, '"'))
	if err != nil {
		return standard(b, v)
	}
	for _, c := range out[start+1:] {
		if !plain[c] {
			return appendText(out[:start], string(out[start+1:])), nil
		}
	}
	return append(out, '"'), nil
}

// plain are the bytes that stand for themselves in a JSON text.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return is
}()

// AppendString appends a string as JSON.
func AppendString(b []byte, s string) []byte { return appendText(b, s) }

func appendText[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			return appendOther(b, s, i)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendOther is appendText for a text that is not plain from a byte on.
func appendOther[T string | []byte](b []byte, text T, from int) []byte {
	s := string(text)
	for i := from; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if s[i] < utf8.RuneSelf || r == utf8.RuneError && n == 1 || r == '\u2028' || r == '\u2029' {
			out, _ := json.Marshal(s) // of a string it cannot fail
			return append(b, out...)
		}
		i += n
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func compileList(t reflect.Type, outer []reflect.Type) encoder {
	elem := compile(t.Elem(), outer)
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = elem(b, v.Index(i)); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	}
}

func compileMap(t reflect.Type, outer []reflect.Type) encoder {
	elem := compile(t.Elem(), outer)
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		keys := v.MapKeys() //maporder: they are sorted
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		b = append(b, '{')
		for i, key := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, key.String()), ':')
			if b, err = elem(b, v.MapIndex(key)); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	}
}
