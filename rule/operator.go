package rule

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
)

// binaryOps holds the operators whose operands are terms.
var binaryOps = map[string]op{
	"and": opAnd, "&&": opAnd, "or": opOr, "||": opOr,
	"==": opEq, "!=": opNe, "<": opLt, "<=": opLe, ">": opGt, ">=": opGe,
	"contains": opContains, "startsWith": opStarts, "endsWith": opEnds, "matches": opMatches,
	"+": opAdd, "-": opSub, "*": opMul, "/": opDiv, "%": opMod, "??": opElse,
}

func (c *checker) binary(n *ast.BinaryNode, at int) *node {
	if n.Operator == "in" {
		return c.in(n, at)
	}
	o, ok := binaryOps[n.Operator]
	if !ok {
		return c.fault(at, "", "there is no operator %s", n.Operator)
	}
	l, r := c.term(n.Left), c.term(n.Right)
	if l == nil || r == nil {
		return nil
	}
	switch o {
	case opAnd, opOr:
		return c.logic(o, l, r, at)
	case opEq, opNe, opLt, opLe, opGt, opGe:
		return c.comparison(o, l, r, at)
	case opContains, opStarts, opEnds, opMatches:
		return c.search(o, l, r, at)
	case opElse:
		return c.otherwise(l, r, at)
	default:
		return c.arithmetic(o, l, r, at)
	}
}

// logic joins conditions; a chain of one operator becomes one node.
func (c *checker) logic(o op, l, r *node, at int) *node {
	for _, x := range []*node{l, r} {
		if x.typ.kind != kindBool {
			return c.fault(x.at, "compare it with something", "%s joins conditions, %s is a %v", symbols[o], x, x.typ)
		}
	}
	return chain(o, l, r)
}

func chain(o op, terms ...*node) *node {
	n := &node{op: o, typ: typeBool, at: terms[0].at}
	for _, t := range terms {
		if t.op == o {
			n.kids = append(n.kids, t.kids...)
		} else {
			n.kids = append(n.kids, t)
		}
	}
	return n
}

func (c *checker) comparison(o op, l, r *node, at int) *node {
	l, r = c.like(l, r, at)
	if l == nil {
		return nil
	}
	if o != opEq && o != opNe {
		switch {
		case l.typ.kind == kindBool:
			return c.fault(at, "compare with == or !=", "true and false have no order")
		case l.typ.kind == kindText && (l.typ.name != "" || r.typ.name != "" || l.typ.values != nil || r.typ.values != nil):
			return c.fault(at, "list the values: x in [\"a\", \"b\"]", "%s and %s have no order but the alphabet", l, r)
		}
	}
	return &node{op: o, typ: typeBool, kids: []*node{l, r}, at: at}
}

// like checks that two terms are of one type, and makes them so when they are numbers.
func (c *checker) like(l, r *node, at int) (*node, *node) {
	if k := l.typ.kind; l.typ.number() && r.typ.number() {
		if k != r.typ.kind {
			return floated(l), floated(r)
		}
		return l, r
	} else if k != r.typ.kind {
		c.fault(at, unlike(l.typ, r.typ), "%s is a %v and %s is a %v", l, l.typ, r, r.typ)
		return nil, nil
	} else if k == kindList || k == kindStruct || k == kindHost {
		c.fault(at, "compare one fact of it", "a %v cannot be compared as a whole", l.typ)
		return nil, nil
	}
	if l.typ.name != "" && r.typ.name != "" && l.typ.name != r.typ.name {
		c.fault(at, "", "%s is a %s and %s is a %s", l, l.typ.name, r, r.typ.name)
		return nil, nil
	}
	if !c.allowed(l, r) || !c.allowed(r, l) {
		return nil, nil
	}
	return l, r
}

// unlike says how terms of two types are compared.
func unlike(a, b *typ) string {
	switch {
	case a.kind == kindDuration || b.kind == kindDuration:
		return `a duration is written duration("4h")`
	case a.kind == kindTime || b.kind == kindTime:
		return `a time is written time("2026-02-14T08:00:00+08:00")`
	case a.kind == kindText && b.number() || b.kind == kindText && a.number():
		return "numbers stand without quotes, text with them"
	case b.kind == kindList:
		return "write x in list"
	}
	return "compare like with like"
}

// allowed checks a constant against the values that a text can have.
func (c *checker) allowed(text, value *node) bool {
	if text.typ.values == nil || value.op != opConst || value.typ.kind != kindText {
		return true
	}
	v := value.val.(string)
	if slices.Contains(text.typ.values, v) {
		return true
	}
	c.fault(value.at, nearest(v, text.typ.values), "%s is never %q", text, v)
	return false
}

func (c *checker) in(n *ast.BinaryNode, at int) *node {
	x := c.term(n.Left)
	switch right := n.Right.(type) {
	case *ast.ArrayNode:
		return c.inList(x, right, at)
	case *ast.BinaryNode:
		if right.Operator == ".." {
			return c.inRange(x, right, at)
		}
	}
	list := c.term(n.Right)
	if x == nil || list == nil {
		return nil
	}
	if list.typ.kind != kindList {
		return c.fault(at, `write x in ["a", "b"], x in 1..3 or x in list`, "%s is a %v and not a list", list, list.typ)
	}
	elem := &node{op: opAt, typ: list.typ.elem, kids: []*node{list, constant(typeInt, int64(0), list.at)}, at: list.at}
	if x, _ = c.like(x, elem, at); x == nil {
		return nil
	}
	return &node{op: opMember, typ: typeBool, kids: []*node{x, list}, at: at}
}

