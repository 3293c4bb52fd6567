package tidy

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// unsafeNames keeps package unsafe to files whose name says so, and cgo out.
func unsafeNames(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		imported := importsOf(tr.files[name])
		stem := strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test")
		if slices.Contains(imported, "unsafe") && !strings.HasSuffix(stem, "_unsafe") {
			faults = append(faults, name+": imports unsafe; only *_unsafe.go may")
		}
		if slices.Contains(imported, "C") {
			faults = append(faults, name+": imports C; both binaries are static and built without cgo")
		}
	}
	return faults
}

// linknames keeps //go:linkname out: it reaches past every other rule.
func linknames(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		for _, group := range tr.files[name].Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "//go:linkname") {
					faults = append(faults, tr.at(comment)+": go:linkname")
				}
			}
		}
	}
	return faults
}

// inits keeps init functions out: nothing runs before main says so.
func inits(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		for _, decl := range tr.files[name].Decls {
			if function, ok := decl.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				faults = append(faults, tr.at(function)+": init function")
			}
		}
	}
	return faults
}

// sleeps keeps tests from waiting for time to pass: step the core, wait for the
// thing itself, or use testing/synctest.
func sleeps(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		if !isTest(name) {
			continue
		}
		uses(tr.files[name], func(from, word string, node ast.Node) {
			if from == "time" && word == "Sleep" && !strings.Contains(tr.texts[name], "\"testing/synctest\"") {
				faults = append(faults, tr.at(node)+": a test sleeps; use testing/synctest")
			}
		})
	}
	return faults
}

// dots keeps dot imports out of files that are no tests: a name should say where
// it comes from.
func dots(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		for _, spec := range tr.files[name].Imports {
			if spec.Name != nil && spec.Name.Name == "." {
				faults = append(faults, fmt.Sprintf("%s: dot import of %s", tr.at(spec), spec.Path.Value))
			}
		}
	}
	return faults
}
