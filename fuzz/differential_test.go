package fuzz_test

import (
	"errors"
	"math/rand"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"blockgate/fuzz"
	"blockgate/internal/btc"
)

// flipped are the blocks whose bits are flipped, each small enough to be judged often.
var flipped = []struct {
	file string
	at   fuzz.Place
}{
	{"mainnet_482683.raw", fuzz.Place{Network: btc.Mainnet, Height: 482_683, MedianTime: 1_504_400_000}},
	{"testnet3_924634.raw", fuzz.Place{Network: btc.Testnet3, Height: 924_634, MedianTime: 1_467_000_000}},
	{"mainnet_0100001.raw", fuzz.Place{Network: btc.Mainnet, Height: 100_001, MedianTime: 1_293_620_000}},
}

// A flipped bit is refused, every one of the first 2 kB and many others: nothing of a
// block is free.
func TestFlippedBits(t *testing.T) {
	const seed = 6
	rng, c, judge := rand.New(rand.NewSource(seed)), corpus(t), fuzz.NewJudge()
	for _, from := range flipped {
		body := block(t, c, from.file)
		header := btc.Header(body)
		flip := func(bit int) {
			body[bit/8] ^= 1 << (bit % 8)
			if got := judge.Block(from.at, header, body); got.Accepted() || !got.Checked.IsZero() {
				t.Errorf("%s: bit %d of byte %d flipped: accepted", from.file, bit%8, bit/8)
			}
			body[bit/8] ^= 1 << (bit % 8)
		}
		for bit := range 8 * min(firstBytes, len(body)) {
			flip(bit)
		}
		for range flips {
			flip(rng.Intn(8 * len(body)))
		}
		if got := judge.Block(from.at, header, body); !got.Accepted() {
			t.Errorf("seed %d, %s: as it was, but %q", seed, from.file, got.Reason)
		}
	}
}

// errBtcdAlone is what btcd refuses and Core does not know.
var errBtcdAlone = errors.New("a rule of btcd alone")

// byBtcd judges by btcd's rules that need no other blocks, without proof of work.
func byBtcd(body []byte) error {
	block, err := btcutil.NewBlockFromBytes(body)
	if err != nil {
		return err
	}
	limit := chaincfg.RegressionNetParams.PowLimit
	var rule blockchain.RuleError
	err = blockchain.CheckBlockSanity(block, limit, blockchain.NewMedianTime())
	if errors.As(err, &rule) && rule.ErrorCode == blockchain.ErrDuplicateTx {
		return errors.Join(errBtcdAlone, err)
	}
	return errors.Join(err, blockchain.ValidateWitnessCommitment(block))
}

// agree judges body under its own header by both, and wants one answer and one list of
// ids where it is yes. Where btcd says yes and we no, what it does not look at must say
// why: bytes that follow, a height, a lock time or the weight.
func agree(t *testing.T, judge *fuzz.Judge, at fuzz.Place, body []byte) (accepted bool) {
	t.Helper()
	got, err := judge.Alone(at, body), byBtcd(body)
	switch {
	case got.Accepted() && err != nil && !errors.Is(err, errBtcdAlone) && !onlyTheHeader(err):
		t.Fatalf("we accept, btcd says %v\nblock %x", err, body[:min(len(body), 4096)])
	case !got.Accepted() && err == nil && !slices.Contains([]string{
		"trailing data", "bad-cb-height", "bad-txns-nonfinal", "bad-blk-weight", "bad-txns-vin-empty", "bad-txns-vout-empty",
	}, got.Reason):
		t.Fatalf("btcd accepts, we say %q\nblock %x", got.Reason, body[:min(len(body), 4096)])
	case got.Accepted() && err == nil:
		block, err := btcutil.NewBlockFromBytes(body)
		if err != nil {
			t.Fatal(err)
		}
		for i, tx := range block.Transactions() {
			ours := got.Checked.Tx(i)
			if ours.Txid() != btc.Hash(*tx.Hash()) || ours.Wtxid() != btc.Hash(*tx.WitnessHash()) {
				t.Fatalf("transaction %d: ids %v and %v, btcd %v and %v", i, ours.Txid(), ours.Wtxid(), tx.Hash(), tx.WitnessHash())
			}
		}
	}
	return got.Accepted()
}

// onlyTheHeader reports whether btcd minds nothing but the header, which is another
// package's to judge.
func onlyTheHeader(err error) bool {
	var rule blockchain.RuleError
	return errors.As(err, &rule) && slices.Contains([]blockchain.ErrorCode{
		blockchain.ErrHighHash, blockchain.ErrUnexpectedDifficulty, blockchain.ErrTimeTooNew, blockchain.ErrInvalidTime,
	}, rule.ErrorCode)
}

// Each real block, and each shape of one, is one thing to us and to btcd.
func TestAgreesWithBtcdOnRealBlocks(t *testing.T) {
	c, judge := corpus(t), fuzz.NewJudge()
	rows, err := c.Rows()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, row := range rows {
		if row.Size > min(largest/3, 300_000) {
			continue
		}
		if body, err := c.Block(row.File); err == nil && agree(t, judge, placeOf(row), body) {
			count++
		}
	}
	if count < 20 {
		t.Errorf("%d blocks accepted by both", count)
	}
}

// FuzzJudge judges what a fuzzer makes of small blocks, next to btcd. The roots that the
// changed bytes need are put in, so that more than hashes is tried.
func FuzzJudge(f *testing.F) {
	c := corpus(f)
	for _, file := range []string{"mainnet_0100000.raw", "testnet3_924634.raw", "signet_0031500.raw", "testnet4_0000015.raw", "invalid_0074638_70a7ec1c.raw"} {
		f.Add(block(f, c, file))
	}
	f.Add(fuzz.Shape{Txs: 3, Inputs: 2, Outputs: 2, Items: 1, SigSize: 3, PubKeySize: 2}.Block())
	judge := fuzz.NewJudge()
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 1<<16 { // btcd's memory is many times that
			return
		}
		at := fuzz.MintedAt()
		agree(t, judge, at, body)
		if whole := fuzz.Mend(body, judge.Alone(at, body).Said); whole != nil {
			agree(t, judge, at, whole)
		}
	})
}
