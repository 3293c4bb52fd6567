package parser_test

import (
	"bytes"
	"math/rand"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// oracle decides with btcd's decoder. What it lets pass and we do not is added:
// bytes that follow, empty lists, and our two limits.
func oracle(t *testing.T, body []byte) ([]claim.Tx, bool) {
	t.Helper()
	rest := bytes.NewBuffer(body)
	var msg wire.MsgBlock
	places, err := msg.DeserializeTxLoc(rest)
	if err != nil || rest.Len() > 0 || len(body) > btc.MaxBlockSize || len(places) == 0 || len(places) > btc.MaxBlockTransactions {
		return nil, false
	}
	txs := make([]claim.Tx, len(places))
	for i, tx := range msg.Transactions {
		if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
			return nil, false
		}
		txs[i].Len = uint32(places[i].TxLen)
		if tx.HasWitness() {
			txs[i].Witness = uint32(places[i].TxLen - tx.SerializeSizeStripped() - 2)
		}
	}
	var again bytes.Buffer
	if err := msg.Serialize(&again); err != nil || !bytes.Equal(again.Bytes(), body) {
		t.Fatalf("btcd writes another block than it read: %v", err)
	}
	return txs, true
}

// checkAgainstOracle compares verdict and boundaries.
func checkAgainstOracle(t *testing.T, body []byte) (ok bool) {
	t.Helper()
	said := parser.New().Block(place, body, nil)
	if !said.Verdict.Valid() {
		t.Fatalf("verdict %d is not in the table", said.Verdict)
	}
	want, wantOK := oracle(t, body)
	if ok = said.Verdict == verdict.OK; ok != wantOK || !slices.Equal(said.Txs, want) {
		t.Fatalf("ours says %q with %d entries, btcd %v with %d\nblock %x", said.Verdict, len(said.Txs), wantOK, len(want), body[:min(len(body), 4096)])
	}
	return ok
}

func TestDifferentialRealBlocks(t *testing.T) {
	for _, r := range rows(t) {
		if !checkAgainstOracle(t, block(t, r.File)) {
			t.Errorf("%s is refused", r.File)
		}
	}
}

// Every bit of the first bytes of a block, from the transaction count on.
func TestDifferentialFirstBits(t *testing.T) {
	const bytesFlipped = 2048
	body := block(t, "testnet3_924634.raw")
	for i := 8 * btc.HeaderSize; i < 8*bytesFlipped; i++ {
		body[i/8] ^= 1 << (i % 8)
		checkAgainstOracle(t, body)
		body[i/8] ^= 1 << (i % 8)
	}
}

func TestDifferentialRandomFlips(t *testing.T) {
	const seed, rounds = 4, 500
	rng := rand.New(rand.NewSource(seed))
	for _, file := range []string{"testnet3_924634.raw", "mainnet_482683.raw", "testnet4_0040000.raw", "mainnet_0100001.raw"} {
		original, accepted := block(t, file), 0
		for range rounds {
			body := slices.Clone(original)
			for range 1 + rng.Intn(3) {
				body[btc.HeaderSize+rng.Intn(len(body)-btc.HeaderSize)] ^= 1 << rng.Intn(8)
			}
			if checkAgainstOracle(t, body) {
				accepted++
			}
		}
		if accepted == 0 || accepted == rounds {
			t.Errorf("seed %d: %d of %d accepted, both sides should be met", seed, accepted, rounds)
		}
	}
}

func FuzzBlock(f *testing.F) {
	for _, file := range []string{"testnet3_924634.raw", "signet_0031500.raw", "mainnet_0100000.raw", "testnet4_0000015.raw"} {
		f.Add(block(f, file))
	}
	f.Add(blockOf(tx(), segwitTx(vector(1, str(1)))))
	f.Add(blockOf(segwitTx(size(0))))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) <= 1<<16 { // btcd's memory is many times that
			checkAgainstOracle(t, body)
		}
	})
}
