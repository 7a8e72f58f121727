// Package clone copies values so that the copies share no memory with the originals that anybody could write to.
package clone

import (
	"reflect"
	"slices"
	"unsafe"
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
	deep  func(v reflect.Value) // makes an addressable value its own; nil when a plain copy is one already
	parts []part                // of a struct
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

// A part is a field of a struct, or of a struct inside it, that shares memory when it is copied.
type part struct {
	offset uintptr
	typ    reflect.Type
	clone  *cloner
	leads  bool // it is a pointer, slice or map: it shares nothing while its first word is nil
}

func (b *clonerBuilder) buildStruct(t reflect.Type, c *cloner) {
	var parts []part
	for f := range t.Fields() {
		if !f.IsExported() {
			return
		}
		inner := b.build(f.Type)
		switch k := f.Type.Kind(); {
		case inner.deep == nil:
		case k == reflect.Struct && inner.parts != nil:
			for _, p := range inner.parts {
				p.offset += f.Offset
				parts = append(parts, p)
			}
		default:
			parts = append(parts, part{f.Offset, f.Type, inner, k == reflect.Pointer || k == reflect.Slice || k == reflect.Map})
		}
	}
	if len(parts) > 0 {
		c.parts = slices.Clip(parts)
		c.deep = c.ownParts
	}
}

// ownParts makes an addressable struct own its memory. In most records most parts are nil.
func (c *cloner) ownParts(v reflect.Value) {
	first := v.Addr().UnsafePointer()
	for i := range c.parts {
		p := &c.parts[i]
		at := unsafe.Add(first, p.offset)
		if !p.leads || *(*unsafe.Pointer)(at) != nil {
			p.clone.deep(reflect.NewAt(p.typ, at).Elem())
		}
	}
}

// own makes an addressable value own its memory.
func (c *cloner) own(v reflect.Value) {
	if c.deep != nil {
		c.deep(v)
	}
}
