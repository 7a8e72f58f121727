package sla_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/sla"
)

func TestSelect(t *testing.T) {
	t.Parallel()
	define := func(key, goal string, scope map[string][]string) sla.Definition {
		return sla.Definition{Key: key, Metric: sla.Resolution, Goal: sla.MustGoal(goal), For: scope}
	}
	csp := define("csp", "1h", map[string][]string{"customer": {"icu"}, "service": {"his"}, "priority": {"P1"}})
	cs := define("cs", "2h", map[string][]string{"customer": {"icu"}, "service": {"his"}})
	sp := define("sp", "3h", map[string][]string{"service": {"his"}, "priority": {"P1"}})
	sd := define("s", "4h", map[string][]string{"service": {"his"}})
	data := sla.Data{Definitions: []sla.Definition{sd, sp, cs, csp}, Precedence: sla.CustomerPrecedence()}

	for _, c := range []struct {
		name  string
		facts facts
		want  string
	}{
		{"R-283 customer, service and priority", facts{Customer: "icu", Service: "his", Priority: "P1"}, "csp"},
		{"R-283 customer and service", facts{Customer: "icu", Service: "his", Priority: "P2"}, "cs"},
		{"R-283 service and priority", facts{Customer: "er", Service: "his", Priority: "P1"}, "sp"},
		{"R-283 service default", facts{Customer: "er", Service: "his", Priority: "P2"}, "s"},
		{"R-283 nothing applies", facts{Customer: "icu", Service: "lis", Priority: "P1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			choices, err := catalogOf(t, data).Select(sla.Resolution, c.facts, at("2026-03-02 08:00"))
			require.NoError(t, err)
			require.Len(t, choices, 4, "all candidates, whatever became of them")
			chosen, ok := choices.Chosen()
			assert.Equal(t, c.want, chosen.Key)
			assert.Equal(t, c.want != "", ok)
			for _, ch := range choices {
				if ch.Verdict == sla.LessSpecific || ch.Verdict == sla.NotApplicable {
					assert.NotEmpty(t, ch.Detail)
				}
			}
		})
	}

	t.Run("R-283 exactly one target wins, and no other that applies is more specific", rapid.MakeCheck(func(t *rapid.T) {
		rank := func(d sla.Definition) int {
			for i, level := range sla.CustomerPrecedence() {
				if len(level) == len(d.For) && (len(level) != 2 || (d.For["customer"] != nil) == (level[0] == "customer")) {
					return i
				}
			}
			return 9
		}
		var defs []sla.Definition
		for i := range rapid.IntRange(1, 8).Draw(t, "definitions") {
			scope := map[string][]string{"service": {rapid.SampledFrom([]string{"his", "lis"}).Draw(t, "service")}}
			if rapid.Bool().Draw(t, "for customer") {
				scope["customer"] = []string{rapid.SampledFrom([]string{"icu", "er"}).Draw(t, "customer")}
			}
			if rapid.Bool().Draw(t, "for priority") {
				scope["priority"] = []string{rapid.SampledFrom([]string{"P1", "P2"}).Draw(t, "priority")}
			}
			defs = append(defs, define(string(rune('a'+i)), rapid.SampledFrom([]string{"1h", "2h"}).Draw(t, "goal"), scope))
		}
		f := facts{Customer: rapid.SampledFrom([]string{"icu", "er"}).Draw(t, "c"), Service: rapid.SampledFrom([]string{"his", "lis"}).Draw(t, "s"), Priority: rapid.SampledFrom([]string{"P1", "P2"}).Draw(t, "p")}
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: defs, Precedence: sla.CustomerPrecedence()}, nil)
		require.NoError(t, err)
		choices, err := cat.Select(sla.Resolution, f, at("2026-03-02 08:00"))
		require.NoError(t, err)
		best, count := 99, 0
		for i, ch := range choices {
			applies := ch.Verdict != sla.NotApplicable
			if applies {
				best = min(best, rank(defs[i]))
			}
		}
		for i, ch := range choices {
			if ch.Verdict == sla.Chosen {
				count++
				assert.Equal(t, best, rank(defs[i]))
			}
		}
		want := 1
		if best == 99 {
			want = 0
		}
		assert.Equal(t, want, count)
	}))

	tie := func(t *testing.T, rule sla.Tie) string {
		a := define("a", "9h", nil)
		b := define("b", "2h", nil)
		c := define("c", "4h", map[string][]string{"service": {"his"}})
		choices, err := catalogOf(t, sla.Data{Definitions: []sla.Definition{a, b, c}, Tie: rule}).Select(sla.Resolution, facts{Service: "his"}, at("2026-03-02 08:00"))
		require.NoError(t, err)
		chosen, _ := choices.Chosen()
		return chosen.Key
	}
	t.Run("F-SLA-8 the tie rule decides: most specific, strictest or first", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, "c", tie(t, sla.MostSpecific))
		assert.Equal(t, "b", tie(t, sla.Strictest))
		assert.Equal(t, "a", tie(t, sla.First))
	})
	t.Run("F-SLA-8 rank decides within a level before strictness does", func(t *testing.T) {
		t.Parallel()
		a, b := define("a", "9h", nil), define("b", "2h", nil)
		a.Rank = 1
		choices, err := catalogOf(t, sla.Data{Definitions: []sla.Definition{a, b}}).Select(sla.Resolution, facts{}, at("2026-03-02 08:00"))
		require.NoError(t, err)
		assert.Equal(t, sla.Choices{
			{Key: "a", Version: choices[0].Version, Verdict: sla.Chosen}, {Key: "b", Version: choices[1].Version, Verdict: sla.LowerRank, Detail: "rank 0, a has 1"},
		}, choices)
	})
	t.Run("F-SLA-8 the attach event keeps the candidates that applied", func(t *testing.T) {
		t.Parallel()
		s := step(t, catalogOf(t, data), sla.Sheet{}, facts{Customer: "icu", Service: "his", Priority: "P2"}, at("2026-03-02 08:00"))
		choices := s.Events()[0].Choices
		require.Len(t, choices, 2)
		assert.Equal(t, sla.LessSpecific, choices[0].Verdict)
		assert.Equal(t, sla.Chosen, choices[1].Verdict)
	})
	t.Run("F-SLA-8 overlapping definitions are reported at load", func(t *testing.T) {
		t.Parallel()
		a := define("a", "1h", map[string][]string{"service": {"his", "lis"}})
		b := define("b", "2h", map[string][]string{"service": {"lis", "pacs"}})
		c := define("c", "2h", map[string][]string{"service": {"ris"}})
		d := define("d", "2h", map[string][]string{"service": {"ris"}})
		d.When = `count > 3`
		e := define("e", "2h", map[string][]string{"service": {"ris"}})
		e.To = calendar.MustDate("2025-12-31")
		c.From, d.From = calendar.MustDate("2026-01-01"), calendar.MustDate("2026-01-01")
		for i, def := range []*sla.Definition{&a, &b, &c, &d, &e} {
			def.Version = string(rune('1' + i))
		}
		assert.Equal(t, []sla.Overlap{
			{Metric: sla.Resolution, First: "a@1", Second: "b@2", Certain: true}, {Metric: sla.Resolution, First: "c@3", Second: "d@4"},
		}, catalogOf(t, sla.Data{Definitions: []sla.Definition{a, b, c, d, e}}).Overlaps())
	})
}

