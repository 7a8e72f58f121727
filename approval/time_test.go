package approval_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// office is Monday and Tuesday from 09:00 to 17:00 in Shanghai, reckoned minute by minute.
type office struct{}

func (office) Add(t time.Time, d time.Duration) (time.Time, error) {
	open := func(t time.Time) bool {
		u := t.UTC()
		return (u.Weekday() == time.Monday || u.Weekday() == time.Tuesday) && u.Hour() >= 1 && u.Hour() < 9
	}
	for ; d > 0; t = t.Add(time.Minute) {
		if open(t) {
			d -= time.Minute
		}
	}
	for ; d < 0; t = t.Add(-time.Minute) {
		if open(t.Add(-time.Minute)) {
			d += time.Minute
		}
	}
	return t, nil
}

func TestSilence(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-8 silence expires in calendar time, after reminders, and never approves", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(2, "cab"), people("cab", "a", "b", "c")...)
		r.Plan.Within, r.Hours = 10*itsm.Hour, office{}
		r.Plan.Ladder = []approval.Rung{
			{Name: "last_call", At: point(t, "-1h"), To: []itsm.Role{"it_director"}},
			{Name: "halfway", At: point(t, "50%")},
		}
		d := open(t, r)
		d.must("a", approval.Approve)
		due := start.Add(26 * time.Hour) // eight hours on Monday, two on Tuesday
		require.Equal(t, due, d.ballot.Due)
		wake, ok := d.ballot.NextWake()
		require.True(t, ok)
		require.Equal(t, start.Add(5*time.Hour), wake)
		require.Empty(t, d.ballot.Tick(wake.Add(-time.Microsecond)))

		late := d.ballot.Tick(due.Add(72 * time.Hour)) // the machine was off over the weekend
		require.Len(t, late, 3)
		assert.Equal(t, "halfway", late[0].Alarm.Name)
		assert.Equal(t, wake, late[0].At)
		assert.Equal(t, "last_call", late[1].Alarm.Name)
		assert.Equal(t, []itsm.Role{"it_director"}, late[1].Alarm.To)
		assert.Equal(t, []itsm.PersonID{"b", "c"}, late[1].Waiting)
		assert.Equal(t, approval.KindExpired, late[2].Kind)
		assert.Equal(t, due, late[2].At)

		var steps []approval.Event // every wake in its time gives the same
		for b := d.ballot; ; {
			at, ok := b.NextWake()
			if !ok {
				break
			}
			events := b.Tick(at)
			require.NotEmpty(t, events)
			steps, b = append(steps, events...), b.Apply(events...)
		}
		assert.Equal(t, late, steps)
		require.NoError(t, d.take(late, nil))
		assert.Equal(t, approval.Expired, d.ballot.Outcome)
		assert.ErrorIs(t, d.ballot.Permits(d.ballot.Content.Digest, due.Add(time.Hour)), approval.ErrNotApproved)
		assert.Empty(t, d.ballot.Accountable())
	})

	t.Run("F-CHG-8 each step expires by its own limit", func(t *testing.T) {
		t.Parallel()
		r := request(approval.Stage(
			approval.Step{Name: "it", Rule: approval.AtLeast(1, "it"), Within: 2 * itsm.Hour},
			approval.Step{Name: "cab", Rule: approval.AtLeast(1, "cab"), Within: 4 * itsm.Hour},
			approval.Step{Name: "head", Rule: approval.AtLeast(1, "head"), Within: 4 * itsm.Hour},
		), member("i", "it"), member("c", "cab"), member("h", "head"))
		d := open(t, r)
		require.Equal(t, start.Add(2*time.Hour), d.ballot.Due)
		d.now = start.Add(time.Hour)
		d.must("i", approval.Approve)
		require.Equal(t, start.Add(5*time.Hour), d.ballot.Due)
		d.now = start.Add(4*time.Hour + 30*time.Minute)
		d.must("c", approval.Approve)
		assert.Equal(t, start.Add(8*time.Hour), d.ballot.Due, "the whole round has eight hours")
		d.now = d.ballot.Due
		assert.ErrorIs(t, d.cast("h", approval.Approve), approval.ErrExpired, "at the due time it is too late")
		require.NoError(t, d.take(d.ballot.Tick(d.now), nil))
		assert.Equal(t, approval.Expired, d.ballot.Outcome)
	})

	t.Run("a holder of a veto must be heard", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.And(approval.AtLeast(1, "cab"), approval.Veto("sec")), member("a", "cab"), member("s", "sec")))
		d.must("a", approval.Approve)
		require.NoError(t, d.take(d.ballot.Tick(d.ballot.Due), nil))
		assert.Equal(t, approval.Expired, d.ballot.Outcome)
	})

	t.Run("hours that cannot tell the due time keep the round from opening", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(1), people("cab", "a")...)
		r.Hours = broken{}
		_, err := new(approval.Ballot).Open(r, env("x", start))
		assert.Equal(t, []itsm.Code{"approval.hours"}, codes(t, err))
		assert.ErrorIs(t, err, errBroken)
	})
}

