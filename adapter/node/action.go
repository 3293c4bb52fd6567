package node

import (
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

// Action is something that the shell must do. The set is closed: the types of
// this file. All are flat values; their slices are the shell's to keep.
type Action interface{ action() }

// Dial asks for a connection. One [PeerUp] or [DialFailed] with Peer follows.
type Dial struct {
	Peer PeerID
	Addr addrbook.Addr
	Kind Kind
	// Services are those that the node is said to have, a hint: by it the shell tries
	// an encrypted connection. 0 if nothing was said.
	Services uint64
}

// Disconnect asks to end a connection or a dial. A [PeerDown] or [DialFailed]
// may follow; the node has forgotten the peer and ignores it.
type Disconnect struct {
	Peer   PeerID
	Reason Reason
}

// Ban says that an address is not dialled again before Until. It is for the
// record: the node keeps the ban itself, and a connected peer gets a
// [Disconnect] of its own.
type Ban struct {
	Peer   PeerID // the connection that earned it
	Addr   addrbook.Addr
	Until  time.Time
	Reason Reason
	Detail string
}

// GetHeaders asks a peer for the headers after the first hash of Locator that
// it knows, up to Stop; a zero Stop means as many as fit.
type GetHeaders struct {
	Peer    PeerID
	Locator []btc.Hash
	Stop    btc.Hash
}

// GetData asks a peer for blocks, with witnesses.
type GetData struct {
	Peer   PeerID
	Hashes []btc.Hash
}

// KeepHeaders says which headers are to be kept, so that the next run gets them by
// [Node.Preload]: each a child of one before it, of one that was kept before or of
// genesis. They are no more than a headers message holds. What is far behind the
// best header is not among them: see [Keeper]. It is for the disk: nothing waits
// for it and no event answers it.
type KeepHeaders struct{ Headers []btc.Header }

// Drop releases a body.
type Drop struct{ Body BodyID }

// Store asks to write the parts of a proven body to the journal and releases
// it when that ends: one [BodyStored] or [BodyStoreFailed] follows. Up to
// [MaxStoring] may be under way at once.
type Store struct {
	Body   BodyID
	Hash   btc.Hash
	Height btc.Height
}

// EventKind is what an event of the journal says.
type EventKind uint8

// The kinds of events that the node appends.
const (
	Connect EventKind = iota + 1
	DisconnectBlock
	// Reset says that the journal ends in the block that it names, and that all above it
	// is taken back, what was final with it.
	Reset
)

// Append asks to append one event to the journal: one [EventAppended] or
// [EventMoved] follows, and no other Append comes before it.
//
// A Connect names a block that was stored by this process and not forgotten.
type Append struct {
	Kind     EventKind
	Hash     btc.Hash
	Prev     btc.Hash
	Height   btc.Height
	Header   btc.Header
	Work     btc.Work // of the chain up to the block
	Best     btc.Hash // the tip that this walk of the journal leads to
	BestWork btc.Work
	// Final never falls, but by a Reset, where it is Height; blocks up to it are never
	// disconnected.
	Final btc.Height
}

// Forget says that no Append will name this stored block again.
type Forget struct{ Hash btc.Hash }

// LoadJournal asks where the journal stands: one [JournalLoaded] or
// [JournalFailed] follows.
type LoadJournal struct{}

// FetchHeader asks the journal for the header of one of its blocks: one
// [JournalHeader] follows.
type FetchHeader struct {
	Hash   btc.Hash
	Height btc.Height
}

// ResolveSeeds asks to look up the network's DNS seeds; a [SeedsFound] for each
// may follow.
type ResolveSeeds struct{}

// OperatorTold answers the operator. Refused is why nothing was done, "" if it was.
// Request is that of the event that it answers.
type OperatorTold struct {
	Request uint64
	Hash    btc.Hash
	Refused string
}

// Alarm is for a human. The same one is not repeated within 5 minutes.
type Alarm struct {
	Code   AlarmCode
	Detail string
}

// AlarmCode is a short word for what an [Alarm] is about.
type AlarmCode string

// The alarms.
const (
	// AlarmNoPeers says that no peer has been ready for 30 s.
	AlarmNoPeers AlarmCode = "no-peers"
	// AlarmSameBytes says that peers of two network groups sent the same bytes
	// for a block and our parser proved neither: the fault may be ours.
	AlarmSameBytes AlarmCode = "same-bytes-not-proven"
	// AlarmDisagree says that parsers contradict each other: one of them lies, or ours
	// is no function of what it reads.
	AlarmDisagree AlarmCode = "parsers-disagree"
	// AlarmParked says that a block is proven and breaks a rule, so that its branch is
	// not followed.
	AlarmParked AlarmCode = "parked"
	// AlarmParkedLeads says that a parked branch is ahead by so much work that others
	// must think it valid.
	AlarmParkedLeads AlarmCode = "parked-leads"
	// AlarmHeld says that a heavier branch forks below what is final.
	AlarmHeld AlarmCode = "held"
	// AlarmJournalUnknown says that the journal ends in a block whose chain
	// neither peers nor the journal can show us.
	AlarmJournalUnknown AlarmCode = "journal-unknown"
	// AlarmClock says that most network groups give headers from more than two hours
	// ahead of our clock: it is ours that is wrong.
	AlarmClock AlarmCode = "clock"
	// AlarmJournalEmptied says that a journal that had events has none.
	AlarmJournalEmptied AlarmCode = "journal-emptied"
)

// Fatal says that the node cannot go on and why; it does nothing afterwards but
// release bodies.
type Fatal struct {
	Code   FatalCode
	Detail string
}

// FatalCode is a short word for what a [Fatal] is about.
type FatalCode string

// FatalStartConflict says that the start flag and the journal disagree.
const FatalStartConflict FatalCode = "start-conflict"

func (Dial) action()         {}
func (Disconnect) action()   {}
func (Ban) action()          {}
func (GetHeaders) action()   {}
func (GetData) action()      {}
func (KeepHeaders) action()  {}
func (Drop) action()         {}
func (Store) action()        {}
func (Append) action()       {}
func (Forget) action()       {}
func (LoadJournal) action()  {}
func (FetchHeader) action()  {}
func (ResolveSeeds) action() {}
func (OperatorTold) action() {}
func (Alarm) action()        {}
func (Fatal) action()        {}
