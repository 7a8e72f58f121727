package together_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store/memory"
)

// texts are what people and programs put where a text is wanted.
var texts = []string{
	"x", "'; DROP TABLE itsm_journal; --", `" OR ""="`, "\x00", "a\x00b", "a\xffb", "\xed\xa0\x80", "\ufffd", "\u202egnp.exe", "\u2028\u2029", "\r\nBEGIN:VALARM", "=1+1", "../../etc/passwd", "<b>&amp;",
	"{id}{{.}}%s%!d", "\\", `\"`, "\x1b[31m", "收费窗口", "𠮷", "e\u0301", strings.Repeat("长", 3000),
}

// TestTexts puts hostile text into records through the Go API, past JSON: it comes back as it went in, or is refused as invalid, also
// after a restart, and the journal leads to it.
func TestTexts(t *testing.T) {
	t.Parallel()
	db := memory.New()
	h, again := open(t, db, everything{}), open(t, db, everything{})
	for i, s := range texts {
		id := itsm.ID(fmt.Sprint("X-", i))
		ctx := h.as("h1", "u-001")
		p, q := h.processes[0], again.processes[0]
		cmd := incident.Record{Channel: incident.Phone, Caller: incident.Caller{Person: "u-007", Name: s, Department: "fee", Phone: "8001"}, Summary: "a: " + s, CI: s}
		told, err := p.Give(ctx, id, cmd, itsm.Because(s))
		if err != nil {
			assert.ErrorIs(t, err, itsm.ErrInvalid, "%.40q", s)
			continue
		}
		assert.True(t, utf8.ValidString(s), "%.40q is no text, and is taken", s)
		require.NoError(t, p.Verify(ctx, id), "%.40q", s)
		require.NoError(t, q.Verify(ctx, id), "%.40q", s)
		after, err := q.Look(ctx, id)
		require.NoError(t, err)
		assert.Equal(t, told, after, "%.40q: it is another one after a restart", s)
		var rec incident.Incident
		require.NoError(t, json.Unmarshal([]byte(after), &rec))
		assert.Equal(t, s, rec.CI)
		_, err = p.Give(ctx, id, itsm.Attach{Name: s, Ref: s})
		assert.True(t, expected(err))
		ids, _, err := p.List(ctx, itsm.Query{Where: []itsm.Condition{itsm.Where("ci", itsm.TextOf(s))}})
		require.NoError(t, err)
		assert.Equal(t, []itsm.ID{id}, ids, "%.40q finds what has it, and nothing else", s)
	}
}

// TestDiagrams draws tables with hostile names: they are refused, or stay inside their quotes and on their line.
func TestDiagrams(t *testing.T) {
	t.Parallel()
	drawn := 0
	for _, s := range append(texts, "end", "state", `a" as b`, "a --> b", "a;b", `x"] [shape=box`, "[*]", "note left of a") {
		for _, spec := range []lifecycle.Spec[string, string]{
			{Name: s, Start: []string{"a"}, States: []lifecycle.StateRow[string]{{Name: "a"}, {Name: "b", End: true}}, Transitions: []lifecycle.Transition[string, string]{{Event: "go", From: []string{"a"}, To: "b"}}},
			{Name: "n", Start: []string{s}, States: []lifecycle.StateRow[string]{{Name: s, En: s, Zh: s}, {Name: "b", End: true}}, Transitions: []lifecycle.Transition[string, string]{{Event: "go", From: []string{s}, To: "b"}}},
			{Name: "n", Start: []string{"a"}, States: []lifecycle.StateRow[string]{{Name: "a"}, {Name: "b", End: true}}, Transitions: []lifecycle.Transition[string, string]{{Event: s, From: []string{"a"}, To: "b", En: s}}},
		} {
			m, err := lifecycle.New(spec)
			if err != nil {
				assert.ErrorIs(t, err, itsm.ErrInvalid)
				continue
			}
			drawn++
			dot, mermaid := m.DOT(), m.Mermaid()
			assert.Equal(t, 9, strings.Count(dot, "\n"), "DOT of %.40q:\n%s", s, dot)
			assert.Contains(t, []int{4, 5}, strings.Count(mermaid, "\n"), "Mermaid of %.40q:\n%s", s, mermaid)
			for line := range strings.Lines(dot) {
				assert.Zero(t, strings.Count(strings.NewReplacer(`\\`, "", `\"`, "").Replace(line), `"`)%2, "an open quote in %s", line)
			}
			for _, text := range []string{dot, mermaid} {
				assert.NotContains(t, text, "\r")
				assert.NotContains(t, text, "\x00")
			}
		}
	}
	assert.Positive(t, drawn)
}
