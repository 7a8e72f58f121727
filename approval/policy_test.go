package approval_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	t.Run("R-222 type and risk give approvers, order, quorum and time limit", func(t *testing.T) {
		t.Parallel()
		tests := []struct {
			typ, risk, row, rule string
			within               itsm.Duration
		}{
			{"standard", "low", "standard_change", "at_least(1, change_manager)", 8 * itsm.Hour},
			{"standard", "high", "standard_change", "at_least(1, change_manager)", 8 * itsm.Hour},
			{"normal", "low", "minor_change", "at_least(1, change_manager)", 16 * itsm.Hour},
			{"normal", "medium", "normal_change", "and(at_least(1, change_manager), quorum(50%, change_board), percent_of_voting(>50%, change_board))", 24 * itsm.Hour},
			{"normal", "high", "major_change", "stage(manager: at_least(1, change_manager), board: and(quorum(2/3, change_board), percent(2/3, change_board), veto(security_admin)), " +
				"director: at_least(1, it_director))", 32 * itsm.Hour},
			{"emergency", "high", "emergency_change", "and(at_least(1, change_manager, it_director), at_least(1, emergency_board))", 30 * itsm.Minute},
		}
		for _, test := range tests {
			plan, err := approval.DefaultPolicy().Plan(test.typ, test.risk)
			require.NoError(t, err)
			assert.Equal(t, []any{"hospital@1", test.row, test.rule, test.within}, []any{plan.Policy, plan.Name, plan.Rule.String(), plan.Within}, test)
		}
		_, err := approval.DefaultPolicy().Plan("huge", "none")
		assert.Equal(t, []itsm.Code{"approval.no_plan", "approval.no_plan"}, codes(t, err))
	})

	t.Run("S-072 the table names items, departments and approvers, steps for important ones, and the day of its review", func(t *testing.T) {
		t.Parallel()
		p := approval.DefaultPolicy()
		data := p.Data()
		for _, item := range []string{"normal", "key_operation", "physical_access", "system_access"} {
			assert.Contains(t, data.Types, item)
		}
		for _, row := range data.Rows {
			roles, _ := row.Rule.Roles()
			assert.NotEmpty(t, row.Department, row.Name)
			assert.NotEmpty(t, roles, row.Name)
		}
		important, err := p.Plan("system_access", "high")
		require.NoError(t, err)
		assert.Len(t, important.Rule.Steps(), 2)
		last := time.Date(2027, 1, 31, 23, 59, 0, 0, time.FixedZone("CST", 8*3600))
		assert.False(t, p.ReviewDue(last))
		assert.True(t, p.ReviewDue(last.Add(time.Minute)))
		data.ReviewBy = "next year"
		_, err = approval.NewPolicy(data)
		assert.ErrorContains(t, err, `review_by: "next year"`)
	})

	t.Run("gaps, overlaps and all other faults are named", func(t *testing.T) {
		t.Parallel()
		_, err := approval.ParsePolicy([]byte(`{"name": "p@1", "version": "", "owner": "IT", "review_by": "2027-01-31", "types": ["n", "e", "e"], "risks": ["low", "high"], "rows": [
			{"name": "one", "types": ["n"], "rule": {"at_least": {"n": 0}}},
			{"name": "two", "types": ["n", "x"], "risks": ["low", "middling"], "rule": {"all": {}}, "within": "1h", "seats": "many", "mandates": "all", "changes": "maybe", "ladder": [{"name": ""}]},
			{"name": "two"}]}`))
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, fault := range []string{
			`name: "p@1"`, `version: ""`, `types[2]: "e"`, "rows[0] one.rule.at_least: wants 0", "rows[0] one.within: there is no time limit", `rows[1] two.types: "x"`,
			`rows[1] two.risks: "middling"`, `rows[1] two.seats: "many"`, `rows[1] two.mandates: "all"`, `rows[1] two.changes: "maybe"`, "rows[1] two.ladder[0].name", "rows[1] two.ladder[0].at: is missing",
			`rows[2] two.name: "two"`, "rows[2] two.rule: is missing", "type n of risk low is in rows[0] one and rows[1] two and rows[2] two",
		} {
			assert.ErrorContains(t, err, fault)
		}
		_, err = approval.ParsePolicy([]byte(`{"name": "p", "version": "1", "owner": "IT", "review_by": "2027-01-31", "types": ["n"], "risks": ["low", "high"],
			"rows": [{"name": "one", "risks": ["low"], "rule": {"all": {}}, "within": "1h"}]}`))
		assert.ErrorContains(t, err, "nothing says how type n of risk high is approved")
		_, err = approval.ParsePolicy([]byte(`{"nme": "p"}`))
		assert.ErrorContains(t, err, `unknown field "nme"`)
		_, err = approval.ParsePolicy([]byte(`{"name": "p", "name": "q"}`))
		assert.ErrorContains(t, err, `key "name" stands twice`)
		_, err = approval.ParsePolicy([]byte(strings.Repeat(" ", 2<<20)))
		assert.ErrorContains(t, err, "at most 1048576")
	})

	t.Run("a policy is written as it is read, and cannot be changed through its data", func(t *testing.T) {
		t.Parallel()
		p := approval.DefaultPolicy()
		text, err := json.Marshal(p)
		require.NoError(t, err)
		back, err := approval.ParsePolicy(text)
		require.NoError(t, err)
		assert.Equal(t, p.Data(), back.Data())
		p.Data().Rows[0].Plan = approval.Plan{}
		plan, err := p.Plan("standard", "low")
		require.NoError(t, err)
		assert.Equal(t, "standard_change", plan.Name)
	})

	t.Run("rules and verdicts have their own codes", func(t *testing.T) {
		t.Parallel()
		assert.NotPanics(t, func() { itsm.NewCatalog(approval.Rules()...) })
		for _, r := range itsm.NewCatalog(approval.Rules()...).Rules() {
			assert.True(t, strings.HasPrefix(string(r.Code()), "approval."), r.Code())
			assert.NotEqual(t, r.With().In(itsm.English), r.With().In(itsm.Chinese))
		}
	})
}
