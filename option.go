package itsm

import "time"

// An Option says how a command is given.
type Option struct {
	kind  optionKind
	text  string
	at    time.Time
	num   uint64
	value map[string]Value
}

type optionKind uint8

const (
	optOnce optionKind = iota + 1
	optAt
	optBecause
	optVersion
	optFields
)

// Once gives the command an ID of the caller's own: when it is given again, after a crash or a lost answer, it has no
// second effect and the answer is that of the first time. IDs are unique within a tenant. A command that had nothing to
// do leaves no trace and is decided anew.
func Once(id CommandID) Option { return Option{kind: optOnce, text: string(id)} }

// HappenedAt says that what the command tells happened earlier than now, as when the past of another system is carried
// in. It needs the permission "itsm.backdate". The instant of recording cannot be set.
func HappenedAt(t time.Time) Option { return Option{kind: optAt, at: t} }

// Because gives the reason, which stands in the journal.
func Because(reason string) Option { return Option{kind: optBecause, text: reason} }

// IfVersion lets the command through only when the record still has the version that the caller saw ([Meta.Version]);
// otherwise Do returns ErrConflict.
func IfVersion(v uint64) Option { return Option{kind: optVersion, num: v} }

// WithFields sets fields of the host together with the command.
func WithFields(fields map[string]Value) Option { return Option{kind: optFields, value: fields} }

// call is what the options add up to.
type call struct {
	id      CommandID
	once    bool // the ID is the caller's
	at      time.Time
	reason  string
	version uint64
	fields  map[string]Value
}

func newCall(opts []Option) call {
	var c call
	for i := range opts {
		switch o := &opts[i]; o.kind {
		case optOnce:
			c.id, c.once = CommandID(o.text), true
		case optAt:
			c.at = o.at
		case optBecause:
			c.reason = o.text
		case optVersion:
			c.version = o.num
		case optFields:
			c.fields = o.value
		}
	}
	return c
}
