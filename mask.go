package itsm

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A MaskClass is a set of kinds of protected values.
type MaskClass uint8

// The classes. Patient identifiers are hidden from readers below the clearance of a record, infrastructure from everybody
// outside the operations team.
const (
	MaskPatient        MaskClass = 1 << iota // names, identity cards, telephones, record, insurance and bank card numbers
	MaskInfrastructure                       // addresses, host names, references to credentials, and secrets that slipped in
	MaskAll            = MaskPatient | MaskInfrastructure
)

// A MaskKind says what a protected value is.
type MaskKind string

// The kinds that a [Masker] finds.
const (
	MaskedIDCard     MaskKind = "id_card"          // 18 characters with check digit, or 15 digits of the old form
	MaskedMobile     MaskKind = "mobile"           // mainland mobile number
	MaskedPhone      MaskKind = "phone"            // fixed line with area code, or after a label
	MaskedName       MaskKind = "name"             // of a person, after a label
	MaskedRecord     MaskKind = "record_number"    // medical record, admission, visit
	MaskedInsurance  MaskKind = "insurance_number" // medical insurance, social security card
	MaskedBankCard   MaskKind = "bank_card"        // with Luhn check digit
	MaskedIP         MaskKind = "ip"               // IPv4 or IPv6, with its port
	MaskedSubnet     MaskKind = "subnet"           // CIDR, or an address with an open last part
	MaskedMAC        MaskKind = "mac"              // hardware address
	MaskedHost       MaskKind = "host"             // host name with an internal suffix, with its port
	MaskedCredential MaskKind = "credential"       // reference to a credential, such as vault://his/db
	MaskedSecret     MaskKind = "secret"           // see [Masker.Secret]
)

// A Finding is one protected value in a text. It does not hold the value.
type Finding struct {
	Class MaskClass
	Kind  MaskKind
	Start int // byte offsets in the text, half-open
	End   int
}

// A MaskConfig is what a host adds to the shipped detectors. Patterns are RE2, at most 200 bytes each and 32 in number;
// a match counts when it has at least three letters or digits, one of them a digit, and what it means is its first group,
// or all of it where there is none. Labels and suffixes are at most 40 bytes each and 64 in number.
type MaskConfig struct {
	RecordNumber    []string `json:"record_number,omitempty"`    // patterns of medical record numbers, such as `\bZY\d{8}\b`. Defaults to none.
	Insurance       []string `json:"insurance,omitempty"`        // patterns of insurance numbers. Defaults to none.
	NameLabels      []string `json:"name_labels,omitempty"`      // words before a name, beside 姓名, 患者, 病人, 家属 … Defaults to none.
	RecordLabels    []string `json:"record_labels,omitempty"`    // words before a record number, beside 住院号, 病案号 … Defaults to none.
	InsuranceLabels []string `json:"insurance_labels,omitempty"` // words before an insurance number, beside 医保号, 社保卡号 … Defaults to none.
	HostSuffixes    []string `json:"host_suffixes,omitempty"`    // domains inside the hospital, beside local, lan, internal, corp … Defaults to none.

	// Key is a secret of the host that pseudonyms depend on. Without one, a reader who knows the scope can check a guess
	// about who is meant. Defaults to none.
	Key []byte `json:"-"`
}

const (
	maxMaskPatterns = 32
	maxMaskPattern  = 200 // bytes
	maxMaskWords    = 64
	maxMaskWord     = 40 // bytes
)

// A Masker finds and hides protected values in free text. It is immutable and safe for concurrent use.
//
// A masked value keeps its number of characters and of bytes, its separators and the width of each character; all letters
// and digits are replaced: the last ones, up to four, by the letters of a pseudonym, the others by asterisks. Nothing of
// the value itself stays visible. Within one scope a value has one pseudonym, however it is written (with blanks or a
// country code, in full-width digits), in another scope another one.
type Masker struct {
	key      []byte
	patterns []maskPattern
	labels   labelSet
	suffixes []string
}

type maskPattern struct {
	re   *regexp.Regexp
	kind MaskKind
}

