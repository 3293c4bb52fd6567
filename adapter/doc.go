// Package adapter is the shell around the brain: the one loop that owns peers'
// sockets, the clock and the timers.
//
// [Run] turns what happens (a session's event, a verdict of the cell, an answer
// of the journal, a tick) into an event of node, steps the brain and does what
// it says. It decides nothing. The cell, the journal and the headers of runs
// before come in as the interfaces [Cell], [Journal] and [Headers]; the command
// wires them to sandbox/pool, bus/jetstream and headerchain/store.
//
//	sessions ──events──▶┌──────┐──actions──▶ dial, disconnect, getdata ...
//	cell ─────verdict──▶│ loop │──Store,Append──▶ journal goroutine
//	ticker ────────────▶└──────┘──KeepHeaders──▶ keeper goroutine
//
// # Trust
//
// Runs in: the adapter process.
//
// Reads: what session and link made of peers' bytes. It hands bodies on without
// looking into them.
//
// Hands on: events to node, bodies to the cell, proven bodies to the journal,
// headers that node accepted to the disk.
package adapter
