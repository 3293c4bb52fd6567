package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// rig is a Conn on a pipe, in a synctest bubble, with an engine that reads all.
type rig struct {
	t      *testing.T
	conn   *Conn
	far    net.Conn // the peer's end
	budget *Budget

	mu     sync.Mutex
	blocks []RawBlock
	engine bytes.Buffer // what the engine read
	answer func() WantAnswer
	taken  []string // commands and payloads that Take got
	refuse error    // what Take says
}

// inBubble runs a test with a rig whose handshake is done, and ends the rig.
func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := fakepeer.Pipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}, 256<<10)
		r := &rig{t: t, far: far, budget: newTestBudget(t, 2*MinBudget, MinBudget)}
		r.conn = New(near, Config{
			Magic:     testMagic,
			UserAgent: "/test:1/",
			Budget:    r.budget,
			Want: func(_ btc.Hash, h *btc.Header, _ int) WantAnswer {
				r.mu.Lock()
				defer r.mu.Unlock()
				if r.answer != nil {
					return r.answer()
				}
				return answerBy(h)
			},
			Deliver: func(b RawBlock) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.blocks = append(r.blocks, b)
			},
			Take: func(command Command, payload []byte) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.taken = append(r.taken, command.String()+" "+string(payload))
				return r.refuse
			},
		})
		go r.readAll()
		r.send(handshake())
		test(r)
		r.conn.End(ReasonLocal, "end of test")
		_ = far.Close()
		synctest.Wait()
	})
}

func (r *rig) readAll() {
	buf := make([]byte, 1000)
	for {
		n, err := r.conn.Read(buf)
		r.mu.Lock()
		r.engine.Write(buf[:n])
		r.mu.Unlock()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.t.Errorf("the engine read %v", err)
			}
			return
		}
	}
}

// send sends bytes as the peer, and waits until they have been dealt with.
func (r *rig) send(b []byte) {
	r.t.Helper()
	if _, err := r.far.Write(b); err != nil {
		r.t.Errorf("the peer could not send: %v", err)
	}
	synctest.Wait()
}

func (r *rig) setAnswer(a WantAnswer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func() WantAnswer { return a }
}

func (r *rig) delivered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.blocks)
}

func (r *rig) engineGot(what []byte) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Count(r.engine.Bytes(), what)
}

func (r *rig) wantReason(want Reason) {
	r.t.Helper()
	synctest.Wait()
	if got := ReasonOf(r.conn.Err()); got != want {
		r.t.Errorf("ended by %v, want %s", r.conn.Err(), want)
	}
}

// atAndAfter checks that nothing has happened a moment before d has passed, and
// that the connection has ended for the reason a moment after.
func (r *rig) atAndAfter(d time.Duration, want Reason) {
	r.t.Helper()
	time.Sleep(d - time.Millisecond)
	r.wantReason(ReasonNone)
	time.Sleep(2 * time.Millisecond)
	r.wantReason(want)
}

var substitute = frame("notfound", []byte{0})

func TestIdle(t *testing.T) {
	inBubble(t, func(r *rig) { r.atAndAfter(IdleTimeout, ReasonSilent) })
	inBubble(t, func(r *rig) { // half a header is no sign of life
		time.Sleep(IdleTimeout / 2)
		r.send(frame("ping", make([]byte, 8))[:20])
		r.atAndAfter(IdleTimeout/2, ReasonSilent)
	})
	inBubble(t, func(r *rig) { // a frame is
		time.Sleep(IdleTimeout / 2)
		r.send(frame("whatever", nil))
		r.atAndAfter(IdleTimeout, ReasonSilent)
	})
}

