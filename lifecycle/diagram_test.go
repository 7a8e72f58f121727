package lifecycle_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/lifecycle"
)

func TestMermaid(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `stateDiagram-v2
    [*] --> new
    new --> progress: start
    progress --> hold: hold
    progress --> resolved: resolve
    hold --> progress: resume
    hold --> resolved: resolve
    resolved --> progress: reopen
    resolved --> closed: close
    closed --> [*]
`, parse(t, textbook).Mermaid())

	t.Run("words of the language, several events, own state", func(t *testing.T) {
		t.Parallel()
		m, err := lifecycle.New(lifecycle.Spec[string, string]{
			Start:  []string{"note", "open"},
			States: []lifecycle.StateRow[string]{{Name: "note"}, {Name: "open"}, {Name: "end", End: true}},
			Transitions: []lifecycle.Transition[string, string]{
				{Event: "b", From: []string{"note", "open"}, To: "end"},
				{Event: "a", From: []string{"note"}, To: "end"},
				{Event: "stay", From: []string{"open"}, To: "open"},
			},
		})
		require.NoError(t, err)
		assert.Equal(t, `stateDiagram-v2
    state "note" as note_
    state "end" as end_
    [*] --> note_
    [*] --> open
    note_ --> end_: b, a
    open --> end_: b
    open --> open: stay
    end_ --> [*]
`, m.Mermaid())
	})
}

func TestDOT(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `digraph "textbook" {
	rankdir=LR
	node [shape=box, style=rounded]
	"" [shape=point]
	"new" [class="open"]
	"progress" [class="active"]
	"hold" [class="waiting"]
	"resolved" [class="resolved"]
	"closed" [class="closed", peripheries=2]
	"" -> "new"
	"new" -> "progress" [label="start"]
	"progress" -> "hold" [label="hold"]
	"progress" -> "resolved" [label="resolve"]
	"hold" -> "progress" [label="resume"]
	"hold" -> "resolved" [label="resolve"]
	"resolved" -> "progress" [label="reopen"]
	"resolved" -> "closed" [label="close"]
}
`, parse(t, textbook).DOT())
}

func TestDocDiagram(t *testing.T) {
	t.Parallel()
	m := lifecycle.Must(lifecycle.Spec[State, Event]{
		Start:  []State{"open"},
		States: []lifecycle.StateRow[State]{{Name: "open"}, {Name: "working"}, {Name: "waiting", Phase: lifecycle.PhaseWaiting}, {Name: "done", End: true}},
		Transitions: []lifecycle.Transition[State, Event]{
			{Event: "start", From: []State{"open"}, To: "working"},
			{Event: "hold", From: []State{"working"}, To: "waiting"},
			{Event: "finish", From: []State{"working"}, To: "done"},
			{Event: "resume", From: []State{"waiting"}, To: "working"},
		},
	})
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for line := range strings.Lines(m.Mermaid()) {
		assert.Contains(t, string(doc), "//\t"+line)
	}
}
