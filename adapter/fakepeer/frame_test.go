package fakepeer

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"blockgate/internal/btc"
)

const testMagic = 0xdab5bffa

func TestReadFrame(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, maxRequest)
	good := newFrame(testMagic, "ping", []byte("12345678"))
	change := func(at int, to byte) []byte {
		f := bytes.Clone(good)
		f[at] = to
		return f
	}
	tests := []struct {
		name  string
		frame []byte
		want  error // nil: it is read
	}{
		{"plain", good, nil},
		{"empty", newFrame(testMagic, "verack", nil), nil},
		{"one below the limit", newFrame(testMagic, "x", payload[1:]), nil},
		{"at the limit", newFrame(testMagic, "x", payload), nil},
		{"one above the limit", newFrame(testMagic, "x", append(payload, 0)), errTooLarge},
		{"length of 4 GiB", change(19, 0xff), errTooLarge},
		{"magic", change(0, 0), errRequest},
		{"checksum", change(23, good[23]^1), errRequest},
		{"payload", change(30, good[30]^1), errRequest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			buf := make([]byte, maxRequest)
			_, got, err := readFrame(iotest.HalfReader(bytes.NewReader(test.frame)), testMagic, buf)
			if !errors.Is(err, test.want) || err == nil && !bytes.Equal(got, test.frame[24:]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	for n := range len(good) {
		_, _, err := readFrame(bytes.NewReader(good[:n]), testMagic, make([]byte, maxRequest))
		if wantEOF := n == 0; err == nil || errors.Is(err, io.EOF) != (wantEOF || n == 24) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// FuzzReadFrame: what is read is what newFrame writes.
func FuzzReadFrame(f *testing.F) {
	f.Add(newFrame(testMagic, "ping", []byte("12345678")))
	f.Add(newFrame(testMagic, "verack", nil))
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bytes.NewReader(stream)
		command, payload, err := readFrame(in, testMagic, make([]byte, maxRequest))
		if err != nil {
			return
		}
		used := stream[:len(stream)-in.Len()]
		if again := newFrame(testMagic, command, payload); !bytes.Equal(again, used) && bytes.Equal(again[:4], used[:4]) &&
			bytes.Equal(bytes.TrimRight(used[4:16], "\x00"), []byte(command)) {
			t.Fatalf("%x is read as %q %x", used, command, payload)
		}
	})
}

// FuzzLoadBlocks: what is loaded is, block by block, what the file holds.
func FuzzLoadBlocks(f *testing.F) {
	c := First600()
	magic := btc.Mainnet.Params().Magic
	f.Add(blockFile(magic, raw(f, c, 0), raw(f, c, 1)))
	f.Add(blockFile(magic, raw(f, c, 0)))
	f.Add(blockFile(magic, raw(f, c, 0), raw(f, c, 2)))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := LoadBlocks(btc.Mainnet, bytes.NewReader(file))
		if err != nil {
			return
		}
		height, _ := got.Tip()
		var again []byte
		for h := btc.Height(0); h <= height; h++ {
			b := raw(t, got, h)
			again = append(again, blockFile(magic, b)...)
			header := btc.Header(b)
			if h > 0 {
				if before, _ := got.At(h - 1); header.Prev() != before {
					t.Fatalf("block %d does not follow", h)
				}
			}
		}
		if !bytes.Equal(again, file) {
			t.Fatal("the chain holds other bytes than the file")
		}
	})
}

// FuzzPushHeight: a pushed height reads back, in as few bytes as may be.
func FuzzPushHeight(f *testing.F) {
	for _, h := range []int32{0, 1, 16, 17, 127, 128, 255, 256, 32767, 32768, 8388607, 8388608, 1<<31 - 1} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, height int32) {
		if height < 0 {
			return
		}
		script := pushHeight(nil, btc.Height(height))
		if height <= 16 {
			if len(script) != 1 || int32(script[0]) != 0x50+height {
				t.Fatalf("%d is %x", height, script)
			}
			return
		}
		number := script[1:]
		var back int64
		for i, b := range number {
			back |= int64(b) << (8 * i)
		}
		last := number[len(number)-1]
		if int(script[0]) != len(number) || back != int64(height) || last&0x80 != 0 ||
			last == 0 && number[len(number)-2]&0x80 == 0 {
			t.Fatalf("%d is %x", height, script)
		}
	})
}

func TestSubsidy(t *testing.T) {
	for _, test := range []struct {
		height btc.Height
		want   uint64
	}{{0, 50e8}, {149, 50e8}, {150, 25e8}, {299, 25e8}, {300, 125e7}, {150 * 32, 1}, {150 * 33, 0}, {150 * 64, 0}, {1 << 30, 0}} {
		if got := subsidy(test.height); got != test.want {
			t.Errorf("height %d: %d, want %d", test.height, got, test.want)
		}
	}
}