func TestParseCatalog(t *testing.T) {
	t.Parallel()
	t.Run("all faults are named at once, with their place", func(t *testing.T) {
		t.Parallel()
		_, err := sla.ParseCatalog(schema, []byte(`{"tie": "odd", "pause_fact": "count", "precedence": [["wing"]], "definitions": [
			{"key": "a b", "metric": "resolution", "goal": "4h", "calendar": "moon", "pause": "priorty == \"P1\"", "reopen": "maybe",
			 "ladder": [{"name": "x", "at": "50%"}, {"name": "x", "at": "60%", "every": "5m"}]},
			{"key": "c", "goal": "at 2026-03-01T12:00", "pause": "started", "from": "2026-02-01", "to": "2026-01-01", "retroactive_start": "phase"},
			{"key": "d", "version": "1", "metric": "response", "goal": "before phase 1h", "for": {"service": []}, "pause_reasons": ["x"]},
			{"key": "d", "version": "1", "metric": "response", "goal": "1h"}]}`), calendars(t))
		var data *sla.DataError
		require.ErrorAs(t, err, &data)
		require.ErrorIs(t, err, sla.ErrData)
		for _, part := range []string{
			"tie", "pause_fact", "precedence[0]", `key "a b"`, `no calendar "moon"`, "did you mean", "reopen", "ladder[1]", "metric is missing", "cannot be paused",
			"the end lies before the start", "retroactive_start", "definitions[2] d: goal", "definitions[2] d: for service", "is there twice", "every and times",
		} {
			if part == "did you mean" {
				assert.Contains(t, err.Error(), "priorty")
				continue
			}
			assert.Contains(t, err.Error(), part)
		}
	})
	t.Run("unknown keys and trailing text are faults", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`{"definitons": []}`, `{"definitions": [{"gaol": "4h"}]}`, `{"definitions": []} x`, `{"definitions": [{"goal": "4 hours"}]}`, ``} {
			_, err := sla.ParseCatalog(schema, []byte(text), nil)
			assert.ErrorIs(t, err, sla.ErrData, text)
		}
	})
	t.Run("F-SLA-17 two versions in effect on one day are a fault", func(t *testing.T) {
		t.Parallel()
		v1 := sla.Definition{Key: "a", Version: "1", Metric: sla.Response, Goal: sla.MustGoal("1h"), To: calendar.MustDate("2026-03-01")}
		v2 := sla.Definition{Key: "a", Version: "2", Metric: sla.Response, Goal: sla.MustGoal("1h"), From: calendar.MustDate("2026-03-01")}
		_, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{v1, v2}}, nil)
		assert.ErrorContains(t, err, "versions 1 and 2 are in effect at the same time")
	})
	t.Run("data comes back from a catalog and makes the same one", func(t *testing.T) {
		t.Parallel()
		c := catalog(t, changing(sla.Fraction)...)
		text, err := json.Marshal(c.Data())
		require.NoError(t, err)
		again, err := sla.ParseCatalog(schema, text, calendars(t))
		require.NoError(t, err)
		assert.Equal(t, c.Data(), again.Data())
		d := c.Data()
		d.Definitions[0].For["priority"][0] = "changed"
		assert.Equal(t, "P3", c.Data().Definitions[0].For["priority"][0], "the copy is the caller's")
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	t.Run("F-SLA-6 goals are read and written", func(t *testing.T) {
		t.Parallel()
		for _, s := range []string{"4h", "1h30m", "15m", "45s", "3wd", "3wd keep", "3wd eod", "nbd 16:00", "10d", "1mo", "at 2026-03-01T12:00", "before go_live 2h"} {
			g, err := sla.ParseGoal(s)
			require.NoError(t, err, s)
			assert.Equal(t, s, g.String())
		}
		for _, s := range []string{"", "4", "-4h", "0h", "0wd", "03wd", "3wd sod", "4000000d", "nbd", "nbd 25:00", "at noon", "before x", "before x -1h", "1h 1h", "10ns", "3d eod", "3d keep", "3wd keep eod"} {
			_, err := sla.ParseGoal(s)
			assert.Error(t, err, s)
		}
	})
	t.Run("F-SLA-11 points are read and written", func(t *testing.T) {
		t.Parallel()
		for _, s := range []string{"75%", "-1h", "+30m", "+30m wall", "-2h wall"} {
			p, err := sla.ParsePoint(s)
			require.NoError(t, err, s)
			assert.Equal(t, s, p.String())
		}
		for _, s := range []string{"", "75", "0%", "-5%", "1h", "+x", "+1ns", "100000%", "+1h walled"} {
			_, err := sla.ParsePoint(s)
			assert.Error(t, err, s)
		}
	})
}

func FuzzParseGoal(f *testing.F) {
	for _, s := range []string{"4h", "3wd keep", "3wd eod", "nbd 16:00", "1mo", "10d", "at 2026-03-01T12:00", "before go_live 2h", "1e9h", "9999999h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := sla.ParseGoal(s)
		if err != nil {
			return
		}
		again, err := sla.ParseGoal(g.String())
		if err != nil || again != g {
			t.Fatalf("%q is written as %q, which reads as %v, %v", s, g, again, err)
		}
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{{Key: "g", Metric: sla.Response, Goal: g, Calendar: "c"}}}, map[string]*calendar.Calendar{"c": mustCal(plainJSON)})
		if err != nil {
			return
		}
		s1 := step(t, cat, sla.Sheet{}, facts{GoLive: epoch}, epoch)
		if err := cat.Verify(s1); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParsePoint(f *testing.F) {
	for _, s := range []string{"75%", "-1h", "+30m wall"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := sla.ParsePoint(s)
		if err != nil {
			return
		}
		if again, err := sla.ParsePoint(p.String()); err != nil || again != p {
			t.Fatalf("%q is written as %q, which reads as %v, %v", s, p, again, err)
		}
	})
}

