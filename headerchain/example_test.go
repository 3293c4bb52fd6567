package headerchain_test

import (
	"errors"
	"fmt"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Headers steer what is fetched, proven bodies move the tip.
func Example() {
	c := headerchain.New(btc.Regtest)
	genesis := c.Best().Header
	now := time.Unix(int64(genesis.Time()), 0).Add(time.Hour)

	done, err := c.Accept(branch(genesis, 2, 'a'), now) // from a headers message
	if errors.Is(err, headerchain.ErrTimeTooNew) {
		fmt.Println("ask again later")
	}
	fmt.Println("new headers:", done.New, "best:", c.Best().Height, "complete:", c.BestComplete().Height)

	for wanted := c.Missing(1); len(wanted) > 0; wanted = c.Missing(1) {
		change, err := c.Complete(wanted[0].Hash) // once its body is proven
		if err != nil {
			panic(err)
		}
		fmt.Println("connected:", len(change.Connected), "tip:", change.Tip.Height)
	}

	// Output:
	// new headers: 2 best: 2 complete: 0
	// connected: 1 tip: 1
	// connected: 1 tip: 2
}
