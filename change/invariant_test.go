package change_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestInvariants(t *testing.T) {
	t.Parallel()
	t.Run("R-225 whatever is edited when, work begins only on content that was approved before, by others", func(t *testing.T) {
		t.Parallel()
		began := 0
		rapid.Check(t, func(rt *rapid.T) {
			o := open(t, change.Config{})
			id := o.at(rapid.SampledFrom([]change.State{change.StateTesting, change.StateApproved, change.StateScheduled, change.StateScheduled}).Draw(rt, "from"))
			if o.get(id).State == change.StateTesting {
				o.do(engineer, id, change.RecordTest{Ref: "t", Cases: 1})
			}
			o.do(engineer, id, change.RecordRehearsal{Ref: "r"})
			_, _ = o.Do(manager, id, change.Announce{To: []string{"wards"}})
			for range 12 {
				c := o.get(id)
				edited := c
				switch rapid.SampledFrom([]int{11, 11, 11, 11, 0, 0, 1, 2, 3, 4, 5, 5, 7, 7, 7, 10}).Draw(rt, "what") {
				case 0:
					edited.Request.Benefit = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "benefit")
					_, _ = o.Do(asker, id, change.Describe{Request: edited.Request})
				case 1:
					edited.Request.Items = append([]itsm.Ref{item("more")}, edited.Items...)
					_, _ = o.Do(asker, id, change.Describe{Request: edited.Request})
				case 2:
					edited.Plan.Team = rapid.SampledFrom([]string{"emr", "lis"}).Draw(rt, "team")
					_, _ = o.Do(engineer, id, change.SetPlan{Plan: edited.Plan})
				case 3:
					_, _ = o.Do(manager, id, change.RaiseRisk{Risk: change.RiskHigh, Why: "w"})
				case 4:
					_, _ = o.Do(engineer, id, change.BeginBuild{})
					_, _ = o.Do(engineer, id, change.BeginTest{})
				case 5:
					_, _ = o.Do(manager, id, change.RequestApproval{})
				case 7:
					for _, who := range []ctx{manager, b1, b2, b3, guard, director} {
						print, err := o.Changes().Content(o.get(id))
						require.NoError(t, err)
						v := change.Vote{Cast: approval.Cast{Verdict: approval.Approve, Content: print.Digest}}
						for _, item := range approval.FourItems() {
							v.Findings = append(v.Findings, approval.Finding{Item: item, OK: true})
						}
						_, _ = o.Do(who, id, v)
					}
				case 10:
					_, _ = o.Do(manager, id, change.Schedule{})
					_, _ = o.Do(manager, id, change.Announce{To: []string{"wards"}})
				default:
					if o.now.Before(window.Start) && rapid.IntRange(0, 3).Draw(rt, "wait") > 0 {
						o.now = window.Start
					}
					_, _ = o.Do(engineer, id, change.Start{})
				}
			}
			// The journal alone must show it.
			var approved itsm.Digest
			var at time.Time
			for ev, err := range o.Events(manager, id) {
				require.NoError(t, err)
				switch e := ev.Payload.(type) {
				case change.Approved:
					approved, at = e.Consent.Content, ev.At
					for _, a := range e.Consent.Accounts {
						if a.Person == "engineer" || a.Person == "asker" {
							rt.Fatalf("approved by %s", a.Person)
						}
					}
				case change.Reworked:
					approved = itsm.Digest{}
				case change.Started:
					began++
					if e.Content != approved || approved.IsZero() || ev.At.Before(at) {
						rt.Fatalf("began on %s, approved was %s", e.Content, approved)
					}
				}
			}
		})
		require.Positive(t, began, "the histories get that far")
	})
	t.Run("two changes on one item in one window: the second is not scheduled; when the first is over or given up, it is", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			first change.State
			hits  bool
		}{{change.StateTesting, false}, {change.StateAwaiting, true}, {change.StateScheduled, true}, {change.StateCancelled, false}} {
			o := open(t, change.Config{})
			first := change.State(c.first)
			if first == change.StateCancelled {
				first = change.StateScheduled
			}
			a := o.at(first)
			if c.first == change.StateCancelled {
				o.do(manager, a, change.Cancel{Why: "w"})
			}
			b := o.at(change.StateApproved, func(r *change.Raise) {
				r.Plan.Implementer = "second"
				for i := range r.Plan.Steps {
					r.Plan.Steps[i].Operator = "second"
				}
			})
			_, err := o.Do(manager, b, change.Schedule{})
			assert.Equal(t, !c.hits, err == nil, "%s: %v", c.first, err)
			if c.hits {
				assert.ErrorContains(t, err, "same_item: ci/emr-app")
				assert.ErrorContains(t, err, string(a))
				key := o.get(b).Conflicts[0].Key()
				o.do(manager, b, change.Waive{Key: key, Why: "one reboot for both"})
				assert.Equal(t, []string{"change.conflict"}, codes(o.refused(manager, b, change.Schedule{})), "a waiver is for one conflict only")
			}
		}
	})
	t.Run("a change waits for those that must be over before", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		first := o.at(change.StateTesting)
		id := o.at(change.StateScheduled, func(r *change.Raise) { r.After = []itsm.ID{first}; r.Items = []itsm.Ref{item("lis")} })
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start
		assert.Equal(t, []string{"change.waits"}, codes(o.refused(engineer, id, change.Start{})))
	})
}

