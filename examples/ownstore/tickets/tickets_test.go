package tickets_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/examples/ownstore/tickets"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/sla"
)

// This is the line that a host needs.
func TestConformance(t *testing.T) {
	t.Parallel()
	itsmtest.Repository(t, process(t), func(t testing.TB) itsm.Repository[incident.Incident] { return open(t) }, samples(t))
}

func process(t testing.TB) *incident.Process {
	t.Helper()
	p, err := incident.NewProcess(nil, incident.Config{})
	require.NoError(t, err)
	return p
}

func open(t testing.TB) *tickets.Tickets {
	t.Helper()
	store, err := tickets.Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

// A desk is a service over tickets.
type desk struct {
	*incident.Service
	t       testing.TB
	tickets *tickets.Tickets
	clock   *itsmtest.Clock
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, tickets: open(t), clock: itsmtest.NewClock(time.Date(2026, 2, 14, 0, 30, 0, 0, time.UTC))}
	policy := incident.Lenient()
	var err error
	d.Service, err = incident.New(d.tickets, incident.Config{
		Config: itsm.Config{Clock: d.clock.Now, Random: itsmtest.Random(1), Fields: []itsm.Field{tickets.Campus}},
		Policy: &policy, Agreements: incident.DefaultAgreements(),
	})
	require.NoError(t, err)
	return d
}

var (
	agent    = itsm.WithActor(context.Background(), itsmtest.Actor("u-017", itsm.RoleServiceDesk))
	engineer = itsm.WithActor(context.Background(), itsmtest.Actor("u-205", itsm.RoleHardwareEngineer))
	security = itsm.WithActor(context.Background(), itsmtest.Actor("u-300", itsm.RoleSecurityAdmin))
	record   = incident.Record{
		Channel: incident.Phone, Summary: "收费窗口打印机不出纸", CI: "printer-0031",
		Caller: incident.Caller{Name: "王小明", Department: "fee", Phone: "8001"},
	}
	triage = incident.Triage{Impact: incident.ImpactDepartment, Urgency: incident.UrgencyNow, Service: "his-opd"}
)

func (d *desk) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) incident.Incident {
	d.t.Helper()
	d.clock.Add(time.Minute)
	inc, err := d.Do(ctx, id, cmd, opts...)
	require.NoError(d.t, err)
	return inc
}

func (d *desk) refused(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) *itsm.RefusedError {
	d.t.Helper()
	_, err := d.Do(ctx, id, cmd, opts...)
	var refused *itsm.RefusedError
	require.ErrorAs(d.t, err, &refused)
	return refused
}

func (d *desk) find(q itsm.Query) (ids []itsm.ID) {
	d.t.Helper()
	for inc, err := range d.Find(agent, q) {
		require.NoError(d.t, err)
		ids = append(ids, inc.ID)
	}
	return ids
}

func (d *desk) journal(id itsm.ID) (types []string) {
	d.t.Helper()
	for ev, err := range d.Events(agent, id) {
		require.NoError(d.t, err)
		if ev.Type != (incident.ClocksMoved{}).EventType() {
			types = append(types, ev.Type)
		}
	}
	require.NoError(d.t, d.Verify(agent, id))
	return types
}

// samples gives incidents as they are at every step of a story.
func samples(t testing.TB) func(i int) incident.Incident {
	d := newDesk(t)
	first := d.do(agent, "", record)
	all := []incident.Incident{first}
	step := func(ctx context.Context, cmd itsm.Command) { all = append(all, d.do(ctx, first.ID, cmd)) }
	step(agent, triage)
	step(agent, incident.Dispatch{Group: "hardware", Assignee: "u-205"})
	step(engineer, incident.Start{})
	step(engineer, incident.Hold{Reason: incident.WaitSpare, Review: d.clock.Now().Add(time.Hour)})
	step(engineer, incident.Resume{})
	step(engineer, incident.NotePromise{Party: "printer vendor", What: "a new sensor", Due: d.clock.Now().Add(24 * time.Hour)})
	step(engineer, incident.Propose{Solution: "更换进纸传感器"})
	step(agent, incident.Reject{Why: "it jams again"})
	all = append(all, d.do(agent, "", incident.Record{Channel: incident.WalkIn, Caller: incident.Caller{Name: "李工", Department: "ward-3"}, Summary: "a"}))
	var data [][]byte
	for _, inc := range all {
		text, err := json.Marshal(inc)
		require.NoError(t, err)
		data = append(data, text)
	}
	return func(i int) (inc incident.Incident) {
		if err := json.Unmarshal(data[i%len(data)], &inc); err != nil {
			panic(err)
		}
		return inc
	}
}

