package fakepeer

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"blockgate/internal/btc"
)

// Chain is a best chain of raw blocks from genesis on, and the branches that
// were best before. It is safe for concurrent use. Slices that it returns are
// its own and must not be changed.
type Chain struct {
	network btc.Network
	mining  Mining

	mu      sync.RWMutex
	blocks  map[btc.Hash]block
	best    []btc.Hash    // by height
	changed chan struct{} // closed when best changes
	random  *rand.Rand    // for mining
}

type block struct {
	raw    []byte
	height btc.Height
}

func (b block) header() btc.Header { return btc.Header(b.raw) }

// newChain returns a chain that has the given block alone.
func newChain(network btc.Network, genesis []byte) *Chain {
	c := &Chain{network: network, blocks: map[btc.Hash]block{}, changed: make(chan struct{})}
	c.push(genesis)
	return c
}

// push puts a block on the best chain. mu is held, or nobody else knows c.
func (c *Chain) push(raw []byte) {
	b := block{raw, btc.Height(len(c.best))}
	header := b.header()
	hash := header.Hash()
	c.blocks[hash] = b
	c.best = append(c.best, hash)
}

// Network returns the chain's network.
func (c *Chain) Network() btc.Network { return c.network }

// Tip returns height and hash of the last block.
func (c *Chain) Tip() (btc.Height, btc.Hash) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return btc.Height(len(c.best) - 1), c.best[len(c.best)-1]
}

// At returns the hash at a height of the best chain.
func (c *Chain) At(height btc.Height) (btc.Hash, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if height < 0 || int(height) >= len(c.best) {
		return btc.Hash{}, false
	}
	return c.best[height], true
}

// Block returns the raw bytes and the height of a block, of any branch.
func (c *Chain) Block(hash btc.Hash) ([]byte, btc.Height, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, ok := c.blocks[hash]
	return b.raw, b.height, ok
}

// HeadersAfter returns at most limit headers that follow the first hash of the
// locator that is on the best chain, or genesis if none is, up to stop.
func (c *Chain) HeadersAfter(locator []btc.Hash, stop btc.Hash, limit int) []btc.Header {
	c.mu.RLock()
	defer c.mu.RUnlock()
	from := btc.Height(0)
	for _, hash := range locator {
		if height, ok := c.heightOf(hash); ok {
			from = height
			break
		}
	}
	return c.headers(from+1, stop, limit)
}

// news returns the headers of the best chain after its fork from the branch that
// ends in known, at most limit.
func (c *Chain) news(known btc.Hash, limit int) []btc.Header {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for {
		if height, ok := c.heightOf(known); ok {
			return c.headers(height+1, btc.Hash{}, limit)
		}
		b, ok := c.blocks[known]
		if !ok {
			return nil
		}
		header := b.header()
		known = header.Prev()
	}
}

// heightOf returns the height of a block of the best chain. mu is held.
func (c *Chain) heightOf(hash btc.Hash) (btc.Height, bool) {
	b, ok := c.blocks[hash]
	if !ok || int(b.height) >= len(c.best) || c.best[b.height] != hash {
		return 0, false
	}
	return b.height, true
}

// headers returns headers of the best chain. mu is held.
func (c *Chain) headers(from btc.Height, stop btc.Hash, limit int) []btc.Header {
	var out []btc.Header
	for _, hash := range c.best[min(int(from), len(c.best)):] {
		if len(out) == limit {
			break
		}
		out = append(out, c.blocks[hash].header())
		if hash == stop {
			break
		}
	}
	return out
}

// Changed returns a channel that is closed when the best chain changes next.
func (c *Chain) Changed() <-chan struct{} {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changed
}

// announce wakes those who wait for a change. mu is held.
func (c *Chain) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Clone returns a chain with the same blocks that grows on its own. Clones of a
// regtest chain mine different blocks.
func (c *Chain) Clone() *Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := &Chain{
		network: c.network,
		mining:  c.mining,
		blocks:  maps.Clone(c.blocks),
		best:    slices.Clone(c.best),
		changed: make(chan struct{}),
	}
	if c.random != nil {
		clone.random = rand.New(rand.NewPCG(c.random.Uint64(), 0))
	}
	return clone
}

// cut takes the best chain back to a height. mu is held.
func (c *Chain) cut(height btc.Height) error {
	if height < 0 || int(height) >= len(c.best) {
		return fmt.Errorf("fork at height %d: chain ends at %d", height, len(c.best)-1)
	}
	c.best = c.best[:height+1]
	return nil
}
