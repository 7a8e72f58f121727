package itsmtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// hostileTexts are texts that mean something to databases: quotes and what ends them, comments, parameters, patterns, paths into JSON,
// escapes, look-alikes of all these, and what is no text at all.
var hostileTexts = []string{
	`'`, `''`, `"`, "`", `\`, `\'`, `'; DROP TABLE record; --`, `'; DELETE FROM itsm_journal; --`, `"; DROP SCHEMA itsm CASCADE; --`, `' OR '1'='1`, `" OR ""="`, `') UNION SELECT 1 --`,
	`a'||'b`, `1; SELECT pg_sleep(9)`, `*/ 1 /*`, `--`, `$1`, `$a$`, `?1`, `:a`, `@.record`, `%`, `_`, `a%`, `a_`, `%' ESCAPE '`, `[a-z]`, `*`,
	`{"a":1}`, `{NULL}`, `$.a`, `->>'a'`, `@>`, `\u0000`, `\x00`, `\N`, `E'\''`, `U&'\0027'`, `X'27'`, `NULL`, `true`,
	"\u2019 OR \u20191\u2019=\u20191", "\uff07; --", "\uff02", "\uff3c", "\u212a", "K", "\uff05", "医院'; --",
	" ", "a ", "a\r\nb", "\x1a", "\u0085", "\u202ea", "a\u200bb", "\ufeffa", "\ufffd", "\U0010ffff",
	"\x00", "a\x00b", "a\x00'; DROP TABLE record; --", "\xff", "a\xc0\xa7b", "\xbf'", "\xed\xa0\x80", "a\xe5\x8c",
	strings.Repeat("'", 5_000), strings.Repeat("长", 40_000),
}

// longHostile is from how many bytes on a store may refuse a text, or not order by all of it.
const longHostile = 1_000

// mayRefuse reports whether a store may refuse a text where it is content: what is no text, or without end.
func mayRefuse(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsRune(text, 0) || len(text) > longHostile
}

// mayRefuseName reports whether a store may refuse a text where it is a name: also what is not seen, since services let no such name through.
func mayRefuseName(text string) bool {
	return mayRefuse(text) || len(text) > 200 || strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool {
		return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

// A hostilePlace is somewhere in a batch where a text can stand.
type hostilePlace struct {
	name   string
	refuse func(text string) bool // whether a store may refuse it there
	batch  func(tenant itsm.Tenant, n int, text string) store.Batch
}

// edited is a place within the only put or entry of a batch.
func edited(name string, refuse func(string) bool, edit func(text string, p *store.Put, e *itsm.Event)) hostilePlace {
	return hostilePlace{name, refuse, func(tenant itsm.Tenant, n int, text string) store.Batch {
		k := itsm.Key{Tenant: tenant, Kind: "order", ID: itsm.ID(fmt.Sprintf("H-%04d", n))}
		return next(fresh(k), func(p *store.Put, e *itsm.Event) { edit(text, p, e) })
	}}
}

// keyed is a place in the key of a new record.
func keyed(name string, edit func(text string, k *itsm.Key)) hostilePlace {
	return hostilePlace{name, mayRefuseName, func(tenant itsm.Tenant, n int, text string) store.Batch {
		k := itsm.Key{Tenant: tenant, Kind: "order", ID: itsm.ID(fmt.Sprintf("H-%04d", n))}
		edit(text, &k)
		return next(fresh(k), indexed(entry("name", itsm.TextOf("x"))))
	}}
}

// hostilePlaces are all places of a batch in which there is text.
func hostilePlaces() []hostilePlace {
	never := func(string) bool { return false }
	return []hostilePlace{
		keyed("tenant", func(text string, k *itsm.Key) { k.Tenant = itsm.Tenant(text) }),
		keyed("kind", func(text string, k *itsm.Key) { k.Kind = itsm.Kind(text) }),
		keyed("ID", func(text string, k *itsm.Key) { k.ID = itsm.ID(text) }),
		{"name of a counter", mayRefuseName, func(tenant itsm.Tenant, _ int, text string) store.Batch {
			k := itsm.Key{Tenant: tenant, Kind: "itsm.series", ID: itsm.ID(text)}
			return store.Batch{Tenant: tenant, Puts: []store.Put{{Snapshot: store.Snapshot{Key: k, Seq: 1, Recorded: start, Data: []byte(`{"last":8}`)}}}}
		}},
		{"command ID", mayRefuseName, func(tenant itsm.Tenant, n int, text string) store.Batch {
			k := itsm.Key{Tenant: tenant, Kind: "order", ID: itsm.ID(fmt.Sprintf("H-%04d", n))}
			b := next(fresh(k), func(_ *store.Put, e *itsm.Event) { e.Command = itsm.CommandID(text) })
			b.Commands[0] = itsm.CommandID(text)
			return b
		}},
		edited("actor", mayRefuseName, func(text string, _ *store.Put, e *itsm.Event) { e.Actor = itsm.PersonID(text) }),
		edited("person stood in for", mayRefuseName, func(text string, _ *store.Put, e *itsm.Event) { e.OnBehalfOf = itsm.PersonID(text) }),
		edited("type of the entry", mayRefuseName, func(text string, _ *store.Put, e *itsm.Event) { e.Type = text }),
		edited("command name", mayRefuseName, func(text string, _ *store.Put, e *itsm.Event) { e.CommandName = text }),
		edited("reason", mayRefuse, func(text string, _ *store.Put, e *itsm.Event) { e.Reason = text }),
		edited("value", mayRefuse, func(text string, p *store.Put, _ *itsm.Event) {
			p.Index = []itsm.IndexEntry{entry("name", itsm.TextOf(text))}
		}),
		edited("one of several values", mayRefuse, func(text string, p *store.Put, _ *itsm.Event) {
			p.Index = []itsm.IndexEntry{{Field: "tag", Many: true, Value: itsm.TextOf("x")}, {Field: "tag", Many: true, Value: itsm.TextOf(text)}}
		}),
		// As JSON any text is ASCII or well formed, so it must come back.
		edited("record", never, func(text string, p *store.Put, _ *itsm.Event) { p.Data = mustJSON(map[string]string{text: text}) }),
		edited("payload", never, func(text string, _ *store.Put, e *itsm.Event) { e.Data = mustJSON(map[string]string{text: text}) }),
		edited("personal part", never, func(text string, p *store.Put, e *itsm.Event) {
			personal(mustJSON(map[string]string{text: text}))(p, e)
		}),
	}
}

// checkHostile puts every hostile text in every place of a batch and of a question. It comes back as it went in, or it is refused as
// itsm.ErrInvalid; and in the end there is what the plain store has, and nothing else.
func checkHostile(s *storeSuite) {
	plain := newPlainDB()
	write := func(b store.Batch) {
		require.NoError(s, plain.Commit(s.ctx, b))
		require.NoError(s, s.try(s, b))
	}
	for _, tenant := range []itsm.Tenant{"h1", "h2"} { // whom nothing may happen to
		for i, name := range []string{"a", "ab", "b"} {
			k := itsm.Key{Tenant: tenant, Kind: "order", ID: itsm.ID(name)}
			write(next(fresh(k), indexed(entry("name", itsm.TextOf(name)), entry("size", itsm.NumberOf(i)), itsm.IndexEntry{Field: "tag", Many: true, Value: itsm.TextOf(name)}), personal([]byte(`{"caller":"王小明"}`))))
		}
		write(next(fresh(itsm.Key{Tenant: tenant, Kind: "visit", ID: "a"}), woken(start)))
	}
	for _, place := range hostilePlaces() {
		var together []store.Batch // what no store may refuse
		for n, text := range hostileTexts {
			b := place.batch(itsm.Tenant("the "+place.name), n, text)
			if !place.refuse(text) && place.name != "tenant" {
				together = append(together, b)
				continue
			}
			why := fmt.Sprintf("%s %s", place.name, clip(text))
			switch err := s.try(s, b); {
			case err == nil:
				require.NoError(s, plain.Commit(s.ctx, b), why)
				s.cameBack(b, why)
			case !place.refuse(text) || !errors.Is(err, itsm.ErrInvalid):
				s.Errorf("%s: want it written, or refused as invalid where it is no text: %v", why, err)
			}
		}
		if len(together) > 0 {
			b := join(together...)
			require.NoError(s, plain.Commit(s.ctx, b), place.name)
			require.NoError(s, s.try(s, b), place.name)
			for i := range together {
				s.cameBack(together[i], fmt.Sprintf("%s, as %+q", place.name, together[i].Puts[0].Key))
			}
		}
	}
	s.refusesFields()
	s.hostileQuestions(plain)
	s.sameWorld(plain, "after all questions")
}

// clip shows a text that may be long.
func clip(text string) string {
	if len(text) > 40 {
		return fmt.Sprintf("%.40q… (%d bytes)", text, len(text))
	}
	return fmt.Sprintf("%q", text)
}

// cameBack checks that what a batch wrote is read as it was written.
func (s *storeSuite) cameBack(b store.Batch, why string) {
	s.Helper()
	p := &b.Puts[0]
	sameSnapshot(s, p.Snapshot, s.load(s, p.Key)[0], why+": load")
	if len(b.Events) > 0 {
		f := itsm.Filter{Tenant: b.Tenant, Command: b.Commands[0]}
		sameEvents(s, b.Events, s.events(s, "", f), why+": the entries of the command")
	}
	for _, e := range p.Index {
		found := s.find(s, itsm.Query{Tenant: b.Tenant, Kind: p.Key.Kind, Where: []itsm.Condition{itsm.Where(e.Field, e.Value)}})
		if !slices.ContainsFunc(found, func(r store.Snapshot) bool { return r.Key == p.Key }) {
			s.Errorf("%s: find by %s gives %d others, and not the record", why, e.Field, len(found))
		}
	}
}

// sameWorld compares all that there is with what the plain store has.
func (s *storeSuite) sameWorld(plain *plainDB, why string) {
	s.Helper()
	type place struct {
		tenant itsm.Tenant
		kind   itsm.Kind
	}
	places, entries := make(map[place]bool), make(map[itsm.Tenant]int)
	for k := range plain.records { //maporder: a set
		places[place{k.Tenant, k.Kind}] = true
	}
	for i := range plain.journal {
		entries[plain.journal[i].Tenant]++
	}
	for at := range places { //maporder: each on its own
		q := itsm.Query{Tenant: at.tenant, Kind: at.kind}
		s.sameAnswer(false, fmt.Sprintf("%s: records of %s, %s", why, clip(string(at.tenant)), clip(string(at.kind))), collectFound(s, plain, q), collectFound(s, s.db, q))
	}
	total := 0
	for tenant, n := range entries { //maporder: each on its own
		total += n
		f := itsm.Filter{Tenant: tenant}
		s.sameAnswer(false, fmt.Sprintf("%s: entries of %s", why, clip(string(tenant))), collectEvents(s, plain, f), collectEvents(s, s.db, f))
	}
	if !s.except[NoJournalAcrossTenants] {
		assert.Len(s, s.events(s, "", itsm.Filter{}), total, why+": entries of all tenants")
	}
}

// firstDifference gives the first line in which two texts part.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		switch {
		case i >= len(w):
			return "too much: " + g[i]
		case i >= len(g):
			return "missing: " + w[i]
		case w[i] != g[i]:
			return "want: " + w[i] + "\ngot:  " + g[i]
		}
	}
	return ""
}

// refusesFields checks that no hostile text becomes the name of a field.
func (s *storeSuite) refusesFields() {
	s.Helper()
	for _, text := range hostileTexts {
		if text == "true" || text == "a_" { // names like others
			continue
		}
		b := next(fresh(itsm.Key{Tenant: "h1", Kind: "order", ID: "field"}), indexed(entry(text, itsm.TextOf("x"))))
		assert.ErrorIs(s, s.try(s, b), itsm.ErrInvalid, "an index field named %s", clip(text))
	}
}

// hostileQuestions puts every hostile text in every place of what a store is asked. The answer is that of the plain store, or itsm.ErrInvalid
// where the text is no name that could be there.
func (s *storeSuite) hostileQuestions(plain *plainDB) {
	s.Helper()
	for _, text := range hostileTexts {
		v := itsm.TextOf(text)
		for i, q := range []itsm.Query{
			{Where: []itsm.Condition{itsm.Where("name", v)}, Tenant: "the value"},
			{Where: []itsm.Condition{itsm.WhereOneOf("name", itsm.TextOf("a"), v)}},
			{Where: []itsm.Condition{itsm.WhereLess("name", v)}, OrderBy: "name", Desc: true, Tenant: "the value"},
			{Where: []itsm.Condition{itsm.WhereAtLeast("name", v)}, OrderBy: "name", Tenant: "the value"},
			{Where: []itsm.Condition{itsm.Where("tag", v)}, Tenant: "the one of several values"},
			{Where: []itsm.Condition{itsm.Where("size", v)}},
			{Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("a")), itsm.Where("name", v)}},
			{OrderBy: "name", After: itsm.Cursor{Value: v, ID: "a"}, Tenant: "the value"},
			{OrderBy: "name", After: itsm.Cursor{Value: v, ID: "a"}, Tenant: "the value", Desc: true},
			{OrderBy: "name", After: itsm.Cursor{Value: itsm.TextOf("a"), ID: itsm.ID(text)}},
			{After: itsm.Cursor{ID: itsm.ID(text)}, Tenant: "the ID"},
			{After: itsm.Cursor{ID: itsm.ID(text)}, Tenant: "the ID", Desc: true},
			{Kind: itsm.Kind(text), OrderBy: "name"},
			{Tenant: itsm.Tenant(text)},
			{Where: []itsm.Condition{itsm.Where(text, itsm.TextOf("a"))}},
			{Where: []itsm.Condition{itsm.WhereUnset(text), itsm.Where("name", itsm.TextOf("a"))}},
			{OrderBy: text, Where: []itsm.Condition{itsm.WhereOneOf("name", itsm.TextOf("a"), itsm.TextOf("b"))}},
		} {
			if q.Tenant == "" {
				q.Tenant = "h1"
			}
			if q.Kind == "" {
				q.Kind = "order"
			}
			q.Limit = 5
			mayRefuse := mayRefuseName(text) || i >= 14 // which fields there are is looked at before
			s.sameAnswer(mayRefuse, fmt.Sprintf("find %d, %s", i, clip(text)), collectFound(s, plain, q), collectFound(s, s.db, q))
		}
		for i, f := range []itsm.Filter{
			{Tenant: itsm.Tenant(text)}, {Tenant: "h1", Kind: itsm.Kind(text)}, {Tenant: "h1", Kind: "order", ID: itsm.ID(text)},
			{Tenant: "h1", Command: itsm.CommandID(text)}, {Tenant: "h1", Types: []string{text, "itsmtest.moved"}},
		} {
			s.sameAnswer(mayRefuseName(text), fmt.Sprintf("events %d, %s", i, clip(text)), collectEvents(s, plain, f), collectEvents(s, s.db, f))
		}
		for what, k := range map[string]itsm.Key{ //maporder: each on its own
			"tenant": {Tenant: itsm.Tenant(text), Kind: "order", ID: "a"}, "kind": {Tenant: "h2", Kind: itsm.Kind(text), ID: "a"}, "ID": {Tenant: "h2", Kind: "order", ID: itsm.ID(text)},
		} {
			s.sameAnswer(mayRefuseName(text), fmt.Sprintf("load by the %s %s", what, clip(text)), collectLoad(s, plain, k), collectLoad(s, s.db, k))
		}
		if !s.except[NoDueAcrossTenants] {
			due, err := s.db.Due(s.ctx, itsm.Kind(text), time.Time{}, 0)
			assert.True(s, err == nil && len(due) == 0 || mayRefuseName(text) && errors.Is(err, itsm.ErrInvalid), "due, of the kind %s: %v, %v", clip(text), due, err)
		}
		position := itsm.Position(text)
		assert.ErrorIs(s, collectAfter(s, position), itsm.ErrInvalid, "the position %s was never given out", clip(text))
	}
}

// An answer is what a store says to a question.
type answer struct {
	lines []string
	err   error
}

func (s *storeSuite) sameAnswer(mayRefuse bool, why string, want, got answer) {
	s.Helper()
	switch {
	case got.err == nil && want.err == nil:
		if !slices.Equal(want.lines, got.lines) {
			s.Errorf("%s: the answer is not that of the plain store; it parts at\n%s", why, firstDifference(strings.Join(want.lines, "\n"), strings.Join(got.lines, "\n")))
		}
	case !errors.Is(got.err, itsm.ErrInvalid) || !mayRefuse && want.err == nil:
		s.Errorf("%s: want an answer, or invalid where there can be no such name: %v", why, got.err)
	}
}

func collectFound(s *storeSuite, db store.DB, q itsm.Query) (a answer) {
	for r, err := range db.Find(s.ctx, q) {
		if err != nil {
			return answer{err: err}
		}
		a.lines = append(a.lines, showSnapshot(r)+" order "+clip(r.Order.String()))
	}
	return a
}

func collectEvents(s *storeSuite, db store.DB, f itsm.Filter) (a answer) {
	for e, err := range db.Events(s.ctx, "", f) {
		if err != nil {
			return answer{err: err}
		}
		a.lines = append(a.lines, showEvents([]itsm.Event{e}))
	}
	return a
}

func collectLoad(s *storeSuite, db store.DB, k itsm.Key) (a answer) {
	all, err := db.Load(s.ctx, k)
	for _, r := range all {
		a.lines = append(a.lines, showSnapshot(r))
	}
	a.err = err
	return a
}

// collectAfter returns the error of going on behind a position.
func collectAfter(s *storeSuite, after itsm.Position) error {
	for _, err := range s.db.Events(s.ctx, after, itsm.Filter{Tenant: "h1"}) {
		return err
	}
	return nil
}
