package btc

import "encoding/hex"

// Params are the constants of a network.
//
// Source of all values, unless said otherwise: Bitcoin Core v30.0
// src/kernel/chainparams.cpp.
type Params struct {
	Network Network
	// Magic is the first field of a v1 message, as a little-endian number.
	Magic uint32
	// Port is the TCP port on which nodes listen by default.
	Port uint16
	// Genesis is the header of height 0.
	Genesis Header
	// PowLimit is the easiest target; PowLimitBits its compact form.
	PowLimit     Target
	PowLimitBits uint32
	// MinDifficultyBlocks: a block more than 20 minutes after its parent may
	// have PowLimitBits.
	MinDifficultyBlocks bool
	// NoRetargeting: a block has the bits of its parent, always.
	NoRetargeting bool
	// EnforceBIP94: the retarget starts from the first block of the period, and
	// the first block of a period may be at most 600 s before its parent.
	EnforceBIP94 bool
	// BIP34Height, BIP66Height and BIP65Height are the first heights at which a
	// version below 2, 3 and 4 is refused. At BIP34Height the coinbase begins
	// with the height, too.
	BIP34Height, BIP66Height, BIP65Height Height
	// CSVHeight is where BIP-0068, BIP-0112 and BIP-0113 begin.
	CSVHeight Height
	// SegwitHeight is where BIP-0141, BIP-0143 and BIP-0147 begin.
	SegwitHeight Height
	// MinimumChainWork is the work below which a chain is not the chain.
	MinimumChainWork Work
	// DNSSeeds are names that resolve to addresses of nodes. They may lie.
	DNSSeeds []string
	// SignetChallenge is the script that each block of a signet has to meet
	// (BIP-0325), nil on other networks. It is shared and never written.
	SignetChallenge []byte
}

// RetargetInterval is the number of blocks between changes of the target.
//
// Source: DifficultyAdjustmentInterval, Bitcoin Core v30.0 src/consensus/params.h.
const RetargetInterval = 2016

// RetargetTimespan is how many seconds RetargetInterval blocks should take, and
// BlockSpacing how many one.
const (
	RetargetTimespan = 14 * 24 * 60 * 60
	BlockSpacing     = 10 * 60
)

// Params returns the constants of the network. It panics for a network that is
// none: names are checked where they come in, by [ParseNetwork].
func (n Network) Params() *Params {
	if !n.Valid() {
		panic("btc: " + n.String() + " has no parameters")
	}
	return paramsOf[n]
}

const (
	mainnetMerkleRoot  = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
	testnet4MerkleRoot = "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e"
	// publicSignetChallenge wants a signature of one of two keys.
	publicSignetChallenge = "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430" +
		"210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae"
)

var paramsOf = [...]*Params{ //nolint:gochecknoglobals // a table, never written
	Mainnet: {
		Network: Mainnet, Magic: 0xd9b4bef9, Port: 8333,
		Genesis:  genesis(mainnetMerkleRoot, 1231006505, 0x1d00ffff, 2083236893),
		PowLimit: mustTarget(0x1d00ffff), PowLimitBits: 0x1d00ffff,
		BIP34Height: 227931, BIP66Height: 363725, BIP65Height: 388381, CSVHeight: 419328, SegwitHeight: 481824,
		MinimumChainWork: mustWork("dee8e2a309ad8a9820433c68"),
		DNSSeeds: []string{
			"seed.bitcoin.sipa.be", "dnsseed.bluematt.me", "seed.bitcoin.jonasschnelli.ch", "seed.btc.petertodd.net",
			"seed.bitcoin.sprovoost.nl", "dnsseed.emzy.de", "seed.bitcoin.wiz.biz", "seed.mainnet.achownodes.xyz",
		},
	},
	Testnet3: {
		Network: Testnet3, Magic: 0x0709110b, Port: 18333,
		Genesis:  genesis(mainnetMerkleRoot, 1296688602, 0x1d00ffff, 414098458),
		PowLimit: mustTarget(0x1d00ffff), PowLimitBits: 0x1d00ffff, MinDifficultyBlocks: true,
		BIP34Height: 21111, BIP66Height: 330776, BIP65Height: 581885, CSVHeight: 770112, SegwitHeight: 834624,
		MinimumChainWork: mustWork("16dd270dd94fac1d7632"),
		DNSSeeds: []string{
			"testnet-seed.bitcoin.jonasschnelli.ch", "seed.tbtc.petertodd.net", "seed.testnet.bitcoin.sprovoost.nl",
			"testnet-seed.bluematt.me", "seed.testnet.achownodes.xyz",
		},
	},
	Testnet4: {
		Network: Testnet4, Magic: 0x283f161c, Port: 48333,
		Genesis:  genesis(testnet4MerkleRoot, 1714777860, 0x1d00ffff, 393743547),
		PowLimit: mustTarget(0x1d00ffff), PowLimitBits: 0x1d00ffff, MinDifficultyBlocks: true, EnforceBIP94: true,
		BIP34Height: 1, BIP66Height: 1, BIP65Height: 1, CSVHeight: 1, SegwitHeight: 1,
		MinimumChainWork: mustWork("034a4690fe592dc49c7c"),
		DNSSeeds:         []string{"seed.testnet4.bitcoin.sprovoost.nl", "seed.testnet4.wiz.biz"},
	},
	Signet: {
		Network: Signet, Magic: 0x40cf030a, Port: 38333,
		Genesis:  genesis(mainnetMerkleRoot, 1598918400, 0x1e0377ae, 52613770),
		PowLimit: mustTarget(0x1e0377ae), PowLimitBits: 0x1e0377ae,
		BIP34Height: 1, BIP66Height: 1, BIP65Height: 1, CSVHeight: 1, SegwitHeight: 1,
		MinimumChainWork: mustWork("067d328e681a"),
		DNSSeeds:         []string{"seed.signet.bitcoin.sprovoost.nl", "seed.signet.achownodes.xyz"},
		SignetChallenge:  mustHex(publicSignetChallenge),
	},
	Regtest: {
		Network: Regtest, Magic: 0xdab5bffa, Port: 18444,
		Genesis:  genesis(mainnetMerkleRoot, 1296688602, 0x207fffff, 2),
		PowLimit: mustTarget(0x207fffff), PowLimitBits: 0x207fffff, MinDifficultyBlocks: true, NoRetargeting: true,
		BIP34Height: 1, BIP66Height: 1, BIP65Height: 1, CSVHeight: 1, SegwitHeight: 0,
	},
}

func genesis(merkleRoot string, time, bits, nonce uint32) Header {
	root, err := ParseHash(merkleRoot)
	if err != nil {
		panic(err) // a constant of this file
	}
	return HeaderFields{Version: 1, MerkleRoot: root, Time: time, Bits: bits, Nonce: nonce}.Header()
}

func mustTarget(compact uint32) Target {
	t, err := TargetFromCompact(compact)
	if err != nil {
		panic(err) // a constant of this file
	}
	return t
}

func mustWork(hex string) Work {
	w, err := ParseWork(hex)
	if err != nil {
		panic(err) // a constant of this file
	}
	return w
}

func mustHex(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err) // a constant of this file
	}
	return b
}
