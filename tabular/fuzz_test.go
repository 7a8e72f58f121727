package tabular_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/tabular"
)

// FuzzWrite writes any cells. No cell that a spreadsheet reads begins a formula, rows stay rows, and what is read is what was written.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "'=1", "\"=1", "a\n=1", "a\r\n=1", ",=1", ";=1", "\ufeff=1", " =1", "\x00=1", "＝1", "\xff", "\r\r\r\r\n"} {
		f.Add(s, "x")
		f.Add("x", s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var out bytes.Buffer
		require.NoError(t, tabular.Write(&out, []string{"a", "b"}, slices.Values([][]string{{a, b}, {"x", "y"}})))
		raw, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
		require.NoError(t, err)
		require.Len(t, raw, 3)
		for _, cell := range raw[1] {
			require.False(t, cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r"), "%q", cell)
		}
		rows, err := tabular.Table{Name: "t.csv"}.ReadAll(&out)
		if err != nil {
			return // no UTF-8, or too long
		}
		require.Len(t, rows, 2)
		for i, s := range []string{a, b} {
			for strings.Contains(s, "\r\n") { // the end of a line is written in one way
				s = strings.ReplaceAll(s, "\r\n", "\n")
			}
			require.Equal(t, s, rows[0].Get([]string{"a", "b"}[i]))
		}
	})
}
