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

// walkCoinbase walks the inputs and outputs of a coinbase: all that lies between
// version and lock time, marker, flag and witness cut out. It is the only walk of
// structure on the trusted side. It returns the witness commitment, nil if there
// is none, and whether the shape is right.
//
// Source: GetWitnessCommitmentIndex, Bitcoin Core v30.0 src/consensus/validation.h:
// of several outputs that look like a commitment the last one counts.
func walkCoinbase(b []byte) (commitment []byte, ok bool) {
	if len(b) < len(coinbaseInput) || string(b[:len(coinbaseInput)]) != coinbaseInput {
		return nil, false
	}
	script, b, ok := cutString(b[len(coinbaseInput):])
	if !ok || len(script) < minCoinbaseScript || len(script) > maxCoinbaseScript || len(b) < 4 {
		return nil, false
	}
	outputs, size, err := btc.CompactSize(b[4:]) // behind the sequence number
	if err != nil || outputs == 0 {
		return nil, false
	}
	b = b[4+size:]
	for ; outputs > 0; outputs-- { // consumes 9 bytes a turn, or ends
		if len(b) < 8 {
			return nil, false
		}
		if script, b, ok = cutString(b[8:]); !ok { // behind the value
			return nil, false
		}
		if len(script) >= commitmentLen && string(script[:len(commitmentPrefix)]) == commitmentPrefix {
			commitment = script[len(commitmentPrefix):commitmentLen]
		}
	}
	return commitment, len(b) == 0
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
