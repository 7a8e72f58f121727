package incident_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	t.Run("F-INC-6 a duplicate's clocks end as merged, later contacts reach the survivor through chains, demand is counted, and it can be undone for a while", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t)})
		a, b, c := d.at(incident.StateTriaged), d.at(incident.StateTriaged), d.at(incident.StateDiagnosing)
		d.do(agent, a, incident.Merge{Into: b})
		d.do(agent, b, incident.Merge{Into: c})
		status, err := d.Status(d.get(a), d.now.Add(90*24*time.Hour))
		require.NoError(t, err)
		for _, h := range health(status) {
			assert.Contains(t, []string{"merged", "met"}, h, "neither met nor breached by the merge")
		}
		survivor, err := d.Survivor(agent, a)
		require.NoError(t, err)
		assert.Equal(t, c, survivor.ID)
		assert.Equal(t, 3, survivor.Reports)
		inc := d.do(agent, a, incident.Contact{Channel: incident.Phone, Text: "again!", Report: true})
		assert.Equal(t, c, inc.ID, "the contact on the duplicate went to the survivor")
		assert.Equal(t, a, via(t, d, c), "and tells where it came in, the first of the chain")
		d.do(agent, b, incident.Contact{Channel: incident.Phone, Via: "INC-0"})
		assert.Equal(t, b, via(t, d, c), "which nobody else can say")
		d.do(agent, c, incident.Contact{Channel: incident.Phone, Via: "INC-0"})
		assert.Empty(t, via(t, d, c))
		assert.Equal(t, 4, inc.Reports)
		assert.Contains(t, codes(d.refused(agent, a, incident.Dispatch{Group: "x"})), "incident.merged")
		open := d.all(itsm.Query{Where: []itsm.Condition{itsm.WhereUnset("merged_into")}})
		assert.Len(t, open, 1, "reports count the survivor once")
		d.do(agent, b, incident.Unmerge{}, itsm.Because("another printer"))
		assert.Equal(t, 2, d.get(c).Reports)
		d.do(agent, b, incident.Dispatch{Group: "hardware"})
		d.now = d.now.Add(25 * time.Hour)
		assert.Equal(t, []string{"incident.unmerge_late"}, codes(d.refused(agent, a, incident.Unmerge{}, itsm.Because("x"))))
		inc = d.do(system, a, incident.Tick{})
		assert.Equal(t, incident.StateCancelled, inc.State)
		for _, id := range []itsm.ID{a, b, c} {
			require.NoError(t, d.Verify(manager, id))
		}
	})
	t.Run("a contact whose answer was lost gets it again, though its ticket was merged meanwhile", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		a, b := d.at(incident.StateTriaged), d.at(incident.StateTriaged)
		said := incident.Contact{Channel: incident.Phone, Text: "any news?"}
		d.do(agent, a, said, itsm.Once("call-1"))
		d.do(agent, a, incident.Merge{Into: b})
		assert.Equal(t, a, d.do(agent, a, said, itsm.Once("call-1")).ID)
		for range 2 {
			assert.Equal(t, b, d.do(agent, a, said, itsm.Once("call-2")).ID)
		}
		count := func(id itsm.ID) (n int) {
			for _, event := range d.journal(id) {
				if event == "incident.contacted" {
					n++
				}
			}
			return n
		}
		assert.Equal(t, []int{1, 1}, []int{count(a), count(b)})
	})
	t.Run("zammad-904 a merged ticket neither escalates nor stays open", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t)})
		a, b := d.at(incident.StateTriaged), d.at(incident.StateTriaged)
		d.do(agent, a, incident.Merge{Into: b})
		before := len(d.journal(a))
		d.now = d.now.Add(23 * time.Hour)
		d.do(system, a, incident.Tick{})
		assert.Len(t, d.journal(a), before, "nothing fires on it")
		d.now = d.now.Add(2 * time.Hour)
		assert.Equal(t, incident.StateCancelled, d.do(system, a, incident.Tick{}).State)
	})
	t.Run("merges that make no sense are refused", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		a := d.at(incident.StateTriaged)
		assert.Equal(t, []string{"incident.self"}, codes(d.refused(agent, a, incident.Merge{Into: a})))
		assert.Equal(t, []string{"incident.no_other"}, codes(d.refused(agent, a, incident.Merge{Into: "INC-0"})))
		assert.Equal(t, []string{"incident.into_ended"}, codes(d.refused(agent, a, incident.Merge{Into: d.at(incident.StateClosed)})))
		_, err := d.Service.Service.Do(agent, a, incident.Merge{Into: d.at(incident.StateTriaged)})
		require.ErrorContains(t, err, "changes two records")
	})
}

