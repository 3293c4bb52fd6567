package btc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
)

func TestCompactSize(t *testing.T) {
	for _, tc := range []struct {
		hex   []byte
		value uint64
		size  int
		err   error
	}{
		{nil, 0, 0, btc.ErrShort},
		{[]byte{0}, 0, 1, nil},
		{[]byte{0xfc}, 0xfc, 1, nil},
		{[]byte{0xfd}, 0, 0, btc.ErrShort},
		{[]byte{0xfd, 0xfd}, 0, 0, btc.ErrShort},
		{[]byte{0xfd, 0xfd, 0}, 0xfd, 3, nil},
		{[]byte{0xfd, 0xfc, 0}, 0, 0, btc.ErrNonCanonical},
		{[]byte{0xfd, 0, 0}, 0, 0, btc.ErrNonCanonical},
		{[]byte{0xfd, 0xff, 0xff}, 0xffff, 3, nil},
		{[]byte{0xfe, 0, 0, 1}, 0, 0, btc.ErrShort},
		{[]byte{0xfe, 0, 0, 1, 0}, 0x10000, 5, nil},
		{[]byte{0xfe, 0xff, 0xff, 0, 0}, 0, 0, btc.ErrNonCanonical},
		{[]byte{0xfe, 0xff, 0xff, 0xff, 0xff}, 0xffffffff, 5, nil},
		{[]byte{0xff, 0, 0, 0, 0, 1, 0, 0}, 0, 0, btc.ErrShort},
		{[]byte{0xff, 0, 0, 0, 0, 1, 0, 0, 0}, 1 << 32, 9, nil},
		{[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 0, 0, btc.ErrNonCanonical},
		{bytes.Repeat([]byte{0xff}, 9), 1<<64 - 1, 9, nil},
		{[]byte{5, 0xff}, 5, 1, nil}, // what follows is not looked at
	} {
		value, size, err := btc.CompactSize(tc.hex)
		if value != tc.value || size != tc.size || !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
			t.Errorf("%x: %d, %d, %v", tc.hex, value, size, err)
		}
	}
}

func TestAppendCompactSize(t *testing.T) {
	for _, value := range []uint64{0, 1, 0xfc, 0xfd, 0xfe, 0xffff, 0x10000, 0x10001, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<64 - 1} {
		b := btc.AppendCompactSize([]byte{7}, value)
		var want bytes.Buffer
		if err := wire.WriteVarInt(&want, 0, value); err != nil {
			t.Fatal(err)
		}
		if b[0] != 7 || !bytes.Equal(b[1:], want.Bytes()) || len(b)-1 > btc.MaxCompactSizeLen {
			t.Errorf("%d: %x, want %x", value, b[1:], want.Bytes())
		}
		for cut := range len(b) - 1 {
			if _, _, err := btc.CompactSize(b[1 : 1+cut]); !errors.Is(err, btc.ErrShort) {
				t.Errorf("%d cut to %d: %v", value, cut, err)
			}
		}
	}
}

func FuzzCompactSize(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0xfc})
	f.Add([]byte{0xfd, 0xfc, 0})
	f.Add(binary.LittleEndian.AppendUint32([]byte{0xfe}, 1<<16-1))
	f.Add(binary.LittleEndian.AppendUint64([]byte{0xff}, 1<<32))
	f.Fuzz(func(t *testing.T, b []byte) {
		value, size, err := btc.CompactSize(b)
		reader := bytes.NewReader(b)
		want, wireErr := wire.ReadVarInt(reader, 0)
		if (err == nil) != (wireErr == nil) {
			t.Fatalf("%x: %v, wire says %v", b, err, wireErr)
		}
		if err != nil {
			if value != 0 || size != 0 {
				t.Fatalf("%x: %d, %d with an error", b, value, size)
			}
			return
		}
		if value != want || size != len(b)-reader.Len() {
			t.Fatalf("%x: %d in %d, want %d in %d", b, value, size, want, len(b)-reader.Len())
		}
		if back := btc.AppendCompactSize(nil, value); !bytes.Equal(back, b[:size]) {
			t.Fatalf("%x: back %x", b, back)
		}
	})
}
