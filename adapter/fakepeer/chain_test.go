package fakepeer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
)

// raw returns the block at a height of the best chain.
func raw(tb testing.TB, c *Chain, height btc.Height) []byte {
	tb.Helper()
	hash, ok := c.At(height)
	b, at, known := c.Block(hash)
	if !ok || !known || at != height {
		tb.Fatalf("no block at height %d", height)
	}
	return b
}

// decode reads a block with btcd, to its last byte.
func decode(tb testing.TB, b []byte) *btcutil.Block {
	tb.Helper()
	block, err := btcutil.NewBlockFromBytes(b)
	if err != nil {
		tb.Fatal(err)
	}
	if again, err := block.Bytes(); err != nil || !bytes.Equal(again, b) {
		tb.Fatalf("%d bytes decode, of %d: %v", len(again), len(b), err)
	}
	return block
}

func TestFirst600(t *testing.T) {
	c := First600()
	height, tip := c.Tip()
	if height != 599 || tip.String() != "0000000042844571bc6bce8e1c0fbec99466971eaff89fef8c0d123582181d4d" {
		t.Fatalf("ends at %d, %s", height, tip)
	}
	for h := btc.Height(0); h <= 599; h++ {
		block := decode(t, raw(t, c, h))
		if err := blockchain.CheckBlockSanity(block, chaincfg.MainNetParams.PowLimit, blockchain.NewMedianTime()); err != nil {
			t.Errorf("block %d: %v", h, err)
		}
	}
	if c.Network() != btc.Mainnet {
		t.Errorf("of %s", c.Network())
	}
	if err := c.Mine(1); !errors.Is(err, ErrNotMinable) {
		t.Errorf("mine: %v", err)
	}
	if err := c.Fork(1, 1); !errors.Is(err, ErrNotMinable) {
		t.Errorf("fork: %v", err)
	}
}

// TestDoubledBlock checks the written-down offset, and that the lie is the one of
// CVE-2012-2459: other bytes, same header, same merkle root.
func TestDoubledBlock(t *testing.T) {
	c := First600()
	hash, _ := c.At(doubledHeight)
	if hash.String() != doubledHash {
		t.Fatalf("block %d is %s", doubledHeight, hash)
	}
	honest := decode(t, raw(t, c, doubledHeight))
	places, err := honest.TxLoc()
	if err != nil || len(places) != 3 || places[2].TxStart != doubledOffset {
		t.Fatalf("transactions at %v, %v", places, err)
	}
	lie := decode(t, doubleLastTx(c, raw(t, c, doubledHeight), doubledHeight))
	if *lie.Hash() != *honest.Hash() || len(lie.Transactions()) != 4 {
		t.Errorf("hash %s, %d transactions", lie.Hash(), len(lie.Transactions()))
	}
	if *lie.Transactions()[2].Hash() != *lie.Transactions()[3].Hash() {
		t.Error("the last two transactions differ")
	}
	root := blockchain.CalcMerkleRoot(lie.Transactions(), false)
	if root != honest.MsgBlock().Header.MerkleRoot {
		t.Error("the merkle root changed")
	}
	if !bytes.Equal(raw(t, c, doubledHeight), raw(t, First600(), doubledHeight)) {
		t.Error("the chain's own bytes changed")
	}
}

func TestMined(t *testing.T) {
	for _, mining := range []Mining{
		{},
		{Seed: 1, PadBytes: 1},
		{Seed: 2, Witness: true},
		{Seed: 3, Witness: true, PadBytes: 70_000, FirstTime: 1_700_000_000},
		{Seed: 4, PadBytes: MaxPad, Witness: true},
		{Seed: 5, PadBytes: -1},
	} {
		c := NewRegtest(mining)
		blocks := btc.Height(310)
		if mining.PadBytes > 1 {
			blocks = 3
		}
		if err := c.Mine(int(blocks)); err != nil {
			t.Fatal(err)
		}
		prev := btc.Header(raw(t, c, 0))
		if prev != btc.Regtest.Params().Genesis {
			t.Fatal("not the genesis block")
		}
		for h := btc.Height(0); h <= blocks; h++ {
			checkMined(t, c, h, mining, &prev)
		}
	}
}

