package session

import (
	"bytes"
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// TestLies lets each kind of peer answer for ten blocks and checks what reaches
// us and how it ends.
func TestLies(t *testing.T) {
	tests := []struct {
		script fakepeer.Script
		blocks int // that arrive
		false  int // of these, how many have other bytes than the chain
		reason link.Reason
	}{
		{fakepeer.Script{Lie: fakepeer.Honest}, 10, 0, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.DoubledLastTx}, 10, 1, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.TruncatedBody, At: 585}, 10, 1, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.WrongBody}, 10, 10, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.UnsolicitedTx}, 0, 0, link.ReasonUnrequestedTx},
		{fakepeer.Script{Lie: fakepeer.BadChecksum, At: 585}, 4, 0, link.ReasonBadChecksum},
		{fakepeer.Script{Lie: fakepeer.WrongMagic, At: 585}, 4, 0, link.ReasonWrongMagic},
		{fakepeer.Script{Lie: fakepeer.Oversize, At: 585}, 4, 0, link.ReasonOversize},
		{fakepeer.Script{Lie: fakepeer.HalfBlock, At: 585}, 4, 0, link.ReasonRemoteClosed},
		{fakepeer.Script{Lie: fakepeer.Slow, Delay: 9 * time.Second}, 10, 0, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.Slow, Delay: 11 * time.Second, At: 585}, 4, 0, link.ReasonSlowFrame},
		{fakepeer.Script{Lie: fakepeer.Withhold, At: 585}, 4, 0, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.NotFound, At: 585}, 9, 0, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.UnaskedBlocks}, 0, 0, link.ReasonUnaskedBlocks},
		{fakepeer.Script{Lie: fakepeer.AppendedBody, At: 585, Appended: []byte("more")}, 10, 6, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.UnknownCommands}, 10, 0, link.ReasonNone},
		{fakepeer.Script{Lie: fakepeer.Garbage}, 0, 0, link.ReasonWrongMagic},
		{fakepeer.Script{Lie: fakepeer.PingFlood}, 0, 0, link.ReasonPingFlood},
		{fakepeer.Script{Lie: fakepeer.Mute}, 0, 0, link.ReasonHandshakeTimeout},
		{fakepeer.Script{Lie: fakepeer.NoServices}, 0, 0, link.ReasonMissingServices},
	}
	tried := map[fakepeer.Lie]bool{}
	chain := fakepeer.First600()
	for _, test := range tests {
		tried[test.script.Lie] = true
		t.Run(test.script.Lie.String(), func(t *testing.T) {
			withPeer(t, chain, test.script, func(tb *table) {
				if err := tb.s.GetData(tb.hashes(581, 590)); err != nil &&
					!errors.Is(err, ErrEnded) && !errors.Is(err, ErrNotReady) {
					t.Error(err)
				}
				time.Sleep(3 * time.Minute)
				tb.wantReason(test.reason)
				wrong := 0
				for _, b := range only[*Block](tb.recorder) {
					raw, _, _ := chain.Block(b.Block.Hash)
					if !bytes.Equal(raw, tb.body(b.Block.Hash)) {
						wrong++
					}
				}
				if got := len(only[*Block](tb.recorder)); got != test.blocks || wrong != test.false {
					t.Errorf("%d blocks came, %d of them false, want %d and %d", got, wrong, test.blocks, test.false)
				}
			})
		})
	}
	for _, lie := range fakepeer.Lies() {
		if !tried[lie] {
			t.Errorf("%s is not tried", lie)
		}
	}
}

func TestHeaders(t *testing.T) {
	chain := regtest(t, 2010)
	withPeer(t, chain, fakepeer.Script{}, func(tb *table) {
		for _, from := range []btc.Height{0, 2000, 2010} {
			locator := tb.hashes(from, from)
			if err := tb.s.GetHeaders(append([]btc.Hash{{1}}, locator...), btc.Hash{}); err != nil {
				t.Error(err)
			}
		}
		if err := tb.s.GetHeaders(nil, tb.hashes(3, 3)[0]); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		got := only[Headers](tb.recorder)
		if len(got) != 4 {
			t.Fatalf("%d headers messages, want 4", len(got))
		}
		for i, want := range [][2]btc.Height{{1, 2000}, {2001, 2010}, {1, 0}, {1, 3}} {
			var hashes []btc.Hash
			for _, h := range got[i].Headers {
				hashes = append(hashes, h.Hash())
			}
			if !slices.Equal(hashes, tb.hashes(want[0], want[1])) {
				t.Errorf("message %d has %d headers, want heights %d to %d", i, len(hashes), want[0], want[1])
			}
		}
	})
}

