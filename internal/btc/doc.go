// Package btc holds the words that every other package shares: hash, header,
// height, target, work, network and CompactSize.
//
// A [Header] is the 80 bytes as they stand on the wire, read in place; a
// [Target] and a [Work] are 256-bit numbers in four words, without allocation.
// [Network.Params] gives the constants of a network, with Bitcoin Core's
// chainparams as the source of each.
//
// # Trust
//
// Runs in: every process, the parser included.
//
// Reads: fixed-size values and single CompactSize numbers that callers cut out
// of untrusted bytes. It walks no structure.
//
// Hands on: values. Nothing here says that a header is valid: see headerchain.
package btc
