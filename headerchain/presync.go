package headerchain

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"blockgate/internal/btc"
)

// Presync reads a peer's headers twice, so that a chain without work enough costs
// no memory that stays. A peer cannot show the work of its chain in one message, so:
//
//	pass 1   every header: proof of work, possible change of target; work is summed.
//	         Of one header in each period a bit is kept: a salted hash, one bit of it
//	pass 2   once the work is enough, the same headers again, from the start. Each
//	         kept bit must be the same. Headers wait in a buffer until some 24 bits
//	         above them were right, then they are ready for [Chain.AcceptHeld]
//
// Without the bits a peer could show the honest chain first and others after it. It
// does not know which headers have a bit and can guess a bit by halves, so headers
// that were not in pass 1 get out of the buffer once in 2^24 tries. All is bounded:
// the bits by the number of blocks that can exist by now, the buffer by its size,
// see [PresyncLimits].
//
//	p := chain.NewPresync(parent, chain.WorkThreshold(minimum), now, secret)
//	err := p.Next(message)                  // ask again by p.Locator() while !p.Done()
//	for ready := p.Ready(); len(ready) > 0; ready = p.Ready() {
//		chain.AcceptHeld(peer, ready, now)
//	}
//
// A Presync is for one peer. It reads no clock; it refers to the chain for its
// constants alone. It is not safe for use by several goroutines at once.
//
// Source: HeadersSyncState, Bitcoin Core v30.0 src/headerssync.h.
type Presync struct {
	params   *btc.Params
	limits   PresyncLimits
	secret   [32]byte
	offset   int64 // of the heights with a bit, in the period; secret
	required btc.Work
	locator  []btc.Hash // of start

	start, at place // the header that the chain stands on, and the last one read
	pass      Pass
	bits      bitQueue
	maxBits   int
	page      int  // headers of a full message: btc.MaxHeaders; a test lowers it
	enough    bool // pass 2: the required work is there, so all is ready
	waiting   compressedQueue
	below     btc.Hash // pass 2: the parent of the first that waits
	ready     []btc.Header

	allowed proof
	proofs  proofs
	hasher  hasher
	hashes  [hashStretch]btc.Hash
}

// Pass says what a [Presync] is at.
type Pass uint8

// The passes.
const (
	// FirstPass sums the work and keeps bits.
	FirstPass Pass = iota + 1
	// SecondPass compares the bits and lets headers out.
	SecondPass
	// Ended says that nothing more is read: all headers are out, or an error came.
	Ended
)

// place is a header and what the next one's checks want of it.
type place struct {
	hash   btc.Hash
	height int64 // more than fits a btc.Height, if a peer wants it so
	time   uint32
	bits   uint32
	work   btc.Work // of the chain up to it
}

// NewPresync begins the first pass of a chain that stands on the header with the
// hash parent and must come to the work required. now is our own clock; it bounds
// how long the chain can be. secret is 32 random bytes that nobody else knows and
// that are used once.
//
// The parent should be held, see [Chain.Hold], until the end: else there may be
// nothing for the headers to stand on. It returns nil if the parent is not known.
func (c *Chain) NewPresync(parent btc.Hash, required btc.Work, now time.Time, secret [32]byte) *Presync {
	r := c.find(parent)
	if r == none {
		return nil
	}
	n := c.nodes.at(r)
	p := &Presync{
		params: c.params, limits: presyncLimits[c.params.Network], required: required, locator: c.locatorOf(r),
		start: place{n.hash, int64(c.nodes.height(r)), n.time, n.bits, c.nodes.work(r)}, pass: FirstPass, page: btc.MaxHeaders, hasher: newHasher(c.hasher.engine.Engine()),
	}
	p.at = p.start
	p.maxBits = p.limits.maxBits(now.Unix() - int64(c.MedianTime(parent)))
	p.setSecret(secret)
	return p
}

// setSecret splits the secret into what picks the heights and what salts the hash.
func (p *Presync) setSecret(secret [32]byte) {
	p.secret = sha256.Sum256(secret[:])
	pick := sha256.Sum256(p.secret[:])
	var n uint64
	for _, b := range pick[:8] {
		n = n<<8 | uint64(b)
	}
	p.offset = int64(n % uint64(p.limits.Period))
}

// Pass returns what the presync is at.
func (p *Presync) Pass() Pass { return p.pass }

// Done reports whether nothing more is to be read and nothing is ready.
func (p *Presync) Done() bool { return p.pass == Ended && p.waiting.count == 0 }

// Height returns the height of the last header that was read in this pass.
func (p *Presync) Height() btc.Height { return btc.Height(min(p.at.height, math.MaxInt32)) }

// Time returns the time of that header.
func (p *Presync) Time() time.Time { return time.Unix(int64(p.at.time), 0) }

// Follows reports whether headers go on where the last message ended. It is false
// for none.
func (p *Presync) Follows(headers []btc.Header) bool {
	return len(headers) > 0 && headers[0].Prev() == p.at.hash
}

// Locator returns the hashes for the next getheaders message. The slice is the
// caller's.
func (p *Presync) Locator() []btc.Hash {
	return append([]btc.Hash{p.at.hash}, p.locator...)
}