// TestAnnouncements: we asked for headers, so new blocks come as such, and as inv
// when they are many.
func TestAnnouncements(t *testing.T) {
	withPeer(t, regtest(t, 3), fakepeer.Script{}, func(tb *table) {
		chain := tb.chain
		mine := func(change func() error) {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		mine(func() error { return chain.Mine(1) })
		mine(func() error { return chain.Mine(8) })
		mine(func() error { return chain.Fork(10, 4) })
		got := only[Headers](tb.recorder)
		if len(got) != 3 || len(got[0].Headers) != 1 || len(got[1].Headers) != 8 || len(got[2].Headers) != 4 {
			t.Fatalf("got %d messages", len(got))
		}
		mine(func() error { return chain.Mine(9) })
		_, tip := chain.Tip()
		if got := only[BlockInv](tb.recorder); len(got) != 1 || !slices.Equal(got[0].Hashes, []btc.Hash{tip}) {
			t.Errorf("got %v, want an inv of %s", got, tip)
		}
	})
}

func TestNotFound(t *testing.T) {
	withPeer(t, regtest(t, 3), fakepeer.Script{}, func(tb *table) {
		strange := btc.Hash{1, 2, 3}
		if err := tb.s.GetData([]btc.Hash{strange}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := only[NotFound](tb.recorder); len(got) != 1 || !slices.Equal(got[0].Hashes, []btc.Hash{strange}) {
			t.Errorf("got %v", got)
		}
	})
}

// TestNotFoundOfOthers: only what we asked for counts, each once, blocks only.
func TestNotFoundOfOthers(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, s *Session, h *hand) {
		h.handshake()
		asked := btc.Hash{7}
		if err := s.GetData([]btc.Hash{asked}); err != nil {
			t.Error(err)
		}
		h.send("notfound", getDataPayload([]btc.Hash{{8}}))
		h.send("notfound", []byte{0})
		both := getDataPayload([]btc.Hash{asked, asked})
		both[1], both[4] = 1, 0 // the first is said to be a transaction
		h.send("notfound", both)
		h.send("notfound", both)
		if got := only[NotFound](r); len(got) != 1 || !slices.Equal(got[0].Hashes, []btc.Hash{asked}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestInv(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
		h.handshake()
		h.send("inv", []byte{0})
		entry := func(kind, hash byte) []byte {
			e := append([]byte{kind, 0, 0, 0}, make([]byte, 32)...)
			e[4] = hash
			return e
		}
		h.send("inv", append([]byte{1}, entry(1, 1)...)) // a transaction
		h.send("inv", slices.Concat([]byte{4}, entry(1, 1), entry(2, 2), entry(4, 3), entry(2, 4)))
		if got := only[BlockInv](r); len(got) != 1 || !slices.Equal(got[0].Hashes, []btc.Hash{{2}, {4}}) {
			t.Errorf("got %v", got)
		}
	})
}

// TestLateBlocks: a block that we asked for once comes through however late, a
// second copy is unasked.
func TestLateBlocks(t *testing.T) {
	chain := regtest(t, 1)
	hash, _ := chain.At(1)
	raw, _, _ := chain.Block(hash)
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, s *Session, h *hand) {
		h.handshake()
		h.drain()
		h.send("block", raw) // unasked
		if err := s.GetData([]btc.Hash{hash, hash}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if command, payload := h.receive(); command != "getdata" || !bytes.Equal(payload[1:37], append([]byte{2, 0, 0, 0x40}, hash[:]...)) {
			t.Errorf("got %s %x", command, payload)
		}
		for range 20 { // answers pings and no more
			time.Sleep(time.Minute)
			if command, nonce := h.receive(); command == "ping" {
				h.send("pong", nonce)
			}
		}
		h.send("block", raw)
		h.send("block", raw)
		if got := len(only[*Block](r)); got != 1 {
			t.Errorf("%d blocks came, want 1", got)
		}
		for range link.MaxUnaskedBlocks {
			h.send("block", raw)
		}
		if got := r.closed(); got.Reason != link.ReasonUnaskedBlocks {
			t.Errorf("closed by %+v", got)
		}
	})
}

// TestUnneeded: a block that came from elsewhere is no fault, however often.
func TestUnneeded(t *testing.T) {
	chain := regtest(t, 50)
	withPeer(t, chain, fakepeer.Script{}, func(tb *table) {
		tb.s.cfg.Want = func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Unneeded }
		tb.ask(50)
		tb.wantReason(link.ReasonNone)
		if n := len(only[*Block](tb.recorder)); n != 0 {
			t.Errorf("%d blocks came", n)
		}
		if sent := tb.peer.Stats().Sent; sent != 50 {
			t.Errorf("the peer sent %d, want 50", sent)
		}
	})
}

