package node

// Reason is why a connection ended, in a few words with hyphens.
//
// What it costs the peer's address stands in one table, [Reason.Cost]. A reason
// that is not in the table costs a wait before the next dial, no more.
type Reason string

// Cost is what a [Reason] costs the address of a peer.
type Cost uint8

// The costs, cheapest first.
const (
	// CostWait means: dialled again after a back-off that grows.
	CostWait Cost = iota
	// CostBan means: not dialled for the ban time.
	CostBan
)

// Reasons that node gives itself.
const (
	ReasonHeadersTimeout     Reason = "headers-timeout"
	ReasonHeadersUnconnected Reason = "headers-unconnected"
	ReasonHeadersTooMany     Reason = "headers-too-many"
	ReasonStall              Reason = "stall"
	ReasonBlockTimeout       Reason = "block-timeout"
	ReasonNoBlocks           Reason = "no-blocks-served"
	ReasonDialTimeout        Reason = "dial-timeout"
	ReasonUnknownPeer        Reason = "unknown-peer"
	// ReasonServices: the peer does not serve full blocks with witnesses.
	ReasonServices Reason = "services"
)

// Reasons that come with [PeerDown] from the transport.
const (
	ReasonWrongMagic       Reason = "wrong-magic"
	ReasonOverLimit        Reason = "over-limit"
	ReasonUnaskedMessage   Reason = "unasked-message"
	ReasonUnaskedBlock     Reason = "unasked-block"
	ReasonPingFlood        Reason = "ping-flood"
	ReasonMalformedMessage Reason = "malformed-message"
)

// reasonInvalidHeader begins the reason of a peer that sent a header which
// breaks a rule; the rule follows.
const reasonInvalidHeader = "invalid-header: "

var banned = map[Reason]bool{ //nolint:gochecknoglobals // a table
	ReasonHeadersTooMany:   true,
	ReasonWrongMagic:       true,
	ReasonOverLimit:        true,
	ReasonUnaskedMessage:   true,
	ReasonUnaskedBlock:     true,
	ReasonPingFlood:        true,
	ReasonMalformedMessage: true,
}

// Cost returns what the reason costs.
func (r Reason) Cost() Cost {
	if banned[r] {
		return CostBan
	}
	return CostWait
}
