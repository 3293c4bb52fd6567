package tidy

import "strings"

// plantedTexts breaks the rules on files that are no Go.
func plantedTexts() []planted {
	const image = "FROM golang:unknown AS build\nRUN make\nFROM scratch\nCOPY --from=build /o/ca-certificates.crt /etc/\n" +
		"COPY --from=build /o/blockgate /blockgate\nCOPY --from=build /o/blockgate-parser /blockgate-parser\n" +
		"COPY --from=build --chown=65532:65532 /o/data /data\nUSER 65532:65532\n" +
		"ENTRYPOINT [\"/blockgate\"]\nCMD [\"run\", \"--datadir\", \"/data\"]\n"
	const mod = "module blockgate\n\nrequire (\n\texample.org/a v1.0.0%s\n\texample.org/b v1.0.0 // indirect\n)\n"
	recipes := ".PHONY: " + strings.Join(targets, " ") + "\n" + strings.Join(targets, ": ## Help.\n") + ": ## Help.\n"
	lint := "    - " + strings.Join(enabled, "\n    - ") + "\n" + strings.Join(settings, "\n") + "\n"
	return []planted{
		{"note to oneself", unfinished, "bus/a.go", "package bus\n\n// TO" + "DO: finish.\n", "without an issue"},
		{"note with an issue", unfinished, "bus/a.go", "package bus\n\n// TO" + "DO(#12): finish.\n", ""},
		{"folder of a person", machinePaths, "README.md", "See /ho" + "me/me/blockgate.\n", "README.md:1"},
		{"folder of a system", machinePaths, "README.md", "See /etc/ssl and " + "lib/wo" + "rk/a.\n", ""},
		{"registry", registryHosts, "Makefile", "\nGOPROXY=https://pro" + "xy.golang.org\n", "Makefile:2"},
		{"dead link", brokenLinks, "docs/a.md", "[b](b.md)\n", "b.md leads nowhere"},
		{"dead link upwards", brokenLinks, "docs/a.md", "[b](../docs/b.md#c)\n", "leads nowhere"},
		{"live link", brokenLinks, "docs/a.md", "[a](a.md), [docs](../docs/), [out](https://example.org/x)\n", ""},
		{"dead path", brokenPaths, "bus/a.md", "`bus/b.go`\n", "there is no bus/b.go"},
		{"dead path, package not written", brokenPaths, "docs/a.md", "`bus/b.go`\n", ""},

		{"requirement", requirements, "go.mod", strings.Replace(mod, "%s", "", 1), "example.org/a"},
		{"requirement with a reason", requirements, "go.mod", strings.Replace(mod, "%s", " // Tests.", 1), ""},
		{"linters", linterSettings, ".golangci.yml", lint, ""},
		{"linter off", linterSettings, ".golangci.yml", strings.Replace(lint, "- gosec", "#- gosec", 1), "gosec"},
		{"linter loosened", linterSettings, ".golangci.yml", strings.Replace(lint, "lines: 70", "lines: 90", 1), "setting gone"},
		{"script", scripts, "tools/a", "#!/usr/bin/env bash\nset -euo pipefail\n", ""},
		{"script for another shell", scripts, "tools/a", "#!/bin/" + "sh\n", "for bash"},
		{"script that goes on", scripts, "tools/a", "#!/usr/bin/env bash\nset -e\n", "begins with"},
		{"targets", makeTargets, "Makefile", recipes, ""},
		{"target without help", makeTargets, "Makefile", recipes + "more:\n", "no help on more"},
		{"target gone", makeTargets, "Makefile", strings.Replace(recipes, "\nbench:", "\nbunch:", 1), "no phony target bench"},

		{"poison in a parser's file", poisonTag, "parser/a.go", "//go:build po" + "ison\n\npackage parser\n", "tests of what"},
		{"poison on for all", poisonTag, "parser/worker/poison_off.go", "//go:build po" + "ison\n\npackage worker\n", "tests of what"},
		{"poison in its place", poisonTag, "parser/worker/poison_on.go", "//go:build po" + "ison\n\npackage worker\n", ""},
		{"poison shipped", poisonTag, "Makefile", "\tgo build -tags po" + "ison ./cmd/blockgate-parser\n", "tests of what"},
		{"poison vetted", poisonTag, "Makefile", "\tgo vet -tags po" + "ison ./parser/...\n", ""},

		{"image", dockerfile, "Dockerfile", image, ""},
		{"image of one stage", dockerfile, "Dockerfile", "FROM scratch\n", "no second stage"},
		{"image by another Go", dockerfile, "Dockerfile", strings.Replace(image, "golang:unknown", "golang:1", 1), "go.mod wants"},
		{"image run by root", dockerfile, "Dockerfile", strings.Replace(image, "USER 65532:65532", "USER root", 1), "USER"},
		{"image with a shell command", dockerfile, "Dockerfile", image + "CMD run\n", "needs a shell"},
		{"image that runs at the end", dockerfile, "Dockerfile", image + "RUN true\n", "only copies"},
	}
}
