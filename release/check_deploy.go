package release

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// The checks of what is deployed: files, units, waves and gates.

func (c *checker) files() {
	p := c.p
	used := make(map[string]bool)
	for _, u := range p.Units {
		for _, f := range u.Files {
			used[f] = true
		}
	}
	for i, f := range p.Manifest {
		c.key(at("files", i, ".key"), f.Key)
		c.name(at("files", i, ".path"), f.Path)
		c.name(at("files", i, ".version"), f.Version)
		if f.Digest.IsZero() {
			c.add(at("files", i, ".digest"), "%s has no digest", f.Key)
		}
		if f.Size < 0 {
			c.add(at("files", i, ".size"), "%s has the size %d, want 0 or more", f.Key, f.Size)
		}
		if !used[f.Key] {
			c.add(at("files", i, ""), "no unit holds the file %s", f.Key)
		}
	}
	unique(c, "files", len(p.Manifest), ".key", func(i int) string { return p.Manifest[i].Key })
}

func (c *checker) deployUnits() {
	p := c.p
	deployed := make(map[string]bool)
	for i := range p.Waves {
		for _, t := range p.Waves[i].Targets {
			for _, u := range t.Units {
				deployed[u] = true
			}
		}
	}
	files := make(map[string]bool, len(p.Manifest))
	for _, f := range p.Manifest {
		files[f.Key] = true
	}
	for i, u := range p.Units {
		c.key(at("units", i, ".key"), u.Key)
		c.name(at("units", i, ".version"), u.Version)
		for k, f := range u.Files {
			if !files[f] {
				c.add(fmt.Sprintf("units[%d].files[%d]", i, k), "there is no file %s", f)
			}
		}
		unique(c, at("units", i, ".files"), len(u.Files), "", func(k int) string { return u.Files[k] })
		for k, id := range u.Changes {
			if !slices.ContainsFunc(p.Members, func(m Member) bool { return m.ID == id }) {
				c.add(fmt.Sprintf("units[%d].changes[%d]", i, k), "the release carries no change %s", id)
			}
		}
		unique(c, at("units", i, ".changes"), len(u.Changes), "", func(k int) itsm.ID { return u.Changes[k] })
		for k, name := range u.After {
			if c.unit[name] == nil {
				c.add(fmt.Sprintf("units[%d].after[%d]", i, k), "there is no unit %s", name)
			}
		}
		unique(c, at("units", i, ".after"), len(u.After), "", func(k int) string { return u.After[k] })
		c.elapsed(at("units", i, ".takes"), u.Takes)
		c.elapsed(at("units", i, ".back"), u.Back)
		if u.Takes == 0 {
			c.add(at("units", i, ".takes"), "%s takes %s, want more than nothing", u.Key, u.Takes)
		}
		c.text(at("units", i, ".rollback"), u.Rollback)
		switch {
		case strings.TrimSpace(u.Rollback) == "":
			c.add(at("units", i, ""), "%s has no way back: say how it is rolled back, or what cannot be undone", u.Key)
		case u.NoReturn && u.Back != 0:
			c.add(at("units", i, ".back"), "%s is a point of no return, so its way back takes no time", u.Key)
		case !u.NoReturn && u.Back == 0:
			c.add(at("units", i, ".back"), "the way back of %s takes no time, want more than nothing", u.Key)
		}
		if !deployed[u.Key] {
			c.add(at("units", i, ""), "no wave deploys %s", u.Key)
		}
	}
	unique(c, "units", len(p.Units), ".key", func(i int) string { return p.Units[i].Key })
	for _, circle := range c.units.circles() {
		c.add(at("units", circle[0], ".after"), "the units %s wait for each other", circleText(c.units, circle))
	}
}

func (c *checker) deployWaves() {
	p := c.p
	cis := make(map[string]bool, len(p.CIs))
	for _, ci := range p.CIs {
		cis[ci] = true
	}
	first := make(map[string]string) // target → wave
	for i, w := range p.Waves {
		c.key(at("waves", i, ".key"), w.Key)
		for k, name := range w.After {
			if p.Wave(name) == nil {
				c.add(fmt.Sprintf("waves[%d].after[%d]", i, k), "there is no wave %s", name)
			}
		}
		unique(c, at("waves", i, ".after"), len(w.After), "", func(k int) string { return w.After[k] })
		if len(w.Targets) == 0 {
			c.add(at("waves", i, ""), "%s has no targets", w.Key)
		}
		for k, t := range w.Targets {
			path := fmt.Sprintf("waves[%d].targets[%d]", i, k)
			if !cis[t.CI] {
				c.add(path, "%s is not among the configuration items of the release", t.CI)
			}
			if other, twice := first[t.CI]; twice {
				c.add(path, "%s is a target of %s already; a target passes one wave", t.CI, other)
			} else {
				first[t.CI] = w.Key
			}
			if len(t.Units) == 0 {
				c.add(path, "%s gets no units", t.CI)
			}
			for n, u := range t.Units {
				if c.unit[u] == nil {
					c.add(fmt.Sprintf("%s.units[%d]", path, n), "there is no unit %s", u)
				}
			}
			unique(c, path+".units", len(t.Units), "", func(n int) string { return t.Units[n] })
		}
		if w.Need < 0 || w.Need > len(w.Targets) {
			c.add(at("waves", i, ".need"), "%s needs %d of its %d targets and can never pass", w.Key, w.Need, len(w.Targets))
		}
		if w.Stop < 0 {
			c.add(at("waves", i, ".stop_after"), "%s stops after %d failures, want 1 or more", w.Key, w.Stop)
		}
		c.window(i, w)
	}
	unique(c, "waves", len(p.Waves), ".key", func(i int) string { return p.Waves[i].Key })
	c.reachable()
	c.order()
}

