package tidy

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// present are files that a newcomer, a packager or the build looks for.
var present = []string{
	".ci/run", ".dockerignore", ".golangci.yml", "CONTRIBUTING.md", "Dockerfile", "LICENSE", "Makefile",
	"docs/STYLE.md", "docs/bips.md", "docs/decisions/README.md", "go.mod", "tools/go.mod", "tools/lint/go.mod",
}

// TestPresent wants the files that other rules pass over if they are missing.
func TestPresent(t *testing.T) {
	tr := repository(t)
	for _, name := range present {
		if _, ok := tr.texts[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

// requirements wants a comment behind each direct requirement of go.mod: what it
// is for. A dependency is a decision.
func requirements(tr *tree) []string {
	required := regexp.MustCompile(`^(?:require )?\s*([a-z0-9.-]+\.[a-z]+/\S+) v\S+(.*)$`)
	var faults []string
	for line := range strings.Lines(tr.texts["go.mod"]) {
		found := required.FindStringSubmatch(strings.TrimSpace(line))
		if found == nil {
			continue
		}
		if _, comment, _ := strings.Cut(found[2], "//"); len(strings.Fields(comment)) == 0 {
			faults = append(faults, fmt.Sprintf("go.mod: say behind %s what it is for", found[1]))
		}
	}
	return faults
}

// enabled are the linters that may not be switched off.
var enabled = []string{
	"asciicheck", "bidichk", "bodyclose", "containedctx", "contextcheck", "copyloopvar", "depguard", "durationcheck",
	"dupword", "errcheck", "errname", "errorlint", "exhaustive", "fatcontext", "forbidigo", "funlen",
	"gochecknoglobals", "gochecknoinits", "godoclint", "godot", "gosec", "govet", "ineffassign", "makezero",
	"misspell", "modernize", "nakedret", "nestif", "nilerr", "nilnesserr", "noctx", "nolintlint", "predeclared",
	"reassign", "recvcheck", "sloglint", "staticcheck", "testableexamples", "thelper", "unconvert", "unparam",
	"unused", "usetesting", "wastedassign",
}

// settings are lines of .golangci.yml that hold a limit.
var settings = []string{
	"    funlen: {lines: 70, statements: -1, ignore-comments: true}",
	"    nestif: {min-complexity: 4}",
	"    nolintlint: {require-explanation: true, require-specific: true, allow-unused: false}",
	"  max-issues-per-linter: 0",
	"  max-same-issues: 0",
}

// linterSettings notices a linter switched off and a limit loosened.
func linterSettings(tr *tree) []string {
	text, ok := tr.texts[".golangci.yml"]
	if !ok {
		return nil
	}
	lines := strings.Split(text, "\n")
	var faults []string
	for _, linter := range enabled {
		if !slices.Contains(lines, "    - "+linter) {
			faults = append(faults, ".golangci.yml: linter switched off: "+linter)
		}
	}
	for _, setting := range settings {
		if !slices.Contains(lines, setting) {
			faults = append(faults, ".golangci.yml: setting gone: "+strings.TrimSpace(setting))
		}
	}
	return faults
}

// scripts wants each shell script to run in bash, to stop at the first failure
// and to be executable.
func scripts(tr *tree) []string {
	var faults []string
	for _, name := range tr.texted() {
		text := tr.texts[name]
		if !strings.HasPrefix(text, "#!") {
			continue
		}
		switch {
		case !strings.HasPrefix(text, "#!/usr/bin/env bash\n"):
			faults = append(faults, name+": scripts are for bash: #!/usr/bin/env bash")
		case !strings.Contains(text, "\nset -euo pipefail\n"):
			faults = append(faults, name+": a script begins with set -euo pipefail")
		case tr.modes[name]&0o111 == 0:
			faults = append(faults, name+": is not executable")
		}
	}
	return faults
}

// targets are what make offers at least.
var targets = []string{"demo", "build", "check", "test", "race", "bench", "fuzz", "lint", "tidy", "clean"}

// makeTargets wants one line of help on each target, and each target phony.
func makeTargets(tr *tree) []string {
	text, ok := tr.texts["Makefile"]
	if !ok {
		return nil
	}
	var faults []string
	target := regexp.MustCompile(`^([a-z][a-z0-9-]*):(.*)$`)
	phony, found := "", map[string]bool{}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if rest, ok := strings.CutPrefix(line, ".PHONY:"); ok {
			phony += rest
		}
		parts := target.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			continue
		}
		found[parts[1]] = true
		if !strings.Contains(parts[2], "## ") {
			faults = append(faults, "Makefile: no help on "+parts[1])
		}
	}
	for _, name := range targets {
		if !found[name] || !slices.Contains(strings.Fields(phony), name) {
			faults = append(faults, "Makefile: no phony target "+name)
		}
	}
	return faults
}

// TestWorktreeIsOurs fails where the tests run outside the repository: the rules
// would pass over nothing.
func TestWorktreeIsOurs(t *testing.T) {
	text, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), strings.TrimSuffix("module "+module, "/")+"\n") {
		t.Errorf("%s/go.mod is not of this module", root)
	}
	if tr := repository(t); len(tr.sources()) < 10 {
		t.Errorf("only %d Go files seen", len(tr.sources()))
	}
}
