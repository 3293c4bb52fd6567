package flight

import (
	"time"

	"blockgate/adapter/node"
)

const (
	// MaxRing is how many bytes of what happened are kept, 32 MiB. Until they are full
	// nothing is lost and a recording replays; then the oldest goes first, and a
	// recording tells its story only. A quiet node that has its blocks fills them in
	// about a week, the first sync of mainnet in its first hour.
	MaxRing = 32 << 20

	// MaxAge is how old what happened may be once the ring has been full: what is
	// older goes even if there is room. Before, everything since the start is kept.
	MaxAge = 24 * time.Hour

	// chunkSize is how many bytes are forgotten at once. A chunk ends with the entry
	// that fills it; chunkSlack is room for that one.
	chunkSize, chunkSlack = 256 << 10, 16 << 10

	// maxBriefHeaders, maxBriefHashes, maxBriefAddrs and maxBriefText are how much of a
	// long list or text is kept of an action, and of an event once the ring has been
	// full: the end of a list, the beginning of a text. What one peer is asked for at
	// once is within them. So no stranger pushes the last minutes out with a few
	// messages of 160 kB.
	maxBriefHeaders = 4
	maxBriefHashes  = node.MaxPerPeer
	maxBriefAddrs   = 4
	maxBriefText    = 240

	// maxInline is how many loaded headers a recording holds itself, 1.6 MB. Of more it
	// has count and checksum, and who replays it brings the headers.
	maxInline = 20_000

	// maxLoads is how many batches of loaded headers are told apart.
	maxLoads = 1 << 16

	// MaxFile is the largest recording that is read: the ring, the entry that filled
	// it last, the loaded headers, an address book and a map of systems.
	MaxFile = 2*MaxRing + maxInline*80 + maxBook

	// maxBook is the room for an address book, a map of systems and settings.
	maxBook = 32 << 20

	// MaxStory is how many lines a story has at most: the last ones.
	MaxStory = 1000
)