func TestSlowFrame(t *testing.T) {
	tests := []struct {
		name  string
		frame []byte
		have  int // bytes that come
		limit time.Duration
	}{
		{"headers", frame("headers", make([]byte, 81*2000+1)), 1000, 10*time.Second + 8100050*time.Microsecond},
		{"unknown", frame("whatever", make([]byte, 20_000)), 1000, 11 * time.Second},
		{"header of a block", frame("block", blockBytes(Wanted, 1000)), 24 + 79, 10*time.Second + 4*time.Millisecond},
		{"body of a block", frame("block", blockBytes(Wanted, 2_000_080)), 90_000, 110 * time.Second},
		{"body of an unneeded block", frame("block", blockBytes(Unneeded, 2_000_080)), 90_000, 110 * time.Second},
		{"largest block", frame("block", blockBytes(Wanted, MaxPayload)), 90_000, 210*time.Second - 4*time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.send(test.frame[:test.have])
				r.atAndAfter(test.limit, ReasonSlowFrame)
				if r.delivered() != 0 || r.budget.InUse() != 0 {
					t.Errorf("%d blocks delivered, %d bytes in use", r.delivered(), r.budget.InUse())
				}
			})
		})
	}
}

// TestDrip: a peer at just over the least rate gets its block through.
func TestDrip(t *testing.T) {
	inBubble(t, func(r *rig) {
		stream := frame("block", blockBytes(Wanted, 1_000_000))
		for piece := range slices.Chunk(stream, 20_000) {
			r.send(piece)
			time.Sleep(time.Second)
		}
		r.wantReason(ReasonNone)
		if r.delivered() != 1 {
			t.Errorf("%d blocks delivered, want 1", r.delivered())
		}
	})
}

// TestMemoryGrowsWithBytes: a declared length costs budget, but no memory.
func TestMemoryGrowsWithBytes(t *testing.T) {
	inBubble(t, func(r *rig) {
		taken := 0
		r.budget.chunks.New = func() any { taken++; return new([ChunkSize]byte) }
		stream := frame("block", blockBytes(Wanted, MaxPayload))
		sent := 0
		for _, upTo := range []int{24 + 80, 24 + 81, 24 + ChunkSize - 1, 24 + ChunkSize, 24 + ChunkSize + 1, 24 + 5*ChunkSize} {
			r.send(stream[sent:upTo])
			sent = upTo
			size := upTo - 24
			if most := size/ChunkSize + 1; taken > most {
				t.Errorf("%d bytes came, %d chunks are taken, want at most %d", size, taken, most)
			}
		}
		if r.budget.InUse() != MinBudget {
			t.Errorf("%d bytes of budget in use, want %d", r.budget.InUse(), MinBudget)
		}
	})
}

// TestNoClockWhileWaiting: a block that waits an hour for budget is no fault of
// the peer, and the engine hears of it now and then.
func TestNoClockWhileWaiting(t *testing.T) {
	inBubble(t, func(r *rig) {
		full := r.budget.claim(MinBudget, false)
		stream := frame("block", blockBytes(Wanted, 100_000))
		r.send(stream[:200])
		time.Sleep(time.Hour)
		r.wantReason(ReasonNone)
		if n := r.engineGot(substitute); n < 59 || n > 60 {
			t.Errorf("the engine got %d signs of life in an hour, want one a minute", n)
		}
		r.budget.release(full)
		synctest.Wait()
		r.send(stream[200:])
		if r.delivered() != 1 {
			t.Errorf("%d blocks delivered, want 1", r.delivered())
		}
		r.wantReason(ReasonNone)
	})
}

// TestDeadlineAfterWaiting: once it has its budget, the peer's clock runs.
func TestDeadlineAfterWaiting(t *testing.T) {
	inBubble(t, func(r *rig) {
		full := r.budget.claim(MinBudget, false)
		r.send(frame("block", blockBytes(Wanted, 20_080))[:200])
		time.Sleep(time.Hour)
		r.budget.release(full)
		r.atAndAfter(11*time.Second, ReasonSlowFrame)
	})
}

func TestUrgentWhileWaiting(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.budget.claim(MinBudget, false)
		r.send(frame("block", blockBytes(Wanted, 1000)))
		if r.delivered() != 0 {
			t.Fatal("delivered without budget")
		}
		r.setAnswer(Urgent)
		time.Sleep(2 * recheckInterval)
		synctest.Wait()
		if r.delivered() != 1 {
			t.Errorf("%d blocks delivered, want 1 from the reserve", r.delivered())
		}
	})
}

