package tidy

import (
	"fmt"
	"regexp"
	"strings"
)

// instruction is one instruction of a Dockerfile with its continued lines.
type instruction struct{ word, rest string }

// stages cuts a Dockerfile into its stages; comments are left out.
func stages(text string) [][]instruction {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	var all [][]instruction
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "":
			continue
		case word == "FROM":
			all = append(all, nil)
		case len(all) == 0:
			continue // An ARG before the first stage.
		}
		last := len(all) - 1
		all[last] = append(all[last], instruction{word, strings.Join(strings.Fields(rest), " ")})
	}
	return all
}

// dockerfile reads the Dockerfile for the promises of the image: built in one
// stage, shipped in another that holds no shell, run by a user who is nobody.
func dockerfile(tr *tree) []string {
	text, ok := tr.texts["Dockerfile"]
	if !ok {
		return nil
	}
	all := stages(text)
	if len(all) < 2 {
		return []string{"Dockerfile: has no second stage"}
	}
	final := all[len(all)-1]
	faults := finalStage(final)
	if all[0][0].rest != "golang:"+goVersion(tr)+" AS build" {
		faults = append(faults, fmt.Sprintf("Dockerfile: builds from %q, go.mod wants Go %s", all[0][0].rest, goVersion(tr)))
	}
	return faults
}

// finalStage checks what is shipped.
func finalStage(final []instruction) []string {
	var faults []string
	whole := ""
	for _, in := range final {
		whole += in.word + " " + in.rest + "\n"
		switch in.word {
		case "RUN", "ADD", "SHELL":
			faults = append(faults, "Dockerfile: the final stage only copies, it has "+in.word)
		case "ENTRYPOINT", "CMD":
			if !strings.HasPrefix(in.rest, "[") {
				faults = append(faults, "Dockerfile: "+in.word+" needs a shell; use the list form")
			}
		}
	}
	for _, want := range []string{
		`^FROM scratch\n`,
		`\nCOPY --from=build .*/blockgate .*\n`,
		`\nCOPY --from=build .*/blockgate-parser .*\n`,
		`\nCOPY --from=build .*ca-certificates.crt .*\n`,
		`\nCOPY --from=build --chown=65532:65532 \S+ /data\n`,
		`\nUSER 65532:65532\n`,
		`\nENTRYPOINT \["/[a-z/]*blockgate"\]\n`,
		`\nCMD \["run", "--datadir", "/data"\]\n`,
	} {
		if !regexp.MustCompile(want).MatchString(whole) {
			faults = append(faults, "Dockerfile: the final stage has no line like "+want)
		}
	}
	return faults
}

// goVersion gives the Go release, as major.minor, that go.mod asks for.
func goVersion(tr *tree) string {
	found := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(tr.texts["go.mod"])
	if found == nil {
		return "unknown"
	}
	return found[1]
}
