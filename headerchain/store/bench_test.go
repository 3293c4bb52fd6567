package store_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

var (
	benchFile   = flag.String("bench-headers", "", "a file of mainnet headers, 80 bytes each, for BenchmarkOpenLoad")
	benchHeight = flag.Int("bench-height", 150_000, "the height of its first header")
)

// BenchmarkOpenLoad is what a start costs: the file is opened, every record's
// checksum is checked, and every header by every rule.
func BenchmarkOpenLoad(b *testing.B) {
	headers, height := benchHeaders(b)
	path := filepath.Join(b.TempDir(), "headers")
	s, err := store.Open(path, btc.Mainnet)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Load(func([]btc.Header) error { return nil }); err != nil {
		b.Fatal(err)
	}
	mustKeep(b, s, headers[1:]) // the first is the anchor
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		chain := openLoad(b, path, headers[0], height)
		if best := chain.Best(); best.Hash != headers[len(headers)-1].Hash() {
			b.Fatalf("best is %d %v", best.Height, best.Hash)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/start")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(headers)-1), "ns/header")
}

func openLoad(b *testing.B, path string, anchor btc.Header, height btc.Height) *headerchain.Chain {
	b.Helper()
	s, err := store.Open(path, btc.Mainnet)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	chain := headerchain.NewAnchored(btc.Mainnet, anchor, height)
	_, err = s.Load(func(headers []btc.Header) error {
		_, err := chain.Accept(headers, time.Unix(1<<33, 0))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return chain
}

// benchHeaders returns the headers of -bench-headers, or those of 30 periods in
// testdata, whose README says how it is packed.
func benchHeaders(b *testing.B) ([]btc.Header, btc.Height) {
	b.Helper()
	var headers []btc.Header
	if *benchFile != "" {
		raw, err := os.ReadFile(*benchFile)
		if err != nil {
			b.Fatal(err)
		}
		for ; len(raw) >= btc.HeaderSize; raw = raw[btc.HeaderSize:] {
			headers = append(headers, btc.Header(raw))
		}
		return headers, btc.Height(*benchHeight)
	}
	packed, err := os.ReadFile("../testdata/mainnet_221760-282239.bin.gz")
	if err != nil {
		b.Fatal(err)
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		b.Fatal(err)
	}
	raw, err := io.ReadAll(unpacker)
	if err != nil {
		b.Fatal(err)
	}
	last := btc.Header(raw)
	headers = append(headers, last)
	for raw = raw[btc.HeaderSize:]; len(raw) > 0; raw = raw[btc.HeaderSize-btc.HashSize:] {
		prev := last.Hash()
		copy(last[:4], raw[:4])
		copy(last[4:36], prev[:])
		copy(last[36:], raw[4:48])
		headers = append(headers, last)
	}
	return headers, 221_760
}
