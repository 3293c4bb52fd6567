package claim

import "blockgate/internal/btc"

const (
	// coinbaseInput is how the inputs of a coinbase begin: one input, and it
	// spends the outpoint that there is not.
	coinbaseInput = "\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\xff\xff\xff\xff"
	// commitmentPrefix is how the script of a witness commitment begins: OP_RETURN,
	// a push of 36 bytes, and the header of the commitment (BIP-0141).
	commitmentPrefix = "\x6a\x24\xaa\x21\xa9\xed"
	// commitmentLen is the fewest bytes of such a script: the prefix and a hash.
	commitmentLen = len(commitmentPrefix) + btc.HashSize
)

// The lengths in bytes of what lies around the pieces of a transaction (BIP-0144).
//
//	+---------+------+------+------------------+---------+-----------+
//	| version |  00  |  01  | inputs, outputs  | witness | lock time |
//	|    4    | marker, flag |                  |         |     4     |
//	+---------+------+------+------------------+---------+-----------+
const versionSize, markerSize, lockTimeSize = 4, 2, 4

// The coinbase's scriptSig has 2 to 100 bytes.
//
// Source: CheckTransaction, Bitcoin Core v30.0 src/consensus/tx_check.cpp.
const minCoinbaseScript, maxCoinbaseScript = 2, 100

// coinbase is what the rules want of the first transaction.
type coinbase struct {
	script     int    // bytes of the scriptSig
	commitment []byte // nil if there is none
	witness    []byte // empty if there is none
}

// walkCoinbase walks inputs and outputs of the coinbase raw, as they stand on the
// bytes that are hashed for its txid. The lengths passed [Room.tile]. It is the only
// walk of structure on the trusted side. It reports whether the shape is right.
//
// Source: GetWitnessCommitmentIndex, Bitcoin Core v30.0 src/consensus/validation.h:
// of several outputs that look like a commitment the last one counts.
func walkCoinbase(raw []byte, witness uint32) (c coinbase, ok bool) {
	end := len(raw) - lockTimeSize - int(witness)
	b := raw[versionSize:end]
	if witness > 0 {
		b, c.witness = b[markerSize:], raw[end:len(raw)-lockTimeSize]
	}
	if len(b) < len(coinbaseInput) || string(b[:len(coinbaseInput)]) != coinbaseInput {
		return c, false
	}
	script, b, ok := cutString(b[len(coinbaseInput):])
	if c.script = len(script); !ok || len(b) < 4 {
		return c, false
	}
	outputs, size, err := btc.CompactSize(b[4:]) // behind the sequence number
	if err != nil || outputs == 0 {
		return c, false
	}
	b = b[4+size:]
	for ; outputs > 0; outputs-- { // consumes 9 bytes a turn, or ends
		if len(b) < 8 {
			return c, false
		}
		if script, b, ok = cutString(b[8:]); !ok { // behind the value
			return c, false
		}
		if len(script) >= commitmentLen && string(script[:len(commitmentPrefix)]) == commitmentPrefix {
			c.commitment = script[len(commitmentPrefix):commitmentLen]
		}
	}
	return c, len(b) == 0
}

// cutString cuts a string, CompactSize and as many bytes, off the front of b.
func cutString(b []byte) (str, rest []byte, ok bool) {
	length, size, err := btc.CompactSize(b)
	if err != nil || length > uint64(len(b)-size) {
		return nil, nil, false
	}
	end := size + int(length)
	return b[size:end], b[end:], true
}
