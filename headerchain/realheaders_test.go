package headerchain_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// loadHeaders reads a file of testdata; its README says how it is laid out.
func loadHeaders(tb testing.TB, name string) []btc.Header {
	tb.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		tb.Fatal(err)
	}
	b, err := io.ReadAll(unpacker)
	if err != nil {
		tb.Fatal(err)
	}
	headers := []btc.Header{btc.Header(b[:btc.HeaderSize])}
	for b = b[btc.HeaderSize:]; len(b) > 0; b = b[btc.HeaderSize-btc.HashSize:] {
		prev := headers[len(headers)-1].Hash()
		var h btc.Header
		copy(h[:4], b[:4])
		copy(h[4:36], prev[:])
		copy(h[36:], b[4:48])
		headers = append(headers, h)
	}
	return headers
}

// realRun is a file of testdata.
type realRun struct {
	file   string
	net    btc.Network
	height btc.Height
	tip    string
}

var realRuns = []realRun{
	{"mainnet_0-10236.bin.gz", btc.Mainnet, 0, "000000004f74d42205b9d7ae1cb5c1591e723894a71358fce73b7e0919628161"},
	{longRun, btc.Mainnet, 150000, "0000000000000002513542a461de351a5a94f96b4bcd3e324a48d2d71b403fe0"},
	{"mainnet_586655-589289.bin.gz", btc.Mainnet, 586655, "000000000000000000005d40cf4f919d7d113a563e9f1d735c0508b02baa6c5d"},
	{"mainnet_225792-231840.bin.gz", btc.Mainnet, 225792, "00000000000000a93b6a1604ad96455f1058c7e411681d8885adcd1819db9543"},
	{"mainnet_822527-830592.bin.gz", btc.Mainnet, 822527, "00000000000000000000506183a8b30fa3224b85e82a70416e1d594bdb632fdb"},
	{"signet_0-2016.bin.gz", btc.Signet, 0, "0000008fd8c10e65008a81307f7586d6031d5b6dc6c29b56665eaa32c66ca674"},
	{"testnet3_0-22176.bin.gz", btc.Testnet3, 0, "0000000060662a5ca0b2aa015afe39299fa4e281c4c71a58cb816f5732cfabc1"},
}

// runsHere are all runs; under the race detector those that do not take it long.
func runsHere() []realRun {
	if !raceDetector {
		return realRuns
	}
	return slices.DeleteFunc(slices.Clone(realRuns), func(r realRun) bool { return r.file == longRun })
}

// longRun has 132,240 headers.
const longRun = "mainnet_150000-282239.bin.gz"

func TestRealHeadersAreAccepted(t *testing.T) {
	for _, run := range runsHere() {
		t.Run(run.file, func(t *testing.T) {
			headers := loadHeaders(t, run.file)
			c := headerchain.NewAnchored(run.net, headers[0], run.height)
			work := newBigWork(headers[0].Bits())
			for at := 1; at < len(headers); at += btc.MaxHeaders {
				part := headers[at:min(at+btc.MaxHeaders, len(headers))]
				done := mustAccept(t, c, part...)
				if done.New != len(part) || !done.TipMoved || done.Last != part[len(part)-1].Hash() {
					t.Fatalf("from %d: %+v", at, done)
				}
			}
			for _, h := range headers[1:] {
				work.Add(work, newBigWork(h.Bits()))
			}
			best := c.Best()
			if best.Hash.String() != run.tip || best.Height != run.height+btc.Height(len(headers)-1) {
				t.Errorf("tip %v at %d, want %s", best.Hash, best.Height, run.tip)
			}
			if got := toBig(best.Work.Uint256); got.Cmp(work) != 0 {
				t.Errorf("work %x, want %x", got, work)
			}
			for i := range headers {
				e, ok := c.AtHeight(run.height + btc.Height(i))
				if !ok || e.Header != headers[i] {
					t.Fatalf("height %d: %+v", e.Height, e)
				}
			}
			mustHold(t, c)
		})
	}
}

