package sla

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm/internal/jsonfast"
)

// A Sheet holds the clocks of one record: their events in order of arrival, and what follows from them. It is a value: methods
// return a new sheet and never change the one they are called on, so sheets may be shared and read concurrently. The zero
// Sheet is empty and ready for use. Its JSON is the list of events; the rest is folded from them.
type Sheet struct {
	events []Event
	clocks []Clock
}

// State is what a clock does.
type State string

// The states of a clock.
const (
	NotStarted State = "not_started"
	Running    State = "running"
	Paused     State = "paused"
	Stopped    State = "stopped" // finished or ended otherwise, see its outcome
)

// A Clock is the state of one clock, folded from its events. Each clock has one pinned definition; a re-targeting or a new
// cycle makes another clock.
type Clock struct {
	ID       int
	Pin      Pin
	Carry    *Carry    // nil unless the clock took over from another
	State    State     // after its last event in order of effect
	Began    time.Time // when the first clock of this cycle was attached
	Attached time.Time
	Pinned   time.Time // when the present versions were pinned
	Ended    time.Time // zero while it is live
	Anchor   time.Time // the time fact of a "before" goal
	Result

	definition, calendar string // the pinned versions, as key@version

	end    Kind // the kind that closed it; "" while it is live
	held   bool
	reason string // of the pause it is in
	breach breachFact
	acked  string
	fired  []fired
	moves  []move
	own    []run // what it counted itself
	runs   []run // with what a replay takes over
}

// breachFact is what stands recorded about a breach. The zero value says that none does.
type breachFact struct {
	at  time.Time
	seq int
}

// fired is a rung that is done, up to its n-th repetition.
type fired struct {
	version string
	rung    string
	n       int
}

// move is an event that changes what a clock counts, at its corrected time.
type move struct {
	at     time.Time
	seq    int
	kind   Kind
	reason string
	void   bool
}

// run is a half-open stretch in which a clock counts; its end is zero while it goes on. Reason says why it paused there.
type run struct {
	from, to time.Time
	reason   string
}

// Live reports whether the clock can still be met or breached.
func (k *Clock) Live() bool { return k.end == "" }

// Apply returns the sheet after the events. It needs no catalog: events carry their results. Events of clocks that the
// sheet does not know are kept and have no effect.
func (s Sheet) Apply(events ...Event) Sheet {
	if len(events) == 0 {
		return s
	}
	n := Sheet{events: slices.Concat(s.events, events), clocks: slices.Clone(s.clocks)}
	for i := range events {
		n.fold(&events[i])
	}
	return n
}

// fold takes up one event. The clocks of s must be its own; slices inside them are replaced, never written to.
func (s *Sheet) fold(e *Event) {
	if e.Kind == KindAttach && e.Pin != nil && e.Clock == len(s.clocks)+1 {
		s.clocks = append(s.clocks, Clock{ID: e.Clock, Pin: *e.Pin, Carry: e.Carry, State: NotStarted, Began: e.At, Attached: e.At, Pinned: e.At,
			Anchor: e.Anchor, held: e.Held, definition: e.Definition, calendar: e.Calendar, Result: e.Result})
		k := &s.clocks[e.Clock-1]
		if from := s.clock(carriedFrom(k)); from != nil {
			k.Began = from.Began
		}
		s.refold(e.Clock)
		return
	}
	k := s.clock(e.Clock)
	if k == nil {
		return
	}
	k.Result = e.Result
	switch {
	case e.Kind.moves():
		m := move{at: e.At, seq: e.Seq, kind: e.Kind, reason: e.Reason}
		i, _ := slices.BinarySearchFunc(k.moves, m, compareMoves)
		k.moves = slices.Insert(slices.Clip(slices.Clone(k.moves)), i, m)
		if e.Kind.ends() && k.breach.at.IsZero() && !e.Breach.IsZero() && e.At.After(e.Breach) {
			k.breach = breachFact{e.Breach, e.Seq}
		}
		s.refold(k.ID)
	case e.Kind == KindAdjust:
		k.moves = slices.Clone(k.moves)
		for i := range k.moves {
			if m := &k.moves[i]; m.seq == e.Ref {
				m.at, m.void = e.At, e.Void
			}
		}
		slices.SortFunc(k.moves, compareMoves)
		s.refold(k.ID)
	case e.Kind == KindRung:
		k.fired = append(slices.Clip(slices.Clone(k.fired)), fired{k.Pin.Version, e.Rung, e.Nth})
	case e.Kind == KindAck:
		k.acked = e.Rung
	case e.Kind == KindRearm:
		k.held = false
	case e.Kind == KindMove:
		k.Anchor = e.Anchor
	case e.Kind == KindRepin && e.Pin != nil:
		k.Pin, k.Pinned, k.Anchor, k.definition, k.calendar = *e.Pin, e.At, e.Anchor, e.Definition, e.Calendar
	case e.Kind == KindBreach:
		k.breach = breachFact{e.At, e.Seq}
	case e.Kind == KindAmend && e.Ref > 0:
		k.breach = breachFact{}
		if !e.Void {
			k.breach = breachFact{e.Breach, e.Seq}
		}
	}
}

