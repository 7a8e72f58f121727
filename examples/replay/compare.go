package main

import (
	"context"
	"errors"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// counts is what both the log and the process know of an incident after a row.
type counts struct{ reopens, reassignments, priority int }

// compare reads back the journals of the records of an incident, and holds what they lead to after each row against the log.
func (r *replay) compare(ctx context.Context, e *entry, p *plan) error {
	var derived counts
	next, base := 0, counts{} // the next row to be compared; what the log and the journals had at the row before
	until := func(row int) {
		for ; next < row; next++ {
			logged := &e.rows[next]
			count(r.report.ReopenMismatches, logged.Reopens != derived.reopens)
			count(r.report.PriorityMismatches, logged.Priority != derived.priority)
			count(r.report.ReassignmentMismatches, logged.Reassignments != derived.reassignments)
			before := 0
			if next > 0 {
				before = e.rows[next-1].Reassignments
			}
			count(r.report.ReassignmentSteps, logged.Reassignments-before != derived.reassignments-base.reassignments)
			base = derived
		}
	}
	carried := 0 // reassignments of the records before
	for _, id := range p.records {
		var rec incident.Incident
		for ev, err := range r.incidents.Events(ctx, id) {
			if err != nil {
				return err
			}
			r.report.Events++
			count(&r.report.Added, !ev.Recorded.Before(r.began))
			if row, ok := rowOf(e.number, ev.Command); ok {
				until(min(row, len(e.rows)))
			}
			if strings.HasPrefix(ev.Type, "itsm.") {
				continue // the kernel's own events: they count nothing
			}
			if err := r.incidents.Incidents().Evolve(&rec, &ev); err != nil {
				return err
			}
			derived = counts{rec.ReopenCount(), carried + rec.Reassignments, int(rec.Priority)}
		}
		carried += rec.Reassignments
	}
	until(len(e.rows))
	r.report.compared += len(e.rows)
	return nil
}

func count(n *int, is bool) {
	if is {
		*n++
	}
}

// intact is the verdict on a journal in which nothing is wrong.
const intact = "ok"

// verify checks the hash chain of every record of the tenant, and that the record is what its journal leads to. It returns [intact], or
// what is wrong with the first bad entry.
func (r *replay) verify(ctx context.Context) (string, error) {
	checked := 0
	bad := func(err error) (string, error) {
		var tampered *itsm.TamperedError
		if errors.As(err, &tampered) {
			return tampered.Error(), nil
		}
		return "", err
	}
	for inc, err := range r.incidents.Find(ctx, itsm.Query{}) {
		if err == nil {
			err = r.incidents.Verify(ctx, inc.ID)
		}
		if err != nil {
			return bad(err)
		}
		checked++
		r.progress.check(checked)
	}
	// Refusals for which there is no record stand alone.
	for ev, err := range r.db.Events(ctx, "", itsm.Filter{Tenant: tenant, Kind: itsm.KindCommand}) {
		var alone itsm.ChainVerifier
		if err == nil {
			err = alone.Next(&ev)
		}
		if err != nil {
			return bad(err)
		}
	}
	return intact, nil
}
