package flight

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// reading returns a codec that reads bytes.
func reading(b ...byte) *codec { return &codec{reading: true, in: b} }

// join puts pieces together.
func join(pieces ...[]byte) []byte { return bytes.Join(pieces, nil) }

// TestOneSpelling refuses all that no codec writes: a second spelling of a value, and
// what is out of its range.
func TestOneSpelling(t *testing.T) {
	hash := btc.Hash{7, 1}
	long := bytes.Repeat([]byte{0xff}, 10)
	uvarint := func(v uint64) []byte { return binary.AppendUvarint(nil, v) }
	for _, tt := range []struct {
		name string
		in   []byte
		read func(*codec)
	}{
		{"number in two bytes for one", []byte{0x81, 0}, func(c *codec) { var v uint64; number(c, &v) }},
		{"zero in two bytes", []byte{0x80, 0}, func(c *codec) { var v uint64; number(c, &v) }},
		{"number without end", long, func(c *codec) { var v uint64; number(c, &v) }},
		{"more than 64 bits", append(long[:9:9], 2), func(c *codec) { var v uint64; number(c, &v) }},
		{"256 in a byte", uvarint(256), func(c *codec) { var v uint8; number(c, &v) }},
		{"65536 in two", uvarint(65536), func(c *codec) { var v uint16; number(c, &v) }},
		{"2^32 in four", uvarint(1 << 32), func(c *codec) { var v uint32; number(c, &v) }},
		{"2^31 in int32", uvarint(1 << 32), func(c *codec) { var v int32; signed(c, &v) }},
		{"-2^31-1 in int32", uvarint(1<<32 + 1), func(c *codec) { var v int32; signed(c, &v) }},
		{"flag of 2", []byte{2}, func(c *codec) { var v bool; c.flag(&v) }},
		{"text longer than the rest", []byte{3, 'a', 'b'}, func(c *codec) { var v string; text(c, &v) }},
		{"text of 2^63", append(long[:9:9], 1), func(c *codec) { var v string; text(c, &v) }},
		{"list longer than the rest", join(uvarint(2), make([]byte, btc.HeaderSize)), func(c *codec) { var v []btc.Header; c.headers(&v) }},
		{"list of 2^60", uvarint(1 << 60), func(c *codec) { var v []btc.Hash; c.hashes(&v) }},
		{"hash that was there, in full", join([]byte{0}, hash[:], []byte{0}, hash[:]), func(c *codec) { var v btc.Hash; c.hash(&v); c.hash(&v) }},
		{"zero hash, in full", make([]byte, 33), func(c *codec) { var v btc.Hash; c.hash(&v) }},
		{"place of no hash", []byte{1, 9}, func(c *codec) { var v btc.Hash; c.hash(&v) }},
		{"a nanosecond too many", join([]byte{0}, uvarint(1e9)), func(c *codec) { var v time.Time; c.moment(&v) }},
		{"far future", join(uvarint(2*(maxSeconds+1)), []byte{0}), func(c *codec) { var v time.Time; c.moment(&v) }},
		{"far past", join(uvarint(2*maxSeconds+1), []byte{0}), func(c *codec) { var v time.Time; c.moment(&v) }},
		{"address of no network", append([]byte{3}, make([]byte, 40)...), func(c *codec) { var v addrbook.Addr; c.addr(&v) }},
		{"prefix of 5 bytes", []byte{5, 1, 2, 3, 4, 5, 8}, func(c *codec) { var v netip.Prefix; c.prefix(&v) }},
		{"prefix of 33 bits", []byte{4, 1, 2, 3, 4, 33}, func(c *codec) { var v netip.Prefix; c.prefix(&v) }},
		{"microseconds as nanoseconds", uvarint(2 * (2*1000 + 1)), func(c *codec) { var v time.Duration; c.since(&v) }},
		{"36 years and 1 ns", uvarint(2 * (2*(uint64(maxSince)+1) + 1)), func(c *codec) { var v time.Duration; c.since(&v) }},
		{"36 years and 1 µs", uvarint(4 * (uint64(maxSince)/1000 + 1)), func(c *codec) { var v time.Duration; c.since(&v) }},
		{"code of nothing", []byte{200, 0}, func(c *codec) { newEvents().take(c) }},
		{"no code", nil, func(c *codec) { newActions().take(c) }},
	} {
		c := reading(tt.in...)
		if tt.read(c); !c.broken || len(c.in) > 0 {
			t.Errorf("%s is read", tt.name)
		}
	}
}