// A flipped bit changes the hash, so the header itself or the one after it breaks
// a rule, and all before it stay.
func TestFlippedBitIsFound(t *testing.T) {
	headers := loadHeaders(t, "signet_0-2016.bin.gz")[:40]
	for bit := range 8 * btc.HeaderSize {
		at := 1 + bit%(len(headers)-2)
		mutant := append([]btc.Header(nil), headers[1:]...)
		mutant[at-1][bit/8] ^= 1 << (bit % 8)
		c := headerchain.New(btc.Signet)
		done, err := c.Accept(mutant, farFuture)
		var refused *headerchain.HeaderError
		if !errors.As(err, &refused) {
			t.Fatalf("bit %d of header %d: %v", bit, at, err)
		}
		if refused.Index != at-1 && refused.Index != at || done.New != refused.Index || int(c.Best().Height) != done.New {
			t.Fatalf("bit %d of header %d: %+v, %v", bit, at, done, err)
		}
		mustHold(t, c)
	}
}

// H09: the first of the six is version 2 after BIP66; the others were built upon it
// by miners that looked at proof of work only. It is refused for its version, and
// with it all that stands on it: without a valid parent they are headers of nobody.
func TestForkOf4July2015(t *testing.T) {
	b, err := os.ReadFile("testdata/bip66_fork_20150704.bin")
	if err != nil {
		t.Fatal(err)
	}
	const height = 363731
	var fork []btc.Header
	for ; len(b) > 0; b = b[btc.HeaderSize:] {
		fork = append(fork, btc.Header(b[:btc.HeaderSize]))
	}
	parent := btc.HeaderFields{Version: 3, Time: fork[0].Time() - btc.BlockSpacing, Bits: fork[0].Bits()}
	c := headerchain.NewAnchored(btc.Mainnet, parent.Header(), height-1) // stands in for the real one
	c.CallBest(fork[0].Prev())
	_, err = c.Accept(fork, farFuture)
	var refused *headerchain.HeaderError
	if !errors.Is(err, headerchain.ErrVersion) || !errors.As(err, &refused) || refused.Index != 0 || refused.Height != height {
		t.Errorf("the fork: %v", err)
	}
	if _, err := c.Accept(fork[1:], farFuture); !errors.Is(err, headerchain.ErrUnlinked) {
		t.Errorf("what stands on it: %v", err)
	}
	if c.Len() != 1 {
		t.Errorf("%d headers are held", c.Len())
	}
	c = headerchain.NewAnchored(btc.Mainnet, fork[0], height)
	mustAccept(t, c, fork[1:]...) // nothing else is wrong with them
}

// H05: all 275 changes of the target that the file has, up to height 832608: the
// bits from the times and bits of the period before, the work from the work before.
func TestMainnetRetargets(t *testing.T) {
	file, err := os.Open("testdata/mainnet_retargets.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string, radix int) uint32 {
		n, err := strconv.ParseUint(s, radix, 32)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(n)
	}
	var before btc.Work
	var beforeEpoch, beforeBits uint32
	pairs := 0
	for _, row := range rows[1:] {
		first, last, bits := number(row[1], 10), number(row[2], 10), number(row[3], 16)
		got, ok := headerchain.Retarget(btc.Mainnet.Params(), bits, int64(last)-int64(first))
		if want := number(row[4], 16); !ok || got != want {
			t.Errorf("epoch %s: %08x, want %08x", row[0], got, want)
		}
		work, err := btc.ParseWork(row[5])
		if err != nil {
			t.Fatal(err)
		}
		target, err := btc.TargetFromCompact(bits)
		if err != nil {
			t.Fatal(err)
		}
		epoch := number(row[0], 10)
		if epoch == beforeEpoch+1 {
			if want := before.Add(target.Work().Mul(btc.RetargetInterval)); work != want {
				t.Errorf("epoch %s: work %v, want %v", row[0], want, work)
			}
		}
		if beforeBits != 0 && epoch == beforeEpoch+1 && bits != beforeBits {
			t.Errorf("epoch %s: bits %08x, but %08x came before", row[0], bits, beforeBits)
		}
		if epoch == beforeEpoch+1 {
			pairs++
		}
		before, beforeEpoch, beforeBits = work, epoch, number(row[4], 16)
	}
	if len(rows) != 1+275 || pairs < 100 {
		t.Errorf("%d rows, %d of them after one another", len(rows)-1, pairs)
	}
}
