package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats are the published attacks on headers (H) and bodies (B) that the project
// keeps a list of. Each is met by a test that names it in its comment.
var threats = map[string]string{
	"H01": "endless valid headers of little work, deep or wide, fill memory (CVE-2019-25220)",
	"H02": "headers of difficulty 1 on genesis, stored before they are judged (CVE-2024-52916)",
	"H03": "peers' clocks shift ours, so that good blocks look too new (CVE-2024-52912)",
	"H04": "a header more than two hours ahead, refused for ever",
	"H05": "time warps and other windows of the retarget (BIP-0054, BIP-0094)",
	"H06": "a wrong walk back of the 20-minute rule, a period whose first header is lost",
	"H07": "bits that stand for no target",
	"H08": "messages of headers that repeat, skip, or go nowhere",
	"H09": "headers with work and an old version: the fork of July 2015",
	"H10": "headers with all their work that break one rule",
	"H11": "more headers with less work, ties, deep reorganizations",
	"H12": "the same invalid header again and again",
	"B01": "a repeated end has the same root (CVE-2012-2459)",
	"B02": "witnesses changed or left out under the same txids",
	"B03": "inner nodes shown as transactions of 64 bytes (CVE-2017-12842)",
	"B04": "output values that overflow (CVE-2010-5139)",
	"B05": "an output spent twice by one transaction (CVE-2018-17144)",
	"B06": "coinbases that repeat (CVE-2012-1909)",
	"B07": "no coinbase, another one, one of a wrong length",
	"B08": "blocks above the limits of size, weight and count",
	"B09": "too many signature operations",
	"B10": "what only a set of coins shows, or the order within a block",
	"B11": "a store that refuses a valid block",
	"B12": "blocks that take long",
	"B13": "buffers used again while somebody reads them (CVE-2024-52911)",
	"B14": "transaction versions below zero",
	"B15": "another block than the one asked for",
}

// shownIn says in which folders the tests of a kind of attack are.
var shownIn = map[string][]string{
	"H": {"headerchain"},
	"B": {"sandbox/claim", "fuzz", "bus/jetstream"},
}

func TestThreatsAreShown(t *testing.T) {
	shown := map[string][]string{}
	for kind, folders := range shownIn {
		id := regexp.MustCompile(`\b` + kind + `\d\d\b`)
		for _, folder := range folders {
			for test, comment := range testComments(t, folder) {
				for _, id := range id.FindAllString(comment, -1) {
					shown[id] = append(shown[id], folder+"."+test)
				}
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

// testComments returns the comment of each test in a folder of the module.
func testComments(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no tests, %v", folder, err)
	}
	comments := map[string]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				comments[f.Name.Name] = f.Doc.Text()
			}
		}
	}
	return comments
}
