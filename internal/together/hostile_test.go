package together_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// hostile are values that people and programs send where they should not. Each is JSON.
var hostile = []string{
	`null`, `true`, `-1`, `0`, `1e308`, `-1e308`, `9223372036854775807`, `-9223372036854775808`, `1e400`, `0.1`, `[]`, `{}`, `[null]`, `[[[[[]]]]]`, `""`, `" "`,
	`"\u0000"`, `"a\u0000b"`, `"\ud800"`, `"\ufffd"`, `"\u202egnp.exe"`, `"\u2028"`, `"\r\nDTSTART:19700101"`, `"'; DROP TABLE itsm_journal; --"`, `"\" OR \"\"=\""`,
	`"=cmd|' /C calc'!A0"`, `"../../etc/passwd"`, `"${jndi:ldap://x}"`, `"<script>alert(1)</script>"`, `"{field}{{.}}%s%n"`, `"NaN"`, `"Inf"`,
	`"0000-01-01T00:00:00+14:00"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59-14:00"`, `"9999-12-31T23:59:59.999999999Z"`, `"1969-12-31T23:59:59.9999999Z"`, `"2026-02-30T00:00:00Z"`,
	`"2026-02-14T09:00:00Z"`, `"2026-02-14T09:00:00+08:00"`, `"2562047h47m16.854775807s"`, `"-2562047h47m16.854775808s"`, `"1ns"`, `"0s"`, `"-1h"`, `"incident/X-1"`, `"/"`, `"X-1"`, `"X-9"`,
	`"` + strings.Repeat("长", 40_000) + `"`, `"` + strings.Repeat("a ", 500) + `"`, `{"time":"9999-12-31T23:59:59-14:00"}`, `{"time":null}`, `{"kind":"","id":""}`,
}

// spoil replaces values within a JSON value by hostile ones, or doubles elements of lists.
func spoil(t *rapid.T, v any) any {
	if rapid.IntRange(0, 9).Draw(t, "spoil") == 0 {
		return json.RawMessage(rapid.SampledFrom(hostile).Draw(t, "value"))
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			v[k] = spoil(t, v[k])
		}
		if rapid.IntRange(0, 30).Draw(t, "key") == 0 {
			v[rapid.SampledFrom([]string{"", "~", "a.b", "\x00", "__proto__", "meta"}).Draw(t, "name")] = nil
		}
	case []any:
		for i := range v {
			v[i] = spoil(t, v[i])
		}
		if len(v) > 0 && rapid.IntRange(0, 9).Draw(t, "double") == 0 {
			return slices.Repeat(v, rapid.SampledFrom([]int{2, 3, 300}).Draw(t, "times"))
		}
	}
	return v
}

// tenants counts the tenants of a test: each history has one of its own.
var tenants atomic.Int64

// A victim is a hospital that gets commands as JSON.
type victim struct {
	*hospital
	again *hospital // over the same store, after a restart
}

