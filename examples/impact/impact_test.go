package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/internal/shareddata"
)

// run runs the program with -json.
func run(t testing.TB, args ...string) (map[string]any, error) {
	var out, messages bytes.Buffer
	if err := command(append(args, "-json"), &out, &messages); err != nil {
		return nil, err
	}
	var found map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &found), out.String())
	return found, nil
}

func file(t testing.TB, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func zipped(t testing.TB, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

const (
	nodesText = "id\tname\n1\ta\n2\tb\n3\tc\n4\ttwin\n5\ttwin\n"
	edgesText = "type\tfrom_id\tremark\tto\nD\t1\t\t2\nD\t1\tagain\t2\nD\t2\t\t1\nD\t3\t\t1\nR\t3\t\tvirtual\nD\t3\t\t3\n"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	nodes, edges := file(t, "n.tsv", nodesText), file(t, "e.tsv.gz", zipped(t, strings.ReplaceAll(edgesText, "\n", "\r\n")))
	t.Run("dependents", func(t *testing.T) {
		t.Parallel()
		found, err := run(t, "-nodes", nodes, "-edges", edges, "-of", "a,virtual", "-cycles")
		require.NoError(t, err)
		delete(found, "seconds")
		assert.Equal(t, map[string]any{
			"nodes": 5.0, "edges": 6.0, "unknown": 1.0, "unknown_items": 1.0, "direction": "dependents", "cycles": 1.0, "largest": 2.0,
			"items": []any{
				map[string]any{"name": "a", "direct": 2.0, "transitive": 2.0, "unknown": 0.0, "max_hops": 1.0},
				map[string]any{"name": "virtual", "direct": 1.0, "transitive": 1.0, "unknown": 0.0, "max_hops": 1.0},
			},
		}, found)
	})
	t.Run("dependencies over one type", func(t *testing.T) {
		t.Parallel()
		found, err := run(t, "-nodes", nodes, "-edges", edges, "-of", "c", "-types", "D", "-direction", "dependencies")
		require.NoError(t, err)
		assert.Equal(t, []any{map[string]any{"name": "c", "direct": 1.0, "transitive": 2.0, "unknown": 0.0, "max_hops": 2.0}}, found["items"])
		assert.NotContains(t, found, "cycles")
		assert.InDelta(t, 1, found["unknown"], 0, "edges to unknown items are counted whatever is followed")
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes, edges, of string
		want             []string
	}{
		"no header":           {"", edgesText, "a", []string{"n.tsv: found an empty file; want a header with the columns id, name"}},
		"a column is missing": {nodesText, "from_id\tto\n", "a", []string{"e.tsv, row 1, column type: found header \"from_id to\""}},
		"a column twice":      {"id\tname\tid\n", edgesText, "a", []string{"n.tsv, row 1, column id"}},
		"all faults at once": {nodesText + "1\tz\n6\n\tx\n", "from_id\tto\ttype\n1\t\tD\n1\t2\t3\t4\n" + strings.Repeat("y", 201) + "\t2\tD\n", "a", []string{
			"n.tsv, row 7, column id: found \"1\" again, which is \"a\"; want an ID of its own",
			"n.tsv, row 8: found 1 cells; want 2, as in the header",
			"n.tsv, row 9, column id: found nothing; want a value",
			"e.tsv, row 2, column to: found nothing; want a value",
			"e.tsv, row 3: found 4 cells; want 3",
			"e.tsv, row 4: from",
		}},
		"many":                  {nodesText, "from_id\tto\ttype\n" + strings.Repeat("x\n", 50), "a", []string{"row 21: found 1 cells", "and 30 more"}},
		"a long row":            {nodesText, "from_id\tto\ttype\n" + strings.Repeat("x", maxLine+1), "a", []string{"e.tsv, row 2: found a row of more than 1048576 bytes"}},
		"cut gzip":              {nodesText, zipped(t, edgesText)[:40], "a", []string{"e.tsv, row 3: found the end of a damaged gzip file"}},
		"gzip in name only":     {nodesText, "\x1f\x8bxx", "a", []string{"e.tsv: found a damaged gzip file"}},
		"an unknown name":       {nodesText, edgesText, "win,b", []string{`there is no item named "win"; there is twin`}},
		"a name of two":         {nodesText, edgesText, "twin", []string{`2 items are named "twin": [4 5]`}},
		"more than one mistake": {nodesText, edgesText, "x,y", []string{`"x"`, `"y"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, "-nodes", file(t, "n.tsv", c.nodes), "-edges", file(t, "e.tsv", c.edges), "-of", c.of)
			require.Error(t, err)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		_, err := run(t, "-nodes", "nowhere.tsv", "-edges", "nowhere.tsv", "-cycles")
		require.ErrorIs(t, err, os.ErrNotExist)
	})
	t.Run("a type that does not occur", func(t *testing.T) {
		t.Parallel()
		_, err := run(t, "-of", "esb", "-types", "runs_on,rusn_on")
		require.ErrorContains(t, err, `no relation has the type "rusn_on"; there are [fed_by linked_to runs_on served_by stores_in uses]`)
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"-nodes and -edges go together":             {"-nodes", "x"},
		"say what is asked":                         {"-nodes", "x", "-edges", "y"},
		"-direction up: want dependents or":         {"-direction", "up"},
		"what is \"esb\"?":                          {"esb"},
		"flag provided but not defined: -something": {"-something"},
	} {
		var messages bytes.Buffer
		require.ErrorIs(t, command(args, io.Discard, &messages), errUsage)
		assert.Contains(t, messages.String(), want)
	}
}

func Example() {
	if err := command(nil, os.Stdout, os.Stderr); err != nil {
		panic(err)
	}
	// Output:
	// 25 items, 43 relations, 1 of them to 1 unknown items
	//
	// dependents of  direct  transitive  unknown  hops  the farthest
	// ups-2          5       18          0        4     esb -uses-> his-opd -served_by-> his-app-1 -runs_on-> esx-1 -fed_by-> ups-2
	// esb            3       4           0        2     insurance -uses-> his-opd -uses-> esb
	//
	// when ups-2 fails
	//   down      his-db-2, esx-3, lis-app, pacs-app, lis, pacs, san-2, core-switch-2
	//   degraded  his-app-1, his-app-2, esx-1, esx-2, his-opd
	//   at_risk   emr-app-1, emr-app-2, esb, emr, insurance
	//
	// when esb fails
	//   down      emr, his-opd, lis, insurance
	//
	// single points of failure of his-opd: esb
	// single points of failure of emr: esb, his-opd
	// single points of failure of pacs: esx-3, pacs-app, san-2, core-switch-1, ups-1, ups-2
}

// TestDebian holds the answers about a real dependency graph against plain searches over maps.
func TestDebian(t *testing.T) {
	t.Parallel()
	nodes, edges := shareddata.Path(t, "debian12-nodes.tsv.gz"), shareddata.Path(t, "debian12-edges.tsv.gz")
	p := readPlain(t, nodes, edges, "P", "D")
	names := []string{"libc6", "openssl", "perl-base", "gnome", "0ad", "2048", "libruby"}
	for _, direction := range []string{"dependents", "dependencies"} {
		found, err := run(t, "-nodes", nodes, "-edges", edges, "-types", "P,D", "-of", strings.Join(names, ","), "-direction", direction, "-cycles")
		require.NoError(t, err)
		assert.InDelta(t, 63436, found["nodes"], 0)
		assert.InDelta(t, 377114, found["edges"], 0)
		assert.InDelta(t, 60087, found["unknown"], 0)
		assert.InDelta(t, len(p.unknown), found["unknown_items"], 0)
		for i, got := range found["items"].([]any) {
			assert.Equal(t, p.search(names[i], direction == "dependencies"), got, direction)
		}
		n, largest := p.cycles()
		assert.InDelta(t, n, found["cycles"], 0)
		assert.InDelta(t, largest, found["largest"], 0)
		assert.Greater(t, n, 50)
	}
}

// plain is the graph as maps of strings.
type plain struct {
	id       map[string]string // by name
	unknown  map[string]bool
	out, in  map[string][]string
	everyone []string
}

func readPlain(t testing.TB, nodes, edges string, types ...string) *plain {
	p := &plain{map[string]string{}, map[string]bool{}, map[string][]string{}, map[string][]string{}, nil}
	known := map[string]bool{}
	rows := func(path string, use func(cells []string)) {
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		z, err := gzip.NewReader(f)
		require.NoError(t, err)
		text, err := io.ReadAll(z)
		require.NoError(t, err)
		for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[1:] {
			use(strings.Split(line, "\t"))
		}
	}
	rows(nodes, func(cells []string) {
		p.id[cells[1]], known[cells[0]] = cells[0], true
		p.everyone = append(p.everyone, cells[0])
	})
	rows(edges, func(cells []string) {
		from, to := cells[0], cells[1]
		if !known[to] {
			p.unknown[to] = true
		}
		if slices.Contains(types, cells[2]) {
			p.out[from] = append(p.out[from], to)
			p.in[to] = append(p.in[to], from)
		}
	})
	return p
}

// search is a breadth-first search.
func (p *plain) search(name string, dependencies bool) map[string]any {
	rows := p.in
	if dependencies {
		rows = p.out
	}
	at := map[string]int{p.id[name]: 0}
	queue := []string{p.id[name]}
	direct, hops, unknown := 0, 0, 0
	for head := 0; head < len(queue); head++ {
		for _, next := range rows[queue[head]] {
			if _, seen := at[next]; seen {
				continue
			}
			at[next] = at[queue[head]] + 1
			queue = append(queue, next)
			hops = max(hops, at[next])
			if at[next] == 1 {
				direct++
			}
			if p.unknown[next] {
				unknown++
			}
		}
	}
	return map[string]any{"name": name, "direct": float64(direct), "transitive": float64(len(queue) - 1), "unknown": float64(unknown), "max_hops": float64(hops)}
}

// cycles counts strongly connected components with Kosaraju's algorithm.
func (p *plain) cycles() (n, largest int) {
	seen := map[string]bool{}
	var order []string
	var visit func(rows map[string][]string, id string, done func(string))
	visit = func(rows map[string][]string, id string, done func(string)) {
		seen[id] = true
		for _, next := range rows[id] {
			if !seen[next] {
				visit(rows, next, done)
			}
		}
		done(id)
	}
	for _, id := range p.everyone {
		if !seen[id] {
			visit(p.out, id, func(id string) { order = append(order, id) })
		}
	}
	clear(seen)
	for _, id := range slices.Backward(order) {
		size := 0
		if !seen[id] {
			visit(p.in, id, func(string) { size++ })
		}
		if size > 1 {
			n, largest = n+1, max(largest, size)
		}
	}
	return n, largest
}

// FuzzTable reads anything as a table: it never panics, and says what is wrong or returns whole rows.
func FuzzTable(f *testing.F) {
	f.Add([]byte(nodesText))
	f.Add([]byte("\ufeffid\tname\r\n1\ta\r\n"))
	f.Add([]byte("id\tname\n1\n\n"))
	f.Add([]byte(zipped(f, nodesText)))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := newTable("n", bytes.NewReader(text), nodeColumns...)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			return
		}
		e, err := newTable("e", strings.NewReader("from_id\tto\ttype\n1\t2\tD\n"), edgeColumns...)
		require.NoError(t, err)
		inv, err := read(n, e)
		if err != nil {
			assert.Contains(t, err.Error(), "n, row ")
			return
		}
		assert.Len(t, inv.names, inv.graph.Len())
		assert.Equal(t, n.row-2, inv.graph.Len(), "a row is an item")
	})
}
