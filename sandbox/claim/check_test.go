package claim_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/signet"
	"blockgate/sandbox/verdict"
)

var (
	regtest   = claim.Context{Network: btc.Regtest, Height: 200}
	preSegwit = claim.Context{Network: btc.Mainnet, Height: 481_823}
	atSegwit  = claim.Context{Network: btc.Mainnet, Height: 481_824}
)

func headerOf(body []byte) btc.Header { return btc.Header(body[:btc.HeaderSize]) }

// checker returns a checker that knows the public signet.
func checker(tb testing.TB) *claim.Checker {
	tb.Helper()
	challenge, err := signet.Parse(publicSignet)
	if err != nil {
		tb.Fatal(err)
	}
	return claim.NewChecker(sha256d.New(), challenge)
}

// anySolution is a challenge that every block meets.
type anySolution struct{}

func (anySolution) CheckSolution(btc.Header, []byte, int, func(btc.Hash) btc.Hash) error { return nil }

// publicSignet is the challenge of the public signet.
var publicSignet = []byte("\x51" +
	"\x21\x03\xad\x5e\x0e\xda\xd1\x8c\xb1\xf0\xfc\x0d\x28\xa3\xd4\xf1\xf3\xe4\x45\x64\x03\x37\x48\x9a\xbb\x10\x40\x4f\x2d\x1e\x08\x6b\xe4\x30" +
	"\x21\x03\x59\xef\x50\x21\x96\x4f\xe2\x2d\x6f\x8e\x05\xb2\x46\x3c\x95\x40\xce\x96\x88\x3f\xe3\xb2\x78\x76\x0f\x04\x8f\x51\x89\xf2\xe6\xc4" +
	"\x52\xae")

// check checks with a checker of its own, and that an error comes with no block.
func check(tb testing.TB, ctx claim.Context, header btc.Header, body []byte, said claim.Block) error {
	tb.Helper()
	checked, err := checker(tb).Check(ctx, header, body, said, new(claim.Room))
	if (err == nil) == checked.IsZero() {
		tb.Fatalf("error %v with a zero block %v", err, checked.IsZero())
	}
	return err
}

func TestRealBlocks(t *testing.T) {
	k := checker(t) // one for all: what is left in it must not matter
	var room claim.Room
	for _, want := range rows(t) {
		body := block(t, want.File)
		said := walk(want.context(), body)
		c, err := k.Check(want.context(), headerOf(body), body, said, &room)
		if rule, broken := errors.AsType[*claim.RuleError](err); broken && rule.Code == verdict.ValueTooLarge && strings.HasPrefix(want.File, "invalid_") {
			said.Verdict = verdict.OK // what is wrong with it is not what is proven
			c, err = k.Check(want.context(), headerOf(body), body, said, &room)
		}
		if err != nil {
			t.Errorf("%s: %v", want.File, err)
			continue
		}
		got := row{
			File: want.File, Network: c.Network(), Height: c.Height(), Hash: c.Hash(), Size: len(c.Body()),
			StrippedSize: c.StrippedSize(), Weight: c.Weight(), Count: c.TxCount(),
			Txids: want.Txids, Wtxids: want.Wtxids, Committed: c.HasCommitment(),
		}
		if got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		if c.Header() != headerOf(body) || &c.Body()[0] != &body[0] {
			t.Errorf("%s: other header or body", want.File)
		}
		if txs, err := claim.DecodeClaim(c.AppendClaim(nil)); err != nil || !slices.Equal(txs, said.Txs) {
			t.Errorf("%s: claim does not survive: %v", want.File, err)
		}
	}
}

// B12: the worst block for a parser has no proof of work but all its hashes. It takes
// milliseconds, as a block of its size does.
func TestSyntheticBlock(t *testing.T) {
	body := block(t, "synth_3.9M_empty_witness_items.raw")
	said := walk(atSegwit, body)
	if err := check(t, atSegwit, headerOf(body), body, said); !errors.Is(err, claim.ErrRule) || said.Verdict != verdict.CoinbaseHeight {
		t.Error(err)
	}
	said.Verdict = verdict.OK
	if err := check(t, atSegwit, headerOf(body), body, said); err != nil {
		t.Error(err)
	}
}

