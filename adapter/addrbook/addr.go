package addrbook

import (
	"crypto/sha3"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Kind is the network that an address belongs to, by its number in BIP-0155.
type Kind uint8

// The kinds that a book holds. I2P and CJDNS addresses are kept, but the zero Wanted
// and [IPs] never dial them. TORv2 (3) is dead; unknown numbers are not kept, because
// nobody could say which of them are one host.
const (
	IPv4  Kind = 1
	IPv6  Kind = 2
	TorV3 Kind = 4
	I2P   Kind = 5
	CJDNS Kind = 6
)

const maxKind = CJDNS

// sizes are the lengths in bytes of the kinds' addresses, 0 for what is none.
//
// Source: BIP-0155.
var sizes = [maxKind + 1]uint8{ //nolint:gochecknoglobals // a table, never written
	IPv4: 4, IPv6: 16, TorV3: 32, I2P: 32, CJDNS: 16,
}

var kindNames = [maxKind + 1]string{ //nolint:gochecknoglobals // a table, never written
	IPv4: "ipv4", IPv6: "ipv6", TorV3: "onion", I2P: "i2p", CJDNS: "cjdns",
}

// String returns the name that Bitcoin Core has for the network.
func (k Kind) String() string {
	if k <= maxKind && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("network(%d)", uint8(k))
}

var (
	// ErrNetwork says that an address is of a network that is not kept. Skip it.
	ErrNetwork = errors.New("network of the address is not known")
	// ErrSize says that an address has not the length of its network: the message
	// is malformed, and so is its sender (BIP-0155).
	ErrSize = errors.New("address has not the length of its network")
	// ErrForm says that an address stands in a form that means another one, such as
	// IPv4 within IPv6, or is no address. Skip it.
	ErrForm = errors.New("address is malformed")
)

// Addr is where a node may be: a network, an address in it and a port. It is a
// value, comparable, and holds no pointer. The zero Addr is no address.
type Addr struct {
	bytes [32]byte // Invariant: zero from sizes[kind] on.
	port  uint16
	kind  Kind
}

// FromAddrPort returns the Addr of an IP address; the zero Addr if at has none.
// IPv4 within IPv6 becomes IPv4, an IPv6 zone is lost.
func FromAddrPort(at netip.AddrPort) Addr {
	ip := at.Addr().Unmap()
	if !ip.IsValid() {
		return Addr{}
	}
	if ip.Is4() {
		a := Addr{kind: IPv4, port: at.Port()}
		v4 := ip.As4()
		copy(a.bytes[:], v4[:])
		return a
	}
	a := Addr{kind: IPv6, port: at.Port()}
	v6 := ip.As16()
	copy(a.bytes[:], v6[:])
	return a
}

// FromWire returns the Addr of an entry of addrv2: the network's number, the bytes
// of the address, of which it keeps none, and the port. It returns [ErrNetwork] for
// a network that is not kept, [ErrSize] if the length is not the network's, and
// [ErrForm] for IPv6 that holds IPv4 or TORv2 and for CJDNS outside fc00::/8.
func FromWire(network uint8, address []byte, port uint16) (Addr, error) {
	kind := Kind(network)
	if kind > maxKind || sizes[kind] == 0 {
		return Addr{}, fmt.Errorf("%w: %d", ErrNetwork, network)
	}
	if len(address) != int(sizes[kind]) {
		return Addr{}, fmt.Errorf("%w: %v of %d bytes", ErrSize, kind, len(address))
	}
	a := Addr{kind: kind, port: port}
	copy(a.bytes[:], address)
	if !a.wellFormed() {
		return Addr{}, fmt.Errorf("%w: %v", ErrForm, kind)
	}
	return a, nil
}

// wellFormed reports whether the kind is one that is kept and the bytes may stand
// under it. IPv4 and TORv2 within IPv6 may not: they would be a second name.
//
// Source: CNetAddr::UnserializeV2Stream, Bitcoin Core v30.0 src/netaddress.h.
func (a Addr) wellFormed() bool {
	switch a.kind {
	case IPv4, TorV3, I2P:
		return true
	case IPv6:
		ip := netip.AddrFrom16([16]byte(a.bytes[:16]))
		return !ip.Is4In6() && !special[torV2].Contains(ip) && !special[internal].Contains(ip)
	case CJDNS:
		return a.bytes[0] == 0xfc
	default:
		return false
	}
}

// ParseAddr reads an address with its port, as Bitcoin Core's lists of seeds have
// them: "192.0.2.1:8333", "[2001:db8::1]:8333", "x.onion:8333", "x.b32.i2p:0". What
// begins with fc is CJDNS. It returns [ErrForm] for anything else.
func ParseAddr(text string) (Addr, error) {
	if at, err := netip.ParseAddrPort(text); err == nil && at.Addr().Zone() == "" {
		a := FromAddrPort(at)
		if a.kind == IPv6 && a.bytes[0] == 0xfc {
			a.kind = CJDNS
		}
		return a, nil
	}
	host, portText, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return Addr{}, fmt.Errorf("%w: %.80q", ErrForm, text)
	}
	if name, ok := strings.CutSuffix(host, ".onion"); ok {
		if raw, ok := decodeBase32(name, len(torKey{})+3); ok && [3]byte(raw[32:]) == torTail(torKey(raw[:32])) {
			return FromWire(uint8(TorV3), raw[:32], uint16(port))
		}
	}
	if name, ok := strings.CutSuffix(host, ".b32.i2p"); ok {
		if raw, ok := decodeBase32(name, int(sizes[I2P])); ok {
			return FromWire(uint8(I2P), raw, uint16(port))
		}
	}
	return Addr{}, fmt.Errorf("%w: %.80q", ErrForm, text)
}

