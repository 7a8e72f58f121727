// Package clone copies values so that the copies share no memory with the originals that anybody could write to.
package clone

import (
	"reflect"
	"slices"
)

// A Cloner copies values of one type so that the copy shares no memory that can be written to through exported fields.
// Structs with unexported fields are values that nobody outside their package can change, such as times; they are copied
// as they are. It is immutable and safe for concurrent use.
type Cloner[T any] struct{ c *cloner }

// Of returns the cloner of a type, and whether there is one: a type that holds interfaces, functions or channels has none.
func Of[T any]() (Cloner[T], bool) {
	b := clonerBuilder{done: make(map[reflect.Type]*cloner)}
	c := b.build(reflect.TypeFor[T]())
	return Cloner[T]{c}, !b.impossible
}

// Own makes a plain copy of a value own all its memory.
func (c Cloner[T]) Own(plain *T) {
	if c.c != nil && c.c.deep != nil {
		c.c.deep(reflect.ValueOf(plain).Elem())
	}
}

type cloner struct {
	deep func(v reflect.Value) // makes an addressable value its own; nil when a plain copy is one already
}

type clonerBuilder struct {
	done       map[reflect.Type]*cloner
	impossible bool
}

func (b *clonerBuilder) build(t reflect.Type) *cloner {
	if c := b.done[t]; c != nil {
		return c
	}
	c := &cloner{}
	b.done[t] = c
	switch t.Kind() {
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		b.impossible = true
	case reflect.Pointer:
		elem := b.build(t.Elem())
		c.deep = func(v reflect.Value) {
			if v.IsNil() {
				return
			}
			p := reflect.New(t.Elem())
			p.Elem().Set(v.Elem())
			elem.own(p.Elem())
			v.Set(p)
		}
	case reflect.Slice:
		elem := b.build(t.Elem())
		c.deep = func(v reflect.Value) {
			if v.IsNil() {
				return
			}
			s := reflect.MakeSlice(t, v.Len(), v.Len())
			reflect.Copy(s, v)
			if elem.deep != nil {
				for i := range s.Len() {
					elem.deep(s.Index(i))
				}
			}
			v.Set(s)
		}
	case reflect.Map:
		elem := b.build(t.Elem())
		c.deep = func(v reflect.Value) {
			if v.IsNil() {
				return
			}
			m := reflect.MakeMapWithSize(t, v.Len())
			for it := v.MapRange(); it.Next(); { //maporder: writes into a map
				value := reflect.New(t.Elem()).Elem()
				value.Set(it.Value())
				elem.own(value)
				m.SetMapIndex(it.Key(), value)
			}
			v.Set(m)
		}
	case reflect.Array:
		elem := b.build(t.Elem())
		if elem.deep != nil {
			c.deep = func(v reflect.Value) {
				for i := range v.Len() {
					elem.deep(v.Index(i))
				}
			}
		}
	case reflect.Struct:
		b.buildStruct(t, c)
	}
	return c
}

func (b *clonerBuilder) buildStruct(t reflect.Type, c *cloner) {
	type part struct {
		index int
		clone *cloner
	}
	var parts []part
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return
		}
		if f := b.build(t.Field(i).Type); f.deep != nil {
			parts = append(parts, part{i, f})
		}
	}
	if len(parts) > 0 {
		parts = slices.Clip(parts)
		c.deep = func(v reflect.Value) {
			for _, p := range parts {
				p.clone.deep(v.Field(p.index))
			}
		}
	}
}

// own makes an addressable value own its memory.
func (c *cloner) own(v reflect.Value) {
	if c.deep != nil {
		c.deep(v)
	}
}
