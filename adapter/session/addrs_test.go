package session

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// told is an entry of addr or addrv2 as a peer writes it.
type told struct {
	seen     uint32
	services uint64
	network  uint8
	address  []byte
	port     uint16
}

func (a told) v1() []byte {
	b := binary.LittleEndian.AppendUint32(nil, a.seen)
	b = binary.LittleEndian.AppendUint64(b, a.services)
	if len(a.address) == 4 {
		b = append(append(b, make([]byte, 10)...), 0xff, 0xff)
	}
	return binary.BigEndian.AppendUint16(append(b, a.address...), a.port)
}

func (a told) v2() []byte {
	b := binary.LittleEndian.AppendUint32(nil, a.seen)
	b = append(btc.AppendCompactSize(b, a.services), a.network)
	b = append(btc.AppendCompactSize(b, uint64(len(a.address))), a.address...)
	return binary.BigEndian.AppendUint16(b, a.port)
}

func counted(n int, entries ...[]byte) []byte {
	return append(btc.AppendCompactSize(nil, uint64(n)), slices.Concat(entries...)...)
}

func filled(n int, b byte) []byte { return []byte(strings.Repeat(string(rune(b)), n)) }

var (
	ipv4Told  = told{1_700_000_000, 9, 1, []byte{8, 8, 4, 4}, 8333}
	ipv6Told  = told{1 << 31, 1<<64 - 1, 2, netip.MustParseAddr("2a00::1").AsSlice(), 0}
	torTold   = told{0, 2057, 4, filled(32, 7), 65535}
	i2pTold   = told{1, 0, 5, filled(32, 8), 0}
	cjdnsTold = told{1, 0, 6, append([]byte{0xfc}, filled(15, 9)...), 1}
)

func heardOf(t *testing.T, a told) addrbook.Heard {
	t.Helper()
	addr, err := addrbook.FromWire(a.network, a.address, a.port)
	if err != nil {
		t.Fatal(err)
	}
	return addrbook.Heard{Addr: addr, Services: a.services, Seen: a.seen}
}

// TestAddrV2 (M14) takes each network as BIP-0155 has it: known ones are kept, unknown
// ones are left out, and one that has not its length spoils the message.
func TestAddrV2(t *testing.T) {
	with := func(network uint8, size int) []byte { return told{1, 1, network, filled(size, 1), 1}.v2() }
	for _, tc := range []struct {
		name    string
		payload []byte
		want    []told
		err     error
	}{
		{"none", counted(0), nil, nil},
		{"each network", counted(5, ipv4Told.v2(), ipv6Told.v2(), torTold.v2(), i2pTold.v2(), cjdnsTold.v2()), []told{ipv4Told, ipv6Told, torTold, i2pTold, cjdnsTold}, nil},
		{"unknown network", counted(3, with(0, 1), with(99, 0), ipv4Told.v2()), []told{ipv4Told}, nil},
		{"unknown network of 512 bytes", counted(1, with(99, 512)), nil, nil},
		{"unknown network of 513 bytes", counted(1, with(99, 513)), nil, errAddrLen},
		{"TORv2", counted(2, with(3, 10), ipv4Told.v2()), []told{ipv4Told}, nil},
		{"IPv4 of 3 bytes", counted(1, with(1, 3)), nil, addrbook.ErrSize},
		{"IPv4 of 5 bytes", counted(1, with(1, 5)), nil, addrbook.ErrSize},
		{"IPv6 of 15 bytes", counted(1, with(2, 15)), nil, addrbook.ErrSize},
		{"IPv6 of 17 bytes", counted(1, with(2, 17)), nil, addrbook.ErrSize},
		{"onion of 31 bytes", counted(1, with(4, 31)), nil, addrbook.ErrSize},
		{"onion of 33 bytes", counted(1, with(4, 33)), nil, addrbook.ErrSize},
		{"I2P of 31 bytes", counted(1, with(5, 31)), nil, addrbook.ErrSize},
		{"CJDNS of 17 bytes", counted(1, with(6, 17)), nil, addrbook.ErrSize},
		{"CJDNS outside fc00::/8", counted(1, with(6, 16)), nil, nil},
		{"IPv4 within IPv6", counted(1, told{1, 1, 2, netip.MustParseAddr("::ffff:8.8.8.8").AsSlice(), 1}.v2()), nil, nil},
		{"TORv2 within IPv6", counted(1, told{1, 1, 2, netip.MustParseAddr("fd87:d87e:eb43::1").AsSlice(), 1}.v2()), nil, nil},
		{"a count that lies", counted(2, ipv4Told.v2()), nil, errAddrsEnd},
		{"more than counted", counted(1, ipv4Told.v2(), []byte{0}), nil, errAddrsRest},
		{"nothing at all", nil, nil, btc.ErrShort},
		{"a count of 2^64-1", append(filled(9, 0)[:0], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), nil, errTooManyAddrs},
		{"services in too long a form", counted(1, []byte{1, 0, 0, 0, 0xfd, 1, 0, 1, 4, 8, 8, 8, 8, 0, 1}), nil, btc.ErrNonCanonical},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var want []addrbook.Heard
			for _, a := range tc.want {
				want = append(want, heardOf(t, a))
			}
			got, err := parseAddrs(tc.payload, parseAddrV2)
			if !errors.Is(err, tc.err) || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%v, %v; want %v, %v", got, err, want, tc.err)
			}
		})
	}
}

