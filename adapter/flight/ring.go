package flight

import (
	"fmt"
	"hash/crc32"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// Recorder keeps what happened to a brain: each event with its time, and what the
// brain did about it. It holds [MaxRing] bytes. It is for one goroutine, that of the
// brain.
type Recorder struct {
	start   Start
	lost    string    // why the recording does not replay, "" if it does
	full    bool      // something was forgotten: long lists are cut from here on
	chunks  []chunk   // oldest first; at least one
	spare   []byte    // of a chunk that was forgotten
	size    int       // of all chunks, bytes
	max     int       // of size
	last    time.Time // of the last entry
	entries uint64

	codec   codec // of the last chunk
	digests codec // of what an entry has in full
	table   *crc32.Table
	events  *kinds[node.Event]
	actions *kinds[node.Action]
}

// chunk is a run of entries.
type chunk struct {
	base  time.Time // of its first entry
	end   time.Time // of its last
	bytes []byte
}

// New returns a recorder of a brain that will be made of cfg, whose Chain and Book
// have not been used yet. build says what is running.
func New(build string, now time.Time, cfg node.Config) *Recorder {
	return &Recorder{
		start: newStart(build, now, cfg), max: MaxRing,
		digests: codec{plain: true}, table: crc32.MakeTable(crc32.Castagnoli),
		events: newEvents(), actions: newActions(),
	}
}

// Preloaded notes headers that [node.Node.Preload] took before the first event. It
// keeps none of the slice.
func (r *Recorder) Preloaded(now time.Time, headers []btc.Header) {
	if !r.start.loaded(now, headers, r.table) {
		r.lose(fmt.Sprintf("headers were loaded in more than %d batches", maxLoads))
	}
}

// Stepped notes that the brain was given an event at a time and said to do these
// actions. It keeps none of the slices, and allocates nothing once the ring is full.
//
// The time must have no monotonic reading: what the brain does must follow from what
// can be written down. One that has spoils the replay.
func (r *Recorder) Stepped(now time.Time, ev node.Event, actions []node.Action) {
	if now != now.Round(0) {
		r.lose("the clock was a monotonic one")
		now = now.Round(0)
	}
	since := r.room(now)
	c := &r.codec
	capacity := cap(c.out)
	c.brief = r.full
	if !r.events.put(c, ev) {
		r.lose(fmt.Sprintf("%T has no code", ev))
	}
	c.since(&since)
	c.brief = true
	n := uint64(len(actions))
	number(c, &n)
	if n > 0 {
		sum := r.sum(actions)
		number(c, &sum)
	}
	for _, a := range actions {
		if !r.actions.put(c, a) {
			r.lose(fmt.Sprintf("%T has no code", a))
		}
	}
	r.size += cap(c.out) - capacity
	r.entries++
	r.last = now
	last := &r.chunks[len(r.chunks)-1]
	last.bytes, last.end = c.out, now
}

// sum is over all of the actions, in full.
func (r *Recorder) sum(actions []node.Action) uint32 {
	r.digests.out = r.digests.out[:0]
	for _, a := range actions {
		r.actions.put(&r.digests, a)
	}
	return crc32.Checksum(r.digests.out, r.table)
}

// lose notes, once, why the recording does not replay.
func (r *Recorder) lose(why string) {
	if r.lost == "" {
		r.lost = why
	}
}

// room makes sure that there is a chunk for an entry of that time, and returns how
// long after the one before in it the entry is.
func (r *Recorder) room(now time.Time) time.Duration {
	since := now.Sub(r.last)
	if len(r.chunks) > 0 && len(r.codec.out) < chunkSize && since < maxSince && since > -maxSince {
		return since
	}
	for r.size+chunkSize+chunkSlack > r.max && len(r.chunks) > 0 {
		r.forget()
	}
	for r.full && len(r.chunks) > 0 && now.Sub(r.chunks[0].end) > MaxAge {
		r.forget()
	}
	if r.spare == nil {
		r.spare = make([]byte, 0, chunkSize+chunkSlack)
	}
	r.chunks = append(r.chunks, chunk{base: now, end: now})
	r.codec.out, r.spare = r.spare, nil
	r.size += cap(r.codec.out)
	r.codec.reset()
	return 0
}

// maxSince is the longest time between two entries of a chunk.
const maxSince = time.Duration(1 << 60)

// forget lets the oldest chunk go.
func (r *Recorder) forget() {
	oldest := r.chunks[0]
	if !r.full {
		r.full = true
		r.lose("the ring was full at " + r.last.UTC().Format(time.RFC3339) + ": what came first is gone")
	}
	copy(r.chunks, r.chunks[1:])
	r.chunks[len(r.chunks)-1] = chunk{}
	r.chunks = r.chunks[:len(r.chunks)-1]
	r.size -= cap(oldest.bytes)
	if cap(oldest.bytes) == chunkSize+chunkSlack {
		r.spare = oldest.bytes[:0]
	}
}

// Stats are the figures of a recorder.
type Stats struct {
	// Since is the time of the oldest entry that is kept.
	Since time.Time
	// Entries counts the events since the start, Bytes the memory that is taken.
	Entries uint64
	Bytes   int
	// Lost says why the recording does not replay, "" if it does.
	Lost string
}

// Stats returns the figures.
func (r *Recorder) Stats() Stats {
	s := Stats{Since: r.start.Began, Entries: r.entries, Bytes: r.size, Lost: r.lost}
	if r.full {
		s.Since = r.chunks[0].base
	}
	return s
}
