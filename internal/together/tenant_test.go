package together_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// chance is what the random source decides: salts, and with them digests, and the IDs of commands that the library gives itself.
var chance = regexp.MustCompile(`"[0-9a-f]{64}"|"~":"[^"]*"|"[0-9a-z]{26}"`)

// outcome is what a caller is told, without what chance decides.
func outcome(record string, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return chance.ReplaceAllString(record, `""`)
}

// TestTenants gives the same commands to a hospital that has a store to itself, and to one that shares it with another which
// has records of the same kinds and IDs, and more. Neither what the hospital is told nor what is kept for it may differ; so
// nothing of the other one is read, linked, counted or found. And what is kept for the other one stays as it is.
func TestTenants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		alone, shared := open(t, memory.New(), everything{}), open(t, memory.New(), everything{})
		for _, id := range []itsm.ID{"X-1", "X-2", "X-3"} {
			shared.create(t, "h2", id)
		}
		alone.create(t, "h1", "X-1")
		shared.create(t, "h1", "X-1")
		theirs := shared.snapshot(t, "h2")
		for step := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			now := shared.clock().Add(time.Duration(rapid.IntRange(0, 50).Draw(rt, "hours")) * time.Hour)
			alone.set(now)
			shared.set(now)
			n := rapid.IntRange(0, len(shared.processes)-1).Draw(rt, "process")
			p, q := shared.processes[n], alone.processes[n]
			key := itsm.Key{Tenant: "h1", Kind: p.Kind(), ID: rapid.SampledFrom([]itsm.ID{"X-1", "X-1", "X-1", "X-2", "X-3"}).Draw(rt, "id")}
			cmd, opts := p.Draw(rt, shared.db, key)
			// The other hospital has used the same command ID, as two hosts do that count.
			opts = append(opts, itsm.Once(itsm.CommandID(fmt.Sprint("command-", step))))
			who := rapid.SampledFrom([]itsm.PersonID{"u-001", "u-002"}).Draw(rt, "who")
			told := outcome(p.Give(shared.as("h1", who), key.ID, cmd, opts...))
			want := outcome(q.Give(alone.as("h1", who), key.ID, cmd, opts...))
			require.Equal(rt, want, told, "%s on %s: beside the other hospital something else is told", cmd.CommandName(), key)
			require.Empty(rt, difference(theirs, shared.snapshot(t, "h2")), "%s on %s changed what is kept for the other hospital", cmd.CommandName(), key)
			if step%3 == 0 { // and the other hospital goes on
				_, _ = p.Give(shared.as("h2", who), key.ID, cmd, opts...)
				theirs = shared.snapshot(t, "h2")
			}
		}
		for i, p := range shared.processes {
			for _, by := range []string{"", "state", "updated"} {
				got, _, err := p.List(shared.as("h1", "u-001"), itsm.Query{OrderBy: by})
				require.NoError(rt, err)
				want, _, err := alone.processes[i].List(alone.as("h1", "u-001"), itsm.Query{OrderBy: by})
				require.NoError(rt, err)
				require.Equal(rt, want, got, "%s by %q", p.Kind(), by)
			}
		}
		require.Empty(rt, difference(kept(t, alone, "h1"), kept(t, shared, "h1")))
	})
}

// kept is what a store keeps for a tenant, without what chance decides.
func kept(t testing.TB, h *hospital, tenant itsm.Tenant) []string {
	lines := h.snapshot(t, tenant)
	for i := range lines {
		lines[i] = chance.ReplaceAllString(lines[i], `""`)
	}
	return lines
}

