// Package adapter is the shell around the brain: the one loop that owns peers'
// sockets, the clock and the timers.
//
// [Run] turns what happens (a session's event, a verdict of the cell, an answer
// of the journal, a tick) into an event of node, steps the brain and does what
// it says. It decides nothing. The cell and the journal come in as the two
// interfaces [Cell] and [Journal]; the command wires them to sandbox/pool and
// bus/jetstream.
//
//	sessions ──events──▶┌──────┐──actions──▶ dial, disconnect, getdata ...
//	cell ─────verdict──▶│ loop │──Store,Append──▶ journal goroutine
//	ticker ────────────▶└──────┘
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: what session and link made of peers' bytes. It hands bodies on without
// looking into them.
//
// Hands on: events to node, bodies to the cell, proven bodies to the journal.
package adapter
