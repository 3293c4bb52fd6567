package bus

import "blockgate/internal/btc"

// PartSize is the most bytes of one part, 120 KiB.
//
// An unchanged NATS server takes messages of 1 MiB, but an unchanged pull
// subscriber asks for 500 messages at once and the server cuts off a
// connection with 64 MiB pending: 500 parts must stay below that. 500 x 120 KiB
// is 58.6 MiB; 128 KiB would be 62.5 MiB without the headers. Larger parts
// were no quicker.
const PartSize = 120 << 10

// MinPartSize is the fewest bytes that a part may be cut to for a server
// with a small max_payload. It bounds the number of parts.
const MinPartSize = 16 << 10

// MessageOverhead is how many bytes of a server's max_payload are left for the
// headers of a message. An event has about 900 bytes of them without its
// sequence list, which [MaxSeqSetLen] bounds.
const MessageOverhead = 8 << 10

// ClaimEntrySize is the bytes that the claim has for one transaction: its
// serialised length and the length of its witness, 32 bits each.
const ClaimEntrySize = 8

// MaxParts is the most parts that the body and claim of one block may have,
// each cut to MinPartSize: 245 + 9.
const MaxParts = (btc.MaxBlockSize+MinPartSize-1)/MinPartSize +
	(ClaimEntrySize*btc.MaxBlockTransactions+MinPartSize-1)/MinPartSize

// MinBodySize is the fewest bytes of a block: header, count, one transaction.
const MinBodySize = btc.HeaderSize + 1 + btc.MinTransactionSize

// MaxSeqSetLen is the most characters of the text form of a [SeqSet]: MaxParts
// numbers of 20 digits and what stands between.
const MaxSeqSetLen = MaxParts * 21

// MaxIDLen is the most characters of an adapter's id.
const MaxIDLen = 32

// MaxSubjectLen is the most characters of a subject: btc.v1, a network of 8, an
// id, block, a height of 10 digits and a hash of 64.
const MaxSubjectLen = len("btc.v1.") + 8 + 1 + MaxIDLen + 1 + len("block.") + 10 + 1 + 2*btc.HashSize

// MaxCursorLen is the most characters of the text form of a [Cursor].
const MaxCursorLen = 192

// MaxPendingBytes is the most bytes of parts that a reader holds for events that
// have not come yet, 64 MiB: 15 of the largest blocks. What does not fit is
// dropped, oldest first, and fetched by its sequence when an event names it.
const MaxPendingBytes = 64 << 20
