// Package claim proves what an untrusted worker says about a block, by hashes
// alone.
//
// A worker says of every transaction how long it is and how long its witness is:
// a [Block] of [Tx]. [Checker.Check] takes that together with the bytes and the
// header, and returns a [Checked], the only form in which a block goes further: with
// offset, length, txid and wtxid of each transaction. [Checker.CheckTx] does what can
// be done for a transaction alone. [DecodeClaim] reads a claim that came over the bus,
// so that a subscriber can do the same without a parser.
//
// # The proof
//
// Claim: for one header at one height of one network there is at most one body,
// and for it one list of lengths, that Check accepts. That holds whatever peers,
// workers and the miner do together.
//
// Assumptions. (a) Nobody finds two messages with the same double SHA-256, nor a
// message whose hash has 224 bits of his choice. (b) The header is the one whose hash
// our chain has, and height and network are those of its place there; who calls Check
// answers for both. (c) The engine computes double SHA-256: its tests hold it to
// crypto/sha256. (d) Nobody writes to body or header while Check runs, nor later, while
// the Checked is in use: the ring is not writable for workers. Nothing is assumed of the
// header itself, whose proof of work and place others judge.
//
// Write T(t,w) for the stripped form of transaction t: t without marker, flag and
// the w witness bytes before the lock time; T(t,0) = t. Its hash is the txid. Let A
// and B be two accepted pairs of body and lengths for one header.
//
// 0. What is hashed. The body begins with the 80 bytes of the header, and then has the
// number of transactions in its shortest form: checkFrame. The transactions lie one
// behind the other from there to the last byte; each has 60 bytes or more when
// stripped; where a witness is claimed, marker and flag stand: [Room].tile. So T is
// defined, and its hash is the leaf: [Checker].hash. The root over the leaves is the
// header's: checkMerkle.
//
// 1. Depth. Both trees have the header's root. A parent is the hash of 64 bytes, its two
// children; the last child of an odd level stands for both. Go down the left edge of
// both trees at once: equal hashes are of equal bytes, by (a). Were tree A shallower than
// tree B, its leftmost leaf would be an inner node of B: T of A's first transaction and
// L||R, the 64 bytes of two nodes of B, would have one hash, hence be the same bytes. But
// T has the shape of a coinbase, walkCoinbase: its bytes 4 to 31 are 01 and 27 zeros,
// which would be 224 bits of the hash L. Hence both trees have one depth, d.
//
// 2. Count. With one depth, and each odd level padded by its last node, all 2^d places
// of each level hold the same hash in both. Say A has fewer transactions, and let k
// be the level nearest the root at which it has fewer nodes, a against b. One level
// up the numbers are equal, so a is odd and b = a+1. The last pair of that level holds
// a node twice in A, for padding, hence in B too, where both are real. That is what the
// engine's MerkleRoot calls mutated, and checkMerkle refuses (CVE-2012-2459). Hence both
// have one count, n.
//
// 3. Stripped form. Same depth, same count, same root: all n txids are equal, and so
// are all stripped forms.
//
// 4. Witness. Whether there is a commitment depends on the stripped coinbase,
// walkCoinbase, and the height, Check: it is the same for A and B. If there is none, no
// byte may be witness, Check, and the transactions are their stripped forms. If there is
// one, it is the hash of 64 bytes, wtxid root and reserved value, checkWitness, so both
// are the same in A and B. The same root over n leaves gives the same wtxids but for the
// coinbase's, for which a zero stands, hence the same bytes for each transaction but the
// coinbase. Its witness must be 01 20 and the reserved value, checkWitness, so its bytes
// are the same too.
//
// 5. Lengths. The count is in its shortest form and the transactions tile the rest, so
// the bodies are equal, and so are the lengths. With two different witness lengths
// one t would have stripped forms of different lengths; but they are equal. QED.
//
// Step 1 is why transactions of 64 bytes need not be refused: five of them are in the
// main chain, and valid. It is also why the shape of the coinbase is checked here, on
// the stripped bytes that were hashed, and not by the worker.
//
// # What a worker can do at most
//
// It can call a sound block malformed, or say nothing: then there is no Checked, and no
// word about the header. It can call a rule broken that is not, or keep silent about one
// that is: that the body is proven stays true, and [*RuleError] says that the rule is a
// worker's word; a lie about the coinbase's shape is [ErrContradiction]. It can give
// wrong [Counts], which are for people. Together with the miner it can have lengths
// accepted that do not cut the body where a parser would, if the miner committed to
// what they cut out: the proof says that the one body is the header's, not that it is
// valid. It cannot have one byte of a body changed, moved, dropped or added.
//
// # Rules
//
// Rules that are hashes or sizes live here alone, and are judged on a body that is
// proven: weight and size without witness, the length of the coinbase's scriptSig, and on
// signets the solution (BIP-0325), which a [Challenge] judges. Which of them broke is an
// [ErrRule]: the miner's fault, and the same for every body of that header. All that
// needs a walk is a parser's to judge, in a code of package verdict.
//
// Of several faults the first is told, and it is the one that Bitcoin Core names, with
// two exceptions. What is not proven is judged by no rule, so a broken commitment hides
// a broken rule, where Core looks at witnesses last. And what is proven goes before a
// worker's word: a coinbase whose scriptSig has a wrong length is told by that, even if
// there is another coinbase, or its own values are out of range, which Core looks at
// before.
//
// # Trust
//
// Runs in: the adapter and every verifying subscriber.
//
// Reads: bytes from hostile peers, claims from workers that may have been taken
// over, both again from whoever writes to the bus. It walks no structure but the
// outputs of the coinbase.
//
// Hands on: [Checked] and [CheckedTx].
package claim
