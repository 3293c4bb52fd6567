package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// maxAddrLen is the most bytes that an address of an unknown network may have.
//
// Source: BIP-0155.
const maxAddrLen = 512

// addrSize is the length of an entry of addr: time 4, services 8, address 16, port 2.
const addrSize = 4 + 8 + 16 + 2

// minAddrV2Size is the least length of an entry of addrv2: time 4, services 1, network 1,
// length 1, port 2.
const minAddrV2Size = 4 + 1 + 1 + 1 + 2

var (
	errTooManyAddrs = errors.New("more than 1000 addresses")
	errAddrsEnd     = errors.New("ends within an address")
	errAddrsRest    = errors.New("has bytes behind the last address")
	errAddrLen      = errors.New("address of more than 512 bytes")
)

// addrsReceived takes the payload of addr or addrv2. More than [link.MaxAddresses] end the
// session; of a message that is malformed otherwise nothing is taken, and its sender stays.
//
// Source: ProcessMessage (addr) and ProcessMessages, Bitcoin Core v30.0
// src/net_processing.cpp.
func (s *Session) addrsReceived(command link.Command, payload []byte) error {
	parse := parseAddr
	if command == link.CommandOf("addrv2") {
		parse = parseAddrV2
	}
	heard, err := parseAddrs(payload, parse)
	switch {
	case errors.Is(err, errTooManyAddrs):
		return err
	case err == nil && len(heard) > 0:
		s.emit(Addrs{heard})
	}
	return nil
}

// entry is an address as it was told; known is false if it is of no use.
type entry struct {
	addrbook.Heard
	known bool
}

// parseAddrs reads all entries of a message. Those that are of a network that nobody here
// knows, or that say in one form what is another, are left out (BIP-0155).
func parseAddrs(payload []byte, parse func([]byte) (entry, []byte, error)) ([]addrbook.Heard, error) {
	count, used, err := btc.CompactSize(payload)
	if err != nil {
		return nil, err
	}
	if count > link.MaxAddresses {
		return nil, fmt.Errorf("%w: %d", errTooManyAddrs, count)
	}
	rest := payload[used:]
	heard := make([]addrbook.Heard, 0, min(int(count), len(rest)/minAddrV2Size))
	for i := range count {
		var e entry
		if e, rest, err = parse(rest); err != nil {
			return nil, fmt.Errorf("address %d: %w", i, err)
		}
		if e.known {
			heard = append(heard, e.Heard)
		}
	}
	if len(rest) > 0 {
		return nil, errAddrsRest
	}
	return heard, nil
}

// parseAddr reads an entry of addr off b. IPv4 stands within IPv6 there.
func parseAddr(b []byte) (e entry, rest []byte, err error) {
	if len(b) < addrSize {
		return e, nil, errAddrsEnd
	}
	e.Seen, e.Services = binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:])
	ip, port := netip.AddrFrom16([16]byte(b[12:28])), binary.BigEndian.Uint16(b[28:])
	if ip.Is4In6() {
		e.Addr, e.known = addrbook.FromAddrPort(netip.AddrPortFrom(ip, port)), true
		return e, b[addrSize:], nil
	}
	e.Addr, err = addrbook.FromWire(uint8(addrbook.IPv6), b[12:28], port)
	e.known = err == nil
	return e, b[addrSize:], nil
}

// parseAddrV2 reads an entry of addrv2 off b. One of a known network that has not its
// length is an error: nothing behind it can be trusted.
func parseAddrV2(b []byte) (e entry, rest []byte, err error) {
	if len(b) < minAddrV2Size {
		return e, nil, errAddrsEnd
	}
	e.Seen = binary.LittleEndian.Uint32(b)
	services, used, err := btc.CompactSize(b[4:])
	if err != nil {
		return e, nil, err
	}
	e.Services = services
	b = b[4+used:]
	if len(b) < 2 {
		return e, nil, errAddrsEnd
	}
	network := b[0]
	size, used, err := btc.CompactSize(b[1:])
	switch {
	case err != nil:
		return e, nil, err
	case size > maxAddrLen:
		return e, nil, errAddrLen
	case len(b) < 1+used+int(size)+2:
		return e, nil, errAddrsEnd
	}
	address, rest := b[1+used:1+used+int(size)], b[1+used+int(size):]
	e.Addr, err = addrbook.FromWire(network, address, binary.BigEndian.Uint16(rest))
	e.known = err == nil
	if errors.Is(err, addrbook.ErrSize) {
		return e, nil, err
	}
	return e, rest[2:], nil
}
