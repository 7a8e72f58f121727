package config_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

func TestItems(t *testing.T) {
	t.Parallel()
	t.Run("R-250 an item is described, tracked, controlled and reported", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		r.pass(time.Hour)
		item := r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"memory": itsm.NumberOf(65536)}})
		assert.Equal(t, 65536.0, item.Get("memory").Number(), "described")
		h, err := r.History(keeper, id)
		require.NoError(t, err)
		was, ok := h.At(item.Created, time.Time{})
		require.True(t, ok)
		assert.True(t, was.Values["memory"].IsZero(), "tracked: it had none at first")
		r.set(change, config.Done)
		assert.ErrorIs(t, r.refused(keeper, id, config.Update{Authority: under, Attributes: attrs{"memory": itsm.NumberOf(1)}}), config.ErrUnauthorised, "controlled")
		report, err := r.Report(keeper, item.Created, r.pass(time.Hour))
		require.NoError(t, err)
		assert.Equal(t, 1, report.Total, "reported")
	})
	t.Run("R-251 anything can be an item: contracts, documents and scripts too", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		for class, values := range map[string]attrs{
			"service_contract": {"number": text("C-1"), "supplier": text("acme"), "ends": itsm.TimeOf(r.clock.AddDate(1, 0, 0))},
			"document":         {"ref": text("dms:77")},
			"script":           {"product": text("nightly copy"), "version": text("3")},
			"service":          {"key": text("his-opd")},
		} {
			assert.Equal(t, config.StateLive, r.get(r.live(class, "L-"+class, values)).State, class)
		}
	})
	t.Run("R-254 state and relations are part of the record and versioned with it", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b := r.server("L-1"), r.server("L-2")
		before := r.get(a).Version
		item := r.do(keeper, a, config.Link{Authority: under, Type: "depends_on", To: b})
		assert.Greater(t, item.Version, before)
		assert.Equal(t, []itsm.ID{b}, item.Related("depends_on"))
		again, err := r.Replay(keeper, a)
		require.NoError(t, err)
		assert.Equal(t, item.Relations, again.Relations)
		assert.Equal(t, item.State, again.State)
	})
	t.Run("R-255 documents belong to an item by reference and version", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		r.do(keeper, id, config.AddDocument{Authority: under, Ref: "dms:1", Version: "1", Title: "manual"})
		r.pass(time.Minute)
		item := r.do(keeper, id, config.AddDocument{Authority: under, Ref: "dms:1", Version: "2"})
		require.Len(t, item.Documents, 1)
		assert.Equal(t, "2", item.Documents[0].Version)
		assert.Equal(t, []string{"config.same_document"}, codes(r.refused(keeper, id, config.AddDocument{Authority: under, Ref: "dms:1", Version: "2"})))
		h, err := r.History(keeper, id)
		require.NoError(t, err)
		was, _ := h.At(r.clock.Add(-time.Second), time.Time{})
		assert.Equal(t, map[string]string{"dms:1": "1"}, was.Documents)
		assert.Empty(t, r.do(keeper, id, config.DropDocument{Authority: under, Ref: "dms:1"}).Documents)
	})
	t.Run("R-257 what must be controlled leaves the scope under an authority only, the rest for a reason", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		must, may := r.server("L-1"), r.live("client", "L-2", attrs{"model": text("M")})
		assert.Equal(t, []string{"config.no_authority"}, codes(r.refused(keeper, must, config.LeaveScope{Why: "lent"})))
		assert.ErrorIs(t, r.refused(keeper, must, config.LeaveScope{Authority: config.Under(future), Why: "lent"}), config.ErrUnauthorised)
		assert.Equal(t, []string{"itsm.required:why"}, codes(r.refused(keeper, may, config.LeaveScope{})))
		assert.False(t, r.do(keeper, may, config.LeaveScope{Why: "lent"}).Controlled())
		assert.False(t, r.do(keeper, must, config.LeaveScope{Authority: under, Why: "lent"}).Controlled())
		assert.Equal(t, []string{"config.outside"}, codes(r.refused(keeper, must, config.Update{Authority: under, Name: "x"})))
		assert.True(t, r.do(keeper, must, config.EnterScope{}).Controlled())
	})
	t.Run("R-260 missing required attributes refuse acceptance, or are listed", func(t *testing.T) {
		t.Parallel()
		strict := open(t, config.Config{})
		id := strict.item("server", attrs{"model": text("R750")})
		strict.do(keeper, id, config.AffixLabel{Authority: under, Code: "L-1", Form: config.Physical})
		refused := strict.refused(keeper, id, config.Accept{Authority: under})
		require.Equal(t, []string{"config.missing"}, codes(refused))
		assert.Equal(t, "serial", refused.Reasons[0].Arg("fields"))

		listing := config.DefaultPolicy()
		listing.Depth = config.List
		lax := open(t, config.Config{Policy: &listing})
		id = lax.live("server", "L-1", attrs{"model": text("R750")})
		health, err := lax.Health(keeper, lax.clock)
		require.NoError(t, err)
		assert.Equal(t, []itsm.ID{id}, health.Completeness.Failing)
	})
	t.Run("R-262 a value knows how it came in and how sure that is", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.do(keeper, "", config.Register{Authority: under, Class: "server", Name: "db1", Attributes: attrs{"model": text("R750")},
			Source: config.Source{Kind: config.Import, System: "glpi", Confidence: 80}}).ID
		r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"place": text("B1")}})
		item := r.get(id)
		assert.Equal(t, config.Source{Kind: config.Import, System: "glpi", Confidence: 80}, item.Attributes[0].Source)
		assert.Equal(t, config.Source{Kind: config.Manual}, item.Attributes[1].Source)
		assert.Equal(t, change, item.Attributes[1].Under)
		assert.Equal(t, []string{"itsm.choice:source.kind", "config.range:source.confidence"},
			codes(r.refused(keeper, id, config.Update{Authority: under, Attributes: attrs{"place": text("B2")}, Source: config.Source{Kind: "rumour", Confidence: 101}})))
	})
	t.Run("R-263 a new item and a change of one are two commands with checks of their own", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		_, err := r.Do(keeper, "", config.Register{Authority: under, Class: "hardware store", Name: ""})
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, []string{"itsm.required:name", "config.class"}, codes(refused))
		_, err = r.Do(keeper, "", config.Update{Authority: under, Name: "x"})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		id := r.item("server", nil)
		assert.ErrorIs(t, func() error {
			_, err := r.Do(keeper, id, config.Register{Authority: under, Class: "server", Name: "x"})
			return err
		}(), itsm.ErrExists)
		assert.Equal(t, []string{"config.nothing"}, codes(r.refused(keeper, id, config.Update{Authority: under})))
	})
	t.Run("R-268 an item is accepted only when it is labelled, complete and by the configuration manager", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.item("server", attrs{"model": text("R750"), "serial": text("S1")})
		assert.Equal(t, []string{"config.no_label"}, codes(r.refused(keeper, id, config.Accept{Authority: under})))
		r.do(keeper, id, config.AffixLabel{Authority: under, Code: "L-1", Form: config.Physical})
		assert.ErrorIs(t, r.refused(engineer, id, config.Accept{Authority: under}), itsm.ErrDenied)
		assert.ErrorIs(t, r.refused(keeper, id, config.Move{Authority: under, Step: config.DoActivate}), itsm.ErrIllegalState)
		assert.Equal(t, config.StateAccepted, r.do(keeper, id, config.Accept{Authority: under}).State)

		other := r.item("server", attrs{"model": text("R750"), "serial": text("S2")})
		assert.ErrorIs(t, r.refused(keeper, other, config.AffixLabel{Authority: under, Code: "l-1 ", Form: config.Logical}), itsm.ErrInvalid)
		assert.ErrorIs(t, r.refused(keeper, other, config.AffixLabel{Authority: under, Code: "l-1", Form: config.Logical}), config.ErrDuplicate, "a label belongs to one item")
	})
	t.Run("R-055 an application is main clinical or auxiliary", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		values := attrs{"product": text("HIS"), "version": text("7"), "grade": text("important")}
		_, err := r.Do(keeper, "", config.Register{Authority: under, Class: "application", Name: "HIS", Attributes: values})
		require.ErrorContains(t, err, "main_clinical, auxiliary")
		delete(values, "grade")
		id := r.item("application", values)
		r.do(keeper, id, config.AffixLabel{Authority: under, Code: "HIS", Form: config.Logical})
		assert.Equal(t, []string{"config.missing"}, codes(r.refused(keeper, id, config.Accept{Authority: under})), "no application is under control without a grade")
		r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"grade": text("main_clinical")}})
		r.do(keeper, id, config.Accept{Authority: under})
		r.do(keeper, id, config.Move{Authority: under, Step: config.DoActivate})
		grade, err := r.Grade(keeper, "h1", string(id))
		require.NoError(t, err)
		assert.Equal(t, "main_clinical", grade)
	})
	t.Run("S-009 an item has an ID, a type, a description, relations and a status; services are items; changes can be traced", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.live("service", "his-opd", attrs{"key": text("his-opd"), "description": text("outpatient services")})
		item := r.get(id)
		assert.NotEmpty(t, item.ID)
		assert.Equal(t, "service", item.Class)
		assert.Equal(t, "operational", item.Status)
		assert.Equal(t, "outpatient services", item.Get("description").Text())
		require.NoError(t, r.Verify(keeper, id))
		for ev, err := range r.Events(keeper, id) {
			require.NoError(t, err)
			assert.Equal(t, itsm.PersonID("keeper"), ev.Actor)
		}
	})
	t.Run("secrets are kept elsewhere, and what is sensitive only on items that are", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.item("database", attrs{"product": text("pg"), "version": text("17")})
		assert.ElementsMatch(t, []string{"config.secret:credentials", "config.level:credentials"}, codes(r.refused(keeper, id, config.Update{Authority: under, Attributes: attrs{"credentials": text("hunter2")}})))
		r.do(keeper, id, itsm.Classify{Level: itsm.Sensitive})
		r.do(keeper, id, config.Update{Authority: under, Attributes: attrs{"credentials": text("vault:db/1")}})
		_, err := r.Get(engineer, id)
		assert.ErrorIs(t, err, itsm.ErrDenied)
	})
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	t.Run("R-265 every write names an authority that allows it now", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			r := open(t, config.Config{})
			id := r.server("L-1")
			granted := map[itsm.Ref]bool{}
			for _, s := range []config.Standing{config.Unauthorised, config.Approved, config.Underway, config.Done, config.Withdrawn} {
				ref := itsm.Ref{Kind: "change", ID: itsm.ID("CHG-" + string(s) + "x")}
				r.set(ref, s)
				granted[ref] = s == config.Underway
			}
			for step := range 12 {
				cmd, opts := draw(rt, r.get(id), step+1)
				refs := []itsm.Ref{{}, {Kind: "incident", ID: "INC-1"}}
				for _, s := range []string{"", "approved", "underway", "done", "withdrawn"} {
					refs = append(refs, itsm.Ref{Kind: "change", ID: itsm.ID("CHG-" + s + "x")})
				}
				ref := rapid.SampledFrom(refs).Draw(rt, "authority")
				cmd = withAuthority(cmd, ref)
				before := r.get(id)
				after, err := r.Do(keeper, id, cmd, opts...)
				if err != nil {
					continue
				}
				same := before.State == after.State && before.Class == after.Class && before.Label == after.Label && before.Name == after.Name && before.Status == after.Status &&
					assert.ObjectsAreEqual(controlled(r, before), controlled(r, after)) && assert.ObjectsAreEqual(before.Relations, after.Relations) && assert.ObjectsAreEqual(before.Documents, after.Documents)
				_, realised := cmd.(config.RealisePlan)
				if !same && !granted[ref] && !(realised && ref.ID == "CHG-donex") {
					rt.Fatalf("%#v under %s changed the configuration", cmd, ref)
				}
			}
		})
	})
	t.Run("R-228 without a port nothing can be written", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{Authorisations: config.ByKind{}})
		_, err := r.Do(keeper, "", config.Register{Authority: under, Class: "server", Name: "x"})
		require.ErrorIs(t, err, config.ErrUnauthorised)
	})
	t.Run("every command that writes lacks an authority in the same words", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		for _, c := range r.Process().Describe().Commands {
			switch c.(type) {
			case config.LeaveScope, config.EnterScope, config.Observe, config.LockAttribute, config.UnlockAttribute, config.SuspectDuplicate, config.ClearSuspect, config.Tick,
				config.Register, config.WithdrawPlan: // no writes, or tried above
				continue
			}
			got := codes(r.refused(keeper, id, c))
			if got[0] == "itsm.illegal_state" { // which stands alone
				continue
			}
			assert.Contains(t, got, "config.no_authority", c.CommandName())
		}
	})
	t.Run("R-266 the planned state comes from an approved change, becomes current when it is done, and goes when it goes", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.server("L-1")
		plan := config.PlanChange{Authority: config.Under(future), Step: config.DoSuspend, Attributes: attrs{"place": text("B2")}, Due: r.clock.AddDate(0, 0, 3)}
		item := r.do(keeper, id, plan)
		triple := item.Triple(r.Items().Machine())
		assert.Equal(t, config.Triple{Previous: config.StateAccepted, Current: config.StateLive, Planned: config.StateSuspended, Plan: &item.Plans[0]}, triple)
		assert.True(t, item.Get("place").IsZero(), "nothing has happened yet")

		assert.ErrorIs(t, r.refused(keeper, id, config.RealisePlan{Authority: config.Under(future)}), config.ErrUnauthorised)
		r.set(future, config.Done)
		item = r.do(keeper, id, config.RealisePlan{Authority: config.Under(future)})
		assert.Equal(t, config.Triple{Previous: config.StateLive, Current: config.StateSuspended}, item.Triple(r.Items().Machine()))
		assert.Equal(t, "B2", item.Get("place").Text())
		assert.Equal(t, future, item.Under)

		other := itsm.Ref{Kind: "release", ID: "REL-1"}
		r.set(other, config.Approved)
		plan.Authority, plan.Step = config.Under(other), config.DoActivate
		r.do(keeper, id, plan)
		assert.Equal(t, []string{"itsm.reason_missing"}, codes(r.refused(keeper, id, config.WithdrawPlan{Authority: config.Under(other)})))
		r.set(other, config.Withdrawn)
		item = r.do(keeper, id, config.WithdrawPlan{Authority: config.Under(other)})
		assert.Equal(t, config.Triple{Previous: config.StateLive, Current: config.StateSuspended}, item.Triple(r.Items().Machine()))
		assert.Equal(t, []string{"config.no_plan"}, codes(r.refused(keeper, id, config.RealisePlan{Authority: under})))
	})
	t.Run("R-266 previous is the state before the last move, whatever happens", func(t *testing.T) {
		t.Parallel()
		p := alone(t)
		rapid.Check(t, func(rt *rapid.T) {
			item := history(rt, p, nil)
			stays := config.HistoryOf(item.events).States(time.Time{})
			want := config.State("")
			if len(stays) > 1 {
				want = stays[len(stays)-2].State
			}
			if item.rec.Previous != want || item.rec.State != stays[len(stays)-1].State {
				rt.Fatalf("previous %q current %q, the history says %q and %q", item.rec.Previous, item.rec.State, want, stays[len(stays)-1].State)
			}
		})
	})
}

