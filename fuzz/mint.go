package fuzz

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

// Tx is a transaction to be put into a block: its form without witness, and its
// witness section, nil if it has none.
type Tx struct {
	Stripped []byte
	Witness  []byte
}

// Raw returns the transaction as it stands on the wire.
func (t *Tx) Raw() []byte {
	if t.Witness == nil {
		return t.Stripped
	}
	end := len(t.Stripped) - 4
	return slices.Concat(t.Stripped[:4], []byte{0, 1}, t.Stripped[4:end], t.Witness, t.Stripped[end:])
}

// Weight returns the transaction's weight in weight units (BIP-0141).
func (t *Tx) Weight() int {
	weight := len(t.Stripped) * btc.WitnessScaleFactor
	if t.Witness != nil {
		weight += len(t.Witness) + 2
	}
	return weight
}

// Mint returns a block at height that has a coinbase and txs. Its merkle root and,
// if a transaction has a witness, its commitment are right; it has no proof of
// work. The hashes are computed by crypto/sha256 alone.
func Mint(height btc.Height, txs []Tx) []byte {
	ids, wids := make([]btc.Hash, 1, len(txs)+1), make([]btc.Hash, 1, len(txs)+1)
	segwit := false
	raw := make([][]byte, len(txs))
	for i := range txs {
		raw[i] = txs[i].Raw()
		segwit = segwit || txs[i].Witness != nil
		ids, wids = append(ids, doubleHash(txs[i].Stripped)), append(wids, doubleHash(raw[i]))
	}
	coinbase := mintCoinbase(height, segwit, rootOf(wids))
	ids[0] = doubleHash(coinbase.Stripped)
	header := btc.HeaderFields{Version: 0x20000000, MerkleRoot: rootOf(ids), Time: mintTime, Bits: btc.Regtest.Params().PowLimitBits}.Header()
	body := btc.AppendCompactSize(slices.Clone(header[:]), uint64(len(txs)+1))
	body = append(body, coinbase.Raw()...)
	return append(body, slices.Concat(raw...)...)
}

// mintTime is the time of the blocks that are made here, in Unix seconds.
const mintTime = 1_700_000_000

// mintCoinbase returns a coinbase that begins with the height (BIP-0034) in three
// bytes, and pays nothing but for the commitment.
func mintCoinbase(height btc.Height, segwit bool, witnessRoot btc.Hash) Tx {
	outputs := join([]byte{1}, make([]byte, 8), []byte{1, 0x51})
	var witness []byte
	if segwit {
		reserved := make([]byte, btc.HashSize)
		commitment := doubleHash(slices.Concat(witnessRoot[:], reserved))
		outputs = join([]byte{2}, outputs[1:], make([]byte, 8), []byte{38, 0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}, commitment[:])
		witness = join([]byte{1, btc.HashSize}, reserved)
	}
	script := []byte{3, byte(height), byte(height >> 8), byte(height >> 16)}
	return Tx{Stripped: join(
		[]byte{1, 0, 0, 0, 1}, make([]byte, btc.HashSize), []byte{0xff, 0xff, 0xff, 0xff},
		[]byte{byte(len(script))}, script, []byte{0xff, 0xff, 0xff, 0xff}, outputs, []byte{0, 0, 0, 0},
	), Witness: witness}
}

func join(pieces ...[]byte) []byte { return slices.Concat(pieces...) }

// doubleHash and rootOf say what a hash and a tree are, with no engine of ours.
func doubleHash(b []byte) btc.Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

func rootOf(ids []btc.Hash) btc.Hash {
	level := slices.Clone(ids)
	for len(level) > 1 {
		if len(level)%2 == 1 {
			level = append(level, level[len(level)-1])
		}
		for i := range len(level) / 2 {
			level[i] = doubleHash(slices.Concat(level[2*i][:], level[2*i+1][:]))
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

// outpoint returns the n-th of the outpoints that inputs made here spend, 36 bytes.
func outpoint(n int) []byte {
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(n))
	id := doubleHash(seed[:])
	return append(id[:], 0, 0, 0, 0)
}

// Mend returns a copy of body with the merkle root that its transactions have, by the
// lengths that were claimed; nil if nothing was. A fuzzer that changes a block would else
// never get past its hashes.
func Mend(body []byte, said claim.Block) []byte {
	if len(said.Txs) == 0 {
		return nil
	}
	at := len(body)
	for _, tx := range said.Txs {
		at -= int(tx.Len)
	}
	ids := make([]btc.Hash, 0, len(said.Txs))
	for _, tx := range said.Txs {
		ids = append(ids, doubleHash(Strip(body[at:at+int(tx.Len)], tx)))
		at += int(tx.Len)
	}
	root, mended := rootOf(ids), slices.Clone(body)
	copy(mended[36:], root[:]) // behind version and parent
	return mended
}

// Strip returns raw, a transaction of the claimed lengths, without marker, flag and
// witness.
func Strip(raw []byte, tx claim.Tx) []byte {
	if tx.Witness == 0 {
		return raw
	}
	end := len(raw) - 4
	return slices.Concat(raw[:4], raw[6:end-int(tx.Witness)], raw[end:])
}
