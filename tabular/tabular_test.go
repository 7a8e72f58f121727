package tabular_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/tabular"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 4).Draw(t, "width")
		var header []string
		for i := range width {
			header = append(header, fmt.Sprint("c", i))
		}
		cell := rapid.OneOf(rapid.StringMatching(`[=+\-@'\t ,;"a\n硬件]{0,6}`), rapid.StringN(0, 8, 30)).Filter(func(s string) bool {
			return !strings.Contains(s, "\r\n") && !strings.Contains(s, "\x00")
		})
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, width, width), 0, 5).Draw(t, "rows")
		var b bytes.Buffer
		require.NoError(t, tabular.Write(&b, header, slices.Values(rows)))
		read, err := tabular.Table{Name: "f.csv"}.ReadAll(&b)
		require.NoError(t, err)
		var got [][]string
		for _, r := range read {
			var cells []string
			for _, c := range r.Columns() {
				cells = append(cells, r.Get(c))
			}
			got = append(got, cells)
		}
		var want [][]string
		for _, row := range rows {
			if width > 1 || row[0] != "" { // an empty line is no row
				want = append(want, row)
			}
		}
		assert.Equal(t, want, got)
	})
}

func TestNoCellRuns(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, tabular.Write(&b, []string{"name"}, slices.Values([][]string{{"=cmd|' /C calc'!A0"}, {"+1"}, {"-1"}, {"@x"}, {"\tx"}, {"fine"}})))
	for line := range strings.Lines(strings.TrimPrefix(b.String(), "\ufeff")) {
		line = strings.TrimPrefix(line, `"`)
		assert.NotContains(t, "=+-@\t\r", line[:1], line)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	table := tabular.Table{Name: "items.csv", Required: []string{"class", "name"}, Optional: []string{"place"}, Limits: tabular.Limits{Cell: 20, Rows: 5}}
	for name, c := range map[string]struct{ in, want string }{
		"empty":        {"", "items.csv: want a header line"},
		"utf-16":       {"\xff\xfec\x00", "UTF-16"},
		"gbk":          {"class,name\nserver,\xd6\xf7\xbb\xfa\n", "GBK"},
		"a workbook":   {"PK\x03\x04", "workbook"},
		"header":       {"name,name,colour,\n", "items.csv, line 1, column class: want the column, which is missing"},
		"cells":        {"class,name\nserver\nserver,a\n", "items.csv, line 2: want 2 cells as in the header, there are 1"},
		"a long cell":  {"class,name\nserver," + strings.Repeat("x", 21) + "\n", "items.csv, line 2, column name: got \"xxxxxxxxxxxxxxxxxxxxx\", want at most 20 bytes"},
		"a long line":  {"class,name\n\"" + strings.Repeat("x", 1<<20), "longer than is allowed"},
		"rows":         {"class,name\n" + strings.Repeat("server,a\n", 6), "line 7: want at most 5 rows"},
		"an open cell": {"class,name\n\"server,a\n", "want a quoted cell that ends"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := table.ReadAll(strings.NewReader(c.in))
			require.ErrorIs(t, err, itsm.ErrInvalid)
			assert.Empty(t, rows)
			assert.Contains(t, err.Error(), c.want)
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		t.Parallel()
		_, err := table.ReadAll(strings.NewReader("name,name,colour,\n"))
		var faults tabular.Faults
		require.ErrorAs(t, err, &faults)
		assert.Len(t, faults, 4)
		_, err = table.ReadAll(strings.NewReader("class,name\na\nb\nserver,c\n"))
		require.ErrorAs(t, err, &faults)
		assert.Len(t, faults, 2)
		assert.Equal(t, 3, faults[1].Line)
	})
	t.Run("separators and the byte order mark", func(t *testing.T) {
		t.Parallel()
		for _, in := range []string{"\ufeffclass;name\nserver;a,b\n", "class\tname\nserver\ta,b\n", "class,name\r\nserver,\"a,b\"\r\n"} {
			rows, err := table.ReadAll(strings.NewReader(in))
			require.NoError(t, err)
			assert.Equal(t, "a,b", rows[0].Get("name"))
			assert.Equal(t, 2, rows[0].Line)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a;b\n\"x\n", "\ufeffa\n", "\xff\xfe", "a,a\n", "a\n'=1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rows, err := tabular.Table{Name: "f", Limits: tabular.Limits{Cell: 100, Rows: 100}}.ReadAll(bytes.NewReader(in))
		if err != nil && (!errors.Is(err, itsm.ErrInvalid) || len(rows) > 0) {
			t.Fatalf("%v with %d rows", err, len(rows))
		}
	})
}

func Example() {
	file := "class,name,place\nserver,db1,B1\nserver,db2\n"
	for row, err := range (tabular.Table{Name: "items.csv", Required: []string{"class", "name"}}).Read(strings.NewReader(file)) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(row.Line, row.Get("name"), row.Get("place"))
	}
	// Output:
	// 2 db1 B1
	// items.csv, line 3: want 3 cells as in the header, there are 2
}
