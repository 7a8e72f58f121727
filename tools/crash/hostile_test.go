//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// hostileTexts mean something to SQL, to patterns, to JSON or to nobody.
var hostileTexts = []string{
	`'`, `"`, "`", `\`, `\'`, `'; DROP TABLE itsm_journal; --`, `"; DROP SCHEMA itsm CASCADE; --`, `x' OR '1'='1`, `') UNION SELECT data FROM record --`, `*/ 1 /*`, `$1`, `$$`, `?1`, `:a`, `@.record`,
	`%`, `_`, `a%`, `[a-z]`, `{"a":1}`, `{NULL}`, `$.a`, `->>'a'`, `@>`, `\u0000`, `\x00`, `\N`, `NULL`, "\uff07; --", "\u2019 OR \u20191\u2019=\u20191", "\u212a", "医院'; --",
	"a\r\nb", "\x1a", "\u202ea", "\ufeffa", "\u2028", "\x00", "a\x00'; DROP TABLE record; --", "\xff", "a\xc0\xa7b", "\xed\xa0\x80", strings.Repeat("'", 2_000), strings.Repeat("长", 40_000),
}

// noText reports what PostgreSQL cannot hold as text.
func noText(s string) bool { return strings.ContainsRune(s, 0) || !utf8.ValidString(s) }

// TestHostileTexts gives hostile texts to a service over each store, wherever it takes a text. All stores answer as the memory does, and
// other records, tenants and tables are as they were.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("with -short: some thousand commands")
	}
	server := pgtest.Start(t)
	inPostgres, err := postgres.Open(t.Context(), server.Database(t))
	require.NoError(t, err)
	inFile, err := sqlite.Open(filepath.Join(t.TempDir(), "itsm.db"), sqlite.Relaxed())
	require.NoError(t, err)
	inMemory := newIntruder(t, memory.New())
	for _, other := range []*intruder{newIntruder(t, inFile), newIntruder(t, inPostgres)} {
		defer other.db.Close()
		if inMemory.answers == nil {
			inMemory.attack(t)
		}
		other.attack(t)
		t.Run(fmt.Sprintf("hostile texts are texts: %T answers as the memory does", other.db), func(t *testing.T) {
			require.Equal(t, len(inMemory.answers), len(other.answers))
			refused := 0
			for i, want := range inMemory.answers {
				got := other.answers[i]
				if noText(want.text) && errors.Is(got.err, itsm.ErrInvalid) && !errors.Is(want.err, itsm.ErrInvalid) {
					refused++ // the store cannot hold it, and says so
					continue
				}
				if !assert.Equal(t, want.says, got.says, "%s %.40q", want.what, want.text) {
					return
				}
			}
			t.Logf("%d answers, %d of them refused by the store alone", len(other.answers), refused)
		})
		t.Run(fmt.Sprintf("hostile texts in %T touch nothing else", other.db), func(t *testing.T) {
			assert.Equal(t, other.before, other.dump(t, "h2"), "another tenant")
			for _, tenant := range inMemory.tenants {
				assert.Equal(t, inMemory.dump(t, tenant), other.dump(t, tenant), "tenant %.40q", tenant)
			}
		})
	}
}

// An intruder gives hostile texts to a service over a store and writes down what it is answered.
type intruder struct {
	db      store.DB
	clock   *itsmtest.Clock
	tenants []itsm.Tenant // that have records, but for those of answers that may differ
	before  string        // of the tenant that is left alone
	answers []said
}

// said is an answer.
type said struct {
	what, text, says string
	err              error
}

var someone = incident.Caller{Person: "u-9", Name: "王小明", Department: "d-1", Phone: "8001"}

func newIntruder(t *testing.T, db store.DB) *intruder {
	r := &intruder{db: db, clock: itsmtest.NewClock(beginning)}
	s := r.service(t, 0)
	for _, tenant := range []itsm.Tenant{"h1", "h2"} {
		ctx := as(t.Context(), tenant, "u-1")
		for _, name := range []string{"a", "ab", "b", "K"} {
			_, err := s.Do(ctx, itsm.ID(name), incident.Record{Channel: incident.Phone, Caller: someone, Summary: name, CI: name},
				itsm.WithFields(map[string]itsm.Value{"room": itsm.TextOf(name)}), itsm.Once(itsm.CommandID("c-"+name)))
			require.NoError(t, err)
		}
	}
	r.tenants = []itsm.Tenant{"h1", "h2"}
	r.before = r.dump(t, "h2")
	return r
}

