package claim_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats are the attacks on bodies that the project keeps a list of. Each is met by a
// test that names it in its comment. Two of the list are not claim's: B10, what breaks a
// rule of coins, and B11, a store that refuses a valid block.
var threats = map[string]string{
	"B01": "a repeated end has the same root (CVE-2012-2459)",
	"B02": "witnesses changed or left out under the same txids",
	"B03": "inner nodes shown as transactions of 64 bytes (CVE-2017-12842)",
	"B04": "output values that overflow (CVE-2010-5139)",
	"B05": "an output spent twice by one transaction (CVE-2018-17144)",
	"B06": "coinbases that repeat (CVE-2012-1909)",
	"B07": "no coinbase, another one, one of a wrong length",
	"B08": "blocks above the limits of size, weight and count",
	"B09": "too many signature operations",
	"B12": "blocks that take long",
	"B13": "buffers used again while somebody reads them (CVE-2024-52911)",
	"B14": "transaction versions below zero",
	"B15": "another block than the one asked for",
}

func TestThreatsAreShown(t *testing.T) {
	shown := map[string][]string{}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`\bB\d\d\b`)
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			for _, id := range id.FindAllString(f.Doc.Text(), -1) {
				shown[id] = append(shown[id], f.Name.Name)
			}
		}
	}
	for id, what := range threats {
		if len(shown[id]) == 0 {
			t.Errorf("no test shows %s: %s", id, what)
		}
	}
	for id, tests := range shown {
		if threats[id] == "" {
			t.Errorf("%v show %s, which is no threat", tests, id)
		}
	}
}
