package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// headerRules gives each kind of refusal its word: Bitcoin Core's reject reason
// where there is one that says which rule it is.
var headerRules = []struct { //nolint:gochecknoglobals // a table, never written
	kind error
	word string
}{
	{headerchain.ErrUnlinked, ruleNotLinked},
	{headerchain.ErrDiscontinuous, ruleNotLinked},
	{headerchain.ErrTarget, ruleTarget},
	{headerchain.ErrHighHash, ruleHighHash},
	{headerchain.ErrBits, "bad-diffbits"},
	{headerchain.ErrTimeTooOld, "time-too-old"},
	{headerchain.ErrTimewarp, "time-timewarp-attack"},
	{headerchain.ErrTimeTooNew, "time-too-new"},
	{headerchain.ErrVersion, "bad-version"},
}

// Words of the rules that a file can break before headerchain sees it.
const (
	ruleNotGenesis = "not-genesis"
	ruleNotLinked  = "not-linked"
	ruleTarget     = "invalid-target"
	ruleHighHash   = "high-hash"
	ruleTruncated  = "truncated"
	ruleEmpty      = "empty"
)

// headerWalk reads a file of headers from the first to the first bad one.
//
// Memory: one chunk and what a [headerchain.Chain] keeps of each header, which is
// bounded by its own limit.
type headerWalk struct {
	settings *verifySettings
	progress *headerProgress
	now      func() time.Time // our clock
	started  time.Time

	chain   *headerchain.Chain // nil before the first header
	count   int64              // of valid headers
	next    btc.Height
	last    btc.Hash // of the last valid header
	refused *refusedHeader
}

func newHeaderWalk(s *verifySettings, progress *headerProgress, now func() time.Time) *headerWalk {
	return &headerWalk{settings: s, progress: progress, now: now, started: now()}
}

// read checks all of in. What is wrong with a header is in the result; an error
// is the caller's or ours.
func (w *headerWalk) read(ctx context.Context, in io.Reader) error {
	raw := make([]byte, btc.MaxHeaders*btc.HeaderSize)
	headers := make([]btc.Header, 0, btc.MaxHeaders)
	for w.refused == nil {
		n, err := io.ReadFull(&patientReader{ctx, in}, raw)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case err == nil || ended:
		case w.count == 0 && ctx.Err() == nil:
			return usagef("%w", err)
		default:
			return fmt.Errorf("after %d headers: %w", w.count, err)
		}
		headers = headers[:0]
		for at := 0; at+btc.HeaderSize <= n; at += btc.HeaderSize {
			headers = append(headers, btc.Header(raw[at:at+btc.HeaderSize]))
		}
		if err := w.check(headers); err != nil {
			return err
		}
		if ended {
			w.end(n % btc.HeaderSize)
			return nil
		}
		w.progress.step(w.now(), w.started, w.count)
	}
	return nil
}

// end says what is wrong with a file that ends so many bytes after a record.
func (w *headerWalk) end(rest int) {
	switch {
	case w.refused != nil:
	case rest > 0:
		w.refuse(nil, ruleTruncated, fmt.Sprintf("%d bytes at offset %d, a header has %d", rest, w.count*btc.HeaderSize, btc.HeaderSize))
	case w.count == 0:
		w.refuse(nil, ruleEmpty, "no header in 0 bytes")
	}
}

// check checks the next headers of the file.
func (w *headerWalk) check(headers []btc.Header) error {
	if w.chain == nil && len(headers) > 0 {
		if err := w.begin(headers); err != nil || w.refused != nil {
			return err
		}
		headers = headers[1:]
	}
	if len(headers) == 0 {
		return nil
	}
	if headers[0].Prev() != w.last { // Accept would take a fork of an earlier header
		w.refuse(&headers[0], ruleNotLinked, w.linkDetail(&headers[0]))
		return nil
	}
	done, err := w.chain.Accept(headers, w.now())
	w.count += int64(done.New)
	w.next += btc.Height(done.New)
	if done.New > 0 {
		w.last = done.Last
	}
	if err != nil {
		return w.judge(headers, err)
	}
	return nil
}

// judge says which rule the header broke that Accept refused. A refusal that is
// no rule is our own failure.
func (w *headerWalk) judge(headers []btc.Header, err error) error {
	refused, ok := errors.AsType[*headerchain.HeaderError](err)
	if !ok {
		return err
	}
	for _, rule := range headerRules {
		if !errors.Is(refused.Kind, rule.kind) {
			continue
		}
		header, detail := &headers[refused.Index], refused.Kind.Error()
		switch {
		case rule.word == ruleNotLinked:
			detail = w.linkDetail(header)
		case refused.Detail != "":
			detail += ": " + refused.Detail
		}
		w.refuse(header, rule.word, detail)
		return nil
	}
	return err
}

func (w *headerWalk) linkDetail(header *btc.Header) string {
	return fmt.Sprintf("previous hash %s, the header before it is %s", header.Prev(), w.last)
}

// refuse ends the walk at header, nil where the bytes are none.
func (w *headerWalk) refuse(header *btc.Header, rule, detail string) {
	w.refused = &refusedHeader{Height: w.next, Offset: w.count * btc.HeaderSize, Rule: rule, Detail: detail}
	if header != nil {
		hash := header.Hash()
		w.refused.Hash = &hash
	}
}
