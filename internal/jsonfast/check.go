package jsonfast

import (
	"bytes"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Checker says whether values of a type can be encoded. It is immutable and safe for concurrent use.
type Checker[T any] struct{ trial *trial }

// CheckerOf returns the checker of a type.
func CheckerOf[T any]() Checker[T] {
	t := reflect.TypeFor[T]()
	if tr, ok := trials.Load(t); ok {
		return Checker[T]{tr.(*trial)}
	}
	tr := new(trial)
	tr.add(t, nil)
	trials.Store(t, tr)
	return Checker[T]{tr}
}

var trials sync.Map // reflect.Type → *trial

// Check returns the error that [Marshal] returns. Where there is none it looks only at those parts of the value that could
// give one: most types cannot.
func (c Checker[T]) Check(p *T) error {
	if c.trial.passes(unsafe.Pointer(p)) {
		return nil
	}
	_, err := Marshal(p)
	return err
}

// A trial is what of the values of a type can fail to be encoded. A value that passes it can be encoded; one that does not
// may be able to, since what is left out was looked at too. It is immutable.
type trial struct {
	times  []uintptr // where there are instants
	others []part
	costly bool // something has to be encoded to see
}

type part struct {
	offset uintptr
	passes func(p unsafe.Pointer) bool
}

// passes tries the value that p leads to, which is of the type of the trial.
func (tr *trial) passes(p unsafe.Pointer) bool {
	for _, offset := range tr.times {
		if !plainTime((*time.Time)(unsafe.Add(p, offset))) {
			return false
		}
	}
	for i := range tr.others {
		if part := &tr.others[i]; !part.passes(unsafe.Add(p, part.offset)) {
			return false
		}
	}
	return true
}

func (tr *trial) empty() bool { return len(tr.times) == 0 && len(tr.others) == 0 }

// add takes up the values of a type. outer are the types that it is part of.
func (tr *trial) add(t reflect.Type, outer []reflect.Type) {
	other := func(passes func(p unsafe.Pointer) bool) { tr.others = append(tr.others, part{0, passes}) }
	encodes := func() func(p unsafe.Pointer) bool {
		tr.costly = true
		return encodes(t)
	}
	pointer := reflect.PointerTo(t)
	if as := standInOf(t); as != nil && !slices.Contains(outer, t) {
		inner := new(trial)
		inner.add(as, append(slices.Clip(outer), t))
		tr.costly = tr.costly || inner.costly
		other(func(p unsafe.Pointer) bool {
			return inner.passes(reflect.NewAt(t, p).Interface().(StandIn).JSONAs().at)
		})
		return
	}
	switch {
	case t == timeType:
		tr.times = append(tr.times, 0)
		return
	case slices.Contains(outer, t), t.Implements(marshaler), pointer.Implements(marshaler):
		other(encodes())
		return
	case t.Implements(textMarshaler), pointer.Implements(textMarshaler):
		if t.Implements(textMarshaler) && reflect.Int <= t.Kind() && t.Kind() <= reflect.Uint64 {
			other(smallText(t))
		} else {
			other(encodes())
		}
		return
	}
	outer = append(slices.Clip(outer), t)
	sub := func(t reflect.Type) *trial {
		inner := new(trial)
		inner.add(t, outer)
		tr.costly = tr.costly || inner.costly
		return inner
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
	case reflect.String:
		if t.PkgPath() == "encoding/json" { // its Number has to be one
			other(encodes())
		}
	case reflect.Struct:
		for f := range t.Fields() {
			tag := f.Tag.Get("json")
			if tag == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			_, options, _ := strings.Cut(tag, ",")
			inner, place := sub(f.Type), f.Offset
			if omit, _ := omitOf(f.Type, options); omit != nil && inner.costly {
				zeroOmitted, size := omit(reflect.Zero(f.Type)), f.Type.Size()
				tr.others = append(tr.others, part{place, func(p unsafe.Pointer) bool {
					return zeroOmitted && allZero(p, size) || omit(reflect.NewAt(f.Type, p).Elem()) || inner.passes(p)
				}})
				continue
			}
			for _, at := range inner.times {
				tr.times = append(tr.times, place+at)
			}
			for _, one := range inner.others {
				tr.others = append(tr.others, part{place + one.offset, one.passes})
			}
		}
	case reflect.Pointer:
		if inner := sub(t.Elem()); !inner.empty() {
			other(func(p unsafe.Pointer) bool {
				elem := *(*unsafe.Pointer)(p)
				return elem == nil || inner.passes(elem)
			})
		}
	case reflect.Slice:
		if inner := sub(t.Elem()); !inner.empty() {
			other(func(p unsafe.Pointer) bool {
				if *(*unsafe.Pointer)(p) == nil {
					return true
				}
				v := reflect.NewAt(t, p).Elem()
				return inner.passEach(v.UnsafePointer(), t.Elem().Size(), v.Len())
			})
		}
	case reflect.Array:
		if inner := sub(t.Elem()); !inner.empty() {
			other(func(p unsafe.Pointer) bool { return inner.passEach(p, t.Elem().Size(), t.Len()) })
		}
	case reflect.Map:
		if k := t.Key(); k.Kind() == reflect.String && !k.Implements(textMarshaler) && sub(t.Elem()).empty() {
			break
		}
		encode := encodes()
		other(func(p unsafe.Pointer) bool {
			return *(*unsafe.Pointer)(p) == nil || reflect.NewAt(t, p).Elem().Len() == 0 || encode(p)
		})
	default:
		other(encodes())
	}
}

func allZero(p unsafe.Pointer, size uintptr) bool {
	for all := unsafe.Slice((*byte)(p), size); len(all) > 0; {
		n := min(len(all), len(zeros))
		if !bytes.Equal(all[:n], zeros[:n]) {
			return false
		}
		all = all[n:]
	}
	return true
}

var zeros [256]byte

// passEach tries values that lie side by side.
func (tr *trial) passEach(first unsafe.Pointer, size uintptr, n int) bool {
	for i := range n {
		if !tr.passes(unsafe.Add(first, uintptr(i)*size)) {
			return false
		}
	}
	return true
}

// encodes tries by encoding.
func encodes(t reflect.Type) func(p unsafe.Pointer) bool {
	encode := compile(t, nil)
	return func(p unsafe.Pointer) bool {
		space, _ := spaces.Get().(*[]byte)
		if space == nil {
			space = new([]byte)
		}
		out, err := encode((*space)[:0], reflect.NewAt(t, p).Elem())
		if cap(out) <= maxSpace {
			clear(out) // it may be personal
			*space = out
			spaces.Put(space)
		}
		return err == nil
	}
}

var spaces sync.Pool // of *[]byte

// maxSpace bounds what is kept to encode into, in bytes.
const maxSpace = 16 << 10

// smallText tries an enumeration: a number that gives itself as text. Which of the first 64 numbers have one it asks once.
func smallText(t reflect.Type) func(p unsafe.Pointer) bool {
	var known atomic.Uint64
	number := numberOf(t.Size())
	return func(p unsafe.Pointer) bool {
		n := number(p)
		if n < 64 && known.Load()>>n&1 == 1 {
			return true
		}
		if _, err := reflect.NewAt(t, p).Elem().Interface().(encoding.TextMarshaler).MarshalText(); err != nil {
			return false
		}
		if n < 64 {
			known.Or(1 << n)
		}
		return true
	}
}

// numberOf reads a whole number of a size in bytes. Negative ones come out large.
func numberOf(size uintptr) func(p unsafe.Pointer) uint64 {
	switch size {
	case 1:
		return func(p unsafe.Pointer) uint64 { return uint64(*(*uint8)(p)) }
	case 2:
		return func(p unsafe.Pointer) uint64 { return uint64(*(*uint16)(p)) }
	case 4:
		return func(p unsafe.Pointer) uint64 { return uint64(*(*uint32)(p)) }
	}
	return func(p unsafe.Pointer) uint64 { return *(*uint64)(p) }
}

// firstSecond and lastSecond bound the years 0 to 9999, which are those that JSON can tell.
var (
	firstSecond = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// plainTime reports whether an instant is in UTC and in the years that JSON can tell.
func plainTime(t *time.Time) bool {
	return t.Location() == time.UTC && t.Unix() >= firstSecond && t.Unix() <= lastSecond
}
