// Package evidence keeps the bytes of bodies that were not proven, each with the
// reason, in a folder of bounded size.
//
// [Open] a [Folder] and [Folder.Offer] it what failed: that never waits. What it wrote
// [Decode] reads again, for `blockgate replay`.
//
// A file is text and then bytes. The text says what the parser was told and what came
// of it; every line is there, in this order:
//
//	blockgate evidence 1
//	network mainnet
//	height 840000
//	median_time 1713568000
//	hash 0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5
//	reason body-worker-died
//	detail "parser died: signal: killed"
//	date 2026-11-21T10:00:00Z
//	build "v1.2.3"
//	sha256 of the bytes, in hex
//	bytes 2325617
//
// After an empty line come the bytes as the peer sent them.
//
// # Trust
//
// Runs in: the adapter, which writes; the command `blockgate replay`, which reads.
//
// Reads: files that anybody may have made. None is longer than [MaxFile], and nothing
// is made room for before it is there.
//
// Hands on: records. Their bytes are as hostile as they were when they came.
package evidence
