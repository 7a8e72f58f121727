package itsm

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A label is a word that says what the value behind it is.
type label struct {
	text string
	kind MaskKind
	weak bool // means a value only behind a colon: the word is too common

	class MaskClass
	head  int // length of the letters that it begins with
}

// shippedLabels are the labels of hospital texts and forms.
var shippedLabels = slices.Concat(
	labelsOf(MaskedName, false, "姓名", "患者", "病人", "病患", "患儿", "产妇", "孕妇", "伤者", "家属", "患者姓名", "病人姓名", "家属姓名", "患者名字", "病人名字",
		"就诊人", "参保人", "监护人"),
	labelsOf(MaskedName, true, "名字", "name", "patient", "patient name", "full name", "first name", "last name", "family name", "given name"),
	labelsOf(MaskedRecord, false, "病案号", "住院号", "住院流水号", "门诊号", "门诊流水号", "病历号", "登记号", "就诊号", "就诊卡号", "就诊卡", "诊疗卡号", "健康卡号",
		"患者ID", "病人ID", "患者号", "病人号", "患者编号", "病人编号", "MRN", "patient id", "patient no", "medical record number", "medical record no"),
	labelsOf(MaskedInsurance, false, "医保号", "医保卡号", "医保编号", "医保卡", "医保电脑号", "医疗保险号", "社保号", "社保卡号", "社保卡", "社会保障号", "社会保障号码", "参保号",
		"保险号", "insurance no", "insurance number", "insurance id"),
	labelsOf(MaskedIDCard, false, "身份证", "身份证号", "身份证号码", "公民身份号码", "证件号", "证件号码", "id card", "id number"),
	labelsOf(MaskedBankCard, false, "银行卡", "银行卡号", "银行账号"),
	labelsOf(MaskedPhone, true, "电话", "电话号码", "联系电话", "手机", "手机号", "手机号码", "联系方式", "tel", "phone", "mobile", "telephone"),
	labelsOf(MaskedMAC, false, "MAC", "MAC地址", "物理地址"),
	labelsOf(MaskedSecret, false, "密码", "口令", "密钥", "秘钥", "私钥", "令牌"),
)

func labelsOf(kind MaskKind, weak bool, words ...string) []label {
	out := make([]label, len(words))
	for i, w := range words {
		out[i] = label{text: w, kind: kind, weak: weak}
	}
	return out
}

// A labelSet finds labels by their first character.
type labelSet struct {
	letters [128][]label     // by lower-case letter or digit
	pairs   [1 << 10]bool    // the first two bytes of characters of three bytes that a label begins with
	others  map[rune][]label // by first character
	heads   [256]uint64      // by first letter, a bit for each length of the letters that a label, or a secret, begins with
}

func newLabelSet(labels []label) labelSet {
	set := labelSet{others: make(map[rune][]label)}
	mark := func(first byte, head int) {
		set.heads[first] |= 1 << head
		set.heads[first&^0x20] |= 1 << head
	}
	for _, words := range [...][]string{secretWords, tokenWords} {
		for _, w := range words {
			mark(w[0], len(w))
		}
	}
	// Longest first, so that 患者姓名 goes before 患者.
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(len(b.text), len(a.text)) })
	for _, l := range labels {
		l.text, l.class = lowerASCII(l.text), classOf(l.kind)
		if l.kind == MaskedSecret {
			l.class = maskSecret
		}
		for l.head < len(l.text) && isLetter(l.text[l.head]) {
			l.head++
		}
		c, _ := utf8.DecodeRuneInString(l.text)
		if c < utf8.RuneSelf {
			set.letters[c] = append(set.letters[c], l)
			if l.head > 0 {
				mark(l.text[0], l.head)
			}
			continue
		}
		set.others[c] = append(set.others[c], l)
		if c < 1<<16 {
			set.pairs[c>>6] = true
		}
	}
	return set
}

// label looks for a label at i, where so many letters stand, and the value behind it, and returns where the value ends, or i.
func (s *scanner) label(i, head int, labels []label) int {
	for k := range labels {
		l := &labels[k]
		end := i + len(l.text)
		if l.head != head || l.class&s.class == 0 || end > len(s.t) || !equalFold(s.t[i:end], l.text) || isLetter(s.t[end-1]) && isLetter(byteAt(s.t, end)) {
			continue
		}
		if next := s.labelled(i, end, l); next > 0 {
			return next
		}
	}
	return i
}

// equalFold compares a text with one in lower case.
func equalFold(s, low string) bool {
	for i := range len(low) {
		if lower(s[i]) != low[i] {
			return false
		}
	}
	return true
}

