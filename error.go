package itsm

import (
	"errors"
	"strings"
)

// The classes of errors, to be matched with [errors.Is].
var (
	// ErrNotFound: there is no such record for this tenant.
	ErrNotFound = errors.New("not found")
	// ErrExists: a record with this ID is there already.
	ErrExists = errors.New("exists already")
	// ErrConflict: somebody else changed the record at the same time. [Service.Do] retries by itself; the error comes
	// out only when it lost the race too often, or when the caller named a version that has passed.
	ErrConflict = errors.New("changed by somebody else")
	// ErrDenied: the actor may not do or see this.
	ErrDenied = errors.New("denied")
	// ErrInvalid: the command, query or configuration is wrong in itself.
	ErrInvalid = errors.New("invalid")
	// ErrRefused: the command is in order, but it cannot happen now.
	ErrRefused = errors.New("refused")
)

// A RefusedError says that a command was refused, with every reason. The record is unchanged; the refusal stands in the journal.
// [errors.Is] finds the classes of its reasons ([ErrRefused], [ErrInvalid], [ErrDenied], [ErrNotFound], [ErrExists]) and the [Rule] of each.
type RefusedError struct {
	Kind     Kind     // of the record
	ID       ID       // of the record; "" when none was created
	State    string   // in which the record is; "" when it has none
	Command  string   // the name of the command: "incident.close"
	Possible []string // what can be done in this state, as events of the lifecycle, sorted
	Reasons  Reasons  // at least one
	Event    Ref      // where the journal keeps the refusal
}

// Error names the record, the command, the reasons and what is possible instead, in English.
func (e *RefusedError) Error() string { return e.In(English) }

// In is Error in a language.
func (e *RefusedError) In(lang Lang) string {
	subject, name := string(e.Kind), strings.TrimPrefix(e.Command, string(e.Kind)+".")
	if e.ID != "" {
		subject += " " + string(e.ID)
	}
	// The sentence about an illegal state names the command itself.
	alone := len(e.Reasons) == 1 && e.Reasons[0].Is(ErrIllegalState)
	refused, possible, comma := name+" refused: ", "possible now: ", ", "
	if strings.HasPrefix(string(lang), "zh") {
		refused, possible, comma = "拒绝 "+name+"：", "现在可以：", "、"
	}
	if alone {
		refused = ""
	}
	text := subject + ": " + refused + e.Reasons.In(lang)
	if len(e.Possible) > 0 {
		text += " (" + possible + strings.Join(e.Possible, comma) + ")"
	}
	return text
}

// Unwrap returns the reasons.
func (e *RefusedError) Unwrap() error { return e.Reasons }

// ErrIllegalState is the rule behind every command that the lifecycle does not allow in the present state.
var ErrIllegalState = NotNow("itsm.illegal_state", "{command} is not possible in state {state}", "状态 {state} 下不能执行 {command}")