// Next reads a headers message, which must be an answer to [Presync.Locator]; one
// with fewer than [btc.MaxHeaders] headers says that the peer has no more. All that
// [Presync.Ready] returns must be taken before. The slice stays the caller's.
//
// An error ends the presync and nothing is ready any more. It is marked by
// [ErrPresyncShort], or it is a [*HeaderError] of kind [ErrPresyncMoved],
// [ErrPresyncDifficulty], [ErrPresyncTooLong], [ErrPresyncMismatch],
// [ErrDiscontinuous], [ErrTarget] or [ErrHighHash]. It panics after the end.
func (p *Presync) Next(headers []btc.Header) error {
	if p.pass == Ended || p.readyCount() > 0 {
		panic("headerchain: presync is over, or has headers that were not taken")
	}
	if failed := p.read(headers); failed != nil {
		p.drop()
		return failed
	}
	switch {
	case p.enough:
		p.bits.clear()
		p.pass = Ended
	case p.pass == FirstPass && len(headers) > 0 && p.at.work.Cmp(p.required) >= 0:
		p.begin()
	case len(headers) < p.page:
		err := fmt.Errorf("%w: height %d, work %v, want %v", ErrPresyncShort, p.at.height, p.at.work, p.required)
		p.drop()
		return err
	}
	return nil
}

// begin begins the second pass.
func (p *Presync) begin() {
	seen := p.at.height - p.start.height
	p.pass, p.at, p.below = SecondPass, p.start, p.start.hash
	p.waiting = newCompressedQueue(int(min(seen, int64(p.limits.Buffer))), p.limits.Buffer)
	p.ready = make([]btc.Header, 0, btc.MaxHeaders)
}

// drop ends the presync and frees what it holds.
func (p *Presync) drop() {
	p.pass, p.waiting, p.ready = Ended, compressedQueue{}, nil
	p.bits.clear()
}

// read reads the headers of a message up to the first that is refused.
func (p *Presync) read(headers []btc.Header) *HeaderError {
	for at := 0; at < len(headers); at += hashStretch {
		stretch := headers[at:min(at+hashStretch, len(headers))]
		hashes := p.hashes[:len(stretch)]
		p.hasher.hashBatch(hashes, stretch)
		for i := range stretch {
			if refused := p.readOne(&stretch[i], &hashes[i], at+i == 0); refused != nil {
				height := btc.Height(-1)
				if p.at.height < math.MaxInt32 {
					height = btc.Height(p.at.height + 1)
				}
				return refused.of(at+i, height, &hashes[i])
			}
		}
	}
	return nil
}

// readOne reads the next header; first says that it is the first of a message.
func (p *Presync) readOne(header *btc.Header, hash *btc.Hash, first bool) *refusal {
	bits := header.Bits()
	if header.Prev() != p.at.hash {
		if first {
			return &refusal{kind: ErrPresyncMoved}
		}
		return &refusal{kind: ErrDiscontinuous}
	}
	if refused := checkProof(p.params, &p.allowed, &p.proofs, hash, bits); refused != nil {
		return refused
	}
	// Who has little work at hand comes to a chain of high work the sooner the
	// fewer blocks it is pressed into, so no chain may grow hard faster than any can.
	if !isPermitted(p.params, p.at.height+1, p.at.bits, bits) {
		return refuse(ErrPresyncDifficulty, "bits %08x after %08x", bits, p.at.bits)
	}
	p.at.hash, p.at.bits, p.at.time = *hash, bits, header.Time()
	p.at.height++
	addWork(&p.at.work, &p.allowed.work)
	if p.pass == FirstPass {
		return p.commit()
	}
	return p.recall(header)
}

// hasBit reports whether a bit is kept of the header read last.
func (p *Presync) hasBit() bool { return p.at.height%int64(p.limits.Period) == p.offset }

// bit returns the bit of the header read last.
func (p *Presync) bit() bool {
	var salted [64]byte
	copy(salted[:32], p.secret[:])
	copy(salted[32:], p.at.hash[:])
	sum := sha256.Sum256(salted[:])
	return sum[0]&1 != 0
}

// commit keeps the bit of a header of the first pass.
func (p *Presync) commit() *refusal {
	if !p.hasBit() {
		return nil
	}
	if p.bits.count >= p.maxBits {
		return refuse(ErrPresyncTooLong, "%d bits", p.maxBits)
	}
	p.bits.push(p.bit())
	return nil
}

// recall compares a header of the second pass with its bit and puts it into the
// buffer. With the work that is asked for all is proven, and the peer may have got
// more headers meanwhile: then bits count no more.
func (p *Presync) recall(header *btc.Header) *refusal {
	p.enough = p.enough || p.at.work.Cmp(p.required) >= 0
	if !p.enough && p.hasBit() {
		kept, ok := p.bits.pop()
		if !ok || kept != p.bit() {
			return &refusal{kind: ErrPresyncMismatch}
		}
	}
	p.waiting.push(header)
	return nil
}

// readyCount returns how many headers may leave the buffer.
func (p *Presync) readyCount() int {
	if p.enough {
		return p.waiting.count
	}
	return max(0, p.waiting.count-p.limits.Buffer)
}

// Ready returns the next headers that the chain may have, [btc.MaxHeaders] at most,
// none if there is none. They are out then. The slice is good until the next call.
func (p *Presync) Ready() []btc.Header {
	count := min(p.readyCount(), btc.MaxHeaders)
	if count == 0 {
		return nil
	}
	p.ready = p.ready[:0]
	for range count {
		p.ready = append(p.ready, p.waiting.pop(&p.below))
		last := len(p.ready) - 1
		p.hasher.hashBatch(p.hashes[:1], p.ready[last:])
		p.below = p.hashes[0]
	}
	return p.ready
}
