package config

import (
	"context"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

func (c SetGroup) decide(d *decision) {
	d.authorised(c)
	d.writable()
	d.notBefore(d.Rec.Written)
	bad := func(when bool, fault string) { d.RefuseWhen(when, ruleGroup, "name", c.Name, "fault", fault) }
	bad(!lowerSnake(c.Name), "the name is lower_snake of at most 40 characters")
	members := slices.Clone(c.Members)
	slices.Sort(members)
	members = slices.Compact(members)
	if len(members) > 0 {
		bad((c.Need > 0) == (c.Percent > 0) || c.Need < 0 || c.Percent < 0 || c.Percent > 100, "either need is 1 or more, or percent is 1 to 100")
		bad(c.Need > len(members), "it needs more than it has")
		bad(len(members) > maxBound, "it has more than 1000 members")
		bad(len(d.Rec.Redundancy) >= 50, "there are 50 groups already")
	}
	if d.Failed() {
		return
	}
	old := slices.IndexFunc(d.Rec.Redundancy, func(g Group) bool { return g.Name == c.Name })
	if len(members) == 0 && old < 0 {
		return
	}
	g := c.Group
	if g.Members = members; len(members) == 0 {
		g = Group{Name: c.Name}
	}
	d.Emit(Grouped{Write: d.write(c.Under), Group: g})
}

// Graph is what depends on what among all items that are not gone, see package impact. Items that the actor may not read
// are in it too, because a fault spreads through them all the same; of no item there is more than its ID.
func (s *Service) Graph(ctx context.Context) (*impact.Graph, error) {
	actor, _ := itsm.ActorFrom(ctx)
	var b impact.Builder
	there := make(map[itsm.ID]bool)
	var merged []impact.Relation
	for stored, err := range s.repos.Items.Find(ctx, itsm.Query{Tenant: actor.Tenant, Kind: Kind}) {
		if err != nil {
			return nil, err
		}
		if stored.Record.State == StateDisposed {
			continue
		}
		there[stored.Record.ID] = true
		if stored.Record.MergedInto != "" {
			merged = append(merged, same(stored.Record.ID, stored.Record.MergedInto)...)
		}
		for _, c := range s.process.model.graphOf(&stored.Record) {
			switch c := c.(type) {
			case impact.AddItem:
				err = b.AddItem(c.Item)
			case impact.AddRelation:
				err = b.AddRelation(c.Relation)
			case impact.SetGroup:
				err = b.SetGroup(c.Group)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	for _, r := range merged {
		if !there[r.From] || !there[r.To] {
			continue
		}
		if err := b.AddRelation(r); err != nil {
			return nil, err
		}
	}
	return b.Graph(), nil
}

// graphOf returns what an item that is not gone brings into the graph by itself.
func (m *Model) graphOf(i *Item) (changes []impact.Change) {
	changes = append(changes, impact.AddItem{Item: i.ID})
	for _, r := range i.Relations {
		if edge, ok := m.edge(i.ID, r.Type, r.To); ok && r.Current() {
			changes = append(changes, impact.AddRelation{Relation: edge})
		}
	}
	for _, g := range i.Redundancy {
		changes = append(changes, impact.SetGroup{Group: group(i.ID, g)})
	}
	return changes
}

// sameAs is the type under which items stand in the graph that were merged into one.
const sameAs impact.RelationType = "same_as"

// same is how an item that was merged into another stands to it: the other stands for it, so both depend on each other.
func same(a, b itsm.ID) []impact.Relation {
	return []impact.Relation{{From: a, To: b, Type: sameAs}, {From: b, To: a, Type: sameAs}}
}

// edge turns a relation so that it leads from the item that depends to the one it depends on. It is false for relations over which no fault spreads.
func (m *Model) edge(from itsm.ID, relation string, to itsm.ID) (impact.Relation, bool) {
	typ := m.relations[relation]
	switch {
	case typ == nil || typ.Impact == NoImpact:
		return impact.Relation{}, false
	case typ.Impact == Backward:
		from, to = to, from
	}
	return impact.Relation{From: from, To: to, Type: impact.RelationType(relation)}, true
}

func group(item itsm.ID, g Group) impact.Group {
	out := impact.Group{Item: item, Name: g.Name, Need: g.Need, Percent: g.Percent}
	for _, id := range g.Members {
		out.Members = append(out.Members, impact.Member{Item: id})
	}
	return out
}

// GraphChanges returns what an event of an item changes in the graph. Applied to the graph in the order of the journal, they
// keep it as [Service.Graph] would make it anew.
func (m *Model) GraphChanges(ev *itsm.Event) []impact.Change {
	relation := func(typ string, to itsm.ID, add bool) []impact.Change {
		edge, ok := m.edge(ev.ID, typ, to)
		switch {
		case !ok:
			return nil
		case add:
			return []impact.Change{impact.AddRelation{Relation: edge}}
		}
		return []impact.Change{impact.RemoveRelation{Relation: edge}}
	}
	switch e := ev.Payload.(type) {
	case Registered:
		return []impact.Change{impact.AddItem{Item: ev.ID}}
	case Linked:
		return relation(e.Type, e.To, true)
	case Unlinked:
		return relation(e.Type, e.To, false)
	case Moved:
		if e.State == StateDisposed {
			return []impact.Change{impact.RemoveRelations{Item: ev.ID, Type: sameAs}, impact.RemoveItem{Item: ev.ID}}
		}
	case Grouped:
		if len(e.Group.Members) == 0 {
			return []impact.Change{impact.RemoveGroup{Item: ev.ID, Name: e.Group.Name}}
		}
		return []impact.Change{impact.SetGroup{Group: group(ev.ID, e.Group)}}
	case Took:
		var changes []impact.Change
		for _, edge := range same(e.Absorbed.Item, ev.ID) {
			changes = append(changes, impact.AddRelation{Relation: edge})
		}
		return changes
	case GaveBack:
		var changes []impact.Change
		for _, edge := range same(e.Item, ev.ID) {
			changes = append(changes, impact.RemoveRelation{Relation: edge})
		}
		return changes
	}
	return nil
}

// Meanings tells package impact which items are services, and which departments work with an item: those that it is used by.
func (s *Service) Meanings(ctx context.Context) (func(itsm.ID) impact.Meaning, error) {
	meanings := map[itsm.ID]impact.Meaning{}
	names := map[itsm.ID]string{}
	var used []Item
	for item, err := range s.Find(ctx, itsm.Query{}) {
		if err != nil {
			return nil, err
		}
		if s.process.model.Is(item.Class, "service") {
			meanings[item.ID] = impact.Meaning{Service: true}
		}
		if s.process.model.Is(item.Class, "department") {
			names[item.ID] = item.Name
		}
		if len(item.Related("used_by")) > 0 || item.Get("department").Text() != "" {
			used = append(used, item)
		}
	}
	for _, item := range used {
		mean := meanings[item.ID]
		if d := item.Get("department").Text(); d != "" {
			mean.Departments = append(mean.Departments, d)
		}
		for _, id := range item.Related("used_by") {
			if name := names[id]; name != "" && !slices.Contains(mean.Departments, name) {
				mean.Departments = append(mean.Departments, name)
			}
		}
		meanings[item.ID] = mean
	}
	return func(id itsm.ID) impact.Meaning { return meanings[id] }, nil
}
