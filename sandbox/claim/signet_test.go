package claim_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/signet"
	"blockgate/sandbox/verdict"
)

// signetBlocks returns the first blocks of the public signet, genesis first.
func signetBlocks(t *testing.T) [][]byte {
	t.Helper()
	all, err := io.ReadAll(unzip(t, "signet/000000-000120.blkdat.gz"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][]byte
	for len(all) > 0 {
		size := int(binary.LittleEndian.Uint32(all[4:]))
		blocks = append(blocks, all[8:8+size])
		all = all[8+size:]
	}
	if len(blocks) != 121 {
		t.Fatalf("%d blocks", len(blocks))
	}
	return blocks
}

func onSignet(height int) claim.Context {
	return claim.Context{Network: btc.Signet, Height: btc.Height(height)}
}

// Every real block of the public signet is proven and signed; genesis needs nobody to
// sign it.
func TestSignet(t *testing.T) {
	for height, body := range signetBlocks(t) {
		ctx := onSignet(height)
		if err := check(t, ctx, headerOf(body), body, walk(ctx, body)); err != nil {
			t.Errorf("height %d: %v", height, err)
		}
	}
	body := block(t, "signet_0031500.raw")
	if err := check(t, onSignet(31_500), headerOf(body), body, walk(onSignet(31_500), body)); err != nil {
		t.Errorf("height 31500, three transactions: %v", err)
	}
}

// remade returns a block of the same transactions with a header that commits to them,
// the rest of the header as it was: what a miner can make without the signers.
func remade(old btc.Header, txs []testTx) (header btc.Header, body []byte, said claim.Block) {
	header = old
	root := rootOf(txs)
	copy(header[36:68], root[:])
	body, said = under(header, txs)
	return header, body, said
}

// Nobody but the signers makes a block of a signet: whatever a miner changes, or leaves
// out, and proves, is refused for the one reason. With other bytes under the real header
// nothing is proven, and nothing said about a solution.
func TestSignetForged(t *testing.T) {
	body := block(t, "signet_0031500.raw")
	ctx := onSignet(31_500)
	old, txs := headerOf(body), cut(body, walk(ctx, body))
	at := bytes.Index(txs[0].stripped, []byte{0xec, 0xc7, 0xda, 0xa2})
	if at < 0 || len(txs) != 3 {
		t.Fatal("no solution, or not three transactions")
	}
	change := func(f func(txs []testTx) []testTx) []testTx {
		changed := slices.Clone(txs)
		changed[0].stripped = slices.Clone(changed[0].stripped)
		return f(changed)
	}
	flip := func(i int) []testTx {
		return change(func(txs []testTx) []testTx { txs[0].stripped[i] ^= 1; return txs })
	}
	for _, c := range []struct {
		name string
		txs  []testTx
	}{
		{"header of the solution", flip(at)},
		{"length of its script", flip(at + 4)},
		{"first byte of its script", flip(at + 5)},
		{"the signature", flip(at + 30)},
		{"the hash type", flip(len(txs[0].stripped) - 6)},
		{"the value of an output", flip(4 + 1 + 36 + 1 + int(txs[0].stripped[41]) + 4 + 1)},
		{"a transaction left out", change(func(txs []testTx) []testTx { return txs[:2] })},
		{"two swapped", change(func(txs []testTx) []testTx { txs[1], txs[2] = txs[2], txs[1]; return txs })},
	} {
		header, body, said := remade(old, c.txs)
		// The commitment to witnesses is over other wtxids now, or stands: only the
		// solution is looked at.
		err := check(t, ctx, header, body, said)
		if errors.Is(err, claim.ErrWitnessCommitment) {
			_, body, said = remade(old, recommitted(c.txs))
			err = check(t, ctx, headerOf(body), body, said)
		}
		if !errors.Is(err, claim.ErrSolution) || !errors.Is(err, claim.ErrRule) || reject.Reason(err) != "bad-signet-blksig" {
			t.Errorf("%s: got %v, %q", c.name, err, reject.Reason(err))
		}
		if same, said := under(old, c.txs); !errors.Is(check(t, ctx, old, same, said), claim.ErrMerkle) {
			t.Errorf("%s under the real header: not refused for the root", c.name)
		}
	}
	for i := range btc.HeaderSize { // version, parent and time are signed, bits and nonce are not
		header, changed := old, slices.Clone(body)
		header[i] ^= 1
		copy(changed, header[:])
		want := claim.ErrSolution
		switch {
		case i >= 36 && i < 68:
			want = claim.ErrMerkle
		case i >= 72:
			want = nil
		}
		if err := check(t, ctx, header, changed, walk(ctx, changed)); !errors.Is(err, want) {
			t.Errorf("byte %d of the header: got %v, want %v", i, err, want)
		}
	}
}

// recommitted returns txs with a right commitment to their witnesses, the solution as it
// is.
func recommitted(txs []testTx) []testTx {
	txs = slices.Clone(txs)
	wtxids := []btc.Hash{{}}
	for _, tx := range txs[1:] {
		wtxids = append(wtxids, sha256d.Sum(tx.raw()))
	}
	root, _ := sha256d.MerkleRoot(wtxids)
	hash := sha256d.Sum(append(root[:], txs[0].witness[2:]...))
	at := bytes.LastIndex(txs[0].stripped, []byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed})
	txs[0].stripped = slices.Clone(txs[0].stripped)
	copy(txs[0].stripped[at+6:], hash[:])
	return txs
}

// A challenge is that of one signet, and is asked on signets alone. It is asked before a
// worker's word counts, and of proven bodies only.
func TestChallengeIsAsked(t *testing.T) {
	body := signetBlocks(t)[7]
	said := walk(onSignet(7), body)
	key := append(append([]byte{33}, 2), append(bytes.Repeat([]byte{0}, 31), 1, 0xac)...) // x = 1 is on the curve
	other, err := signet.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	var room claim.Room
	if _, err := claim.NewChecker(sha256d.New(), other).Check(onSignet(7), headerOf(body), body, said, &room); !errors.Is(err, claim.ErrSolution) {
		t.Errorf("another signet's block: %v", err)
	}
	broken := said
	broken.Verdict = verdict.Sigops
	if err := check(t, onSignet(7), headerOf(body), body, broken); errors.Is(err, claim.ErrSolution) || !errors.Is(err, claim.ErrRule) {
		t.Errorf("signed, and called broken: %v", err)
	}
	if _, err := claim.NewChecker(sha256d.New(), other).Check(onSignet(7), headerOf(body), body, broken, &room); !errors.Is(err, claim.ErrSolution) {
		t.Errorf("not signed, and called broken: %v", err)
	}
	if err := check(t, regtest, headerOf(body), body, said); err != nil {
		t.Errorf("the same bytes where nobody signs: %v", err)
	}
	if !panics(func() {
		_, _ = claim.NewChecker(sha256d.New(), nil).Check(onSignet(7), headerOf(body), body, said, &room)
	}) {
		t.Error("a signet's block was judged without a challenge")
	}
	header, forged, said := blockOf(coinbaseOf(scriptSig, anyScript))
	if err := check(t, onSignet(7), header, forged, said); !errors.Is(err, claim.ErrSolution) {
		t.Errorf("no commitment at all: %v", err)
	}
}
