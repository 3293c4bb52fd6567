// Package fuzz judges whole blocks the way the service does, parser and proof in
// one process, and compares the outcome with what other programs said.
//
// [Open] reads the corpora of testdata. A [Judge] runs parser and proof over one
// body and names Bitcoin Core's reject reason. [Mint] makes blocks with valid hashes
// out of transactions, and a [Shape] describes the hostile ones. The tests hold the
// judge to recorded answers of Bitcoin Core and btcd; what a rule without a set of
// unspent outputs cannot decide stands there by name.
//
// # Trust
//
// Runs in: go test only; no binary links it.
//
// Reads: the files of testdata, and inputs that a fuzzer makes.
//
// Hands on: judgements, to tests and benchmarks.
package fuzz