func FuzzParseCatalog(f *testing.F) {
	f.Add([]byte(`{"definitions": [{"key": "a", "metric": "response", "goal": "4h", "calendar": "plain", "stop": "responded", "ladder": [{"name": "x", "at": "50%"}]}]}`))
	f.Add([]byte(`{"tie": "first", "definitions": [{"key": "b", "metric": "m", "goal": "3wd eod", "for": {"priority": ["P1"]}, "pause": "count > 2"}]}`))
	cals := map[string]*calendar.Calendar{"plain": mustCal(plainJSON)}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := sla.ParseCatalog(schema, text, cals)
		if err != nil {
			if !errors.Is(err, sla.ErrData) {
				t.Fatal(err)
			}
			return
		}
		var s sla.Sheet
		for i, p := range []string{"P1", "P2"} {
			events, err := c.Observe(s, facts{Priority: p}, epoch.Add(time.Duration(i)*time.Hour))
			if err != nil {
				return // conditions may divide by zero
			}
			s = s.Apply(events...)
		}
		if err := c.Verify(s); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzSheetJSON(f *testing.F) {
	cat := single(f, mustCal(plainJSON), sla.MustGoal("9h"))
	s := step(f, cat, sla.Sheet{}, facts{}, epoch)
	s = step(f, cat, s, facts{Hold: "user"}, epoch.Add(40*time.Hour))
	text, err := json.Marshal(s)
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`[{"n":1,"c":1,"k":"attach","at":"2026-03-02T08:00:00Z","pin":{"goal":"4h"},"carry":{"from":1}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s sla.Sheet
		if json.Unmarshal(text, &s) != nil {
			return
		}
		out, err := json.Marshal(s)
		if err != nil {
			return // times outside of what JSON can hold
		}
		var again sla.Sheet
		if err := json.Unmarshal(out, &again); err != nil {
			t.Fatal(err)
		}
		_, _ = cat.Replay(s)
		_, _ = cat.Status(s, epoch)
	})
}
