package signet

import (
	"encoding/binary"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"blockgate/internal/btc"
)

// spend returns the id of the transaction whose output the solution spends: its input
// pushes what is signed of the block, its output has the challenge (BIP-0325).
func (c *Challenge) spend(header btc.Header, root btc.Hash) btc.Hash {
	const version, prev, merkleRoot, time = 0, 4, 36, 68
	block := slices.Concat(header[version:prev], header[prev:merkleRoot], root[:], header[time:time+4])
	tx := slices.Concat(make([]byte, 4), []byte{1}, make([]byte, btc.HashSize), []byte{0xff, 0xff, 0xff, 0xff})
	scriptSig := appendPush([]byte{op0}, block)
	tx = append(btc.AppendCompactSize(tx, uint64(len(scriptSig))), scriptSig...)
	tx = append(tx, 0, 0, 0, 0)                    // sequence
	tx = append(append(tx, 1), make([]byte, 8)...) // one output of nothing
	tx = btc.AppendCompactSize(tx, uint64(len(c.script)))
	return btc.DoubleSHA256(append(append(tx, c.script...), 0, 0, 0, 0))
}

// The bits of a hash type that change what is signed of a transaction with one input
// and one output.
//
// Source: Bitcoin Core v30.0 src/script/interpreter.h.
const (
	hashTypeMask = 0x1f
	hashTypeNone = 0x02
)

// digest returns what a signature with a hash type signs of the transaction that
// spends txid: it has one input and one output, which returns nothing. Of one input and
// one output all types but that of no outputs sign everything.
//
// Source: SignatureHash, Bitcoin Core v30.0 src/script/interpreter.cpp, for a script
// that is no witness program.
func (c *Challenge) digest(txid btc.Hash, hashType byte) btc.Hash {
	tx := slices.Concat(make([]byte, 4), []byte{1}, txid[:], make([]byte, 4))
	tx = append(btc.AppendCompactSize(tx, uint64(len(c.script))), c.script...)
	tx = append(tx, 0, 0, 0, 0) // sequence
	if hashType&hashTypeMask == hashTypeNone {
		tx = append(tx, 0)
	} else {
		tx = append(append(append(tx, 1), make([]byte, 8)...), 1, opReturn)
	}
	tx = append(tx, 0, 0, 0, 0) // lock time
	return btc.DoubleSHA256(binary.LittleEndian.AppendUint32(tx, uint32(hashType)))
}

// met reports whether the stack that the solution left has the signatures that c
// wants of the transaction that spends txid.
//
// The flags are those of Core: P2SH and WITNESS find nothing to do in a bare script,
// DERSIG is what package ecdsa takes for a signature, NULLDUMMY wants the element
// below the signatures of a multisig to be empty (BIP-0147). A signature may have a
// high S, and any hash type; what lies deeper on the stack does not matter.
func (c *Challenge) met(stack [][]byte, txid btc.Hash) bool {
	signatures := len(stack) - c.need
	if signatures < 0 {
		return false
	}
	if c.multi && (signatures == 0 || len(stack[signatures-1]) > 0) {
		return false
	}
	keys := c.keys
	for _, signature := range stack[signatures:] { // each by a later key than the one before
		i := slices.IndexFunc(keys, func(key *secp256k1.PublicKey) bool { return c.signed(signature, txid, key) })
		if i < 0 {
			return false
		}
		keys = keys[i+1:]
	}
	return true
}

// signed reports whether signature, strict DER and a hash type, is one by key.
func (c *Challenge) signed(signature []byte, txid btc.Hash, key *secp256k1.PublicKey) bool {
	last := len(signature) - 1
	if last < 0 {
		return false
	}
	parsed, err := ecdsa.ParseDERSignature(signature[:last])
	if err != nil {
		return false
	}
	digest := c.digest(txid, signature[last])
	return parsed.Verify(digest[:], key)
}
