package main

import (
	"archive/tar"
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

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/pool"
)

// parseProgram has a block judged by the program under test.
func parseProgram(t *testing.T, block []byte, args ...string) (parseResult, exitCode) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(binDir, "blockgate"), append([]string{"parse", "--json", "-"}, args...)...)
	cmd.Stdin = bytes.NewReader(block)
	out, err := cmd.Output()
	code := exitOK
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exitCode(exit.ExitCode())
	} else if err != nil {
		t.Fatal(err)
	}
	var got parseResult
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %q, exit code %d", err, out, code)
	}
	return got, code
}

// TestParseAnyByteFlipped changes one byte of the body of a real block with
// witnesses, anywhere.
func TestParseAnyByteFlipped(t *testing.T) {
	t.Parallel()
	block, err := unpackBlock("mainnet_482683")
	if err != nil {
		t.Fatal(err)
	}
	if got, code := parseProgram(t, block); code != exitOK || got.Verdict != "valid" || got.Reason != "" {
		t.Fatalf("%+v, exit code %d", got, code)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		at, by := btc.HeaderSize+random.IntN(len(block)-btc.HeaderSize), byte(1+random.IntN(255))
		bad := bytes.Clone(block)
		bad[at] ^= by
		got, code := parseProgram(t, bad)
		if code != exitNo || got.Verdict != "invalid" || got.Reason == "" || got.Txs != 0 || got.Weight != 0 {
			t.Errorf("byte %d changed by %02x: %+v, exit code %d", at, by, got, code)
		}
	}
}

// expectedBlock is a line of testdata/blocks/expected.jsonl.
type expectedBlock struct {
	File         string `json:"file"`
	Net          string `json:"net"`
	Height       int32  `json:"height"`
	Hash         string `json:"hash"`
	Size         int    `json:"size"`
	StrippedSize int    `json:"stripped_size"`
	Weight       int    `json:"weight"`
	Txs          int    `json:"ntx"`
	Inputs       uint32 `json:"inputs"`
	Outputs      uint32 `json:"outputs"`
	WitnessItems uint32 `json:"witness_items"`
	Sigops       uint32 `json:"legacy_sigops"`
	Commitment   *bool  `json:"witness_commitment_ok"` // nil if there is none
}

// TestParseRealBlocks compares what parse says of real blocks of all networks
// with what another program said.
func TestParseRealBlocks(t *testing.T) {
	t.Parallel()
	lines, err := readSmallFile("../../testdata/blocks/expected.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		var want expectedBlock
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		block, err := unpackBlock(strings.TrimSuffix(want.File, ".raw"))
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"--network", want.Net}, // the rules are guessed
			{"--network", want.Net, "--pow", "--height", fmt.Sprint(want.Height)},
		} {
			got, code := parseProgram(t, block, args...)
			commitment := "none"
			if want.Commitment != nil && *want.Commitment {
				commitment = "met"
			}
			if got.Inputs != want.Inputs || got.Outputs != want.Outputs || got.WitnessItems != want.WitnessItems || got.Sigops != want.Sigops ||
				got.Merkle != "met" || got.Commitment != commitment || got.Engine == "" || got.Microseconds <= 0 {
				t.Errorf("%s %v: %+v, want %+v", want.File, args, got, want)
			}
			if strings.HasPrefix(want.File, "invalid_") {
				if code != exitNo || got.RejectReason != "bad-txns-vout-toolarge" {
					t.Errorf("%s %v: %+v, exit code %d", want.File, args, got, code)
				}
				code, got.Verdict = exitOK, "valid" // but for its values
			}
			if code != exitOK || got.Verdict != "valid" || got.ProofOfWork != "met" || got.Hash.String() != want.Hash || got.Size != want.Size ||
				got.StrippedSize != want.StrippedSize || got.Weight != want.Weight || got.Txs != want.Txs {
				t.Errorf("%s %v: %+v, exit code %d; want %+v", want.File, args, got, code, want)
			}
		}
	}
}

// unpackMutant returns a file of testdata/mutants.
func unpackMutant(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open("../../testdata/mutants/mutants.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(packed); ; {
		entry, err := archive.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if filepath.Base(entry.Name) == name {
			body, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
	}
}

// TestParseStripped takes all witnesses out of blocks that commit to them. Without
// their height they may be from before segwit, and nothing is judged by a height that
// nobody gave: one has a lock that ends at its own height.
func TestParseStripped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, network, height string }{
		{"main482683n12seg", "mainnet", "482683"},
		{"test3_924634n15seg", "testnet3", "924634"},
	} {
		block := unpackMutant(t, tt.base+"__witness_stripped_all.bin")
		got, code := parseProgram(t, block, "--network", tt.network)
		if code != exitOK || got.Verdict != verdictValid || got.Merkle != met || got.Commitment != notJudged || !slices.Contains(got.NotJudged, "witness rules (--height)") {
			t.Errorf("%s: %+v, exit code %d", tt.base, got, code)
		}
		got, code = parseProgram(t, block, "--network", tt.network, "--height", tt.height)
		if code != exitNo || got.Merkle != met || got.Commitment != notMet || got.RejectReason != "bad-witness-nonce-size" {
			t.Errorf("%s at its height: %+v, exit code %d", tt.base, got, code)
		}
	}
}

