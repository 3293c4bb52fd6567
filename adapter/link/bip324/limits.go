package bip324

// Sizes of what goes over the line, in bytes (BIP-0324).
const (
	// KeySize is the size of a public key as it is sent: ElligatorSwift, so that
	// it looks like chance.
	KeySize = 64
	// EntropySize is how much randomness a handshake needs: half for the private
	// key, half for the choice of one among its many encodings.
	EntropySize = 64
	// MaxGarbage is the most bytes that may stand between key and terminator.
	//
	// Source: MAX_GARBAGE_LEN, Bitcoin Core v30.0 src/net.h.
	MaxGarbage = 4095
	// MaxSentGarbage is the most garbage that every node known to us takes: btcd
	// looks for the terminator one byte less far than it should.
	//
	// Source: CompleteHandshake of btcd's v2transport v1.1.0, and a test.
	MaxSentGarbage = MaxGarbage - 1
	// TerminatorSize is the size of what ends the garbage.
	TerminatorSize = 16
	// LengthSize is the size of the encrypted length in front of a packet.
	LengthSize = 3
	// Expansion is how much longer the rest of a packet is than its contents: the
	// header byte and the tag.
	Expansion = headerSize + tagSize

	headerSize = 1
	tagSize    = 16
	secretSize = 32 // of a private key, a cipher's key, a session's id
	nonceSize  = 12
	magicSize  = 4
)

// MaxContents is the most bytes of contents that a message can have: the byte that
// announces a command in full, the command, and the longest payload.
//
// Source: MAX_CONTENTS_LEN and MAX_PROTOCOL_MESSAGE_LENGTH, Bitcoin Core v30.0
// src/net.cpp and src/net.h.
const MaxContents = 1 + CommandSize + 4_000_000

// maxLength is the most bytes of contents that the length field can tell.
const maxLength = 1<<(8*LengthSize) - 1

// Limits of what a stranger may send before the version packet is in.
const (
	// MaxHandshakeContents is the most bytes that one packet may hold then. The
	// version packet of today is empty; decoys may come before it.
	MaxHandshakeContents = 4096
	// MaxHandshakeBytes is the most bytes that all those packets may have
	// together, lengths and tags included. Bitcoin Core sends 20.
	MaxHandshakeBytes = 64 << 10
)

// rekeyInterval is after how many packets of a direction both ciphers change
// their keys.
//
// Source: REKEY_INTERVAL, BIP-0324.
const rekeyInterval = 224

// maxEncodings is how many times an encoding of a public key is tried. Each is one with a
// chance of about 1/4, so that none is found once in 10^32 handshakes.
const maxEncodings = 256
