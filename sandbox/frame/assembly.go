package frame

import (
	"fmt"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
)

// Assembly puts together what a worker says about one job, message by message.
// It takes nothing but the one message that is due next, so a worker can neither
// make it grow nor make it last. The zero Assembly waits for nothing; see [Begin].
type Assembly struct {
	seq        uint64
	maxEntries int
	due        dueMessage
	count      int
	block      claim.Block
}

type dueMessage uint8

const (
	dueNothing dueMessage = iota
	dueAnswer
	dueChunk
)

// Begin returns an assembly that waits for the answer to j. A block of so many
// bytes has room for so many transactions: a larger claim is refused by its
// answer already.
func Begin(j Job) Assembly {
	most := min(int(j.Len)/btc.MinTransactionSize, btc.MaxBlockTransactions)
	return Assembly{seq: j.Seq, maxEntries: most, due: dueAnswer}
}

// Accept takes the next message and reports whether it was the last one. The
// errors are [ErrAnswer] and [ErrChunk]: then, and after the last message,
// nothing more is accepted. It does not keep message.
func (a *Assembly) Accept(message []byte) (done bool, err error) {
	due := a.due
	a.due = dueNothing
	switch due {
	case dueAnswer:
		err = a.acceptAnswer(message)
	case dueChunk:
		want := min(MaxChunkEntries, a.count-len(a.block.Txs))
		a.block.Txs, err = appendEntries(a.block.Txs, message, a.seq, want)
	case dueNothing:
		err = fmt.Errorf("%w: nothing is due", ErrAnswer)
	}
	if err != nil {
		a.block = claim.Block{}
		return false, err
	}
	if len(a.block.Txs) < a.count {
		a.due = dueChunk
		return false, nil
	}
	return true, nil
}

// Block returns what the worker said, the zero Block before the last message
// was accepted and after an error. The caller owns it.
func (a *Assembly) Block() claim.Block {
	if a.due != dueNothing {
		return claim.Block{}
	}
	return a.block
}

func (a *Assembly) acceptAnswer(message []byte) error {
	answer, err := DecodeAnswer(message)
	if err != nil {
		return err
	}
	if answer.Seq != a.seq {
		return fmt.Errorf("%w: wrong sequence number", ErrAnswer)
	}
	if answer.Count > a.maxEntries {
		return fmt.Errorf("%w: %d entries, at most %d fit the block", ErrAnswer, answer.Count, a.maxEntries)
	}
	a.count = answer.Count
	a.block = claim.Block{Verdict: answer.Verdict}
	if a.count > 0 {
		a.block.Txs = make([]claim.Tx, 0, a.count) // bounded by maxEntries: 133 kB
	}
	return nil
}
