// Package fakepeer plays Bitcoin nodes, honest ones and liars, for the demo and
// for tests.
//
// A [Chain] holds raw blocks: the first 600 of mainnet ([First600]), a regtest
// chain that it mines itself ([NewRegtest]), or blocks from a file
// ([LoadBlocks]). A [Peer] serves a chain by the v1 protocol as its [Script]
// says, on a TCP address ([Listen]) or on any net.Conn ([Peer.Serve]); [Pipe]
// gives a pair of such in memory. It needs no Bitcoin library, so that its
// mistakes are not those of the code that it tests.
//
// # Trust
//
// Runs in: the process of the demo, beside the service, and tests; never in the
// service itself.
//
// Reads: messages of whoever connects, at most 64 KiB each; block files that
// whoever runs it chose.
//
// Hands on: blocks of its chain, and lies. Nothing that comes from it deserves
// trust.
package fakepeer
