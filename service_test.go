package itsm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func stateOf(t testing.TB, f fixture, id itsm.ID) (snap store.Snapshot) {
	t.Helper()
	found, err := f.db.Load(context.Background(), itsm.Key{Tenant: "h1", Kind: "parcel", ID: id})
	require.NoError(t, err)
	return found[0]
}

func journal(t testing.TB, db store.DB, filter itsm.Filter) (all []itsm.Event) {
	t.Helper()
	for ev, err := range db.Events(context.Background(), "", filter) {
		require.NoError(t, err)
		all = append(all, ev)
	}
	return all
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	t.Run("R-005 a refused command changes nothing and is entered in the journal with who, what and why", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		before := stateOf(t, f, p.ID)
		_, err := f.Do(as("cy", "clerk"), p.ID, move{}, itsm.Because("the customer called"))
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		require.ErrorIs(t, err, ruleNoPlace)
		after := stateOf(t, f, p.ID)
		assert.Equal(t, before.Data, after.Data)
		assert.Equal(t, before.Seq+1, after.Seq)
		events := f.events(t, p.ID)
		last := events[len(events)-1]
		assert.Equal(t, "itsm.refused", last.Type)
		assert.Equal(t, itsm.PersonID("cy"), last.Actor)
		assert.Equal(t, "parcel.move", last.CommandName)
		assert.Equal(t, "the customer called", last.Reason)
		assert.Equal(t, itsm.Code("parcel.no_place"), last.Payload.(itsm.Refused).Reasons[0].Code())
		require.NoError(t, f.Verify(as("ann", "chief"), p.ID))
	})
	t.Run("a command on a record that is not there stands alone in the journal", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		_, err := f.Do(as("cy", "clerk"), "PCL-1", move{To: "x"})
		require.ErrorIs(t, err, itsm.ErrNotFound)
		all := journal(t, f.db, itsm.Filter{Tenant: "h1"})
		require.Len(t, all, 1)
		assert.Equal(t, itsm.KindCommand, all[0].Kind)
		assert.Equal(t, itsm.PersonID("cy"), all[0].Actor)
	})
	t.Run("a refusal names what is possible instead", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		_, err := f.Do(as("cy", "clerk"), p.ID, move{})
		assert.EqualError(t, err, fmt.Sprintf("parcel %s: move refused: the place is missing (possible now: deliver, move)", p.ID))
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, fmt.Sprintf("parcel %s: 拒绝 move：缺少地点 (现在可以：deliver、move)", p.ID), refused.In(itsm.Chinese))
	})
	t.Run("an actor is needed, and one without a permission is denied and noted", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		_, err := f.Do(context.Background(), "", register{Label: "x"})
		require.ErrorIs(t, err, itsm.ErrDenied)
		require.Empty(t, journal(t, f.db, itsm.Filter{}))
		_, err = f.Do(as("di", "viewer"), "", register{Label: "x"})
		require.ErrorIs(t, err, itsm.ErrDenied)
		require.Len(t, journal(t, f.db, itsm.Filter{}), 1)
	})
	t.Run("unknown commands, nil commands and bad IDs are told apart", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		for _, err := range []error{
			second(f.Do(as("ann", "chief"), "PCL-1", nil)),
			second(f.Do(as("ann", "chief"), "", move{To: "x"})),
			second(f.Do(as("ann", "chief"), " PCL-1", move{To: "x"})),
			second(f.Do(as("ann", "chief"), itsm.ID(strings.Repeat("x", 300)), move{To: "x"})),
			second(f.Do(as("ann", "chief"), "PCL-1", stranger{})),
		} {
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
		_, err := f.Do(as("ann", "chief"), "PCL-1", register{Label: "x"})
		require.NoError(t, err)
		_, err = f.Do(as("ann", "chief"), "PCL-1", register{Label: "x"})
		require.ErrorIs(t, err, itsm.ErrExists)
	})
}

type stranger struct{}

func (stranger) CommandName() string { return "door.open" }

func second[A any](_ A, err error) error { return err }

