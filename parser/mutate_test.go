package parser_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
	"blockgate/parser"
)

// mutator makes blocks from real ones, each by its number alone.
type mutator struct {
	seed   uint64
	bases  [][]byte
	places []parser.Context
}

// newMutator takes the real blocks of at most so many bytes.
func newMutator(tb testing.TB, seed uint64, most int) *mutator {
	tb.Helper()
	m := &mutator{seed: seed}
	for _, r := range rows(tb) {
		if r.Size <= most {
			m.bases, m.places = append(m.bases, block(tb, r.File)), append(m.places, r.place())
		}
	}
	return m
}

// block returns mutated block number n and its place: most often that of the block
// that it was made from.
func (m *mutator) block(tb testing.TB, n uint64) ([]byte, parser.Context) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(m.seed, n))
	base := rng.IntN(len(m.bases))
	body := slices.Clone(m.bases[base])
	if rng.IntN(2) == 0 {
		body = mutateFields(tb, rng, body)
	}
	if rng.IntN(2) == 0 {
		for range 1 + rng.IntN(3) {
			body = mutateBytes(rng, body)
		}
	}
	place := m.places[base]
	if rng.IntN(8) == 0 {
		place = mutatePlace(rng, place)
	}
	return body, place
}

// mutatePlace moves a block to where other rules hold.
func mutatePlace(rng *rand.Rand, place parser.Context) parser.Context {
	switch rng.IntN(4) {
	case 0:
		place.Network = btc.Networks()[rng.IntN(5)]
	case 1:
		place.Height += btc.Height(rng.IntN(3) - 1)
	case 2:
		params := place.Network.Params()
		heights := []btc.Height{0, 1, params.BIP34Height - 1, params.BIP34Height, params.CSVHeight - 1, params.CSVHeight, 1 << 30}
		place.Height = heights[rng.IntN(len(heights))]
	default:
		place.MedianTime = []uint32{0, 499_999_999, 500_000_000, 1_293_623_863, 1_293_623_864, 1<<32 - 1}[rng.IntN(6)]
	}
	return place
}

// mutateBytes changes body somewhere behind its header, whatever stands there.
func mutateBytes(rng *rand.Rand, body []byte) []byte {
	if len(body) <= btc.HeaderSize {
		return append(body, 0)
	}
	at := btc.HeaderSize + rng.IntN(len(body)-btc.HeaderSize)
	end := at + rng.IntN(min(len(body)-at, 64)+1)
	switch rng.IntN(10) {
	case 0:
		return body[:at]
	case 1:
		return append(body, body[at:end]...)
	case 2:
		return slices.Delete(body, at, end)
	case 3:
		return slices.Insert(body, at, slices.Clone(body[at:end])...)
	case 4: // what a CompactSize, an index or a sequence may be
		special := []byte{0, 1, 2, 0x4b, 0x4c, 0xac, 0xae, 0xfc, 0xfd, 0xfe, 0xff}
		body[at] = special[rng.IntN(len(special))]
	case 5: // another form of a length
		long := [][]byte{{0xfd, body[at], 0}, {0xfe, body[at], 0, 0, 0}, {0xff, body[at], 0, 0, 0, 0, 0, 0, 0}}
		return slices.Replace(body, at, at+1, long[rng.IntN(3)]...)
	case 6:
		body[at] += byte(1 + 254*rng.IntN(2)) // one more, one less
	default:
		body[at] ^= 1 << rng.IntN(8)
	}
	return body
}

// mutateFields changes up to three fields of some transaction, so that the bytes stay
// a block, but for what no block has.
func mutateFields(tb testing.TB, rng *rand.Rand, body []byte) []byte {
	tb.Helper()
	var msg wire.MsgBlock
	if err := msg.Deserialize(bytes.NewReader(body)); err != nil {
		tb.Fatal(err)
	}
	for range 1 + rng.IntN(3) {
		tx := msg.Transactions[rng.IntN(len(msg.Transactions))]
		if rng.IntN(4) == 0 {
			mutateBlock(rng, &msg)
		} else if len(tx.TxIn) > 0 && len(tx.TxOut) > 0 {
			mutateTx(rng, tx)
		}
	}
	var out bytes.Buffer
	if err := msg.Serialize(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func mutateBlock(rng *rand.Rand, msg *wire.MsgBlock) {
	txs := msg.Transactions
	i := rng.IntN(len(txs))
	switch rng.IntN(3) {
	case 0:
		if len(txs) > 1 {
			msg.Transactions = slices.Delete(txs, i, i+1)
		}
	case 1:
		msg.Transactions = append(txs, txs[i].Copy())
	default:
		txs[0], txs[i] = txs[i], txs[0]
	}
}

func mutateTx(rng *rand.Rand, tx *wire.MsgTx) {
	in, out := tx.TxIn[rng.IntN(len(tx.TxIn))], tx.TxOut[rng.IntN(len(tx.TxOut))]
	switch rng.IntN(12) {
	case 0:
		values := []int64{-1, 0, maxMoney - 1, maxMoney, maxMoney + 1, -1 << 63, 1<<63 - 1}
		out.Value = values[rng.IntN(len(values))]
	case 1:
		for range 1 + rng.IntN(20) {
			tx.TxIn = append(tx.TxIn, &wire.TxIn{PreviousOutPoint: in.PreviousOutPoint, Sequence: rng.Uint32()})
			in.PreviousOutPoint.Index += rng.Uint32N(8)
		}
	case 2:
		in.PreviousOutPoint = wire.OutPoint{Index: ^uint32(0) >> rng.IntN(2)}
	case 3:
		in.Sequence = []uint32{0, 0xfffffffe, 0xffffffff}[rng.IntN(3)]
	case 4:
		locks := []uint32{0, 1, 100_000, 924_634, 499_999_999, 500_000_000, 1_293_623_863, 0xffffffff}
		tx.LockTime = locks[rng.IntN(len(locks))]
	case 5:
		out.PkScript = mutantScript(rng)
	case 6:
		in.SignatureScript = mutantScript(rng)
	case 7:
		in.SignatureScript = in.SignatureScript[:rng.IntN(len(in.SignatureScript)+1)]
	case 8:
		tx.TxOut = append(tx.TxOut, &wire.TxOut{Value: rng.Int64N(maxMoney), PkScript: out.PkScript})
	case 9:
		in.Witness = append(in.Witness, make([]byte, rng.IntN(300)))
	case 10:
		in.Witness = append(in.Witness, make([][]byte, rng.IntN(40))...)
	default:
		in.Witness = nil
	}
}

// mutantScript is rich in signature operations, pushes and pushes that are cut.
func mutantScript(rng *rand.Rand) []byte {
	special := []byte{0, 1, 2, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x51, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xff}
	if rng.IntN(16) == 0 { // near the limit of a block
		return bytes.Repeat([]byte{0xae}, 950+rng.IntN(100))
	}
	script := make([]byte, rng.IntN(120))
	for i := range script {
		script[i] = special[rng.IntN(len(special))]
	}
	return script
}
