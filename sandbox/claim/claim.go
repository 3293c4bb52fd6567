package claim

import (
	"blockgate/internal/btc"
	"blockgate/sandbox/verdict"
)

// Tx is what a worker says about one transaction.
type Tx struct {
	// Len is the length of the transaction in bytes, as it stands in the block.
	Len uint32
	// Witness is the length in bytes of its witness section, the stacks of all
	// inputs; 0 if it is serialised without one.
	Witness uint32
}

// Counts are what a worker counted in a block or a transaction. They stay its word:
// no hash proves them, so they are for people to read and nothing else.
type Counts struct {
	Inputs, Outputs, WitnessItems uint32
	// Sigops is the cost of the legacy signature operations, each 4 (BIP-0141).
	Sigops uint32
}

// Block is what a worker says about one block. It is a claim: nothing of it is
// true until [Checker.Check] has proven it, and its Counts never are.
type Block struct {
	// Txs has an entry for each transaction if Verdict is [verdict.Code.Claimed].
	Txs []Tx
	// Verdict says whether the worker could walk the block, and which rule it breaks.
	Verdict verdict.Code
	// Counts are those of a block whose verdict is [verdict.Code.Claimed], else 0.
	Counts Counts
}

// Context is what the rules need to know about a block's place. It comes from
// our own chain of headers, never from a peer or a worker.
type Context struct {
	Network btc.Network
	Height  btc.Height
}
