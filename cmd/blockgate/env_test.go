package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand returns root and all that is below it.
func everyCommand() []*cobra.Command {
	all := []*cobra.Command{newRoot()}
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].Commands()...)
	}
	return all
}

// TestNoSettingIsAServiceLink walks all flags: none may have a variable that
// Kubernetes could set by itself.
func TestNoSettingIsAServiceLink(t *testing.T) {
	seen := 0
	for _, cmd := range everyCommand() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			seen++
			if name := envName(f.Name); serviceLink.MatchString(name) {
				t.Errorf("%s --%s: %s is a name of a service link", cmd.CommandPath(), f.Name, name)
			}
		})
	}
	if seen < 40 {
		t.Errorf("only %d flags seen", seen)
	}
}

func TestServiceLinks(t *testing.T) {
	for name, want := range map[string]bool{
		"BLOCKGATE_PORT":                          true,
		"BLOCKGATE_PORT_4222_TCP":                 true,
		"BLOCKGATE_PORT_4222_TCP_PROTO":           true,
		"BLOCKGATE_SERVICE_HOST":                  true,
		"BLOCKGATE_SERVICE_PORT":                  true,
		"BLOCKGATE_SERVICE_PORT_NATS":             true,
		"BLOCKGATE_NATS_PORT":                     true, // of a Service blockgate-nats
		"BLOCKGATE_NATS_PORT_4222_TCP_ADDR":       true,
		"BLOCKGATE_MAINNET_2_SERVICE_PORT_CLIENT": true,
		"BLOCKGATE_NATS":                          false,
		"BLOCKGATE_NATS_LISTEN":                   false,
		"BLOCKGATE_PORTS":                         false,
		"BLOCKGATE_SUPPORT":                       false,
		"BLOCKGATE_SERVICE":                       false,
		"BLOCKGATE_SERVICES_X":                    false,
		"XBLOCKGATE_PORT":                         false,
		"BLOCKGATE_":                              false,
	} {
		if got := serviceLink.MatchString(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}

func TestEnvName(t *testing.T) {
	for flag, want := range map[string]string{
		"nats-listen": "BLOCKGATE_NATS_LISTEN", "id": "BLOCKGATE_ID", "allow-no-landlock": "BLOCKGATE_ALLOW_NO_LANDLOCK",
	} {
		if got := envName(flag); got != want {
			t.Errorf("%s: %s, want %s", flag, got, want)
		}
	}
}

// withVariables runs `run` with variables and flags, up to where its own code
// would begin.
func withVariables(t *testing.T, variables map[string]string, args ...string) (*cobra.Command, error) {
	t.Helper()
	for _, pair := range os.Environ() { // none of the caller's own
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, envPrefix) {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
	root := newRoot()
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		t.Fatal(err)
	}
	run.RunE = func(*cobra.Command, []string) error { return nil }
	root.SetArgs(append([]string{"run"}, args...))
	return run, root.Execute()
}

func TestVariables(t *testing.T) {
	for _, tt := range []struct {
		name      string
		variables map[string]string
		args      []string
		flag      string
		want      string
		fails     string
	}{
		{"default", nil, nil, "parsers", "2", ""},
		{"variable", map[string]string{"BLOCKGATE_PARSERS": "5"}, nil, "parsers", "5", ""},
		{"flag beats variable", map[string]string{"BLOCKGATE_PARSERS": "5"}, []string{"--parsers=6"}, "parsers", "6", ""},
		{"value of a type of ours", map[string]string{"BLOCKGATE_JOURNAL_SIZE": "1GiB"}, nil, "journal-size", "1GiB", ""},
		{"network", map[string]string{"BLOCKGATE_NETWORK": "signet"}, nil, "network", "signet", ""},
		{"list", map[string]string{"BLOCKGATE_CONNECT": "a:1,b:2"}, nil, "connect", "[a:1,b:2]", ""},
		{"bool", map[string]string{"BLOCKGATE_ALLOW_NO_LANDLOCK": "true"}, nil, "allow-no-landlock", "true", ""},
		{"of another command", map[string]string{"BLOCKGATE_CURSOR_FILE": "x"}, nil, "parsers", "2", ""},
		{"service link", map[string]string{"BLOCKGATE_PORT": "tcp://x", "BLOCKGATE_NATS_SERVICE_HOST": "x"}, nil, "nats", "", ""},
		{"other prefix", map[string]string{"BLOCK_GATE_X": "x"}, nil, "nats", "", ""},
		{"bad value", map[string]string{"BLOCKGATE_PARSERS": "many"}, nil, "", "", `BLOCKGATE_PARSERS="many"`},
		{"bad network", map[string]string{"BLOCKGATE_NETWORK": "main"}, nil, "", "", `BLOCKGATE_NETWORK="main"`},
		{"unknown", map[string]string{"BLOCKGATE_PARSER_COUNT": "2"}, nil, "", "", "unknown variable BLOCKGATE_PARSER_COUNT (did you mean BLOCKGATE_PARSER"},
		{"nothing like it", map[string]string{"BLOCKGATE_QQQQQQQQQQQQQQQQQQQQQQQQQQ": "2"}, nil, "", "", "unknown variable BLOCKGATE_QQQQQQQQQQQQQQQQQQQQQQQQQQ; see"},
		{"help is no setting", map[string]string{"BLOCKGATE_HELP": "1"}, nil, "", "", "unknown variable BLOCKGATE_HELP"},
		{"bare prefix", map[string]string{"BLOCKGATE_": "1"}, nil, "", "", "unknown variable BLOCKGATE_"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run, err := withVariables(t, tt.variables, tt.args...)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) || codeOf(err) != exitUsage {
					t.Fatalf("got %v, code %d; want %q, code 2", err, codeOf(err), tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := run.Flags().Lookup(tt.flag).Value.String(); got != tt.want {
				t.Errorf("--%s is %q, want %q", tt.flag, got, tt.want)
			}
		})
	}
}

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ab", 1},
		{"abc", "xabc", 1},
		{"kitten", "sitting", 3},
		{"abcdef", "fedcba", 6},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := editDistance(tt.b, tt.a); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"demo", "doctor", "parse", "run", "tail"}
	for name, want := range map[string]string{
		"demo": "demo", "dmo": "demo", "tial": "tail", "trial": "tail", "doktor": "doctor", "ru": "run",
		"": "", "x": "", "zzzzzzzz": "", "completely-else": "",
	} {
		if got := nearest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := nearest("tail", nil); got != "" {
		t.Errorf("no names: %q", got)
	}
}

func TestHelpFitsTheScreen(t *testing.T) {
	for _, cmd := range everyCommand() {
		switch cmd.Name() {
		case "bash", "fish", "powershell", "zsh":
			continue // cobra's own words
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example + "\n" + cmd.UsageString()) {
			if len(strings.TrimRight(line, "\n")) > 100 {
				t.Errorf("%s: more than 100 columns: %s", cmd.CommandPath(), line)
			}
		}
		if cmd.Short == "" || !cmd.Hidden && cmd.HasParent() && cmd.Parent().Name() == "blockgate" && cmd.Name() != "help" &&
			cmd.Name() != "completion" && cmd.Example == "" {
			t.Errorf("%s: no short help or no example", cmd.CommandPath())
		}
	}
}

func TestUnknownWords(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string
	}{
		{"rum", "did you mean run?"},
		{"help rum", "did you mean run?"},
		{"completion bsh", "did you mean bash?"},
		{"run --parserss 3", "did you mean --parser"},
		{"run --in-dem", "unknown flag: --in-dem"},
		{"tail more", "want `blockgate tail [flags]`"},
	} {
		root := newRoot()
		root.SetArgs(strings.Fields(tt.args))
		err := root.Execute()
		var known *exitError
		if !errors.As(err, &known) || known.code != exitUsage || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q and code 2", tt.args, err, tt.want)
		}
	}
}

