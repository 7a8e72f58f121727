package itsm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

type tally struct {
	itsm.Meta
	Sum int
}

type added struct{ N int }

func (added) EventType() string { return "tally.added" }

type add struct{}

func (add) CommandName() string { return "tally.add" }

func draft(at time.Time) *itsm.Draft[tally] {
	env := itsm.Env{Now: at, At: at, ID: "T-1", Actor: itsm.Actor{ID: "u", Tenant: "h1"}, Command: "c-1"}
	return itsm.NewDraft("tally", add{}, tally{}, env, tallies{})
}

type tallies struct{}

func (tallies) Meta(rec *tally) *itsm.Meta { return &rec.Meta }

func (tallies) Evolve(rec *tally, ev *itsm.Event) error {
	if ev.ID != "T-1" || ev.CommandName != "tally.add" {
		return errors.New("the event does not say whose it is")
	}
	n := ev.Payload.(added).N
	if n < 0 {
		return errors.New("negative")
	}
	rec.Sum += n
	return nil
}

func TestDraft(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	t.Run("later steps see the effect of earlier events", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		assert.False(t, d.Changed())
		d.Emit(added{2})
		d.Emit(added{3})
		assert.Equal(t, 5, d.Rec.Sum)
		events, err := d.Result()
		require.NoError(t, err)
		assert.Equal(t, []itsm.Payload{added{2}, added{3}}, events)
	})
	t.Run("a new record is begun by its first event", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		assert.Empty(t, d.Rec.ID)
		d.Emit(added{2})
		d.Env.At = now.Add(time.Hour)
		d.Emit(added{3})
		assert.Equal(t, itsm.Meta{ID: "T-1", Tenant: "h1", Created: now, CreatedBy: "u"}, d.Rec.Meta)
	})
	t.Run("every reason is given, in the order in which it was found, and no event", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		d.Emit(added{2})
		d.Need("name", " \t")
		d.NeedTime("start", time.Time{})
		d.NeedReason()
		d.Choice("kind", "big", "small, medium", false)
		d.Length("text", "abc", 2)
		d.Code("code", "two words")
		d.NotNegative("users", -1)
		d.NotAfterNow("began", now.Add(time.Second))
		d.Later("until", now)
		events, err := d.Result()
		assert.Empty(t, events)
		var rs itsm.Reasons
		require.ErrorAs(t, err, &rs)
		var all []string
		for _, r := range rs {
			all = append(all, string(r.Code())+" "+r.Arg("field"))
		}
		assert.Equal(t, []string{"itsm.required name", "itsm.required start", "itsm.reason_missing ", "itsm.choice kind", "itsm.too_long text", "itsm.code code",
			"itsm.negative users", "itsm.after_now began", "itsm.past until"}, all)
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
	t.Run("what is right passes", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		d.Env.Reason = "because"
		d.Need("name", "x")
		d.NeedTime("start", now)
		d.NeedReason()
		d.Choice("kind", "small", "small, medium", true)
		d.Length("text", "ab", 2)
		d.Code("code", "")
		d.NotNegative("users", 0)
		d.NotAfterNow("began", now)
		d.NotAfterNow("began", time.Time{})
		d.Later("until", time.Time{})
		d.Later("until", now.Add(1))
		require.NoError(t, d.Err())
	})
	t.Run("what is illegal in the state is the only reason", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		d.Need("name", "")
		d.Illegal("closed")
		assert.Len(t, d.Reasons(), 1)
		assert.EqualError(t, d.Err(), "add is not possible in state closed")
	})
	t.Run("an event that does not fit is a failure, no refusal, and ends the decision", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		d.Emit(added{-1})
		d.Emit(added{1})
		d.Fail(errors.New("later"))
		_, err := d.Result()
		require.EqualError(t, err, "negative")
		assert.Equal(t, 0, d.Rec.Sum)
	})
	t.Run("instants are stored in UTC to the microsecond", func(t *testing.T) {
		t.Parallel()
		d := draft(now)
		east := now.Add(1500 * time.Nanosecond).In(time.FixedZone("", 8*3600))
		assert.Equal(t, now.Add(time.Microsecond), d.OrNow(east))
		assert.Equal(t, now, d.OrNow(time.Time{}))
		assert.Equal(t, now, itsm.Earliest(time.Time{}, now.Add(1), now))
		assert.True(t, itsm.Earliest().IsZero())
		assert.False(t, d.Due(time.Time{}))
		assert.True(t, d.Due(now))
	})
}

func TestPlus(t *testing.T) {
	t.Parallel()
	base := make([]int, 1, 8)
	one, two := itsm.Plus(base, 1), itsm.Plus(base, 2)
	assert.Equal(t, []int{0, 1}, one)
	assert.Equal(t, []int{0, 2}, two)
}

func TestAtomicallyNeedsAUnitOfWork(t *testing.T) {
	t.Parallel()
	err := itsm.Atomically(context.Background(), struct{}{}, func(context.Context) error { return errors.New("it ran") })
	require.ErrorIs(t, err, itsm.ErrInvalid)
	assert.False(t, itsm.InUnit(context.Background()))
}

func TestEntries(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	var e itsm.Entries
	e.Text("state", "open")
	e.Text("group", "")
	e.Texts("items", "a", "", "b")
	e.Time("due", time.Time{})
	e.Time("wake", now)
	assert.Equal(t, itsm.Entries{
		{Field: "state", Value: itsm.TextOf("open")}, {Field: "items", Many: true, Value: itsm.TextOf("a")}, {Field: "items", Many: true, Value: itsm.TextOf("b")},
		{Field: "wake", Value: itsm.TimeOf(now)},
	}, e)
}
