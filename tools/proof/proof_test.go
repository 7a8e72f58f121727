package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The specification that testdata/run.json was recorded against.
var folder = fstest.MapFS{
	"requirements.md": {Data: []byte(`# What must be true
## 1 Incident
| ID | Behaviour |
|---|---|
| R-155 | dispatch after triage |
| R-156† | see R-155 |
| R-157 | |
| R-158 | |
## 2 No IDs here
## 3 Invariants
| INV-01 | |
`)},
	"semantics.md": {Data: []byte("## 6\n- **F-INC-1 Axes** as in F-INC-2\n- **Bar F-INC-2** x. **F-INC-10** y\n")},
	"standards.md": {Data: []byte("## 7\n| S-122 | |\n| S-123 | |\n")},
	"glossary.md":  {Data: []byte("# none\n")},
}

func recorded(t *testing.T) (*Results, string) {
	t.Helper()
	data, err := os.ReadFile("testdata/run.json")
	require.NoError(t, err)
	var report strings.Builder
	r, err := ReadResults(bytes.NewReader(data), &report)
	require.NoError(t, err)
	return r, report.String()
}

func TestReadSpec(t *testing.T) {
	t.Parallel()
	spec, err := ReadSpec(folder)
	require.NoError(t, err)
	assert.Equal(t, Spec{
		{"requirements.md", "1 Incident", []string{"R-155", "R-156", "R-157", "R-158"}},
		{"requirements.md", "3 Invariants", []string{"INV-01"}},
		{"semantics.md", "6", []string{"F-INC-1", "F-INC-2", "F-INC-10"}},
		{"standards.md", "7", []string{"S-122", "S-123"}},
	}, spec)

	t.Run("the committed list says the same", func(t *testing.T) {
		again, err := ParseList(spec.List())
		require.NoError(t, err)
		assert.Equal(t, spec, again)
	})
	t.Run("an ID has one definition", func(t *testing.T) {
		_, err := ReadSpec(fstest.MapFS{"a.md": {Data: []byte("## 1\n| R-001 | |\n## 2\n| R-001 | |\n")}})
		assert.EqualError(t, err, "R-001 is defined twice: in a.md, 1 and in a.md, 2")
	})
	t.Run("a folder without definitions counts as absent", func(t *testing.T) {
		_, err := ReadSpec(fstest.MapFS{})
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestParseListFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"R-001\n":               "line 1: R-001 stands before the first section",
		"a.md: 1\n\nrubbish\n":  `line 3: "rubbish" is neither an ID nor a section ("document: title")`,
		"a.md: 1\nR-1\n\nR-1\n": "R-1 is defined twice: in a.md, 1 and in a.md, 1",
	} {
		_, err := ParseList(text)
		assert.EqualError(t, err, want)
	}
}

func TestReadResults(t *testing.T) {
	t.Parallel()
	r, report := recorded(t)
	const dispatch = "incident.TestDispatch/"
	assert.Equal(t, []Proof{
		{ID: "F-INC-2", Test: dispatch + "F-INC-2_INV-01_a_refusal_changes_nothing_|_not_a_`byte`", State: Proven},
		{ID: "INV-01", Test: dispatch + "F-INC-2_INV-01_a_refusal_changes_nothing_|_not_a_`byte`", State: Proven},
		{ID: "R-155", Test: dispatch + "R-155_dispatch_before_triage_is_refused", State: Proven},
		{ID: "R-156", Test: dispatch + "R-156_a_reason_is_kept", State: Failing},
		{ID: "R-999", Test: dispatch + "R-999_is_no_requirement", State: Proven},
		{ID: "S-122", Test: "incident.TestServer/S-122_every_entry_is_chained", State: Skipped, Why: "no server on this machine"},
		{ID: "S-123", Test: "incident.TestServer/S-123_no_entry,_no_effect", State: Skipped, Why: "no server on this machine"},
		{ID: "glpi-6902", Test: dispatch + "glpi-6902_a_change_of_priority_keeps_the_elapsed_time", State: Proven},
	}, r.Proofs)
	assert.Equal(t, []string{"broken", "incident.TestDispatch", "incident.TestDispatch/R-156_a_reason_is_kept"}, r.Failed)
	assert.Equal(t, []string{dispatch + "what_R-157_wants"}, r.Misplaced)
	assert.Equal(t, []Skip{
		{"incident.TestLog", "no data: ../shared/data is not here"},
		{"incident.TestServer/S-122_every_entry_is_chained", "no server on this machine"},
		{"incident.TestServer/S-123_no_entry,_no_effect/postgres", "no server on this machine"},
	}, r.Skipped)

	assert.Contains(t, report, "incident_test.go:9: the reason is lost", "the output of what failed is shown")
	assert.Contains(t, report, "broken_test.go:5:28: undefined: undefined")
	assert.Contains(t, report, "[no test files]")
	assert.NotContains(t, report, "R-155", "what passed is not")
}

func TestReadResultsCutOff(t *testing.T) {
	t.Parallel()
	var report strings.Builder
	r, err := ReadResults(strings.NewReader(`
{"Action":"run","Package":"p","Test":"TestX/R-001_hangs"}
{"Action":"output","Package":"p","Test":"TestX/R-001_hangs","Output":"panic: test timed out\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\n"}
{"Action":"fail","Package":"p"}
`), &report)
	require.NoError(t, err)
	assert.Equal(t, []Proof{{ID: "R-001", Test: "p.TestX/R-001_hangs", State: Failing}}, r.Proofs)
	assert.Equal(t, "panic: test timed out\nFAIL\tp\n", report.String())

	_, err = ReadResults(strings.NewReader("ok  \tp\n"), io.Discard)
	assert.EqualError(t, err, `line 1 is not output of go test -json: "ok  \tp"`)
	_, err = ReadResults(strings.NewReader(""), io.Discard)
	assert.EqualError(t, err, "the output of go test -json names no test")
}

func TestPage(t *testing.T) {
	t.Parallel()
	spec, err := ReadSpec(folder)
	require.NoError(t, err)
	r, _ := recorded(t)
	page := Page(spec, r)
	golden := filepath.Join("testdata", "page.md")
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, page, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(page))
	assert.Equal(t, []string{"R-999"}, Unknown(spec, r))
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	spec, err := ReadSpec(folder)
	require.NoError(t, err)
	r, _ := recorded(t)

	// A machine that has the data and the server saw three more proofs.
	elsewhere, _ := recorded(t)
	for i := range elsewhere.Proofs {
		if p := &elsewhere.Proofs[i]; p.State == Skipped {
			p.State, p.Why = Proven, ""
		}
	}
	elsewhere.Proofs = append(elsewhere.Proofs, Proof{ID: "R-158", Test: "incident.TestLog/R-158_never_seen", State: Proven})
	elsewhere.sort()
	committed := Page(spec, elsewhere)
	assert.NotEqual(t, string(committed), string(Page(spec, r)))

	assert.Equal(t, 3, r.Adopt(committed))
	assert.Equal(t, string(committed), string(Page(spec, r)))

	t.Run("a proof whose test is gone is not taken over", func(t *testing.T) {
		r, _ := recorded(t)
		assert.Zero(t, r.Adopt([]byte("| R-157 | proven | `incident.TestGone/R-157_x` |\n")))
	})
	t.Run("a proof that fails here is not taken over", func(t *testing.T) {
		r, _ := recorded(t)
		assert.Zero(t, r.Adopt([]byte("| R-156 | proven | `incident.TestDispatch/R-156_a_reason_is_kept` |\n")))
	})
}

