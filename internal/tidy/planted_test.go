package tidy

import "strings"

// plantedImports breaks the rules on who may import whom, each beside what is
// just allowed.
func plantedImports() []planted {
	const btcd = "github.com/btcsuite/btcd/"
	block := "package session\n\nimport \"" + btcd + "wire/v2\"\n\nvar _ wire.MsgBlock\n"
	return []planted{
		{"unknown package", ownImports, "adapter/oracle/a.go", "package oracle\n", "not in the import table"},
		{"edge not in the table", ownImports, "headerchain/a.go", importing("headerchain", "blockgate/adapter"), "must not import adapter"},
		{"edge in the table", ownImports, "headerchain/a.go", importing("headerchain", "blockgate/internal/btc"), ""},
		{"edge of a test", ownImports, "headerchain/a_test.go", importing("headerchain", "blockgate/adapter"), ""},
		{"wildcard", ownImports, "cmd/blockgate/a.go", importing("main", "blockgate/supervisor"), ""},

		{"module at the wrong place", outsideImports, "adapter/a.go", importing("adapter", "github.com/nats-io/nats.go"), "must not import"},
		{"module at its place", outsideImports, "bus/jetstream/a.go", importing("jetstream", "github.com/nats-io/nats.go/jetstream"), ""},
		{"unknown module", outsideImports, "bus/a.go", importing("bus", "example.org/dependency"), "must not import"},
		{"module alike by name", outsideImports, "bus/jetstream/a.go", importing("jetstream", "github.com/nats-io/nats.going"), "must not import"},

		{"parser outside the wall", parserImports, "cmd/blockgate/a.go", importing("main", "blockgate/parser"), "reaches inside"},
		{"worker outside the wall", parserImports, "sandbox/pool/a.go", importing("pool", "blockgate/parser/worker"), "reaches inside"},
		{"parser in a test outside", parserImports, "sandbox/pool/a_test.go", importing("pool", "blockgate/parser"), "reaches inside"},
		{"parser in claim", parserImports, "sandbox/claim/a.go", importing("claim", "blockgate/parser"), "reaches inside"},
		{"parser in a test of claim", parserImports, "sandbox/claim/a_test.go", importing("claim", "blockgate/parser"), ""},
		{"parser in its binary", parserImports, "cmd/blockgate-parser/a.go", importing("main", "blockgate/parser"), ""},

		{"block decoder", blockDecoders, "adapter/session/a.go", block, "names wire.MsgBlock"},
		{"block decoder by another name", blockDecoders, "adapter/session/a.go", renamed(block), "names wire.MsgBlock"},
		{"block decoder in a test", blockDecoders, "adapter/session/a_test.go", block, ""},
		{"other message", blockDecoders, "adapter/session/a.go", strings.ReplaceAll(block, "MsgBlock", "MsgHeaders"), ""},
		{"block library", blockDecoders, "bus/a.go", importing("bus", btcd+"btcutil/v2"), "decodes blocks"},

		{"core of n lines", trustedCore, "sandbox/claim/a.go", "package claim\n\n// words\n\n" + strings.Repeat("var _ = 1 // more\n", 249), ""},
		{"core of n+1 lines", trustedCore, "sandbox/claim/a.go", "package claim\n" + strings.Repeat("var _ = 1\n\n", 250), "251 lines of code"},
		{"words of many lines", trustedCore, "sandbox/claim/errors.go", "package claim\n" + strings.Repeat("var _ = 1\n", 300), ""},

		{"pure opens files", purity, "adapter/node/a.go", importing("node", "os"), "must not import os"},
		{"pure locks", purity, "parser/a.go", importing("parser", "sync/atomic"), "must not import sync/atomic"},
		{"pure throws dice", purity, "headerchain/a.go", importing("headerchain", "math/rand/v2"), "must not import math/rand"},
		{"pure with addresses", purity, "adapter/node/a.go", importing("node", "net/netip"), ""},
		{"shell opens files", purity, "adapter/a.go", importing("adapter", "os"), ""},
		{"pure reads the clock", purity, "sandbox/claim/a.go", calling("claim", "time", "Now"), "must not call time.Now"},
		{"pure starts a goroutine", purity, "parser/a.go", "package parser\n\nfunc f() { go f() }\n", "starts no goroutine"},
	}
}

