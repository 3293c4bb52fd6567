package adapter_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// shelf keeps headers in memory, and fails as it is told.
type shelf struct {
	failKeep func(call int) error
	failLoad error

	mu      sync.Mutex // guards what follows
	kept    []btc.Header
	waiting []btc.Header
	calls   int
}

// Load hands on what was kept, in small batches.
func (s *shelf) Load(each func([]btc.Header) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for batch := range slices.Chunk(s.kept, 7) {
		if err := each(batch); err != nil {
			return fmt.Errorf("batch: %w", err)
		}
	}
	return s.failLoad
}

// Keep keeps headers.
func (s *shelf) Keep(headers []btc.Header) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.waiting = append(s.waiting, headers...)
	if err := fails(s.failKeep, s.calls); err != nil {
		return fmt.Errorf("write at %d: %w", s.calls, err)
	}
	s.kept, s.waiting = append(s.kept, s.waiting...), nil
	return nil
}

// TestHeadersSurvive runs twice: what the first run learned is not asked for again.
func TestHeadersSurvive(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	height, tip := chain.Tip()
	headers := &shelf{failKeep: upTo(2, syscall.ENOSPC)}
	w := newWorld(t, chain, fakepeer.Script{})
	w.config.Headers = headers
	w.run().journal.await(t, tip)
	w.stop()
	if len(headers.kept) != int(height) {
		t.Fatalf("%d headers kept, want %d", len(headers.kept), height)
	}
	w.log.await(t, "the full disk", message("headers not written"))
	w.log.await(t, "the space", message("headers written again"))

	again := newWorld(t, chain, fakepeer.Script{})
	again.config.Headers, again.journal = headers, w.journal
	again.config.Journal = w.journal
	again.run()
	again.log.await(t, "the headers", func(r map[string]any) bool { return r["msg"] == "headers loaded" && r["height"] == float64(height) })
	again.log.await(t, "the end of the sync", isSynced)
	again.stop()
	again.synced(chain)
	if sent := again.peers[0].Stats().Headers; sent > 1 {
		t.Errorf("the peer was asked for %d headers", sent)
	}
	if len(headers.kept) != int(height) {
		t.Errorf("%d headers kept after the second run, want %d", len(headers.kept), height)
	}
}

func message(text string) func(map[string]any) bool {
	return func(r map[string]any) bool { return r["msg"] == text }
}

// Headers that cannot be used end the run before anything is dialled.
func TestHeadersUnusable(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	hash, _ := chain.At(5)
	raw, _, _ := chain.Block(hash)
	broken := errors.New("damaged")
	for name, test := range map[string]struct {
		headers *shelf
		want    error
	}{
		"unreadable":  {&shelf{failLoad: broken}, broken},
		"not a chain": {&shelf{kept: []btc.Header{btc.Header(raw[:80])}}, headerchain.ErrUnlinked},
	} {
		w := newWorld(t, chain, fakepeer.Script{})
		w.config.Headers = test.headers
		err := w.run().wait()
		if !errors.Is(err, adapter.ErrHeaders) || !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if w.peers[0].Stats().Handshakes > 0 {
			t.Errorf("%s: a peer was dialled", name)
		}
	}
}

// A disk that is full is tried every few seconds, and said once.
func TestKeepIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		headers := &shelf{failKeep: upTo(4, syscall.ENOSPC)}
		w := newWorld(t, fakepeer.First600())
		w.config.Headers = headers
		w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		w.stop()
		said := 0
		for _, r := range w.log.records {
			if r["msg"] == "headers not written" || r["msg"] == "headers written again" {
				said++
			}
		}
		if headers.calls != 5 || said != 2 {
			t.Errorf("%d calls, %d lines", headers.calls, said)
		}
	})
}
