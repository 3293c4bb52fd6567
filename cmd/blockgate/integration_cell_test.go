package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
	"blockgate/sandbox/pool"
)

// TestLiveParsers looks at the parsers of a running service as the kernel shows
// them.
func TestLiveParsers(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 41, 3)
	peer := listen(t, 41, chain, fakepeer.Script{})
	d := startDaemonWith(t, daemonOptions{env: []string{"GOCOVERDIR=" + t.TempDir()}}, t.TempDir(),
		append(connectTo(peer), "--network", "regtest", "--parsers", "3")...)
	follow(d, 0, genesis(btc.Regtest)).connects(3)
	for worker, pid := range d.awaitParsers(3) {
		t.Run(fmt.Sprintf("parser %d", worker), func(t *testing.T) {
			status := procFile(t, pid, "status")
			for _, line := range []string{"Seccomp:\t2", "NoNewPrivs:\t1"} {
				if !strings.Contains(status, line+"\n") {
					t.Errorf("status has no line %q:\n%s", line, status)
				}
			}
			got := strings.TrimSuffix(procFile(t, pid, "cmdline"), "--own-namespaces\x00") // where the kernel gives some
			if got != "blockgate-parser\x00" {
				t.Errorf("command line %q", got)
			}
			checkInside(t, pid)
		})
	}
}

// checkInside looks at what only an owner may see. A parser cannot be dumped, so
// that is root alone.
func checkInside(t *testing.T, pid int) {
	t.Helper()
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if errors.Is(err, os.ErrPermission) {
		t.Log("environment and descriptors of the parser cannot be read by this user, as it should be")
		return
	}
	if err != nil || len(environ) != 0 {
		t.Errorf("environment %q, %v; want an empty one", environ, err)
	}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	var descriptors []string
	for _, name := range links {
		target, err := os.Readlink(name)
		if err != nil {
			t.Fatal(err)
		}
		if kind, _, ok := strings.Cut(target, ":["); ok && kind != "anon_inode" {
			target = kind
		}
		descriptors = append(descriptors, filepath.Base(name)+" "+target)
	}
	// The ring is mapped and its descriptor closed; the last two are the Go
	// runtime's.
	want := []string{"0 /dev/null", "1 pipe", "2 pipe", "3 socket", "5 anon_inode:[eventpoll]", "6 anon_inode:[eventfd]"}
	slices.Sort(descriptors)
	if !slices.Equal(descriptors, want) {
		t.Errorf("descriptors %q, want %q", descriptors, want)
	}
}

func procFile(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestHungParser stops all parsers: whoever gets the next block does not answer
// within its 2 s, is killed and replaced, and the one that replaces it does. The block
// counts against nobody meanwhile.
func TestHungParser(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 42, 5)
	peer := listen(t, 42, chain, fakepeer.Script{})
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest")...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(5)
	stopped := map[int]bool{}
	for all := false; !all; { // one that has read a block may still make room for a spare
		all = true
		for _, pid := range d.awaitParsers(defaultParsers + pool.Standby) {
			if !stopped[pid] {
				signalTo(t, pid, syscall.SIGSTOP)
				stopped[pid], all = true, false
			}
		}
	}
	begun := time.Now()
	if err := chain.Mine(1); err != nil {
		t.Fatal(err)
	}
	died, _ := d.awaitMessage("parser died", 0)
	if !died.Condemned || died.Cause == "" {
		t.Errorf("the log says %s; want a condemned parser with a cause", died.text)
	}
	f.connects(6)
	f.at(chain)
	t.Logf("published %s after it was mined", time.Since(begun))
	for _, what := range []string{"peer banned", "body not proven"} {
		if count := d.count(what); count != 0 {
			t.Errorf("%d times %q for a fault of ours", count, what)
		}
	}
}

// TestBadParser runs parsers that were taken over: one speaks nonsense, one lies,
// one crashes on each block. Each is killed and replaced, nothing is published,
// no peer pays for it; with sound parsers the service goes on.
func TestBadParser(t *testing.T) {
	t.Parallel()
	const call = "w.walker.Block(place, body, w.txs)"
	for i, test := range []struct{ name, pattern, replacement, reason string }{
		{"nonsense", `Answer\{Seq: seq,`, "Answer{Seq: seq + 1,", "body-worker-nonsense"},
		{
			"lie", regexp.QuoteMeta(call),
			"func(b claim.Block) claim.Block { b.Txs[0].Len--; return b }(" + call + ")", "body-malformed",
		},
		{"crash", regexp.QuoteMeta(call), `func(claim.Block) claim.Block { panic("taken over") }(` + call + ")", "body-worker-died"},
	} {
		t.Run(test.name, func(t *testing.T) {
			programs := t.TempDir()
			if err := buildPrograms(programs, "-overlay", overlay(t, "../../parser/worker/serve.go", test.pattern, test.replacement)); err != nil {
				t.Fatal(err)
			}
			dir, chain := t.TempDir(), regtest(t, uint64(43+i), 3)
			peer := listen(t, 43+i, chain, fakepeer.Script{})
			args := append(connectTo(peer), "--network", "regtest")
			d := startDaemon(t, dir, append(args, "--parser", filepath.Join(programs, "blockgate-parser"))...)
			d.await("five bodies that were not proven", 0, func(record) bool { return d.count("body not proven") >= 5 })
			d.await("five deaths of parsers", 0, func(record) bool { return d.count("parser died") >= 5 })
			for _, r := range d.lines() {
				if r.Msg == "body not proven" && (r.Reason != test.reason || r.Peer != peer.Addr().String()) {
					t.Errorf("the log says %s, want %s of %s", r.text, test.reason, peer.Addr())
				}
				if r.Msg == "peer banned" || r.Msg == "adapter died" {
					t.Errorf("the log says %s", r.text)
				}
			}
			if code := d.stop(); code != 0 {
				t.Errorf("exit code %d after SIGTERM", code)
			}
			sound := startDaemon(t, dir, args...)
			f := follow(sound, 0, genesis(btc.Regtest))
			f.connects(3) // from the first block on, so nothing had been published
			f.at(chain)
		})
	}
}
