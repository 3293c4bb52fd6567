package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// Settings of the test; `go test -args` changes them.
var (
	tortureKills = flag.Int("torture-kills", 60, "how many processes TestTorture ends, 60 in each run of 600 blocks")
	tortureSeed  = flag.Uint64("torture-seed", 0, "what the kills of TestTorture follow from; 0 picks one")
)

const (
	// killsPerRun is how many kills one run of 600 blocks gets.
	killsPerRun = 60
	// burst is how many kills come one after the other before the journal must have
	// grown again.
	burst = 3
	// longestPause is the most time between two kills of a burst.
	longestPause = 150 * time.Millisecond
	// mostYoung is how often a role is killed before it is its supervisor's turn: a
	// role that dies young waits twice as long each time, up to 10 s, and a new
	// supervisor has forgotten that.
	mostYoung = 4
)

// victims are what is killed, each as often as it stands there.
func victims() []string {
	return []string{"parser", "parser", "parser", "parser", "adapter", "adapter", "broker", "broker", "supervisor", "supervisor"}
}

// TestTorture kills random processes of a service at random times, with SIGKILL and
// SIGTERM, while it fetches 600 blocks. Whatever happens, the journal has each
// block once, in order, and nothing outlives its supervisor.
func TestTorture(t *testing.T) {
	t.Parallel()
	seed := *tortureSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	total := map[string]int{}
	begun := time.Now()
	for done, run := 0, 0; done < *tortureKills; run++ {
		kills := min(killsPerRun, *tortureKills-done)
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			v := newTorture(t, seed, run)
			v.run(kills)
			for what, count := range v.counts {
				total[what] += count
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d, run %d", seed, run)
		}
		done += kills
	}
	t.Logf("seed %d: %d kills in %s: %v", seed, *tortureKills, time.Since(begun).Round(time.Second), total)
}

// torture is one run of 600 blocks.
type torture struct {
	*follower
	t      *testing.T
	daemon *daemon
	dam    *dam
	chain  *fakepeer.Chain
	random *rand.Rand
	args   []string
	dir    string
	seen   map[identity]string // every process that there was, and what it was
	counts map[string]int
	young  map[string]int      // how often this supervisor's roles were killed
	killed map[identity]string // roles of this supervisor
}

// identity tells a process from a later one with the same number.
type identity struct {
	pid   int
	start string // in clock ticks since the machine began
}

func newTorture(t *testing.T, seed uint64, run int) *torture {
	t.Helper()
	v := &torture{
		t: t, dam: newDam(30), chain: fakepeer.First600(), random: rand.New(rand.NewPCG(seed, uint64(run))), dir: t.TempDir(),
		seen: map[identity]string{}, counts: map[string]int{},
	}
	one := listen(t, 81, v.chain, fakepeer.Script{Gate: v.dam.gate})
	other := listen(t, 82, v.chain, fakepeer.Script{Gate: v.dam.gate})
	v.args = append(connectTo(one, other), "--network", "mainnet", "--minimum-chain-work", "0", "--start-height", "1", "--nats-listen", freeAddress(t))
	v.start()
	v.follower = follow(v.daemon, 0, genesis(btc.Mainnet))
	return v
}

// start starts the service, again in the same folder and at the same port, and
// returns when its supervisor can be asked to stop.
func (v *torture) start() {
	v.t.Helper()
	v.daemon, v.young, v.killed = startDaemon(v.t, v.dir, v.args...), map[string]int{}, map[identity]string{}
	v.daemon.awaitMessage("starting", 0)
}

// run kills so many processes while the blocks go by, and judges what is left.
func (v *torture) run(kills int) {
	v.t.Helper()
	for i := range kills {
		height := 1 + btc.Height(i)*(tip600-60)/btc.Height(kills)
		v.dam.raise(height + 40)
		if i%burst == 0 {
			v.alive()
			v.connects(height)
		}
		<-time.After(time.Duration(v.random.Int64N(int64(longestPause))))
		v.killOne()
	}
	v.dam.raise(tip600)
	v.connects(tip600)
	v.at(v.chain)
	if v.events != int(tip600) || v.hash.String() != demoTipHash {
		v.t.Fatalf("%d events up to %s, want %d up to %s", v.events, v.hash, tip600, demoTipHash)
	}
	v.settle()
	v.again(v.daemon)
	v.look()
	if code := v.daemon.stop(); code != 0 {
		v.t.Errorf("exit code %d after SIGTERM", code)
	}
	v.nothingLeft()
	if bans := v.daemon.count("peer banned"); bans != 0 {
		v.t.Errorf("%d honest peers were banned", bans)
	}
}

