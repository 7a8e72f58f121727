package itsm

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// An offsetMap leads from the offsets of a folded text back to those of the original; nil when they are the same.
type offsetMap []int32

func (m offsetMap) origin(i int) int {
	if m == nil {
		return i
	}
	return int(m[i])
}

// fold returns s with digits and punctuation of full width, odd blanks and odd hyphens replaced by plain ones, and
// invisible characters left out, so that detectors have one form of each to know. Letters of full width are replaced where
// they stand together with digits of full width; those of pseudonyms do not. Most texts are returned as they are.
func fold(s string) (string, offsetMap) {
	if !needsFold(s) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	at := make(offsetMap, 0, len(s)+1)
	number, numberEnd := false, 0 // the run of full-width letters and digits that i is in has a digit
	for i, w := 0, 0; i < len(s); i += w {
		var c rune
		c, w = utf8.DecodeRuneInString(s[i:])
		f := foldRune(c)
		if f == 0 {
			continue
		}
		if f != c && isAlnum(byte(f)) {
			if i >= numberEnd {
				number, numberEnd = wideRun(s, i)
			}
			if !number {
				f = c
			}
		}
		if f == c {
			b = append(b, s[i:i+w]...) // a byte that is not UTF-8 stays as it is
		} else {
			b = append(b, byte(f))
		}
		for len(at) < len(b) {
			at = append(at, int32(i))
		}
	}
	return string(b), append(at, int32(len(s)))
}

// wideRun returns the end of the letters and digits of full width from i on, and whether there is a digit among them.
func wideRun(s string, i int) (number bool, end int) {
	for end = i; end < len(s); {
		c, w := utf8.DecodeRuneInString(s[end:])
		if c < '！' || c > '～' || !isAlnum(byte(c-'！'+'!')) {
			break
		}
		number = number || c >= '０' && c <= '９'
		end += w
	}
	return number, end
}

// needsFold reports whether there is a character that could hide a value. Punctuation and letters of full width alone
// cannot: the detectors know the one, and pseudonyms have the other.
func needsFold(s string) bool {
	for _, lead := range [...]byte{0xC2, 0xE2, 0xEF} {
		for i := strings.IndexByte(s, lead); i >= 0; {
			c, _ := utf8.DecodeRuneInString(s[i:])
			if wide := c >= '！' && c <= '～'; wide && c >= '０' && c <= '９' || !wide && foldRune(c) != c {
				return true
			}
			next := strings.IndexByte(s[i+1:], lead)
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	return false
}

// foldRune returns the plain form of c, 0 when it is invisible. The result is c itself or below 0x80.
func foldRune(c rune) rune {
	switch {
	case c >= '！' && c <= '～':
		return c - '！' + '!'
	case c == '\u3000', c == '\u00a0', c >= '\u2000' && c <= '\u200a', c == '\u202f':
		return ' '
	case c >= '\u2010' && c <= '\u2015', c == '\u2212':
		return '-'
	case c >= '\u200b' && c <= '\u200f', c == '\u2060', c == '\ufeff', c == '\u00ad':
		return 0
	}
	return c
}

func isDigit(c byte) bool  { return c-'0' < 10 }
func isLetter(c byte) bool { return c|0x20-'a' < 26 }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }
func isHex(c byte) bool    { return isDigit(c) || c|0x20-'a' < 6 }

func lower(c byte) byte {
	if c-'A' < 26 {
		return c | 0x20
	}
	return c
}

// lowerASCII keeps every other byte, also such that are not UTF-8.
func lowerASCII(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}

func isHan(c rune) bool {
	return c >= 0x4E00 && c <= 0x9FFF || c >= 0x3400 && c <= 0x4DBF || c >= 0x20000 && c <= 0x323AF ||
		c >= 0xF900 && c <= 0xFAFF || c == '〇'
}

// maskable reports whether a character of a value is hidden. Separators stay.
func maskable(c rune) bool {
	switch {
	case c < utf8.RuneSelf:
		return isAlnum(byte(c))
	case c >= '！' && c <= '～':
		return isAlnum(byte(c - '！' + '!'))
	}
	return isHan(c)
}

// byteAt returns s[i], 0 outside.
func byteAt(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return 0
	}
	return s[i]
}

// knownValues are values to be found again without their label. The zero value has none.
type knownValues struct {
	kinds   map[string]MaskKind // lower case
	lengths []int               // of the values in bytes, falling
	leads   [256]bool           // their first bytes
}

func (k *knownValues) empty() bool { return len(k.kinds) == 0 }

func (k *knownValues) add(value string, kind MaskKind) {
	value = lowerASCII(value)
	if _, ok := k.kinds[value]; ok || value == "" {
		return
	}
	if k.kinds == nil {
		k.kinds = make(map[string]MaskKind)
	}
	k.kinds[value] = kind
	k.leads[value[0]] = true
	if i, ok := slices.BinarySearchFunc(k.lengths, len(value), func(a, b int) int { return b - a }); !ok {
		k.lengths = slices.Insert(k.lengths, i, len(value))
	}
}

// find appends the places of known values to spans. A value that begins or ends with a letter or digit is found as a whole word.
func (k *knownValues) find(t string, spans []span) []span {
	if k.empty() {
		return spans
	}
	t = lowerASCII(t)
	for i := 0; i < len(t); i++ {
		if !k.leads[t[i]] || isAlnum(t[i]) && (isAlnum(byteAt(t, i-1)) || byteAt(t, i-1) == '*') {
			continue
		}
		for _, n := range k.lengths {
			end := i + n
			if end > len(t) || isAlnum(t[end-1]) && isAlnum(byteAt(t, end)) {
				continue
			}
			if kind, ok := k.kinds[t[i:end]]; ok {
				spans = append(spans, span{i, end, kind, true})
				i = end - 1
				break
			}
		}
	}
	return spans
}
