package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
)

// night is the story as it is told: after the first error nothing happens any more.
type night struct {
	w       io.Writer
	now     time.Time
	changes *change.Service
	items   *items
	id      itsm.ID
	err     error
}

func (n *night) do(ctx context.Context, cmd itsm.Command) (c change.Change) {
	if n.err != nil {
		return c
	}
	if c, n.err = n.changes.Do(ctx, n.id, cmd); n.err == nil {
		n.id = c.ID
		actor, _ := itsm.ActorFrom(ctx)
		fmt.Fprintf(n.w, "%s  %-6s %-26s → %s\n", clock(n.now), actor.ID, cmd.CommandName(), c.State)
	}
	return c
}

// refused shows why a command is not possible.
func (n *night) refused(ctx context.Context, cmd itsm.Command) {
	if n.err != nil {
		return
	}
	_, err := n.changes.Do(ctx, n.id, cmd)
	var refused *itsm.RefusedError
	if !errors.As(err, &refused) {
		n.err = fmt.Errorf("%s should have been refused: %w", cmd.CommandName(), err)
		return
	}
	fmt.Fprintf(n.w, "%s  refused: %v\n", clock(n.now), refused)
}

func (n *night) current() change.Change {
	c, err := n.changes.Get(manager, n.id)
	if n.err == nil {
		n.err = err
	}
	return c
}

// at is a time in the night to Sunday.
func (n *night) at(hour, minute int) { n.now = time.Date(2026, 3, 8, hour, minute, 0, 0, beijing) }

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

// The people and their roles.
var (
	roles = map[itsm.PersonID][]itsm.Role{"chen": {itsm.RoleChangeManager}, "qian": {change.RoleBoard}, "sun": {change.RoleBoard}, "zhao": {change.RoleDirector}}

	desk     = as("wang", itsm.RoleServiceDesk)
	engineer = as("li", itsm.RoleSoftwareEngineer)
	second   = as("zhou", itsm.RoleSecondLine)
	ward     = as("wu", change.RoleBusinessOwner)
	manager  = as("chen", itsm.RoleChangeManager)
	system   = as("system/reactions", itsm.RoleSystem)

	people board
)

// board is who holds the roles of the approval rules: a host asks its own directory.
type board struct{}

func (board) Members(_ context.Context, _ itsm.Tenant, asked []itsm.Role, _ time.Time) (members []approval.Member, err error) {
	for _, person := range slices.Sorted(maps.Keys(roles)) {
		m := approval.Member{Person: person}
		for _, role := range roles[person] {
			if slices.Contains(asked, role) {
				m.Roles = append(m.Roles, role)
			}
		}
		if len(m.Roles) > 0 {
			members = append(members, m)
		}
	}
	return members, nil
}

// grades are the grades of services.
type grades map[string]string

func (g grades) Grade(_ context.Context, _ itsm.Tenant, service string) (string, error) {
	return g[service], nil
}

// items are the records of configuration items: a host has the package config for it.
type items struct {
	values map[itsm.Ref]map[string]string
}

func newItems() *items {
	return &items{map[itsm.Ref]map[string]string{ci("emr-app"): {"version": "4.2.0", "pool_size": "50"}, ci("emr-db"): {"schema": "420"}}}
}

func ci(id itsm.ID) itsm.Ref { return itsm.Ref{Kind: "ci", ID: id} }

func (s *items) set(id itsm.ID, name, value string) { s.values[ci(id)][name] = value }

func (s *items) States(_ context.Context, _ itsm.Tenant, wanted []itsm.Ref) (found []change.ItemState, err error) {
	for _, item := range wanted {
		if values, ok := s.values[item]; ok {
			found = append(found, change.ItemState{Item: item, Values: maps.Clone(values)})
		}
	}
	return found, nil
}

func (s *items) Pending(context.Context, itsm.Tenant, itsm.Ref, []itsm.Ref) ([]itsm.Ref, error) {
	return nil, nil
}

// weighed says something on each head of an assessment.
func weighed(kind change.AssessmentKind) map[string]string {
	heads := make(map[string]string)
	for _, head := range change.DefaultPolicy().Heads[kind] {
		heads[head] = strings.ReplaceAll(head, "_", " ") + ": no objection"
	}
	return heads
}
