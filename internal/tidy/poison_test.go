package tidy

import (
	"fmt"
	"path"
	"strings"
)

// poisoned are the only files that the tag poison chooses between: in one a parser
// falls for poison, in the other, which is what is shipped, it does not.
var poisoned = map[string]string{
	"parser/worker/poison_on.go":  "//go:build poison",
	"parser/worker/poison_off.go": "//go:build !poison",
}

// poisonTag keeps the tag poison out of all that builds what is shipped, and to two
// files of the parser.
func poisonTag(tr *tree) []string {
	var faults []string
	for name, text := range tr.texts {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			choice := strings.HasPrefix(line, "//go:build ") && strings.Contains(line, "poison")
			recipe := path.Ext(name) != ".go" && path.Ext(name) != ".md" && strings.Contains(line, "poison") && strings.Contains(line, "build") && !strings.Contains(line, "run --build-tags")
			if choice && poisoned[name] != line || recipe {
				faults = append(faults, fmt.Sprintf("%s: %q: the tag poison is for tests of what stands around a parser", name, line))
			}
		}
	}
	return faults
}
