package itsm

import "strings"

// number looks at the digits that begin at i for an identity card, a telephone or a bank card, and returns the span and
// its kind; end is i when there is none.
func number(t string, i int) (start, end int, kind MaskKind) {
	if !isDigit(byteAt(t, i)) {
		return i, i, ""
	}
	g := readGroups(t, i)
	if g.digits >= 15 {
		if g.digits >= 17 && !g.point {
			if end := idCard18(t, i); end > i {
				return i, end, MaskedIDCard
			}
		}
		if start, end, kind = idCard15(t, &g); end > i {
			return start, end, kind
		}
		if start, end, kind = bankCard(t, &g); end > i {
			return start, end, kind
		}
	}
	if t[i] == '1' || t[i] == '8' || t[i] == '0' {
		if g.digits >= 11 {
			if start, end, kind = mobile(t, &g); end > i {
				return start, end, kind
			}
		}
		if g.digits >= 10 || g.n == 1 && closing(t, g.at[0].end) > 0 {
			return fixedLine(t, &g)
		}
	}
	return i, i, ""
}

// groups are runs of digits with single blanks, hyphens or points between them.
type groups struct {
	n      int
	digits int // of all groups
	at     [6]struct{ start, end int }
	inner  bool // the first group goes on from digits before it: 2026-1380
	point  bool // and these are parted from it by a point
}

func (g *groups) len(k int) int { return g.at[k].end - g.at[k].start }

// shape reports whether the groups from k on have these lengths, and nothing around them makes them part of a longer
// number; it returns the end. A hyphen does not make one of digits that stand in one piece: such are in file names.
func (g *groups) shape(t string, k int, lengths ...int) (int, bool) {
	if k+len(lengths) > g.n || g.point {
		return 0, false
	}
	for j, n := range lengths {
		if g.len(k+j) != n {
			return 0, false
		}
	}
	end := g.at[k+len(lengths)-1].end
	if c := byteAt(t, end); isAlnum(c) || c == '.' && isDigit(byteAt(t, end+1)) {
		return 0, false
	}
	one := k == 0 && len(lengths) == 1
	return end, one || !g.inner && (byteAt(t, end) != '-' || !isDigit(byteAt(t, end+1)))
}

func readGroups(t string, i int) groups {
	var g groups
	c := byteAt(t, i-1)
	g.point = c == '.' && isDigit(byteAt(t, i-2))
	g.inner = g.point || c == '-' && isDigit(byteAt(t, i-2))
	for g.n < len(g.at) {
		end := i
		for end < len(t) && isDigit(t[end]) {
			end++
		}
		g.at[g.n].start, g.at[g.n].end = i, end
		g.n++
		g.digits += end - i
		c := byteAt(t, end)
		if c != ' ' && c != '-' && c != '.' || !isDigit(byteAt(t, end+1)) {
			break
		}
		i = end + 1
	}
	return g
}

// phoneWord reports whether letters directly before digits announce a telephone or identity card rather than a serial number.
func phoneWord(w string) bool {
	switch strings.ToLower(w) {
	case "tel", "phone", "telephone", "mobile", "mob", "cell", "fax", "id", "idcard":
		return true
	}
	return false
}

