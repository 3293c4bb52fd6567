package adapter_test

import (
	"testing"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// A chain that shows its work with its third message alone is read twice, over the
// wire, and followed to its end. (THREATS.md H01.)
func TestPresyncOverTheWire(t *testing.T) {
	t.Parallel()
	const height = 4_200
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 1})
	if err := chain.Mine(height); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, chain, fakepeer.Script{})
	w.config.Node.MinimumChainWork = btc.Regtest.Params().PowLimit.Work().Mul(height - 50)
	w.config.Node.Start = node.Start{Kind: node.StartHeight, Height: height - 10}
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	if got := w.peers[0].Stats(); got.Handshakes != 1 || got.Headers < 2*height || got.Headers > 2*height+2*btc.MaxHeaders {
		t.Errorf("%d handshakes, %d headers went out, want each of %d twice", got.Handshakes, got.Headers, height)
	}
	if got := len(w.journal.events); got != 11 {
		t.Errorf("%d events", got)
	}
	if peers := w.log.banned(); len(peers) > 0 {
		t.Errorf("banned: %v", peers)
	}
}
