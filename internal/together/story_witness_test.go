package together_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/baseline"
	"github.com/hospital-itsm/itsm/release"
)

// A witness reads the journal of a world from the first entry on, in its order, and keeps the records as they were at each of them.
// So it can tell of every entry whether it was right at the instant at which it was committed. It uses nothing of the services but
// the effects of events.
type witness struct {
	*world
	at    itsm.Position
	seqs  map[itsm.Key]uint64
	heads map[itsm.Key]itsm.Digest

	changes  map[itsm.ID]*change.Change
	items    map[itsm.ID]*config.Item
	releases map[itsm.ID]*release.Release
	frozen   map[itsm.ID]baseline.Baseline

	half      map[itsm.ID]int         // releases that have written items and were not completed yet, with how many
	restored  map[itsm.ID]bool        // changes that were backed out
	visits    map[itsm.ID][]visit     // states of items, in their order
	realised  map[itsm.Ref]int        // plans that became current
	snapshots int                     // baselines that releases have asked for
	commands  map[itsm.CommandID]bool // that are over
	seen      map[string]int          // entries by type
}

type visit struct {
	state config.State
	since time.Time
}

func newWitness(w *world) *witness {
	return &witness{
		world: w, seqs: map[itsm.Key]uint64{}, heads: map[itsm.Key]itsm.Digest{}, changes: map[itsm.ID]*change.Change{}, items: map[itsm.ID]*config.Item{},
		releases: map[itsm.ID]*release.Release{}, frozen: map[itsm.ID]baseline.Baseline{}, half: map[itsm.ID]int{}, restored: map[itsm.ID]bool{}, visits: map[itsm.ID][]visit{},
		realised: map[itsm.Ref]int{}, commands: map[itsm.CommandID]bool{}, seen: map[string]int{},
	}
}

func (w *witness) holds(ok bool, format string, args ...any) {
	if !ok {
		require.Fail(w.t, "a contradiction: "+fmt.Sprintf(format, args...))
	}
}

// read goes through what is new in the journal, and then looks at what the records are now.
func (w *witness) read() {
	var last itsm.CommandID
	var over []itsm.CommandID
	touched := map[itsm.Key]bool{}
	for ev, err := range w.db.DB.Events(context.Background(), w.at, itsm.Filter{Tenant: site}) {
		require.NoError(w.t, err)
		w.at = ev.Position
		if ev.Kind == itsm.KindCommand {
			continue
		}
		w.holds(ev.Seq == w.seqs[ev.Key]+1 && ev.Prev == w.heads[ev.Key] && ev.Hash == ev.ComputeHash(), "entry %d of %s does not follow", ev.Seq, ev.Key)
		w.seqs[ev.Key], w.heads[ev.Key] = ev.Seq, ev.Hash
		if ev.Command != last {
			w.holds(!w.commands[ev.Command], "command %s had its effect twice", ev.Command)
			if last = ev.Command; strings.HasPrefix(string(last), "order-") {
				over = append(over, last)
			}
		}
		w.seen[ev.Type]++
		w.entry(ev)
		touched[ev.Key] = w.seqs[ev.Key] > 0
	}
	for _, id := range over {
		w.commands[id] = true
	}
	w.now(touched)
}

func (w *witness) entry(ev itsm.Event) {
	if ev.Type == (itsm.Refused{}).EventType() {
		return
	}
	switch ev.Kind {
	case change.Kind:
		require.NoError(w.t, w.world.changes.Decode(&ev))
		c := at(w.changes, ev.ID)
		begun(&c.Meta, &ev)
		w.beforeChange(c, &ev)
		require.NoError(w.t, w.world.changes.Changes().Evolve(c, &ev))
	case config.Kind:
		require.NoError(w.t, w.world.items.Decode(&ev))
		i := at(w.items, ev.ID)
		begun(&i.Meta, &ev)
		w.beforeItem(i, &ev)
		plans := slices.Clone(i.Plans)
		require.NoError(w.t, w.world.items.Items().Evolve(i, &ev))
		w.afterItem(i, plans, &ev)
	case release.Kind:
		require.NoError(w.t, w.world.releases.Decode(&ev))
		r := at(w.releases, ev.ID)
		begun(&r.Meta, &ev)
		w.beforeRelease(r, &ev)
		require.NoError(w.t, w.world.releases.Releases().Evolve(r, &ev))
	case baseline.Kind:
		require.NoError(w.t, w.baselines.Decode(&ev))
		b := w.frozen[ev.ID]
		begun(&b.Meta, &ev)
		require.NoError(w.t, w.baselines.Process().Evolve(&b, &ev))
		w.frozen[ev.ID] = b
	}
}

