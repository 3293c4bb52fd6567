package headerchain_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"blockgate/internal/btc"
)

// proofFile returns a file of testdata/proof, unpacked.
func proofFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/proof", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(unpacker); err != nil {
		t.Fatal(err)
	}
	return b
}

// proofRows returns the rows of a table of testdata/proof, of want columns, the
// titles left out.
func proofRows(t *testing.T, name string, want int) [][]string {
	t.Helper()
	reader := csv.NewReader(bytes.NewReader(proofFile(t, name)))
	reader.FieldsPerRecord = want
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// proofHeaders reads headers in hex, one after the other.
func proofHeaders(t *testing.T, text string) []btc.Header {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b)%btc.HeaderSize != 0 {
		t.Fatalf("%d bytes of headers: %v", len(b), err)
	}
	headers := make([]btc.Header, 0, len(b)/btc.HeaderSize)
	for ; len(b) > 0; b = b[btc.HeaderSize:] {
		headers = append(headers, btc.Header(b[:btc.HeaderSize]))
	}
	return headers
}

// proofChildren reads headers in hex that leave out the hash before, the first
// the child of parent.
func proofChildren(t *testing.T, parent btc.Header, text string) []btc.Header {
	t.Helper()
	b, err := hex.DecodeString(text)
	const size = btc.HeaderSize - btc.HashSize
	if err != nil || len(b)%size != 0 {
		t.Fatalf("%d bytes of headers: %v", len(b), err)
	}
	headers := make([]btc.Header, 0, len(b)/size)
	for prev := parent.Hash(); len(b) > 0; b = b[size:] {
		var header btc.Header
		copy(header[:4], b)
		copy(header[4:], prev[:])
		copy(header[4+btc.HashSize:], b[4:size])
		headers = append(headers, header)
		prev = header.Hash()
	}
	return headers
}

func proofNumber(t *testing.T, text string, radix int) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, radix, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

func proofHeight(t *testing.T, text string) btc.Height {
	t.Helper()
	return btc.Height(proofNumber(t, text, 10))
}
