package flight

import (
	"encoding/binary"
	"net/netip"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// codec writes values, or reads what it wrote: each type is told once, field by
// field, and that serves both ways. There is one spelling of each value, so what
// reads also writes to the same bytes.
//
//	number   uvarint, as short as can be; signed ones zigzag
//	text     length, bytes
//	list     count, elements
//	hash     0 and 32 bytes, or 1 and the place of one that was there before
type codec struct {
	reading bool
	out     []byte // what was written
	in      []byte // what is still to be read
	broken  bool   // what was read was never written by a codec
	brief   bool   // of long lists and texts a part is written
	plain   bool   // hashes stand in full
	// seen are the hashes of late, by their first byte, which is as good as random.
	// Most hashes come some ten times within a second.
	seen [256]btc.Hash
}

// reset begins anew: nothing was seen.
func (c *codec) reset() { c.seen = [256]btc.Hash{} }

func (c *codec) fail() { c.broken, c.in = true, nil }

// take reads n bytes; nil if they are not there.
func (c *codec) take(n int) []byte {
	if n > len(c.in) {
		c.fail()
		return nil
	}
	b := c.in[:n:n]
	c.in = c.in[n:]
	return b
}

func (c *codec) uvarint() uint64 {
	v, n := binary.Uvarint(c.in)
	if n <= 0 || n > 1 && c.in[n-1] == 0 {
		c.fail()
		return 0
	}
	c.in = c.in[n:]
	return v
}

// count reads how many elements follow, of which each has at least size bytes.
func (c *codec) count(size int) int {
	n := c.uvarint()
	if n > uint64(len(c.in)/size) {
		c.fail()
		return 0
	}
	return int(n)
}

func (c *codec) byte(v *uint8) {
	if !c.reading {
		c.out = append(c.out, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

func (c *codec) flag(v *bool) {
	b := uint8(0)
	if *v {
		b = 1
	}
	c.byte(&b)
	*v = b == 1
	if b > 1 {
		c.fail()
	}
}

func number[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *codec, v *T) {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, uint64(*v))
		return
	}
	n := c.uvarint()
	if *v = T(n); uint64(*v) != n {
		c.fail()
	}
}

func signed[T ~int | ~int32 | ~int64](c *codec, v *T) {
	n := uint64(*v)<<1 ^ uint64(int64(*v)>>63)
	number(c, &n)
	if c.reading {
		back := int64(n>>1) ^ -int64(n&1)
		if *v = T(back); int64(*v) != back {
			c.fail()
		}
	}
}

func text[T ~string](c *codec, v *T) {
	if c.reading {
		*v = T(c.take(c.count(1)))
		return
	}
	s := *v
	if c.brief && len(s) > maxBriefText {
		s = s[:maxBriefText]
	}
	c.out = binary.AppendUvarint(c.out, uint64(len(s)))
	c.out = append(c.out, s...)
}

// list writes the elements of a list, of which each has at least size bytes; of a
// long one, if brief, the last keep.
func list[T any](c *codec, v *[]T, size, keep int, each func(*codec, *T)) {
	if !c.reading {
		s := *v
		if c.brief && len(s) > keep {
			s = s[len(s)-keep:]
		}
		c.out = binary.AppendUvarint(c.out, uint64(len(s)))
		for i := range s {
			each(c, &s[i])
		}
		return
	}
	*v = nil
	for range c.count(size) {
		var e T
		if each(c, &e); c.broken {
			return
		}
		*v = append(*v, e)
	}
}

func (c *codec) raw(v []byte) {
	if !c.reading {
		c.out = append(c.out, v...)
	} else {
		copy(v, c.take(len(v)))
	}
}

func (c *codec) hash(v *btc.Hash) {
	if c.plain {
		c.raw(v[:])
		return
	}
	if !c.reading {
		if place := &c.seen[v[0]]; *place == *v {
			c.out = append(c.out, 1, v[0])
		} else {
			*place = *v
			c.out = append(c.out, 0)
			c.out = append(c.out, v[:]...)
		}
		return
	}
	known := false
	if c.flag(&known); known {
		place := uint8(0)
		c.byte(&place)
		if *v = c.seen[place]; v[0] != place { // a place that nothing has
			c.fail()
		}
		return
	}
	c.raw(v[:])
	if c.seen[v[0]] == *v { // it has a shorter spelling
		c.fail()
	}
	c.seen[v[0]] = *v
}

func (c *codec) header(v *btc.Header) { c.raw(v[:]) }

func (c *codec) hashes(v *[]btc.Hash) {
	list(c, v, 2, maxBriefHashes, (*codec).hash)
}

func (c *codec) headers(v *[]btc.Header) {
	list(c, v, btc.HeaderSize, maxBriefHeaders, (*codec).header)
}

func (c *codec) work(v *btc.Work) {
	for i := range v.Uint256 {
		number(c, &v.Uint256[i])
	}
}

// moment is a time of the wall clock, in UTC.
func (c *codec) moment(v *time.Time) {
	seconds, rest := v.Unix(), uint64(v.Nanosecond())
	signed(c, &seconds)
	number(c, &rest)
	if c.reading {
		if rest >= uint64(time.Second) || seconds > maxSeconds || seconds < -maxSeconds {
			c.fail()
			rest, seconds = 0, 0
		}
		*v = time.Unix(seconds, int64(rest)).UTC()
	}
}

// maxSeconds is as far from 1970 as a time of a recording may be, some 2,200 years:
// what is older than year 1 is the zero time.
const maxSeconds = 70_000_000_000

func (c *codec) addr(v *addrbook.Addr) {
	if !c.reading {
		c.out = v.AppendFlat(c.out)
		return
	}
	a, rest, ok := addrbook.CutFlat(c.in)
	if !ok {
		c.fail()
		return
	}
	*v, c.in = a, rest
}

func (c *codec) addrs(v *[]addrbook.Addr) {
	list(c, v, 3, maxBriefAddrs, (*codec).addr)
}

func (c *codec) heard(v *addrbook.Heard) {
	c.addr(&v.Addr)
	number(c, &v.Services)
	number(c, &v.Seen)
}

// prefix is an address range, 0 for none: the length of its address in bytes, those,
// and its length in bits.
func (c *codec) prefix(v *netip.Prefix) {
	var room [16]byte
	b := room[:0]
	if !c.reading && v.IsValid() {
		b = append(b, v.Addr().AsSlice()...)
	}
	size, bits := uint8(len(b)), uint8(max(v.Bits(), 0))
	if c.byte(&size); size == 0 {
		return
	}
	if size != 4 && size != 16 {
		c.fail()
		return
	}
	c.raw(room[:size])
	c.byte(&bits)
	if c.reading {
		addr, _ := netip.AddrFromSlice(room[:size])
		if *v = netip.PrefixFrom(addr, int(bits)); !v.IsValid() {
			c.fail()
		}
	}
}
