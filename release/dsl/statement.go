package dsl

import (
	"fmt"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// statements are those of the release; each word stands with what it reads.
func (p *parser) statements() map[string]func(token) {
	plan := &p.plan
	return map[string]func(token){
		"type": func(t token) {
			p.once(t.pos, "type", "type")
			plan.Type = release.Type(p.keyword("major", "minor", "emergency"))
		},
		"zone": func(t token) {
			p.once(t.pos, "zone", "zone")
			plan.Zone = p.string("the zone")
		},
		"objective": func(t token) {
			p.once(t.pos, "objective", "objective")
			plan.Objective = p.string("the objective")
		},
		"scope": func(token) {
			if p.keyword("in", "out") == "in" {
				plan.Inside = p.strings("in_scope", "what is in scope", plan.Inside)
			} else {
				plan.Outside = p.strings("out_of_scope", "what is out of scope", plan.Outside)
			}
		},
		"service":   func(token) { plan.Services = p.strings("services", "a service", plan.Services) },
		"ci":        func(token) { plan.CIs = p.strings("cis", "a configuration item", plan.CIs) },
		"change":    func(t token) { p.member(t) },
		"closes":    func(token) { plan.Closes = p.strings("closes", "a problem, as kind/id", plan.Closes) },
		"criterion": func(t token) { p.criterion(t) },
		"phase":     func(t token) { p.phase(t) },
		"consult":   func(token) { p.consult() },
		"sign":      func(t token) { p.sign(t) },
		"test": func(t token) {
			p.once(t.pos, "the environments are", "test")
			plan.Test = p.string("the test environment")
			p.keyword("production")
			plan.Live = p.string("the production environment")
		},
		"file":  func(t token) { p.manifest(t) },
		"unit":  func(t token) { p.unit(t) },
		"wave":  func(t token) { p.wave(t) },
		"gate":  func(t token) { p.gate(t) },
		"ready": func(t token) { p.ready(t) },
		"observe": func(t token) {
			p.once(t.pos, "observe", "observe")
			plan.Observe = p.duration("how long")
			if p.tok.kind == word && p.tok.text == "until" {
				p.advance()
				plan.Exit = p.strings("exit", "a criterion", plan.Exit)
			}
		},
	}
}

// entry notes where an entry of a list begins and returns its path.
func (p *parser) entry(list string, n int, at pos) string {
	path := fmt.Sprintf("%s[%d]", list, n)
	p.places[path] = at
	return path
}

// mark notes the place of the next token.
func (p *parser) mark(path string) { p.places[path] = p.tok.pos }

func (p *parser) member(t token) {
	path := p.entry("changes", len(p.plan.Members), t.pos)
	p.mark(path + ".id")
	m := release.Member{ID: itsm.ID(p.string("the change"))}
	defer func() { p.plan.Members = append(p.plan.Members, m) }()
	if !p.is("{") {
		return
	}
	text := func(what string, to *string) func(token) {
		return func(t token) {
			p.once(t.pos, what, path+"."+what)
			*to = p.string("the " + what)
		}
	}
	p.block(map[string]func(token){"reason": text("reason", &m.Reason), "impact": text("impact", &m.Impact), "scope": text("scope", &m.Scope)})
}

func (p *parser) criterion(t token) {
	path := p.entry("criteria", len(p.plan.Criteria), t.pos)
	p.mark(path + ".key")
	k := release.Criterion{Key: p.key("the criterion")}
	p.mark(path + ".text")
	k.Text = p.string("the criterion")
	p.plan.Criteria = append(p.plan.Criteria, k)
}

func (p *parser) phase(t token) {
	n := len(p.plan.Phases)
	p.entry("phases", n, t.pos)
	ph := release.Phase{Stage: release.Stage(p.keyword("plan", "build", "test", "go_live", "observe"))}
	p.window(func(w release.Window) { p.plan.Phases[n].Window = w })
	p.plan.Phases = append(p.plan.Phases, ph)
}

func (p *parser) consult() {
	kind := release.PartyKind(p.keyword("department", "group"))
	for {
		p.mark(fmt.Sprintf("consult[%d]", len(p.plan.Consult)))
		p.plan.Consult = append(p.plan.Consult, release.Party{Kind: kind, Key: p.string("the " + string(kind))})
		if !p.is(",") {
			return
		}
		p.advance()
	}
}

func (p *parser) sign(t token) {
	path := p.entry("signers", len(p.plan.Signers), t.pos)
	p.mark(path + ".party")
	s := release.Signer{Party: p.key("the party")}
	for _, person := range p.strings(path+".people", "a person", nil) {
		s.People = append(s.People, itsm.PersonID(person))
	}
	p.plan.Signers = append(p.plan.Signers, s)
}

func (p *parser) manifest(t token) {
	path := p.entry("files", len(p.plan.Manifest), t.pos)
	p.mark(path + ".key")
	f := release.File{Key: p.key("the file")}
	p.mark(path + ".path")
	f.Path = p.string("the name in the library")
	p.keyword("version")
	p.mark(path + ".version")
	f.Version = p.string("the version")
	p.keyword("digest")
	p.mark(path + ".digest")
	f.Digest = p.digest()
	p.keyword("size")
	p.mark(path + ".size")
	f.Size = p.digits("the size in bytes")
	p.plan.Manifest = append(p.plan.Manifest, f)
}

func (p *parser) unit(t token) {
	path := p.entry("units", len(p.plan.Units), t.pos)
	p.mark(path + ".key")
	u := release.Unit{Key: p.key("the unit")}
	defer func() { p.plan.Units = append(p.plan.Units, u) }()
	p.block(map[string]func(token){
		"version": func(t token) {
			p.once(t.pos, "version", path+".version")
			u.Version = p.string("the version")
		},
		"files": func(token) { u.Files = p.keys(path+".files", "a file", u.Files) },
		"changes": func(token) {
			var have []string
			for _, id := range u.Changes {
				have = append(have, string(id))
			}
			for _, id := range p.strings(path+".changes", "a change", have)[len(have):] {
				u.Changes = append(u.Changes, itsm.ID(id))
			}
		},
		"after": func(token) { u.After = p.keys(path+".after", "a unit", u.After) },
		"takes": func(t token) {
			p.once(t.pos, "takes", path+".takes")
			u.Takes = p.duration("how long it takes")
		},
		"rollback": func(t token) {
			p.once(t.pos, "the way back", path+".rollback")
			u.Rollback = p.string("the way back")
			p.keyword("takes")
			p.mark(path + ".back")
			u.Back = p.duration("how long it takes")
		},
		"no_return": func(t token) {
			p.once(t.pos, "the way back", path+".rollback")
			u.Rollback, u.NoReturn = p.string("what cannot be undone"), true
		},
	})
}

func (p *parser) wave(t token) {
	n := len(p.plan.Waves)
	path := p.entry("waves", n, t.pos)
	p.mark(path + ".key")
	w := release.Wave{Key: p.key("the wave")}
	defer func() { p.plan.Waves = append(p.plan.Waves, w) }()
	target := func(at pos, optional bool) {
		to := p.entry(path+".targets", len(w.Targets), at)
		target := release.Target{CI: p.string("the configuration item"), Optional: optional}
		p.keyword("units")
		target.Units = p.keys(to+".units", "a unit", nil)
		w.Targets = append(w.Targets, target)
	}
	p.block(map[string]func(token){
		"window": func(t token) {
			p.once(t.pos, "window", path+".window")
			p.window(func(w release.Window) { p.plan.Waves[n].Window = w })
		},
		"after":  func(token) { w.After = p.keys(path+".after", "a wave", w.After) },
		"target": func(t token) { target(t.pos, false) },
		"optional": func(t token) {
			p.keyword("target")
			target(t.pos, true)
		},
		"need": func(t token) {
			p.once(t.pos, "need", path+".need")
			w.Need = p.count("how many targets must succeed")
		},
		"stop": func(t token) {
			p.once(t.pos, "stop", path+".stop_after")
			p.keyword("after")
			w.Stop = p.count("after how many failures it stops")
		},
		"skippable": func(t token) {
			p.once(t.pos, "skippable", path+".skippable")
			w.Skip = true
		},
	})
}

// count reads a number of targets, of which there must be at least one.
func (p *parser) count(what string) int {
	at := p.tok.pos
	n := p.digits(what)
	if n < 1 || n > release.MaxTargets {
		p.meaning(at, "%s is %d, want 1 to %d", what, n, release.MaxTargets)
		return 0
	}
	return int(n)
}

func (p *parser) gate(t token) {
	path := p.entry("gates", len(p.plan.Gates), t.pos)
	p.mark(path + ".key")
	g := release.Gate{Key: p.key("the gate")}
	p.keyword("before")
	p.mark(path + ".before")
	if g.Before = release.GatePoint(p.keyword("deployment", "acceptance", "wave")); g.Before == release.BeforeWave {
		g.Wave = p.key("the wave")
	}
	defer func() { p.plan.Gates = append(p.plan.Gates, g) }()
	p.block(map[string]func(token){
		"ask": func(t token) {
			p.once(t.pos, "ask", path+".ask")
			g.Ask = p.string("the question")
		},
		"limit": func(t token) {
			p.entry(path+".limits", len(g.Limits), t.pos)
			l := release.Limit{Measure: p.key("the measure"), Bound: release.LimitBound(p.keyword("at_most", "at_least"))}
			l.Value = p.number("the limit")
			g.Limits = append(g.Limits, l)
		},
		"on": func(t token) {
			answer := p.keyword("failed", "unknown")
			p.once(t.pos, "on "+answer, path+".on_"+answer)
			reaction := release.Reaction(p.keyword("wait", "halt", "roll_back"))
			if answer == "failed" {
				g.OnFailed = reaction
			} else {
				g.OnUnknown = reaction
			}
		},
	})
}

func (p *parser) ready(t token) {
	path := p.entry("readiness", len(p.plan.Readiness), t.pos)
	p.mark(path + ".key")
	r := release.Ready{Key: p.key("the item")}
	r.Kind = release.ReadyKind(p.keyword("technical", "non_technical"))
	p.mark(path + ".text")
	r.Text = p.string("the item")
	p.keyword("owner")
	p.mark(path + ".owner")
	r.Owner = itsm.PersonID(p.string("the owner"))
	if p.tok.kind == word && p.tok.text == "optional" {
		p.advance()
		r.Optional = true
	}
	p.plan.Readiness = append(p.plan.Readiness, r)
}
