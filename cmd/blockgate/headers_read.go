package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
)

// openInput opens the file that a command was told to read, or its standard input
// for "-". The caller calls done.
func openInput(cmd *cobra.Command, path string) (in io.Reader, done func(), err error) {
	if path == "-" {
		return cmd.InOrStdin(), func() {}, nil
	}
	file, err := os.Open(path) //nolint:gosec // the caller's own file, named on the command line
	if err != nil {
		return nil, nil, usagef("%w", err)
	}
	return file, func() { _ = file.Close() }, nil
}

// readHeaders hands the 80-byte records of in to each, at most [btc.MaxHeaders] at a
// time, until in ends or each says that it wants no more. The slice is good until
// each returns. rest is how many bytes are left behind the last whole record.
func readHeaders(ctx context.Context, in io.Reader, each func([]btc.Header) (more bool, err error)) (rest int, err error) {
	raw := make([]byte, btc.MaxHeaders*btc.HeaderSize)
	headers := make([]btc.Header, 0, btc.MaxHeaders)
	for read := 0; ; read += len(headers) {
		n, err := io.ReadFull(&patientReader{ctx, in}, raw)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err == nil || ended:
		case read == 0 && ctx.Err() == nil:
			return 0, usagef("%w", err)
		default:
			return 0, fmt.Errorf("after %d headers: %w", read, err)
		}
		headers = headers[:0]
		for at := 0; at+btc.HeaderSize <= n; at += btc.HeaderSize {
			headers = append(headers, btc.Header(raw[at:at+btc.HeaderSize]))
		}
		more, err := each(headers)
		if err != nil {
			return 0, err
		}
		if ended || !more {
			return n % btc.HeaderSize, nil
		}
	}
}
