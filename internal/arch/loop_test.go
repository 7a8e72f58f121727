package arch

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A loop walks a map. Its order does not matter when its body does nothing but
//   - write to what it declares itself, to entries that belong to the key at hand, or constants to any entry;
//   - count in whole numbers, keep a maximum or minimum, set a flag always to the same constant, delete;
//   - append to a slice that is sorted afterwards;
//   - stop early, always in the same way ("return false", "found = true; break") and with no other effect.
type loop struct {
	*source
	stmt *ast.RangeStmt
	body *ast.BlockStmt // of the function around it

	constants map[string]string // variable → the constant that it is set to
	stops     string            // how it stops early: "found = true; break"
	effects   bool
	depth     int // of statements inside that a plain break leaves
	why       string
}

// order says why the order matters, "" when it does not.
func (l *loop) order() string {
	if l.stmt.Tok == token.ASSIGN {
		return "the last key stays in a variable"
	}
	l.block(l.stmt.Body.List)
	if l.stops != "" && l.effects {
		l.fail("it stops after a part of its effects")
	}
	return l.why
}

func (l *loop) fail(why string) {
	if l.why == "" {
		l.why = why
	}
}

func (l *loop) block(list []ast.Stmt) {
	if n := len(list); n > 0 && l.leaves(list[n-1]) {
		start := n - 1
		for start > 0 && l.flag(list[start-1]) {
			start--
		}
		l.stop(list[start:])
		list = list[:start]
	}
	for _, stmt := range list {
		l.statement(stmt)
	}
}

// leaves reports whether a statement ends the loop before its time.
func (l *loop) leaves(stmt ast.Stmt) bool {
	switch s := stmt.(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.BranchStmt:
		within := s.Tok == token.BREAK && l.depth > 0 || s.Tok == token.CONTINUE
		return s.Tok != token.FALLTHROUGH && (!within || s.Label != nil)
	}
	return false
}

// flag reports whether a statement sets a variable to a constant.
func (l *loop) flag(stmt ast.Stmt) bool {
	s, ok := stmt.(*ast.AssignStmt)
	return ok && s.Tok == token.ASSIGN && len(s.Lhs) == 1 && len(s.Rhs) == 1 && l.constant(s.Rhs[0]) && l.info.Types[s.Lhs[0]].Addressable()
}

// stop takes the statements with which the loop ends before its time.
func (l *loop) stop(list []ast.Stmt) {
	var parts []string
	for _, stmt := range list {
		switch s := stmt.(type) {
		case *ast.AssignStmt:
			parts = append(parts, types.ExprString(s.Lhs[0])+" = "+types.ExprString(s.Rhs[0]))
		case *ast.BranchStmt:
			parts = append(parts, s.Tok.String())
			if s.Label != nil {
				parts = append(parts, s.Label.Name)
			}
		case *ast.ReturnStmt:
			parts = append(parts, "return")
			for _, e := range s.Results {
				if !l.constant(e) {
					l.fail("it stops with a value that depends on where it is")
				}
				parts = append(parts, types.ExprString(e))
			}
		}
	}
	how := strings.Join(parts, "; ")
	if l.stops != "" && l.stops != how {
		l.fail("it stops in different ways")
	}
	l.stops = how
}

func (l *loop) statement(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case nil, *ast.EmptyStmt:
	case *ast.BlockStmt:
		l.block(s.List)
	case *ast.AssignStmt:
		l.assign(s)
	case *ast.IncDecStmt:
		l.update(s.X, s.Tok)
	case *ast.DeclStmt:
		l.pure(s)
	case *ast.IfStmt:
		l.statement(s.Init)
		l.pure(s.Cond)
		l.block(s.Body.List)
		l.statement(s.Else)
	case *ast.ForStmt:
		l.statement(s.Init)
		l.pure(s.Cond)
		l.statement(s.Post)
		l.inner(s.Body)
	case *ast.RangeStmt:
		l.pure(s.X)
		if s.Tok == token.ASSIGN {
			l.fail("an inner loop leaves its last key in a variable")
		}
		l.inner(s.Body)
	case *ast.SwitchStmt:
		l.statement(s.Init)
		l.pure(s.Tag)
		l.inner(s.Body)
	case *ast.TypeSwitchStmt:
		l.statement(s.Init)
		l.pure(s.Assign)
		l.inner(s.Body)
	case *ast.CaseClause:
		for _, e := range s.List {
			l.pure(e)
		}
		l.block(s.Body)
	case *ast.BranchStmt, *ast.ReturnStmt:
		if l.leaves(s) {
			l.stop([]ast.Stmt{s})
		}
	case *ast.ExprStmt:
		l.call(s)
	default:
		l.fail("a statement is not understood")
	}
}