func TestFind(t *testing.T) {
	t.Parallel()

	t.Run("columns answer what services and hosts ask", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		var ids []itsm.ID
		for i := range 5 {
			inc := d.do(agent, "", record, itsm.WithFields(map[string]itsm.Value{"campus": itsm.TextOf([]string{"东院", "西院"}[i%2])}))
			ids = append(ids, inc.ID)
		}
		d.do(agent, ids[3], triage)
		d.do(agent, ids[3], incident.Dispatch{Group: "hardware"})
		assert.Equal(t, []itsm.ID{ids[3]}, d.find(itsm.Query{Where: []itsm.Condition{itsm.Where("group", itsm.TextOf("hardware"))}}))
		east := itsm.Where("field_campus", itsm.TextOf("东院"))
		assert.Equal(t, []itsm.ID{ids[0], ids[2], ids[4]}, d.find(itsm.Query{Where: []itsm.Condition{east}, OrderBy: "created"}))
		var state, phase, team string
		var due int64
		require.NoError(t, d.tickets.DB().QueryRow("SELECT state, phase, team, due FROM ticket WHERE no = ?", ids[3]).Scan(&state, &phase, &team, &due))
		assert.Equal(t, [3]string{"dispatched", "open", "hardware"}, [3]string{state, phase, team})
		inc, err := d.Get(agent, ids[3])
		require.NoError(t, err)
		assert.True(t, slices.ContainsFunc(inc.Clocks.Clocks(), func(c sla.Clock) bool { return c.Due.UnixMicro() == due }), "the nearest due time of a clock")
	})

	t.Run("lists longer than a page go on, and may be written to meanwhile", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		require.NoError(t, d.tickets.Atomically(agent, func(ctx context.Context) error {
			for range 230 {
				if _, err := d.Do(ctx, "", record); err != nil {
					return err
				}
			}
			return nil
		}))
		n := 0
		for inc, err := range d.Find(agent, itsm.Query{OrderBy: "created", Desc: true}) {
			require.NoError(t, err)
			if n++; n%50 == 0 {
				d.do(agent, inc.ID, triage)
			}
		}
		assert.Equal(t, 230, n)
		assert.Len(t, d.find(itsm.Query{Limit: 150}), 150)
		assert.Len(t, d.find(itsm.Query{Where: []itsm.Condition{itsm.Where("phase", itsm.TextOf("open"))}, OrderBy: "priority"}), 230)
	})

	t.Run("a list read by cursor is the list, also where tickets have no value", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		for i := range 6 {
			if inc := d.do(agent, "", record); i%2 == 0 {
				d.do(agent, inc.ID, triage)
			}
		}
		for _, q := range []itsm.Query{{}, {Desc: true}, {OrderBy: "priority"}, {OrderBy: "priority", Desc: true}} {
			var got []itsm.ID
			for one := q; ; {
				one.Limit = 1
				n := len(got)
				for inc, err := range d.Find(agent, one) {
					require.NoError(t, err)
					got, one.After = append(got, inc.ID), d.CursorOf(q, inc)
				}
				if len(got) == n {
					break
				}
			}
			assert.Equal(t, d.find(q), got, "%+v", q)
			assert.Len(t, got, 6)
		}
	})

	t.Run("a field without a column is refused where it is written", func(t *testing.T) {
		t.Parallel()
		inc := incident.Incident{}
		err := open(t).Save(t.Context(), itsm.Change[incident.Incident]{
			Key: itsm.Key{Tenant: "h1", Kind: incident.Kind, ID: "A"}, Record: &inc, Events: []itsm.Event{{Seq: 1}},
			Index: []itsm.IndexEntry{{Field: "field_floor", Value: itsm.NumberOf(3)}},
		})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		assert.ErrorContains(t, err, `no column for the field "field_floor"`)
	})
}

