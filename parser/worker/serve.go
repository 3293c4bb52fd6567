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

// Serve answers the jobs that come in on the SOCK_SEQPACKET descriptor jobs,
// about blocks in ring, one after the other. All its memory is made before the
// first job.
//
// It returns nil when the other end is closed. On any error, [ErrRange] and
// frame.ErrJob among them, the process must end: it may not go on after it.
func Serve(jobs int, ring []byte) error {
	message := make([]byte, 0, frame.MaxMessage)
	txs := make([]claim.Tx, 0, btc.MaxBlockTransactions)
	walker := parser.New()
	request := make([]byte, frame.JobSize+1) // one more, to see a message that is too long
	for {
		n, err := read(jobs, request)
		if err != nil {
			return fmt.Errorf("read a job: %w", err)
		}
		if n == 0 {
			return nil
		}
		job, err := frame.DecodeJob(request[:n])
		if err != nil {
			return err
		}
		body, ok := job.Cut(ring)
		if !ok {
			return fmt.Errorf("%w: slot %d, %d bytes", ErrRange, job.Slot, job.Len)
		}
		place := parser.Context{Network: job.Network, Height: job.Height, MedianTime: job.MedianTime}
		if err := answer(jobs, message, job.Seq, walker.Block(place, body, txs)); err != nil {
			return fmt.Errorf("answer a job: %w", err)
		}
	}
}

// answer writes the answer and its chunks, with message as scratch.
func answer(jobs int, message []byte, seq uint64, block claim.Block) error {
	verdict := frame.Answer{Seq: seq, Verdict: block.Verdict, Count: len(block.Txs)}
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