func (l *loop) inner(b *ast.BlockStmt) {
	l.depth++
	l.block(b.List)
	l.depth--
}

// call takes a call whose value is not used: it is there for its effect.
func (l *loop) call(s *ast.ExprStmt) {
	call, ok := s.X.(*ast.CallExpr)
	if !ok {
		l.fail("a statement is not understood")
		return
	}
	for _, arg := range call.Args {
		l.pure(arg)
	}
	l.effects = true
	name := callee(l.source, call.Fun)
	switch {
	case l.builtin(call.Fun) == "delete":
	case (strings.HasPrefix(name, "slices.Sort") || strings.HasPrefix(name, "sort.")) && len(call.Args) > 0 && l.own(call.Args[0]):
	default:
		l.fail("it calls " + types.ExprString(call.Fun))
	}
}

func (l *loop) assign(s *ast.AssignStmt) {
	for _, e := range s.Rhs {
		l.pure(e)
	}
	if s.Tok == token.DEFINE {
		return
	}
	for i, target := range s.Lhs {
		l.pure(target)
		if s.Tok != token.ASSIGN {
			l.update(target, s.Tok)
			continue
		}
		var value ast.Expr
		if len(s.Rhs) == len(s.Lhs) {
			value = s.Rhs[i]
		}
		l.write(target, value)
	}
}

// update is target op= something.
func (l *loop) update(target ast.Expr, op token.Token) {
	if l.local(target) || l.ofKey(target) {
		return
	}
	l.effects = true
	commutes := []token.Token{token.INC, token.DEC, token.ADD_ASSIGN, token.SUB_ASSIGN, token.MUL_ASSIGN, token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN, token.AND_NOT_ASSIGN}
	basic, ok := l.info.TypeOf(target).Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsInteger == 0 || !slices.Contains(commutes, op) {
		l.fail("it writes " + types.ExprString(target))
	}
}

// write is target = value; the value is nil when it is one of several results of a call.
func (l *loop) write(target, value ast.Expr) {
	name := types.ExprString(target)
	if name == "_" || l.local(target) {
		return
	}
	l.effects = true
	if value != nil && l.constant(value) {
		if _, entry := target.(*ast.IndexExpr); entry && l.isMap(target.(*ast.IndexExpr).X) {
			name = name[:strings.LastIndexByte(name, '[')] // entries of a set may all get one constant
		}
		text := types.ExprString(value)
		if before, ok := l.constants[name]; ok && before != text && !l.ofKey(target) {
			l.fail("it writes " + types.ExprString(target) + " with different values")
		}
		l.constants[name] = text
		return
	}
	if l.ofKey(target) {
		return
	}
	if call, ok := value.(*ast.CallExpr); ok && len(call.Args) > 1 && l.anyIs(call.Args, name) {
		switch l.builtin(call.Fun) {
		case "max", "min":
			if basic, ok := l.info.TypeOf(target).Underlying().(*types.Basic); ok && basic.Info()&types.IsOrdered != 0 {
				return
			}
		case "append":
			if types.ExprString(call.Args[0]) == name {
				if !sortedAfter(l.source, l.body, target, l.stmt.End()) {
					l.fail(name + " is not sorted afterwards")
				}
				return
			}
		}
	}
	l.fail("it writes " + name)
}

func (l *loop) anyIs(args []ast.Expr, name string) bool {
	return slices.ContainsFunc(args, func(e ast.Expr) bool { return types.ExprString(e) == name })
}

// ofKey reports whether the target is written in this round of the loop only: the entry at hand, m[key], m[pair{key, …}], and
// what is below them.
func (l *loop) ofKey(target ast.Expr) bool {
	switch t := ast.Unparen(target).(type) {
	case *ast.Ident:
		return l.declares(t)
	case *ast.StarExpr:
		return l.ofKey(t.X)
	case *ast.IndexExpr:
		return l.hasKey(t.Index) || l.ofKey(t.X)
	case *ast.SelectorExpr:
		return l.ofKey(t.X)
	}
	return false
}

