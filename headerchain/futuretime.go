package headerchain

import "blockgate/internal/btc"

// checkFutureTime refuses, for now, a header that is more than two hours ahead of
// our own clock. Time as peers see it plays no part.
//
// Source: ContextualCheckBlockHeader, Bitcoin Core v30.0 src/validation.cpp.
func checkFutureTime(now int64, time uint32) *refusal {
	if int64(time) <= now+btc.MaxFutureBlockTime {
		return nil
	}
	return refuse(ErrTimeTooNew, "time %d, our clock %d", time, now)
}
