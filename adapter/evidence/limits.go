package evidence

import "blockgate/internal/btc"

const (
	// MaxFiles is the most files of the service's folder; the oldest go first.
	MaxFiles = 64
	// MaxBytes is the most bytes of that folder: 32 of the largest blocks.
	MaxBytes = 128 << 20
	// MaxFile is the most bytes of a file.
	MaxFile = maxText + btc.MaxBlockSize

	// queueLen is how many records wait for the disk, of 4 MB at most each. What comes
	// when it is full is counted and left out.
	queueLen = 4
	// maxText is the most bytes before the body: ten lines of at most 90 bytes and the
	// detail, of which each byte may become four.
	maxText = 10*90 + 4*maxDetail + 64
	// maxDetail and maxBuild are the most bytes of these words; the rest is cut off.
	maxDetail = 512
	maxBuild  = 64
	// maxReason is the most bytes of a reason: lower-case letters and hyphens.
	maxReason = 40
)
