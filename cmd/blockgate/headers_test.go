package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// noon is the clock of tests that do not mind the time: after all real headers.
var noon = time.Unix(2_000_000_000, 0)

// unpackHeaders returns the 80-byte records of a file of headerchain/testdata,
// whose README says how it is packed.
func unpackHeaders(name string) ([]byte, error) {
	packed, err := os.ReadFile(filepath.Join("../../headerchain/testdata", name+".bin.gz"))
	if err != nil {
		return nil, err
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(unpacker)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(b[:btc.HeaderSize])
	for b = b[btc.HeaderSize:]; len(b) > 0; b = b[btc.HeaderSize-btc.HashSize:] {
		prev := btc.DoubleSHA256(out[len(out)-btc.HeaderSize:])
		out = append(out, b[:4]...)
		out = append(out, prev[:]...)
		out = append(out, b[4:48]...)
	}
	return out, nil
}

func mustUnpackHeaders(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := unpackHeaders(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// anchored are the settings of a file that begins at height, genesis at 0.
func anchored(network btc.Network, height int32) *verifySettings {
	return &verifySettings{network: networkFlag{Network: network}, anchor: height, anchorGiven: height != 0}
}

// verify walks over raw as the command does, at a given time.
func verify(t *testing.T, s *verifySettings, raw []byte, now time.Time) (*headersResult, error) {
	t.Helper()
	w := newHeaderWalk(s, newHeaderProgress(io.Discard, 0), func() time.Time { return now })
	err := w.read(t.Context(), bytes.NewReader(raw))
	return w.result(), err
}

func mustVerify(t *testing.T, s *verifySettings, raw []byte, now time.Time) *headersResult {
	t.Helper()
	result, err := verify(t, s, raw, now)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// wantRefused wants the first bad header at height, by one of the rules.
func wantRefused(t *testing.T, what string, r *headersResult, height btc.Height, rules ...string) {
	t.Helper()
	bad := r.Refused
	if bad == nil || r.Verdict != "invalid" {
		t.Errorf("%s: %s, want refused", what, r.text())
		return
	}
	place := int64(height-r.FirstHeight) * btc.HeaderSize
	if bad.Height != height || !slices.Contains(rules, bad.Rule) || bad.Detail == "" || bad.Offset != place || r.Headers*btc.HeaderSize != place {
		t.Errorf("%s: %+v of %d headers, want height %d, offset %d, rule %q", what, *bad, r.Headers, height, place, rules)
	}
}

func TestVerifyRealFiles(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		name    string
		network btc.Network
		first   int32
		tip     string
		work    string // from the first header on, "" if not known from elsewhere
	}{
		{"mainnet_0-10236", btc.Mainnet, 0, "000000004f74d42205b9d7ae1cb5c1591e723894a71358fce73b7e0919628161", "27fd27fd27fd"},
		{"mainnet_225792-231840", btc.Mainnet, 225792, "00000000000000a93b6a1604ad96455f1058c7e411681d8885adcd1819db9543", ""},
		{"mainnet_822527-830592", btc.Mainnet, 822527, "00000000000000000000506183a8b30fa3224b85e82a70416e1d594bdb632fdb", ""},
		{"signet_0-2016", btc.Signet, 0, "0000008fd8c10e65008a81307f7586d6031d5b6dc6c29b56665eaa32c66ca674", ""},
		{"testnet3_0-22176", btc.Testnet3, 0, "0000000060662a5ca0b2aa015afe39299fa4e281c4c71a58cb816f5732cfabc1", ""},
	} {
		raw := mustUnpackHeaders(t, f.name)
		count := int64(len(raw) / btc.HeaderSize)
		r := mustVerify(t, anchored(f.network, f.first), raw, noon)
		if r.Verdict != "valid" || r.Refused != nil || r.Headers != count || r.Network != f.network || r.FirstHeight != btc.Height(f.first) {
			t.Errorf("%s: %s", f.name, r.text())
			continue
		}
		if r.Tip.Hash.String() != f.tip || int64(r.Tip.Height) != int64(f.first)+count-1 {
			t.Errorf("%s: tip %+v", f.name, *r.Tip)
		}
		if want, err := btc.ParseWork(f.work); err == nil && r.Work != want {
			t.Errorf("%s: work %v, want %v", f.name, r.Work, want)
		}
	}
}

// hashRules are what a bit flipped anywhere can break: the hash that the next
// header names, the proof of work, or a rule that is looked at before them.
var hashRules = []string{ruleHighHash, ruleTarget, ruleNotLinked}

// A flipped bit changes the header's hash and with it its proof of work. In the
// previous hash it breaks the link, in the bits they may stand for no target.
func TestVerifyAnyBitFlipped(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, f := range []struct {
		name    string
		network btc.Network
		first   int32
		flips   int
	}{{"signet_0-2016", btc.Signet, 0, 150}, {"mainnet_225792-231840", btc.Mainnet, 225792, 100}} {
		raw := mustUnpackHeaders(t, f.name)
		s := anchored(f.network, f.first)
		for bit := range 8 * btc.HeaderSize { // each bit of the first header
			wantFlipFound(t, s, raw[:20*btc.HeaderSize], bit)
		}
		for range f.flips {
			wantFlipFound(t, s, raw, random.IntN(8*len(raw)))
		}
	}
}

func wantFlipFound(t *testing.T, s *verifySettings, raw []byte, bit int) {
	t.Helper()
	bad := bytes.Clone(raw)
	bad[bit/8] ^= 1 << (bit % 8)
	at := btc.Height(bit / 8 / btc.HeaderSize)
	rules := hashRules
	if at == 0 && s.anchor == 0 {
		rules = []string{ruleNotGenesis}
	}
	wantRefused(t, fmt.Sprintf("bit %d", bit), mustVerify(t, s, bad, noon), btc.Height(s.anchor)+at, rules...)
}

// A file that ends within a record is bad there, whatever the length; what is bad
// before that is said first.
func TestVerifyTruncated(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "signet_0-2016")
	s := anchored(btc.Signet, 0)
	for _, count := range []int{1, 2, btc.MaxHeaders - 1, btc.MaxHeaders, btc.MaxHeaders + 1} {
		whole := count * btc.HeaderSize
		if r := mustVerify(t, s, raw[:whole], noon); r.Refused != nil || r.Headers != int64(count) {
			t.Errorf("%d headers: %s", count, r.text())
		}
		for _, more := range []int{1, 40, btc.HeaderSize - 1} {
			r := mustVerify(t, s, raw[:whole+more], noon)
			wantRefused(t, "truncated", r, btc.Height(count), ruleTruncated)
			if want := fmt.Sprintf("%d bytes at offset %d", more, whole); r.Refused.Hash != nil || !strings.Contains(r.Refused.Detail, want) {
				t.Errorf("%d+%d: %+v", count, more, *r.Refused)
			}
		}
	}
	bad := bytes.Clone(raw[:10*btc.HeaderSize+7])
	bad[5*btc.HeaderSize+4] ^= 1
	wantRefused(t, "bad before the end", mustVerify(t, s, bad, noon), 5, ruleNotLinked)
	for size := range btc.HeaderSize {
		want := ruleTruncated
		if size == 0 {
			want = ruleEmpty
		}
		r := mustVerify(t, s, raw[:size], noon)
		wantRefused(t, "less than a header", r, 0, want)
		if r.Tip != nil {
			t.Errorf("%d bytes: tip %+v", size, *r.Tip)
		}
	}
}

// Each header must be the child of the one before it: a fork, a repetition and a
// gap are refused, also where two chunks meet.
func TestVerifyOneChain(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "mainnet_0-10236")[:4010*btc.HeaderSize]
	at := func(i int) []byte { return raw[i*btc.HeaderSize : (i+1)*btc.HeaderSize] }
	for _, place := range []int{5, btc.MaxHeaders - 1, btc.MaxHeaders, btc.MaxHeaders + 1, 2 * btc.MaxHeaders} {
		for what, with := range map[string][]byte{
			"repeated": at(place - 1), "an earlier one": at(place - 3), "genesis": at(0), "a later one": at(place + 1),
		} {
			bad := slices.Concat(raw[:place*btc.HeaderSize], with, raw[place*btc.HeaderSize:])
			r := mustVerify(t, anchored(btc.Mainnet, 0), bad, noon)
			wantRefused(t, what, r, btc.Height(place), ruleNotLinked)
			if before := btc.DoubleSHA256(at(place - 1)); !strings.Contains(r.Refused.Detail, before.String()) {
				t.Errorf("%s: %q does not name %s", what, r.Refused.Detail, before)
			}
		}
	}
}

func TestVerifyFirstHeader(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "mainnet_0-10236")[:100*btc.HeaderSize]
	later := raw[btc.HeaderSize:]
	zero := slices.Concat(make([]byte, btc.HeaderSize), later)
	for _, tc := range []struct {
		name  string
		s     *verifySettings
		raw   []byte
		usage string // part of the error, "" if there is none
		rule  string // "" if valid
	}{
		{"genesis", anchored(btc.Mainnet, 0), raw, "", ""},
		{"genesis, height 0 said", &verifySettings{network: networkFlag{Network: btc.Mainnet}, anchorGiven: true}, raw, "", ""},
		{"genesis, another height", anchored(btc.Mainnet, 7), raw, "--anchor-height 7: the file starts at the genesis of mainnet", ""},
		{"another network's genesis", anchored(btc.Testnet3, 0), raw, "--network testnet3: the file starts at the genesis of mainnet", ""},
		{"another network's genesis at a height", anchored(btc.Testnet3, 9), raw, "starts at the genesis of mainnet", ""},
		{"no genesis, no height", anchored(btc.Mainnet, 0), later, "--anchor-height is required", ""},
		{"height 0, no genesis", &verifySettings{network: networkFlag{Network: btc.Mainnet}, anchorGiven: true}, later, "", ruleNotGenesis},
		{"in the place of genesis", anchored(btc.Mainnet, 0), zero, "", ruleNotGenesis},
		{"anchor", anchored(btc.Mainnet, 1), later, "", ""},
		{"anchor alone", anchored(btc.Mainnet, 1), later[:btc.HeaderSize], "", ""},
		{"anchor without a target", anchored(btc.Mainnet, 1), zero, "", ruleTarget},
		{"anchor beyond the limit", anchored(btc.Signet, 1), setBits(later, 0x1e0377af), "", ruleTarget},
		{"anchor without work", anchored(btc.Mainnet, 1), setBits(later, 0x1a0377ae), "", ruleHighHash},
	} {
		r, err := verify(t, tc.s, tc.raw, noon)
		switch {
		case tc.usage != "":
			if err == nil || codeOf(err) != exitUsage || !strings.Contains(err.Error(), tc.usage) {
				t.Errorf("%s: %v", tc.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.rule != "":
			wantRefused(t, tc.name, r, btc.Height(tc.s.anchor), tc.rule)
		case r.Refused != nil || r.Headers != int64(len(tc.raw)/btc.HeaderSize):
			t.Errorf("%s: %s", tc.name, r.text())
		}
	}
}

// setBits returns raw with other bits in its first header.
func setBits(raw []byte, bits uint32) []byte {
	out := bytes.Clone(raw)
	out[72], out[73], out[74], out[75] = byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24)
	return out
}

// The clock is ours: two hours ahead of it is the last second that is accepted.
func TestVerifyClock(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "mainnet_0-10236")[:50*btc.HeaderSize]
	last := btc.Header(raw[49*btc.HeaderSize:])
	edge := time.Unix(int64(last.Time())-btc.MaxFutureBlockTime, 0)
	for _, ahead := range []time.Duration{0, time.Second} {
		if r := mustVerify(t, anchored(btc.Mainnet, 0), raw, edge.Add(ahead)); r.Refused != nil {
			t.Errorf("%v: %s", ahead, r.text())
		}
	}
	wantRefused(t, "a second less", mustVerify(t, anchored(btc.Mainnet, 0), raw, edge.Add(-time.Second)), 49, "time-too-new")
}

