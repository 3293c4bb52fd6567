package jetstream_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/headerchain"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// testBlock is a block with its place.
type testBlock struct {
	header btc.Header
	hash   btc.Hash
	height btc.Height
	body   []byte
}

func newBlock(body []byte, height btc.Height) testBlock {
	header := btc.Header(body[:btc.HeaderSize])
	return testBlock{header: header, hash: header.Hash(), height: height, body: body}
}

// readGzip returns the text of a file.
func readGzip(t testing.TB, path string) []byte {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// mainnetBlocks returns the blocks 1 to 120 of mainnet.
func mainnetBlocks(t testing.TB) []testBlock {
	t.Helper()
	rest := readGzip(t, "testdata/mainnet_0-120.blkdat.gz")
	var blocks []testBlock
	for height := btc.Height(0); len(rest) > 0; height++ {
		size := binary.LittleEndian.Uint32(rest[4:])
		blocks = append(blocks, newBlock(rest[8:8+size], height))
		rest = rest[8+size:]
	}
	return blocks[1:]
}

// segwitBlock is a small block with witnesses, the only one of its journal.
func segwitBlock(t testing.TB) testBlock {
	t.Helper()
	return newBlock(readGzip(t, "../../testdata/blocks/mainnet_482683.raw.gz"), 482683)
}

// claimOf says what an honest worker says, by btcd's decoder.
func claimOf(t testing.TB, body []byte) claim.Block {
	t.Helper()
	var block wire.MsgBlock
	if err := block.Deserialize(bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	said := claim.Block{Verdict: verdict.OK}
	for _, tx := range block.Transactions {
		one := claim.Tx{Len: uint32(tx.SerializeSize())}
		if tx.HasWitness() {
			one.Witness = one.Len - uint32(tx.SerializeSizeStripped()) - 2
		}
		said.Txs = append(said.Txs, one)
	}
	return said
}

// prove returns the block as the adapter holds it before it publishes.
func prove(t testing.TB, network btc.Network, b testBlock) claim.Checked {
	t.Helper()
	place := claim.Context{Network: network, Height: b.height}
	checked, err := claim.NewChecker(sha256d.New(), nil).Check(place, b.header, b.body, claimOf(t, b.body), new(claim.Room))
	if err != nil {
		t.Fatalf("block %d: %v", b.height, err)
	}
	return checked
}

// regtestGenesis is where mined chains begin.
func regtestGenesis() testBlock {
	header := btc.Regtest.Params().Genesis
	return testBlock{header: header, hash: header.Hash()}
}

// mine returns a block of about size bytes on regtest. The salt makes blocks of
// one parent differ.
func mine(t testing.TB, parent testBlock, salt byte, size int) testBlock {
	t.Helper()
	height := parent.height + 1
	coinbase := wire.NewMsgTx(1)
	script := []byte{4, byte(height), byte(height >> 8), byte(height >> 16), 0, 1, salt}
	coinbase.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{}, 0xffffffff), script, nil))
	coinbase.AddTxOut(wire.NewTxOut(0, []byte{0x51}))
	txs := []*wire.MsgTx{coinbase}
	for left := size; left > 400; left -= 100_000 {
		spend := wire.NewMsgTx(2)
		spend.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{salt, 1}, uint32(left)), nil, nil))
		spend.AddTxOut(wire.NewTxOut(0, bytes.Repeat([]byte{0x6a, salt, byte(left)}, min(left, 100_000)/3)))
		txs = append(txs, spend)
	}
	return seal(t, parent, txs)
}

// seal returns the block of txs on parent, with its proof of work.
func seal(t testing.TB, parent testBlock, txs []*wire.MsgTx) testBlock {
	t.Helper()
	ids := make([]chainhash.Hash, len(txs))
	for i, tx := range txs {
		ids[i] = tx.TxHash()
	}
	fields := btc.HeaderFields{
		Version: 0x20000000, Prev: parent.hash, MerkleRoot: merkleRoot(ids),
		Time: parent.header.Time() + 600, Bits: btc.Regtest.Params().PowLimitBits,
	}
	header := fields.Header()
	for hash := header.Hash(); !btc.Regtest.Params().PowLimit.Meets(&hash); hash = header.Hash() {
		fields.Nonce++
		header = fields.Header()
	}
	body := btc.AppendCompactSize(bytes.Clone(header[:]), uint64(len(txs)))
	buffer := bytes.NewBuffer(body)
	for _, tx := range txs {
		if err := tx.Serialize(buffer); err != nil {
			t.Fatal(err)
		}
	}
	return newBlock(buffer.Bytes(), parent.height+1)
}

// merkleRoot is the plain definition: pairs, the last one with itself.
func merkleRoot(row []chainhash.Hash) btc.Hash {
	for len(row) > 1 {
		var next []chainhash.Hash
		for i := 0; i < len(row); i += 2 {
			right := row[min(i+1, len(row)-1)]
			next = append(next, chainhash.DoubleHashH(append(row[i][:], right[:]...)))
		}
		row = next
	}
	return btc.Hash(row[0])
}

// mineChain returns count blocks on top of parent.
func mineChain(t testing.TB, parent testBlock, salt byte, count, size int) []testBlock {
	t.Helper()
	var blocks []testBlock
	for range count {
		parent = mine(t, parent, salt, size)
		blocks = append(blocks, parent)
	}
	return blocks
}

// works is the work of each block's chain, by headerchain from genesis.
type works struct{ chain *headerchain.Chain }

func newWorks(network btc.Network) works { return works{headerchain.New(network)} }

func (w works) of(t testing.TB, b testBlock) btc.Work {
	t.Helper()
	if _, err := w.chain.Accept([]btc.Header{b.header}, time.Now()); err != nil {
		t.Fatal(err)
	}
	entry, ok := w.chain.Lookup(b.hash)
	if !ok {
		t.Fatalf("block %d is not in the chain", b.height)
	}
	return entry.Work
}
