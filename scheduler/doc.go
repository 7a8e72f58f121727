// Package scheduler wakes records whose time has come, and carries events of one process to commands of another.
//
// # Model
//
// A record says when it next wants to be woken (a warning, a breach, a reminder, an expiry); the store keeps an index of that. A wake
// is one more command: the scheduler gives it, and the process decides what time has brought about. [Wake] is the job to do so for the
// records of a service.
//
// A reaction reads the journal behind a cursor of its own and calls a function of the host for each event that it is for ([On],
// [React]). With [Do] the function gives commands whose IDs come from the event and the name of the reaction.
//
// [Scheduler.Tick] is one pass over all that is due by now. [Scheduler.Run] makes passes, and sleeps until the next instant for which
// a record has asked.
//
//	s, err := scheduler.New(db, scheduler.Config{},
//		scheduler.Wake(incidents, incident.Tick{}),
//		scheduler.On("problem-of-major", incidents, func(ctx context.Context, ev itsm.Event, e incident.MajorStoodDown) error {
//			_, err := scheduler.Do(ctx, problems, "", problem.Open{From: ev.Ref()})
//			return err
//		}))
//	…
//	err = s.Run(ctx)
//
// # Guarantees
//
//   - Wakes are given in due order, across kinds and tenants, also after days of standstill.
//   - A wake and a command given by [Do] have their effect once: after a lost answer, a crash at any point, or with several
//     schedulers on one store. There is no leader and no lock; who comes second gets the answer of the first.
//   - No event is passed over. Events of one record are handled in order, and none before those before it.
//   - What fails is tried again with growing waits, and stands in the [Report]. It holds up nothing but itself: no other
//     record, no other tenant, no other reaction.
//   - A record that does not come to rest is found out ([ErrStuck]); it does not make the scheduler spin.
//   - What a pass costs depends on what is due and on what is new in the journal, not on how many records sleep.
//   - The actor of a command is the system, in the tenant of the record or event.
//
// # Limits
//
// Several schedulers make the work safe, not faster: each handles each event unless another has saved its cursor before, and only the
// effect is shared. What a reaction does by other means than [Do] happens at least once. A wake happens when the scheduler comes to
// it, not when it was due; a process that cares for the difference keeps the due time in its events. What others commit is
// noticed after [Config.MaxWait] at the latest, or with [Scheduler.Poke] at once. Reactions that set off each other without end are not
// found out. What waits for another try is kept in memory for wakes (a few words a record), and for reactions in the cursor, at most
// 256 events each ([ErrFull]).
package scheduler