var errBroken = errors.New("never open")

type broken struct{}

func (broken) Add(t time.Time, _ time.Duration) (time.Time, error) { return t, errBroken }

func point(t *testing.T, s string) approval.Point {
	t.Helper()
	p, err := approval.ParsePoint(s)
	require.NoError(t, err)
	assert.Equal(t, p, mustPoint(t, p.String()))
	return p
}

func mustPoint(t *testing.T, s string) approval.Point {
	t.Helper()
	p, err := approval.ParsePoint(s)
	require.NoError(t, err)
	return p
}

func TestSteps(t *testing.T) {
	t.Parallel()
	rule := approval.Stage(
		approval.Step{Name: "it", Rule: approval.AtLeast(1, "it")},
		approval.Step{Name: "cab", Rule: approval.AtLeast(1, "cab")},
	)
	t.Run("F-CHG-4 a step asks nobody before the steps before it are met", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(rule, member("c", "cab"), member("i", "it"), member("j", "it")))
		assert.Equal(t, []itsm.PersonID{"i", "j"}, d.ballot.Waiting())
		require.ErrorIs(t, d.cast("c", approval.Approve), approval.ErrNotYet)
		d.must("i", approval.Approve)
		assert.Equal(t, []itsm.PersonID{"c", "j"}, d.ballot.Waiting())
		require.ErrorIs(t, d.cast("i", approval.Reject), approval.ErrStepClosed)
		d.must("c", approval.Approve)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
	})
	t.Run("F-CHG-4 a step that cannot be met any more ends the round", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(rule, member("c", "cab"), member("i", "it")))
		d.must("i", approval.Reject)
		assert.Equal(t, approval.Rejected, d.ballot.Outcome)
	})
	t.Run("a shortcut beside a stage", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.Or(approval.AtLeast(1, "head"), rule), member("c", "cab"), member("h", "head"), member("i", "it")))
		assert.Equal(t, []itsm.PersonID{"h", "i"}, d.ballot.Waiting())
		d.must("h", approval.Approve)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
	})
	t.Run("conditions tell how it stands", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(rule, member("c", "cab"), member("i", "it")))
		d.must("i", approval.Approve)
		cs := d.ballot.Conditions()
		require.Len(t, cs, 2)
		assert.Equal(t, "at_least(1, it)", cs[0].Rule.String())
		assert.True(t, cs[0].Met)
		assert.Equal(t, []any{0, 1, false, true, []itsm.PersonID{"c"}}, []any{cs[1].Have, cs[1].Need, cs[1].Met, cs[1].Asked, cs[1].Voters})
	})
}

