// Package claim proves what an untrusted worker says about a block, by hashes
// alone.
//
// A worker says of every transaction how long it is and how long its witness is:
// a [Block] of [Tx]. [Checker.Check] takes that together with the bytes and the
// header, and returns a [Checked], the only form in which a block goes further.
// [DecodeClaim] reads a claim that came over the bus, so that a subscriber can do
// the same without a parser.
//
// # The proof
//
// Claim: for one header at one height of one network there is at most one body,
// and for it one list of lengths, that Check accepts. That holds whatever peers,
// workers and the miner do together.
//
// Assumptions: nobody finds two messages with the same double SHA-256, nor a
// message whose hash has 224 bits of his choice; height and network are those
// of the header's place in our chain. Nothing is assumed of the header itself,
// whose proof of work and place others judge.
//
// Write T(t,w) for the stripped form of transaction t: t without marker, flag and
// the w witness bytes before the lock time; T(t,0) = t. Its hash is the txid. Let A
// and B be two accepted pairs of body and lengths for one header.
//
// Depth. Both trees have the header's root. Were tree A shallower than tree B, its
// leftmost leaf would be an inner node of B: T of A's first transaction and L||R, the
// 64 bytes of two nodes of B, would have one hash, hence be the same bytes. But T has
// the shape of a coinbase: its bytes 4 to 31 are 01 and 27 zeros, which would be 224
// bits of the hash L. Hence both trees have one depth, d.
//
// Count. With one depth, and each odd level padded by its last node, all 2^d places
// of each level hold the same hash in both. Say A has fewer transactions, and let k
// be the level nearest the root at which it has fewer nodes, a against b. One level
// up the numbers are equal, so a is odd and b = a+1. The last pair of that level holds
// a node twice in A, for padding, hence in B too, where both are real. Check refuses
// that as mutated (CVE-2012-2459). Hence both have one count, n.
//
// Stripped form. Same depth, same count, same root: all n txids are equal, and so
// are all stripped forms.
//
// Witness. Whether there is a commitment depends on the stripped coinbase and the
// height: it is the same for A and B. If there is none, no witness is accepted, and
// the transactions are their stripped forms. If there is one, it is the hash of 64
// bytes, wtxid root and reserved value, so both are the same in A and B. The same
// root over n leaves gives the same wtxids but for the coinbase's, hence the same
// bytes for each transaction but the coinbase. Its witness must be 01 20 and the
// reserved value, so its bytes are the same too.
//
// Lengths. The count is in its shortest form and the transactions tile the rest, so
// the bodies are equal, and so are the lengths. With two different witness lengths
// one t would have stripped forms of different lengths; but they are equal. QED.
//
// The first step is why transactions of 64 bytes need not be refused: five of them
// are in the main chain, and valid. It is also why the shape of the coinbase is
// checked here, on the stripped bytes that were hashed, and not by the worker.
//
// What the proof does not say: that the one body is valid, or that its lengths cut
// it where a parser would. A miner can commit to garbage, and a worker that was
// taken over can vouch for it. Nor does a refusal say anything about the header.
//
// # Trust
//
// Runs in: the adapter and every verifying subscriber.
//
// Reads: bytes from hostile peers, claims from workers that may have been taken
// over, both again from whoever writes to the bus. It walks no structure but the
// outputs of the coinbase.
//
// Hands on: [Checked].
package claim
