package headerchain_test

import (
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/chainhash/v2"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// knownDifference is one way in which btcd v0.26 judges otherwise than we do, and
// why we are with Bitcoin Core.
type knownDifference struct {
	name string
	// core is where Bitcoin Core v30.0 decides it.
	core string
	// explains says whether btcd's raw verdict is this difference, where ours is
	// ours; nil if no generated header can meet it.
	explains func(ours, raw error) bool
	show     func(*testing.T)
}

var knownDifferences = []knownDifference{
	{
		name: "clock first",
		core: "ContextualCheckBlockHeader, src/validation.cpp: bad-diffbits, time-too-old, time-timewarp-attack and only then time-too-new",
		explains: func(ours, raw error) bool {
			return errors.Is(raw, headerchain.ErrTimeTooNew) && (errors.Is(ours, headerchain.ErrBits) ||
				errors.Is(ours, headerchain.ErrTimeTooOld) || errors.Is(ours, headerchain.ErrTimewarp))
		},
		show: showClockFirst,
	},
	{
		name: "one word for two faults",
		core: "CheckBlockHeader, src/validation.cpp: high-hash for bits that are no target; ContextualCheckBlockHeader: bad-diffbits for a wrong one",
		show: showOneWord,
	},
	{
		name: "future time for ever",
		core: "ContextualCheckBlockHeader: BLOCK_TIME_FUTURE, which AcceptBlockHeader does not remember",
		show: showFutureTime,
	},
	{
		name: "regtest's bits from the limit",
		core: "CalculateNextWorkRequired, src/pow.cpp: with fPowNoRetargeting the parent's nBits; from genesis they are the limit's",
		show: showNoRetargeting,
	},
	{
		name: "checkpoints",
		core: "src/kernel/chainparams.cpp has none since v30.0",
		show: showCheckpoints,
	},
	{
		name: "few ancestors",
		core: "a chain of Bitcoin Core begins at genesis; ours may begin at an anchor and says nothing where ancestors lack",
		show: showFewAncestors,
	},
	{
		name: "product of 256 bits",
		core: "CalculateNextWorkRequired, src/pow.cpp: bnNew *= nActualTimespan in arith_uint256 would wrap",
		show: showWrap,
	},
}

// Each difference is real: btcd says the one, we say the other.
func TestDifferentialKnown(t *testing.T) {
	for _, d := range knownDifferences {
		t.Run(d.name, func(t *testing.T) {
			if d.core == "" {
				t.Error("no source")
			}
			d.show(t)
		})
	}
}

// ourVerdict judges a header on a chain of one header, without its proof of work.
func ourVerdict(net btc.Network, anchor btc.Header, height btc.Height, header btc.Header, now time.Time) error {
	return headerchain.NewAnchored(net, anchor, height).AcceptUnproven(header, now)
}

func wantVerdict(t *testing.T, who string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		t.Errorf("%s: %v, want %v", who, got, want)
	}
}

func showClockFirst(t *testing.T) {
	t.Helper()
	genesis := regtestGenesis()
	parent := &lineage{header: genesis}
	f := child(&genesis, 0)
	for _, tc := range []struct {
		fields    btc.HeaderFields
		ours, raw error
	}{
		{bits(f, 0x207ffffe), headerchain.ErrBits, headerchain.ErrTimeTooNew},
		{at(f, genesis.Time()), headerchain.ErrTimeTooOld, headerchain.ErrTimeTooNew},
		{with(f, func(f *btc.HeaderFields) { f.Version = 1 }), headerchain.ErrTimeTooNew, headerchain.ErrTimeTooNew}, // version is last in both
	} {
		header, now := tc.fields.Header(), time.Unix(0, 0)
		wantVerdict(t, "ours", ourVerdict(btc.Regtest, genesis, 0, header, now), tc.ours)
		wantVerdict(t, "btcd", rawVerdict(btc.Regtest, parent, header, now, false), tc.raw)
	}
}

func showOneWord(t *testing.T) {
	t.Helper()
	genesis := regtestGenesis()
	for _, tc := range []struct {
		compact uint32
		ours    error
	}{{0, headerchain.ErrTarget}, {0x207ffffe, headerchain.ErrBits}} {
		header := bits(child(&genesis, 0), tc.compact).Header()
		if tc.compact != 0 {
			header = mine(bits(child(&genesis, 0), tc.compact))
		}
		_, err := headerchain.New(btc.Regtest).Accept([]btc.Header{header}, farFuture)
		wantVerdict(t, "ours", err, tc.ours)
		h := wireHeader(header)
		err = blockchain.CheckBlockHeaderSanity(&h, chaincfgOf[btc.Regtest].PowLimit, fixedClock{farFuture}, 0)
		if err == nil {
			err = blockchain.CheckBlockHeaderContext(&h, &lineage{header: genesis}, 0, chainCtx{chaincfgOf[btc.Regtest]}, true)
		}
		wantBtcdCode(t, err, blockchain.ErrUnexpectedDifficulty)
	}
}

