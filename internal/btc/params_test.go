package btc_test

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"

	"blockgate/internal/btc"
)

var chaincfgOf = map[btc.Network]*chaincfg.Params{
	btc.Mainnet: &chaincfg.MainNetParams, btc.Testnet3: &chaincfg.TestNet3Params, btc.Testnet4: &chaincfg.TestNet4Params,
	btc.Signet: &chaincfg.SigNetParams, btc.Regtest: &chaincfg.RegressionNetParams,
}

func TestParamsAgreeWithBtcd(t *testing.T) {
	for _, net := range btc.Networks() {
		p, want := net.Params(), chaincfgOf[net]
		if p.Network != net {
			t.Errorf("%v: parameters of %v", net, p.Network)
		}
		if p.Magic != uint32(want.Net) {
			t.Errorf("%v: magic %08x, want %08x", net, p.Magic, uint32(want.Net))
		}
		if want.DefaultPort != big.NewInt(int64(p.Port)).String() {
			t.Errorf("%v: port %d, want %s", net, p.Port, want.DefaultPort)
		}
		var genesis bytes.Buffer
		if err := want.GenesisBlock.Header.Serialize(&genesis); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Genesis[:], genesis.Bytes()) || p.Genesis.Hash() != btc.Hash(*want.GenesisHash) {
			t.Errorf("%v: genesis %x", net, p.Genesis)
		}
		if p.PowLimitBits != want.PowLimitBits || p.PowLimit.Compact() != want.PowLimitBits {
			t.Errorf("%v: limit %08x, want %08x", net, p.PowLimitBits, want.PowLimitBits)
		}
		if p.MinDifficultyBlocks != want.ReduceMinDifficulty || p.NoRetargeting != want.PoWNoRetargeting || p.EnforceBIP94 != want.EnforceBIP94 {
			t.Errorf("%v: switches %t %t %t", net, p.MinDifficultyBlocks, p.NoRetargeting, p.EnforceBIP94)
		}
		if int32(p.BIP34Height) != want.BIP0034Height || int32(p.BIP66Height) != want.BIP0066Height || int32(p.BIP65Height) != want.BIP0065Height {
			t.Errorf("%v: heights %d %d %d, want %d %d %d", net, p.BIP34Height, p.BIP66Height, p.BIP65Height,
				want.BIP0034Height, want.BIP0066Height, want.BIP0065Height)
		}
		if btc.RetargetTimespan != int64(want.TargetTimespan.Seconds()) || btc.BlockSpacing != int64(want.TargetTimePerBlock.Seconds()) ||
			btc.RetargetInterval != int64(want.TargetTimespan/want.TargetTimePerBlock) || want.RetargetAdjustmentFactor != 4 {
			t.Errorf("%v: retarget", net)
		}
	}
}

// btcd's limit has all lower bits set on the networks where Core's has; ours is the
// compact form. No compact target lies between the two, so both limits accept and
// clamp alike.
func TestNoTargetBetweenTheLimits(t *testing.T) {
	for _, net := range btc.Networks() {
		ours, core := net.Params().PowLimit, chaincfgOf[net].PowLimit
		if toBig(ours.Uint256).Cmp(core) > 0 {
			t.Errorf("%v: limit %s is above Core's %x", net, ours.Hex(), core)
		}
		for exponent := range uint32(256) {
			for _, mantissa := range []uint32{0x7fffff, 0x7fff, 0x7f, 0xffff, 0xff, ours.Compact()&0x7fffff + 1} {
				target, err := btc.TargetFromCompact(exponent<<24 | mantissa&0x7fffff)
				if err == nil && target.Cmp(ours.Uint256) > 0 && toBig(target.Uint256).Cmp(core) <= 0 {
					t.Errorf("%v: %s lies between", net, target.Hex())
				}
			}
		}
	}
}

// What chaincfg does not have, from the same file of Core.
func TestParamsOfSoftForks(t *testing.T) {
	for net, want := range map[btc.Network]struct {
		csv, segwit btc.Height
		work        string
	}{
		btc.Mainnet:  {419328, 481824, "0000000000000000000000000000000000000000dee8e2a309ad8a9820433c68"},
		btc.Testnet3: {770112, 834624, "0000000000000000000000000000000000000000000016dd270dd94fac1d7632"},
		btc.Testnet4: {1, 1, "00000000000000000000000000000000000000000000034a4690fe592dc49c7c"},
		btc.Signet:   {1, 1, "0000000000000000000000000000000000000000000000000000067d328e681a"},
		btc.Regtest:  {1, 0, "0000000000000000000000000000000000000000000000000000000000000000"},
	} {
		p := net.Params()
		if p.CSVHeight != want.csv || p.SegwitHeight != want.segwit || p.MinimumChainWork.String() != want.work {
			t.Errorf("%v: %d, %d, %v", net, p.CSVHeight, p.SegwitHeight, p.MinimumChainWork)
		}
		if (len(p.DNSSeeds) == 0) != (net == btc.Regtest) {
			t.Errorf("%v: %d seeds", net, len(p.DNSSeeds))
		}
	}
}

func TestNetworkNames(t *testing.T) {
	if len(btc.Networks()) != 5 {
		t.Errorf("%d networks", len(btc.Networks()))
	}
	for _, net := range btc.Networks() {
		text, err := net.MarshalText()
		if err != nil || string(text) != net.String() || !net.Valid() {
			t.Errorf("%v: %q, %v", net, text, err)
		}
		var back btc.Network
		if err := back.UnmarshalText(text); err != nil || back != net {
			t.Errorf("%v: back %v, %v", net, back, err)
		}
	}
	for _, name := range []string{"", "main", "Mainnet", "mainnet ", "network(0)", "testnet"} {
		if net, err := btc.ParseNetwork(name); err == nil {
			t.Errorf("%q is %v", name, net)
		}
		var net btc.Network
		if err := net.UnmarshalText([]byte(name)); err == nil || net != 0 {
			t.Errorf("%q is %v", name, net)
		}
	}
	for _, net := range []btc.Network{0, 6, 255} {
		if net.Valid() || net.String() != "network("+big.NewInt(int64(net)).String()+")" {
			t.Errorf("network %d: %v", uint8(net), net)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("network %d has parameters", uint8(net))
				}
			}()
			net.Params()
		}()
	}
}