// hasKey reports whether the key of the loop can be read back from the expression.
func (l *loop) hasKey(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		key, ok := l.stmt.Key.(*ast.Ident)
		return ok && l.info.Uses[e] != nil && l.info.Uses[e] == l.info.Defs[key] && !iteratesValues(l.source, l.stmt.X)
	case *ast.CompositeLit:
		return slices.ContainsFunc(e.Elts, l.hasKey)
	case *ast.KeyValueExpr:
		return l.hasKey(e.Value)
	}
	return false
}

func iteratesValues(s *source, x ast.Expr) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	return ok && callee(s, call.Fun) == "maps.Values"
}

// local reports whether the target is declared inside the loop, or part of such a thing.
func (l *loop) local(target ast.Expr) bool {
	id := root(target)
	if id == nil {
		return false
	}
	obj := l.info.ObjectOf(id)
	return obj != nil && l.stmt.Body.Pos() <= obj.Pos() && obj.Pos() < l.stmt.Body.End()
}

// declares reports whether a name is the key or the value of the loop.
func (l *loop) declares(id *ast.Ident) bool {
	obj := l.info.ObjectOf(id)
	return obj != nil && l.stmt.For < obj.Pos() && obj.Pos() < l.stmt.TokPos
}

// own is what is declared inside the loop, belongs to the entry at hand, or was asked of one of these.
func (l *loop) own(e ast.Expr) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		method, ok := call.Fun.(*ast.SelectorExpr)
		return ok && l.own(method.X)
	}
	return l.local(e) || l.ofKey(e)
}

func root(e ast.Expr) *ast.Ident {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func (l *loop) isMap(e ast.Expr) bool {
	_, ok := l.info.TypeOf(e).Underlying().(*types.Map)
	return ok
}

// constant reports whether an expression is the same in every round: a constant, nil, an empty literal, a package's error.
func (l *loop) constant(e ast.Expr) bool {
	e = ast.Unparen(e)
	if tv := l.info.Types[e]; tv.Value != nil || tv.IsNil() {
		return true
	}
	switch e := e.(type) {
	case *ast.CompositeLit:
		return len(e.Elts) == 0
	case *ast.Ident:
		obj := l.info.Uses[e]
		return obj != nil && obj.Pkg() != nil && obj.Parent() == obj.Pkg().Scope()
	}
	return false
}

func (l *loop) builtin(fun ast.Expr) string {
	if id, ok := ast.Unparen(fun).(*ast.Ident); ok {
		if b, ok := l.info.Uses[id].(*types.Builtin); ok {
			return b.Name()
		}
	}
	return ""
}

// pure looks for effects inside an expression: calls through function values, methods of things outside the loop that can
// change them, assignments in function literals, channels.
func (l *loop) pure(n ast.Node) {
	if n == nil {
		return
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				l.fail("it receives from a channel")
			}
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if n.Tok != token.DEFINE && !l.local(target) {
					l.fail("a function inside it writes " + types.ExprString(target))
				}
			}
		case *ast.IncDecStmt:
			if !l.local(n.X) {
				l.fail("a function inside it writes " + types.ExprString(n.X))
			}
		case *ast.CallExpr:
			if !l.harmless(n) {
				l.fail("it calls " + types.ExprString(n.Fun))
			}
		}
		return true
	})
}

func (l *loop) harmless(call *ast.CallExpr) bool {
	if l.info.Types[call.Fun].IsType() {
		return true
	}
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.FuncLit:
		return true // its body is looked at
	case *ast.IndexExpr, *ast.IndexListExpr:
		return callee(l.source, fun) != ""
	case *ast.Ident:
		switch obj := l.info.Uses[fun].(type) {
		case *types.Builtin:
			return obj.Name() != "panic" && obj.Name() != "recover"
		case *types.Func:
			return true
		}
	case *ast.SelectorExpr:
		selection := l.info.Selections[fun]
		if selection == nil {
			_, ok := l.info.Uses[fun.Sel].(*types.Func)
			return ok // a function of a package
		}
		if selection.Kind() != types.MethodVal {
			return false
		}
		receiver := selection.Obj().(*types.Func).Signature().Recv().Type()
		_, pointer := receiver.(*types.Pointer)
		return !pointer && !types.IsInterface(receiver) || l.own(fun.X)
	}
	return false
}
