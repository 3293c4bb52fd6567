// Package headerchain holds the tree of block headers: it checks each header by
// the consensus rules of its network and says which chain is best.
//
// [New] gives a chain that holds the genesis header. [Chain.Accept] takes the
// headers of a message, keeps the valid ones and moves the best header, which
// steers what is fetched: [Chain.Missing] names the bodies wanted next. When a
// body is proven and held, [Chain.Complete] moves the best complete tip and
// returns a [Change] that says what was reverted and what was connected.
//
//	genesis - o - o - o - o - o - o     best header: most work
//	              |           `- best complete tip: most work, all bodies proven
//	              `- o - o              a fork, kept
//
// Headers of strangers come in by work. [Chain.Weigh] says what a message claims and
// [Chain.WorkThreshold] what it must; a chain that cannot show that much in one
// message goes through a [Presync], which reads it twice and keeps a bit of one
// header in some hundred meanwhile. [Chain.AcceptHeld] takes what comes in several
// batches. So headers without work cost nothing that stays, and a branch that gets
// more work than the best header is never refused, whatever else there is.
//
// A chain reads no clock and does no I/O; it belongs to one goroutine.
//
// # Trust
//
// Runs in: the adapter and any program that uses the subscriber library.
//
// Reads: raw 80-byte headers from anyone who can send some. Accept keeps all that
// obey the rules; who reads strangers' headers asks for work first, as said above.
//
// Hands on: an [Entry] for each header that obeys every rule that headers can
// show. It says nothing about the body, except that [Entry.Complete] repeats
// what the caller claimed, and nothing about signet's block signature (BIP-0325).
package headerchain
