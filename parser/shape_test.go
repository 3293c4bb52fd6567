package parser_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// functionsOf are the functions and methods of the package, by name, and the names that
// each calls. Two of one name count as one, so a cycle may be seen that is none, but
// none is missed: there are no function values here.
func functionsOf(t *testing.T, packages ...string) (calls map[string][]string, makes []string) {
	t.Helper()
	calls = map[string][]string{}
	for _, folder := range packages {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range tree.Decls {
				function, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				name := function.Name.Name
				for _, called := range callsIn(function) {
					calls[name] = append(calls[name], called)
					if called == "make" || called == "new" || called == "Grow" {
						makes = append(makes, name)
					}
				}
			}
		}
	}
	return calls, makes
}

func callsIn(function *ast.FuncDecl) (names []string) {
	ast.Inspect(function, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			names = append(names, f.Name)
		case *ast.SelectorExpr:
			names = append(names, f.Sel.Name)
		}
		return true
	})
	return names
}

// Input decides neither how deep the walk calls nor how much memory there is: nothing
// calls itself, by whatever way (W12), and memory is made by New alone (W08).
func TestNoRecursionAndNoMake(t *testing.T) {
	calls, makes := functionsOf(t, ".")
	if len(calls) < 20 || !slices.Contains(calls["Block"], "transactions") {
		t.Fatalf("functions %v", calls)
	}
	for begin := range calls {
		seen := map[string]bool{}
		for next := slices.Clone(calls[begin]); len(next) > 0; {
			name := next[0]
			next = next[1:]
			if name == begin {
				t.Errorf("%s calls itself", begin)
			}
			if !seen[name] {
				seen[name] = true
				next = append(next, calls[name]...)
			}
		}
	}
	if want := []string{"newOutpoints"}; !slices.Equal(makes, want) {
		t.Errorf("memory is made by %v, want %v", makes, want)
	}
}
