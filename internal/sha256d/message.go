package sha256d

import "fmt"

// What a cut message consists of, in bytes. See [Message].
const (
	versionSize  = 4
	markerSize   = 2 // marker and flag (BIP-0144)
	lockTimeSize = 4
)

// maxBase is the most bytes that the messages of one call lie in. Offsets have 32
// bits, and the lanes need one of them.
const maxBase = 1 << 30

// Message is one message of a batch: Size bytes of the base, from Offset on.
//
// If Witness is above zero these bytes are a transaction with marker, flag and a
// witness section of Witness bytes, and the message is what remains without them,
// the preimage of the transaction's id (BIP-0141). Size is at least Witness+10 then.
//
//	Offset                                                  Offset+Size
//	|                                                                 |
//	+---------+--------------+------------------+---------+-----------+
//	| version | marker, flag | inputs, outputs  | witness | lock time |
//	|    4    |      2       | rest             | Witness |     4     |
//	+---------+--------------+------------------+---------+-----------+
//	 ^^^^^^^^^                ^^^^^^^^^^^^^^^^^^           ^^^^^^^^^^^  is hashed
type Message struct {
	Offset, Size, Witness uint32
}

// check panics unless the message lies within a base of size bytes.
func (m *Message) check(size int) {
	if uint64(m.Offset)+uint64(m.Size) > uint64(size) ||
		m.Witness > 0 && uint64(m.Size) < versionSize+markerSize+lockTimeSize+uint64(m.Witness) {
		panic(fmt.Sprintf("sha256d: message %+v in a base of %d bytes", *m, size))
	}
}

// length is the number of bytes that are hashed.
func (m *Message) length() int {
	if m.Witness > 0 {
		return int(m.Size - m.Witness - markerSize)
	}
	return int(m.Size)
}

// blocks is the number of SHA-256 blocks of the message with its padding, which
// is one byte at least and eight of length.
func (m *Message) blocks() int { return (m.length() + 9 + 63) / 64 }

// pieces returns the parts of base that are hashed, one after the other. The first
// and the last are empty unless the message is cut.
func (m *Message) pieces(base []byte) (version, rest, lockTime []byte) {
	whole := base[m.Offset:][:m.Size:m.Size]
	if m.Witness == 0 {
		return nil, whole, nil
	}
	end := m.Size - lockTimeSize
	return whole[:versionSize], whole[versionSize+markerSize : end-m.Witness], whole[end:]
}
