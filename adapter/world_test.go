package adapter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// patience is how long anything in these tests may take; most take less than a
// second.
const patience = 20 * time.Second

// cell proves a body by comparing it with the chain's own bytes, and counts what
// it handed out and what came back.
type cell struct {
	t               *testing.T
	chain           *fakepeer.Chain
	hold            func(context.Context) // called before each verdict, if not nil
	proven, release atomic.Int64
	// before, if not nil, is called with each body before it is compared; it may end the
	// matter by a verdict.
	before func(context.Context, adapter.Body) (adapter.Verdict, bool)
}

// body is a proven body that is out.
type body struct {
	cell     *cell
	hash     btc.Hash
	released atomic.Bool
}

// Release counts; a second one is a fault of the shell.
func (b *body) Release() {
	if b.released.Swap(true) {
		b.cell.t.Errorf("body of %s released twice", b.hash)
	}
	b.cell.release.Add(1)
}

// TxCount and Txid speak of the one transaction of each of these blocks, a coinbase,
// whose txid is the merkle root.
func (b *body) TxCount() int { return 1 }

// Txid returns that of the coinbase.
func (b *body) Txid(int) btc.Hash {
	raw, _, _ := b.cell.chain.Block(b.hash)
	header := btc.Header(raw[:btc.HeaderSize])
	return header.MerkleRoot()
}

// Settled is for cells that have something to save.
func (c *cell) Settled(btc.Hash, [32]byte) {}

// Prove compares.
func (c *cell) Prove(ctx context.Context, b adapter.Body) adapter.Verdict {
	if c.hold != nil {
		c.hold(ctx)
	}
	if c.before != nil {
		if verdict, over := c.before(ctx, b); over {
			return verdict
		}
	}
	raw := make([]byte, b.Block.Size())
	b.Block.CopyTo(raw)
	want, height, ok := c.chain.Block(b.Block.Hash)
	switch {
	case !ok || height != b.Height || b.MedianTime == 0:
		c.t.Errorf("asked for block %s of height %d, median time %d", b.Block.Hash, b.Height, b.MedianTime)
		return adapter.Verdict{Outcome: node.OutcomeMalformed}
	case bytes.Equal(raw, want):
		c.proven.Add(1)
		return adapter.Verdict{Outcome: node.OutcomeProven, Proven: &body{cell: c, hash: b.Block.Hash}}
	case len(raw) < len(want) && bytes.HasPrefix(want, raw):
		return adapter.Verdict{Outcome: node.OutcomeMalformed, Detail: "cut short"}
	default:
		return adapter.Verdict{Outcome: node.OutcomeMerkle, Detail: "other bytes"}
	}
}

var (
	errDown    = errors.New("the bus is down")
	errUnknown = errors.New("outcome unknown")
)

// journal keeps what is appended in memory, and fails as it is told. It checks
// what every journal relies on.
type journal struct {
	t *testing.T

	// What fails. Each gets the number of the call, from 1 on.
	failLoad, failStore, failAppend func(call int) error
	// lateAppend says that a failed append went through all the same.
	lateAppend bool
	// stall, if not nil, is called in each Store.
	stall func(context.Context)

	mu      sync.Mutex // guards what follows
	loads   int
	stores  int
	appends int
	forgets int
	events  []node.Append
	stored  map[btc.Hash]bool
	changed chan struct{} // closed, and made anew, at each event
}

func newJournal(t *testing.T) *journal {
	return &journal{t: t, stored: map[btc.Hash]bool{}, changed: make(chan struct{})}
}

func fails(with func(int) error, call int) error {
	if with == nil {
		return nil
	}
	return with(call)
}

// Load says where the events lead.
func (j *journal) Load(context.Context) (node.JournalLoaded, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.loads++
	if err := fails(j.failLoad, j.loads); err != nil {
		return node.JournalLoaded{}, err
	}
	if len(j.events) == 0 {
		return node.JournalLoaded{Empty: true}, nil
	}
	tip, height := j.tip()
	loaded := node.JournalLoaded{Tip: tip, TipHeight: height, Final: j.events[len(j.events)-1].Final, First: j.events[0].Height}
	loaded.TipHeader, _ = j.header(tip)
	return loaded, nil
}

// tip returns where the events lead; mu is held.
func (j *journal) tip() (btc.Hash, btc.Height) {
	last := j.events[len(j.events)-1]
	if last.Kind == node.DisconnectBlock {
		return last.Prev, last.Height - 1
	}
	return last.Hash, last.Height
}

func (j *journal) header(hash btc.Hash) (btc.Header, bool) {
	for _, e := range j.events {
		if e.Hash == hash {
			return e.Header, true
		}
	}
	return btc.Header{}, false
}

// HeaderOf returns the header of an event.
func (j *journal) HeaderOf(_ context.Context, hash btc.Hash, _ btc.Height) (btc.Header, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	header, ok := j.header(hash)
	if !ok {
		return header, errors.New("not in the journal")
	}
	return header, nil
}

