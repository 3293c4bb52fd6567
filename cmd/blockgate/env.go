package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const envPrefix = "BLOCKGATE_"

// serviceLink matches the variables that Kubernetes puts into each container
// for each Service of the namespace whose name begins with "blockgate". They
// are no settings of ours, and no setting may have such a name.
//
// Source: makeEnvVariableName and makeLinkVariables, Kubernetes v1.34
// pkg/kubelet/envvars/envvars.go.
var serviceLink = regexp.MustCompile(`^BLOCKGATE_([A-Z0-9_]+_)?(PORT(_.*)?|SERVICE_.*)$`)

// envName returns the variable of a flag: --nats-listen is BLOCKGATE_NATS_LISTEN.
// One that Kubernetes could set gets an S: --any-port is BLOCKGATE_ANY_PORTS.
func envName(flag string) string {
	name := envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	if serviceLink.MatchString(name) {
		return name + "S"
	}
	return name
}

// applyEnvironment sets each flag of cmd that was not given from its variable.
// A BLOCKGATE_ variable that belongs to no flag of any command is an error that
// names the nearest one; one that belongs to another command is not looked at.
func applyEnvironment(cmd *cobra.Command) error {
	known := allFlags(cmd.Root())
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || serviceLink.MatchString(name) {
			continue
		}
		flagName, ok := known[name]
		if !ok {
			return usagef("unknown variable %s%s; see `blockgate --help`", name, didYouMean(name, slices.Sorted(maps.Keys(known))))
		}
		flag := cmd.Flags().Lookup(flagName)
		if flag == nil || flag.Changed {
			continue
		}
		if err := cmd.Flags().Set(flagName, value); err != nil {
			return usagef("%s=%q: %w", name, value, err)
		}
	}
	return nil
}

// allFlags returns the flags of all commands by their variable.
func allFlags(root *cobra.Command) map[string]string {
	known := map[string]string{}
	add := func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "version" {
			known[envName(f.Name)] = f.Name
		}
	}
	queue := []*cobra.Command{root}
	for len(queue) > 0 {
		cmd := queue[0]
		queue = append(queue[1:], cmd.Commands()...)
		cmd.Flags().VisitAll(add)
		cmd.PersistentFlags().VisitAll(add)
	}
	return known
}

// didYouMean offers the most similar of the names, if one is similar.
func didYouMean(name string, names []string) string {
	if best := nearest(name, names); best != "" {
		return " (did you mean " + best + "?)"
	}
	return ""
}

// nearest returns which of the names is the most like name, the first of those
// that are equally so, or "" if more than half of it would have to change.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/2+1
	for _, candidate := range names {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance counts the single-character changes from a to b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