// TestFlagsOfTheIssue holds the commands to the flags that users were promised.
func TestFlagsOfTheIssue(t *testing.T) {
	promised := map[string][]string{
		"run": {
			"network", "id", "connect", "datadir", "nats", "nats-listen", "journal-size", "parsers", "minimum-chain-work", "start-height", "start-hash",
			"allow-no-landlock", "parser", "sha256",
		},
		"demo":    {"serve", "reorg-every", "allow-no-landlock", "parser"},
		"tail":    {"network", "id", "datadir", "nats", "creds", "from", "cursor-file", "json", "blocks"},
		"parse":   {"network", "height", "median-time", "pow", "json", "allow-no-landlock", "parser"},
		"doctor":  {"json", "parser"},
		"version": nil,
	}
	for _, cmd := range everyCommand() {
		for _, name := range promised[cmd.Name()] {
			if f := cmd.Flags().Lookup(name); f == nil || f.Hidden || f.Usage == "" {
				t.Errorf("%s has no --%s, or no help on it", cmd.CommandPath(), name)
			}
		}
		delete(promised, cmd.Name())
	}
	if len(promised) > 0 {
		t.Errorf("commands are missing: %v", slices.Collect(func(yield func(string) bool) {
			for name := range promised {
				if !yield(name) {
					return
				}
			}
		}))
	}
}