func TestOral(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *desk {
		r := request(approval.AtLeast(1), member("boss", "director"), member("b", "director"))
		r.Plan.Oral = 24 * itsm.Hour
		r.Content.Items = approval.FourItems()
		r.Duties = []approval.Duty{{Relation: approval.Implementer, Person: "eng"}}
		d := open(t, r)
		d.now = start.Add(10 * time.Minute)
		return d
	}
	told := func(d *desk) approval.Cast {
		return approval.Cast{For: "boss", Verdict: approval.Approve, Content: d.ballot.Content.Digest,
			Oral: &approval.Told{Said: d.now.Add(-time.Minute), Channel: "phone"}}
	}
	findings := func(ok bool) (out []approval.Finding) {
		for _, item := range approval.FourItems() {
			out = append(out, approval.Finding{Item: item, OK: ok})
		}
		return out
	}
	t.Run("an oral approval names its approver, counts at once and is confirmed in time", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		require.NoError(t, d.take(d.ballot.Cast(told(d), d.facts, env("eng", d.now))))
		require.Equal(t, approval.Approved, d.ballot.Outcome)
		v, _ := d.ballot.Vote("boss")
		assert.Equal(t, itsm.PersonID("eng"), v.Oral.Recorder)
		require.NoError(t, d.ballot.Permits(d.ballot.Content.Digest, d.now, "eng"))
		assert.Contains(t, d.ballot.Possible(), "confirm")

		c := approval.Confirmation{OK: true, Content: d.ballot.Content.Digest}
		assert.Len(t, codes(t, d.take(d.ballot.Confirm(c, d.facts, env("boss", d.now)))), 4, "a verdict on each of the four items")
		assert.ErrorIs(t, d.take(d.ballot.Confirm(c, d.facts, env("eng", d.now))), approval.ErrNothingOral)
		c.Findings = findings(true)
		require.NoError(t, d.take(d.ballot.Confirm(c, d.facts, env("boss", d.now))))
		_, wakes := d.ballot.NextWake()
		assert.False(t, wakes)
		require.NoError(t, d.ballot.Permits(d.ballot.Content.Digest, start.Add(72*time.Hour)))
		assert.Equal(t, approval.AsMember, d.ballot.Accountable()[0].Capacity)
	})
	t.Run("one that is not confirmed permits no more work, until it is", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		require.NoError(t, d.take(d.ballot.Cast(told(d), d.facts, env("eng", d.now))))
		due, ok := d.ballot.NextWake()
		require.True(t, ok)
		require.ErrorIs(t, d.ballot.Permits(d.ballot.Content.Digest, due), approval.ErrUnconfirmed)
		require.NoError(t, d.take(d.ballot.Tick(due), nil))
		assert.Equal(t, approval.KindOverdue, d.events[len(d.events)-1].Kind)
		d.now = due.Add(time.Hour)
		c := approval.Confirmation{OK: true, Content: d.ballot.Content.Digest, Findings: findings(true)}
		require.NoError(t, d.take(d.ballot.Confirm(c, d.facts, env("boss", d.now))))
		assert.NoError(t, d.ballot.Permits(d.ballot.Content.Digest, d.now))
	})
	t.Run("one that is denied falls on who wrote it down", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		require.NoError(t, d.take(d.ballot.Cast(told(d), d.facts, env("eng", d.now))))
		c := approval.Confirmation{Content: d.ballot.Content.Digest, Comment: "I said wait"}
		require.NoError(t, d.take(d.ballot.Confirm(c, d.facts, env("boss", d.now))))
		require.ErrorIs(t, d.ballot.Permits(d.ballot.Content.Digest, d.now), approval.ErrDisputed)
		a := d.ballot.Accountable()
		require.Len(t, a, 1)
		assert.Equal(t, []any{itsm.PersonID("eng"), approval.AsRecorder, itsm.PersonID("boss")}, []any{a[0].Person, a[0].Capacity, a[0].Other})
	})
	t.Run("in an open round a denied one counts no more", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(2), member("boss", "director"), member("b", "director"), member("c", "director"))
		r.Plan.Oral = itsm.Hour
		d := open(t, r)
		d.now = start.Add(10 * time.Minute)
		require.NoError(t, d.take(d.ballot.Cast(told(d), d.facts, env("eng", d.now))))
		c := approval.Confirmation{Content: d.ballot.Content.Digest, Comment: "no"}
		require.NoError(t, d.take(d.ballot.Confirm(c, d.facts, env("boss", d.now))))
		d.must("b", approval.Approve)
		require.Equal(t, approval.Open, d.ballot.Outcome)
		d.must("c", approval.Approve)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
	})
	t.Run("what is no oral approval is refused, with all that is wrong", func(t *testing.T) {
		t.Parallel()
		d := setup(t)
		c := told(d)
		c.Verdict, c.Comment, c.Oral = approval.Reject, "no", &approval.Told{Said: start.Add(-time.Hour)}
		_, err := d.ballot.Cast(c, d.facts, env("boss", d.now))
		assert.Equal(t, []itsm.Code{"approval.oral_verdict", "approval.oral_self", "approval.required", "approval.oral_said"}, codes(t, err))
		plain := open(t, request(approval.AtLeast(1), member("boss", "director")))
		_, err = plain.ballot.Cast(told(plain), plain.facts, env("eng", plain.now))
		assert.ErrorIs(t, err, approval.ErrNoOral)
	})
}
