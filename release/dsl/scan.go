package dsl

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind uint8

const (
	end    kind = iota
	word        // keyword, key, number, time, digest: what it is is decided where it stands
	text        // a string, unquoted
	symbol      // { } ,
)

// A token is a piece of the text with its place.
type token struct {
	kind kind
	text string
	pos  pos
	head bool // the first of its line
}

// pos is a place in the text; columns count characters. Both begin at 1.
type pos struct{ line, col int }

func (t token) String() string {
	switch t.kind {
	case end:
		return "the end of the text"
	case text:
		return "the string " + strconv.Quote(clip(t.text))
	}
	return strconv.Quote(clip(t.text))
}

// clip keeps messages short.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= 40 {
		return s
	}
	return string([]rune(s)[:40]) + "…"
}

type scanner struct {
	src  string
	off  int
	at   pos
	head bool
	fail func(at pos, what string)
}

func newScanner(src string, fail func(pos, string)) *scanner {
	return &scanner{src: strings.TrimPrefix(src, "\uFEFF"), at: pos{1, 1}, head: true, fail: fail}
}

// step moves over one character and returns it.
func (s *scanner) step() rune {
	r, n := utf8.DecodeRuneInString(s.src[s.off:])
	s.off += n
	if r == '\n' {
		s.at, s.head = pos{s.at.line + 1, 1}, true
	} else {
		s.at.col++
	}
	return r
}

func (s *scanner) peek() rune {
	if s.off >= len(s.src) {
		return -1
	}
	r, n := utf8.DecodeRuneInString(s.src[s.off:])
	if r == utf8.RuneError && n <= 1 {
		return utf8.RuneError
	}
	return r
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.:+", r) || r >= 0x4E00 && r <= 0x9FFF
}

// next returns the next token. What is no token is reported and skipped.
func (s *scanner) next() token {
	for {
		r := s.peek()
		t := token{pos: s.at, head: s.head}
		switch {
		case r < 0:
			return t
		case r == ' ' || r == '\t' || r == '\r' || r == '\n':
			s.step()
			continue
		case strings.HasPrefix(s.src[s.off:], "//"):
			for s.peek() >= 0 && s.peek() != '\n' {
				s.step()
			}
			continue
		case r == '{' || r == '}' || r == ',':
			s.step()
			t.kind, t.text = symbol, string(r)
		case r == '"':
			t.kind, t.text = text, s.quoted()
		case isWord(r):
			from := s.off
			for isWord(s.peek()) {
				s.step()
			}
			t.kind, t.text = word, s.src[from:s.off]
		default:
			s.step()
			s.fail(t.pos, fmt.Sprintf("the character %q has no place here", r))
			continue
		}
		s.head = false
		return t
	}
}

// quoted reads a string behind its opening quote.
func (s *scanner) quoted() string {
	open := s.at
	s.step()
	var b strings.Builder
	for {
		at, r := s.at, s.peek()
		switch {
		case r < 0 || r == '\n':
			s.fail(open, `the string is not closed on its line, want "`)
			return b.String()
		case r == '"':
			s.step()
			return b.String()
		case r == '\\':
			s.step()
			s.escape(at, &b)
		case r == utf8.RuneError:
			s.step()
			s.fail(at, "this is no UTF-8")
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			s.step()
			s.fail(at, fmt.Sprintf("a control character stands in a string; write \\u%04x", r))
		default:
			b.WriteRune(s.step())
		}
	}
}

func (s *scanner) escape(at pos, b *strings.Builder) {
	r := s.peek()
	if r < 0 || r == '\n' {
		return
	}
	s.step()
	switch r {
	case '"', '\\':
		b.WriteRune(r)
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		if s.off+4 <= len(s.src) {
			if n, err := strconv.ParseUint(s.src[s.off:s.off+4], 16, 32); err == nil && utf8.ValidRune(rune(n)) {
				for range 4 {
					s.step()
				}
				b.WriteRune(rune(n))
				return
			}
		}
		s.fail(at, `\u wants four hexadecimal digits of a character`)
	default:
		s.fail(at, fmt.Sprintf(`the escape \%c is not known, want \" \\ \n \r \t or \uXXXX`, r))
	}
}