// NewMasker makes a masker. The error matches [ErrInvalid] and names every fault of the configuration.
func NewMasker(cfg MaskConfig) (*Masker, error) {
	key := sha256.Sum256(cfg.Key)
	m := &Masker{key: key[:], suffixes: slices.Clone(internalSuffixes)}
	var faults []error
	fault := func(field string, i int, value, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: masking: %s[%d] %q: %s", ErrInvalid, field, i, clip(value), fmt.Sprintf(format, args...)))
	}
	patterns := func(field string, exprs []string, kind MaskKind) {
		if len(exprs) > maxMaskPatterns {
			faults = append(faults, fmt.Errorf("%w: masking: %s has %d patterns, at most %d are allowed", ErrInvalid, field, len(exprs), maxMaskPatterns))
			return
		}
		for i, expr := range exprs {
			if len(expr) > maxMaskPattern {
				fault(field, i, expr, "has %d bytes, at most %d are allowed", len(expr), maxMaskPattern)
				continue
			}
			re, err := regexp.Compile(expr)
			switch {
			case err != nil:
				fault(field, i, expr, "%v", err)
			case re.MatchString(""):
				fault(field, i, expr, "matches the empty text; want a pattern of the numbers, such as \\bZY\\d{8}\\b")
			default:
				m.patterns = append(m.patterns, maskPattern{re, kind})
			}
		}
	}
	words := func(field string, list []string, take func(string)) {
		if len(list) > maxMaskWords {
			faults = append(faults, fmt.Errorf("%w: masking: %s has %d entries, at most %d are allowed", ErrInvalid, field, len(list), maxMaskWords))
			return
		}
		for i, w := range list {
			first, _ := utf8.DecodeRuneInString(w)
			switch {
			case w == "" || strings.TrimSpace(w) != w:
				fault(field, i, w, "is empty or begins or ends with a blank")
			case len(w) > maxMaskWord:
				fault(field, i, w, "has %d bytes, at most %d are allowed", len(w), maxMaskWord)
			case !utf8.ValidString(w) || !isHan(first) && !isAlnum(w[0]):
				fault(field, i, w, "must begin with a Chinese character, a letter or a digit")
			default:
				take(w)
			}
		}
	}
	patterns("RecordNumber", cfg.RecordNumber, MaskedRecord)
	patterns("Insurance", cfg.Insurance, MaskedInsurance)
	labels := slices.Clone(shippedLabels)
	label := func(kind MaskKind) func(string) {
		return func(w string) { labels = append(labels, label{text: w, kind: kind}) }
	}
	words("NameLabels", cfg.NameLabels, label(MaskedName))
	words("RecordLabels", cfg.RecordLabels, label(MaskedRecord))
	words("InsuranceLabels", cfg.InsuranceLabels, label(MaskedInsurance))
	words("HostSuffixes", cfg.HostSuffixes, func(w string) { m.suffixes = append(m.suffixes, strings.ToLower(w)) })
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	m.labels = newLabelSet(labels)
	return m, nil
}

// clip shortens a text for an error message.
func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	return strings.ToValidUTF8(s[:60], "") + "…"
}

// Text returns s with the values of the class masked; s itself when there are none. A value that a label gave away is
// masked wherever else it stands in s. Masking twice gives the same as masking once.
//
// The scope is what pseudonyms belong to: the key of a record.
func (m *Masker) Text(s, scope string, class MaskClass) string {
	r := Redaction{m: m, class: class & MaskAll, scope: scope}
	return r.Text(s)
}

// Found returns the protected values of all classes in s, in order and without overlap.
func (m *Masker) Found(s string) []Finding {
	r := Redaction{m: m, class: MaskAll}
	_, found := r.mask(s)
	return found
}

// Secret reports whether s holds a password, key or token in the clear, and which sort. References and placeholders
// ("密码:见保险柜", "password: ***", "token=${TOKEN}") are no secrets.
func (m *Masker) Secret(s string) (kind string, ok bool) {
	t, _ := fold(s)
	sc := scanner{m: m, t: t, class: maskSecret}
	sc.run()
	return sc.what, sc.what != ""
}

// finds reports whether Text would mask anything in s.
func (m *Masker) finds(s string, class MaskClass) bool {
	t, _ := fold(s)
	return len(m.scan(t, class&MaskAll)) > 0
}

// A Redaction masks the texts of one record: values that it has learnt from one text it masks in all of them, so that a
// name that is labelled in the first stays hidden in the second. It is not safe for concurrent use.
type Redaction struct {
	m     *Masker
	class MaskClass
	scope string
	known knownValues
	mac   hash.Hash
}

// Redact begins the masking of one record.
func (m *Masker) Redact(scope string, class MaskClass) *Redaction {
	return &Redaction{m: m, class: class & MaskAll, scope: scope}
}

// Learn remembers the values that labels give away in s.
func (r *Redaction) Learn(s string) {
	t, _ := fold(s)
	r.learn(t, r.m.scan(t, r.class))
}

// Text is [Masker.Text] with what the redaction has learnt from s and from the texts before.
func (r *Redaction) Text(s string) string {
	s, _ = r.mask(s)
	return s
}

func (r *Redaction) learn(t string, spans []span) {
	for _, sp := range spans {
		if sp.labelled {
			r.known.add(t[sp.start:sp.end], sp.kind)
		}
	}
}

// maxMaskRounds bounds the search for values that come to light when their neighbours are masked. Each round that finds
// something leaves less to find; two or three are the rule.
const maxMaskRounds = 64

func (r *Redaction) mask(s string) (string, []Finding) {
	var found []Finding
	for range maxMaskRounds {
		t, at := fold(s)
		spans := r.m.scan(t, r.class)
		r.learn(t, spans)
		spans = r.known.find(t, spans)
		if len(spans) == 0 {
			break
		}
		spans = union(spans)
		out := []byte(s)
		for _, sp := range spans {
			f := Finding{classOf(sp.kind), sp.kind, at.origin(sp.start), at.origin(sp.end)}
			r.hide(out[f.Start:f.End], t[sp.start:sp.end], sp.kind)
			found = append(found, f)
		}
		s = string(out)
	}
	return s, disjoint(found)
}