// plantedDocs breaks the rules on documents in code.
func plantedDocs() []planted {
	const doc = "// Package bus is.\n//\n// # Trust\n//\n// Runs in: a.\n//\n// Reads: b.\n//\n// Hands on: c.\npackage bus\n"
	return []planted{
		{"no doc.go", packageDocs, "bus/a.go", "package bus\n", "has no doc.go"},
		{"full doc.go", packageDocs, "bus/doc.go", doc, ""},
		{"no section", packageDocs, "bus/doc.go", strings.Replace(doc, "# Trust", "Trust", 1), "no section"},
		{"paragraph missing", packageDocs, "bus/doc.go", strings.Replace(doc, "Reads: b.", "It reads b.", 1), "no paragraph \"Reads: \""},
		{"paragraphs swapped", packageDocs, "bus/doc.go", strings.NewReplacer("Reads", "Hands on", "Hands on", "Reads").Replace(doc), "no paragraph"},

		{"function without", exportedDocs, "bus/a.go", "package bus\n\nfunc Open() {}\n", "Open is not documented"},
		{"function with", exportedDocs, "bus/a.go", "package bus\n\n// Open opens.\nfunc Open() {}\n", ""},
		{"another name first", exportedDocs, "bus/a.go", "package bus\n\n// Opens it.\nfunc Open() {}\n", "does not start with it"},
		{"name and colon", exportedDocs, "bus/a.go", "package bus\n\n// Max: the most.\nconst Max = 1\n", ""},
		{"picture at the end", exportedDocs, "bus/a.go", "package bus\n\n// Open opens:\n//\n//\ta|b\nfunc Open() {}\n", ""},
		{"no full stop", exportedDocs, "bus/a.go", "package bus\n\n// Open opens\nfunc Open() {}\n", "full stop"},
		{"method without", exportedDocs, "bus/a.go", "package bus\n\ntype t[K any] struct{}\n\n// T is.\ntype T[K any] struct{}\n\nfunc (T[K]) M() {}\n", "M is not documented"},
		{"method of a hidden type", exportedDocs, "bus/a.go", "package bus\n\ntype t struct{}\n\nfunc (*t) M() {}\n", ""},
		{"constant without", exportedDocs, "bus/a.go", "package bus\n\nconst Max = 1\n", "Max is not documented"},
		{"constants, one without", exportedDocs, "bus/a.go", "package bus\n\nconst (\n\tA = 1 // The first.\n\tB = 2\n)\n", "B is not documented"},
		{"constants under one comment", exportedDocs, "bus/a.go", "package bus\n\n// The letters.\nconst (\n\tA = 1\n\tB = 2\n)\n", ""},
		{"hidden", exportedDocs, "bus/a.go", "package bus\n\nconst max = 1\n\nfunc open() {}\n", ""},
	}
}

// plantedHabits breaks the rules on shape and habits.
func plantedHabits() []planted {
	return []planted{
		{"longest file", shape, "bus/a.go", "package bus\n" + strings.Repeat("\n", maxFileLines-1), ""},
		{"file too long", shape, "bus/a.go", "package bus\n" + strings.Repeat("\n", maxFileLines), "701 lines"},
		{"test file too long", shape, "bus/a_test.go", "package bus\n" + strings.Repeat("\n", maxFileLines), "701 lines"},
		{"longest function", shape, "bus/a.go", function(maxFunctionLines), ""},
		{"function too long", shape, "bus/a.go", function(maxFunctionLines + 1), "71 lines"},
		{"empty name", shape, "bus/util.go", "package bus\n", "name the file"},
		{"empty name of a test", shape, "bus/helpers_test.go", "package bus\n", "name the file"},
		{"empty name of a package", shape, "common/a.go", "package common\n", "name the file"},
		{"parser main", shape, "cmd/blockgate-parser/main.go", "package main\n" + strings.Repeat("\n//\n", maxParserMain), "41 lines"},
		{"longest parser main", shape, "cmd/blockgate-parser/main.go", "package main\n" + strings.Repeat("\n//\n", maxParserMain-1), ""},

		{"unsafe", unsafeNames, "sandbox/a.go", importing("sandbox", "unsafe"), "only *_unsafe.go"},
		{"unsafe said", unsafeNames, "sandbox/a_unsafe.go", importing("sandbox", "unsafe"), ""},
		{"unsafe said in a test", unsafeNames, "sandbox/a_unsafe_test.go", importing("sandbox", "unsafe"), ""},
		{"unsafe in a test", unsafeNames, "sandbox/a_test.go", importing("sandbox", "unsafe"), "only *_unsafe.go"},
		{"cgo", unsafeNames, "sandbox/a.go", importing("sandbox", "C"), "imports C"},
		{"linkname", linknames, "sandbox/a.go", "package sandbox\n\n//go:link" + "name now runtime.now\nfunc now()\n", "go:link" + "name"},
		{"init", inits, "bus/a.go", "package bus\n\nfunc init() {}\n", "init function"},
		{"method init", inits, "bus/a.go", "package bus\n\ntype t int\n\nfunc (t) init() {}\n", ""},
		{"sleeping test", sleeps, "bus/a_test.go", calling("bus", "time", "Sleep"), "a test sleeps"},
		{"sleep in a bubble", sleeps, "bus/a_test.go", "package bus\n\nimport (\n\t\"testing/synctest\"\n\t\"time\"\n)\n\nfunc f() { time.Sleep(1); synctest.Wait() }\n", ""},
		{"dot import", dots, "bus/a.go", "package bus\n\nimport . \"strings\"\n", "dot import"},
	}
}

// importing writes a file that imports one package.
func importing(pkg, imported string) string {
	return "package " + pkg + "\n\nimport _ \"" + imported + "\"\n"
}

// calling writes a file that calls one function.
func calling(pkg, from, name string) string {
	return "package " + pkg + "\n\nimport \"" + from + "\"\n\nfunc f() { " + from + "." + name + "() }\n"
}

// renamed imports wire under another name.
func renamed(text string) string {
	return strings.NewReplacer("import \"", "import w \"", "wire.MsgBlock", "w.MsgBlock").Replace(text)
}

// function writes a file with a function of so many lines.
func function(lines int) string {
	return "package bus\n\nfunc f() {" + strings.Repeat("\n", lines-1) + "}\n"
}
