package headerchain

import (
	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
)

// hashStretch is how many headers are hashed in one go, before any of them is
// looked at: no hash needs another. A bad header costs so many hashes at most.
const hashStretch = 128

// hasher computes the hashes of headers, many at once.
type hasher struct{ engine *sha256d.Hasher }

func newHasher(e sha256d.Engine) hasher { return hasher{sha256d.NewEngine(e)} }

// hashBatch puts the hash of each header into its place in hashes, which is as
// long.
func (h *hasher) hashBatch(hashes []btc.Hash, headers []btc.Header) {
	h.engine.Headers(sha256d.Plain(hashes), sha256d.Flat(headers))
}

// SetEngine makes c hash by e, and each [Presync] that it makes from now on. A
// chain begins with [sha256d.Best]. It panics if e cannot run here: see
// [sha256d.ParseEngine].
func (c *Chain) SetEngine(e sha256d.Engine) { c.hasher = newHasher(e) }
