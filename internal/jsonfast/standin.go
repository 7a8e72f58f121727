package jsonfast

import (
	"reflect"
	"unsafe"
)

// A StandIn is a type with a MarshalJSON of its own, whose values have the JSON of another value that they lead to: that one can be encoded,
// and tried, here. It says so by a method of its pointer, which must also serve the zero value.
type StandIn interface{ JSONAs() As }

// As is the value that stands for another one. Only this package can look at it.
type As struct {
	typ reflect.Type
	at  unsafe.Pointer
}

// AsOf returns the value that a pointer leads to, which is not written to.
func AsOf[T any](p *T) As { return As{reflect.TypeFor[T](), unsafe.Pointer(p)} }

var standIn = reflect.TypeFor[StandIn]()

// standInOf returns the type that stands for a type, nil when it stands for itself.
func standInOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer || !reflect.PointerTo(t).Implements(standIn) {
		return nil
	}
	return reflect.New(t).Interface().(StandIn).JSONAs().typ
}

func compileStandIn(as reflect.Type, outer []reflect.Type) encoder {
	encode := compile(as, outer)
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if !v.CanAddr() {
			c := reflect.New(v.Type()).Elem()
			c.Set(v)
			v = c
		}
		out, err := encode(b, reflect.NewAt(as, v.Addr().Interface().(StandIn).JSONAs().at).Elem())
		if err != nil {
			return standard(b, v) // with its words
		}
		return out, nil
	}
}
