package rule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// How tightly a term holds together; an operand that is looser than its operator stands in parentheses.
const (
	looseElse = iota + 1
	looseOr
	looseAnd
	looseNot
	looseCompare
	looseRange
	looseSum
	looseProduct
	looseSign
	tight
)

func (n *node) tightness() int {
	switch n.op {
	case opFloat:
		return n.kids[0].tightness()
	case opElse:
		return looseElse
	case opOr:
		return looseOr
	case opAnd:
		return looseAnd
	case opNot:
		if n.kids[0].negatable() {
			return looseCompare
		}
		return looseNot
	case opAdd, opSub:
		return looseSum
	case opMul, opDiv, opMod:
		return looseProduct
	case opNeg:
		return looseSign
	case opConst:
		if i, ok := n.val.(int64); ok && i < 0 {
			return looseSign
		}
		if f, ok := n.val.(float64); ok && f < 0 {
			return looseSign
		}
		return tight
	}
	if n.op >= opEq && n.op <= opMatches {
		return looseCompare
	}
	return tight
}

// negatable reports whether not can stand inside the term: x not in y.
func (n *node) negatable() bool { return n.op >= opIn && n.op <= opMatches }

// String prints the term in its canonical form.
func (n *node) String() string {
	var b strings.Builder
	n.print(&b, 0)
	return b.String()
}

func (n *node) print(b *strings.Builder, atLeast int) {
	if n.tightness() < atLeast {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch n.op {
	case opConst:
		n.printConst(b)
	case opPath, opHost:
		b.WriteString(strings.Join(n.names, "."))
	case opElem:
		if len(n.names) == 0 {
			b.WriteByte('#')
		}
		n.printMembers(b)
	case opAt:
		n.kids[0].print(b, tight)
		b.WriteByte('[')
		n.kids[1].print(b, 0)
		b.WriteByte(']')
		n.printMembers(b)
	case opFloat:
		n.kids[0].print(b, 0)
	case opAnd:
		n.printJoined(b, looseNot, " and ")
	case opOr:
		n.printJoined(b, looseAnd, " or ")
	case opNot:
		if k := n.kids[0]; k.negatable() {
			k.printBinary(b, "not "+symbols[k.op], looseRange, looseRange)
		} else {
			b.WriteString("not ")
			k.print(b, tight)
		}
	case opNeg:
		b.WriteByte('-')
		n.kids[0].print(b, tight)
	case opAdd, opSub:
		n.printBinary(b, symbols[n.op], looseSum, looseProduct)
	case opMul, opDiv, opMod:
		n.printBinary(b, symbols[n.op], looseProduct, looseSign)
	case opElse:
		n.printBinary(b, symbols[n.op], tight, tight)
	case opHas, opLen, opLower, opUpper, opAll, opAny, opNone, opOne, opCount:
		b.WriteString(symbols[n.op])
		b.WriteByte('(')
		n.printJoined(b, 0, ", ")
		b.WriteByte(')')
	default:
		n.printBinary(b, symbols[n.op], looseRange, looseRange)
	}
}

func (n *node) printMembers(b *strings.Builder) {
	for _, name := range n.names {
		b.WriteByte('.')
		b.WriteString(name)
	}
}

func (n *node) printJoined(b *strings.Builder, atLeast int, separator string) {
	for i, k := range n.kids {
		if i > 0 {
			b.WriteString(separator)
		}
		k.print(b, atLeast)
	}
}

func (n *node) printBinary(b *strings.Builder, symbol string, left, right int) {
	n.kids[0].print(b, left)
	b.WriteByte(' ')
	b.WriteString(symbol)
	b.WriteByte(' ')
	switch n.op {
	case opIn:
		b.WriteByte('[')
		list := node{kids: n.kids[1:]}
		list.printJoined(b, 0, ", ")
		b.WriteByte(']')
	case opBetween:
		n.kids[1].print(b, looseSum)
		b.WriteString("..")
		n.kids[2].print(b, looseSum)
	default:
		n.kids[1].print(b, right)
	}
}

func (n *node) printConst(b *strings.Builder) {
	switch v := n.val.(type) {
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		b.WriteString(s)
		if !strings.ContainsAny(s, ".e") {
			b.WriteString(".0")
		}
	case string:
		quote(b, v)
	case time.Time:
		fmt.Fprintf(b, "time(%q)", v.Format(time.RFC3339Nano))
	case time.Duration:
		fmt.Fprintf(b, "duration(%q)", short(v))
	default:
		fmt.Fprint(b, v)
	}
}

// quote writes text as a literal; letters of all scripts stand as they are.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(b, `\U%08x`, r)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

// short is the duration without zero minutes and seconds at its end: 4h, not 4h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
