package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// The neighbours of the process, as small as they get.

var contents = map[string]string{
	"schema":  "alter table settlement add column rule_2027 integer;\n",
	"adapter": "the insurance adapter for the rules of 2027\n",
}

// library is the definitive library: what was built, measured when it was put there.
func library(plan release.Plan) release.Shelf {
	var shelf release.Shelf
	for _, f := range plan.Manifest {
		m := found(f.Key, []byte(contents[f.Key]))[0]
		shelf = append(shelf, release.File{Key: f.Key, Path: f.Path, Version: f.Version, Digest: m.Digest, Size: m.Size})
	}
	return shelf
}

// approvedChange says that every change is approved.
type approvedChange struct{}

func (approvedChange) Change(_ context.Context, _ itsm.Tenant, id itsm.ID) (release.Change, error) {
	return release.Change{ID: id, Approved: true, Digest: itsm.Digest{1}}, nil
}

// affected knows who uses the insurance.
type affected struct{}

func (affected) Parties(context.Context, itsm.Tenant, []string, []string) ([]release.Party, error) {
	return []release.Party{{Kind: release.Department, Key: "收费处"}}, nil
}

// cmdb holds the version of each component. A real one writes to the store of the context, so that both are committed or neither.
type cmdb struct {
	versions  map[string]string
	baselines int
	down      bool
}

func (c *cmdb) Baseline(_ context.Context, _ itsm.Ref, _ string, cis []string) (release.Baseline, error) {
	c.baselines++
	return release.Baseline{Ref: itsm.Ref{Kind: "baseline", ID: itsm.ID(fmt.Sprintf("BL-%d", c.baselines))}, CIs: cis}, nil
}

func (c *cmdb) Update(_ context.Context, _ itsm.Ref, updates []release.Update) error {
	if c.down {
		return errors.New("no connection")
	}
	for _, u := range updates {
		c.versions[u.CI] = u.Unit + " " + u.Version
	}
	return nil
}

func (c *cmdb) Restore(_ context.Context, _, _ itsm.Ref, back []release.Undo) error {
	for _, u := range back {
		delete(c.versions, u.CI)
	}
	return nil
}

func (c *cmdb) String() string {
	var lines []string
	for ci, v := range c.versions {
		lines = append(lines, ci+" "+v)
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// environments are the test environment and production.
func environments() (test, production *release.Environment) {
	attributes := func() map[string]string { return map[string]string{"os": "kylin-10-sp3", "patch": "2026-11"} }
	return &release.Environment{Name: "uat", Items: []release.EnvItem{
			{CI: "uat-db", Class: release.ClassDatabase, Pair: "db-01", Attributes: attributes()}, {CI: "uat-if", Class: release.ClassInterface, Pair: "if-01", Attributes: attributes()}}},
		&release.Environment{Name: "live", Items: []release.EnvItem{
			{CI: "db-01", Class: release.ClassDatabase, Attributes: attributes()}, {CI: "if-01", Class: release.ClassInterface, Attributes: attributes()}}}
}
