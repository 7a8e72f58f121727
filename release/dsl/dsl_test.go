package dsl_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/exp/ebnf"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/release/dsl"
)

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(data)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	t.Run("F-REL-6 printing and parsing give the plan back, and the canonical text stays as it is", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			plan := drawPlan(t)
			text, err := dsl.Format(plan)
			if err != nil {
				t.Fatalf("the generator draws bad plans: %v", err)
			}
			back, err := dsl.Parse("drawn", text)
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			assert.Equal(t, plan, back)
			again, err := dsl.Format(back)
			require.NoError(t, err)
			assert.Equal(t, text, again)
		})
	})
	t.Run("the sample is canonical but for its comments", func(t *testing.T) {
		t.Parallel()
		plan, err := dsl.Parse("insurance.release", read(t, "insurance.release"))
		require.NoError(t, err)
		text, err := dsl.Format(plan)
		require.NoError(t, err)
		var kept []string
		for line := range strings.Lines(read(t, "insurance.release")) {
			if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "//") {
				kept = append(kept, line)
			}
		}
		assert.Equal(t, strings.Join(kept, ""), text)
		assert.Empty(t, plan.Missing())
	})
	t.Run("what contradicts itself has no text", func(t *testing.T) {
		t.Parallel()
		_, err := dsl.Format(release.Plan{})
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
}

func TestBuilder(t *testing.T) {
	t.Parallel()
	var digest itsm.Digest
	require.NoError(t, digest.UnmarshalText([]byte(strings.Repeat("a1", 32))))
	build := func() *dsl.Builder {
		return dsl.Release("接口 3.2").Type(release.TypeMajor).Zone("Asia/Shanghai").Objective("o").In("a", "b").Out("c").Service("s").CI("if-1", "if-2").
			Change("CHG-1", "r", "i", "s").Closes("problem/PRB-1").Criterion("ok", "it settles").Phase(release.StageGoLive, "2026-12-19T22:00", "2026-12-20T04:00").
			Consult(release.Department, "医保办").Sign("owner", "u-1", "u-2").Environments("uat", "live").File("war", "x/y.war", "3.2", digest, 17).
			Unit("app", "3.2", 20*time.Minute, dsl.Files("war"), dsl.Carries("CHG-1"), dsl.Rollback("start the old one", 90*time.Second)).
			Unit("data", "3.2", time.Minute, dsl.AfterUnits("app"), dsl.NoReturn("rows are converted")).
			Wave("pilot", "2026-12-19T22:00", "2026-12-19T23:00", dsl.Target("if-1", "app", "data"), dsl.StopAfter(2)).
			Wave("rest", "2026-12-19T23:00", "2026-12-20T04:00", dsl.AfterWaves("pilot"), dsl.OptionalTarget("if-2", "app"), dsl.Need(1), dsl.Skippable()).
			Gate(release.Gate{Key: "smoke", Before: release.BeforeWave, Wave: "rest", Limits: []release.Limit{{Measure: "errors", Bound: release.AtMost, Value: 0.5}}}).
			Ready(release.Ready{Key: "leaflet", Kind: release.NonTechnical, Text: "t", Owner: "u-3"}).Observe(36*time.Hour, "no incident")
	}
	t.Run("F-REL-6 the builder and the text give the same plan", func(t *testing.T) {
		t.Parallel()
		built, err := build().Plan()
		require.NoError(t, err)
		parsed, err := dsl.Parse("text", read(t, "built.release"))
		require.NoError(t, err)
		assert.Equal(t, parsed, built)
		assert.Equal(t, parsed.Digest(), built.Digest())
	})
	t.Run("its faults come all at once", func(t *testing.T) {
		t.Parallel()
		_, err := build().Unit("app", "1", 0).Wave("late", "tomorrow", "2026-13-01T00:00").Plan()
		var faults release.Faults
		require.ErrorAs(t, err, &faults)
		for _, want := range []string{"waves[2].window: want a time such as 2026-12-19T22:00, not tomorrow", "waves[2].window: there is no such time as 2026-13-01T00:00",
			"units[2].takes: app takes 0s", "units[2].key: app stands there twice", "units[2]: app has no way back", "waves[2]: late has no targets"} {
			assert.ErrorContains(t, err, want)
		}
	})
}

// A small plan that is right; each case spoils one thing.
const small = `release "t" {
	type major
	zone "Europe/Berlin"
	ci "a", "b"
	change "CHG-1"
	phase test 2026-10-01T00:00 to 2026-10-02T00:00
	phase go_live 2026-10-24T20:00 to 2026-10-25T08:00
	sign it "u-1"
	file f "p" version "1" digest sha256:a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 size 1
	unit x {
		version "1"
		files f
		takes 10m
		rollback "back" takes 5m
	}
	unit y {
		version "1"
		after x
		takes 10m
		no_return "rows"
	}
	wave one {
		window 2026-10-24T20:00 to 2026-10-24T21:00
		target "a" units x, y
	}
	wave two {
		window 2026-10-24T21:00 to 2026-10-24T22:00
		after one
		target "b" units x
	}
	gate g before wave two {
		ask "?"
	}
}
`

func TestFaults(t *testing.T) {
	t.Parallel()
	_, err := dsl.Parse("small", small)
	require.NoError(t, err)
	cases := []struct{ name, old, new, want string }{
		{"unknown unit", "after x", "after z", "small:18:9: there is no unit z"},
		{"unknown file", "files f", "files g", "small:12:9: there is no file g"},
		{"unknown wave", "after one", "after none", "small:28:9: there is no wave none"},
		{"unknown item", `target "b"`, `target "c"`, "small:29:3: c is not among the configuration items of the release"},
		{"unknown change", `files f`, `files f changes "CHG-2"`, `small:12:19: the release carries no change CHG-2`},
		{"unknown wave of a gate", "before wave two", "before wave three", "small:31:16: there is no wave three"},
		{"circle of units", "files f", "files f after y", "small:12:17: the units x → y → x wait for each other"},
		{"a unit that waits for itself", "after x", "after y", "the units y → y wait for each other"},
		{"circle of waves", `target "a"`, `after two target "a"`, "small:24:9: the waves one → two → one wait for each other"},
		{"duplicate unit", "unit y", "unit x", "small:16:7: x stands there twice, first as units[0]"},
		{"a target in two waves", `target "b"`, `target "a"`, "a is a target of one already; a target passes one wave"},
		{"a wave that can never pass", "after one", "after one need 2", "two needs 2 of its 1 targets and can never pass"},
		{"overlapping windows", "2026-10-24T21:00 to 2026-10-24T22:00", "2026-10-24T20:59 to 2026-10-24T22:00", "small:27:3: the window of two begins at 2026-10-24T20:59, before that of one, which comes first, ends at 2026-10-24T21:00"},
		{"no way back", `rollback "back" takes 5m`, "", "small:10:2: x has no way back: say how it is rolled back, or what cannot be undone"},
		{"both ways", `takes 10m
		rollback`, `takes 10m no_return "q"
		rollback`, "the way back is said twice, first in line 13"},
		{"window too short", "2026-10-24T20:00 to 2026-10-24T21:00", "2026-10-24T20:00 to 2026-10-24T20:24", "the window of one has 24m0s, but its longest path takes 20m0s and the way back 5m0s"},
		{"a window out of go_live", "2026-10-24T21:00 to 2026-10-24T22:00", "2026-10-25T07:00 to 2026-10-25T09:00", "is not within go_live"},
		{"end before start", "2026-10-01T00:00 to 2026-10-02T00:00", "2026-10-02T00:00 to 2026-10-01T00:00", "small:6:2: test ends at 2026-10-01T00:00, before it begins at 2026-10-02T00:00"},
		{"live before tested", "2026-10-01T00:00 to 2026-10-02T00:00", "2026-10-01T00:00 to 2026-10-25T00:00", "go_live begins at 2026-10-24T20:00, before test ends at 2026-10-25T00:00"},
		{"a dependency that comes later", "units x, y", "units y", "small:24:20: y needs x, which comes neither in one nor in a wave before it"},
		{"a unit nobody deploys", "units x, y", "units x", "small:16:2: no wave deploys y"},
		{"approver conflict", `sign it "u-1"`, `sign it "u-1" sign owner "u-1"`, "the parties cannot all be signed for by different people: owner has nobody left"},
		{"a wall clock that is skipped", "2026-10-24T20:00 to 2026-10-25T08:00", "2026-03-29T02:30 to 2026-10-25T08:00", "small:7:16: the zone Europe/Berlin skips 2026-03-29T02:30"},
		{"a wall clock that is shown twice", "to 2026-10-25T08:00", "to 2026-10-25T02:30", "say which: 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"},
		{"no such day", "2026-10-01T00:00", "2026-02-30T00:00", "there is no such time as 2026-02-30T00:00"},
		{"unknown zone", "Europe/Berlin", "Europe/Bonn", `small:3:2: "Europe/Bonn" is not known`},
		{"said twice", "type major", "type major type minor", "type is said twice, first in line 2"},
		{"short digest", "sha256:a1", "sha256:", "the digest has 62 hexadecimal digits, want 64"},
		{"unknown word", "sign it", "sing it", `small:8:2: want one of change, ci, closes, `},
		{"open string", `"CHG-1"`, `"CHG-1`, "small:5:9: the string is not closed on its line"},
		{"bad escape", `"CHG-1"`, `"CHG\q"`, `small:5:13: the escape \q is not known`},
		{"bad character", "type major", "type major ;", `small:2:13: the character ';' has no place here`},
		{"no end", "}\n}\n", "}\n", `want "}", not the end of the text`},
		{"something behind the end", "}\n}\n", "}\n}\n}\n", `want the end of the text, not "}"`},
		{"no duration", "takes 10m\n\t\trollback", "takes long\n\t\trollback", `want how long it takes, such as 20m, 1h30m or 7d, not "long"`},
	}
	for _, c := range cases {
		t.Run("F-REL-6 "+c.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, small, c.old)
			_, err := dsl.Parse("small", strings.Replace(small, c.old, c.new, 1))
			require.ErrorIs(t, err, itsm.ErrInvalid)
			assert.ErrorContains(t, err, c.want)
		})
	}
	t.Run("F-REL-6 faults are told all at once, in the order of the text", func(t *testing.T) {
		t.Parallel()
		_, err := dsl.Parse("bad", read(t, "bad.release"))
		var all *dsl.Error
		require.ErrorAs(t, err, &all)
		assert.Equal(t, strings.TrimSpace(read(t, "bad.txt")), err.Error())
	})
	t.Run("a wave behind a circle is unreachable", func(t *testing.T) {
		t.Parallel()
		_, err := dsl.Parse("small", strings.Replace(small, "target \"a\" units", "after one target \"a\" units", 1))
		require.ErrorContains(t, err, "two cannot be reached: it is behind one, which waits for itself")
	})
	t.Run("length, depth and count are bounded", func(t *testing.T) {
		t.Parallel()
		_, err := dsl.Parse("long", strings.Repeat(" ", dsl.MaxBytes+1))
		require.ErrorContains(t, err, "at most 1048576 are allowed")
		_, err = dsl.Parse("deep", `release "t" `+strings.Repeat("{", 100_000))
		require.Error(t, err)
		_, err = dsl.Parse("many", `release "t" { type minor `+strings.Repeat(`ci "a" `, 100_000)+"}")
		require.ErrorContains(t, err, "many:1:29: the list has 100000 entries, at most 1000 are allowed")
	})
	t.Run("not every fault of a hopeless text is listed", func(t *testing.T) {
		t.Parallel()
		_, err := dsl.Parse("hopeless", strings.Repeat(";", 1000))
		var all *dsl.Error
		require.ErrorAs(t, err, &all)
		assert.Len(t, all.Faults, dsl.MaxFaults)
		assert.Contains(t, err.Error(), fmt.Sprintf("and %d more", all.More))
	})
}