// controlled returns the values that are under control.
func controlled(r *register, i config.Item) map[string]itsm.Value {
	out := map[string]itsm.Value{}
	for name, v := range i.Values() {
		if a, _ := r.Model().Attribute(i.Class, name); !a.Observed {
			out[name] = v
		}
	}
	return out
}

// withAuthority gives a command another authority.
func withAuthority(cmd itsm.Command, ref itsm.Ref) itsm.Command {
	a := config.Under(ref)
	switch c := cmd.(type) {
	case config.Update:
		c.Authority = a
		return c
	case config.Reclassify:
		c.Authority = a
		return c
	case config.AffixLabel:
		c.Authority = a
		return c
	case config.Accept:
		c.Authority = a
		return c
	case config.Move:
		c.Authority = a
		return c
	case config.Dispose:
		c.Authority = a
		return c
	case config.SetStatus:
		c.Authority = a
		return c
	case config.Link:
		c.Authority = a
		return c
	case config.AddDocument:
		c.Authority = a
		return c
	case config.DropDocument:
		c.Authority = a
		return c
	case config.PlanChange:
		c.Authority = a
		return c
	case config.RealisePlan:
		c.Authority = a
		return c
	}
	return cmd
}

// told is an item with its journal.
type told struct {
	rec    config.Item
	events []itsm.Event
}

