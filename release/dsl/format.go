package dsl

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// Format writes a plan in its canonical text: equal plans give equal texts, and [Parse] gives the plan back. The error is that of
// [release.Plan.Check]: what contradicts itself has no text.
func Format(p release.Plan) (string, error) {
	if faults := p.Check(); len(faults) > 0 {
		return "", fmt.Errorf("release dsl: %w", faults)
	}
	loc, err := p.Location()
	if err != nil {
		return "", err
	}
	w := &writer{loc: loc}
	w.release(&p)
	return w.b.String(), nil
}

type writer struct {
	b      strings.Builder
	loc    *time.Location
	indent int
}

// line writes a line of words; a string is a word as it stands, see q for texts.
func (w *writer) line(words ...string) {
	w.b.WriteString(strings.Repeat("\t", w.indent))
	w.b.WriteString(strings.Join(words, " "))
	w.b.WriteByte('\n')
}

func (w *writer) block(head []string, inner func()) {
	w.line(append(head, "{")...)
	w.indent++
	inner()
	w.indent--
	w.line("}")
}

// each writes a line for all values, unless there are none.
func each[S ~string](w *writer, head string, values []S, show func(string) string) {
	if len(values) == 0 {
		return
	}
	shown := make([]string, len(values))
	for i, v := range values {
		shown[i] = show(string(v))
	}
	w.line(head, strings.Join(shown, ", "))
}

func same(s string) string { return s }

// q writes a text as a string of the grammar.
func q(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0xfffd && r <= 0xffff || r == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// time writes the wall clock of the zone, with the offset where the wall clock alone is not clear.
func (w *writer) time(t time.Time) string {
	t = t.In(w.loc)
	layout := "2006-01-02T15:04"
	if t.Second() != 0 || t.Nanosecond() != 0 {
		layout = "2006-01-02T15:04:05.999999"
	}
	wall := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	if len(instantsOf(wall, w.loc)) != 1 {
		layout += "Z07:00"
	}
	return t.Format(layout)
}

func (w *writer) window(v release.Window) string { return w.time(v.From) + " to " + w.time(v.To) }

func span(d itsm.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	rest := d.Std()
	for _, u := range []struct {
		size time.Duration
		name byte
	}{{24 * time.Hour, 'd'}, {time.Hour, 'h'}, {time.Minute, 'm'}, {time.Second, 's'}} {
		if n := rest / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10))
			b.WriteByte(u.name)
			rest -= n * u.size
		}
	}
	return b.String()
}

func (w *writer) release(p *release.Plan) {
	w.block([]string{"release", q(p.Title)}, func() {
		w.line("type", string(p.Type))
		if p.Zone != "" {
			w.line("zone", q(p.Zone))
		}
		if p.Objective != "" {
			w.line("objective", q(p.Objective))
		}
		each(w, "scope in", p.Inside, q)
		each(w, "scope out", p.Outside, q)
		each(w, "service", p.Services, q)
		each(w, "ci", p.CIs, q)
		for _, m := range p.Members {
			w.member(m)
		}
		each(w, "closes", p.Closes, q)
		for _, k := range p.Criteria {
			w.line("criterion", k.Key, q(k.Text))
		}
		for _, ph := range p.Phases {
			w.line("phase", string(ph.Stage), w.window(ph.Window))
		}
		for i := 0; i < len(p.Consult); { // neighbours of one kind share a line
			kind, keys := p.Consult[i].Kind, []string{}
			for ; i < len(p.Consult) && p.Consult[i].Kind == kind; i++ {
				keys = append(keys, p.Consult[i].Key)
			}
			each(w, "consult "+string(kind), keys, q)
		}
		for _, s := range p.Signers {
			each(w, "sign "+s.Party, s.People, q)
		}
		if p.Test != "" || p.Live != "" {
			w.line("test", q(p.Test), "production", q(p.Live))
		}
		for _, f := range p.Manifest {
			w.line("file", f.Key, q(f.Path), "version", q(f.Version), "digest", "sha256:"+f.Digest.String(), "size", strconv.FormatInt(f.Size, 10))
		}
		for _, u := range p.Units {
			w.unit(u)
		}
		for _, v := range p.Waves {
			w.wave(v)
		}
		for _, g := range p.Gates {
			w.gate(g)
		}
		for _, r := range p.Readiness {
			words := []string{"ready", r.Key, string(r.Kind), q(r.Text), "owner", q(string(r.Owner))}
			if r.Optional {
				words = append(words, "optional")
			}
			w.line(words...)
		}
		switch {
		case len(p.Exit) > 0:
			each(w, "observe "+span(p.Observe)+" until", p.Exit, q)
		case p.Observe != 0:
			w.line("observe", span(p.Observe))
		}
	})
}

func (w *writer) member(m release.Member) {
	if m.Reason == "" && m.Impact == "" && m.Scope == "" {
		w.line("change", q(string(m.ID)))
		return
	}
	w.block([]string{"change", q(string(m.ID))}, func() {
		for _, part := range [][2]string{{"reason", m.Reason}, {"impact", m.Impact}, {"scope", m.Scope}} {
			if part[1] != "" {
				w.line(part[0], q(part[1]))
			}
		}
	})
}

func (w *writer) unit(u release.Unit) {
	w.block([]string{"unit", u.Key}, func() {
		w.line("version", q(u.Version))
		each(w, "files", u.Files, same)
		each(w, "changes", u.Changes, q)
		each(w, "after", u.After, same)
		w.line("takes", span(u.Takes))
		if u.NoReturn {
			w.line("no_return", q(u.Rollback))
		} else {
			w.line("rollback", q(u.Rollback), "takes", span(u.Back))
		}
	})
}

func (w *writer) wave(v release.Wave) {
	w.block([]string{"wave", v.Key}, func() {
		w.line("window", w.window(v.Window))
		each(w, "after", v.After, same)
		for _, t := range v.Targets {
			head := "target"
			if t.Optional {
				head = "optional target"
			}
			each(w, head+" "+q(t.CI)+" units", t.Units, same)
		}
		if v.Need != 0 {
			w.line("need", strconv.Itoa(v.Need))
		}
		if v.Stop != 0 {
			w.line("stop after", strconv.Itoa(v.Stop))
		}
		if v.Skip {
			w.line("skippable")
		}
	})
}

func (w *writer) gate(g release.Gate) {
	head := []string{"gate", g.Key, "before", string(g.Before)}
	if g.Wave != "" {
		head = append(head, g.Wave)
	}
	w.block(head, func() {
		if g.Ask != "" {
			w.line("ask", q(g.Ask))
		}
		for _, l := range g.Limits {
			w.line("limit", l.Measure, string(l.Bound), strconv.FormatFloat(l.Value, 'f', -1, 64))
		}
		if g.OnFailed != "" {
			w.line("on failed", string(g.OnFailed))
		}
		if g.OnUnknown != "" {
			w.line("on unknown", string(g.OnUnknown))
		}
	})
}
