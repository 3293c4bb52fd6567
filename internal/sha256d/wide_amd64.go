package sha256d

import (
	"encoding/binary"
	"math/bits"
)

const (
	// maxLaneBlocks is the most blocks that a lane runs in one call: all lanes
	// together no more bytes than maxPiece.
	maxLaneBlocks = maxPiece / blockSize / laneCount
	// queueFields are the words of a message in the queue: those of laneFields and
	// the two of its end.
	queueFields = 9
	queueSlack  = laneCount / 2 // the kernel loads so many messages at once
)

// What a block costs, in tenths of a nanosecond, measured on Zen 5: one more of all
// lanes, and one on two streams of the SHA extensions. Only the ratio matters.
const (
	costLanes = 2600
	costTwo   = 220
)

// wide runs messages in the lanes of AVX-512.
type wide struct {
	order order
	queue []uint32
	lanes lanes
	// streams runs what is too long for the lanes, and the last few; nil if the
	// processor lacks the SHA extensions.
	streams  *streams
	portable *portable
	scratch  [2 * laneCount][Size]byte
	headerIn [laneCount * HeaderSize]byte
	nothing  [1]byte // the base of empty messages
}

func (w *wide) messages(out [][Size]byte, base []byte, messages []Message) {
	if len(messages) == 0 {
		return
	}
	if len(base) == 0 {
		base = w.nothing[:]
	}
	w.enqueue(base, messages)
	w.start(len(messages))
	for w.lanes.busy != 0 {
		if w.lanes.next == w.lanes.end && w.fewLeft() {
			w.finish(out, base, messages)
			break
		}
		runLanes(&w.lanes, &base[0], &w.queue[0], &out[0], maxLaneBlocks)
	}
	w.flush(out)
}

// enqueue writes what the lanes need to know of each message, field by field, the
// longest message first. It reads base from the front to the back.
func (w *wide) enqueue(base []byte, messages []Message) {
	count := len(messages)
	stride := count + queueSlack
	if need := queueFields * stride; cap(w.queue) < need {
		w.queue = make([]uint32, need+need/2)
	}
	q := w.queue[:queueFields*stride]
	field := func(i int) []uint32 { return q[i*stride:][:count] }
	where, left, blocks, length, head, first, id := field(0), field(1), field(2), field(3), field(4), field(5), field(6)
	ends := q[7*stride:][:2*count]
	for i, at := range w.order.longestFirst(messages) {
		m := &messages[i]
		size := uint32(m.length())
		n := (size + 9 + 63) / 64
		id[at], blocks[at], length[at] = uint32(i), n, size*8
		if m.Witness == 0 {
			where[at], left[at], head[at], first[at] = m.Offset, size, 0, 0
			ends[2*at], ends[2*at+1] = 0x80, 0
			continue
		}
		// The lane begins 4 bytes before inputs and outputs. There the version
		// would have to stand: it comes in as the first word instead.
		cut := base[m.Offset:][:m.Size]
		where[at], left[at], first[at] = m.Offset+markerSize, size-lockTimeSize, n
		head[at] = binary.BigEndian.Uint32(cut)
		ends[2*at], ends[2*at+1] = binary.LittleEndian.Uint32(cut[len(cut)-lockTimeSize:]), 0x80
	}
	w.lanes.next, w.lanes.end, w.lanes.stride = 0, uint64(count), uint64(4*stride)
}

// start gives the first messages to the lanes.
func (w *wide) start(messages int) {
	l := &w.lanes
	for set := range l.state {
		for i := range l.state[set] {
			for lane := range l.state[set][i] {
				l.state[set][i][lane] = startState[i]
			}
		}
	}
	l.laneFields = laneFields{}
	n := min(messages, laneCount)
	stride := int(l.stride / 4)
	for i := range n {
		l.where[i] = w.queue[i]
		l.left[i] = int32(w.queue[stride+i])
		l.blocks[i] = w.queue[2*stride+i]
		l.bits[i] = w.queue[3*stride+i]
		l.head[i] = w.queue[4*stride+i]
		l.first[i] = w.queue[5*stride+i]
		l.id[i] = w.queue[6*stride+i]
		end := l.window[i][windowEnd:]
		binary.LittleEndian.PutUint32(end, w.queue[7*stride+2*i])
		binary.LittleEndian.PutUint32(end[4:], w.queue[7*stride+2*i+1])
	}
	l.next, l.pendingCount = uint64(n), 0
	l.busy = uint32(1<<n - 1)
}

