package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/audit"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

var change = itsm.Ref{Kind: "change", ID: "CHG-1"}

type attrs = map[string]itsm.Value

func text(s string) itsm.Value { return itsm.TextOf(s) }

type bench struct {
	*audit.Service
	items *config.Service
	db    store.DB
	clock *itsmtest.Clock
	t     testing.TB
}

func open(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, db: memory.New(), clock: itsmtest.NewClock(time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC))}
	repos, audits := config.NewRepositories(b.db), audit.NewRepository(b.db)
	byChange := config.AuthorisationsFunc(func(_ context.Context, _ itsm.Tenant, authority itsm.Ref, _ config.Target) (config.Standing, error) {
		if authority == change {
			return config.Underway, nil
		}
		return config.Unauthorised, nil
	})
	var err error
	b.items, err = config.New(repos, config.Config{Config: itsm.Config{Clock: b.clock.Now}, Authorisations: config.ByKind{"change": byChange, audit.Kind: audit.Corrections(audits, repos.Items)}})
	require.NoError(t, err)
	b.Service, err = audit.New(audits, b.items, itsm.Config{Clock: b.clock.Now})
	require.NoError(t, err)
	return b
}

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

var (
	keeper  = as("keeper", itsm.RoleConfigManager, itsm.RoleAuditAdmin)
	auditor = as("auditor", itsm.RoleAuditAdmin)
)

func (b *bench) server(n int) itsm.ID {
	b.t.Helper()
	under := config.Under(change)
	item, err := b.items.Do(keeper, "", config.Register{Authority: under, Class: "server", Name: "x", Attributes: attrs{"model": text("R750"), "serial": text(fmt.Sprint("S", n)), "place": text("B1")}})
	require.NoError(b.t, err)
	_, err = b.items.Do(keeper, item.ID, config.AffixLabel{Authority: under, Code: fmt.Sprint("L-", n), Form: config.Physical})
	require.NoError(b.t, err)
	_, err = b.items.Do(keeper, item.ID, config.Accept{Authority: under})
	require.NoError(b.t, err)
	return item.ID
}

func (b *bench) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) audit.Audit {
	b.t.Helper()
	a, err := b.Do(ctx, id, cmd, opts...)
	require.NoError(b.t, err)
	return a
}

func (b *bench) plan(scope audit.Scope) itsm.ID {
	return b.do(keeper, "", audit.Plan{Name: "quarterly", Scope: scope, Due: b.clock.Now().AddDate(0, 0, 14)}).ID
}