func checkMined(t *testing.T, c *Chain, height btc.Height, mining Mining, prev *btc.Header) {
	t.Helper()
	block := decode(t, raw(t, c, height))
	if err := blockchain.CheckBlockSanity(block, chaincfg.RegressionNetParams.PowLimit, blockchain.NewMedianTime()); err != nil {
		t.Fatalf("%+v: block %d: %v", mining, height, err)
	}
	if weight := blockchain.GetBlockWeight(block); weight > btc.MaxBlockWeight {
		t.Fatalf("%+v: weight %d", mining, weight)
	}
	if height == 0 {
		return
	}
	if mining.Witness {
		if err := blockchain.ValidateWitnessCommitment(block); err != nil || !block.MsgBlock().Transactions[0].HasWitness() {
			t.Fatalf("block %d: %v", height, err)
		}
	}
	coinbase := block.Transactions()[0]
	if got, err := blockchain.ExtractCoinbaseHeight(coinbase); err != nil || got != int32(height) {
		t.Fatalf("coinbase of block %d says %d, %v", height, got, err)
	}
	if got, want := coinbase.MsgTx().TxOut[0].Value, blockchain.CalcBlockSubsidy(int32(height), &chaincfg.RegressionNetParams); got != want {
		t.Fatalf("block %d creates %d, want %d", height, got, want)
	}
	header := btc.Header(raw(t, c, height))
	wantTime := prev.Time() + btc.BlockSpacing
	if height == 1 && mining.FirstTime != 0 {
		wantTime = mining.FirstTime
	}
	if header.Prev() != prev.Hash() || header.Time() != wantTime {
		t.Fatalf("block %d: parent %s, time %d, want %s, %d", height, header.Prev(), header.Time(), prev.Hash(), wantTime)
	}
	*prev = header
}

func TestMiningIsSeeded(t *testing.T) {
	tip := func(seed uint64) btc.Hash {
		c := NewRegtest(Mining{Seed: seed})
		if err := c.Mine(5); err != nil {
			t.Fatal(err)
		}
		_, hash := c.Tip()
		return hash
	}
	first, again, other := tip(1), tip(1), tip(2)
	if first != again || first == other {
		t.Error("one seed must always give one chain")
	}
	if got := "7008a0b648fd8180d5f211e34c0cc28726af57e8348b7527c80d8a021f7c7efe"; first.String() != got {
		t.Errorf("seed 1 gives %s, gave %s: recorded tests would change", first, got)
	}
}

func TestFork(t *testing.T) {
	c := NewRegtest(Mining{Seed: 1})
	if err := c.Mine(10); err != nil {
		t.Fatal(err)
	}
	_, old := c.Tip()
	seven, _ := c.At(7)
	changed := c.Changed()
	if err := c.Fork(7, 2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody is told of a fork")
	}
	height, tip := c.Tip()
	if at, _ := c.At(7); height != 9 || at != seven || tip == old {
		t.Errorf("now at %d", height)
	}
	if _, at, ok := c.Block(old); !ok || at != 10 {
		t.Error("the old branch is forgotten")
	}
	if got := c.news(old, 100); len(got) != 2 || got[1].Hash() != tip {
		t.Errorf("news after the old tip: %d headers", len(got))
	}
	for _, at := range []btc.Height{-1, 10, 1 << 30} {
		if err := c.Fork(at, 1); err == nil {
			t.Errorf("forked at %d", at)
		}
	}
	if err := c.Fork(9, 0); err != nil {
		t.Errorf("fork at the tip: %v", err)
	}
}

func TestClone(t *testing.T) {
	c := NewRegtest(Mining{Seed: 1})
	if err := c.Mine(3); err != nil {
		t.Fatal(err)
	}
	a, b := c.Clone(), c.Clone()
	for _, chain := range []*Chain{a, b, c} {
		if err := chain.Mine(2); err != nil {
			t.Fatal(err)
		}
	}
	_, tipA := a.Tip()
	_, tipB := b.Tip()
	_, tipC := c.Tip()
	if tipA == tipB || tipB == tipC || tipA == tipC {
		t.Error("clones mine the same blocks")
	}
	if _, _, known := c.Block(tipA); known {
		t.Error("a clone writes into its original")
	}
}

