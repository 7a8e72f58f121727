package config

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// wake returns when the item next wants a [Tick]: when the first lock of an attribute expires.
func (i Item) wake() (wake time.Time) {
	if i.Gone() {
		return time.Time{}
	}
	for _, l := range i.Locks {
		wake = itsm.Earliest(wake, l.Until)
	}
	return wake
}

func (c Tick) decide(d *decision) {
	if d.Rec.Gone() {
		return
	}
	for _, l := range slices.Clone(d.Rec.Locks) {
		if d.Due(l.Until) {
			d.Emit(Unlocked{Attribute: l.Attribute, Expired: true})
		}
	}
	if d.Changed() {
		d.observed(nil, d.Rec.Seen)
	}
}
