package link

import (
	"fmt"
	"slices"
	"sync"
)

// Budget is the memory that the blocks of all connections share, from the first
// byte that arrives until [RawBlock.Release]. It is safe for concurrent use.
//
// A block claims all that it may need before its body is read, so that no two
// blocks can each wait for what the other holds. Claims are granted in order. A
// part of the total is reserved for urgent ones, so that the block that everyone
// waits for gets in when the rest is full of blocks that wait for it.
type Budget struct {
	total, reserved int // bytes
	chunks          sync.Pool
	claims, bodies  sync.Pool
	packets         sync.Pool // of memory of long packets of the v2 transport; it is not counted

	mu     sync.Mutex
	used   int      // bytes granted; invariant: 0 <= used <= total
	urgent []*claim // waiting, oldest first
	normal []*claim // waiting, oldest first
}

// claim is a block's share of the budget. Claims are used again: nobody may hold one
// that was released.
type claim struct {
	size    int           // bytes
	granted bool          // the budget has it; guarded by Budget.mu
	bell    chan struct{} // has a token once it is granted
}

// NewBudget returns a budget of total bytes, of which reserved are for urgent
// blocks only. Both reserved and the rest must be at least [MinBudget], or no
// block of full size would ever get in.
func NewBudget(total, reserved int) (*Budget, error) {
	if reserved < MinBudget || total-reserved < MinBudget {
		return nil, fmt.Errorf("block budget of %d bytes with %d reserved: want at least %d and as much beside it",
			total, reserved, MinBudget)
	}
	b := &Budget{total: total, reserved: reserved}
	b.chunks.New = func() any { return new([ChunkSize]byte) }
	b.claims.New = func() any { return &claim{bell: make(chan struct{}, 1)} }
	b.bodies.New = func() any { return new(body) }
	return b, nil
}

// InUse returns the bytes that are granted now.
func (b *Budget) InUse() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Waiting returns how many blocks wait for budget now.
func (b *Budget) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.urgent) + len(b.normal)
}

// claim queues a claim for a block of size bytes, 0 < size <= MaxPayload.
func (b *Budget) claim(size int, urgent bool) *claim {
	c := b.claims.Get().(*claim) //nolint:forcetypeassert // only these are put in
	b.mu.Lock()
	defer b.mu.Unlock()
	c.size, c.granted = (size+ChunkSize-1)/ChunkSize*ChunkSize, false
	if urgent {
		b.urgent = append(b.urgent, c)
	} else {
		b.normal = append(b.normal, c)
	}
	b.settle()
	return c
}

// has reports whether the budget has granted the claim.
func (b *Budget) has(c *claim) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.granted
}

// promote makes a claim that waits urgent.
func (b *Budget) promote(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.normal, c); i >= 0 {
		b.normal = slices.Delete(b.normal, i, i+1)
		b.urgent = append(b.urgent, c)
		b.settle()
	}
}

// release gives a claim back, granted or not. It is called once for each claim, by
// whoever holds it alone.
func (b *Budget) release(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.granted {
		b.used -= c.size
		select {
		case <-c.bell: // nobody waited
		default:
		}
	} else {
		is := func(other *claim) bool { return other == c }
		b.urgent = slices.DeleteFunc(b.urgent, is)
		b.normal = slices.DeleteFunc(b.normal, is)
	}
	b.settle()
	b.claims.Put(c)
}

// settle grants what can be granted. mu is held. Whenever there is room for a
// normal claim, the whole reserve is free, so no urgent one waits then.
func (b *Budget) settle() {
	b.urgent = b.grant(b.urgent, b.total)
	b.normal = b.grant(b.normal, b.total-b.reserved)
}

// grant grants claims from the front of a queue as long as the use stays within
// limit, and returns the rest of the queue.
func (b *Budget) grant(queue []*claim, limit int) []*claim {
	for len(queue) > 0 && b.used+queue[0].size <= limit {
		b.used += queue[0].size
		queue[0].granted = true
		queue[0].bell <- struct{}{} // has room: it is granted once
		queue = slices.Delete(queue, 0, 1)
	}
	return queue
}

func (b *Budget) takeChunk() *[ChunkSize]byte { return b.chunks.Get().(*[ChunkSize]byte) } //nolint:forcetypeassert // only these are put in

func (b *Budget) takeBody() *body { return b.bodies.Get().(*body) } //nolint:forcetypeassert // only these are put in

func (b *Budget) putChunk(chunk *[ChunkSize]byte) { b.chunks.Put(chunk) }