// fewLeft reports whether the SHA extensions run the next blocks of what is in the
// lanes sooner than the lanes. The longest messages came first, so they have gone
// some way while all lanes were busy.
func (w *wide) fewLeft() bool {
	return w.streams != nil && bits.OnesCount32(w.lanes.busy)*costTwo < costLanes
}

// finish moves the messages in the lanes to the SHA extensions.
func (w *wide) finish(out [][Size]byte, base []byte, messages []Message) {
	l, two := &w.lanes, &w.streams.two
	for busy := l.busy; busy != 0; busy &= busy - 1 {
		lane := bits.TrailingZeros32(busy)
		free := &two[0]
		if free.busy {
			free = &two[1]
		}
		id := l.id[lane]
		free.begin(base, &messages[id], id)
		free.skip(messages[id].blocks() - int(l.blocks[lane]))
		for i := range free.state {
			free.state[i] = l.state[lane/setLanes][i][lane%setLanes]
		}
		for two[0].busy && two[1].busy {
			w.streams.step(out)
		}
	}
	l.busy = 0
	w.streams.run(out, base, messages, nil)
}

// flush hashes the pending first hashes once more.
func (w *wide) flush(out [][Size]byte) {
	l := &w.lanes
	n := int(l.pendingCount)
	if n == 0 {
		return
	}
	for i := n; i < laneCount; i++ { // fill up with the first
		l.pendingID[i] = l.pendingID[0]
		for j := range l.pending {
			l.pending[j][i] = l.pending[j][0]
		}
	}
	l.pendingCount = laneCount
	flushLanes(l, &out[0])
}

// headers hashes len(out) headers.
func (w *wide) headers(out [][Size]byte, headers []byte) {
	const most = maxPiece / (laneCount * HeaderSize)
	for len(out) >= laneCount {
		n := min(len(out)/laneCount, most)
		headerGroups(&out[0], &headers[0], uint64(n))
		out, headers = out[n*laneCount:], headers[n*laneCount*HeaderSize:]
	}
	switch n := len(out); {
	case n == 0:
	case n >= w.worth():
		copy(w.headerIn[:], headers)
		headerGroups(&w.scratch[0], &w.headerIn[0], 1)
		copy(out, w.scratch[:n])
	case w.streams != nil:
		w.streams.headers(out, headers)
	default:
		w.portable.headers(out, headers)
	}
}

// nodes puts the hash of each pair of in into its place in out, which may begin
// where in does. If in has an odd length, its last hash is its own partner.
func (w *wide) nodes(out, in [][Size]byte) {
	const most = maxPiece / (laneCount * 2 * Size)
	for len(in) >= 2*laneCount {
		n := min(len(in)/(2*laneCount), most)
		nodeGroups(&out[0], &in[0][0], uint64(n))
		out, in = out[n*laneCount:], in[n*2*laneCount:]
	}
	switch n := (len(in) + 1) / 2; {
	case n == 0:
	case n >= w.worth():
		copy(w.scratch[:], in)
		w.scratch[2*n-1] = in[len(in)-1]
		nodeGroups(&w.scratch[0], &w.scratch[0][0], 1)
		copy(out, w.scratch[:n])
	case w.streams != nil:
		w.streams.nodes(out, in)
	default:
		w.portable.nodes(out, in)
	}
}

// worth is how many nodes or headers at least are worth a group of 32.
func (w *wide) worth() int {
	if w.streams != nil {
		return 12
	}
	return 5
}