func compareMoves(a, b move) int {
	if c := a.at.Compare(b.at); c != 0 {
		return c
	}
	return a.seq - b.seq
}

func carriedFrom(k *Clock) int {
	if k.Carry == nil {
		return 0
	}
	return k.Carry.From
}

// clock returns the clock with the ID for writing, nil when there is none.
func (s *Sheet) clock(id int) *Clock {
	if id < 1 || id > len(s.clocks) {
		return nil
	}
	return &s.clocks[id-1]
}

// refold derives state and running set of a clock from its moves, and of the clocks that build on it.
func (s *Sheet) refold(id int) {
	k := &s.clocks[id-1]
	k.walk()
	k.runs = k.own
	if from := s.clock(carriedFrom(k)); from != nil && k.Carry.Policy == Replay {
		k.runs = join(from.before(k.Carry, k.Attached), k.own)
	}
	for i := id; i < len(s.clocks); i++ {
		if next := &s.clocks[i]; carriedFrom(next) == id {
			s.refold(next.ID)
		}
	}
}

// walk is the fold of the moves in order of effect. A move that does not fit the state it meets changes nothing.
func (k *Clock) walk() {
	k.State, k.end, k.Ended, k.reason, k.own = NotStarted, "", time.Time{}, "", nil
	closeRun := func(at time.Time, reason string) {
		if k.State == Running {
			last := &k.own[len(k.own)-1]
			last.to, last.reason = at, reason
		}
	}
	for _, m := range k.moves {
		switch {
		case m.void:
		case m.kind == KindReopen && k.end == KindStop && len(k.own) == 0:
			k.State, k.end, k.Ended = NotStarted, "", time.Time{}
		case m.kind == KindStart && k.State == NotStarted,
			m.kind == KindResume && k.State == Paused,
			m.kind == KindReopen && k.end == KindStop:
			k.State, k.end, k.Ended, k.reason = Running, "", time.Time{}, ""
			k.own = append(k.own, run{from: m.at})
		case m.kind == KindPause && (k.State == Running || k.State == Paused):
			closeRun(m.at, m.reason)
			k.State, k.reason = Paused, m.reason
		case m.kind.ends() && k.end == "":
			closeRun(m.at, "")
			k.State, k.end, k.Ended, k.reason = Stopped, m.kind, m.at, ""
		}
	}
}

// upTo returns the clock with only what had happened to it by an instant.
func (k *Clock) upTo(t time.Time) Clock {
	then := *k
	n, _ := slices.BinarySearchFunc(k.moves, t, func(m move, t time.Time) int {
		if m.at.After(t) {
			return 1
		}
		return -1
	})
	then.moves = k.moves[:n:n]
	then.walk()
	return then
}

// before is what a replay takes over: the running set up to an instant, with the pauses filled in that do not count as such.
func (k *Clock) before(c *Carry, at time.Time) []run {
	var out []run
	for _, r := range k.runs {
		if !r.from.Before(at) {
			break
		}
		if r.to.IsZero() || r.to.After(at) {
			r.to = at
		}
		if n := len(out); n > 0 && !c.keeps(out[n-1].reason) {
			out[n-1].to, out[n-1].reason = r.to, r.reason
			continue
		}
		out = append(out, r)
	}
	if n := len(out); n > 0 && out[n-1].reason != "" && !c.keeps(out[n-1].reason) {
		out[n-1].to = at
	}
	return out
}

// join puts two running sets together, the second after the first.
func join(a, b []run) []run {
	if len(a) == 0 || len(b) == 0 {
		return slices.Concat(a, b)
	}
	out := slices.Clip(a)
	if last := len(out) - 1; out[last].to.Equal(b[0].from) {
		out = slices.Clone(out)
		out[last].to, out[last].reason = b[0].to, b[0].reason
		b = b[1:]
	}
	return append(out, b...)
}

// Events returns the events in order of arrival. The slice belongs to the caller.
func (s Sheet) Events() []Event { return slices.Clone(s.events) }

// Len returns the number of events.
func (s Sheet) Len() int { return len(s.events) }

