package approval_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

func TestRule(t *testing.T) {
	t.Parallel()
	t.Run("every kind is data, and prints", func(t *testing.T) {
		t.Parallel()
		tests := []struct {
			rule           approval.Rule
			json, text, zh string
		}{
			{approval.All("a", "b"), `{"all":{"of":["a","b"]}}`, "all(a, b)", "a或b全部同意"},
			{approval.AtLeast(2), `{"at_least":{"n":2}}`, "at_least(2)", "全体成员至少 2 人同意"},
			{approval.Percent("2/3", "a"), `{"percent":{"share":"2/3","of":["a"]}}`, "percent(2/3, a)", "a中 2/3 同意"},
			{approval.PercentOfVoting("66.67%"), `{"percent_of_voting":{"share":"66.67%"}}`, "percent_of_voting(66.67%)", "全体成员中未弃权者 66.67% 同意"},
			{approval.Weighted(4, approval.Weight{Role: "b", Points: 1}, approval.Weight{Role: "a", Points: 3}), `{"weighted":{"n":4,"weights":{"a":3,"b":1}}}`, "weighted(4, a=3, b=1)", "a或b的同意票达到 4 分"},
			{approval.And(approval.AtLeast(1), approval.Veto("s")), `{"and":[{"at_least":{"n":1}},{"veto":{"of":["s"]}}]}`, "and(at_least(1), veto(s))", "全体成员至少 1 人同意，并且s均无异议"},
			{approval.And(approval.AtLeast(1), approval.Quorum(3), approval.QuorumShare("50%", "a")),
				`{"and":[{"at_least":{"n":1}},{"quorum":{"n":3}},{"quorum":{"share":"50%","of":["a"]}}]}`, "and(at_least(1), quorum(3), quorum(50%, a))",
				"全体成员至少 1 人同意，并且全体成员中 3 已表态，并且a中 50% 已表态"},
			{approval.Stage(approval.Step{Name: "it", Rule: approval.Or(approval.AtLeast(1, "a"), approval.All("b")), Within: itsm.Hour}, approval.Step{Rule: approval.AtLeast(1, "c")}),
				`{"stage":[{"name":"it","rule":{"or":[{"at_least":{"n":1,"of":["a"]}},{"all":{"of":["b"]}}]},"within":"1h0m0s"},{"rule":{"at_least":{"n":1,"of":["c"]}}}]}`,
				"stage(it: or(at_least(1, a), all(b)), at_least(1, c))", "(a至少 1 人同意，或者b全部同意)，然后c至少 1 人同意"},
		}
		for _, test := range tests {
			require.NoError(t, test.rule.Check())
			data, err := json.Marshal(test.rule)
			require.NoError(t, err)
			assert.Equal(t, test.json, string(data))
			assert.Equal(t, test.text, test.rule.String())
			assert.Equal(t, test.zh, test.rule.In(itsm.Chinese))
			back, err := approval.ParseRule(data)
			require.NoError(t, err)
			assert.Equal(t, test.rule.String(), back.String())
		}
		assert.Equal(t, "(at least 1 of a approve or every one of b approves), then at least 1 of c approve", tests[len(tests)-1].rule.In(itsm.English))
		roles, all := tests[7].rule.Roles()
		assert.Equal(t, []itsm.Role{"a", "b", "c"}, roles)
		assert.False(t, all)
	})

	t.Run("all faults are named with their places", func(t *testing.T) {
		t.Parallel()
		_, err := approval.ParseRule([]byte(`{"and": [
			{"at_least": {"n": 0, "of": ["cab", "cab"]}},
			{"percent": {"share": "0%"}}, {"percent": {"share": "101%"}}, {"percent_of_voting": {"share": ">3/3"}},
			{"weighted": {"n": 3, "weights": {"a": 0}}}, {"weighted": {"n": 3}},
			{"quorum": {"n": -1}}, {"or": []}, {"all": {"of": ["a b"]}},
			{"or": [{"stage": [{"name": "x", "rule": {"all": {}}, "within": "1h"}, {"name": "x", "rule": {"all": {}}}]}]}]}`))
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, fault := range []string{
			"rule.and[0].at_least: role cab is named twice", "rule.and[0].at_least: wants 0", `rule.and[1].percent: share "0%"`, `rule.and[2].percent: share "101%"`,
			`rule.and[3].percent_of_voting: share ">3/3"`, "rule.and[4].weighted.weights.a: 0 points", "rule.and[5].weighted.weights: is empty", "rule.and[6].quorum: wants -1",
			"rule.and[7].or: is empty", `rule.and[8].all: role "a b"`, "rule.and[9].or[0].stage[0]: limits and ladders belong", `rule.and[9].or[0].stage[1].name: "x" is used twice`,
		} {
			assert.ErrorContains(t, err, fault)
		}
	})
	t.Run("what cannot be read is named with its place", func(t *testing.T) {
		t.Parallel()
		_, err := approval.ParseRule([]byte(`{"or": [{"any": {}}, {"all": {"of": "cab"}}, {"at_least": {"n": 1.5, "with": 2}}, [], {"all": {}, "veto": {}},
			{"stage": [{"rule": {"all": {}}, "within": "soon", "ladder": [{"name": "n", "at": "120%"}]}, 7]}, {"quorum": {"n": 1, "share": "1/2"}}, {"weighted": {"n": 1, "weights": []}}]}`))
		for _, fault := range []string{
			`rule.or[0]: unknown rule "any"`, `rule.or[1].all.of: want a list of roles, got "cab"`, "rule.or[2].at_least.n: want a whole number, got 1.5",
			`rule.or[2].at_least: unknown key "with"`, "rule.or[3]: want an object with one key", "rule.or[4]: want an object with one key",
			`rule.or[5].stage[0].within: duration "soon"`, `rule.or[5].stage[0].ladder[0]: point "120%"`, "rule.or[5].stage[1]: want an object, got 7",
			"rule.or[6].quorum: has both n and share", "rule.or[7].weighted.weights: want an object",
		} {
			assert.ErrorContains(t, err, fault)
		}
	})

	t.Run("F-CHG-4 a rule that could be met without any approval is none", func(t *testing.T) {
		t.Parallel()
		for _, bad := range []approval.Rule{approval.Veto(), approval.Quorum(3), approval.And(approval.Veto("a"), approval.Quorum(1)),
			approval.Or(approval.All(), approval.Veto()), approval.Stage(approval.Step{Rule: approval.Quorum(1)})} {
			assert.ErrorContains(t, bad.Check(), "though nobody approves", bad)
		}
		assert.NoError(t, approval.Or(approval.All(), approval.And(approval.Veto(), approval.AtLeast(1))).Check())
	})

	t.Run("depth, size and ways are bounded", func(t *testing.T) {
		t.Parallel()
		deep := approval.AtLeast(1)
		for range 20 {
			deep = approval.And(deep)
		}
		assert.ErrorContains(t, deep.Check(), "nested deeper")
		data, err := json.Marshal(deep)
		require.NoError(t, err)
		_, err = approval.ParseRule(data)
		assert.ErrorContains(t, err, "nested deeper")
		var ors, wide []approval.Rule
		for range 12 {
			ors = append(ors, approval.Or(approval.AtLeast(1, "a"), approval.AtLeast(1, "b")))
			wide = append(wide, approval.And(approval.AtLeast(1), approval.AtLeast(1), approval.AtLeast(1), approval.AtLeast(1), approval.AtLeast(1)))
		}
		assert.ErrorContains(t, approval.And(ors...).Check(), "more than 256 ways")
		assert.ErrorContains(t, approval.And(wide...).Check(), "60 conditions")
		_, err = approval.ParseRule([]byte(`{"and":[` + strings.Repeat(" ", 70_000) + `]}`))
		assert.ErrorContains(t, err, "at most 65536")
		_, err = approval.ParseRule([]byte(strings.Repeat("[", 100_000)))
		assert.Error(t, err)
	})

	t.Run("rules come back from JSON as they were", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			r := genPlan(t, 3, 5).Rule
			data, err := json.Marshal(r)
			require.NoError(t, err)
			back, err := approval.ParseRule(data)
			require.NoError(t, err)
			assert.Equal(t, r, back)
		})
	})

	t.Run("shares are counted up exactly", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			share   approval.Share
			of, are int
		}{{"50%", 5, 3}, {"50%", 4, 2}, {">50%", 4, 3}, {"2/3", 3, 2}, {"66.67%", 3, 3}, {"66.66%", 3, 2}, {">1/2", 1, 1}, {"0.001%", 5, 1}, {"100%", 7, 7}} {
			members := genPeople(test.of)
			d := open(t, request(approval.Percent(test.share, "cab"), members...))
			assert.Equal(t, test.are, d.ballot.Conditions()[0].Need, "%s of %d", test.share, test.of)
		}
		for _, bad := range []approval.Share{"", "%", "50", "1/0", "0/5", "3/2", "-1/2", "1.%", ".5%", "1e3%", ">100%", ">5/5", "0000000000001/2", "1/2/3"} {
			assert.Error(t, approval.Percent(bad).Check(), string(bad))
		}
	})
}

func genPeople(n int) []approval.Member {
	var ids []itsm.PersonID
	for i := range n {
		ids = append(ids, itsm.PersonID(rune('a'+i)))
	}
	return people("cab", ids...)
}
