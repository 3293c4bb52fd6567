package link

import "time"

// ServiceV2 is the service bit of nodes that speak the v2 transport.
//
// Source: NODE_P2P_V2, BIP-0324.
const ServiceV2 = 1 << 11

// Transport says how to speak to a peer.
type Transport uint8

// The transports.
const (
	// TransportV1 is in the clear.
	TransportV1 Transport = iota
	// TransportV2 is BIP-0324: see [Encrypt].
	TransportV2
)

// Choice decides how to speak to a peer. The zero value is ready. One goroutine uses
// it, and it is never saved: whoever can break our handshakes once should not
// have a say for longer than [FallbackMemory].
type Choice struct {
	// Only says that no peer is spoken to in the clear (--v2-only).
	Only bool

	refused map[string]time.Time // when v2 last came to nothing; at most maxFallbacks
}

// For returns the transport for the next dial to an address that is said to have
// some services: v2 if it advertises that, unless it came to nothing there lately.
func (c *Choice) For(addr string, services uint64, now time.Time) Transport {
	if c.Only {
		return TransportV2
	}
	at, refused := c.refused[addr]
	if services&ServiceV2 == 0 || refused && now.Sub(at) < FallbackMemory {
		return TransportV1
	}
	return TransportV2
}

// Refused remembers that [Encrypt] came to nothing at an address. If there are too
// many such addresses, the one whose turn came first is forgotten.
func (c *Choice) Refused(addr string, now time.Time) {
	if c.refused == nil {
		c.refused = make(map[string]time.Time)
	}
	c.refused[addr] = now
	oldest := addr
	for other, at := range c.refused {
		switch {
		case now.Sub(at) >= FallbackMemory:
			delete(c.refused, other)
		case at.Before(c.refused[oldest]):
			oldest = other
		}
	}
	if len(c.refused) > maxFallbacks {
		delete(c.refused, oldest)
	}
}
