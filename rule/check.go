package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// The limits of a predicate.
const (
	MaxSource  = 4096    // bytes of a source
	MaxNodes   = 500     // operators, facts and constants of a predicate
	MaxDepth   = 32      // nesting of terms; a chain of and, or of or, is one level
	MaxPattern = 256     // bytes of a regular expression
	MaxCost    = 100_000 // steps of one evaluation, see the package comment

	maxPatternProgram = 1000 // instructions of a compiled regular expression
	maxFaults         = 20   // told about one source
)

// checker turns the syntax tree of one source into a typed tree, and collects what is wrong on the way.
// Its methods return nil for a term that has a fault; whoever gets nil has nothing to add.
type checker struct {
	schema *Schema
	src    string
	faults []Fault
	nodes  int
	scopes []scope
}

// scope is the list of a quantifier that is being checked.
type scope struct {
	list *typ
	path string
}

// check checks a source whose value has to be of the type want.
func check(schema *Schema, src string, want *typ) (*node, error) {
	c := &checker{schema: schema, src: src}
	root := c.source(want)
	if len(c.faults) > 0 {
		slices.SortStableFunc(c.faults, func(a, b Fault) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		return nil, &SyntaxError{Source: src[:min(len(src), MaxSource)], Faults: c.faults}
	}
	return root, nil
}

func (c *checker) source(want *typ) *node {
	if len(c.src) > MaxSource {
		return c.fault(0, fmt.Sprintf("at most %d", MaxSource), "the source has %d bytes", len(c.src))
	}
	if !utf8.ValidString(c.src) {
		return c.fault(0, "", "the source is not valid UTF-8")
	}
	if strings.TrimSpace(c.src) == "" {
		return c.fault(0, `write "true" for no condition`, "the source is empty")
	}
	tree, err := parser.ParseWithConfig(c.src, nil)
	if err != nil {
		return c.unparsed(err)
	}
	root := c.term(tree.Node)
	if root == nil {
		return nil
	}
	switch {
	case want.kind == kindFloat:
		root = floated(root)
	case want.kind == kindBool && root.typ.kind != kindBool:
		return c.fault(root.at, "compare it with something", "a condition is true or false, but this is a %v", root.typ)
	}
	if root.typ.kind != want.kind {
		return c.fault(root.at, "", "this is a %v, not a %v", root.typ, want)
	}
	if d := root.depth(); d > MaxDepth {
		return c.fault(0, fmt.Sprintf("at most %d", MaxDepth), "terms are nested %d deep", d)
	}
	if printed := len(root.String()); printed > MaxSource {
		return c.fault(0, fmt.Sprintf("at most %d", MaxSource), "written out, the condition has %d bytes", printed)
	}
	return root
}

// unparsed reports what the parser found. It stops at the first fault.
func (c *checker) unparsed(err error) *node {
	at, problem := 0, err.Error()
	if e := (*file.Error)(nil); errors.As(err, &e) {
		at, problem = e.From, e.Message
	}
	fix := ""
	switch {
	case strings.Contains(problem, `Operator("=")`):
		fix = "write == to compare"
	case strings.Contains(problem, "EOF"):
		problem = "the source ends too early"
	case strings.HasPrefix(problem, "Operator (") && strings.Contains(problem, "coalesce"):
		problem, fix = "?? stands beside another operator", "put parentheses around it: (a ?? b)"
	}
	return c.fault(at, fix, "%s", problem)
}

// fault records a fault at a place, counted in characters, and returns nil.
func (c *checker) fault(at int, fix, format string, args ...any) *node {
	if len(c.faults) >= maxFaults {
		return nil
	}
	f := Fault{Line: 1, Column: 1, Problem: fmt.Sprintf(format, args...), Fix: fix}
	for _, r := range c.src {
		if at <= 0 {
			break
		}
		at--
		f.Column++
		if r == '\n' {
			f.Line, f.Column = f.Line+1, 1
		}
	}
	if !slices.Contains(c.faults, f) {
		c.faults = append(c.faults, f)
	}
	return nil
}

// depth is the nesting of a tree.
func (n *node) depth() int {
	deepest := 0
	for _, k := range n.kids {
		deepest = max(deepest, k.depth())
	}
	return deepest + 1
}

func (c *checker) term(n ast.Node) *node {
	// The tree can share terms (a < b < c has b twice), and be far larger than its source.
	if c.nodes++; c.nodes > MaxNodes {
		if c.nodes == MaxNodes+1 {
			c.fault(0, fmt.Sprintf("at most %d", MaxNodes), "the condition has too many terms")
		}
		return nil
	}
	at := 0
	if n != nil {
		at = n.Location().From
	}
	switch n := n.(type) {
	case *ast.BoolNode:
		return constant(typeBool, n.Value, at)
	case *ast.IntegerNode:
		return constant(typeInt, int64(n.Value), at)
	case *ast.FloatNode:
		return constant(typeFloat, n.Value, at)
	case *ast.StringNode:
		if !utf8.ValidString(n.Value) {
			return c.fault(at, "", "the text is not valid UTF-8")
		}
		return constant(typeText, n.Value, at)
	case *ast.IdentifierNode:
		return c.identifier(n.Value, at)
	case *ast.PointerNode:
		return c.element(n, at)
	case *ast.MemberNode:
		return c.member(n, at)
	case *ast.UnaryNode:
		return c.unary(n, at)
	case *ast.BinaryNode:
		return c.binary(n, at)
	case *ast.BuiltinNode:
		return c.call(n.Name, n.Arguments, at)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(callee.Value, n.Arguments, at)
		}
		return c.fault(at, "", "facts have no methods")
	case *ast.ArrayNode:
		return c.fault(at, "x in [1, 2]", "a list of constants can only stand after in")
	case *ast.NilNode:
		return c.fault(at, "write has(x) to ask whether a fact is there", "there is no nil")
	case *ast.ConditionalNode:
		return c.fault(at, "write (c and a) or (not c and b)", "a condition has no branches")
	case *ast.ChainNode:
		return c.fault(at, "write . instead, a member of an absent fact is absent", "?. is not needed")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return c.fault(at, "", "a condition is one expression without variables")
	default:
		return c.fault(at, "", "this cannot stand in a condition")
	}
}

