package headerchain

import (
	"math"

	"blockgate/internal/btc"
)

// checkVersion holds a header to the version floors that BIP-0034, BIP-0066 and
// BIP-0065 left behind. The version is signed: one with the top bit set is below
// all floors.
//
// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp.
func checkVersion(params *btc.Params, height btc.Height, version int32) *refusal {
	if least := versionFloor(params, height); version < least {
		return refuse(ErrVersion, "version %d, want at least %d", version, least)
	}
	return nil
}

// versionFloor returns the least version of a block at height.
func versionFloor(params *btc.Params, height btc.Height) int32 {
	switch {
	case height >= params.BIP65Height:
		return 4
	case height >= params.BIP66Height:
		return 3
	case height >= params.BIP34Height:
		return 2
	default:
		return math.MinInt32
	}
}
