package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// listed is the part of the output of go list -json that is used here.
type listed struct {
	ImportPath, Dir, Export            string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
	Deps                               []string
	Module                             *struct{ Path, Dir string }
	Error                              *struct{ Err string }
}

// A pkg is a package of the root module.
type pkg struct {
	listed
	module string // path of the root module
	rel    string // path below it, "." for the root package
}

// inModule returns the path of an import below the root module. The examples and tools are modules of their own.
func (p *pkg) inModule(imp string) (rel string, ours bool) {
	if imp == p.module {
		return ".", true
	}
	rel, ours = strings.CutPrefix(imp, p.module+"/")
	if top, _, _ := strings.Cut(rel, "/"); top == "examples" || top == "tools" {
		return "", false
	}
	return rel, ours
}

// standard reports whether an import path is of the standard library: its first part has no dot.
func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}

// A workspace is the root module with the export data of all that it needs.
type workspace struct {
	root    string   // its folder
	others  []string // folders of the modules nested in it, where the workspace has them
	pkgs    []*pkg
	exports map[string]string // import path → file
}

var loadOnce = sync.OnceValues(load)

func load() (*workspace, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, err
	}
	w := &workspace{exports: make(map[string]string)}
	w.others = strings.Fields(string(out))
	slices.SortFunc(w.others, func(a, b string) int { return len(a) - len(b) })
	w.root, w.others = w.others[0], w.others[1:] // the root module's folder holds all others
	all, err := list(w.root, "-export", "-deps")
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		w.exports[l.ImportPath] = l.Export
		if l.Module == nil || l.Module.Dir != w.root {
			continue
		}
		p := &pkg{listed: l, module: l.Module.Path}
		p.rel, _ = p.inModule(l.ImportPath)
		w.pkgs = append(w.pkgs, p)
	}
	return w, nil
}

// list runs go list for all packages of the module in a folder.
func list(dir string, flags ...string) ([]listed, error) {
	args := append([]string{"list", "-e", "-json=ImportPath,Dir,Export,GoFiles,Imports,TestImports,XTestImports,Deps,Module,Error"}, flags...)
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", dir, err)
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
}

func packages(t *testing.T) []*pkg {
	t.Helper()
	return loaded(t).pkgs
}

func loaded(t *testing.T) *workspace {
	t.Helper()
	w, err := loadOnce()
	require.NoError(t, err)
	require.NotEmpty(t, w.pkgs, "no package was listed")
	return w
}

// A source is a type-checked package.
type source struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// check reads and type-checks the non-test files of a package.
func (w *workspace) check(p *pkg) (*source, error) {
	if p.Error != nil {
		return nil, errors.New(p.Error.Err)
	}
	texts := make(map[string]string, len(p.GoFiles))
	for _, name := range p.GoFiles {
		text, err := os.ReadFile(filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		texts[name] = string(text)
	}
	return typecheck(p.ImportPath, p.GoFiles, texts, func(path string) (io.ReadCloser, error) {
		if w.exports[path] == "" {
			return nil, fmt.Errorf("%s does not compile", path)
		}
		return os.Open(w.exports[path])
	})
}

func typecheck(path string, names []string, texts map[string]string, lookup importer.Lookup) (*source, error) {
	s := &source{fset: token.NewFileSet(), info: &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}}
	for _, name := range names {
		file, err := parser.ParseFile(s.fset, name, texts[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, file)
	}
	config := types.Config{Importer: importer.ForCompiler(s.fset, "gc", lookup)}
	_, err := config.Check(path, s.fset, s.files, s.info)
	return s, err
}

// snippet type-checks a source text that imports the standard library only.
func snippet(t *testing.T, text string) *source {
	t.Helper()
	w := loaded(t)
	s, err := typecheck("snippet", []string{"snippet.go"}, map[string]string{"snippet.go": text}, func(path string) (io.ReadCloser, error) {
		if w.exports[path] != "" {
			return os.Open(w.exports[path])
		}
		out, err := exec.Command("go", "list", "-export", "-f", "{{.Export}}", path).Output()
		if err != nil {
			return nil, err
		}
		return os.Open(strings.TrimSpace(string(out)))
	})
	require.NoError(t, err)
	return s
}