// Each kind of headerchain has its word; one that is no rule is our own failure.
func TestVerifyRules(t *testing.T) {
	t.Parallel()
	var header btc.Header
	for kind, want := range map[error]string{
		headerchain.ErrUnlinked: "not-linked", headerchain.ErrDiscontinuous: "not-linked", headerchain.ErrTarget: "invalid-target",
		headerchain.ErrHighHash: "high-hash", headerchain.ErrBits: "bad-diffbits", headerchain.ErrTimeTooOld: "time-too-old",
		headerchain.ErrTimewarp: "time-timewarp-attack", headerchain.ErrTimeTooNew: "time-too-new", headerchain.ErrVersion: "bad-version",
	} {
		w := newHeaderWalk(anchored(btc.Mainnet, 0), nil, func() time.Time { return noon })
		err := w.judge([]btc.Header{header}, &headerchain.HeaderError{Height: 1, Kind: kind, Detail: "numbers 1 and 2"})
		if err != nil || w.refused.Rule != want || !strings.Contains(verifyLong, want) {
			t.Errorf("%v: %v, %+v, want %s", kind, err, w.refused, want)
		} else if want != "not-linked" && !strings.Contains(w.refused.Detail, "numbers 1 and 2") {
			t.Errorf("%v: %q", kind, w.refused.Detail)
		}
	}
	for _, word := range []string{ruleNotGenesis, ruleEmpty, ruleTruncated} {
		if !strings.Contains(verifyLong, word) {
			t.Errorf("help does not name %s", word)
		}
	}
	w := newHeaderWalk(anchored(btc.Mainnet, 0), nil, func() time.Time { return noon })
	for _, own := range []error{io.ErrShortWrite, &headerchain.HeaderError{Kind: headerchain.ErrChainFull}} {
		if err := w.judge([]btc.Header{header}, own); codeOf(err) != exitOwn || w.refused != nil {
			t.Errorf("%v: %v, %+v", own, err, w.refused)
		}
	}
}

