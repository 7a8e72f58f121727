package itsmtest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
)

// A vendor has a store of its own, and a lifecycle of incidents of its own. What follows the two tests is all that it wrote.

func TestVendorStore(t *testing.T) {
	t.Parallel()
	itsmtest.Store(t, openDrawers, itsmtest.NoDueAcrossTenants, itsmtest.NoJournalAcrossTenants)
}

func TestVendorLifecycle(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, procurement(t))
}

// procurement is the incident process of a hospital that waits for what it has to buy in a state of its own.
func procurement(t *testing.T) itsmtest.Spec[incident.Incident, incident.Facts, incident.Command] {
	table := incident.IncidentTable()
	table.States = append(table.States, lifecycle.StateRow[incident.State]{Name: "procuring", Phase: lifecycle.PhaseWaiting, En: "procuring", Zh: "采购中"})
	table.Transitions = append(table.Transitions,
		lifecycle.Transition[incident.State, incident.Transition]{Event: "procure", From: []incident.State{incident.StateDiagnosing}, To: "procuring", En: "procure", Zh: "采购"},
		lifecycle.Transition[incident.State, incident.Transition]{Event: "deliver", From: []incident.State{"procuring"}, To: incident.StateDiagnosing, En: "deliver", Zh: "到货"})
	policy := incident.Lenient()
	process, err := incident.NewProcess(nil, incident.Config{Lifecycle: &table, Policy: &policy})
	require.NoError(t, err)

	spec := itsmtest.SpecOf(process, incident.WaitSpare, incident.WaitUser)
	spec.Open = func(t testing.TB) itsm.Repository[incident.Incident] {
		return store.NewRepository[incident.Incident](openDrawers(t))
	}
	for _, state := range process.Machine(incident.TypeIncident).States() {
		spec.States = append(spec.States, string(state))
	}
	for _, kind := range incident.Types()[1:] {
		for _, state := range process.Machine(kind).States() {
			if !slices.Contains(spec.States, string(state)) {
				spec.States = append(spec.States, string(state))
			}
		}
	}
	spec.Auto = []itsmtest.Edge{{From: "on_hold", To: "resolved_proposed"}}
	return spec
}

// drawers is the vendor's store: each hospital lies in a drawer of its own, under a lock of its own. Nothing lies across them.
type drawers struct {
	mu     sync.Mutex
	of     map[itsm.Tenant]*drawer
	closed bool
}

type drawer struct {
	mu       sync.RWMutex
	sheets   map[itsm.Key]sheet
	journal  []itsm.Event
	commands map[itsm.CommandID]bool
}

type sheet struct {
	store.Snapshot
	index []itsm.IndexEntry
}

func openDrawers(testing.TB) store.DB { return &drawers{of: make(map[itsm.Tenant]*drawer)} }

func (ds *drawers) drawer(ctx context.Context, tenant itsm.Tenant) (*drawer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.closed {
		return nil, store.ErrClosed
	}
	d := ds.of[tenant]
	if d == nil {
		d = &drawer{sheets: make(map[itsm.Key]sheet), commands: make(map[itsm.CommandID]bool)}
		ds.of[tenant] = d
	}
	return d, nil
}

func (s *sheet) copied() store.Snapshot {
	c := s.Snapshot
	c.Data = bytes.Clone(c.Data)
	return c
}

func copied(e itsm.Event) itsm.Event {
	e.Data, e.Personal, e.Payload = bytes.Clone(e.Data), bytes.Clone(e.Personal), nil
	return e
}

func (ds *drawers) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if err := store.CheckKeys(keys); err != nil || len(keys) == 0 {
		return nil, err
	}
	d, err := ds.drawer(ctx, keys[0].Tenant)
	if err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]store.Snapshot, len(keys))
	for i, k := range keys {
		s := d.sheets[k]
		all[i] = s.copied()
		all[i].Key = k
	}
	return all, nil
}

