// Package bip324 encrypts one Bitcoin connection: the v2 transport (BIP-0324).
//
// It is pure: bytes and randomness come in as values, and bytes to send go out.
//
//	Handshake.Start ──> key, garbage ───────────────────────> peer
//	peer ──> key, garbage, terminator, version packet ──────> Handshake.Feed
//	                                                             │
//	Session.Seal <── contents          contents <── Session.Open <── Session.Length
//
// Make a [Handshake] with [New], send what [Handshake.Start] returns, and give
// what comes in to [Handshake.Feed] until [Handshake.Session] returns a session.
// From then on a packet is read in two steps, so that its size is judged before
// there is memory for it:
//
//	 3 bytes           1        contents        16
//	+-----------------+--------+---------------+-----+
//	| length, by      | header | sealed by ChaCha20- |   header: 0x80 is a decoy
//	| ChaCha20        | byte   | Poly1305      | tag |
//	+-----------------+--------+---------------+-----+
//	 Session.Length    Session.Open, in place
//
// What contents say is split by [Cut] and put together by [AppendCommand].
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: every byte that a peer of the v2 transport sends until it is decrypted.
// The length of a packet is not authenticated: who sits on the line can change
// it, which ends the connection with [ErrOversize] or [ErrAuthentication], or
// makes it wait for bytes that do not come; a deadline is the caller's.
//
// Hands on: contents that were sealed by whoever holds the other key of this
// connection. BIP-0324 authenticates nobody: that may be anyone, and nothing says
// that the contents are a message. [Session.ID] is equal on both sides if, and only
// if, nobody sits between them.
package bip324