func TestAudit(t *testing.T) {
	t.Parallel()
	t.Run("R-270 an audit is full or partial, its sample follows from the seed, and nobody audits what he maintains", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		for i := range 20 {
			b.server(i)
		}
		scope := audit.Scope{Classes: []string{"hardware"}, Place: "B1", Percent: 10, Seed: 7}
		assert.False(t, scope.Full())
		assert.True(t, audit.Scope{}.Full())
		first, second := b.do(auditor, b.plan(scope), audit.Start{}), b.do(auditor, b.plan(scope), audit.Start{})
		assert.Equal(t, 20, first.Population)
		assert.Len(t, first.Sample, 2)
		assert.Equal(t, first.Sample, second.Sample)
		assert.Equal(t, itsm.PersonID("auditor"), first.Auditor)
		scope.Seed = 8
		assert.NotEqual(t, first.Sample, b.do(auditor, b.plan(scope), audit.Start{}).Sample)
		_, err := b.Do(keeper, b.plan(scope), audit.Start{})
		require.ErrorIs(t, err, itsm.ErrDenied)
		assert.ErrorContains(t, err, "keeper maintains")
		deputy := itsm.WithActor(context.Background(), itsm.Actor{ID: "deputy", OnBehalfOf: "keeper", Tenant: "h1", Roles: []itsm.Role{itsm.RoleAuditAdmin}})
		_, err = b.Do(deputy, b.plan(scope), audit.Start{})
		require.ErrorIs(t, err, itsm.ErrDenied, "nor does who stands in for him")
		assert.Len(t, b.do(auditor, b.plan(audit.Scope{}), audit.Start{}).Sample, 20)
	})
	t.Run("R-270 a sample depends on seed and items only, and draws evenly", func(t *testing.T) {
		t.Parallel()
		var ids []itsm.ID
		for i := range 200 {
			ids = append(ids, itsm.ID(fmt.Sprint("CI-", i)))
		}
		rapid.Check(t, func(rt *rapid.T) {
			s := audit.Scope{Sample: rapid.IntRange(1, 50).Draw(rt, "n"), Seed: rapid.Uint64().Draw(rt, "seed")}
			a := s.Draw(ids)
			b := s.Draw(rapid.Permutation(ids).Draw(rt, "order"))
			if !slices.Equal(a, b) || len(a) != s.Sample {
				rt.Fatalf("%v is not %v", a, b)
			}
			fewer := s.Draw(ids[1:])
			gone := 0
			for _, id := range a {
				if !slices.Contains(fewer, id) {
					gone++
				}
			}
			if gone > 1 {
				rt.Fatalf("one item less changed %d places", gone)
			}
		})
	})
	t.Run("INV-20 the sets part what was checked and what was found", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			var sample []audit.Expected
			for i := range rapid.IntRange(0, 6).Draw(rt, "sample") {
				sample = append(sample, audit.Expected{Item: itsm.ID(fmt.Sprint("CI-", i)), Label: fmt.Sprint("L-", i), Values: attrs{"model": text("M")}, Relations: []audit.Link{{Type: "runs_on", To: "CI-9"}}})
			}
			var found []audit.Found
			for i := range 9 {
				f := audit.Found{}
				switch rapid.IntRange(0, 3).Draw(rt, "found") {
				case 0:
					continue
				case 1:
					f.Item = itsm.ID(fmt.Sprint("CI-", i))
				case 2:
					f.Label = fmt.Sprint("L-", i)
				case 3:
					f.What = "a box"
				}
				f.Values = attrs{"model": text(rapid.SampledFrom([]string{"M", "N"}).Draw(rt, "model"))}
				if rapid.Bool().Draw(rt, "looked") {
					f.Looked = []string{"runs_on"}
				}
				found = append(found, f)
			}
			r, ds := audit.Reconcile(sample, found)
			seen := map[itsm.ID]int{}
			for _, set := range [][]itsm.ID{r.Matched, r.Attributes, r.Relations, r.Missing} {
				for _, id := range set {
					seen[id]++
				}
			}
			for _, e := range sample {
				if seen[e.Item] != 1 {
					rt.Fatalf("%s is in %d sets", e.Item, seen[e.Item])
				}
			}
			here := len(r.Matched) + len(r.Attributes) + len(r.Relations)
			if len(seen) != len(sample) || here+r.Unregistered != len(found) || len(ds) != len(sample)+len(found)-here-len(r.Matched) {
				rt.Fatalf("%d found, %d expected: %+v", len(found), len(sample), r)
			}
			if r.Accuracy.Matched != len(r.Matched) || r.Accuracy.Checked != len(sample) {
				rt.Fatalf("%+v", r.Accuracy)
			}
		})
	})
	t.Run("R-271 what was observed is compared in attributes and relations, and the accuracy is matched of checked", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		ids := []itsm.ID{b.server(1), b.server(2), b.server(3), b.server(4)}
		_, err := b.items.Do(keeper, ids[2], config.Link{Authority: config.Under(change), Type: "depends_on", To: ids[0]})
		require.NoError(t, err)
		id := b.plan(audit.Scope{})
		b.do(auditor, id, audit.Start{})
		_, err = b.Do(keeper, id, audit.Report{})
		require.ErrorContains(t, err, "is not the auditor")
		_, err = b.Do(auditor, id, audit.Report{Found: []audit.Found{{Item: ids[0]}, {Label: "L-1"}, {}}})
		require.ErrorContains(t, err, "reported twice")
		require.ErrorContains(t, err, "finding 3 names neither")
		a := b.do(auditor, id, audit.Report{Found: []audit.Found{
			{Label: "L-1", Values: attrs{"model": text("R750")}}, {Item: ids[1], Values: attrs{"model": text("R740")}}, {Item: ids[2], Looked: []string{"depends_on"}}, {What: "an unknown switch"}}})
		assert.Equal(t, []itsm.ID{ids[0]}, a.Result.Matched)
		assert.Equal(t, []itsm.ID{ids[1]}, a.Result.Attributes)
		assert.Equal(t, []itsm.ID{ids[2]}, a.Result.Relations)
		assert.Equal(t, []itsm.ID{ids[3]}, a.Result.Missing)
		assert.Equal(t, 1, a.Result.Unregistered)
		assert.Equal(t, "an unknown switch", a.Discrepancies[3].What)
		assert.Equal(t, 0.25, a.Result.Accuracy.Ratio())
	})
	t.Run("R-272 every discrepancy is disposed of before the audit closes; a record is corrected under its authority", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		one, two := b.server(1), b.server(2)
		id := b.plan(audit.Scope{})
		under := config.Under(itsm.Ref{Kind: audit.Kind, ID: id})
		b.do(auditor, id, audit.Start{})
		b.do(auditor, id, audit.Report{Found: []audit.Found{{Item: one, Values: attrs{"model": text("R760")}}, {What: "a printer"}}})
		_, err := b.Do(keeper, id, audit.Close{})
		require.ErrorContains(t, err, "1, 2, 3")
		write := config.Update{Authority: under, Attributes: attrs{"model": text("R760")}}
		_, err = b.items.Do(keeper, one, write)
		require.ErrorIs(t, err, config.ErrUnauthorised, "not decided yet")

		due := b.clock.Now().AddDate(0, 0, 7)
		_, err = b.Do(keeper, id, audit.Dispose{Nth: 2, Disposition: audit.CorrectWorld})
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Len(t, refused.Reasons, 3, "why, deadline and change")
		b.do(keeper, id, audit.Dispose{Nth: 1, Disposition: audit.CorrectRecord, Why: "the board was replaced", Deadline: due})
		b.do(keeper, id, audit.Dispose{Nth: 2, Disposition: audit.CorrectWorld, Why: "bring it back", Change: itsm.Ref{Kind: "change", ID: "CHG-7"}, Deadline: due})
		b.do(keeper, id, audit.Dispose{Nth: 3, Disposition: audit.CorrectRecord, Why: "register it", Deadline: due})
		_, err = b.items.Do(keeper, two, write)
		require.ErrorIs(t, err, config.ErrUnauthorised, "its record is not to be corrected")
		_, err = b.items.Do(keeper, one, write)
		require.NoError(t, err)
		_, err = b.Do(keeper, id, audit.Close{})
		require.ErrorContains(t, err, "1, 3")
		b.do(keeper, id, audit.Correct{Nth: 1})
		_, err = b.items.Do(keeper, one, config.Update{Authority: under, Attributes: attrs{"model": text("R999")}})
		require.ErrorIs(t, err, config.ErrUnauthorised, "it was corrected")
		printer, err := b.items.Do(keeper, "", config.Register{Authority: under, Class: "printer", Name: "p", Attributes: attrs{"model": text("M507")}})
		require.NoError(t, err)
		_, err = b.items.Do(keeper, printer.ID, config.AffixLabel{Authority: under, Code: "P-1", Form: config.Physical})
		require.NoError(t, err, "what was registered under it is completed under it")

		b.clock.Set(due)
		_, err = b.Do(as("system", itsm.RoleSystem), id, audit.Tick{})
		require.NoError(t, err)
		a, err := b.Get(keeper, id)
		require.NoError(t, err)
		assert.Equal(t, []int{2, 3}, a.Overdue, "late is a fact, not a state")
		assert.Equal(t, audit.StateReconciling, a.State)
		b.do(keeper, id, audit.Correct{Nth: 3})
		assert.Equal(t, audit.StateClosed, b.do(keeper, id, audit.Close{}).State)
	})
	t.Run("R-273 a review has findings on process and database, and improvements; what is due is listed", func(t *testing.T) {
		t.Parallel()
		clock := itsmtest.NewClock(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
		s, err := audit.NewReviews(memory.New(), itsm.Config{Clock: clock.Now})
		require.NoError(t, err)
		_, err = s.Do(keeper, "", audit.Hold{Findings: []audit.Finding{{About: audit.AboutProcess, Text: "slow"}}})
		require.ErrorContains(t, err, "cmdb is missing")
		r, err := s.Do(keeper, "", audit.Hold{Audits: []itsm.ID{"AUD-1"}, Findings: []audit.Finding{{About: audit.AboutProcess, Text: "slow"}, {About: audit.AboutCMDB, Text: "96 %"}},
			Improvements: []audit.Improvement{{What: "scan weekly", Owner: "keeper", Due: clock.Now().AddDate(0, 1, 0)}}})
		require.NoError(t, err)
		_, err = s.Do(keeper, r.ID, audit.CloseReview{})
		require.ErrorContains(t, err, "improvements are not done: 1")
		_, err = s.Do(keeper, r.ID, audit.Improve{Nth: 1})
		require.NoError(t, err)
		r, err = s.Do(keeper, r.ID, audit.CloseReview{})
		require.NoError(t, err)
		assert.Equal(t, audit.StateClosed, r.State)
		half := config.Schedule{Start: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Months: 6}
		missed := half.Missed([]time.Time{r.Held}, clock.Now())
		assert.Len(t, missed, 2, "both of 2025")
	})
}

