package claim

import "blockgate/internal/btc"

// Checked is a block that is proven to be the one that its header commits to.
// Only [Checker.Check] makes one; the zero Checked is none, and whoever takes a
// Checked asks [Checked.IsZero] first.
//
// It aliases the body and the claim that were checked. Neither may be written to
// as long as the Checked is in use. With that, many goroutines may read it.
type Checked struct {
	header   btc.Header
	hash     btc.Hash
	height   btc.Height
	network  btc.Network
	body     []byte
	txs      []Tx
	stripped int
}

// IsZero reports whether c is no block at all.
func (c Checked) IsZero() bool { return c.body == nil }

// Hash returns the block hash.
func (c Checked) Hash() btc.Hash { return c.hash }

// Header returns the header. Its work and place in a chain are not claim's to say.
func (c Checked) Header() btc.Header { return c.header }

// Height returns the height at which the block was checked.
func (c Checked) Height() btc.Height { return c.height }

// Network returns the network whose rules the block was checked by.
func (c Checked) Network() btc.Network { return c.network }

// Body returns the whole block as it stands on the wire. It aliases the bytes
// that were checked; the caller must not write to it.
func (c Checked) Body() []byte { return c.body }

// TxCount returns the number of transactions, 1 to btc.MaxBlockTransactions.
func (c Checked) TxCount() int { return len(c.txs) }

// StrippedSize returns the block's size in bytes without any witness.
func (c Checked) StrippedSize() int { return c.stripped }

// Weight returns the block's weight in weight units (BIP-0141).
func (c Checked) Weight() int { return weightOf(c.stripped, len(c.body)) }

// AppendClaim appends the proven claim to dst in its serialised form,
// [EntrySize] bytes a transaction.
func (c Checked) AppendClaim(dst []byte) []byte { return AppendTxs(dst, c.txs) }

func weightOf(stripped, size int) int { return stripped*(btc.WitnessScaleFactor-1) + size }