// torKey is the public key that a Tor v3 address stands for.
type torKey [32]byte

// torTail returns what follows the key in a Tor v3 name: two bytes of a hash, and
// the version.
//
// Source: Tor's rend-spec-v3, section 6, "Encoding onion addresses".
func torTail(key torKey) [3]byte {
	const version = 3
	text := append([]byte(".onion checksum"), key[:]...)
	sum := sha3.Sum256(append(text, version))
	return [3]byte{sum[0], sum[1], version}
}

// decodeBase32 reads lower-case base32 without padding of size bytes in its only
// spelling.
func decodeBase32(name string, size int) ([]byte, bool) {
	const longest = 56
	encoding := base32.StdEncoding.WithPadding(base32.NoPadding)
	if len(name) > longest {
		return nil, false
	}
	raw, err := encoding.DecodeString(strings.ToUpper(name))
	if err != nil || len(raw) != size || strings.ToLower(encoding.EncodeToString(raw)) != name {
		return nil, false
	}
	return raw, true
}

// Kind returns the network of the address, 0 of the zero Addr.
func (a Addr) Kind() Kind { return a.kind }

// Port returns the port.
func (a Addr) Port() uint16 { return a.port }

// AddrPort returns the IP address and port; false for what is not IPv4 or IPv6.
func (a Addr) AddrPort() (netip.AddrPort, bool) {
	if a.kind != IPv4 && a.kind != IPv6 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a.ip(), a.port), true
}

// ip returns the address of IPv4, IPv6 and CJDNS, which looks like IPv6.
func (a Addr) ip() netip.Addr {
	if a.kind == IPv4 {
		return netip.AddrFrom4([4]byte(a.bytes[:4]))
	}
	return netip.AddrFrom16([16]byte(a.bytes[:16]))
}

// Host returns the address without the port, as a dialler or a proxy wants it: an IP
// address, or a name under .onion or .b32.i2p. It returns "" for the zero Addr.
func (a Addr) Host() string {
	encoding := base32.StdEncoding.WithPadding(base32.NoPadding)
	switch a.kind {
	case IPv4, IPv6, CJDNS:
		return a.ip().String()
	case TorV3:
		tail := torTail(torKey(a.bytes))
		return strings.ToLower(encoding.EncodeToString(append(a.bytes[:len(a.bytes):len(a.bytes)], tail[:]...))) + ".onion"
	case I2P:
		return strings.ToLower(encoding.EncodeToString(a.bytes[:])) + ".b32.i2p"
	default:
		return ""
	}
}

// String returns the address with its port, as [ParseAddr] reads it.
func (a Addr) String() string {
	switch a.kind {
	case IPv4, IPv6, CJDNS:
		return netip.AddrPortFrom(a.ip(), a.port).String()
	case TorV3, I2P:
		return a.Host() + ":" + strconv.Itoa(int(a.port))
	default:
		return "no address"
	}
}
