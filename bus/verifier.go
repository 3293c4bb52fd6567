package bus

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/signet"
	"blockgate/sandbox/verdict"
)

var (
	// ErrBelowBase says that a reorg reaches below the first block whose header
	// the reader has, so that nothing on the other branch can be proven.
	ErrBelowBase = errors.New("reorg below the first block that the reader knows")
	// ErrHeight says that a block does not have the height that the event says.
	ErrHeight = errors.New("height is not the one of the chain")
	// ErrWork says that the work of an event is not what the headers amount to.
	ErrWork = errors.New("work is not what the headers amount to")
	// ErrAnchor says that the journal is not on the chain of the anchor.
	ErrAnchor = errors.New("journal is not on the chain of the anchor")
	// ErrGenesis says that the block of height 1 is no child of the network's
	// genesis.
	ErrGenesis = errors.New("block 1 is not on the genesis of the network")
	// ErrDigest says that a body does not have the digest of its event.
	ErrDigest = errors.New("body does not have the event's SHA-256")
	// ErrBodySize says that the parts of a body or claim do not add up to the
	// size of the event.
	ErrBodySize = errors.New("parts do not add up")
)

// Anchor is a block that an operator trusts to be on the chain.
type Anchor struct {
	Height btc.Height
	Hash   btc.Hash
}

// Verifier proves the events and bodies of one journal, in order: each header by
// the rules of headerchain, each body by claim.Check, each event by its link to
// the one before.
//
// The first connect event that it sees is its base. If that is block 1, or an
// ancestor or descendant of the anchor, then the chain is anchored; else the
// base is taken on its own proof of work, which is cheap to forge.
//
// Of the rules of bodies it judges those that claim.Check judges itself. That no
// parser called a rule broken is the adapter's word.
//
// It must not be used by several goroutines at once.
type Verifier struct {
	network btc.Network
	anchor  *Anchor
	checker *claim.Checker
	room    claim.Room
	fold    Fold
	chain   *headerchain.Chain // nil before the base
	genesis bool               // the base is genesis
	// offset is the work below the base, by the word of the base's event.
	offset btc.Work
}

// NewVerifier returns a verifier for a network. The anchor may be nil. Challenge is
// what each block of a signet must meet; nil stands for the public signet's, and has
// no meaning on other networks.
func NewVerifier(network btc.Network, anchor *Anchor, challenge claim.Challenge) *Verifier {
	if network == btc.Signet && challenge == nil {
		challenge = signet.Public()
	}
	return &Verifier{network: network, anchor: anchor, checker: claim.NewChecker(sha256d.New(), challenge)}
}

// Tip returns where the events lead; known is false before the first.
func (v *Verifier) Tip() (hash btc.Hash, height btc.Height, known bool) { return v.fold.Tip() }

// Stand puts the verifier on a tip from which the events go on. Its headers are
// kept.
func (v *Verifier) Stand(fold Fold) { v.fold = fold }

// Forget drops base and headers: the next connect event is the base. It is for
// the head of a journal that lost what came before.
func (v *Verifier) Forget() { v.chain, v.genesis = nil, false }

// HasBase reports whether there is a base.
func (v *Verifier) HasBase() bool { return v.chain != nil }

// Event proves that an event links to the one before, and its header, height and
// work. Now is the reader's clock: a header may be two hours ahead of it.
//
// Errors: [ErrGap], [ErrFinal], [ErrBelowBase], [ErrHeight], [ErrWork],
// [ErrAnchor], [ErrGenesis], and the kinds of headerchain. The verifier is then as
// it was.
func (v *Verifier) Event(e *Event, now time.Time) error {
	fold := v.fold
	if err := fold.Step(e); err != nil {
		return err
	}
	if v.chain == nil && e.Kind != Connect {
		v.fold = fold // of a block that the journal no longer has
		return nil
	}
	if e.Kind == Reset && e.Height < v.chain.Base().Height {
		v.Forget() // the next connect is the base; its own work is all that is proven then
		v.fold = fold
		return nil
	}
	if err := v.header(e, now); err != nil {
		return fmt.Errorf("header of %d %v: %w", e.Height, e.Hash, err)
	}
	v.fold = fold
	return nil
}