// service begins a service whose IDs and salts depend on the seed only.
func (r *intruder) service(t *testing.T, seed uint64) *incident.Service {
	policy := incident.Lenient()
	cfg := incident.Config{Policy: &policy}
	cfg.Clock, cfg.Random = r.clock.Now, itsmtest.Random(seed)
	cfg.Fields = []itsm.Field{{Name: "room", Type: itsm.TextValue, Search: true}}
	s, err := incident.New(incident.NewRepository(r.db), cfg)
	require.NoError(t, err)
	return s
}

func (r *intruder) attack(t *testing.T) {
	for i, text := range hostileTexts {
		s := r.service(t, uint64(1+i))
		say := func(what string, answer any, err error) {
			a := said{what: what, text: text, err: err}
			if err != nil {
				a.says = err.Error()
			} else {
				data, err := json.Marshal(answer)
				require.NoError(t, err)
				a.says = string(data)
			}
			r.answers = append(r.answers, a)
		}
		r.commands(t, s, fmt.Sprintf("H-%d", i), text, say)
		r.questions(t, s, text, say)
	}
}

// commands puts a text wherever a command has one.
func (r *intruder) commands(t *testing.T, s *incident.Service, name, text string, say func(what string, answer any, err error)) {
	ctx := as(t.Context(), "h1", "u-1")
	give := func(what string, ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) {
		inc, err := s.Do(ctx, id, cmd, opts...)
		say(what, inc, err)
	}
	plain := incident.Record{Channel: incident.Phone, Caller: someone, Summary: "x"}
	fields := itsm.WithFields(map[string]itsm.Value{"room": itsm.TextOf(text)})
	full := incident.Record{
		Channel: incident.Phone, Caller: incident.Caller{Person: itsm.PersonID(text), Name: text, Department: text, Phone: text},
		Summary: text, Description: text, Department: text, CI: text, Service: text, Source: text,
	}
	id := itsm.ID(name)
	give("record", ctx, id, full, fields)
	give("record without fields", ctx, id+"-b", full)
	give("note", ctx, id, itsm.Note{Text: text})
	give("fields", ctx, id, itsm.SetFields{Fields: map[string]itsm.Value{"room": itsm.TextOf(text)}})
	give("name of a field", ctx, id, itsm.SetFields{Fields: map[string]itsm.Value{text: itsm.TextOf("x")}})
	data, err := json.Marshal(map[string]any{"text": text})
	require.NoError(t, err)
	cmd, err := s.ParseCommand("itsm.note", data)
	require.NoError(t, err)
	give("note as JSON", ctx, id, cmd)
	_, err = s.ParseCommand(text, data)
	say("name of a command", nil, err)
	give("group", ctx, id, incident.Dispatch{Group: text})
	give("ID", ctx, itsm.ID(text), plain)
	give("ID of none", ctx, itsm.ID(text+"-"), itsm.Note{Text: "x"})
	give("reference", ctx, id, incident.Link{Problem: itsm.ID(text)})
	give("command ID", ctx, id, itsm.Note{Text: "x"}, itsm.Once(itsm.CommandID(text)))
	give("command ID again", ctx, id, itsm.Note{Text: "x"}, itsm.Once(itsm.CommandID(text)))
	give("actor", as(t.Context(), "h1", itsm.PersonID(text)), id, itsm.Note{Text: "x"})
	deputy := itsm.Actor{ID: "u-1", Tenant: "h1", OnBehalfOf: itsm.PersonID(text), Roles: []itsm.Role{itsm.RoleServiceDesk}}
	give("person stood in for", itsm.WithActor(t.Context(), deputy), id, itsm.Note{Text: "x"})
	give("role", itsm.WithActor(t.Context(), itsm.Actor{ID: "u-1", Tenant: "h1", Roles: []itsm.Role{itsm.Role(text)}}), id, itsm.Note{Text: "x"})
	tenant := itsm.Tenant(text)
	if _, err := s.Do(as(t.Context(), tenant, "u-1"), id, plain); err == nil {
		r.tenants = append(r.tenants, tenant)
	}
	give("tenant", as(t.Context(), tenant, "u-1"), id, itsm.Note{Text: "x"})
	inc, err := s.Alert(ctx, incident.Alert{ID: text, Source: text, CI: text, Signature: text, At: r.clock.Now(), Summary: text})
	say("alert", inc, err)
	inc, err = s.Alert(ctx, incident.Alert{ID: text + "2", Source: text, CI: text, Signature: text, At: r.clock.Now(), Summary: text})
	say("alert again", inc, err)
	err = store.Atomically(ctx, r.db, func(ctx context.Context) error {
		_, err1 := s.Do(ctx, id, itsm.Note{Text: text})
		_, err2 := s.Do(ctx, id+"-b", itsm.Note{Text: text})
		return errors.Join(err1, err2)
	})
	say("unit of work", nil, err)
	number, err := incident.NewRepository(r.db).NextNumber(ctx, "numbers", text)
	say("name of a series", number, err)
	// In a tenant of its own, because not every store takes every reason.
	apart := as(t.Context(), "h3", "u-1")
	give("reason", apart, id, plain, itsm.Because(text))
	give("reason of a refusal", apart, "none", itsm.Note{Text: "x"}, itsm.Because(text))
}