// IsZero reports whether the sheet is empty.
func (s Sheet) IsZero() bool { return len(s.events) == 0 }

// Clocks returns all clocks by ID, ended ones included. The slice belongs to the caller.
func (s Sheet) Clocks() []Clock { return slices.Clone(s.clocks) }

// Clock returns the latest clock of a metric, which is the only one that may be live.
func (s Sheet) Clock(m Metric) (Clock, bool) {
	if k := s.latest(m); k != nil {
		return *k, true
	}
	return Clock{}, false
}

func (s Sheet) latest(m Metric) *Clock {
	for i := len(s.clocks) - 1; i >= 0; i-- {
		if s.clocks[i].Pin.Metric == m {
			return &s.clocks[i]
		}
	}
	return nil
}

// Due returns the due time of the live clock of a metric. There is none while the clock is paused before it, not started or ended.
func (s Sheet) Due(m Metric) (time.Time, bool) {
	k := s.latest(m)
	if k == nil || !k.Live() || k.Due.IsZero() {
		return time.Time{}, false
	}
	return k.Due, true
}

// NextDue returns the earliest due time of all live clocks.
func (s Sheet) NextDue() (time.Time, bool) {
	var due time.Time
	for i := range s.clocks {
		if k := &s.clocks[i]; k.Live() && !k.Due.IsZero() && (due.IsZero() || k.Due.Before(due)) {
			due = k.Due
		}
	}
	return due, !due.IsZero()
}

// NextWake returns the instant at which [Catalog.Tick] has something to do next: the earliest rung or breach.
func (s Sheet) NextWake() (time.Time, bool) {
	var wake time.Time
	for i := range s.clocks {
		if w := s.clocks[i].Wake; s.clocks[i].Live() && !w.IsZero() && (wake.IsZero() || w.Before(wake)) {
			wake = w
		}
	}
	return wake, !wake.IsZero()
}

// End returns the events that end every live clock as merged or cancelled at an instant, or at its latest event if that is later. A
// breach that has happened by then stays a fact, also when nobody had told it yet. It panics on another outcome.
func (s Sheet) End(outcome Outcome, at time.Time) []Event {
	kind, ok := map[Outcome]Kind{Merged: KindMerge, Cancelled: KindCancel}[outcome]
	if !ok {
		panic(fmt.Sprintf("sla: clocks are ended as merged or cancelled, not as %s", outcome))
	}
	at = micro(at)
	var out []Event
	for i := range s.clocks {
		k := &s.clocks[i]
		if !k.Live() {
			continue
		}
		e := Event{Seq: len(s.events) + len(out) + 1, Clock: k.ID, Kind: kind, At: at, Definition: k.definition, Calendar: k.calendar, Result: k.Result}
		if n := len(k.moves); n > 0 {
			e.At = later(at, k.moves[n-1].at)
		}
		if !e.At.After(e.Breach) {
			e.Breach = time.Time{}
		}
		e.Wake, e.Outcome = time.Time{}, outcome
		out = append(out, e)
	}
	return out
}

// AsOf returns the sheet as it stood at an instant: only what had taken effect by then, with all corrections made since.
func (s Sheet) AsOf(t time.Time) Sheet {
	effect := make(map[int]time.Time, len(s.events))
	for _, e := range s.events {
		effect[e.Seq] = e.At
		if e.Kind == KindAdjust {
			effect[e.Ref] = e.At
		}
	}
	var kept []Event
	for _, e := range s.events {
		at := effect[e.Seq]
		if e.Kind == KindAttach || e.Kind == KindRung || e.Kind == KindBreach {
			at = e.At
		}
		if !at.After(t) {
			kept = append(kept, e)
		}
	}
	return Sheet{}.Apply(kept...)
}

// MarshalJSON writes the events.
func (s Sheet) MarshalJSON() ([]byte, error) { return jsonfast.Marshal(s.list()) }

// JSONAs lets the library encode a sheet inside a record without a detour. Nothing else can be done with it.
func (s *Sheet) JSONAs() jsonfast.As { return jsonfast.AsOf(s.list()) }

// list returns the events as JSON has them: never null.
func (s *Sheet) list() *[]Event {
	if s.events == nil {
		return &noEvents
	}
	return &s.events
}

var noEvents = []Event{}

// UnmarshalJSON reads the events and folds them.
func (s *Sheet) UnmarshalJSON(data []byte) error {
	var events []Event
	if err := json.Unmarshal(data, &events); err != nil {
		return fmt.Errorf("sla: sheet: %w", err)
	}
	*s = Sheet{}.Apply(events...)
	return nil
}

// micro is the resolution of all instants: UTC microseconds.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
