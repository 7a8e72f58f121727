package main

import (
	"context"
	"errors"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
)

// An op is something that a worker does, under one command ID. It is a value, so that it can be done again after a crash,
// exactly as it was.
type op struct {
	ID     itsm.CommandID `json:"id"`
	Do     deed           `json:"do"`
	Tenant itsm.Tenant    `json:"tenant"`
	On     itsm.ID        `json:"on,omitempty"`
	With   itsm.ID        `json:"with,omitempty"`
	Level  int            `json:"level,omitempty"`
	Until  time.Time      `json:"until,omitzero"`
}

// A deed is what an op does.
type deed string

const (
	doRecord   deed = "record"
	doTriage   deed = "triage"
	doDispatch deed = "dispatch"
	doStart    deed = "start"
	doHold     deed = "hold"
	doResume   deed = "resume"
	doPropose  deed = "propose"
	doConfirm  deed = "confirm"
	doClose    deed = "close"
	doContact  deed = "contact"
	doOverride deed = "override"
	doMerge    deed = "merge"
	doUnmerge  deed = "unmerge"
	doUnit     deed = "unit"    // two contacts and a new incident, at once
	doAbandon  deed = "abandon" // a unit of work that fails: a contact, and a refusal that stays
	doSeal     deed = "seal"
)

// command returns the command of an op that gives one.
func (o *op) command() itsm.Command {
	switch o.Do {
	case doRecord:
		return record(o.ID)
	case doTriage:
		return incident.Triage{Impact: incident.Impact(o.Level), Urgency: incident.UrgencyNow, Service: "his-opd"}
	case doDispatch:
		return incident.Dispatch{Group: "hardware"}
	case doStart:
		return incident.Start{}
	case doHold:
		return incident.Hold{Reason: incident.WaitSpare, Review: o.Until, Bump: incident.Bump{Every: itsm.Minute, Count: 2}}
	case doResume:
		return incident.Resume{}
	case doPropose:
		return incident.Propose{Solution: "a new part"}
	case doConfirm:
		return incident.Confirm{Word: incident.UserAgrees, Said: "it works"}
	case doClose:
		return incident.Close{NoCI: true}
	case doContact:
		return contact(o.ID)
	case doOverride:
		return incident.OverridePriority{Priority: incident.Priority(o.Level), Why: "the board is waiting", Until: o.Until}
	case doMerge:
		return incident.Merge{Into: o.With}
	case doUnmerge:
		return incident.Unmerge{}
	}
	return nil
}

// record and contact carry the ID of their command in their text, so that an effect can be told from all others.
func record(id itsm.CommandID) incident.Record {
	return incident.Record{Channel: incident.Phone, Caller: incident.Caller{Department: "fee", Phone: "8001"}, Summary: string(id)}
}

func contact(id itsm.CommandID) incident.Contact {
	return incident.Contact{Channel: incident.Phone, Text: string(id)}
}

// part returns the command ID of the nth command of a unit of work.
func (o *op) part(n byte) itsm.CommandID { return o.ID + "/" + itsm.CommandID('0'+n) }

// An answer is what came of an op.
type answer struct {
	ID      itsm.CommandID `json:"id"`
	Refused bool           `json:"refused,omitempty"`
	On      []itsm.ID      `json:"on,omitempty"` // the records that the commands have changed, in their order
	Seal    []byte         `json:"seal,omitempty"`
	Failed  string         `json:"failed,omitempty"` // what was said instead of an answer, where trying again leads to nothing
}

// errAbandoned makes a unit of work fail.
var errAbandoned = errors.New("the unit is abandoned")

// give does an op. An error means that it is not known whether it happened; doing it again tells.
func (w *world) give(ctx context.Context, o *op) (answer, []incident.Incident, error) {
	a := answer{ID: o.ID}
	actor := as(ctx, o.Tenant, "u-1")
	var after []incident.Incident
	do := func(ctx context.Context, id itsm.ID, cmd itsm.Command, once itsm.CommandID) error {
		rec, err := w.incidents.Do(ctx, id, cmd, itsm.Once(once), itsm.Because("work"))
		if err == nil {
			after = append(after, rec)
		}
		return err
	}
	var err error
	switch o.Do {
	case doSeal:
		var seal itsm.Seal
		seal, err = w.sealer.Seal(ctx, o.Tenant, w.now())
		a.Seal = seal.Note
	case doUnit:
		err = store.Atomically(actor, w.db, func(ctx context.Context) error {
			after = nil
			if err := do(ctx, o.On, contact(o.part(1)), o.part(1)); err != nil {
				return err
			}
			if err := do(ctx, "", record(o.part(2)), o.part(2)); err != nil {
				return err
			}
			return do(ctx, o.With, contact(o.part(3)), o.part(3))
		})
	case doAbandon:
		err = store.Atomically(actor, w.db, func(ctx context.Context) error {
			if err := do(ctx, o.On, contact(o.part(1)), o.part(1)); err != nil {
				return err
			}
			if err := do(ctx, "nowhere", incident.Start{}, o.part(2)); err != nil {
				return err
			}
			return errAbandoned // not reached: there is no such incident
		})
		after = nil
	default:
		if o.Do == doConfirm {
			actor = as(ctx, o.Tenant, "u-2") // not by who solved it
		}
		err = do(actor, o.On, o.command(), o.ID)
	}
	if errors.As(err, new(*itsm.RefusedError)) {
		a.Refused = true
		return a, nil, nil
	}
	for i := range after {
		a.On = append(a.On, after[i].ID)
	}
	return a, after, err
}
