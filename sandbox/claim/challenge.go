package claim

import (
	"fmt"

	"blockgate/internal/btc"
)

// Challenge judges what a signet's signers have said of a block (BIP-0325).
type Challenge interface {
	// CheckSolution returns nil if the coinbase carries a solution for the block,
	// whose body is proven. Coinbase is its first transaction, of which so many bytes
	// are witness; root returns what the merkle root is with another txid for it. It
	// keeps neither.
	CheckSolution(header btc.Header, coinbase []byte, witness int, root func(coinbase btc.Hash) btc.Hash) error
}

// checkSolution has the challenge of the signet look at a body that is proven.
func (k *Checker) checkSolution(c Checked) error {
	first := c.Tx(0)
	raw, txids := c.body[first.Offset():][:first.Len()], c.room.txids()
	err := k.challenge.CheckSolution(c.header, raw, first.WitnessLen(), func(coinbase btc.Hash) btc.Hash {
		root, _ := k.root(coinbase, txids)
		return root
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSolution, err)
	}
	return nil
}