// idWeights and idChecks are of GB 11643-1999 (ISO 7064 MOD 11-2).
var idWeights = [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

const idChecks = "10X98765432"

// idCard18 returns the end of an identity card number of 18 characters, blanks and hyphens apart, with a date of birth and
// a right check digit; else i. The area code is not looked at: it says nothing that these two do not.
func idCard18(t string, i int) int {
	var d [18]byte
	n, j := 0, i
	for ; n < len(d) && j < len(t); j++ {
		c := t[j]
		switch {
		case isDigit(c), n == 17 && lower(c) == 'x':
			d[n] = c
			n++
		case (c == ' ' || c == '-') && isAlnum(byteAt(t, j+1)):
		default:
			return i
		}
	}
	if n < len(d) || isAlnum(byteAt(t, j)) || byteAt(t, j) == '.' && isDigit(byteAt(t, j+1)) || !date(string(d[6:14])) {
		return i
	}
	sum := 0
	for k, w := range idWeights {
		sum += w * int(d[k]-'0')
	}
	if c := idChecks[sum%11]; c != d[17] && lower(c) != d[17] {
		return i
	}
	return j
}

// date reports whether s is a date yyyymmdd of the years 1900 to 2099.
func date(s string) bool {
	if len(s) != 8 {
		return false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(4), two(6)
	if year < 1900 || year > 2099 || month < 1 || month > 12 {
		return false
	}
	days := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && year%4 == 0 && year != 1900 {
		days = 29
	}
	return day >= 1 && day <= days
}

// provinces are the first two digits of area codes (GB/T 2260). The old form has no check digit, so they have to do.
const provinces = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82"

// idCard15 is the form of before 1999: six digits of area, a date of birth of the 20th century, three of sequence.
func idCard15(t string, g *groups) (start, end int, kind MaskKind) {
	start = g.at[0].start
	end, ok := g.shape(t, 0, 15)
	if !ok {
		end, ok = g.shape(t, 0, 6, 6, 3)
	}
	if !ok {
		return start, start, ""
	}
	var space [15]byte
	d := appendDigits(space[:0], t[start:end])
	if !strings.Contains(provinces, string(d[:2])) || !date("19"+string(d[6:12])) {
		return start, start, ""
	}
	return start, end, MaskedIDCard
}

func appendDigits(b []byte, s string) []byte {
	for i := range len(s) {
		if isDigit(s[i]) {
			b = append(b, s[i])
		}
	}
	return b
}

// mobilePrefix returns how many bytes of a mobile number are the country code.
func mobilePrefix(s string) int {
	i := 0
	if byteAt(s, 0) == '+' {
		i++
	}
	switch {
	case strings.HasPrefix(s[i:], "0086"):
		i += 4
	case strings.HasPrefix(s[i:], "86"):
		i += 2
	default:
		return 0
	}
	return i
}

// mobile finds a mainland mobile number: 1, 3 to 9, and nine digits, written in one or as 3-4-4, 3-3-5, 3-8 or 7-4, with or
// without the country code 86.
func mobile(t string, g *groups) (start, end int, kind MaskKind) {
	start = g.at[0].start
	k, first := 0, start
	switch prefix := mobilePrefix(t[start:g.at[0].end]); {
	case prefix == 0:
	case prefix == g.len(0) && g.n > 1:
		k, first = 1, g.at[1].start
	case prefix+11 == g.len(0):
		first = start + prefix
	}
	if t[first] != '1' || byteAt(t, first+1) < '3' || byteAt(t, first+1) > '9' {
		return start, start, ""
	}
	ok := false
	for _, lengths := range [...][]int{{11}, {3, 4, 4}, {3, 3, 5}, {3, 8}, {7, 4}} {
		if k == 0 && first > start { // the country code is in the first group
			lengths = []int{g.len(0)}
		}
		if end, ok = g.shape(t, k, lengths...); ok {
			break
		}
	}
	if !ok {
		return start, start, ""
	}
	if first > start && byteAt(t, start-1) == '+' {
		start--
	}
	return start, end, MaskedMobile
}

// fixedLine finds a fixed line: area code (010, 02x, 03xx to 09xx) and seven or eight digits, in one, apart or with the
// area code in parentheses, with or without an extension; or with the country code and without the zero.
func fixedLine(t string, g *groups) (start, end int, kind MaskKind) {
	start = g.at[0].start
	none := start
	area := g.at[0]
	k := 1
	switch {
	case g.n > 1 && (t[area.start:area.end] == "86" || t[area.start:area.end] == "0086"):
		area, k = g.at[1], 2
		if !areaCode("0"+strings.TrimPrefix(t[area.start:area.end], "0")) || area.end-area.start > 4 {
			return none, none, ""
		}
		if byteAt(t, start-1) == '+' {
			start--
		}
	case areaCode(t[area.start:area.end]):
	case g.len(0) == 11 || g.len(0) == 12:
		n := 4
		if t[start+1] < '3' {
			n = 3
		}
		end, ok := g.shape(t, 0, g.len(0))
		local := g.len(0) - n
		if ok && (local == 7 || local == 8) && areaCode(t[start:start+n]) && t[start+n] >= '2' {
			return start, end, MaskedPhone
		}
		return none, none, ""
	default:
		return none, none, ""
	}
	// The area code in parentheses: the local number is a run of its own.
	local := g
	if close := closing(t, area.end); close > 0 && k == g.n && !g.inner {
		for byteAt(t, close) == ' ' || byteAt(t, close) == '-' {
			close++
		}
		if !isDigit(byteAt(t, close)) {
			return none, none, ""
		}
		rest := readGroups(t, close)
		local, k = &rest, 0
	}
	if k >= local.n || t[local.at[k].start] < '2' {
		return none, none, ""
	}
	for _, lengths := range [...][]int{{8}, {7}, {4, 4}, {3, 4}} {
		if end, ok := local.shape(t, k, lengths...); ok {
			return start, end, MaskedPhone
		}
		// An extension behind a hyphen.
		for ext := 1; ext <= 5; ext++ {
			if end, ok := local.shape(t, k, append(lengths[:len(lengths):len(lengths)], ext)...); ok {
				return start, end, MaskedPhone
			}
		}
	}
	return none, none, ""
}

func areaCode(s string) bool {
	switch len(s) {
	case 3:
		return s == "010" || s[0] == '0' && s[1] == '2'
	case 4:
		return s[0] == '0' && s[1] >= '3'
	}
	return false
}

// closing returns the place behind a closing parenthesis at i, 0 when there is none.
func closing(t string, i int) int {
	switch {
	case byteAt(t, i) == ')':
		return i + 1
	case strings.HasPrefix(t[i:], "）"):
		return i + len("）")
	}
	return 0
}

// bankCard finds 15 to 19 digits with a right Luhn check digit that begin like a card: 15 digits are American Express,
// 16 to 19 begin with 3, 4, 5, 6, 9 or are of the 2-series of Mastercard. Others are counters and times.
func bankCard(t string, g *groups) (start, end int, kind MaskKind) {
	start = g.at[0].start
	ok := false
	if n := g.len(0); n >= 15 && n <= 19 {
		end, ok = g.shape(t, 0, n)
	} else {
		for _, lengths := range [...][]int{{4, 4, 4, 4, 3}, {4, 4, 4, 4, 2}, {4, 4, 4, 4, 1}, {4, 4, 4, 4}, {6, 13}, {4, 6, 5}} {
			if end, ok = g.shape(t, 0, lengths...); ok {
				break
			}
		}
	}
	if !ok {
		return start, start, ""
	}
	var space [19]byte
	d := appendDigits(space[:0], t[start:end])
	switch {
	case len(d) == 15:
		ok = d[0] == '3' && (d[1] == '4' || d[1] == '7')
	case d[0] == '2':
		ok = len(d) == 16 && string(d[:4]) >= "2221" && string(d[:4]) <= "2720"
	default:
		ok = strings.IndexByte("34569", d[0]) >= 0
	}
	if !ok || !luhn(d) {
		return start, start, ""
	}
	return start, end, MaskedBankCard
}

// luhn checks the check digit of ISO/IEC 7812-1.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