func newVictim(t testing.TB) *victim {
	db := memory.New()
	return &victim{open(t, db, everything{}), open(t, db, everything{})}
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// slow bounds what one text or command may take, also on a busy machine: what is out of proportion takes for ever.
const slow = time.Minute

// try gives a command as JSON. Whatever it is, the answer is one that a caller can understand, what is committed can be read
// back after a restart, and what time makes of it comes to an end.
func (v *victim) try(t failer, nth int, tenant itsm.Tenant, name string, data []byte) {
	t.Helper()
	p, restarted := v.processes[nth], v.again.processes[nth]
	begin := time.Now()
	defer func() {
		if took := time.Since(begin); took > slow {
			t.Fatalf("%s took %s: %.200s", name, took, data)
		}
	}()
	cmd, err := p.ParseCommand(name, data)
	if err != nil {
		if !expected(err) || !strings.Contains(err.Error(), name) {
			t.Fatalf("%s: an error that names no place or no class: %v", name, err)
		}
		return
	}
	id := itsm.ID("X-1")
	if _, creates := cmd.(itsm.Creation); creates {
		id = itsm.ID(fmt.Sprint("N-", tenants.Add(1)))
	}
	ctx := v.as(tenant, "u-001")
	v.set(epoch.Add(time.Hour))
	_, err = p.Give(ctx, id, cmd, itsm.Because("why"))
	if !expected(err) {
		t.Fatalf("%s %.2000s: an error that no caller can understand: %v", name, data, err)
	}
	if strings.Contains(fmt.Sprint(err), "%!") {
		t.Fatalf("%s: a sentence that does not fit: %v", name, err)
	}
	if err != nil && id != "X-1" {
		return
	}
	check := func(when string) {
		t.Helper()
		now, err := p.Look(ctx, id)
		if err != nil {
			t.Fatalf("%s %.2000s: %s the record cannot be read: %v", name, data, when, err)
		}
		then, err := restarted.Look(ctx, id)
		if err != nil || now != then {
			t.Fatalf("%s %.2000s: %s a restart gives\n%s (%v)\ninstead of\n%s", name, data, when, then, err, now)
		}
		for _, q := range []process{p, restarted} {
			if err := q.Verify(ctx, id); err != nil {
				t.Fatalf("%s %.2000s: %s the journal does not lead to the record: %v", name, data, when, err)
			}
			if err := q.Timeline(ctx, id); err != nil {
				t.Fatalf("%s %.2000s: %s the timeline: %v", name, data, when, err)
			}
		}
	}
	check("after the command")
	key := itsm.Key{Tenant: tenant, Kind: p.Kind(), ID: id}
	for range 6 { // what time makes of it
		wake, tick := p.Wake(v.db, key)
		if wake.IsZero() || tick == nil {
			break
		}
		if y := wake.Year(); y < 1 || y > 9999 {
			t.Fatalf("%s %.2000s: it wants to be woken in the year %d", name, data, y)
		}
		if wake.After(v.clock()) {
			v.set(wake)
		}
		if _, err := p.Give(ctx, id, tick); !expected(err) {
			t.Fatalf("%s %.2000s: the tick at %s: %v", name, data, wake, err)
		}
	}
	check("after the ticks")
}

// TestHostileCommands gives commands that are right but for some values.
func TestHostileCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("with -short: many commands")
	}
	kinds := open(t, memory.New(), everything{}).processes
	for nth := range kinds {
		t.Run(string(kinds[nth].Kind()), func(t *testing.T) {
			t.Parallel()
			v := newVictim(t)
			rapid.Check(t, func(rt *rapid.T) {
				tenant := itsm.Tenant(fmt.Sprint("h", tenants.Add(1)))
				v.set(epoch)
				v.create(t, tenant, "X-1")
				for range rapid.IntRange(1, 4).Draw(rt, "steps") {
					key := itsm.Key{Tenant: tenant, Kind: kinds[nth].Kind(), ID: rapid.SampledFrom([]itsm.ID{"X-1", "X-1", "X-1", "NEW"}).Draw(rt, "id")}
					cmd, _ := v.processes[nth].Draw(rt, v.db, key)
					var tree any
					require.NoError(rt, json.Unmarshal([]byte(text(cmd)), &tree))
					data, err := json.Marshal(spoil(rt, tree))
					if err != nil { // 1e400 is no JSON for Go
						data = []byte(text(cmd))
					}
					v.try(rt, nth, tenant, cmd.CommandName(), data)
				}
			})
		})
	}
}

// victims gives the hospital of a fuzz target: a new one every now and then, so that what is kept does not grow without end.
func victims() func(t testing.TB) *victim {
	var v *victim
	uses := 0
	return func(t testing.TB) *victim {
		if uses++; uses%2000 == 1 {
			v = newVictim(t)
		}
		v.set(epoch)
		return v
	}
}

// named returns the names of what each process has, sorted.
func named[T any](v *victim, all func(process) []T, name func(T) string) (names [][]string) {
	for _, p := range v.processes {
		var list []string
		for _, one := range all(p) {
			list = append(list, name(one))
		}
		slices.Sort(list)
		names = append(names, list)
	}
	return names
}

