package dsl

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// Grammar is the grammar of the text form, in EBNF.
//
//go:embed grammar.ebnf
var Grammar string

// Parse reads a plan and checks it. file is the name of the text in errors. The error is an [*Error] with every fault; the plan is then zero.
func Parse(file, src string) (release.Plan, error) {
	p := newParser(file, src)
	p.release()
	p.resolve()
	if len(p.faults) == 0 {
		for _, f := range p.plan.Check() {
			p.fault(p.place(f.Path), f.What)
		}
	}
	if err := p.err(); err != nil {
		return release.Plan{}, err
	}
	return p.plan, nil
}

// CheckSyntax reports whether a text is a sentence of the grammar, whatever the plan in it says.
func CheckSyntax(file, src string) error {
	p := newParser(file, src)
	p.release()
	return p.err()
}

type parser struct {
	file   string
	scan   *scanner
	tok    token
	plan   release.Plan
	places map[string]pos // of the parts of the plan, by path
	said   map[string]pos // statements that can be made once
	civil  []civil        // times, to be read when the zone is known
	faults []Fault
	more   int
}

// civil is a time in the text and where it goes.
type civil struct {
	text string
	at   pos
	to   func(time.Time)
}

func newParser(file, src string) *parser {
	p := &parser{file: file, places: make(map[string]pos), said: make(map[string]pos)}
	if len(src) > MaxBytes {
		p.fault(pos{1, 1}, fmt.Sprintf("the text has %d bytes, at most %d are allowed", len(src), MaxBytes))
		src = ""
	}
	p.scan = newScanner(src, p.fault)
	p.tok = p.scan.next()
	return p
}

func (p *parser) fault(at pos, what string) {
	if len(p.faults) >= MaxFaults {
		p.more++
		return
	}
	p.faults = append(p.faults, Fault{at.line, at.col, what})
}

func (p *parser) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(p.faults, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	p.faults = slices.Compact(p.faults)
	return &Error{p.file, p.faults, p.more}
}

// place finds the nearest part of a path that has a place in the text.
func (p *parser) place(path string) pos {
	for {
		if at, ok := p.places[path]; ok {
			return at
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return p.places[""]
		}
		path = path[:cut]
	}
}

// syntax is what a statement panics with after it has reported a fault; the block goes on behind it.
type syntax struct{}

func (p *parser) stop(format string, args ...any) {
	p.fault(p.tok.pos, fmt.Sprintf(format, args...))
	panic(syntax{})
}

func (p *parser) advance() token {
	t := p.tok
	p.tok = p.scan.next()
	return t
}

func (p *parser) is(sym string) bool { return p.tok.kind == symbol && p.tok.text == sym }

func (p *parser) symbol(sym string) token {
	if !p.is(sym) {
		p.stop("want %q, not %s", sym, p.tok)
	}
	return p.advance()
}

// keyword asks for one of some words and returns it.
func (p *parser) keyword(words ...string) string {
	if p.tok.kind != word || !slices.Contains(words, p.tok.text) {
		p.stop("want %s, not %s", strings.Join(words, ", "), p.tok)
	}
	return p.advance().text
}

func (p *parser) string(what string) string {
	if p.tok.kind != text {
		p.stop(`want %s in quotes, not %s`, what, p.tok)
	}
	return p.advance().text
}

func (p *parser) key(what string) string {
	if p.tok.kind != word || !release.IsKey(p.tok.text) {
		p.stop("want the key of %s, a letter and then letters, digits, _ and -, not %s", what, p.tok)
	}
	return p.advance().text
}

func (p *parser) strings(path, what string, have []string) []string {
	p.begin(path)
	for {
		p.places[fmt.Sprintf("%s[%d]", path, len(have))] = p.tok.pos
		have = append(have, p.string(what))
		if !p.is(",") {
			return have
		}
		p.advance()
	}
}

// begin notes where a list begins that may be continued by a later statement.
func (p *parser) begin(path string) {
	if _, ok := p.places[path]; !ok {
		p.places[path] = p.tok.pos
	}
}

func (p *parser) keys(path, what string, have []string) []string {
	p.begin(path)
	for {
		p.places[fmt.Sprintf("%s[%d]", path, len(have))] = p.tok.pos
		have = append(have, p.key(what))
		if !p.is(",") {
			return have
		}
		p.advance()
	}
}

