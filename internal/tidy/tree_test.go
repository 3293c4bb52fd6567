package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is where the repository begins, seen from this folder.
const root = "../.."

// module is how an import path of this module begins.
const module = "blockgate/"

// maxTextSize is how many bytes of a file are read at most. Nothing that a
// person writes by hand is longer.
const maxTextSize = 1 << 20

// tree is the repository: each text file by its slash path from the root, and
// each Go file of the main module parsed.
type tree struct {
	fset  *token.FileSet
	texts map[string]string
	modes map[string]fs.FileMode
	files map[string]*ast.File
}

// load reads a tree. It reads in this process, not through a child, because go
// test caches a pass by the files that the test process itself opened.
func load(t *testing.T, from fs.FS) *tree {
	t.Helper()
	tr := &tree{
		fset:  token.NewFileSet(),
		texts: map[string]string{},
		modes: map[string]fs.FileMode{},
		files: map[string]*ast.File{},
	}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case skipped(name, entry):
			return fs.SkipDir
		case !entry.Type().IsRegular() || entry.Name() == ".git":
			return nil
		}
		return tr.add(from, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// skipped tells whether a folder is no part of what people write here.
func skipped(name string, entry fs.DirEntry) bool {
	if !entry.IsDir() || name == "." {
		return false
	}
	return slices.Contains([]string{".git", "bin", "cover", "testdata"}, entry.Name())
}

// add takes in one file, parsed if it is Go of the main module.
func (tr *tree) add(from fs.FS, name string) error {
	info, err := fs.Stat(from, name)
	if err != nil {
		return err
	}
	if info.Size() > maxTextSize {
		return nil
	}
	text, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil
	}
	tr.texts[name], tr.modes[name] = string(text), info.Mode()
	if path.Ext(name) != ".go" || strings.HasPrefix(name, "tools/") {
		return nil
	}
	tr.files[name], err = parser.ParseFile(tr.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return err
}

// texted gives the names of all text files, sorted.
func (tr *tree) texted() []string { return sortedKeys(tr.texts) }

// sources gives the names of all Go files, sorted, tests among them.
func (tr *tree) sources() []string { return sortedKeys(tr.files) }

// code gives the names of the Go files that are no tests, sorted.
func (tr *tree) code() []string { return slices.DeleteFunc(tr.sources(), isTest) }

// packages gives the folders that hold Go files, sorted.
func (tr *tree) packages() []string {
	found := map[string]bool{}
	for name := range tr.files {
		found[path.Dir(name)] = true
	}
	return sortedKeys(found)
}

// at writes where a node stands, as file:line.
func (tr *tree) at(node ast.Node) string {
	position := tr.fset.Position(node.Pos())
	return fmt.Sprintf("%s:%d", position.Filename, position.Line)
}

// isTest tells whether a Go file is compiled by go test only.
func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// importsOf gives the import paths of a file.
func importsOf(file *ast.File) []string {
	var paths []string
	for _, spec := range file.Imports {
		if unquoted, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, unquoted)
		}
	}
	return paths
}

// uses calls see for each selector in a file whose left side is an imported
// package: the path of that package, the name selected and the place.
func uses(file *ast.File, see func(from, name string, node ast.Node)) {
	named := map[string]string{}
	for _, spec := range file.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if spec.Name != nil {
			named[spec.Name.Name] = from
			continue
		}
		named[lastElement(from)] = from
	}
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if left, ok := selector.X.(*ast.Ident); ok && named[left.Name] != "" {
			see(named[left.Name], selector.Sel.Name, node)
		}
		return true
	})
}

// lastElement gives the name that an import path has by default: its last
// element that is no major version.
func lastElement(from string) string {
	base := path.Base(from)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		return path.Base(path.Dir(from))
	}
	return base
}

// sortedKeys gives the keys of a map in order, so that faults are printed alike
// each time.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// repository is the tree that these tests stand in.
func repository(t *testing.T) *tree {
	t.Helper()
	return load(t, os.DirFS(root))
}