// begun does what the kernel does before the first event.
func begun(m *itsm.Meta, ev *itsm.Event) {
	if ev.Seq == 1 {
		m.ID, m.Tenant, m.Created = ev.ID, ev.Tenant, ev.At
	}
}

func at[R any](m map[itsm.ID]*R, id itsm.ID) *R {
	if m[id] == nil {
		m[id] = new(R)
	}
	return m[id]
}

// standing is how far an authority has come, told from the record alone.
func (w *witness) standing(authority itsm.Ref, item itsm.ID) config.Standing {
	switch authority.Kind {
	case change.Kind:
		c := w.changes[authority.ID]
		if c == nil || !slices.Contains(c.Items, ci(item)) {
			return config.Unauthorised
		}
		switch c.State {
		case change.StateApproved, change.StateScheduled:
			return config.Approved
		case change.StateImplementing, change.StateFailed, change.StateBackingOut:
			return config.Underway
		case change.StateSucceeded, change.StateInReview, change.StateClosed:
			if c.Failure == nil {
				return config.Done
			}
			return config.Withdrawn
		case change.StateBackedOut, change.StateCancelled, change.StateRejected:
			return config.Withdrawn
		}
	case release.Kind:
		r := w.releases[authority.ID]
		switch {
		case r == nil || !slices.Contains(r.Plan.CIs, string(item)):
		case r.State == release.StateDeploying, r.State == release.StateHalted, r.State == release.StateRollingBack:
			return config.Underway
		case r.State == release.StateCancelled || r.Rollback != nil:
			return config.Withdrawn
		case !r.Deployed.IsZero():
			return config.Done
		case slices.Contains([]release.State{release.StateSignedOff, release.StateBuilding, release.StateTesting, release.StateTestPassed, release.StateReady}, r.State):
			return config.Approved
		}
	}
	return config.Unauthorised
}

// approved reports whether a change is approved on exactly what it says, and has not failed.
func (w *witness) approved(id itsm.ID) (itsm.Digest, bool) {
	c := at(w.changes, id)
	content, err := w.world.changes.Changes().Content(*c)
	require.NoError(w.t, err)
	return content.Digest, c.Approved != nil && c.Approved.Content == content.Digest && c.Failure == nil && c.State != change.StateCancelled
}

// beforeChange looks at an entry of a change, which still is as it was before.
func (w *witness) beforeChange(c *change.Change, ev *itsm.Event) {
	switch e := ev.Payload.(type) {
	case change.Started:
		digest, ok := w.approved(c.ID)
		w.holds(ok && e.Content == digest && c.Ballot.Outcome == approval.Approved, "%s begins and is not approved as it is", c.ID)
		for _, a := range c.Approved.Accounts {
			w.holds(a.Person != c.Implementer && a.Person != ev.Actor, "%s is implemented by %s, who approved it", c.ID, a.Person)
		}
		w.holds(!ev.At.Before(c.Approved.At) && c.Window.Work().Contains(ev.At), "%s begins at %s, which is not its time", c.ID, ev.At)
		w.sameStates(c, e.Baseline)
	case change.Restored:
		w.holds(c.Failure != nil, "%s is backed out and has not failed", c.ID)
		w.restored[c.ID] = true
	case change.Compared:
		want := map[string]string{}
		was := map[itsm.ID]map[string]string{}
		for _, s := range c.Work.Baseline {
			was[s.Item.ID] = s.Values
		}
		for _, item := range c.Items {
			is := valuesOf(at(w.items, item.ID))
			for _, name := range append(slices.Sorted(maps.Keys(is)), slices.Sorted(maps.Keys(was[item.ID]))...) {
				if was[item.ID] != nil && is[name] != was[item.ID][name] {
					want[item.String()+" "+name] = was[item.ID][name] + " → " + is[name]
				}
			}
		}
		got := map[string]string{}
		for _, x := range e.Comparison.Differences {
			got[x.Item.String()+" "+x.Name] = x.Before + " → " + x.After
		}
		require.Equal(w.t, want, got, "%s is backed out: what is not as before is listed", c.ID)
	case change.Closed:
		w.holds((c.Failure != nil) == (c.Result == change.FailedBack), "%s is closed as %s", c.ID, c.Result)
		w.holds(c.Failure == nil || w.restored[c.ID], "%s failed and is closed without a backout", c.ID)
		if c.Failure != nil {
			for _, x := range c.Comparison.Differences {
				w.holds(x.Incident != "", "%s is closed, and nobody takes care of %s %s", c.ID, x.Item, x.Name)
			}
		}
		for _, item := range c.Items {
			i := at(w.items, item.ID)
			w.holds(!slices.ContainsFunc(i.Plans, func(p config.Plan) bool { return p.Under == c.Ref() }), "%s is closed, and %s does not show it", c.ID, item)
		}
	}
}

