package signet_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"blockgate/internal/btc"
	"blockgate/sandbox/signet"
)

// publicScript is the challenge of the public signet: one of two keys.
const publicScript = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be43021" +
	"0359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae"

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func parse(tb testing.TB, script []byte) *signet.Challenge {
	tb.Helper()
	c, err := signet.Parse(script)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// block is a block of one transaction, whose txid is the merkle root.
type block struct {
	header   btc.Header
	coinbase []byte
	witness  int // bytes of the coinbase's
}

func (b block) check(c *signet.Challenge) error {
	return c.CheckSolution(b.header, b.coinbase, b.witness, func(coinbase btc.Hash) btc.Hash { return coinbase })
}

// realBlocks returns the first blocks of the public signet, all of one transaction,
// from height 1 on.
func realBlocks(tb testing.TB) []block {
	tb.Helper()
	f, err := os.Open("../../testdata/signet/000000-000120.blkdat.gz")
	if err != nil {
		tb.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatal(err)
	}
	const frame, counted = 8, btc.HeaderSize + 1 // magic and length; header and a count of 1
	var blocks []block
	for len(all) > 0 {
		size := int(binary.LittleEndian.Uint32(all[4:]))
		body := all[frame : frame+size]
		all = all[frame+size:]
		blocks = append(blocks, block{header: btc.Header(body[:btc.HeaderSize]), coinbase: body[counted:], witness: 34})
	}
	if len(blocks) != 121 || blocks[0].header != btc.Signet.Params().Genesis {
		tb.Fatalf("%d blocks", len(blocks))
	}
	return blocks[1:]
}

// keyOf returns a key by its number.
func keyOf(number byte) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(bytes.Repeat([]byte{number}, 32))
}

// single and multi are challenges of the keys with these numbers.
func single(number byte) []byte {
	return slices.Concat([]byte{33}, keyOf(number).PubKey().SerializeCompressed(), []byte{txscript.OP_CHECKSIG})
}

func multi(need int, numbers ...byte) []byte {
	script := []byte{byte(txscript.OP_1 - 1 + need)}
	for _, n := range numbers {
		script = append(append(script, 33), keyOf(n).PubKey().SerializeCompressed()...)
	}
	return append(script, byte(txscript.OP_1-1+len(numbers)), txscript.OP_CHECKMULTISIG)
}

// commitment is the script of a witness commitment with nothing behind it.
var commitment = append([]byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}, make([]byte, 32)...)

// pushOf is a push of less than 256 bytes with the header of a solution.
func pushOf(b []byte) []byte {
	b = append([]byte{0xec, 0xc7, 0xda, 0xa2}, b...)
	if len(b) < txscript.OP_PUSHDATA1 {
		return append([]byte{byte(len(b))}, b...)
	}
	return append([]byte{txscript.OP_PUSHDATA1, byte(len(b))}, b...)
}

// blockOf returns a block whose coinbase has these output scripts and a witness.
func blockOf(scripts ...[]byte) block {
	tx := slices.Concat([]byte{2, 0, 0, 0, 0, 1, 1}, make([]byte, 32), []byte{0xff, 0xff, 0xff, 0xff, 2, 0x51, 0x51, 9, 0, 0, 0})
	tx = btc.AppendCompactSize(tx, uint64(len(scripts)))
	for _, script := range scripts {
		tx = append(btc.AppendCompactSize(append(tx, make([]byte, 8)...), uint64(len(script))), script...)
	}
	tx = append(append(append(tx, 1, 32), make([]byte, 32)...), 1, 2, 3, 4)
	return block{header: btc.HeaderFields{Version: 0x20000000, Prev: btc.Hash{7}, Time: 1_600_000_000}.Header(), coinbase: tx, witness: 34}
}

// virtual returns BIP-0325's transactions for a block whose commitment, cleared of its
// solution, makes this merkle root. They are btcd's, not ours.
func virtual(header btc.Header, root btc.Hash, challenge []byte) (toSpend, toSign *wire.MsgTx) {
	signed := slices.Concat(header[:36], root[:], header[68:72])
	toSpend = wire.NewMsgTx(0)
	toSpend.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 1<<32 - 1}, SignatureScript: append([]byte{0, 72}, signed...)})
	toSpend.AddTxOut(&wire.TxOut{PkScript: challenge})
	toSign = wire.NewMsgTx(0)
	toSign.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: toSpend.TxHash()}})
	toSign.AddTxOut(&wire.TxOut{PkScript: []byte{txscript.OP_RETURN}})
	return toSpend, toSign
}

// cleared returns the root of a block of one transaction whose commitment script is
// this one.
func cleared(script []byte) btc.Hash {
	b := blockOf(script)
	raw := b.coinbase
	return btc.DoubleSHA256(slices.Concat(raw[:4], raw[6:len(raw)-4-b.witness], raw[len(raw)-4:]))
}

// sign returns signatures of a block whose cleared commitment is given, by the keys
// with these numbers, with one hash type.
func sign(tb testing.TB, challenge, clearedScript []byte, hashType byte, numbers ...byte) [][]byte {
	tb.Helper()
	_, toSign := virtual(blockOf().header, cleared(clearedScript), challenge)
	digest, err := txscript.CalcSignatureHash(challenge, txscript.SigHashType(hashType), toSign, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var signatures [][]byte
	for _, n := range numbers {
		signatures = append(signatures, append(ecdsa.Sign(keyOf(n), digest).Serialize(), hashType))
	}
	return signatures
}

// solutionOf is a solution with a script of pushes and no witness.
func solutionOf(scriptSig []byte) []byte {
	return append(append(btc.AppendCompactSize(nil, uint64(len(scriptSig))), scriptSig...), 0)
}

func pushes(elements ...[]byte) []byte {
	var script []byte
	for _, e := range elements {
		script = append(append(script, byte(len(e))), e...)
	}
	return script
}

// btcdAccepts has btcd's script engine judge a scriptSig by the flags of Core's
// signet.cpp.
func btcdAccepts(tb testing.TB, challenge, clearedScript, scriptSig []byte) bool {
	tb.Helper()
	const flags = txscript.ScriptBip16 | txscript.ScriptVerifyWitness | txscript.ScriptVerifyDERSignatures | txscript.ScriptStrictMultiSig
	toSpend, toSign := virtual(blockOf().header, cleared(clearedScript), challenge)
	toSign.TxIn[0].SignatureScript = scriptSig
	fetcher := txscript.NewCannedPrevOutputFetcher(challenge, 0)
	vm, err := txscript.NewEngine(toSpend.TxOut[0].PkScript, toSign, 0, flags, nil, txscript.NewTxSigHashes(toSign, fetcher), 0, fetcher)
	return err == nil && vm.Execute() == nil
}
