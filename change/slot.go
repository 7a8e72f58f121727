package change

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// SlotKind is the kind of slots.
const SlotKind itsm.Kind = "change_slot"

// A Slot lists who has booked one item, person or other resource, or speaks of one change. It has its ID from that, so that changes which
// book the same thing at the same instant meet at one record: one of them is decided anew and sees the other. Slots are
// written by [Service] in the unit of work of the command.
type Slot struct {
	itsm.Meta `json:"meta"`

	Key      string     `json:"key"`                // "i:ci/emr-db" an item, "x:engineer" a person or resource, "c:CHG-7" a change that is named
	Occupied []Occupied `json:"occupied,omitempty"` // by change; empty when nobody has it
}

// Occupied says that a change takes what a slot is about, and when.
type Occupied struct {
	Change itsm.ID `json:"change"`
	Span   Span    `json:"span"`
}

// slotID returns the ID of the slot with a key.
func slotID(key string) itsm.ID {
	sum := sha256.Sum256([]byte(key))
	return itsm.ID(fmt.Sprintf("%x", sum[:20]))
}

func slotKey(tenant itsm.Tenant, key string) itsm.Key {
	return itsm.Key{Tenant: tenant, Kind: SlotKind, ID: slotID(key)}
}

// slots are the keys of the slots that the booking stands in. The impact closure is not among them: it may be most of the
// hospital, and what is found there only warns.
func (b *Booking) slots() (keys []string) {
	for _, item := range b.Items {
		keys = append(keys, "i:"+item.String())
	}
	for _, name := range b.Exclusive {
		keys = append(keys, "x:"+name)
	}
	for _, id := range b.names() {
		keys = append(keys, "c:"+string(id))
	}
	return keys
}