func TestAudit(t *testing.T) {
	t.Parallel()
	t.Run("S-123 what cannot be entered in the journal does not happen", func(t *testing.T) {
		t.Parallel()
		broken := &failing{DB: memory.New()}
		f := setupOver(t, broken, itsm.Config{})
		p := f.registered(t)
		before := stateOf(t, f, p.ID)
		broken.fail = errors.New("the journal is full")
		_, err := f.Do(as("cy", "clerk"), p.ID, move{To: "ward 3"})
		require.ErrorIs(t, err, broken.fail)
		_, err = f.Do(as("cy", "clerk"), p.ID, move{})
		require.ErrorIs(t, err, broken.fail, "a refusal that cannot be entered is not given either")
		broken.fail = nil
		assert.Equal(t, before, stateOf(t, f, p.ID))
		require.NoError(t, f.Verify(as("ann", "chief"), p.ID))
	})
	t.Run("S-078 an entry tells when, who, what, with which outcome", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		ev := f.events(t, p.ID)[0]
		assert.Equal(t, f.clock.now, ev.Recorded)
		assert.Equal(t, f.clock.now, ev.At)
		assert.Equal(t, itsm.PersonID("ann"), ev.Actor)
		assert.Equal(t, "parcel.register", ev.CommandName)
		assert.Equal(t, "parcel.registered", ev.Type)
		assert.NotEmpty(t, ev.Command)
		assert.NotZero(t, ev.Hash)
	})
}

// failing is a store whose commits fail when told to.
type failing struct {
	store.DB
	fail error
}

func (f *failing) Commit(ctx context.Context, b store.Batch) error {
	if f.fail != nil {
		return f.fail
	}
	return f.DB.Commit(ctx, b)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	past := time.Date(2025, 12, 1, 8, 0, 0, 0, time.UTC)
	t.Run("imports may tell when it happened, with permission; nobody tells when it was recorded", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		_, err := f.Do(as("cy", "clerk"), "", register{Label: "x"}, itsm.HappenedAt(past))
		require.ErrorIs(t, err, itsm.ErrDenied)
		p, err := f.Do(as("ann", "chief"), "", register{Label: "x"}, itsm.HappenedAt(past))
		require.NoError(t, err)
		ev := f.events(t, p.ID)[0]
		assert.Equal(t, past, ev.At)
		assert.Equal(t, past, p.Created)
		assert.Equal(t, f.clock.now, ev.Recorded)
		_, err = f.Do(as("ann", "chief"), p.ID, move{To: "x"}, itsm.HappenedAt(f.clock.now.Add(time.Hour)))
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
	t.Run("a clock that is set back does not turn the journal back", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		recorded := f.clock.now
		f.clock.now = recorded.Add(-time.Hour)
		p, err := f.Do(as("cy", "clerk"), p.ID, move{To: "ward 3"})
		require.NoError(t, err)
		assert.Equal(t, recorded, p.Updated)
		require.NoError(t, f.Verify(as("ann", "chief"), p.ID))
	})
	t.Run("commands without an ID get one that comes behind those of earlier ones", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		for i := range 70 { // through the digits of the alphabet, from one microsecond to a century
			f.clock.now = f.clock.now.Add(time.Duration(1<<min(i, 50)) * time.Microsecond)
			_, err := f.Do(as("cy", "clerk"), p.ID, move{To: fmt.Sprint("ward ", i)})
			require.NoError(t, err)
		}
		f.clock.now = time.Date(1965, 1, 1, 0, 0, 0, 0, time.UTC) // before the epoch there is no order, but there are commands
		_, err := f.Do(as("cy", "clerk"), p.ID, move{To: "the past"})
		require.NoError(t, err)
		seen := map[itsm.CommandID]bool{}
		events := f.events(t, p.ID)
		for i, ev := range events {
			assert.Len(t, ev.Command, 26)
			assert.False(t, seen[ev.Command])
			seen[ev.Command] = true
			if i > 0 && i < len(events)-1 {
				assert.Greater(t, ev.Command, events[i-1].Command)
			}
		}
	})
}

