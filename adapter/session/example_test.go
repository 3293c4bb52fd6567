package session_test

import (
	"context"
	"fmt"
	"net"

	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/adapter/session"
	"blockgate/internal/btc"
)

// A session asks a peer for headers, and for the first block that they name.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	peer, err := fakepeer.Listen(ctx, "127.0.0.2:0", fakepeer.First600(), fakepeer.Script{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer peer.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", peer.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	budget, err := link.NewBudget(16<<20, 8<<20) // bytes for the blocks of all sessions
	if err != nil {
		fmt.Println(err)
		return
	}

	events := make(chan session.Event)
	s := session.Start(ctx, conn, session.Config{
		Params: btc.Mainnet.Params(),
		Budget: budget,
		Want:   func(btc.Hash, *btc.Header, int) link.WantAnswer { return link.Wanted },
		Events: func(e session.Event) {
			if b, ok := e.(*session.Block); ok {
				e = &session.Block{Block: b.Block} // the session uses its own again
			}
			events <- e
		},
	})
	genesis := btc.Mainnet.Params().Genesis
	for e := range events {
		switch e := e.(type) {
		case session.Ready:
			fmt.Println("ready:", e.UserAgent, "at height", e.StartHeight)
			err = s.GetHeaders([]btc.Hash{genesis.Hash()}, btc.Hash{})
		case session.Headers:
			fmt.Println(len(e.Headers), "headers")
			err = s.GetData([]btc.Hash{e.Headers[0].Hash()})
		case *session.Block:
			fmt.Println("block", e.Block.Hash, "of", e.Block.Size(), "bytes")
			e.Block.Release()
			s.Close(link.ReasonLocal, "that is enough")
		case session.Closed:
			fmt.Println("closed:", e.Reason, "-", e.Detail)
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// ready: /Satoshi:30.0.0/ at height 599
	// 599 headers
	// block 00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048 of 215 bytes
	// closed: local - that is enough
}
