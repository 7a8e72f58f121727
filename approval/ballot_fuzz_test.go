package approval_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// FuzzBallot reads anything as a ballot, as it may come from a store, and goes on with it. Nothing panics, and it ends.
func FuzzBallot(f *testing.F) {
	r, err := approval.ParseRule([]byte(`{"stage":[{"name":"a","rule":{"percent_of_voting":{"share":"2/3"}},"within":"1h"},{"name":"b","rule":{"all":{"of":["cab"]}}}]}`))
	require.NoError(f, err)
	d := &desk{t: f, now: start}
	require.NoError(f, d.open(request(r, member("1", "cab"), member("2", "cab"))))
	text, err := json.Marshal(d.ballot)
	require.NoError(f, err)
	f.Add(text)
	d.must("1", approval.Approve)
	text, err = json.Marshal(d.ballot)
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"round":1,"outcome":"open","step":9,"plan":{"rule":{"all":{}}},"votes":[{"member":"x"},{"member":"x"}]}`))
	f.Add([]byte(`{"round":1,"outcome":"open","step":-1,"due":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b approval.Ballot
		if json.Unmarshal(data, &b) != nil || b.Plan.Check() != nil || b.Step < 0 {
			return // no ballot that an opening led to
		}
		env := itsm.Env{Now: start, At: start, Actor: itsm.Actor{ID: "1", Tenant: "h1", Roles: []itsm.Role{"cab"}}}
		b.Possible()
		b.Conditions()
		b.Accountable()
		b.NextWake()
		_ = b.Permits(b.Content.Digest, start, "1")
		for _, who := range append(b.Waiting(), "1") {
			env.Actor.ID = who
			if events, err := b.Cast(approval.Cast{Verdict: approval.Approve, Content: b.Content.Digest}, approval.Facts{}, env); err == nil {
				b = b.Apply(events...)
			}
		}
		for range 20 {
			wake, ok := b.NextWake()
			if !ok {
				break
			}
			b = b.Apply(b.Tick(wake.Add(time.Minute))...)
		}
		_, err := json.Marshal(b)
		require.NoError(t, err)
	})
}
