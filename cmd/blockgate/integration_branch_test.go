package main

import (
	"slices"
	"syscall"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// TestWithheldBranch shows a heavier branch whose bodies nobody gives: the bus
// must not hear of it, and the honest chain goes on.
func TestWithheldBranch(t *testing.T) {
	t.Parallel()
	honest := regtest(t, 11, 20)
	heavier := honest.Clone()
	if err := heavier.Fork(15, 40); err != nil {
		t.Fatal(err)
	}
	one := listen(t, 11, honest, fakepeer.Script{})
	other := listen(t, 12, heavier, fakepeer.Script{Lie: fakepeer.Withhold, At: 16})
	d := startDaemon(t, t.TempDir(), append(connectTo(one, other), "--network", "regtest")...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(20)
	f.at(honest)
	hidden, _ := heavier.At(16)
	eventually(t, "question for a block that is withheld", func() bool { return wasAsked(other, hidden) })
	for range 3 { // still fewer blocks than the other branch has
		if err := honest.Mine(1); err != nil {
			t.Fatal(err)
		}
		f.connects(f.tip + 1)
		f.at(honest)
	}
	if f.events != 23 {
		t.Fatalf("%d events, want 23", f.events)
	}
	f.again(d)
}

func wasAsked(peer *fakepeer.Peer, hash btc.Hash) bool {
	return slices.Contains(peer.Stats().Asked, hash)
}

// TestStaleTipAfterDeath kills the adapter, then the whole service, and changes
// the chain before they are back: the journal ends in blocks that no peer's
// chain has.
func TestStaleTipAfterDeath(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 21, 20)
	peer := listen(t, 21, chain, fakepeer.Script{})
	dir := t.TempDir()
	args := append(connectTo(peer), "--network", "regtest", "--nats-listen", freeAddress(t))
	d := startDaemon(t, dir, args...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(20)

	signalTo(t, d.live("adapter"), syscall.SIGSTOP) // it must not see the change
	if err := chain.Fork(17, 4); err != nil {
		t.Fatal(err)
	}
	d.kill(d.live("adapter"))
	f.path(3, 21)
	f.at(chain)

	children := descendants(t, d.process.Process.Pid)
	d.kill(d.process.Process.Pid)
	awaitGone(t, children)
	if err := chain.Fork(16, 8); err != nil {
		t.Fatal(err)
	}
	d = startDaemon(t, dir, args...)
	f.path(5, 24)
	f.at(chain)
	if want := 20 + 3 + 4 + 5 + 8; f.events != want {
		t.Fatalf("%d events, want %d", f.events, want)
	}
	f.again(d)
}