func (c *checker) window(i int, w Wave) {
	p := c.p
	c.dates(at("waves", i, ".window"), w.Window)
	switch {
	case w.Window.From.IsZero() || w.Window.To.IsZero():
		c.add(at("waves", i, ".window"), "%s has no window", w.Key)
		return
	case !w.Window.From.Before(w.Window.To):
		c.add(at("waves", i, ".window"), "the window of %s ends at %s, not after it begins at %s", w.Key, p.clock(w.Window.To), p.clock(w.Window.From))
		return
	}
	if live, ok := p.Phase(StageGoLive); ok && (w.Window.From.Before(live.From) || w.Window.To.After(live.To)) {
		c.add(at("waves", i, ".window"), "the window of %s, %s to %s, is not within go_live, %s to %s", w.Key, p.clock(w.Window.From), p.clock(w.Window.To), p.clock(live.From), p.clock(live.To))
	}
	if forward, back := p.pathLength(&p.Waves[i]); forward+back > w.Window.Length() {
		c.add(at("waves", i, ".window"), "the window of %s has %s, but its longest path takes %s and the way back %s", w.Key, w.Window.Length(), forward, back)
	}
}

// reachable reports waves in and behind circles, and windows that contradict the order of the waves.
func (c *checker) reachable() {
	p := c.p
	circular := make(map[int]bool)
	for _, circle := range c.waves.circles() {
		c.add(at("waves", circle[0], ".after"), "the waves %s wait for each other", circleText(c.waves, circle))
		for _, i := range circle {
			circular[i] = true
		}
	}
	for i, w := range p.Waves {
		before := c.waves.closure(i)
		if !circular[i] {
			for _, k := range before {
				if circular[k] {
					c.add(at("waves", i, ""), "%s cannot be reached: it is behind %s, which waits for itself", w.Key, p.Waves[k].Key)
					break
				}
			}
		}
		for _, k := range before {
			v := p.Waves[k]
			if k != i && !w.Window.From.IsZero() && !v.Window.To.IsZero() && w.Window.From.Before(v.Window.To) {
				c.add(at("waves", i, ".window"), "the window of %s begins at %s, before that of %s, which comes first, ends at %s", w.Key, p.clock(w.Window.From), v.Key, p.clock(v.Window.To))
			}
		}
	}
}

// order reports units that could not be deployed because what they need comes later.
func (c *checker) order() {
	p := c.p
	carriers := make(map[string][]int) // unit → waves
	for i, w := range p.Waves {
		for _, t := range w.Targets {
			for _, u := range t.Units {
				if n := len(carriers[u]); n == 0 || carriers[u][n-1] != i {
					carriers[u] = append(carriers[u], i)
				}
			}
		}
	}
	for i, w := range p.Waves {
		early := map[int]bool{i: true}
		for _, k := range c.waves.closure(i) {
			early[k] = true
		}
		for k, t := range w.Targets {
			for n, name := range t.Units {
				u := c.unit[name]
				if u == nil {
					continue
				}
				for _, need := range u.After {
					if c.unit[need] == nil || slices.Contains(t.Units, need) || len(carriers[need]) == 0 {
						continue
					}
					if !slices.ContainsFunc(carriers[need], func(k int) bool { return early[k] }) {
						c.add(fmt.Sprintf("waves[%d].targets[%d].units[%d]", i, k, n), "%s needs %s, which comes neither in %s nor in a wave before it", name, need, w.Key)
					}
				}
			}
		}
	}
}

func (c *checker) gates() {
	p := c.p
	for i, g := range p.Gates {
		c.key(at("gates", i, ".key"), g.Key)
		c.text(at("gates", i, ".ask"), g.Ask)
		switch g.Before {
		case BeforeWave:
			if p.Wave(g.Wave) == nil {
				c.add(at("gates", i, ".before"), "there is no wave %s", g.Wave)
			}
		case BeforeDeployment, BeforeAcceptance:
			if g.Wave != "" {
				c.add(at("gates", i, ".before"), "a gate before the %s names no wave", g.Before)
			}
		default:
			c.add(at("gates", i, ".before"), "%q is no place for a gate, want deployment, wave or acceptance", g.Before)
		}
		for k, l := range g.Limits {
			path := fmt.Sprintf("gates[%d].limits[%d]", i, k)
			c.key(path, l.Measure)
			if l.Bound != AtMost && l.Bound != AtLeast {
				c.add(path, "%q is no limit, want at_most or at_least", l.Bound)
			}
			if math.IsNaN(l.Value) || math.IsInf(l.Value, 0) {
				c.add(path, "the limit of %s is no number", l.Measure)
			}
		}
		type side struct {
			measure string
			bound   LimitBound
		}
		unique(c, at("gates", i, ".limits"), len(g.Limits), "", func(k int) side { return side{g.Limits[k].Measure, g.Limits[k].Bound} })
		for _, r := range []Reaction{g.OnFailed, g.OnUnknown} {
			if r != "" && !slices.Contains(Reactions(), r) {
				c.add(at("gates", i, ""), "%q is no reaction, want one of %s", r, list(Reactions()))
			}
		}
		if strings.TrimSpace(g.Ask) == "" && len(g.Limits) == 0 {
			c.add(at("gates", i, ""), "%s asks nothing: want a question or a limit", g.Key)
		}
	}
	unique(c, "gates", len(p.Gates), ".key", func(i int) string { return p.Gates[i].Key })
}
