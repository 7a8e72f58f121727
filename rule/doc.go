// Package rule has conditions as data: which service-level target applies, who gets a record, what is in the scope of a
// template. A condition is one expression over typed facts, checked completely when it is loaded:
//
//	type Facts struct {
//		Priority int
//		State    incident.State
//		OpenedAt time.Time
//		Now      time.Time
//		Tags     []string
//	}
//	schema := rule.SchemaOf(Facts{}, rule.WithEnum("state", incident.Open, incident.Held, incident.Closed))
//	urgent, err := schema.Compile(`priority <= 2 and state != "closed" and now - opened_at > duration("4h")`)
//	holds, err := urgent.Eval(&Facts{…})
//
// [ReaderOf] reads a single value in the same language: the due time of a record, a ratio.
//
// # Language
//
// The syntax is that of github.com/expr-lang/expr, whose parser is used; of its language there is:
//
//	and or not            also && || !
//	== != < <= > >=       numbers, times, durations, text; a < b < c is a < b and b < c
//	in, not in            a list of values: x in ["a", "b"]; a list fact: "vip" in tags; whole numbers: x in 1..3
//	contains startsWith endsWith matches
//	                      on text; matches takes a constant regular expression (RE2)
//	+ - * / %             numbers; times and durations where they have a meaning; / of numbers has a fraction
//	a ?? b                b when a is absent
//	caller.kind           a fact of a group; fields.ward a host field
//	attempts[-1].outcome  an element of a list, negative from its end; absent when there is none
//	has(x)                x is there
//	len(x) lower(s) upper(s)
//	all any none one count (list, condition)
//	                      in the condition # is the element and .outcome a fact of it
//	duration("4h30m")  time("2026-02-14T08:00:00+08:00")
//	                      constants
//
// There are no variables, branches, clock, randomness, input or output, and no functions of a host. The present instant is a
// fact like any other.
//
// # Types
//
// A term is true or false, a whole number, a number, text, a time, a duration, a list or a group; whole numbers become
// numbers where needed, and nothing else is converted. Text of two different Go types cannot be compared. A constant is checked
// against the values given by [WithEnum].
//
// # Absent facts
//
// A fact can be absent: a nil pointer and what lies behind it, a zero time, a host field without a value, an element beyond the
// end of its list, a float that is not a number. What is computed from an absent term is absent. A comparison with it does not
// hold, != and not … in do. An absent condition does not hold; an absent list has no elements. So a deadline that is not
// set is neither before nor after anything, and a condition has two values, never three.
//
// # Guarantees
//
// Evaluation is total: it ends, never panics, changes nothing, and its answer depends on the facts only. It fails only for
// facts of a wrong type ([ErrFacts]), a division by zero or a result out of range ([ErrArithmetic]), and when the facts are so
// large that it would cost more than [MaxCost] steps ([ErrCost]). A step is a term computed for one element of a list, one
// element searched, 16 to 64 bytes of text searched, or 16 instructions of a regular expression. Terms outside of quantifiers are free: there
// are at most [MaxNodes] of them. [Predicate.String] prints a source that compiles to the same predicate.
//
// # Limits
//
// Conditions compare text byte by byte, without locales. Days and months are no durations: working time belongs to calendars, and is given to
// a condition as a fact.
package rule
