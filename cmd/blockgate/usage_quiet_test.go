package main

import (
	"strings"
	"testing"
)

// TestUsageErrorIsAllThatIsSaid: settings that are of no use are not announced by word of
// how the supervisor is confined.
func TestUsageErrorIsAllThatIsSaid(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--network", "regtest", "--connect", "no host of this name.invalid"},
		{"--network", "regtest", "--connect", "127.0.0.1:99999"},
		{"--network", "mainnet", "--allow-no-landlock"},
	} {
		args = append([]string{"run", "--datadir", t.TempDir()}, args...)
		code, said := runOnce(t, daemonOptions{}, args...)
		if code == 0 || strings.Contains(said, "confined") || strings.Contains(said, "starting") {
			t.Errorf("%q: exit code %d\n%s", args, code, said)
		}
	}
}
