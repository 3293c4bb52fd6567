package tidy

import (
	"fmt"
	"go/scanner"
	"go/token"
	"path"
	"slices"
)

// The trusted core is the code that decides whether a body is the one that a header
// commits to: all of sandbox/claim but the files of words. It is counted in lines that
// hold a token, so neither comments nor blanks count. The hashing engine is counted
// nowhere: it is held to crypto/sha256 by its tests.
const (
	corePackage  = "sandbox/claim"
	maxCoreLines = 250
)

// coreWords are the files of that package that decide nothing of the kind: what a
// worker says and how that is written down, what is refused by which name, what is
// handed on, and how a signet's challenge is asked about a body that is proven.
var coreWords = []string{"doc.go", "claim.go", "entries.go", "errors.go", "checked.go", "challenge.go"}

// trustedCore holds the core to its size.
func trustedCore(tr *tree) []string {
	var faults []string
	lines := 0
	for _, name := range tr.code() {
		if path.Dir(name) == corePackage && !slices.Contains(coreWords, path.Base(name)) {
			lines += codeLines(tr.texts[name])
		}
	}
	if lines > maxCoreLines {
		faults = append(faults, fmt.Sprintf("%s: the trusted core has %d lines of code, the most is %d", corePackage, lines, maxCoreLines))
	}
	return faults
}

// codeLines counts the lines of a Go file on which a token stands.
func codeLines(text string) int {
	file := token.NewFileSet().AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), nil, 0)
	lines := map[int]bool{}
	for {
		position, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // put in by the scanner
		}
		lines[file.Line(position)] = true
	}
}
