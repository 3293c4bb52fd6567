package headerchain_test

import (
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// farFuture is a clock for tests that do not mind the time: every header fits.
var farFuture = time.Unix(1<<33, 0)

// mine tries nonces until the header has its proof of work: two tries on regtest.
func mine(fields btc.HeaderFields) btc.Header {
	target, err := btc.TargetFromCompact(fields.Bits)
	if err != nil {
		panic(err)
	}
	for ; ; fields.Nonce++ {
		header := fields.Header()
		if hash := header.Hash(); target.Meets(&hash) {
			return header
		}
	}
}

// spoil tries nonces until the header has no proof of work.
func spoil(fields btc.HeaderFields) btc.Header {
	target, err := btc.TargetFromCompact(fields.Bits)
	if err != nil {
		panic(err)
	}
	for ; ; fields.Nonce++ {
		header := fields.Header()
		if hash := header.Hash(); !target.Meets(&hash) {
			return header
		}
	}
}

// child returns the fields of a valid child of header, ten minutes later, on a
// network or at a height where the target does not change. mark tells siblings
// apart.
func child(header *btc.Header, mark byte) btc.HeaderFields {
	return btc.HeaderFields{
		Version: 4, Prev: header.Hash(), MerkleRoot: btc.Hash{mark},
		Time: header.Time() + btc.BlockSpacing, Bits: header.Bits(),
	}
}

// branch mines count regtest headers on header.
func branch(header btc.Header, count int, mark byte) []btc.Header {
	headers := make([]btc.Header, 0, count)
	for range count {
		header = mine(child(&header, mark))
		headers = append(headers, header)
	}
	return headers
}

func regtestGenesis() btc.Header { return btc.Regtest.Params().Genesis }

// mustAccept gives headers to c and wants all of them taken.
func mustAccept(tb testing.TB, c *headerchain.Chain, headers ...btc.Header) headerchain.Accepted {
	tb.Helper()
	done, err := c.Accept(headers, farFuture)
	if err != nil {
		tb.Fatalf("Accept: %v", err)
	}
	return done
}

// mustHold checks the invariants of c.
func mustHold(tb testing.TB, c *headerchain.Chain) {
	tb.Helper()
	if err := c.CheckInvariants(); err != nil {
		tb.Fatalf("invariant: %v", err)
	}
}

func hashesOf(entries []headerchain.Entry) []btc.Hash {
	hashes := make([]btc.Hash, 0, len(entries))
	for _, e := range entries {
		hashes = append(hashes, e.Hash)
	}
	return hashes
}

func hashes(headers []btc.Header) []btc.Hash {
	out := make([]btc.Hash, 0, len(headers))
	for i := range headers {
		out = append(out, headers[i].Hash())
	}
	return out
}
