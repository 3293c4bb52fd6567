package tidy

import (
	"strings"
	"testing"
	"testing/fstest"
)

// rules are the checks that need nothing but the tree.
var rules = []struct {
	name  string
	check func(*tree) []string
}{
	{"imports of our own", ownImports},
	{"imports from outside", outsideImports},
	{"parser is inside the wall", parserImports},
	{"no block decoder outside the wall", blockDecoders},
	{"pure packages", purity},
	{"package docs", packageDocs},
	{"exported docs", exportedDocs},
	{"shape", shape},
	{"trusted core", trustedCore},
	{"unsafe and cgo", unsafeNames},
	{"linkname", linknames},
	{"init", inits},
	{"sleep", sleeps},
	{"dot imports", dots},
	{"unfinished work", unfinished},
	{"machine paths", machinePaths},
	{"registry hosts", registryHosts},
	{"links in documents", brokenLinks},
	{"paths in documents", brokenPaths},
	{"go.mod comments", requirements},
	{"linter settings", linterSettings},
	{"scripts", scripts},
	{"make targets", makeTargets},
	{"Dockerfile", dockerfile},
	{"poison", poisonTag},
}

// TestTree holds this tree to every rule.
func TestTree(t *testing.T) {
	tr := repository(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, fault := range rule.check(tr) {
				t.Error(fault)
			}
		})
	}
}

// planted is a small tree with one fault in it, or none.
type planted struct {
	name  string
	check func(*tree) []string
	file  string
	text  string
	want  string // A part of the only fault; none if empty.
}

// TestRules plants a fault for every rule and, beside it, what is just allowed.
func TestRules(t *testing.T) {
	for _, tc := range allPlanted() {
		t.Run(tc.name, func(t *testing.T) {
			faults := tc.check(load(t, fstest.MapFS{tc.file: &fstest.MapFile{Data: []byte(tc.text), Mode: 0o755}}))
			switch {
			case tc.want == "" && len(faults) > 0:
				t.Errorf("refused: %q", faults)
			case tc.want != "" && len(faults) != 1:
				t.Errorf("%d faults, want one: %q", len(faults), faults)
			case tc.want != "" && !strings.Contains(faults[0], tc.want):
				t.Errorf("got %q, want %q in it", faults[0], tc.want)
			}
		})
	}
}

// allPlanted gives the cases of every rule.
func allPlanted() []planted {
	cases := plantedImports()
	cases = append(cases, plantedDocs()...)
	cases = append(cases, plantedHabits()...)
	return append(cases, plantedTexts()...)
}

// TestEveryRuleIsPlanted notices a rule that no planted fault proves awake. Go
// cannot compare functions, so it runs each rule on each planted fault.
func TestEveryRuleIsPlanted(t *testing.T) {
	for _, rule := range rules {
		awake := false
		for _, tc := range allPlanted() {
			tr := load(t, fstest.MapFS{tc.file: &fstest.MapFile{Data: []byte(tc.text), Mode: 0o755}})
			awake = awake || (tc.want != "" && strings.Contains(strings.Join(rule.check(tr), "\n"), tc.want))
		}
		if !awake {
			t.Errorf("rule %q sees no planted fault", rule.name)
		}
	}
}