func (v *Verifier) header(e *Event, now time.Time) error {
	if v.chain == nil {
		if err := v.begin(e); err != nil {
			return err
		}
	}
	if e.Kind == Connect {
		if e.Height <= v.chain.Base().Height && e.Hash != v.chain.Base().Hash {
			return ErrBelowBase
		}
		if _, err := v.chain.Accept([]btc.Header{e.Header}, now); err != nil {
			return err
		}
	}
	entry, ok := v.chain.Lookup(e.Hash)
	switch {
	case !ok && e.Kind == Reset, e.Kind == Reset && !v.leads(e):
		return fmt.Errorf("%w: the block is not below the tip", ErrGap)
	case !ok:
		return ErrBelowBase
	case entry.Height != e.Height:
		return fmt.Errorf("%w: it is %d", ErrHeight, entry.Height)
	case entry.Work.Add(v.offset).Cmp(e.Work) != 0:
		return fmt.Errorf("%w: event says %v, headers %v", ErrWork, e.Work, entry.Work.Add(v.offset))
	}
	return v.checkAnchor(e)
}

// leads reports whether the block of an event is an ancestor of the tip, as far as the
// tip is known.
func (v *Verifier) leads(e *Event) bool {
	tip, _, known := v.fold.Tip()
	at, ok := v.chain.Ancestor(tip, e.Height)
	return !known || ok && at.Hash == e.Hash
}

// begin makes the block of the event the base, or genesis if it is block 1.
func (v *Verifier) begin(e *Event) error {
	if e.Height == 1 {
		v.chain, v.genesis, v.offset = headerchain.New(v.network), true, btc.Work{}
		if e.Prev != v.chain.Base().Hash {
			v.Forget()
			return fmt.Errorf("%w %v", ErrGenesis, v.network)
		}
		return nil
	}
	target, err := btc.TargetFromCompact(e.Header.Bits())
	if err != nil || target.Uint256.Cmp(v.network.Params().PowLimit.Uint256) > 0 {
		return headerchain.ErrTarget
	}
	if !target.Meets(&e.Hash) {
		return headerchain.ErrHighHash
	}
	chain := headerchain.NewAnchored(v.network, e.Header, e.Height)
	own := chain.Base().Work
	if e.Work.Cmp(own) < 0 {
		return fmt.Errorf("%w: event says %v, its block alone has %v", ErrWork, e.Work, own)
	}
	v.chain, v.genesis, v.offset = chain, false, e.Work.Sub(own)
	return nil
}

// checkAnchor returns [ErrAnchor] for a block at or above the anchor that is not
// a descendant of it.
func (v *Verifier) checkAnchor(e *Event) error {
	if v.anchor == nil || e.Height < v.anchor.Height {
		return nil
	}
	if at, ok := v.chain.Ancestor(e.Hash, v.anchor.Height); !ok || at.Hash != v.anchor.Hash {
		return fmt.Errorf("%w %d %v (first known block is %d)", ErrAnchor, v.anchor.Height, v.anchor.Hash, v.chain.Base().Height)
	}
	return nil
}

// Anchored reports whether the block of an event that was proven hangs on
// genesis or on the anchor, so that its work is real and not only its own.
func (v *Verifier) Anchored(e *Event) bool {
	switch {
	case v.chain == nil:
		return false
	case v.genesis:
		return true
	case v.anchor == nil:
		return false
	case e.Height >= v.anchor.Height:
		return true // or checkAnchor had refused it
	}
	at, ok := v.chain.Ancestor(v.anchor.Hash, e.Height)
	return ok && at.Hash == e.Hash
}

// Body proves the body of a connect event by its claim, and returns the claim. The
// result does not alias entries.
//
// Errors: [ErrBodySize], [ErrDigest], claim.ErrEncoding and the kinds of
// claim.Check.
func (v *Verifier) Body(e *Event, body, entries []byte) ([]claim.Tx, error) {
	if len(body) != e.Size || len(entries) != e.ClaimSize() {
		return nil, fmt.Errorf("%w: body %d of %d bytes, claim %d of %d", ErrBodySize, len(body), e.Size, len(entries), e.ClaimSize())
	}
	if sha256.Sum256(body) != e.Sha256 {
		return nil, ErrDigest
	}
	txs, err := claim.DecodeClaim(entries)
	if err != nil {
		return nil, err
	}
	place := claim.Context{Network: v.network, Height: e.Height}
	if _, err := v.checker.Check(place, e.Header, body, claim.Block{Txs: txs, Verdict: verdict.OK}, &v.room); err != nil {
		return nil, err
	}
	return txs, nil
}
