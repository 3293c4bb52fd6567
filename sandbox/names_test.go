package sandbox

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLayerNames holds the list to the constants: a layer that is not in it would
// have no series.
func TestLayerNames(t *testing.T) {
	var declared []string
	for _, source := range []string{"report.go", "role.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Layer") {
				name, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Error(err)
				}
				declared = append(declared, name)
			}
			return true
		})
	}
	names := LayerNames()
	slices.Sort(declared)
	slices.Sort(names)
	if !slices.Equal(names, declared) || len(slices.Compact(names)) != len(declared) {
		t.Errorf("listed are %q, declared %q", LayerNames(), declared)
	}
	for _, name := range names {
		if !validName(name) || Remedy(name) == "" || Why(name) == "" {
			t.Errorf("%s: no name, no reason or no remedy", name)
		}
		text := "parser: exit status 4: " + (&MissingError{Layer: name, Detail: "seen"}).Error()
		if got, ok := MissingLayer(text); !ok || got != name {
			t.Errorf("%q names %q, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "required sandbox layer ", "required sandbox layer seccomp", "required sandbox layer other is missing"} {
		if got, ok := MissingLayer(text); ok {
			t.Errorf("%q names %q", text, got)
		}
	}
}
