package itsm

import "strings"

// internalSuffixes are the last parts of host names that are not on the public internet (RFC 6762 appendix G, RFC 8375).
var internalSuffixes = []string{"local", "localdomain", "lan", "internal", "intranet", "intra", "corp", "private", "home", "home.arpa"}

// address finds a network address or host name whose first letter, digit or colon is at i, and returns its end, or i.
func (s *scanner) address(i int) int {
	t := s.t
	if end, kind := ipv4(t, i); end > i {
		return s.add(i, end, kind, false)
	}
	if end := mac(t, i); end > i {
		return s.add(i, end, MaskedMAC, false)
	}
	if end, kind := ipv6(t, i); end > i {
		return s.add(i, end, kind, false)
	}
	if end := credential(t, i); end > i {
		return s.add(i, end, MaskedCredential, false)
	}
	if end := s.host(i); end > i {
		return s.add(i, end, MaskedHost, false)
	}
	return i
}

// decimal reads a number of at most three digits; end is i when there is none, or a longer one.
func decimal(t string, i int) (end, n int) {
	for end = i; end < len(t) && isDigit(t[end]); end++ {
		if end-i == 3 {
			return i, 0
		}
		n = n*10 + int(t[end]-'0')
	}
	return end, n
}

// port returns the end of ":8080" at i, or i.
func port(t string, i int) int {
	if byteAt(t, i) != ':' {
		return i
	}
	end, n := i+1, 0
	for end < len(t) && isDigit(t[end]) && end-i <= 5 {
		n = n*10 + int(t[end]-'0')
		end++
	}
	if end == i+1 || n > 65535 || isAlnum(byteAt(t, end)) {
		return i
	}
	return end
}

// withoutPort returns the address or host name of "10.1.2.3:80", "db.lan:80" or "fe80::1]:80".
func withoutPort(s string) string {
	if before, _, ok := strings.Cut(s, "]"); ok {
		return before
	}
	if host, _, ok := strings.Cut(s, ":"); ok && strings.IndexByte(host, '.') >= 0 {
		return host
	}
	return s
}

// prefix returns the end of "/24" at i, or i.
func prefix(t string, i, most int) int {
	if byteAt(t, i) != '/' {
		return i
	}
	end, n := decimal(t, i+1)
	if end == i+1 || n > most || isAlnum(byteAt(t, end)) {
		return i
	}
	return end
}

// ipv4 finds an address with its port, a CIDR block, or three parts and an x or asterisk for the last. Four parts behind
// the word version are none.
func ipv4(t string, i int) (end int, kind MaskKind) {
	if !isDigit(t[i]) || byteAt(t, i-1) == '.' && isAlnum(byteAt(t, i-2)) {
		return i, ""
	}
	end = i
	for part := range 4 {
		if part > 0 {
			if byteAt(t, end) != '.' {
				return i, ""
			}
			end++
		}
		if c := byteAt(t, end); part == 3 && (lower(c) == 'x' || c == '*') && !isAlnum(byteAt(t, end+1)) {
			return end + 1, MaskedSubnet
		}
		next, n := decimal(t, end)
		if next == end || n > 255 {
			return i, ""
		}
		end = next
	}
	c := byteAt(t, end)
	if isAlnum(c) || c == '.' && isAlnum(byteAt(t, end+1)) || afterVersion(t[:i]) {
		return i, ""
	}
	if block := prefix(t, end, 32); block > end {
		return block, MaskedSubnet
	}
	return port(t, end), MaskedIP
}

// afterVersion reports whether a text ends in a word that makes the numbers behind it a version.
func afterVersion(head string) bool {
	head = strings.TrimRight(head, " :=")
	head = strings.TrimSuffix(head, "：")
	if i := len(head) - 12; i > 0 {
		head = head[i:]
	}
	head = lowerASCII(head)
	for _, w := range [...]string{"版本", "版本号", "版本为", "固件", "version", "firmware", "release", "oracle", "weblogic", "ver", "ver.", "rev", "build"} {
		if strings.HasSuffix(head, w) {
			return true
		}
	}
	return false
}

// hexBefore reports whether hexadecimal digits, at most so many, and a separator stand before i: then what begins at i is
// the rest of something longer.
func hexBefore(t string, i, most int, sep byte) bool {
	if byteAt(t, i-1) != sep {
		return false
	}
	if byteAt(t, i-2) == ':' {
		return true
	}
	from := i - 1
	for from > 0 && i-from <= most+1 && isAlnum(t[from-1]) {
		if from--; !isHex(t[from]) {
			return false
		}
	}
	return from < i-1 && i-1-from <= most
}

