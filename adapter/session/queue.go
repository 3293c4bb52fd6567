package session

import (
	"slices"
	"sync"

	"blockgate/adapter/link"
)

// blockQueue holds blocks until they are told. The budget bounds it: each block
// in it has its share.
type blockQueue struct {
	more chan struct{} // has a token if blocks may be there

	mu     sync.Mutex
	blocks []link.RawBlock
	closed bool // what is pushed is released
}

func newBlockQueue() blockQueue { return blockQueue{more: make(chan struct{}, 1)} }

func (q *blockQueue) push(b link.RawBlock) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		b.Release()
		return
	}
	q.blocks = append(q.blocks, b)
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// pop takes the oldest block.
func (q *blockQueue) pop() (link.RawBlock, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.blocks) == 0 {
		return link.RawBlock{}, false
	}
	b := q.blocks[0]
	q.blocks = slices.Delete(q.blocks, 0, 1) // moves few, and takes no new memory
	return b, true
}

// close releases what is left and all that comes.
func (q *blockQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range q.blocks {
		b.Release()
	}
	q.blocks, q.closed = nil, true
}