func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	t.Run("F-X-3 a command ID counts once, whatever happens to the answer", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		first, err := f.Do(as("ann", "chief"), "", register{Label: "x"}, itsm.Once("c-1"))
		require.NoError(t, err)
		again, err := f.Do(as("ann", "chief"), "", register{Label: "x"}, itsm.Once("c-1"))
		require.NoError(t, err)
		assert.Equal(t, first.ID, again.ID)
		for range 3 {
			p, err := f.Do(as("cy", "clerk"), first.ID, move{To: "ward 3"}, itsm.Once("c-2"))
			require.NoError(t, err)
			assert.Equal(t, []string{"ward 3"}, p.Places)
		}
		_, refused := f.Do(as("cy", "clerk"), first.ID, move{}, itsm.Once("c-3"))
		_, repeated := f.Do(as("cy", "clerk"), first.ID, move{}, itsm.Once("c-3"))
		require.Error(t, refused)
		assert.Equal(t, refused.Error(), repeated.Error())
		require.Len(t, f.events(t, first.ID), 3)
		_, err = f.Do(as("cy", "clerk"), first.ID, deliver{}, itsm.Once("c-2"))
		require.ErrorIs(t, err, itsm.ErrInvalid, "the ID belongs to another command")
	})
	t.Run("many at once: every command takes effect, each once", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{Attempts: 1000})
		p := f.registered(t)
		const people, each = 8, 12
		var wg sync.WaitGroup
		for w := range people {
			wg.Go(func() {
				for i := range each {
					id := itsm.CommandID(fmt.Sprintf("%d-%d", w/2, i)) // two people share each ID
					_, err := f.Do(as("cy", "clerk"), p.ID, move{To: string(id)}, itsm.Once(id))
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		p, err := f.Get(as("ann", "chief"), p.ID)
		require.NoError(t, err)
		assert.Len(t, p.Places, people/2*each)
		require.NoError(t, f.Verify(as("ann", "chief"), p.ID))
	})
	t.Run("two creations with one ID make one record", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		ids := make([]itsm.ID, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				p, err := f.Do(as("ann", "chief"), "", register{Label: "x"}, itsm.Once("one"))
				assert.NoError(t, err)
				ids[i] = p.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			assert.Equal(t, ids[0], id)
		}
		require.Len(t, journal(t, f.db, itsm.Filter{Kind: "parcel"}), 1)
	})
	t.Run("a command that changed the version is not turned away when it is given again", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{Attempts: 1000})
		for i := range 20 {
			p := f.registered(t)
			id := itsm.CommandID(fmt.Sprint("c-", i))
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					got, err := f.Do(as("cy", "clerk"), p.ID, move{To: "a"}, itsm.Once(id), itsm.IfVersion(p.Version))
					if assert.NoError(t, err) {
						assert.Equal(t, []string{"a"}, got.Places)
					}
				})
			}
			wg.Wait()
		}
	})
	t.Run("who may not read what a command made learns its ID, the first time and again", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		blind := itsm.WithActor(context.Background(), itsm.Actor{ID: "bl", Tenant: "h1", Roles: []itsm.Role{"clerk"}, Clearance: itsm.Public})
		first, err := f.Do(blind, "", register{Label: "x", Sender: "Bo"}, itsm.Once("c"))
		require.NoError(t, err)
		assert.NotEmpty(t, first.ID)
		assert.Empty(t, first.Label+first.Sender+first.State)
		again, err := f.Do(blind, "", register{Label: "x", Sender: "Bo"}, itsm.Once("c"))
		require.NoError(t, err)
		assert.Equal(t, first, again)
	})
	t.Run("IfVersion lets only the first of two through", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		_, err := f.Do(as("cy", "clerk"), p.ID, move{To: "a"}, itsm.IfVersion(p.Version))
		require.NoError(t, err)
		_, err = f.Do(as("cy", "clerk"), p.ID, move{To: "b"}, itsm.IfVersion(p.Version))
		require.ErrorIs(t, err, itsm.ErrConflict)
	})
}

// forwarders are parcels that hand on what is said of them when their last place is "for" another one.
type forwarders struct{ parcels }

func (forwarders) Forward(r *parcel, c itsm.Command) (itsm.ID, itsm.Command) {
	if len(r.Places) == 0 {
		return "", nil
	}
	to, ok := strings.CutPrefix(r.Places[len(r.Places)-1], "for ")
	m, isMove := c.(move)
	switch {
	case !ok || !isMove:
		return "", nil
	case m.To == "deliver":
		return itsm.ID(to), deliver{}
	}
	return itsm.ID(to), moveOn(m)
}

func moveOn(m move) itsm.Command { return move{To: m.To + " as told"} }

// interrupted runs something before its next commit.
type interrupted struct {
	store.DB
	before func()
}

func (i *interrupted) Commit(ctx context.Context, b store.Batch) error {
	if before := i.before; before != nil {
		i.before = nil
		before()
	}
	return i.DB.Commit(ctx, b)
}