// endingReader gives some bytes, then an error.
type endingReader struct {
	bytes.Reader
	err error
}

func (r *endingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		return n, r.err
	}
	return n, nil
}

func TestVerifyReadFailure(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "signet_0-2016")
	for _, tc := range []struct {
		headers int
		want    exitCode
	}{{0, exitUsage}, {btc.MaxHeaders - 1, exitUsage}, {btc.MaxHeaders, exitOwn}, {btc.MaxHeaders + 1, exitOwn}} {
		in := &endingReader{*bytes.NewReader(raw[:tc.headers*btc.HeaderSize]), io.ErrClosedPipe}
		w := newHeaderWalk(anchored(btc.Signet, 0), newHeaderProgress(io.Discard, 0), time.Now)
		if err := w.read(t.Context(), in); !errors.Is(err, io.ErrClosedPipe) || codeOf(err) != tc.want {
			t.Errorf("%d headers: %v, code %d", tc.headers, err, codeOf(err))
		}
	}
}

// A pipe that says nothing does not hold up an interrupt.
func TestVerifyInterrupted(t *testing.T) {
	t.Parallel()
	silent, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	w := newHeaderWalk(anchored(btc.Signet, 0), newHeaderProgress(io.Discard, 0), time.Now)
	ended := make(chan error, 1)
	go func() { ended <- w.read(ctx, silent) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || codeOf(err) != exitOwn {
		t.Errorf("%v, code %d", err, codeOf(err))
	}
	if err := w.read(ctx, silent); !errors.Is(err, context.Canceled) {
		t.Errorf("after it: %v", err)
	}
}

// verifyProgram runs the program under test.
func verifyProgram(t *testing.T, raw []byte, args ...string) (*headersResult, exitCode) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(binDir, "blockgate"), append([]string{"headers", "verify", "--json", "-"}, args...)...)
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.Output()
	code := exitOK
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exitCode(exit.ExitCode())
	} else if err != nil {
		t.Fatal(err)
	}
	got := &headersResult{}
	if err := json.Unmarshal(out, got); err != nil {
		t.Fatalf("%v in %q, exit code %d", err, out, code)
	}
	return got, code
}

func TestVerifyProgram(t *testing.T) {
	t.Parallel()
	raw := mustUnpackHeaders(t, "mainnet_822527-830592")
	args := []string{"--anchor-height", "822527"}
	good, code := verifyProgram(t, raw, args...)
	if code != exitOK || good.Verdict != "valid" || good.Rate <= 0 || good.Seconds <= 0 || good.Tip.Height != 830592 {
		t.Errorf("%s, exit code %d", good.text(), code)
	}
	raw[3000*btc.HeaderSize+40] ^= 8
	bad, code := verifyProgram(t, raw, args...)
	wantRefused(t, "flipped", bad, 825527, ruleHighHash)
	if code != exitNo || bad.Tip.Height != 825526 {
		t.Errorf("%s, exit code %d", bad.text(), code)
	}
}
