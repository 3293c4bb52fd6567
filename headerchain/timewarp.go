package headerchain

import "blockgate/internal/btc"

// checkTimewarp holds the first header of a period to BIP-0094 where that is in
// force: its time is at most 600 s before its parent's.
//
// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp.
func checkTimewarp(params *btc.Params, height btc.Height, parent, time uint32) *refusal {
	if !params.EnforceBIP94 || !startsPeriod(height) || int64(time) >= int64(parent)-maxTimewarp {
		return nil
	}
	return refuse(ErrTimewarp, "time %d, parent %d", time, parent)
}
