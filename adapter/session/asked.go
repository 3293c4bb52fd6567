package session

import (
	"sync"

	"blockgate/internal/btc"
)

// asked remembers the blocks that the peer owes us, the last [MaxAsked] of them.
type asked struct {
	mu    sync.Mutex
	owed  map[btc.Hash]uint64 // when it was asked last, a count
	order []request           // oldest first; may hold entries that owed no longer has
	next  uint64
}

type request struct {
	hash btc.Hash
	at   uint64
}

// add takes note of requests.
func (a *asked) add(hashes []btc.Hash) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.owed == nil {
		a.owed = make(map[btc.Hash]uint64)
	}
	for _, h := range hashes {
		a.next++
		a.owed[h] = a.next
		a.order = append(a.order, request{h, a.next})
	}
	for len(a.order) > 0 && (len(a.order) > MaxAsked || !a.current(a.order[0])) {
		if a.current(a.order[0]) {
			delete(a.owed, a.order[0].hash)
		}
		a.order = a.order[1:]
	}
}

func (a *asked) current(r request) bool { return a.owed[r.hash] == r.at }

// has reports whether a block is owed.
func (a *asked) has(hash btc.Hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, owed := a.owed[hash]
	return owed
}

// any reports whether any block is owed.
func (a *asked) any() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.owed) > 0
}

// answered forgets a block and reports whether it was owed.
func (a *asked) answered(hash btc.Hash) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, owed := a.owed[hash]
	delete(a.owed, hash)
	return owed
}
