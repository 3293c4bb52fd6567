package node

// Reason is why a connection ended or an address is banned: a few words with
// hyphens, for people and counters. Reasons of the transport come in with
// [PeerDown]; those of bodies are [Outcome.Reason]; the node's own are here.
type Reason string

// Reasons for which a connection ends. Its address waits before the next dial.
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
	ReasonServices           Reason = "services"            // does not serve whole blocks with witnesses
	ReasonDialTimeout        Reason = "dial-timeout"        // neither up nor failed
	ReasonUnknownPeer        Reason = "unknown-peer"        // no dial of ours
)

// Reasons for which an address is banned.
const (
	ReasonHeadersTooMany Reason = "headers-too-many"
	// reasonInvalidHeader is followed by the rule that a header breaks.
	reasonInvalidHeader Reason = "invalid-header: "
)