func TestRequestLimits(t *testing.T) {
	withPeer(t, regtest(t, 1), fakepeer.Script{}, func(tb *table) {
		for _, test := range []struct {
			n    int
			want error
		}{{0, nil}, {1, nil}, {MaxLocator - 1, nil}, {MaxLocator, nil}, {MaxLocator + 1, ErrTooMany}} {
			if err := tb.s.GetHeaders(make([]btc.Hash, test.n), btc.Hash{}); !errors.Is(err, test.want) {
				t.Errorf("locator of %d: %v", test.n, err)
			}
			synctest.Wait()
		}
		for _, test := range []struct {
			n    int
			want error
		}{{0, nil}, {1, nil}, {MaxGetData - 1, nil}, {MaxGetData, nil}, {MaxGetData + 1, ErrTooMany}} {
			if err := tb.s.GetData(make([]btc.Hash, test.n)); !errors.Is(err, test.want) {
				t.Errorf("getdata of %d: %v", test.n, err)
			}
			synctest.Wait()
		}
		tb.wantReason(link.ReasonNone)
		tb.s.Close(link.ReasonLocal, "enough")
		if err := tb.s.GetData(tb.hashes(1, 1)); !errors.Is(err, ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
	})
	byHand(t, "10.0.0.2:18444", nil, func(_ *recorder, s *Session, _ *hand) {
		if err := s.GetHeaders(nil, btc.Hash{}); !errors.Is(err, ErrNotReady) {
			t.Errorf("before the handshake: %v", err)
		}
	})
}

// TestSendQueue: a peer that does not read costs a bounded queue, and no caller
// any time.
func TestSendQueue(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, s *Session, h *hand) {
		h.handshake()
		start := time.Now()
		var err error
		n := 0
		for ; err == nil; n++ {
			err = s.GetData(make([]btc.Hash, MaxGetData))
			synctest.Wait()
		}
		if !errors.Is(err, ErrEnded) || time.Since(start) != 0 {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		if n < maxQueued {
			t.Errorf("only %d requests fit", n)
		}
		if got := r.closed(); got.Reason != link.ReasonSendQueueFull {
			t.Errorf("closed by %+v", got)
		}
	})
}

// TestEmptyVectors (W10): what has a count may have none, and means nothing then.
func TestEmptyVectors(t *testing.T) {
	for _, command := range []string{"headers", "inv", "notfound", "addr", "addrv2", "getdata", "getblocktxn"} {
		byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
			h.handshake()
			h.send(command, []byte{0})
			h.send("ping", []byte("12345678"))
			if got := r.closed(); got != (Closed{}) {
				t.Errorf("an empty %s: closed by %+v", command, got)
			}
			if n := len(only[BlockInv](r)) + len(only[NotFound](r)) + len(only[Addrs](r)); n != 0 {
				t.Errorf("an empty %s: %d events", command, n)
			}
			if want := command == "headers"; (len(only[Headers](r)) == 1) != want { // an answer: nothing more is known
				t.Errorf("an empty %s: %d headers messages", command, len(only[Headers](r)))
			}
		})
	}
}

// TestMalformed (W08, W11, W18): each ends the connection with what was wrong.
func TestMalformed(t *testing.T) {
	tests := []struct {
		name, command string
		payload       []byte
	}{
		{"headers shorter than said", "headers", append([]byte{2}, make([]byte, 81)...)},
		{"headers with transactions", "headers", append(append([]byte{1}, make([]byte, 80)...), 1)},
		{"headers with bytes behind", "headers", []byte{0, 0}},
		{"inv without entries", "inv", []byte{0xfd}},
		{"notfound with bytes behind", "notfound", append(getDataPayload([]btc.Hash{{1}}), 0)},
		{"count not canonical", "inv", []byte{0xfd, 0, 0}},
		{"count of 2^64-1", "headers", []byte{255, 255, 255, 255, 255, 255, 255, 255, 255}},
	}
	for _, test := range tests {
		for _, remote := range []string{"10.0.0.2:18444", "127.0.0.1:18444"} { // btcd excuses the latter on regtest
			t.Run(test.name, func(t *testing.T) {
				byHand(t, remote, nil, func(r *recorder, _ *Session, h *hand) {
					h.handshake()
					h.drain()
					h.send(test.command, test.payload)
					if got := r.closed(); got.Reason != link.ReasonMalformed || got.Detail == "" {
						t.Errorf("closed by %+v", got)
					}
					if command, _ := h.receive(); command != "" {
						t.Errorf("we sent %s", command)
					}
				})
			})
		}
	}
}

