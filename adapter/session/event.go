package session

import (
	"blockgate/adapter/addrbook"
	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// Event is what a session tells: one of [Ready], [Headers], [BlockInv],
// [NotFound], [Addrs], [Block] and [Closed]. The receiver owns its slices.
type Event interface{ event() }

// Ready says that the handshake is done. It comes first, at most once.
type Ready struct {
	// Services, Version and StartHeight are what the peer claims.
	Services    uint64
	Version     uint32
	StartHeight int32
	// UserAgent is the peer's, escaped to printable ASCII and cut to 256 bytes.
	UserAgent string
	// Relay says that the peer wants to hear of transactions (BIP-0037).
	Relay bool
	// Encrypted says that the transport is that of BIP-0324.
	Encrypted bool
}

// Headers are the headers of one message, at most [btc.MaxHeaders], as they came.
// None is an answer too: the peer knows nothing after our locator.
type Headers struct{ Headers []btc.Header }

// BlockInv are the blocks that one inv message announced, 1 to
// [link.MaxInventory].
type BlockInv struct{ Hashes []btc.Hash }

// NotFound are the blocks that we asked for and the peer does not have, 1 to
// [link.MaxInventory].
type NotFound struct{ Hashes []btc.Hash }

// Addrs are the addresses of one message that are of networks that are kept, 1 to
// [link.MaxAddresses]: where they say that nodes are, when they say those were seen, which
// may be any time, and what those offer. They came asked for or not.
type Addrs struct{ Addrs []addrbook.Heard }

// Block is a block that we asked for. The receiver must release it. The event comes as a
// pointer and is the session's: it holds the next block once Config.Events has returned.
type Block struct{ Block link.RawBlock }

// Closed says that the session has ended and why. It comes last, exactly once.
type Closed struct {
	Reason link.Reason
	// Detail says more, in printable ASCII, or is empty.
	Detail string
}

func (TxTaken) event()  {}
func (TxHeard) event()  {}
func (Ready) event()    {}
func (Headers) event()  {}
func (BlockInv) event() {}
func (NotFound) event() {}
func (Addrs) event()    {}
func (*Block) event()   {}
func (Closed) event()   {}
