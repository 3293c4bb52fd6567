package headerchain

import (
	"errors"
	"fmt"

	"blockgate/internal/btc"
)

// Kinds of refusal of a header, for [errors.Is] on what [Chain.Accept] returns.
// Unless said otherwise the header is invalid for ever.
var (
	// ErrTarget says that the bits stand for no target: negative, zero, above
	// 256 bits or above the network's limit.
	//
	// Source: DeriveTarget, Bitcoin Core v30.0 src/pow.cpp ("high-hash").
	ErrTarget = errors.New("invalid target")
	// ErrHighHash says that the hash is above the target: no proof of work.
	//
	// Source: CheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp ("high-hash").
	ErrHighHash = errors.New("hash above target")
	// ErrUnlinked says that the parent of the first header is not known here.
	// The header may be valid: ask for the headers in between.
	//
	// Source: AcceptBlockHeader, Bitcoin Core v30.0 src/validation.cpp
	// ("prev-blk-not-found").
	ErrUnlinked = errors.New("parent not known")
	// ErrDiscontinuous says that a header is not the child of the header before
	// it in the batch. The sender is at fault, the header may be valid.
	//
	// Source: CheckHeadersAreContinuous, Bitcoin Core v30.0 src/net_processing.cpp.
	ErrDiscontinuous = errors.New("not the child of the header before it")
	// ErrBits says that the target is not the one that the rules demand there.
	//
	// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp
	// ("bad-diffbits").
	ErrBits = errors.New("wrong target")
	// ErrTimeTooOld says that the time is not after the median of the 11 headers
	// before (BIP-0113).
	//
	// Source: ContextualCheckBlockHeader ("time-too-old").
	ErrTimeTooOld = errors.New("time not after the median of its ancestors")
	// ErrTimewarp says that the first header of a period is more than 600 s
	// before its parent (BIP-0094, testnet4).
	//
	// Source: ContextualCheckBlockHeader ("time-timewarp-attack").
	ErrTimewarp = errors.New("time too far before its parent")
	// ErrTimeTooNew says that the time is more than two hours ahead of our
	// clock. It is temporary: the same header may be accepted later.
	//
	// Source: ContextualCheckBlockHeader ("time-too-new").
	ErrTimeTooNew = errors.New("time too far ahead of our clock")
	// ErrVersion says that the version is below the floor at that height
	// (BIP-0034, BIP-0065, BIP-0066).
	//
	// Source: ContextualCheckBlockHeader ("bad-version").
	ErrVersion = errors.New("version below the floor")
	// ErrSideFull says that the header was valid and went again, because there
	// are more than [MaxSideHeaders] off the best chain and its branch, with its
	// whole batch, has the least work of all. It is our limit, not a fault of the
	// header, which may come again.
	ErrSideFull = errors.New("too many headers off the best chain")
	// ErrChainFull says that [MaxChainHeaders] are held. It is our limit, not a
	// fault of the header.
	ErrChainFull = errors.New("too many headers")
)

// Kinds of ends of a [Presync] before its time, for [errors.Is] on what
// [Presync.Next] returns.
var (
	// ErrPresyncShort says that the peer has no more headers and that those it
	// gave have not work enough. An honest peer may have no better chain.
	ErrPresyncShort = errors.New("headers end below the work that is asked for")
	// ErrPresyncMoved says that the first header of a message is not the child of
	// the last one before. An honest peer may have gone over to another branch.
	ErrPresyncMoved = errors.New("headers do not go on where the last ones ended")
	// ErrPresyncDifficulty says that the target changes as no chain's can.
	ErrPresyncDifficulty = errors.New("target changes too much, or at the wrong height")
	// ErrPresyncTooLong says that there are more headers than a valid chain can
	// have by now.
	ErrPresyncTooLong = errors.New("more headers than there can be")
	// ErrPresyncMismatch says that the headers of the second pass are not those of
	// the first.
	ErrPresyncMismatch = errors.New("other headers than at the first time")
)

var (
	// ErrUnknown says that no header with that hash is held.
	ErrUnknown = errors.New("header not known")
	// ErrBase says that the first header of a chain, which is trusted, cannot be
	// parked.
	ErrBase = errors.New("first header of the chain cannot be parked")
)

// HeaderError says which header of a batch was refused and by which rule.
type HeaderError struct {
	// Index is the header's place in the batch.
	Index int
	// Height is the header's height, -1 if its parent is not known.
	Height btc.Height
	// Hash is the header's hash.
	Hash btc.Hash
	// Kind is one of the kinds of refusal above, and what Unwrap returns.
	Kind error
	// Detail gives the numbers, empty if there are none.
	Detail string
}

// Error names height, hash, rule and numbers.
func (e *HeaderError) Error() string {
	text := fmt.Sprintf("header %d of the batch, height %d, %v: %v", e.Index, e.Height, e.Hash, e.Kind)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the kind.
func (e *HeaderError) Unwrap() error { return e.Kind }

// refusal is what a rule says of a header that breaks it; nil if it does not.
type refusal struct {
	kind   error
	detail string
}

func refuse(kind error, format string, args ...any) *refusal {
	return &refusal{kind: kind, detail: fmt.Sprintf(format, args...)}
}
