package config

import (
	"context"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A History is everything that an item was, in both times: when it held in the world, and when it was written down. It is
// made from the journal, so corrections never erase what was known before. It is immutable and safe for concurrent use.
type History struct {
	entries []entry // in the order of the journal
}

// entry is one event with what it says of the item.
type entry struct {
	seq      uint64
	at       time.Time
	recorded time.Time
	actor    itsm.PersonID
	reason   string
	payload  itsm.Payload
}

// HistoryOf makes a history of the events of one item, in the order of their sequence numbers, with their payloads.
func HistoryOf(events []itsm.Event) *History {
	h := &History{}
	for _, ev := range events {
		if _, ours := ev.Payload.(event); ours {
			h.entries = append(h.entries, entry{ev.Seq, ev.At, ev.Recorded, ev.Actor, ev.Reason, ev.Payload})
		}
	}
	return h
}

// History reads the history of an item. The actor needs the permission for the journal.
func (s *Service) History(ctx context.Context, id itsm.ID) (*History, error) {
	var events []itsm.Event
	for ev, err := range s.Events(ctx, id) {
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return HistoryOf(events), nil
}

// A Stay is a time that an item spent in one state: from Since to before Until, or to this day when Until is zero.
type Stay struct {
	State    State
	Since    time.Time
	Until    time.Time
	Actor    itsm.PersonID
	Cause    string   // why, in the actor's words
	Under    itsm.Ref // the authority
	Recorded time.Time
}

// States returns the states in their order. They cover the time since the item was registered without gaps and overlaps.
// A zero known means all that is known now.
func (h *History) States(known time.Time) []Stay {
	var stays []Stay
	for _, e := range h.known(known) {
		stay := Stay{Since: e.at, Actor: e.actor, Cause: e.reason, Recorded: e.recorded}
		switch p := e.payload.(type) {
		case Registered:
			stay.State, stay.Under = p.State, p.Under
		case Moved:
			stay.State, stay.Under = p.State, p.Under
		default:
			continue
		}
		if n := len(stays); n > 0 {
			stays[n-1].Until = stay.Since
		}
		stays = append(stays, stay)
	}
	return stays
}

func (h *History) known(at time.Time) []entry {
	if at.IsZero() {
		return h.entries
	}
	// What was recorded is in the order of the journal.
	n, _ := slices.BinarySearchFunc(h.entries, at, func(e entry, at time.Time) int {
		if e.recorded.After(at) {
			return 1
		}
		return -1
	})
	return h.entries[:n]
}

// A Was is what an item was at an instant.
type Was struct {
	Class     string
	Name      string
	Label     string
	State     State
	Status    string
	Values    map[string]itsm.Value // without those that were absent
	Relations []Relation            // that held, sorted by type and target
	Documents map[string]string     // versions by reference
}

// At returns what an item was at an instant in the world, as it was known at another; zero instants are now. It is false when
// the item was not registered then, or nobody knew. Of two facts about one instant the one that was written down later counts.
func (h *History) At(valid, known time.Time) (Was, bool) {
	w := Was{Values: map[string]itsm.Value{}, Documents: map[string]string{}}
	since := map[string]time.Time{} // of the values
	relations := map[[2]string]Relation{}
	begun := false
	holds := func(t time.Time) bool { return valid.IsZero() || !t.After(valid) }
	put := func(name string, v itsm.Value, t time.Time) {
		if holds(t) && !t.Before(since[name]) {
			w.Values[name], since[name] = v, t
		}
	}
	for _, e := range h.known(known) {
		if o, ok := e.payload.(Observed); ok { // it is about the times of its values, not about when it came in
			for _, v := range o.Values {
				put(v.Name, v.Value, v.Since)
			}
			continue
		}
		if !holds(e.at) {
			continue
		}
		switch p := e.payload.(type) {
		case Registered:
			begun = true
			w.Class, w.Name, w.State, w.Status = p.Class, p.Name, p.State, p.Status
		case Set:
			for _, name := range sorted(p.Values) {
				put(name, p.Values[name], e.at)
			}
		case Locked:
			put(p.Lock.Attribute, p.Value, e.at)
		case Unlocked:
			delete(since, p.Attribute) // from here on sources tell, however long they have known
		case Renamed:
			w.Name = p.Name
		case Reclassified:
			w.Class, w.Status = p.Class, p.Status
		case Labelled:
			w.Label = p.Code
		case Moved:
			w.State, w.Status = p.State, p.Status
		case StatusSet:
			w.Status = p.Status
		case Linked:
			relations[[2]string{p.Type, string(p.To)}] = Relation{Type: p.Type, To: p.To, Attributes: p.Attributes, Since: e.at, Under: p.Under}
		case Unlinked:
			delete(relations, [2]string{p.Type, string(p.To)})
		case Documented:
			w.Documents[p.Document.Ref] = p.Document.Version
		case Undocumented:
			delete(w.Documents, p.Ref)
		}
	}
	for name, v := range w.Values { //maporder: each is looked at on its own
		if v.IsZero() {
			delete(w.Values, name)
		}
	}
	for _, r := range relations { //maporder: sorted below
		w.Relations = append(w.Relations, r)
	}
	slices.SortFunc(w.Relations, compareRelations)
	return w, begun
}

// An Episode is a time in which a relation held: from Since to before Until, or to this day when Until is zero.
type Episode struct {
	Type  string
	To    itsm.ID
	Since time.Time
	Until time.Time
	Under itsm.Ref // the authority under which it began
}

// Episodes returns when relations led from the item, in the order in which they were written down. Episodes of one relation do not overlap.
func (h *History) Episodes(known time.Time) []Episode {
	var all []Episode
	for _, e := range h.known(known) {
		switch p := e.payload.(type) {
		case Linked:
			all = append(all, Episode{Type: p.Type, To: p.To, Since: e.at, Under: p.Under})
		case Unlinked:
			for i := len(all) - 1; i >= 0; i-- {
				if x := &all[i]; x.Type == p.Type && x.To == p.To {
					x.Until = e.at
					break
				}
			}
		}
	}
	return all
}

// A Period is a time in which an attribute had a value.
type Period struct {
	Value  itsm.Value
	Since  time.Time
	Until  time.Time // zero: to this day
	Source Source
	Under  itsm.Ref
	Seq    uint64 // the entry of the journal that says so
}

// Periods returns what an attribute was, in the order of time in the world. Periods do not overlap; one without a value is a time in which the
// attribute was taken away.
func (h *History) Periods(attribute string, known time.Time) []Period {
	var all []Period
	var unlocked time.Time
	add := func(p Period) {
		at, same := slices.BinarySearchFunc(all, p.Since, func(q Period, t time.Time) int { return q.Since.Compare(t) })
		if same {
			all[at] = p
		} else {
			all = slices.Insert(all, at, p)
		}
	}
	for _, e := range h.known(known) {
		switch p := e.payload.(type) {
		case Set:
			if v, ok := p.Values[attribute]; ok {
				add(Period{Value: v, Since: e.at, Source: p.Source, Under: p.Under, Seq: e.seq})
			}
		case Observed:
			for _, v := range p.Values {
				if v.Name == attribute {
					from := v.Since
					if from.Before(unlocked) {
						from = unlocked
					}
					add(Period{Value: v.Value, Since: from, Source: v.Source, Seq: e.seq})
				}
			}
		case Unlocked:
			if p.Attribute == attribute {
				unlocked = e.at
			}
		case Locked:
			if p.Lock.Attribute == attribute {
				add(Period{Value: p.Value, Since: e.at, Source: Source{Kind: Manual}, Seq: e.seq})
			}
		}
	}
	for i := range all[:max(len(all)-1, 0)] {
		all[i].Until = all[i+1].Since
	}
	return all
}
