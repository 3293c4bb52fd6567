package node

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constants returns the texts of all constants of a type in this package.
func constants(t *testing.T, typeName string) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			kind, named := spec.Type.(*ast.Ident)
			value, literal := spec.Values[0].(*ast.BasicLit)
			if named && literal && kind.Name == typeName {
				text, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
			return true
		})
	}
	return texts
}

// TestWordsAreWhole: whoever counts by these words misses none of the package's.
func TestWordsAreWhole(t *testing.T) {
	t.Parallel()
	reasons, codes := Reasons(), AlarmCodes()
	for _, text := range constants(t, "Reason") {
		word, _, _ := strings.Cut(text, ":")
		if !slices.Contains(reasons, Reason(word)) {
			t.Errorf("reason %q is not among Reasons", word)
		}
	}
	for o := OutcomeProven; o.Valid(); o++ {
		if !slices.Contains(reasons, o.Reason()) {
			t.Errorf("reason %q is not among Reasons", o.Reason())
		}
	}
	alarms := constants(t, "AlarmCode")
	for _, text := range alarms {
		if !slices.Contains(codes, AlarmCode(text)) {
			t.Errorf("alarm %q is not among AlarmCodes", text)
		}
	}
	if len(alarms) != len(codes) || len(alarms) < 9 {
		t.Errorf("%d alarms, %d codes", len(alarms), len(codes))
	}
	if !slices.IsSorted(reasons) || len(reasons) != len(slices.Compact(slices.Clone(reasons))) {
		t.Errorf("%q", reasons)
	}
}
