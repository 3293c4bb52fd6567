package signet

import "encoding/binary"

// The opcodes that matter here.
//
// Source: opcodetype, Bitcoin Core v30.0 src/script/script.h.
const (
	op0             = 0x00
	opPushData1     = 0x4c
	opPushData2     = 0x4d
	opPushData4     = 0x4e
	op1Negate       = 0x4f
	op1             = 0x51
	op16            = 0x60
	opReturn        = 0x6a
	opCheckSig      = 0xac
	opCheckMultiSig = 0xae
)

// nextOp cuts the first operation off script: its code and what it pushes. It
// reports false at the end, and where a push reaches beyond it.
//
// Source: GetScriptOp, Bitcoin Core v30.0 src/script/script.cpp.
func nextOp(script []byte) (code byte, push, rest []byte, ok bool) {
	if len(script) == 0 {
		return 0, nil, nil, false
	}
	code, rest = script[0], script[1:]
	width := 0 // bytes of the length
	switch {
	case code > opPushData4:
		return code, nil, rest, true
	case code >= opPushData1:
		width = 1 << (code - opPushData1)
	}
	if len(rest) < width {
		return 0, nil, nil, false
	}
	var word [4]byte
	copy(word[:], rest[:width])
	size := uint64(binary.LittleEndian.Uint32(word[:]))
	if width == 0 {
		size = uint64(code)
	}
	if rest = rest[width:]; size > uint64(len(rest)) {
		return 0, nil, nil, false
	}
	return code, rest[:size], rest[size:], true
}

// appendPush appends the push of b to script, by the shortest opcode for so many
// bytes.
//
// Source: CScript::operator<<, Bitcoin Core v30.0 src/script/script.h.
func appendPush(script, b []byte) []byte {
	switch n := len(b); {
	case n < opPushData1:
		script = append(script, byte(n))
	case n <= 0xff:
		script = append(script, opPushData1, byte(n))
	case n <= 0xffff:
		script = binary.LittleEndian.AppendUint16(append(script, opPushData2), uint16(n))
	default:
		script = binary.LittleEndian.AppendUint32(append(script, opPushData4), uint32(n))
	}
	return append(script, b...)
}

// stackOf returns what a script of pushes leaves behind, at most most elements, the
// last one on top. It reports false for any other script, and for one that breaks a
// limit.
func stackOf(script []byte, most int) (stack [][]byte, ok bool) {
	if len(script) > maxScriptSize {
		return nil, false
	}
	for len(script) > 0 { // consumes one byte a turn, or ends
		code, push, rest, ok := nextOp(script)
		switch {
		case !ok || len(push) > maxElementSize || len(stack) == most:
			return nil, false
		case code == op1Negate:
			push = []byte{0x81}
		case code >= op1 && code <= op16:
			push = []byte{code - op1 + 1}
		case code > opPushData4:
			return nil, false
		}
		stack, script = append(stack, push), rest
	}
	return stack, true
}
