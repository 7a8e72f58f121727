package rule_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/rule"
)

type State string

type Impact string

type Person struct {
	Kind string
	Name string
	Age  int
}

type Attempt struct {
	Outcome string        `json:"outcome"`
	Took    time.Duration `json:"took"`
	By      *Person       `json:"by"`
	Steps   []int         `json:"steps"`
}

type Marks struct {
	VIP bool `json:"vip"`
}

type Facts struct {
	Marks
	Priority   int        `json:"priority"`
	Risk       float64    `json:"risk"`
	Count      uint64     `json:"count"`
	State      State      `json:"state"`
	Impact     Impact     `json:"impact"`
	Category   string     `json:"category"`
	Summary    string     `expr:"summary" json:"text"`
	OpenedAt   time.Time  `json:"opened_at,omitzero"`
	ResolvedAt *time.Time `json:"resolved_at"`
	Now        time.Time
	Goal       time.Duration
	Caller     *Person
	Owner      Person
	Tags       []string
	Levels     []int
	Rates      []float64
	Stops      []*time.Time
	Attempts   []Attempt
	Score      *int
	Flag       *bool
	Fields     map[string]any
	Secret     string `json:"-"`
	Handler    func()
}

var schema = rule.SchemaOf(Facts{},
	rule.WithFields(map[string]rule.Type{
		"ward": rule.Text, "cost": rule.Number, "sterile": rule.Bool, "due": rule.Time, "grace": rule.Duration, "codes": rule.TextList,
	}),
	rule.WithEnum("state", State("new"), State("open"), State("held"), State("closed")),
	rule.WithEnum("tags", "vip", "icu", "网络"),
	rule.WithEnum("fields.ward", "icu", "er"),
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// sample is a record with nearly everything set.
func sample() *Facts {
	return &Facts{
		Marks: Marks{VIP: true}, Priority: 2, Risk: 0.5, Count: 7, State: "open", Impact: "ward", Category: "network", Summary: "收费窗口打印机 does not print",
		OpenedAt: at("2026-02-14T08:00:00+08:00"), Now: at("2026-02-14T13:00:00+08:00"), Goal: 4 * time.Hour,
		Caller: &Person{Kind: "doctor", Name: "Li", Age: 40}, Owner: Person{Kind: "agent"},
		Tags: []string{"vip", "网络"}, Levels: []int{1, 2, 3}, Rates: []float64{0.5, 2},
		Stops:    []*time.Time{nil, new(at("2026-02-14T09:00:00+08:00"))},
		Attempts: []Attempt{{Outcome: "failed", Took: time.Hour, Steps: []int{1, 2}}, {Outcome: "fixed", Took: 2 * time.Hour, By: &Person{Kind: "agent"}, Steps: []int{3}}},
		Fields:   map[string]any{"ward": "icu", "cost": 12.5, "codes": []any{"a", "b"}, "due": "2026-02-15T08:00:00+08:00", "grace": "30m"},
	}
}

func eval(t *testing.T, src string, facts any) bool {
	t.Helper()
	p, err := schema.Compile(src)
	require.NoError(t, err, src)
	holds, err := p.Eval(facts)
	require.NoError(t, err, src)
	return holds
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	cases := []struct {
		src  string
		want bool
	}{
		{`true`, true},
		{`vip`, true},
		{`not vip`, false},
		{`priority <= 2 and state == "open" and category == "network"`, true},
		{`priority > 2 or state == "closed" || !vip`, false},
		{`1 <= priority <= 3`, true},
		{`1 <= priority < 2`, false},
		{`state in ["new", "open"]`, true},
		{`state not in ["new", "open"]`, false},
		{`not (state in ["held"])`, true},
		{`priority in 1..2`, true},
		{`priority in 3..9`, false},
		{`priority in [1, 2.0]`, true},
		{`priority in levels`, true},
		{`priority in rates`, true},
		{`risk in levels`, false},
		{`"vip" in tags and "icu" not in tags`, true},
		{`"网络" in tags`, true},
		{`opened_at in stops`, false},
		{`time("2026-02-14T01:00:00Z") in stops`, true},
		{`goal in [duration("1h"), duration("4h")]`, true},
		{`vip in [false]`, false},
		{`summary contains "打印机" and summary startsWith "收费" and summary endsWith "print"`, true},
		{`lower("ABC") == "abc" and upper(category) == "NETWORK"`, true},
		{`summary matches "does\\s+not"`, true},
		{`summary not matches "^x"`, true},
		{`risk == 0.5 and risk < priority and count == 7`, true},
		{`priority + 1 == 3 and priority - 3 == -1 and priority * 2 == 4 and priority / 4 == risk and 7 % 4 == 3`, true},
		{`-priority == -2 and -risk < 0`, true},
		{`now - opened_at > duration("4h")`, true},
		{`now - opened_at > goal * 1.5`, false},
		{`opened_at + goal < now and now - goal > opened_at and goal + opened_at == opened_at + goal`, true},
		{`(now - opened_at) / goal == 1.25`, true},
		{`goal / 2 == duration("2h") and 2 * goal == duration("8h") and -goal < duration("0s")`, true},
		{`opened_at == time("2026-02-14T00:00:00Z")`, true},
		{`caller.kind == "doctor" and owner.kind != caller.kind and caller.age >= 40`, true},
		{`len(tags) == 2 and len("打印机") == 3`, true},
		{`any(tags, # == "vip")`, true},
		{`all(levels, # > 1)`, false},
		{`none(levels, # > 3)`, true},
		{`one(levels, # == 2)`, true},
		{`one(levels, # > 1)`, false},
		{`count(levels, # > 1) == 2`, true},
		{`any(attempts, .outcome == "failed" and .took >= duration("1h"))`, true},
		{`any(attempts, #.by.kind == "agent")`, true},
		{`all(attempts, any(.steps, # > 0) and priority == 2)`, true},
		{`any(attempts, any(.steps, # == 3) and .outcome == "fixed")`, true},
		{`attempts[-1].outcome == "fixed" and attempts[0].took == duration("1h")`, true},
		{`attempts[2].outcome == "fixed" or tags[-3] == "vip" or has(attempts[9])`, false},
		{`attempts[-1].by.kind == "agent" and levels[priority] == 3`, true},
		{`fields.ward == "icu" and fields.cost > 12 and fields.cost * 2 == 25`, true},
		{`"b" in fields.codes and len(fields.codes) == 2 and any(fields.codes, # startsWith "a")`, true},
		{`fields.due > now and fields.due - now > fields.grace`, true},
		{`has(fields.ward) and not has(fields.sterile)`, true},
		{"priority == 2 // urgent\n and vip /* still */", true},
	}
	for _, c := range cases {
		t.Run(c.src, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, eval(t, c.src, sample()))
			assert.Equal(t, c.want, eval(t, c.src, *sample()), "by value")
			canonical := schema.MustCompile(c.src).String()
			assert.Equal(t, c.want, eval(t, canonical, sample()), canonical)
			assert.Equal(t, canonical, schema.MustCompile(canonical).String())
		})
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		`resolved_at < now`:                                   false,
		`resolved_at > now`:                                   false,
		`resolved_at == resolved_at`:                          false,
		`resolved_at != now`:                                  true,
		`not (resolved_at == now)`:                            true,
		`now - opened_at > duration("4h")`:                    false,
		`opened_at + goal < now`:                              false,
		`has(opened_at) or has(resolved_at) or has(caller)`:   false,
		`has(caller.name) or has(now - opened_at)`:            false,
		`caller.kind == "" or caller.age < 5`:                 false,
		`caller.kind in ["", "x"]`:                            false,
		`caller.kind not in ["x"]`:                            true,
		`lower(caller.kind) contains ""`:                      false,
		`caller.kind matches ""`:                              false,
		`flag`:                                                false,
		`not flag`:                                            true,
		`flag == false`:                                       false,
		`flag ?? true`:                                        true,
		`has(flag)`:                                           false,
		`(score ?? 3) == 3 and (score ?? risk) == 0`:          true,
		`score / 0.5 > 1`:                                     false,
		`score in levels or 1 in levels`:                      false,
		`(caller.name ?? category) == "" and len(tags) == 0`:  true,
		`all(tags, false) and none(attempts, true)`:           true,
		`any(tags, true) or one(levels, true)`:                false,
		`fields.ward == "icu" or fields.cost < 5`:             false,
		`fields.due > now or "a" in fields.codes`:             false,
		`any(fields.codes, true) or len(fields.codes) == 0`:   false,
		`(fields.cost ?? 1) == 1`:                             true,
		`(fields.due ?? now) == now`:                          true,
		`(fields.grace ?? duration("1h")) == duration("60m")`: true,
		`has(attempts[0].by)`:                                 false,
	}
	for src, want := range cases {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, want, eval(t, src, &Facts{Now: at("2026-02-14T08:00:00Z")}))
		})
	}
}
