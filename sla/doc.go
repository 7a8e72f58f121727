// Package sla measures promises about time: response, on-site, restoration and resolution targets, or any other that a host defines.
//
// # Model
//
// A [Definition] is a target as data: a [Goal], a calendar, and conditions over the facts of a record. A [Catalog] holds checked definitions
// and calendars, in all versions that are in use. A [Sheet] is a value inside a record: the clocks of that record, as the events that made them.
//
//	events, err := catalog.Observe(rec.Clocks, rec.facts(), env.Now)   // what follows from the facts, in Decide
//	rec.Clocks = rec.Clocks.Apply(events...)                           // the fold, in Evolve
//	due, ok := rec.Clocks.Due(sla.Resolution)                          // a cached result
//	wake, ok := rec.Clocks.NextWake()                                  // when to call catalog.Tick
//
// A calendar C is a set of half-open stretches of time. A clock is a pinned definition version, a goal g, a calendar version and events. Its running
// set R is the union of its stretches from start or resumption to pause or stop. Then
//
//	elapsed(t) = |R ∩ C ∩ (−∞, t)|  plus what was carried over
//	due        = the least instant at which elapsed reaches g, if the clock goes on as it is; absent while paused
//	breach     = the instant at which elapsed passes g
//
// Exactly g is met. Time outside C never turns a met goal into a breach: a goal that is used up at 18:00 is passed when work begins the next morning.
//
// # Goals in days
//
// Goals in working days, calendar days and months are due at a date, not after so much working time ([ParseGoal]). A pause moves them by the same unit:
// by as many whole units as fit into it, counted from its first working moment (Friday 15:00 to Monday 15:00 is one working day). What is left of
// all pauses adds up as working time, or as elapsed time for calendar days and months, and moves the due time further; a goal at the end of a day moves to another day only
// when that leaves the day. A goal with a due time of its own ("at", "before") cannot be paused.
//
// Of the goals in working days only those with "keep" can be due outside of hours. A pause in closed time does not move them either, even where it covers the due time.
//
// # Conditions
//
// Conditions are states, not triggers: a clock is paused while its pause condition holds. Those that hold at one instant are resolved in the order stop, pause,
// resume, start, reset. Only reset acts when it becomes true. Events count in the order of (effective time, sequence), so they may
// arrive late; a late event moves due times, and a breach fact that no longer holds is amended by a new fact, never deleted.
//
// Of the definitions of one metric that apply, exactly one is chosen ([Data.Precedence], [Tie]). When another one is chosen for a running clock, that clock ends as
// superseded, and the new one takes over by its [Retarget] policy. Definitions are chosen from those in effect when the record's cycle
// began; newer versions of definitions and calendars reach running clocks only by [Catalog.Repin].
//
// # Guarantees
//
//   - Everything is a function of events, pinned versions and the instant asked about. Results stored in events are caches; [Catalog.Verify]
//     holds them against a replay.
//   - Nothing reads a clock of the machine. Instants are UTC, in microseconds.
//   - Each rung of a ladder is told once for a clock, cycle and definition version, in the order of its time, however late the tick.
//   - A [Sheet] is never changed; a [Catalog] is immutable. Both are safe for concurrent use.
//
// # Limits
//
// Conditions see the record as it is at the observed instant: a replay under another definition knows the pauses of the clock before, but not
// pauses that only the new definition would have seen. Agreements as documents, chains of internal and supplier targets, availability and
// credits are not part of this package yet.
package sla