// TestPings: we ping every two minutes, answer pings, and leave those who are
// silent.
func TestPings(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
		h.handshake()
		h.drain()
		h.send("ping", []byte("abcdefgh"))
		if command, payload := h.receive(); command != "pong" || string(payload) != "abcdefgh" {
			t.Errorf("got %s %q", command, payload)
		}
		time.Sleep(2 * time.Minute)
		if command, _ := h.receive(); command != "ping" {
			t.Errorf("after two minutes came %q", command)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := r.closed(); got.Reason != link.ReasonSilent {
			t.Errorf("closed by %+v", got)
		}
	})
}

func TestEnds(t *testing.T) {
	chain := regtest(t, 5)
	t.Run("by the peer", func(t *testing.T) {
		byHand(t, "10.0.0.2:18444", nil, func(r *recorder, s *Session, h *hand) {
			h.handshake()
			_ = h.conn.Close()
			<-s.Done()
			if got := r.closed(); got.Reason != link.ReasonRemoteClosed {
				t.Errorf("closed by %+v", got)
			}
		})
	})
	t.Run("by context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe()
			r := newRecorder(t)
			ctx, cancel := context.WithCancel(t.Context())
			s := Start(ctx, near, r.config(btc.Regtest))
			cancel()
			<-s.Done()
			_ = far.Close()
			if got := r.closed(); got != (Closed{Reason: link.ReasonLocal}) {
				t.Errorf("closed by %+v", got)
			}
		})
	})
	t.Run("from within an event", func(t *testing.T) {
		withPeer(t, chain, fakepeer.Script{}, func(tb *table) {
			tb.hook = func(e Event) {
				if _, ok := e.(*Block); ok {
					tb.s.Close(link.ReasonLocal, "seen\nenough")
				}
			}
			tb.ask(5)
			<-tb.s.Done()
			if got := tb.closed(); got != (Closed{link.ReasonLocal, `seen\nenough`}) {
				t.Errorf("closed by %+v", got)
			}
			if n := len(only[*Block](tb.recorder)); n != 1 {
				t.Errorf("%d blocks after the end", n-1)
			}
		})
	})
}

// TestSlowConsumer: an hour in which we take no event costs the peer nothing, and
// no memory either.
func TestSlowConsumer(t *testing.T) {
	chain := regtest(t, 200)
	withPeer(t, chain, fakepeer.Script{}, func(tb *table) {
		waits := 0
		tb.hook = func(e Event) {
			if _, ok := e.(*Block); ok && waits == 0 {
				waits++
				time.Sleep(time.Hour)
			}
		}
		tb.ask(200)
		time.Sleep(30 * time.Minute)
		if n := tb.budget.InUse(); n != budgetBytes/2 || tb.budget.Waiting() != 1 {
			t.Errorf("%d bytes of budget in use, %d blocks wait", n, tb.budget.Waiting())
		}
		time.Sleep(31 * time.Minute)
		tb.wantReason(link.ReasonNone)
		if n := len(only[*Block](tb.recorder)); n != 200 {
			t.Errorf("%d blocks came, want 200", n)
		}
	})
}