func (p *parser) digits(what string) int64 {
	if p.tok.kind == word && isDigits(p.tok.text) {
		t := p.advance()
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			p.meaning(t.pos, "%s is %s, which is too large", what, t)
		}
		return n
	}
	p.stop("want %s as a number, not %s", what, p.tok)
	return 0
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func (p *parser) number(what string) float64 {
	whole, part, split := strings.Cut(strings.TrimPrefix(p.tok.text, "-"), ".")
	if p.tok.kind == word && isDigits(whole) && (!split || isDigits(part)) {
		t := p.advance()
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.meaning(t.pos, "%s is %s, which is too large", what, t)
		}
		return f
	}
	p.stop("want %s as a number such as 0.5, not %s", what, p.tok)
	return 0
}

// duration reads whole days, hours, minutes and seconds: 1d12h.
func (p *parser) duration(what string) itsm.Duration {
	if p.tok.kind != word || !durationShape(p.tok.text) {
		p.stop("want %s, such as 20m, 1h30m or 7d, not %s", what, p.tok)
	}
	t := p.advance()
	d, ok := parseDuration(t.text)
	if !ok {
		p.meaning(t.pos, "%s is %s, want at most %s", what, t, span(itsm.Duration(release.MaxSpan)))
	}
	return d
}

func durationShape(s string) bool {
	for first := true; s != "" || first; first = false {
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if n == 0 || n == len(s) || !strings.Contains("dhms", s[n:n+1]) {
			return false
		}
		s = s[n+1:]
	}
	return true
}

// parseDuration reads what has the shape of a duration; it reports whether the sum is within [release.MaxSpan].
func parseDuration(s string) (itsm.Duration, bool) {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	var sum time.Duration
	for s != "" {
		n := len(s) - len(strings.TrimLeft(s, "0123456789"))
		amount, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil || amount > int64(release.MaxSpan/time.Second) {
			return 0, false
		}
		if sum += time.Duration(amount) * units[s[n]]; sum < 0 || sum > release.MaxSpan {
			return 0, false
		}
		s = s[n+1:]
	}
	return itsm.Duration(sum), true
}

func (p *parser) window(set func(release.Window)) {
	var w release.Window
	p.time(func(t time.Time) { w.From = t; set(w) })
	p.keyword("to")
	p.time(func(t time.Time) { w.To = t; set(w) })
}

func (p *parser) time(to func(time.Time)) {
	if p.tok.kind != word || !timeShape(p.tok.text) {
		p.stop("want a time such as 2026-12-19T22:00, not %s", p.tok)
	}
	t := p.advance()
	p.civil = append(p.civil, civil{t.text, t.pos, to})
}

func (p *parser) digest() (d itsm.Digest) {
	hex, ok := strings.CutPrefix(p.tok.text, "sha256:")
	if p.tok.kind != word || !ok || hex == "" || strings.Trim(hex, "0123456789abcdef") != "" {
		p.stop("want a digest, sha256: and 64 hexadecimal digits, not %s", p.tok)
	}
	t := p.advance()
	if err := d.UnmarshalText([]byte(hex)); err != nil {
		p.meaning(t.pos, "the digest has %d hexadecimal digits, want 64", len(hex))
	}
	return d
}

// meaning reports what is wrong with a sentence of the grammar, once the whole text has been read.
func (p *parser) meaning(at pos, format string, args ...any) {
	p.civil = append(p.civil, civil{"", at, func(time.Time) { p.fault(at, fmt.Sprintf(format, args...)) }})
}

// once reports the second of two statements of which there can be one.
func (p *parser) once(at pos, what, path string) {
	if first, twice := p.said[path]; twice {
		p.meaning(at, "%s is said twice, first in line %d", what, first.line)
	}
	p.said[path] = at
	p.places[path] = at
}

// block reads { part … }. After a fault it goes on with the next line that begins with one of the words, or behind the block.
func (p *parser) block(parts map[string]func(at token)) {
	p.symbol("{")
	p.parts(parts, func() bool { return p.is("}") })
	if p.is("}") {
		p.advance()
		return
	}
	p.fault(p.tok.pos, fmt.Sprintf("want %q, not %s", "}", p.tok))
}

func (p *parser) parts(parts map[string]func(at token), done func() bool) {
	for !done() && p.tok.kind != end {
		p.part(parts)
	}
}

