package bus

import (
	"errors"
	"fmt"
	"time"

	"blockgate/internal/btc"
)

// ErrEvent says that an event is not well formed: a field is missing, out of
// its limits, or at odds with another.
var ErrEvent = errors.New("malformed event")

// Kind says what an event does to the chain that the journal describes.
type Kind uint8

// The kinds. The zero Kind is none.
const (
	// Connect puts a block on top of the tip.
	Connect Kind = iota + 1
	// Disconnect takes the tip away. A reorg is one for each block, tip first.
	Disconnect
	// Reset begins a new epoch: the chain ends in the block that the event is about, and
	// all above it is taken back, what was final with it. An operator has accepted a
	// reorg that deep; who only folds must begin again below, or ask its own operator.
	Reset
)

// String returns the word that stands in Btc-Event.
func (k Kind) String() string {
	switch k {
	case Connect:
		return "connect"
	case Disconnect:
		return "disconnect"
	case Reset:
		return "reset"
	default:
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
}

// Event is one step of the journal.
//
// Size, Parts, ClaimParts, TxCount, DataSeq and Sha256 are those of a connect;
// a disconnect and a reset have none of them.
type Event struct {
	Kind   Kind
	Hash   btc.Hash // of the block that is put on or taken away, or that a reset leaves
	Prev   btc.Hash // of its parent
	Height btc.Height
	Header btc.Header
	// Work is that of the chain up to Hash, Hash included.
	Work btc.Work
	// Best and BestWork say where the writer is heading: a reorg is done when
	// Best is the tip.
	Best     btc.Hash
	BestWork btc.Work
	// Final is the height up to which the writer takes nothing back. It never
	// falls from one event to the next, but by a reset, where it is Height.
	Final btc.Height
	Size  int // bytes of the raw block
	// Parts and ClaimParts are how many messages the raw block and the claim
	// were cut into.
	Parts, ClaimParts int
	TxCount           int
	DataSeq           SeqSet   // sequences of the parts, body first
	Sha256            [32]byte // of the raw block, once
	Time              time.Time
	// Seq is the event's own sequence in the stream, 0 before it is there. It
	// is not part of what is encoded.
	Seq uint64
	// Epoch is that of the [Stored] that a connect names. It is not part of
	// what is encoded.
	Epoch uint64
}

// Stored is a proven body whose parts are all acknowledged: what an event needs
// to name it. Its fields are those of [Event].
type Stored struct {
	Hash              btc.Hash
	Height            btc.Height
	Header            btc.Header
	Size              int
	Parts, ClaimParts int
	TxCount           int
	DataSeq           SeqSet
	Sha256            [32]byte
	// Epoch is the journal's own number for the stream as it was: when the
	// stream is made anew or loses its tail, the sequences mean nothing.
	Epoch uint64
}

// Connect returns the connect event of a stored body. The caller adds Work,
// Best, BestWork, Final and Time.
func (s Stored) Connect() Event {
	return Event{
		Kind: Connect, Hash: s.Hash, Prev: s.Header.Prev(), Height: s.Height, Header: s.Header,
		Size: s.Size, Parts: s.Parts, ClaimParts: s.ClaimParts, TxCount: s.TxCount, DataSeq: s.DataSeq, Sha256: s.Sha256,
		Epoch: s.Epoch,
	}
}

// Tip returns the hash and height of the chain's tip after the event.
func (e *Event) Tip() (btc.Hash, btc.Height) {
	if e.Kind == Disconnect {
		return e.Prev, e.Height - 1
	}
	return e.Hash, e.Height
}

// Check returns [ErrEvent] with the reason if the event is not well formed: what
// may be encoded, and what [DecodeEvent] returns.
func (e *Event) Check() error {
	switch {
	case e.Kind != Connect && e.Kind != Disconnect && e.Kind != Reset:
		return fmt.Errorf("%w: %v", ErrEvent, e.Kind)
	case e.Height < 1 && (e.Kind != Reset || e.Height < 0): // genesis is known to all: only a reset is about it
		return fmt.Errorf("%w: height %d", ErrEvent, e.Height)
	case e.Header.Hash() != e.Hash:
		return fmt.Errorf("%w: header has hash %v, event is about %v", ErrEvent, e.Header.Hash(), e.Hash)
	case e.Header.Prev() != e.Prev:
		return fmt.Errorf("%w: header has parent %v, event says %v", ErrEvent, e.Header.Prev(), e.Prev)
	case e.Kind == Reset && e.Final != e.Height:
		return fmt.Errorf("%w: reset to height %d with final height %d", ErrEvent, e.Height, e.Final)
	case e.Final < 0 || e.Final > e.Height || e.Kind == Disconnect && e.Final == e.Height:
		return fmt.Errorf("%w: %v at height %d with final height %d", ErrEvent, e.Kind, e.Height, e.Final)
	case e.Work.IsZero() || e.BestWork.IsZero():
		return fmt.Errorf("%w: no work", ErrEvent)
	case e.Time.Year() < 1 || e.Time.Year() > 9999: // its text has four digits
		return fmt.Errorf("%w: year %d", ErrEvent, e.Time.Year())
	case e.Kind != Connect:
		return e.checkBodyless()
	default:
		return e.checkBody()
	}
}

func (e *Event) checkBodyless() error {
	if e.Size != 0 || e.Parts != 0 || e.ClaimParts != 0 || e.TxCount != 0 || e.DataSeq.Len() != 0 || e.Sha256 != [32]byte{} {
		return fmt.Errorf("%w: %v with a body", ErrEvent, e.Kind)
	}
	return nil
}

func (e *Event) checkBody() error {
	switch {
	case e.Size < MinBodySize || e.Size > btc.MaxBlockSize:
		return fmt.Errorf("%w: body of %d bytes, want %d to %d", ErrEvent, e.Size, MinBodySize, btc.MaxBlockSize)
	case e.TxCount < 1 || e.TxCount > btc.MaxBlockTransactions || e.TxCount > e.Size/btc.MinTransactionSize:
		return fmt.Errorf("%w: %d transactions in %d bytes", ErrEvent, e.TxCount, e.Size)
	case !partsFit(e.Parts, e.Size):
		return fmt.Errorf("%w: %d parts for a body of %d bytes", ErrEvent, e.Parts, e.Size)
	case !partsFit(e.ClaimParts, e.ClaimSize()):
		return fmt.Errorf("%w: %d parts for a claim of %d bytes", ErrEvent, e.ClaimParts, e.ClaimSize())
	case e.DataSeq.Len() != e.Parts+e.ClaimParts:
		return fmt.Errorf("%w: %d sequences for %d parts", ErrEvent, e.DataSeq.Len(), e.Parts+e.ClaimParts)
	case e.Seq != 0 && e.DataSeq.Max() >= e.Seq:
		return fmt.Errorf("%w: event %d names part %d that comes after it", ErrEvent, e.Seq, e.DataSeq.Max())
	}
	return nil
}

// ClaimSize returns the bytes of the claim: [ClaimEntrySize] a transaction.
func (e *Event) ClaimSize() int { return ClaimEntrySize * e.TxCount }

// PartCount returns how many parts of partSize bytes hold size bytes.
func PartCount(size, partSize int) int { return (size + partSize - 1) / partSize }

// partsFit reports whether size bytes can lie in that many parts.
func partsFit(parts, size int) bool {
	return parts >= PartCount(size, PartSize) && parts <= PartCount(size, MinPartSize)
}
