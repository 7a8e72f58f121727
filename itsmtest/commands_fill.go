package itsmtest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A filler makes up values by their types.
type filler struct {
	random *rand.Rand
	known  []values  // from elsewhere
	now    time.Time // about which instants are made up
	blank  int       // how often of ten a text is left empty
}

// deepest bounds how deep values are filled in: types may hold themselves.
const deepest = 6

var (
	madeWords   = []string{"x", "a note", "收费窗口打印机不出纸", "server-1", "A.1"}
	madeNumbers = []int64{0, 1, 1, 2, 2, 3, 4, 5, 10, -1, 100}
	// madeTexts are tried on types that read themselves from text.
	madeTexts = []string{"1", "0", "10.50", "CNY 10.50", "1h", "2026-02-14", "2026-02", "x", "-1", "10%", "08:00-12:00", "P1", "true"}
	madeTimes = []time.Duration{0, time.Minute, time.Hour, 24 * time.Hour, 400 * time.Hour, -time.Minute, -time.Hour, -1000 * time.Hour}
)

// one returns one of several values.
func one[T any](f *filler, all []T) T { return all[f.random.IntN(len(all))] }

// often is true n times out of ten.
func (f *filler) often(n int) bool { return f.random.IntN(10) < n }

// knownOf returns a known value of a type, if there is one.
func (f *filler) knownOf(t reflect.Type) (v reflect.Value, ok bool) {
	var all []reflect.Value
	for _, vs := range f.known {
		all = append(all, vs[t]...)
	}
	if len(all) == 0 {
		return v, false
	}
	return one(f, all), true
}

// fill sets a settable zero value to something made up. Much is left empty, as people leave it.
func (f *filler) fill(v reflect.Value, depth int) {
	if depth > deepest || !v.CanSet() {
		return
	}
	t := v.Type()
	if depth > 0 && t.Kind() != reflect.Bool && t.Kind() != reflect.String && f.often(5) {
		if known, ok := f.knownOf(t); ok {
			v.Set(roomy(known)) // so that what a process does to a command does not reach the examples
			return
		}
	}
	if f.fillSpecial(v) {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.often(3))
	case reflect.String:
		f.fillText(v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		for range 5 {
			if v.SetInt(one(f, madeNumbers)); valid(v) {
				break
			}
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		for range 5 {
			if v.SetUint(uint64(max(0, one(f, madeNumbers)))); valid(v) {
				break
			}
		}
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(one(f, madeNumbers)) / 2)
	case reflect.Pointer:
		if f.often(4) {
			v.Set(reflect.New(t.Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := one(f, []int{0, 0, 1, 1, 2}); n > 0 {
			v.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				f.fill(v.Index(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		if f.often(4) {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(value, depth+1)
			v.Set(reflect.MakeMap(t))
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if depth > 1 && f.often(3) {
			return
		}
		for _, field := range v.Fields() {
			f.fill(field, depth+1)
		}
	}
}

// fillText sets a text. A named type of text is mostly a list of words that only examples, records and refusals tell.
func (f *filler) fillText(v reflect.Value) {
	t := v.Type()
	if f.often(f.blank) {
		return
	}
	if known, ok := f.knownOf(t); ok && f.often(6) {
		v.Set(known)
		return
	}
	if t.PkgPath() != "" {
		if word, ok := f.knownOf(anyWord); ok && f.often(6) {
			v.SetString(word.String())
			return
		}
	}
	v.SetString(one(f, madeWords))
}

// fillSpecial sets values whose kind does not tell what they are.
func (f *filler) fillSpecial(v reflect.Value) bool {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		if f.often(7) {
			*p = f.now.Add(one(f, madeTimes))
		}
	case *time.Duration:
		*p = one(f, madeTimes)
	case *itsm.Duration:
		*p = itsm.Duration(one(f, madeTimes))
	case *itsm.ID:
		if known, ok := f.knownOf(v.Type()); ok && f.often(5) {
			v.Set(known)
		} else if f.often(5) {
			*p = "NOBODY-1"
		}
	case *itsm.PersonID:
		if f.often(7) {
			*p = one(f, []itsm.PersonID{"u-001", "u-002", "u-003"})
		}
	case *itsm.Value:
		*p = one(f, []itsm.Value{{}, itsm.TextOf("x"), itsm.NumberOf(1), itsm.BoolOf(true), itsm.TimeOf(f.now)})
	case *json.RawMessage:
		*p = one(f, []json.RawMessage{nil, json.RawMessage(`{}`), json.RawMessage(`{"a":1}`)})
	default:
		if !reads(v) {
			return false
		}
		if f.often(7) {
			for range 4 * len(madeTexts) {
				if setText(v, one(f, madeTexts)) {
					break
				}
			}
		}
	}
	return true
}

// reads reports whether a value can only be read from text: a struct that keeps its fields to itself.
func reads(v reflect.Value) bool {
	if v.Kind() != reflect.Struct {
		return false
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			return false
		}
	}
	switch v.Addr().Interface().(type) {
	case encoding.TextUnmarshaler, json.Unmarshaler:
		return true
	}
	return false
}

// valid asks a value that can say so whether it is one.
func valid(v reflect.Value) bool {
	c, ok := v.Interface().(interface{ Valid() bool })
	return !ok || c.Valid()
}

// setText sets a value to what a text stands for: by itself, as the value reads it, or as the value that prints so.
func setText(v reflect.Value, text string) bool {
	switch p := v.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text)) == nil
	case json.Unmarshaler:
		quoted, _ := json.Marshal(text)
		return p.UnmarshalJSON(quoted) == nil || p.UnmarshalJSON([]byte(text)) == nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return true
	case reflect.Bool:
		v.SetBool(true)
		return true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		for n := range int64(33) {
			if v.SetInt(n); fmt.Sprint(v.Interface()) == text {
				return true
			}
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		for n := range uint64(33) {
			if v.SetUint(n); fmt.Sprint(v.Interface()) == text {
				return true
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return setText(v.Index(0), text)
	}
	return false
}