// history carries out generated commands on an item, some of them dated back, and keeps the journal.
func history(rt *rapid.T, p *config.Process, each func(told)) told {
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var item told
	actor := itsm.Actor{ID: "keeper", Tenant: "h1", Roles: []itsm.Role{itsm.RoleConfigManager}}
	steps := rapid.IntRange(1, 25).Draw(rt, "steps")
	for step := range steps {
		cmd, _ := draw(rt, item.rec, step)
		if step > 0 {
			now = now.Add(time.Duration(rapid.IntRange(0, 48).Draw(rt, "hours")) * time.Hour)
		}
		env := itsm.Env{Now: now, At: now, Actor: actor, ID: "CI-1", Reason: "why"}
		if step > 0 && rapid.IntRange(0, 3).Draw(rt, "dated back") == 0 {
			env.At = now.Add(-time.Duration(rapid.IntRange(0, 200).Draw(rt, "by")) * time.Hour)
		}
		facts, err := p.Gather(context.Background(), item.rec, cmd.(config.Command), env)
		if err != nil {
			rt.Fatal(err)
		}
		payloads, err := p.Decide(item.rec, cmd.(config.Command), facts, env)
		if err != nil {
			if step == 0 {
				rt.Fatal(err)
			}
			continue
		}
		for _, payload := range payloads {
			ev := itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: config.Kind, ID: "CI-1"}, Seq: uint64(len(item.events) + 1), Type: payload.EventType(), At: env.At, Recorded: now, Actor: actor.ID, Reason: "why", Payload: payload}
			if ev.Seq == 1 { // as the kernel does
				item.rec.ID, item.rec.Tenant, item.rec.Created = ev.ID, ev.Tenant, ev.At
			}
			if err := p.Evolve(&item.rec, &ev); err != nil {
				rt.Fatal(err)
			}
			item.rec.Version, item.rec.Updated = ev.Seq, now
			item.events = append(item.events, ev)
		}
		if each != nil {
			each(item)
		}
	}
	return item
}
