// Package link ends the transport of one Bitcoin connection and lets only
// harmless frames through.
//
// A [Conn] stands between a socket and a protocol engine (btcd/peer) and is a
// net.Conn for it. For each message it decides by command and length, before
// any payload, what happens: pass it on, divert it (block), answer it (ping),
// hand it to who made the Conn (addresses), drop it, or end the connection. See the table in policy.go.
//
//	socket ──> transport ──> judge ──> pass ────> Read of the engine
//	         (v1 or v2)        │ ├───> answer ──> pong
//	                           │ ├───> divert ──> Want? ──> Budget ──> Deliver(RawBlock)
//	                           │ ├───> take ────> Take(addr, addrv2)
//	                           │ ├───> drop ────> nowhere
//	                           │ └───> end, with a Reason
//	socket <── transport <── version rewritten, reject swallowed <── Write, Inject
//
// The v2 transport (BIP-0324) begins with [Encrypt], which makes an [Encrypted] of a
// fresh socket; [Choice] says when to try it. Its packets tell their command only when they
// are whole, so their length is bounded by what the connection waits for: little before
// verack, no block unless one is owed ([Config].Owes).
//
// Make one with [New], give it to the engine, and end it with [Conn.End] only:
// the engine then sees a plain EOF and shuts down in order. [Conn.Done] and
// [Conn.Err] say that it ended and why.
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: every byte that a peer sends, decrypted by package bip324 if it is v2.
// It looks at the command and length of a message, at the 8 bytes of a ping or
// pong and at the 80 bytes of a block header; it walks no other payload.
//
// Hands on: control frames whose checksum or tag is right, payloads of addresses alike,
// and [RawBlock]: bytes behind a header that was asked for. Nothing says that these bytes
// are the body of that header, or a block at all.
package link