func TestForward(t *testing.T) {
	t.Parallel()
	clerk := as("cy", "clerk")
	over := func(t *testing.T, db store.DB) fixture {
		c := &clock{time.Date(2026, 2, 14, 1, 2, 3, 4000, time.UTC)}
		s, err := itsm.NewService(forwarders{}, store.NewRepository[parcel](db), itsm.Config{Clock: c.Now})
		require.NoError(t, err)
		return fixture{s, db, c}
	}
	// row makes parcels each of which hands on to the next one.
	row := func(t *testing.T, f fixture, n int) (ids []itsm.ID) {
		for i := range n {
			ids = append(ids, f.registered(t).ID)
			if i > 0 {
				_, err := f.Do(clerk, ids[i-1], move{To: "for " + string(ids[i])})
				require.NoError(t, err)
			}
		}
		return ids
	}
	t.Run("a command goes on to where it is meant for, as it is told there", func(t *testing.T) {
		t.Parallel()
		f := over(t, memory.New())
		ids := row(t, f, 3)
		p, err := f.Do(clerk, ids[0], move{To: "ward 3"})
		require.NoError(t, err)
		assert.Equal(t, ids[2], p.ID)
		assert.Equal(t, []string{"ward 3 as told as told"}, p.Places)
		assert.Len(t, f.events(t, ids[0]), 2)
		p, err = f.Do(clerk, ids[0], itsm.Note{Text: "of this one"})
		require.NoError(t, err)
		assert.Equal(t, ids[0], p.ID, "other commands stay")
		_, err = f.Do(clerk, ids[0], move{To: "ward 4"}, itsm.IfVersion(1))
		require.ErrorIs(t, err, itsm.ErrConflict, "the version is that of where it goes")
	})
	t.Run("it is refused where it comes to", func(t *testing.T) {
		t.Parallel()
		f := over(t, memory.New())
		ids := row(t, f, 2)
		_, err := f.Do(clerk, ids[1], deliver{})
		require.NoError(t, err)
		_, err = f.Do(clerk, ids[0], move{To: "ward 3"})
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, ids[1], refused.ID)
		last := f.events(t, ids[1])
		assert.Equal(t, "itsm.refused", last[len(last)-1].Type)
	})
	t.Run("who may not read a record does not learn where it leads", func(t *testing.T) {
		t.Parallel()
		f := over(t, memory.New())
		ids := row(t, f, 2)
		_, err := f.Do(as("ann", "chief"), ids[0], itsm.Classify{Level: itsm.PatientRelated})
		require.NoError(t, err)
		_, err = f.Do(clerk, ids[0], move{To: "ward 3"})
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		require.ErrorIs(t, err, itsm.ErrDenied)
		assert.Equal(t, ids[0], refused.ID)
		assert.NotContains(t, err.Error(), string(ids[1]))
		assert.Len(t, f.events(t, ids[1]), 1, "and nothing reaches the other one")
	})
	t.Run("a command is not handed on as another one, for which nobody asked the permission", func(t *testing.T) {
		t.Parallel()
		f := over(t, memory.New())
		ids := row(t, f, 2)
		_, err := f.Do(clerk, ids[0], move{To: "deliver"})
		require.ErrorContains(t, err, "want the same command")
		assert.Len(t, f.events(t, ids[1]), 1)
	})
	t.Run("what leads nowhere, or round, is told", func(t *testing.T) {
		t.Parallel()
		f := over(t, memory.New())
		a, b := f.registered(t).ID, f.registered(t).ID
		_, err := f.Do(clerk, a, move{To: "for PCL-0"})
		require.NoError(t, err)
		_, err = f.Do(clerk, a, move{To: "ward 3"})
		require.ErrorIs(t, err, itsm.ErrNotFound)
		_, err = f.Do(clerk, b, move{To: "for " + string(b)})
		require.NoError(t, err)
		_, err = f.Do(clerk, b, move{To: "ward 3"})
		require.ErrorContains(t, err, "handed on more than")
		assert.Len(t, f.events(t, b), 2, "and changes nothing")
	})
	t.Run("the same command from two at once counts once, and both get its answer", func(t *testing.T) {
		t.Parallel()
		db := &interrupted{DB: memory.New()}
		f := over(t, db)
		ids := row(t, f, 2)
		db.before = func() {
			other, err := f.Do(clerk, ids[1], moveOn(move{To: "ward 3"}), itsm.Once("c-1"))
			require.NoError(t, err)
			assert.Equal(t, ids[1], other.ID)
		}
		p, err := f.Do(clerk, ids[0], move{To: "ward 3"}, itsm.Once("c-1"))
		require.NoError(t, err)
		assert.Equal(t, ids[1], p.ID)
		assert.Equal(t, []string{"ward 3 as told"}, p.Places)
	})
}