func (p *parser) part(parts map[string]func(at token)) {
	start := p.scan.off
	defer func() {
		switch r := recover().(type) {
		case nil:
		case syntax:
			p.recover(parts, start)
		default:
			panic(r)
		}
	}()
	read := parts[p.tok.text]
	if p.tok.kind != word || read == nil {
		words := make([]string, 0, len(parts))
		for w := range parts { //maporder: sorted below
			words = append(words, w)
		}
		slices.Sort(words)
		p.stop("want one of %s, not %s", strings.Join(words, ", "), p.tok)
	}
	read(p.advance())
}

// recover skips to where a part of the block can begin again, over whole inner blocks.
func (p *parser) recover(parts map[string]func(at token), start int) {
	if p.scan.off == start && p.tok.kind != end && !p.is("}") {
		p.advance() // not for ever at one token
	}
	for depth := 0; p.tok.kind != end; p.advance() {
		switch {
		case p.is("{"):
			depth++
		case p.is("}"):
			if depth == 0 {
				return
			}
			depth--
		case depth == 0 && p.tok.head && p.tok.kind == word && parts[p.tok.text] != nil:
			return
		}
	}
}

func (p *parser) release() {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(syntax); !ok {
				panic(r)
			}
		}
	}()
	p.places[""] = p.tok.pos
	p.keyword("release")
	p.places["title"] = p.tok.pos
	p.plan.Title = p.string("the title")
	p.block(p.statements())
	if p.tok.kind != end {
		p.stop("want the end of the text, not %s", p.tok)
	}
}

// resolve reads the times, now that the zone is known.
func (p *parser) resolve() {
	if len(p.faults) > 0 {
		return
	}
	loc, err := p.plan.Location()
	if err != nil {
		p.fault(p.places["zone"], strings.TrimPrefix(err.Error(), itsm.ErrInvalid.Error()+": "))
		loc = time.UTC
	}
	for _, c := range p.civil {
		if c.text == "" {
			c.to(time.Time{})
			continue
		}
		t, what := readTime(c.text, loc)
		if what != "" {
			p.fault(c.at, what)
			continue
		}
		c.to(t)
	}
}

// timeShape reports whether a word is a time by the grammar: 2026-12-19T22:00, perhaps with seconds and an offset.
func timeShape(s string) bool {
	const shape = "dddd-dd-ddTdd:dd"
	if !shaped(&s, shape) {
		return false
	}
	if strings.HasPrefix(s, ":") {
		if !shaped(&s, ":dd") {
			return false
		}
		if rest, ok := strings.CutPrefix(s, "."); ok {
			n := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
			if n == 0 {
				return false
			}
			s = rest[n:]
		}
	}
	return s == "" || s == "Z" || (shaped(&s, "+dd:dd") || shaped(&s, "-dd:dd")) && s == ""
}

// shaped cuts a prefix in which d stands for a digit.
func shaped(s *string, shape string) bool {
	if len(*s) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if c := (*s)[i]; shape[i] == 'd' && (c < '0' || c > '9') || shape[i] != 'd' && c != shape[i] {
			return false
		}
	}
	*s = (*s)[len(shape):]
	return true
}

var (
	withOffset = []string{"2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00"}
	wallClock  = []string{"2006-01-02T15:04", "2006-01-02T15:04:05"}
)

// readTime reads a time, or says what is wrong with it.
func readTime(s string, loc *time.Location) (time.Time, string) {
	for _, layout := range withOffset {
		if t, err := time.Parse(layout, s); err == nil {
			return itsm.Instant(t), ""
		}
	}
	for _, layout := range wallClock {
		wall, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		switch found := instantsOf(wall, loc); len(found) {
		case 1:
			return itsm.Instant(found[0]), ""
		case 0:
			return time.Time{}, fmt.Sprintf("the zone %s skips %s", loc, s)
		default:
			return time.Time{}, fmt.Sprintf("the zone %s has %s twice; say which: %s or %s", loc, s, found[0].Format(layout+"Z07:00"), found[1].Format(layout+"Z07:00"))
		}
	}
	return time.Time{}, fmt.Sprintf("there is no such time as %s", s)
}

// instantsOf returns the instants at which the wall clock of a zone shows what wall shows in UTC, in order.
func instantsOf(wall time.Time, loc *time.Location) (found []time.Time) {
	for _, probe := range []time.Duration{-26 * time.Hour, 26 * time.Hour} {
		_, offset := wall.Add(probe).In(loc).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(loc)
		_, shown := t.Zone()
		if shown == offset && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	return found
}