// FuzzCommand gives any JSON as any command of any process.
func FuzzCommand(f *testing.F) {
	next := victims()
	v := next(f)
	v.create(f, "seeds", "X-1")
	names := named(v, func(p process) []itsm.Command { return slices.Concat(p.Describe().Commands, itsm.CommonCommands()) }, itsm.Command.CommandName)
	for nth, p := range v.processes {
		f.Add(uint8(nth), uint8(slices.Index(names[nth], p.First().CommandName())), []byte(text(p.First())))
		for seed := range 10 {
			key := itsm.Key{Tenant: "seeds", Kind: p.Kind(), ID: "X-1"}
			cmd := rapid.Custom(func(rt *rapid.T) itsm.Command { c, _ := p.Draw(rt, v.db, key); return c }).Example(seed)
			f.Add(uint8(nth), uint8(slices.Index(names[nth], cmd.CommandName())), []byte(text(cmd)))
		}
	}
	f.Fuzz(func(t *testing.T, nth, which uint8, data []byte) {
		v := next(t)
		n := int(nth) % len(v.processes)
		tenant := itsm.Tenant(fmt.Sprint("h", tenants.Add(1)))
		v.create(t, tenant, "X-1", v.processes[n].Kind(), config.Kind)
		v.try(t, n, tenant, names[n][int(which)%len(names[n])], data)
	})
}

// FuzzEvent writes any text as any event into the journal of a record of any process, as somebody who gets at the store could.
// Reading says what is wrong, and never breaks.
func FuzzEvent(f *testing.F) {
	next := victims()
	v := next(f)
	v.create(f, "h1", "X-1")
	types := named(v, func(p process) []itsm.Payload { return p.Describe().Events }, itsm.Payload.EventType)
	for nth, p := range v.processes {
		for ev, err := range p.Events(v.as("h1", "u-001"), "X-1") {
			require.NoError(f, err)
			f.Add(uint8(nth), uint8(slices.Index(types[nth], ev.Type)), ev.Data, ev.Personal)
		}
		for which := range types[nth] {
			f.Add(uint8(nth), uint8(which), []byte(`{}`), []byte(nil))
		}
	}
	f.Fuzz(func(t *testing.T, nth, which uint8, data, personal []byte) {
		v := next(t)
		n := int(nth) % len(v.processes)
		p := v.processes[n]
		tenant := itsm.Tenant(fmt.Sprint("h", tenants.Add(1)))
		v.create(t, tenant, "X-1", p.Kind(), config.Kind)
		key := itsm.Key{Tenant: tenant, Kind: p.Kind(), ID: "X-1"}
		ev := itsm.Event{
			Key: key, At: epoch, Recorded: epoch, Actor: "u-001", Command: "forged", CommandName: "forged", Type: types[n][int(which)%len(types[n])], Data: data, Personal: personal,
		}
		decoded := ev
		if err := p.Decode(&decoded); err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			require.ErrorContains(t, err, ev.Type)
		}
		now := stored(t, v.db, key)
		ev.Seq, ev.Prev = now.Seq+1, now.Head
		if personal != nil {
			ev.PersonalDigest = sha256.Sum256(personal)
		}
		ev.Hash = ev.ComputeHash()
		now.Seq, now.Head = ev.Seq, ev.Hash
		err := v.db.Commit(context.Background(), store.Batch{Tenant: tenant, Puts: []store.Put{{Snapshot: now, Expect: ev.Seq - 1, Keep: true}}, Events: []itsm.Event{ev}, Commands: []itsm.CommandID{"forged"}})
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		ctx := v.as(tenant, "u-001")
		for what, err := range map[string]error{"verify": p.Verify(ctx, "X-1"), "timeline": p.Timeline(ctx, "X-1"), "replay": failed(p.Rebuild(ctx, "X-1")), "get": failed(p.Look(ctx, "X-1"))} {
			var tampered *itsm.TamperedError
			if !expected(err) && !errors.As(err, &tampered) {
				t.Fatalf("%s: an error that no caller can understand: %v", what, err)
			}
		}
	})
}

func failed[T any](_ T, err error) error { return err }

