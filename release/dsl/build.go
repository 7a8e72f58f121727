package dsl

import (
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// A Builder makes a plan in Go, statement by statement as the text does. Faults are collected and told by [Builder.Plan]. It is
// for one goroutine.
type Builder struct {
	plan   release.Plan
	faults release.Faults
	times  []func(*time.Location)
}

// Release begins a plan.
func Release(title string) *Builder { return &Builder{plan: release.Plan{Title: title}} }

// Plan returns the plan. The error is a [release.Faults] with everything that is wrong.
func (b *Builder) Plan() (release.Plan, error) {
	loc, err := b.plan.Location()
	if err != nil {
		loc = time.UTC // Check says so
	}
	for _, read := range b.times {
		read(loc)
	}
	b.times = nil
	if faults := append(b.faults, b.plan.Check()...); len(faults) > 0 {
		return release.Plan{}, faults
	}
	return b.plan, nil
}

func (b *Builder) fault(path, what string) {
	b.faults = append(b.faults, release.Fault{Path: path, What: what})
}

// window reads two civil times once the zone is known.
func (b *Builder) window(path, from, to string, set func(release.Window)) {
	b.times = append(b.times, func(loc *time.Location) {
		read := func(s string) time.Time {
			t, what := time.Time{}, "want a time such as 2026-12-19T22:00, not "+s
			if timeShape(s) {
				t, what = readTime(s, loc)
			}
			if what != "" {
				b.fault(path, what)
			}
			return t
		}
		set(release.Window{From: read(from), To: read(to)})
	})
}

// Type sets the type.
func (b *Builder) Type(t release.Type) *Builder { b.plan.Type = t; return b }

// Zone sets the zone in which the times of the plan are civil.
func (b *Builder) Zone(name string) *Builder { b.plan.Zone = name; return b }

// Objective sets the objective.
func (b *Builder) Objective(s string) *Builder { b.plan.Objective = s; return b }

// In adds what is in scope.
func (b *Builder) In(what ...string) *Builder {
	b.plan.Inside = append(b.plan.Inside, what...)
	return b
}

// Out adds what is out of scope.
func (b *Builder) Out(what ...string) *Builder {
	b.plan.Outside = append(b.plan.Outside, what...)
	return b
}

// Service adds services that are affected.
func (b *Builder) Service(keys ...string) *Builder {
	b.plan.Services = append(b.plan.Services, keys...)
	return b
}

// CI adds configuration items that are touched.
func (b *Builder) CI(keys ...string) *Builder { b.plan.CIs = append(b.plan.CIs, keys...); return b }

// Change adds a change. Texts that are empty are those of the change itself.
func (b *Builder) Change(id itsm.ID, reason, impact, scope string) *Builder {
	b.plan.Members = append(b.plan.Members, release.Member{ID: id, Reason: reason, Impact: impact, Scope: scope})
	return b
}

// Closes adds problems and known errors that the release closes, as kind/id.
func (b *Builder) Closes(refs ...string) *Builder {
	b.plan.Closes = append(b.plan.Closes, refs...)
	return b
}

// Criterion adds a criterion of acceptance.
func (b *Builder) Criterion(key, text string) *Builder {
	b.plan.Criteria = append(b.plan.Criteria, release.Criterion{Key: key, Text: text})
	return b
}

// Phase adds a phase between two civil times, written as in the text form.
func (b *Builder) Phase(s release.Stage, from, to string) *Builder {
	n := len(b.plan.Phases)
	b.plan.Phases = append(b.plan.Phases, release.Phase{Stage: s})
	b.window(fmt.Sprintf("phases[%d]", n), from, to, func(w release.Window) { b.plan.Phases[n].Window = w })
	return b
}

// Consult adds parties that are asked.
func (b *Builder) Consult(kind release.PartyKind, keys ...string) *Builder {
	for _, k := range keys {
		b.plan.Consult = append(b.plan.Consult, release.Party{Kind: kind, Key: k})
	}
	return b
}

// Sign adds a party whose signature is needed, and who may give it.
func (b *Builder) Sign(party string, people ...itsm.PersonID) *Builder {
	b.plan.Signers = append(b.plan.Signers, release.Signer{Party: party, People: people})
	return b
}

// Environments names the test environment and production.
func (b *Builder) Environments(test, production string) *Builder {
	b.plan.Test, b.plan.Live = test, production
	return b
}

// File adds a file of the definitive library; size is in bytes.
func (b *Builder) File(key, path, version string, digest itsm.Digest, size int64) *Builder {
	b.plan.Manifest = append(b.plan.Manifest, release.File{Key: key, Path: path, Version: version, Digest: digest, Size: size})
	return b
}

// A UnitPart is a part of a unit.
type UnitPart func(*release.Unit)

// Unit adds a unit that takes some time to install on one target.
func (b *Builder) Unit(key, version string, takes time.Duration, parts ...UnitPart) *Builder {
	u := release.Unit{Key: key, Version: version, Takes: itsm.Duration(takes)}
	for _, part := range parts {
		part(&u)
	}
	b.plan.Units = append(b.plan.Units, u)
	return b
}

// Files are what a unit consists of.
func Files(keys ...string) UnitPart {
	return func(u *release.Unit) { u.Files = append(u.Files, keys...) }
}

// Carries are the changes that a unit brings into production.
func Carries(ids ...itsm.ID) UnitPart {
	return func(u *release.Unit) { u.Changes = append(u.Changes, ids...) }
}

// AfterUnits are the units that must be there first.
func AfterUnits(keys ...string) UnitPart {
	return func(u *release.Unit) { u.After = append(u.After, keys...) }
}

// Rollback is the way back and how long it takes.
func Rollback(how string, takes time.Duration) UnitPart {
	return func(u *release.Unit) { u.Rollback, u.Back = how, itsm.Duration(takes) }
}

// NoReturn is what cannot be undone.
func NoReturn(what string) UnitPart {
	return func(u *release.Unit) { u.Rollback, u.NoReturn = what, true }
}

// A WavePart is a part of a wave.
type WavePart func(*release.Wave)

// Wave adds a wave between two civil times.
func (b *Builder) Wave(key, from, to string, parts ...WavePart) *Builder {
	n := len(b.plan.Waves)
	w := release.Wave{Key: key}
	for _, part := range parts {
		part(&w)
	}
	b.plan.Waves = append(b.plan.Waves, w)
	b.window(fmt.Sprintf("waves[%d].window", n), from, to, func(v release.Window) { b.plan.Waves[n].Window = v })
	return b
}

// AfterWaves are the waves that must have passed.
func AfterWaves(keys ...string) WavePart {
	return func(w *release.Wave) { w.After = append(w.After, keys...) }
}

// Target is an item with the units that it gets.
func Target(ci string, units ...string) WavePart {
	return func(w *release.Wave) { w.Targets = append(w.Targets, release.Target{CI: ci, Units: units}) }
}

// OptionalTarget is a [Target] that the wave can do without.
func OptionalTarget(ci string, units ...string) WavePart {
	return func(w *release.Wave) {
		w.Targets = append(w.Targets, release.Target{CI: ci, Units: units, Optional: true})
	}
}

// Need is how many targets must succeed.
func Need(n int) WavePart { return func(w *release.Wave) { w.Need = n } }

// StopAfter is how many failures stop the rest.
func StopAfter(n int) WavePart { return func(w *release.Wave) { w.Stop = n } }

// Skippable marks a wave that others do not need.
func Skippable() WavePart { return func(w *release.Wave) { w.Skip = true } }

// Gate adds a gate.
func (b *Builder) Gate(g release.Gate) *Builder { b.plan.Gates = append(b.plan.Gates, g); return b }

// Ready adds an item to the readiness list.
func (b *Builder) Ready(r release.Ready) *Builder {
	b.plan.Readiness = append(b.plan.Readiness, r)
	return b
}

// Observe sets how long early-life support lasts and the criteria to leave it.
func (b *Builder) Observe(d time.Duration, until ...string) *Builder {
	b.plan.Observe, b.plan.Exit = itsm.Duration(d), until
	return b
}