func TestDeterminism(t *testing.T) {
	t.Parallel()
	t.Run("F-X-1 the state is the fold of the events, and the same input gives the same journal to the byte", func(t *testing.T) {
		t.Parallel()
		var journals [2][]byte
		for i := range journals {
			f := setup(t, itsm.Config{Random: &counter{}})
			p := f.registered(t)
			_, err := f.Do(as("cy", "clerk"), p.ID, move{To: "ward 3"})
			require.NoError(t, err)
			_, err = f.Do(as("cy", "clerk"), p.ID, move{})
			require.Error(t, err)
			replayed, err := f.Replay(as("ann", "chief"), p.ID)
			require.NoError(t, err)
			stored, err := f.Get(as("ann", "chief"), p.ID)
			require.NoError(t, err)
			assert.Equal(t, stored, replayed)
			journals[i], err = json.Marshal(journal(t, f.db, itsm.Filter{}))
			require.NoError(t, err)
		}
		assert.JSONEq(t, string(journals[0]), string(journals[1]))
	})
}

// counter is a random source that is none.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

func TestRights(t *testing.T) {
	t.Parallel()
	t.Run("F-X-4 rights are asked with the record before and after, so nobody moves one out of reach", func(t *testing.T) {
		t.Parallel()
		policy := itsm.MustPolicy(
			itsm.Grant{Role: "chief", Commands: []string{"*"}, Clearance: itsm.PatientRelated},
			itsm.Grant{Role: "porter", Commands: []string{"parcel.move"}, Clearance: itsm.Internal, Scope: func(_ itsm.Actor, record any) bool {
				p := record.(*parcel)
				return len(p.Places) == 0 || strings.HasPrefix(p.Places[len(p.Places)-1], "ward")
			}})
		f := setup(t, itsm.Config{Authorizer: policy})
		p := f.registered(t)
		_, err := f.Do(as("po", "porter"), p.ID, move{To: "ward 3"})
		require.NoError(t, err)
		_, err = f.Do(as("po", "porter"), p.ID, move{To: "street"})
		require.ErrorIs(t, err, itsm.ErrDenied, "the record after the command is out of scope")
		_, err = f.Do(as("ann", "chief"), p.ID, move{To: "street"})
		require.NoError(t, err)
		_, err = f.Do(as("po", "porter"), p.ID, move{To: "ward 3"})
		require.ErrorIs(t, err, itsm.ErrDenied, "the record before the command is out of scope")
	})
	t.Run("F-X-4 emergency access needs a reason, is noted, and is reviewed by somebody else", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		_, err := f.Do(as("ann", "chief"), p.ID, itsm.Classify{Level: itsm.PatientRelated})
		require.NoError(t, err)
		_, err = f.Get(as("gu", "guard", "viewer"), p.ID)
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Emergency(as("gu", "guard"), p.ID, "")
		require.ErrorIs(t, err, itsm.ErrInvalid)
		seen, err := f.Emergency(as("gu", "guard"), p.ID, "theatre is waiting")
		require.NoError(t, err)
		assert.Equal(t, "toner", seen.Label)
		require.Len(t, seen.Reviews, 1)
		_, err = f.Do(as("gu", "guard"), p.ID, itsm.ReviewAccess{Seq: seen.Reviews[0].Seq, Finding: "fine"})
		require.ErrorIs(t, err, itsm.ErrDenied)
		_, err = f.Do(as("ho", "guard"), p.ID, itsm.ReviewAccess{Seq: seen.Reviews[0].Seq, Finding: "fine"})
		require.NoError(t, err)
	})
	t.Run("a failing authorizer permits nothing", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{Authorizer: brokenAuthorizer{}})
		_, err := f.Do(as("ann", "chief"), "", register{Label: "x"})
		require.ErrorIs(t, err, itsm.ErrDenied)
	})
}

type brokenAuthorizer struct{}

func (brokenAuthorizer) Authorize(itsm.Request) error { return errors.New("directory is down") }
func (brokenAuthorizer) Sight(itsm.Actor) itsm.Sight  { return itsm.Sight{Clearance: itsm.Public} }