func TestCommandBounds(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.create(t, "h1", "X-1")
	p := v.processes[0]
	for what, c := range map[string]struct{ data, want string }{
		"nothing":               {``, "EOF"},
		"null":                  {`null`, "want a JSON object"},
		"a list":                {`[]`, "want a JSON object"},
		"a second object":       {`{"text":"x"} {"text":"y"}`, "something follows the JSON object"},
		"a bracket too many":    {`{"text":"x"}]`, "something follows the JSON object"},
		"a brace too many":      {`{"text":"x"}}`, "something follows the JSON object"},
		"an unknown key":        {`{"text":"x","admin":true}`, `unknown field "admin"`},
		"a number that is none": {`{"text":NaN}`, "invalid character"},
		"a text for a truth":    {`{"public":"yes"}`, "public"},
		"deep lists":            {`{"text":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, "exceeded max depth"},
		"deep objects":          {strings.Repeat(`{"text":`, 100_000) + `1` + strings.Repeat("}", 100_000), "exceeded max depth"},
		"too much":              {`{"text":"` + strings.Repeat("x", 8<<20) + `"}`, "bytes, at most"},
		"a million keys":        {`{"text":"x"` + strings.Repeat(`,"text":"x"`, 1_000_000) + `}`, "bytes, at most"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := p.ParseCommand("itsm.note", []byte(c.data))
			assert.ErrorIs(t, err, itsm.ErrInvalid)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "itsm.note")
			assert.Less(t, len(err.Error()), 1000)
			assert.Less(t, time.Since(begin), slow)
		})
	}
	t.Run("an unknown command", func(t *testing.T) {
		t.Parallel()
		_, err := p.ParseCommand("itsm.sudo", []byte(`{}`))
		assert.ErrorIs(t, err, itsm.ErrInvalid)
		assert.ErrorContains(t, err, "incident.triage", "it says which there are")
	})
	t.Run("1e400", func(t *testing.T) {
		t.Parallel()
		_, err := p.ParseCommand("itsm.set_fields", []byte(`{"fields":{"cost":1e400}}`))
		assert.ErrorIs(t, err, itsm.ErrInvalid)
	})
	t.Run("names and texts with anything in them", func(t *testing.T) {
		t.Parallel()
		for _, s := range []string{"", " ", "\x00", "a\x00", "a\nb", "\x7f", "a\u0085b", "\u202egnp", "a\u2028b", "a\xff", strings.Repeat("x", 201)} {
			for what, ctx := range map[string]context.Context{
				"actor":  itsm.WithActor(t.Context(), itsm.Actor{ID: itsm.PersonID(s), Tenant: "h1"}),
				"tenant": itsm.WithActor(t.Context(), itsm.Actor{ID: "u", Tenant: itsm.Tenant(s)}),
			} {
				_, err := p.Look(ctx, "X-1")
				assert.Truef(t, expected(err) && err != nil, "%s %q: %v", what, s, err)
				_, err = p.Give(ctx, "X-1", itsm.Note{Text: "x"})
				assert.Truef(t, expected(err) && err != nil, "%s %q: %v", what, s, err)
			}
			ctx := v.as("h1", "u-001")
			if s != "" {
				_, err := p.Give(ctx, itsm.ID(s), itsm.Note{Text: "x"})
				assert.ErrorIs(t, err, itsm.ErrInvalid, "ID %q", s)
			}
			_, err := p.Give(ctx, "X-1", itsm.Note{Text: "x"}, itsm.Once(itsm.CommandID(s)))
			assert.ErrorIs(t, err, itsm.ErrInvalid, "command ID %q", s)
			_, err = p.Look(ctx, itsm.ID(s))
			assert.ErrorIs(t, err, itsm.ErrInvalid, "ID %q", s)
			_, _, err = p.List(ctx, itsm.Query{OrderBy: s + "'"})
			assert.ErrorIs(t, err, itsm.ErrInvalid, "order by %q", s)
			_, _, err = p.List(ctx, itsm.Query{Where: []itsm.Condition{itsm.Where(s+`"; DROP TABLE x`, itsm.TextOf(s))}})
			assert.ErrorIs(t, err, itsm.ErrInvalid, "field %q", s)
			_, _, err = p.List(ctx, itsm.Query{Where: []itsm.Condition{itsm.Where("state", itsm.TextOf(s))}})
			assert.NoError(t, err, "value %q", s)
			if s != "" {
				_, _, err = p.List(ctx, itsm.Query{After: itsm.Cursor{ID: itsm.ID(s)}})
				assert.ErrorIs(t, err, itsm.ErrInvalid, "cursor %q", s)
			}
			if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
				_, err = p.Give(ctx, "X-1", itsm.Note{Text: "x"}, itsm.Because(s))
				assert.ErrorIs(t, err, itsm.ErrInvalid, "reason %q", s)
			}
		}
	})
}
