package change

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Booking is what a change takes for itself: when, and of what.
type Booking struct {
	Change       itsm.ID
	Span         Span       // occupied, see [Window.Occupied]
	Items        []itsm.Ref // that are touched, sorted
	Affected     []itsm.Ref // that are hit when those fail: their impact closure, sorted; may be empty where no graph is known
	Exclusive    []string   // people and other resources that can only be in one place, sorted
	Groups       []Group    // of redundant items, of which it takes some down
	After        []itsm.ID  // changes that must be over before this one begins
	Incompatible []itsm.ID  // changes that must not run at the same time, whatever they touch
}

// A Group is a set of redundant items of which some must stay up.
type Group struct {
	Name    string     `json:"name"`
	Members []itsm.Ref `json:"members"`     // all of them
	Need    int        `json:"need"`        // how many must stay up
	Down    []itsm.Ref `json:"down"`        // those that the change takes down, sorted
	Of      itsm.Ref   `json:"of,omitzero"` // what depends on the group
}

// A ConflictKind says what stands against a change.
type ConflictKind string

// The kinds of conflicts.
const (
	SameItem     ConflictKind = "same_item"     // both touch one item
	InClosure    ConflictKind = "in_closure"    // one touches what the other may bring down
	Redundancy   ConflictKind = "redundancy"    // together they leave fewer members of a group up than it needs
	SameResource ConflictKind = "same_resource" // both need one person or other exclusive resource
	Order        ConflictKind = "order"         // one that must be over before has not ended by then
	Forbidden    ConflictKind = "incompatible"  // the two were declared incompatible
	InFreeze     ConflictKind = "freeze"        // it lies in a freeze
	OutsideHours ConflictKind = "outside_hours" // it leaves the maintenance window of a service
	InPeak       ConflictKind = "clinical_peak" // it lies in a clinical peak
)

// A Severity says how much a conflict weighs.
type Severity string

// The severities. A blocking conflict must be waived before the change goes on, a warning is told to who decides.
const (
	Blocking Severity = "blocking"
	Warning  Severity = "warning"
)

// A Conflict is something that stands against a change being made when it is planned.
type Conflict struct {
	Kind     ConflictKind `json:"kind"`
	Severity Severity     `json:"severity"`
	With     []itsm.ID    `json:"with,omitempty"`   // the other changes, sorted
	Witness  string       `json:"witness"`          // the item, group, person, freeze or service that shows it
	Span     Span         `json:"span"`             // when
	Waiver   itsm.Role    `json:"waiver,omitempty"` // who may waive it; "" for nobody
}

// Key identifies the conflict among those of a change: a waiver is for it, and for no other.
func (c Conflict) Key() string {
	ids := make([]string, len(c.With))
	for i, id := range c.With {
		ids[i] = string(id)
	}
	return string(c.Kind) + ":" + c.Witness + ":" + strings.Join(ids, ",")
}

func compareConflicts(a, b Conflict) int {
	return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Witness, b.Witness),
		a.Span.Start.Compare(b.Span.Start), slices.Compare(a.With, b.With))
}

