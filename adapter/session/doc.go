// Package session speaks the Bitcoin protocol with one peer and turns what the
// peer says into flat events.
//
// It runs btcd/peer behind a [link.Conn]: btcd does handshake, ping and the
// decoding of headers, inv and notfound; link does framing, filtering and blocks.
// [Start] a session on a connected socket, get [Ready] and then the other events
// by Config.Events, one at a time, the last one [Closed]. Blocks queue up
// apart, so that one may be told after headers that came later. Ask with
// [Session.GetHeaders], [Session.GetData] and [Session.GetAddr], end with [Session.Close].
//
// btcd's stall handler, transaction relay and BIP324 stay off; it sees no block
// and writes no reject. Its unbounded output queue carries nothing but its own
// pings. A session ends by closing the connection and waiting for the engine, the
// order in which btcd/peer leaves no goroutine behind.
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: control messages that link let through: version, headers, inv and notfound, decoded
// by btcd's wire package, addr and addrv2, decoded here. All that they say is a peer's claim.
//
// Hands on: headers as 80 bytes each with no rule checked, hashes, numbers that
// the peer claims, its user agent in printable ASCII, and [link.RawBlock].
package session