func TestJudgeHeader(t *testing.T) {
	header := btc.Mainnet.Params().Genesis
	easy := header
	easy[75] ^= 1 // bits
	for _, tt := range []struct {
		name     string
		settings parseSettings
		header   btc.Header
		pow      string
		reason   string
		left     string // what is not judged
	}{
		{"nothing asked", parseSettings{}, header, "met", "", "proof of work (--pow), time of the header (--median-time)"},
		{"work", parseSettings{pow: true}, header, "met", "", "time of the header (--median-time)"},
		{"no work", parseSettings{}, easy, "not met", "", "proof of work (--pow), time of the header (--median-time)"},
		{"no work, judged", parseSettings{pow: true}, easy, "not met", "does not meet the target of bits", ""},
		{"work of another network", parseSettings{pow: true}, btc.Regtest.Params().Genesis, "not met", "on mainnet", ""},
		{"work of its own network", parseSettings{pow: true, network: networkFlag{Network: btc.Regtest}}, btc.Regtest.Params().Genesis, "met", "", "time of the header (--median-time)"},
		{"time before", parseSettings{medianGiven: true, medianTime: header.Time() - 1}, header, "met", "", "proof of work (--pow)"},
		{"time equal", parseSettings{medianGiven: true, medianTime: header.Time()}, header, "met", "not after the median time", "proof of work (--pow)"},
		{"time after", parseSettings{medianGiven: true, medianTime: header.Time() + 1}, header, "met", "BIP-0113", "proof of work (--pow)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.settings.network.Valid() {
				tt.settings.network.Network = btc.Mainnet
			}
			result := parseResult{Hash: tt.header.Hash(), ProofOfWork: "not met"}
			reason, rejected := tt.settings.judgeHeader(&result, &tt.header)
			if result.ProofOfWork != tt.pow || !strings.Contains(reason, tt.reason) || (reason == "") != (tt.reason == "") || (rejected == "") != (reason == "") ||
				strings.Join(result.NotJudged, ", ") != tt.left {
				t.Errorf("%q, %+v", reason, result)
			}
		})
	}
}

func TestIsOurs(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{pool.ErrWorkerDied, true},
		{pool.ErrWorkerHung, true},
		{pool.ErrWorkerNonsense, true},
		{pool.ErrClosed, true},
		{context.Canceled, true},
		{usagef("no parser"), true},
		{fmt.Errorf("check: %w", pool.ErrWorkerHung), true},
		{pool.ErrMalformed, false},
		{claim.ErrMerkle, false},
		{claim.ErrMutated, false},
		{claim.ErrWitnessCommitment, false},
		{claim.ErrTiling, false},
		{nil, false},
	} {
		if got := isOurs(tt.err); got != tt.want {
			t.Errorf("%v: %t, want %t", tt.err, got, tt.want)
		}
	}
}

func TestReadInputStopsInTime(t *testing.T) {
	for _, size := range []int{0, btc.MaxBlockSize - 1, btc.MaxBlockSize, btc.MaxBlockSize + 1, btc.MaxBlockSize + 2, 2 * btc.MaxBlockSize} {
		got, err := readInput(bytes.NewReader(make([]byte, size)), "-", btc.MaxBlockSize+1)
		if err != nil || len(got) != min(size, btc.MaxBlockSize+1) {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
	}
	if _, err := readInput(brokenReader{}, "-", 1); codeOf(err) != exitOwn {
		t.Errorf("broken input: %v", err)
	}
	if _, err := readInput(nil, t.TempDir(), 1); codeOf(err) != exitUsage {
		t.Errorf("a folder: %v", err)
	}
}

var errBroken = errors.New("broken")

// brokenReader and brokenWriter are ends of a pipe that fail.
type (
	brokenReader struct{}
	brokenWriter struct{ err error }
)

func (brokenReader) Read([]byte) (int, error)    { return 0, errBroken }
func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestParsePrints(t *testing.T) {
	height := int32(7)
	r := parseResult{Network: btc.Regtest, Height: &height, Txs: 2, Size: 300, StrippedSize: 200, Weight: 900, Inputs: 3, Outputs: 4, WitnessItems: 5, Sigops: 6, Merkle: met, Commitment: "none", Engine: "go", Microseconds: 17, ProofOfWork: "met", Verdict: "valid", NotJudged: []string{"a", "b"}}
	for _, tt := range []struct {
		name     string
		settings parseSettings
		change   func(*parseResult)
		want     []string
	}{
		{"text", parseSettings{}, func(*parseResult) {}, []string{"VALID\n", "\n  counted        3 inputs, 4 outputs, 5 witness items, 6 legacy sigops\n  merkle root    met\n  commitment     none\n", "\n  took           17 us, sha256 by go\n", "\n  size           300 bytes, 200 without witness\n", "\n  not judged     a, b\n"}},
		{"text, bad", parseSettings{}, func(r *parseResult) { r.invalid("so it is", "bad-blk") }, []string{"INVALID\n", "\n  reason         so it is\n  reject reason  bad-blk\n"}},
		{"json", parseSettings{json: true}, func(*parseResult) {}, []string{`"network":"regtest","height":7,"txs":2,"size":300,"stripped_size":200,"weight":900,"inputs":3,"outputs":4,"witness_items":5,"sigops":6,"merkle":"met"`, `"reason":"","reject_reason":""`, `"engine":"go","microseconds":17}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := r
			tt.change(&r)
			var out bytes.Buffer
			if err := tt.settings.print(&out, &r); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q lacks %q", out.String(), want)
				}
			}
			if err := tt.settings.print(brokenWriter{errBroken}, &r); !errors.Is(err, errBroken) {
				t.Errorf("broken output: %v", err)
			}
		})
	}
}
