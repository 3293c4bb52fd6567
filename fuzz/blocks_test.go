package fuzz_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/fuzz"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// leftOut are the rows whose block is not in the repository, for its size. They
// are judged where -blocks names a folder that has them.
var leftOut = []string{
	"mainnet_0363703.raw", "mainnet_0370661.raw", "mainnet_0379389.raw", "mainnet_0384188.raw", "mainnet_0514485.raw",
	"mainnet_0831328.raw", "mainnet_0831329.raw", "mainnet_0831330.raw", "mainnet_426884.raw", "mainnet_437303.raw",
	"mainnet_574200.raw", "mainnet_702861.raw", "stale_0353014_b69c5582.raw", "stale_0386304_e53ed414.raw",
	"stale_0430009_29832500.raw", "stale_0822941_b324052b.raw", "stale_0862068_1ace2f8d.raw",
	"testnet3_928816.raw", "testnet3_928828.raw", "testnet3_928831.raw", "testnet3_928848.raw", "testnet3_928849.raw",
	"testnet3_928927.raw", "invalid_0809478_e4f11853.raw",
}

// broken are the real blocks that break a rule which can be checked without other
// blocks. The others that are called invalid break rules of context: 783426 has
// 80,003 of signature operation cost with those of its prevouts, 809478 spends
// outputs of later transactions. Without them both are as good as any.
var broken = map[string]string{"invalid_0074638_70a7ec1c.raw": "bad-txns-vout-toolarge"}

