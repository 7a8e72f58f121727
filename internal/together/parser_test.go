package together_test

import (
	"bytes"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/discovery"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/release/dsl"
	"github.com/hospital-itsm/itsm/rule"
	"github.com/hospital-itsm/itsm/sla"
	"github.com/hospital-itsm/itsm/tabular"
)

// A parser reads text that people write; small is what it takes.
type parser struct {
	small string
	read  func(text []byte) error
}

// parsers are all that read text from outside, by what they read.
func parsers() map[string]parser {
	schema := rule.SchemaOf(struct {
		A []int  `expr:"a"`
		S string `expr:"s"`
		B bool   `expr:"b"`
	}{})
	of := func(v interface{ UnmarshalText([]byte) error }) func([]byte) error { return v.UnmarshalText }
	hour := func(text []byte) error { return new(itsm.Duration).UnmarshalText(text) }
	return map[string]parser{
		"a calendar":        {`{"zone":"UTC","week":{"mon":["08:00-12:00"]}}`, func(b []byte) error { _, err := calendar.Parse(b); return err }},
		"a date":            {`2026-02-14`, func(b []byte) error { _, err := calendar.ParseDate(string(b)); return err }},
		"a shift":           {`08:00-12:00`, func(b []byte) error { _, err := calendar.ParseShift(string(b)); return err }},
		"a clock time":      {`08:00`, func(b []byte) error { _, err := calendar.ParseClock(string(b)); return err }},
		"a local time":      {`2026-02-14T08:00`, func(b []byte) error { _, err := calendar.ParseLocalTime(string(b)); return err }},
		"a day mode":        {`keep_time`, func(b []byte) error { _, err := calendar.ParseDayMode(string(b)); return err }},
		"a lifecycle":       {`{"start":["a"],"states":[{"name":"a","end":true}],"transitions":[]}`, func(b []byte) error { _, err := lifecycle.Parse(b); return err }},
		"a rule":            {`b and s == "x"`, func(b []byte) error { _, err := schema.Compile(string(b)); return err }},
		"agreements":        {`{"definitions":[]}`, func(b []byte) error { _, err := incident.ParseAgreements(b, nil); return err }},
		"a goal":            {`4h`, func(b []byte) error { _, err := sla.ParseGoal(string(b)); return err }},
		"a pace":            {`30m`, func(b []byte) error { _, err := sla.ParsePace(string(b)); return err }},
		"a point":           {`50%`, func(b []byte) error { _, err := sla.ParsePoint(string(b)); return err }},
		"a priority model":  {text(incident.DefaultPriority().Data()), func(b []byte) error { _, err := incident.ParsePriority(b); return err }},
		"a ticket policy":   {`{"confirm_tries":2}`, func(b []byte) error { _, err := incident.ParsePolicy(b, incident.Strict()); return err }},
		"a change policy":   {`{"version":"2"}`, func(b []byte) error { _, err := change.ParsePolicy(b, change.DefaultPolicy()); return err }},
		"a risk model":      {text(change.DefaultRisk().Data()), func(b []byte) error { _, err := change.ParseRisk(b); return err }},
		"hours":             {`{}`, func(b []byte) error { _, err := change.ParseHours(b); return err }},
		"an approval rule":  {`{"all":{"of":["cab"]}}`, func(b []byte) error { _, err := approval.ParseRule(b); return err }},
		"approval policies": {text(approval.DefaultPolicy()), func(b []byte) error { _, err := approval.ParsePolicy(b); return err }},
		"a ladder's point":  {`50%`, func(b []byte) error { _, err := approval.ParsePoint(string(b)); return err }},
		"a class model":     {`{"version":"1","classes":[{"name":"server"}]}`, func(b []byte) error { _, err := config.ParseModel(b); return err }},
		"an inventory": {`{"deviceid":"a","itemtype":"Computer","content":{"hardware":{"name":"x"}}}`, func(b []byte) error {
			_, err := discovery.ReadGLPI(bytes.NewReader(b), "inventory.json", "glpi", epoch)
			return err
		}},
		"items as CSV": {"class,key,name\nserver,1,db\n", func(b []byte) error {
			_, err := discovery.ReadCSV(bytes.NewReader(b), config.DefaultModel(), "items.csv", "hand", epoch, time.UTC)
			return err
		}},
		"a table":      {"a,b\n1,2\n", func(b []byte) error { _, err := tabular.Table{Name: "t.csv"}.ReadAll(bytes.NewReader(b)); return err }},
		"a plan":       {`release "t" { type emergency zone "UTC" }`, func(b []byte) error { _, err := dsl.Parse("t.release", string(b)); return err }},
		"host fields":  {`[{"name":"ward","type":"text"}]`, func(b []byte) error { _, err := itsm.ParseFields(b); return err }},
		"a value":      {`{"time":"2026-02-14T08:00:00Z"}`, func(b []byte) error { return new(itsm.Value).UnmarshalJSON(b) }},
		"a reference":  {`incident/INC-1`, func(b []byte) error { _, err := itsm.ParseRef(string(b)); return err }},
		"a duration":   {`1h30m`, hour},
		"a level":      {`sensitive`, of(new(itsm.Confidentiality))},
		"a digest":     {strings.Repeat("ab", 32), of(new(itsm.Digest))},
		"a value type": {`text`, of(new(itsm.ValueType))},
		"a retention":  {`36 months`, of(new(itsm.Retention))},
		"an impact":    {`I1`, of(new(incident.Impact))},
		"an urgency":   {`U1`, of(new(incident.Urgency))},
		"a priority":   {`P1`, of(new(incident.Priority))},
	}
}

