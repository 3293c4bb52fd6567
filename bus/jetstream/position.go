package jetstream

import "sync"

// position is what the writer knows of the stream's end.
//
// The sequence that an event expects must not pass over a message of somebody
// else, which may be an event. So last rises only over messages of our own,
// and own holds those that lie beyond a gap.
type position struct {
	mu   sync.Mutex
	last uint64 // all up to it is ours, or was looked at
	own  map[uint64]struct{}
	lost bool // a new message got an old sequence: the stream lost its tail
}

func newPosition(last uint64) *position {
	return &position{last: last, own: make(map[uint64]struct{})}
}

// acked notes that a message of ours lies at seq. Duplicate says that it did
// before.
func (p *position) acked(seq uint64, duplicate bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq <= p.last {
		p.lost = p.lost || !duplicate
		return
	}
	if len(p.own) >= maxOwn {
		clear(p.own)
	}
	p.own[seq] = struct{}{}
	for {
		if _, ok := p.own[p.last+1]; !ok {
			return
		}
		p.last++
		delete(p.own, p.last)
	}
}

// end returns the sequence that the next event expects to be the last, and
// whether the stream turned out to have lost its tail.
func (p *position) end() (last uint64, lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.lost
}