// btcd hands on a rule error as for any other rule. Ours is told apart, and the
// same header is accepted when its time has come.
func showFutureTime(t *testing.T) {
	t.Helper()
	header := mine(child(&btc.Regtest.Params().Genesis, 0))
	now := time.Unix(int64(header.Time())-btc.MaxFutureBlockTime-1, 0)
	h := wireHeader(header)
	err := blockchain.CheckBlockHeaderSanity(&h, chaincfgOf[btc.Regtest].PowLimit, fixedClock{now}, 0)
	if rule := (blockchain.RuleError{}); !errors.As(err, &rule) {
		t.Errorf("btcd: %v", err)
	}
	c := headerchain.New(btc.Regtest)
	_, err = c.Accept([]btc.Header{header}, now)
	wantVerdict(t, "ours", err, headerchain.ErrTimeTooNew)
	_, err = c.Accept([]btc.Header{header}, now.Add(time.Second))
	wantVerdict(t, "ours, a second later", err, nil)
}

func showNoRetargeting(t *testing.T) {
	t.Helper()
	genesis := regtestGenesis()
	anchor := bits(child(&genesis, 0), 0x207ffffe).Header()
	const height = btc.RetargetInterval - 1
	header := child(&anchor, 0).Header()
	wantVerdict(t, "ours", ourVerdict(btc.Regtest, anchor, height, header, farFuture), nil)
	wantVerdict(t, "btcd", rawVerdict(btc.Regtest, &lineage{header: anchor, height: height}, header, farFuture, false), headerchain.ErrBits)
}

func showCheckpoints(t *testing.T) {
	t.Helper()
	params := chaincfgOf[btc.Mainnet]
	point := params.Checkpoints[0]
	anchor := btc.Mainnet.Params().Genesis
	height := btc.Height(point.Height) - 1
	header := child(&anchor, 0).Header() // not the one of the checkpoint
	wantVerdict(t, "ours", ourVerdict(btc.Mainnet, anchor, height, header, farFuture), nil)
	h := wireHeader(header)
	err := blockchain.CheckBlockHeaderContext(&h, &lineage{header: anchor, height: height}, 0, checkpointCtx{chainCtx{params}, *point.Hash}, false)
	wantBtcdCode(t, err, blockchain.ErrBadCheckpoint)
}

// checkpointCtx knows one checkpoint.
type checkpointCtx struct {
	chainCtx
	hash chainhash.Hash
}

func (c checkpointCtx) VerifyCheckpoint(_ int32, hash *chainhash.Hash) bool { return *hash == c.hash }

func showFewAncestors(t *testing.T) {
	t.Helper()
	genesis := btc.Mainnet.Params().Genesis
	anchor := bits(child(&genesis, 0), 0x1b0ffff0).Header()
	early := at(child(&anchor, 0), anchor.Time()-1).Header()
	parent := &lineage{header: anchor, height: 100}
	wantVerdict(t, "ours", ourVerdict(btc.Mainnet, anchor, 100, early, farFuture), nil)
	wantVerdict(t, "btcd", rawVerdict(btc.Mainnet, parent, early, farFuture, false), headerchain.ErrTimeTooOld)
	parent.height = btc.RetargetInterval - 1
	header := child(&anchor, 0).Header()
	wantVerdict(t, "ours", ourVerdict(btc.Mainnet, anchor, parent.height, header, farFuture), nil)
	h := wireHeader(header)
	err := blockchain.CheckBlockHeaderContext(&h, parent, 0, chainCtx{chaincfgOf[btc.Mainnet]}, true)
	if fault := blockchain.AssertError(""); !errors.As(err, &fault) {
		t.Errorf("btcd: %v", err)
	}
}

// No network with retargeting has a limit whose product has more than 256 bits, so
// that Core's wraps for none: the easiest, signet's, is just below. For a limit that
// no network has, ours is the true quotient, as btcd's is.
func showWrap(t *testing.T) {
	t.Helper()
	most := big.NewInt(btc.RetargetTimespan * 4)
	for _, net := range btc.Networks() {
		params := net.Params()
		product := new(big.Int).Mul(toBig(params.PowLimit.Uint256), most)
		if wraps := product.BitLen() > 256; wraps != params.NoRetargeting {
			t.Errorf("%v: product of %d bits", net, product.BitLen())
		}
	}
	easy := *btc.Regtest.Params()
	easy.NoRetargeting = false
	for _, span := range []int64{0, btc.RetargetTimespan / 2, btc.RetargetTimespan, btc.RetargetTimespan * 4} {
		got, ok := headerchain.Retarget(&easy, 0x207fffff, span)
		if want := slowRetarget(&easy, 0x207fffff, span); !ok || got != want {
			t.Errorf("span %d: %08x, btcd says %08x", span, got, want)
		}
	}
}
