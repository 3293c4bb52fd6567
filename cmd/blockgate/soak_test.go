package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// soak is how long TestSoakService lets blocks flow; make soak gives more.
var soak = flag.Duration("soak", 6*time.Second, "how long TestSoakService keeps a service busy")

const (
	// soakPace is how often a block is mined. Source: faster, and the headers alone
	// would make the adapter grow.
	soakPace = 50 * time.Millisecond
	// soakGrowth is how many bytes a process may have more at the end than after a
	// third of the time. Source: heaps breathe, and 10 minutes are 12,000 headers.
	soakGrowth = 24 << 20
	// soakIndex is how many bytes the broker may have more for each block that was
	// published meanwhile: it keeps an index of all subjects of the journal, and
	// every block has two and more. Source: 14 MB for 2,270 blocks, and as much for
	// a heap that breathes.
	soakIndex = 12 << 10
	// soakDescriptors is how many descriptors it may have more: connections and
	// files of the journal come and go.
	soakDescriptors = 4
)

// usage is what a process holds.
type usage struct {
	resident    int64 // bytes that are its own: not the ring, which all share
	descriptors int   // -1: this user may not look
}

// TestSoakService lets blocks flow through a whole service. Nobody dies, and no
// process holds more at the end than after a third of the time.
func TestSoakService(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 91, 20)
	peer := listen(t, 91, chain, fakepeer.Script{})
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest")...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(20)
	d.awaitParsers(2)
	pids := slices.Sorted(slices.Values(append(descendants(t, d.process.Process.Pid), d.process.Process.Pid)))

	soakFor(t, chain, f, *soak/3)
	before, published := usages(t, pids), f.tip
	soakFor(t, chain, f, *soak-*soak/3)
	after := usages(t, pids)

	if now := slices.Sorted(slices.Values(append(descendants(t, d.process.Process.Pid), d.process.Process.Pid))); !slices.Equal(now, pids) {
		t.Errorf("processes %v became %v", pids, now)
	}
	for _, pid := range slices.Sorted(maps.Keys(after)) {
		was, is := before[pid], after[pid]
		t.Logf("%-16s %d: %d kB, %d descriptors; then %d kB, %d", comm(pid), pid, was.resident>>10, was.descriptors, is.resident>>10, is.descriptors)
		most := was.resident + soakGrowth
		if comm(pid) == "bg-broker" {
			most += int64(f.tip-published) * soakIndex
		}
		if is.resident > most || is.descriptors > was.descriptors+soakDescriptors {
			t.Errorf("process %d grew", pid)
		}
	}
	t.Logf("%d blocks in %s", f.tip, *soak)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	for _, r := range d.lines() {
		if r.Level == "ERROR" || r.Msg == "parser died" || r.Msg == "peer banned" {
			t.Errorf("nothing went wrong, but the log says %s", r.text)
		}
	}
}

// soakFor mines for a time, and follows.
func soakFor(t *testing.T, chain *fakepeer.Chain, f *follower, length time.Duration) {
	t.Helper()
	end, tick := time.After(length), time.NewTicker(soakPace)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		if err := chain.Mine(1); err != nil {
			t.Fatal(err)
		}
		height, _ := chain.Tip()
		f.connects(height)
	}
}

// usages returns what each of the processes holds now.
func usages(t *testing.T, pids []int) map[int]usage {
	t.Helper()
	all := map[int]usage{}
	for _, pid := range pids {
		u := usage{descriptors: -1}
		for line := range strings.Lines(procFile(t, pid, "status")) {
			if text, ok := strings.CutPrefix(line, "RssAnon:"); ok {
				kilobytes, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				u.resident = kilobytes << 10
			}
		}
		if entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
			u.descriptors = len(entries)
		}
		all[pid] = u
	}
	return all
}

// comm returns the name that a process gave itself.
func comm(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(text))
}
