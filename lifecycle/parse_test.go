package lifecycle_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/lifecycle"
)

const textbook = `{"name": "textbook", "start": ["new"],
 "states": [{"name": "new"}, {"name": "progress"}, {"name": "hold", "phase": "waiting", "en": "on hold", "zh": "挂起"},
            {"name": "resolved", "phase": "resolved"}, {"name": "closed", "end": true}],
 "transitions": [
   {"event": "start", "from": ["new"], "to": "progress"},
   {"event": "hold", "from": ["progress"], "to": "hold"},
   {"event": "resume", "from": ["hold"], "to": "progress", "zh": "恢复"},
   {"event": "resolve", "from": ["progress", "hold"], "to": "resolved"},
   {"event": "reopen", "from": ["resolved"], "to": "progress"},
   {"event": "close", "from": ["resolved"], "to": "closed"}],
 "map": {"New": "new", "Active": "progress", "Awaiting User Info": "hold", "Awaiting Problem": "hold",
         "Awaiting Vendor": "hold", "Awaiting Evidence": "hold", "Resolved": "resolved", "Closed": "closed"}}
`

func parse(t testing.TB, data string) *lifecycle.Machine[string, string] {
	t.Helper()
	m, err := lifecycle.Parse([]byte(data))
	require.NoError(t, err)
	return m
}