func TestRealBlocks(t *testing.T) {
	c := corpus(t)
	rows, err := c.Rows()
	if err != nil || len(rows) != 66 {
		t.Fatalf("%d rows, want 66: %v", len(rows), err)
	}
	var judges []*fuzz.Judge
	for _, engine := range sha256d.Engines() {
		judges = append(judges, fuzz.NewJudgeWith(engine))
	}
	var absent []string
	judged := 0
	for _, row := range rows {
		if row.Size > largest {
			continue
		}
		body, err := c.Block(row.File)
		if errors.Is(err, os.ErrNotExist) {
			absent = append(absent, row.File)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		judged++
		for _, judge := range judges {
			judgeReal(t, judge, row, body)
		}
	}
	slices.Sort(absent)
	if want := slices.Sorted(slices.Values(leftOut)); *blocksFolder == "" && !raceOn && !slices.Equal(absent, want) || *blocksFolder != "" && len(absent) > 0 {
		t.Errorf("no block for %q", absent)
	}
	t.Logf("%d of %d blocks judged by each of %v", judged, len(rows), sha256d.Engines())
}

// judgeReal holds one judge to the row of a block.
func judgeReal(t *testing.T, judge *fuzz.Judge, row fuzz.Row, body []byte) {
	t.Helper()
	got := judge.Alone(placeOf(row), body)
	if want := broken[row.File]; got.Reason != want {
		t.Errorf("%s: reason %q, want %q", row.File, got.Reason, want)
		return
	}
	if got.Accepted() {
		compare(t, row, got)
	}
}

// placeOf returns the place of a block that came alone. Nobody says the median time
// of its ancestors; a valid header is later than that, so its own time is the most
// that it can be, and nothing final is refused.
func placeOf(row fuzz.Row) fuzz.Place {
	return fuzz.Place{Network: row.Network, Height: row.Height, MedianTime: row.Time - 1}
}

// compare holds what was proven and counted to the row.
func compare(t *testing.T, row fuzz.Row, got fuzz.Judgement) {
	t.Helper()
	txids, wtxids, largest, segwit := sha256.New(), sha256.New(), 0, 0
	for i := range got.Checked.TxCount() {
		tx := got.Checked.Tx(i)
		write(txids, tx.Txid())
		write(wtxids, tx.Wtxid())
		largest = max(largest, tx.Len())
		if tx.WitnessLen() > 0 {
			segwit++
		}
	}
	header := got.Checked.Header()
	seen := row // for what is not compared
	seen.Hash, seen.MerkleRoot = got.Checked.Hash(), header.MerkleRoot()
	seen.Size, seen.StrippedSize, seen.Weight = len(got.Checked.Body()), got.Checked.StrippedSize(), got.Checked.Weight()
	seen.TxCount, seen.SegwitCount, seen.MaxTxSize = got.Checked.TxCount(), segwit, largest
	seen.TxidsSHA256, seen.WtxidsSHA256 = sum(txids), sum(wtxids)
	seen.Version, seen.Time = header.Version(), header.Time()
	counts := got.Said.Counts
	seen.Inputs, seen.Outputs, seen.WitnessItems = int(counts.Inputs), int(counts.Outputs), int(counts.WitnessItems)
	seen.LegacySigops = int(counts.Sigops) / btc.WitnessScaleFactor
	for field, value := range reflect.ValueOf(seen).Fields() {
		if want := reflect.ValueOf(row).FieldByIndex(field.Index).Interface(); value.Interface() != want {
			t.Errorf("%s: %s is %v, want %v", row.File, field.Name, value, want)
		}
	}
	if row.Commitment != nil && !*row.Commitment {
		t.Errorf("%s: accepted, and the commitment does not hold", row.File)
	}
}

func write(h hash.Hash, id btc.Hash) { h.Write(id[:]) }
func sum(h hash.Hash) string         { return hex.EncodeToString(h.Sum(nil)) }

// Runs of blocks from genesis on, each at its height and with the median time of its
// ancestors.
func TestRunsFromGenesis(t *testing.T) {
	c, now := corpus(t), time.Unix(2_000_000_000, 0)
	for _, run := range []struct {
		file    string
		network btc.Network
		count   int
	}{
		{"mainnet_000000-000599.blkdat", btc.Mainnet, 600},
		{"signet_000000-000120.blkdat", btc.Signet, 121},
		{"testnet3_000000-000400.blkdat", btc.Testnet3, 401},
	} {
		bodies, err := c.Run(run.file, run.network)
		if err != nil || len(bodies) != run.count {
			t.Fatalf("%s: %d blocks, want %d: %v", run.file, len(bodies), run.count, err)
		}
		replay := fuzz.NewReplay(run.network)
		for height, body := range bodies {
			got, err := replay.Block(body, now)
			if err != nil || !got.Accepted() || int(got.Checked.Height()) != height {
				t.Errorf("%s, block %d: %q at height %d, %v", run.file, height, got.Reason, got.Checked.Height(), err)
			}
		}
	}
}

// Every truncation of a block is refused, and nothing may follow it.
func TestTruncation(t *testing.T) {
	c, judge := corpus(t), fuzz.NewJudge()
	at := fuzz.Place{Network: btc.Mainnet, Height: 482_683, MedianTime: 1_504_400_000}
	body := block(t, c, "mainnet_482683.raw")
	header := btc.Header(body)
	if got := judge.Block(at, header, body); !got.Accepted() {
		t.Fatal(got.Reason)
	}
	for n := range body {
		want := "end of data"
		if n > btc.HeaderSize && n < len(body) && body[n-1] == 0 && body[n] == 1 {
			want = betweenMarkerAndFlag(judge.Block(at, header, body[:n:n]).Reason)
		}
		if got := judge.Block(at, header, body[:n:n]); got.Reason != want || !got.Checked.IsZero() {
			t.Fatalf("cut at %d: %q", n, got.Reason)
		}
	}
	if got := judge.Block(at, header, append(slices.Clone(body), 0)); got.Reason != "trailing data" {
		t.Errorf("a byte more: %q", got.Reason)
	}
}

// betweenMarkerAndFlag returns the reason that is wanted of a block that is cut behind a
// marker, 0, which is an input count of 0 as well: for Core the flag is missing.
func betweenMarkerAndFlag(reason string) string {
	if reason == "bad-txns-vin-empty" {
		return reason
	}
	return "end of data"
}

// A corpus says what is wrong with it.
func TestCorpusErrors(t *testing.T) {
	c := corpus(t)
	if _, err := fuzz.Open("no-such-folder", ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := fuzz.Open(testdata, "no-such-folder"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no second folder: %v", err)
	}
	if _, err := c.Block("no-such-block.raw"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no block: %v", err)
	}
	if _, err := c.Untar("blocks/mainnet_0100000.raw.gz"); err == nil {
		t.Error("a block is no tar")
	}
	if _, err := c.Run("signet_000000-000120.blkdat", btc.Mainnet); err == nil || !strings.Contains(err.Error(), "block 0") {
		t.Errorf("another network's magic: %v", err)
	}
	if _, err := c.Run("mainnet_0100000.raw", btc.Mainnet); err == nil {
		t.Error("one block is no run")
	}
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/other.raw", []byte("block"), 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := fuzz.Open(testdata, folder)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := both.Block("other.raw"); err != nil || string(body) != "block" {
		t.Errorf("from the second folder: %q, %v", body, err)
	}
	if err := both.Close(); err != nil {
		t.Error(err)
	}
}

// B10: a transaction that spends an output of a later one breaks a rule of coins, which
// nobody can see without their set; such a block is proven like any other, and so is one
// in the right order.
func TestOrderWithinABlockIsNotJudged(t *testing.T) {
	const height = 700_000
	spending := func(prevout btc.Hash) fuzz.Tx {
		input := slices.Concat([]byte{2, 0, 0, 0, 1}, prevout[:], make([]byte, 4+1), []byte{0xff, 0xff, 0xff, 0xff})
		return fuzz.Tx{Stripped: slices.Concat(input, []byte{1}, make([]byte, 8+1), make([]byte, 4))}
	}
	first := spending(btc.Hash{1})
	second := spending(btc.DoubleSHA256(first.Stripped))
	judge := fuzz.NewJudge()
	for _, txs := range [][]fuzz.Tx{{first, second}, {second, first}} {
		got := judge.Alone(fuzz.Place{Network: btc.Mainnet, Height: height}, fuzz.Mint(height, txs))
		if !got.Accepted() || got.Checked.TxCount() != 3 {
			t.Errorf("%+v", got)
		}
	}
}
