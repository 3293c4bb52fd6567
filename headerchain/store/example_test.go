package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// A program that keeps its headers from one run to the next.
func Example() {
	dir, err := os.MkdirTemp("", "headers")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the example is over
	now := time.Unix(1<<33, 0)
	for run := range 2 {
		s, err := store.Open(filepath.Join(dir, "headers"), btc.Regtest)
		if err != nil {
			panic(err)
		}
		chain := headerchain.New(btc.Regtest)
		loaded, err := s.Load(func(headers []btc.Header) error {
			_, err := chain.Accept(headers, now) // one branch here
			return err
		})
		if err != nil {
			panic(err)
		}
		fmt.Printf("run %d: %d headers, height %d\n", run, loaded.Headers, chain.Best().Height)
		news := mineOn(chain.Best().Header, 3, 0)
		if _, err := chain.Accept(news, now); err != nil {
			panic(err)
		}
		if err := s.Keep(news); err != nil {
			panic(err)
		}
		if err := s.Close(); err != nil {
			panic(err)
		}
	}
	// Output:
	// run 0: 0 headers, height 0
	// run 1: 3 headers, height 3
}

// mineOn mines headers on regtest, where every second try has its proof of work. mark
// tells siblings apart.
func mineOn(tip btc.Header, count int, mark byte) []btc.Header {
	headers := make([]btc.Header, 0, count)
	limit := btc.Regtest.Params().PowLimit
	for range count {
		fields := btc.HeaderFields{Version: 4, Prev: tip.Hash(), MerkleRoot: btc.Hash{mark}, Time: tip.Time() + 600, Bits: tip.Bits()}
		for tip = fields.Header(); ; tip = fields.Header() {
			if hash := tip.Hash(); limit.Meets(&hash) {
				break
			}
			fields.Nonce++
		}
		headers = append(headers, tip)
	}
	return headers
}