func TestUnits(t *testing.T) {
	t.Parallel()

	t.Run("a merge changes both tickets", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		first, second := d.do(agent, "", record), d.do(agent, "", record)
		d.do(agent, second.ID, incident.Merge{Into: first.ID})
		assert.Contains(t, d.journal(second.ID), "incident.merged")
		assert.Contains(t, d.journal(first.ID), "incident.absorbed")
	})

	t.Run("a unit that fails leaves its refusals and its numbers, and nothing else", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		first := d.do(agent, "", record)
		boom := errors.New("boom")
		var lost itsm.ID
		err := d.tickets.Atomically(agent, func(ctx context.Context) error {
			d.do(ctx, first.ID, triage)
			d.refused(ctx, first.ID, incident.Start{}, itsm.Once("start"))
			made := d.do(ctx, "", record)
			lost = made.ID
			d.refused(ctx, lost, incident.Close{}, itsm.Once("close"))
			d.refused(ctx, "", incident.Record{}, itsm.Once("record"))
			return boom
		})
		require.ErrorIs(t, err, boom)
		assert.Equal(t, []string{"incident.recorded", "itsm.refused"}, d.journal(first.ID))
		_, err = d.Get(agent, lost)
		require.ErrorIs(t, err, itsm.ErrNotFound)
		assert.Greater(t, d.do(agent, "", record).ID, lost, "nobody gets the number again")
		for _, once := range []itsm.CommandID{"close", "record"} {
			var left []itsm.Event
			for ev, err := range d.tickets.Events(agent, "", itsm.Filter{Tenant: "h1", Command: once}) {
				require.NoError(t, err)
				left = append(left, ev)
			}
			require.Len(t, left, 1, once)
			assert.Equal(t, itsm.KindCommand, left[0].Kind)
			var chain itsm.ChainVerifier
			assert.NoError(t, chain.Next(&left[0]))
		}
		again := d.refused(agent, first.ID, incident.Start{}, itsm.Once("start"))
		assert.ErrorIs(t, again, itsm.ErrRefused, "the answer is that of the first time, though the ticket was not triaged after all")
		assert.Len(t, d.journal(first.ID), 2)
	})

	t.Run("a refused merge is in the journal", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		first := d.do(agent, "", record)
		d.refused(agent, first.ID, incident.Merge{Into: first.ID})
		assert.Equal(t, []string{"incident.recorded", "itsm.refused"}, d.journal(first.ID))
	})

	t.Run("a unit inside a unit shares its fate", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		first := d.do(agent, "", record)
		boom := errors.New("boom")
		err := d.tickets.Atomically(agent, func(ctx context.Context) error {
			_ = d.tickets.Atomically(ctx, func(ctx context.Context) error {
				d.do(ctx, first.ID, triage)
				return boom
			})
			return nil
		})
		require.ErrorIs(t, err, boom)
		assert.Equal(t, []string{"incident.recorded"}, d.journal(first.ID))
	})

	t.Run("units side by side lose nothing", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		first, second := d.do(agent, "", record), d.do(agent, "", record)
		call := incident.Contact{Channel: incident.Phone, Report: true}
		const workers, each = 4, 5
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					assert.NoError(t, d.tickets.Atomically(agent, func(ctx context.Context) error {
						_, one := d.Do(ctx, first.ID, call)
						_, other := d.Do(ctx, second.ID, call)
						return errors.Join(one, other)
					}))
					_, err := d.Do(agent, first.ID, call) // beside a unit
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		for id, want := range map[itsm.ID]int{first.ID: 1 + 2*workers*each, second.ID: 1 + workers*each} {
			inc, err := d.Get(agent, id)
			require.NoError(t, err)
			assert.Equal(t, want, inc.Reports)
			d.journal(id)
		}
	})

	t.Run("a caller that has gone leaves nothing but the refusals", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		first := d.do(agent, "", record)
		ctx, cancel := context.WithCancel(agent)
		err := d.tickets.Atomically(ctx, func(ctx context.Context) error {
			d.do(ctx, first.ID, triage)
			d.refused(ctx, first.ID, incident.Start{})
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []string{"incident.recorded", "itsm.refused"}, d.journal(first.ID))
	})
}

func TestErase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.do(agent, "", record)
	d.do(security, first.ID, itsm.ErasePersonal{}, itsm.Because("the caller asked for it"))
	inc, err := d.Get(agent, first.ID)
	require.NoError(t, err)
	assert.Zero(t, inc.Caller.Name)
	d.journal(first.ID)
	var left int
	require.NoError(t, d.tickets.DB().QueryRow(`SELECT (SELECT count(*) FROM ticket WHERE summary || body LIKE '%王小明%') +
		(SELECT count(*) FROM ticket_event WHERE data || coalesce(personal, '') LIKE '%王小明%')`).Scan(&left))
	assert.Zero(t, left, "no row of the database has the name")
}

func TestDue(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.do(agent, "", record)
	d.do(agent, first.ID, triage)
	keys, err := d.tickets.Due(t.Context(), d.clock.Now())
	require.NoError(t, err)
	assert.Empty(t, keys)
	d.clock.Add(time.Hour)
	keys, err = d.tickets.Due(t.Context(), d.clock.Now())
	require.NoError(t, err)
	require.Equal(t, []itsm.Key{{Tenant: "h1", Kind: incident.Kind, ID: first.ID}}, keys)
	d.do(itsm.WithActor(t.Context(), itsmtest.Actor("system", itsm.RoleSystem)), first.ID, incident.Tick{})
	keys, err = d.tickets.Due(t.Context(), d.clock.Now().Add(-time.Second))
	require.NoError(t, err)
	assert.Empty(t, keys, "what was due has been told")
}