// TestUnneededWhileWaiting: the block came from another peer meanwhile.
func TestUnneededWhileWaiting(t *testing.T) {
	for _, answer := range []WantAnswer{Unneeded, Unasked} {
		inBubble(t, func(r *rig) {
			r.budget.claim(MinBudget, false)
			r.send(frame("block", blockBytes(Wanted, 1000)))
			r.setAnswer(answer)
			time.Sleep(2 * recheckInterval)
			if r.budget.Waiting() != 0 {
				t.Error("the claim still waits")
			}
			r.send(frame("headers", []byte{0}))
			if r.delivered() != 0 || r.engineGot(frame("headers", []byte{0})) != 1 {
				t.Error("want the block skipped and the headers passed")
			}
		})
	}
}

// TestEndWhileWaiting: the claim of a connection that ends goes back.
func TestEndWhileWaiting(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.budget.claim(MinBudget, false)
		r.send(frame("block", blockBytes(Wanted, 1000)))
		if r.budget.Waiting() != 1 {
			t.Fatal("the block does not wait")
		}
		r.conn.End(ReasonSendQueueFull, "")
		synctest.Wait()
		if r.budget.Waiting() != 0 {
			t.Error("the claim still waits")
		}
		r.wantReason(ReasonSendQueueFull)
	})
}

func TestPong(t *testing.T) {
	ping := func(nonce byte) []byte { return frame("ping", bytes.Repeat([]byte{nonce}, 8)) }
	pong := func(nonce byte) []byte { return frame("pong", bytes.Repeat([]byte{nonce}, 8)) }
	// live sends a frame a minute, for the given time.
	live := func(r *rig, d time.Duration, f []byte) {
		for end := time.Now().Add(d); time.Now().Before(end) && r.conn.Err() == nil; {
			time.Sleep(time.Minute)
			_, _ = r.far.Write(f) // refused after the end, of course
			synctest.Wait()
		}
	}
	write := func(r *rig, f []byte) {
		if _, err := r.conn.Write(f); err != nil {
			r.t.Error(err)
		}
	}
	inBubble(t, func(r *rig) { // no answer
		write(r, ping(1))
		live(r, PongTimeout, frame("whatever", nil))
		r.wantReason(ReasonNone)
		live(r, 2*time.Minute, frame("whatever", nil))
		r.wantReason(ReasonNoPong)
	})
	inBubble(t, func(r *rig) { // answers to another ping do not count, nor do later pings
		write(r, ping(1))
		write(r, ping(2))
		live(r, PongTimeout+2*time.Minute, pong(2))
		r.wantReason(ReasonNoPong)
	})
	inBubble(t, func(r *rig) { // an answer, and one that nobody asked for
		write(r, ping(1))
		r.send(pong(1))
		r.send(pong(1))
		live(r, time.Hour, frame("whatever", nil))
		r.wantReason(ReasonNone)
	})
	inBubble(t, func(r *rig) { // we did not read for an hour: the answer may be there
		write(r, ping(1))
		full := r.budget.claim(MinBudget, false)
		r.send(frame("block", blockBytes(Wanted, 1000)))
		time.Sleep(time.Hour)
		r.budget.release(full)
		r.send(pong(1))
		r.wantReason(ReasonNone)
	})
}

// TestBusyEngine: an engine that does not read for an hour is our fault.
func TestBusyEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := fakepeer.Pipe(&net.TCPAddr{}, &net.TCPAddr{}, 1<<20)
		conn := New(near, Config{Magic: testMagic})
		read := func(want []byte) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %x, %v", got, err)
			}
		}
		nonce := []byte("12345678")
		if _, err := far.Write(slices.Concat(handshake(), frame("headers", []byte{0}), frame("pong", nonce))); err != nil {
			t.Error(err)
		}
		read(handshake())
		if _, err := conn.Write(frame("ping", nonce)); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		read(frame("headers", []byte{0}))
		time.Sleep(time.Hour)
		read(frame("pong", nonce))
		conn.End(ReasonLocal, "")
	})
}

