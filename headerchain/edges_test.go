package headerchain_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"blockgate/headerchain"
)

// edge is one rule at the place where it begins to refuse.
type edge struct {
	rule   string
	kind   error
	source string
	// judge gives the verdict on the value at the edge plus delta.
	judge func(t *testing.T, delta int) error
	// bad are the deltas, of -1, 0 and 1, that are refused; nil where a network does
	// not have the rule.
	bad []int
	// fine is what the others get: nil, unless the next rule refuses them, since
	// nobody can mine there.
	fine error
}

// edges are the rows of all rules and limits. A new kind of refusal needs a row:
// see TestEdgesMeetEachKind.
func edges() []edge {
	return slices.Concat(linkEdges(), targetEdges(), retargetEdges(), easyEdges(), timeEdges(), versionEdges(), limitEdges(), presyncEdges())
}

// Each rule at its edge and at both neighbours.
func TestEdges(t *testing.T) {
	for _, e := range edges() {
		t.Run(e.rule, func(t *testing.T) {
			if e.source == "" {
				t.Error("no source")
			}
			for delta := -1; delta <= 1; delta++ {
				want := e.fine
				if slices.Contains(e.bad, delta) {
					want = e.kind
				}
				if err := e.judge(t, delta); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("%+d: %v, want %v", delta, err, want)
				}
			}
		})
	}
}

// Each kind of refusal that the package has is met by a row. The kinds are read
// from its code, so that none can be forgotten.
func TestEdgesMeetEachKind(t *testing.T) {
	met := map[string]bool{}
	for _, e := range edges() {
		if len(e.bad) > 0 {
			met[e.kind.Error()] = true
		}
	}
	kinds := errorKinds(t)
	for name, text := range kinds {
		if !met[text] {
			t.Errorf("%s (%q) has no row in edges", name, text)
		}
	}
	if len(kinds) < 13 || kinds["ErrBits"] != headerchain.ErrBits.Error() {
		t.Errorf("kinds %v", kinds)
	}
}

// errorKinds returns the text of each exported error of the package by its name.
func errorKinds(t *testing.T) map[string]string {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.VAR {
				for _, spec := range group.Specs {
					addKind(t, kinds, spec)
				}
			}
		}
	}
	return kinds
}

// addKind adds a declaration of the form ErrX = errors.New("text").
func addKind(t *testing.T, kinds map[string]string, spec ast.Spec) {
	t.Helper()
	value, ok := spec.(*ast.ValueSpec)
	if !ok || !strings.HasPrefix(value.Names[0].Name, "Err") {
		return
	}
	name := value.Names[0].Name
	call, ok := value.Values[0].(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		t.Fatalf("%s is not made from a text", name)
	}
	text, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		t.Fatalf("%s is not made from a text", name)
	}
	var err error
	if kinds[name], err = strconv.Unquote(text.Value); err != nil {
		t.Fatal(err)
	}
}