// identifier is a fact of the record.
func (c *checker) identifier(name string, at int) *node {
	f := c.schema.root.byName[name]
	if f == nil {
		return c.unknown("", name, c.schema.root, at)
	}
	n := &node{op: opPath, names: []string{name}, at: at}
	return c.enter(n, f, name)
}

// enter makes n the fact f of what it was.
func (c *checker) enter(n *node, f *field, path string) *node {
	if f.typ == nil {
		return c.fault(n.at, "", "%s has the type %s, which conditions cannot read", path, f.goType)
	}
	n.typ, n.path = c.enumerated(f.typ, path), path
	n.steps = append(slices.Clip(n.steps), f.index...)
	n.optional = n.optional || f.optional
	return n
}

// enumerated is t with the values that the schema allows at the path.
func (c *checker) enumerated(t *typ, path string) *typ {
	values := c.schema.enums[path]
	switch {
	case values == nil:
		return t
	case t.kind == kindList:
		return &typ{kind: kindList, elem: c.enumerated(t.elem, path), gaps: t.gaps}
	default:
		return &typ{kind: t.kind, name: t.name, values: values}
	}
}

// unknown reports a name that is no fact of the group.
func (c *checker) unknown(prefix, name string, st *structure, at int) *node {
	names := make([]string, 0, len(st.fields))
	for _, f := range st.fields {
		if f.typ != nil {
			names = append(names, f.name)
		}
	}
	return c.fault(at, nearest(name, names), "there is no fact %s", join(prefix, name))
}

