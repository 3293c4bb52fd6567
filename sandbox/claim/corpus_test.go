package claim_test

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
	"blockgate/sandbox/claim"
)

const corpus = "../../testdata/"

// row is what another program found in a block.
type row struct {
	File         string      `json:"file"`
	Network      btc.Network `json:"net"`
	Height       btc.Height  `json:"height"`
	Hash         btc.Hash    `json:"hash"`
	Size         int         `json:"size"`
	StrippedSize int         `json:"stripped_size"`
	Weight       int         `json:"weight"`
	Count        int         `json:"ntx"`
	Txids        string      `json:"txids_sha256"`  // SHA-256 of all, in their order
	Wtxids       string      `json:"wtxids_sha256"` // that of a coinbase is the hash of its bytes
	Committed    bool        `json:"witness_commitment_ok"`
}

func (r row) context() claim.Context { return claim.Context{Network: r.Network, Height: r.Height} }

// walker is the honest worker. No test of this package runs beside another.
var walker = parser.New()

// walk is what an honest worker says about body, at a time when no lock lies ahead.
func walk(ctx claim.Context, body []byte) claim.Block {
	return walker.Block(parser.Context{Network: ctx.Network, Height: ctx.Height, MedianTime: math.MaxUint32}, body, nil)
}

func unzip(tb testing.TB, name string) io.Reader {
	tb.Helper()
	f, err := os.Open(filepath.Clean(corpus + name))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

func rows(tb testing.TB) []row {
	tb.Helper()
	file, err := os.Open(filepath.Clean(corpus + "blocks/expected.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = file.Close() })
	var all []row
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			tb.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) < 29 {
		tb.Fatalf("%d rows", len(all))
	}
	return all
}

// block returns the bytes of the block in file.
func block(tb testing.TB, file string) []byte {
	tb.Helper()
	body, err := io.ReadAll(unzip(tb, "blocks/"+file+".gz"))
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// mutant is a real block with one fault, and what Bitcoin Core said about it.
type mutant struct {
	file, base, mutation, expected string
	core                           string // its reject reason, or what stood in the way of one
	body                           []byte
}

func mutants(t *testing.T) []mutant {
	t.Helper()
	bodies := map[string][]byte{}
	for entries := tar.NewReader(unzip(t, "mutants/mutants.tar.gz")); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if bodies[filepath.Base(entry.Name)], err = io.ReadAll(entries); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(filepath.Clean(corpus + "mutants/mutants.csv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []mutant
	for _, line := range lines[1:] {
		body, ok := bodies[line[0]]
		if !ok {
			t.Fatalf("%s is not in the tar", line[0])
		}
		all = append(all, mutant{file: line[0], base: line[1], mutation: line[2], expected: line[3], core: line[5], body: body})
	}
	if len(all) != 118 {
		t.Fatalf("%d mutants, want 118", len(all))
	}
	return all
}