// via returns the duplicate on which the last contact of an incident came in.
func via(t *testing.T, d *desk, id itsm.ID) (last itsm.ID) {
	t.Helper()
	for ev, err := range d.Events(manager, id) {
		require.NoError(t, err)
		if c, ok := ev.Payload.(incident.Contacted); ok {
			last = c.Via
		}
	}
	return last
}

func TestHierarchy(t *testing.T) {
	t.Parallel()
	t.Run("F-INC-5 no cycle of any length can be made, not even by two at once", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: lenient()})
		const n = 5
		var ids []itsm.ID
		for range n {
			ids = append(ids, d.at(incident.StateTriaged))
		}
		rapid.Check(t, func(rt *rapid.T) {
			var wg sync.WaitGroup
			for range 2 {
				child, parent := rapid.SampledFrom(ids).Draw(rt, "child"), rapid.SampledFrom(append(ids, "")).Draw(rt, "parent")
				wg.Go(func() { _, _ = d.Do(agent, child, incident.SetParent{Parent: parent}) })
			}
			wg.Wait()
			for _, id := range ids {
				seen := map[itsm.ID]bool{}
				for at := id; at != ""; at = d.get(at).Parent {
					if seen[at] {
						rt.Fatalf("a cycle through %s", at)
					}
					seen[at] = true
				}
				for _, child := range d.get(id).Children {
					if d.get(child).Parent != id {
						rt.Fatalf("%s lists %s, which has another parent", id, child)
					}
				}
			}
		})
	})
	t.Run("F-INC-5 a cascade is a plan first, then all or nothing", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: lenient()})
		parent := d.at(incident.StateDiagnosing)
		working, held, fresh, done := d.at(incident.StateDiagnosing), d.at(incident.StateOnHold), d.at(incident.StateRecorded), d.at(incident.StateProposed)
		for _, child := range []itsm.ID{working, held, fresh, done} {
			d.do(agent, child, incident.SetParent{Parent: parent})
		}
		d.do(agent, parent, incident.Propose{Solution: "core switch replaced"})
		plan, err := d.PlanCascade(agent, parent)
		require.NoError(t, err)
		require.Len(t, plan, 4)
		assert.True(t, plan[0].Resolve)
		assert.True(t, plan[1].Resolve)
		assert.Equal(t, "no way leads from recorded to a solution", plan[2].Skipped)
		assert.Equal(t, "it is solved already", plan[3].Skipped)
		assert.Equal(t, incident.StateDiagnosing, d.get(working).State, "a plan changes nothing")
		require.NoError(t, d.Cascade(agent, parent, plan))
		assert.Equal(t, incident.StateProposed, d.get(held).State)
		require.ErrorIs(t, d.Cascade(agent, parent, plan), itsm.ErrConflict, "the plan has passed")
		p, _ := d.get(held).Proposal()
		assert.Equal(t, fmt.Sprintf("core switch replaced (%s)", parent), p.Solution)
	})
	t.Run("glpi-5234 a parent is not closed before its parts", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		parent, child := d.at(incident.StateConfirmed), d.at(incident.StateTriaged)
		d.do(agent, child, incident.SetParent{Parent: parent})
		assert.Equal(t, []string{"incident.open_children"}, codes(d.refused(agent, parent, incident.Close{CauseCode: "c", SolutionCode: "s"})))
		d.do(agent, child, incident.Cancel{Reason: incident.MisEntry, Note: "n"})
		d.do(agent, parent, incident.Close{CauseCode: "c", SolutionCode: "s"})
	})
}

func TestReopening(t *testing.T) {
	t.Parallel()
	t.Run("F-INC-4 reopening is for some, for some days; then a successor is recorded, and the count never falls", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateConfirmed)
		require.ErrorIs(t, d.refused(engineer, id, incident.Reopen{Why: "no"}), itsm.ErrDenied)
		inc := d.do(agent, id, incident.Reopen{Why: "still silent"})
		assert.Equal(t, incident.StateDiagnosing, inc.State)
		assert.Equal(t, 1, inc.ReopenCount())
		d.do(engineer, id, incident.Propose{Solution: "new board"})
		d.do(agent, id, incident.Confirm{Word: incident.UserAgrees})
		d.now = d.now.Add(73 * time.Hour)
		assert.Equal(t, []string{"incident.reopen_late"}, codes(d.refused(agent, id, incident.Reopen{Why: "no"})))
		d.do(agent, id, incident.Close{CauseCode: "c", SolutionCode: "s"})
		refused := d.refused(agent, id, incident.Reopen{Why: "no"})
		require.ErrorIs(t, refused, itsm.ErrIllegalState)
		next := record
		next.Recurrence = id
		assert.Equal(t, 2, d.do(agent, "", next).ReopenCount())
	})
}

