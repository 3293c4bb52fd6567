package parser_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// model decides about a block with btcd's decoder and btcd's rules, in Core's order:
// slow and obvious. What btcd lets pass and we do not is added: bytes that follow,
// empty lists, and our two limits. A body that is no block has no claim, and a code
// that is not claimed.
func model(tb testing.TB, ctx parser.Context, body []byte) (claim.Block, []*wire.MsgTx) {
	tb.Helper()
	rest := bytes.NewBuffer(body)
	var msg wire.MsgBlock
	places, err := msg.DeserializeTxLoc(rest)
	if err != nil || rest.Len() > 0 || len(body) > btc.MaxBlockSize || len(places) == 0 || len(places) > btc.MaxBlockTransactions {
		return claim.Block{}, nil
	}
	said := claim.Block{Txs: make([]claim.Tx, len(places))}
	for i, tx := range msg.Transactions {
		if len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
			return claim.Block{}, nil
		}
		said.Txs[i] = modelEntry(tx, &said.Counts)
		if int(said.Txs[i].Len) != places[i].TxLen {
			tb.Fatalf("btcd gives transaction %d two lengths", i)
		}
	}
	var again bytes.Buffer
	if err := msg.Serialize(&again); err != nil || !bytes.Equal(again.Bytes(), body) {
		tb.Fatalf("btcd writes another block than it read: %v", err)
	}
	said.Verdict = modelRules(tb, ctx, &msg, said.Counts)
	return said, msg.Transactions
}

// modelEntry is a transaction's entry; what is counted is added to counts.
func modelEntry(tx *wire.MsgTx, counts *claim.Counts) claim.Tx {
	entry := claim.Tx{Len: uint32(tx.SerializeSize())}
	if tx.HasWitness() {
		entry.Witness = entry.Len - uint32(tx.SerializeSizeStripped()) - 2
	}
	counts.Inputs += uint32(len(tx.TxIn))
	counts.Outputs += uint32(len(tx.TxOut))
	for _, in := range tx.TxIn {
		counts.WitnessItems += uint32(len(in.Witness))
	}
	counts.Sigops += 4 * uint32(blockchain.CountSigOps(btcutil.NewTx(tx)))
	return entry
}

func modelRules(tb testing.TB, ctx parser.Context, msg *wire.MsgBlock, counts claim.Counts) verdict.Code {
	tb.Helper()
	for i, tx := range msg.Transactions {
		if coinbase := blockchain.IsCoinBaseTx(tx); coinbase && i > 0 {
			return verdict.CoinbaseMultiple
		} else if !coinbase && i == 0 {
			return verdict.CoinbaseMissing
		}
	}
	for _, tx := range msg.Transactions {
		if code := modelTransaction(tb, tx); code != 0 {
			return code
		}
	}
	if counts.Sigops > 80_000 {
		return verdict.Sigops
	}
	cutoff := msg.Header.Timestamp
	if ctx.Height >= ctx.Network.Params().CSVHeight {
		cutoff = time.Unix(int64(ctx.MedianTime), 0)
	}
	for _, tx := range msg.Transactions {
		if !blockchain.IsFinalizedTransaction(btcutil.NewTx(tx), int32(ctx.Height), cutoff) {
			return verdict.NonFinal
		}
	}
	if ctx.Height >= ctx.Network.Params().BIP34Height && !bytes.HasPrefix(msg.Transactions[0].TxIn[0].SignatureScript, modelPush(ctx.Height)) {
		return verdict.CoinbaseHeight
	}
	return verdict.OK
}

// modelPush is CScript() << height.
func modelPush(height btc.Height) []byte {
	if height >= 1 && height <= 16 {
		return []byte{byte(0x50 + height)}
	}
	number := big.NewInt(int64(height)).Bytes()
	slices.Reverse(number)
	if number[len(number)-1] >= 0x80 {
		number = append(number, 0)
	}
	return append([]byte{byte(len(number))}, number...)
}