// labelled looks for the value of a label that stands from i to end, and returns where it ends, or 0.
func (s *scanner) labelled(i, end int, l *label) int {
	at, strong := separator(s.t, end)
	if l.weak && !strong {
		return 0
	}
	switch l.kind {
	case MaskedName:
		if l.text == "name" && partOfTerm(s.t, i) {
			return 0
		}
		return s.names(at, strong, l.text == "name")
	case MaskedRecord, MaskedInsurance:
		return s.codes(at, l.kind)
	case MaskedIDCard:
		if start, next, kind := number(s.t, at); next > at {
			return s.add(start, next, kind, false)
		}
		// A slip of the pen in a number that is said to be an identity card's does not make it harmless.
		if next, n := code(s.t, at); n == 15 || n == 18 {
			return s.add(at, next, MaskedIDCard, true)
		}
	case MaskedBankCard:
		if next, n := code(s.t, at); n >= 12 && n <= 19 {
			return s.add(at, next, MaskedBankCard, true)
		}
	case MaskedPhone:
		return s.phone(at)
	case MaskedSecret:
		if start, next := secretValue(s.t, end); next > start {
			return s.secret(secretSpan{start, next, secretSorts[l.text]})
		}
	case MaskedMAC:
		if next, n := code(s.t, at); n == 12 && hexOnly(s.t[at:next]) {
			return s.add(at, next, MaskedMAC, true)
		}
	}
	return 0
}

// phone masks a number behind a label for telephones: there, a fixed line needs no area code.
func (s *scanner) phone(at int) int {
	t := s.t
	if start, next, kind := number(t, at); next > at {
		return s.add(start, next, kind, false)
	}
	end := at
	for end < len(t) && (isDigit(t[end]) || t[end] == '-' && end > at && isDigit(t[end-1])) {
		end++
	}
	for end > at && t[end-1] == '-' {
		end--
	}
	digits := end - at - strings.Count(t[at:end], "-")
	if digits != 7 && digits != 8 || t[at] < '2' || isLetter(byteAt(t, end)) || date(t[at:end]) {
		return 0
	}
	return s.add(at, end, MaskedPhone, true)
}

// codes masks a number behind its label, and further ones of the same length in a list.
func (s *scanner) codes(at int, kind MaskKind) int {
	end, n := code(s.t, at)
	if n < 3 {
		return 0
	}
	s.add(at, end, kind, true)
	for {
		next, ok := listed(s.t, end, "、", ",", "，", "和", "及")
		if !ok {
			return end
		}
		last, m := code(s.t, next)
		if m != n {
			return end
		}
		end = s.add(next, last, kind, true)
	}
}

// listed returns where the next entry of a list begins.
func listed(t string, i int, marks ...string) (int, bool) {
	for _, mark := range marks {
		if strings.HasPrefix(t[i:], mark) {
			i += len(mark)
			for byteAt(t, i) == ' ' {
				i++
			}
			return i, true
		}
	}
	return i, false
}

// code returns the end of a number at i that may have letters and single hyphens in it, and how many letters and digits it
// has: 0 when it has no digit, more than 24, or is a count of something.
func code(t string, i int) (end, n int) {
	digits := 0
	for end = i; end < len(t); end++ {
		c := t[end]
		if isAlnum(c) {
			n++
			if isDigit(c) {
				digits++
			}
		} else if c != '-' || end == i || !isAlnum(byteAt(t, end+1)) {
			break
		}
	}
	if digits == 0 || n > 24 || byteAt(t, end) == '*' || counted(t[end:]) {
		return i, 0
	}
	return end, n
}

// counted reports whether s begins with a word that makes the number before it a count or a date.
func counted(s string) bool {
	if s == "" || s[0] < utf8.RuneSelf {
		return false
	}
	_, w := utf8.DecodeRuneInString(s)
	return strings.Contains("位个次条台年月日天人张例份", s[:w])
}

func hexOnly(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// separator skips what may stand between a label and its value. It is strong where the writing itself says that a value follows.
func separator(t string, i int) (end int, strong bool) {
	const most = 8
	for range most {
		rest := t[i:]
		if rest == "" {
			break
		}
		switch rest[0] {
		case ' ', '(', '[':
			i++
			continue
		case ':', '=', '\t', '"', '\'', ']', ')', '|', '>':
			i, strong = i+1, true
			continue
		}
		if rest[0] < utf8.RuneSelf {
			break
		}
		_, w := utf8.DecodeRuneInString(rest)
		switch rest[:w] {
		case "：", "＝", "】", "）", "］", "》", "“", "”", "｜":
			strong = true
		case "为", "是", "叫", "（", "【", "\u3000":
		default:
			return i, strong
		}
		i += w
	}
	return i, strong
}

// partOfTerm reports whether the word at i belongs to a term such as "file name".
func partOfTerm(t string, i int) bool {
	c := byteAt(t, i-1)
	if c == ' ' {
		c = byteAt(t, i-2)
	}
	return isAlnum(c) || c == '_' || c == '-' || c == '.'
}
