package fuzz_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/blockchain/fullblocktests"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/fuzz"
	"blockgate/internal/btc"
)

// btcdReasons gives Core's reason for btcd's codes of rules that need no unspent
// outputs.
var btcdReasons = map[blockchain.ErrorCode]string{
	blockchain.ErrBlockTooBig:          "bad-blk-length",
	blockchain.ErrNoTransactions:       "bad-blk-length",
	blockchain.ErrHighHash:             "high-hash",
	blockchain.ErrUnexpectedDifficulty: "bad-diffbits",
	blockchain.ErrTimeTooNew:           "time-too-new",
	blockchain.ErrTimeTooOld:           "time-too-old",
	blockchain.ErrBadMerkleRoot:        "bad-txnmrklroot",
	blockchain.ErrDuplicateTx:          "bad-txns-duplicate",
	blockchain.ErrFirstTxNotCoinbase:   "bad-cb-missing",
	blockchain.ErrMultipleCoinbases:    "bad-cb-multiple",
	blockchain.ErrBadCoinbaseScriptLen: "bad-cb-length",
	blockchain.ErrBadCoinbaseHeight:    "bad-cb-height",
	blockchain.ErrUnfinalizedTx:        "bad-txns-nonfinal",
	blockchain.ErrTooManySigOps:        "bad-blk-sigops",
}

// btcdNeedsOutputs are the blocks that break a rule which only a set of unspent outputs
// can show, with btcd's code and why. They are out of scope.
var btcdNeedsOutputs = map[string]struct {
	code    blockchain.ErrorCode
	because string
}{
	"b8":     {blockchain.ErrMissingTxOut, "spends an output that is spent"},
	"b9":     {blockchain.ErrBadCoinbaseValue, paysFees},
	"b11":    {blockchain.ErrBadCoinbaseValue, paysFees},
	"b12":    {blockchain.ErrBadCoinbaseValue, paysFees},
	"b17":    {blockchain.ErrMissingTxOut, "spends an output of another fork"},
	"b19":    {blockchain.ErrMissingTxOut, "spends an output of another fork"},
	"b20":    {blockchain.ErrImmatureSpend, "whether an output is a young coinbase's is not in the block"},
	"b22":    {blockchain.ErrImmatureSpend, "as b20, on a fork"},
	"b37":    {blockchain.ErrMissingTxOut, "spends an output that is spent"},
	"b38":    {blockchain.ErrMissingTxOut, "spends an output of a block that was refused"},
	"b40":    {blockchain.ErrTooManySigOps, "signature operations of P2SH are counted in the script that a spent output asks for"},
	"b51":    {blockchain.ErrDuplicateTx, occursTwice},
	"b56p2":  {blockchain.ErrDuplicateTx, occursTwice},
	"b52":    {blockchain.ErrMissingTxOut, "spends an output of a block that was refused"},
	"b58":    {blockchain.ErrMissingTxOut, "spends an output that its transaction has not"},
	"b59":    {blockchain.ErrSpendTooHigh, "the values of its inputs are those of other outputs"},
	"b61dup": {blockchain.ErrOverwriteTx, "whether an equal transaction is unspent is not in the block"},
	"b66":    {blockchain.ErrMissingTxOut, "spends an output of a later transaction of the same block"},
	"b67":    {blockchain.ErrMissingTxOut, "spends an output of the same block twice"},
	"b68":    {blockchain.ErrBadCoinbaseValue, paysFees},
	"b80":    {blockchain.ErrMissingTxOut, "spends an output of a block that was refused"},
}

// occursTwice is a rule of btcd alone. The root of these blocks is nobody else's, so that
// Core's rule of mutated lists is kept.
const occursTwice = "a transaction occurs twice; for Core the second one spends what is spent (bad-txns-inputs-missingorspent)"

// btcdOtherwise are the blocks that we refuse for another reason than btcd.
var btcdOtherwise = map[string]struct {
	code          blockchain.ErrorCode
	ours, because string
}{
	"b49a": {
		blockchain.ErrUnexpectedDifficulty, "high-hash",
		"its target is negative: no proof of work, which Core sees before it compares the bits (CheckBlockHeader, src/validation.cpp)",
	},
}

