package txstore

import (
	"crypto/sha256"

	"blockgate/internal/btc"
)

const (
	// MaxTransaction is the most bytes of a transaction. A longer one weighs more than
	// nodes relay, so sending it would be in vain.
	//
	// Source: MAX_STANDARD_TX_WEIGHT, Bitcoin Core v30.0 src/policy/policy.h; no
	// transaction has more bytes than weight units.
	MaxTransaction = 400_000
	// MaxCount is how many transactions a folder holds, 4 times what the Internet
	// Computer's adapter keeps. When it is full, those that have expired go first; if
	// there is none, nothing is added.
	MaxCount = 1000
	// MaxBytes is how many bytes their files may have together, 64 MiB.
	MaxBytes = 64 << 20
	// MaxBlocks is in how many proven blocks a transaction is remembered to be, forks
	// included. The oldest goes first.
	MaxBlocks = 4
	// MaxFile is the most bytes of a file.
	MaxFile = headSize + MaxTransaction + sha256.Size

	// headSize is the size in bytes of what stands before the transaction.
	headSize = len(magic) + 2*btc.HashSize + 8 + 8 + 1 + 1 + MaxBlocks*btc.HashSize + 4
	// minFile is the fewest bytes of a file.
	minFile = headSize + btc.MinTransactionSize + sha256.Size
	// maxEntries is how many files of a folder are looked at: all of ours, as many that
	// were being written, and those set aside. More are none of ours.
	maxEntries = 2*MaxCount + maxDamaged
	// maxDamaged is how many damaged files are left for a human to look at.
	maxDamaged = 16
)

// magic begins each file: the format, and its version.
const magic = "blockgate tx\x01\x00\x00\x00"