// TestAddrV1 takes IPv4 and IPv6 as the older message has them.
func TestAddrV1(t *testing.T) {
	onionCat := told{1, 1, 2, netip.MustParseAddr("fd87:d87e:eb43::1").AsSlice(), 1}
	got, err := parseAddrs(counted(3, ipv4Told.v1(), onionCat.v1(), ipv6Told.v1()), parseAddr)
	if want := []addrbook.Heard{heardOf(t, ipv4Told), heardOf(t, ipv6Told)}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// TestAddrLimits (M13) takes 999 and 1,000 addresses and not 1,001.
func TestAddrLimits(t *testing.T) {
	for n, want := range map[int]error{999: nil, 1000: nil, 1001: errTooManyAddrs} {
		got, err := parseAddrs(counted(n, slices.Repeat(ipv4Told.v2(), n)), parseAddrV2)
		if !errors.Is(err, want) || err == nil && len(got) != n {
			t.Errorf("%d addresses: %d, %v", n, len(got), err)
		}
	}
}

// TestAddrTruncated cuts both messages at every byte.
func TestAddrTruncated(t *testing.T) {
	v1, v2 := counted(2, ipv4Told.v1(), ipv6Told.v1()), counted(4, ipv4Told.v2(), ipv6Told.v2(), torTold.v2(), told{1, 1, 99, filled(300, 1), 1}.v2())
	for i := range v1 {
		if _, err := parseAddrs(v1[:i], parseAddr); err == nil {
			t.Errorf("addr of %d bytes of %d is taken", i, len(v1))
		}
	}
	for i := range v2 {
		if _, err := parseAddrs(v2[:i], parseAddrV2); err == nil {
			t.Errorf("addrv2 of %d bytes of %d is taken", i, len(v2))
		}
	}
}

// FuzzAddrs reads any bytes as both messages. What it takes it takes whole: no byte less
// would do; and each address is one that a book can name.
func FuzzAddrs(f *testing.F) {
	f.Add(counted(5, ipv4Told.v2(), ipv6Told.v2(), torTold.v2(), i2pTold.v2(), cjdnsTold.v2()))
	f.Add(counted(2, ipv4Told.v1(), ipv6Told.v1()))
	f.Add(counted(1, told{1, 1, 99, filled(512, 1), 1}.v2()))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, parse := range []func([]byte) (entry, []byte, error){parseAddr, parseAddrV2} {
			heard, err := parseAddrs(payload, parse)
			if err != nil {
				continue
			}
			if len(heard) > link.MaxAddresses || len(heard)*minAddrV2Size > len(payload) {
				t.Fatalf("%d addresses of %d bytes", len(heard), len(payload))
			}
			if _, err := parseAddrs(payload[:len(payload)-1], parse); err == nil {
				t.Fatalf("%x: a byte less is taken, too", payload)
			}
			for _, h := range heard {
				if again, err := addrbook.ParseAddr(h.Addr.String()); h.Addr.Kind() == 0 || err != nil || again != h.Addr && h.Addr.Kind() != addrbook.IPv6 {
					t.Fatalf("%v: %v, %v", h.Addr, again, err)
				}
			}
		}
	})
}

