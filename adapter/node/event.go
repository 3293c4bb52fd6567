package node

import (
	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// Event is something that happened to the shell. The set is closed: the types
// of this file. All are flat values; their slices stay the caller's, [Node]
// keeps none.
type Event interface{ event() }

// PeerID names one connection attempt and the connection that it becomes. The
// node gives it in [Dial]; no two dials share one. 0 is no peer.
type PeerID uint64

// BodyID is the shell's name for the bytes of one block that it holds for the
// node. 0 is no body.
type BodyID uint64

// Tick says that time passed. The shell sends one at least every second, best
// every 250 ms: deadlines are looked at on every event, not between them.
type Tick struct{}

// PeerUp says that the handshake with a dialled peer is done.
type PeerUp struct {
	Peer        PeerID
	Services    uint64 // bits of the version message, a hint
	StartHeight int32  // of the version message, a hint
	UserAgent   string
	Relay       bool // of the version message: it wants to hear of transactions
	Encrypted   bool // the transport is that of BIP-0324
}

// DialFailed says that a dial ended without a handshake.
type DialFailed struct {
	Peer   PeerID
	Detail string
}

// PeerDown says that a connection is over, whoever ended it. It follows every
// [PeerUp] once, also after a [Disconnect].
type PeerDown struct {
	Peer   PeerID
	Reason Reason // of the transport, "" if the peer just left
	Ban    bool   // the transport saw what no honest peer does
	Detail string
}

// AddrsHeard brings the addresses of an addr or addrv2 message.
type AddrsHeard struct {
	Peer  PeerID
	Addrs []addrbook.Heard
}

// SeedsFound brings what one DNS seed answered, which may be nothing.
type SeedsFound struct {
	Name     string // the seed, without service bits: each is one source
	Addrs    []addrbook.Addr
	Services uint64 // that were asked for in the name that answered, 0 of a plain name
}

// HeadersReceived brings a headers message, asked for or not, empty or not.
type HeadersReceived struct {
	Peer    PeerID
	Headers []btc.Header
}

// BlocksAnnounced brings the block hashes of an inv message.
type BlocksAnnounced struct {
	Peer   PeerID
	Hashes []btc.Hash
}

// NotFound says that a peer has no blocks of these hashes.
type NotFound struct {
	Peer   PeerID
	Hashes []btc.Hash
}

// BodyArrived says that the last byte of a wanted block is in and that the
// block goes to a parser. One [BodyJudged] with the same Peer and Hash follows.
type BodyArrived struct {
	Peer PeerID
	Hash btc.Hash
	Size int // bytes
}

// BodyUnneeded says that a peer sent a block that it owed and that the shell did
// not take, because the block was proven meanwhile. No [BodyArrived] follows.
type BodyUnneeded struct {
	Peer PeerID
	Hash btc.Hash
}

// BodyJudged says what came of a body that arrived.
//
// A Body that is not 0 is held by the shell until the node says [Drop] or
// [Store] for it, exactly once, whatever the outcome.
type BodyJudged struct {
	Peer    PeerID
	Hash    btc.Hash
	Sum     [32]byte // SHA-256 of the bytes
	Body    BodyID
	Outcome Outcome
	Detail  string
}

// OperatorInvalidate brings the operator's word that a block is invalid: its branch is
// parked until [OperatorReconsider] or the end of the process. One [OperatorTold]
// with the same Request answers it.
type OperatorInvalidate struct {
	Request uint64
	Hash    btc.Hash
}

// OperatorReconsider takes an [OperatorInvalidate] or our parsers' word back, for the
// block, those that it stands on and those that stand on it: they are judged again.
// One [OperatorTold] with the same Request answers it.
type OperatorReconsider struct {
	Request uint64
	Hash    btc.Hash
}

// JournalLoaded answers [LoadJournal]: where the journal on the bus stands.
type JournalLoaded struct {
	Empty      bool // no event yet; the other fields are 0
	Tip        btc.Hash
	TipHeight  btc.Height
	TipHeader  btc.Header
	Final      btc.Height // of the last event
	First      btc.Height // lowest height that the journal still holds
	FirstTrims bool       // blocks below First were there and have been discarded
}

// JournalFailed answers [LoadJournal]: it could not be read.
type JournalFailed struct{ Detail string }

// JournalHeader answers [FetchHeader]. Found is false if the journal does not
// hold that block or could not be read.
type JournalHeader struct {
	Hash   btc.Hash
	Header btc.Header
	Found  bool
	Detail string
}

// BodyStored answers [Store]: all parts are acknowledged, the body is released.
// The shell keeps what an [Append] of the block needs until [Forget].
type BodyStored struct {
	Hash btc.Hash
	Body BodyID
}

// BodyStoreFailed answers [Store]: not stored; the body is released.
type BodyStoreFailed struct {
	Hash   btc.Hash
	Body   BodyID
	Detail string
}

// EventAppended answers [Append]: the event is in the journal.
type EventAppended struct {
	Hash btc.Hash
	Kind EventKind
	Seq  uint64
}

// EventMoved answers [Append]: the event was refused, or its outcome is not
// known. The journal must be loaded again before anything is appended.
type EventMoved struct {
	Detail string
	Stale  bool // what was stored is not in the journal any more
}

func (Tick) event()               {}
func (PeerUp) event()             {}
func (DialFailed) event()         {}
func (PeerDown) event()           {}
func (AddrsHeard) event()         {}
func (SeedsFound) event()         {}
func (HeadersReceived) event()    {}
func (BlocksAnnounced) event()    {}
func (NotFound) event()           {}
func (BodyArrived) event()        {}
func (BodyUnneeded) event()       {}
func (BodyJudged) event()         {}
func (OperatorInvalidate) event() {}
func (OperatorReconsider) event() {}
func (JournalLoaded) event()      {}
func (JournalFailed) event()      {}
func (JournalHeader) event()      {}
func (BodyStored) event()         {}
func (BodyStoreFailed) event()    {}
func (EventAppended) event()      {}
func (EventMoved) event()         {}
