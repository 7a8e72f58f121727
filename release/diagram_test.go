package release_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/release"
)

var update = flag.Bool("update", false, "write the diagrams in docs/diagrams anew")

// The diagrams in the documentation are generated from the tables; -update writes them.
func TestDiagrams(t *testing.T) {
	t.Parallel()
	process, err := release.NewProcess(nil, release.Config{})
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("# Lifecycles of releases\n\nGenerated from the tables of package release (`go test ./release -run Diagrams -update`).\n")
	for _, kind := range []release.Type{release.TypeMajor, release.TypeEmergency} {
		m := process.Machine(kind)
		fmt.Fprintf(&b, "\n## %s\n\n```mermaid\n%s\n```\n", m.Name(), strings.TrimRight(m.Mermaid(), "\n"))
		fmt.Fprintf(&b, "\n| state | 状态 | phase |\n|---|---|---|\n")
		for _, s := range m.States() {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", s, m.StateText(s).Zh, m.Phase(s))
		}
	}
	path := filepath.Join("..", "docs", "diagrams", "release.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "the diagrams are not those of the tables: run with -update")
}