// sameStates asks that what a change takes for the items before the work is what they are at that instant.
func (w *witness) sameStates(c *change.Change, states []change.ItemState) {
	want := []change.ItemState{}
	for _, item := range slices.Compact(slices.SortedFunc(slices.Values(c.Items), change.CompareRefs)) {
		if i := w.items[item.ID]; i != nil && i.ID != "" {
			want = append(want, change.ItemState{Item: item, Values: valuesOf(i)})
		}
	}
	w.holds(len(want) == len(states), "%s begins with the states of %d items, there are %d", c.ID, len(states), len(want))
	for i := range want {
		w.holds(want[i].Item == states[i].Item && maps.Equal(want[i].Values, states[i].Values), "%s begins with %v, which is %v", c.ID, states[i], want[i])
	}
}

// written returns the authority of an entry that wrote the configuration.
func written(p itsm.Payload) (under itsm.Ref, ok bool) {
	switch e := p.(type) {
	case config.Registered:
		return e.Under, true
	case config.Set:
		return e.Under, true
	case config.Renamed:
		return e.Under, true
	case config.Labelled:
		return e.Under, true
	case config.Moved:
		return e.Under, true
	case config.StatusSet:
		return e.Under, true
	case config.Linked:
		return e.Under, true
	case config.Unlinked:
		return e.Under, true
	case config.LeftScope:
		return e.Under, true
	}
	return itsm.Ref{}, false
}

// beforeItem looks at an entry of an item, which still is as it was before.
func (w *witness) beforeItem(i *config.Item, ev *itsm.Event) {
	if under, ok := written(ev.Payload); ok {
		allowed := []config.Standing{config.Underway}
		if ev.CommandName == (config.RealisePlan{}).CommandName() {
			allowed = append(allowed, config.Done)
		}
		w.holds(slices.Contains(allowed, w.standing(under, ev.ID)), "%s of %s under %s, which is %q", ev.Type, ev.ID, under, w.standing(under, ev.ID))
		if e, ok := ev.Payload.(config.Set); ok && under.Kind == release.Kind && !e.Values["version"].IsZero() {
			w.half[under.ID]++
		}
	}
	switch e := ev.Payload.(type) {
	case config.Planned:
		w.holds(slices.Contains([]config.Standing{config.Approved, config.Underway}, w.standing(e.Plan.Under, ev.ID)), "%s is planned under %s, which will not be carried out", ev.ID, e.Plan.Under)
	case config.Moved:
		w.holds(e.From == i.State && (w.visits[i.ID] != nil), "%s moves from %s and is %s", i.ID, e.From, i.State)
	}
}

