package link

import "blockgate/internal/btc"

// Verdict says what happens to a message. It is decided on command and length,
// before any payload is read.
type Verdict uint8

// The verdicts.
const (
	// Unknown messages are streamed to nowhere: other software may know them.
	Unknown Verdict = iota
	// Pass hands a message to the protocol engine, checksum checked.
	Pass
	// Answer is for ping: we answer it ourselves.
	Answer
	// Divert is for block: see [Conn].
	Divert
	// Drop streams a known message that is of no use to nowhere.
	Drop
	// Ban ends the connection.
	Ban
	// Take hands the payload of a message to Config.Take: the engine has no use for it.
	Take
)

var verdictNames = [...]string{ //nolint:gochecknoglobals // a table
	Unknown: "unknown", Pass: "pass", Answer: "answer", Divert: "divert", Drop: "drop", Ban: "ban", Take: "take",
}

// String returns the verdict in one lower-case word.
func (v Verdict) String() string {
	if int(v) >= len(verdictNames) {
		return "verdict?"
	}
	return verdictNames[v]
}

// phase is how far the handshake is. A message passes in its own phase only, and
// is dropped in others: so a second version is ignored, and so is everything
// before verack, as in Bitcoin Core.
type phase uint8

const (
	hello     phase = iota // nothing passed yet: version passes
	negotiate              // version passed: verack passes
	open                   // verack passed
)

// after returns the phase once a message has passed.
func (p phase) after(passed Command) phase {
	switch passed {
	case CommandOf("version"):
		return negotiate
	case CommandOf("verack"):
		return open
	}
	return p
}

// rule is a row of the policy.
//
//	0 <= size < min      dropped: too short to mean anything
//	min  .. keep         the verdict
//	keep < size <= max   dropped: legal, but more than we read
//	max  < size          the connection ends: ReasonOversize
type rule struct {
	verdict        Verdict
	min, keep, max uint32 // bytes
	phase          phase
	ban            Reason
}

func pass(in phase, least, most uint32) rule {
	return rule{verdict: Pass, min: least, keep: most, max: most, phase: in}
}

func take(keep, most uint32) rule {
	return rule{verdict: Take, min: 1, keep: keep, max: most, phase: open}
}

func drop(most uint32) rule { return rule{verdict: Drop, keep: most, max: most} }

func ban(why Reason) rule { return rule{verdict: Ban, max: MaxPayload, keep: MaxPayload, ban: why} }

// policy is an allow list: what is not in it is Unknown, up to MaxPayload.
var policy = map[Command]rule{ //nolint:gochecknoglobals // a table
	// The handshake: the engine's business.
	CommandOf("version"): pass(hello, 0, maxVersionSize),
	CommandOf("verack"):  pass(negotiate, 0, 0),

	// Keeping the connection: the engine pings, we answer pings. So the engine's
	// unbounded output queue never grows by what a peer sends.
	CommandOf("ping"): {verdict: Answer, min: nonceSize, keep: nonceSize, max: nonceSize, phase: open},
	CommandOf("pong"): pass(open, nonceSize, nonceSize),

	// What we are here for.
	CommandOf("headers"): pass(open, 1, 3+btc.MaxHeaders*headersSize),
	CommandOf("inv"): {
		verdict: Pass, min: 1, keep: 3 + MaxInventory*inventorySize,
		max: 3 + maxProtocolInventory*inventorySize, phase: open,
	},
	CommandOf("notfound"): {
		verdict: Pass, min: 1, keep: 3 + MaxInventory*inventorySize,
		max: 3 + maxProtocolInventory*inventorySize, phase: open,
	},
	CommandOf("block"): {verdict: Divert, keep: MaxPayload, max: MaxPayload},

	// Requests: we serve nothing.
	CommandOf("getaddr"):      drop(0),
	CommandOf("mempool"):      drop(0),
	CommandOf("getheaders"):   drop(locatorLen),
	CommandOf("getblocks"):    drop(locatorLen),
	CommandOf("getdata"):      drop(3 + maxProtocolInventory*inventorySize),
	CommandOf("getblocktxn"):  drop(MaxPayload), // BIP-0152
	CommandOf("getcfilters"):  drop(37),         // BIP-0157
	CommandOf("getcfheaders"): drop(37),         // BIP-0157
	CommandOf("getcfcheckpt"): drop(33),         // BIP-0157
	CommandOf("filterload"):   drop(MaxPayload), // BIP-0037
	CommandOf("filteradd"):    drop(MaxPayload), // BIP-0037
	CommandOf("filterclear"):  drop(MaxPayload), // BIP-0037

	// Where other nodes are.
	CommandOf("addr"):   take(3+MaxAddresses*30, 3+MaxAddresses*30),
	CommandOf("addrv2"): take(maxAddrV2, 3+MaxAddresses*534), // BIP-0155: entries of at most 534 bytes

	// Told by honest nodes, of no use to one that relays no transactions.
	CommandOf("feefilter"):   drop(nonceSize),  // BIP-0133
	CommandOf("sendheaders"): drop(0),          // BIP-0130: we announce nothing
	CommandOf("sendaddrv2"):  drop(0),          // BIP-0155: we send no addresses
	CommandOf("sendcmpct"):   drop(9),          // BIP-0152
	CommandOf("wtxidrelay"):  drop(0),          // BIP-0339
	CommandOf("sendtxrcncl"): drop(12),         // BIP-0330
	CommandOf("reject"):      drop(MaxPayload), // BIP-0061, no longer sent
	CommandOf("alert"):       drop(MaxPayload), // no longer sent

	// Never asked for: our version says that we want no transactions, and we
	// set no filter and no compact blocks. No honest node sends these to us.
	CommandOf("tx"):          ban(ReasonUnrequestedTx),
	CommandOf("merkleblock"): ban(ReasonUnrequestedMerkleBlock),
	CommandOf("cmpctblock"):  ban(ReasonUnrequestedCompactBlock),
	CommandOf("blocktxn"):    ban(ReasonUnrequestedBlockTxn),
	CommandOf("cfilter"):     ban(ReasonUnrequestedFilter),
	CommandOf("cfheaders"):   ban(ReasonUnrequestedFilter),
	CommandOf("cfcheckpt"):   ban(ReasonUnrequestedFilter),
}

// judge decides what happens to a message in a phase of the handshake of a connection
// for blocks.
func judge(m message, now phase) (Verdict, error) { return judgeFor(0, m, now) }

// judgeFor decides it for a purpose. The error, an *[EndError], ends the connection.
func judgeFor(purpose Purpose, m message, now phase) (Verdict, error) {
	if m.void {
		return Drop, nil
	}
	if !m.command.valid() {
		return Unknown, &EndError{ReasonBadCommand, "command " + m.command.String()}
	}
	row, known := purpose.rule(m.command)
	if !known {
		row = rule{verdict: Unknown, keep: MaxPayload, max: MaxPayload}
	}
	switch {
	case row.verdict == Ban:
		return Ban, &EndError{row.ban, "message " + m.command.String()}
	case m.size > row.max:
		return row.verdict, oversize(m, row.max)
	case row.verdict == Divert && m.size < MinBlockSize:
		return Divert, &EndError{ReasonShortBlock, m.String()}
	case m.size < row.min, m.size > row.keep:
		return Drop, nil
	case (row.verdict == Pass || row.verdict == Answer || row.verdict == Take) && row.phase != now:
		return Drop, nil
	}
	return row.verdict, nil
}
