package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var requirement = regexp.MustCompile(`(?:^|[^A-Za-z0-9-])(R-\d+|INV-\d+|F-[A-Z]+-\d+|S-\d{3})(?:$|[^A-Za-z0-9-])`)

// TestWords reads the Go files of all modules.
func TestWords(t *testing.T) {
	t.Parallel()
	root := loaded(t).root
	read := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		read++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		check := idFaults
		if strings.HasSuffix(path, "_test.go") {
			check = skipFaults
		}
		for _, fault := range check(rel, string(text)) {
			t.Error(fault)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, read)
}

// idFaults lists IDs of requirements. Outside tests they say nothing to the reader; the rule itself has to stand there.
func idFaults(name, text string) []string {
	var faults []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		if m := requirement.FindStringSubmatch(line); m != nil {
			faults = append(faults, fmt.Sprintf("%s:%d: %s: the ID of a requirement belongs into a test; say the rule instead", name, number, m[1]))
		}
	}
	return faults
}

// skipFaults lists tests that are skipped without a reason.
func skipFaults(name, text string) []string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if silent := method.Sel.Name == "SkipNow" || method.Sel.Name == "Skip" && saysNothing(call.Args); silent {
			faults = append(faults, fmt.Sprintf("%s: a test that is skipped says why", fset.Position(call.Pos())))
		}
		return true
	})
	return faults
}

func saysNothing(args []ast.Expr) bool {
	if len(args) == 0 {
		return true
	}
	literal, ok := args[0].(*ast.BasicLit)
	return ok && len(args) == 1 && strings.Trim(literal.Value, "\"` ") == ""
}

func TestIDFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"// see R-155":               1,
		"// (INV-03, F-SLA-5)":       1,
		`const a = "S-128"`:          1,
		"// S-128.":                  1,
		"// AES-128, HR-7, R-x, R-":  0,
		"// IBM-S-390":               0,
		"// S-12 is too short":       0,
		"// R-1\n// nothing\n// R-2": 2,
	} {
		assert.Len(t, idFaults("a.go", text), want, text)
	}
	assert.Equal(t, []string{"a.go:2: R-155: the ID of a requirement belongs into a test; say the rule instead"}, idFaults("a.go", "package a\n// R-155\n"))
}

func TestSkipFaults(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		`t.Skip("no data")`:      0,
		`t.Skip(err)`:            0,
		`t.Skipf("no %s", name)`: 0,
		`t.Skip()`:               1,
		`t.Skip("")`:             1,
		`t.SkipNow()`:            1,
	} {
		assert.Len(t, skipFaults("a_test.go", "package a\nfunc f() { "+code+" }"), want, code)
	}
}
