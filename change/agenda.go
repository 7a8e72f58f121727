package change

import (
	"maps"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// An Agenda keeps the bookings of one tenant so that what collides with a change is found in logarithmic time, however
// many changes are planned: for each item, person and group it has a tree of spans. It is kept up to date by Put and
// Remove, each logarithmic too. It is not safe for concurrent use; [Agenda.Clone] gives an independent copy at the cost of
// its index, the trees are shared.
type Agenda struct {
	bookings map[itsm.ID]*Booking
	touched  map[itsm.Ref]*node    // who touches an item
	affected map[itsm.Ref]*node    // whom an item brings down
	taken    map[string]*node      // who needs a resource
	named    map[itsm.ID][]itsm.ID // who names a change: as one to wait for, or as incompatible
}

// NewAgenda returns an agenda of some bookings.
func NewAgenda(bookings ...Booking) *Agenda {
	a := &Agenda{
		bookings: make(map[itsm.ID]*Booking, len(bookings)), touched: make(map[itsm.Ref]*node), affected: make(map[itsm.Ref]*node),
		taken: make(map[string]*node), named: make(map[itsm.ID][]itsm.ID),
	}
	for _, b := range bookings {
		a.Put(b)
	}
	return a
}

// Len returns how many bookings there are.
func (a *Agenda) Len() int { return len(a.bookings) }

// Get returns the booking of a change.
func (a *Agenda) Get(id itsm.ID) (Booking, bool) {
	if b := a.bookings[id]; b != nil {
		return *b, true
	}
	return Booking{}, false
}

// Clone returns a copy that changes on its own.
func (a *Agenda) Clone() *Agenda {
	return &Agenda{maps.Clone(a.bookings), maps.Clone(a.touched), maps.Clone(a.affected), maps.Clone(a.taken), maps.Clone(a.named)}
}

// Put books a change, in place of what was booked for it before. A booking that takes no time removes it.
func (a *Agenda) Put(b Booking) {
	a.Remove(b.Change)
	if b.Span.Empty() {
		return
	}
	b.normalise()
	a.bookings[b.Change] = &b
	for _, item := range b.Items {
		a.touched[item] = a.touched[item].insert(b.Change, b.Span)
	}
	for _, item := range b.Affected {
		a.affected[item] = a.affected[item].insert(b.Change, b.Span)
	}
	for _, name := range b.Exclusive {
		a.taken[name] = a.taken[name].insert(b.Change, b.Span)
	}
	for _, id := range b.names() {
		a.named[id] = itsm.Plus(a.named[id], b.Change)
	}
}

// Remove takes the booking of a change away.
func (a *Agenda) Remove(id itsm.ID) {
	b := a.bookings[id]
	if b == nil {
		return
	}
	delete(a.bookings, id)
	for _, item := range b.Items {
		drop(a.touched, item, id, b.Span)
	}
	for _, item := range b.Affected {
		drop(a.affected, item, id, b.Span)
	}
	for _, name := range b.Exclusive {
		drop(a.taken, name, id, b.Span)
	}
	for _, other := range b.names() {
		rest := slices.DeleteFunc(slices.Clone(a.named[other]), func(by itsm.ID) bool { return by == id })
		if len(rest) == 0 {
			delete(a.named, other)
		} else {
			a.named[other] = rest
		}
	}
}

func drop[K comparable](trees map[K]*node, key K, id itsm.ID, span Span) {
	if n := trees[key].remove(id, span); n != nil {
		trees[key] = n
	} else {
		delete(trees, key)
	}
}

// Conflicts lists how a booking collides with what is planned, worst first: the same as [Collide] with all bookings.
func (a *Agenda) Conflicts(b Booking) []Conflict {
	b.normalise()
	return collide(b, a.near(&b))
}

// near returns the bookings that may collide with one.
func (a *Agenda) near(b *Booking) []Booking {
	var found []Booking
	seen := make(map[itsm.ID]struct{})
	add := func(id itsm.ID) bool {
		if _, twice := seen[id]; !twice {
			seen[id] = struct{}{}
			if other := a.bookings[id]; other != nil {
				found = append(found, *other)
			}
		}
		return true
	}
	for _, item := range b.Items {
		a.touched[item].overlapping(b.Span, add)
		a.affected[item].overlapping(b.Span, add)
	}
	for _, item := range b.Affected {
		a.touched[item].overlapping(b.Span, add)
	}
	for _, name := range b.Exclusive {
		a.taken[name].overlapping(b.Span, add)
	}
	for _, g := range b.Groups {
		for _, item := range g.Members {
			a.touched[item].overlapping(b.Span, add)
		}
	}
	for _, ids := range [...][]itsm.ID{b.After, b.Incompatible, a.named[b.Change]} {
		for _, id := range ids {
			add(id)
		}
	}
	return found
}

// names returns the changes that the booking speaks of.
func (b *Booking) names() []itsm.ID { return sortIDs(slices.Concat(b.After, b.Incompatible)) }

// normalise sorts what is compared sorted.
func (b *Booking) normalise() {
	b.Items, b.Affected = sortRefs(b.Items), sortRefs(b.Affected)
	names := slices.Clone(b.Exclusive)
	slices.Sort(names)
	b.Exclusive = slices.Compact(names)
	b.After, b.Incompatible = sortIDs(b.After), sortIDs(b.Incompatible)
	b.Groups = slices.Clone(b.Groups)
	for i := range b.Groups {
		b.Groups[i].Down = shared(sortRefs(b.Groups[i].Members), b.Items)
	}
}

func sortIDs(ids []itsm.ID) []itsm.ID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}
