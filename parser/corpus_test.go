package parser_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"blockgate/internal/btc"
	"blockgate/parser"
)

const corpus = "../testdata/blocks/"

// row is what another program found in a block.
type row struct {
	File         string      `json:"file"`
	Network      btc.Network `json:"net"`
	Height       btc.Height  `json:"height"`
	Time         uint32      `json:"time"`
	Size         int         `json:"size"`
	StrippedSize int         `json:"stripped_size"`
	Count        int         `json:"ntx"`
	SegwitCount  int         `json:"segwit_txs"`
	MaxTxSize    int         `json:"max_tx_size"`
	Inputs       uint32      `json:"inputs"`
	Outputs      uint32      `json:"outputs"`
	WitnessItems uint32      `json:"witness_items"`
	LegacySigops uint32      `json:"legacy_sigops"`
}

// place is the block's place. The median time is always before the block's time, and
// what was mined was final even then.
func (r row) place() parser.Context {
	return parser.Context{Network: r.Network, Height: r.Height, MedianTime: r.Time - 1}
}

// rows returns a row for each block that is there.
func rows(tb testing.TB) []row {
	tb.Helper()
	var all []row
	for _, list := range []string{"expected.jsonl", "expected-more.jsonl"} {
		file, err := os.Open(filepath.Clean(corpus + list))
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = file.Close() })
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var r row
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				tb.Fatal(err)
			}
			if _, err := os.Stat(filepath.Clean(corpus + r.File + ".gz")); err == nil {
				all = append(all, r)
			}
		}
	}
	if len(all) < 42 {
		tb.Fatalf("%d rows", len(all))
	}
	return all
}

// block returns the bytes of the block in file.
func block(tb testing.TB, file string) []byte {
	tb.Helper()
	return unzip(tb, corpus+file+".gz")
}

func unzip(tb testing.TB, path string) []byte {
	tb.Helper()
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		tb.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	unzipped, err := io.ReadAll(z)
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatal(err)
	}
	return unzipped
}
