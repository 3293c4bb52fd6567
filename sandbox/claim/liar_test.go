package claim_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// lie changes an honest claim in one way that choice, place and by say. The result
// may be the same claim.
func lie(txs []claim.Tx, choice, place uint8, by uint32) []claim.Tx {
	i := int(place) % len(txs)
	next := (i + 1) % len(txs)
	switch choice % 9 {
	case 0: // a boundary is moved
		txs[i].Len += by
		txs[next].Len -= by
	case 1:
		txs[i].Len = by
	case 2:
		txs[i].Witness = by
	case 3: // a witness is denied or invented
		txs[i].Witness ^= by & 0xff
	case 4: // two become one
		txs[i].Len += txs[next].Len
		txs = slices.Delete(txs, next, next+1)
	case 5: // one becomes two
		half := txs[i].Len / 2
		txs = slices.Insert(txs, i, claim.Tx{Len: half})
		txs[i+1].Len -= half
	case 6:
		txs[i], txs[next] = txs[next], txs[i]
	case 7:
		txs = slices.Delete(txs, i, i+1)
	case 8:
		txs = append(txs, txs[i])
	}
	return txs
}

// A worker that lies at random about real blocks is never believed.
func TestLyingWorker(t *testing.T) {
	const seed, rounds = 5, 300
	rng := rand.New(rand.NewSource(seed))
	k := checker(t)
	var room claim.Room
	for _, r := range rows(t) {
		if r.Size > 200_000 {
			continue // the same again, only slower
		}
		body := block(t, r.File)
		honest := walk(r.context(), body)
		for round := range rounds {
			txs := slices.Clone(honest.Txs)
			for range 1 + rng.Intn(3) {
				if len(txs) > 0 {
					txs = lie(txs, uint8(rng.Int()), uint8(rng.Int()), rng.Uint32()>>rng.Intn(32))
				}
			}
			word := verdict.OK
			if rng.Intn(4) == 0 { // it blames the miner, too
				word = verdict.CoinbaseMissing + verdict.Code(rng.Intn(int(verdict.Coinbase-verdict.CoinbaseMissing)+1))
			}
			_, err := k.Check(r.context(), headerOf(body), body, claim.Block{Txs: txs, Verdict: word}, &room)
			if truth := slices.Equal(txs, honest.Txs); (err == nil) != (truth && word == verdict.OK) || errors.Is(err, claim.ErrRule) && !truth {
				t.Fatalf("seed %d, %s, round %d: truth %v, word %v, error %v", seed, r.File, round, truth, word, err)
			}
		}
	}
}

// A block that is wrong in one bit is never accepted: not with what an honest worker
// says of it, nor with what it says of the right one.
func TestBitFlips(t *testing.T) {
	const seed = 6
	rounds, bytesFlipped := 500, 2048
	if raceDetector || testing.Short() {
		rounds, bytesFlipped = 50, 100
	}
	rng := rand.New(rand.NewSource(seed))
	for _, r := range rows(t) {
		if !attackable[r.File] || r.Size > 10_000 {
			continue
		}
		body := block(t, r.File)
		header, said := headerOf(body), walk(r.context(), body)
		k := checker(t)
		var room claim.Room
		flip := func(bit int) {
			body[bit/8] ^= 1 << (bit % 8)
			for _, said := range []claim.Block{said, walk(r.context(), body)} {
				if _, err := k.Check(r.context(), header, body, said, &room); err == nil {
					t.Fatalf("seed %d, %s: accepted with bit %d flipped", seed, r.File, bit)
				}
			}
			body[bit/8] ^= 1 << (bit % 8)
		}
		for bit := range 8 * min(len(body), bytesFlipped) {
			flip(bit)
		}
		for range rounds {
			flip(rng.Intn(8 * len(body)))
		}
	}
}

// A body that is cut anywhere is refused, whatever is said of it.
func TestTruncation(t *testing.T) {
	body := block(t, "testnet3_924634.raw")
	header, said := headerOf(body), walk(preSegwit, body)
	ctx := claim.Context{Network: btc.Testnet3, Height: 924_634}
	for n := range body {
		if err := check(t, ctx, header, body[:n], said); err == nil {
			t.Fatalf("cut at %d: accepted", n)
		}
	}
}

// FuzzCheck lets an attacker be peer and worker at once: it changes bytes of a real
// block, and says of it what it likes. The parser is the oracle: accepted is the
// unchanged block with its true claim, and nothing else; and of nothing else is it said
// that it breaks a rule.
func FuzzCheck(f *testing.F) {
	var files []row
	for _, r := range rows(f) {
		if r.Size <= 10_000 {
			files = append(files, r)
		}
	}
	f.Add(uint8(0), uint8(verdict.OK), []byte{}, []byte{})
	f.Add(uint8(1), uint8(verdict.DuplicateInputs), []byte{}, []byte{})
	f.Add(uint8(3), uint8(verdict.OK), []byte{0, 90, 1}, []byte{})
	f.Add(uint8(5), uint8(verdict.CoinbaseMissing), []byte{0, 90, 1}, []byte{})
	f.Add(uint8(9), uint8(verdict.OK), []byte{}, []byte{0, 1, 0, 0, 0, 7, 3, 1, 0, 0, 0, 9})
	f.Add(uint8(12), uint8(verdict.OK), []byte{0, 200, 0x80}, []byte{8, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, which, word uint8, changes, lies []byte) {
		r := files[int(which)%len(files)]
		original := block(t, r.File)
		body := slices.Clone(original)
		for ; len(changes) >= 3; changes = changes[3:] {
			body[int(binary.BigEndian.Uint16(changes))%len(body)] ^= changes[2]
		}
		said := walk(r.context(), body)
		truth := slices.Clone(said.Txs)
		if !said.Verdict.Claimed() { // a liar says otherwise
			said = walk(r.context(), original)
		}
		said.Verdict = verdict.Code(word)
		for ; len(lies) >= 6 && len(said.Txs) > 0; lies = lies[6:] {
			said.Txs = lie(said.Txs, lies[0], lies[1], binary.BigEndian.Uint32(lies[2:]))
		}
		right := bytes.Equal(body, original) && slices.Equal(said.Txs, truth)
		want := right && said.Verdict == verdict.OK
		if err := check(t, r.context(), headerOf(original), body, said); (err == nil) != want || errors.Is(err, claim.ErrRule) && !right {
			t.Fatalf("%s: error %v, truth %v", r.File, err, want)
		}
		if len(said.Txs) > 0 {
			decoded, err := claim.DecodeClaim(claim.AppendTxs(nil, said.Txs))
			if err != nil || !slices.Equal(decoded, said.Txs) {
				t.Fatalf("claim does not survive: %v", err)
			}
		}
	})
}
