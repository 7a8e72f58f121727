package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store/memory"

	"github.com/hospital-itsm/itsm"
)

var update = flag.Bool("update", false, "write the diagrams in docs/diagrams anew")

// The diagram in the documentation is generated from the table; -update writes it.
func TestDiagrams(t *testing.T) {
	t.Parallel()
	m := alone(t).Machine()
	var b strings.Builder
	b.WriteString("# Lifecycle of configuration items\n\nGenerated from the table of package config (`go test ./config -run Diagrams -update`).\n")
	fmt.Fprintf(&b, "\n```mermaid\n%s\n```\n", strings.TrimRight(m.Mermaid(), "\n"))
	fmt.Fprintf(&b, "\n| state | 状态 | phase |\n|---|---|---|\n")
	for _, s := range m.States() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s, m.StateText(s).Zh, m.Phase(s))
	}
	b.WriteString("\n## Relations of the shipped model\n\n| relation | 关系 | read the other way | hits |\n|---|---|---|---|\n")
	for _, r := range config.DefaultModel().Relations() {
		fmt.Fprintf(&b, "| %s | %s | %s, %s | %s |\n", r.Name, r.Zh, r.InverseEn, r.InverseZh, r.Impact)
	}
	path := filepath.Join("..", "docs", "diagrams", "config.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "the diagram is not that of the table: run with -update")
}

func TestRepository(t *testing.T) {
	t.Parallel()
	t.Run("R-253 there is one port to the database of items, and a suite that every implementation passes", func(t *testing.T) {
		itsmtest.Repository(t, alone(t), func(testing.TB) itsm.Repository[config.Item] { return config.NewRepositories(memory.New()).Items }, func(i int) config.Item {
			item := config.Item{Class: "server", Name: fmt.Sprint("srv ", i), State: config.StateLive, Status: "operational", Label: config.Label{Code: fmt.Sprint("L-", i), Form: config.Physical},
				Attributes: []config.Value{{Name: "place", Value: text(fmt.Sprint("B", i%3))}, {Name: "serial", Value: text(fmt.Sprint("S", i))}}}
			for k := range i % 4 {
				item.Relations = append(item.Relations, config.Relation{Type: "depends_on", To: itsm.ID(fmt.Sprint("CI-", k))})
			}
			return item
		})
	})
}
