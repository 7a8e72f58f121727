package arch

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What makes a result depend on when, where and how often the program runs, by package: functions, variables, methods with
// their type, * for everything.
var impure = map[string][]string{
	"time":         {"Now", "Since", "Until", "Local", "Time.Local"},
	"math/rand":    {"*"},
	"math/rand/v2": {"*"},
	"crypto/rand":  {"*"},
}

// Hashes with a seed of the process. Where they only say in which place of a map something lies, as in the maps of the language, no
// result depends on them.
var hashing = map[string][]string{
	"hash/maphash": {"MakeSeed", "String", "Bytes", "Comparable"},
}

// Waiting. The kernel may wait before it tries again, the scheduler between two looks; the rest of the domain never.
var waiting = map[string][]string{
	"time": {"Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"},
}

var (
	mayWait   = []string{".", "scheduler"}
	mayHash   = []string{"store/memory"}
	clockFile = "clock.go" // of the kernel and the scheduler: the defaults for hosts that give no clock and no random source
)

// TestNoClock keeps the clock and the random source out of the domain: both come in as parameters.
func TestNoClock(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if roomOf[p.rel] == testkit {
			continue // it runs inside tests
		}
		t.Run(p.rel, func(t *testing.T) {
			t.Parallel()
			s, err := loaded(t).check(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range s.files {
				if slices.Contains(mayWait, p.rel) && s.fset.Position(file.Pos()).Filename == clockFile {
					continue
				}
				for _, fault := range uses(s, file, impure) {
					t.Error(fault)
				}
				if !slices.Contains(mayWait, p.rel) {
					for _, fault := range uses(s, file, waiting) {
						t.Error(fault)
					}
				}
				if !slices.Contains(mayHash, p.rel) {
					for _, fault := range uses(s, file, hashing) {
						t.Error(fault)
					}
				}
			}
		})
	}
}

// uses lists where a file uses what is banned.
func uses(s *source, file *ast.File, banned map[string][]string) []string {
	var faults []string
	ast.Inspect(file, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		obj := s.info.Uses[id]
		if obj == nil || obj.Pkg() == nil {
			return true
		}
		if _, isPackage := obj.(*types.PkgName); isPackage {
			return true
		}
		names := banned[obj.Pkg().Path()]
		name := obj.Name()
		if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil {
			name = receiver(f) + "." + name
		}
		if slices.Contains(names, name) || slices.Contains(names, "*") {
			faults = append(faults, fmt.Sprintf("%s: %s.%s: the instant and randomness are parameters", s.fset.Position(id.Pos()), obj.Pkg().Path(), name))
		}
		return true
	})
	return faults
}

// receiver is the name of the type that a method belongs to, "" for methods of interface literals.
func receiver(f *types.Func) string {
	t := f.Signature().Recv().Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

func TestUses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code  string
		want  int
		waits int
	}{
		"a call":             {"func f() { _ = time.Now() }", 1, 0},
		"a value":            {"var clock = time.Now", 1, 0},
		"a renamed import":   {"func f(x clk.Time) clk.Duration { return clk.Since(x) }", 1, 0},
		"the local zone":     {"func f(x time.Time) { _, _ = x.Local(), time.Local }", 2, 0},
		"a random number":    {"func f() int { return rand.N(6) }", 1, 0},
		"other uses of time": {"func f(x time.Time) time.Time { return x.In(time.UTC).Add(time.Hour) }", 0, 0},
		"a comparison":       {"func f(x time.Time) bool { return x.After(x) }", 0, 0},
		"waiting":            {"func f() { <-time.After(time.Hour); time.Sleep(1) }", 0, 2},
		"a name of our own":  {"type clock struct{}\nfunc (clock) Now() int { return 0 }\nfunc f(c clock) int { return c.Now() }", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := snippet(t, "package p\nimport (\n\t\"math/rand/v2\"\n\t\"time\"\n\tclk \"time\"\n)\nvar _, _, _ = rand.Int, time.Hour, clk.Hour\n"+c.code)
			want := c.want + 1 // the line that keeps the imports in use
			assert.Len(t, uses(s, s.files[0], impure), want)
			assert.Len(t, uses(s, s.files[0], waiting), c.waits)
		})
	}
}