// mac finds six pairs of hexadecimal digits with colons or hyphens, or three groups of four with points.
func mac(t string, i int) int {
	group := func(at, n int) bool {
		if at+n > len(t) {
			return false
		}
		for k := range n {
			if !isHex(t[at+k]) {
				return false
			}
		}
		return true
	}
	size, count := 2, 6
	sep := byteAt(t, i+2)
	if sep != ':' && sep != '-' {
		size, count = 4, 3
		if sep = byteAt(t, i+4); sep != '.' {
			return i
		}
	}
	if hexBefore(t, i, size, sep) {
		return i
	}
	end := i
	for k := range count {
		if k > 0 {
			if byteAt(t, end) != sep {
				return i
			}
			end++
		}
		if !group(end, size) {
			return i
		}
		end += size
	}
	if c := byteAt(t, end); isAlnum(c) || c == sep && isAlnum(byteAt(t, end+1)) {
		return i
	}
	return end
}

// ipv6 finds an address (RFC 4291 section 2.2) with its zone, a CIDR block, or in brackets with its port. It must have
// a digit or begin like a local one: "a::b" is more often program text.
func ipv6(t string, i int) (end int, kind MaskKind) {
	if hexBefore(t, i, 4, ':') {
		return i, ""
	}
	groups, gap, digit := 0, false, false
	if strings.HasPrefix(t[i:], "::") {
		gap, end = true, i+2
	} else {
		end = i
	}
	for groups < 8 {
		last := end
		for last < len(t) && isHex(t[last]) && last-end < 4 {
			digit = digit || isDigit(t[last])
			last++
		}
		if last == end {
			break
		}
		if byteAt(t, last) == '.' {
			v4, kind := ipv4Tail(t, end)
			if v4 == end || kind != MaskedIP || groups > 6 {
				return i, ""
			}
			digit, end = true, v4
			groups += 2
			break
		}
		groups++
		end = last
		if byteAt(t, end) != ':' {
			break
		}
		if byteAt(t, end+1) == ':' {
			if gap {
				return i, ""
			}
			gap = true
			end += 2
		} else if isHex(byteAt(t, end+1)) && groups < 8 {
			end++
		} else {
			break
		}
	}
	if groups == 0 || groups < 8 && !gap || groups == 8 && gap || end-i < 3 {
		return i, ""
	}
	local := strings.HasPrefix(lowerASCII(t[i:min(i+2, len(t))]), "f")
	if c := byteAt(t, end); isAlnum(c) || c == ':' && (isAlnum(byteAt(t, end+1)) || byteAt(t, end+1) == ':') || !digit && !local {
		return i, ""
	}
	if byteAt(t, end) == '%' {
		zone := end + 1
		for zone < len(t) && (isAlnum(t[zone]) || t[zone] == '_' || t[zone] == '-') {
			zone++
		}
		if zone > end+1 {
			end = zone
		}
	}
	if block := prefix(t, end, 128); block > end {
		return block, MaskedSubnet
	}
	if byteAt(t, i-1) == '[' && byteAt(t, end) == ']' {
		if p := port(t, end+1); p > end+1 {
			end = p
		}
	}
	return end, MaskedIP
}

// ipv4Tail is the IPv4 form at the end of an IPv6 address.
func ipv4Tail(t string, i int) (end int, kind MaskKind) {
	end = i
	for part := range 4 {
		if part > 0 {
			if byteAt(t, end) != '.' {
				return i, ""
			}
			end++
		}
		next, n := decimal(t, end)
		if next == end || n > 255 {
			return i, ""
		}
		end = next
	}
	return end, MaskedIP
}

// credentialSchemes are those of references to secrets.
const credentialSchemes = " vault secret secrets kms op keepass cyberark "

// credential finds a reference to a credential, such as vault://his/db#password.
func credential(t string, i int) int {
	sep := strings.Index(t[i:min(i+12, len(t))], "://")
	if sep <= 0 || !listedWord(credentialSchemes, lowerASCII(t[i:i+sep])) {
		return i
	}
	const most = 512
	end := i + sep + 3
	for end < min(i+most, len(t)) && t[end] > ' ' && t[end] < 0x7F && strings.IndexByte(`"'<>,;)]}*`, t[end]) < 0 {
		end++
	}
	if end == i+sep+3 || byteAt(t, end) == '*' {
		return i
	}
	return end
}

// host finds a name of several parts that ends in an internal suffix, with its port.
func (s *scanner) host(i int) int {
	t := s.t
	if byteAt(t, i-1) == '.' || byteAt(t, i-1) == '*' {
		return i
	}
	const most = 253 // RFC 1035
	end, dot := i, -1
	for end < len(t) && end-i <= most && (isAlnum(t[end]) || strings.IndexByte("-_.", t[end]) >= 0) {
		if t[end] == '.' {
			if !isAlnum(byteAt(t, end+1)) {
				break
			}
			if dot < 0 {
				dot = end
			}
		}
		end++
	}
	if dot < 0 || end-i > most || byteAt(t, end) == '*' {
		return i
	}
	name := t[i:end]
	for _, suffix := range s.m.suffixes {
		if at := len(name) - len(suffix); at > 1 && name[at-1] == '.' && equalFold(name[at:], suffix) {
			return port(t, end)
		}
	}
	return i
}
