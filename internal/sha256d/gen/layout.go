package main

// Where the kernels find the fields of the struct lanes of kernels_amd64.go, in
// bytes from its begin; a test of that package wants them to be there. Each field
// of a lane is 32 words, one a lane.
const (
	atState = 0 // [2][8][16]uint32
	atWhere = atState + sets*8*vectorSize
	atLeft  = atWhere + laneField
	atBlock = atLeft + laneField
	atBits  = atBlock + laneField
	atHead  = atBits + laneField
	atFirst = atHead + laneField
	atID    = atFirst + laneField

	atPending      = atID + laneField // [8][64]uint32
	atPendingID    = atPending + 8*pendingRow
	atPendingCount = atPendingID + pendingRow
	atNext         = atPendingCount + 8
	atEnd          = atNext + 8
	atStride       = atEnd + 8
	atBusy         = atStride + 8
	atWindow       = atBusy + 8 // [32][192]byte

	laneField  = allLanes * 4
	queueWords = 7             // fields of a lane that the queue fills
	pendingRow = 2 * laneField // bytes: room for one set more than is hashed at once
)
