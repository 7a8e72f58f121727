package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMapOrder keeps the order of maps out of results. A loop over a map passes when its body comes to the same whatever the
// order (see [loop]), or when what it collects is sorted afterwards. Where neither can be seen, a comment on the line of the loop
// or the one before says why the order does not matter:
//
//	for id, r := range s.byID { //maporder: each record is reset on its own
//
// Taken on trust: that a comparison function orders totally, that calls whose value is used have no effect unless they go through a
// function value or a method of something that outlives the loop, and that two names do not alias.
func TestMapOrder(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		t.Run(p.rel, func(t *testing.T) {
			t.Parallel()
			s, err := loaded(t).check(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range mapOrderFaults(s) {
				t.Error(fault)
			}
		})
	}
}

const excuse = "//maporder:"

// mapOrderFaults lists loops and calls through which the order of a map may reach a result, and idle excuses.
func mapOrderFaults(s *source) []string {
	var faults []string
	for _, file := range s.files {
		excuses := make(map[int]*ast.Comment)
		for _, group := range file.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, excuse) {
					excuses[s.fset.Position(c.Pos()).Line] = c
				}
			}
		}
		used := make(map[*ast.Comment]bool)
		visitUnordered(s, file, func(at token.Pos, why string) {
			line := s.fset.Position(at).Line
			if c := cmp.Or(excuses[line], excuses[line-1]); c != nil {
				used[c] = true
				if strings.TrimSpace(strings.TrimPrefix(c.Text, excuse)) == "" {
					faults = append(faults, fmt.Sprintf("%s: %s needs the reason", s.fset.Position(at), excuse))
				}
				return
			}
			if why != "" {
				faults = append(faults, fmt.Sprintf("%s: the order of a map reaches the result (%s): sort, or say why it does not matter with %s", s.fset.Position(at), why, excuse))
			}
		})
		for _, c := range excuses {
			if !used[c] {
				faults = append(faults, fmt.Sprintf("%s: no map is walked here: remove the comment", s.fset.Position(c.Pos())))
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// visitUnordered calls found for each place where a map is walked, with the reason why its order matters, "" when it does not.
func visitUnordered(s *source, file *ast.File, found func(at token.Pos, why string)) {
	var stack []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		switch n := n.(type) {
		case *ast.RangeStmt:
			if unordered(s, n.X) {
				l := &loop{source: s, stmt: n, body: body(stack), constants: make(map[string]string)}
				found(n.Pos(), l.order())
			}
		case *ast.CallExpr:
			if !iterates(s, n) {
				break
			}
			if r, ok := stack[len(stack)-1].(*ast.RangeStmt); ok && r.X == n {
				break // seen as a loop
			}
			found(n.Pos(), passedOn(s, stack))
		}
		stack = append(stack, n)
		return true
	})
}

// body returns the innermost function body around a node.
func body(stack []ast.Node) *ast.BlockStmt {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return n.Body
		case *ast.FuncLit:
			return n.Body
		}
	}
	return nil
}

// unordered reports whether ranging over x gives an order that differs from run to run.
func unordered(s *source, x ast.Expr) bool {
	if t := s.info.TypeOf(x); t != nil {
		if p, ok := t.(*types.TypeParam); ok {
			t = p.Constraint()
			for e := range t.Underlying().(*types.Interface).EmbeddedTypes() {
				if u, ok := e.(*types.Union); ok && u.Len() > 0 {
					t = u.Term(0).Type()
				}
			}
		}
		if _, ok := t.Underlying().(*types.Map); ok {
			return true
		}
	}
	switch x := ast.Unparen(x).(type) {
	case *ast.CallExpr:
		return iterates(s, x)
	case *ast.SelectorExpr:
		return callee(s, x) == "sync.Range"
	}
	return false
}

// iterates reports whether a call gives or walks the entries of a map.
func iterates(s *source, call *ast.CallExpr) bool {
	return slices.Contains([]string{"maps.Keys", "maps.Values", "maps.All", "sync.Range", "reflect.MapKeys", "reflect.MapRange"}, callee(s, call.Fun))
}

