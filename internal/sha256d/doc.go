// Package sha256d computes SHA-256 of SHA-256, the hash of Bitcoin's headers,
// transactions and merkle trees, without an allocation for a hash.
//
// [Sum] hashes one message. A [Hasher] hashes one that lies in several pieces,
// and is made once by each goroutine that needs it. [MerkleRoot] folds a tree
// in place and says whether the list of leaves was mutated.
//
// # Trust
//
// Runs in: every process.
//
// Reads: bytes of any origin and length. It gives them no meaning.
//
// Hands on: hashes, in the order in which they stand on the wire.
package sha256d
