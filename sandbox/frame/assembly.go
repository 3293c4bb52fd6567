package frame

import (
	"fmt"
	"slices"

	"blockgate/sandbox/claim"
)

// Assembly puts together what a worker says about one job, message by message.
// It takes nothing but the one message that is due next, so a worker can neither
// make it grow nor make it last. The zero Assembly waits for nothing; see [Begin].
type Assembly struct {
	job   Job
	due   dueMessage
	count int
	block claim.Block
	room  []claim.Tx
}

type dueMessage uint8

const (
	dueNothing dueMessage = iota
	dueAnswer
	dueChunk
)

// Begin returns an assembly that waits for the answer to j, and puts the entries into
// room[:0], which it owns until the claim is done with. So many bytes have room for so
// many transactions, inputs and so on: a larger claim is refused by its answer already.
func Begin(j Job, room []claim.Tx) Assembly {
	return Assembly{job: j, room: room[:0], due: dueAnswer}
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
		a.block.Txs, err = appendEntries(a.block.Txs, message, a.job.Seq, want)
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
// was accepted and after an error. Its entries are in the room that [Begin] got.
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
	if answer.Seq != a.job.Seq {
		return fmt.Errorf("%w: wrong sequence number", ErrAnswer)
	}
	if most := a.job.maxEntries(); answer.Count > most {
		return fmt.Errorf("%w: %d entries, at most %d fit", ErrAnswer, answer.Count, most)
	}
	if !fits(answer.Counts, a.job.Len) {
		return fmt.Errorf("%w: %+v in %d bytes", ErrAnswer, answer.Counts, a.job.Len)
	}
	a.count = answer.Count
	a.block = claim.Block{Verdict: answer.Verdict, Counts: answer.Counts}
	if a.count > 0 {
		a.block.Txs = slices.Grow(a.room, a.count) // bounded by maxEntries: 133 kB
	}
	return nil
}