// callee names a function as "path.Name", the same for methods of the types of a package.
func callee(s *source, fun ast.Expr) string {
	var id *ast.Ident
	switch f := ast.Unparen(fun).(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	case *ast.IndexExpr:
		return callee(s, f.X)
	case *ast.IndexListExpr:
		return callee(s, f.X)
	default:
		return ""
	}
	if f, ok := s.info.Uses[id].(*types.Func); ok && f.Pkg() != nil {
		return f.Pkg().Path() + "." + f.Name()
	}
	return ""
}

// passedOn says why the order of maps.Keys(m) matters where it is handed to the call on top of the stack.
func passedOn(s *source, stack []ast.Node) string {
	outer, ok := stack[len(stack)-1].(*ast.CallExpr)
	if !ok {
		return "an iterator over a map is handed on"
	}
	switch name := callee(s, outer.Fun); name {
	case "slices.Sorted", "slices.SortedFunc", "slices.SortedStableFunc", "maps.Collect", "maps.Insert":
		return ""
	case "slices.Collect", "slices.AppendSeq":
		if assign, ok := stack[len(stack)-2].(*ast.AssignStmt); ok && len(assign.Lhs) == 1 && sortedAfter(s, body(stack), assign.Lhs[0], assign.End()) {
			return ""
		}
		return name + " without a sort afterwards"
	default:
		return "an iterator over a map is handed to a function"
	}
}

// sortedAfter reports whether a function sorts x at a later place.
func sortedAfter(s *source, body *ast.BlockStmt, x ast.Expr, after token.Pos) bool {
	if body == nil {
		return false
	}
	want, found := types.ExprString(x), false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() < after || len(call.Args) == 0 {
			return true
		}
		name := callee(s, call.Fun)
		arg := call.Args[0]
		if conversion, ok := arg.(*ast.CallExpr); ok && len(conversion.Args) == 1 { // sort.Sort(byName(x)), slices.Sorted(slices.Values(x))
			arg = conversion.Args[0]
		}
		if (strings.HasPrefix(name, "slices.Sort") || strings.HasPrefix(name, "sort.")) && types.ExprString(arg) == want {
			found = true
		}
		return true
	})
	return found
}