// killOne ends a random process; if there is none of the kind just now, the
// supervisor's turn comes.
func (v *torture) killOne() {
	v.t.Helper()
	signal, word := syscall.SIGKILL, "kill"
	if v.random.IntN(3) == 0 {
		signal, word = syscall.SIGTERM, "term"
	}
	kind := victims()[v.random.IntN(len(victims()))]
	living := v.look()
	if kind == "supervisor" || v.young[kind] == mostYoung {
		v.killSupervisor(signal, word, living)
		return
	}
	var candidates []identity
	eventually(v.t, "a "+kind, func() bool { // it may be being restarted
		for id, what := range v.look() {
			if what == kind {
				candidates = append(candidates, id)
			}
		}
		return len(candidates) > 0
	})
	slices.SortFunc(candidates, func(a, b identity) int { return a.pid - b.pid })
	victim := candidates[v.random.IntN(len(candidates))]
	signalTo(v.t, victim.pid, signal)
	v.counts[kind+" "+word]++
	if kind != "parser" { // one is process 1 of its namespace, and deaf to SIGTERM until the runtime listens
		v.killed[victim] = kind
		v.young[kind]++
	}
	v.alive()
}

// settle waits until all roles that were killed are gone, and a broker is there again: a
// reader that begins meanwhile has nobody to ask.
func (v *torture) settle() {
	v.t.Helper()
	v.gone(slices.Collect(maps.Keys(v.killed)))
	eventually(v.t, "a broker", func() bool {
		last, died := "", map[int]bool{}
		for _, r := range v.daemon.lines() {
			switch r.Msg {
			case "broker died":
				died[r.Pid] = true
				last = r.Msg
			case "broker started", "broker ready":
				last = r.Msg
			}
		}
		for id, kind := range v.killed {
			if kind == "broker" && !died[id.pid] {
				return false
			}
		}
		return last == "broker ready"
	})
}

// alive fails the test if the supervisor ended by itself.
func (v *torture) alive() {
	v.t.Helper()
	select {
	case <-v.daemon.ended:
		v.t.Fatalf("the supervisor ended by itself after %v", v.counts)
	default:
	}
}

// killSupervisor ends the supervisor and starts the service again, at once: what
// is left of the last one must not be in the way.
func (v *torture) killSupervisor(signal syscall.Signal, word string, living map[identity]string) {
	v.t.Helper()
	begun := time.Now()
	signalTo(v.t, v.daemon.process.Process.Pid, signal)
	code := v.daemon.awaitEnd()
	if signal == syscall.SIGTERM && code != 0 {
		v.t.Errorf("exit code %d after SIGTERM", code)
	}
	if took := time.Since(begun); took > 10*time.Second {
		v.t.Errorf("the supervisor took %s to end", took)
	}
	if bans := v.daemon.count("peer banned"); bans != 0 {
		v.t.Errorf("%d honest peers were banned", bans)
	}
	v.start()
	v.gone(slices.Collect(maps.Keys(living)))
	v.counts["supervisor "+word]++
}

// look returns what runs below the supervisor.
func (v *torture) look() map[identity]string {
	v.t.Helper()
	living := map[identity]string{}
	for _, pid := range descendants(v.t, v.daemon.process.Process.Pid) {
		start, ok := startOf(pid)
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if !ok || err != nil {
			continue
		}
		words := strings.Split(strings.TrimRight(string(command), "\x00"), "\x00")
		switch {
		case words[0] == "blockgate-parser":
			living[identity{pid, start}] = "parser"
		case len(words) == 3 && words[1] == "role":
			living[identity{pid, start}] = words[2]
		}
	}
	maps.Copy(v.seen, living)
	return living
}

// startOf returns when a process was started.
func startOf(pid int) (string, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if err != nil || !ok || len(fields) < 20 || fields[0] == "Z" {
		return "", false
	}
	return fields[19], true
}

// gone waits until none of the processes is there.
func (v *torture) gone(all []identity) {
	v.t.Helper()
	eventually(v.t, fmt.Sprintf("end of %v", all), func() bool {
		return !slices.ContainsFunc(all, func(id identity) bool {
			start, ok := startOf(id.pid)
			return ok && start == id.start
		})
	})
}

// nothingLeft wants no process that there ever was, and no lock.
func (v *torture) nothingLeft() {
	v.t.Helper()
	v.gone(slices.Collect(maps.Keys(v.seen)))
	dir, err := openDataDir(v.dir, dataDirIdentity{Network: btc.Mainnet, ID: defaultID})
	if err != nil {
		v.t.Errorf("the data directory after the end: %v", err)
		return
	}
	if err := dir.lock.Close(); err != nil {
		v.t.Error(err)
	}
}
