package headerchain_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// btcd's rules are the oracle: its own arithmetic, its own walks, no state.

var chaincfgOf = map[btc.Network]*chaincfg.Params{
	btc.Mainnet: &chaincfg.MainNetParams, btc.Testnet3: &chaincfg.TestNet3Params, btc.Testnet4: &chaincfg.TestNet4Params,
	btc.Signet: &chaincfg.SigNetParams, btc.Regtest: &chaincfg.RegressionNetParams,
}

// lineage is a header with its ancestors, as btcd wants to walk them.
type lineage struct {
	parent *lineage
	header btc.Header
	height btc.Height
}

func (l *lineage) Height() int32    { return int32(l.height) }
func (l *lineage) Bits() uint32     { return l.header.Bits() }
func (l *lineage) Timestamp() int64 { return int64(l.header.Time()) }

func (l *lineage) Parent() blockchain.HeaderCtx {
	if l.parent == nil {
		return nil
	}
	return l.parent
}

func (l *lineage) RelativeAncestorCtx(distance int32) blockchain.HeaderCtx {
	for ; l != nil && distance > 0; distance-- {
		l = l.parent
	}
	if l == nil {
		return nil
	}
	return l
}

type chainCtx struct{ params *chaincfg.Params }

func (c chainCtx) ChainParams() *chaincfg.Params { return c.params }

func (c chainCtx) BlocksPerRetarget() int32 {
	return int32(c.params.TargetTimespan / c.params.TargetTimePerBlock)
}

func (c chainCtx) MinRetargetTimespan() int64 {
	return int64(c.params.TargetTimespan/time.Second) / c.params.RetargetAdjustmentFactor
}

func (c chainCtx) MaxRetargetTimespan() int64 {
	return int64(c.params.TargetTimespan/time.Second) * c.params.RetargetAdjustmentFactor
}

func (c chainCtx) VerifyCheckpoint(int32, *chainhash.Hash) bool { return true }

func (c chainCtx) FindPreviousCheckpoint() (blockchain.HeaderCtx, error) { return nil, nil } //nolint:nilnil // btcd's word for none

type fixedClock struct{ now time.Time }

func (f fixedClock) AdjustedTime() time.Time         { return f.now }
func (f fixedClock) AddTimeSample(string, time.Time) {}
func (f fixedClock) Offset() time.Duration           { return 0 }

// verdict returns the kind of refusal that btcd finds for header on parent, nil if
// none. It puts btcd's answers into Bitcoin Core's order: btcd looks at the clock
// before the ancestors. Without proven the proof of work is not looked at.
func verdict(net btc.Network, parent *lineage, header btc.Header, now time.Time, proven bool) error {
	params := chaincfgOf[net]
	h := wireHeader(header)
	if proven {
		if err := blockchain.CheckBlockHeaderSanity(&h, params.PowLimit, fixedClock{farFuture}, 0); err != nil {
			return kindOf(err, true)
		}
	}
	context := kindOf(blockchain.CheckBlockHeaderContext(&h, parent, 0, chainCtx{params}, true), false)
	if context != nil && !errors.Is(context, headerchain.ErrVersion) {
		return context
	}
	if err := blockchain.CheckBlockHeaderSanity(&h, params.PowLimit, fixedClock{now}, blockchain.BFNoPoWCheck); err != nil {
		return kindOf(err, true)
	}
	return context
}

// rawVerdict is what btcd says in its own order.
func rawVerdict(net btc.Network, parent *lineage, header btc.Header, now time.Time, proven bool) error {
	params := chaincfgOf[net]
	h := wireHeader(header)
	flags, checked := blockchain.BFNone, h
	if !proven { // all that is left of the sanity check is the clock
		flags, checked.Bits = blockchain.BFNoPoWCheck, params.PowLimitBits
	}
	if err := blockchain.CheckBlockHeaderSanity(&checked, params.PowLimit, fixedClock{now}, flags); err != nil {
		return kindOf(err, true)
	}
	return kindOf(blockchain.CheckBlockHeaderContext(&h, parent, 0, chainCtx{params}, true), false)
}

func wireHeader(header btc.Header) wire.BlockHeader {
	var h wire.BlockHeader
	if err := h.Deserialize(bytes.NewReader(header[:])); err != nil {
		panic(err) // 80 bytes are a header
	}
	return h
}

// kindOf translates btcd's error. Both a bad target and a wrong one are
// ErrUnexpectedDifficulty there; only the first comes from the sanity check.
func kindOf(err error, sanity bool) error {
	if err == nil {
		return nil
	}
	var rule blockchain.RuleError
	if !errors.As(err, &rule) {
		panic(err)
	}
	switch rule.ErrorCode { //nolint:exhaustive // the rules of headers; the rest panics
	case blockchain.ErrUnexpectedDifficulty:
		if sanity {
			return headerchain.ErrTarget
		}
		return headerchain.ErrBits
	case blockchain.ErrHighHash:
		return headerchain.ErrHighHash
	case blockchain.ErrTimeTooOld:
		return headerchain.ErrTimeTooOld
	case blockchain.ErrTimeTooNew:
		return headerchain.ErrTimeTooNew
	case blockchain.ErrTimewarpAttack:
		return headerchain.ErrTimewarp
	case blockchain.ErrBlockVersionTooOld:
		return headerchain.ErrVersion
	}
	panic(fmt.Sprintf("btcd: unexpected %v", err))
}

// wantBtcdCode wants btcd's own error.
func wantBtcdCode(t *testing.T, err error, code blockchain.ErrorCode) {
	t.Helper()
	var rule blockchain.RuleError
	if !errors.As(err, &rule) || rule.ErrorCode != code {
		t.Errorf("btcd: %v, want %v", err, code)
	}
}

func toBig(n btc.Uint256) *big.Int {
	var b [32]byte
	for i, word := range n {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return new(big.Int).SetBytes(b[:])
}

func newBigWork(bits uint32) *big.Int { return blockchain.CalcWork(bits) }
