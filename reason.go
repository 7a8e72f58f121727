package itsm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Lang is a language in which a reason can be told, as a BCP 47 tag.
type Lang string

// The languages every reason of this library has a sentence in.
const (
	English Lang = "en"
	Chinese Lang = "zh-CN"
)

// A Code names a reason for ever: "incident.handover_note_missing". Codes are stored and may be matched by hosts.
type Code string

// An Arg is a named value in the sentence of a reason.
type Arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`          // an instant is written in UTC as of RFC 3339
	Time  bool   `json:"time,omitempty"` // the value is an instant
}

// A Message is what a timeline tells: like a reason it is a code with arguments, and has its sentences from a rule.
type Message = Reason

// A Reason says why something was refused: a code with arguments. Its sentence comes from the [Rule] that it was
// made from, or, when it was read back from a journal, from a [Catalog]. A Reason is immutable and safe for concurrent use.
type Reason struct {
	code  Code
	args  []Arg
	rule  *Rule
	cause error
}

// A Rule is the definition of a reason: its code, its class and its sentences. Packages keep their rules in variables;
// there is no registry. Arguments stand in the sentences as {name}.
type Rule struct {
	code  Code
	class error
	en    string
	zh    string
}

// NotNow defines a rule about the state of things: the command is well-formed, but it cannot happen now.
// Reasons of the rule match [ErrRefused].
func NotNow(code Code, english, chinese string) *Rule {
	return &Rule{code: code, class: ErrRefused, en: english, zh: chinese}
}

// Invalid defines a rule about the command itself: something in it is missing or wrong, now and always.
// Reasons of the rule match [ErrInvalid].
func Invalid(code Code, english, chinese string) *Rule {
	return &Rule{code: code, class: ErrInvalid, en: english, zh: chinese}
}

// Denied defines a rule about who may do it. Reasons of the rule match [ErrDenied].
func Denied(code Code, english, chinese string) *Rule {
	return &Rule{code: code, class: ErrDenied, en: english, zh: chinese}
}

// Telling defines a rule for messages that refuse nothing.
func Telling(code Code, english, chinese string) *Rule {
	return &Rule{code: code, en: english, zh: chinese}
}

// Code returns the stable code of the rule.
func (r *Rule) Code() Code { return r.code }

// Error returns the code, so that a rule can be the target of [errors.Is].
func (r *Rule) Error() string { return string(r.code) }

// With makes a reason of the rule. Arguments come in pairs, name and value; an instant keeps being one, other values are
// printed with [fmt.Sprint].
func (r *Rule) With(pairs ...any) Reason {
	reason := Reason{code: r.code, rule: r}
	for i := 0; i+1 < len(pairs); i += 2 {
		arg := Arg{Name: fmt.Sprint(pairs[i])}
		if t, ok := pairs[i+1].(time.Time); ok {
			arg.Value, arg.Time = t.UTC().Format(time.RFC3339Nano), true
		} else {
			arg.Value = fmt.Sprint(pairs[i+1])
		}
		reason.args = append(reason.args, arg)
	}
	return reason
}

// Because is [Rule.With] with the error that led to the reason; it can be reached with [errors.As].
func (r *Rule) Because(cause error, pairs ...any) Reason {
	reason := r.With(pairs...)
	reason.cause = cause
	return reason
}

// Code returns the stable code of the reason.
func (r Reason) Code() Code { return r.code }

// Arg returns the value of a named argument, or "" when there is none.
func (r Reason) Arg(name string) string {
	for _, a := range r.args {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Args returns the arguments in the order in which they were given. The slice belongs to the caller.
func (r Reason) Args() []Arg { return slices.Clone(r.args) }

// Error returns the English sentence.
func (r Reason) Error() string { return r.In(English) }

// In returns the sentence in a language, with instants in UTC; languages without a sentence of their own get English.
func (r Reason) In(lang Lang) string { return r.For(lang, time.UTC) }

// For returns the sentence in a language, with instants in the reader's zone.
func (r Reason) For(lang Lang, zone *time.Location) string {
	if r.rule == nil {
		if len(r.args) == 0 {
			return string(r.code)
		}
		return fmt.Sprintf("%s %v", r.code, r.args)
	}
	text := r.rule.en
	if lang == Chinese || strings.HasPrefix(string(lang), "zh") {
		text = r.rule.zh
	}
	if len(r.args) == 0 {
		return text
	}
	pairs := make([]string, 0, 2*len(r.args))
	for _, a := range r.args {
		value := a.Value
		if a.Time {
			if t, err := time.Parse(time.RFC3339Nano, a.Value); err == nil {
				value = t.In(zone).Format("2006-01-02 15:04:05 MST")
			}
		}
		pairs = append(pairs, "{"+a.Name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Is reports whether the reason was made from the target rule, has the code of the target reason, or is of the
// class of the target ([ErrRefused], [ErrInvalid], [ErrDenied]).
func (r Reason) Is(target error) bool {
	switch t := target.(type) {
	case *Rule:
		return t.code == r.code
	case Reason:
		return t.code == r.code
	}
	return r.rule != nil && r.rule.class == target
}

// Unwrap returns the error behind the reason, if there is one.
func (r Reason) Unwrap() error { return r.cause }

type reasonJSON struct {
	Code Code  `json:"code"`
	Args []Arg `json:"args,omitempty"`
}

// MarshalJSON writes the code and the arguments; sentences are not stored.
func (r Reason) MarshalJSON() ([]byte, error) {
	return json.Marshal(reasonJSON{r.code, r.args})
}

// UnmarshalJSON reads what MarshalJSON wrote. The reason has no sentence until it is looked up with [Catalog.Complete].
func (r *Reason) UnmarshalJSON(data []byte) error {
	var j reasonJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*r = Reason{code: j.Code, args: j.Args}
	return nil
}

// Reasons collects every reason against a command, in a fixed order. It is an error; a nil or empty Reasons is not one:
// return it through [Reasons.Err].
type Reasons []Reason

// Add appends the reason when the condition holds.
func (rs *Reasons) Add(when bool, reason Reason) {
	if when {
		*rs = append(*rs, reason)
	}
}

// Err returns rs as an error, nil when there is no reason.
func (rs Reasons) Err() error {
	if len(rs) == 0 {
		return nil
	}
	return rs
}

// Error joins the English sentences with semicolons.
func (rs Reasons) Error() string { return rs.In(English) }

// In joins the sentences in a language.
func (rs Reasons) In(lang Lang) string {
	sep := "; "
	if strings.HasPrefix(string(lang), "zh") {
		sep = "；"
	}
	var b strings.Builder
	for i, r := range rs {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(r.In(lang))
	}
	return b.String()
}

// Unwrap gives [errors.Is] and [errors.As] each reason.
func (rs Reasons) Unwrap() []error {
	errs := make([]error, len(rs))
	for i, r := range rs {
		errs[i] = r
	}
	return errs
}

// A Catalog finds the sentences of reasons by code.
type Catalog struct{ rules map[Code]*Rule }

// NewCatalog makes a catalogue of rules. Two different rules with one code are a programmer's error and panic.
func NewCatalog(rules ...*Rule) *Catalog {
	c := &Catalog{rules: make(map[Code]*Rule, len(rules))}
	for _, r := range rules {
		if old := c.rules[r.code]; old != nil && old != r {
			panic(fmt.Sprintf("itsm: two rules have the code %s", r.code))
		}
		c.rules[r.code] = r
	}
	return c
}

// Complete gives reasons that were read from a journal their sentences. Reasons of unknown rules keep their code.
func (c *Catalog) Complete(rs Reasons) Reasons {
	out := slices.Clone(rs)
	for i := range out {
		if out[i].rule == nil {
			out[i].rule = c.rules[out[i].code]
		}
	}
	return out
}

// Rules returns the rules of the catalogue, sorted by code.
func (c *Catalog) Rules() []*Rule {
	out := make([]*Rule, 0, len(c.rules))
	for _, r := range c.rules {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *Rule) int { return strings.Compare(string(a.code), string(b.code)) })
	return out
}

// reasonsOf takes an error of a decision apart into its reasons. An error that is none of ours is not a refusal.
func reasonsOf(err error) (Reasons, bool) {
	var rs Reasons
	if errors.As(err, &rs) {
		return rs, true
	}
	var r Reason
	if errors.As(err, &r) {
		return Reasons{r}, true
	}
	return nil, false
}