func TestOffsetDecides(t *testing.T) {
	t.Parallel()
	for offset, want := range map[string]time.Time{"+02:00": time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), "+01:00": time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)} {
		plan, err := dsl.Parse("small", strings.Replace(small, "to 2026-10-25T08:00", "to 2026-10-25T02:30"+offset, 1))
		require.NoError(t, err)
		live, _ := plan.Phase(release.StageGoLive)
		assert.Equal(t, want, live.To)
	}
}

func TestGrammar(t *testing.T) {
	t.Parallel()
	grammar, err := ebnf.Parse("grammar.ebnf", strings.NewReader(dsl.Grammar))
	require.NoError(t, err)
	t.Run("F-REL-6 the grammar is complete and every production is used", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, ebnf.Verify(grammar, "Release"))
	})
	t.Run("F-REL-6 the parser takes every sentence of the grammar", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			g := &speaker{t: t, grammar: grammar}
			g.say(grammar["Release"].Expr, false)
			if err := dsl.CheckSyntax("drawn", g.String()); err != nil {
				t.Fatalf("%v\nin: %s", err, g.String())
			}
		})
	})
	t.Run("F-REL-6 the parser takes no sentence with a token too many or too few", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			g := &speaker{t: t, grammar: grammar}
			g.say(grammar["Release"].Expr, false)
			words := g.words
			i := rapid.IntRange(0, len(words)-1).Draw(t, "at")
			// A brace too many or too few is never a sentence.
			spoilt := strings.Join(append(append(append([]string{}, words[:i]...), "{"), words[i:]...), " ")
			if dsl.CheckSyntax("drawn", spoilt) == nil {
				t.Fatalf("accepted: %s", spoilt)
			}
			if dsl.CheckSyntax("drawn", strings.Join(words[:len(words)-1], " ")) == nil {
				t.Fatal("accepted without its end")
			}
		})
	})
}

