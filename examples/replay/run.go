package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
)

// tenant is the organisation whose log is replayed.
const tenant itsm.Tenant = "log"

// A run goes through a log once to check it and once to work on it.
type run struct {
	reader    reader
	keepGoing bool
	progress  progress
	report    report
}

func newRun(log logFile, zone *time.Location, anyState, keepGoing bool, terminal io.Writer) *run {
	r := &run{reader: reader{log: log, zone: zone}, keepGoing: keepGoing, progress: progress{out: terminal}}
	if !anyState {
		r.reader.states = logStates()
	}
	r.report = report{Log: log.name, Zone: zone.String(), Deviations: []deviation{}}
	return r
}

// check reads the whole log before anything is written, so that a log with faults changes nothing. It returns the first of
// them, together, unless the run keeps going.
func (r *run) check(ctx context.Context) error {
	var faults []error
	rows, more := 0, 0
	for e, err := range r.reader.entries() {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		rows += e.count
		for _, f := range e.faults {
			switch {
			case slices.Contains(faults, f): // one row can spoil two incidents
			case len(faults) < maxErrors:
				faults = append(faults, f)
			default:
				more++
			}
		}
	}
	r.progress.start(rows)
	if r.keepGoing || faults == nil {
		return nil
	}
	if more > 0 {
		faults = append(faults, fmt.Errorf("and %s more", plural(more, "fault")))
	}
	return errors.Join(append(faults, errors.New("nothing was replayed; with -keep-going the incidents without faults are"))...)
}

// entries lists the incidents of the log that can be read. What is left out is counted.
func (r *run) entries(ctx context.Context) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		for e, err := range r.reader.entries() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			r.report.Incidents++
			r.report.Rows += e.count
			if len(e.faults) > 0 {
				if !r.keepGoing { // the file was changed since it was checked
					yield(nil, errors.Join(e.faults...))
					return
				}
				r.skip(e)
			} else if !yield(e, nil) {
				return
			}
			r.progress.show(r.report.Rows)
		}
	}
}

func (r *run) skip(e *entry) {
	r.report.Skipped++
	for _, f := range e.faults {
		if text := f.Error(); len(r.report.Errors) < maxErrors && !slices.Contains(r.report.Errors, text) {
			r.report.Errors = append(r.report.Errors, text)
		}
	}
}

// A replay carries the incidents of a log into a store, through the incident process.
type replay struct {
	*run
	db        store.DB
	incidents *incident.Service
	began     time.Time
	refused   deviations
	reasons   map[[2]string]*grounds // by command and code
	steps     map[passage]*through
}

func newReplay(r *run, db store.DB) (*replay, error) {
	policy := incident.Lenient()
	policy.Major.Criteria = nil // the log knows no major incidents
	model, err := incident.NewPriority(priorities())
	if err != nil {
		return nil, err
	}
	config := incident.Config{Policy: &policy, Priority: model}
	config.Fields = fields()
	service, err := incident.New(incident.NewRepository(db), config)
	if err != nil {
		return nil, err
	}
	r.report.ReopenMismatches, r.report.PriorityMismatches = new(int), new(int)
	r.report.ReassignmentMismatches, r.report.ReassignmentSteps = new(int), new(int)
	return &replay{
		run: r, db: db, incidents: service, began: time.Now().UTC().Truncate(time.Microsecond),
		refused: deviations{}, reasons: map[[2]string]*grounds{}, steps: map[passage]*through{},
	}, nil
}

