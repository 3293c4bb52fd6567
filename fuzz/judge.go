package fuzz

import (
	"errors"
	"fmt"
	"time"

	"blockgate/headerchain"
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/parser"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/signet"
)

// Place is where a block stands: what the rules need to know and the bytes do not
// say.
type Place struct {
	Network btc.Network
	Height  btc.Height
	// MedianTime is the median time of the ancestors in Unix seconds.
	MedianTime uint32
}

// Judge runs parser and proof, one after the other, in one process. It is for one
// goroutine.
type Judge struct {
	parser  *parser.Parser
	checker *claim.Checker
	out     []claim.Tx
	room    claim.Room
}

// NewJudge returns a judge that hashes with the fastest engine.
func NewJudge() *Judge { return NewJudgeWith(sha256d.Best()) }

// NewJudgeWith returns a judge that hashes with engine, which must be one of
// [sha256d.Engines].
func NewJudgeWith(engine sha256d.Engine) *Judge {
	return &Judge{
		parser: parser.New(), checker: claim.NewChecker(sha256d.NewEngine(engine), defaultChallenge()),
		out: make([]claim.Tx, 0, btc.MaxBlockTransactions),
	}
}

// defaultChallenge is that of the public signet.
func defaultChallenge() *signet.Challenge {
	challenge, err := signet.Parse(btc.Signet.Params().SignetChallenge)
	if err != nil {
		panic(err) // a constant of package btc
	}
	return challenge
}

// Judgement is what was made of a block or a transaction.
type Judgement struct {
	// Reason is Bitcoin Core's reject reason, empty if all rules are kept.
	Reason string
	// Said is what the parser said. Its entries hold until the next judgement.
	Said claim.Block
	// Checked is the proven block, zero if it was refused. It holds as long as Said.
	Checked claim.Checked
}

// Accepted reports whether all rules are kept.
func (j Judgement) Accepted() bool { return j.Reason == "" }

// Block judges body as an answer to a request for header.
func (j *Judge) Block(at Place, header btc.Header, body []byte) Judgement {
	said := j.parser.Block(parser.Context{Network: at.Network, Height: at.Height, MedianTime: at.MedianTime}, body, j.out)
	checked, err := j.checker.Check(claim.Context{Network: at.Network, Height: at.Height}, header, body, said, &j.room)
	return Judgement{Reason: reasonOf(err), Said: said, Checked: checked}
}

// Transaction judges raw as one transaction and nothing else.
func (j *Judge) Transaction(raw []byte) Judgement {
	said := j.parser.Transaction(raw)
	return Judgement{Reason: said.Verdict.Reason(), Said: said}
}

// Alone judges body under the header that it bears, whatever that is.
func (j *Judge) Alone(at Place, body []byte) Judgement {
	return j.Block(at, headerOf(body), body)
}

// headerOf returns the header of body, zero if body is too short for one.
func headerOf(body []byte) (header btc.Header) {
	if len(body) >= btc.HeaderSize {
		header = btc.Header(body)
	}
	return header
}

// OtherBlock is the reason of a body whose header is not the one asked for.
const OtherBlock = "another block's header"

// HeaderReason returns Bitcoin Core's reject reason for what [headerchain.Chain.Accept]
// said of header, empty if it accepted it.
func HeaderReason(header btc.Header, err error) string {
	reasons := []struct {
		kind   error
		reason string
	}{
		{headerchain.ErrTarget, "high-hash"},
		{headerchain.ErrHighHash, "high-hash"},
		{headerchain.ErrUnlinked, "prev-blk-not-found"},
		{headerchain.ErrBits, "bad-diffbits"},
		{headerchain.ErrTimeTooOld, "time-too-old"},
		{headerchain.ErrTimewarp, "time-timewarp-attack"},
		{headerchain.ErrTimeTooNew, "time-too-new"},
		{headerchain.ErrVersion, fmt.Sprintf("bad-version(0x%08x)", uint32(header.Version()))},
	}
	for _, r := range reasons {
		if errors.Is(err, r.kind) {
			return r.reason
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Replay is a chain of headers that grows block by block, as a node's does. A
// header is refused before anybody looks at the body.
type Replay struct {
	chain *headerchain.Chain
	judge *Judge
}

// NewReplay returns a replay that begins with the genesis of network.
func NewReplay(network btc.Network) *Replay {
	return &Replay{chain: headerchain.New(network), judge: NewJudge()}
}

// Block judges the next block, whose parent was judged before, at the time now.
func (r *Replay) Block(body []byte, now time.Time) (Judgement, error) {
	header := headerOf(body)
	if header.Hash() == r.chain.Base().Hash {
		return r.judge.Block(Place{Network: r.chain.Network()}, header, body), nil
	}
	if _, err := r.chain.Accept([]btc.Header{header}, now); err != nil {
		return Judgement{Reason: HeaderReason(header, err)}, nil
	}
	at, err := r.placeOf(header)
	if err != nil {
		return Judgement{}, err
	}
	return r.judge.Block(at, header, body), nil
}

// errPlace says that the chain lost a header that it took.
var errPlace = errors.New("header has no place in the chain")

// placeOf returns the place of a header that the chain holds.
func (r *Replay) placeOf(header btc.Header) (Place, error) {
	entry, ok := r.chain.Lookup(header.Hash())
	parent, linked := r.chain.Lookup(header.Prev())
	if !ok || !linked {
		return Place{}, errPlace
	}
	return Place{Network: r.chain.Network(), Height: entry.Height, MedianTime: r.chain.MedianTime(parent.Hash)}, nil
}

// reasonOf returns Bitcoin Core's reject reason for what [claim.Checker.Check] said,
// empty if it accepted the block. Where Core has none it is ours.
func reasonOf(err error) string {
	switch reason := reject.Reason(err); {
	case err == nil || reason != "":
		return reason
	case errors.Is(err, claim.ErrHeader):
		return OtherBlock
	default:
		return err.Error()
	}
}