func TestHeadersAfter(t *testing.T) {
	c := NewRegtest(Mining{Seed: 1})
	if err := c.Mine(20); err != nil {
		t.Fatal(err)
	}
	at := func(h btc.Height) btc.Hash { hash, _ := c.At(h); return hash }
	stale := at(20)
	if err := c.Fork(15, 5); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		locator     []btc.Hash
		stop        btc.Hash
		limit       int
		first, last btc.Height // last < first: none
	}{
		{"from genesis", nil, btc.Hash{}, 2000, 1, 20},
		{"unknown locator", []btc.Hash{{1}, {2}}, btc.Hash{}, 2000, 1, 20},
		{"from 5", []btc.Hash{at(5)}, btc.Hash{}, 2000, 6, 20},
		{"first known counts", []btc.Hash{{1}, at(7), at(5)}, btc.Hash{}, 2000, 8, 20},
		{"stale branch is not ours", []btc.Hash{stale, at(15)}, btc.Hash{}, 2000, 16, 20},
		{"at the tip", []btc.Hash{at(20)}, btc.Hash{}, 2000, 21, 20},
		{"limit", nil, btc.Hash{}, 3, 1, 3},
		{"stop", nil, at(4), 2000, 1, 4},
		{"stop behind us", []btc.Hash{at(5)}, at(4), 2000, 6, 20},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got, want []btc.Hash
			for _, h := range c.HeadersAfter(test.locator, test.stop, test.limit) {
				got = append(got, h.Hash())
			}
			for h := test.first; h <= test.last; h++ {
				want = append(want, at(h))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d headers, want %d to %d", len(got), test.first, test.last)
			}
		})
	}
	if got := c.news(btc.Hash{9}, 5); got != nil {
		t.Errorf("news after an unknown block: %d", len(got))
	}
}

// blockFile returns blocks as Bitcoin Core stores them.
func blockFile(magic uint32, blocks ...[]byte) []byte {
	var f []byte
	for _, b := range blocks {
		f = binary.LittleEndian.AppendUint32(f, magic)
		f = binary.LittleEndian.AppendUint32(f, uint32(len(b)))
		f = append(f, b...)
	}
	return f
}

func TestLoadBlocks(t *testing.T) {
	c := First600()
	magic := btc.Mainnet.Params().Magic
	b := [][]byte{raw(t, c, 0), raw(t, c, 1), raw(t, c, 2)}
	good := blockFile(magic, b...)
	long := bytes.Clone(good)
	binary.LittleEndian.PutUint32(long[4:], btc.MaxBlockSize+1)
	tests := []struct {
		name   string
		file   []byte
		blocks int // 0: an error
	}{
		{"whole", good, 3},
		{"genesis alone", blockFile(magic, b[0]), 1},
		{"empty", nil, 0},
		{"without genesis", blockFile(magic, b[1:]...), 0},
		{"gap", blockFile(magic, b[0], b[2]), 0},
		{"other network", blockFile(magic+1, b...), 0},
		{"header alone", blockFile(magic, b[0], b[1][:80]), 0},
		{"length over the limit", long, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := LoadBlocks(btc.Mainnet, bytes.NewReader(test.file))
			if (err == nil) != (test.blocks > 0) {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				if height, _ := got.Tip(); int(height) != test.blocks-1 {
					t.Errorf("ends at %d", height)
				}
			}
		})
	}
	whole := map[int]bool{len(blockFile(magic, b[0])): true, len(blockFile(magic, b[:2]...)): true}
	for n := range len(good) {
		if _, err := LoadBlocks(btc.Mainnet, bytes.NewReader(good[:n])); (err == nil) != whole[n] {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	if _, err := LoadBlocks(btc.Mainnet, io.MultiReader(bytes.NewReader(good), bytes.NewReader([]byte{1}))); err == nil {
		t.Error("a byte behind the last block is taken")
	}
}

// FuzzMessages holds our decoders of requests to btcd's.
func FuzzMessages(f *testing.F) {
	f.Add(append([]byte{1}, make([]byte, 36)...), true)
	f.Add(append(append(make([]byte, 4), 1), make([]byte, 64)...), false)
	f.Fuzz(func(t *testing.T, b []byte, getData bool) {
		in := bytes.NewReader(b)
		if getData {
			var m wire.MsgGetData
			theirs := m.BtcDecode(in, 70016, wire.BaseEncoding)
			items, err := parseGetData(b)
			if ours := err == nil; ours != (theirs == nil && in.Len() == 0) {
				t.Fatalf("ours %v, btcd %v with %d bytes left", err, theirs, in.Len())
			}
			for i, it := range items {
				if it.hash != btc.Hash(m.InvList[i].Hash) || it.kind != uint32(m.InvList[i].Type) {
					t.Fatalf("entry %d: %+v, btcd %+v", i, it, m.InvList[i])
				}
			}
			return
		}
		var m wire.MsgGetHeaders
		theirs := m.BtcDecode(in, 70016, wire.BaseEncoding)
		locator, stop, err := parseGetHeaders(b)
		if err != nil {
			// btcd allows 500 hashes and does not mind bytes behind.
			if theirs == nil && in.Len() == 0 && len(m.BlockLocatorHashes) <= maxLocator {
				t.Fatalf("btcd takes what we refuse: %v", err)
			}
			return
		}
		if theirs != nil || len(locator) != len(m.BlockLocatorHashes) || stop != btc.Hash(m.HashStop) {
			t.Fatalf("we take what btcd refuses: %v", theirs)
		}
	})
}
