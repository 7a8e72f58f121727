package itsm

import (
	"fmt"
	"reflect"
)

// A textPlan says where a type holds free text: strings in fields tagged itsm:"text", also in nested structs, slices,
// arrays, maps and behind pointers. Values in interfaces are not looked into. It is immutable.
type textPlan struct {
	kind   reflect.Kind
	fields []textField // of a struct
	elem   *textPlan   // of a slice, array, map or pointer
}

type textField struct {
	index int
	plan  *textPlan
}

// textPlanOf returns the plan of a type, nil when it holds no free text. It panics when a tag stands at a field that
// cannot be free text, or cannot be set.
func textPlanOf(t reflect.Type) *textPlan {
	if !holdsText(t, make(map[reflect.Type]bool)) {
		return nil
	}
	return buildTextPlan(t, make(map[reflect.Type]*textPlan))
}

// holdsText reports whether a tagged field can be reached from t. Types in seen are being looked at, or were.
func holdsText(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == nil || seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer:
		return holdsText(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if tagged(f, "text") || walkable(f) && holdsText(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// walkable reports whether reflection may change what the field holds: as for JSON, unexported fields are closed, but for
// embedded structs.
func walkable(f reflect.StructField) bool {
	return f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct
}

func buildTextPlan(t reflect.Type, done map[reflect.Type]*textPlan) *textPlan {
	if p := done[t]; p != nil {
		return p
	}
	p := &textPlan{kind: t.Kind()}
	done[t] = p
	if t.Kind() != reflect.Struct {
		p.elem = buildTextPlan(t.Elem(), done)
		return p
	}
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case tagged(f, "text"):
			plan := taggedPlan(f.Type)
			if plan == nil || !f.IsExported() {
				panic(fmt.Sprintf(`itsm: %s.%s: itsm:"text" is for exported strings, and slices, arrays, maps and pointers of strings; got %s`, t, f.Name, f.Type))
			}
			p.fields = append(p.fields, textField{i, plan})
		case walkable(f) && holdsText(f.Type, make(map[reflect.Type]bool)):
			p.fields = append(p.fields, textField{i, buildTextPlan(f.Type, done)})
		}
	}
	return p
}

// taggedPlan is the plan of a field that is free text itself, nil when it cannot be.
func taggedPlan(t reflect.Type) *textPlan {
	p := &textPlan{kind: t.Kind()}
	switch t.Kind() {
	case reflect.String:
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer:
		if t.Name() != "" && t.Elem() == t { // type T []T
			return nil
		}
		if p.elem = taggedPlan(t.Elem()); p.elem == nil {
			return nil
		}
	default:
		return nil
	}
	return p
}

// rewrite replaces every free text of v, which must be addressable, by what f makes of it, and reports whether anything
// changed. Slices, maps and what pointers lead to are cloned before they are written, and only then: memory that v shares
// with others stays as it was. f is called in any order.
func (p *textPlan) rewrite(v reflect.Value, f func(string) string) bool {
	if p == nil {
		return false
	}
	changed := false
	switch p.kind {
	case reflect.String:
		old := v.String()
		if old == "" {
			return false
		}
		if text := f(old); text != old {
			v.SetString(text)
			return true
		}
	case reflect.Struct:
		for _, field := range p.fields {
			if field.plan.rewrite(v.Field(field.index), f) {
				changed = true
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if p.elem.rewrite(v.Index(i), f) {
				changed = true
			}
		}
	case reflect.Slice:
		if v.Len() == 0 {
			return false
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		for i := range v.Len() {
			elem.Set(v.Index(i))
			if !p.elem.rewrite(elem, f) {
				continue
			}
			if !changed {
				clone := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
				reflect.Copy(clone, v)
				v.Set(clone)
				changed = true
			}
			v.Index(i).Set(elem)
		}
	case reflect.Map:
		if v.Len() == 0 {
			return false
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		old := v.Interface()                                              // v itself is replaced on the way
		for entries := reflect.ValueOf(old).MapRange(); entries.Next(); { //maporder: writes into a map
			elem.Set(entries.Value())
			if !p.elem.rewrite(elem, f) {
				continue
			}
			if !changed {
				v.Set(cloneMap(v))
				changed = true
			}
			v.SetMapIndex(entries.Key(), elem)
		}
	case reflect.Pointer:
		if v.IsNil() {
			return false
		}
		elem := reflect.New(v.Type().Elem())
		elem.Elem().Set(v.Elem())
		if p.elem.rewrite(elem.Elem(), f) {
			v.Set(elem)
			return true
		}
	}
	return changed
}

// visit calls f with every free text of v, in any order.
func (p *textPlan) visit(v reflect.Value, f func(string)) {
	if p == nil {
		return
	}
	switch p.kind {
	case reflect.String:
		if text := v.String(); text != "" {
			f(text)
		}
	case reflect.Struct:
		for _, field := range p.fields {
			field.plan.visit(v.Field(field.index), f)
		}
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			p.elem.visit(v.Index(i), f)
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); { //maporder: f takes them in any order
			p.elem.visit(entries.Value(), f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			p.elem.visit(v.Elem(), f)
		}
	}
}

func cloneMap(m reflect.Value) reflect.Value {
	clone := reflect.MakeMapWithSize(m.Type(), m.Len())
	for entries := m.MapRange(); entries.Next(); { //maporder: writes into a map
		clone.SetMapIndex(entries.Key(), entries.Value())
	}
	return clone
}
