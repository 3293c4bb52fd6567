package main

import (
	"context"
	"io"
)

// patientReader reads from in until ctx ends, also while in waits for a pipe or
// a terminal that says nothing. Its error is then the cause of ctx, and neither
// in nor the bytes of that last read may be used again.
type patientReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one read of a whole chunk
	in  io.Reader
}

func (r *patientReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	type outcome struct {
		n   int
		err error
	}
	done := make(chan outcome, 1)
	go func() { // left behind, with p, by a read that never ends
		n, err := r.in.Read(p)
		done <- outcome{n, err}
	}()
	select {
	case o := <-done:
		return o.n, o.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}
