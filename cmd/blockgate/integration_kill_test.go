package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// dam holds back the blocks above a height, so that a sync is in its middle when
// something is killed.
type dam struct {
	mu     sync.Mutex // guards what follows
	height btc.Height
	raised chan struct{} // closed, and made anew, when height rises
}

func newDam(height btc.Height) *dam { return &dam{height: height, raised: make(chan struct{})} }

// gate is for a peer's script.
func (g *dam) gate(ctx context.Context, height btc.Height, _ btc.Hash) {
	for {
		g.mu.Lock()
		limit, raised := g.height, g.raised
		g.mu.Unlock()
		if height <= limit {
			return
		}
		select {
		case <-raised:
		case <-ctx.Done():
			return
		}
	}
}

func (g *dam) raise(height btc.Height) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.height = max(g.height, height)
	close(g.raised)
	g.raised = make(chan struct{})
}

// tip600 is the last block of the 600.
const tip600 = btc.Height(599)

// sync600 is a service that fetches the first 600 blocks of mainnet from two
// peers behind a dam.
type sync600 struct {
	*daemon
	*follower
	dam    *dam
	chain  *fakepeer.Chain
	random *rand.Rand
	args   []string
}

// start600 starts the service with the first blocks let through.
func start600(t *testing.T, firstAddress int) *sync600 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &sync600{dam: newDam(30), chain: fakepeer.First600(), random: rand.New(rand.NewPCG(seed, 0))}
	one := listen(t, firstAddress, s.chain, fakepeer.Script{Gate: s.dam.gate})
	other := listen(t, firstAddress+1, s.chain, fakepeer.Script{Gate: s.dam.gate})
	s.args = append(connectTo(one, other), "--network", "mainnet", "--minimum-chain-work", "0", "--start-height", "1", "--nats-listen", freeAddress(t))
	s.daemon = startDaemon(t, t.TempDir(), s.args...)
	s.follower = follow(s.daemon, 0, genesis(btc.Mainnet))
	return s
}

// reach lets the sync go on to a random height above from, at most span higher,
// and returns when the reader is there. Blocks beyond are on their way then.
func (s *sync600) reach(span int) {
	height := min(s.tip+1+btc.Height(s.random.IntN(span)), tip600-40)
	s.dam.raise(height + 30)
	s.connects(height)
}

// finish lets the rest through and judges the journal as a whole.
func (s *sync600) finish(t *testing.T) {
	t.Helper()
	s.dam.raise(tip600)
	s.connects(tip600)
	s.at(s.chain)
	if s.events != int(tip600) || s.hash.String() != demoTipHash {
		t.Fatalf("%d events up to %s, want %d up to %s", s.events, s.hash, tip600, demoTipHash)
	}
	s.again(s.daemon)
}

// TestKillAdapter kills the adapter again and again in the middle of a sync.
func TestKillAdapter(t *testing.T) {
	t.Parallel()
	s := start600(t, 31)
	seen := 0
	for range 3 {
		s.reach(150)
		s.kill(s.live("adapter"))
		_, seen = s.awaitMessage("adapter died", seen)
		s.dam.raise(s.tip + 60)
		_, seen = s.awaitMessage("adapter started", seen)
	}
	s.finish(t)
}

// TestKillParser kills parsers, one at a time and all at once, in the middle of a
// sync.
func TestKillParser(t *testing.T) {
	t.Parallel()
	s := start600(t, 33)
	for round := range 5 {
		s.reach(100)
		victim := s.random.IntN(2)
		for worker, pid := range s.awaitParsers(2) {
			if round%2 == 1 || worker == victim {
				s.kill(pid)
			}
		}
	}
	s.finish(t)
	if bans := s.count("peer banned"); bans != 0 {
		t.Fatalf("%d honest peers were banned", bans)
	}
}

// TestKillBrokerAndService kills the broker, then the supervisor, and starts the
// service again.
func TestKillBrokerAndService(t *testing.T) {
	t.Parallel()
	s := start600(t, 35)
	s.reach(150)
	s.kill(s.live("broker"))
	_, seen := s.awaitMessage("broker died", 0)
	s.dam.raise(s.tip + 60)
	s.awaitMessage("broker ready", seen)
	s.reach(200)

	children := descendants(t, s.process.Process.Pid)
	if len(children) < 4 {
		t.Fatalf("the service has %d processes below it, want broker, adapter and two parsers", len(children))
	}
	s.kill(s.process.Process.Pid)
	awaitGone(t, children)
	s.dam.raise(s.tip + 60)
	s.daemon = startDaemon(t, s.dataDir, s.args...)
	s.finish(t)
}

// count says how many lines of the log have that text.
func (d *daemon) count(text string) int {
	count := 0
	for _, r := range d.lines() {
		if r.Msg == text {
			count++
		}
	}
	return count
}

// TestStopDuringSync ends the service with SIGTERM in the middle of a sync and
// goes on after a new start.
func TestStopDuringSync(t *testing.T) {
	t.Parallel()
	s := start600(t, 37)
	s.reach(250)
	children := descendants(t, s.process.Process.Pid)
	begun := time.Now()
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0", code)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s to stop, want at most 10 s", took)
	}
	awaitGone(t, children)
	for _, r := range s.lines() {
		// A spare that had to help on a busy machine becomes a spare again by being replaced.
		if r.Level == "ERROR" || r.Msg == "parser died" && r.Why != "surplus" {
			t.Errorf("nothing went wrong, but the log says %s", r.text)
		}
	}
	s.daemon = startDaemon(t, s.dataDir, s.args...)
	s.finish(t)
}