// TestNothingAfterClose: what waits for its turn when we leave is not told.
func TestNothingAfterClose(t *testing.T) {
	withPeer(t, regtest(t, 5), fakepeer.Script{}, func(tb *table) {
		tb.hook = func(e Event) {
			if _, ok := e.(*Block); ok {
				time.Sleep(time.Second)
				tb.s.Close(link.ReasonLocal, "")
			}
		}
		tb.ask(1)
		if err := tb.chain.Mine(1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // headers came and wait behind the block
		<-tb.s.Done()
		if h, b := len(only[Headers](tb.recorder)), len(only[*Block](tb.recorder)); h != 0 || b != 1 {
			t.Errorf("%d headers and %d blocks told", h, b)
		}
	})
}

// TestEndWhileEventWaits: Closed waits for the event before it.
func TestEndWhileEventWaits(t *testing.T) {
	withPeer(t, regtest(t, 5), fakepeer.Script{}, func(tb *table) {
		tb.hook = func(e Event) {
			if _, ok := e.(*Block); ok {
				time.Sleep(time.Minute)
			}
		}
		tb.ask(5)
		tb.s.Close(link.ReasonLocal, "")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := tb.closed(); got != (Closed{}) {
			t.Errorf("closed too early: %+v", got)
		}
		<-tb.s.Done()
	})
}

// TestHour keeps fifty sessions busy for a virtual hour.
func TestHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := regtest(t, 3)
		ctx, cancel := context.WithCancel(t.Context())
		var sessions []*Session
		var recorders []*recorder
		for range 50 {
			p, err := fakepeer.New(chain, fakepeer.Script{})
			if err != nil {
				t.Fatal(err)
			}
			near, far := pipe()
			go func() { _ = p.Serve(ctx, far) }()
			r := newRecorder(t)
			sessions = append(sessions, Start(ctx, near, r.config(btc.Regtest)))
			recorders = append(recorders, r)
		}
		for range 60 {
			time.Sleep(time.Minute)
			if err := chain.Mine(1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			_, tip := chain.Tip()
			for _, s := range sessions {
				if err := s.GetData([]btc.Hash{tip}); err != nil {
					t.Error(err)
				}
			}
		}
		synctest.Wait()
		for _, r := range recorders {
			if h, b := len(only[Headers](r)), len(only[*Block](r)); h != 60 || b != 60 || r.closed() != (Closed{}) {
				t.Fatalf("%d headers, %d blocks, %+v", h, b, r.closed())
			}
		}
		cancel()
		for _, s := range sessions {
			<-s.Done()
		}
	})
}

func dial(tb testing.TB, p *fakepeer.Peer) net.Conn {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(tb.Context(), "tcp", p.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return conn
}

// TestSyncOverTCP takes the first 600 blocks of mainnet from a real socket.
func TestSyncOverTCP(t *testing.T) {
	chain := fakepeer.First600()
	p, err := fakepeer.Listen(t.Context(), "127.0.0.2:0", chain, fakepeer.Script{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := newRecorder(t)
	var s *Session
	started := make(chan struct{})
	finished := make(chan struct{})
	blocks := 0
	r.hook = func(e Event) {
		<-started
		switch e := e.(type) {
		case Ready:
			if err := s.GetHeaders(nil, btc.Hash{}); err != nil {
				t.Error(err)
			}
		case Headers:
			var hashes []btc.Hash
			for _, h := range e.Headers {
				hashes = append(hashes, h.Hash())
			}
			if err := s.GetData(hashes); err != nil {
				t.Error(err)
			}
		case *Block:
			if blocks++; blocks == 599 {
				close(finished)
			}
		}
	}
	s = Start(t.Context(), dial(t, p), r.config(btc.Mainnet))
	close(started)
	select {
	case <-finished:
	case <-s.Done():
		t.Errorf("ended early: %+v", r.closed())
	}
	s.Close(link.ReasonLocal, "")
	<-s.Done()
	for h := btc.Height(1); h < 600; h++ {
		hash, _ := chain.At(h)
		raw, _, _ := chain.Block(hash)
		if !bytes.Equal(raw, r.body(hash)) {
			t.Fatalf("block %d differs", h)
		}
	}
}

// TestNoGoroutineStays ends 200 busy sessions in the middle of everything.
func TestNoGoroutineStays(t *testing.T) {
	chain := fakepeer.First600()
	before := runtime.NumGoroutine()
	p, err := fakepeer.Listen(t.Context(), "127.0.0.2:0", chain, fakepeer.Script{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		r := newRecorder(t)
		var s *Session
		started := make(chan struct{})
		seen := 0
		r.hook = func(e Event) {
			<-started
			switch e := e.(type) {
			case Ready:
				_ = s.GetHeaders(nil, btc.Hash{})
			case Headers:
				for _, h := range e.Headers {
					_ = s.GetData([]btc.Hash{h.Hash()}) // too many at once for some
				}
			}
			if seen++; seen == i%40 {
				s.Close(link.ReasonLocal, "")
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		s = Start(ctx, dial(t, p), r.config(btc.Mainnet))
		close(started)
		if i%40 == 0 {
			cancel()
		}
		<-s.Done()
		cancel()
	}
	p.Close()
	for wait := range 100 { // goroutines that are done need a moment to be gone
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		<-time.After(time.Duration(wait) * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}
