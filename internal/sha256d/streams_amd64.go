package sha256d

import "encoding/binary"

// stagedBlocks is the longest message, in blocks, that is copied with its padding,
// so that it is run in one go.
const stagedBlocks = 8

// startState is the state before the first block (FIPS 180-4, 5.3.3).
//
//nolint:gochecknoglobals // a table, never written
var startState = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// streams runs messages two at a time on the SHA extensions.
type streams struct {
	order order
	two   [2]stream
	// waits is a first hash that waits for a second one, and whose it is.
	waits   bool
	waitsID uint32
	state   [8]uint32
	pair    [4][Size]byte // two nodes, the second nobody's
}

// stream is a message under way.
type stream struct {
	busy  bool
	id    uint32
	state [8]uint32
	// parts are what is left of the message, each of whole blocks, the next last.
	parts [3][]byte
	count int
	// head is the first block of a cut message, or a whole short one. tail is the
	// end of a message with its padding.
	head [stagedBlocks * blockSize]byte
	tail [2 * blockSize]byte
}

func (s *streams) messages(out [][Size]byte, base []byte, messages []Message) {
	s.run(out, base, messages, s.order.longestIDs(messages))
}

// run hashes the messages of ids, and what is under way already.
func (s *streams) run(out [][Size]byte, base []byte, messages []Message, ids []uint32) {
	for {
		for i := range s.two {
			if t := &s.two[i]; !t.busy && len(ids) > 0 {
				t.begin(base, &messages[ids[0]], ids[0])
				ids = ids[1:]
			}
		}
		if !s.step(out) {
			s.flush(out)
			return
		}
	}
}

// step runs some blocks of what is under way, and reports whether anything is.
func (s *streams) step(out [][Size]byte) bool {
	a, b := &s.two[0], &s.two[1]
	switch {
	case a.busy && b.busy:
		nextA, nextB := a.next(), b.next()
		n := min(len(nextA), len(nextB), maxPiece) / blockSize
		runTwoStreams(&a.state, &b.state, &nextA[0], &nextB[0], uint64(n))
		s.ran(out, a, n)
		s.ran(out, b, n)
		return true
	case a.busy:
		s.stepAlone(out, a)
		return true
	case b.busy:
		s.stepAlone(out, b)
		return true
	default:
		return false
	}
}

func (s *streams) stepAlone(out [][Size]byte, t *stream) {
	next := t.next()
	n := min(len(next), maxPiece) / blockSize
	runStream(&t.state, &next[0], uint64(n))
	s.ran(out, t, n)
}

// ran takes away blocks that were run, and hands on the first hash if they were the
// last.
func (s *streams) ran(out [][Size]byte, t *stream, blocks int) {
	t.skip(blocks)
	if t.count == 0 {
		t.busy = false
		s.second(out, &t.state, t.id)
	}
}

// second hashes a first hash once more, with the one before or with the next.
func (s *streams) second(out [][Size]byte, state *[8]uint32, id uint32) {
	if !s.waits {
		s.waits, s.waitsID, s.state = true, id, *state
		return
	}
	s.waits = false
	hashTwo(&out[s.waitsID], &out[id], &s.state, state)
}

// flush hashes the first hash that is left over.
func (s *streams) flush(out [][Size]byte) {
	if s.waits {
		s.waits = false
		hashTwo(&out[s.waitsID], &out[s.waitsID], &s.state, &s.state)
	}
}

// begin starts a message.
func (t *stream) begin(base []byte, m *Message, id uint32) {
	t.busy, t.id, t.state = true, id, startState
	version, rest, lockTime := m.pieces(base)
	if m.blocks() <= stagedBlocks {
		n := copy(t.head[:], version)
		n += copy(t.head[n:], rest)
		n += copy(t.head[n:], lockTime)
		end := m.blocks() * blockSize
		clear(t.head[n:end])
		t.head[n] = 0x80
		binary.BigEndian.PutUint64(t.head[end-8:], uint64(n)*8)
		t.parts[0], t.count = t.head[:end], 1
		return
	}
	first := 0
	if len(version) > 0 {
		first = blockSize - copy(t.head[:], version)
		copy(t.head[len(version):blockSize], rest)
	}
	whole := first + (len(rest)-first)/blockSize*blockSize
	n := copy(t.tail[:], rest[whole:])
	n += copy(t.tail[n:], lockTime)
	end := pad(&t.tail, n, m.length())
	t.parts[0], t.parts[1], t.count = t.tail[:end], rest[first:whole], 2
	if first > 0 {
		t.parts[2], t.count = t.head[:blockSize], 3
	}
}

// next returns blocks to run, at least one.
func (t *stream) next() []byte { return t.parts[t.count-1] }

// skip takes blocks away from the front.
func (t *stream) skip(blocks int) {
	for n := blocks * blockSize; n > 0; {
		part := &t.parts[t.count-1]
		step := min(n, len(*part))
		*part = (*part)[step:]
		n -= step
		if len(*part) == 0 {
			*part = nil
			t.count--
		}
	}
}

// headers hashes len(out) headers.
func (s *streams) headers(out [][Size]byte, headers []byte) {
	const most = maxPiece / (2 * HeaderSize)
	for len(out) > 1 {
		n := min(len(out)/2, most)
		headerPairs(&out[0], &headers[0], uint64(n))
		out, headers = out[2*n:], headers[2*n*HeaderSize:]
	}
	if len(out) == 1 {
		var twice [2 * HeaderSize]byte
		copy(twice[:], headers)
		headerPairs(&s.pair[0], &twice[0], 1)
		out[0] = s.pair[0]
	}
}

// nodes puts the hash of each pair of in into its place in out, which may begin
// where in does. If in has an odd length, its last hash is its own partner.
func (s *streams) nodes(out, in [][Size]byte) {
	const most = maxPiece / (4 * Size)
	for len(in) >= 4 {
		n := min(len(in)/4, most)
		nodePairs(&out[0], &in[0][0], uint64(n))
		out, in = out[2*n:], in[4*n:]
	}
	if len(in) > 0 {
		twins(&s.pair, in)
		nodePairs(&s.pair[0], &s.pair[0][0], 1)
		copy(out, s.pair[:2])
	}
}

// twins copies 1 to 3 hashes into two pairs; the last, if alone, is its own partner.
func twins(pair *[4][Size]byte, in [][Size]byte) {
	n := copy(pair[:], in)
	if n%2 == 1 {
		pair[n] = pair[n-1]
	}
}
