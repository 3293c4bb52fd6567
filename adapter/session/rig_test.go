package session

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

const budgetBytes = 16 << 20

func newBudget(tb testing.TB) *link.Budget {
	tb.Helper()
	b, err := link.NewBudget(budgetBytes, budgetBytes/2)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// recorder keeps the events of a session and checks their order.
type recorder struct {
	t      testing.TB
	budget *link.Budget

	mu     sync.Mutex
	events []Event
	bodies map[btc.Hash][]byte
	hook   func(Event) // called with each event, before it is kept
}

func newRecorder(tb testing.TB) *recorder {
	tb.Helper()
	return &recorder{t: tb, budget: newBudget(tb), bodies: map[btc.Hash][]byte{}}
}

func (r *recorder) config(network btc.Network) Config {
	return Config{
		Params: network.Params(),
		Budget: r.budget,
		Want:   func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
		Events: r.event,
	}
}

func (r *recorder) event(e Event) {
	if r.hook != nil {
		r.hook(e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.events); n > 0 {
		if _, over := r.events[n-1].(Closed); over {
			r.t.Errorf("%T after Closed", e)
		}
		if _, ready := e.(Ready); ready {
			r.t.Error("Ready is not the first event")
		}
	} else if _, block := e.(*Block); block {
		r.t.Error("Block is the first event")
	}
	if b, ok := e.(*Block); ok {
		e = &Block{b.Block} // the session's is used again
		body := make([]byte, b.Block.Size())
		b.Block.CopyTo(body)
		if sha256.Sum256(body) != b.Block.Sum() {
			r.t.Errorf("block %s: wrong sum", b.Block.Hash)
		}
		r.bodies[b.Block.Hash] = body
		b.Block.Release()
	}
	r.events = append(r.events, e)
}

// only returns the events of one type.
func only[E Event](r *recorder) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []E
	for _, e := range r.events {
		if x, ok := e.(E); ok {
			out = append(out, x)
		}
	}
	return out
}

func (r *recorder) body(hash btc.Hash) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies[hash]
}

// closed returns how the session ended: the zero Closed if it has not.
func (r *recorder) closed() Closed {
	all := only[Closed](r)
	if len(all) > 1 {
		r.t.Errorf("%d times Closed", len(all))
	}
	if len(all) == 0 {
		return Closed{}
	}
	return all[0]
}

func pipe() (near, far net.Conn) {
	return fakepeer.Pipe(
		&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 50000}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 18444}, 256<<10)
}

// table is a session with a fakepeer at the other end, in a synctest bubble.
type table struct {
	*recorder
	s     *Session
	peer  *fakepeer.Peer
	chain *fakepeer.Chain
}

// withPeer runs a test in a bubble, after the handshake if there is one.
func withPeer(t *testing.T, chain *fakepeer.Chain, script fakepeer.Script, test func(*table)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		chain := chain.Clone() // its channel must be of this bubble
		p, err := fakepeer.New(chain, script)
		if err != nil {
			t.Fatal(err)
		}
		near, far := pipe()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = p.Serve(ctx, far)
		}()
		r := newRecorder(t)
		s := Start(ctx, near, r.config(chain.Network()))
		synctest.Wait()
		test(&table{r, s, p, chain})
		cancel()
		<-s.Done()
		<-served
		if r.closed() == (Closed{}) {
			t.Error("the session ended without Closed")
		}
		if n := r.budget.InUse(); n != 0 {
			t.Errorf("%d bytes of budget in use at the end", n)
		}
	})
}

// hashes returns the hashes of a chain at heights from to to.
func (tb *table) hashes(from, to btc.Height) []btc.Hash {
	var out []btc.Hash
	for h := from; h <= to; h++ {
		hash, ok := tb.chain.At(h)
		if !ok {
			tb.t.Fatalf("no block at height %d", h)
		}
		out = append(out, hash)
	}
	return out
}

// ask asks for the first n blocks after genesis.
func (tb *table) ask(n btc.Height) {
	tb.t.Helper()
	if err := tb.s.GetData(tb.hashes(1, n)); err != nil {
		tb.t.Errorf("getdata: %v", err)
	}
	synctest.Wait()
}

func (tb *table) wantReason(want link.Reason) {
	tb.t.Helper()
	synctest.Wait()
	if got := tb.closed(); got.Reason != want {
		tb.t.Errorf("closed by %s (%s), want %s", got.Reason, got.Detail, want)
	}
}

// regtest returns a mined chain.
func regtest(tb testing.TB, blocks int) *fakepeer.Chain {
	tb.Helper()
	c := fakepeer.NewRegtest(fakepeer.Mining{Seed: 7})
	if err := c.Mine(blocks); err != nil {
		tb.Fatal(err)
	}
	return c
}

// hand is the far end of a session, moved by hand.
type hand struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// byHand runs a test in a bubble, on regtest, before the handshake. remote is
// what the session believes to talk to.
func byHand(t *testing.T, remote string, change func(*Config), test func(*recorder, *Session, *hand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		addr, err := net.ResolveTCPAddr("tcp", remote)
		if err != nil {
			t.Fatal(err)
		}
		near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, addr, 256<<10)
		r := newRecorder(t)
		cfg := r.config(btc.Regtest)
		if change != nil {
			change(&cfg)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := Start(ctx, near, cfg)
		test(r, s, &hand{t, far, bufio.NewReader(far)})
		cancel()
		<-s.Done()
		_ = far.Close()
	})
}

func (h *hand) send(command string, payload []byte) {
	h.t.Helper()
	if _, err := h.conn.Write(frame(command, payload)); err != nil {
		h.t.Errorf("send %s: %v", command, err)
	}
	synctest.Wait()
}

func frame(command string, payload []byte) []byte {
	f := binary.LittleEndian.AppendUint32(nil, btc.Regtest.Params().Magic)
	f = append(f, command...)
	f = append(f, make([]byte, 12-len(command))...)
	f = binary.LittleEndian.AppendUint32(f, uint32(len(payload)))
	sum := btc.DoubleSHA256(payload)
	f = append(f, sum[:4]...)
	return append(f, payload...)
}

// receive reads the next frame of the session.
func (h *hand) receive() (command string, payload []byte) {
	h.t.Helper()
	if err := h.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		h.t.Fatal(err)
	}
	var head [24]byte
	if _, err := io.ReadFull(h.in, head[:]); err != nil {
		return "", nil
	}
	payload = make([]byte, binary.LittleEndian.Uint32(head[16:]))
	if _, err := io.ReadFull(h.in, payload); err != nil {
		h.t.Errorf("half a frame: %v", err)
	}
	return string(bytes.TrimRight(head[4:16], "\x00")), payload
}

// version is a version payload.
func version(number uint32, services uint64, userAgent string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, number)
	b = binary.LittleEndian.AppendUint64(b, services)
	b = append(b, make([]byte, 8+26+26)...)
	b = append(b, "nonceabc"...)
	b = btc.AppendCompactSize(b, uint64(len(userAgent)))
	b = append(b, userAgent...)
	b = binary.LittleEndian.AppendUint32(b, 321)
	return append(b, 1)
}

func (h *hand) handshake() {
	h.send("version", version(70016, 9, "/hand/"))
	h.send("verack", nil)
}

// drain throws away what the session has sent so far.
func (h *hand) drain() {
	for command, _ := h.receive(); command != ""; {
		command, _ = h.receive()
	}
}