// A speaker makes up a sentence of a grammar.
type speaker struct {
	t       *rapid.T
	grammar ebnf.Grammar
	words   []string
	open    bool // within a lexical production: what follows belongs to the same token
	steps   int
}

func (s *speaker) String() string { return strings.Join(s.words, " ") }

func (s *speaker) put(text string) {
	if s.open {
		s.words[len(s.words)-1] += text
		return
	}
	s.words = append(s.words, text)
}

func (s *speaker) times(most int) int {
	if s.steps++; s.steps > 300 {
		return 0
	}
	return rapid.IntRange(0, most).Draw(s.t, "times")
}

func (s *speaker) say(e ebnf.Expression, lexical bool) {
	switch e := e.(type) {
	case nil:
	case ebnf.Alternative:
		s.say(rapid.SampledFrom([]ebnf.Expression(e)).Draw(s.t, "alternative"), lexical)
	case ebnf.Sequence:
		for _, part := range e {
			s.say(part, lexical)
		}
	case *ebnf.Name:
		inner := strings.ToLower(e.String[:1]) == e.String[:1]
		if inner && !lexical {
			s.words = append(s.words, "")
			s.open = true
			s.say(s.grammar[e.String].Expr, true)
			s.open = false
			return
		}
		s.say(s.grammar[e.String].Expr, lexical)
	case *ebnf.Token:
		s.put(e.String)
	case *ebnf.Range:
		lo, hi := []rune(e.Begin.String)[0], []rune(e.End.String)[0]
		r := rapid.RuneFrom([]rune{lo, hi, lo + (hi-lo)/2, lo + (hi-lo)/3}).Draw(s.t, "character")
		if r >= 0xD800 && r < 0xE000 {
			r = lo
		}
		s.put(string(r))
	case *ebnf.Group:
		s.say(e.Body, lexical)
	case *ebnf.Option:
		if s.times(1) == 1 {
			s.say(e.Body, lexical)
		}
	case *ebnf.Repetition:
		for range s.times(4) {
			s.say(e.Body, lexical)
		}
	default:
		s.t.Fatalf("%T", e)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	for _, name := range []string{"insurance.release", "built.release", "bad.release"} {
		f.Add(read(f, name))
	}
	f.Add(`release "t" { unit x { after x takes 1d`)
	f.Add("release \"\\u0000\" { zone \"UTC\" phase plan 2026-01-01T00:00Z to 2026-01-01T00:00:00.000001+14:00 }")
	f.Fuzz(func(t *testing.T, src string) {
		plan, err := dsl.Parse("fuzz", src)
		if err != nil {
			var all *dsl.Error
			require.True(t, errors.As(err, &all) && len(all.Faults) > 0)
			for _, fault := range all.Faults {
				require.Positive(t, fault.Line)
				require.Positive(t, fault.Col)
			}
			return
		}
		text, err := dsl.Format(plan)
		require.NoError(t, err)
		back, err := dsl.Parse("printed", text)
		require.NoError(t, err, text)
		require.Equal(t, plan, back)
	})
}
