package dsl_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

var zones = []string{"", "Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"}

// anyText draws a text of any characters, also those that need an escape.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"x", "回滚", `say "yes"`, `a\b`, "two\nlines", "tab\tand\rreturn", "\u0000\u007f\u0085\ufeff\ufffd", "// no comment", "{ } ,", "😀"}), rapid.StringN(1, 20, 60))
}

func keyOf(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }

// subset draws some of the first n keys in rising order.
func subset(t *rapid.T, label, prefix string, n, least int) (keys []string) {
	for i := range n {
		if rapid.Bool().Draw(t, fmt.Sprintf("%s %d", label, i)) {
			keys = append(keys, keyOf(prefix, i))
		}
	}
	for i := 0; len(keys) < least && i < n; i++ {
		keys = []string{keyOf(prefix, i)}
	}
	return keys
}

// drawPlan draws a plan that passes its check.
func drawPlan(t *rapid.T) release.Plan {
	text := func(label string) string { return anyText().Draw(t, label) }
	some := func(label string) (all []string) {
		for i := range rapid.IntRange(0, 3).Draw(t, label+" count") {
			all = append(all, text(fmt.Sprint(label, i)))
		}
		return all
	}
	p := release.Plan{
		Title: "t" + text("title"), Type: rapid.SampledFrom(release.Types()).Draw(t, "type"), Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
		Objective: text("objective"), Inside: some("in"), Outside: some("out"), Exit: some("exit"), Closes: subset(t, "closes", "problem/PRB-", 3, 0),
		Services: subset(t, "services", "s", 3, 0), Observe: itsm.Duration(rapid.IntRange(0, 900_000).Draw(t, "observe")) * itsm.Duration(time.Second),
	}
	if rapid.Bool().Draw(t, "environments") {
		p.Test, p.Live = text("test"), "production"
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "changes") {
		m := release.Member{ID: itsm.ID(keyOf("CHG-", i))}
		if rapid.Bool().Draw(t, "said") {
			m.Reason, m.Impact, m.Scope = text("reason"), text("impact"), text("scope")
		}
		p.Members = append(p.Members, m)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "criteria") {
		p.Criteria = append(p.Criteria, release.Criterion{Key: keyOf("k", i), Text: text("criterion")})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "parties") {
		p.Consult = append(p.Consult, release.Party{Kind: rapid.SampledFrom([]release.PartyKind{release.Department, release.Group}).Draw(t, "kind"), Key: keyOf("医保办", i)})
		p.Signers = append(p.Signers, release.Signer{Party: keyOf("p", i), People: []itsm.PersonID{itsm.PersonID(keyOf("u-", i)), "u-9"}})
	}
	// Windows begin where wall clocks jump, too.
	at := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
	if rapid.Bool().Draw(t, "near a change of clocks") {
		at = time.Date(2026, 10, 24, 23, 30, 0, 0, time.UTC)
	}
	at = at.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
	units := rapid.IntRange(1, 4).Draw(t, "units")
	for i := range units {
		f := release.File{Key: keyOf("f", i), Path: keyOf("dir/f-", i), Version: "1." + fmt.Sprint(i), Size: int64(rapid.IntRange(0, 1<<40).Draw(t, "size"))}
		f.Digest[0], f.Digest[31] = byte(i), rapid.Byte().Draw(t, "digest")|1
		p.Manifest = append(p.Manifest, f)
		u := release.Unit{Key: keyOf("单元", i), Version: "2", Files: []string{f.Key}, After: subset(t, "after", "单元", i, 0), Takes: itsm.Duration(rapid.IntRange(1, 4000).Draw(t, "takes")) * itsm.Duration(time.Second)}
		if len(p.Members) > 0 {
			u.Changes = []itsm.ID{p.Members[i%len(p.Members)].ID}
		}
		if rapid.IntRange(0, 3).Draw(t, "no return") == 0 {
			u.Rollback, u.NoReturn = "x"+text("what"), true
		} else {
			u.Rollback, u.Back = "x"+text("rollback"), u.Takes
		}
		p.Units = append(p.Units, u)
	}
	all := subset(t, "all", "单元", units, units)
	for i := range units {
		all = append(all[:i], keyOf("单元", i))
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "waves") {
		w := release.Wave{Key: keyOf("w", i), After: subset(t, "after waves", "w", i, 0), Skip: rapid.Bool().Draw(t, "skip"), Stop: rapid.IntRange(0, 3).Draw(t, "stop")}
		for k := range rapid.IntRange(1, 3).Draw(t, "targets") {
			ci := fmt.Sprintf("ci-%d-%d", i, k)
			p.CIs = append(p.CIs, ci)
			w.Targets = append(w.Targets, release.Target{CI: ci, Units: all, Optional: rapid.Bool().Draw(t, "optional")})
		}
		w.Need = rapid.IntRange(0, len(w.Targets)).Draw(t, "need")
		w.Window = release.Window{From: at, To: at.Add(10*time.Hour + time.Duration(rapid.IntRange(0, 1).Draw(t, "micros"))*time.Microsecond)}
		at = w.Window.To.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "gap")) * time.Second)
		p.Waves = append(p.Waves, w)
		g := release.Gate{Key: keyOf("g", i), Before: release.BeforeWave, Wave: w.Key, Ask: "?" + text("ask"), OnFailed: rapid.SampledFrom(append(release.Reactions(), "")).Draw(t, "on failed")}
		if rapid.Bool().Draw(t, "limit") {
			g.Limits = []release.Limit{{Measure: "errors", Bound: release.AtMost, Value: rapid.Float64Range(-1e9, 1e9).Draw(t, "value")}}
		}
		p.Gates = append(p.Gates, g)
	}
	first := p.Waves[0].Window.From
	p.Phases = []release.Phase{{Stage: release.StageTest, Window: release.Window{From: first.Add(-48 * time.Hour), To: first.Add(-time.Hour)}}, {Stage: release.StageGoLive, Window: release.Window{From: first, To: at}}}
	p.Readiness = []release.Ready{{Key: "r1", Kind: release.Technical, Text: text("ready"), Owner: "u-1", Optional: rapid.Bool().Draw(t, "optional")}}
	return p
}
