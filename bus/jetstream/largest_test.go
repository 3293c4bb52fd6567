package jetstream_test

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/bus/jetstream"
	"blockgate/internal/btc"
)

// coinbaseAt returns a coinbase whose outputs have the scripts given and no value.
func coinbaseAt(height btc.Height, scripts ...[]byte) *wire.MsgTx {
	tx := wire.NewMsgTx(1)
	script := []byte{4, byte(height), byte(height >> 8), byte(height >> 16), 0}
	tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, 0xffffffff), script, nil))
	for _, script := range scripts {
		tx.AddTxOut(wire.NewTxOut(0, script))
	}
	return tx
}

// heaviest returns a block of exactly the weight that a block may have, next to all
// of it in one witness: no block has more bytes.
func heaviest(t testing.TB, parent testBlock) testBlock {
	t.Helper()
	const around = 80 + 1 // header and count
	weigh := func(tx *wire.MsgTx) int {
		return tx.SerializeSizeStripped()*(btc.WitnessScaleFactor-1) + tx.SerializeSize()
	}
	reserved := make([]byte, btc.HashSize)
	coinbase := coinbaseAt(parent.height+1, append([]byte("\x6a\x24\xaa\x21\xa9\xed"), reserved...))
	coinbase.TxIn[0].Witness = wire.TxWitness{reserved}
	spend := wire.NewMsgTx(2)
	spend.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{1}, 0), nil, wire.TxWitness{make([]byte, 1<<16)}))
	spend.AddTxOut(wire.NewTxOut(0, nil))
	left := btc.MaxBlockWeight - around*btc.WitnessScaleFactor - weigh(coinbase) - weigh(spend)
	spend.TxIn[0].Witness[0] = make([]byte, 1<<16+left)
	root := merkleRoot([]chainhash.Hash{{}, spend.WitnessHash()})
	commitment := chainhash.DoubleHashB(append(root[:], reserved...))
	copy(coinbase.TxOut[0].PkScript[6:], commitment)
	return seal(t, parent, []*wire.MsgTx{coinbase, spend})
}

// fullest returns a block of the smallest transactions, as many as its weight lets in.
func fullest(t testing.TB, parent testBlock) testBlock {
	t.Helper()
	txs := []*wire.MsgTx{coinbaseAt(parent.height+1, nil)}
	left := btc.MaxBlockWeight/btc.WitnessScaleFactor - 80 - 3 - txs[0].SerializeSize()
	for i := range left / btc.MinTransactionSize {
		spend := wire.NewMsgTx(2)
		spend.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{2}, uint32(i)), nil, nil))
		spend.AddTxOut(wire.NewTxOut(0, nil))
		txs = append(txs, spend)
	}
	return seal(t, parent, txs)
}

// No valid block is too large for the journal: neither the one with the most bytes nor
// the one with the most transactions (B11).
func TestLargestBlocks(t *testing.T) {
	ctx := budget(t)
	b := startBroker(t, btc.Regtest)
	w := newWriter(t, ctx, b)
	heavy := heaviest(t, regtestGenesis())
	full := fullest(t, heavy)
	proven := prove(t, btc.Regtest, heavy)
	if proven.Weight() != btc.MaxBlockWeight || len(heavy.body) < btc.MaxBlockSize-1000 {
		t.Fatalf("weight %d, %d bytes", proven.Weight(), len(heavy.body))
	}
	if got := prove(t, btc.Regtest, full).TxCount(); got < btc.MaxBlockTransactions-4 {
		t.Fatalf("%d transactions", got)
	}
	w.connect(t, ctx, heavy, full)
	read(t, ctx, b.follow(t, ctx, jetstream.FromStart()), connects(heavy, full)...)
}
