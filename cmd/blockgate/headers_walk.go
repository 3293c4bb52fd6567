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
	rest, err := readHeaders(ctx, in, func(headers []btc.Header) (bool, error) {
		err := w.check(headers)
		if len(headers) == btc.MaxHeaders {
			w.progress.step(w.now(), w.started, w.count)
		}
		return w.refused == nil, err
	})
	if err == nil {
		w.end(rest)
	}
	return err
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
	refused, rule, ok := brokenRule(err)
	if !ok {
		return err
	}
	header := &headers[refused.Index]
	if rule == ruleNotLinked {
		w.refuse(header, rule, w.linkDetail(header))
	} else {
		w.refuse(header, rule, refusalDetail(refused))
	}
	return nil
}

// brokenRule returns which header was refused and the word of the rule that it
// broke. It is false for an error that is no refusal.
func brokenRule(err error) (refused *headerchain.HeaderError, word string, ok bool) {
	if refused, ok = errors.AsType[*headerchain.HeaderError](err); !ok {
		return nil, "", false
	}
	for _, rule := range headerRules {
		if errors.Is(refused.Kind, rule.kind) {
			return refused, rule.word, true
		}
	}
	return nil, "", false
}

func refusalDetail(refused *headerchain.HeaderError) string {
	if refused.Detail == "" {
		return refused.Kind.Error()
	}
	return refused.Kind.Error() + ": " + refused.Detail
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