// all replays the log and then checks the journal.
func (r *replay) all(ctx context.Context) error {
	reading := as(ctx, "replay")
	for e, err := range r.entries(ctx) {
		if err != nil {
			return err
		}
		p := planOf(e.number, e.rows)
		err := r.give(ctx, e, &p)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			r.reject(e, refused)
			continue
		case err != nil:
			return fmt.Errorf("%s, row %d: incident %s: %w", r.report.Log, e.line, e.number, err)
		}
		if err := r.compare(reading, e, &p); err != nil {
			return fmt.Errorf("%s, row %d: incident %s: %w", r.report.Log, e.line, e.number, err)
		}
		r.accept(e, &p)
	}
	r.report.Deviations = r.refused.list()
	for _, g := range r.reasons {
		r.report.Refusals = append(r.report.Refusals, *g)
	}
	slices.SortFunc(r.report.Refusals, func(a, b grounds) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Command, b.Command), cmp.Compare(a.Code, b.Code))
	})
	for _, t := range r.steps {
		r.report.Steps = append(r.report.Steps, *t)
	}
	slices.SortFunc(r.report.Steps, func(a, b through) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), passage{a.From, a.To}.compare(passage{b.From, b.To}))
	})
	verdict, err := r.verify(reading)
	r.report.Journal = &verdict
	return err
}

// as returns a context in which a person of the log acts. Whoever wrote in the log may do all that the process allows,
// and tell what happened earlier.
func as(ctx context.Context, who itsm.PersonID) context.Context {
	return itsm.WithActor(ctx, itsm.Actor{ID: who, Tenant: tenant, Roles: roles})
}

var roles = []itsm.Role{itsm.RoleImporter, itsm.RoleServiceDesk}

// A refusal says at which row the process refused.
type refusal struct {
	row int
	*itsm.RefusedError
}

func (r *refusal) Unwrap() error { return r.RefusedError }

// give gives the commands of one incident, all of them or none.
func (r *replay) give(ctx context.Context, e *entry, p *plan) error {
	return store.Atomically(ctx, r.db, func(ctx context.Context) error {
		row, nth := -1, 0
		for i := range p.steps {
			s := &p.steps[i]
			if s.row != row {
				row, nth = s.row, 0
			}
			options := []itsm.Option{
				itsm.Once(commandID(e.number, row, nth, e.rows[row].Print)), itsm.HappenedAt(e.rows[row].Updated),
				itsm.Because(s.because), itsm.WithFields(s.fields),
			}
			nth++
			if _, err := r.incidents.Do(as(ctx, s.actor), s.id, s.cmd, options...); err != nil {
				var refused *itsm.RefusedError
				if errors.As(err, &refused) {
					return &refusal{row, refused}
				}
				return err
			}
		}
		return nil
	})
}

// accept counts an incident that the process took.
func (r *replay) accept(e *entry, p *plan) {
	r.report.Accepted++
	r.report.Records += len(p.records)
	r.report.Commands += len(p.steps)
	r.report.SilentRows += p.silent
	r.report.LateRows += p.late
	next := 0
	for i := range e.rows {
		first := next
		for next < len(p.steps) && p.steps[next].row == i {
			next++
		}
		step := passage{"", e.rows[i].State}
		if i > 0 {
			step.from = e.rows[i-1].State
		}
		if step.from == step.to {
			continue
		}
		t := r.steps[step]
		if t == nil {
			t = &through{From: step.from, To: step.to}
			for _, s := range p.steps[first:next] {
				if s.moves {
					t.Commands = append(t.Commands, s.cmd.CommandName()[len("incident."):])
				}
			}
			r.steps[step] = t
		}
		t.Count++
	}
}

// reject counts an incident that the process refused.
func (r *replay) reject(e *entry, refused *refusal) {
	r.report.Rejected++
	step := passage{"", e.rows[refused.row].State}
	if refused.row > 0 {
		step.from = e.rows[refused.row-1].State
	}
	r.refused.add(step)
	for _, reason := range refused.Reasons {
		key := [2]string{refused.Command, string(reason.Code())}
		g := r.reasons[key]
		if g == nil {
			g = &grounds{Command: key[0], Code: key[1], Example: fmt.Sprintf("%s, row %d: %s", e.number, e.rows[refused.row].Line, reason)}
			r.reasons[key] = g
		}
		g.Count++
	}
}