func TestTenants(t *testing.T) {
	t.Parallel()
	other := itsm.WithActor(context.Background(), itsm.Actor{ID: "eve", Tenant: "h2", Roles: []itsm.Role{"chief"}})
	t.Run("nothing is read, listed, changed or repeated across tenants", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p, err := f.Do(as("ann", "chief"), "", register{Label: "x"}, itsm.Once("c-1"))
		require.NoError(t, err)
		_, err = f.Get(other, p.ID)
		require.ErrorIs(t, err, itsm.ErrNotFound)
		_, err = f.Do(other, p.ID, move{To: "x"})
		require.ErrorIs(t, err, itsm.ErrNotFound)
		for range f.Find(other, itsm.Query{Tenant: "h1", Kind: "parcel"}) {
			t.Fatal("listed a record of another tenant")
		}
		for _, err := range collect(f.Events(other, p.ID)) {
			require.ErrorIs(t, err, itsm.ErrNotFound)
		}
		mine, err := f.Do(other, "", register{Label: "y"}, itsm.Once("c-1"))
		require.NoError(t, err, "command IDs are a tenant's own")
		assert.Equal(t, "y", mine.Label)
	})
}

func collect[V any](seq iter.Seq2[V, error]) (errs []error) {
	for _, err := range seq {
		errs = append(errs, err)
	}
	return errs
}

func TestMessages(t *testing.T) {
	t.Parallel()
	t.Run("F-X-8 messages are codes with arguments, in two languages, with times in the reader's zone", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		_, err := f.Do(as("cy", "clerk"), p.ID, move{To: "ward 3"})
		require.NoError(t, err)
		var told []itsm.TimelineEntry
		for e, err := range f.Timeline(as("di", "viewer"), p.ID) {
			require.NoError(t, err)
			told = append(told, e)
		}
		require.Len(t, told, 1)
		shanghai, err := time.LoadLocation("Asia/Shanghai")
		require.NoError(t, err)
		assert.Equal(t, "on its way to ward 3 since 2026-02-14 01:02:03 UTC", told[0].Told.In(itsm.English))
		assert.Equal(t, "自 2026-02-14 09:02:03 CST 起运往 ward 3", told[0].Told.For(itsm.Chinese, shanghai))

		// What comes back from the journal finds its sentences in the catalogue.
		data, err := json.Marshal(itsm.Reasons{ruleGone.With("label", "toner")})
		require.NoError(t, err)
		assert.JSONEq(t, `[{"code":"parcel.gone","args":[{"name":"label","value":"toner"}]}]`, string(data))
		var read itsm.Reasons
		require.NoError(t, json.Unmarshal(data, &read))
		assert.Equal(t, "toner 的包裹已经送达", f.Catalog().Complete(read).In(itsm.Chinese))
	})
	t.Run("every rule of the kernel has both sentences with the same arguments", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		for _, r := range f.Catalog().Rules() {
			en, zh := r.With().In(itsm.English), r.With().In(itsm.Chinese)
			assert.NotEqual(t, en, "", r.Code())
			assert.NotEqual(t, en, zh, r.Code())
			assert.Equal(t, strings.Count(en, "{"), strings.Count(zh, "{"), r.Code())
		}
	})
}

