package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// The limits of shape. They stand here, in a test, so that no setting of a
// linter loosens them; see docs/STYLE.md for why they are there.
const (
	maxFileLines     = 700
	maxFunctionLines = 70
	maxParserMain    = 40 // Lines of cmd/blockgate-parser that are not blank, doc.go not counted.
)

// emptyNames are file and package names that say nothing.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "types", "base", "shared", "lib"}

// shape holds files and functions to their length, and files to a name.
func shape(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		if lines := strings.Count(tr.texts[name], "\n"); lines > maxFileLines {
			faults = append(faults, fmt.Sprintf("%s: %d lines, the most is %d; find the second noun in it", name, lines, maxFileLines))
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".go"), "_test")
		if slices.Contains(emptyNames, stem) || slices.Contains(emptyNames, path.Base(path.Dir(name))) {
			faults = append(faults, name+": name the file for what is in it")
		}
		if !isTest(name) {
			faults = append(faults, tr.longFunctions(name)...)
		}
	}
	if lines := tr.parserMainLines(); lines > maxParserMain {
		faults = append(faults, fmt.Sprintf("cmd/blockgate-parser: %d lines, the most is %d; it is wiring", lines, maxParserMain))
	}
	return faults
}

// longFunctions gives the functions of a file that do not fit on a screen. Comments
// inside them count: the screen shows them too.
func (tr *tree) longFunctions(name string) []string {
	var faults []string
	for _, decl := range tr.files[name].Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := tr.fset.Position(function.End()).Line - tr.fset.Position(function.Pos()).Line + 1
		if lines > maxFunctionLines {
			faults = append(faults, fmt.Sprintf("%s: %s has %d lines, the most is %d", tr.at(function), function.Name.Name, lines, maxFunctionLines))
		}
	}
	return faults
}

// parserMainLines counts the code of the binary inside the wall.
func (tr *tree) parserMainLines() int {
	lines := 0
	for _, name := range tr.code() {
		if path.Dir(name) == "cmd/blockgate-parser" && path.Base(name) != "doc.go" {
			for line := range strings.Lines(tr.texts[name]) {
				if strings.TrimSpace(line) != "" {
					lines++
				}
			}
		}
	}
	return lines
}
