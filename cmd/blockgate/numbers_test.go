package main

import (
	"regexp"
	"slices"
	"testing"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/ops"
)

// TestMetricWords: every word of our tables can be a label, so that what is counted
// under it is not lost among the others.
func TestMetricWords(t *testing.T) {
	t.Parallel()
	words := metricWords()
	if _, err := ops.NewMetrics(words); err != nil {
		t.Fatal(err)
	}
	for _, r := range link.Reasons() {
		if word := labelWord(r.String()); !slices.Contains(words.Reasons, word) {
			t.Errorf("reason %q of the transport has no word", word)
		}
	}
	for _, word := range []string{"headers_timeout", "block_timeout", "stall", "silent", "no_pong", "slow_frame", "handshake_timeout", "write_timeout", "dial_timeout"} {
		if !slices.Contains(words.Timeouts, word) {
			t.Errorf("%s is no timeout", word)
		}
	}
	for _, word := range []string{"oversize", "operator", "body_merkle"} {
		if slices.Contains(words.Timeouts, word) || !slices.Contains(words.Reasons, word) {
			t.Errorf("%s is a timeout, or no reason", word)
		}
	}
	for _, want := range []struct {
		set  []string
		word string
	}{
		{words.Outcomes, "proven"},
		{words.Outcomes, "unneeded"},
		{words.Outcomes, "merkle"},
		{words.Commands, "headers"},
		{words.Alarms, "no_peers"},
		{words.States, "in_block"},
		{words.Queues, "journal"},
		{words.Verdicts, "drop"},
	} {
		if !slices.Contains(want.set, want.word) {
			t.Errorf("no word %s in %q", want.word, want.set)
		}
	}
	if word := labelWord(node.TxInBlock.String()); !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(word) {
		t.Errorf("%q", word)
	}
}

// TestReadinessFlags: what was not given follows from network and peers.
func TestReadinessFlags(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   []string
		groups int
		age    string
		ok     bool
	}{
		"mainnet":                    {[]string{"--network", "mainnet"}, 3, "2h0m0s", true},
		"mainnet, a peer is named":   {[]string{"--network", "mainnet", "--connect", "127.0.0.1"}, 1, "2h0m0s", true},
		"signet":                     {[]string{"--network", "signet"}, 3, "0s", true},
		"given":                      {[]string{"--network", "mainnet", "--ready-netgroups", "5", "--ready-tip-age", "30m"}, 5, "30m0s", true},
		"any age, on mainnet":        {[]string{"--network", "mainnet", "--ready-tip-age", "0"}, 3, "0s", true},
		"no group":                   {[]string{"--ready-netgroups", "0"}, 0, "", false},
		"as many groups as may be":   {[]string{"--network", "signet", "--ready-netgroups", "64"}, 64, "0s", true},
		"one too many":               {[]string{"--ready-netgroups", "65"}, 0, "", false},
		"before it was made":         {[]string{"--ready-tip-age", "-1s"}, 0, "", false},
		"an age that is no duration": {[]string{"--ready-tip-age", "2"}, 0, "", false},
	} {
		cmd := newRun()
		s := &runSettings{}
		cmd.ResetFlags()
		addNetwork(cmd, &s.network)
		s.addFlags(cmd.Flags())
		err := cmd.ParseFlags(c.args)
		if err == nil {
			err = s.readiness.complete(cmd.Flags(), s.network.Network, len(s.connect) > 0)
		}
		if (err == nil) != c.ok || c.ok && (s.readiness.Groups != c.groups || s.readiness.TipAge.String() != c.age) {
			t.Errorf("%s: %+v, %v", name, s.readiness, err)
		}
	}
}

// TestCellsAreCounted: a parser that died is not ready, unless its successor is
// already; word of the dead that comes late changes nothing.
func TestCellsAreCounted(t *testing.T) {
	t.Parallel()
	j := judgement{cells: map[int]uint32{}}
	for i, step := range []struct {
		ready              bool
		worker, generation int
		want               int
	}{
		{true, 0, 1, 1}, {true, 1, 1, 2}, {false, 0, 1, 1}, {false, 0, 1, 1}, {true, 0, 2, 2}, {false, 0, 1, 2}, {false, 7, 1, 2}, {true, 0, 3, 2}, {false, 0, 2, 2}, {false, 0, 3, 1},
	} {
		if step.ready {
			j.ready(step.worker, uint32(step.generation))
		} else {
			j.died(step.worker, uint32(step.generation))
		}
		if got := j.count(); got != step.want {
			t.Errorf("step %d: %d are ready, want %d", i, got, step.want)
		}
	}
}
