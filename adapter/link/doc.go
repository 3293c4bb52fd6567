// Package link ends the transport of one Bitcoin connection and lets only
// harmless frames through.
//
// A [Conn] stands between a socket and a protocol engine (btcd/peer) and is a
// net.Conn for it. For each message it decides by command and length, before
// any payload, what happens: pass it on, divert it (block), answer it (ping),
// drop it, or end the connection. See the table in policy.go.
//
//	socket ──> transport ──> judge ──> pass ────> Read of the engine
//	           (v1)            │ ├───> answer ──> pong
//	                           │ ├───> divert ──> Want? ──> Budget ──> Deliver(RawBlock)
//	                           │ ├───> drop ────> nowhere
//	                           │ └───> end, with a Reason
//	socket <── transport <── version rewritten, reject swallowed <── Write, Inject
//
// Make one with [New], give it to the engine, and end it with [Conn.End] only:
// the engine then sees a plain EOF and shuts down in order. [Conn.Done] and
// [Conn.Err] say that it ended and why.
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: every byte that a peer sends. It looks at the 24-byte frame header, at
// the 8 bytes of a ping or pong and at the 80 bytes of a block header; it walks
// no other payload.
//
// Hands on: well-formed control frames whose checksum is right, and [RawBlock]:
// bytes behind a header that was asked for. Nothing says that these bytes are
// the body of that header, or a block at all.
package link
