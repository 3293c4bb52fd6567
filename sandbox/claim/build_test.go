package claim_test

import (
	"bytes"
	"encoding/binary"
	"slices"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// testTx is a transaction in its stripped form, and its witness section, nil for
// none.
type testTx struct{ stripped, witness []byte }

func (x testTx) raw() []byte {
	if x.witness == nil {
		return x.stripped
	}
	end := len(x.stripped) - 4
	return slices.Concat(x.stripped[:4], []byte{0, 1}, x.stripped[4:end], x.witness, x.stripped[end:])
}

func (x testTx) entry() claim.Tx {
	return claim.Tx{Len: uint32(len(x.raw())), Witness: uint32(len(x.witness))}
}

// plain returns a transaction of size bytes, 60 or more, different for each number.
func plain(number, size int) testTx {
	tx := slices.Concat([]byte{2, 0, 0, 0, 1}, make([]byte, 36), []byte{0}, make([]byte, 4), []byte{1}, make([]byte, 8))
	binary.LittleEndian.PutUint32(tx[5:], uint32(number+1))
	script := size - btc.MinTransactionSize
	if script >= 0xfd {
		script -= 2
	}
	tx = btc.AppendCompactSize(tx, uint64(script))
	return testTx{stripped: append(tx, make([]byte, script+4)...)}
}

// segwit returns a transaction with a witness of one item.
func segwit(number int, item []byte) testTx {
	tx := plain(number, 70)
	tx.witness = append(btc.AppendCompactSize([]byte{1}, uint64(len(item))), item...)
	return tx
}

// coinbaseOf returns a coinbase with these scripts.
func coinbaseOf(scriptSig []byte, outputs ...[]byte) testTx {
	tx := slices.Concat([]byte{1, 0, 0, 0, 1}, make([]byte, 32), []byte{0xff, 0xff, 0xff, 0xff})
	tx = append(btc.AppendCompactSize(tx, uint64(len(scriptSig))), scriptSig...)
	tx = append(tx, 0xff, 0xff, 0xff, 0xff)
	tx = btc.AppendCompactSize(tx, uint64(len(outputs)))
	for _, script := range outputs {
		tx = append(btc.AppendCompactSize(append(tx, make([]byte, 8)...), uint64(len(script))), script...)
	}
	return testTx{stripped: append(tx, 0, 0, 0, 0)}
}

var (
	scriptSig = []byte{2, 1, 2}
	anyScript = []byte{0x51}
	reserved  = bytes.Repeat([]byte{7}, btc.HashSize)
	// reservedWitness is the one witness that a coinbase may have.
	reservedWitness = append([]byte{1, btc.HashSize}, reserved...)
)

// commitmentOf returns the script that commits to the witnesses of txs, which
// stand behind the coinbase, and to reserved.
func commitmentOf(txs ...testTx) []byte {
	wtxids := []btc.Hash{{}}
	for _, tx := range txs {
		wtxids = append(wtxids, sha256d.Sum(tx.raw()))
	}
	root, _ := sha256d.MerkleRoot(wtxids)
	hash := sha256d.Sum(append(root[:], reserved...))
	return append([]byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}, hash[:]...)
}

// blockOf returns a block of txs whose header commits to them, and its claim.
func blockOf(txs ...testTx) (header btc.Header, body []byte, said claim.Block) {
	var txids []btc.Hash
	said.Verdict = verdict.OK
	body = btc.AppendCompactSize(make([]byte, btc.HeaderSize), uint64(len(txs)))
	for _, tx := range txs {
		txids = append(txids, sha256d.Sum(tx.stripped))
		body = append(body, tx.raw()...)
		said.Txs = append(said.Txs, tx.entry())
	}
	root, _ := sha256d.MerkleRoot(txids)
	header = btc.HeaderFields{Version: 4, MerkleRoot: root}.Header()
	copy(body, header[:])
	return header, body, said
}

// cut returns the transactions of a real block.
func cut(body []byte, said claim.Block) []testTx {
	_, size, _ := btc.CompactSize(body[btc.HeaderSize:])
	body = body[btc.HeaderSize+size:]
	var txs []testTx
	for _, tx := range said.Txs {
		raw := body[:tx.Len]
		body = body[tx.Len:]
		end := len(raw) - 4 - int(tx.Witness)
		if tx.Witness == 0 {
			txs = append(txs, testTx{stripped: raw})
			continue
		}
		txs = append(txs, testTx{
			stripped: slices.Concat(raw[:4], raw[6:end], raw[len(raw)-4:]),
			witness:  raw[end : len(raw)-4],
		})
	}
	return txs
}

// under returns a block of txs under a header that is given, and its claim.
func under(header btc.Header, txs []testTx) (body []byte, said claim.Block) {
	_, body, said = blockOf(txs...)
	copy(body, header[:])
	return body, said
}