func (ds *drawers) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	return func(yield func(store.Snapshot, error) bool) {
		d, err := ds.drawer(ctx, q.Tenant)
		if err != nil {
			yield(store.Snapshot{}, err)
			return
		}
		for _, s := range d.find(q) {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (d *drawer) find(q itsm.Query) (found []store.Snapshot) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for k, s := range d.sheets {
		place := q.CursorOf(k.ID, s.index)
		if k.Kind == q.Kind && q.Matches(s.index) && (q.After == itsm.Cursor{} || q.Compare(place, q.After) > 0) {
			c := s.copied()
			c.Order = place.Value
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b store.Snapshot) int {
		return q.Compare(itsm.Cursor{Value: a.Order, ID: a.Key.ID}, itsm.Cursor{Value: b.Order, ID: b.Key.ID})
	})
	if q.Limit > 0 {
		found = found[:min(len(found), q.Limit)]
	}
	return found
}

func (ds *drawers) Commit(ctx context.Context, b store.Batch) error {
	d, err := ds.drawer(ctx, b.Tenant)
	if err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.expect(&b); err != nil {
		return err
	}
	for i := range d.journal {
		if slices.Contains(b.Erase, d.journal[i].Key) {
			d.journal[i].Personal = nil
		}
	}
	for _, p := range b.Puts {
		s := sheet{p.Snapshot, slices.Clone(p.Index)}
		s.Data, s.Order = bytes.Clone(p.Data), itsm.Value{}
		if old := d.sheets[p.Key]; p.Keep {
			s.Data, s.Wake, s.index = old.Data, old.Wake, old.index
		}
		d.sheets[p.Key] = s
	}
	for _, e := range b.Events {
		e = copied(e)
		e.Position = itsm.Position(strconv.Itoa(len(d.journal) + 1))
		d.journal = append(d.journal, e)
	}
	for _, id := range b.Commands {
		d.commands[id] = true
	}
	return nil
}

func (d *drawer) expect(b *store.Batch) error {
	for _, id := range b.Commands {
		if d.commands[id] {
			return fmt.Errorf("command %s: %w", id, itsm.ErrExists)
		}
	}
	puts := make(map[itsm.Key]bool)
	for _, p := range b.Puts {
		puts[p.Key] = true
		if d.sheets[p.Key].Seq != p.Expect {
			return fmt.Errorf("%s: %w", p.Key, itsm.ErrConflict)
		}
	}
	for _, r := range b.Reads {
		if d.sheets[r.Key].Seq != r.Seq {
			return fmt.Errorf("%s: %w", r.Key, itsm.ErrConflict)
		}
	}
	for _, e := range b.Events {
		if !puts[e.Key] && slices.ContainsFunc(d.journal, func(old itsm.Event) bool { return old.Key == e.Key }) {
			return fmt.Errorf("%s: %w", e.Key, itsm.ErrConflict)
		}
	}
	return nil
}

func (ds *drawers) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		d, err := ds.drawer(ctx, f.Tenant)
		if err == nil && f.Tenant == "" {
			err = errors.ErrUnsupported
		}
		var found []itsm.Event
		if err == nil {
			found, err = d.events(after, f)
		}
		if err != nil {
			yield(itsm.Event{}, err)
			return
		}
		for _, e := range found {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (d *drawer) events(after itsm.Position, f itsm.Filter) (found []itsm.Event, _ error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	from, err := strconv.Atoi(cmp.Or(string(after), "0"))
	if err != nil || from < 0 || from > len(d.journal) {
		return nil, fmt.Errorf("%w: position %q", itsm.ErrInvalid, after)
	}
	for i := range d.journal[from:] {
		if e := &d.journal[from+i]; f.Matches(e) && (f.Limit == 0 || len(found) < f.Limit) {
			found = append(found, copied(*e))
		}
	}
	return found, nil
}

func (ds *drawers) Due(context.Context, itsm.Kind, time.Time, int) ([]store.Wake, error) {
	return nil, errors.ErrUnsupported
}

func (ds *drawers) Close() error {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.closed = true
	return nil
}
