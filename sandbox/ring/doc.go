// Package ring is the memory through which blocks go to the parsers: slots of 4
// MiB that the adapter alone can write and every parser can read.
//
// The adapter calls [Create] on an empty memfd, which sizes, maps and seals it:
// from then on nobody, the adapter included, can map it writable or resize it.
// It takes a slot with [Ring.Take], receives a block into [Ring.Bytes], and gives
// the slot back with [Ring.Release]. The supervisor asks [CheckSealed], and makes
// with [ReopenReadOnly] the descriptor that parsers inherit; a parser maps it
// with [OpenReader].
//
// # Trust
//
// Runs in: adapter (writer), supervisor (seals only), parser (reader).
//
// Reads: nothing. The bytes of a slot are a peer's; this package does not look
// at them. A seal against shrinking means that no access can fault.
//
// Hands on: slices of shared memory. A parser that still reads a slot that was
// reused sees bytes change: that may spoil its answer, which claim.Check judges
// against the bytes that the adapter holds.
package ring
