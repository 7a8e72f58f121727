package tickets

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

// The lists of the help desk, and those of the incident process itself, come out of an index in their order.
func TestPlan(t *testing.T) {
	t.Parallel()
	store, err := Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"))
	require.NoError(t, err)
	defer store.Close()
	is := func(field, value string) itsm.Condition { return itsm.Where(field, itsm.TextOf(value)) }
	sees := itsm.WhereLess("level", itsm.NumberOf(itsm.PatientRelated))
	for name, q := range map[string]itsm.Query{
		"all":        {Desc: true},
		"queue":      {Where: []itsm.Condition{is("group", "hardware"), is("phase", "open"), sees}, OrderBy: "due"},
		"mine":       {Where: []itsm.Condition{is("assignee", "u-205"), is("phase", "active"), sees}},
		"department": {Where: []itsm.Condition{is("department", "fee"), sees}, OrderBy: "created", Desc: true},
		"alert":      {Where: []itsm.Condition{is("alert", "sw-1|down")}, OrderBy: "created", Desc: true, Limit: 1},
	} {
		s, err := selectTickets(&q, place{}, page)
		require.NoError(t, err)
		rows, err := store.db.Query("EXPLAIN QUERY PLAN "+s.String(), s.args...)
		require.NoError(t, err)
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
		}
		require.NoError(t, rows.Err())
		assert.Len(t, plan, 1, "%s: %q", name, plan) // a second line would be sorting
		assert.True(t, strings.HasPrefix(plan[0], "SEARCH ticket USING INDEX"), "%s: %q", name, plan)
	}
}
