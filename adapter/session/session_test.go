package session_test

import (
	"context"
	"testing"
	"time"

	"net"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

func TestSmoke(t *testing.T) {
	chain := fakepeer.First600()
	p, err := fakepeer.Listen(t.Context(), "127.0.0.2:0", chain, fakepeer.Script{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	budget, _ := link.NewBudget(16<<20, 8<<20)
	events := make(chan session.Event, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := session.Start(ctx, conn, session.Config{Network: btc.Mainnet, Budget: budget,
		Want:   func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
		Events: func(e session.Event) { events <- e }})
	n := 0
	for {
		select {
		case e := <-events:
			switch e := e.(type) {
			case session.Ready:
				t.Logf("%+v", e)
				g, _ := chain.At(0)
				s.GetHeaders([]btc.Hash{g}, btc.Hash{})
			case session.Headers:
				var hs []btc.Hash
				for _, h := range e.Headers {
					hs = append(hs, h.Hash())
				}
				if err := s.GetData(hs); err != nil {
					t.Fatal(err)
				}
			case session.Block:
				n++
				e.Block.Release()
				if n == 599 {
					s.Close(link.ReasonLocal, "done")
				}
			case session.Closed:
				t.Log(e, n)
				return
			}
		case <-time.After(5 * time.Second):
			t.Fatal("timeout", n)
		}
	}
}
