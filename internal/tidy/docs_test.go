package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// trust are the paragraphs that close the doc of a package, in this order.
var trust = []string{"\n// Runs in: ", "\n// Reads: ", "\n// Hands on: "}

// packageDocs wants one doc.go in each package, and in it whom the package trusts.
func packageDocs(tr *tree) []string {
	var faults []string
	for _, pkg := range tr.packages() {
		doc, ok := tr.texts[path.Join(pkg, "doc.go")]
		if !ok {
			faults = append(faults, pkg+": has no doc.go")
			continue
		}
		_, rest, ok := strings.Cut(doc, "\n// # Trust\n//\n")
		if !ok {
			faults = append(faults, pkg+"/doc.go: has no section \"# Trust\"")
			continue
		}
		rest = "\n" + rest
		for _, paragraph := range trust {
			before, after, ok := strings.Cut(rest, paragraph)
			if !ok || strings.Contains(before, "\npackage ") {
				faults = append(faults, fmt.Sprintf("%s/doc.go: section Trust has no paragraph %q in its place", pkg, strings.TrimPrefix(paragraph, "\n// ")))
				break
			}
			rest = after
		}
	}
	return faults
}

// exportedDocs wants a sentence that starts with the name on each exported name.
func exportedDocs(tr *tree) []string {
	var faults []string
	for _, name := range tr.code() {
		for _, decl := range tr.files[name].Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && onExported(decl) {
					faults = append(faults, tr.documented(decl, decl.Name.Name, decl.Doc)...)
				}
			case *ast.GenDecl:
				faults = append(faults, tr.documentedSpecs(decl)...)
			}
		}
	}
	return faults
}

// onExported tells whether a function has no receiver, or an exported one.
func onExported(decl *ast.FuncDecl) bool {
	if decl.Recv == nil {
		return true
	}
	receiver := decl.Recv.List[0].Type
	for {
		switch inner := receiver.(type) {
		case *ast.StarExpr:
			receiver = inner.X
		case *ast.IndexExpr:
			receiver = inner.X
		case *ast.IndexListExpr:
			receiver = inner.X
		case *ast.Ident:
			return inner.IsExported()
		default:
			return false
		}
	}
}

// documentedSpecs looks at types, constants and variables. In a block each name
// has a comment of its own, before it or behind it, unless one comment stands
// over the whole block.
func (tr *tree) documentedSpecs(decl *ast.GenDecl) []string {
	if decl.Tok == token.IMPORT {
		return nil
	}
	block := decl.Lparen.IsValid()
	var faults []string
	for _, spec := range decl.Specs {
		names, doc, behind := parts(spec)
		if !slices.ContainsFunc(names, (*ast.Ident).IsExported) {
			continue
		}
		switch {
		case !block:
			faults = append(faults, tr.documented(spec, names[0].Name, decl.Doc)...)
		case doc != nil:
			faults = append(faults, tr.documented(spec, names[0].Name, doc)...)
		case behind == nil && decl.Doc == nil:
			faults = append(faults, fmt.Sprintf("%s: %s is not documented", tr.at(spec), names[0].Name))
		}
	}
	return faults
}

// parts gives the names of a specification and the comments before and behind it.
func parts(spec ast.Spec) (names []*ast.Ident, doc, behind *ast.CommentGroup) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{spec.Name}, spec.Doc, spec.Comment
	case *ast.ValueSpec:
		return spec.Names, spec.Doc, spec.Comment
	default:
		return nil, nil, nil
	}
}

// documented says what is wrong with the first paragraph of the comment on a
// name, if anything; it may end in a colon before a picture.
func (tr *tree) documented(node ast.Node, name string, doc *ast.CommentGroup) []string {
	text, _, _ := strings.Cut(strings.TrimSpace(doc.Text()), "\n\n")
	words := strings.Fields(text)
	switch {
	case text == "":
		return []string{fmt.Sprintf("%s: %s is not documented", tr.at(node), name)}
	case strings.TrimRight(words[0], ":,") != name || len(words) < 2:
		return []string{fmt.Sprintf("%s: the comment on %s does not start with it", tr.at(node), name)}
	case !strings.ContainsAny(text[len(text)-1:], ".:"):
		return []string{fmt.Sprintf("%s: the comment on %s does not end with a full stop", tr.at(node), name)}
	}
	return nil
}
