package sla

import (
	"cmp"
	"fmt"
	"time"
)

// look is one observation of a record: it evaluates each condition at most once.
type look struct {
	*Catalog
	facts any
	at    time.Time
	known []int8 // by atom: 0 not evaluated, 1 false, 2 true
	few   [64]int8
	// Why the record waits, once it has been asked for.
	reason    string
	hasReason bool
}

func (c *Catalog) look(facts any, at time.Time) *look {
	l := &look{Catalog: c, facts: facts, at: at}
	if len(c.atoms) <= len(l.few) {
		l.known = l.few[:]
	} else {
		l.known = make([]int8, len(c.atoms))
	}
	return l
}

// holds evaluates an atom; where there is none, it returns what holds without.
func (l *look) holds(atom int, without bool) (bool, error) {
	if atom < 0 {
		return without, nil
	}
	if l.known[atom] == 0 {
		ok, err := l.atoms[atom].Eval(l.facts)
		if err != nil {
			return false, fmt.Errorf("sla: condition %s: %w", l.atoms[atom], err)
		}
		l.known[atom] = 1
		if ok {
			l.known[atom] = 2
		}
	}
	return l.known[atom] == 2, nil
}

// source is the canonical text of an atom.
func (l *look) source(atom int, without string) string {
	if atom < 0 {
		return without
	}
	return l.atoms[atom].String()
}

// value reads a single fact; nil when it is absent.
func (l *look) value(name string) any {
	p, ok := l.Catalog.facts[name]
	if !ok {
		return nil
	}
	for _, t := range p.Explain(l.facts) {
		if t.Source == name {
			return t.Value
		}
	}
	return nil
}

// timeFact reads a time fact; the zero time when it is absent.
func (l *look) timeFact(name string) time.Time {
	t, ok := l.value(name).(time.Time)
	if !ok || t.IsZero() {
		return time.Time{}
	}
	return micro(t)
}

// pauseReason reads why the record waits.
func (l *look) pauseReason() string {
	if !l.hasReason {
		l.hasReason = true
		l.reason, _ = l.value(l.data.PauseFact).(string)
	}
	return l.reason
}

// applies reports whether the target is made for the record; if not, which condition says so.
func (l *look) applies(t *target) (bool, int, error) {
	for _, a := range t.applies {
		if ok, err := l.holds(a, true); err != nil || !ok {
			return false, a, err
		}
	}
	return true, -1, nil
}

// Select returns all candidates for a metric of a record that began at an instant, each with the reason why it is chosen or not.
// At most one is chosen, and one is whenever any applies.
func (c *Catalog) Select(m Metric, facts any, began time.Time) (Choices, error) {
	began = micro(began)
	return c.look(facts, began).choices(m, began, nil)
}

// winner returns the target that applies, nil when there is none. The version to which a clock is pinned stands for its key.
func (l *look) winner(m Metric, began time.Time, pinned *target) (*target, error) {
	var best *target
	for _, t := range l.byMetric[m] {
		if !eligible(t, began, pinned) {
			continue
		}
		ok, _, err := l.applies(t)
		if err != nil {
			return nil, err
		}
		if ok && (best == nil || l.compare(t, best) < 0) {
			best = t
		}
	}
	return best, nil
}

func eligible(t *target, began time.Time, pinned *target) bool {
	if pinned != nil && t.Key == pinned.Key {
		return t == pinned
	}
	return t.inEffect(began)
}

// compare orders targets that apply to the same record, the better one first. It is a total order.
func (l *look) compare(x, y *target) int {
	c, _ := l.decide(x, y)
	return c
}

// decide also says what decided, as a verdict on the worse one.
func (l *look) decide(x, y *target) (int, Verdict) {
	specific := func() (int, Verdict) {
		if c := cmp.Compare(x.level, y.level); c != 0 {
			return c, LessSpecific
		}
		return cmp.Compare(y.Rank, x.Rank), LowerRank
	}
	strict := func() (int, Verdict) { return l.fresh(x).Compare(l.fresh(y)), LessStrict }
	order := func() (int, Verdict) { return cmp.Compare(x.order, y.order), LaterInOrder }
	steps := []func() (int, Verdict){specific, strict}
	switch l.data.Tie {
	case Strictest:
		steps = []func() (int, Verdict){strict, specific}
	case First:
		return order()
	}
	for _, step := range steps {
		if c, v := step(); c != 0 {
			return c, v
		}
	}
	return cmp.Compare(x.Key, y.Key), LaterInOrder
}

// fresh is when a target would be due if its clock began now. One without a due time comes last.
func (l *look) fresh(t *target) time.Time {
	w := track{runs: []run{{from: l.at}}, cal: t.calendar, goal: t.Goal}
	if t.Goal.kind == beforeDue {
		w.anchor = l.timeFact(t.Goal.fact)
	}
	due, ok, err := w.due()
	if !ok || err != nil {
		return endOfTime
	}
	return due
}

var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// choices is winner with a verdict on each definition.
func (l *look) choices(m Metric, began time.Time, pinned *target) (Choices, error) {
	best, err := l.winner(m, began, pinned)
	if err != nil {
		return nil, err
	}
	var out Choices
	for _, t := range l.byMetric[m] {
		c := Choice{Key: t.Key, Version: t.Version}
		ok, failed, err := l.applies(t)
		switch {
		case err != nil:
			return nil, err
		case !eligible(t, began, pinned):
			c.Verdict = NotInEffect
		case !ok:
			c.Verdict, c.Detail = NotApplicable, l.atoms[failed].String()
		case t == best:
			c.Verdict = Chosen
		default:
			_, c.Verdict = l.decide(best, t)
			c.Detail = l.detail(c.Verdict, best, t)
		}
		out = append(out, c)
	}
	return out, nil
}

func (l *look) detail(v Verdict, best, t *target) string {
	switch v {
	case LessSpecific:
		return fmt.Sprintf("level %d, %s has %d", t.level+1, best.Key, best.level+1)
	case LowerRank:
		return fmt.Sprintf("rank %d, %s has %d", t.Rank, best.Key, best.Rank)
	case LessStrict:
		return fmt.Sprintf("due %s, %s %s", l.fresh(t).Format(time.RFC3339), best.Key, l.fresh(best).Format(time.RFC3339))
	}
	return "after " + best.Key
}

// applicable keeps what is worth storing with a clock: the candidates whose conditions hold.
func (cs Choices) applicable() Choices {
	var out Choices
	for _, c := range cs {
		if c.Verdict != NotApplicable && c.Verdict != NotInEffect {
			out = append(out, c)
		}
	}
	return out
}