// questions puts a text wherever a question has one.
func (r *intruder) questions(t *testing.T, s *incident.Service, text string, say func(what string, answer any, err error)) {
	ctx := as(t.Context(), "h1", "u-1")
	inc, err := s.Get(ctx, itsm.ID(text))
	say("get", inc, err)
	say("verify", nil, s.Verify(ctx, itsm.ID(text)))
	var lines []string
	for ev, err := range s.Events(ctx, itsm.ID(text)) {
		lines = append(lines, fmt.Sprint(ev.Ref(), ev.Hash, err))
	}
	say("journal", lines, nil)
	_, err = s.Get(as(t.Context(), itsm.Tenant(text), "u-1"), "a")
	say("get of a tenant", nil, err)
	given, err := s.Given(ctx, itsm.Once(itsm.CommandID(text)))
	say("given", given, err)
	v := itsm.TextOf(text)
	for i, q := range []itsm.Query{
		{Where: []itsm.Condition{itsm.Where("field_room", v)}},
		{Where: []itsm.Condition{itsm.Where("ci", v)}},
		{Where: []itsm.Condition{itsm.WhereOneOf("department", v, itsm.TextOf("x"))}},
		{Where: []itsm.Condition{itsm.WhereLess("field_room", v)}, OrderBy: "field_room", Desc: true, Limit: 5},
		{Where: []itsm.Condition{itsm.WhereAtLeast("field_room", v)}, OrderBy: "field_room", Limit: 5},
		{Where: []itsm.Condition{itsm.WhereUnset("field_room"), itsm.Where("caller", v)}},
		{Where: []itsm.Condition{itsm.Where(text, v)}},
		{Where: []itsm.Condition{itsm.Where("priority", v)}},
		{OrderBy: text},
		{OrderBy: "field_room", After: itsm.Cursor{Value: v, ID: "a"}, Limit: 5},
		{OrderBy: "field_room", After: itsm.Cursor{Value: v, ID: itsm.ID(text)}, Limit: 5, Desc: true},
		{After: itsm.Cursor{ID: itsm.ID(text)}, Limit: 5},
	} {
		var found []incident.Incident
		var failed error
		for inc, err := range s.Find(ctx, q) {
			if failed = err; err == nil {
				found = append(found, inc)
			}
		}
		say(fmt.Sprintf("query %d", i), found, failed)
	}
}

// dump shows all that a tenant has.
func (r *intruder) dump(t *testing.T, tenant itsm.Tenant) string {
	var all strings.Builder
	for snap, err := range r.db.Find(t.Context(), itsm.Query{Tenant: tenant, Kind: incident.Kind}) {
		require.NoError(t, err)
		fmt.Fprintf(&all, "%q %d %s %s\n", snap.Key, snap.Seq, snap.Head, snap.Data)
	}
	var entries []string
	for e, err := range r.db.Events(t.Context(), "", itsm.Filter{Tenant: tenant}) {
		require.NoError(t, err)
		entries = append(entries, fmt.Sprintf("%q %d %s %s", e.Key, e.Seq, e.Hash, e.Personal))
	}
	slices.Sort(entries) // the order between records is the store's
	all.WriteString(strings.Join(entries, "\n"))
	return all.String()
}
