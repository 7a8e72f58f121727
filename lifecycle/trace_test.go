package lifecycle_test

import (
	"encoding/csv"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/internal/shareddata"
	"github.com/hospital-itsm/itsm/lifecycle"
)

func TestAccepts(t *testing.T) {
	t.Parallel()
	type verdict = lifecycle.Verdict[string]
	type deviations = []lifecycle.Deviation[string]
	m := parse(t, textbook)
	for name, c := range map[string]struct {
		trace []string
		want  verdict
	}{
		"in order":                             {[]string{"New", "Active", "Resolved", "Closed"}, verdict{Accepted: true, Last: "closed"}},
		"staying is no step":                   {[]string{"New", "New", "Active", "Active", "Resolved", "Closed", "Closed"}, verdict{Accepted: true, Last: "closed"}},
		"two names of one state":               {[]string{"New", "Active", "Awaiting Vendor", "Awaiting Evidence"}, verdict{Accepted: true, Unfinished: true, Last: "hold"}},
		"names of the machine itself":          {[]string{"new", "progress", "Resolved", "closed"}, verdict{Accepted: true, Last: "closed"}},
		"unfinished":                           {[]string{"New"}, verdict{Accepted: true, Unfinished: true, Last: "new"}},
		"nothing":                              {nil, verdict{Accepted: true, Unfinished: true}},
		"a leap":                               {[]string{"New", "Resolved", "Closed"}, verdict{Last: "closed", Deviations: deviations{{1, "new", "resolved", "New", "Resolved"}}}},
		"starts in the middle":                 {[]string{"Active", "Resolved", "Closed"}, verdict{Last: "closed", Deviations: deviations{{0, "", "progress", "", "Active"}}}},
		"out of an end":                        {[]string{"New", "Active", "Resolved", "Closed", "Active"}, verdict{Unfinished: true, Last: "progress", Deviations: deviations{{4, "closed", "progress", "Closed", "Active"}}}},
		"goes on from the state shown":         {[]string{"New", "Closed", "Resolved", "Active"}, verdict{Unfinished: true, Last: "progress", Deviations: deviations{{1, "new", "closed", "New", "Closed"}, {2, "closed", "resolved", "Closed", "Resolved"}}}},
		"unmapped names, each once":            {[]string{"New", "Limbo", "Void", "Limbo", "Resolved", "New"}, verdict{Unfinished: true, Last: "new", Unmapped: []string{"Limbo", "Void"}, Deviations: deviations{{5, "resolved", "new", "Resolved", "New"}}}},
		"an unmapped start is no deviation":    {[]string{"Limbo", "Resolved", "Closed"}, verdict{Last: "closed", Unmapped: []string{"Limbo"}}},
		"names the foreign state stepped from": {[]string{"New", "Active", "Awaiting Vendor", "Awaiting Problem", "New"}, verdict{Unfinished: true, Last: "new", Deviations: deviations{{4, "hold", "new", "Awaiting Problem", "New"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, m.Accepts(c.trace))
		})
	}

	t.Run("what can be fired is accepted, and what is accepted can be fired", rapid.MakeCheck(func(t *rapid.T) {
		m := lifecycle.Must(randomSpec(t))
		trace := rapid.SliceOfN(rapid.SampledFrom(m.States()), 1, 6).Draw(t, "trace")
		fires := m.IsStart(trace[0])
		for i := range len(trace) - 1 {
			fires = fires && (trace[i] == trace[i+1] || slices.ContainsFunc(m.Allowed(trace[i]), func(e Event) bool {
				to, err := m.Fire(trace[i], e, nil)
				return err == nil && to == trace[i+1]
			}))
		}
		var names []string
		for _, s := range trace {
			names = append(names, string(s))
		}
		v := m.Accepts(names)
		require.Equal(t, fires, v.Accepted)
		require.Equal(t, !m.IsEnd(trace[len(trace)-1]), v.Unfinished)
	}))
}

func TestAcceptsRealLog(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(shareddata.Open(t, "servicenow-incidents.csv.gz")).ReadAll()
	require.NoError(t, err)
	m := parse(t, textbook)
	traces := make(map[string][]string)
	for _, row := range rows[1:] {
		traces[row[0]] = append(traces[row[0]], row[1])
	}
	accepted, steps, unmapped := 0, 0, 0
	for _, trace := range traces {
		v := m.Accepts(trace)
		if v.Accepted {
			accepted++
		}
		steps += len(v.Deviations)
		unmapped += len(v.Unmapped)
	}
	t.Logf("%d of %d incidents accepted, %d deviations", accepted, len(traces), steps)
	assert.Zero(t, unmapped)
	assert.Positive(t, accepted)
	assert.Less(t, accepted, len(traces))
	assert.GreaterOrEqual(t, steps, len(traces)-accepted, "who is not accepted deviates")
}