// TestAddrsOnTheWire (M13, M14) asks a peer for addresses and hears them; a time that
// cannot be goes on as it came, and the book puts it right.
func TestAddrsOnTheWire(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, s *Session, h *hand) {
		if err := s.GetAddr(); !errors.Is(err, ErrNotReady) {
			t.Errorf("before the handshake: %v", err)
		}
		h.send("addr", counted(1, ipv4Told.v1())) // too early: ignored
		h.handshake()
		if err := s.GetAddr(); err != nil {
			t.Error(err)
		}
		asked := false
		for c, p := h.receive(); c != ""; c, p = h.receive() {
			asked = asked || c == "getaddr" && len(p) == 0
		}
		if !asked {
			t.Error("no getaddr came")
		}
		future := told{1<<32 - 1, 9, 1, []byte{8, 8, 8, 8}, 8333}
		h.send("addr", counted(1, ipv4Told.v1()))
		h.send("addrv2", counted(2, future.v2(), told{1, 1, 99, filled(9, 9), 1}.v2()))
		h.send("addrv2", counted(0))
		want := []Addrs{{[]addrbook.Heard{heardOf(t, ipv4Told)}}, {[]addrbook.Heard{heardOf(t, future)}}}
		got := only[Addrs](r)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		book, now := addrbook.New(addrbook.Config{Network: btc.Mainnet}), time.Unix(1_790_000_000, 0)
		added := book.Add(got[1].Addrs, book.PeerSource(heardOf(t, ipv4Told).Addr), nil, now)
		if _, ok := book.Pick(addrbook.Wanted{Kinds: addrbook.IPs}, now); added.New != 1 || !ok {
			t.Errorf("%+v, and picked %v", added, ok)
		}
		if c := r.closed(); c != (Closed{}) {
			t.Errorf("closed: %+v", c)
		}
	})
}

// TestBadAddrs (M13, M14) ends sessions with those who send too many, and takes nothing of
// what is malformed.
func TestBadAddrs(t *testing.T) {
	for _, tc := range []struct {
		name, command string
		payload       []byte
		want          link.Reason
	}{
		{"1,001 addresses in addr", "addr", counted(1001, slices.Repeat(ipv4Told.v1(), 1001)), link.ReasonOversize},
		{"1,001 addresses in addrv2", "addrv2", counted(1001, slices.Repeat(ipv4Told.v2(), 1001)), link.ReasonMalformed},
		{"wrong length", "addrv2", counted(2, ipv4Told.v2(), told{1, 1, 1, filled(5, 1), 1}.v2()), link.ReasonNone},
		{"cut off", "addrv2", counted(2, ipv4Told.v2()), link.ReasonNone},
		{"cut off", "addr", counted(2, ipv4Told.v1()), link.ReasonNone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
				h.handshake()
				h.send(tc.command, tc.payload)
				if got := r.closed(); got.Reason != tc.want || got.Reason.Ban() != (tc.want != link.ReasonNone) {
					t.Errorf("closed by %+v, want %v", got, tc.want)
				}
				if heard := only[Addrs](r); len(heard) > 0 {
					t.Errorf("heard %+v", heard)
				}
			})
		})
	}
}

// TestBrief says nothing behind the handshake.
func TestBrief(t *testing.T) {
	byHand(t, "10.0.0.2:18444", func(c *Config) { c.Brief = true }, func(r *recorder, _ *Session, h *hand) {
		h.handshake()
		if len(only[Ready](r)) != 1 {
			t.Errorf("not ready: %+v", r.closed())
		}
		var said []string
		for c, _ := h.receive(); c != ""; c, _ = h.receive() {
			said = append(said, c)
		}
		if got := strings.Join(said, " "); got != "version sendaddrv2 verack" {
			t.Errorf("said %q", got)
		}
	})
}

// TestEcho (M17) meets a peer that sends our own bytes back: it ends without a ban.
func TestEcho(t *testing.T) {
	byHand(t, "10.0.0.2:18444", nil, func(r *recorder, _ *Session, h *hand) {
		_, ours := h.receive()
		h.send("version", ours)
		if got := r.closed(); got.Reason == link.ReasonNone || got.Reason.Ban() {
			t.Errorf("closed by %+v", got)
		}
		if len(only[Ready](r)) > 0 {
			t.Error("ready to talk to ourselves")
		}
	})
}