func TestZeroCheckedIsNone(t *testing.T) {
	if !(claim.Checked{}).IsZero() {
		t.Error("the zero Checked is taken for a block")
	}
}

func TestMalformedIsTold(t *testing.T) {
	header, body, _ := blockOf(coinbaseOf(scriptSig, anyScript))
	for n := range 256 {
		v := verdict.Code(n)
		if v.Claimed() {
			continue
		}
		err := check(t, regtest, header, body, claim.Block{Verdict: v})
		var malformed *claim.MalformedError
		if !errors.Is(err, claim.ErrMalformed) || !errors.As(err, &malformed) || malformed.Verdict != v {
			t.Errorf("%s: got %v", v, err)
		}
		if !strings.Contains(err.Error(), v.String()) {
			t.Errorf("%q does not say %q", err, v)
		}
	}
}

// B15: what is under another header, or does not fit its claim, is another block.
func TestRefusals(t *testing.T) {
	coinbase := coinbaseOf(scriptSig, anyScript)
	header, body, said := blockOf(coinbase, plain(1, 64), plain(2, 80))
	entry := func(i int, tx claim.Tx) claim.Block {
		txs := slices.Clone(said.Txs)
		txs[i] = tx
		return claim.Block{Txs: txs, Verdict: verdict.OK}
	}
	longCount := slices.Concat(body[:btc.HeaderSize], []byte{0xfd, 3, 0}, body[btc.HeaderSize+1:])
	noCount := slices.Concat(body[:btc.HeaderSize], []byte{0xff}, body[btc.HeaderSize+1:])
	for _, c := range []struct {
		name   string
		header btc.Header
		body   []byte
		said   claim.Block
		want   error
	}{
		{"as it is, a 64-byte transaction in it", header, body, said, nil},
		{"another header", btc.Header{1}, body, said, claim.ErrHeader},
		{"no bytes", header, nil, said, claim.ErrSize},
		{"header only", header, body[:btc.HeaderSize], said, claim.ErrSize},
		{"one byte too few for any block", header, body[:btc.HeaderSize+btc.MinTransactionSize], said, claim.ErrSize},
		{"one byte too many for any block", header, append(slices.Clone(body), make([]byte, btc.MaxBlockSize-len(body)+1)...), said, claim.ErrSize},
		{"as many bytes as a block may have", header, append(slices.Clone(body), make([]byte, btc.MaxBlockSize-len(body))...), said, claim.ErrTiling},
		{"count in three bytes", header, longCount, said, claim.ErrCount},
		{"half a count", header, noCount[:142], said, claim.ErrCount},
		{"one entry too few", header, body, claim.Block{Txs: said.Txs[:2], Verdict: verdict.OK}, claim.ErrCount},
		{"no entries", header, body, claim.Block{Verdict: verdict.OK}, claim.ErrCount},
		{"a byte more", header, append(slices.Clone(body), 0), said, claim.ErrTiling},
		{"a byte less", header, body[:len(body)-1], said, claim.ErrTiling},
		{"59 bytes", header, body, entry(1, claim.Tx{Len: 59}), claim.ErrTiling},
		{"length 0", header, body, entry(1, claim.Tx{}), claim.ErrTiling},
		{"length of 32 ones", header, body, entry(1, claim.Tx{Len: 1<<32 - 1}), claim.ErrTiling},
		{"witness of 32 ones", header, body, entry(2, claim.Tx{Len: 80, Witness: 1<<32 - 1}), claim.ErrTiling},
		{"witness as long as its transaction", header, body, entry(2, claim.Tx{Len: 80, Witness: 80}), claim.ErrTiling},
		{"witness where no marker is", header, body, entry(2, claim.Tx{Len: 80, Witness: 5}), claim.ErrMarker},
		{"boundary moved", header, body, claim.Block{Txs: []claim.Tx{said.Txs[0], {Len: 65}, {Len: 79}}, Verdict: verdict.OK}, claim.ErrMerkle},
	} {
		if err := check(t, regtest, c.header, c.body, c.said); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestWitnessLengthBounds(t *testing.T) {
	tx := segwit(1, []byte("some item"))
	header, body, said := blockOf(coinbaseOf(scriptSig, anyScript), tx)
	whole := said.Txs[1].Len
	for _, c := range []struct {
		witness uint32
		want    error
	}{
		{said.Txs[1].Witness, claim.ErrUnexpectedWitness},     // true, but nothing commits to it
		{whole - 2 - btc.MinTransactionSize, claim.ErrMerkle}, // it fits, and is not where the witness is
		{whole - 2 - btc.MinTransactionSize + 1, claim.ErrTiling},
		{whole, claim.ErrTiling},
		{whole + 1, claim.ErrTiling},
	} {
		said.Txs[1].Witness = c.witness
		if err := check(t, regtest, header, body, said); !errors.Is(err, c.want) {
			t.Errorf("witness of %d in %d bytes: got %v, want %v", c.witness, whole, err, c.want)
		}
	}
}

// B08: the most transactions, and the most weight.
func TestCountAndWeightLimits(t *testing.T) {
	most := func(n int) []testTx { // n of the smallest transactions
		txs := []testTx{coinbaseOf([]byte{1, 1}, nil)}
		for len(txs) < n {
			txs = append(txs, plain(len(txs), btc.MinTransactionSize))
		}
		return txs
	}
	heavy := func(extra, item int) []testTx { // 4 a byte of script, 1 a byte of the item
		tx := segwit(1, make([]byte, item))
		txs := []testTx{{}, tx, plain(2, 900_000+extra)}
		txs[0] = coinbaseOf(scriptSig, commitmentOf(txs[1:]...))
		txs[0].witness = reservedWitness
		return txs
	}
	_, body, said := blockOf(heavy(0, 1000)...)
	stripped := len(body)
	for _, tx := range said.Txs {
		if tx.Witness > 0 {
			stripped -= int(tx.Witness) + 2
		}
	}
	room := btc.MaxBlockWeight - (3*stripped + len(body)) // of which 2 go into a longer length
	for _, c := range []struct {
		name string
		txs  []testTx
		want error
	}{
		{"16,665 transactions", most(btc.MaxBlockTransactions - 1), nil},
		{"16,666 transactions, too heavy with their header", most(btc.MaxBlockTransactions), claim.ErrLength},
		{"16,667 transactions", most(btc.MaxBlockTransactions + 1), claim.ErrCount},
		{"weight n-1", heavy(0, 1000+room-2-1), nil},
		{"weight n", heavy(0, 1000+room-2), nil},
		{"weight n+1", heavy(0, 1000+room-2+1), claim.ErrWeight},
	} {
		header, body, said := blockOf(c.txs...)
		checked, err := checker(t).Check(regtest, header, body, said, new(claim.Room))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if c.name == "weight n" && checked.Weight() != btc.MaxBlockWeight {
			t.Errorf("weight %d", checked.Weight())
		}
	}
}

func TestCoinbaseShape(t *testing.T) {
	sig := func(n int) testTx { return coinbaseOf(make([]byte, n), anyScript) }
	change := func(at int, b ...byte) testTx {
		tx := coinbaseOf(scriptSig, anyScript)
		copy(tx.stripped[at:], b)
		return tx
	}
	with := func(at, drop int, b ...byte) testTx {
		tx := coinbaseOf(scriptSig, anyScript)
		return testTx{stripped: slices.Concat(tx.stripped[:at], b, tx.stripped[at+drop:])}
	}
	const count, outpoint, script, sequence, outputs = 4, 5, 41, 45, 49
	for _, c := range []struct {
		name string
		tx   testTx
		want error
	}{
		{"as it should be", coinbaseOf(scriptSig, anyScript), nil},
		{"script of 0 bytes", sig(0), claim.ErrCoinbaseLength},
		{"script of 1 byte", sig(1), claim.ErrCoinbaseLength},
		{"script of 2 bytes", sig(2), nil},
		{"script of 100 bytes", sig(100), nil},
		{"script of 99 bytes", sig(99), nil},
		{"script of 101 bytes", sig(101), claim.ErrCoinbaseLength},
		{"script of 300 bytes", sig(300), claim.ErrCoinbaseLength},
		{"300 outputs", coinbaseOf(scriptSig, slices.Repeat([][]byte{anyScript}, 300)...), nil},
		{"long output", coinbaseOf(scriptSig, make([]byte, 70_000)), nil},
		{"an ordinary transaction", plain(1, 100), claim.ErrCoinbase},
		{"first byte of the outpoint", change(outpoint, 1), claim.ErrCoinbase},
		{"last byte of the outpoint's hash", change(outpoint+31, 1), claim.ErrCoinbase},
		{"index of the outpoint", change(outpoint+32, 0xfe), claim.ErrCoinbase},
		{"last byte of the index", change(outpoint+35, 0x7f), claim.ErrCoinbase},
		{"count of 2 inputs", change(count, 2), claim.ErrCoinbase},
		{"count of inputs in three bytes", with(count, 1, 0xfd, 1, 0), claim.ErrCoinbase},
		{"script length in three bytes", with(script, 1, 0xfd, 3, 0), claim.ErrCoinbase},
		{"sequence is anything", change(sequence, 0, 0, 0, 0), nil},
		{"no outputs", change(outputs, 0), claim.ErrCoinbase},
		{"one output more than there is", change(outputs, 2), claim.ErrCoinbase},
		{"output count in three bytes", with(outputs, 1, 0xfd, 1, 0), claim.ErrCoinbase},
		{"2^64-1 outputs", with(outputs, 1, bytes.Repeat([]byte{0xff}, 9)...), claim.ErrCoinbase},
		{"a byte behind the outputs", with(len(sig(3).stripped)-4, 0, 9), claim.ErrCoinbase},
		{"output script beyond the end", change(outputs+9, 9), claim.ErrCoinbase},
		{"output script of 2^64-1 bytes", with(outputs+9, 1, bytes.Repeat([]byte{0xff}, 9)...), claim.ErrCoinbase},
	} {
		header, body, said := blockOf(c.tx, plain(7, 90))
		if err := check(t, regtest, header, body, said); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// A coinbase that is cut anywhere is none.
func TestCoinbaseTruncation(t *testing.T) {
	full := coinbaseOf(make([]byte, 20), anyScript, make([]byte, 40)).stripped
	for n := btc.MinTransactionSize; n < len(full); n++ {
		header, body, said := blockOf(testTx{stripped: append(slices.Clone(full[:n-4]), 0, 0, 0, 0)})
		if err := check(t, regtest, header, body, said); !errors.Is(err, claim.ErrCoinbase) {
			t.Errorf("cut at %d of %d: %v", n, len(full), err)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	k := checker(t)
	var room claim.Room
	for _, r := range rows(t) {
		if r.File != "mainnet_866342.raw" && r.File != "mainnet_277647.raw" {
			continue
		}
		body := block(t, r.File)
		header, said := headerOf(body), walk(r.context(), body)
		if n := testing.AllocsPerRun(3, func() { // runs once before it counts
			if _, err := k.Check(r.context(), header, body, said, &room); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", r.File, n)
		}
		first := proven(t, k, r, &room).Tx(0)
		raw := body[first.Offset():][:first.Len()]
		alone := claim.Block{Txs: said.Txs[:1], Verdict: verdict.OK}
		if n := testing.AllocsPerRun(3, func() {
			if _, err := k.CheckTx(raw, alone); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for a transaction, want 0", r.File, n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	var room claim.Room
	for _, r := range rows(b) {
		if r.File != "mainnet_866342.raw" && r.File != "mainnet_413567.raw" {
			continue
		}
		body := block(b, r.File)
		header, said := headerOf(body), walk(r.context(), body)
		for _, engine := range sha256d.Engines() {
			k := claim.NewChecker(sha256d.NewEngine(engine), nil)
			b.Run(r.File+"/"+engine.String(), func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := k.Check(r.context(), header, body, said, &room); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