// A span is a finding in a folded text.
type span struct {
	start, end int
	kind       MaskKind
	labelled   bool // a label gave it away: the value is not recognisable by itself
}

func bySpan(a, b span) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.kind, b.kind))
}

// union joins spans that overlap under the kind of the first; a secret stays one.
func union(spans []span) []span {
	slices.SortFunc(spans, bySpan)
	out := spans[:1]
	for _, sp := range spans[1:] {
		if last := &out[len(out)-1]; sp.start < last.end {
			last.end = max(last.end, sp.end)
			if sp.kind == MaskedSecret {
				last.kind = sp.kind
			}
		} else {
			out = append(out, sp)
		}
	}
	return out
}

// disjoint orders the findings of several rounds and joins those that overlap.
func disjoint(found []Finding) []Finding {
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	out := found[:0]
	for _, f := range found {
		if n := len(out); n > 0 && f.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, f.End)
		} else {
			out = append(out, f)
		}
	}
	return out
}

func classOf(k MaskKind) MaskClass {
	switch k {
	case MaskedIP, MaskedSubnet, MaskedMAC, MaskedHost, MaskedCredential, MaskedSecret:
		return MaskInfrastructure
	}
	return MaskPatient
}

// Letters of pseudonyms: no hexadecimal digits and no X, which addresses and identity cards are made of, nothing that is
// taken for a digit, and no digits, which would be taken for the last ones of the value.
const narrowLetters = "GHJKLMNPQRSTUVWZghjkmnpqrstuvwyz"

// hide masks a value in place. Characters are replaced by such of the same number of bytes, so that no offset moves.
func (r *Redaction) hide(b []byte, value string, kind MaskKind) {
	if kind == MaskedSecret {
		hideSecret(b)
		return
	}
	wide, n := true, 0
	for i, w := 0, 0; i < len(b); i += w {
		var c rune
		c, w = utf8.DecodeRune(b[i:])
		if maskable(c) {
			n++
			wide = wide && w >= 3
		}
	}
	// An asterisk shows that something is hidden. Names of two characters need both to be told apart; letters of
	// double width, which nothing else is written in, show it too.
	letters := min(4, n-1)
	if wide && n == 2 {
		letters = 2
	}
	pseudonym := r.pseudonym(value, kind)
	for i, w := 0, 0; i < len(b); i += w {
		var c rune
		c, w = utf8.DecodeRune(b[i:])
		if !maskable(c) {
			continue
		}
		index := -1
		if n <= letters {
			index = int(pseudonym & 31)
			pseudonym >>= 5
		}
		utf8.EncodeRune(b[i:i+w], maskRune(w, index))
		n--
	}
}

// hideSecret leaves nothing but blanks and line ends: a pseudonym would let a guess be checked.
func hideSecret(b []byte) {
	for i, w := 0, 0; i < len(b); i += w {
		var c rune
		c, w = utf8.DecodeRune(b[i:])
		if c != utf8.RuneError && c > ' ' {
			utf8.EncodeRune(b[i:i+w], maskRune(w, -1))
		} else if c == utf8.RuneError && w == 1 {
			b[i] = '*'
		}
	}
}

// maskRune returns the asterisk (index -1) or the letter of a pseudonym that takes w bytes.
func maskRune(w, index int) rune {
	switch {
	case w == 1 && index < 0:
		return '*'
	case w == 1:
		return rune(narrowLetters[index])
	case w == 2: // in secrets only
		return '×'
	case w == 3 && index < 0:
		return '＊'
	case w == 3:
		return rune(narrowLetters[index]) - '!' + '！'
	case index < 0:
		return '\U0001F7B6' // medium six-spoked asterisk
	case narrowLetters[index] < 'a':
		return rune(narrowLetters[index]) - 'A' + '\U0001D400' // mathematical bold
	default:
		return rune(narrowLetters[index]) - 'a' + '\U0001D41A'
	}
}

// pseudonym returns 20 bits that depend on the value as a person reads it, on the scope and on the host's key.
func (r *Redaction) pseudonym(value string, kind MaskKind) uint32 {
	if r.mac == nil {
		r.mac = hmac.New(sha256.New, r.m.key)
	}
	r.mac.Reset()
	var space [96]byte
	b := binary.AppendUvarint(space[:0], uint64(len(r.scope)))
	b = append(b, r.scope...)
	separators := false // part of the value
	switch kind {
	case MaskedMobile:
		value = value[mobilePrefix(value):]
	case MaskedIP, MaskedHost:
		value = withoutPort(value)
		separators = true
	case MaskedSubnet, MaskedCredential:
		separators = true
	}
	for i := range len(value) {
		if c := value[i]; separators || c >= utf8.RuneSelf || isAlnum(c) {
			b = append(b, lower(c))
		}
	}
	r.mac.Write(b)
	return binary.BigEndian.Uint32(r.mac.Sum(space[:0]))
}