// Store notes that the parts are there.
func (j *journal) Store(ctx context.Context, proven adapter.Proven) error {
	if j.stall != nil {
		j.stall(ctx)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	b := proven.(*body)
	if b.released.Load() {
		j.t.Errorf("%s was released before it was stored", b.hash)
	}
	j.stores++
	if err := fails(j.failStore, j.stores); err != nil {
		return err
	}
	j.stored[b.hash] = true
	return nil
}

// Append keeps an event that follows from the one before.
func (j *journal) Append(_ context.Context, e node.Append) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.appends++
	err := fails(j.failAppend, j.appends)
	if errors.Is(err, adapter.ErrStale) {
		j.stored = map[btc.Hash]bool{}
	}
	if err != nil && !j.lateAppend {
		return 0, err
	}
	if e.Kind == node.Connect && !j.stored[e.Hash] {
		j.t.Errorf("event of %d %s, whose body is not stored", e.Height, e.Hash)
	}
	if len(j.events) > 0 {
		if tip, _ := j.tip(); e.Kind == node.Connect && e.Prev != tip || e.Kind == node.DisconnectBlock && e.Hash != tip {
			j.t.Errorf("event %d of %d %s does not follow from %s", e.Kind, e.Height, e.Hash, tip)
		}
	}
	j.events = append(j.events, e)
	close(j.changed)
	j.changed = make(chan struct{})
	return uint64(len(j.events)), err
}

// Forget drops what was stored.
func (j *journal) Forget(hash btc.Hash) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forgets++
	delete(j.stored, hash)
}

// await waits for an event about a block.
func (j *journal) await(t *testing.T, hash btc.Hash) {
	t.Helper()
	limit := time.After(patience)
	for {
		j.mu.Lock()
		changed, n := j.changed, len(j.events)
		_, ok := j.header(hash)
		j.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("%d events, none of them of %s", n, hash)
		}
	}
}

func (j *journal) count() (loads, events int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.loads, len(j.events)
}

// logbook keeps the log's records as an operator would read them.
type logbook struct {
	mu      sync.Mutex // guards what follows
	records []map[string]any
	changed chan struct{}
}

// Write takes one line of JSON.
func (l *logbook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	record := map[string]any{}
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	l.records = append(l.records, record)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(line), nil
}

// await waits for a record for which ok holds, and returns it.
func (l *logbook) await(t *testing.T, what string, ok func(map[string]any) bool) map[string]any {
	t.Helper()
	limit := time.After(patience)
	for seen := 0; ; {
		l.mu.Lock()
		records, changed := l.records[seen:], l.changed
		l.mu.Unlock()
		for _, record := range records {
			seen++
			if ok(record) {
				return record
			}
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("the log says nothing of %s", what)
		}
	}
}

// isSynced matches a record that says that the journal has all of First600.
func isSynced(record map[string]any) bool {
	return (record["msg"] == "synced" || record["msg"] == "tip") && record["height"] == 599.
}

// banned returns the peers that were banned, one for each record.
func (l *logbook) banned() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var peers []string
	for _, record := range l.records {
		if record["msg"] == "peer banned" {
			peers = append(peers, fmt.Sprint(record["peer"]))
		}
	}
	return peers
}

// world is one run of an adapter.
type world struct {
	t       *testing.T
	cell    *cell
	journal *journal
	log     *logbook
	peers   []*fakepeer.Peer
	config  adapter.Config
	cancel  context.CancelFunc
	ended   chan error
}

// newWorld listens as so many peers, one per script, and does not run yet.
func newWorld(t *testing.T, chain *fakepeer.Chain, scripts ...fakepeer.Script) *world {
	t.Helper()
	w := &world{
		t: t, cell: &cell{t: t, chain: chain}, journal: newJournal(t), log: &logbook{changed: make(chan struct{})}, ended: make(chan error, 1),
	}
	w.config = adapter.Config{
		Node:  node.Config{Network: chain.Network(), Start: node.Start{Kind: node.StartHeight, Height: 1}, Seed: 1},
		Names: map[addrbook.Addr]string{}, Cell: w.cell, Journal: w.journal, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	for i, script := range scripts {
		peer, err := fakepeer.Listen(t.Context(), fmt.Sprintf("127.0.0.%d:0", i+2), chain, script)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(peer.Close)
		w.peers = append(w.peers, peer)
		w.config.Node.Connect = append(w.config.Node.Connect, addrbook.FromAddrPort(peer.Addr()))
		w.config.Names[addrbook.FromAddrPort(peer.Addr())] = peer.Addr().String()
	}
	return w
}

// run starts the adapter; the end of the test ends it if nothing did before.
func (w *world) run() *world {
	ctx, cancel := context.WithCancel(w.t.Context())
	w.cancel = cancel
	go func() { w.ended <- adapter.Run(ctx, w.config) }()
	w.t.Cleanup(cancel)
	return w
}

// wait waits for the end of Run and counts the bodies: each that was proven must
// have been released, once.
func (w *world) wait() error {
	w.t.Helper()
	select {
	case err := <-w.ended:
		if out, back := w.cell.proven.Load(), w.cell.release.Load(); out != back {
			w.t.Errorf("%d bodies were proven, %d released", out, back)
		}
		return err
	case <-time.After(patience):
		w.t.Fatal("Run does not end")
		return nil
	}
}

// stop ends the run in order.
func (w *world) stop() {
	w.t.Helper()
	w.cancel()
	if err := w.wait(); err != nil {
		w.t.Errorf("Run returned %v", err)
	}
}

// synced checks that the journal has each block of the chain once, in order.
func (w *world) synced(chain *fakepeer.Chain) {
	w.t.Helper()
	w.journal.mu.Lock()
	defer w.journal.mu.Unlock()
	height, _ := chain.Tip()
	if got := len(w.journal.events); got != int(height) {
		w.t.Fatalf("%d events, want %d", got, height)
	}
	for i, e := range w.journal.events {
		if hash, _ := chain.At(btc.Height(i + 1)); e.Kind != node.Connect || e.Hash != hash || e.Height != btc.Height(i+1) || e.Header.Hash() != hash {
			w.t.Fatalf("event %d is %+v", i, e)
		}
	}
}
