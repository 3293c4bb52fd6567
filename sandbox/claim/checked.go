package claim

import (
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// Checked is a block that is proven to be the one that its header commits to.
// Only [Checker.Check] makes one; the zero Checked is none, and whoever takes a
// Checked asks [Checked.IsZero] first.
//
// It aliases the body that was checked and lives in the [Room] that it was checked
// with. Neither may be used for anything else as long as the Checked is in use. With
// that, many goroutines may read it.
type Checked struct {
	header   btc.Header
	hash     btc.Hash
	context  Context
	body     []byte
	stripped int
	commits  bool
	room     *Room
	round    uint64 // of the room; another one says that the room has another block
}

// IsZero reports whether c is no block at all.
func (c Checked) IsZero() bool { return c.body == nil }

// Hash returns the block hash.
func (c Checked) Hash() btc.Hash { return c.hash }

// Header returns the header. Its work and place in a chain are not claim's to say.
func (c Checked) Header() btc.Header { return c.header }

// Height returns the height at which the block was checked.
func (c Checked) Height() btc.Height { return c.context.Height }

// Network returns the network whose rules the block was checked by.
func (c Checked) Network() btc.Network { return c.context.Network }

// Body returns the whole block as it stands on the wire. It aliases the bytes
// that were checked; the caller must not write to it.
func (c Checked) Body() []byte { return c.body }

// StrippedSize returns the block's size in bytes without any witness.
func (c Checked) StrippedSize() int { return c.stripped }

// Weight returns the block's weight in weight units (BIP-0141).
func (c Checked) Weight() int { return weightOf(c.stripped, len(c.body)) }

// HasCommitment reports whether the block commits to its witnesses. If not, it has none.
func (c Checked) HasCommitment() bool { return c.commits }

// TxCount returns the number of transactions, 1 to btc.MaxBlockTransactions; 0 for
// the zero Checked. Like [Checked.Tx] it panics if the room has another block.
func (c Checked) TxCount() int {
	if c.IsZero() {
		return 0
	}
	if c.round != c.room.round {
		panic("claim: the room of this block was used again")
	}
	return len(c.room.messages)
}

// Tx returns transaction i, counted from 0 for the coinbase. It panics if there is
// none.
func (c Checked) Tx(i int) CheckedTx { _ = c.TxCount(); return c.room.tx(i) }

func (r *Room) tx(i int) CheckedTx {
	return CheckedTx{place: r.messages[i], txid: r.txids()[i], wtxid: r.wtxids()[i]}
}

// AppendClaim appends the proven claim to dst in its serialised form,
// [EntrySize] bytes a transaction.
func (c Checked) AppendClaim(dst []byte) []byte {
	for i := range c.TxCount() {
		m := c.room.messages[i]
		dst = AppendTxs(dst, []Tx{{Len: m.Size, Witness: m.Witness}})
	}
	return dst
}

// CheckedTx is what is proven of one transaction; see [Checked.Tx] and
// [Checker.CheckTx]. It aliases nothing. The zero CheckedTx is none.
type CheckedTx struct {
	place       sha256d.Message
	txid, wtxid btc.Hash
}

// Offset returns where the transaction begins in its block, in bytes; 0 of one that
// was checked alone.
func (x CheckedTx) Offset() int { return int(x.place.Offset) }

// Len returns its length in bytes as it stands there.
func (x CheckedTx) Len() int { return int(x.place.Size) }

// WitnessLen returns the length in bytes of its witness section, 0 if it has none.
func (x CheckedTx) WitnessLen() int { return int(x.place.Witness) }

// StrippedSize returns its size in bytes without marker, flag and witness.
func (x CheckedTx) StrippedSize() int {
	if x.place.Witness == 0 {
		return x.Len()
	}
	return x.Len() - markerSize - x.WitnessLen()
}

// Weight returns its weight in weight units (BIP-0141).
func (x CheckedTx) Weight() int { return weightOf(x.StrippedSize(), x.Len()) }

// Txid returns the hash of its stripped form.
func (x CheckedTx) Txid() btc.Hash { return x.txid }

// Wtxid returns the hash of all its bytes (BIP-0141). That of a coinbase is the hash
// of its bytes, too, as in Bitcoin Core's getblock; in the tree of the commitment a
// zero stands for it.
func (x CheckedTx) Wtxid() btc.Hash { return x.wtxid }

func weightOf(stripped, size int) int { return stripped*(btc.WitnessScaleFactor-1) + size }
