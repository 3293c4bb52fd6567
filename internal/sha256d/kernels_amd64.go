package sha256d

//go:generate sh -c "go run ./gen >kernels_amd64.s.new && mv kernels_amd64.s.new kernels_amd64.s"

const (
	laneCount    = 32
	setLanes     = laneCount / 2 // those of one vector
	pendingLanes = 2 * laneCount
	windowSize   = 3 * blockSize
	windowEnd    = blockSize // where the end of a message stands in a window
)

// lanes is what the kernel for messages of any length works on. The generator knows
// where each field is: see gen/layout.go.
//
// Invariant: of each lane, where+max(left, 0) is at most the length of the base.
// The kernel moves both by the same number of bytes, and reads no others.
type lanes struct {
	state [2][8][setLanes]uint32
	laneFields
	// pending are finished first hashes, word by word, and whose they are.
	pending      [8][pendingLanes]uint32
	pendingID    [pendingLanes]uint32
	pendingCount uint64
	// The queue: the next message, the end, and how many bytes a field has.
	next, end, stride uint64
	busy              uint32 // lanes that have a message
	_                 uint32
	window            [laneCount][windowSize]byte
}

// laneFields are the fields of a lane that the queue fills, in its order.
type laneFields struct {
	where  [laneCount]uint32 // of the next block in the base
	left   [laneCount]int32  // bytes from there on
	blocks [laneCount]uint32 // that are not run yet, padding among them
	bits   [laneCount]uint32 // length of the message
	head   [laneCount]uint32 // first word of a cut message
	first  [laneCount]uint32 // blocks of a cut message, 0 of others: is equal to blocks before the first of them
	id     [laneCount]uint32 // of the hash in out
}

// runLanes runs the messages of the queue until that is empty and a lane has
// finished, or until so many blocks of each lane are run, at least one. It writes
// the hashes that are complete to out, each where its id says.
//
//go:noescape
func runLanes(l *lanes, base *byte, queue *uint32, out *[Size]byte, blocks uint64)

// flushLanes hashes the first 32 pending hashes once more and writes them to out.
//
//go:noescape
func flushLanes(l *lanes, out *[Size]byte)

// nodeGroups hashes groups of 32 pairs of hashes.
//
//go:noescape
func nodeGroups(out *[Size]byte, in *byte, groups uint64)

// headerGroups hashes groups of 32 headers.
//
//go:noescape
func headerGroups(out *[Size]byte, in *byte, groups uint64)

// runStream runs blocks of one message, at least one.
//
//go:noescape
func runStream(state *[8]uint32, in *byte, blocks uint64)

// runTwoStreams runs as many blocks of each of two messages, at least one.
//
//go:noescape
func runTwoStreams(stateA, stateB *[8]uint32, inA, inB *byte, blocks uint64)

// nodePairs hashes two pairs of hashes, and two more, and so on.
//
//go:noescape
func nodePairs(out *[Size]byte, in *byte, pairs uint64)

// headerPairs hashes two headers, and two more, and so on.
//
//go:noescape
func headerPairs(out *[Size]byte, in *byte, pairs uint64)

// hashTwo hashes two first hashes once more.
//
//go:noescape
func hashTwo(outA, outB *[Size]byte, stateA, stateB *[8]uint32)

// readFeatures returns what leaf 1 and leaf 7 of CPUID and, if the operating system
// has enabled it, XGETBV say. What cannot be asked is zero.
//
//go:noescape
func readFeatures() (ecx1, ebx7, xcr0 uint32)