// TestNothingOfAnotherTenant asks by name, for every pair of kinds, for what only the other tenant has.
func TestNothingOfAnotherTenant(t *testing.T) {
	t.Parallel()
	h := open(t, memory.New(), everything{})
	for _, id := range []itsm.ID{"X-1", "X-2", "X-3"} {
		h.create(t, "h2", id)
	}
	h.create(t, "h1", "X-1")
	ours, theirs := h.as("h1", "u-001"), h.as("h2", "u-001")
	before := h.snapshot(t, "h2")
	for _, p := range h.processes {
		t.Run(string(p.Kind()), func(t *testing.T) {
			_, err := p.Look(ours, "X-2")
			assert.ErrorIs(t, err, itsm.ErrNotFound, "Get")
			_, err = p.Rebuild(ours, "X-2")
			assert.ErrorIs(t, err, itsm.ErrNotFound, "Replay")
			assert.ErrorIs(t, p.Verify(ours, "X-2"), itsm.ErrNotFound, "Verify")
			assert.ErrorIs(t, p.Timeline(ours, "X-2"), itsm.ErrNotFound, "Timeline")
			for ev, err := range p.Events(ours, "X-2") {
				assert.ErrorIs(t, err, itsm.ErrNotFound, "Events gave %v", ev.Key)
			}
			mine, err := p.Look(ours, "X-1")
			require.NoError(t, err)
			assert.Contains(t, mine, `"tenant":"h1"`)
			for ev, err := range p.Events(ours, "X-1") {
				require.NoError(t, err)
				assert.Equal(t, itsm.Tenant("h1"), ev.Tenant)
			}

			// A query that names the other tenant, and a cursor that the other tenant got.
			ids, _, err := p.List(theirs, itsm.Query{OrderBy: "created"})
			require.NoError(t, err)
			require.Subset(t, ids, []itsm.ID{"X-1", "X-2", "X-3"})
			_, last, err := p.List(theirs, itsm.Query{OrderBy: "created", Limit: 1})
			require.NoError(t, err)
			for _, q := range []itsm.Query{{}, {Tenant: "h2"}, {Tenant: "h2", Kind: "incident"}, {OrderBy: "created", After: itsm.Cursor{Value: last.Value}}, {OrderBy: "created", Desc: true}} {
				ids, _, err := p.List(ours, q)
				require.NoError(t, err)
				assert.Contains(t, ids, itsm.ID("X-1"), "%+v", q)
				assert.NotContains(t, ids, itsm.ID("X-2"), "%+v", q)
				assert.NotContains(t, ids, itsm.ID("X-3"), "%+v", q)
			}
			ids, _, err = p.List(ours, itsm.Query{OrderBy: "created", After: last})
			require.NoError(t, err)
			assert.NotContains(t, ids, itsm.ID("X-2"))

			// Every command of every kind on what only the other has.
			for _, q := range h.processes {
				for _, cmd := range slices.Concat(q.Describe().Commands, itsm.CommonCommands()) {
					if _, creates := cmd.(itsm.Creation); creates {
						continue
					}
					_, err := p.Give(ours, "X-2", cmd)
					assert.Truef(t, errors.Is(err, itsm.ErrNotFound) || q.Kind() != p.Kind() && errors.Is(err, itsm.ErrInvalid), "%s on %s X-2 of the other: %v", cmd.CommandName(), p.Kind(), err)
				}
			}
			assert.Empty(t, difference(before, h.snapshot(t, "h2")))
		})
	}
}

// TestUnitsOfOneTenant tries to smuggle a change of another tenant into a unit of work.
func TestUnitsOfOneTenant(t *testing.T) {
	t.Parallel()
	for _, first := range []itsm.Tenant{"h1", "h2"} {
		h := open(t, memory.New(), everything{})
		h.create(t, "h1", "X-1")
		h.create(t, "h2", "X-1")
		for _, p := range h.processes {
			for _, q := range h.processes {
				before := append(h.snapshot(t, "h1"), h.snapshot(t, "h2")...)
				second := map[itsm.Tenant]itsm.Tenant{"h1": "h2", "h2": "h1"}[first]
				err := store.Atomically(context.Background(), h.db, func(ctx context.Context) error {
					if _, err := p.Give(inherit(ctx, h.as(first, "u-001")), "X-1", itsm.Note{Text: "one"}); err != nil {
						return err
					}
					_, err := q.Give(inherit(ctx, h.as(second, "u-001")), "X-1", itsm.Note{Text: "two"})
					return err
				})
				assert.ErrorIs(t, err, itsm.ErrInvalid, "%s and %s of two tenants in one unit", p.Kind(), q.Kind())
				assert.Empty(t, difference(before, append(h.snapshot(t, "h1"), h.snapshot(t, "h2")...)))
			}
		}
	}
}

// inherit gives a context the actor of another.
func inherit(ctx, from context.Context) context.Context {
	a, _ := itsm.ActorFrom(from)
	return itsm.WithActor(ctx, a)
}
