package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// A relation is held by the item that it leads from. Where its type bounds how many may lead to an item, that item counts
// them too, in the same unit of work: two who link to it at once then collide, and one of them decides anew. An end that is
// not bounded is only read, so a hub does not grow with what leads to it.

func (c Link) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.local("link")
	typ := d.p.model.relations[c.Type]
	if typ == nil {
		d.Refuse(ruleRelation.With("type", c.Type))
		return
	}
	d.RefuseWhen(c.To == d.Rec.ID, ruleSelf)
	to := d.facts.Other
	switch {
	case c.To == d.Rec.ID:
	case to == nil:
		d.Refuse(ruleNoOther.With("id", c.To))
	case to.Gone() || to.State == StateWithdrawn:
		d.Refuse(ruleOtherGone.With("id", c.To, "state", gone(to)))
	default:
		d.RefuseWhen(!d.p.model.Allows(c.Type, d.Rec.Class, to.Class), ruleEnds, "type", c.Type, "from", d.Rec.Class, "to", to.Class)
	}
	d.relationValues(typ, c.Attributes)
	at, known := d.Rec.relation(c.Type, c.To)
	if known {
		old := &d.Rec.Relations[at]
		d.RefuseWhen(old.Current(), ruleLinked, "type", c.Type, "to", c.To)
		d.notBefore(old.Until)
	}
	d.RefuseWhen(!known && len(d.Rec.Relations) >= d.p.policy.Relations, ruleMany, "have", len(d.Rec.Relations), "most", d.p.policy.Relations)
	d.notBefore(d.Rec.Created)
	out := d.Rec.Related(c.Type)
	if typ.Out.Max > 0 && len(out) >= typ.Out.Max && !(c.Replace && typ.Out.Max == 1) {
		d.Refuse(ErrBound.With("item", d.Rec.ID, "have", len(out), "type", c.Type, "end", "out", "most", typ.Out.Max))
	}
	if to != nil && typ.In.Max > 0 && to.incoming(c.Type) >= typ.In.Max {
		d.Refuse(ErrBound.With("item", c.To, "have", to.incoming(c.Type), "type", c.Type, "end", "in", "most", typ.In.Max))
	}
	if typ.Acyclic && len(d.facts.Cycle) > 0 {
		d.Refuse(ruleCycle.With("type", c.Type, "path", list(d.facts.Cycle)))
	}
	if d.Failed() {
		return
	}
	if typ.Out.Max == 1 {
		for _, old := range out {
			d.Emit(Unlinked{Write: d.write(c.Under), Type: c.Type, To: old})
		}
	}
	d.Emit(Linked{Write: d.write(c.Under), Type: c.Type, To: c.To, Attributes: c.Attributes})
}

func (d *decision) relationValues(typ *RelationType, values map[string]itsm.Value) {
	for _, name := range sorted(values) {
		at := slices.IndexFunc(typ.Attributes, func(a Attribute) bool { return a.Name == name })
		if at < 0 {
			d.Refuse(ruleAttribute.With("class", typ.Name, "field", name))
		} else if r, ok := d.p.model.check(&typ.Attributes[at], values[name]); !ok {
			d.Refuse(r)
		}
	}
	for _, a := range typ.Attributes {
		d.RefuseWhen(a.Required && values[a.Name].IsZero(), ruleMissing, "fields", a.Name)
	}
}

// An item that was merged into another can still lose relations, so that they do not hold what they lead to for ever.
func (c Unlink) decide(d *decision) {
	d.authorised(c)
	d.RefuseWhen(d.Rec.Outside != nil, ruleOutside)
	if d.p.machine.IsEnd(d.Rec.State) {
		d.Illegal(string(d.Rec.State))
		return
	}
	d.local("unlink")
	at, known := d.Rec.relation(c.Type, c.To)
	if !known || !d.Rec.Relations[at].Current() {
		d.Refuse(ruleNotLinked.With("type", c.Type, "to", c.To))
		return
	}
	d.notBefore(d.Rec.Relations[at].Since)
	if typ := d.p.model.relations[c.Type]; typ != nil {
		if have := len(d.Rec.Related(c.Type)) - 1; d.Rec.inUse() && have < typ.Out.Min && d.p.model.from(typ, d.Rec.Class) {
			d.Refuse(ruleLeast.With("class", d.Rec.Class, "least", typ.Out.Min, "type", c.Type, "end", "out", "have", have))
		}
	}
	if d.Failed() {
		return
	}
	d.Emit(Unlinked{Write: d.write(c.Under), Type: c.Type, To: c.To})
}

func (c attach) decide(d *decision) {
	d.authorised(c)
	d.local("attach")
	typ := d.p.model.relations[c.Type]
	if typ == nil {
		d.Refuse(ruleRelation.With("type", c.Type))
		return
	}
	has := slices.Contains(d.Rec.Incoming, Incoming{c.Type, c.From})
	have := d.Rec.incoming(c.Type)
	switch {
	case c.Detach && has:
		if d.Rec.inUse() && have-1 < typ.In.Min && d.p.model.to(typ, d.Rec.Class) {
			d.Refuse(ruleLeast.With("class", d.Rec.Class, "least", typ.In.Min, "type", c.Type, "end", "in", "have", have-1))
		}
		if !d.Failed() {
			d.Emit(Detached{Write: d.write(c.Under), Type: c.Type, From: c.From})
		}
	case !c.Detach && !has:
		d.RefuseWhen(d.Rec.Gone(), ruleOtherGone, "id", d.Rec.ID, "state", gone(&d.Rec))
		if typ.In.Max > 0 && have >= typ.In.Max {
			d.Refuse(ErrBound.With("item", d.Rec.ID, "have", have, "type", c.Type, "end", "in", "most", typ.In.Max))
		}
		if !d.Failed() {
			d.Emit(Attached{Write: d.write(c.Under), Type: c.Type, From: c.From})
		}
	}
}

// inUse reports whether the least numbers of relations hold for the item.
func (i *Item) inUse() bool {
	return i.State == StateLive || i.State == StateMaintenance || i.State == StateSuspended
}

// from and to report whether a relation may lead from, or to, an item of a class.
func (m *Model) from(r *RelationType, class string) bool {
	return slices.ContainsFunc(r.Ends, func(e Ends) bool { return m.Is(class, e.From) })
}

func (m *Model) to(r *RelationType, class string) bool {
	return slices.ContainsFunc(r.Ends, func(e Ends) bool { return m.Is(class, e.To) })
}

// least asks for the least numbers of relations that a live item has.
func (d *decision) least(class string) {
	for i := range d.p.model.schema.Relations {
		r := &d.p.model.schema.Relations[i]
		if have := len(d.Rec.Related(r.Name)); have < r.Out.Min && d.p.model.from(r, class) {
			d.Refuse(ruleLeast.With("class", class, "least", r.Out.Min, "type", r.Name, "end", "out", "have", have))
		}
		if have := d.Rec.incoming(r.Name); have < r.In.Min && d.p.model.to(r, class) {
			d.Refuse(ruleLeast.With("class", class, "least", r.In.Min, "type", r.Name, "end", "in", "have", have))
		}
	}
}

// counted reports whether a type of relations is counted at the item that it leads to.
func (r *RelationType) counted() bool { return r.In.Max > 0 }

// gone tells why nothing new relates to an item.
func gone(i *Item) string {
	if i.MergedInto != "" {
		return "merged into " + string(i.MergedInto)
	}
	return string(i.State)
}

func list[T any](values []T) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprint(v)
	}
	return strings.Join(parts, ", ")
}
