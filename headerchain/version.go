package headerchain

import "blockgate/internal/btc"

// checkVersion holds a header to the version floors that BIP-0034, BIP-0066 and
// BIP-0065 left behind. The version is signed: one with the top bit set is below
// all floors.
//
// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp.
func checkVersion(params *btc.Params, height btc.Height, version int32) *refusal {
	var least int32
	switch {
	case height >= params.BIP65Height:
		least = 4
	case height >= params.BIP66Height:
		least = 3
	case height >= params.BIP34Height:
		least = 2
	default:
		return nil
	}
	if version < least {
		return refuse(ErrVersion, "version %d, want at least %d", version, least)
	}
	return nil
}