func (w *witness) afterItem(i *config.Item, plans []config.Plan, ev *itsm.Event) {
	switch e := ev.Payload.(type) {
	case config.Registered:
		w.visits[i.ID] = append(w.visits[i.ID], visit{e.State, ev.At})
	case config.Moved:
		w.visits[i.ID] = append(w.visits[i.ID], visit{e.State, ev.At})
	case config.PlanDropped:
		if !e.Realised {
			return
		}
		w.realised[e.Under]++
		k := slices.IndexFunc(plans, func(p config.Plan) bool { return p.Under == e.Under })
		w.holds(k >= 0, "%s realises a plan of %s that there was not", i.ID, e.Under)
		for name, v := range plans[k].Attributes {
			w.holds(i.Get(name) == v, "%s was to have %s %s and has %s", i.ID, name, v, i.Get(name))
		}
		if to := plans[k].Step; to != "" {
			w.holds(i.Under == e.Under, "%s was to %s under %s", i.ID, to, e.Under)
		}
	}
}

// beforeRelease looks at an entry of a release, which still is as it was before.
func (w *witness) beforeRelease(r *release.Release, ev *itsm.Event) {
	switch e := ev.Payload.(type) {
	case release.DeploymentStarted:
		w.deployable(r)
		for id, other := range w.releases {
			shared := other.Open() && slices.ContainsFunc(targetsOf(other), func(ci string) bool { return slices.Contains(targetsOf(r), ci) })
			w.holds(id == r.ID || !shared, "%s and %s work on one target", r.ID, id)
		}
	case release.WaveStarted:
		w.carries(r)
	case release.DeploymentCompleted:
		w.carries(r)
		updates := map[string]string{}
		for _, u := range e.Updates {
			updates[u.CI] = u.Version
		}
		for _, a := range r.Applied {
			version := at(w.items, itsm.ID(a.CI)).Get("version").Text()
			w.holds(updates[a.CI] == version && version == r.Plan.Unit(a.Unit).Version, "%s is deployed, and %s is recorded with version %q", r.ID, a.CI, version)
		}
		delete(w.half, r.ID)
	case release.RolledBack:
		w.holds(len(r.Rollback.Left) == 0, "%s is rolled back but for %v", r.ID, r.Rollback.Left)
		for _, u := range r.Rollback.Undone {
			if i := at(w.items, itsm.ID(u.CI)); i.Get("version").Text() == r.Plan.Unit(u.Unit).Version {
				k := slices.IndexFunc(i.Attributes, func(v config.Value) bool { return v.Name == "version" })
				w.holds(i.Attributes[k].Under != (itsm.Ref{Kind: release.Kind, ID: r.ID}), "%s is rolled back, and %s still has its version", r.ID, u.CI)
			}
		}
		delete(w.half, r.ID)
	case release.BaselineTaken:
		w.snapshots++
		b := w.frozen[e.Ref.ID]
		w.holds(b.ID != "" && b.Digest == e.Digest, "%s refers to a baseline that is not there", r.ID)
		for _, s := range b.Items {
			now := baseline.Of(w.items[s.Item])
			s.Version, now.Version = 0, 0
			s.Digest, now.Digest = itsm.Digest{}, itsm.Digest{}
			require.Equal(w.t, text(now), text(s), "%s was frozen as it was at that instant", s.Item)
		}
	}
}

func targetsOf(r *release.Release) (cis []string) {
	for _, wave := range r.Plan.Waves {
		for _, t := range wave.Targets {
			cis = append(cis, t.CI)
		}
	}
	return cis
}

// carries asks that the changes of a release are approved on what was signed.
func (w *witness) carries(r *release.Release) {
	w.holds(len(r.Admitted) == len(r.Plan.Members), "%s admitted %d of %d changes", r.ID, len(r.Admitted), len(r.Plan.Members))
	for _, m := range r.Admitted {
		digest, ok := w.approved(m.ID)
		w.holds(ok && digest == m.Digest, "%s carries %s, which is not approved as it was signed", r.ID, m.ID)
	}
}

// deployable asks for all that must be the same of what was signed, tested and put into the library.
func (w *witness) deployable(r *release.Release) {
	w.carries(r)
	w.holds(r.SignOff.Outcome == approval.Approved && r.SignOff.Content.Digest == release.Fingerprint(&r.Plan, r.Admitted).Digest, "%s goes live and is not signed as it is", r.ID)
	test := r.Tests[len(r.Tests)-1]
	w.holds(test.Passed && test.Failed == 0 && test.Manifest == r.Plan.Manifest.Digest() && test.Environment == r.Inspection.Environment, "%s goes live and was not tested as it is", r.ID)
	for _, f := range r.Plan.Manifest {
		held, there, _ := w.Lookup(context.Background(), site, f.Path, f.Version)
		w.holds(there && held.Digest == f.Digest, "%s goes live with %s, which the library does not hold", r.ID, f.Key)
	}
	w.holds(r.Baseline != nil && w.frozen[r.Baseline.Ref.ID].ID != "", "%s goes live without a baseline", r.ID)
}

