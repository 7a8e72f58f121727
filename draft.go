package itsm

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A Draft is a decision in the making: the record as it would be by now, the events so far, and every reason against the
// command. [Process.Decide] makes one, hands it to the rule of the command, and returns its [Draft.Result]. It is for one goroutine.
type Draft[R any] struct {
	Rec R // with the effect of all events so far
	Env Env

	kind     Kind
	command  string
	process  Evolver[R]
	payloads []Payload
	reasons  Reasons
	err      error
	event    Event // the last one
	home     *sync.Pool
}

// An Evolver is the part of a [Process] that carries events into records.
type Evolver[R any] interface {
	Meta(rec *R) *Meta
	Evolve(rec *R, ev *Event) error
}

// NewDraft begins the decision of a command of a process.
func NewDraft[R any](kind Kind, cmd Command, rec R, env Env, process Evolver[R]) *Draft[R] {
	d := &Draft[R]{}
	d.begin(kind, cmd, &rec, env, process)
	return d
}

func (d *Draft[R]) begin(kind Kind, cmd Command, rec *R, env Env, process Evolver[R]) {
	d.Rec, d.Env, d.kind, d.command, d.process = *rec, env, kind, cmd.CommandName(), process
}

// Drafts spares a process the memory of a draft for each command: a [Draft] from it goes back with its Result. The zero value is ready for use,
// and safe for concurrent use.
type Drafts[R any] struct{ pool sync.Pool }

// New is [NewDraft] for a draft that must not be used any more after [Draft.Result].
func (p *Drafts[R]) New(kind Kind, cmd Command, rec R, env Env, process Evolver[R]) *Draft[R] {
	d, ok := p.pool.Get().(*Draft[R])
	if !ok {
		d = &Draft[R]{home: &p.pool}
	}
	d.begin(kind, cmd, &rec, env, process)
	return d
}

// Command returns the name of the command without the kind: "close".
func (d *Draft[R]) Command() string { return strings.TrimPrefix(d.command, string(d.kind)+".") }

// Emit takes an event into the decision, and its effect into the record that later steps see.
func (d *Draft[R]) Emit(p Payload) {
	if d.err != nil {
		return
	}
	d.payloads = append(d.payloads, p)
	d.event = Event{
		Key: Key{d.Env.Actor.Tenant, d.kind, d.Env.ID}, Type: p.EventType(), At: d.Env.At, Recorded: d.Env.Now, Actor: d.Env.Actor.ID,
		OnBehalfOf: d.Env.Actor.OnBehalfOf, Command: d.Env.Command, CommandName: d.command, Reason: d.Env.Reason, Payload: p,
	}
	if m := d.process.Meta(&d.Rec); m.ID == "" {
		m.begin(&d.event)
	}
	d.err = d.process.Evolve(&d.Rec, &d.event)
}

// Refuse adds a reason against the command.
func (d *Draft[R]) Refuse(r Reason) { d.reasons = append(d.reasons, r) }

// RefuseAlone makes a reason the only one, because without it the others mean nothing.
func (d *Draft[R]) RefuseAlone(r Reason) { d.reasons = Reasons{r} }

// RefuseWhen adds a reason against the command when a condition holds.
func (d *Draft[R]) RefuseWhen(holds bool, r *Rule, args ...any) {
	if holds {
		d.Refuse(r.With(args...))
	}
}

// Illegal says that the command is not possible in a state. It is the only reason then: what else is missing would not help.
func (d *Draft[R]) Illegal(state string) {
	d.RefuseAlone(ErrIllegalState.With("command", d.Command(), "state", state))
}

// Fail ends the decision with an error that is no refusal. The first one counts; nil does nothing.
func (d *Draft[R]) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Reasons returns what speaks against the command so far.
func (d *Draft[R]) Reasons() Reasons { return d.reasons }

// Err returns the failure, or what speaks against the command so far, or nil.
func (d *Draft[R]) Err() error {
	if d.err != nil {
		return d.err
	}
	return d.reasons.Err()
}

// Failed reports whether the command is refused or has failed by now.
func (d *Draft[R]) Failed() bool { return len(d.reasons) > 0 || d.err != nil }

// Refused reports whether a reason of the rule speaks against the command.
func (d *Draft[R]) Refused(r *Rule) bool {
	return slices.ContainsFunc(d.reasons, func(one Reason) bool { return one.Is(r) })
}

// Changed reports whether there are events by now.
func (d *Draft[R]) Changed() bool { return len(d.payloads) > 0 }

// Result returns what [Process.Decide] returns: the events, or the failure, or every reason.
func (d *Draft[R]) Result() ([]Payload, error) {
	payloads, err := d.payloads, d.Err()
	if home := d.home; home != nil {
		*d = Draft[R]{home: home}
		home.Put(d)
	}
	if err != nil {
		return nil, err
	}
	return payloads, nil
}

// Need asks for a text that is not blank.
func (d *Draft[R]) Need(field, value string) {
	if strings.TrimSpace(value) == "" {
		d.Refuse(ruleRequired.With("field", field))
	}
}

// NeedTime asks for an instant.
func (d *Draft[R]) NeedTime(field string, t time.Time) {
	if t.IsZero() {
		d.Refuse(ruleRequired.With("field", field))
	}
}