// bombs are texts that are small to send and large to read.
var bombs = sync.OnceValue(func() map[string]string {
	const n = 1 << 20
	brackets := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	return map[string]string{
		"nothing but NUL":     strings.Repeat("\x00", n),
		"no UTF-8":            strings.Repeat("\xff", n),
		"digits":              strings.Repeat("9", n),
		"blanks":              strings.Repeat(" ", n),
		"line breaks":         strings.Repeat("\n", n),
		"one long word":       strings.Repeat("x", n),
		"one long text":       `"` + strings.Repeat("x", n) + `"`,
		"escapes":             `"` + strings.Repeat(`\u0000`, n/6) + `"`,
		"deep lists":          brackets("[", "]", 100_000),
		"deep objects":        strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"deep parentheses":    brackets("(", ")", 100_000),
		"deep braces":         brackets("{", "}", 100_000),
		"nots":                strings.Repeat("not ", 200_000) + "b",
		"deep approval rules": strings.Repeat(`{"and":[`, 100_000) + strings.Repeat(`]}`, 100_000),
		"many elements":       "[" + strings.Repeat("0,", n/2) + "0]",
		"many empty objects":  `{"states":[` + strings.Repeat("{},", n/3) + "{}]}",
		"many keys":           `{"a":1` + strings.Repeat(`,"a":1`, n/6) + "}",
		"many different keys": manyKeys(80_000),
		"many columns":        strings.Repeat("a,", n/2),
		"many short rows":     "class,key,name\n" + strings.Repeat(",,\n", n/3),
		"one open quote":      "class,key,name\n\"" + strings.Repeat("x\n", n/2),
		"blocks":              `release "t" { ` + strings.Repeat("unit x { ", 60_000),
	}
})

// spoilt is what a parser takes, with something wrong.
func spoilt(small string) map[string]string {
	return map[string]string{
		"it, and something else": small + " " + small,
		"it, and a bracket":      small + "]",
		"it, and a brace":        small + "}",
		"a number out of range":  strings.NewReplacer(`"1"`, "1e400", ":2", ":1e400").Replace(small) + "e400",
	}
}

func manyKeys(n int) string {
	m := make(map[string]int, n)
	for i := range n {
		m[strings.Repeat("k", 3)+string(rune('a'+i%26))+strings.Repeat("x", i%7)+text(i)] = i
	}
	return text(m)
}

var calendars = map[string]bool{"a calendar": true, "a date": true, "a shift": true, "a clock time": true, "a local time": true, "a day mode": true}

// TestParsers gives every parser what is small to send and large to read. It says what is wrong, as an error of one class, in
// few words, at a cost in proportion.
func TestParsers(t *testing.T) { // alone, because it counts bytes
	if testing.Short() {
		t.Skip("with -short: many megabytes")
	}
	wrong := []string{"deep lists", "deep objects", "deep parentheses", "deep braces", "nots", "no UTF-8", "nothing but NUL", "it, and a bracket", "it, and a brace"}
	for what, p := range parsers() {
		t.Run(what, func(t *testing.T) {
			assert.NoError(t, p.read([]byte(p.small)))
			texts := spoilt(p.small)
			maps.Copy(texts, bombs())
			for name, bomb := range texts {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				begin := time.Now()
				err := p.read([]byte(bomb))
				took := time.Since(begin)
				runtime.ReadMemStats(&after)
				assert.Truef(t, took < slow, "%s took %s", name, took)
				assert.Truef(t, after.TotalAlloc-before.TotalAlloc < 1<<30, "%s allocated %d bytes", name, after.TotalAlloc-before.TotalAlloc)
				if err == nil { // some are fine, as blanks behind a table, or a bracket in a name
					free := what == "a table" || what == "a reference" || what == "items as CSV"
					assert.True(t, free && strings.HasPrefix(name, "it, ") || what == "a table" || !slices.Contains(wrong, name), "%s is taken", name)
					continue
				}
				said := err.Error()
				if !calendars[what] { // a package of its own, which does not know the kernel
					assert.Truef(t, errors.Is(err, itsm.ErrInvalid), "%s: an error of no class: %.200s", name, said)
				} else if what == "a calendar" {
					assert.ErrorIs(t, err, calendar.ErrData)
				}
				assert.Truef(t, len(said) <= 20_000, "%s: the error has %d bytes: %.200s", name, len(said), said)
			}
		})
	}
}
