package fakepeer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"blockgate/internal/btc"
)

// Lie names the one thing that a peer does wrong.
type Lie uint8

// The lies. Those about blocks concern the one at Script.At, or all if that is 0.
const (
	// Honest peers do nothing wrong.
	Honest Lie = iota
	// DoubledLastTx sends mainnet block 586 with its last transaction doubled,
	// which leaves the merkle root as it is (CVE-2012-2459).
	DoubledLastTx
	// TruncatedBody cuts the last byte off a block; the frame is well-formed.
	TruncatedBody
	// WrongBody sends the right header with the transactions of the block below.
	WrongBody
	// UnsolicitedTx sends a tx before it answers the first getdata.
	UnsolicitedTx
	// BadChecksum sends a block with a wrong checksum in the frame.
	BadChecksum
	// WrongMagic sends a block in a frame of another network.
	WrongMagic
	// Oversize announces a block of more than 4,000,000 bytes.
	Oversize
	// HalfBlock closes the connection in the middle of a block.
	HalfBlock
	// Slow waits Script.Delay in the middle of a block.
	Slow
	// Withhold never answers for the block at Script.At and all above it.
	Withhold
	// NotFound says that it does not have the block.
	NotFound
	// UnaskedBlocks sends the blocks of its chain, again and again, after the
	// handshake.
	UnaskedBlocks
	// UnknownCommands sends messages that nobody knows. That is allowed.
	UnknownCommands
	// Garbage sends random bytes after the handshake.
	Garbage
	// PingFlood sends pings without end after the handshake.
	PingFlood
	// Mute accepts the connection and says nothing.
	Mute
	// AppendedBody sends the block at Script.At and all above it with Script.Appended
	// behind them; the frames are good.
	AppendedBody
	// NoServices claims to serve no blocks.
	NoServices
)

// lieRow is what a lie does. What is nil is done as an honest peer does it.
type lieRow struct {
	name string
	// body gives the bytes of a block that the lie is about; the frame is good.
	body func(c *Chain, raw []byte, height btc.Height) []byte
	// reply answers in place of a block that the lie is about.
	reply func(ctx context.Context, c *client, it item, raw []byte) error
	// greet runs once after the handshake.
	greet func(ctx context.Context, c *client) error
}

var lies = [...]lieRow{ //nolint:gochecknoglobals // a table
	Honest:          {name: "honest"},
	DoubledLastTx:   {name: "doubled-last-tx", body: doubleLastTx},
	TruncatedBody:   {name: "truncated-body", body: truncate},
	WrongBody:       {name: "wrong-body", body: bodyBelow},
	UnsolicitedTx:   {name: "unsolicited-tx"},
	BadChecksum:     {name: "bad-checksum", reply: sendBadChecksum},
	WrongMagic:      {name: "wrong-magic", reply: sendWrongMagic},
	Oversize:        {name: "oversize", reply: sendOversize},
	HalfBlock:       {name: "half-block", reply: sendHalf},
	Slow:            {name: "slow", reply: sendSlowly},
	Withhold:        {name: "withhold", reply: sendNothing},
	NotFound:        {name: "not-found", reply: sendNotFound},
	UnaskedBlocks:   {name: "unasked-blocks", greet: sendUnasked},
	UnknownCommands: {name: "unknown-commands", greet: sendUnknown},
	Garbage:         {name: "garbage", greet: sendGarbage},
	PingFlood:       {name: "ping-flood", greet: sendPings},
	Mute:            {name: "mute"},
	AppendedBody:    {name: "appended-body", reply: sendAppended},
	NoServices:      {name: "no-services"},
}

// Lies returns all lies, [Honest] included.
func Lies() []Lie {
	all := make([]Lie, 0, len(lies))
	for i := range lies {
		all = append(all, Lie(i))
	}
	return all
}

// String returns the lie's name: lower-case words joined by hyphens.
func (l Lie) String() string {
	if int(l) >= len(lies) {
		return fmt.Sprintf("lie(%d)", uint8(l))
	}
	return lies[l].name
}

// Script says how a peer behaves. The zero Script is an honest peer.
type Script struct {
	// Lie is what the peer does wrong.
	Lie Lie
	// At is the height that the lie is about; 0 stands for every height.
	At btc.Height
	// Appended is for [AppendedBody].
	Appended []byte
	// Delay is for [Slow].
	Delay time.Duration
	// Seed is for [Garbage].
	Seed uint64
	// Params are the constants of the network that the peer speaks; nil stands for
	// those of its chain's. A custom signet has others.
	Params *btc.Params
	// UserAgent is what the peer calls itself; empty stands for a common name.
	UserAgent string
	// Addresses, if not nil, is the payload of the addrv2 that answers getaddr.
	Addresses []byte
	// Gate, if not nil, is called before each block is sent, lie or not, and may
	// block. Its context ends with the connection.
	Gate func(ctx context.Context, height btc.Height, hash btc.Hash)
}

// errScript says that a script cannot be played on a chain.
var errScript = errors.New("script does not fit the chain")

// params returns the constants of the peer's network.
func (s Script) params(c *Chain) *btc.Params {
	if s.Params != nil {
		return s.Params
	}
	return c.Network().Params()
}

// check reports whether a chain has what the script needs.
func (s Script) check(c *Chain) error {
	if int(s.Lie) >= len(lies) {
		return fmt.Errorf("%s: %w", s.Lie, errScript)
	}
	if s.Lie != DoubledLastTx {
		return nil
	}
	if hash, ok := c.At(doubledHeight); !ok || hash.String() != doubledHash || s.At != 0 && s.At != doubledHeight {
		return fmt.Errorf("%s is for mainnet block %d: %w", s.Lie, doubledHeight, errScript)
	}
	return nil
}

// concerns reports whether the script's lie is about the block at a height.
func (s Script) concerns(height btc.Height) bool {
	if s.Lie == DoubledLastTx {
		return height == doubledHeight
	}
	if s.Lie == Withhold || s.Lie == AppendedBody {
		return height >= s.At
	}
	return s.At == 0 || s.At == height
}
