// Package node is the brain of the adapter: it decides which peers to dial, what
// to ask of them, whom to believe and what to publish, and does none of it.
//
//	                 shell: sockets, clock, parsers, bus
//	      PeerUp, HeadersReceived, BodyJudged,   │   ▲  Dial, GetHeaders, GetData,
//	      JournalLoaded, EventAppended, Tick ... ▼   │  Ban, Store, Append, Alarm ...
//	┌──────────────────────────────────────────────────────────────────────────┐
//	│ Step    peers ─▶ headers ─▶ sync ─▶ blocks ─▶ verdicts ─▶ journal         │
//	│         slots    chain      enough  window    proof,      one event       │
//	│         bans     of work    work    of 28     blame       at a time       │
//	└──────────────────────────────────────────────────────────────────────────┘
//
// A [Node] is driven by [Node.Step]: one event in, actions out. The shell does the
// actions and reports what came of them as events. Both are closed sets of flat
// values, so a run can be written down and replayed: the same [Config] and the
// same events at the same times give the same actions.
//
//	n := node.New(node.Config{Network: btc.Regtest, Connect: peers})
//	for ev := range events {
//		for _, action := range n.Step(clock(), ev) {
//			perform(action)
//		}
//	}
//
// What holds, whatever comes in:
//
//   - A body that comes in leaves by exactly one [Drop] or [Store].
//   - A block is connected only when its body was stored, and disconnected only
//     when every block of the heavier branch was.
//   - Final never falls, and nothing at or below it is disconnected, unless the operator
//     accepts a reorg that deep: then one [Reset] says so.
//   - No header of a peer is kept whose chain has not shown work enough; see
//     presync.go.
//   - A peer is banned for what it said or for bytes that other, proven bytes
//     refute; never because a parser failed.
//   - Every table is bounded: see limits.go.
//
// # Trust
//
// Runs in: the adapter process, in one goroutine.
//
// Reads: what the shell reports of strangers: addresses, headers (checked by
// headerchain before they count), hashes, and outcomes of judged bodies. It sees no
// byte of a body. Texts from strangers are clipped and quoted before they go on.
//
// Hands on: actions. An Append names only blocks whose bodies were proven and
// stored, in chain order.
package node
