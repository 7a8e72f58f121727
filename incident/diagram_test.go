package incident_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/incident"
)

var update = flag.Bool("update", false, "write the diagrams in docs/diagrams anew")

// The diagrams in the documentation are generated from the tables; -update writes them.
func TestDiagrams(t *testing.T) {
	t.Parallel()
	process, err := incident.NewProcess(nil, incident.Config{})
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("# Lifecycles of tickets\n\nGenerated from the tables of package incident (`go test ./incident -run Diagrams -update`).\n")
	for _, kind := range incident.Types() {
		m := process.Machine(kind)
		fmt.Fprintf(&b, "\n## %s\n\n```mermaid\n%s```\n", m.Name(), terminated(m.Mermaid()))
		fmt.Fprintf(&b, "\n| state | 状态 | phase |\n|---|---|---|\n")
		for _, s := range m.States() {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", s, m.StateText(s).Zh, m.Phase(s))
		}
	}
	fmt.Fprintf(&b, "\n## major incident (an overlay)\n\n```mermaid\n%s```\n", terminated(incident.MajorMachine.Mermaid()))

	path := filepath.Join("..", "docs", "diagrams", "incident.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "the diagrams are not those of the tables: run with -update")
}

func terminated(s string) string { return strings.TrimRight(s, "\n") + "\n" }

// The snippet in the README is the example of this package.
func TestReadme(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		_, rest, found := strings.Cut(string(text), "```go\n")
		require.True(t, found, name)
		snippet, _, _ := strings.Cut(rest, "```")
		for line := range strings.Lines(snippet) {
			if line = strings.TrimSpace(line); line != "" {
				require.Contains(t, string(example), line, name)
			}
		}
	}
}
