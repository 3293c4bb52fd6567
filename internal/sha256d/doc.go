// Package sha256d computes SHA-256 of SHA-256, the hash of Bitcoin's headers,
// transactions and merkle trees, many at once and without an allocation for a hash.
//
// A [Hasher] is made once by each goroutine that needs it. It hashes batches:
// [Hasher.Messages] of any length, all within one slice, such as the transactions
// of a block with or without their witnesses; [Hasher.Headers]; and the nodes of a
// tree, [Hasher.MerkleRoot]. [Sum] hashes one message, [Hasher.Sum3] one in three
// pieces.
//
// # Engines
//
// An [Engine] is a way to do it. [New] takes the fastest that the processor and the
// operating system can run, asked once by CPUID and XGETBV; [NewEngine] takes a
// named one. All give the same hashes:
//
//	go       crypto/sha256, one message after the other; every machine
//	shani    two messages at once on the SHA extensions; amd64
//	avx512   32 messages at once, one in each lane of two sets of 16; amd64
//
// crypto/sha256 is as fast as one stream can be. But its instructions wait for each
// other, and a block is thousands of messages that do not: the lanes compute one
// SHA-256 block in 8 ns, where a stream takes 33 ns. docs/benchmarks.md has the
// figures, docs/decisions/0007-sha256-engines.md the reasons.
//
// # How the lanes are fed
//
//	messages --> queue, longest first --> 32 lanes --> pending --> second hash of 32
//	             where, how long, end       ^   | one has ended
//	                                        '---'
//
// A lane takes whole blocks where they stand in the caller's slice. It puts the end
// of a message together out of a masked load and its padding, so no message is
// copied, and no byte outside of one is read. When the queue is empty and few lanes
// are busy, the SHA extensions finish what is left; a message that is far longer
// than the others has gone some way by then.
//
// The arguments are checked in Go before a kernel runs. Kernels know places as 32-bit
// offsets into one slice. A kernel returns after at most 256 KiB of input, because
// a goroutine in assembly cannot be preempted.
//
// # How to review the assembly
//
// Read package gen, which prints kernels_amd64.s, and not what it prints: a test
// wants the file to be that, to the byte. Each engine is held to crypto/sha256 by
// random batches, all lengths from 0 to 1024, every alignment, a base that ends
// where memory ends, and a fuzz target. features_amd64.s is written by hand.
//
// # Trust
//
// Runs in: every process.
//
// Reads: bytes of any origin and length. It gives them no meaning. Where messages
// begin and end is the caller's word, checked against the slice.
//
// Hands on: hashes, in the order in which they stand on the wire.
package sha256d
