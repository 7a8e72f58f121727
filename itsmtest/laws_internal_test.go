package itsmtest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hospital-itsm/itsm"
)

func TestWalk(t *testing.T) {
	t.Parallel()
	cover := Walk(t, lockModel(""))
	assert.Equal(t, []string{"open", "closed", "removed", "locked"}, cover.States)
	assert.Equal(t, 4, cover.Records)
	assert.Equal(t, `command       open  closed  removed  locked
lock.install                         
lock.shut     +     -       -        -
lock.open     -     +       -        -
lock.lock     -     +       -        -
lock.unlock   -     -       -        ±
lock.admit    +     +       -        +
lock.remove   +     +       -        -
lock.tick     +     +       +        +
`, cover.String())
}

func TestLawsCatchBrokenProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short too few histories are drawn to catch every fault")
	}
	t.Parallel()
	cases := []struct {
		flaw    flaw
		law     Law
		explain string
	}{
		{flawMapOrder, Determinism, "lock.open: deciding the same thing twice gave"},
		{flawClock, Determinism, "lock.admit: deciding the same thing twice gave"},
		{flawAppend, Determinism, "appended to record.Guests"},
		{flawMapWrite, Determinism, "Evolve of lock.counted changed the record it was given"},
		{flawElement, Determinism, "Evolve of lock.admitted changed the record|two versions of the record share memory"},
		{flawDecide, Determinism, "Decide changed the record it was given"},
		{flawState, Closure, `the record is in the state "jammed"`},
		{flawPhase, Closure, `in the phase "somewhere"`},
		{flawIndex, Closure, `the index field "place" is not declared`},
		{flawFinal, Closure, "moved a record that was at rest for good from removed to closed"},
		{flawPossible, Closure, "must be sorted"},
		{flawBreach, Time, `time alone moved the record from "closed" to "removed"`},
		{flawWake, Time, "still wants to be woken"},
		{flawRefusedWake, Time, "it will be woken for ever"},
		{flawRule, Refusal, "the rules of the process lack lock.state"},
		{flawArgument, Refusal, "lock.required lacks an argument"},
		{flawError, Refusal, "the hinge is stuck"},
		{flawLeak, Masking, `Events shows "13800138000"`},
		{flawUnstored, Replay, "the stored record must equal the fold of its journal|must come back from JSON as it went in"},
	}
	for _, c := range cases {
		t.Run(string(c.flaw), func(t *testing.T) {
			t.Parallel()
			requireCaught(t, func(t runner) { runLaws(t, lockSpec(c.flaw), c.law) }, string(c.law), c.explain)
		})
		t.Run(string(c.flaw)+", by commands that are made up", func(t *testing.T) {
			t.Parallel()
			spec := lockSpec(c.flaw)
			spec.Command = nil
			requireCaught(t, func(t runner) { runLaws(t, spec, c.law) }, string(c.law), c.explain)
		})
	}
}

