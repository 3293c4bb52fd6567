package main

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// Of the blocks of denseChain, each of the last carries denseTxs transactions of about 220
// bytes; those before make coins that may be spent.
const (
	denseTxs    = 4000
	denseWarmup = 101 // coinbases may be spent after 100 blocks
)

// denseChain is a regtest chain that ends at now in full blocks: 4,000 transactions each, one
// input and two outputs, that spend those of the block before. No signature is asked for,
// which is the least that a node that checks scripts can have to do.
func denseChain(tb testing.TB, blocks int) *fakepeer.Chain {
	tb.Helper()
	total := denseWarmup + 1 + blocks
	miner := denseMiner{tb: tb, prev: btc.Regtest.Params().Genesis, at: time.Now().Add(-time.Duration(total) * 10 * time.Minute)}
	genesis, _, _ := fakepeer.NewRegtest(fakepeer.Mining{}).Block(miner.prev.Hash())
	miner.write(genesis)
	first := miner.mine(nil)
	for range denseWarmup - 1 {
		miner.mine(nil)
	}
	fan := denseTx(wire.OutPoint{Hash: first}, denseTxs, 50e8/denseTxs-1000)
	miner.mine([]*wire.MsgTx{fan})
	coins := make([]wire.OutPoint, denseTxs)
	for i := range coins {
		coins[i] = wire.OutPoint{Hash: fan.TxHash(), Index: uint32(i)}
	}
	value := int64(50e8/denseTxs - 1000)
	for range blocks {
		value -= 100
		txs := make([]*wire.MsgTx, len(coins))
		for i := range coins {
			txs[i] = denseTx(coins[i], 1, value)
			txs[i].AddTxOut(wire.NewTxOut(0, append([]byte{0x6a, 0x4c, 140}, make([]byte, 140)...)))
			coins[i] = wire.OutPoint{Hash: txs[i].TxHash()}
		}
		miner.mine(txs)
	}
	chain, err := fakepeer.LoadBlocks(btc.Regtest, &miner.file)
	if err != nil {
		tb.Fatal(err)
	}
	return chain
}

// denseTx spends a coin that anybody may spend into such coins.
func denseTx(coin wire.OutPoint, outputs int, value int64) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&coin, nil, nil))
	for range outputs {
		tx.AddTxOut(wire.NewTxOut(value, []byte{0x51}))
	}
	return tx
}

// denseMiner writes blocks as LoadBlocks reads them.
type denseMiner struct {
	tb     testing.TB
	file   bytes.Buffer
	prev   btc.Header
	height int32
	at     time.Time
}

func (m *denseMiner) write(block []byte) {
	m.file.Write(binary.LittleEndian.AppendUint32(nil, btc.Regtest.Params().Magic))
	m.file.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(block))))
	m.file.Write(block)
}

// mine adds a block and returns the id of its coinbase.
func (m *denseMiner) mine(txs []*wire.MsgTx) chainhash.Hash {
	m.tb.Helper()
	m.height++
	m.at = m.at.Add(10 * time.Minute)
	coinbase := wire.NewMsgTx(2)
	script := binary.LittleEndian.AppendUint16([]byte{2}, uint16(m.height)) // below 32,768, and two bytes long from 128 on
	if m.height < 17 {
		script = []byte{0x50 + byte(m.height), 0}
	} else if m.height < 128 {
		script = []byte{1, byte(m.height)}
	}
	coinbase.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 0xffffffff}, append(script, "dense"...), nil))
	coinbase.AddTxOut(wire.NewTxOut(50e8>>(m.height/150), []byte{0x51}))
	txs = append([]*wire.MsgTx{coinbase}, txs...)
	ids := make([]btc.Hash, len(txs))
	var body bytes.Buffer
	for i, tx := range txs {
		ids[i] = btc.Hash(tx.TxHash())
		if err := tx.Serialize(&body); err != nil {
			m.tb.Fatal(err)
		}
	}
	root, _ := sha256d.MerkleRoot(ids)
	fields := btc.HeaderFields{
		Version: 0x20000000, Prev: m.prev.Hash(), MerkleRoot: root,
		Time: uint32(m.at.Unix()), Bits: btc.Regtest.Params().PowLimitBits,
	}
	for { // two tries on average
		header := fields.Header()
		hash := header.Hash()
		if btc.Regtest.Params().PowLimit.Meets(&hash) {
			m.prev = header
			break
		}
		fields.Nonce++
	}
	m.write(append(btc.AppendCompactSize(bytes.Clone(m.prev[:]), uint64(len(txs))), body.Bytes()...))
	return coinbase.TxHash()
}
