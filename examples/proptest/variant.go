package main

import (
	"slices"

	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// Procuring is the state that this hospital adds: what the work waits for has to be bought first. It is of the phase "waiting", so
// clocks, lists and reports that speak of phases know it.
const Procuring incident.State = "procuring"

// Variant is the lifecycle of this hospital: the shipped table, with one state and three rows more. An incident on hold that is put on
// hold once more waits for a purchase; it goes on, or ends, as others on hold do.
func Variant() incident.Table {
	type row = lifecycle.Transition[incident.State, incident.Transition]
	t := incident.IncidentTable()
	t.Name = "incident_with_procurement"
	t.States = append(slices.Clip(t.States), lifecycle.StateRow[incident.State]{Name: Procuring, Phase: lifecycle.PhaseWaiting, En: "procuring", Zh: "采购中"})
	t.Transitions = append(t.Transitions,
		row{Event: incident.DoHold, From: []incident.State{incident.StateOnHold}, To: Procuring},
		row{Event: incident.DoResume, From: []incident.State{Procuring}, To: incident.StateDiagnosing},
		row{Event: incident.DoCancel, From: []incident.State{Procuring}, To: incident.StateCancelled},
	)
	return t
}

// Shortcut is a variant that somebody in a hurry might want: what the engineer calls solved is closed. It is refused.
func Shortcut() incident.Table {
	t := Variant()
	t.Name = "incident_in_a_hurry"
	for i := range t.Transitions {
		if t.Transitions[i].Event == incident.DoClose {
			t.Transitions[i].From = append(t.Transitions[i].From, incident.StateProposed)
		}
	}
	return t
}

// configure returns the process under a lifecycle, with the demands of a small team.
func configure(t incident.Table) incident.Config {
	policy := incident.Lenient()
	return incident.Config{Policy: &policy, Lifecycle: &t, Agreements: incident.DefaultAgreements()}
}
