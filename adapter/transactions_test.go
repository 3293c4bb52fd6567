package adapter_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
	"blockgate/adapter/txstore"
	"blockgate/internal/btc"
)

// txCell says of any bytes but "malformed..." what it was told.
type txCell struct {
	txid btc.Hash
	hold chan struct{} // if not nil, an answer waits for it
}

// CheckTx answers at once.
func (c *txCell) CheckTx(ctx context.Context, raw []byte) (adapter.CheckedTx, error) {
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
			return adapter.CheckedTx{}, ctx.Err()
		}
	}
	switch {
	case bytes.HasPrefix(raw, []byte("malformed")):
		return adapter.CheckedTx{}, &adapter.MalformedTxError{Reason: "truncated"}
	case bytes.HasPrefix(raw, []byte("hangs")):
		return adapter.CheckedTx{}, errors.New("parser died")
	}
	return adapter.CheckedTx{Txid: c.txid, Wtxid: btc.DoubleSHA256(raw), Size: len(raw), StrippedSize: len(raw), Weight: 4 * len(raw)}, nil
}

var payment = bytes.Repeat([]byte("payment "), 30)

// relayer is a node that knows no block: it takes transactions, and announces them to
// whom they did not come from.
type relayer struct {
	t      *testing.T
	magic  uint32
	listen net.Listener

	mu       sync.Mutex // guards what follows
	versions [][]byte   // of all who came
	clients  []net.Conn // that want transactions
	taken    [][]byte
	others   []string // commands that no node should get from us on such a connection
}

func newRelayer(t *testing.T) *relayer {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relayer{t: t, magic: btc.Regtest.Params().Magic, listen: listener}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			serving.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range r.clients {
			_ = c.Close()
		}
	})
	return r
}

func (r *relayer) send(conn net.Conn, command string, payload []byte) {
	f := binary.LittleEndian.AppendUint32(nil, r.magic)
	f = append(append(f, command...), make([]byte, 12-len(command))...)
	f = binary.LittleEndian.AppendUint32(f, uint32(len(payload)))
	sum := btc.DoubleSHA256(payload)
	_, _ = conn.Write(append(append(f, sum[:4]...), payload...)) // who has left gets nothing
}

func (r *relayer) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	wantsTx := false
	for {
		var head [24]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		payload := make([]byte, min(binary.LittleEndian.Uint32(head[16:]), 1<<20))
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		switch command := string(bytes.TrimRight(head[4:16], "\x00")); command {
		case "version":
			wantsTx = payload[len(payload)-1] == 1
			r.note(func() {
				r.versions = append(r.versions, payload)
				if wantsTx {
					r.clients = append(r.clients, conn)
				}
			})
			r.send(conn, "version", ourVersion())
			r.send(conn, "verack", nil)
		case "ping":
			r.send(conn, "pong", payload)
		case "getheaders":
			r.send(conn, "headers", []byte{0})
			if wantsTx {
				r.note(func() { r.others = append(r.others, command) })
			}
		case "inv":
			r.send(conn, "getdata", payload)
		case "tx":
			r.relay(conn, payload)
		case "verack", "pong", "sendaddrv2":
		default:
			if wantsTx {
				r.note(func() { r.others = append(r.others, command) })
			}
		}
	}
}

func (r *relayer) note(what func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what()
}

// relay takes a transaction and announces it.
func (r *relayer) relay(from net.Conn, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = append(r.taken, raw)
	inv := binary.LittleEndian.AppendUint32([]byte{1}, 1)
	txid := minedTxid(r.t)
	for _, c := range r.clients {
		if c != from {
			r.send(c, "inv", append(inv, txid[:]...))
		}
	}
}

// ourVersion is the relayer's.
func ourVersion() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 70016)
	b = binary.LittleEndian.AppendUint64(b, 9)
	b = append(b, make([]byte, 8+26+26+8)...)
	b = append(append(b, 9), "/relayer/"...)
	return append(b, 0, 0, 0, 0, 1)
}

// minedTxid is the txid of the only transaction of block 6 of the chain of these tests.
func minedTxid(t *testing.T) btc.Hash {
	t.Helper()
	ahead := txChain(t, 6)
	_, tip := ahead.Tip()
	raw, _, ok := ahead.Block(tip)
	if !ok {
		t.Fatal("no block 6")
	}
	header := btc.Header(raw[:btc.HeaderSize])
	return header.MerkleRoot()
}

func txChain(t *testing.T, blocks int) *fakepeer.Chain {
	t.Helper()
	c := fakepeer.NewRegtest(fakepeer.Mining{Seed: 7})
	if err := c.Mine(blocks); err != nil {
		t.Fatal(err)
	}
	return c
}

// withTransactions gives a world a desk for transactions over a folder.
func (w *world) withTransactions(dir string, c *txCell) *adapter.Transactions {
	w.t.Helper()
	store, err := txstore.Open(dir, txstore.Limits{}, func(err error) { w.t.Errorf("store: %v", err) })
	if err != nil {
		w.t.Fatal(err)
	}
	desk := adapter.NewTransactions(store, c, 0)
	w.config.Transactions = desk
	return desk
}

func awaitTx(t *testing.T, desk *adapter.Transactions, txid btc.Hash, want node.TxState) adapter.TxResult {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for limit := time.After(2 * patience); ; {
		got, err := desk.Find(t.Context(), txid)
		if err == nil && got.State == want {
			return got
		}
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("it is %+v, %v, not %v", got, err, want)
		}
	}
}

