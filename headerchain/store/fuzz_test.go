package store_test

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// goodRecords is a slow, obvious reading of a file: the headers of the records
// that check from the first on.
func goodRecords(file []byte) []btc.Header {
	var headers []btc.Header
	for number := 0; fileSize(number+1) <= len(file); number++ {
		record := file[fileSize(number):fileSize(number+1)]
		covered := slices.Concat(file[:store.LineSize], record[:84], binary.LittleEndian.AppendUint32(nil, uint32(number)))
		if crc32.Checksum(covered, crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(record[84:]) {
			break
		}
		headers = append(headers, btc.Header(record[:80]))
	}
	return headers
}

// FuzzOpen damages a file at will. Nothing is handed on that does not check, and
// what was opened can be written to.
func FuzzOpen(f *testing.F) {
	good := written(f, 2, 3, 1).cached
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good[:store.LineSize-1])
	f.Add([]byte("blockgate-headers 2 regtest\n"))
	flipped := slices.Clone(good)
	flipped[fileSize(1)+5] ^= 8
	f.Add(flipped)
	flipped = slices.Clone(good)
	flipped[fileSize(5)+5] ^= 8
	f.Add(append(flipped, make([]byte, 500)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		d := &fakeDisk{cached: slices.Clone(file), space: -1}
		s, got, loaded, err := load(d)
		if !isPrefix(got, goodRecords(file)) {
			t.Fatalf("%d headers, only %d check", len(got), len(goodRecords(file)))
		}
		if err != nil {
			return
		}
		begun := fileSize(len(got)) + int(loaded.Torn)
		if len(got) > 0 && len(got) != len(goodRecords(file)) || begun != len(file) && int(loaded.Torn) != len(file) || loaded.Headers != len(got) {
			t.Fatalf("%+v, %d check", loaded, len(goodRecords(file)))
		}
		more := numbered(77, 2)
		mustKeep(t, s, more)
		if _, again := mustLoad(t, d); !slices.Equal(again, append(got, more...)) {
			t.Fatalf("%d headers after two more than %d", len(again), len(got))
		}
	})
}