func TestRun(t *testing.T) {
	t.Parallel()
	const results = `{"Action":"pass","Package":"p","Test":"TestX/R-001_a"}` + "\n"
	root := t.TempDir()
	specDir := filepath.Join(root, "spec")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "docs"), 0o755))
	require.NoError(t, os.Mkdir(specDir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(specDir, "r.md"), []byte("## 1\n| R-001 | |\n| R-002 | |\n"), 0o644))
	proof := func(in string, args ...string) error {
		return run(append([]string{"-root", root, "-in", "-"}, args...), strings.NewReader(in), io.Discard, io.Discard)
	}

	require.NoError(t, proof(results, "-spec", specDir))
	page, err := os.ReadFile(filepath.Join(root, "docs", "proof.md"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "| R-001 | proven | `p.TestX/R-001_a` |\n| R-002 | missing |  |\n")

	assert.NoError(t, proof(results, "-spec", specDir, "-check"))
	assert.NoError(t, proof(results, "-spec", filepath.Join(root, "absent"), "-check"), "without the specification")
	assert.ErrorContains(t, proof(strings.Replace(results, "R-001", "R-002", 1), "-spec", specDir, "-check"), "is out of date")
	assert.ErrorContains(t, proof(strings.Replace(results, "pass", "fail", 1), "-spec", specDir), "1 tests or packages failed: p.TestX/R-001_a")
	assert.ErrorContains(t, proof(strings.Replace(results, "R-001", "R-003", 1), "-spec", specDir), "does not have: R-003")

	require.NoError(t, os.WriteFile(filepath.Join(specDir, "r.md"), []byte("## 1\n| R-001 | |\n"), 0o644))
	assert.ErrorContains(t, proof(results, "-spec", specDir, "-check"), "requirements.txt differs from the specification (go run ./tools/proof writes it):\n- R-002")
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"TestX/R-155_a":          {"R-155"},
		"TestX/R-155":            {"R-155"},
		"TestX/R-155,_R-156:_a":  {"R-155", "R-156"},
		"TestX/law/F-X-10_a":     {"F-X-10"},
		"TestX/R-155_a/case":     nil,
		"TestX/R-155a":           nil,
		"TestX/glpi-6902_a":      {"glpi-6902"},
		"TestX/looplab-fsm-43_a": {"looplab-fsm-43"},
		"TestX/utf-16_a":         nil,
		"TestX/case-1_a":         nil,
		"TestR-155":              nil,
	} {
		got, _ := named(name)
		assert.Equal(t, want, got, name)
	}
}