// A transaction is known, announced, seen and in a block; a run that begins then knows
// so from the disk, and from its journal that the block is in the chain.
func TestTransactionLife(t *testing.T) {
	t.Parallel()
	chain, dir, txid := txChain(t, 5), t.TempDir(), minedTxid(t)
	w := newWorld(t, chain, fakepeer.Script{})
	r := newRelayer(t)
	at := addrbook.FromAddrPort(r.listen.Addr().(*net.TCPAddr).AddrPort())
	w.config.Node.Connect = append(w.config.Node.Connect, at)
	desk := w.withTransactions(dir, &txCell{txid: txid})
	w.run()
	got, err := desk.Submit(t.Context(), payment)
	if err != nil || got.State != node.TxKnown || got.Txid != txid || got.Wtxid != btc.DoubleSHA256(payment) || got.Size != len(payment) {
		t.Fatalf("submitted: %+v, %v", got, err)
	}
	awaitTx(t, desk, txid, node.TxSeen)
	r.mu.Lock()
	if len(r.taken) == 0 || !bytes.Equal(r.taken[0], payment) || len(r.others) > 0 {
		t.Errorf("taken %q; and %q", r.taken, r.others)
	}
	r.mu.Unlock()
	if again, err := desk.Submit(t.Context(), payment); err != nil || again.State != node.TxSeen {
		t.Errorf("submitted again: %+v, %v", again, err)
	}
	if err := chain.Mine(1); err != nil {
		t.Fatal(err)
	}
	_, tip := chain.Tip()
	if got := awaitTx(t, desk, txid, node.TxInBlock); got.Block != tip || got.Height != 6 || got.Confirmations != 1 {
		t.Errorf("mined: %+v", got)
	}
	w.journal.await(t, tip)
	w.stop()
	if _, err := desk.Find(t.Context(), txid); !errors.Is(err, adapter.ErrTxStopped) {
		t.Errorf("after the end: %v", err)
	}

	again := newWorld(t, chain, fakepeer.Script{})
	again.journal = w.journal
	again.config.Journal = w.journal
	desk = again.withTransactions(dir, &txCell{txid: txid})
	again.run()
	if got := awaitTx(t, desk, txid, node.TxInBlock); got.Block != tip || got.Wtxid != btc.DoubleSHA256(payment) {
		t.Errorf("after a start: %+v", got)
	}
	all, err := desk.All(t.Context())
	if err != nil || len(all) != 1 || all[0].Txid != txid {
		t.Errorf("all: %+v, %v", all, err)
	}
	again.stop()
}

// What cannot be sent is said, and by which kind of error.
func TestSubmitRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, txChain(t, 1), fakepeer.Script{})
	hold := make(chan struct{})
	c := &txCell{txid: btc.Hash{1}}
	desk := w.withTransactions(t.TempDir(), c)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := desk.Submit(gone, payment); !errors.Is(err, context.Canceled) {
		t.Errorf("before the run, by one who does not wait: %v", err)
	}
	w.run()
	got, err := desk.Submit(t.Context(), []byte("malformed"))
	if err != nil || got.State != node.TxMalformed || got.Reason != "truncated" {
		t.Errorf("malformed: %+v, %v", got, err)
	}
	if got, err := desk.Submit(t.Context(), []byte("hangs the parser")); err == nil || got != (adapter.TxResult{}) {
		t.Errorf("a parser that dies: %+v, %v", got, err)
	}
	if _, err := desk.Submit(t.Context(), make([]byte, txstore.MaxTransaction+1)); !errors.Is(err, txstore.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := desk.Submit(t.Context(), make([]byte, txstore.MaxTransaction)); err != nil {
		t.Errorf("as large as may be: %v", err)
	}
	if _, err := desk.Find(t.Context(), btc.Hash{9}); !errors.Is(err, adapter.ErrTxUnknown) {
		t.Errorf("unknown: %v", err)
	}
	c.hold = hold
	waiting, begun := sync.WaitGroup{}, make(chan struct{}, 8)
	for range 8 {
		waiting.Go(func() {
			begun <- struct{}{}
			_, _ = desk.Submit(t.Context(), payment)
		})
	}
	for range 8 {
		<-begun
	}
	limit := time.After(patience)
	for err = nil; !errors.Is(err, adapter.ErrTxBusy); {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err = desk.Submit(ctx, payment)
		cancel()
		select {
		case <-limit:
			t.Fatalf("a ninth at a time: %v", err)
		default:
		}
	}
	close(hold)
	waiting.Wait()
	w.stop()
	if _, err := desk.Submit(t.Context(), payment); !errors.Is(err, adapter.ErrTxStopped) {
		t.Errorf("after the end: %v", err)
	}
}

// A store that is full says so, and nothing is announced that was not kept.
func TestSubmitToFullStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, txChain(t, 1), fakepeer.Script{})
	store, err := txstore.Open(t.TempDir(), txstore.Limits{Count: 1, Bytes: txstore.MaxBytes}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &txCell{}
	desk := adapter.NewTransactions(store, c, 0)
	w.config.Transactions = desk
	w.run()
	for i, want := range []error{nil, txstore.ErrFull} {
		c.txid = btc.Hash{byte(i + 1)}
		if _, err := desk.Submit(t.Context(), fmt.Appendf(nil, "%s%d", payment, i)); !errors.Is(err, want) {
			t.Errorf("number %d: %v, want %v", i, err, want)
		}
	}
	if all, err := desk.All(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%d are known, %v", len(all), err)
	}
	w.stop()
}