func TestWalkCatchesBrokenProcesses(t *testing.T) {
	t.Parallel()
	for flaw, explain := range map[flaw]string{
		flawState: `led from "closed" to "jammed"`, flawEdge: `lock.unlock led from "locked" to "open"`, flawFinal: `led from "removed" to "closed"`, flawError: "the hinge is stuck",
		flawBreach: "", // walks only where moves lead, and removing is a step from closed
	} {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			found := record(t, func(t runner) { walk(t, lockModel(flaw)) })
			if explain == "" {
				found.requireNone(t)
				return
			}
			found.requireFound(t, "", explain)
		})
	}
	t.Run("a state that no move reaches", func(t *testing.T) {
		t.Parallel()
		m := lockModel("")
		m.States = append(m.States, "stuck")
		m.Edges = append(m.Edges, Edge{"open", "stuck"})
		found := record(t, func(t runner) { walk(t, m) })
		found.requireFound(t, "", `the state "stuck" is declared, but no move leads to it`)
		found.requireFound(t, "", `the step from "open" to "stuck" is declared, but no move takes it`)
		m.Beyond = []Edge{{"", "stuck"}, {"open", "stuck"}}
		record(t, func(t runner) { walk(t, m) }).requireNone(t)
	})
	t.Run("a command that is never tried or never accepted", func(t *testing.T) {
		t.Parallel()
		m := lockModel("")
		all := m.Moves
		m.Moves = func(rec lock) []Move { return append(all(rec)[:4], Moves(unlock{Code: 9}, remove{}, tick{})...) }
		found := record(t, func(t runner) { walk(t, m) })
		found.requireFound(t, "", "lock.admit is never tried")
		found.requireFound(t, "", "lock.unlock is never accepted")
	})
	t.Run("a walk without end", func(t *testing.T) {
		t.Parallel()
		m := lockModel("")
		m.Abstract, m.Most = func(rec lock) string { return string(rune('a' + len(rec.Guests))) }, 20
		record(t, func(t runner) { walk(t, m) }).requireFound(t, "", "let Abstract tell fewer apart")
	})
}

// rechained returns the events of a change with an edit, as a repository would have to forge them.
func rechained(c itsm.Change[lock], edit func(e *itsm.Event)) itsm.Change[lock] {
	c.Events = slices.Clone(c.Events)
	for i := range c.Events {
		e := &c.Events[i]
		edit(e)
		if i > 0 {
			e.Prev = c.Events[i-1].Hash
		}
		e.Hash = e.ComputeHash()
	}
	return c
}

func TestLawsCatchBrokenRepositories(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short too few histories are drawn to catch every fault")
	}
	t.Parallel()
	cases := []struct {
		name    string
		law     Law
		explain string
		save    func(r itsm.Repository[lock], c itsm.Change[lock]) error
	}{
		{"part of the record is lost", Replay, "the stored record is not what its journal leads to", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			if c.Record != nil {
				rec := *c.Record
				rec.Guests, c.Record = nil, &rec
			}
			return r.Save(t.Context(), c)
		}},
		{"an entry is forged", Replay, "its content was changed", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			c = rechained(c, func(*itsm.Event) {})
			if c.Expect > 0 {
				c.Events[0].Actor = "somebody else"
			}
			return r.Save(t.Context(), c)
		}},
		{"refusals blank the record", Refusal, "was refused, but the record changed", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			if c.Record == nil && c.Expect > 0 {
				c.Record = &lock{}
			}
			return r.Save(t.Context(), c)
		}},
		{"refusals are dropped", Refusal, "want one entry that tells of the refusal, found 0", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			if c.Record == nil {
				return nil
			}
			return r.Save(t.Context(), c)
		}},
		{"reasons are dropped", Refusal, "an entry must say who gave which command, when and why", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			return r.Save(t.Context(), rechained(c, func(e *itsm.Event) { e.Reason = "" }))
		}},
		{"command IDs are forgotten", Once, "with one ID|lost its races", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			c.Command = newCommand()
			return r.Save(t.Context(), rechained(c, func(e *itsm.Event) { e.Command = c.Command }))
		}},
		{"every save is a conflict", Replay, "lost its races, but nobody else was there", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			if c.Expect > 0 {
				return itsm.ErrConflict
			}
			return r.Save(t.Context(), c)
		}},
		{"the caller's time of recording", TwoTimes, "but the clock stood at", func(r itsm.Repository[lock], c itsm.Change[lock]) error {
			return r.Save(t.Context(), rechained(c, func(e *itsm.Event) { e.Recorded = e.At }))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spec := lockSpec("")
			spec.Open = func(t testing.TB) itsm.Repository[lock] { return brokenRepo{Repository: memoryLocks(t), save: c.save} }
			requireCaught(t, func(t runner) { runLaws(t, spec, c.law) }, string(c.law), c.explain)
		})
	}
}
