package main

import (
	"fmt"
	"go/constant"
	"go/types"
	"slices"
	"strings"
)

// Listing returns the exported API of a package, one line for each constant, variable, function, type, field and method,
// sorted. Values of constants and tags of fields are part of it, as both reach stored data. What is promoted from an
// embedded type is listed with the type that embeds it.
func Listing(p *types.Package) string {
	l := lister{qualify: func(other *types.Package) string {
		if other == p {
			return ""
		}
		return other.Path()
	}}
	scope := p.Scope()
	for _, name := range scope.Names() {
		if obj := scope.Lookup(name); obj.Exported() {
			l.object(obj)
		}
	}
	slices.Sort(l.lines)
	return fmt.Sprintf("package %s // %s\n\n%s\n", p.Name(), p.Path(), strings.Join(slices.Compact(l.lines), "\n"))
}

type lister struct {
	qualify types.Qualifier
	lines   []string
}

func (l *lister) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *lister) typ(t types.Type) string { return types.TypeString(t, l.qualify) }

// signature prints "(a int) error" of a function type.
func (l *lister) signature(t types.Type) string { return strings.TrimPrefix(l.typ(t), "func") }

func (l *lister) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		value := obj.Val().ExactString()
		if obj.Val().Kind() == constant.Float {
			value = obj.Val().String() // an exact fraction is hard to read
		}
		l.add("const %s %s = %s", obj.Name(), l.typ(obj.Type()), value)
	case *types.Var:
		l.add("var %s %s", obj.Name(), l.typ(obj.Type()))
	case *types.Func:
		l.add("func %s%s", obj.Name(), l.signature(obj.Type()))
	case *types.TypeName:
		l.typeName(obj)
	}
}

func (l *lister) typeName(obj *types.TypeName) {
	if alias, ok := obj.Type().(*types.Alias); ok {
		l.add("type %s%s = %s", obj.Name(), l.params(alias.TypeParams()), l.typ(alias.Rhs()))
		return
	}
	named := obj.Type().(*types.Named)
	name := obj.Name() + l.params(named.TypeParams())
	switch under := named.Underlying().(type) {
	case *types.Struct:
		l.add("type %s struct%s", name, hidden(under))
		l.fields(obj.Name(), under, map[types.Type]bool{named: true})
	case *types.Interface:
		l.interfaceType(name, obj.Name(), under)
		return
	default:
		l.add("type %s %s", name, l.typ(under))
	}
	l.methods(obj.Name(), named)
}

// params prints the type parameters with their constraints: "[K comparable, V any]".
func (l *lister) params(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var parts []string
	for p := range list.TypeParams() {
		parts = append(parts, p.Obj().Name()+" "+l.typ(p.Constraint()))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// hidden notes what users can tell of unexported fields: that a literal without keys, and perhaps ==, is not for them.
func hidden(s *types.Struct) string {
	for field := range s.Fields() {
		if !field.Exported() {
			if types.Comparable(s) {
				return " // with unexported fields"
			}
			return " // with unexported fields, not comparable"
		}
	}
	return ""
}

// fields lists the exported fields, through embedded structs that users cannot name.
func (l *lister) fields(owner string, s *types.Struct, seen map[types.Type]bool) {
	for i := range s.NumFields() {
		field, tag := s.Field(i), s.Tag(i)
		if tag != "" {
			tag = " `" + tag + "`"
		}
		switch {
		case field.Exported() && field.Embedded():
			l.add("field %s.%s (embedded %s)%s", owner, field.Name(), l.typ(field.Type()), tag)
		case field.Exported():
			l.add("field %s.%s %s%s", owner, field.Name(), l.typ(field.Type()), tag)
		case field.Embedded():
			t := field.Type()
			if p, ok := t.Underlying().(*types.Pointer); ok {
				t = p.Elem()
			}
			if inner, ok := t.Underlying().(*types.Struct); ok && !seen[t] {
				seen[t] = true
				l.fields(owner, inner, seen)
			}
		}
	}
}

// methods lists the exported method set, including what is promoted; a pointer receiver is marked.
func (l *lister) methods(owner string, named *types.Named) {
	values := types.NewMethodSet(named)
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		if !m.Obj().Exported() {
			continue
		}
		receiver := "*" + owner
		if values.Lookup(m.Obj().Pkg(), m.Obj().Name()) != nil {
			receiver = owner
		}
		l.add("method (%s) %s%s", receiver, m.Obj().Name(), l.signature(m.Type()))
	}
}

func (l *lister) interfaceType(name, owner string, t *types.Interface) {
	sealed := ""
	for m := range t.Methods() {
		if m.Exported() {
			l.add("method (%s) %s%s", owner, m.Name(), l.signature(m.Type()))
		} else {
			sealed = " // with unexported methods"
		}
	}
	var union []string // what constraints embed; the methods of embedded method sets are listed above
	for e := range t.EmbeddedTypes() {
		if inner, ok := e.Underlying().(*types.Interface); !ok || !inner.IsMethodSet() {
			union = append(union, l.typ(e))
		}
	}
	constraint := ""
	if len(union) > 0 {
		constraint = " { " + strings.Join(union, "; ") + " }"
	}
	l.add("type %s interface%s%s", name, constraint, sealed)
}
