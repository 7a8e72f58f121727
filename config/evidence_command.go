package config

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

func (c Observe) decide(d *decision) {
	d.open()
	d.RefuseWhen(len(c.Sightings) == 0, ruleNothing)
	d.RefuseWhen(len(c.Sightings) > maxSightings, ruleSightings, "have", len(c.Sightings), "most", maxSightings)
	if d.Failed() {
		return
	}
	seen := d.Rec.Seen
	fresh := make([]Sighting, 0, len(c.Sightings))
	for _, s := range c.Sightings {
		d.Need("source", s.Source)
		d.Code("source", s.Source)
		d.NeedTime("at", s.At)
		d.NotAfterNow("at", s.At)
		switch a := d.p.model.attribute(d.Rec.Class, s.Attribute); {
		case a == nil:
			d.Refuse(ruleAttribute.With("class", d.Rec.Class, "field", s.Attribute))
		case !s.Value.IsZero():
			if r, ok := d.p.model.check(a, s.Value); !ok {
				d.Refuse(r)
			}
			d.cleared(a)
		}
		s.At = itsm.Instant(s.At)
		if s.At.After(seen) {
			seen = s.At
		}
		fresh = append(fresh, s)
	}
	if d.Failed() {
		return
	}
	for i := range fresh {
		d.bounded(fresh, fresh[i].Attribute)
	}
	if d.Failed() {
		return
	}
	d.observed(fresh, seen)
}

// bounded asks that an attribute does not get too many sources.
func (d *decision) bounded(fresh []Sighting, attribute string) {
	var sources []string
	for _, s := range slices.Concat(sightingsOf(d.Rec.Sightings, attribute), fresh) {
		if s.Attribute == attribute && !slices.Contains(sources, s.Source) {
			sources = append(sources, s.Source)
		}
	}
	if len(sources) > maxSources && !d.Refused(ruleSources) {
		d.Refuse(ruleSources.With("field", attribute, "most", maxSources))
	}
}

// observed takes in sightings, and what the observed attributes are by now.
func (d *decision) observed(fresh []Sighting, seen time.Time) {
	before := d.Rec
	after := d.Rec
	after.Sightings = retain(after.Sightings, fresh)
	values, frozen := d.p.observe(&after, d.Env.At)
	if len(values) == 0 && seen.Equal(before.Seen) && slices.Equal(frozen, before.Frozen) && slices.EqualFunc(after.Sightings, before.Sightings, sameSighting) {
		return
	}
	d.Emit(Observed{Sightings: fresh, Values: values, Frozen: frozen, Seen: seen})
	for _, name := range frozen {
		if !slices.Contains(before.Frozen, name) {
			b, _ := d.p.Believe(d.Rec, name)
			d.Emit(Flapped{Attribute: name, Changes: b.Changes, Sources: b.Sources})
		}
	}
}

func sameSighting(a, b Sighting) bool { return compareSightings(a, b) == 0 }

func (c LockAttribute) decide(d *decision) {
	d.open()
	d.Need("why", c.Why)
	d.Length("why", c.Why, 2000)
	d.NeedTime("until", c.Until)
	d.Later("until", c.Until)
	switch a := d.p.model.attribute(d.Rec.Class, c.Attribute); {
	case a == nil:
		d.Refuse(ruleAttribute.With("class", d.Rec.Class, "field", c.Attribute))
	case !a.Observed:
		d.Refuse(ruleNotObserved.With("field", c.Attribute))
	default:
		if r, ok := d.p.model.check(a, c.Value); !ok {
			d.Refuse(r)
		}
		d.cleared(a)
	}
	if d.Failed() {
		return
	}
	d.Emit(Locked{Lock{Attribute: c.Attribute, By: d.Env.Actor.ID, Until: itsm.Instant(c.Until), Why: c.Why}, c.Value})
}

func (c UnlockAttribute) decide(d *decision) {
	d.open()
	d.RefuseWhen(!slices.ContainsFunc(d.Rec.Locks, func(l Lock) bool { return l.Attribute == c.Attribute }), ruleLock, "field", c.Attribute)
	if d.Failed() {
		return
	}
	d.Emit(Unlocked{Attribute: c.Attribute})
	d.observed(nil, d.Rec.Seen)
}

