package headerchain

import "blockgate/internal/btc"

// PresyncLimits bound what a [Presync] holds. They follow from a simulation of the
// best that an attacker with the honest miners' work of some minutes can do, and
// from how long a chain can be; a longer period needs fewer bits and a larger buffer.
//
// Worked for mainnet on the first of January 2026, 536,219,095 s after genesis:
//
//	bits     6 a second * (536,219,095 + 7,200) s / 632 = 5,090,755        636 kB
//	buffer   (15,009 + 2,000 of one message) * 48 B                        816 kB
//	ready    2,000 * 80 B                                                  160 kB
//	rest     locator, hasher, targets                                        8 kB
//	         one peer, at most                                           1,620 kB
//
// and 37 kB more each year. An honest mainnet chain has 1,500 bits, so 1.0 MB. The
// others: testnet3 1.5 MB, testnet4 0.7 MB, signet 1.0 MB, regtest, whose genesis is
// of 2011 and whose period is short, 1.9 MB.
type PresyncLimits struct {
	// Period is the number of headers of which one has a bit.
	Period int
	// Buffer is how many headers wait for bits above them.
	Buffer int
}

// presyncLimits are those of Bitcoin Core.
//
// Source: m_headers_sync_params, Bitcoin Core v30.0 src/kernel/chainparams.cpp.
var presyncLimits = [...]PresyncLimits{ //nolint:gochecknoglobals // a table, never written
	btc.Mainnet:  {Period: 632, Buffer: 15009},
	btc.Testnet3: {Period: 628, Buffer: 13460},
	btc.Testnet4: {Period: 275, Buffer: 7017},
	btc.Signet:   {Period: 390, Buffer: 9584},
	btc.Regtest:  {Period: 275, Buffer: 7017},
}

// PresyncLimitsOf returns the limits of a network. It panics for a network that is
// none.
func PresyncLimitsOf(net btc.Network) PresyncLimits { return presyncLimits[net] }

// maxBits returns how many bits a chain can need that has been growing for so many
// seconds: the most blocks by the median rule until two hours from now.
func (l PresyncLimits) maxBits(seconds int64) int {
	return int(blocksPerSecond * max(0, seconds+btc.MaxFutureBlockTime) / int64(l.Period))
}
