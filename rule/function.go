package rule

import (
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
)

var functions = map[string]op{
	"has": opHas, "len": opLen, "lower": opLower, "upper": opUpper,
	"all": opAll, "any": opAny, "none": opNone, "one": opOne, "count": opCount,
}

var functionNames = []string{"all", "any", "count", "duration", "has", "len", "lower", "none", "one", "time", "upper"}

func (c *checker) call(name string, args []ast.Node, at int) *node {
	o, ok := functions[name]
	switch {
	case name == "duration" || name == "time":
		return c.literal(name, args, at)
	case name == "now":
		return c.fault(at, "compare with a time of the facts", "a condition has no clock")
	case !ok:
		return c.fault(at, nearest(name, functionNames), "there is no function %s", name)
	case o.quantifier():
		return c.quantifier(o, args, at)
	case len(args) != 1:
		return c.fault(at, "", "%s takes one argument", name)
	}
	x := c.term(args[0])
	if x == nil {
		return nil
	}
	n := &node{op: o, kids: []*node{x}, optional: x.optional, at: at}
	switch {
	case o == opHas:
		return c.has(n, x)
	case o == opLen && (x.typ.kind == kindText || x.typ.kind == kindList):
		n.typ = typeInt
	case o == opLen:
		return c.fault(at, "", "len takes text or a list, %s is a %v", x, x.typ)
	case x.typ.kind == kindText:
		n.typ = typeText
	default:
		return c.fault(at, "", "%s takes text, %s is a %v", name, x, x.typ)
	}
	return n
}

func (c *checker) has(n, x *node) *node {
	if !x.optional {
		fix := ""
		switch x.typ.kind {
		case kindText:
			fix = `compare it with ""`
		case kindList:
			fix = "write len(list) > 0"
		}
		return c.fault(n.at, fix, "%s is always there", x)
	}
	n.typ, n.optional = typeBool, false
	return n
}

// literal is a constant time or duration.
func (c *checker) literal(name string, args []ast.Node, at int) *node {
	form, example := "a Go duration", `duration("4h30m")`
	if name == "time" {
		form, example = "in RFC 3339 with an offset", `time("2026-02-14T08:00:00+08:00")`
	}
	if len(args) != 1 {
		return c.fault(at, example, "%s takes one text", name)
	}
	text, ok := args[0].(*ast.StringNode)
	if !ok {
		return c.fault(at, example, "%s takes a constant text", name)
	}
	if name == "time" {
		if t, err := time.Parse(time.RFC3339Nano, text.Value); err == nil {
			return constant(typeTime, t, at)
		}
	} else if d, err := time.ParseDuration(text.Value); err == nil {
		return constant(typeDuration, d, at)
	}
	return c.fault(at, "it is written "+form+", like "+example, "%q is no %s", text.Value, name)
}

// quantifier is a condition on the elements of a list.
func (c *checker) quantifier(o op, args []ast.Node, at int) *node {
	if len(args) != 2 {
		return c.fault(at, symbols[o]+`(tags, # == "vip")`, "%s takes a list and a condition on its elements", symbols[o])
	}
	list := c.term(args[0])
	if list == nil {
		return nil
	}
	if list.typ.kind != kindList {
		return c.fault(list.at, "", "%s takes a list, %s is a %v", symbols[o], list, list.typ)
	}
	body, ok := args[1].(*ast.PredicateNode)
	if !ok {
		return c.fault(at, "", "%s takes a condition on the elements", symbols[o])
	}
	c.scopes = append(c.scopes, scope{list.typ, list.path})
	cond := c.term(body.Node)
	c.scopes = slices.Delete(c.scopes, len(c.scopes)-1, len(c.scopes))
	if cond == nil {
		return nil
	}
	if cond.typ.kind != kindBool {
		return c.fault(cond.at, "compare it with something", "the second argument of %s is a condition, %s is a %v", symbols[o], cond, cond.typ)
	}
	n := &node{op: o, typ: typeBool, kids: []*node{list, cond}, at: at}
	if o == opCount {
		n.typ = typeInt
	}
	return n
}
