package change_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/change"
)

var update = flag.Bool("update", false, "write the diagrams in docs/diagrams anew")

// The diagrams in the documentation are generated from the tables; -update writes them.
func TestDiagrams(t *testing.T) {
	t.Parallel()
	process, err := change.NewProcess(nil, change.Config{})
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("# Lifecycles of changes\n\nGenerated from the tables of package change (`go test ./change -run Diagrams -update`).\n")
	for _, typ := range []change.Type{change.TypeNormal, change.TypeStandard, change.TypeEmergency} {
		m := process.Machine(typ)
		fmt.Fprintf(&b, "\n## %s\n\n```mermaid\n%s```\n", m.Name(), terminated(m.Mermaid()))
		fmt.Fprintf(&b, "\n| state | 状态 | phase |\n|---|---|---|\n")
		for _, s := range m.States() {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", s, m.StateText(s).Zh, m.Phase(s))
		}
	}
	fmt.Fprintf(&b, "\n## %s\n\n```mermaid\n%s```\n", change.TemplateMachine.Name(), terminated(change.TemplateMachine.Mermaid()))

	path := filepath.Join("..", "docs", "diagrams", "change.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "the diagrams are not those of the tables: run with -update")
}

func terminated(s string) string { return strings.TrimRight(s, "\n") + "\n" }