func TestMapOrderFaults(t *testing.T) {
	t.Parallel()
	const harmless = ""
	for name, c := range map[string]struct{ code, want string }{
		"map by key":            {`out := map[string]int{}; for k, v := range m { out[k] = v + 1 }; _ = out`, harmless},
		"map by part of value":  {`out := map[int]string{}; for k, v := range m { out[v] = k }; _ = out`, "writes out[v]"},
		"a set":                 {`out := map[int]bool{}; for _, v := range m { out[v] = true }; _ = out`, harmless},
		"counting":              {`n := 0; for _, v := range m { if v > 1 { n++ } else { n += v } }; _ = n`, harmless},
		"adding floats":         {`f := 0.0; for _, v := range m { f += float64(v) }; _ = f`, "writes f"},
		"joining strings":       {`s := ""; for k := range m { s += k }; _ = s`, "writes s"},
		"the greatest":          {`n := 0; for _, v := range m { n = max(n, v) }; _ = n`, harmless},
		"the last":              {`n := 0; for _, v := range m { n = v }; _ = n`, "writes n"},
		"all of them":           {`for _, v := range m { if v < 0 { return false } }`, harmless},
		"the first":             {`for _, v := range m { return v > 0 }`, "stops with a value that depends on where it is"},
		"true or false":         {`for k, v := range m { if k == "" { return false }; if v == 0 { return true } }`, "stops in different ways"},
		"found":                 {`found := false; for _, v := range m { if v < 0 { found = true; break } }; _ = found`, harmless},
		"count until":           {`n := 0; for _, v := range m { n++; if v < 0 { break } }; _ = n`, "stops after a part of its effects"},
		"a set until":           {`out := map[int]bool{}; for _, v := range m { out[v] = true; if v < 0 { break } }; _ = out`, "stops after a part of its effects"},
		"one flag or another":   {`a, b := false, false; for _, v := range m { if v < 0 { a = true; break }; if v > 9 { b = true; break } }; _, _ = a, b`, "stops in different ways"},
		"two equal flags":       {`a := false; for _, v := range m { switch { case v < 0: a = true; case v > 9: a = true } }; _ = a`, harmless},
		"break of a switch":     {`n := 0; for _, v := range m { switch { case v < 0: n++; break } }; _ = n`, harmless},
		"break with a label":    {"n := 0\nL: for _, v := range m { for v > 0 { n++; break L } }; _ = n", "stops after a part of its effects"},
		"the value at hand":     {`for k, v := range m { v++; m[k] = v }`, harmless},
		"below the value":       {`for _, p := range map[string]*int{} { *p = len(m) }`, harmless},
		"flags of two kinds":    {`n := 0; for _, v := range m { if v < 0 { n = 1 } else { n = 2 } }; _ = n`, "writes n"},
		"removal":               {`for k, v := range m { if v == 0 { delete(m, k) } }`, harmless},
		"collect":               {`var ks []string; for k := range m { ks = append(ks, k) }; _ = ks`, "ks is not sorted afterwards"},
		"collect, sort":         {`var ks []string; for k := range m { ks = append(ks, k) }; slices.Sort(ks)`, harmless},
		"collect, sort package": {`var ks []string; for k := range m { ks = append(ks, k) }; sort.Strings(ks)`, harmless},
		"sort another":          {`var ks, o []string; for k := range m { ks = append(ks, k) }; slices.Sort(o); _ = ks`, "ks is not sorted afterwards"},
		"sort before":           {`var ks []string; slices.Sort(ks); for k := range m { ks = append(ks, k) }`, "ks is not sorted afterwards"},
		"print":                 {`for k := range m { fmt.Println(k) }`, "calls fmt.Println"},
		"write":                 {`var b strings.Builder; for k := range m { b.WriteString(k) }`, "calls b.WriteString"},
		"send":                  {`c := make(chan string); for k := range m { c <- k }`, "is not understood"},
		"a counter behind":      {`out := map[string]int{}; for k := range m { out[k] = next() }; _ = out`, "calls next"},
		"work on one entry":     {`for k, v := range m { x := v * 2; x++; m[k] = x }`, harmless},
		"nested, by outer key":  {`for a := range m { for b := range m { out2[[2]string{a, b}] = 1 } }`, harmless},
		"nested, by inner key":  {`out := map[string]string{}; for a := range m { for _, b := range []string{"x"} { out[b] = a } }; _ = out`, "writes out[b]"},
		"sorted keys":           {`for _, k := range slices.Sorted(maps.Keys(m)) { fmt.Println(k) }`, harmless},
		"unsorted keys":         {`for k := range maps.Keys(m) { fmt.Println(k) }`, "calls fmt.Println"},
		"collected keys":        {`ks := slices.Collect(maps.Keys(m)); _ = ks`, "slices.Collect without a sort"},
		"collected, sorted":     {`ks := slices.Collect(maps.Keys(m)); slices.Sort(ks)`, harmless},
		"keys handed on":        {`walk(maps.Keys(m))`, "handed to a function"},
		"a slice":               {`for _, k := range []string{"a"} { fmt.Println(k) }`, harmless},
		"an excuse":             {"for k := range m { //maporder: a log for people\n fmt.Println(k) }", harmless},
		"an excuse above":       {"//maporder: a log for people\n for k := range m { fmt.Println(k) }", harmless},
		"no reason":             {"for k := range m { //maporder:\n fmt.Println(k) }", "needs the reason"},
		"an idle excuse":        {"//maporder: none\n_ = m", "remove the comment"},
		"a generic map":         {`generic(m)`, harmless},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := snippet(t, `package p

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"strings"
)

var (
	_    = fmt.Sprint(maps.Collect[string, int], sort.Strings, slices.Sort[[]string])
	_    strings.Builder
	next = func() int { return 0 }
	out2 map[[2]string]int
)

func walk(iter.Seq[string]) {}

func generic[M ~map[K]V, K comparable, V any](m M) (n int) {
	for range m {
		n++
	}
	return n
}

func f(m map[string]int) bool {
`+c.code+`
	return true
}
`)
			faults := strings.Join(mapOrderFaults(s), "\n")
			if c.want == "" {
				assert.Empty(t, faults)
			} else {
				assert.Contains(t, faults, c.want)
			}
		})
	}
}