// instance is what a generated test wants of one block.
type instance struct {
	name   string
	body   []byte
	accept bool
	orphan bool // comes before its parent
	code   blockchain.ErrorCode
	want   string // the reason for what has no code
}

// instances returns what the tests of btcd want, in order. What has no block is left
// out: expected tips, and unspent outputs after a reorganisation.
func instances(t *testing.T) []instance {
	t.Helper()
	sequences, err := fullblocktests.Generate(false)
	if err != nil {
		t.Fatal(err)
	}
	var all []instance
	for _, sequence := range sequences {
		for _, item := range sequence {
			switch item := item.(type) {
			case fullblocktests.AcceptedBlock:
				all = append(all, instance{name: item.Name, body: serialize(t, item.Block), accept: true, orphan: item.IsOrphan})
			case fullblocktests.RejectedBlock:
				all = append(all, instance{name: item.Name, body: serialize(t, item.Block), code: item.RejectCode})
			case fullblocktests.OrphanOrRejectedBlock: // its parent was refused, it is sound in itself
				all = append(all, instance{name: item.Name, body: serialize(t, item.Block), accept: true})
			case fullblocktests.RejectedNonCanonicalBlock:
				all = append(all, instance{name: item.Name, body: item.RawBlock, want: "non-canonical ReadCompactSize()"})
			}
		}
	}
	return all
}

func serialize(t *testing.T, block *wire.MsgBlock) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := block.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inReach puts blocks that came before their parent behind it.
func inReach(all []instance) []instance {
	var ordered, waiting []instance
	for _, in := range all {
		if in.orphan {
			waiting = append(waiting, in)
			continue
		}
		ordered = append(append(ordered, in), waiting...)
		waiting = nil
	}
	return append(ordered, waiting...)
}

// nowOfBtcd returns the time at which the blocks were generated: the block from the
// future is three hours ahead of it.
func nowOfBtcd(t *testing.T, all []instance) time.Time {
	t.Helper()
	at := slices.IndexFunc(all, func(in instance) bool { return in.code == blockchain.ErrTimeTooNew })
	if at < 0 {
		t.Fatal("no block is from the future")
	}
	header := btc.Header(all[at].body)
	return time.Unix(int64(header.Time()), 0).Add(-3 * time.Hour)
}

// Each block of btcd's generator, in order: accepted or refused like btcd, for the
// reason that Core has for it.
func TestBtcdFullBlocks(t *testing.T) {
	if raceOn {
		t.Skip("the generator takes long with the race detector")
	}
	replay, accepted, outOfScope, refused := fuzz.NewReplay(btc.Regtest), 0, 0, 0
	all := inReach(instances(t))
	now := nowOfBtcd(t, all)
	for _, in := range all {
		got, err := replay.Block(in.body, now)
		if err != nil {
			t.Fatal(err)
		}
		want := in.want
		unseen, listed := btcdNeedsOutputs[in.name]
		differs, other := btcdOtherwise[in.name]
		switch {
		case listed && (in.accept || unseen.code != in.code):
			t.Errorf("%s: btcd says %v, the table of what is out of scope %v", in.name, in.code, unseen.code)
		case other && (in.accept || differs.code != in.code):
			t.Errorf("%s: btcd says %v, the table of differences %v", in.name, in.code, differs.code)
		case listed:
			outOfScope++
		case other:
			want = differs.ours
		case !in.accept && want == "":
			if want = btcdReasons[in.code]; want == "" {
				t.Errorf("%s: no reason for %v", in.name, in.code)
			}
		}
		if got.Reason != want {
			t.Errorf("%s: %q, want %q (btcd: accept %v, %v)", in.name, got.Reason, want, in.accept, in.code)
		}
		switch {
		case want != "":
			refused++
		case !listed:
			accepted++
		}
	}
	t.Logf("%d blocks: %d accepted, %d refused for the reason, %d out of scope", len(all), accepted, refused, outOfScope)
	if len(all) != 143+43+3+1 || outOfScope != len(btcdNeedsOutputs) {
		t.Errorf("%d blocks with %d out of scope, want 190 with %d", len(all), outOfScope, len(btcdNeedsOutputs))
	}
}