// comesBack writes a value, reads it again and wants it to be the same.
func comesBack[T comparable](t *testing.T, want T, fields func(*codec, *T)) {
	t.Helper()
	var c codec
	var got T
	fields(&c, &want)
	again := reading(c.out...)
	if fields(again, &got); got != want || again.broken || len(again.in) > 0 {
		t.Errorf("%v comes back as %v", want, got)
	}
}

// TestEdges writes and reads the ends of each range.
func TestEdges(t *testing.T) {
	for _, v := range []int64{0, 1, -1, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		comesBack(t, v, signed)
		comesBack(t, int32(v>>32), signed)
	}
	for _, v := range []uint64{0, 1, 127, 128, math.MaxUint32, math.MaxUint64} {
		comesBack(t, v, number)
		comesBack(t, uint32(v>>32), number)
		comesBack(t, uint8(v>>56), number)
	}
	for _, v := range []time.Time{
		time.Time{}.UTC(), time.Unix(0, 0).UTC(), time.Unix(-1, 999_999_999).UTC(), time.Unix(maxSeconds, 0).UTC(), time.Unix(-maxSeconds, 0).UTC(),
	} {
		comesBack(t, v, (*codec).moment)
	}
	for _, v := range []string{"0.0.0.0/0", "10.1.2.3/32", "::/0", "2001:db8::/32", "::ffff:10.0.0.0/104"} {
		comesBack(t, netip.MustParsePrefix(v), (*codec).prefix)
	}
	comesBack(t, netip.Prefix{}, (*codec).prefix)
	for _, v := range []time.Duration{0, 1, -1, 999, time.Microsecond, -time.Microsecond, maxSince, -maxSince, maxSince - 1} {
		comesBack(t, v, (*codec).since)
	}
	comesBack(t, addrbook.Addr{}, (*codec).addr)
	comesBack(t, btc.Regtest.Params().PowLimit.Work(), (*codec).work)
}

// TestHashesAreShort writes a hash in full once, and again when another one took its
// place.
func TestHashesAreShort(t *testing.T) {
	one, other := btc.Hash{5, 1}, btc.Hash{5, 2}
	hashes := []btc.Hash{one, one, one, other, one, {}, {6}, {6}}
	var c codec
	c.hashes(&hashes)
	if want := 1 + 4*33 + 4*2; len(c.out) != want {
		t.Errorf("%d bytes, want %d", len(c.out), want)
	}
	var got []btc.Hash
	if reading(c.out...).hashes(&got); !reflect.DeepEqual(got, hashes) {
		t.Errorf("%v", got)
	}
	c.out = nil
	c.plain = true
	if c.hashes(&hashes); len(c.out) != 1+8*32 {
		t.Errorf("%d bytes in full", len(c.out))
	}
}

// TestCodesAreOfOne wants a code, and a type, to be given once.
func TestCodesAreOfOne(t *testing.T) {
	tick := func(*codec, *node.Tick) {}
	idle := func(*codec, *node.ConsumerIdle) {}
	for _, rows := range [][]kind[node.Event]{
		{row[node.Event](0, tick)},
		{row[node.Event](1, tick), row[node.Event](1, idle)},
		{row[node.Event](1, tick), row[node.Event](2, tick)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d rows are taken", len(rows))
				}
			}()
			kindsOf(rows...)
		}()
	}
}
