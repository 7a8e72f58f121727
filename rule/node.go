package rule

import (
	"slices"
)

// kind is the type of a term as the language knows it.
type kind uint8

const (
	kindBool kind = iota + 1
	kindInt
	kindFloat
	kindText
	kindTime
	kindDuration
	kindList
	kindStruct
	kindHost // the map of host fields: only its members can be read
)

// typ is the static type of a term.
type typ struct {
	kind   kind
	name   string   // of the Go type of a text: "incident.State"; "" for plain text
	values []string // of an enumerated text; nil when any text will do
	elem   *typ     // of a list
	gaps   bool     // elements of the list can be absent
	fields *structure
}

var (
	typeBool     = &typ{kind: kindBool}
	typeInt      = &typ{kind: kindInt}
	typeFloat    = &typ{kind: kindFloat}
	typeText     = &typ{kind: kindText}
	typeTime     = &typ{kind: kindTime}
	typeDuration = &typ{kind: kindDuration}
	typeHost     = &typ{kind: kindHost}
)

func (t *typ) number() bool { return t.kind == kindInt || t.kind == kindFloat }

// String names the type for people.
func (t *typ) String() string {
	switch t.kind {
	case kindBool:
		return "true or false"
	case kindInt:
		return "whole number"
	case kindFloat:
		return "number"
	case kindText:
		return "text"
	case kindTime:
		return "time"
	case kindDuration:
		return "duration"
	case kindList:
		return "list of " + t.elem.String()
	case kindStruct:
		return "group of facts"
	default:
		return "group of host fields"
	}
}

// op is what a node does.
type op uint8

const (
	opConst op = iota
	opPath     // a fact of the record: names, steps
	opElem     // the current element of the innermost quantifier, or a fact of it
	opAt       // an element of a list by index, or a fact of it
	opHost     // a host field: names[1]
	opAnd
	opOr
	opNot
	opEq
	opNe
	opLt
	opLe
	opGt
	opGe
	opIn      // one of the other operands
	opMember  // an element of a list fact
	opBetween // lower and upper bound, both inclusive
	opContains
	opStarts
	opEnds
	opMatches
	opAdd
	opSub
	opMul
	opDiv
	opMod
	opNeg
	opElse // the second operand when the first is absent
	opHas
	opLen
	opLower
	opUpper
	opAll
	opAny
	opNone
	opOne
	opCount
	opFloat // whole number to number; it does not show in the source
)

// symbols holds the operators and functions by their spelling.
var symbols = [...]string{
	opAnd: "and", opOr: "or", opNot: "not", opEq: "==", opNe: "!=", opLt: "<", opLe: "<=", opGt: ">", opGe: ">=",
	opIn: "in", opMember: "in", opBetween: "in", opContains: "contains", opStarts: "startsWith", opEnds: "endsWith", opMatches: "matches",
	opAdd: "+", opSub: "-", opMul: "*", opDiv: "/", opMod: "%", opNeg: "-", opElse: "??", opHas: "has", opLen: "len",
	opLower: "lower", opUpper: "upper", opAll: "all", opAny: "any", opNone: "none", opOne: "one", opCount: "count", opFloat: "",
}

func (o op) quantifier() bool { return o >= opAll && o <= opCount }

// A node is a typed term. Nodes are immutable once checked and may be shared by several trees.
type node struct {
	op       op
	typ      *typ
	kids     []*node
	val      any      // of a constant: bool, int64, float64, string, time.Time, time.Duration
	names    []string // of a fact: as written
	steps    []int    // of a fact: struct fields by index, pointers are followed
	path     string   // of a fact: all names from the record on, also through lists
	optional bool     // it can be absent
	at       int      // where it stands, in characters
}

func constant(t *typ, val any, at int) *node { return &node{op: opConst, typ: t, val: val, at: at} }

// size counts the nodes of a tree.
func (n *node) size() int {
	size := 1
	for _, k := range n.kids {
		size += k.size()
	}
	return size
}

// reads adds the facts that the tree reads.
func (n *node) reads(paths map[string]bool) {
	if n.path != "" {
		paths[n.path] = true
	}
	for _, k := range n.kids {
		k.reads(paths)
	}
}

// reading returns the facts that the tree reads, sorted.
func (n *node) reading() []string {
	set := map[string]bool{}
	n.reads(set)
	paths := make([]string, 0, len(set))
	for p := range set {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// join is the path of a name below a prefix, which may be "".
func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}