// modelTransaction is btcd's CheckTransactionSanity, whose one code for values is told
// apart here.
func modelTransaction(tb testing.TB, tx *wire.MsgTx) verdict.Code {
	tb.Helper()
	err := blockchain.CheckTransactionSanity(btcutil.NewTx(tx))
	if err == nil {
		return 0
	}
	var rule blockchain.RuleError
	if !errors.As(err, &rule) {
		tb.Fatalf("btcd: %v", err)
	}
	if rule.ErrorCode == blockchain.ErrBadTxOutValue {
		return modelValues(tx)
	}
	code, ok := map[blockchain.ErrorCode]verdict.Code{
		blockchain.ErrTxTooBig:             verdict.TransactionTooLarge,
		blockchain.ErrDuplicateTxInputs:    verdict.DuplicateInputs,
		blockchain.ErrBadCoinbaseScriptLen: verdict.CoinbaseLength,
		blockchain.ErrBadTxInput:           verdict.NullPrevout,
	}[rule.ErrorCode]
	if !ok {
		tb.Fatalf("btcd: %v", err)
	}
	return code
}

func modelValues(tx *wire.MsgTx) verdict.Code {
	total := new(big.Int)
	for _, out := range tx.TxOut {
		switch {
		case out.Value < 0:
			return verdict.ValueNegative
		case out.Value > maxMoney:
			return verdict.ValueTooLarge
		case total.Add(total, big.NewInt(out.Value)).Cmp(big.NewInt(maxMoney)) > 0:
			return verdict.TotalTooLarge
		}
	}
	return 0
}

// modelAlone decides about one transaction.
func modelAlone(tb testing.TB, raw []byte) claim.Block {
	tb.Helper()
	rest := bytes.NewReader(raw)
	var tx wire.MsgTx
	if err := tx.Deserialize(rest); err != nil || rest.Len() > 0 || len(raw) > btc.MaxBlockSize || len(tx.TxIn) == 0 || len(tx.TxOut) == 0 {
		return claim.Block{}
	}
	said := claim.Block{Verdict: modelTransaction(tb, &tx)}
	said.Txs = []claim.Tx{modelEntry(&tx, &said.Counts)}
	switch {
	case said.Verdict != 0:
	case blockchain.IsCoinBaseTx(&tx):
		said.Verdict = verdict.Coinbase
	default:
		said.Verdict = verdict.OK
	}
	return said
}

// txid is what the entry makes of the bytes that it stands for.
func txid(raw []byte, entry claim.Tx) chainhash.Hash {
	stripped := raw
	if entry.Witness > 0 {
		end := len(raw) - 4
		stripped = slices.Concat(raw[:4], raw[6:end-int(entry.Witness)], raw[end:])
	}
	first := sha256.Sum256(stripped)
	return sha256.Sum256(first[:])
}

// checkAgainstModel compares everything that is said of a block: verdict, boundaries,
// counts, txids. It tells what the verdict was.
func checkAgainstModel(tb testing.TB, p *parser.Parser, ctx parser.Context, body []byte) verdict.Code {
	tb.Helper()
	got := p.Block(ctx, body, nil)
	want, txs := model(tb, ctx, body)
	switch {
	case !got.Verdict.Valid() || got.Verdict == verdict.Coinbase:
		tb.Fatalf("verdict %d is none of a block's", got.Verdict)
	case got.Verdict.Claimed() != want.Verdict.Claimed(), got.Verdict.Claimed() && got.Verdict != want.Verdict,
		got.Counts != want.Counts, !slices.Equal(got.Txs, want.Txs):
		tb.Fatalf("ours says %q with %d entries, %+v; the model %q with %d, %+v\n%+v\nblock %x", got.Verdict, len(got.Txs), got.Counts,
			want.Verdict, len(want.Txs), want.Counts, ctx, body[:min(len(body), 4096)])
	}
	if len(txs) == 0 {
		return got.Verdict
	}
	at := btc.HeaderSize + len(size(uint64(len(txs))))
	for i, tx := range txs {
		if entry := got.Txs[i]; txid(body[at:at+int(entry.Len)], entry) != tx.TxHash() {
			tb.Fatalf("transaction %d has another txid", i)
		}
		at += int(got.Txs[i].Len)
	}
	return got.Verdict
}