// CompareRefs orders references by kind and ID.
func CompareRefs(a, b itsm.Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// sortRefs returns a sorted copy without duplicates.
func sortRefs(refs []itsm.Ref) []itsm.Ref {
	refs = slices.Clone(refs)
	slices.SortFunc(refs, CompareRefs)
	return slices.Compact(refs)
}

// Collide lists how a booking collides with others, worst first. The order of the others does not matter. Bookings of the
// change itself are passed over, so that a change can be checked against a plan in which it stands already.
func Collide(a Booking, others []Booking) []Conflict {
	a.normalise()
	others = slices.Clone(others)
	for i := range others {
		others[i].normalise()
	}
	return collide(a, others)
}

// collide is [Collide] for bookings in normal form.
func collide(a Booking, others []Booking) []Conflict {
	var found []Conflict
	for i := range others {
		b := &others[i]
		if b.Change == a.Change {
			continue
		}
		found = append(found, ordered(&a, b)...)
		if !a.Span.Overlaps(b.Span) {
			continue
		}
		span, with := a.Span.common(b.Span), []itsm.ID{b.Change}
		add := func(kind ConflictKind, severity Severity, witness string, waiver itsm.Role) {
			found = append(found, Conflict{Kind: kind, Severity: severity, With: with, Witness: witness, Span: span, Waiver: waiver})
		}
		if slices.Contains(a.Incompatible, b.Change) || slices.Contains(b.Incompatible, a.Change) {
			add(Forbidden, Blocking, string(b.Change), "")
		}
		direct := shared(a.Items, b.Items)
		for _, item := range direct {
			add(SameItem, Blocking, item.String(), itsm.RoleChangeManager)
		}
		for _, item := range sortRefs(append(shared(a.Items, b.Affected), shared(a.Affected, b.Items)...)) {
			if !slices.Contains(direct, item) {
				add(InClosure, Warning, item.String(), itsm.RoleChangeManager)
			}
		}
		for _, who := range sharedNames(a.Exclusive, b.Exclusive) {
			add(SameResource, Blocking, who, itsm.RoleChangeManager)
		}
	}
	for _, g := range a.Groups {
		if c, hit := exhausted(&a, g, others); hit {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, compareConflicts)
	return found
}

// ordered reports a broken order of two changes.
func ordered(a, b *Booking) []Conflict {
	before, after := b, a
	switch {
	case slices.Contains(a.After, b.Change):
	case slices.Contains(b.After, a.Change):
		before, after = a, b
	default:
		return nil
	}
	if !before.Span.End.After(after.Span.Start) {
		return nil
	}
	return []Conflict{{Kind: Order, Severity: Blocking, With: []itsm.ID{b.Change}, Witness: string(before.Change) + " before " + string(after.Change),
		Span: Span{after.Span.Start, before.Span.End}, Waiver: itsm.RoleChangeManager}}
}

// exhausted looks for an instant at which so many members of a group are down that too few are up.
func exhausted(a *Booking, g Group, others []Booking) (Conflict, bool) {
	type part struct {
		change itsm.ID
		span   Span
		down   []itsm.Ref
	}
	members := sortRefs(g.Members)
	parts := []part{{a.Change, a.Span, g.Down}}
	instants := []time.Time{a.Span.Start}
	for i := range others {
		b := &others[i]
		if b.Change == a.Change || !a.Span.Overlaps(b.Span) {
			continue
		}
		down := shared(members, b.Items)
		if len(down) == 0 {
			continue
		}
		parts = append(parts, part{b.Change, b.Span, down})
		if b.Span.Start.After(a.Span.Start) {
			instants = append(instants, b.Span.Start)
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	for _, at := range instants { // the number that is down only grows where something starts
		var down []itsm.Ref
		var with []itsm.ID
		span := a.Span
		for _, p := range parts {
			if p.span.Contains(at) {
				down = append(down, p.down...)
				span = span.common(p.span)
				if p.change != a.Change {
					with = append(with, p.change)
				}
			}
		}
		if len(members)-len(sortRefs(down)) < g.Need {
			slices.Sort(with)
			return Conflict{Kind: Redundancy, Severity: Blocking, With: with, Witness: g.Name, Span: span, Waiver: itsm.RoleProjectManager}, true
		}
	}
	return Conflict{}, false
}

// shared returns what two sorted lists have in common.
func shared(a, b []itsm.Ref) (both []itsm.Ref) {
	for len(a) > 0 && len(b) > 0 {
		switch c := CompareRefs(a[0], b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			both, a, b = append(both, a[0]), a[1:], b[1:]
		}
	}
	return both
}

func sharedNames(a, b []string) (both []string) {
	for len(a) > 0 && len(b) > 0 {
		switch c := strings.Compare(a[0], b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			both, a, b = append(both, a[0]), a[1:], b[1:]
		}
	}
	return both
}
