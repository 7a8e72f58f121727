package incident_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

// FuzzParsePriority reads anything as a priority model. Whatever model is read gives every fact a priority.
func FuzzParsePriority(f *testing.F) {
	f.Add(marshal(f, incident.DefaultPriority().Data()))
	f.Add([]byte(`{"matrix":[[1,2,3,4],[2,2,3,4],[3,3,3,4],[4,4,4,4]],"modifiers":[{"key":"vip","when":"vip","priority_up":-9,"not":["vip"]}]}`))
	f.Add([]byte(`{"matrix":[["P1"]],"modifiers":[{"urgency_up":9223372036854775807,"floor":"P1"}]} x`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := incident.ParsePriority(data)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		again, err := incident.ParsePriority(marshal(t, m.Data()))
		require.NoError(t, err)
		require.Equal(t, marshal(t, m.Data()), marshal(t, again.Data()))
	})
}

// FuzzParsePolicy reads anything as a policy over another, which stays as it was.
func FuzzParsePolicy(f *testing.F) {
	f.Add(marshal(f, incident.Strict()))
	f.Add([]byte(`{"holds":[{"key":"x"}],"reopen_days":1}`))
	f.Add([]byte(`{"holds":null,"accept_within":"-1h","major":{"criteria":[{"key":"a","when":"vip and"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		base := incident.Strict()
		before := marshal(t, base)
		p, err := incident.ParsePolicy(data, base)
		require.Equal(t, string(before), string(marshal(t, base)), "the policy that it goes by has changed")
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		again, err := incident.ParsePolicy(marshal(t, p), incident.Lenient())
		require.NoError(t, err)
		require.Equal(t, string(marshal(t, p)), string(marshal(t, again)))
		_, err = incident.NewProcess(nil, incident.Config{Policy: &p})
		if err != nil { // a calendar that it names is not there, or a criterion is no rule
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
	})
}

// FuzzParseAgreements reads anything as agreements.
func FuzzParseAgreements(f *testing.F) {
	f.Add(marshal(f, incident.DefaultAgreements().Data()))
	f.Add([]byte(`{"definitions":[{"key":"a","version":"1","metric":"response","goal":"15m","start":"priority == \"P1\"","stop":"responded","pause":"phase == \"waiting\""}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := incident.ParseAgreements(data, nil)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		_, err = incident.ParseAgreements(marshal(t, c.Data()), nil)
		require.NoError(t, err)
	})
}

// FuzzLevel reads anything as an impact, an urgency and a priority.
func FuzzLevel(f *testing.F) {
	for _, s := range []string{"", "I1", "U4", "P0", "P5", "p1", "P１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var i incident.Impact
		var u incident.Urgency
		var p incident.Priority
		for _, read := range []interface {
			UnmarshalText([]byte) error
			MarshalText() ([]byte, error)
		}{&i, &u, &p} {
			if err := read.UnmarshalText([]byte(s)); err != nil {
				require.ErrorIs(t, err, itsm.ErrInvalid)
				continue
			}
			text, err := read.MarshalText()
			require.NoError(t, err)
			require.Equal(t, s, string(text))
		}
	})
}

func TestPolicyLeavesItsBaseAlone(t *testing.T) {
	t.Parallel()
	base := incident.Strict()
	before := marshal(t, base)
	holds := slices.Clone(base.Holds)
	p, err := incident.ParsePolicy([]byte(`{"holds":[{"key":"procurement"}]}`), base)
	require.NoError(t, err)
	assert.Equal(t, []incident.HoldReason{{Key: "procurement"}}, p.Holds, "nothing of the reason that stood there")
	assert.Equal(t, holds, base.Holds)
	assert.Equal(t, before, marshal(t, base))
}
