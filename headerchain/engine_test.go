package headerchain_test

import (
	"errors"
	"slices"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// All engines give one answer, whatever the length of a batch, and find a bad header
// at its place.
func TestEnginesAgree(t *testing.T) {
	headers := loadHeaders(t, "mainnet_0-10236.bin.gz")
	for _, e := range headerchain.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			if e.Absent != "" {
				t.Skip(e.Absent)
			}
			c := headerchain.New(btc.Mainnet)
			e.Use(c)
			for at, n := 1, 1; at < len(headers); n++ {
				batch := slices.Clone(headers[at:min(at+n, len(headers))])
				bad := n / 2 % len(batch)
				batch[bad][79] ^= 1 << (n % 8)
				done, err := c.Accept(batch, farFuture)
				var refused *headerchain.HeaderError
				if !errors.As(err, &refused) || refused.Index != bad || done.New != bad || refused.Hash != batch[bad].Hash() {
					t.Fatalf("%d from %d, bad at %d: %+v, %v", n, at, bad, done, err)
				}
				batch[bad] = headers[at+bad]
				if done := mustAccept(t, c, batch...); done.New != len(batch)-bad || done.Last != batch[len(batch)-1].Hash() {
					t.Fatalf("%d from %d: %+v", n, at, done)
				}
				at += len(batch)
			}
			wantBest(t, c, headers[len(headers)-1], btc.Height(len(headers)-1))
		})
	}
}
