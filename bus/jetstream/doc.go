// Package jetstream puts the journal of package bus on a NATS server with
// JetStream and reads it back.
//
// A writer opens a [Journal], asks it where it stands ([Journal.Load]), stores
// proven bodies ([Journal.Store]) and says what happens to the chain
// ([Journal.Append]). Bodies go first, in parts, and every acknowledgement is
// awaited; the event follows alone and only if nobody else wrote meanwhile. So
// an event's body is always there before the event, and no half block exists
// for anyone.
//
// A reader follows the journal and gets blocks that it has proven itself:
//
//	r, err := jetstream.Follow(ctx, jetstream.ReaderConfig{URL: url, Network: btc.Mainnet, ID: "main"})
//	defer r.Close()
//	for {
//		block, err := r.Next(ctx)
//		if err != nil {
//			return err
//		}
//		// use block, then store block.Cursor with what came of it
//	}
//
// The server may be the bundled one or any other from 2.10 on, with its default
// limits. [Create] makes the stream with a key that may; [PublisherRights],
// [ReaderRights] and [AnonymousRights] are what the others need.
//
// # Trust
//
// Runs in: the adapter (Journal); `blockgate tail`, the demo and any program that
// links the reader (Reader); the broker's setup (Create).
//
// Reads: what the server and other writers say. The Journal takes no block and
// no work from it, only where the journal stands. The Reader takes nothing on
// trust but the parts of the chain below its base.
//
// Hands on: bodies that are [claim.Checked] to the server, and [Verified] to the
// reader's caller: each block has the proof of work, the parent, the merkle
// root and the witness commitment that its header asks for. Scripts and amounts
// are not looked at.
package jetstream
