package store_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// The header store's case of the Internet Computer's Bitcoin adapter: the first
// 2500 headers of a network, kept, read again and gone on with. There the headers
// above an anchor are lost at a restart; here none are.
func TestFirst2500Headers(t *testing.T) {
	for file, net := range map[string]btc.Network{"mainnet_0-10236": btc.Mainnet, "testnet3_0-22176": btc.Testnet3} {
		headers := realHeaders(t, file, 2600)
		path := filepath.Join(t.TempDir(), "headers")
		s, chain := reopen(t, path, net)
		if _, err := chain.Accept(headers[:2500], afterAll); err != nil {
			t.Fatal(err)
		}
		mustKeep(t, s, headers[1:2500])
		for _, count := range []int{2500, 2600} {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, chain = reopen(t, path, net)
			if best := chain.Best(); best.Header != headers[count-1] || int(best.Height) != count-1 {
				t.Fatalf("%s: tip at %d, want %d", file, best.Height, count-1)
			}
			if count == len(headers) {
				break
			}
			if done, err := chain.Accept(headers[count:], afterAll); err != nil || done.New != len(headers)-count {
				t.Fatalf("%s: %+v, %v", file, done, err)
			}
			mustKeep(t, s, headers[count:])
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

var afterAll = time.Unix(1<<33, 0)

// reopen opens the file and checks all that it holds by the rules.
func reopen(t *testing.T, path string, net btc.Network) (*store.Store, *headerchain.Chain) {
	t.Helper()
	s, err := store.Open(path, net)
	if err != nil {
		t.Fatal(err)
	}
	chain := headerchain.New(net)
	_, err = s.Load(func(headers []btc.Header) error {
		_, err := chain.Accept(headers, afterAll)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, chain
}

// realHeaders reads the first headers of a file of headerchain/testdata, whose
// README says how it is laid out.
func realHeaders(t *testing.T, name string, count int) []btc.Header {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("../testdata", name+".bin.gz"))
	if err != nil {
		t.Fatal(err)
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var header btc.Header
	if _, err := io.ReadFull(unpacker, header[:]); err != nil {
		t.Fatal(err)
	}
	headers := []btc.Header{header}
	for len(headers) < count {
		prev := header.Hash()
		header = btc.Header{}
		copy(header[4:], prev[:])
		if _, err := io.ReadFull(unpacker, header[:4]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(unpacker, header[4+btc.HashSize:]); err != nil {
			t.Fatal(err)
		}
		headers = append(headers, header)
	}
	return headers
}