// now looks at the records that were touched as they are between two commands.
func (w *witness) now(touched map[itsm.Key]bool) {
	w.holds(len(w.half) == 0, "releases have written items and are not completed: %v", w.half)
	for key := range touched {
		switch key.Kind {
		case change.Kind:
			same(w, *w.changes[key.ID], w.change(key.ID), func(c *change.Change) *itsm.Meta { return &c.Meta })
		case release.Kind:
			same(w, *w.releases[key.ID], w.release(key.ID), func(r *release.Release) *itsm.Meta { return &r.Meta })
		case config.Kind:
			i, states := w.item(key.ID), w.visits[key.ID]
			same(w, *w.items[key.ID], i, func(c *config.Item) *itsm.Meta { return &c.Meta })
			last := states[len(states)-1]
			w.holds(i.State == last.state && i.Since.Equal(last.since), "%s is %s, its history says %s", i.ID, i.State, last.state)
			if n := len(states); n > 1 {
				w.holds(i.Previous == states[n-2].state, "%s was %s, its history says %s", i.ID, i.Previous, states[n-2].state)
			}
		}
	}
}

// same asks that a record is what its journal leads to, apart from what services keep of it.
func same[R any](w *witness, want, got R, meta func(*R) *itsm.Meta) {
	for _, rec := range []*R{&want, &got} {
		m := meta(rec)
		*m = itsm.Meta{ID: m.ID, Tenant: m.Tenant}
	}
	require.Equal(w.t, text(want), text(got))
}

// settled looks at what must hold once the reactions have followed: what is planned will come, and what is over is not planned any more.
func (w *witness) settled() {
	for id, i := range w.items {
		for _, p := range i.Plans {
			s := w.standing(p.Under, id)
			w.holds(s == config.Approved || s == config.Underway || s == config.Done, "%s is planned under %s, which is %q", id, p.Under, s)
		}
	}
}

// end looks at everything again from the outside: chains, folds, histories.
func (w *witness) end() {
	for id := range w.changes {
		require.NoError(w.t, w.world.changes.Verify(manager, id))
	}
	for id := range w.releases {
		require.NoError(w.t, w.world.releases.Verify(planner, id))
	}
	for id, i := range w.items {
		require.NoError(w.t, w.world.items.Verify(keeper, id))
		h, err := w.world.items.History(keeper, id)
		require.NoError(w.t, err)
		stays := h.States(time.Time{})
		w.holds(len(stays) == len(w.visits[id]), "the history of %s has %d states of %d", id, len(stays), len(w.visits[id]))
		for k, s := range stays {
			v := w.visits[id][k]
			until := time.Time{}
			if k+1 < len(stays) {
				until = stays[k+1].Since
			}
			w.holds(s.State == v.state && s.Since.Equal(v.since) && s.Until.Equal(until), "the history of %s does not partition time at %d: %v", id, k, s)
			if was, ok := h.At(s.Since, time.Time{}); until.IsZero() || s.Since.Before(until) {
				w.holds(ok && was.State == s.State, "%s was %s at %s, not %s", id, s.State, s.Since, was.State)
			}
		}
		triple := i.Triple(w.world.items.Items().Machine())
		w.holds(triple.Current == stays[len(stays)-1].State, "%s is %s now", id, triple.Current)
		if n := len(stays); n > 1 {
			w.holds(triple.Previous == stays[n-2].State, "%s was %s before", id, triple.Previous)
		}
	}
	asked := 0
	for stored, err := range w.baselines.Repository().Find(context.Background(), itsm.Query{Tenant: site, Kind: baseline.Kind}) {
		require.NoError(w.t, err)
		require.NoError(w.t, stored.Record.Verify())
		asked++
	}
	w.holds(asked == w.snapshots, "there are %d baselines, releases have asked for %d", asked, w.snapshots)
}