func draw(t *rapid.T, rec audit.Audit, step int) (itsm.Command, []itsm.Option) {
	at := rec.Updated
	if step == 0 {
		return audit.Plan{Name: "q", Due: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), Scope: audit.Scope{Seed: 1, Place: rapid.SampledFrom([]string{"", "B1"}).Draw(t, "place")}}, nil
	}
	nth := rapid.IntRange(0, 3).Draw(t, "nth")
	all := []itsm.Command{
		audit.Start{}, audit.Report{Found: []audit.Found{{What: "x"}}}, audit.Correct{Nth: nth}, audit.Close{}, audit.Cancel{}, audit.Tick{},
		audit.Dispose{Nth: nth, Disposition: rapid.SampledFrom([]audit.Disposition{audit.CorrectRecord, audit.CorrectWorld, audit.AcceptAsIs, "x"}).Draw(t, "disposition"), Why: rapid.SampledFrom([]string{"", "because"}).Draw(t, "why"),
			Change: change, Deadline: at.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)},
	}
	return rapid.SampledFrom(all).Draw(t, "command"), []itsm.Option{itsm.Because("why")}
}

// filled is a process that draws a sample of its own.
type filled struct{ *audit.Process }

func (f filled) Gather(_ context.Context, _ audit.Audit, cmd audit.Command, _ itsm.Env) (audit.Facts, error) {
	if _, ok := cmd.(audit.Start); ok {
		return audit.Facts{Population: 2, Sample: []audit.Expected{{Item: "CI-1", Class: "server", Values: attrs{"model": text("M")}}, {Item: "CI-2", Class: "server"}}}, nil
	}
	return audit.Facts{}, nil
}

func TestLaws(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[audit.Audit, audit.Facts, audit.Command]{
		Process: filled{audit.NewProcess(nil, config.DefaultModel())}, Command: draw, States: []string{"planned", "running", "reconciling", "closed", "cancelled"},
		Tick: func(audit.Audit) itsm.Command { return audit.Tick{} },
	})
}

func TestReviewLaws(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[audit.Review, audit.ReviewFacts, audit.ReviewCommand]{
		Process: audit.ReviewProcess{}, States: []string{"reconciling", "closed"},
		Command: func(t *rapid.T, _ audit.Review, step int) (itsm.Command, []itsm.Option) {
			if step == 0 {
				return audit.Hold{Findings: []audit.Finding{{About: audit.AboutProcess, Text: "a"}, {About: audit.AboutCMDB, Text: "b"}},
					Improvements: []audit.Improvement{{What: "x", Owner: "u", Due: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}}}, nil
			}
			return rapid.SampledFrom([]itsm.Command{audit.Improve{Nth: rapid.IntRange(0, 2).Draw(t, "nth")}, audit.CloseReview{}}).Draw(t, "command"), nil
		},
	})
}
