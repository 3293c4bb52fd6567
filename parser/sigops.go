package parser

import "encoding/binary"

// The opcodes that the count knows.
//
// Source: enum opcodetype, Bitcoin Core v30.0 src/script/script.h.
const (
	opPushData1           = 0x4c
	opPushData2           = 0x4d
	opPushData4           = 0x4e
	op1                   = 0x51
	opDup                 = 0x76
	opEqual               = 0x87
	opEqualVerify         = 0x88
	opHash160             = 0xa9
	opCheckSig            = 0xac
	opCheckSigVerify      = 0xad
	opCheckMultisig       = 0xae
	opCheckMultisigVerify = 0xaf
)

// inputSigops counts the signature operations of a scriptSig. Nearly all are empty,
// or one or two pushes.
func inputSigops(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	if first := int(s[0]) + 1; first <= opPushData1 && first < len(s) {
		if second := int(s[first]); second < opPushData1 && first+1+second == len(s) {
			return 0
		}
	}
	return sigops(s)
}

// outputSigops counts the signature operations of a scriptPubKey. Nearly all have one
// of five forms: P2PKH, P2SH, P2WPKH, P2WSH, P2TR.
func outputSigops(s []byte) int {
	switch len(s) {
	case 25:
		if s[0] == opDup && s[1] == opHash160 && s[2] == 20 && s[23] == opEqualVerify && s[24] == opCheckSig {
			return 1
		}
	case 23:
		if s[0] == opHash160 && s[1] == 20 && s[22] == opEqual {
			return 0
		}
	case 22:
		if s[0] == 0 && s[1] == 20 {
			return 0
		}
	case 34:
		if s[1] == 32 && (s[0] == 0 || s[0] == op1) {
			return 0
		}
	}
	return sigops(s)
}

// sigops counts the signature operations of a script in the legacy way: a multisig
// counts for 20, and the count ends where a push has fewer bytes than it says.
//
// Source: CScript::GetSigOpCount(false) and GetScriptOp, Bitcoin Core v30.0
// src/script/script.cpp.
func sigops(s []byte) int {
	n := 0
	for i := 0; i < len(s); {
		op := s[i]
		i++
		switch {
		case op < opPushData1:
			i += int(op) // past the end the count ends
		case op > opPushData4:
			n += opSigops(op)
		case op == opPushData1 && i < len(s): // as the next, only faster
			i += 1 + int(s[i])
		default:
			length, ok := pushLength(s[i:], op)
			if !ok {
				return n
			}
			i += length
		}
	}
	return n
}

// opSigops returns what an opcode that pushes nothing counts for.
func opSigops(op byte) int {
	switch op {
	case opCheckSig, opCheckSigVerify:
		return 1
	case opCheckMultisig, opCheckMultisigVerify:
		return multisigSigops
	}
	return 0
}

// pushLength returns how many bytes follow OP_PUSHDATA1, 2 or 4, the number itself
// with them; false if they are not all there.
func pushLength(rest []byte, op byte) (length int, ok bool) {
	size := 1 << (op - opPushData1)
	if len(rest) < size {
		return 0, false
	}
	var word [4]byte
	copy(word[:], rest[:size])
	pushed := uint64(binary.LittleEndian.Uint32(word[:]))
	if pushed > uint64(len(rest)-size) { //nolint:gosec // not negative
		return 0, false
	}
	return size + int(pushed), true //nolint:gosec // at most what is left
}