// NeedReason asks for a reason of the actor ([Because]).
func (d *Draft[R]) NeedReason() {
	if strings.TrimSpace(d.Env.Reason) == "" {
		d.Refuse(ruleReason.With("command", d.Command()))
	}
}

// Among asks for one of some values.
func Among[R any, T ~string](d *Draft[R], field string, got T, values ...T) {
	if slices.Contains(values, got) {
		return
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	d.Choice(field, string(got), strings.Join(names, ", "), false)
}

// Choice asks for one of some values, for which [Among] is no fit. want lists them for the reader.
func (d *Draft[R]) Choice(field, got, want string, ok bool) {
	switch {
	case ok:
	case got == "":
		d.Need(field, "")
	default:
		d.Refuse(ruleChoice.With("field", field, "got", got, "want", want))
	}
}

// Length bounds a text, in bytes.
func (d *Draft[R]) Length(field, value string, most int) {
	if len(value) > most {
		d.Refuse(ruleTooLong.With("field", field, "length", len(value), "most", most))
	}
}

// Code asks for a code of the host's own catalogue, not for free text: at most 60 bytes without blanks, perhaps none.
func (d *Draft[R]) Code(field, value string) {
	if len(value) > 60 || strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		d.Refuse(ruleCode.With("field", field))
	}
}

// NotNegative asks for a number of 0 or more.
func (d *Draft[R]) NotNegative(field string, n int64) {
	if n < 0 {
		d.Refuse(ruleNegative.With("field", field, "value", n))
	}
}

// NotAfterNow asks for an instant that is not after the command happens; none is fine.
func (d *Draft[R]) NotAfterNow(field string, t time.Time) {
	if t.After(d.Env.At) {
		d.Refuse(ruleAfterNow.With("field", field, "time", t))
	}
}

// Later asks for an instant after the command happens; none is fine.
func (d *Draft[R]) Later(field string, t time.Time) {
	if !t.IsZero() && !t.After(d.Env.At) {
		d.Refuse(rulePast.With("field", field, "time", t))
	}
}

// OrNow returns the instant as it is stored, or when the command happens if there is none.
func (d *Draft[R]) OrNow(t time.Time) time.Time {
	if t.IsZero() {
		return d.Env.At
	}
	return Instant(t)
}

// Due reports whether an instant has come; none never comes.
func (d *Draft[R]) Due(t time.Time) bool { return !t.IsZero() && !d.Env.At.Before(t) }

// Instant returns an instant as it is stored: in UTC, to the microsecond; none stays none.
func Instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Earliest returns the earliest of some instants; those that are none do not count.
func Earliest(instants ...time.Time) (first time.Time) {
	for _, t := range instants {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Plus appends to a slice of a record without writing into the memory that an older record shares.
func Plus[T any](s []T, v ...T) []T { return append(slices.Clip(s), v...) }

// Entries collects the values by which a record is found. Empty texts and instants that are none are left out.
type Entries []IndexEntry

// entryDesk is a place to collect entries on. Services copy what they keep of it, and use it again.
type entryDesk [32]IndexEntry

var entryDesks sync.Pool // of *entryDesk

// NewEntries returns entries without any in them, in memory that a service uses again once it has the [Outline].
func NewEntries() Entries {
	desk, _ := entryDesks.Get().(*entryDesk)
	if desk == nil {
		desk = new(entryDesk)
	}
	return desk[:0]
}

// release gives the memory of entries back, which nobody may look at any more.
func (e Entries) release() {
	if cap(e) == len(entryDesk{}) {
		clear(e)
		entryDesks.Put((*entryDesk)(e[:cap(e)]))
	}
}

// Add adds a value.
func (e *Entries) Add(field string, v Value) { *e = append(*e, IndexEntry{Field: field, Value: v}) }

// Text adds a text unless it is empty.
func (e *Entries) Text(field, v string) {
	if v != "" {
		e.Add(field, TextOf(v))
	}
}

// Texts adds texts to a field that has several values a record.
func (e *Entries) Texts(field string, vs ...string) {
	for _, v := range vs {
		if v != "" {
			*e = append(*e, IndexEntry{Field: field, Many: true, Value: TextOf(v)})
		}
	}
}

// Time adds an instant unless it is none.
func (e *Entries) Time(field string, t time.Time) {
	if !t.IsZero() {
		e.Add(field, TimeOf(t))
	}
}

// The reasons that all processes give alike.
var (
	ruleChoice   = Invalid("itsm.choice", "{field} is {got}, want one of {want}", "{field} 为 {got}，应为 {want} 之一")
	ruleCode     = Invalid("itsm.code", "{field} is a code: at most 60 bytes without blanks", "{field} 应为代码：最多 60 字节且不含空白")
	ruleNegative = Invalid("itsm.negative", "{field} is {value}, want 0 or more", "{field} 为 {value}，不能为负")
	ruleAfterNow = Invalid("itsm.after_now", "{field} {time} lies in the future", "{field} {time} 晚于当前时间")
)

// errNoUnit is why a command that changes several records cannot be carried out.
var errNoUnit = errors.New("the repository cannot commit the changes of several records as one")