func (c *checker) inList(x *node, list *ast.ArrayNode, at int) *node {
	kids := []*node{x}
	for _, e := range list.Nodes {
		k := c.term(e)
		if x == nil || k == nil {
			kids[0] = nil
			continue
		}
		if l, _ := c.like(x, k, k.at); l == nil {
			kids[0] = nil
		} else {
			kids = append(kids, k)
		}
	}
	if kids[0] == nil {
		return nil
	}
	if len(kids) == 1 {
		return c.fault(at, "", "the list is empty")
	}
	if slices.ContainsFunc(kids, func(k *node) bool { return k.typ.kind == kindFloat }) {
		for i, k := range kids {
			kids[i] = floated(k)
		}
	}
	return &node{op: opIn, typ: typeBool, kids: kids, at: at}
}

func (c *checker) inRange(x *node, r *ast.BinaryNode, at int) *node {
	lo, hi := c.term(r.Left), c.term(r.Right)
	if x == nil || lo == nil || hi == nil {
		return nil
	}
	for _, k := range []*node{x, lo, hi} {
		if k.typ.kind != kindInt {
			return c.fault(k.at, "compare with <= and >=", "a range has whole numbers, %s is a %v", k, k.typ)
		}
	}
	return &node{op: opBetween, typ: typeBool, kids: []*node{x, lo, hi}, at: at}
}

// search is contains, startsWith, endsWith and matches.
func (c *checker) search(o op, l, r *node, at int) *node {
	if l.typ.kind == kindList && o == opContains {
		return c.fault(at, fmt.Sprintf("write %s in %s", r, l), "contains searches in text")
	}
	for _, x := range []*node{l, r} {
		if x.typ.kind != kindText {
			return c.fault(x.at, "", "%s takes text, %s is a %v", symbols[o], x, x.typ)
		}
	}
	if o == opMatches && !c.pattern(r) {
		return nil
	}
	return &node{op: o, typ: typeBool, kids: []*node{l, r}, at: at}
}

// pattern checks that a regular expression is constant, correct and small.
func (c *checker) pattern(p *node) bool {
	if p.op != opConst {
		c.fault(p.at, "write it as a text in quotes", "a pattern is constant")
		return false
	}
	src := p.val.(string)
	if len(src) > MaxPattern {
		c.fault(p.at, fmt.Sprintf("at most %d", MaxPattern), "the pattern has %d bytes", len(src))
		return false
	}
	re, err := syntax.Parse(src, syntax.Perl)
	if err != nil {
		c.fault(p.at, "see the syntax of RE2", "%v", err)
		return false
	}
	if size := programSize(re); size > maxPatternProgram {
		c.fault(p.at, "repeat less", "the pattern is too large when its repetitions are written out")
		return false
	}
	return true
}

func programSize(re *syntax.Regexp) int {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return maxPatternProgram + 1
	}
	return len(prog.Inst)
}

// mustPattern compiles a checked pattern.
func mustPattern(src string) (re *regexp.Regexp, size int) {
	re = regexp.MustCompile(src)
	parsed, _ := syntax.Parse(src, syntax.Perl)
	return re, programSize(parsed)
}

// otherwise is l, or r when l is absent.
func (c *checker) otherwise(l, r *node, at int) *node {
	if !l.optional {
		return c.fault(at, "leave out ?? and what follows", "%s is always there", l)
	}
	l, r = c.like(l, r, at)
	if l == nil {
		return nil
	}
	return &node{op: opElse, typ: l.typ, kids: []*node{l, r}, optional: r.optional, at: at}
}

// arithmetic finds the type of a result.
func (c *checker) arithmetic(o op, l, r *node, at int) *node {
	n := &node{op: o, kids: []*node{l, r}, optional: l.optional || r.optional, at: at}
	lk, rk := l.typ.kind, r.typ.kind
	switch {
	case o == opMod:
		if lk == kindInt && rk == kindInt {
			n.typ = typeInt
		}
	case l.typ.number() && r.typ.number():
		if n.typ = typeInt; o == opDiv || lk != rk || lk == kindFloat {
			n.typ, n.kids = typeFloat, []*node{floated(l), floated(r)}
		}
	case o == opAdd || o == opSub:
		switch {
		case lk == kindDuration && rk == kindDuration, o == opSub && lk == kindTime && rk == kindTime:
			n.typ = typeDuration
		case lk == kindTime && rk == kindDuration, o == opAdd && lk == kindDuration && rk == kindTime:
			n.typ = typeTime
		}
	case lk == kindDuration && r.typ.number():
		n.typ, n.kids[1] = typeDuration, floated(r)
	case o == opMul && l.typ.number() && rk == kindDuration:
		n.typ, n.kids[0] = typeDuration, floated(l)
	case o == opDiv && lk == kindDuration && rk == kindDuration:
		n.typ = typeFloat
	}
	if n.typ == nil {
		return c.fault(at, unlike(l.typ, r.typ), "there is no %v %s %v", l.typ, symbols[o], r.typ)
	}
	if (o == opDiv || o == opMod) && zero(r) {
		return c.fault(at, "", "division by zero")
	}
	return n
}

func zero(n *node) bool {
	return n.op == opConst && (n.val == int64(0) || n.val == float64(0) || n.val == time.Duration(0))
}
