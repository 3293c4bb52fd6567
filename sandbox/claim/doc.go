// Package claim proves what an untrusted worker says about a block, by hashes
// alone.
//
// # Trust
//
// Runs in: the adapter.
//
// Reads: bytes from peers and claims from workers.
//
// Hands on: [Checked].
package claim
