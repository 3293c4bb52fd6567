package main

import (
	"context"
	"strings"
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// wrongdoer is a peer that breaks the protocol in one way, and what the log must
// say of it.
type wrongdoer struct {
	script fakepeer.Script
	reason string // of the end of its connection, "" if it must stay
	detail string // something that the line must hold
	banned bool
}

var wrongdoers = []wrongdoer{
	{fakepeer.Script{Lie: fakepeer.WrongMagic}, "wrong-magic", "", true},
	{fakepeer.Script{Lie: fakepeer.BadChecksum}, "bad-checksum", "block", false},
	{fakepeer.Script{Lie: fakepeer.Oversize}, "oversize", "4000001", true},
	{fakepeer.Script{Lie: fakepeer.UnaskedBlocks}, "unasked-blocks", "", true},
	{fakepeer.Script{Lie: fakepeer.HalfBlock}, "remote-closed", "block", false},
	{fakepeer.Script{Lie: fakepeer.Garbage}, "wrong-magic", "", true},
	{fakepeer.Script{Lie: fakepeer.PingFlood}, "ping-flood", "", true},
	{fakepeer.Script{Lie: fakepeer.NoServices}, "missing-services", "", false},
	{fakepeer.Script{Lie: fakepeer.UnknownCommands}, "", "", false},
}

// TestWrongPeers syncs from one honest peer among many that break the protocol.
// The log names each with its reason; nothing is lost by it.
func TestWrongPeers(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	allSeen := make(chan struct{})
	honest := listen(t, 50, chain, fakepeer.Script{Gate: func(ctx context.Context, height btc.Height, _ btc.Hash) {
		if height < 100 {
			return
		}
		select { // the rest only after all the others were met
		case <-allSeen:
		case <-ctx.Done():
		}
	}})
	peers := []*fakepeer.Peer{honest}
	for i, w := range wrongdoers {
		peers = append(peers, listen(t, 51+i, chain, w.script))
	}
	d := startDaemon(t, t.TempDir(), append(connectTo(peers...), "--network", "mainnet", "--minimum-chain-work", "0", "--start-height", "1")...)
	for i, w := range wrongdoers {
		w.check(d, peers[i+1].Addr().String())
	}
	close(allSeen)
	f := follow(d, 0, genesis(btc.Mainnet))
	f.connects(tip600)
	f.at(chain)
	bans := 0
	for _, w := range wrongdoers {
		if w.banned {
			bans++
		}
	}
	for i, w := range wrongdoers {
		for _, r := range d.lines() {
			if w.reason == "" && r.Msg == "peer gone" && r.Peer == peers[i+1].Addr().String() {
				t.Errorf("%s is allowed, but the log says %s", w.script.Lie, r.text)
			}
		}
	}
	if got := d.count("peer banned"); got != bans {
		t.Errorf("%d bans, want %d", got, bans)
	}
}

// check waits for what the log says of the peer.
func (w wrongdoer) check(d *daemon, addr string) {
	d.t.Helper()
	if w.reason == "" {
		d.await("peer ready "+addr, 0, func(r record) bool { return r.Msg == "peer ready" && r.Peer == addr })
		return
	}
	gone, _ := d.await(w.script.Lie.String()+" gone for "+w.reason, 0, func(r record) bool {
		return r.Msg == "peer gone" && r.Peer == addr
	})
	if gone.Reason != w.reason || !strings.Contains(gone.Detail, w.detail) {
		d.t.Errorf("%s: the log says %s, want %s and %q", w.script.Lie, gone.text, w.reason, w.detail)
	}
	if w.banned {
		ban, _ := d.await(w.script.Lie.String()+" banned", 0, func(r record) bool { return r.Msg == "peer banned" && r.Peer == addr })
		if ban.Reason != w.reason {
			d.t.Errorf("%s: banned for %s, want %s", w.script.Lie, ban.Reason, w.reason)
		}
	}
}
