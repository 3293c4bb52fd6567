package fakepeer_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

// stage keeps honest peers from going past a height before every liar was asked
// for the block that it lies about. It is the recipe of the demo.
type stage struct {
	from btc.Height

	mu      sync.Mutex
	waiting int // liars that have not been asked
	ready   chan struct{}
}

func (s *stage) liarAsked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		close(s.ready)
	}
}

// honest is the gate of an honest peer.
func (s *stage) honest(ctx context.Context, height btc.Height, _ btc.Hash) {
	if height < s.from {
		return
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
	}
}

// liar returns the gate of a liar that lies at one height.
func (s *stage) liar(at btc.Height) func(context.Context, btc.Height, btc.Hash) {
	var once sync.Once
	return func(_ context.Context, height btc.Height, _ btc.Hash) {
		if height == at {
			once.Do(s.liarAsked)
		}
	}
}

// client is a session that asks a peer for all 599 blocks.
type client struct {
	s      *session.Session
	mu     sync.Mutex
	blocks int
	all    chan struct{} // closed with the 599th block
	ended  session.Closed
	over   chan struct{} // closed once ended is there
}

func connect(t *testing.T, ctx context.Context, peer *fakepeer.Peer, budget *link.Budget) *client {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", peer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{all: make(chan struct{}), over: make(chan struct{})}
	events := make(chan session.Event, 1)
	c.s = session.Start(ctx, conn, session.Config{
		Params: btc.Mainnet.Params(),
		Manual: true,
		Budget: budget,
		Want:   func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
		Events: func(e session.Event) {
			if b, ok := e.(*session.Block); ok {
				e = &session.Block{Block: b.Block} // the session uses its own again
			}
			events <- e
		},
	})
	go func() {
		for e := range events {
			c.take(t, e)
			if _, over := e.(session.Closed); over {
				return
			}
		}
	}()
	return c
}

func (c *client) take(t *testing.T, e session.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch e := e.(type) {
	case session.Ready:
		genesis := btc.Mainnet.Params().Genesis
		err = c.s.GetHeaders([]btc.Hash{genesis.Hash()}, btc.Hash{})
	case session.Headers:
		var hashes []btc.Hash
		for _, h := range e.Headers {
			hashes = append(hashes, h.Hash())
		}
		err = c.s.GetData(hashes)
	case *session.Block:
		e.Block.Release()
		if c.blocks++; c.blocks == 599 {
			close(c.all)
		}
	case session.Closed:
		c.ended = e
		close(c.over)
	}
	if err != nil {
		t.Error(err)
	}
}

func (c *client) state() (blocks int, ended session.Closed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks, c.ended
}

// TestStage plays the demo's cast over TCP: two honest peers and four liars, on
// an address each. No honest peer finishes before every liar was asked.
func TestStage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	chain := fakepeer.First600()
	st := &stage{from: 560, waiting: 4, ready: make(chan struct{})}
	budget, err := link.NewBudget(64<<20, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	listen := func(addr string, script fakepeer.Script) *fakepeer.Peer {
		peer, err := fakepeer.Listen(ctx, addr, chain, script)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(peer.Close)
		return peer
	}
	honest := []*fakepeer.Peer{
		listen("127.0.0.2:0", fakepeer.Script{Gate: st.honest}),
		listen("127.0.0.3:0", fakepeer.Script{Gate: st.honest}),
	}
	liars := []fakepeer.Script{
		{Lie: fakepeer.DoubledLastTx, Gate: st.liar(586)},
		{Lie: fakepeer.TruncatedBody, At: 570, Gate: st.liar(570)},
		{Lie: fakepeer.WrongBody, At: 575, Gate: st.liar(575)},
		{Lie: fakepeer.UnsolicitedTx, Gate: st.liar(1)}, // its lie comes with the first request
	}
	var good []*client
	for _, peer := range honest {
		good = append(good, connect(t, ctx, peer, budget))
	}
	for _, c := range good { // they get this far, and no further
		for blocks := 0; blocks < 559; blocks, _ = c.state() {
			select {
			case <-ctx.Done():
				t.Fatalf("%d blocks", blocks)
			case <-time.After(time.Millisecond):
			}
		}
	}
	var bad []*client
	for i, script := range liars {
		for _, c := range good {
			if blocks, _ := c.state(); blocks != 559 {
				t.Errorf("an honest peer is at block %d before liar %d is asked", blocks, i)
			}
		}
		bad = append(bad, connect(t, ctx, listen("127.0.0."+string(rune('4'+i))+":0", script), budget))
		if script.Lie == fakepeer.UnsolicitedTx {
			<-bad[i].over
		} else {
			<-bad[i].all
		}
	}
	for _, c := range good {
		<-c.all
	}
	if _, ended := bad[3].state(); ended.Reason != link.ReasonUnrequestedTx {
		t.Errorf("the sender of a tx was left for %+v", ended)
	}
	cancel()
	for i, c := range append(good, bad[:3]...) {
		<-c.s.Done()
		if blocks, _ := c.state(); blocks != 599 {
			t.Errorf("client %d got %d blocks", i, blocks)
		}
	}
}
