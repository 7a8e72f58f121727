package approval_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

type rfc struct {
	Title       string          `json:"title"`
	Impact      string          `json:"impact"`
	CIs         []string        `json:"cis,omitempty"`
	Window      window          `json:"window"`
	Steps       []procedureStep `json:"steps,omitempty"`
	Implementer string          `json:"implementer"`
	Backout     *backout        `json:"backout,omitempty"`
	Risk        float64         `json:"risk"`
}

type window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

type procedureStep struct {
	Text string `json:"text"`
	Note string `json:"note,omitempty"`
}

type backout struct {
	Steps []string `json:"steps"`
}

var rfcForm = approval.Form{Items: approval.FourItems(), Fields: []approval.Material{
	{Path: "impact", Item: "impact"}, {Path: "cis", Item: "impact", Set: true}, {Path: "risk", Item: "impact"}, {Path: "window", Item: "plan"},
	{Path: "steps.text", Item: "plan"}, {Path: "implementer", Item: "implementer"}, {Path: "backout", Item: "backout"},
}}

func sampleRFC() rfc {
	return rfc{Title: "EMR patch", Impact: "EMR read only for 20 minutes", CIs: []string{"emr-db", "emr-app"}, Window: window{start, start.Add(time.Hour)},
		Steps: []procedureStep{{Text: "stop"}, {Text: "patch", Note: "see wiki"}}, Implementer: "eng", Backout: &backout{[]string{"restore"}}, Risk: 7}
}

func take(t require.TestingT, content any) approval.Fingerprint {
	p, err := rfcForm.Fingerprint(content)
	require.NoError(t, err)
	return p
}

// materialEdits changes each material field; the last values are immaterial.
var materialEdits = []struct {
	path string
	edit func(*rfc)
}{
	{"impact", func(r *rfc) { r.Impact = "EMR down" }},
	{"cis", func(r *rfc) { r.CIs = append(r.CIs, "lis-db") }},
	{"risk", func(r *rfc) { r.Risk++ }},
	{"window", func(r *rfc) { r.Window.To = r.Window.To.Add(time.Minute) }},
	{"steps.text", func(r *rfc) { r.Steps[0], r.Steps[1] = r.Steps[1], r.Steps[0] }},
	{"implementer", func(r *rfc) { r.Implementer = "other" }},
	{"backout", func(r *rfc) { r.Backout.Steps[0] = "restore and restart" }},
	{"backout", func(r *rfc) { r.Backout = nil }},
}

var otherEdits = []func(*rfc){
	func(r *rfc) { r.Title = "EMR security patch" },
	func(r *rfc) { r.Steps[0].Note = "ask Li" },
	func(r *rfc) { r.CIs[0], r.CIs[1] = r.CIs[1], r.CIs[0] },
	func(r *rfc) { r.Window.From = r.Window.From.UTC() },
}

func voteRound(t *testing.T, approved bool) *desk {
	t.Helper()
	r := request(approval.AtLeast(1), people("cab", "a", "b")...)
	r.Content = take(t, sampleRFC())
	d := open(t, r)
	if approved {
		require.NoError(t, d.take(d.ballot.Cast(fullVote(d, approval.Approve), d.facts, env("a", d.now))))
	}
	return d
}

