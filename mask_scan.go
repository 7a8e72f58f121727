package itsm

import (
	"strings"
	"unicode/utf8"
)

// What a byte can begin.
const (
	byteOther = iota
	byteDigit
	byteLetter
	byteHan   // character of three bytes
	byteRare  // character of four bytes
	byteColon // IPv6 address, URL
	byteDash  // private key
)

var byteClasses = func() (t [256]uint8) {
	for c := range t {
		switch b := byte(c); {
		case isDigit(b):
			t[c] = byteDigit
		case isLetter(b):
			t[c] = byteLetter
		case b >= 0xE3 && b <= 0xEF:
			t[c] = byteHan
		case b >= 0xF0:
			t[c] = byteRare
		case b == ':':
			t[c] = byteColon
		case b == '-':
			t[c] = byteDash
		}
	}
	return t
}()

// wordGoesOn has the bytes that a word of small letters may go on with to be something else.
var wordGoesOn = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlnum(byte(c))
	}
	t[':'], t['.'], t['-'], t['_'] = true, true, true, true
	return t
}()

// scan returns the spans of protected values in a folded text; they may overlap.
func (m *Masker) scan(t string, class MaskClass) []span {
	if class == 0 {
		return nil
	}
	if class&MaskInfrastructure != 0 {
		class |= maskSecret
	}
	s := scanner{m: m, t: t, class: class}
	s.run()
	return s.spans
}

type scanner struct {
	m     *Masker
	t     string
	class MaskClass
	spans []span
	what  string // the sort of the first secret
}

func (s *scanner) wants(class MaskClass) bool { return s.class&class != 0 }

func (s *scanner) run() {
	m, t := s.m, s.t
	for i := 0; i < len(t); {
		switch byteClasses[t[i]] {
		case byteDigit:
			i = s.word(i)
		case byteLetter:
			// Most words are of small letters, begin nothing and have nothing joined to them.
			end := i + 1
			for end < len(t) && t[end]-'a' < 26 {
				end++
			}
			if m.labels.heads[t[i]]>>(end-i)&1 == 0 && (end == len(t) || !wordGoesOn[t[end]]) {
				i = end
			} else {
				i = s.word(i)
			}
		case byteHan:
			for i+2 < len(t) && byteClasses[t[i]] == byteHan {
				if t[i+1]&0xC0 != 0x80 || t[i+2]&0xC0 != 0x80 {
					break
				}
				pair := uint32(t[i]&0x0F)<<6 | uint32(t[i+1]&0x3F)
				if m.labels.pairs[pair] {
					if ls := m.labels.others[rune(pair<<6|uint32(t[i+2]&0x3F))]; ls != nil {
						if end := s.label(i, 0, ls); end > i {
							i = end
							continue
						}
					}
				}
				i += 3
			}
			if i < len(t) && byteClasses[t[i]] == byteHan {
				i++ // not UTF-8
			}
		case byteRare:
			c, w := utf8.DecodeRuneInString(t[i:])
			if ls := m.labels.others[c]; ls != nil {
				if end := s.label(i, 0, ls); end > i {
					i = end
					continue
				}
			}
			i += w
		case byteColon:
			i = s.colon(i)
		case byteDash:
			if s.wants(maskSecret) {
				if end := privateKey(t, i); end > i {
					i = s.secret(secretSpan{i, end, "private key"})
					continue
				}
			}
			i++
		default:
			i++
		}
	}
	if s.wants(MaskPatient) && len(m.patterns) > 0 {
		s.match()
	}
}

// colon looks at a colon for the password of a URL and for an IPv6 address, and returns where to go on.
func (s *scanner) colon(i int) int {
	if s.wants(maskSecret) && strings.HasPrefix(s.t[i:], "://") {
		if start, end := urlPassword(s.t, i+3); end > start {
			return s.secret(secretSpan{start, end, "connection string"})
		}
	}
	if s.wants(MaskInfrastructure) && byteAt(s.t, i+1) == ':' && !isAlnum(byteAt(s.t, i-1)) {
		if end := s.address(i); end > i {
			return end
		}
	}
	return i + 1
}

func (s *scanner) add(start, end int, kind MaskKind, labelled bool) int {
	s.spans = append(s.spans, span{start, end, kind, labelled})
	return end
}

// word looks at the word of letters and digits that begins at i, and at what it may be the beginning of. It returns where to go on.
func (s *scanner) word(i int) int {
	t := s.t
	head := i        // behind the letters in front
	var capital byte // not zero when there is one behind the first
	for head < len(t) && isLetter(t[head]) {
		if head++; head < len(t) {
			capital |= ^t[head] & 0x20
		}
	}
	if head > i && s.wants(maskSecret) {
		if next := s.secretWord(i, head, capital != 0); next > i {
			return next
		}
	}
	end := head
	for end < len(t) && isAlnum(t[end]) {
		end++
	}
	if s.wants(MaskInfrastructure) && joined(t, end) {
		if next := s.address(i); next > i {
			return next
		}
	}
	if head > i {
		if ls := s.m.labels.letters[lower(t[i])]; ls != nil {
			if next := s.label(i, head-i, ls); next > i {
				return next
			}
		}
		if end == head || !phoneWord(t[i:head]) {
			return end
		}
	} else if ls := s.m.labels.letters[t[i]]; ls != nil {
		if next := s.label(i, head-i, ls); next > i {
			return next
		}
	}
	if s.wants(MaskPatient) {
		if start, next, kind := number(t, head); next > head {
			return s.add(start, next, kind, false)
		}
	}
	return end
}

// joined reports whether a word that ends at i is part of something longer that may be an address.
func joined(t string, i int) bool {
	switch byteAt(t, i) {
	case ':', '.', '-', '_':
		c := byteAt(t, i+1)
		return isAlnum(c) || c == ':' || c == '/' // 10.1, fe80::, vault://
	}
	return false
}

// match adds what the host's patterns find.
func (s *scanner) match() {
	if !strings.ContainsAny(s.t, "0123456789") {
		return
	}
	for _, p := range s.m.patterns {
		for _, loc := range p.re.FindAllStringSubmatchIndex(s.t, -1) {
			start, end := loc[0], loc[1]
			if len(loc) > 2 && loc[2] >= 0 {
				start, end = loc[2], loc[3]
			}
			n, digits := 0, 0
			for i := start; i < end; i++ {
				if isAlnum(s.t[i]) {
					n++
				}
				if isDigit(s.t[i]) {
					digits++
				}
			}
			// An asterisk is the mark of a value that is masked already.
			if n >= 3 && digits > 0 && !strings.ContainsAny(s.t[start:end], "*＊") {
				s.add(start, end, p.kind, true)
			}
		}
	}
}
