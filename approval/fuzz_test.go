package approval_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{
		`{"all":{"of":["cab"]}}`, `{"and":[{"at_least":{"n":2}},{"veto":{"of":["s"]}}]}`, `{"percent":{"share":">50%"}}`,
		`{"stage":[{"name":"a","rule":{"or":[{"weighted":{"n":3,"weights":{"a":2}}},{"all":{}}]},"within":"1h","ladder":[{"name":"r","at":"-5m","to":["x"]}]}]}`,
		`{"and":[{"percent_of_voting":{"share":"2/3"}},{"quorum":{"share":"50%"}}]}`, `[]`, `{"all":null}`, `{"and":[{"and":[{"and":[]}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"stage":[{"name":"s","rule":{"or":[{"weighted":{"n":3,"weights":{"cab":2}}},{"all":{}}]},"within":"1s","ladder":[{"name":"r","at":"-5m","to":["x"]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := approval.ParseRule(data)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		require.NoError(t, r.Check())
		text, err := json.Marshal(r)
		require.NoError(t, err)
		back, err := approval.ParseRule(text)
		require.NoError(t, err)
		require.Equal(t, r.String(), back.String())
		// A rule that opens a round is decided when all have voted.
		roles, _ := r.Roles()
		var members []approval.Member
		for i, role := range append(roles, "cab", "cab", "cab") {
			members = append(members, member(itsm.PersonID(rune('0'+i)), role))
		}
		d := &desk{t: t, now: start}
		if d.open(request(r, members...)) != nil {
			return
		}
		for d.ballot.Outcome == approval.Open {
			waiting := d.ballot.Waiting()
			require.NotEmpty(t, waiting, "%v is open and waits for nobody", r)
			d.now = start // before any time runs out
			d.must(waiting[0], approval.Approve)
		}
		require.Equal(t, approval.Approved, d.ballot.Outcome)
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"name":"q","version":"2","owner":"o","review_by":"2027-01-31","types":["n","e"],"risks":["low"],"rows":[
		{"name":"r","types":["n"],"rule":{"stage":[{"rule":{"all":{}},"within":"1h"}]},"seats":"shared","mandates":"each","changes":"never"},
		{"name":"s","types":["e"],"department":"IT","rule":{"all":{}},"within":"1h","ladder":[{"name":"l","at":"50%"}],"calendar":"c","separate":["builder"],"oral":"2h"}]}`))
	f.Add([]byte(`{"name":"p","version":"1","owner":"o","review_by":"2027-01-31","types":["n"],"risks":["low"],"rows":[{"name":"r","rule":{"all":{}},"within":"1h"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := approval.ParsePolicy(data)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		for _, typ := range p.Data().Types {
			for _, risk := range p.Data().Risks {
				plan, err := p.Plan(typ, risk)
				require.NoError(t, err)
				require.NoError(t, plan.Check())
			}
		}
		text, err := json.Marshal(p)
		require.NoError(t, err)
		_, err = approval.ParsePolicy(text)
		require.NoError(t, err)
	})
}

func FuzzFingerprint(f *testing.F) {
	f.Add([]byte(`{"impact":"x","cis":["b","a"],"risk":1.50,"window":{"from":null}}`))
	f.Add([]byte(`[{"impact":1}]`))
	f.Add([]byte(`{"risk":-1e-7,"steps":[{"text":"a"},{"text":"b"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rfcForm.Fingerprint(data)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		var tree any // another writer of the same content
		require.NoError(t, json.Unmarshal(data, new(json.RawMessage)))
		if decode(data, &tree) != nil {
			return
		}
		again, err := json.MarshalIndent(tree, "", " ")
		require.NoError(t, err)
		q, err := rfcForm.Fingerprint(again)
		require.NoError(t, err)
		require.Equal(t, p, q)
	})
}

func decode(data []byte, to *any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(to)
}

func FuzzParsePoint(f *testing.F) {
	f.Add("50%")
	f.Add("-1h30m")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := approval.ParsePoint(s)
		if err != nil {
			return
		}
		q, err := approval.ParsePoint(p.String())
		require.NoError(t, err)
		require.Equal(t, p, q)
	})
}
