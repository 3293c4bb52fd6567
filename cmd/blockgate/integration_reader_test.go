package main

import (
	"context"
	"fmt"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/bus"
	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// follower reads a journal from its first event on. It holds each event to the
// one before, so that a block that is lost, doubled or out of order fails the
// test where it happens.
type follower struct {
	t       testing.TB
	reader  *jetstream.Reader
	network btc.Network
	// anchored is whether the journal hangs on genesis.
	anchored bool

	tip    btc.Height
	hash   btc.Hash
	seq    uint64
	events int
}

// follow reads the journal of a daemon with the bundled broker, above the block
// at height with hash; the journal has to begin with the next one.
func follow(d *daemon, below btc.Height, hash btc.Hash) *follower {
	d.t.Helper()
	d.awaitMessage("broker ready", 0)
	access, err := readBusAccess(d.dataDir)
	if err != nil {
		d.t.Fatal(err)
	}
	return followAt(d.t, access, below, hash)
}

func followAt(t testing.TB, access busAccess, below btc.Height, hash btc.Hash) *follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reader, err := jetstream.Follow(ctx, jetstream.ReaderConfig{
		URL: access.URL, Credentials: jetstream.Credentials{NKeySeed: []byte(access.Seed)}, Network: access.Network, ID: access.ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return &follower{t: t, reader: reader, network: access.Network, anchored: below == 0, tip: below, hash: hash}
}

// next returns the next event, which has to move the tip by one block.
func (f *follower) next() bus.Event {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	v, err := f.reader.Next(ctx)
	if err != nil {
		f.t.Fatalf("the reader stopped after height %d: %v", f.tip, err)
	}
	e := v.Event
	switch {
	case v.Anchored != f.anchored:
		f.t.Fatalf("block %d anchored: %t, want %t", e.Height, v.Anchored, f.anchored)
	case e.Seq <= f.seq:
		f.t.Fatalf("sequence %d after %d", e.Seq, f.seq)
	case e.Kind == bus.Connect && (e.Height != f.tip+1 || e.Prev != f.hash || len(v.Body) != e.Size):
		f.t.Fatalf("connect %d %s on %s: the tip is %d %s", e.Height, e.Hash, e.Prev, f.tip, f.hash)
	case e.Kind == bus.Disconnect && (e.Height != f.tip || e.Hash != f.hash):
		f.t.Fatalf("disconnect %d %s: the tip is %d %s", e.Height, e.Hash, f.tip, f.hash)
	}
	f.hash, f.tip = e.Tip()
	f.seq = e.Seq
	f.events++
	return e
}

// connects reads connects alone, up to height.
func (f *follower) connects(height btc.Height) {
	f.t.Helper()
	for f.tip < height {
		if e := f.next(); e.Kind != bus.Connect {
			f.t.Fatalf("%v of block %d, want connects up to %d", e.Kind, e.Height, height)
		}
	}
}

// path reads the events that lead from the tip to another: down takes of
// disconnects, then connects up to height.
func (f *follower) path(down int, height btc.Height) {
	f.t.Helper()
	for range down {
		if e := f.next(); e.Kind != bus.Disconnect {
			f.t.Fatalf("%v of block %d, want %d disconnects", e.Kind, e.Height, down)
		}
	}
	f.connects(height)
}

// at wants the tip to be a block of the chain.
func (f *follower) at(chain *fakepeer.Chain) {
	f.t.Helper()
	if want, _ := chain.At(f.tip); f.hash != want {
		f.t.Fatalf("block %d is %s, want %s", f.tip, f.hash, want)
	}
}

// again folds the journal anew from its first event on, and wants it to lead to
// the same tip by as many events as were read.
func (f *follower) again(d *daemon) {
	f.t.Helper()
	g := follow(d, 0, genesis(f.network))
	for g.events < f.events {
		g.next()
	}
	if g.tip != f.tip || g.hash != f.hash || g.seq != f.seq {
		f.t.Fatalf("read again the journal leads to %d %s at %d, not to %d %s at %d", g.tip, g.hash, g.seq, f.tip, f.hash, f.seq)
	}
}

// genesis returns the hash of a network's first block.
func genesis(network btc.Network) btc.Hash {
	header := network.Params().Genesis
	return header.Hash()
}

// listen starts a peer on a loopback address with that last byte, until the test
// ends.
func listen(t testing.TB, last int, chain *fakepeer.Chain, script fakepeer.Script) *fakepeer.Peer {
	t.Helper()
	peer, err := fakepeer.Listen(t.Context(), fmt.Sprintf("127.0.0.%d:0", last), chain, script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(peer.Close)
	return peer
}

// regtest returns a chain of so many blocks above genesis.
func regtest(t testing.TB, seed uint64, blocks int) *fakepeer.Chain {
	t.Helper()
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: seed, Witness: true})
	if err := chain.Mine(blocks); err != nil {
		t.Fatal(err)
	}
	return chain
}

// connectTo returns the arguments that name peers.
func connectTo(peers ...*fakepeer.Peer) []string {
	var args []string
	for _, p := range peers {
		args = append(args, "--connect", p.Addr().String())
	}
	return args
}
