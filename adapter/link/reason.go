package link

import (
	"errors"
	"strconv"
)

// Reason says in one code why a connection ended.
type Reason uint8

// The reasons. Numbers may change between versions; names do not.
const (
	// ReasonNone says that the connection has not ended.
	ReasonNone Reason = iota
	// ReasonLocal says that we ended it, for no fault of the peer.
	ReasonLocal
	// ReasonRemoteClosed says that the peer, or the network, closed it.
	ReasonRemoteClosed
	// ReasonHandshakeTimeout says that version and verack did not come in time.
	ReasonHandshakeTimeout
	// ReasonProtocol says that the protocol engine gave up.
	ReasonProtocol
	// ReasonMissingServices says that the peer does not claim to serve whole
	// blocks with witnesses.
	ReasonMissingServices
	// ReasonOldVersion says that the peer's protocol version is too low.
	ReasonOldVersion
	// ReasonWrongMagic says that a frame began with another network's magic.
	ReasonWrongMagic
	// ReasonBadCommand says that a command was not printable ASCII, then NUL.
	ReasonBadCommand
	// ReasonOversize says that a frame declared more than its type may have.
	ReasonOversize
	// ReasonBadChecksum says that a payload did not match its checksum.
	ReasonBadChecksum
	// ReasonMalformed says that the protocol engine could not decode a message.
	ReasonMalformed
	// ReasonShortBlock says that a block had less than a header and a count.
	ReasonShortBlock
	// ReasonUnaskedBlocks says that too many blocks came that were not asked for.
	ReasonUnaskedBlocks
	// ReasonUnrequestedTx says that a tx came; we never ask for one.
	ReasonUnrequestedTx
	// ReasonUnrequestedMerkleBlock says that a merkleblock came.
	ReasonUnrequestedMerkleBlock
	// ReasonUnrequestedCompactBlock says that a cmpctblock came.
	ReasonUnrequestedCompactBlock
	// ReasonUnrequestedBlockTxn says that a blocktxn came.
	ReasonUnrequestedBlockTxn
	// ReasonUnrequestedFilter says that a cfilter, cfheaders or cfcheckpt came.
	ReasonUnrequestedFilter
	// ReasonPingFlood says that too many pings came.
	ReasonPingFlood
	// ReasonMessageFlood says that too many messages came that passed.
	ReasonMessageFlood
	// ReasonUselessBytes says that too many bytes came in messages that we drop.
	ReasonUselessBytes
	// ReasonSlowFrame says that a payload did not come in time.
	ReasonSlowFrame
	// ReasonSilent says that no frame came for a long time.
	ReasonSilent
	// ReasonNoPong says that our ping was not answered.
	ReasonNoPong
	// ReasonWriteTimeout says that the peer did not read what we sent.
	ReasonWriteTimeout
	// ReasonNoEncryption says that there was no agreement on the v2 transport.
	ReasonNoEncryption
	// ReasonBadPacket says that a packet of the v2 transport was not authentic, or was
	// longer than it may be.
	ReasonBadPacket
	// ReasonSendQueueFull says that too many of our requests waited to be sent.
	ReasonSendQueueFull

	reasonEnd
)

type reasonRow struct {
	name string
	ban  bool // the peer broke a rule that no honest node breaks
}

var reasons = [...]reasonRow{ //nolint:gochecknoglobals // a table
	ReasonNone:                    {"none", false},
	ReasonLocal:                   {"local", false},
	ReasonRemoteClosed:            {"remote-closed", false},
	ReasonHandshakeTimeout:        {"handshake-timeout", false},
	ReasonProtocol:                {"protocol", false},
	ReasonMissingServices:         {"missing-services", false},
	ReasonOldVersion:              {"old-version", false},
	ReasonWrongMagic:              {"wrong-magic", true},
	ReasonBadCommand:              {"bad-command", true},
	ReasonOversize:                {"oversize", true},
	ReasonBadChecksum:             {"bad-checksum", false}, // a broken router can do it
	ReasonMalformed:               {"malformed", true},
	ReasonShortBlock:              {"short-block", true},
	ReasonUnaskedBlocks:           {"unasked-blocks", true},
	ReasonUnrequestedTx:           {"unrequested-tx", true},
	ReasonUnrequestedMerkleBlock:  {"unrequested-merkleblock", true},
	ReasonUnrequestedCompactBlock: {"unrequested-cmpctblock", true},
	ReasonUnrequestedBlockTxn:     {"unrequested-blocktxn", true},
	ReasonUnrequestedFilter:       {"unrequested-filter", true},
	ReasonPingFlood:               {"ping-flood", true},
	ReasonMessageFlood:            {"message-flood", true},
	ReasonUselessBytes:            {"useless-bytes", true},
	ReasonSlowFrame:               {"slow-frame", false}, // so can a poor line
	ReasonSilent:                  {"silent", false},
	ReasonNoPong:                  {"no-pong", false},
	ReasonWriteTimeout:            {"write-timeout", false},
	ReasonNoEncryption:            {"no-encryption", false},
	ReasonBadPacket:               {"bad-packet", false}, // so can who sits on the line
	ReasonSendQueueFull:           {"send-queue-full", false},
}

// Reasons returns all reasons but [ReasonNone].
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasons))
	for r := ReasonNone + 1; r < reasonEnd; r++ {
		all = append(all, r)
	}
	return all
}

// String returns the reason's name: lower-case words joined by hyphens.
func (r Reason) String() string {
	if r >= reasonEnd {
		return "reason(" + strconv.Itoa(int(r)) + ")"
	}
	return reasons[r].name
}

// Ban reports whether the peer broke a rule that no honest node breaks, so that
// its address deserves to be left alone for a while. For all other reasons it is
// enough to dial again later.
func (r Reason) Ban() bool { return r < reasonEnd && reasons[r].ban }

// EndError says why a connection ended.
type EndError struct {
	Reason Reason
	// Detail says more, in printable ASCII, or is empty.
	Detail string
}

// Error returns the reason's name and the detail.
func (e *EndError) Error() string {
	if e.Detail == "" {
		return e.Reason.String()
	}
	return e.Reason.String() + ": " + e.Detail
}

// ReasonOf returns the reason in err's chain: [ReasonNone] if err is nil,
// [ReasonProtocol] if there is no [EndError] in it.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonNone
	}
	if end, ok := errors.AsType[*EndError](err); ok {
		return end.Reason
	}
	return ReasonProtocol
}
