package frame

import (
	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

// SlotSize is the length in bytes of a slot of the ring: room for any block, a
// multiple of every page size.
const SlotSize = 4 << 20

// JobSize is the length in bytes of a job.
const JobSize = 32

// AnswerSize is the length in bytes of an answer.
const AnswerSize = 32

// The fewest bytes that an input and an output have, and the most signature
// operations that a byte can be: with these a count is bounded by the bytes. An
// input: outpoint 36, empty script 1, sequence 4. An output: value 8, empty script
// 1. A witness item: its length.
//
// Source for sigops: CScript::GetSigOpCount, Bitcoin Core v30.0
// src/script/script.cpp: a multisig counts MAX_PUBKEYS_PER_MULTISIG, 20; each
// counts 4 (BIP-0141).
const (
	minInput       = 41
	minOutput      = 9
	minItem        = 1
	maxSigopsOfOne = 20 * btc.WitnessScaleFactor
)

// MaxChunkEntries is the most entries that a chunk carries. Every chunk but the
// last has as many.
//
// A whole claim is at most 16,666 entries, 5 chunks, 133,424 bytes: less than the
// 212,992 that a Linux socket buffers by default, so a worker need not wait.
const MaxChunkEntries = 4096

// chunkHeader is the length in bytes of what stands before a chunk's entries.
const chunkHeader = 16

// MaxMessage is the most bytes that a worker may send at once. A reader has one
// byte more, so that it sees what was cut off.
const MaxMessage = chunkHeader + MaxChunkEntries*claim.EntrySize

// minSize is the fewest bytes of which a job may speak: no block has fewer than
// a header, a count and a transaction, but the parser is to say so.
const minSize = 1

// maxSize is the most bytes of which a job may speak.
const maxSize = btc.MaxBlockSize
