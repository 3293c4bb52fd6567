// Package dialer makes connections to peers: directly or through a SOCKS5 proxy,
// encrypted (BIP-0324) where the peer can, else in the clear.
//
// Make one with [New] and [Dialer.Dial] a [Target]; give the socket of the [Conn] to
// package session.
//
//	target ──> reachable? ──> socket (direct, or SOCKS5 with a token of its own) ──> v2 ──> Conn
//	                                                                                  └─no──> new socket ──> v1
//
// With a proxy nothing goes around it: no connection and no name.
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: the few bytes of a proxy's answers, at most 262 each and all within a
// deadline; the handshake of BIP-0324 by package link.
//
// Hands on: sockets from which no byte of the peer's messages has been read, and
// errors in words of ours: no text of a peer or a proxy is in them.
package dialer
