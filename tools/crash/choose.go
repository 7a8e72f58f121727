package main

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// choose thinks of the next op. It need not be possible: refusals are answers too.
func (k *worker) choose() op {
	k.given++
	o := op{ID: k.prefix + itsm.CommandID(strconv.Itoa(k.given)), Tenant: k.tenant, Do: doRecord}
	switch {
	case k.given == 1 && k.n < len(tenants): // every journal is sealed now and then
		o.Do = doSeal
		return o
	case len(k.own) < 2:
		return o
	}
	inc := &k.own[k.rng.IntN(len(k.own))]
	other := &k.own[k.rng.IntN(len(k.own))]
	o.On = inc.ID
	switch n := k.rng.IntN(100); {
	case n < 14:
		o.On = ""
	case n < 50:
		k.advance(&o, inc)
	case n < 65:
		o.Do, o.On = doContact, k.shared.one(k.tenant, k.rng, inc.ID)
	case n < 73:
		o.Do, o.Level, o.Until = doOverride, 1+k.rng.IntN(4), k.soon()
	case n < 80:
		o.Do, o.With = doMerge, other.ID // with itself it is refused
	case n < 90:
		o.Do, o.With = doUnit, other.ID
	case n < 93:
		o.Do = doAbandon
	case n < 97:
		o.Do = doClose // most cannot be closed yet
	default:
		o.Do, o.On = doSeal, ""
	}
	return o
}

// advance takes an incident one step along the main line.
func (k *worker) advance(o *op, inc *incident.Incident) {
	o.Do = map[incident.State]deed{
		incident.StateRecorded: doTriage, incident.StateTriaged: doDispatch, incident.StateDispatched: doStart, incident.StateDiagnosing: doPropose,
		incident.StateOnHold: doResume, incident.StateProposed: doConfirm, incident.StateConfirmed: doClose,
	}[inc.State]
	switch {
	case inc.MergedInto != "":
		o.Do = doUnmerge
	case o.Do == doTriage:
		o.Level = 1 + k.rng.IntN(4)
	case o.Do == doPropose && k.rng.IntN(3) == 0:
		o.Do, o.Until = doHold, k.soon()
	case o.Do == "":
		o.Do = doContact
	}
}

// soon is an instant that comes within some hundredths of a second of the machine.
func (k *worker) soon() time.Time {
	return k.now().Add(time.Second + time.Duration(k.rng.Int64N(int64(40*time.Second)))).Truncate(time.Microsecond)
}

// A pool holds incidents that workers of a tenant share, so that they get into each other's way.
type pool struct {
	mu  sync.Mutex
	ids map[itsm.Tenant][]itsm.ID
}

const pooled = 4

func (p *pool) add(tenant itsm.Tenant, id itsm.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids = make(map[itsm.Tenant][]itsm.ID)
	}
	ids := p.ids[tenant]
	if slices.Contains(ids, id) {
		return
	}
	if len(ids) == pooled {
		ids = ids[1:]
	}
	p.ids[tenant] = append(slices.Clip(ids), id)
}

func (p *pool) one(tenant itsm.Tenant, rng *rand.Rand, otherwise itsm.ID) itsm.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ids := p.ids[tenant]; len(ids) > 0 {
		return ids[rng.IntN(len(ids))]
	}
	return otherwise
}