func TestWriteTimeout(t *testing.T) {
	inBubble(t, func(r *rig) {
		start := time.Now()
		payload := make([]byte, 50_000)
		var err error
		for err == nil {
			err = r.conn.Inject(CommandOf("getdata"), payload) // nobody reads at the far end
		}
		if got := time.Since(start); got != writeTimeout(frameHeaderSize+len(payload)) || ReasonOf(err) != ReasonWriteTimeout {
			t.Errorf("after %s: %v", got, err)
		}
		r.wantReason(ReasonWriteTimeout)
	})
}

// TestPingsWithoutReading: pongs do not queue up for a peer that does not read.
func TestPingsWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := fakepeer.Pipe(&net.TCPAddr{}, &net.TCPAddr{}, 64)
		conn := New(near, Config{Magic: testMagic})
		go func() { _, _ = far.Write(append(handshake(), bytes.Repeat(frame("ping", make([]byte, 8)), 10)...)) }()
		start := time.Now()
		if _, err := io.ReadAll(conn); err != nil {
			t.Error(err)
		}
		if got := time.Since(start); got != writeTimeout(frameHeaderSize+nonceSize) || ReasonOf(conn.Err()) != ReasonWriteTimeout {
			t.Errorf("after %s: %v", got, conn.Err())
		}
		_ = far.Close()
	})
}

func TestFirstReasonStands(t *testing.T) {
	inBubble(t, func(r *rig) {
		if r.conn.Err() != nil {
			t.Error("ended before it ended")
		}
		r.conn.End(ReasonHandshakeTimeout, "first\n\x1b[31m")
		r.conn.End(ReasonLocal, "second")
		_ = r.conn.Close()
		r.wantReason(ReasonHandshakeTimeout)
		if got := r.conn.Err().Error(); got != `handshake-timeout: first\n\x1b[31m` {
			t.Errorf("got %q: want it printable", got)
		}
		<-r.conn.Done()
	})
	inBubble(t, func(r *rig) {
		_ = r.conn.Close()
		r.wantReason(ReasonProtocol)
	})
}

// TestNothingAfterTheEnd: what was buffered does not reach the engine.
func TestNothingAfterTheEnd(t *testing.T) {
	conn := New(&replay{in: bytes.NewReader(handshake())}, Config{Magic: testMagic})
	one := make([]byte, 1)
	if _, err := conn.Read(one); err != nil {
		t.Fatal(err)
	}
	conn.End(ReasonLocal, "")
	if n, err := conn.Read(one); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v after the end", n, err)
	}
}

func TestCount(t *testing.T) {
	var seen []string
	conn := New(&replay{in: bytes.NewReader(slices.Concat(
		handshake(), frame("addr", make([]byte, 31)), frame("new", nil), frame("tx", make([]byte, 60)),
	))}, Config{Magic: testMagic, Count: func(c Command, v Verdict, n int) {
		seen = append(seen, c.String()+" "+v.String()+" "+strings.Repeat("b", n))
	}})
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	b := strings.Repeat
	want := []string{"version pass " + b("b", 100), "verack pass ", "addr take " + b("b", 31), "new unknown ", "tx ban " + b("b", 60)}
	if !slices.Equal(seen, want) {
		t.Errorf("counted %q, want %q", seen, want)
	}
}

func TestConnAddresses(t *testing.T) {
	conn := New(&replay{}, Config{})
	if conn.LocalAddr().String() != ":1" || conn.RemoteAddr().String() != ":2" {
		t.Errorf("%s, %s", conn.LocalAddr(), conn.RemoteAddr())
	}
	now := time.Now()
	for _, set := range []func(time.Time) error{conn.SetDeadline, conn.SetReadDeadline, conn.SetWriteDeadline} {
		if err := set(now); err != nil {
			t.Error(err)
		}
	}
}
