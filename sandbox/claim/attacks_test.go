package claim_test

import (
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// attackable are real blocks of several shapes: odd and even counts, with witnesses
// and without, up to 1.6 MB.
var attackable = map[string]bool{
	"mainnet_0100000.raw": true, "mainnet_0100001.raw": true, "mainnet_482683.raw": true, "testnet3_924634.raw": true,
	"mainnet_0951658.raw": true, "testnet3_1087400.raw": true, "signet_0031500.raw": true, "mainnet_866342.raw": true,
}

// forEachBlock calls attack with the transactions of each block of attackable.
func forEachBlock(t *testing.T, attack func(t *testing.T, ctx claim.Context, header btc.Header, txs []testTx)) {
	t.Helper()
	for _, r := range rows(t) {
		if !attackable[r.File] {
			continue
		}
		t.Run(r.File, func(t *testing.T) {
			body := block(t, r.File)
			txs := cut(body, walk(r.context(), body))
			again, said := under(headerOf(body), txs)
			if err := check(t, r.context(), headerOf(body), again, said); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			attack(t, r.context(), headerOf(body), txs)
		})
	}
}

func mustRefuse(t *testing.T, ctx claim.Context, header btc.Header, txs []testTx, want error) {
	t.Helper()
	body, said := under(header, txs)
	if err := check(t, ctx, header, body, said); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func rootOf(txs []testTx) btc.Hash {
	var txids []btc.Hash
	for _, tx := range txs {
		txids = append(txids, sha256d.Sum(tx.stripped))
	}
	root, _ := sha256d.MerkleRoot(txids)
	return root
}

// Peer and worker together show the inner nodes of the tree as transactions of 64
// bytes (B03, CVE-2017-12842). The merkle root holds.
func TestAttackInnerNodes(t *testing.T) {
	forEachBlock(t, func(t *testing.T, ctx claim.Context, header btc.Header, txs []testTx) {
		t.Helper()
		for level := 1; len(txs) > 1; level++ {
			var nodes []testTx
			for i := 0; i < len(txs); i += 2 {
				left, right := sha256d.Sum(txs[i].stripped), sha256d.Sum(txs[min(i+1, len(txs)-1)].stripped)
				nodes = append(nodes, testTx{stripped: slices.Concat(left[:], right[:])})
			}
			txs = nodes
			if rootOf(txs) != header.MerkleRoot() {
				t.Fatalf("level %d: the attack should have the root", level)
			}
			mustRefuse(t, ctx, header, txs, claim.ErrCoinbase)
		}
	})
}

// B01: the end of the list is repeated so that the root holds (CVE-2012-2459).
func TestAttackRepeatedEnd(t *testing.T) {
	attacks := 0
	forEachBlock(t, func(t *testing.T, ctx claim.Context, header btc.Header, txs []testTx) {
		t.Helper()
		for tail := 1; tail < len(txs); tail *= 2 {
			if len(txs)%tail != 0 || len(txs)/tail%2 == 0 || len(txs) == tail {
				continue
			}
			again := append(slices.Clone(txs), txs[len(txs)-tail:]...)
			if rootOf(again) != header.MerkleRoot() {
				t.Fatalf("last %d: the attack should have the root", tail)
			}
			mustRefuse(t, ctx, header, again, claim.ErrMutated)
			attacks++
		}
	})
	if attacks < 4 {
		t.Errorf("%d attacks", attacks)
	}
}

// B02: witnesses are changed, moved and left out; the txids hold.
func TestAttackWitness(t *testing.T) {
	attacks := 0
	forEachBlock(t, func(t *testing.T, ctx claim.Context, header btc.Header, txs []testTx) {
		t.Helper()
		last := -1
		for i, tx := range txs {
			if i > 0 && tx.witness != nil {
				last = i
			}
		}
		if last < 0 {
			return
		}
		attacks++
		change := func(f func(txs []testTx)) []testTx {
			changed := slices.Clone(txs)
			f(changed)
			return changed
		}
		for at := range txs[last].witness {
			changed := change(func(txs []testTx) {
				txs[last].witness = slices.Clone(txs[last].witness)
				txs[last].witness[at] ^= 0x10
			})
			mustRefuse(t, ctx, header, changed, claim.ErrWitnessCommitment)
			if at*len(txs) > 300 { // each costs the hashes of the whole block
				break
			}
		}
		mustRefuse(t, ctx, header, change(func(txs []testTx) { txs[last].witness = nil }), claim.ErrWitnessCommitment)
		mustRefuse(t, ctx, header, change(func(txs []testTx) {
			for i := 1; i < len(txs); i++ {
				txs[i].witness = nil
			}
		}), claim.ErrWitnessCommitment)
		mustRefuse(t, ctx, header, change(func(txs []testTx) { txs[0].witness = nil }), claim.ErrCoinbaseWitness)
		mustRefuse(t, ctx, header, change(func(txs []testTx) {
			for i := range txs {
				txs[i].witness = nil
			}
		}), claim.ErrCoinbaseWitness)
	})
	if attacks < 4 {
		t.Errorf("%d attacks", attacks)
	}
}

// The bytes are right and the worker denies or invents a witness.
func TestAttackDeniedWitness(t *testing.T) {
	forEachBlock(t, func(t *testing.T, ctx claim.Context, header btc.Header, txs []testTx) {
		t.Helper()
		body, said := under(header, txs)
		for i := range min(len(txs), max(2, 4000/len(txs))) { // each costs the hashes of the whole block

			lie := claim.Block{Txs: slices.Clone(said.Txs), Verdict: verdict.OK}
			want := []error{claim.ErrMerkle}
			switch lie.Txs[i].Witness {
			case 0:
				lie.Txs[i].Witness = 1 // a marker there is not
				want = []error{claim.ErrMarker, claim.ErrTiling}
			default:
				lie.Txs[i].Witness = 0
			}
			err := check(t, ctx, header, body, lie)
			if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
				t.Errorf("transaction %d: got %v, want %v", i, err, want)
			}
		}
	})
}

// A commitment counts in the last output that looks like one, and nowhere else.
func TestAttackMovedCommitment(t *testing.T) {
	tx := segwit(1, []byte("item"))
	right, wrong := commitmentOf(tx), commitmentOf(segwit(2, []byte("other")))
	longer := append(slices.Clone(right), 1, 2, 3)
	otherPush := slices.Clone(right)
	otherPush[1] = 0x25
	for _, c := range []struct {
		name     string
		coinbase testTx
		want     error
	}{
		{"in the only output", coinbaseOf(scriptSig, right), nil},
		{"with bytes behind it", coinbaseOf(scriptSig, longer), nil},
		{"last of two", coinbaseOf(scriptSig, wrong, right), nil},
		{"last of two, with others around", coinbaseOf(scriptSig, anyScript, wrong, anyScript, right, anyScript), nil},
		{"first of two", coinbaseOf(scriptSig, right, wrong), claim.ErrWitnessCommitment},
		{"in the scriptSig", coinbaseOf(right, anyScript), claim.ErrUnexpectedWitness},
		{"not at the start of the script", coinbaseOf(scriptSig, append([]byte{0x51}, right...)), claim.ErrUnexpectedWitness},
		{"a byte short", coinbaseOf(scriptSig, right[:len(right)-1]), claim.ErrUnexpectedWitness},
		{"another push", coinbaseOf(scriptSig, otherPush), claim.ErrUnexpectedWitness},
		{"nowhere", coinbaseOf(scriptSig, anyScript), claim.ErrUnexpectedWitness},
	} {
		c.coinbase.witness = reservedWitness
		header, body, said := blockOf(c.coinbase, tx)
		if err := check(t, atSegwit, header, body, said); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// The coinbase's witness is 01 20 and 32 bytes whenever there is a commitment.
func TestAttackCoinbaseWitness(t *testing.T) {
	tx := segwit(1, []byte("item"))
	for _, c := range []struct {
		name    string
		witness []byte
		want    error
	}{
		{"as it should be", reservedWitness, nil},
		{"none", nil, claim.ErrCoinbaseWitness},
		{"no items", []byte{0}, claim.ErrCoinbaseWitness},
		{"31 bytes", append([]byte{1, 31}, reserved[:31]...), claim.ErrCoinbaseWitness},
		{"33 bytes", append([]byte{1, 33}, append(reserved[:32:32], 7)...), claim.ErrCoinbaseWitness},
		{"a second item", append([]byte{2, 32}, append(reserved[:32:32], 0)...), claim.ErrCoinbaseWitness},
		{"count of 0 over 33 bytes", append([]byte{0, 32}, reserved...), claim.ErrCoinbaseWitness},
		{"length in three bytes", append([]byte{1, 0xfd, 32, 0}, reserved...), claim.ErrCoinbaseWitness},
		{"another value", append([]byte{1, 32, 8}, reserved[1:]...), claim.ErrWitnessCommitment},
	} {
		coinbase := coinbaseOf(scriptSig, commitmentOf(tx))
		coinbase.witness = c.witness
		header, body, said := blockOf(coinbase, tx)
		if err := check(t, atSegwit, header, body, said); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// Before segwit a commitment means nothing and a witness is an error; the height is
// our chain's, not the block's.
func TestWitnessRulesBeginAtTheirHeight(t *testing.T) {
	tx := segwit(1, []byte("item"))
	committed := coinbaseOf(scriptSig, commitmentOf(tx))
	committed.witness = reservedWitness
	stripped := testTx{stripped: tx.stripped}
	for _, c := range []struct {
		name string
		ctx  claim.Context
		txs  []testTx
		want error
	}{
		{"witness and commitment, before", preSegwit, []testTx{committed, tx}, claim.ErrUnexpectedWitness},
		{"witness and commitment, from", atSegwit, []testTx{committed, tx}, nil},
		{"commitment alone, before", preSegwit, []testTx{{stripped: committed.stripped}, stripped}, nil},
		{"commitment alone, from", atSegwit, []testTx{{stripped: committed.stripped}, stripped}, claim.ErrCoinbaseWitness},
		{"neither, before", preSegwit, []testTx{coinbaseOf(scriptSig, anyScript), stripped}, nil},
		{"neither, from", atSegwit, []testTx{coinbaseOf(scriptSig, anyScript), stripped}, nil},
		{"witness alone, from", atSegwit, []testTx{coinbaseOf(scriptSig, anyScript), tx}, claim.ErrUnexpectedWitness},
	} {
		header, body, said := blockOf(c.txs...)
		if err := check(t, c.ctx, header, body, said); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}