func TestFields(t *testing.T) {
	t.Parallel()
	fields, err := itsm.ParseFields([]byte(`[
		{"name": "weight", "type": "number", "unit": "kg", "search": true},
		{"name": "ward", "type": "text", "choices": ["icu", "er"], "required": "closed"},
		{"name": "patient", "type": "text", "level": "patient_related"}]`))
	require.NoError(t, err)
	t.Run("a host's own fields are typed, required by phase, found by and hidden by level", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{Fields: fields})
		chief, clerk := as("ann", "chief"), as("cy", "clerk")
		p, err := f.Do(chief, "", register{Label: "x"}, itsm.WithFields(map[string]itsm.Value{"weight": itsm.NumberOf(2.5), "patient": itsm.TextOf("zz")}))
		require.NoError(t, err)
		_, err = f.Do(clerk, p.ID, itsm.SetFields{Fields: map[string]itsm.Value{"weight": itsm.TextOf("heavy"), "ward": itsm.TextOf("attic"), "color": itsm.TextOf("red")}})
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		require.Len(t, refused.Reasons, 3, "all faults at once")
		_, err = f.Do(clerk, p.ID, deliver{})
		require.ErrorContains(t, err, "field ward is required from the phase closed on")
		p, err = f.Do(clerk, p.ID, deliver{}, itsm.WithFields(map[string]itsm.Value{"ward": itsm.TextOf("icu")}))
		require.NoError(t, err)
		assert.Equal(t, "icu", p.Fields["ward"].Text())
		assert.NotContains(t, p.Fields, "patient", "above the clerk's clearance")
		n := 0
		for got, err := range f.Find(chief, itsm.Query{Where: []itsm.Condition{itsm.WhereAtLeast("field_weight", itsm.NumberOf(2))}}) {
			require.NoError(t, err)
			assert.Equal(t, "zz", got.Fields["patient"].Text())
			n++
		}
		assert.Equal(t, 1, n)
		require.NoError(t, f.Verify(chief, p.ID))
	})
	t.Run("faulty declarations are told all at once", func(t *testing.T) {
		t.Parallel()
		_, err := itsm.ParseFields([]byte(`[{"name": "Big One", "type": "number", "choices": ["a"]}]`))
		require.ErrorContains(t, err, "lower_snake")
		require.ErrorContains(t, err, "choices are for text only")
		_, err = itsm.ParseFields([]byte(`[{"name": "a", "type": "colour"}]`))
		require.ErrorContains(t, err, `type "colour": want one of`)
		_, err = itsm.ParseFields([]byte(`[{"name": "a", "type": "text", "colour": 1}]`))
		require.ErrorContains(t, err, "colour")
	})
}

func TestWorkLog(t *testing.T) {
	t.Parallel()
	t.Run("notes are public or internal, and a record at rest takes none", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		p := f.registered(t)
		clerk := as("cy", "clerk")
		_, err := f.Do(clerk, p.ID, itsm.Note{Text: "ask the ward"})
		require.NoError(t, err)
		p, err = f.Do(clerk, p.ID, itsm.Note{Text: "on Monday", Public: true})
		require.NoError(t, err)
		assert.Equal(t, 2, p.Notes)
		var texts []string
		for e, err := range f.Timeline(clerk, p.ID) {
			require.NoError(t, err)
			texts = append(texts, e.Text)
		}
		assert.Equal(t, []string{"on Monday"}, texts)
		p, err = f.Do(clerk, p.ID, itsm.Attach{Name: "photo", Ref: "dms/1"})
		require.NoError(t, err)
		assert.Equal(t, "dms/1", p.Attachments[0].Ref)
		_, err = f.Do(clerk, p.ID, deliver{})
		require.NoError(t, err)
		_, err = f.Do(clerk, p.ID, itsm.Note{Text: "late"})
		require.ErrorIs(t, err, itsm.ErrRefused)
	})
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	t.Run("a configuration that does not fit is told at construction", func(t *testing.T) {
		t.Parallel()
		repo := store.NewRepository[parcel](memory.New())
		_, err := itsm.NewService(parcels{}, repo, itsm.Config{Fields: []itsm.Field{{Name: "a", Type: itsm.TextValue, Required: "late"}}})
		require.ErrorContains(t, err, `required from the phase "late", which is not one of ["open" "closed"]`)
	})
	t.Run("a failing fact stops the command and is no refusal", func(t *testing.T) {
		t.Parallel()
		down := errors.New("the roster is down")
		db := memory.New()
		s, err := itsm.NewService(parcels{gathered: func() error { return down }}, store.NewRepository[parcel](db), itsm.Config{})
		require.NoError(t, err)
		_, err = s.Do(as("ann", "chief"), "", register{Label: "x"})
		require.ErrorIs(t, err, down)
		require.NotErrorIs(t, err, itsm.ErrRefused)
		require.Empty(t, journal(t, db, itsm.Filter{Kind: "parcel"}))
	})
	t.Run("commands are read from JSON; unknown keys and names are told", func(t *testing.T) {
		t.Parallel()
		f := setup(t, itsm.Config{})
		c, err := f.ParseCommand("parcel.move", []byte(`{"to": "ward 3"}`))
		require.NoError(t, err)
		assert.Equal(t, move{To: "ward 3"}, c)
		_, err = f.ParseCommand("parcel.move", []byte(`{"too": "ward 3"}`))
		require.ErrorContains(t, err, "too")
		_, err = f.ParseCommand("parcel.fly", []byte(`{}`))
		require.ErrorContains(t, err, "parcel has no command parcel.fly")
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
}
