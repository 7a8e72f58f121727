package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// loadMachine reads a lifecycle.
func loadMachine(path string) (*lifecycle.Machine[string, string], error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := lifecycle.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// judge asks a lifecycle about every incident of the log.
func (r *run) judge(ctx context.Context, path string) error {
	m, err := loadMachine(path)
	if err != nil {
		return err
	}
	if err := r.check(ctx); err != nil {
		return err
	}
	found, unknown := deviations{}, tallies{}
	var trace []string
	for e, err := range r.entries(ctx) {
		if err != nil {
			return err
		}
		trace = trace[:0]
		for i := range e.rows {
			trace = append(trace, e.rows[i].State)
		}
		v := m.Accepts(trace)
		if v.Accepted {
			r.report.Accepted++
		} else {
			r.report.Rejected++
		}
		if v.Unfinished {
			r.report.Unfinished++
		}
		var steps []passage
		for _, d := range v.Deviations {
			steps = append(steps, passage{d.From, d.To})
		}
		found.add(steps...)
		for _, name := range v.Unmapped {
			for _, state := range trace {
				if state == name {
					unknown[name]++
				}
			}
		}
	}
	r.report.Lifecycle, r.report.Deviations, r.report.Unmapped = m.Name(), found.list(), unknown.list()
	return nil
}