func fullVote(d *desk, v approval.Verdict) approval.Cast {
	c := approval.Cast{Verdict: v, Content: d.ballot.Content.Digest}
	for _, item := range approval.FourItems() {
		c.Findings = append(c.Findings, approval.Finding{Item: item, OK: true})
	}
	return c
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-9 a material edit voids the vote and an immaterial one does not", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, rfcForm.CheckType(rfc{}))
		for _, m := range materialEdits {
			r := sampleRFC()
			m.edit(&r)
			d := voteRound(t, false)
			events := d.ballot.Edit(take(t, r), env("eng", d.now))
			require.Len(t, events, 1, m.path)
			assert.Equal(t, []string{m.path}, events[0].Changed)
			require.NoError(t, d.take(events, nil))
			assert.Equal(t, approval.Voided, d.ballot.Outcome)
		}
		for i, edit := range otherEdits {
			r := sampleRFC()
			edit(&r)
			d := voteRound(t, true)
			assert.Empty(t, d.ballot.Edit(take(t, r), env("eng", d.now)), i)
		}
	})

	t.Run("F-CHG-9 which fields are material is data", func(t *testing.T) {
		t.Parallel()
		form := approval.Form{Items: []string{"plan"}, Fields: []approval.Material{{Path: "title", Item: "plan"}}}
		a, err := form.Fingerprint(sampleRFC())
		require.NoError(t, err)
		r := sampleRFC()
		r.Title, r.Impact = "other", "other"
		b, err := form.Fingerprint(r)
		require.NoError(t, err)
		assert.Equal(t, []string{"title"}, a.Changed(b))
	})

	t.Run("R-240 a vote states a verdict on the four items, and editing any of them voids approvals", func(t *testing.T) {
		t.Parallel()
		for _, m := range materialEdits {
			d := voteRound(t, true)
			require.Equal(t, approval.Approved, d.ballot.Outcome)
			r := sampleRFC()
			m.edit(&r)
			after := take(t, r)
			require.ErrorIs(t, d.ballot.Permits(after.Digest, d.now), approval.ErrOtherContent, "even before the ballot is told")
			require.NoError(t, d.take(d.ballot.Edit(after, env("eng", d.now)), nil))
			assert.Equal(t, approval.Voided, d.ballot.Outcome, m.path)
			assert.ErrorIs(t, d.ballot.Permits(after.Digest, d.now), approval.ErrNotApproved)
		}
		d := voteRound(t, false)
		c := fullVote(d, approval.Approve)
		c.Findings = []approval.Finding{{Item: "impact", OK: true}, {Item: "impact", OK: true}, {Item: "plan"}, {Item: "colour", OK: true}}
		_, err := d.ballot.Cast(c, d.facts, env("a", d.now))
		assert.Equal(t, []itsm.Code{"approval.item_missing", "approval.item_missing", "approval.item_twice", "approval.item_refused", "approval.item_unknown"}, codes(t, err))
		c = fullVote(d, approval.Reject)
		_, err = d.ballot.Cast(c, d.facts, env("a", d.now))
		assert.Equal(t, []itsm.Code{"approval.comment_missing"}, codes(t, err))
	})

	t.Run("R-224 an approval binds a person to a content hash and leaves an entry for each approver", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(3), people("cab", "a", "b", "c", "d", "e")...)
		r.Content = take(t, sampleRFC())
		d := open(t, r)
		d.facts.Delegations = approval.Delegations{mandate("D1", "c", "x")}
		c := fullVote(d, approval.Approve)
		c.Content = plainPrint("as of yesterday").Digest
		require.ErrorIs(t, d.take(d.ballot.Cast(c, d.facts, env("a", d.now))), approval.ErrOtherContent)
		for _, by := range []itsm.PersonID{"a", "b"} {
			require.NoError(t, d.take(d.ballot.Cast(fullVote(d, approval.Approve), d.facts, env(by, d.now))))
		}
		no := fullVote(d, approval.Reject)
		no.Comment = "too close to the clinic's peak"
		require.NoError(t, d.take(d.ballot.Cast(no, d.facts, env("d", d.now))))
		require.Empty(t, d.ballot.Accountable())
		last := fullVote(d, approval.Approve)
		last.For = "c"
		require.NoError(t, d.take(d.ballot.Cast(last, d.facts, env("x", d.now))))
		entries := d.ballot.Accountable()
		var who []itsm.PersonID
		for _, e := range entries {
			who = append(who, e.Person)
			assert.Equal(t, r.Content.Digest, e.Content)
			assert.Equal(t, 1, e.Round)
		}
		assert.Equal(t, []itsm.PersonID{"a", "b", "x", "c"}, who, "each approver, and the delegator; not who rejected")
		entries[0].Person = "nobody"
		assert.Equal(t, itsm.PersonID("a"), d.ballot.Accountable()[0].Person, "entries cannot be taken out of the ballot")
	})

	t.Run("a form that leads nowhere is found", func(t *testing.T) {
		t.Parallel()
		bad := approval.Form{Items: []string{"plan", "plan", "backout"}, Fields: []approval.Material{{Path: "plan..x", Item: "plan"}, {Path: "0", Item: "colour"}, {Path: "0", Item: "plan"}}}
		err := bad.Check()
		for _, fault := range []string{`items[1]: "plan"`, `items[2]: no field belongs to "backout"`, `fields[0].path: "plan..x"`, `fields[1].item: "colour"`, `fields[2].path: "0" stands twice`} {
			assert.ErrorContains(t, err, fault)
		}
		assert.ErrorContains(t, bad.CheckType(rfc{}), `"0" leads to no field of approval_test.rfc`)
		_, err = bad.Fingerprint(rfc{})
		assert.ErrorIs(t, err, itsm.ErrInvalid)
	})

	t.Run("equal content has one fingerprint however it is written", func(t *testing.T) {
		t.Parallel()
		form := approval.Form{Items: []string{"x"}, Fields: []approval.Material{{Path: "v", Item: "x"}}}
		fp := func(text string) itsm.Digest {
			p, err := form.Fingerprint([]byte(text))
			require.NoError(t, err, text)
			return p.Digest
		}
		for _, same := range [][]string{
			{`{"v": 1}`, `{"v":1.0,"w":2}`, `{"v":10e-1}`, `{"v":0.1E1}`},
			{`{}`, `{"v":null}`, `{"v":""}`, `{"v":[]}`, `{"v":{"a":null}}`},
			{`{"v":{"a":1,"b":[true]}}`, `{"v":{"b":[true],"a":1,"c":""}}`},
			{`{"v":0}`, `{"v":-0}`, `{"v":0.00}`, `{"v":0e5}`},
		} {
			for _, text := range same[1:] {
				assert.Equal(t, fp(same[0]), fp(text), text)
			}
		}
		different := []string{`{}`, `{"v":0}`, `{"v":"0"}`, `{"v":false}`, `{"v":[0]}`, `{"v":[[0]]}`, `{"v":{"a":0}}`, `{"v":1}`, `{"v":-1}`, `{"v":10}`, `{"v":["a","b"]}`, `{"v":["b","a"]}`, `{"v":["ab"]}`,
			`{"v":1e99999999999}`, `{"v":2e99999999999}`}
		seen := map[itsm.Digest]string{}
		for _, text := range different {
			assert.Empty(t, seen[fp(text)], text)
			seen[fp(text)] = text
		}
		for _, bad := range []string{`{"v":1,"v":2}`, `{"v":1} x`, "{\"v\":\"\xff\"}", `{"v":`, ``} {
			_, err := form.Fingerprint([]byte(bad))
			assert.ErrorIs(t, err, itsm.ErrInvalid, bad)
		}
	})

	t.Run("the fingerprint does not depend on the way through JSON", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			r := rfc{Title: rapid.String().Draw(t, "title"), CIs: rapid.SliceOf(rapid.StringMatching(`[a-z]{1,3}`)).Draw(t, "cis"), Risk: rapid.Float64Range(-1e9, 1e9).Draw(t, "risk")}
			data, err := json.Marshal(r)
			require.NoError(t, err)
			var tree map[string]any
			require.NoError(t, json.Unmarshal(data, &tree))
			indented, err := json.MarshalIndent(tree, "", "  ")
			require.NoError(t, err)
			assert.Equal(t, take(t, r), take(t, indented))
		})
	})
}