func TestLifecycleVariants(t *testing.T) {
	t.Parallel()
	t.Run("R-120 what is mandatory cannot be tailored away, and the broken rule is named", func(t *testing.T) {
		t.Parallel()
		for rule, change := range map[string]func(*incident.Table){
			"desk_confirmation": func(t *incident.Table) {
				for i := range t.Transitions {
					if t.Transitions[i].Event == incident.DoClose {
						t.Transitions[i].From = append(t.Transitions[i].From, incident.StateProposed)
					}
				}
			},
			"dispatched_before_solved": func(t *incident.Table) {
				for i := range t.Transitions {
					if t.Transitions[i].Event == incident.DoPropose {
						t.Transitions[i].From = append(t.Transitions[i].From, incident.StateTriaged)
					}
				}
			},
			"recorded_first": func(t *incident.Table) { t.Start = append(t.Start, incident.StateTriaged) },
		} {
			table := incident.IncidentTable()
			change(&table)
			_, err := incident.New(incident.NewRepository(nil), incident.Config{Lifecycle: &table})
			require.ErrorContains(t, err, rule)
		}
	})
	t.Run("F-X-5 records keep the version they run under, and move by command after a dry run", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateOnHold)
		former := incident.IncidentTable()
		table := incident.IncidentTable()
		table.Version = "procurement-1"
		table.States = append(table.States, table.States[4])
		table.States[len(table.States)-1].Name = "procuring"
		for i := range table.Transitions {
			switch table.Transitions[i].Event {
			case incident.DoHold:
				table.Transitions[i].From = append(table.Transitions[i].From, "procuring")
			case incident.DoResume:
				table.Transitions[i].From = append(table.Transitions[i].From, "procuring")
			}
		}
		table.Transitions = append(table.Transitions, incident.IncidentTable().Transitions[4])
		last := &table.Transitions[len(table.Transitions)-1]
		last.Event, last.From, last.To = "procure", []incident.State{incident.StateDiagnosing}, "procuring"
		from := d.get(id).Lifecycle
		newer, err := incident.New(incident.NewRepository(d.db), incident.Config{Lifecycle: &table, Former: []incident.Table{former},
			Migrations: []incident.Migration{{From: from, To: "procurement-1", Map: map[incident.State]incident.State{incident.StateOnHold: "procuring"}}}})
		require.NoError(t, err)
		preview, err := newer.PlanMigration(importer, from)
		require.NoError(t, err)
		assert.Equal(t, 1, preview.Total)
		assert.Equal(t, from, d.get(id).Lifecycle, "a dry run changes nothing")
		inc, err := newer.Do(leader, id, incident.Migrate{Into: "procurement-1"})
		require.NoError(t, err)
		assert.Equal(t, incident.State("procuring"), inc.State)
		assert.Equal(t, "procurement-1", inc.Lifecycle)
		_, err = newer.Do(agent, id, incident.Dispatch{Group: "purchasing"})
		require.NoError(t, err, "the host's own state counts as those of its phase")
		inc, err = newer.Do(agent, id, incident.Resume{})
		require.NoError(t, err)
		assert.Equal(t, incident.StateDiagnosing, inc.State)
		inc, err = newer.Do(agent, id, incident.Advance{Step: "procure", Note: "a board from the vendor"})
		require.NoError(t, err)
		assert.Equal(t, incident.State("procuring"), inc.State, "a step that only the variant has")
		_, err = newer.Do(agent, id, incident.Advance{Step: incident.DoClose})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		_, err = newer.Do(leader, id, incident.Migrate{Into: "nowhere"})
		require.ErrorIs(t, err, itsm.ErrRefused)
		require.NoError(t, newer.Verify(manager, id))
	})
}

func TestOtherTenant(t *testing.T) {
	t.Parallel()
	t.Run("links do not cross tenants", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		a := d.at(incident.StateTriaged)
		stranger := itsm.WithActor(context.Background(), itsm.Actor{ID: "x", Tenant: "h2", Roles: []itsm.Role{itsm.RoleImporter, itsm.RoleServiceDesk}})
		b := d.do(stranger, "", record).ID
		d.do(stranger, b, triage)
		for _, cmd := range []itsm.Command{incident.Merge{Into: a + "x"}, incident.SetParent{Parent: a + "x"}} {
			_, err := d.Do(stranger, b, cmd)
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
		_, err := d.Get(stranger, a+"x")
		require.True(t, errors.Is(err, itsm.ErrNotFound) && !strings.Contains(err.Error(), "h1"))
	})
}
