package worker

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
)

// ErrRange says that a job speaks of a slot that the ring does not have.
var ErrRange = errors.New("job out of the ring's range")

// Worker is a parser and all the memory that it needs to serve. It must be made by
// [New].
type Worker struct {
	walker  *parser.Parser
	txs     []claim.Tx
	request []byte // one byte more than a job, to see a message that is too long
	message []byte
}

// New returns a worker. It makes its memory and takes a seed, so it belongs before
// the lock-down.
func New() *Worker {
	return &Worker{
		walker:  parser.New(),
		txs:     make([]claim.Tx, 0, btc.MaxBlockTransactions),
		request: make([]byte, frame.JobSize+1),
		message: make([]byte, 0, frame.MaxMessage),
	}
}

// Serve answers the jobs that come in on the SOCK_SEQPACKET descriptor jobs,
// about blocks and transactions in ring, one after the other.
//
// It returns nil when the other end is closed. On any error, [ErrRange] and
// frame.ErrJob among them, the process must end: it may not go on after it.
func (w *Worker) Serve(jobs int, ring []byte) error {
	for {
		n, err := read(jobs, w.request)
		if err != nil {
			return fmt.Errorf("read a job: %w", err)
		}
		if n == 0 {
			return nil
		}
		job, err := frame.DecodeJob(w.request[:n])
		if err != nil {
			return err
		}
		body, ok := job.Cut(ring)
		if !ok {
			return fmt.Errorf("%w: slot %d, %d bytes", ErrRange, job.Slot, job.Len)
		}
		swallow(jobs, body)
		if err := answer(jobs, w.message, job.Seq, w.walk(job, body)); err != nil {
			return fmt.Errorf("answer a job: %w", err)
		}
	}
}

// walk walks what the job is about.
func (w *Worker) walk(job frame.Job, body []byte) claim.Block {
	if job.Kind == frame.KindTransaction {
		return w.walker.Transaction(body)
	}
	place := parser.Context{Network: job.Network, Height: job.Height, MedianTime: job.MedianTime}
	return w.walker.Block(place, body, w.txs)
}

// answer writes the answer and its chunks, with message as scratch.
func answer(jobs int, message []byte, seq uint64, block claim.Block) error {
	verdict := frame.Answer{Seq: seq, Verdict: block.Verdict, Count: len(block.Txs), Counts: block.Counts}
	if err := write(jobs, verdict.Append(message)); err != nil {
		return err
	}
	for next := 0; next < len(block.Txs); {
		var chunk []byte
		chunk, next = frame.AppendChunk(message, seq, block.Txs, next)
		if err := write(jobs, chunk); err != nil {
			return err
		}
	}
	return nil
}

func read(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// write writes one message. A SOCK_SEQPACKET takes it whole or not at all.
func write(fd int, b []byte) error {
	for {
		_, err := unix.Write(fd, b)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