func TestParse(t *testing.T) {
	t.Parallel()

	t.Run("reads every key", func(t *testing.T) {
		t.Parallel()
		m := parse(t, textbook)
		assert.Equal(t, "textbook", m.Name())
		assert.Equal(t, []string{"new", "progress", "hold", "resolved", "closed"}, m.States())
		assert.Equal(t, []string{"start", "hold", "resume", "resolve", "reopen", "close"}, m.Events())
		assert.Equal(t, lifecycle.PhaseWaiting, m.Phase("hold"))
		assert.Equal(t, lifecycle.PhaseClosed, m.Phase("closed"))
		assert.Equal(t, lifecycle.Text{En: "on hold", Zh: "挂起"}, m.StateText("hold"))
		assert.Equal(t, lifecycle.Text{Zh: "恢复"}, m.EventText("resume"))
		got, err := m.Fire("hold", "resolve", nil)
		require.NoError(t, err)
		assert.Equal(t, "resolved", got)
		assert.Equal(t, "hold", m.Spec().Map["Awaiting Vendor"])
	})

	t.Run("a byte order mark is no fault", func(t *testing.T) {
		t.Parallel()
		parse(t, "\ufeff"+textbook)
	})

	t.Run("phases and version of the host's own", func(t *testing.T) {
		t.Parallel()
		m := parse(t, `{"version": "7", "start": ["a"], "phases": ["stored"], "states": [{"name": "a", "phase": "stored", "end": true}], "transitions": []}`)
		assert.Equal(t, "7", m.Version())
		assert.Equal(t, lifecycle.Phase("stored"), m.Phase("a"))
		data, err := json.Marshal(m)
		require.NoError(t, err)
		assert.JSONEq(t, `{"version": "7", "start": ["a"], "phases": ["stored"], "states": [{"name": "a", "phase": "stored", "end": true}], "transitions": []}`, string(data))
	})

	t.Run("what is written is read back", rapid.MakeCheck(func(t *rapid.T) {
		m := lifecycle.Must(randomSpec(t))
		data, err := json.Marshal(m)
		require.NoError(t, err)
		again, err := lifecycle.ParseAs[State, Event](data)
		require.NoError(t, err)
		require.Equal(t, m.Spec(), again.Spec())
		require.Equal(t, m.Version(), again.Version())
	}))

	t.Run("golden", func(t *testing.T) {
		t.Parallel()
		data, err := json.Marshal(parse(t, textbook))
		require.NoError(t, err)
		assert.JSONEq(t, textbook, string(data))
		bare, err := json.Marshal(lifecycle.Must(lifecycle.Spec[State, Event]{Start: []State{"a"}, States: []lifecycle.StateRow[State]{{Name: "a", End: true}}}))
		require.NoError(t, err)
		assert.Equal(t, `{"start":["a"],"states":[{"name":"a","end":true}],"transitions":[]}`, string(bare))
		_, err = lifecycle.Parse(bare)
		assert.NoError(t, err)
	})
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	const head = `{"start": ["a"],` + "\n" + ` "states": [{"name": "a"}, {"name": "z", "end": true}],` + "\n"
	for name, c := range map[string]struct{ data, want string }{
		"empty":           {``, `lifecycle: line 1, column 1: unexpected end of JSON input`},
		"not JSON":        {"{\n  start: []}", `lifecycle: line 2, column 3: invalid character 's' looking for beginning of object key string`},
		"cut off":         {"{\n", `lifecycle: line 1, column 2: unexpected end of JSON input`},
		"something after": {head + ` "transitions": []} {}`, `lifecycle: line 3, column 21: invalid character '{' after top-level value`},
		"not an object":   {`[]`, `lifecycle: line 1, column 1: an object is wanted, not a list; write it like {"name": "new"}`},
		"null":            {`null`, `lifecycle: line 1, column 1: an object is wanted, not null; write it like {"name": "new"}`},
		"keys missing": {`{}`, "lifecycle: 3 faults:\n\tline 1, column 1: key \"start\" is missing; add it\n" +
			"\tline 1, column 1: key \"states\" is missing; add it\n\tline 1, column 1: key \"transitions\" is missing; add it"},
		"unknown key": {head + ` "transitions": [{"event": "go", "from": ["a"], "to": "z"}],` + "\n" + ` "Map": {}}`,
			`lifecycle: line 4, column 2: Map: unknown key "Map"; did you mean "map"?`},
		"unknown key in a row": {head + ` "transitions": [{"event": "go", "from": ["a"], "to": "z", "guard": "x"}]}`,
			`lifecycle: line 3, column 60: transitions[0].guard: unknown key "guard"; known: en, event, from, to, zh`},
		"a key twice": {head + ` "start": ["z"],` + "\n" + ` "transitions": [{"event": "go", "from": ["a"], "to": "z"}]}`,
			`lifecycle: line 3, column 2: start: key "start" is there twice; remove one of them`},
		"a foreign name twice": {head + ` "transitions": [{"event": "go", "from": ["a"], "to": "z"}],` + "\n" + ` "map": {"New": "a", "New": "z"}}`,
			`lifecycle: line 4, column 22: map["New"]: key "New" is there twice; remove one of them`},
		"a name for a list": {head + ` "transitions": [{"event": "go", "from": "a", "to": "z"}]}`,
			`lifecycle: line 3, column 42: transitions[0].from: a list is wanted, not a string; write it like ["new"]`},
		"a number for a name": {head + ` "transitions": [{"event": 3, "from": ["a"], "to": "z"}]}`,
			`lifecycle: line 3, column 28: transitions[0].event: a string is wanted, not a number; write it like "new"`},
		"a string for a truth": {`{"start": ["a"], "states": [{"name": "a", "end": "yes"}], "transitions": []}`,
			`lifecycle: line 1, column 50: states[0].end: true or false is wanted, not a string; write it like true`},
		"a truth for an object": {`{"start": ["a"], "states": [true], "transitions": [{}], "map": []}`, "lifecycle: 5 faults:\n" +
			"\tline 1, column 29: states[0]: an object is wanted, not true or false; write it like {\"name\": \"new\"}\n" +
			"\tline 1, column 52: transitions[0]: key \"event\" is missing; add it\n" +
			"\tline 1, column 52: transitions[0]: key \"from\" is missing; add it\n" +
			"\tline 1, column 52: transitions[0]: key \"to\" is missing; add it\n" +
			"\tline 1, column 64: map: an object is wanted, not a list; write it like {\"name\": \"new\"}"},
		"an unknown state": {head + ` "transitions": [{"event": "go", "from": ["a"], "to": "z"},` + "\n" + `  {"event": "on", "from": ["a", "b"], "to": "z"}]}`,
			`lifecycle: line 4, column 33: transitions[1].from[1]: unknown state "b"; known: a, z`},
		"a row twice": {head + ` "transitions": [{"event": "go", "from": ["a"], "to": "z"},` + "\n" + `  {"event": "go", "from": ["a"], "to": "z"}]}`,
			`lifecycle: line 4, column 28: transitions[1].from[0]: a -go-> z is there already in transitions[0].from[0]; remove one of them`},
		"a place that is not spelled out": {`{"name": "dull", "start": ["a"],` + "\n" + ` "states": [{"name": "a"}, {"name": "b"}], "transitions": [{"event": "go", "from": ["a"], "to": "b"}]}`,
			`lifecycle dull: line 2, column 12: states: no state is an end; mark the states in which a record may rest for good with "end"`},
		"keys and rows at once": {head + ` "transitions": [{"event": "go", "from": ["a"], "to": "y"}], "note": ""}`, "lifecycle: 4 faults:\n" +
			"\tline 2, column 13: states[0]: no way leads from state \"a\" to an end (z); add a row that leads on, or mark it as an end\n" +
			"\tline 2, column 28: states[1]: no way leads from a start (a) to state \"z\"; add a row that leads to it, make it a start, or take it away\n" +
			"\tline 3, column 55: transitions[0].to: unknown state \"y\"; known: a, z\n" +
			"\tline 3, column 62: note: unknown key \"note\"; known: map, name, phases, start, states, transitions, version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lifecycle.Parse([]byte(c.data))
			assert.EqualError(t, err, c.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(textbook))
	f.Add([]byte(`{"start": ["a"], "states": [{"name": "a", "end": true}], "transitions": []}`))
	f.Add([]byte(`{"start": [], "states": [{"name": ""}], "transitions": [{"event": "", "from": [], "to": ""}], "map": {"": ""}}`))
	f.Add([]byte("\ufeff[1, null, {\"a\": [true]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := lifecycle.Parse(data)
		if err != nil {
			var wrong *lifecycle.SpecError
			require.True(t, errors.As(err, &wrong))
			require.NotEmpty(t, wrong.Faults)
			for _, fault := range wrong.Faults {
				require.Positive(t, fault.Line)
				require.Positive(t, fault.Column)
				require.LessOrEqual(t, fault.Line, 1+strings.Count(string(data), "\n"))
				require.NotEmpty(t, fault.What)
			}
			return
		}
		out, err := json.Marshal(m)
		require.NoError(t, err)
		again, err := lifecycle.Parse(out)
		require.NoError(t, err)
		require.Equal(t, m.Spec().Transitions, again.Spec().Transitions)
		require.Equal(t, m.Version(), again.Version())
		require.Equal(t, m.DOT(), again.DOT())
		require.Equal(t, m.Mermaid(), again.Mermaid())
	})
}
