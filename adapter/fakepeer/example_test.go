package fakepeer_test

import (
	"context"
	"fmt"

	"blockgate/adapter/fakepeer"
)

// A regtest chain grows, and a branch of it takes over.
func ExampleChain_Fork() {
	chain := fakepeer.NewRegtest(fakepeer.Mining{Seed: 1})
	if err := chain.Mine(10); err != nil {
		fmt.Println(err)
	}
	if err := chain.Fork(8, 3); err != nil { // two blocks go, three come
		fmt.Println(err)
	}
	height, _ := chain.Tip()
	fmt.Println("tip at", height)
	// Output: tip at 11
}

// A peer that sends a block whose body it has cut.
func ExampleListen() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	script := fakepeer.Script{Lie: fakepeer.TruncatedBody, At: 300}
	peer, err := fakepeer.Listen(ctx, "127.0.0.3:0", fakepeer.First600(), script)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer peer.Close()
	fmt.Println(script.Lie, "on", peer.Addr().Addr())
	// Output: truncated-body on 127.0.0.3
}