// watches are the keys of the slots in which a change stands that collides with the booking.
func (b *Booking) watches() []string {
	keys := append(b.slots(), "c:"+string(b.Change))
	for _, g := range b.Groups {
		for _, item := range g.Members {
			keys = append(keys, "i:"+item.String())
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// A slotCommand is a command on a slot.
type slotCommand interface {
	itsm.Command
	slot() (key string, o Occupied)
}

type (
	// openSlot makes a slot with its first booking; setSlot books, or gives back with an empty span.
	openSlot struct {
		Key string `json:"key"`
		Occupied
	}
	setSlot struct{ Occupied }

	// SlotSet: a change has booked what the slot is about, or has given it back.
	SlotSet struct {
		Key string `json:"key,omitempty"` // in the first entry
		Occupied
	}
)

func (openSlot) CommandName() string        { return "change_slot.open" }
func (setSlot) CommandName() string         { return "change_slot.set" }
func (openSlot) Creates()                   {}
func (c openSlot) slot() (string, Occupied) { return c.Key, c.Occupied }
func (c setSlot) slot() (string, Occupied)  { return "", c.Occupied }
func (SlotSet) EventType() string           { return "change_slot.set" }

var ruleSlotUnit = itsm.NotNow("change_slot.unit", "slots are written together with changes only", "占用记录只能随变更一起写入")

// slotProcess is the process of slots.
type slotProcess struct{}

type slotFacts struct{ inUnit bool }

func (slotProcess) Describe() itsm.Description {
	return itsm.Description{
		Kind: SlotKind, Prefix: "CHS", Commands: []itsm.Command{openSlot{}, setSlot{}}, Events: []itsm.Payload{SlotSet{}}, Rules: []*itsm.Rule{ruleSlotUnit},
		Index: []itsm.IndexField{{Name: "key", Type: itsm.TextValue}, {Name: "change", Type: itsm.TextValue, Many: true}}, Phases: []string{"active", "closed"},
	}
}

func (slotProcess) Meta(rec *Slot) *itsm.Meta { return &rec.Meta }

func (slotProcess) Outline(rec Slot) itsm.Outline {
	index := itsm.NewEntries()
	index.Text("key", rec.Key)
	for _, o := range rec.Occupied {
		index.Texts("change", string(o.Change))
	}
	if len(rec.Occupied) == 0 {
		return itsm.Outline{State: "free", Phase: "closed", Index: index}
	}
	return itsm.Outline{State: "held", Phase: "active", Index: index}
}

func (slotProcess) Possible(Slot) []string { return []string{"set"} }

func (slotProcess) Gather(ctx context.Context, _ Slot, _ slotCommand, _ itsm.Env) (slotFacts, error) {
	return slotFacts{itsm.InUnit(ctx)}, nil
}

func (p slotProcess) Decide(rec Slot, cmd slotCommand, facts slotFacts, env itsm.Env) ([]itsm.Payload, error) {
	d := itsm.NewDraft(SlotKind, cmd, rec, env, p)
	key, o := cmd.slot()
	d.RefuseWhen(!facts.inUnit, ruleSlotUnit)
	if d.Failed() {
		return d.Result()
	}
	i, booked := rec.find(o.Change)
	same := !booked && o.Span.Empty() || booked && rec.Occupied[i].Span.equal(o.Span)
	if key != "" || !same {
		d.Emit(SlotSet{key, o})
	}
	return d.Result()
}

func (slotProcess) Evolve(rec *Slot, ev *itsm.Event) error {
	e, ok := ev.Payload.(SlotSet)
	if !ok {
		return fmt.Errorf("%w: %T is no event of a slot", itsm.ErrInvalid, ev.Payload)
	}
	if e.Key != "" {
		rec.Key = e.Key
	}
	i, booked := rec.find(e.Change)
	rest := slices.Clone(rec.Occupied)
	if booked {
		rest = slices.Delete(rest, i, i+1)
	}
	if !e.Span.Empty() {
		rest = slices.Insert(rest, i, e.Occupied)
	}
	if rec.Occupied = rest; len(rest) == 0 {
		rec.Occupied = nil
	}
	return nil
}

// find returns the place of a change, or where it belongs.
func (s *Slot) find(change itsm.ID) (int, bool) {
	return slices.BinarySearchFunc(s.Occupied, change, func(o Occupied, id itsm.ID) int { return compareID(o.Change, id) })
}

// slotRights lets the service write slots on behalf of whoever may give the command. Slots refuse all that is not part of one.
type slotRights struct{}

func (slotRights) Authorize(itsm.Request) error { return nil }
func (slotRights) Sight(itsm.Actor) itsm.Sight  { return itsm.Sight{Clearance: itsm.PatientRelated} }

// watch reads the slots that a booking looks at. Within a unit of work they must not have changed when it is committed, so what
// a search finds after this is still all there is.
func (g gatherer) watch(b *Booking) error {
	if g.p.cfg.Slots == nil {
		return nil
	}
	for _, key := range b.watches() {
		_, err := itsm.Borrow(g.ctx, g.p.cfg.Slots, slotKey(g.env.Actor.Tenant, key))
		if err != nil && !errors.Is(err, itsm.ErrNotFound) {
			return err
		}
	}
	return nil
}

// occupy makes the slots say what a change has booked by now.
func (s *Service) occupy(ctx context.Context, tenant itsm.Tenant, before, now *Change) error {
	was, is := booked(before), booked(now)
	old, keys := was.slots(), is.slots()
	for _, key := range old {
		if !slices.Contains(keys, key) {
			if err := s.setSlot(ctx, tenant, key, Occupied{Change: now.ID}); err != nil {
				return err
			}
		}
	}
	for _, key := range keys {
		if slices.Contains(old, key) && was.Span.equal(is.Span) {
			continue
		}
		if err := s.setSlot(ctx, tenant, key, Occupied{now.ID, is.Span}); err != nil {
			return err
		}
	}
	return nil
}

// booked is [BookingOf], without anything when nothing is taken.
func booked(c *Change) Booking {
	if b, ok := BookingOf(*c); ok {
		return b
	}
	return Booking{}
}

func (s *Service) setSlot(ctx context.Context, tenant itsm.Tenant, key string, o Occupied) error {
	_, err := itsm.Borrow(ctx, s.process.cfg.Slots, slotKey(tenant, key))
	switch {
	case err == nil:
		_, err = s.slots.Do(ctx, slotID(key), setSlot{o})
	case errors.Is(err, itsm.ErrNotFound) && o.Span.Empty():
		return nil // booked before there were slots
	case errors.Is(err, itsm.ErrNotFound):
		_, err = s.slots.Do(ctx, slotID(key), openSlot{key, o})
	}
	return err
}