// element is the current element of a quantifier.
func (c *checker) element(n *ast.PointerNode, at int) *node {
	if n.Name != "" {
		return c.fault(at, "# is the element itself", "there is no #%s", n.Name)
	}
	if len(c.scopes) == 0 {
		return c.fault(at, "", "# can only stand in all, any, none, one and count")
	}
	in := c.scopes[len(c.scopes)-1]
	return &node{op: opElem, typ: in.list.elem, path: in.path, optional: in.list.gaps, at: at}
}

// member is a fact of a group, a host field, or an element of a list.
func (c *checker) member(n *ast.MemberNode, at int) *node {
	base := c.term(n.Node)
	if base == nil {
		return nil
	}
	name, isName := n.Property.(*ast.StringNode)
	switch {
	case base.typ.kind == kindHost && isName:
		return c.hostField(name.Value, at)
	case base.typ.kind == kindStruct && isName:
		f := base.typ.fields.byName[name.Value]
		if f == nil {
			return c.unknown(base.path, name.Value, base.typ.fields, at)
		}
		m := *base
		m.names = append(slices.Clone(base.names), name.Value)
		return c.enter(&m, f, join(base.path, name.Value))
	case base.typ.kind == kindList && !isName:
		index := c.term(n.Property)
		if index == nil {
			return nil
		}
		if index.typ.kind != kindInt {
			return c.fault(index.at, "", "an index is a whole number, not a %v", index.typ)
		}
		return &node{op: opAt, typ: base.typ.elem, kids: []*node{base, index}, path: base.path, optional: true, at: at}
	case base.typ.kind == kindList:
		return c.fault(at, fmt.Sprintf("write any(%s, .%s …)", base, name.Value), "%s is a list", base)
	}
	return c.fault(at, "", "%s is a %v and has no members", base, base.typ)
}

func (c *checker) hostField(name string, at int) *node {
	t, ok := c.schema.host[name]
	path := join(hostName, name)
	if !ok {
		names := make([]string, 0, len(c.schema.host))
		for known := range c.schema.host {
			names = append(names, known)
		}
		slices.Sort(names)
		return c.fault(at, nearest(name, names), "there is no host field %s", path)
	}
	steps := c.schema.root.byName[hostName].index
	return &node{op: opHost, typ: c.enumerated(t.typ(), path), names: []string{hostName, name}, steps: steps, path: path, optional: true, at: at}
}

func (c *checker) unary(n *ast.UnaryNode, at int) *node {
	x := c.term(n.Node)
	if x == nil {
		return nil
	}
	switch n.Operator {
	case "not", "!":
		if x.typ.kind != kindBool {
			return c.fault(at, "put parentheses around the comparison: not (a == b)", "not negates a condition, %s is a %v", x, x.typ)
		}
		return &node{op: opNot, typ: typeBool, kids: []*node{x}, at: at}
	case "-":
		return c.negative(x, at)
	}
	if !x.typ.number() && x.typ.kind != kindDuration {
		return c.fault(at, "", "+ takes a number, %s is a %v", x, x.typ)
	}
	return x
}

func (c *checker) negative(x *node, at int) *node {
	switch {
	case x.op == opConst && x.typ.kind == kindInt && x.val.(int64) > 0:
		return constant(typeInt, -x.val.(int64), at)
	case x.op == opConst && x.typ.kind == kindFloat && x.val.(float64) > 0:
		return constant(typeFloat, -x.val.(float64), at)
	case x.typ.number() || x.typ.kind == kindDuration:
		return &node{op: opNeg, typ: x.typ, kids: []*node{x}, optional: x.optional, at: at}
	}
	return c.fault(at, "", "- takes a number or a duration, %s is a %v", x, x.typ)
}

// floated is x as a number with a fraction.
func floated(x *node) *node {
	if x.typ.kind != kindInt {
		return x
	}
	return &node{op: opFloat, typ: typeFloat, kids: []*node{x}, optional: x.optional, at: x.at}
}
