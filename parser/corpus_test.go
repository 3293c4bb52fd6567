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
)

const corpus = "../testdata/blocks/"

// row is what another program found in a block.
type row struct {
	File         string `json:"file"`
	Size         int    `json:"size"`
	StrippedSize int    `json:"stripped_size"`
	Count        int    `json:"ntx"`
	SegwitCount  int    `json:"segwit_txs"`
	MaxTxSize    int    `json:"max_tx_size"`
}

func rows(t *testing.T) []row {
	t.Helper()
	file, err := os.Open(filepath.Clean(corpus + "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	var all []row
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if len(all) < 29 {
		t.Fatalf("%d rows", len(all))
	}
	return all
}

// block returns the bytes of the block in file.
func block(tb testing.TB, file string) []byte {
	tb.Helper()
	f, err := os.Open(filepath.Clean(corpus + file + ".gz"))
	if err != nil {
		tb.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err := errors.Join(err, f.Close()); err != nil {
		tb.Fatal(err)
	}
	return body
}
