package approval

import "time"

// Tick returns what time has done by an instant, in the order in which it was due: reminders, oral approvals not confirmed, the end of the
// round. However late it is called, the events are the same.
func (b *Ballot) Tick(now time.Time) []Event {
	var events []Event
	for at := *b; ; {
		wake, ok := at.NextWake()
		if !ok || wake.After(now) {
			return events
		}
		e := at.strike(wake)
		events, at = append(events, e), at.Apply(e)
	}
}

// strike is what happens at a wake time. At one instant, reminders come first and the end last.
func (b *Ballot) strike(at time.Time) Event {
	e := Event{Round: b.Round, At: at}
	if b.Outcome == Open && len(b.Alarms) > 0 && b.Alarms[0].At.Equal(at) {
		alarm := b.Alarms[0]
		e.Kind, e.Alarm, e.Step, e.Waiting = KindReminded, &alarm, b.Step, b.Waiting()
		return e
	}
	for i := range b.Votes {
		if v := &b.Votes[i]; b.waits(v.Oral) && v.Oral.Due.Equal(at) {
			e.Kind, e.Member = KindOverdue, v.Member
			return e
		}
	}
	e.Kind, e.Waiting = KindExpired, b.Waiting()
	return e
}