func (c SuspectDuplicate) decide(d *decision) {
	d.open()
	d.RefuseWhen(len(c.Suspects) == 0, ruleNothing)
	d.RefuseWhen(len(c.Suspects) > 100, ruleSightings, "have", len(c.Suspects), "most", 100)
	var fresh []Suspect
	for _, s := range c.Suspects {
		d.Need("item", string(s.Item))
		d.Need("why", s.Why)
		d.Length("why", s.Why, 500)
		d.RefuseWhen(s.Item == d.Rec.ID, ruleSelf)
		if !slices.Contains(d.Rec.Suspects, s) {
			fresh = append(fresh, s)
		}
	}
	if d.Failed() || len(fresh) == 0 {
		return
	}
	d.Emit(Suspected{fresh})
}

func (c ClearSuspect) decide(d *decision) {
	d.open()
	d.NeedReason()
	d.RefuseWhen(!slices.ContainsFunc(d.Rec.Suspects, func(s Suspect) bool { return s.Item == c.Item }), ruleNotSuspect, "item", c.Item)
	if d.Failed() {
		return
	}
	d.Emit(Cleared(c))
}

func (c Merge) decide(d *decision) {
	d.authorised(c)
	d.open()
	d.local("merge")
	switch into := d.facts.Other; {
	case c.Into == d.Rec.ID:
		d.Refuse(ruleSelf.With())
	case into == nil:
		d.Refuse(ruleNoOther.With("id", c.Into))
	case into.Gone():
		d.Refuse(ruleOtherGone.With("id", c.Into, "state", gone(into)))
	default:
		d.RefuseWhen(!d.p.model.Is(into.Class, d.Rec.Class) && !d.p.model.Is(d.Rec.Class, into.Class), ruleMergeClass, "from", d.Rec.Class, "into", into.Class)
		for _, r := range d.p.model.schema.Relations {
			union := into.Related(r.Name)
			for _, to := range d.Rec.Related(r.Name) {
				if !slices.Contains(union, to) {
					union = append(union, to)
				}
			}
			d.RefuseWhen(r.Out.Max > 0 && len(union) > r.Out.Max, ErrBound, "item", c.Into, "have", len(union), "type", r.Name, "end", "out", "most", r.Out.Max)
			in := into.incoming(r.Name) + d.Rec.incoming(r.Name)
			d.RefuseWhen(r.In.Max > 0 && in > r.In.Max, ErrBound, "item", c.Into, "have", in, "type", r.Name, "end", "in", "most", r.In.Max)
		}
	}
	if len(d.Rec.Absorbed) > 0 {
		var ids []itsm.ID
		for _, a := range d.Rec.Absorbed {
			ids = append(ids, a.Item)
		}
		d.Refuse(ruleMergeChain.With("items", list(ids)))
	}
	if d.Failed() {
		return
	}
	d.Emit(Merged{Write: d.write(c.Under), Into: c.Into})
}

func (c Unmerge) decide(d *decision) {
	d.authorised(c)
	d.unique()
	d.NeedReason()
	d.RefuseWhen(d.Rec.MergedInto == "", ruleNotMerged)
	if d.Failed() {
		return
	}
	d.Emit(Unmerged{Write: d.write(c.Under)})
}

func (c absorb) decide(d *decision) {
	d.authorised(c)
	d.local("absorb")
	if d.p.machine.IsEnd(d.Rec.State) {
		d.Illegal(string(d.Rec.State)) // what is gone for good is written no more
	}
	has := slices.ContainsFunc(d.Rec.Absorbed, func(a Absorbed) bool { return a.Item == c.Item })
	switch {
	case d.Failed():
	case c.Return && has:
		d.Emit(GaveBack{Write: d.write(c.Under), Item: c.Item})
	case !c.Return && !has:
		d.Emit(Took{Write: d.write(c.Under), Absorbed: Absorbed{c.Item, c.Keys}})
	}
}
