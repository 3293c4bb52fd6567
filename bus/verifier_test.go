package bus_test

import (
	"errors"
	"testing"
	"time"

	"blockgate/bus"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

var testClock = time.Unix(2_000_000_000, 0)

// minedChain returns connect events of headers on regtest, from height 1 on. They
// have no bodies: a verifier's Event does not look at them.
func minedChain(t testing.TB, parent btc.Header, height btc.Height, salt byte, count int) []bus.Event {
	t.Helper()
	var events []bus.Event
	limit := btc.Regtest.Params().PowLimit
	for range count {
		fields := btc.HeaderFields{
			Version: 0x20000000, Prev: parent.Hash(), MerkleRoot: btc.Hash{salt}, Time: parent.Time() + 600, Bits: btc.Regtest.Params().PowLimitBits,
		}
		header := fields.Header()
		for hash := header.Hash(); !limit.Meets(&hash); hash = header.Hash() {
			fields.Nonce++
			header = fields.Header()
		}
		e := goodEvent(t)
		e.Hash, e.Prev, e.Height, e.Header, e.Final = header.Hash(), parent.Hash(), height, header, 0
		e.Work = limit.Work().Mul(uint64(height) + 1) // genesis counts
		events = append(events, e)
		parent, height = header, height+1
	}
	return events
}

func genesisHeader() btc.Header { return btc.Regtest.Params().Genesis }

func undo(e bus.Event) *bus.Event {
	e.Kind = bus.Disconnect
	return &e
}

// step gives all events to the verifier and wants only the last to fail.
func step(t testing.TB, v *bus.Verifier, want error, events ...*bus.Event) {
	t.Helper()
	for i, e := range events {
		err := v.Event(e, testClock)
		if last := i == len(events)-1; last && !errors.Is(err, want) || !last && err != nil {
			t.Errorf("event %d: %v, want %v", i, err, want)
		}
	}
}

func TestVerifierFromGenesis(t *testing.T) {
	chain := minedChain(t, genesisHeader(), 1, 1, 4)
	fork := minedChain(t, chain[0].Header, 2, 2, 1)
	v := bus.NewVerifier(btc.Regtest, nil, nil)
	if v.HasBase() || v.Anchored(&chain[0]) {
		t.Error("a new verifier knows something")
	}
	step(t, v, nil, &chain[0], &chain[1], undo(chain[1]), &fork[0], undo(fork[0]), &chain[1])
	if !v.Anchored(&chain[1]) {
		t.Error("not anchored in genesis")
	}
	if hash, height, known := v.Tip(); hash != chain[1].Hash || height != 2 || !known {
		t.Errorf("tip %v at %d", hash, height)
	}
	wrong := chain[2]
	wrong.Work = wrong.Work.Add(btc.Work{Uint256: btc.Uint256{1}})
	step(t, v, bus.ErrWork, &wrong)
	wrong = chain[2]
	wrong.Height++
	step(t, v, bus.ErrGap, &wrong)
	step(t, v, nil, &chain[2]) // none of it did harm
	v.Stand(bus.FoldAt(chain[0].Hash, 1, 0))
	step(t, v, nil, &chain[1], &chain[2], &chain[3])
}

func TestVerifierRefusesAnotherGenesis(t *testing.T) {
	other := btc.Mainnet.Params().Genesis
	chain := minedChain(t, other, 1, 1, 1)
	step(t, bus.NewVerifier(btc.Regtest, nil, nil), bus.ErrGenesis, &chain[0])
}

func TestVerifierFromTheMiddle(t *testing.T) {
	chain := minedChain(t, genesisHeader(), 1, 1, 6)
	v := bus.NewVerifier(btc.Regtest, nil, nil)
	step(t, v, nil, undo(chain[3]), undo(chain[2]), &chain[2], &chain[3]) // the head is cut within a reorg
	if !v.HasBase() || v.Anchored(&chain[3]) {
		t.Error("the base is block 3, which hangs on nothing")
	}
	wrong := chain[4]
	wrong.Work = chain[5].Work // the work below the base is free, the steps are not
	step(t, v, bus.ErrWork, &wrong)
	step(t, v, nil, &chain[4])
	step(t, v, bus.ErrBelowBase, undo(chain[4]), undo(chain[3]), undo(chain[2]), undo(chain[1]))
	side := minedChain(t, chain[1].Header, 3, 9, 1)
	step(t, v, bus.ErrBelowBase, &side[0])
	v.Forget()
	step(t, v, nil, &side[0])

	lazy := chain[2]
	lazy.Work = btc.Work{Uint256: btc.Uint256{1}} // less than the block alone
	step(t, bus.NewVerifier(btc.Regtest, nil, nil), bus.ErrWork, &lazy)
	unmined := chain[2]
	limit := btc.Regtest.Params().PowLimit
	for limit.Meets(&unmined.Hash) {
		unmined.Header[btc.HeaderSize-1]++
		unmined.Hash = unmined.Header.Hash()
	}
	step(t, bus.NewVerifier(btc.Regtest, nil, nil), headerchain.ErrHighHash, &unmined)
	step(t, bus.NewVerifier(btc.Mainnet, nil, nil), headerchain.ErrTarget, &chain[2]) // regtest's target
}

// resetTo is a reset that leaves the block of a connect as the tip.
func resetTo(e bus.Event) *bus.Event {
	e.Kind, e.Final = bus.Reset, e.Height
	return &e
}

// TestVerifierResets: a reset goes back to a block of the chain, whatever was final; below
// the first block that the reader knows the next connect is a base of its own.
func TestVerifierResets(t *testing.T) {
	chain := minedChain(t, genesisHeader(), 1, 1, 6)
	fork := minedChain(t, chain[1].Header, 3, 2, 2)
	v := bus.NewVerifier(btc.Regtest, nil, nil)
	for i := range chain {
		chain[i].Final = chain[i].Height
		step(t, v, nil, &chain[i])
	}
	step(t, v, bus.ErrGap, resetTo(fork[0])) // not on the chain
	step(t, v, bus.ErrFinal, undo(chain[5]))
	wrong := resetTo(chain[1])
	wrong.Work = chain[2].Work
	step(t, v, bus.ErrWork, wrong)
	fork[0].Final, fork[1].Final = 2, 3
	step(t, v, nil, resetTo(chain[1]), &fork[0], &fork[1])
	if !v.Anchored(&fork[1]) {
		t.Error("not anchored in genesis after a reset")
	}

	v = bus.NewVerifier(btc.Regtest, nil, nil)
	step(t, v, nil, &chain[4], &chain[5], resetTo(chain[1]))
	if v.HasBase() {
		t.Error("the base is kept after a reset below it")
	}
	step(t, v, bus.ErrGap, &chain[3])
	step(t, v, nil, &fork[0], &fork[1])

	v = bus.NewVerifier(btc.Regtest, &bus.Anchor{Height: 3, Hash: chain[2].Hash}, nil)
	step(t, v, nil, &chain[2], &chain[3])
	step(t, v, bus.ErrAnchor, resetTo(chain[1]), &fork[0]) // the operator's anchor stands
}

func TestVerifierWithAnAnchor(t *testing.T) {
	chain := minedChain(t, genesisHeader(), 1, 1, 6)
	anchor := &bus.Anchor{Height: 4, Hash: chain[3].Hash}
	v := bus.NewVerifier(btc.Regtest, anchor, nil)
	step(t, v, nil, &chain[2])
	if v.Anchored(&chain[2]) {
		t.Error("anchored below an anchor that is not seen yet")
	}
	step(t, v, nil, &chain[3], &chain[4])
	side := minedChain(t, chain[2].Header, 4, 9, 1)
	if !v.Anchored(&chain[2]) || !v.Anchored(&chain[4]) || v.Anchored(undo(minedChain(t, chain[1].Header, 3, 8, 1)[0])) {
		t.Error("what hangs on the anchor is not what counts as such")
	}
	step(t, v, bus.ErrAnchor, undo(chain[4]), undo(chain[3]), &side[0])
	step(t, bus.NewVerifier(btc.Regtest, anchor, nil), bus.ErrAnchor, &chain[5]) // the anchor is below the base
}

func TestVerifierKnowsTheClock(t *testing.T) {
	chain := minedChain(t, genesisHeader(), 1, 1, 1)
	v := bus.NewVerifier(btc.Regtest, nil, nil)
	early := time.Unix(int64(chain[0].Header.Time())-btc.MaxFutureBlockTime-1, 0)
	if err := v.Event(&chain[0], early); !errors.Is(err, headerchain.ErrTimeTooNew) {
		t.Errorf("got %v", err)
	}
	if err := v.Event(&chain[0], early.Add(time.Second)); err != nil {
		t.Error(err)
	}
}
