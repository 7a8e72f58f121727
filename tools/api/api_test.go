package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func typecheck(t *testing.T, source string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "demo.go", source, 0)
	require.NoError(t, err)
	p, err := (&types.Config{Importer: importer.Default()}).Check("example.com/demo", fset, []*ast.File{file}, nil)
	require.NoError(t, err)
	return p
}

func TestListing(t *testing.T) {
	t.Parallel()
	got := Listing(typecheck(t, `package demo

import "io"

type State string

const (
	New   State = "new"
	Third       = 1.0 / 3
	small       = 1
)

var ErrX, hidden error

type base struct{ ID int }

func (*base) Promoted() {}

type Record struct {
	base
	io.Reader
	Summary string `+"`json:\"summary\"`"+`
	version int
}

func (r Record) State() (State, error) { return "", nil }
func (r *Record) Set(s ...State)       {}
func (r *Record) unexported()          {}

type Machine[S ~string, E any] struct{ next map[S]E }

func (m *Machine[S, E]) Next(from S) (E, bool) { e, ok := m.next[from]; return e, ok }

func Build[S ~string](rows []S) *Machine[S, int] { return nil }

type Command interface {
	io.Closer
	Name() string
	sealed()
}

type Number interface{ ~int | ~float64 }
type Key interface {
	comparable
	String() string
}
type Set[K comparable] = map[K]struct{}
type Clock func() int64
`))
	assert.Equal(t, `package demo // example.com/demo

const New State = "new"
const Third untyped float = 0.333333
field Record.ID int
field Record.Reader (embedded io.Reader)
field Record.Summary string `+"`json:\"summary\"`"+`
func Build[S ~string](rows []S) *Machine[S, int]
method (*Machine) Next(from S) (E, bool)
method (*Record) Promoted()
method (*Record) Set(s ...State)
method (Command) Close() error
method (Command) Name() string
method (Key) String() string
method (Record) Read(p []byte) (n int, err error)
method (Record) State() (State, error)
type Clock func() int64
type Command interface // with unexported methods
type Key interface { comparable }
type Machine[S ~string, E any] struct // with unexported fields, not comparable
type Number interface { ~int | ~float64 }
type Record struct // with unexported fields
type Set[K comparable] = map[K]struct{}
type State string
var ErrX error
`, got)
}

// module writes a repository of one module with a package, a command and an internal package.
func module(t *testing.T, source string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":              "module example.com/m\n\ngo 1.26.0\n",
		"m.go":                "package m\n\nconst One = 1\n",
		"a/b/b.go":            source,
		"internal/x/x.go":     "package x\n\nconst Hidden = 1\n",
		"examples/e/e.go":     "package e\n\nconst Hidden = 1\n",
		"cmd/main.go":         "package main\n\nconst Hidden = 1\n\nfunc main() {}\n",
		"a/only_test/only.go": "package only\n",
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func TestRun(t *testing.T) {
	t.Setenv("GOWORK", "off")
	root := module(t, "package b\n\nfunc F(n int) error { return nil }\n")
	api := func(args ...string) error {
		return run(append([]string{"-root", root}, args...), io.Discard, io.Discard)
	}

	assert.ErrorContains(t, api(), "a.b.txt:\n+ package b // example.com/m/a/b\n")
	require.NoError(t, api("-write"))
	assert.NoError(t, api())
	names, err := filepath.Glob(filepath.Join(root, "api", "*"))
	require.NoError(t, err)
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	assert.Equal(t, []string{"a.b.txt", "a.only_test.txt", "dependencies.txt", "m.txt"}, names)

	require.NoError(t, os.WriteFile(filepath.Join(root, "a/b/b.go"), []byte("package b\n\nfunc F(n int64) error { return nil }\n"), 0o644))
	assert.ErrorContains(t, api(), "a.b.txt:\n- func F(n int) error\n+ func F(n int64) error")
	require.NoError(t, os.Remove(filepath.Join(root, "a/b/b.go")))
	assert.ErrorContains(t, api(), "- func F(n int) error")
	require.NoError(t, api("-write"))
	assert.NoFileExists(t, filepath.Join(root, "api", "a.b.txt"))

	require.NoError(t, os.WriteFile(filepath.Join(root, "m.go"), []byte("package m\n\nconst One = oops\n"), 0o644))
	assert.ErrorContains(t, api(), "undefined: oops")
}

func TestAgainst(t *testing.T) {
	t.Setenv("GOWORK", "off")
	old := module(t, "package b\n\nfunc F(n int) error { return nil }\n")
	for name, c := range map[string]struct{ source, breaks string }{
		"an addition breaks nobody": {"package b\n\nfunc F(n int) error { return nil }\nfunc G() {}\n", ""},
		"a changed signature does":  {"package b\n\nfunc F(n int64) error { return nil }\n", "example.com/m/a/b: F: changed from func(int) error to func(int64) error\n"},
		"a removal does":            {"package b\n", "example.com/m/a/b: F: removed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run([]string{"-root", module(t, c.source), "-against", old}, &out, io.Discard)
			assert.Equal(t, c.breaks, out.String())
			if c.breaks == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, errBreaks)
			}
		})
	}
}

func TestWeight(t *testing.T) {
	t.Setenv("GOWORK", "off")
	root := module(t, "package b\n\nimport \"testing\"\n\nfunc F(t *testing.T) {}\n")
	require.NoError(t, run([]string{"-root", root, "-write"}, io.Discard, io.Discard))
	listing, err := os.ReadFile(filepath.Join(root, "api", weightFile))
	require.NoError(t, err)
	assert.Equal(t, "what a program links when it imports a package, besides the standard library\n\n"+
		"example.com/m/a/b: testing\nexample.com/m/a/only_test:\nexample.com/m:\n", string(listing))
	require.NoError(t, os.WriteFile(filepath.Join(root, "a/b/b.go"), []byte("package b\n\nfunc F() {}\n"), 0o644))
	assert.ErrorContains(t, run([]string{"-root", root}, io.Discard, io.Discard), "dependencies.txt:\n- example.com/m/a/b: testing\n+ example.com/m/a/b:")
}
