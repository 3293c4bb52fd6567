package node

import "strings"

// Reason is why a connection ended or an address is banned: a few words with
// hyphens, for people and counters. Reasons of the transport come in with
// [PeerDown]; those of bodies are [Outcome.Reason]; the node's own are here. What
// each costs stands in one table: see [Reason.Cost].
type Reason string

// Reasons of the node's own for which a connection ends.
const (
	ReasonHeadersTimeout     Reason = "headers-timeout"     // no answer to getheaders
	ReasonHeadersUnconnected Reason = "headers-unconnected" // too often without a known parent
	ReasonHeadersLoop        Reason = "headers-loop"        // batch after batch without more work
	ReasonHeadersFlood       Reason = "headers-flood"       // too many messages that bring nothing
	ReasonInvFlood           Reason = "inv-flood"           // too many announcements
	ReasonPresyncTimeout     Reason = "presync-timeout"     // headers without work enough, for too long
	ReasonPresyncTooLong     Reason = "presync-too-long"    // more headers than there can be
	ReasonPresyncDifficulty  Reason = "presync-difficulty"  // the target changes as no chain's can
	ReasonPresyncMismatch    Reason = "presync-mismatch"    // other headers at the second time
	ReasonStall              Reason = "stall"               // late again and again while others serve
	ReasonBlockTimeout       Reason = "block-timeout"       // owes a block for too long
	ReasonNoBlocks           Reason = "no-blocks-served"    // has none of the blocks it said it has
	ReasonServices           Reason = "services"            // does not serve the blocks that we need
	ReasonDialTimeout        Reason = "dial-timeout"        // neither up nor failed
	ReasonUnknownPeer        Reason = "unknown-peer"        // no dial of ours
	ReasonBehind             Reason = "behind"              // shows less work than we have, for too long
	ReasonExtra              Reason = "one-too-many"        // the least useful, when there was one beyond the slots
	ReasonFeelerDone         Reason = "feeler-done"         // somebody is there
	ReasonIdle               Reason = "idle"                // nobody wants blocks
	ReasonOperator           Reason = "operator"            // the operator said so
	ReasonHeadersTooMany     Reason = "headers-too-many"    // more than a message may hold
	ReasonAddrsTooMany       Reason = "addrs-too-many"      // more than a message may hold
	// reasonInvalidHeader is followed by the rule that a header breaks.
	reasonInvalidHeader Reason = "invalid-header: "
)

// Cost is what a reason costs a peer.
type Cost uint8

// The costs, in rising order.
const (
	// CostUnknown is that of a reason that is not in the table: as Waits.
	CostUnknown Cost = iota
	// Free says that the connection ends for no fault: the address may be dialled again
	// at once.
	Free
	// Waits says that the connection ends, and that the address waits before the next
	// dial, longer each time. Poor lines and slow machines do such things.
	Waits
	// Discourages says that no honest node does it: the address is not dialled for
	// Config.BanTime, or [ManualBanTime] if the operator named it.
	Discourages
)

// costs has a row for each reason for which a connection can end. What is not in it
// ends none: an unknown command, a message that we have no use for, an unasked pong, a
// header dated ahead of our clock, a block that comes late, a peer that is a block
// behind, a header whose parent we do not know, addresses that nobody asked for.
//
// Source: Misbehaving and fDisconnect, Bitcoin Core v30.0 src/net_processing.cpp. That
// of headers that lead nowhere is ours: they cost us next to nothing.
var costs = map[Reason]Cost{ //nolint:gochecknoglobals // a table
	// Of the node. The empty reason is that of a dial that failed or a peer that left.
	"":                       Waits,
	ReasonHeadersTimeout:     Waits,
	ReasonHeadersUnconnected: Waits,
	ReasonHeadersLoop:        Waits,
	ReasonHeadersFlood:       Waits,
	ReasonInvFlood:           Waits,
	ReasonPresyncTimeout:     Waits,
	ReasonPresyncTooLong:     Waits,
	ReasonPresyncDifficulty:  Waits,
	ReasonPresyncMismatch:    Waits,
	ReasonStall:              Waits,
	ReasonBlockTimeout:       Waits,
	ReasonNoBlocks:           Waits,
	ReasonServices:           Waits,
	ReasonDialTimeout:        Waits,
	ReasonUnknownPeer:        Waits,
	ReasonBehind:             Waits,
	ReasonExtra:              Free,
	ReasonFeelerDone:         Free,
	ReasonIdle:               Free,
	ReasonOperator:           Waits, // a ban of his lasts as long as he says
	ReasonHeadersTooMany:     Discourages,
	ReasonAddrsTooMany:       Discourages,
	ReasonDelivered:          Free, // of connections that are there for a transaction
	ReasonNoRelay:            Waits,
	ReasonNotNeeded:          Free,
	ReasonCarrierTimeout:     Waits,
	ReasonBanned:             Waits,
	"invalid-header":         Discourages, // with any rule; what our clock or limits refuse is none

	// Of bodies, once other bytes are proven for the same header.
	"body-not-the-block":   Discourages,
	"body-worker-died":     Discourages,
	"body-worker-hung":     Discourages,
	"body-worker-nonsense": Discourages,
	"body-malformed":       Discourages,
	"body-merkle":          Discourages,
	"body-mutated":         Discourages,
	"body-coinbase":        Discourages,
	"body-witness":         Discourages,
	"body-rule":            Discourages,
	"body-disagree":        Discourages,
	"body-other":           Discourages,
	"body-not-judged":      Waits, // never said of a peer: nobody looked

	// Of the transport.
	"local":                   Free,
	"self-connection":         Waits, // quietly: nobody is at fault
	"remote-closed":           Waits,
	"handshake-timeout":       Waits,
	"protocol":                Waits,
	"missing-services":        Waits,
	"old-version":             Waits,
	"bad-checksum":            Waits, // a broken router can do it
	"slow-frame":              Waits, // so can a poor line
	"silent":                  Waits,
	"no-pong":                 Waits,
	"write-timeout":           Waits,
	"no-encryption":           Waits,
	"bad-packet":              Waits, // so can who sits on the line
	"send-queue-full":         Waits,
	"wrong-magic":             Discourages,
	"bad-command":             Discourages,
	"oversize":                Discourages,
	"malformed":               Discourages,
	"short-block":             Discourages,
	"unasked-blocks":          Discourages,
	"unrequested-tx":          Discourages,
	"unrequested-merkleblock": Discourages,
	"unrequested-cmpctblock":  Discourages,
	"unrequested-blocktxn":    Discourages,
	"unrequested-filter":      Discourages,
	"ping-flood":              Discourages,
	"message-flood":           Discourages,
	"useless-bytes":           Discourages,
}

// Cost returns what the reason costs a peer.
func (r Reason) Cost() Cost {
	word, _, _ := strings.Cut(string(r), ":")
	return costs[Reason(word)]
}