// The end of a standard change and the count on its template are one: whichever commit fails, both have happened or neither.
func TestTemplateUnit(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is full")
	for _, after := range []bool{false, true} {
		db := itsmtest.NewFaultyDB(memory.New())
		o := openOn(t, db, change.Config{})
		adopt(t, o.Service, "CHT-1", templateContent(), engineer, manager)
		id := o.standard()
		o.do(engineer, id, change.Preapprove{})
		o.advance(id, change.StateImplementing)
		if after {
			db.FailAfter(1, broken)
		} else {
			db.FailBefore(1, broken)
		}
		_, err := o.Do(engineer, id, change.Fail{Why: "w"}, itsm.Once("fail-1"))
		require.ErrorIs(t, err, broken)
		tpl, err := o.Templates.Get(manager, "CHT-1")
		require.NoError(t, err)
		failed := o.get(id).State == change.StateFailed
		assert.Equal(t, after, failed)
		assert.Equal(t, failed, tpl.Failures == 1)
		_, err = o.Do(engineer, id, change.Fail{Why: "w"}, itsm.Once("fail-1"))
		require.NoError(t, err)
		tpl, err = o.Templates.Get(manager, "CHT-1")
		require.NoError(t, err)
		assert.Equal(t, 1, tpl.Failures, "the same command counts once")
	}
}

// Hosts decode commands by name from JSON, and store events: all of them go to and fro.
func TestJSON(t *testing.T) {
	t.Parallel()
	o := open(t, change.Config{})
	done := o.get(o.failed(change.StateBackedOut))
	text, err := json.Marshal(done)
	require.NoError(t, err)
	var back change.Change
	require.NoError(t, json.Unmarshal(text, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, string(text), string(again))
	before, err := o.Changes().Content(done)
	require.NoError(t, err)
	after, err := o.Changes().Content(back)
	require.NoError(t, err)
	assert.Equal(t, before.Digest, after.Digest, "the fingerprint is that of the content, not of its form")
	policy, err := json.Marshal(change.DefaultPolicy())
	require.NoError(t, err)
	read, err := change.ParsePolicy(policy, change.Policy{})
	require.NoError(t, err)
	once, err := json.Marshal(read)
	require.NoError(t, err)
	assert.JSONEq(t, string(policy), string(once))
	_, err = change.ParsePolicy([]byte(`{"grace": "ten minutes"}`), change.DefaultPolicy())
	assert.ErrorIs(t, err, itsm.ErrInvalid)
}

func FuzzParsePolicy(f *testing.F) {
	text, err := json.Marshal(change.DefaultPolicy())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"types": [{"when": "risk >", "type": "normal"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := change.ParsePolicy(text, change.DefaultPolicy()); err == nil {
			require.NoError(t, p.Check())
		} else {
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
	})
}
